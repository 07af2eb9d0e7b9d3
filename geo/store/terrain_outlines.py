"""The ground that accepted elevation models show: for the map, a printed sheet, and to be asked."""

import json
from typing import Any

import shapely
from sqlalchemy import Connection, text

from geo.store.terrain_states import ground_of, in_order, in_use

LAYER = "terrain_outline"
_TILE = text(
    """
    SELECT ST_AsMVT(drawn, 'models', 4096, 'geom') FROM (
        SELECT ST_AsMVTGeom(ST_Transform(ST_SetSRID(ST_GeomFromWKB(wkb), 4490), 3857),
                ST_TileEnvelope(:z, :x, :y), 4096, 64, true) AS geom,
            source, dated, in_force
        FROM unnest(CAST(:wkbs AS bytea[]), CAST(:sources AS text[]), CAST(:days AS text[]),
            CAST(:uses AS boolean[])) AS model (wkb, source, dated, in_force)) drawn
    WHERE geom IS NOT NULL
    """
)


def _shown(conn: Connection, seq: int) -> list[dict[str, Any]]:
    """Return the accepted models one may see, the one accepted last first, with their ground."""
    used = in_use(conn, seq)
    return [
        {
            "id": str(row.id),
            "source": row.source,
            "dated": row.dated.isoformat(),
            "cell_m": row.note["cell_m"][0],
            "in_force": row.id in used,
            "geometry": ground_of(row.note),
        }
        for row in in_order(conn, seq)
    ]


def outlines(conn: Connection, seq: int) -> dict[str, Any]:
    """Return the outline of each accepted model one may see, as a GeoJSON collection."""
    features = [
        {
            "type": "Feature",
            "properties": {n: v for n, v in one.items() if n != "geometry"},
            "geometry": shapely.geometry.mapping(one["geometry"]),
        }
        for one in _shown(conn, seq)
    ]
    return {"type": "FeatureCollection", "features": features}


def shapes(
    conn: Connection, bounds: tuple[float, float, float, float], seq: int
) -> list[dict[str, Any]]:
    """Return the outlines within bounds (degrees) as a sheet of the map draws shapes."""
    return [
        {
            "layer": LAYER,
            "mine_code": None,
            "name": f"{one['source']} {one['dated']}",
            "verification": None,
            "state": "accepted",
            "geometry": json.loads(shapely.to_geojson(one["geometry"])),
        }
        for one in _shown(conn, seq)
        if shapely.intersects(one["geometry"], shapely.box(*bounds))
    ]


def tile(conn: Connection, z: int, x: int, y: int, seq: int) -> bytes:
    """Return a Mapbox vector tile of the outlines."""
    shown = _shown(conn, seq)
    if not shown:
        return b""
    columns = {
        "wkbs": [shapely.to_wkb(one["geometry"]) for one in shown],
        "sources": [one["source"] for one in shown],
        "days": [one["dated"] for one in shown],
        "uses": [one["in_force"] for one in shown],
    }
    return bytes(conn.scalar(_TILE, {"z": z, "x": x, "y": y, **columns}) or b"")
