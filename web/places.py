"""A place somebody types: longitude and latitude, or X (north) and Y (east) of a metric zone.

Chinese mine files write X for north and Y for east, Y with the number of its zone in front: 25-45
for 3-degree zones, 13-23 for 6-degree ones. Without that number the zone is not known; each zone
that puts the place near the mines the reader sees is offered, never one chosen in silence.
"""

import re
from typing import Any

from geo.crs import GEOGRAPHIC, transformer

# Where a Chinese mine can lie.
LON, LAT = (70.0, 140.0), (0.0, 56.0)
NORTH = (0.0, 6_300_000.0)
EAST = (100_000.0, 900_000.0)
# EPSG of the first zone that carries its number, and its number; then of the first meridian.
_THREE, _THREE_FIRST, _SIX, _SIX_FIRST = 4513, 25, 4491, 13
_MERIDIAN, _MERIDIAN_FIRST = 4534, 75
_NEAR = 1.0

_DMS = re.compile(r"(\d{1,3})[°度:]\s*(\d{1,2})[′'分:]\s*(\d{1,2}(?:\.\d+)?)\s*[″\"秒]?")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def _within(value: float, span: tuple[float, float]) -> bool:
    return span[0] <= value <= span[1]


def numbers(text: str) -> list[float]:
    """Return the two numbers of a typed place, degrees with minutes and seconds as degrees."""
    if _DMS.search(text):
        return [int(d) + int(m) / 60 + float(s) / 3600 for d, m, s in _DMS.findall(text)]
    return [float(found) for found in _NUMBER.findall(text.replace(",", " ").replace(",", " "))]


def _metric(north: float, east: float, near: list[float] | None) -> list[tuple[int, float]]:
    """Return the zones a typed easting may belong to, with the easting as each has it."""
    zone = int(east // 1_000_000)
    if zone:
        if _THREE_FIRST <= zone <= _THREE_FIRST + 20:
            return [(_THREE + zone - _THREE_FIRST, east)]
        if _SIX_FIRST <= zone <= _SIX_FIRST + 10:
            return [(_SIX + zone - _SIX_FIRST, east)]
        return []
    found = []
    for i in range(21):
        epsg = _MERIDIAN + i
        lon, lat = transformer(epsg, GEOGRAPHIC).transform(east, north)
        if near is None or (
            near[0] - _NEAR <= lon <= near[2] + _NEAR and near[1] - _NEAR <= lat <= near[3] + _NEAR
        ):
            found.append((epsg, east))
    return found


def typed(text: str, near: list[float] | None = None) -> list[dict[str, Any]]:
    """Return the places a typed text may mean: ``lon``, ``lat`` and the ``epsg`` it was read in.

    Parameters
    ----------
    text : str
        Such as ``112.5 38.8``, ``38°48′ 112°30′``, ``X=4296000 Y=37543000``.
    near : list of float, optional
        West, south, east, north of what the reader sees; it picks the zone where none is typed.
    """
    given = numbers(text)
    if len(given) != 2 or re.search(r"[^\W\dXYxyENenXY东北经纬度分秒米m]", text):
        return []
    first, second = given
    for lon, lat in ((first, second), (second, first)):
        if _within(lon, LON) and _within(lat, LAT):
            return [{"lon": lon, "lat": lat, "epsg": GEOGRAPHIC}]
    for north, east in ((first, second), (second, first)):
        bare = east % 1_000_000
        if _within(north, NORTH) and north > 1_000_000 and _within(bare, EAST):
            places = []
            for epsg, value in _metric(north, east, near):
                lon, lat = transformer(epsg, GEOGRAPHIC).transform(value, north)
                places.append({"lon": lon, "lat": lat, "epsg": epsg})
            if places:
                return places
    return []
