"""What a flow path captures: the one mask that verdicts and zones both use (LOGIC L23, L25).

An object is its ground plan and the error of its place; a point is a disc. A path meets it when a
cell of the path lies within W of it, or when one of its own cells drains to the path and stands at
most Z above every cell on the way, the path's own included (height above drainage, Nobre et al.
2011, doi:10.1016/j.jhydrol.2011.03.051). The nearest path cell is thus the nearest along the flow,
and whether a cell is in the mask does not depend on which path comes: so the zone can be one pass.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.kernels import compiled
from geo.tailings.dem import Dem, Terrain
from geo.tailings.flow import offsets
from geo.tailings.parameters import terrain_rules

# Columns of a frame of protected objects: key (str), geometry (CGCS2000), error_m (float, m; NaN is
# none stated), people (int or None: unknown counts).
OBJECTS = ("key", "geometry", "error_m", "people")


@dataclass(frozen=True)
class Reach:
    """How far a path captures, m: `width` aside, `height` above; `point` is a point's radius."""

    width: float
    height: float
    point: float


@dataclass(frozen=True, eq=False)
class Captures:
    """Protected objects on the grid. Row i has cells ``near[near_from[i]:near_from[i + 1]]``.

    Attributes
    ----------
    objects : DataFrame
        As given, index 0…n−1.
    plans : ndarray of object
        Ground plans in the zone's metres.
    spread : ndarray of float64
        Radius of a point plus the error of the place, m.
    near, near_from : ndarray of int64
        Cells whose centre lies within W of the plan and its spread.
    own, own_from : ndarray of int64
        Cells the plan and its spread touch.
    reach : Reach
    """

    objects: pd.DataFrame
    plans: NDArray[np.object_]
    spread: NDArray[np.float64]
    near: NDArray[np.int64]
    near_from: NDArray[np.int64]
    own: NDArray[np.int64]
    own_from: NDArray[np.int64]
    reach: Reach


def reach_of(dem: Dem, rules: dict[str, Any] | None = None) -> Reach:
    """Return how far a path captures on a model; W is never under the least count of cells.

    Parameters
    ----------
    dem : Dem
    rules : dict, optional
        The county's own ``capture`` figures; by default those of ``terrain.yaml``.
    """
    figures = rules or terrain_rules()["capture"]
    least = figures["width_at_least_cells"] * max(dem.cell)
    return Reach(
        max(float(figures["width_m"]), least),
        float(figures["height_m"]),
        float(figures["point_radius_m"]),
    )


def _rows(lists: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    begin = np.concatenate(([0], np.cumsum([len(one) for one in lists]))).astype(np.int64)
    return np.concatenate([np.empty(0, dtype=np.int64), *lists]), begin


def captures(dem: Dem, objects: pd.DataFrame, rules: dict[str, Any] | None = None) -> Captures:
    """Lay protected objects on a model's grid.

    Parameters
    ----------
    dem : Dem
    objects : DataFrame
        Columns of ``OBJECTS``.
    rules : dict, optional
        The county's own ``capture`` figures.
    """
    objects = objects.reset_index(drop=True)
    reach = reach_of(dem, rules)
    plans = dem.local(objects["geometry"])
    radius = np.where(shapely.get_dimensions(plans) == 0, reach.point, 0.0)
    spread = radius + np.nan_to_num(objects["error_m"].to_numpy(dtype=float))
    near, own = [], []
    for plan, metres in zip(plans, spread, strict=True):
        near.append(dem.within(plan, metres + reach.width, centre=True))
        own.append(dem.within(plan, metres, centre=False))
    return Captures(objects, plans, spread, *_rows(near), *_rows(own), reach)


@compiled
def _join(z, bed, d8, offset, own, path, most, joins):  # type: ignore[no-untyped-def]
    """For each cell find where its flow joins the path, if it never stands higher than `most`."""
    for place in range(own.size):
        at = own[place]
        top = np.float64(z[at])
        joins[place] = -1
        while top - bed[at] <= most:  # false where there is no ground
            if path[at]:
                joins[place] = at
                break
            step = offset[d8[at]]
            if step == 0:
                break
            at += step


def joins(
    z: NDArray[np.floating],
    bed: NDArray[np.floating],
    d8: NDArray[np.uint8],
    own: NDArray[np.int64],
    path: NDArray[np.bool_],
    height_m: float,
) -> NDArray[np.int64]:
    """Return the cell of `path` that each cell of `own` stands at most `height_m` above, or −1.

    Parameters
    ----------
    z, bed : ndarray of float, shape (rows, cols)
        The model's heights, and those above which ground is measured (``Terrain.bed``), m.
    d8 : ndarray of uint8, shape (rows, cols)
    own : ndarray of int64
    path : ndarray of bool, shape (rows, cols)
    height_m : float
    """
    found = np.empty(own.size, dtype=np.int64)
    _join(
        z.ravel(), bed.ravel(), d8.ravel(), offsets(d8.shape[1]), own, path.ravel(), height_m, found
    )
    return found


def any_of(flags: NDArray[np.bool_], begin: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return for each row whether any of its cells is flagged."""
    total = np.concatenate(([0], np.cumsum(flags)))
    return np.asarray(total[begin[1:]] > total[begin[:-1]])


@compiled
def _mark(z, bed, d8, offset, own, most, lowest, mask):  # type: ignore[no-untyped-def]
    for at in own:
        top = np.float64(z[at])
        while top - bed[at] <= most and top < lowest[at]:
            lowest[at] = top
            mask[at] = True
            step = offset[d8[at]]
            if step == 0:
                break
            at += step


def capture_mask(terrain: Terrain, found: Captures) -> NDArray[np.bool_]:
    """Return all cells on which a path meets some object."""
    return mask_of(terrain, found.own, found.near, found.reach.height)


def mask_of(
    terrain: Terrain, own: NDArray[np.int64], near: NDArray[np.int64], height_m: float
) -> NDArray[np.bool_]:
    """Return all cells on which a path captures any of some ground.

    The lower of two cells that drain the same way is captured at least as far, so a way once marked
    from lower ground is not walked again.

    Parameters
    ----------
    terrain : Terrain
    own, near : ndarray of int64
        Cells of the ground, and those aside of it that capture it by themselves.
    height_m : float
        How far above a path ground is captured, m.
    """
    mask = np.zeros(terrain.dem.shape, dtype=bool)
    lowest = np.full(mask.size, np.inf)
    _mark(
        terrain.dem.z.ravel(), terrain.bed.ravel(), terrain.d8.ravel(),
        offsets(mask.shape[1]), own, height_m, lowest, mask.ravel(),
    )  # fmt: skip
    mask.ravel()[near] = True
    mask[terrain.dem.no_ground] = False
    return mask
