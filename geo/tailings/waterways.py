"""Known waterways: channels and culverts cut into a terrain model before it is made to drain."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.transform import Affine

from geo.kernels import compiled
from geo.tailings.parameters import terrain_rules


@dataclass(frozen=True, eq=False)
class Waterway:
    """A line that water is known to take.

    Attributes
    ----------
    line : shapely line
        In CGCS2000 degrees or the zone's metres, as whoever holds it says.
    culvert : bool
        It runs under a bank, not in a bed of its own.
    depth_m : float or None
        How far it lies below the ground, as surveyed; None where nobody said.
    key : str
        Of the row that tells of it.
    """

    line: shapely.LineString
    culvert: bool = False
    depth_m: float | None = None
    key: str = ""


@compiled
def _line_cells(rows, cols, r0, c0, r1, c1, out):  # type: ignore[no-untyped-def]
    """Write the 8-connected cells between two cells (Bresenham), those inside the grid."""
    dr, dc = abs(r1 - r0), abs(c1 - c0)
    sr, sc = 1 if r1 >= r0 else -1, 1 if c1 >= c0 else -1
    error, filled = dc - dr, 0
    while True:
        if 0 <= r0 < rows and 0 <= c0 < cols:
            out[filled] = r0 * cols + c0
            filled += 1
        if r0 == r1 and c0 == c1:
            return filled
        twice = 2 * error
        if twice > -dr:
            error -= dr
            c0 += sc
        if twice < dc:
            error += dc
            r0 += sr


def cells_along(
    line: shapely.LineString, transform: Affine, shape: tuple[int, int]
) -> NDArray[np.int64]:
    """Return the 8-connected cells under a line, in its order, each once in a row.

    Parameters
    ----------
    line : LineString
        In the grid's own metres.
    transform : Affine
        Of the grid.
    shape : (int, int)
        Rows and columns of the grid.
    """
    rows, cols = shape
    xy = shapely.get_coordinates(line)
    col, row = ~transform @ (xy[:, 0], xy[:, 1])
    at = np.floor(np.column_stack((row, col))).astype(np.int64)
    found = []
    for (r0, c0), (r1, c1) in pairwise(at):
        out = np.empty(max(abs(r1 - r0), abs(c1 - c0)) + 1, dtype=np.int64)
        found.append(out[: _line_cells(rows, cols, r0, c0, r1, c1, out)])
    cells = np.concatenate(found) if found else np.empty(0, dtype=np.int64)
    return cells[np.concatenate(([True], cells[1:] != cells[:-1]))] if cells.size else cells


def _lower_end(z: NDArray[np.floating], cells: NDArray[np.int64]) -> float:
    """Return the lowest ground at or beside the lower end of a line's cells."""
    flat, cols = z.ravel(), z.shape[1]
    end = int(cells[-1] if flat[cells[-1]] <= flat[cells[0]] else cells[0])
    r, c = divmod(end, cols)
    return float(np.nanmin(z[max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2]))


def burn(
    z: NDArray[np.floating],
    transform: Affine,
    waterways: Iterable[Waterway],
    *,
    channel_burn_m: float | None = None,
) -> NDArray[np.floating]:
    """Return heights with known waterways cut in.

    A channel is lowered by `channel_burn_m`, a culvert by nothing; either by its own depth where
    that is stated and more, yet not below the lowest ground at its lower end, where it would only
    be a pit. Then it is cut from its higher end to its lower one so that it never rises: of a bank
    over a culvert only that goes.

    Parameters
    ----------
    z : ndarray of float, shape (rows, cols)
        Heights, m; NaN stays.
    transform : Affine
        Of the grid.
    waterways : iterable of Waterway
        In the grid's own metres.
    channel_burn_m : float, optional
        By default the figure of ``terrain.yaml``, m.
    """
    if channel_burn_m is None:
        channel_burn_m = float(terrain_rules()["conditioning"]["channel_burn_m"])
    cut = z.copy()
    before, flat, shape = z.ravel(), cut.ravel(), (z.shape[0], z.shape[1])
    ways = []
    for one in waterways:
        cells = cells_along(one.line, transform, shape)
        ground = cells[~np.isnan(before[cells])]
        if not ground.size:
            continue
        ways.append(ground)
        base = 0.0 if one.culvert else channel_burn_m
        bed = before[ground] - base
        if one.depth_m is not None and one.depth_m > base:
            floor = _lower_end(z, ground) - base
            bed = np.minimum(bed, np.maximum(before[ground] - one.depth_m, floor))
        # Lowered once where two meet: each from the ground as it was.
        np.minimum.at(flat, ground, bed.astype(flat.dtype))
    for ground in ways:
        down = ground if flat[ground[0]] >= flat[ground[-1]] else ground[::-1]
        flat[down] = np.minimum.accumulate(flat[down])
    return cut
