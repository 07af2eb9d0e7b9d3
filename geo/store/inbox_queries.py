"""What waits for a person to decide, and what became of what one sent or proposed.

Row-level security does the seeing, as in :mod:`geo.store.mine_queries`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import distinct_on

from geo.store.survey_queries import surveys
from geo.store.tables import batch, mine, proposal, survey_event


def submissions(conn: Connection) -> list[dict[str, Any]]:
    """Return the surveys that wait for a decision, oldest first."""
    return [s for s in surveys(conn) if s["state"] == "submitted"][::-1]


def proposals(conn: Connection) -> list[dict[str, Any]]:
    """Return what waits for a second person, oldest first, with the mine's name."""
    found = conn.execute(
        select(proposal, mine.c.name.label("mine_name"))
        .outerjoin(mine, mine.c.code == proposal.c.mine_code)
        .where(proposal.c.state == "open")
        .order_by(proposal.c.proposed_at)
    )
    return [dict(row) for row in found.mappings()]


def refusals(conn: Connection, since: datetime) -> list[dict[str, Any]]:
    """Return what a second person refused since a moment, newest first, with ``refusal``: why."""
    found = conn.execute(
        select(proposal, mine.c.name.label("mine_name"))
        .outerjoin(mine, mine.c.code == proposal.c.mine_code)
        .where(proposal.c.state == "refused", proposal.c.settled_at >= since)
        .order_by(proposal.c.settled_at.desc())
    )
    return [dict(row) for row in found.mappings()]


def came_back(conn: Connection, since: datetime) -> list[dict[str, Any]]:
    """Return what was decided on what one sent, newest first: with ``decided_at`` and ``reason``.

    What was returned or revoked stays on the list until it is sent again, under its name or naming
    it; what was accepted is told of when that was since `since`.
    """
    found = surveys(conn)
    replaced = {s["supersedes"] for s in found if s["state"] not in ("returned", "revoked")}
    kept, later = {}, set()
    for one in found:
        again = one["id"] in replaced or one["filename"] in later
        later.add(one["filename"])
        if one["state"] == "accepted" or (one["state"] in ("returned", "revoked") and not again):
            kept[one["id"]] = one
    events = conn.execute(
        select(survey_event.c.survey_id, survey_event.c.reason, batch.c.recorded_at)
        .join(batch, batch.c.id == survey_event.c.batch_id)
        .ext(distinct_on(survey_event.c.survey_id))
        .where(survey_event.c.survey_id.in_(kept))
        .order_by(survey_event.c.survey_id, batch.c.seq.desc())
    )
    told_ = [
        {**kept[row.survey_id], "reason": row.reason, "decided_at": row.recorded_at}
        for row in events
    ]
    shown = [r for r in told_ if r["state"] != "accepted" or r["decided_at"] >= since]
    return sorted(shown, key=lambda r: r["decided_at"], reverse=True)
