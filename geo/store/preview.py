"""What an upload would move if it were accepted: tried, told and kept, with no lock.

Its rows and its acceptance are put on record by the functions that publish, inside a savepoint that
is rolled back; what follows from them is derived and compared, and nothing of it written. So
nobody's publication waits for a page, and what is shown is what will come.
"""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from geo import clock
from geo.problems import Problem
from geo.store import matches
from geo.store.batches import newest_seq
from geo.store.decisions import accept_in
from geo.store.engine import SYSTEM
from geo.store.facts import touched
from geo.store.grading import would_move
from geo.store.publish import Batch
from geo.store.recent import Recent
from geo.store.rule_sets import in_force
from geo.store.submission import identity, publish, staged_keys, staged_rows, upload_row
from geo.store.tables import mine, survey
from geo.survey.why import sentence

# Shorter than the database waits before it looks for a deadlock: a preview gives way, never the
# publication that it might meet.
_PATIENCE = text("SET LOCAL lock_timeout = '500ms'")

_SEES = text(
    "SELECT minerisk.contracted(:code) OR minerisk.visible(:district, CAST(:owner AS uuid), "
    "CAST(:survey AS uuid))"
)
# What the database says where two meet: no lock in time, a snapshot outrun, a key just taken.
_MET = ("55P03", "40001", "40P01", "23505")

_Key = tuple[Any, ...]
_Whose = tuple[Any, ...]
_Moves = list[dict[str, Any]]
_Kept = list[tuple[dict[str, Any], _Whose]]
_kept: Recent[_Kept] = Recent(200)
# Uploads whose moves are being reckoned this moment, once for each who asks.
_at_work: list[UUID] = []


class _Undo(Exception):  # noqa: N818 -- it carries no error, it only rolls back
    """Thrown to roll a preview back."""


def preview(conn: Connection, upload_id: UUID, *, on: date | None = None) -> _Moves:
    """Return which effective grades would move if the upload were accepted, and why.

    Reckoned once for the same content, data version, rules and day. Of the moves, those of mines
    that the connection's identity may see.

    Parameters
    ----------
    conn : Connection
        Of the worker role; best one that reads a single snapshot.
    upload_id : UUID
        Staged, or submitted and not yet reviewed.
    on : date, optional
        Today.

    Raises
    ------
    Problem
        Whatever its submission or acceptance would be refused for; ``store.preview_again`` where
        the facts moved under it.
    """
    day = on or clock.today()
    key = _key(conn, upload_id, day)
    moves = _kept.get(key)
    if moves is None:
        _at_work.append(upload_id)
        try:
            moves = _reckoned(conn, upload_id, day)
        finally:
            _at_work.remove(upload_id)
        _kept.keep(key, moves)
    return _seen(conn, moves)


def _seen(conn: Connection, moves: _Kept) -> _Moves:
    """Return the moves of mines that the identity may see."""
    whose = {move["mine_code"]: owner for move, owner in moves}
    seen = {code for code, owner in whose.items() if _sees(conn, code, owner)}
    return [move for move, _ in moves if move["mine_code"] in seen]


def kept(conn: Connection, upload_id: UUID, *, on: date | None = None) -> _Moves | None:
    """Return a preview that was reckoned already; None where it was not."""
    moves = _kept.get(_key(conn, upload_id, on or clock.today()))
    return None if moves is None else _seen(conn, moves)


def at_work(upload_id: UUID) -> bool:
    """Tell whether somebody's question of an upload is being reckoned this moment."""
    return upload_id in _at_work


def _key(conn: Connection, upload_id: UUID, day: date) -> _Key:
    """Return what a preview hangs on: the content, the data version, the rules, the day."""
    row = upload_row(conn, upload_id)
    content: Any = row.survey_id
    if row.state != "submitted":
        same = sorted((k, str(v.object_id)) for k, v in matches.confirmed(conn, upload_id).items())
        content = (identity(row, staged_keys(conn, row)), str(same))
    return upload_id, content, newest_seq(conn), in_force(conn).version, day


def _reckoned(conn: Connection, upload_id: UUID, day: date) -> _Kept:
    moved: _Kept = []
    try:
        with conn.begin_nested():
            conn.execute(_PATIENCE)
            made = Batch(conn, SYSTEM, "preview", day, {})
            touches = accept_in(made, _submitted(made, upload_id))
            codes = touched(conn, in_force(conn), touches)
            moved = _told(conn, would_move(conn, codes, day))
            raise _Undo
    except _Undo:
        return moved
    except DBAPIError as error:
        # Somebody records the same mine, pond or enterprise for the first time this moment.
        if getattr(error.orig, "sqlstate", None) not in _MET:
            raise
        raise Problem("store.preview_again", http_status=409) from error


def _submitted(made: Batch, upload_id: UUID) -> UUID:
    """Return the survey an upload became, or put it on record as its submission would."""
    conn = made.conn
    row = upload_row(conn, upload_id)
    if row.state == "submitted":
        found: UUID = row.survey_id
        return found
    staged = staged_rows(conn, row)
    key = identity(row, [one.key for one in staged])
    known: UUID | None = conn.scalar(select(survey.c.id).where(survey.c.key == key))
    if known is not None:
        return known
    # Under a key of its own: under the true one its submission would wait for this to be undone.
    return publish(made, row, staged, f"{key} {uuid4()}", None)


def _sees(conn: Connection, code: str, whose: _Whose) -> bool:
    """Tell whether the identity may see a mine, by the predicate the policies use.

    A mine that only the acceptance would make is on no record yet, so its owner is asked after.
    """
    asked = dict(zip(("district", "owner", "survey"), whose, strict=True))
    return bool(conn.scalar(_SEES, {"code": code, **asked}))


def _told(conn: Connection, moves: list[tuple[dict[str, Any], list[Any]]]) -> _Kept:
    """Return moves with the mine's name and the sentences behind the new grade, and whose it is."""
    codes = sorted({move["mine_code"] for move, _ in moves})
    mines = {row.code: row for row in conn.execute(select(mine).where(mine.c.code.in_(codes)))}
    rules = in_force(conn)
    return [
        (
            {
                "mine_code": move["mine_code"],
                "mine_name": mines[move["mine_code"]].name,
                "hazard": move["hazard"],
                "before": move["before"],
                "after": move["after"],
                "why": {
                    lang: [sentence(claim, rules, lang) for claim in winners]
                    for lang in ("zh", "en")
                },
            },
            tuple(
                mines[move["mine_code"]]._mapping[name]
                for name in ("district", "owner_org", "survey_org")
            ),
        )
        for move, winners in moves
    ]
