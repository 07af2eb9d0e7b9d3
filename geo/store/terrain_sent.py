"""Elevation models that are sent: by the door of every upload, read as the command reads them.

Kept apart from `geo.store.intake`, so that only who reads a model loads what reading one takes.
"""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update

from geo import clock
from geo.problems import Problem
from geo.settings import Settings
from geo.store import districts
from geo.store.batches import newest_seq
from geo.store.engine import SYSTEM, Actor, connect
from geo.store.publish import publishing
from geo.store.submission import upload_row
from geo.store.tables import terrain, upload
from geo.store.terrain_states import became, event, ground_of, model_row
from geo.store.terrains import Stated, keep_files, read_kept, record
from geo.survey.reading import ReadOptions
from geo.tailings.sheets import sheets_of


def _stated(options: ReadOptions) -> Stated:
    said = options.terrain
    if said is None:
        raise Problem("store.not_found", http_status=404)
    return Stated(said.source, said.dated, said.error_m, said.unit, options.crs)


def stage_model(settings: Settings, row: Any, source: Path) -> None:
    """Read an upload that is an elevation model, and stage what was read; all of it or nothing.

    Raises
    ------
    Problem
        As :func:`geo.store.terrains.take_dem`, where the file cannot be one.
    """
    stated = _stated(ReadOptions.model_validate(row.options))
    with TemporaryDirectory(prefix="minerisk-") as folder:
        files, ignored = sheets_of(source, row.filename, Path(folder))
        kept = keep_files(settings, files, stated)
    note = read_kept(settings, kept, stated)
    told = {"sha256": kept.sha256, "filename": kept.filename, "note": note, "ignored": ignored}
    sheets = len(kept.sheets)
    result = {"layers": [], "rows": sheets, "stored": sheets, "mended": 0, "refused": 0}
    with connect(settings, "worker", SYSTEM) as conn:
        conn.execute(
            update(upload)
            .where(upload.c.id == row.id, upload.c.state == "reading")
            .values(
                state="staged",
                result={**result, "warned": len(ignored), "terrain": told},
                progress={"stage": "staged", "done": sheets, "total": sheets},
            )
        )


def submit_model(
    conn: Connection, actor: Actor, upload_id: UUID, *, on: date | None = None
) -> UUID:
    """Submit an elevation model that was read: a regulator accepts it or returns it (L16).

    It is the matter of the district whose mines and ponds stand on it, whoever sent it. Returns the
    model's id; the same files with the same words, waiting or in force, answer.

    Raises
    ------
    Problem
        404 for another's upload; 409 where it is not read, or is no elevation model.
    """
    row = upload_row(conn, upload_id)
    if actor.user_id is not None and row.created_by != actor.user_id:
        raise Problem("store.not_found", http_status=404)
    if row.state == "submitted" and row.terrain_id is not None:
        found: UUID = row.terrain_id
        return found
    read = (row.result or {}).get("terrain")
    if row.state != "staged" or read is None:
        raise Problem("store.not_staged", http_status=409, file=row.filename, state=row.state)
    stated = _stated(ReadOptions.model_validate(row.options))
    ground = ground_of(read["note"])
    owner = {
        "district": districts.whose(districts.placed(conn), ground, row.district),
        "owner_org": row.owner_org,
        "survey_org": row.survey_org,
    }
    day = on or clock.today()
    with publishing(conn, actor, "submit_terrain", day, {"terrain": read["sha256"]}) as made:
        known = _same(conn, read["sha256"], stated, owner["district"])
        if known is None:
            known = record(made, read["sha256"], read["filename"], stated, read["note"], owner)
            event(made, model_row(conn, known), "submitted")
        else:
            made.abandoned = True
    conn.execute(
        update(upload).where(upload.c.id == upload_id).values(state="submitted", terrain_id=known)
    )
    return known


def _same(conn: Connection, sha256: str, stated: Stated, district: str) -> UUID | None:
    """Return the model of a district that says all this already and was not turned away."""
    said = became(conn, newest_seq(conn))
    rows = conn.execute(
        select(terrain).where(terrain.c.sha256 == sha256, terrain.c.district == district)
    )
    for row in rows:
        state = said[row.id].state if row.id in said else "accepted"
        words = Stated(row.source, row.dated, row.error_m, row.note["unit"], row.note["epsg"])
        if state in ("submitted", "accepted") and words == stated:
            return UUID(str(row.id))
    return None
