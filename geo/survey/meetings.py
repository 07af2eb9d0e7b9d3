"""Which targets and factors come within reach of each other, how near, and how much they share.

Boxes first, then GEOS on what is left, in whole columns: predicates on prepared targets, distances
only of those that do not meet, intersections only of those that cross. Each shortcut gives the very
figure that GEOS would, after rounding.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

Shapes = NDArray[np.object_]
# Lengths are told to 1 mm and areas to 1 mm².
_LENGTH_DIGITS, _AREA_DIGITS = 3, 6
# What walks lines takes half a second to load and saves some 30 µs a line.
_MANY = 16_000


@dataclass(frozen=True)
class Meetings:
    """Pairs of a target and a factor, by target and then by factor.

    `distance_m` is rounded to 1 mm; `meets` tells whether they share a point.
    """

    target: NDArray[np.intp]
    factor: NDArray[np.intp]
    distance_m: NDArray[np.float64]
    meets: NDArray[np.bool_]


def meetings(targets: Shapes, factors: Shapes, reach_m: ArrayLike = 0.0) -> Meetings:
    """Return every pair that meets or comes within reach; touching is meeting.

    Parameters
    ----------
    targets : (n,) array of Geometry
        Valid, in metres. They are prepared.
    factors : (m,) array of Geometry
        Valid, in the same metres.
    reach_m : float or (m,) array_like
        How far from a target each factor is still told of; at 0, only pairs that meet are.
    """
    reach = np.broadcast_to(np.asarray(reach_m, dtype=float), len(factors))
    boxes = factors
    if reach.any():
        least_x, least_y, most_x, most_y = shapely.bounds(factors).T
        # Half a millimetre rounds down, and must not be lost to the boxes.
        wide = reach + 1e-3
        boxes = shapely.box(least_x - wide, least_y - wide, most_x + wide, most_y + wide)
    factor, target = shapely.STRtree(targets).query(boxes)
    order = np.lexsort((factor, target))
    target, factor = target[order], factor[order]
    shapely.prepare(targets)
    one, two = targets[target], factors[factor]
    meets = shapely.intersects(one, two)
    distance = np.zeros(len(target))
    apart = ~meets & (reach[factor] > 0)
    distance[apart] = np.round(shapely.distance(one[apart], two[apart]), _LENGTH_DIGITS)
    told = meets | (apart & (distance <= reach[factor]))
    return Meetings(target[told], factor[told], distance[told], meets[told])


def shared(targets: Shapes, factors: Shapes) -> NDArray[np.float64]:
    """Return how much of each factor lies in its target: m² of a polygon, m of a line.

    Parameters
    ----------
    targets, factors : (n,) array of Geometry
        Pairs, in metres; targets are polygons, prepared where there is much to do.

    Returns
    -------
    (n,) array
        Rounded to 1 mm² or 1 mm.
    """
    dimensions = shapely.get_dimensions(factors)
    areal = dimensions == 2
    found, error = _size(factors, areal)
    # What lies in the target whole, clear of its edge, is not cut: its size is known, but where a
    # line runs over its own ground twice.
    cut = ~shapely.contains_properly(targets, factors)
    kept = np.flatnonzero(~cut & (dimensions == 1))
    cut[kept] = ~shapely.is_simple(factors[kept])
    walked = np.flatnonzero(cut & (dimensions == 1))
    if len(walked) >= _MANY:
        from geo.survey.lengths import lengths_within

        found[walked], error[walked] = lengths_within(targets[walked], factors[walked])
        cut[walked] = ~np.isfinite(error[walked])
    # GEOS may add up corners in another order; where that could tip the rounding, it is asked.
    unit = np.where(areal, 10.0**_AREA_DIGITS, 10.0**_LENGTH_DIGITS)
    cut |= np.abs(found * unit - np.floor(found * unit) - 0.5) <= error * unit
    pieces = shapely.intersection(targets[cut], factors[cut])
    found[cut] = np.where(areal[cut], shapely.area(pieces), shapely.length(pieces))
    return np.where(areal, np.round(found, _AREA_DIGITS), np.round(found, _LENGTH_DIGITS))


def _size(
    shapes: Shapes, areal: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return area or length, and by how much another order of the same sum could differ."""
    length = shapely.length(shapes)
    size = np.where(areal, shapely.area(shapes), length)
    least_x, _, most_x, _ = shapely.bounds(shapes).T
    # GEOS sums x dy, x taken from a corner: no term is above width × |dy|.
    terms = np.where(areal, (most_x - least_x) * length, length)
    error = 4 * np.finfo(float).eps * shapely.get_num_coordinates(shapes) * terms
    return size, np.nan_to_num(error)
