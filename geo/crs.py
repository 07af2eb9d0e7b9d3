"""Coordinate systems: the metric zone of a place, and exact moves between frames.

Geometry rests in CGCS2000 (EPSG:4490), axis order always x, y. Metres are taken in the 3-degree
Gauss-Krüger zone of a mine's representative point. Transforms are pyproj's alone.
"""

import math
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

GEOGRAPHIC = 4490
# CGCS2000 / 3-degree Gauss-Kruger CM 75E … 135E are EPSG:4534 … 4554.
_FIRST_EPSG, _FIRST_MERIDIAN, _LAST_MERIDIAN = 4534, 75, 135


def local_zone(lon: float) -> int:
    """Return the EPSG code of the 3-degree CGCS2000 zone of a longitude; a tie goes west.

    Parameters
    ----------
    lon : float
        Longitude in degrees.

    Raises
    ------
    ValueError
        Outside the zones that exist (73.5°–136.5° E).
    """
    meridian = math.ceil((lon - 1.5) / 3) * 3
    if not _FIRST_MERIDIAN <= meridian <= _LAST_MERIDIAN:
        raise ValueError(f"no 3-degree zone of CGCS2000 at {lon}° E")
    return _FIRST_EPSG + (meridian - _FIRST_MERIDIAN) // 3


@lru_cache(maxsize=256)
def transformer(source: int, target: int) -> Transformer:
    """Return the transformer between two EPSG codes, x before y on both sides."""
    return Transformer.from_crs(source, target, always_xy=True)


def transform(geometries: NDArray[np.object_], source: int, target: int) -> NDArray[np.object_]:
    """Return `geometries` moved from one EPSG code to another, vectorised over all coordinates."""
    if source == target or not len(geometries):
        return np.asarray(geometries, dtype=object)
    move = transformer(source, target)

    def both(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(move.transform(xy[:, 0], xy[:, 1]))

    return np.asarray(shapely.transform(np.asarray(geometries, dtype=object), both), dtype=object)


def _valid(moved: NDArray[np.object_]) -> NDArray[np.object_]:
    """Mend what the move itself broke: rounded coordinates may make the sides of a sliver cross."""
    broken = ~shapely.is_valid(moved)
    if broken.any():
        moved = moved.copy()
        moved[broken] = shapely.make_valid(moved[broken], method="structure", keep_collapsed=False)
    return moved


def to_metric(geometries: NDArray[np.object_], zone_epsg: int) -> NDArray[np.object_]:
    """Return valid CGCS2000 geometries in metres of the zone `zone_epsg`, valid there too."""
    return _valid(transform(geometries, GEOGRAPHIC, zone_epsg))


def from_metric(geometries: NDArray[np.object_], zone_epsg: int) -> NDArray[np.object_]:
    """Return geometries in metres of the zone `zone_epsg` in CGCS2000 degrees, valid there too."""
    return _valid(transform(geometries, zone_epsg, GEOGRAPHIC))
