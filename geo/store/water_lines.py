"""The lines of old-goaf water around the goafs that a reader may see, and around no others."""

import json
from datetime import date
from typing import Any

import shapely
from sqlalchemy import Connection, text

from geo.store.facts import degrees
from geo.survey.water_lines import HOLDING, reach_m, water_lines

# Farther out the lines of a goaf fall together on the screen.
LEAST_ZOOM = 11
# A datum with no parameters is off by 100 m; what a sender states may be more, and is then cut at
# the edge of a tile.
_ERROR_M = 200.0
# The row itself by its own policy: what the definer function lets through is held to it again.
_GOAFS = text(
    """
    SELECT f.layer, f.mine_code, f.attrs, f.error_m, ST_AsBinary(f.geom) AS wkb
    FROM minerisk.features_in(:wanted,
        ST_Transform(ST_MakeEnvelope(:west, :south, :east, :north, 4326), 3857),
        :known, :on_day, NULL) seen
    JOIN minerisk.feature f USING (id)
    WHERE f.attrs ->> 'water' IN ('present', 'unknown')
    ORDER BY f.key
    """
)
_BOUNDS = text(
    """
    SELECT ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north
    FROM (SELECT ST_Transform(ST_TileEnvelope(:z, :x, :y), 4326) AS box) tile
    """
)
_TILE = text(
    """
    SELECT ST_AsMVT(drawn, 'water_lines', 4096, 'geom') FROM (
        SELECT ST_AsMVTGeom(ST_Transform(ST_GeomFromWKB(wkb, 4326), 3857),
                ST_TileEnvelope(:z, :x, :y), 4096, 64, true) AS geom,
            layer, mine_code, name, beyond_m
        FROM unnest(CAST(:wkbs AS bytea[]), CAST(:layers AS text[]), CAST(:mines AS text[]),
            CAST(:names AS text[]), CAST(:beyond AS double precision[]))
            AS line (wkb, layer, mine_code, name, beyond_m)) drawn
    WHERE geom IS NOT NULL
    """
)


def _lines(
    conn: Connection, bounds: tuple[float, float, float, float], known: int, on: date | None
) -> list[dict[str, Any]]:
    beyond = degrees(reach_m(_ERROR_M))
    west, south, east, north = bounds
    found = conn.execute(
        _GOAFS,
        {
            "wanted": list(HOLDING),
            "west": west - beyond,
            "south": south - beyond,
            "east": east + beyond,
            "north": north + beyond,
            "known": known,
            "on_day": on,
        },
    )
    rows = [{**row._mapping, "geometry": shapely.from_wkb(bytes(row.wkb))} for row in found]
    return list(water_lines(rows))


def shapes(
    conn: Connection, bounds: tuple[float, float, float, float], known: int, on: date
) -> list[dict[str, Any]]:
    """Return the lines within bounds (degrees) as a sheet of the map draws shapes."""
    return [
        {
            "layer": line["layer"],
            "mine_code": line["mine_code"],
            # The goaf's own name stands in the goaf.
            "name": None,
            "verification": None,
            "state": "accepted",
            "geometry": json.loads(shapely.to_geojson(line["geometry"])),
        }
        for line in _lines(conn, bounds, known, on)
    ]


def tile(conn: Connection, z: int, x: int, y: int, known: int, on: date | None) -> bytes:
    """Return a Mapbox vector tile of the lines; empty below ``LEAST_ZOOM``."""
    if z < LEAST_ZOOM:
        return b""
    place = {"z": z, "x": x, "y": y}
    bounds = conn.execute(_BOUNDS, place).one()
    lines = _lines(conn, (bounds.west, bounds.south, bounds.east, bounds.north), known, on)
    if not lines:
        return b""
    columns = {
        "wkbs": [shapely.to_wkb(line["geometry"]) for line in lines],
        "layers": [line["layer"] for line in lines],
        "mines": [line["mine_code"] for line in lines],
        "names": [line["name"] for line in lines],
        "beyond": [line["beyond_m"] for line in lines],
    }
    return bytes(conn.scalar(_TILE, {**place, **columns}) or b"")
