"""Which elevation models are on record, and which of them the register goes by."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np
import shapely
from sqlalchemy import Connection, select

from geo.crs import local_zone, to_metric
from geo.store.pond_queries import newest_run
from geo.store.queries import seq_at
from geo.store.tables import batch, terrain, terrain_run


def models(conn: Connection, known_at: datetime | date | None = None) -> list[dict[str, Any]]:
    """Return the elevation models one may see, the newest record first.

    Returns
    -------
    list of dict
        id, files, source, dated, error_m, unit and epsg as stated, cell_m, box (west, south, east,
        north), area_km2, recorded_on, and state: ``in_force`` where the newest computation goes by
        it somewhere, ``waits`` where it was recorded since, else ``replaced``.
    """
    seq = seq_at(conn, known_at)
    used, run_seq = _used(conn, seq)
    rows = conn.execute(
        select(terrain, batch.c.seq, batch.c.recorded_at)
        .join(batch, batch.c.id == terrain.c.batch_id)
        .where(batch.c.seq <= seq)
        .order_by(batch.c.seq.desc())
    )
    told = []
    for row in rows:
        note = row.note
        shown = note.get("ground")
        ground = shapely.box(*note["box"]) if shown is None else shapely.from_wkt(shown)
        told.append(
            {
                "id": row.id,
                "files": [files[0][1] for files in note.get("sheets") or [[["", row.filename]]]],
                "source": row.source,
                "dated": row.dated,
                # Some were taken as if they had no error: of those it is not known.
                "error_m": row.error_m if row.error_m > 0 else None,
                "unit": note["unit"],
                "epsg": note["epsg"],
                "cell_m": note["cell_m"][0],
                "box": [round(side, 5) for side in note["box"]],
                "area_km2": _km2(ground),
                "recorded_on": row.recorded_at.date(),
                "state": _state(row.id in used, row.seq > run_seq),
            }
        )
    return told


def _used(conn: Connection, seq: int) -> tuple[set[UUID], int]:
    """Return the models of the newest computation known, and the number of its batch."""
    run = conn.execute(
        select(terrain_run.c.summary, terrain_run.c.terrain_id, batch.c.seq)
        .join(batch, batch.c.id == terrain_run.c.batch_id)
        .where(terrain_run.c.id == newest_run(conn, seq))
    ).first()
    if run is None:
        return set(), 0
    return {UUID(one) for one in run.summary.get("models", [str(run.terrain_id)])}, run.seq


def _state(used: bool, later: bool) -> str:
    if used:
        return "in_force"
    return "waits" if later else "replaced"


def _km2(ground: shapely.Geometry) -> float:
    zone = local_zone(shapely.point_on_surface(ground).x)
    flat = to_metric(np.array([ground], dtype=object), zone)[0]
    return round(float(shapely.area(flat)) / 1e6, 2)
