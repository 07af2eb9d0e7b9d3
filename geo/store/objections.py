"""An enterprise's objection against a grade of its mine, and what the regulator decides of it (L3).

An objection suspends nothing: the grade holds until it is decided. What is decided is a floor (L2);
a grade falls only where the claims it rests on are ended, by two persons.
"""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, func, select

from geo import clock
from geo.problems import Problem
from geo.settings import Settings
from geo.store import rawfiles
from geo.store.assertions import assert_in, check_grade, scale_of
from geo.store.authority import authorise, is_own, mine_row, need, owner_of
from geo.store.batches import seq_at
from geo.store.engine import Actor
from geo.store.grading import Changes
from geo.store.mine_states import newest_lines
from geo.store.papers import Sent
from geo.store.publish import publishing
from geo.store.tables import OBJECTION_OUTCOMES, batch, objection, objection_answer
from geo.store.tables import mine as mine_table


def _effective(conn: Connection, code: str, hazard: str) -> str | None:
    found = newest_lines(conn, [code])
    return next((g for h, g in zip(found["hazard"], found["effective"], strict=True) if h == hazard), None)  # noqa: E501  # fmt: skip


def object_to(
    conn: Connection,
    actor: Actor,
    settings: Settings,
    mine_code: str,
    hazard: str,
    reason: str,
    files: Sequence[tuple[str, Path]] = (),
    *,
    wanted: str | None = None,
    on: date | None = None,
) -> UUID:
    """Put an enterprise's objection against the grade of one hazard on record.

    Parameters
    ----------
    wanted : str, optional
        The grade the enterprise holds to be right.

    Raises
    ------
    Problem
        404 or 403 where the mine is not the actor's, 409 where one is open already.
    """
    row = mine_row(conn, mine_code)
    if not is_own(actor, row):
        authorise(actor, "objection", row)
        raise Problem("store.not_allowed", http_status=403, action="objection")
    scale_of(row, hazard)
    if wanted is not None:
        check_grade(row, hazard, wanted)
    if not reason.strip():
        raise Problem("objections.reason_wanted")
    made_id = uuid4()
    note = {"mine": mine_code, "hazard": hazard}
    with publishing(conn, actor, "objection", on or clock.today(), note) as made:
        waiting = select(func.count()).select_from(objection).outerjoin(objection_answer)
        if conn.scalar(
            waiting.where(
                objection.c.mine_code == mine_code,
                objection.c.hazard == hazard,
                objection_answer.c.objection_id.is_(None),
            )
        ):
            raise Problem("objections.open", http_status=409)
        made.add(
            objection,
            [
                {
                    "id": made_id,
                    "mine_code": mine_code,
                    "hazard": hazard,
                    "grade": _effective(conn, mine_code, hazard),
                    "wanted": wanted,
                    "reason": reason.strip(),
                    "attachments": Sent(settings, files).keep(),
                    "actor_login": actor.login,
                    **owner_of(row),
                }
            ],
        )
    return made_id


def answer(
    conn: Connection,
    actor: Actor,
    objection_id: UUID,
    outcome: str,
    reason: str,
    document: str = "",
    *,
    grade: str | None = None,
    on: date | None = None,
) -> dict[str, Any]:
    """Decide an objection: the grade is kept, another is decided, or it is returned with remarks.

    Parameters
    ----------
    outcome : str
        ``kept``, ``changed`` (a decision claim of `grade` is recorded) or ``returned``.

    Returns
    -------
    dict
        ``state`` (the outcome), ``mines`` graded, ``moves``, and ``effective``: the grade that
        holds now, which stays above the decided one where other claims are higher.
    """
    found = conn.execute(select(objection).where(objection.c.id == objection_id)).one_or_none()
    if found is None:
        raise Problem("store.not_found", http_status=404)
    authorise(actor, "answer", found)
    if outcome not in OBJECTION_OUTCOMES:
        raise Problem("objections.outcome", outcome=outcome, outcomes=", ".join(OBJECTION_OUTCOMES))
    if outcome == "returned":
        if not reason.strip():
            raise Problem("store.remark_wanted")
    else:
        need(reason, document)
    row = mine_row(conn, found.mine_code)
    if outcome == "changed":
        if not grade:
            raise Problem("objections.grade_wanted")
        check_grade(row, found.hazard, grade)
    day, changes = on or clock.today(), Changes()
    note = {"mine": found.mine_code, "hazard": found.hazard, "outcome": outcome}
    with publishing(conn, actor, "objection_answer", day, note) as made:
        settled = conn.scalar(
            select(objection_answer.c.actor_login).where(
                objection_answer.c.objection_id == objection_id
            )
        )
        if settled is not None:
            raise Problem("store.settled", http_status=409, by=settled)
        if outcome == "changed":
            changes = assert_in(made, row, found.hazard, str(grade), "decision", document, day)
        made.add(
            objection_answer,
            [
                {
                    "objection_id": objection_id,
                    "outcome": outcome,
                    "grade": grade if outcome == "changed" else None,
                    "reason": reason.strip(),
                    "document": document.strip(),
                    "actor_login": actor.login,
                    **owner_of(found),
                }
            ],
        )
        effective = _effective(conn, found.mine_code, found.hazard)
    return {"state": outcome, "mines": changes.mines, "moves": changes.moves, "effective": effective}  # noqa: E501  # fmt: skip


def objections(
    conn: Connection,
    code: str | None = None,
    known_at: datetime | date | None = None,
) -> list[dict[str, Any]]:
    """Return the objections one may see, the open ones first and each group newest first.

    Parameters
    ----------
    conn : Connection
        Of the application's role.
    code : str, optional
        Only those of this mine.
    known_at : datetime or date, optional
        As known then.

    Returns
    -------
    list of dict
        With ``state`` (open, kept, changed, returned) and ``answer`` (None while open).
    """
    seq, told = seq_at(conn, known_at), batch.alias("told")
    wanted = (
        select(
            objection,
            mine_table.c.name.label("mine_name"),
            batch.c.recorded_at,
            objection_answer.c.outcome,
            objection_answer.c.grade.label("decided"),
            objection_answer.c.reason.label("why"),
            objection_answer.c.document,
            objection_answer.c.actor_login.label("by"),
            told.c.recorded_at.label("answered_at"),
            told.c.seq.label("answered"),
        )
        .join(batch, batch.c.id == objection.c.batch_id)
        .outerjoin(mine_table, mine_table.c.code == objection.c.mine_code)
        .outerjoin(objection_answer, objection_answer.c.objection_id == objection.c.id)
        .outerjoin(told, told.c.id == objection_answer.c.batch_id)
        .where(batch.c.seq <= seq)
        .order_by(batch.c.seq.desc())
    )
    if code is not None:
        wanted = wanted.where(objection.c.mine_code == code)
    listed = [_told(row, seq) for row in conn.execute(wanted)]
    return sorted(listed, key=lambda one: one["state"] != "open")


def _told(row: Any, seq: int) -> dict[str, Any]:
    known = row.answered is not None and row.answered <= seq
    names = ("id", "mine_code", "mine_name", "hazard", "grade", "wanted", "reason", "attachments")
    return {
        **{name: getattr(row, name) for name in names},
        "actor_login": row.actor_login,
        "recorded_at": row.recorded_at,
        "state": row.outcome if known else "open",
        "answer": {
            "outcome": row.outcome,
            "grade": row.decided,
            "reason": row.why,
            "document": row.document,
            "actor_login": row.by,
            "recorded_at": row.answered_at,
        }
        if known
        else None,
    }


def one(conn: Connection, objection_id: UUID) -> dict[str, Any] | None:
    """Return one objection; None where there is none one may see."""
    return next((row for row in objections(conn) if row["id"] == objection_id), None)


def attachment(
    conn: Connection, settings: Settings, objection_id: UUID, sha256: str
) -> tuple[dict[str, Any], Path] | None:
    """Return an attachment's entry and where its bytes are; None where one may see none such."""
    found = one(conn, objection_id)
    files = found["attachments"] if found else []
    entry = next((file for file in files if file["sha256"] == sha256), None)
    path = rawfiles.path_of(settings, sha256) if entry else None
    return (entry, path) if entry and path and path.is_file() else None


def kept_digests(conn: Connection) -> set[str]:
    """Return the SHA-256 of every attachment on record: their bytes are never swept."""
    return {
        file["sha256"] for files in conn.scalars(select(objection.c.attachments)) for file in files
    }
