"""What became of elevation models, as known at a batch: accepted or not, in use or not."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import shapely
from sqlalchemy import Connection, Row, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from geo.problems import Problem
from geo.store.facts import known_at
from geo.store.publish import Batch
from geo.store.tables import batch, terrain, terrain_event, terrain_run


@dataclass(frozen=True)
class Became:
    """An event of a model; `seq` and `at` are None within the transaction that writes it."""

    state: str
    reason: str
    document: str
    by: str
    seq: int | None
    at: datetime | None


# Taken on record at the machine, where a regulator acts: accepted as it was recorded.
TAKEN = Became("accepted", "", "", "", None, None)


def became(conn: Connection, seq: int) -> dict[UUID, Became]:
    """Return the newest event of each model that has one."""
    found = conn.execute(
        select(terrain_event, batch.c.seq, batch.c.recorded_at)
        .outerjoin(batch, batch.c.id == terrain_event.c.batch_id)
        .ext(distinct_on(terrain_event.c.terrain_id))
        .where(known_at(seq))
        .order_by(terrain_event.c.terrain_id, batch.c.seq.desc().nulls_first())
    )
    return {
        row.terrain_id: Became(
            row.state, row.reason, row.document, row.actor_login, row.seq, row.recorded_at
        )
        for row in found
    }


def in_order(conn: Connection, seq: int) -> list[Row[Any]]:
    """Return the rows of the models that count at a batch, the one accepted last first."""
    said = became(conn, seq)
    rows = conn.execute(
        select(terrain, batch.c.seq)
        .outerjoin(batch, batch.c.id == terrain.c.batch_id)
        .where(known_at(seq))
    )
    counts = []
    for row in rows:
        event = said.get(row.id)
        if event is None or event.state == "accepted":
            since = row.seq if event is None else event.seq
            counts.append((float("inf") if since is None else since, row))
    return [row for _, row in sorted(counts, key=lambda one: one[0], reverse=True)]


def model_row(conn: Connection, terrain_id: UUID) -> Row[Any]:
    """Return a model's own row.

    Raises
    ------
    Problem
        404 where there is none, or none one may see.
    """
    found = conn.execute(select(terrain).where(terrain.c.id == terrain_id)).one_or_none()
    if found is None:
        raise Problem("store.not_found", http_status=404)
    return found


def event(made: Batch, row: Any, state: str, reason: str = "", document: str = "") -> None:
    """Put on record what became of a model; `row` has its id, district and organisations."""
    made.add(
        terrain_event,
        [
            {
                "terrain_id": row.id,
                "state": state,
                "reason": reason,
                "document": document,
                "actor_login": made.actor.login,
                "district": row.district,
                "owner_org": row.owner_org,
                "survey_org": row.survey_org,
            }
        ],
    )


def in_use(conn: Connection, seq: int) -> set[UUID]:
    """Return the models that the newest computation known at a batch goes by."""
    return {UUID(one) for one in newest(conn, seq)[0].get("models", [])}


def ground_of(note: dict[str, Any]) -> shapely.Geometry:
    """Return the ground a model shows, CGCS2000 degrees, by the note of its record."""
    shown = note.get("ground")
    return shapely.box(*note["box"]) if shown is None else shapely.from_wkt(shown)


def newest(conn: Connection, seq: int) -> tuple[dict[str, Any], int, UUID | None]:
    """Return the summary of the newest computation known, the number of its batch, and its id."""
    run = conn.execute(
        select(terrain_run.c.id, terrain_run.c.summary, terrain_run.c.terrain_id, batch.c.seq)
        .join(batch, batch.c.id == terrain_run.c.batch_id)
        .where(terrain_run.c.id == func.minerisk.newest_run(seq))
    ).first()
    if run is None:
        return {}, 0, None
    # The first runs were of one model and do not list it.
    return {"models": [str(run.terrain_id)], **run.summary}, run.seq, run.id
