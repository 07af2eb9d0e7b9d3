"""Papers behind acts: files attached to a pond's event or to treatment works, kept and found again.

Their bytes rest among the raw files, under their digest; a paper is on record with the act that
brought it, and whoever may read the act's own row may have it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select

from geo import attachments
from geo.problems import Problem
from geo.settings import Settings
from geo.store import rawfiles
from geo.store.publish import Batch
from geo.store.tables import batch, paper, proposal

# What a pond's event, and what treatment works are filed under.
EVENT, WORKS = "pond_event", "works"


@dataclass(frozen=True)
class Sent:
    """Files as they came, to be kept once it is known that their sender may act.

    ``files`` are pairs of the name as its sender calls it, and where the bytes are.
    """

    settings: Settings
    files: Sequence[tuple[str, Path]] = ()

    def keep(self) -> list[dict[str, Any]]:
        """Check and keep the files; returns their names with SHA-256 and size.

        Raises
        ------
        Problem
            Where there are too many, or one may not be attached; nothing is kept then.
        """
        if len(self.files) > attachments.limits().files:
            raise Problem("attachments.too_many", limit=attachments.limits().files)
        for name, path in self.files:
            attachments.check(name, path)
        kept = []
        for name, path in self.files:
            sha256, size = rawfiles.keep(self.settings, path)
            bare = name.replace("\\", "/").rpartition("/")[2]
            kept.append({"name": bare, "sha256": sha256, "size": size})
        return kept


def record(
    made: Batch,
    room: str,
    code: str,
    matter: str,
    files: Iterable[dict[str, Any]],
    login: str,
    owner: dict[str, Any],
) -> int:
    """Put kept files on record behind a matter; returns how many it did not have yet.

    Parameters
    ----------
    room, code, matter : str
        Where it belongs: ``EVENT``, a pond's code, an event's key; or ``WORKS``, a mine's code, and
        what the works are called.
    files : iterable of dict
        As :meth:`Sent.keep` gives them.
    login : str
        Who brought them.
    owner : dict
        To whom they belong (:func:`geo.store.authority.owner_of`).
    """
    place = {"room": room, "code": code, "matter": matter}
    known = set(made.conn.scalars(select(paper.c.sha256).filter_by(**place)))
    # The same bytes are one paper, whatever they are called.
    fresh = {file["sha256"]: file for file in files if file["sha256"] not in known}
    return made.add(
        paper,
        [
            {"id": uuid4(), **place, **file, "actor_login": login, **owner}
            for file in fresh.values()
        ],
    )


def listed(
    conn: Connection, room: str, known: int, code: str | None = None
) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the papers one may see, {(code, matter): papers}, oldest first.

    Parameters
    ----------
    conn : Connection
        Of the application's role.
    known : int
        Number of the batch up to which things are known.
    code : str, optional
        Only of this pond or mine.
    """
    wanted = (
        select(paper, batch.c.recorded_at)
        .join(batch, batch.c.id == paper.c.batch_id)
        .where(paper.c.room == room, batch.c.seq <= known)
        .order_by(batch.c.seq, paper.c.name, paper.c.sha256)
    )
    if code is not None:
        wanted = wanted.where(paper.c.code == code)
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    names = ("name", "sha256", "size", "actor_login", "recorded_at")
    for row in conn.execute(wanted):
        told = {name: getattr(row, name) for name in names}
        found.setdefault((row.code, row.matter), []).append(told)
    return found


def found(
    conn: Connection, settings: Settings, room: str, code: str, sha256: str
) -> tuple[dict[str, Any], Path] | None:
    """Return a paper's entry and where its bytes are; None where one may see none such.

    What an event that waits for a second person came with is found too: they must read it first.
    """
    row = conn.execute(
        select(paper.c.name, paper.c.sha256)
        .where(paper.c.room == room, paper.c.code == code, paper.c.sha256 == sha256)
        .limit(1)
    ).first()
    entry = row and dict(row._mapping)
    if entry is None and room == EVENT:
        waiting = conn.scalars(
            select(proposal.c.body["attachments"]).where(
                proposal.c.state == "open",
                proposal.c.action == EVENT,
                proposal.c.body["pond_code"].astext == code,
            )
        )
        entry = next((f for files in waiting for f in files or () if f["sha256"] == sha256), None)
    path = rawfiles.path_of(settings, sha256) if entry else None
    return (entry, path) if entry and path and path.is_file() else None


def kept_digests(conn: Connection) -> set[str]:
    """Return the SHA-256 of every paper on record or proposed: their bytes are never swept."""
    proposed = conn.scalars(select(proposal.c.body["attachments"]))
    return set(conn.scalars(select(paper.c.sha256))) | {
        file["sha256"] for files in proposed for file in files or ()
    }
