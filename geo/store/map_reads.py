"""What the map is asked beside its tiles: districts, places by name, and the shapes of a sheet.

Like :mod:`geo.store.mine_queries` everything is asked as the application's role, so that nothing of
somebody else's is returned. Spatial reads go through the definer functions, which use the index.
"""

import json
from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from geo.store import terrain_outlines, water_lines
from geo.store.tiles import LAYERS, horizon_day

_DISTRICTS = text(
    "SELECT DISTINCT district FROM minerisk.mine WHERE district <> '' ORDER BY district"
)
_FIND = text(
    """
    SELECT DISTINCT ON (f.object_id) f.layer, f.mine_code, f.code,
        COALESCE(f.attrs ->> 'mine_name',
            CASE WHEN f.layer = 'pond' THEN f.attrs ->> 'name' END, f.attrs ->> 'code',
            f.attrs ->> 'name', f.mine_code, '') AS name,
        ST_XMin(f.geom) AS west, ST_YMin(f.geom) AS south, ST_XMax(f.geom) AS east,
        ST_YMax(f.geom) AS north, f.layer NOT IN ('mine_boundary', 'pond') AS later
    FROM minerisk.feature f
    JOIN minerisk.batch b ON b.id = f.batch_id
    LEFT JOIN minerisk.survey_states((SELECT COALESCE(max(seq), 0) FROM minerisk.batch)) s
        USING (survey_id)
    -- Whoever may see a boundary by contract does not see what became of its survey.
    WHERE COALESCE(s.state, 'accepted') IN ('submitted', 'accepted', 'revoked')
      -- A mine's code finds the mine; what else bears it is found by its own name.
      AND (f.layer = 'mine_boundary'
               AND (f.mine_code ILIKE :like OR f.attrs ->> 'mine_name' ILIKE :like)
           OR f.layer <> 'mine_boundary'
               AND (f.attrs ->> 'name' ILIKE :like OR f.attrs ->> 'code' ILIKE :like))
    ORDER BY f.object_id, b.seq DESC
    """
)
_SHAPES = text(
    """
    SELECT f.layer, f.mine_code,
        CASE WHEN f.layer <> 'survey_extent'
            THEN COALESCE(
                CASE WHEN f.layer = 'protected_object' THEN f.attrs ->> 'name' END,
                f.attrs ->> 'code', f.attrs ->> 'name') END AS name,
        f.attrs ->> 'verification' AS verification, f.state,
        ST_AsGeoJSON(ST_Transform(ST_SetSRID(f.geom_3857, 3857), 4326), 8) AS geometry
    FROM minerisk.features_in(:wanted,
        ST_Transform(ST_MakeEnvelope(:west, :south, :east, :north, 4326), 3857),
        :known, :on_day, :plan_day) f
    """
)
# The licence that stands on a day, as the tiles draw it.
_LICENCES = text(
    """
    SELECT DISTINCT ON (mine_code) 'mine_boundary' AS layer, mine_code, NULL AS name,
        NULL AS verification, 'accepted' AS state, ST_AsGeoJSON(shape, 8) AS geometry
    FROM (
        SELECT f.mine_code, s.state, max(lower(f.valid)) AS since, max(f.key) AS key,
            ST_Union(f.geom) AS shape
        FROM minerisk.feature f
        JOIN minerisk.batch b ON b.id = f.batch_id AND b.seq <= :known
        LEFT JOIN minerisk.survey_states(:known) s USING (survey_id)
        WHERE f.layer = 'mine_boundary' AND COALESCE(s.state, 'accepted') IN ('accepted', 'revoked')
          AND minerisk.shows(f.layer, f.valid, :on_day, NULL)
        GROUP BY f.mine_code, f.survey_id, s.state) licence
    WHERE shape && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
    ORDER BY mine_code, state, since DESC NULLS LAST, key DESC
    """
)
_UNCLEAR = text(
    """
    SELECT 'unclear' AS layer, u.mine_code, NULL AS name, NULL AS verification, '' AS state,
        ST_AsGeoJSON(u.geom, 8) AS geometry
    FROM minerisk.unclear_ground u
    JOIN (SELECT DISTINCT ON (m.mine_code) m.mine_code, m.batch_id
        FROM minerisk.mine_state m JOIN minerisk.batch b ON b.id = m.batch_id
        WHERE b.seq <= :known ORDER BY m.mine_code, b.seq DESC) n USING (mine_code, batch_id)
    WHERE u.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
    """
)
_ENCOUNTERS = text(
    """
    SELECT 'encounters' AS layer, e.mine_code, NULL AS name, NULL AS verification,
        e.status AS state, ST_AsGeoJSON(e.geom, 8) AS geometry
    FROM minerisk.encounter e
    JOIN minerisk.batch b ON b.id = e.batch_id
    LEFT JOIN minerisk.encounter_end n ON n.encounter_id = e.id
    LEFT JOIN minerisk.batch d ON d.id = n.batch_id
    WHERE e.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
      AND b.seq <= :known AND (d.seq IS NULL OR d.seq > :known)
      AND minerisk.shows(e.layer, e.valid, :on_day, NULL)
    """
)
# What the newest run known found: zones by kind, and the flow paths below ponds.
_ZONES = text(
    """
    SELECT 'zone.' || z.kind AS layer, NULL AS mine_code, NULL AS name, NULL AS verification,
        '' AS state, ST_AsGeoJSON(z.geom, 8) AS geometry
    FROM minerisk.zone z
    WHERE z.run_id = minerisk.newest_run(:known)
      AND z.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
    UNION ALL
    SELECT 'path', NULL, NULL, NULL, '', ST_AsGeoJSON(h.geom, 8)
    FROM minerisk.head_top h
    WHERE h.run_id = minerisk.newest_run(:known)
      AND h.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
    """
)


def districts(conn: Connection) -> list[str]:
    """Return the codes of the districts in which one may see a mine."""
    return list(conn.scalars(_DISTRICTS))


def find(conn: Connection, wanted: str, limit: int) -> list[dict[str, Any]]:
    """Return what is called so, mines first: layer, mine_code, code, name, bounds."""
    escaped = wanted.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    rows = conn.execute(_FIND, {"like": f"%{escaped}%"}).all()
    rows = sorted(rows, key=lambda row: (row.later, row.name, row.mine_code or ""))
    return [
        {
            "layer": row.layer,
            "mine_code": row.mine_code,
            "code": row.code,
            "name": row.name,
            "bounds": [row.west, row.south, row.east, row.north],
        }
        for row in rows[:limit]
    ]


def shapes(
    conn: Connection,
    bounds: tuple[float, float, float, float],
    wanted: Collection[str],
    factors: Collection[str],
    known_seq: int,
    on: date,
) -> list[dict[str, Any]]:
    """Return the shapes of some layers of the map within bounds, with GeoJSON geometry.

    Parameters
    ----------
    bounds : tuple
        West, south, east, north in degrees.
    wanted : collection of str
        Layers of the map; the licences come always.
    factors : collection of str
        Which kinds of factors.
    known_seq : int
        Number of the batch up to which things are known.
    on : date
        The day asked about.
    """
    west, south, east, north = bounds
    box = {"west": west, "south": south, "east": east, "north": north}
    asked = {**box, "known": known_seq, "on_day": on, "plan_day": horizon_day(conn, on)}
    layers: set[str] = set()
    for name in wanted:
        layers |= set(LAYERS.get(name) or ())
    if "factors" in wanted:
        layers -= set(LAYERS["factors"] or ()) - set(factors)
    # What the law forbids is drawn with the zones, though it comes as the ponds' layers do.
    layers -= {"prohibited_area"}
    if "zones" in wanted:
        layers.add("prohibited_area")
    rows = list(conn.execute(_LICENCES, {**box, "known": known_seq, "on_day": on}))
    rows += conn.execute(_SHAPES, {**asked, "wanted": sorted(layers)})
    if "unclear" in wanted:
        rows += conn.execute(_UNCLEAR, {**box, "known": known_seq})
    if "encounters" in wanted:
        rows += conn.execute(_ENCOUNTERS, {**box, "known": known_seq, "on_day": on})
    if "zones" in wanted:
        rows += conn.execute(_ZONES, {**box, "known": known_seq})
    drawn = [{**row._mapping, "geometry": json.loads(row.geometry)} for row in rows]
    if "water_lines" in wanted:
        drawn += water_lines.shapes(conn, bounds, known_seq, on)
    if "models" in wanted:
        drawn += terrain_outlines.shapes(conn, bounds, known_seq)
    return drawn
