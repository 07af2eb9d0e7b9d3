"""A large file on its way in pieces: begun, gone on with after a break, finished or thrown away.

Pieces are put one after the other into a file beside the raw files; how far it is stands in the
database, so that a sender whose connection broke, or who closed the page, asks and goes on. What is
whole goes through the same door as any upload.
"""

import hashlib
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from geo.problems import Problem
from geo.settings import Settings
from geo.store.engine import Actor
from geo.store.intake import may_send, owner_of_upload, register_upload
from geo.store.tables import sending
from geo.survey.reading import ReadOptions
from geo.survey.reading.archive import check_name

# What a sender is asked to send at once, and the most that is taken.
CHUNK_BYTES, CHUNK_AT_MOST = 4 << 20, 8 << 20
_MEBIBYTE = 1 << 20
# Nobody touched it for so long: it is thrown away.
_ABANDONED = timedelta(days=3)
_READ = 1 << 20


def path_of(settings: Settings, sending_id: UUID) -> Path:
    """Return where the pieces of a file on its way rest."""
    return settings.raw_files / f".part-{sending_id.hex}"


def begin(
    conn: Connection,
    actor: Actor,
    filename: str,
    size: int,
    options: ReadOptions,
    *,
    settings: Settings,
    sha256: str | None = None,
    mark: str = "",
) -> Row[Any]:
    """Begin to send a file, or find the same one begun before: then it goes on where it broke off.

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    actor : Actor
        Who sends it; the administrator sends nothing.
    filename, size
        Its name, and its size in bytes.
    options : ReadOptions
        How it is to be read; those of the first beginning stay.
    settings : Settings
        Limits, and where bytes rest.
    sha256 : str, optional
        Of the whole file, in hex: what arrives is held against it at the end.
    mark : str
        What else tells it from another file of the same name and size, as its day of change.

    Raises
    ------
    Problem
        If it is too large or empty, no kind we read, or if the sender has too much on its way, or
        the disk no room.
    """
    may_send(actor, options)
    check_name(filename)
    if size > settings.max_upload_bytes:
        limit = settings.max_upload_bytes // _MEBIBYTE
        raise Problem("store.too_large", http_status=413, limit=limit)
    # Two pages that begin at once would else each count without the other.
    conn.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"send {actor.user_id}"))))
    open_ = listed(conn, actor)
    for row in open_:
        same = (row.filename, row.size, row.sha256, row.mark) == (filename, size, sha256, mark)
        if same:
            return row
    _room(settings, sum(row.size for row in open_), size)
    made = conn.execute(
        insert(sending)
        .values(
            id=uuid4(),
            filename=filename,
            size=size,
            sha256=sha256,
            mark=mark,
            options=options.model_dump(mode="json"),
            created_by=actor.user_id,
            **owner_of_upload(conn, actor, options.mine_code, settings),
        )
        .returning(sending)
    )
    return made.one()


def _room(settings: Settings, under_way: int, size: int) -> None:
    most = settings.max_sending_bytes
    if under_way + size > most:
        raise Problem("store.too_much_sent", http_status=429, limit=most // _MEBIBYTE)
    settings.raw_files.mkdir(parents=True, exist_ok=True)
    # Once as pieces and once as the kept file.
    if shutil.disk_usage(settings.raw_files).free < 2 * size:
        raise Problem("store.no_room", http_status=507)


def listed(conn: Connection, actor: Actor) -> list[Row[Any]]:
    """Return what a person has on its way, oldest first; nobody else's."""
    wanted = select(sending).where(sending.c.created_by == actor.user_id)
    return list(conn.execute(wanted.order_by(sending.c.created_at, sending.c.id)))


def found(conn: Connection, actor: Actor, sending_id: UUID, *, lock: bool = False) -> Row[Any]:
    """Return one's own sending.

    Raises
    ------
    Problem
        404 where there is none, or it is another's.
    """
    wanted = select(sending).where(
        sending.c.id == sending_id, sending.c.created_by == actor.user_id
    )
    row = conn.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    if row is None:
        raise Problem("store.not_found", http_status=404)
    return row


def received(settings: Settings, row: Row[Any]) -> int:
    """Return how many bytes are there: never more than the disk holds, whatever a crash left."""
    try:
        there = path_of(settings, row.id).stat().st_size
    except FileNotFoundError:
        there = 0
    return min(int(row.received), there)


def add(
    conn: Connection,
    actor: Actor,
    sending_id: UUID,
    offset: int,
    piece: bytes,
    *,
    settings: Settings,
    sha256: str | None = None,
) -> int:
    """Put a piece where the last one ended; returns how many bytes are there now.

    Parameters
    ----------
    offset : int
        Where it begins. Anything but the end of what is there is refused, and the refusal says
        where that is: a piece sent twice, or by two pages, is never written twice.
    piece : bytes
        At most ``CHUNK_AT_MOST`` of them.
    sha256 : str, optional
        Of the piece, in hex.
    """
    row = found(conn, actor, sending_id, lock=True)
    there = received(settings, row)
    if offset != there:
        raise Problem("store.wrong_offset", http_status=409, received=there)
    if sha256 is not None and hashlib.sha256(piece).hexdigest() != sha256.lower():
        raise Problem("store.piece_broken", received=there)
    if not piece or len(piece) > CHUNK_AT_MOST or there + len(piece) > row.size:
        limit = min(CHUNK_AT_MOST, row.size - there)
        raise Problem("store.piece_size", received=there, limit=limit)
    with path_of(settings, sending_id).open("r+b" if there else "wb") as kept:
        kept.seek(there)
        kept.write(piece)
        kept.truncate()
    conn.execute(
        update(sending)
        .where(sending.c.id == sending_id)
        .values(received=there + len(piece), touched_at=func.now())
    )
    return there + len(piece)


def finish(conn: Connection, actor: Actor, sending_id: UUID, *, settings: Settings) -> UUID:
    """Hand a whole file on to be read, as any upload; returns the upload's id.

    The pieces stay until the transaction has ended: :func:`clear` is the caller's next step.
    """
    row = found(conn, actor, sending_id, lock=True)
    there = received(settings, row)
    if there != row.size:
        raise Problem("store.not_whole", http_status=409, received=there, size=row.size)
    path = path_of(settings, sending_id)
    if row.sha256 is not None and _digest(path) != row.sha256:
        raise Problem("store.file_broken", http_status=409, file=row.filename)
    options = ReadOptions.model_validate(row.options)
    upload_id = register_upload(conn, actor, row.filename, path, options, settings=settings)
    conn.execute(delete(sending).where(sending.c.id == sending_id))
    return upload_id


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as given:
        while block := given.read(_READ):
            digest.update(block)
    return digest.hexdigest()


def abandon(conn: Connection, actor: Actor, sending_id: UUID) -> None:
    """Throw one's own sending away; its bytes go with :func:`clear`."""
    found(conn, actor, sending_id, lock=True)
    conn.execute(delete(sending).where(sending.c.id == sending_id))


def clear(settings: Settings, sending_id: UUID) -> None:
    """Remove the pieces of a sending that is no more."""
    path_of(settings, sending_id).unlink(missing_ok=True)


def sweep(conn: Connection, settings: Settings) -> int:
    """Throw away what nobody went on with, and pieces no sending names; returns how many files.

    Pieces are written within the transaction of a row that is there already, so that a file without
    a row belongs to nobody.
    """
    late = datetime.now(UTC) - _ABANDONED
    conn.execute(delete(sending).where(sending.c.touched_at < late))
    known = {path_of(settings, one).name for one in conn.scalars(select(sending.c.id))}
    gone = [path for path in settings.raw_files.glob(".part-*") if path.name not in known]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
