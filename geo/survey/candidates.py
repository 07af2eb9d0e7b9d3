"""Where a layer would fall if its numbers were of another coordinate system."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely

from geo.crs import GEOGRAPHIC, transform


def falls(shapes: Iterable[Any], chosen: int, others: Iterable[int]) -> dict[int, Any]:
    """Return the outline of a layer in CGCS2000 under each coordinate system it may be in.

    Its own numbers are got back from the system it was read in, and read in the other one.

    Parameters
    ----------
    shapes : iterable of Geometry
        As they were read: CGCS2000.
    chosen : int
        EPSG code of the system they were read in.
    others : iterable of int
        EPSG codes of the candidates.
    """
    whole = shapely.convex_hull(shapely.geometrycollections(list(shapes)))
    found = {chosen: whole}
    numbers = transform(np.array([whole], dtype=object), GEOGRAPHIC, chosen)
    for epsg in others:
        (moved,) = transform(numbers, epsg, GEOGRAPHIC)
        if np.isfinite(shapely.get_coordinates(moved)).all():
            found[epsg] = moved
    return found
