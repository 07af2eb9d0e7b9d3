"""In which districts a place lies, by the mines and ponds there: county lines are not on record."""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Connection, text

from geo.crs import local_zone, to_metric
from geo.store.batches import newest_seq
from geo.store.withdrawn import common
from geo.survey.counties import county_box

# Of these the papers of each tell the district, not the desk that sent them. The table is asked,
# not what the actor may see: where a place lies is a fact, whoever asks.
_PLACED = text(
    "SELECT f.district, ST_AsBinary(f.geom) AS wkb FROM minerisk.feature f "
    "JOIN minerisk.survey_states(:seq) s USING (survey_id) "
    "WHERE f.layer IN ('mine_boundary', 'pond') AND s.state = 'accepted' AND f.district <> '' "
    "AND f.id NOT IN (SELECT r.feature_id FROM minerisk.replaced(:seq) r)"
)


def placed(conn: Connection) -> list[dict[str, Any]]:
    """Return district and geometry of the mines and ponds; for a connection of the worker's."""
    found = conn.execute(_PLACED, {"seq": newest_seq(conn)})
    return [{"district": r.district, "geometry": shapely.from_wkb(bytes(r.wkb))} for r in found]


def within(rows: Collection[dict[str, Any]], ground: Any, reach_m: float = 0.0) -> set[str]:
    """Return the districts of the rows that come within metres of a ground (CGCS2000 degrees)."""
    if not rows:
        return set()
    zone = local_zone(shapely.point_on_surface(ground).x)
    there = to_metric(np.array([row["geometry"] for row in rows], dtype=object), zone)
    (here,) = to_metric(np.array([ground], dtype=object), zone)
    reached = shapely.distance(there, here) <= reach_m
    return {str(row["district"]) for row, is_near in zip(rows, reached, strict=True) if is_near}


def around(
    rows: Collection[dict[str, Any]], ground: Any, reach_m: float, home: str
) -> tuple[str, ...]:
    """Return the districts of a place and of what lies within metres of it; none if unknown.

    Parameters
    ----------
    rows : collection of dict
        As :func:`placed` gives them.
    ground : shapely geometry
        CGCS2000 degrees.
    reach_m : float
    home : str
        The district this installation serves: the place is in it, too, unless its box says not.
    """
    found = within(rows, ground, reach_m)
    box = county_box(home)
    if box is None or shapely.intersects(shapely.box(*box), ground):
        found.add(home)
    # Of a city and a county in it, the county says where.
    return tuple(sorted(one for one in found if not _within_any(one, found)))


def whose(rows: Collection[dict[str, Any]], ground: Any, sender: str) -> str:
    """Return the district that ground belongs to: that which holds all mines and ponds on it.

    Of several counties it is the city or province above them. Its sender's where nothing on record
    lies there, or no district holds all.
    """
    return common(sorted(within(rows, ground))) or sender


def _within_any(district: str, known: Iterable[str]) -> bool:
    return any(other != district and other.startswith(district) for other in known)


def unserved(districts: Iterable[str], by: Collection[str]) -> tuple[str, ...]:
    """Return the districts that none of some holds: a city holds its counties, not the reverse."""
    return tuple(one for one in districts if not any(own and one.startswith(own) for own in by))
