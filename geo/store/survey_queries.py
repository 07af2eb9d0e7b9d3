"""What readers ask of surveys and of the files that were sent.

Row-level security does the seeing, as in :mod:`geo.store.mine_queries`.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from geo.store.batches import seq_at, states
from geo.store.tables import batch, feature, survey_event, upload
from geo.store.tables import survey as survey_table

_NEWEST_UPLOADS = 50


_SURVEY = (
    survey_table.c.id,
    survey_table.c.filename,
    survey_table.c.sha256,
    survey_table.c.layers,
    survey_table.c.report,
    survey_table.c.mine_code,
    survey_table.c.survey_unit,
    survey_table.c.supersedes,
    survey_table.c.district,
)


def surveys(conn: Connection, known_at: datetime | date | None = None) -> list[dict[str, Any]]:
    """Return the surveys one may see, newest first, each with its state as known at a moment."""
    seq = seq_at(conn, known_at)
    by_state = states(conn, seq)
    found = conn.execute(
        select(*_SURVEY, batch.c.seq, batch.c.recorded_at, batch.c.actor_login)
        .join(batch, batch.c.id == survey_table.c.batch_id)
        .where(batch.c.seq <= seq)
        .order_by(batch.c.seq.desc())
    )
    return [{**row, "state": by_state[row["id"]]} for row in found.mappings()]


def surveys_of(
    conn: Connection, code: str, known_at: datetime | date | None = None
) -> list[dict[str, Any]]:
    """Return the surveys one may see that have rows of a mine, newest first."""
    ids = set(
        conn.scalars(select(feature.c.survey_id).where(feature.c.mine_code == code).distinct())
    )
    return [one for one in surveys(conn, known_at) if one["id"] in ids]


def survey(
    conn: Connection, survey_id: UUID, known_at: datetime | date | None = None
) -> dict[str, Any] | None:
    """Return one survey with its events; None where there is none one may see."""
    found = next((s for s in surveys(conn, known_at) if s["id"] == survey_id), None)
    if found is None:
        return None
    events = conn.execute(
        select(
            survey_event.c.state,
            survey_event.c.reason,
            survey_event.c.document,
            survey_event.c.actor_login,
            batch.c.recorded_at,
        )
        .join(batch, batch.c.id == survey_event.c.batch_id)
        .where(survey_event.c.survey_id == survey_id, batch.c.seq <= seq_at(conn, known_at))
        .order_by(batch.c.seq, survey_event.c.id)
    )
    return {**found, "events": [dict(row) for row in events.mappings()]}


def redo(
    conn: Connection, code: str | None = None, known_at: datetime | date | None = None
) -> list[dict[str, Any]]:
    """Return what must be done again (L17): revoked surveys that no accepted one names yet.

    Parameters
    ----------
    code : str, optional
        Only those with rows of this mine.
    """
    found = surveys(conn, known_at)
    met = {s["supersedes"] for s in found if s["state"] in ("accepted", "superseded")}
    due_again = [s for s in found if s["state"] == "revoked" and s["id"] not in met]
    if code is None:
        return due_again
    of_mine = set(
        conn.scalars(
            select(feature.c.survey_id).where(
                feature.c.mine_code == code, feature.c.survey_id.in_([s["id"] for s in due_again])
            )
        )
    )
    return [s for s in due_again if s["id"] in of_mine]


def uploads(
    conn: Connection, offset: int = 0, limit: int = _NEWEST_UPLOADS
) -> list[dict[str, Any]]:
    """Return the uploads one may see, newest first: so many, after the first `offset`."""
    newest = upload.c.created_at.desc(), upload.c.id
    found = conn.execute(select(upload).order_by(*newest).offset(offset).limit(limit))
    return [dict(row) for row in found.mappings()]


def upload_of(conn: Connection, survey_id: UUID) -> UUID | None:
    """Return the upload that was submitted as a survey, however long ago it was sent."""
    return conn.scalar(select(upload.c.id).where(upload.c.survey_id == survey_id).limit(1))
