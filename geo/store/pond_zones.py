"""The newest computation of ponds and ground: its zones and strips, and the models it rests on."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np
import shapely
from sqlalchemy import Connection, func, select, text

from geo.crs import local_zone, to_metric
from geo.store.batches import seq_at
from geo.store.pond_facts import features
from geo.store.tables import terrain, terrain_run, zone

_MODEL = tuple(terrain.c[name] for name in ("filename", "source", "dated", "error_m", "note"))


def newest_run(conn: Connection, seq: int) -> Any:
    """Return the id of the newest computation known at a batch, None where there is none."""
    return conn.scalar(text("SELECT minerisk.newest_run(:seq)"), {"seq": seq})


def strip_below(conn: Connection, code: str, run: Any) -> dict[str, Any] | None:
    """Return the strip below a pond by a computation, area in m² and GeoJSON; None without one."""
    found = conn.execute(
        select(zone.c.area_m2, func.ST_AsGeoJSON(zone.c.geom, 7).label("geometry")).where(
            zone.c.run_id == run, zone.c.pond_code == code
        )
    ).first()
    return found and {"area_m2": found.area_m2, "geometry": json.loads(found.geometry)}


def zones(conn: Connection, known_at: datetime | date | None = None) -> list[dict[str, Any]]:
    """Return the zones one may see: kind, pond, name, area in m² and GeoJSON.

    Those of the newest run, and the areas surveyed in which the law forbids building.
    """
    seq = seq_at(conn, known_at)
    found = conn.execute(
        select(
            zone.c.kind,
            zone.c.pond_code,
            zone.c.area_m2,
            func.ST_AsGeoJSON(zone.c.geom, 7).label("geometry"),
        )
        .where(zone.c.run_id == newest_run(conn, seq))
        .order_by(zone.c.kind, zone.c.pond_code)
    )
    computed = [
        {**row, "name": None, "geometry": json.loads(row["geometry"])} for row in found.mappings()
    ]
    forbidden = [
        {
            "kind": "prohibited",
            "pond_code": None,
            "name": row["attrs"].get("name") or row["code"],
            "area_m2": _area(row["geometry"]),
            "geometry": shapely.geometry.mapping(row["geometry"]),
        }
        for row in features(conn, ("prohibited_area",), seq)
    ]
    return [*computed, *forbidden]


def _area(shape: Any) -> float:
    zone_epsg = local_zone(shapely.point_on_surface(shape).x)
    return round(float(shapely.area(to_metric(np.array([shape], dtype=object), zone_epsg))[0]), 3)


def as_geojson(found: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return zones (as :func:`zones` gives them) as a GeoJSON collection."""
    features_ = [
        {
            "type": "Feature",
            "properties": {k: z[k] for k in ("kind", "pond_code", "name", "area_m2")},
            "geometry": z["geometry"],
        }
        for z in found
    ]
    return {"type": "FeatureCollection", "features": features_}


def run_summary(conn: Connection, seq: int) -> dict[str, Any] | None:
    """Return on which elevation model the newest computation rests; None where one may not see.

    Of several it is the newest; ``models`` are all of them.
    """
    found = conn.execute(
        select(terrain_run.c.summary, *_MODEL)
        .join(terrain, terrain.c.id == terrain_run.c.terrain_id)
        .where(terrain_run.c.id == newest_run(conn, seq))
    ).first()
    if found is None:
        return None
    ids = [UUID(one) for one in found.summary.get("models", [])]
    rows = conn.execute(select(terrain.c.id, *_MODEL).where(terrain.c.id.in_(ids)))
    by_id = {row["id"]: dict(row) for row in rows.mappings()}
    models = [by_id[one] for one in ids if one in by_id]
    return {**found._mapping, "models": models or [dict(found._mapping)]}


def judged_on(conn: Connection, computed: Any, seq: int) -> dict[str, Any] | None:
    """Return the model a pond was judged on, as :func:`run_summary` gives the run's newest."""
    run = run_summary(conn, seq)
    if run is None:
        return None
    models = run.pop("models")
    judged_on = computed and computed.evidence.get("terrain")
    mine = next((one for one in models if str(one.get("id")) == judged_on), models[0])
    return {**run, **{name: value for name, value in mine.items() if name != "id"}}
