"""Which elevation models are on record, what became of each, and which the register goes by."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np
import shapely
from sqlalchemy import Connection, select

from geo import clock
from geo.crs import local_zone, to_metric
from geo.store.batches import seq_at
from geo.store.tables import batch, head_top, terrain
from geo.store.terrain_states import became, ground_of, newest

# States of a model that was accepted and not revoked.
COUNTING = ("in_force", "waits", "replaced")


def models(conn: Connection, known_at: datetime | date | None = None) -> list[dict[str, Any]]:
    """Return the elevation models one may see, the newest record first.

    Returns
    -------
    list of dict
        id, files, source, dated, error_m, unit and epsg as stated, cell_m, box (west, south, east,
        north), area_km2, voids, recorded_on, and state: ``submitted``, ``returned``, ``revoked``;
        of an accepted one ``in_force`` where the newest computation goes by it somewhere, ``waits``
        where it was accepted since, else ``replaced``. ``said`` is the newest word on it: reason,
        document, by and on; None where it was taken at the machine. ``answers`` is the ground for
        which the newest computation goes by it (box, km2), ``ponds`` those one may see there.
    """
    seq = seq_at(conn, known_at)
    summary, run_seq, run = newest(conn, seq)
    used = {UUID(one) for one in summary.get("models", [])}
    answers = {
        one["model"]: {"box": one["box"], "km2": one["km2"]} for one in summary.get("answers", [])
    }
    said, judged = became(conn, seq), _judged(conn, run)
    rows = conn.execute(
        select(terrain, batch.c.seq, batch.c.recorded_at)
        .join(batch, batch.c.id == terrain.c.batch_id)
        .where(batch.c.seq <= seq)
        .order_by(batch.c.seq.desc())
    )
    told = []
    for row in rows:
        note, word = row.note, said.get(row.id)
        since = row.seq if word is None or word.seq is None else word.seq
        state = "accepted" if word is None else word.state
        if state == "accepted":
            state = _state(row.id in used, since > run_seq)
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
                "voids": note["voids"],
                "box": [round(side, 5) for side in note["box"]],
                "area_km2": km2(ground_of(note)),
                "recorded_on": clock.local(row.recorded_at).date(),
                "district": row.district,
                "state": state,
                "said": word
                and {
                    "reason": word.reason,
                    "document": word.document,
                    "by": word.by,
                    "on": word.at and clock.local(word.at).date(),
                },
                "answers": answers.get(str(row.id)),
                "ponds": judged.get(str(row.id), []),
            }
        )
    return told


def _judged(conn: Connection, run: UUID | None) -> dict[str, list[str]]:
    """Return by a model's id the ponds one may see that a run judged on it."""
    found = conn.execute(
        select(head_top.c.pond_code, head_top.c.evidence["terrain"].astext.label("model"))
        .where(head_top.c.run_id == run)
        .order_by(head_top.c.pond_code)
    )
    told: dict[str, list[str]] = {}
    for row in found:
        told.setdefault(row.model, []).append(row.pond_code)
    return told


def _state(used: bool, later: bool) -> str:
    if used:
        return "in_force"
    return "waits" if later else "replaced"


def km2(ground: shapely.Geometry) -> float:
    """Return the area of ground in CGCS2000 degrees, in square kilometres."""
    zone = local_zone(shapely.point_on_surface(ground).x)
    flat = to_metric(np.array([ground], dtype=object), zone)[0]
    return round(float(shapely.area(flat)) / 1e6, 2)
