"""The record batch by batch: which was the newest at a moment, and what the newest did."""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Connection, func, select

from geo.clock import HERE
from geo.store.facts import newest_seq
from geo.store.tables import batch

_NEWEST_BATCHES = 50


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
