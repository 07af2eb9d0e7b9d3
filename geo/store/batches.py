"""The record batch by batch: the newest at a moment, surveys as known at one, what was done."""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Connection, func, select, text

from geo.clock import HERE
from geo.store.tables import batch

_NEWEST_BATCHES = 50


def newest_seq(conn: Connection) -> int:
    """Return the number of the newest batch, 0 where there is none."""
    return int(conn.scalar(select(func.coalesce(func.max(batch.c.seq), 0))) or 0)


def states(conn: Connection, known_seq: int) -> dict[Any, str]:
    """Return the state of every survey as known at a batch."""
    found = conn.execute(
        text("SELECT survey_id, state FROM minerisk.survey_states(:known)"), {"known": known_seq}
    )
    return {row.survey_id: row.state for row in found}


def seq_at(conn: Connection, when: datetime | date | None) -> int:
    """Return the number of the last batch recorded at or before a moment.

    A date means the end of that day in China; None means now.
    """
    if when is None:
        return newest_seq(conn)
    if not isinstance(when, datetime):
        when = datetime.combine(when, time.max, HERE)
    if when.tzinfo is None:
        when = when.replace(tzinfo=HERE)
    found = conn.scalar(
        select(func.coalesce(func.max(batch.c.seq), 0)).where(batch.c.recorded_at <= when)
    )
    return int(found or 0)


def changes(conn: Connection, limit: int = _NEWEST_BATCHES) -> list[dict[str, Any]]:
    """Return the newest batches: what was done, by whom, when."""
    found = conn.execute(
        select(batch.c.seq, batch.c.kind, batch.c.recorded_at, batch.c.actor_login, batch.c.note)
        .order_by(batch.c.seq.desc())
        .limit(limit)
    )
    return [dict(row) for row in found.mappings()]
