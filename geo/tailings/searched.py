"""Where somebody looked for what, on the ground of ponds: unknown is never clear (LOGIC L8, L9)."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio import features

from geo.tailings.dem import Dem

# Columns of a frame of survey extents: CGCS2000 degrees; the layers looked for.
EXTENTS = ("geometry", "kinds")

# Less ground than this is rounding, m² or m.
_ROUNDING = 1e-3


def unsurveyed(
    ground: Any, dem: Dem, extents: pd.DataFrame | None, layers: Iterable[str]
) -> list[str]:
    """Return the layers that nobody looked for over the whole of a ground.

    Parameters
    ----------
    ground : shapely geometry
        In the zone's metres.
    dem : Dem
        Gives the zone.
    extents : DataFrame or None
        Columns ``EXTENTS``.
    layers : iterable of str
    """
    missing = []
    for name in layers:
        looked: list[Any] = []
        if extents is not None and not extents.empty:
            sought = [name in (kinds or ()) for kinds in extents["kinds"]]
            looked = list(dem.local(extents["geometry"][sought]))
        rest = shapely.difference(ground, shapely.union_all(looked))
        size = shapely.area(rest) if shapely.area(ground) else shapely.length(rest)
        if size > _ROUNDING or (not shapely.length(ground) and not rest.is_empty):
            missing.append(name)
    return missing


def searched_cells(dem: Dem, grounds: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return the cells whose centre lies on ground that was searched.

    Parameters
    ----------
    dem : Dem
    grounds : ndarray of object
        Polygons, CGCS2000 degrees.
    """
    drawn = [one for one in dem.local(grounds) if not shapely.is_empty(one)] if len(grounds) else []
    if not drawn:
        return np.zeros(dem.shape, dtype=bool)
    burnt = features.rasterize(drawn, out_shape=dem.shape, transform=dem.transform)
    return np.asarray(burnt, dtype=bool)
