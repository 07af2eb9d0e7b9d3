"""Which of several elevation models answers for a place: the newest that shows what lies around."""

import math
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.tailings.parameters import terrain_rules

_DEGREE_M = 111_320.0


def _inner(ground: shapely.Geometry, margin_m: float) -> shapely.Geometry:
    """Return ground less a margin along its edge, CGCS2000 degrees."""
    _, south, _, north = ground.bounds
    # Degrees of longitude are the shorter ones: stretched, a margin is the same all around.
    short = math.cos(math.radians((south + north) / 2))
    flat = shapely.transform(ground, lambda at: at * (short, 1))
    less = shapely.buffer(flat, -margin_m / _DEGREE_M, join_style="mitre")
    return shapely.transform(less, lambda at: at / (short, 1))


def shares(grounds: Sequence[shapely.Geometry], margin_m: float) -> NDArray[np.object_]:
    """Return the ground for which each of several models answers.

    A place belongs to the newest model that reaches `margin_m` beyond it on all sides, so that a
    path from it does not leave the model; where none does, to the newest there is. The shares do
    not overlap, and together they are all the ground there is, rims of older models aside.

    Parameters
    ----------
    grounds : sequence of shapely geometry
        What each shows, CGCS2000 degrees; the newest first.
    margin_m : float

    Returns
    -------
    ndarray of shapely geometry, shape (n,)
        Empty for a model that newer ones leave nothing but a rim of.
    """
    inner = [_inner(ground, margin_m) for ground in grounds]
    sure, rim = shapely.union_all(inner), float(terrain_rules()["reading"]["rim_m"])
    found = np.empty(len(grounds), dtype=object)
    for at, ground in enumerate(grounds):
        best = shapely.difference(inner[at], shapely.union_all(inner[:at]))
        rest = shapely.difference(ground, shapely.union_all([sure, *grounds[:at]]))
        mine = shapely.union(best, rest)
        if at and _inner(mine, rim / 2).is_empty:
            mine = shapely.Polygon()
        found[at] = mine
    return found


def answering(found: NDArray[np.object_], shape: shapely.Geometry) -> int:
    """Return which share a shape belongs to: that of its middle, or the nearest.

    Parameters
    ----------
    found : ndarray
        As ``shares`` gives them: one at least has ground.
    shape : shapely geometry
        CGCS2000 degrees.
    """
    west, south, east, north = shapely.bounds(shape)
    middle = shapely.Point((west + east) / 2, (south + north) / 2)
    away = np.where(shapely.is_empty(found), np.inf, shapely.distance(found, middle))
    return int(np.argmin(away))
