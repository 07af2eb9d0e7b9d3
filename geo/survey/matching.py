"""Which rows look like objects that are known already: a proposal, never a merger.

Two shapes may be one object if they are of one layer and one seam (a seam that one of them does not
state is no bar, and is said) and of one kind, and

- polygons overlap by at least half of what they cover together (IoU), or
- lines and points lie within their stated errors of each other (Hausdorff distance).

Rows with an official code on record are matched by that before anything is asked here.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.crs import GEOGRAPHIC, local_zone, transform
from geo.geometry import Shapes, kinds
from geo.survey.limits import limits

COLUMNS = ("new", "old", "measure", "value", "bound", "same_seam")
# The shortest degree of longitude in China (54° N): a search in degrees is never too narrow.
_METRES_PER_DEGREE = 65_000.0
# Lines are compared at least every twentieth of a segment, not at their corners only.
_DENSIFY = 0.05

Pairs = NDArray[np.intp]


def propose(new: gpd.GeoDataFrame, old: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the pairs of rows that look like one object.

    Parameters
    ----------
    new, old : GeoDataFrame
        EPSG:4490, with columns layer, seam (None where not stated) and error_m (metres).

    Returns
    -------
    DataFrame
        new, old (row positions), measure (``iou`` or ``hausdorff``), value (a share, or metres),
        bound (the least share, or the most metres), same_seam (False where one does not state it).
        Best first for each new row; an equal value keeps the order of `old`.
    """
    fresh, known = (np.asarray(one.geometry.array, dtype=object) for one in (new, old))
    error = [one["error_m"].to_numpy(dtype=float) for one in (new, old)]
    pairs = _candidates(fresh, known, error)
    kind = [kinds(one) for one in (fresh, known)]
    layer = [one["layer"].to_numpy(dtype=object) for one in (new, old)]
    seam = [one["seam"].to_numpy(dtype=object) for one in (new, old)]
    i, j = pairs
    stated = [np.array([one is not None for one in side], dtype=bool) for side in seam]
    both = stated[0][i] & stated[1][j]
    alike = (
        (layer[0][i] == layer[1][j])
        & (kind[0][i] == kind[1][j])
        & (~both | (seam[0][i] == seam[1][j]))
    )
    pairs, both = pairs[:, alike], both[alike]
    polygon = kind[0][pairs[0]] == "polygon"
    value = np.zeros(pairs.shape[1])
    bound = np.full(pairs.shape[1], float(limits()["matching"]["iou"]))
    value[polygon] = _overlap(fresh, known, pairs[:, polygon], bound[polygon])
    bound[~polygon] = np.round(error[0][pairs[0]] + error[1][pairs[1]], 3)[~polygon]
    value[~polygon] = _apart(fresh, known, pairs[:, ~polygon])
    fits = np.where(polygon, value >= bound, value <= bound)
    found = pd.DataFrame(
        {
            "new": pairs[0],
            "old": pairs[1],
            "measure": np.where(polygon, "iou", "hausdorff"),
            "value": value,
            "bound": bound,
            "same_seam": both,
        }
    )[fits]
    worth = np.where(found["measure"] == "iou", -found["value"], found["value"])
    ordered = found.assign(worth=worth).sort_values(["new", "worth", "old"], kind="stable")
    return ordered.drop(columns="worth").reset_index(drop=True)


def _candidates(fresh: Shapes, known: Shapes, error: list[NDArray[np.float64]]) -> Pairs:
    """Return the pairs whose boxes come within their errors of each other."""
    if not len(fresh) or not len(known):
        return np.empty((2, 0), dtype=np.intp)
    # One millimetre more, so that what lies exactly at the bound is not lost to rounding.
    reach = (error[0] + error[1].max() + 0.001) / _METRES_PER_DEGREE
    grown = shapely.bounds(fresh) + np.stack([-reach, -reach, reach, reach], axis=1)
    tree = shapely.STRtree(known)
    return np.asarray(tree.query(shapely.box(*grown.T)), dtype=np.intp)


def _metric(shapes: Shapes, rows: NDArray[np.intp], zones: NDArray[np.int_]) -> Shapes:
    """Return ``shapes[rows]`` in metres, each in the zone asked for."""
    made = np.empty(len(rows), dtype=object)
    for zone in np.unique(zones):
        at = np.flatnonzero(zones == zone)
        # A shape in many pairs is moved once.
        once, back = np.unique(rows[at], return_inverse=True)
        made[at] = transform(shapes[once], GEOGRAPHIC, int(zone))[back]
    return made


def _zones(fresh: Shapes, rows: NDArray[np.intp]) -> NDArray[np.int_]:
    bounds = shapely.bounds(fresh[rows])
    middles = (bounds[:, 0] + bounds[:, 2]) / 2
    return np.array([local_zone(float(one)) for one in middles], dtype=int)


def _overlap(
    fresh: Shapes, known: Shapes, pairs: Pairs, least: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the IoU of pairs of polygons, 0 where their sizes alone rule out the least wanted."""
    value = np.zeros(pairs.shape[1])
    # IoU is at most the smaller area over the larger; degrees serve, both lie in one place.
    a, b = shapely.area(fresh)[pairs[0]], shapely.area(known)[pairs[1]]
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.minimum(a, b) / np.maximum(a, b) >= least - 0.01
    at = np.flatnonzero(near)
    zones = _zones(fresh, pairs[0, at])
    one = _metric(fresh, pairs[0, at], zones)
    two = _metric(known, pairs[1, at], zones)
    shared = shapely.area(shapely.intersection(one, two))
    together = shapely.area(one) + shapely.area(two) - shared
    with np.errstate(divide="ignore", invalid="ignore"):
        value[at] = np.where(together > 0, shared / together, 0.0)
    return np.round(value, 4)


def _apart(fresh: Shapes, known: Shapes, pairs: Pairs) -> NDArray[np.float64]:
    """Return the Hausdorff distance of pairs of lines or points, in metres to 1 mm."""
    zones = _zones(fresh, pairs[0])
    one = _metric(fresh, pairs[0], zones)
    two = _metric(known, pairs[1], zones)
    lines = shapely.get_dimensions(one) > 0
    value = np.zeros(len(one))
    value[lines] = shapely.hausdorff_distance(one[lines], two[lines], densify=_DENSIFY)
    value[~lines] = shapely.hausdorff_distance(one[~lines], two[~lines])
    return np.round(value, 3)
