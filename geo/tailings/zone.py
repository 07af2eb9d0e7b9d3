"""Ground on which no new dam's toe may lie, and the strip below a pond (LOGIC L25)."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import features

from geo.kernels import compiled
from geo.tailings.capture import Captures, Reach, capture_mask, mask_of
from geo.tailings.dem import Dem, Terrain
from geo.tailings.flow import offsets, reach
from geo.tailings.parameters import terrain_rules

# The steps of a slanting edge stand 0.71 cells from it.
CELLS_APART = 0.75


@dataclass(frozen=True, eq=False)
class Zone:
    """Cells of a zone on a model's grid.

    Attributes
    ----------
    dem : Dem
    mask : ndarray of bool, shape (rows, cols)
    undecided : ndarray of bool, shape (rows, cols)
        Cells outside it whose path leaves the model or ends in a kept pit within the limit, and
        those of `unsurveyed` outside it.
    unsurveyed : ndarray of bool, shape (rows, cols), or None
        Cells whose path captures ground on which nobody looked for protected objects;
        None where that was not asked.
    """

    dem: Dem
    mask: NDArray[np.bool_]
    undecided: NDArray[np.bool_]
    unsurveyed: NDArray[np.bool_] | None = None

    @property
    def area_m2(self) -> float:
        """Area of its cells, m²."""
        dx, dy = self.dem.cell
        return float(np.count_nonzero(self.mask) * dx * dy)

    def polygons(self) -> NDArray[np.object_]:
        """Return it as polygons for drawing; see ``outlines``."""
        return self.dem.abroad(outlines(self.mask, self.dem))


def no_build(
    terrain: Terrain,
    found: Captures,
    limit_m: float | None = None,
    surveyed: NDArray[np.bool_] | None = None,
) -> Zone:
    """Return the no-build zone: all cells whose flow path meets an object within the limit.

    For each cell it says exactly what ``headtop.meets`` says of a toe on it. Outside the zone is no
    permission.

    Parameters
    ----------
    terrain : Terrain
    found : Captures
        Protected objects on the terrain's grid.
    limit_m : float, optional
        Longest path, m, inclusive; by default the figure of ``terrain.yaml``.
    surveyed : ndarray of bool, shape (rows, cols), optional
        Where somebody looked for protected objects; None: not asked.
    """
    limit = float(terrain_rules()["path"]["limit_m"]) if limit_m is None else limit_m
    mask = capture_mask(terrain, found)
    inside = reach(terrain.d8, terrain.order, mask, terrain.dem.cell, limit) >= 0
    doubt = terrain.rim.copy()
    doubt.ravel()[terrain.kept] = True
    undecided = reach(terrain.d8, terrain.order, doubt, terrain.dem.cell, limit) >= 0
    if surveyed is None:
        return Zone(terrain.dem, inside, undecided & ~inside)
    blind = _captured_ground(terrain, ~surveyed & ~terrain.dem.no_ground, found.reach)
    unsurveyed = reach(terrain.d8, terrain.order, blind, terrain.dem.cell, limit) >= 0
    return Zone(terrain.dem, inside, (undecided | unsurveyed) & ~inside, unsurveyed)


def _captured_ground(
    terrain: Terrain, ground: NDArray[np.bool_], how_far: Reach
) -> NDArray[np.bool_]:
    """Return all cells on which a path would capture some of a ground: the mirror of ``strip``."""
    dem = terrain.dem
    if not ground.any():
        return np.zeros(dem.shape, dtype=bool)
    own = np.flatnonzero(grown(ground, dem, how_far.point, centre=False))
    near = np.flatnonzero(grown(ground, dem, how_far.width + how_far.point, centre=True))
    return mask_of(terrain, own, near, how_far.height)


@compiled
def _low_ground(z, bed, d8, offset, order, path, most, lowest, mask):  # type: ignore[no-untyped-def]
    for at in order:
        if path[at]:
            lowest[at] = bed[at]
        else:
            step = offset[d8[at]]
            lowest[at] = min(bed[at], lowest[at + step]) if step != 0 else -np.inf
        # Where no path lies below, the lowest bed on the way is minus infinity: never low ground.
        mask[at] = z[at] - lowest[at] <= most


def strip(terrain: Terrain, path: NDArray[np.integer], how_far: Reach) -> Zone:
    """Return the ground below a pond on which a new house would lie under it.

    A point object on a cell's centre is met by the path exactly where the cell is in the strip.

    Parameters
    ----------
    terrain : Terrain
    path : ndarray of int
        Cells of the pond's flow paths, as ``headtop`` gives them.
    how_far : Reach
        ``capture.reach_of(dem)``.
    """
    dem = terrain.dem
    on_path = np.zeros(dem.shape, dtype=bool)
    on_path.ravel()[path] = True
    low = np.zeros(dem.shape, dtype=bool)
    _low_ground(
        dem.z.ravel(), terrain.bed.ravel(), terrain.d8.ravel(), offsets(dem.shape[1]),
        terrain.order, on_path.ravel(), how_far.height, np.empty(low.size), low.ravel(),
    )  # fmt: skip
    mask = grown(on_path, dem, how_far.width + how_far.point, centre=True)
    mask |= grown(low, dem, how_far.point, centre=False)
    mask[dem.no_ground] = False
    return Zone(dem, mask, np.zeros_like(mask))


def grown(mask: NDArray[np.bool_], dem: Dem, metres: float, *, centre: bool) -> NDArray[np.bool_]:
    """Return the cells whose centre lies within `metres` of a cell of the mask.

    Measured to that cell's centre, or to its nearest part. Rounded to 1 mm before comparing.
    """
    dx, dy = dem.cell
    inset = (0.0, 0.0) if centre else (dx / 2, dy / 2)
    rows, cols = mask.shape
    result = mask.copy()
    most_r, most_c = int((metres + inset[1]) / dy) + 1, int((metres + inset[0]) / dx) + 1
    for dr in range(-most_r, most_r + 1):
        for dc in range(-most_c, most_c + 1):
            aside = max(abs(dc) * dx - inset[0], 0.0), max(abs(dr) * dy - inset[1], 0.0)
            if round(float(np.hypot(*aside)), 3) > metres or abs(dr) >= rows or abs(dc) >= cols:
                continue
            to = slice(max(dr, 0), rows + min(dr, 0)), slice(max(dc, 0), cols + min(dc, 0))
            of = slice(max(-dr, 0), rows + min(-dr, 0)), slice(max(-dc, 0), cols + min(-dc, 0))
            result[to] |= mask[of]
    return result


def outlines(mask: NDArray[np.bool_], dem: Dem) -> NDArray[np.object_]:
    """Return a mask's polygons in the zone's metres, for drawing only: verdicts use cells.

    Simplified within one cell; every polygon is valid and none is thinner than the model can tell.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, cols)
    dem : Dem
    """
    found = features.shapes(
        mask.astype(np.uint8), mask=mask, connectivity=4, transform=dem.transform
    )
    shapes = np.array([shapely.geometry.shape(one) for one, _ in found], dtype=object)
    if not len(shapes):
        return shapes
    return simplified(shapes, max(dem.cell))


def simplified(shapes: NDArray[np.object_], cell: float) -> NDArray[np.object_]:
    """Return polygons drawn along cells, simplified within one; those that would break as they are.

    Parameters
    ----------
    shapes : ndarray of object
    cell : float
        The larger side of a cell.
    """
    simple = shapely.simplify(shapes, CELLS_APART * cell, preserve_topology=True)
    broken = ~shapely.is_valid(simple) | shapely.is_empty(simple)
    simple[broken] = shapes[broken]
    return np.asarray(simple, dtype=object)
