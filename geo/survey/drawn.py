"""A shape somebody draws or types corner by corner, as the file an upload takes.

Corners are typed as mine files write them: X north and Y east, one corner a line, in a 3-degree
zone of CGCS2000; an empty line begins another part. What is made is a GeoJSON in the zone's own
metres, so that the bytes on record hold the figures that were typed.
"""

import json
import re
from typing import Any

import numpy as np
import shapely

from geo.crs import GEOGRAPHIC, local_zone, transform
from geo.problems import Problem

Part = list[tuple[float, float]]
# CGCS2000 / 3-degree Gauss-Kruger zones 25 … 45, whose eastings carry the number of their zone.
ZONES = tuple(range(25, 46))
_FIRST_EPSG = 4513
_PREFIX = 1_000_000
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_NORTH, _EAST = (0.0, 6_300_000.0), (100_000.0, 900_000.0)
_LEAST = {"polygon": 3, "line": 2, "point": 1}
MOST_CORNERS = 20_000


def zone_of(lon: float) -> int:
    """Return the number of the 3-degree zone of a longitude."""
    return local_zone(lon) - local_zone(ZONES[0] * 3) + ZONES[0]


def epsg_of(zone: int) -> int:
    """Return the EPSG code of a zone whose eastings carry its number.

    Raises
    ------
    Problem
        Where there is no such zone.
    """
    if zone not in ZONES:
        raise Problem("drawn.zone", zone=zone, first=ZONES[0], last=ZONES[-1])
    return _FIRST_EPSG + zone - ZONES[0]


def corners(text: str, zone: int) -> list[Part]:
    """Return the parts of a typed text: each corner's northing, and easting with the zone's number.

    Parameters
    ----------
    text : str
        ``4296000.5 37543000.2``, ``X=4296000.5, Y=543000.2``; one corner a line.
    zone : int
        Number of the zone, for eastings typed without it.

    Raises
    ------
    Problem
        ``drawn.*``, by line.
    """
    parts: list[Part] = [[]]
    lines = text.splitlines()
    if len(lines) > MOST_CORNERS:
        raise Problem("drawn.many", most=MOST_CORNERS)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            parts.append([])
            continue
        found = _NUMBER.findall(line.replace("，", " ").replace(",", " "))
        if len(found) != 2:
            raise Problem("drawn.corner", line=number, text=line.strip()[:60])
        north, east = (float(one) for one in found)
        if north >= _PREFIX * ZONES[0] or (east > _EAST[1] and east < _PREFIX * ZONES[0]):
            raise Problem("drawn.swapped", line=number, text=line.strip()[:60])
        prefix, bare = divmod(east, _PREFIX)
        if prefix and prefix != zone:
            raise Problem("drawn.other_zone", line=number, found=int(prefix), zone=zone)
        if not (_NORTH[0] < north < _NORTH[1] and _EAST[0] < bare < _EAST[1]):
            raise Problem("drawn.outside", line=number, text=line.strip()[:60])
        parts[-1].append((north, zone * _PREFIX + bare))
    made = [part for part in parts if part]
    if not made:
        raise Problem("drawn.none")
    return made


def shape(parts: list[Part], kind: str) -> Any:
    """Return the shape that parts make, x east and y north; a ring inside another is its hole.

    A ring that crosses itself is left as it is drawn: mending it, and saying so, is the reader's.

    Parameters
    ----------
    parts : list
        As :func:`corners` gives them.
    kind : str
        polygon, line or point.

    Raises
    ------
    Problem
        Where a part has too few corners.
    """
    rings = [[(east, north) for north, east in part] for part in parts]
    for number, ring in enumerate(rings, start=1):
        if len(set(ring)) < _LEAST[kind]:
            raise Problem("drawn.few", part=number, least=_LEAST[kind])
    if kind == "point":
        points = [point for ring in rings for point in ring]
        return shapely.Point(points[0]) if len(points) == 1 else shapely.MultiPoint(points)
    if kind == "line":
        return shapely.LineString(rings[0]) if len(rings) == 1 else shapely.MultiLineString(rings)
    rings.sort(key=lambda one: -shapely.Polygon(one).area)
    wholes = [shapely.make_valid(shapely.Polygon(ring)) for ring in rings]
    outer: dict[int, list[Any]] = {}
    for number, whole in enumerate(wholes):
        around = [i for i in range(number) if shapely.covers(wholes[i], whole)]
        # Even-odd: what lies in a hole is ground again.
        if len(around) % 2 == 0:
            outer[number] = []
        else:
            outer[max(i for i in around if i in outer)].append(rings[number])
    made = [shapely.Polygon(rings[i], holes) for i, holes in outer.items()]
    return made[0] if len(made) == 1 else shapely.MultiPolygon(made)


def text_of(geometry: Any, zone: int) -> tuple[str, str]:
    """Return the kind of a shape and its corners as typed text, to the millimetre.

    Parameters
    ----------
    geometry : shapely geometry
        In CGCS2000 degrees.
    zone : int
        Number of the zone.
    """
    (moved,) = transform(np.array([geometry], dtype=object), GEOGRAPHIC, epsg_of(zone))
    kind = ("point", "line", "polygon")[int(shapely.get_dimensions(moved))]
    lines: list[Any] = []
    for part in shapely.get_parts(moved):
        if kind == "polygon":
            lines += [part.exterior.coords[:-1], *(hole.coords[:-1] for hole in part.interiors)]
        else:
            lines.append(part.coords)
    if kind == "point":
        lines = [[point for line in lines for point in line]]
    parts = ["\n".join(f"{y:.3f} {x:.3f}" for x, y in line) for line in lines]
    return kind, "\n\n".join(parts)


def geojson(geometry: Any, epsg: int, values: dict[str, str], name: str) -> bytes:
    """Return a file of one row, in the zone's own coordinates.

    Parameters
    ----------
    geometry : shapely geometry
        Northings and eastings of the zone, x east.
    epsg : int
        Of the zone.
    values : dict
        Canonical field → what was typed.
    name : str
        Of the layer in the file.
    """
    row = {
        "type": "Feature",
        "properties": {field: value for field, value in values.items() if value},
        "geometry": json.loads(shapely.to_geojson(geometry)),
    }
    whole = {
        "type": "FeatureCollection",
        "name": name,
        "crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{epsg}"}},
        "features": [row],
    }
    return json.dumps(whole, ensure_ascii=False, indent=1).encode()
