"""Move heights from one grid to another, bilinear, by exact coordinates.

Transforms are pyproj's alone and taken for every cell: a place has the same height whatever box it
is read with.
"""

import numpy as np
import pyproj
from numpy.typing import NDArray
from rasterio.transform import Affine

from geo.kernels import compiled

_ROWS = 256  # rows moved at once: keeps coordinates in bounded memory
_SAME_CELL = 1e-6  # of a cell: what coordinates lose by rounding


@compiled
def _bilinear(z, row, col, out):  # type: ignore[no-untyped-def]
    """Weigh the four cells around each place; without the nearest one there is no height."""
    rows, cols = z.shape
    for i in range(out.size):
        if not (0 <= row[i] <= rows and 0 <= col[i] <= cols):
            continue
        r, c = row[i] - 0.5, col[i] - 0.5
        r0, c0 = int(np.floor(r)), int(np.floor(c))
        fr, fc = r - r0, c - c0
        total, weight, nearest, known = 0.0, 0.0, -1.0, False
        for dr in range(2):
            for dc in range(2):
                w = (fr if dr else 1 - fr) * (fc if dc else 1 - fc)
                here = z[min(max(r0 + dr, 0), rows - 1), min(max(c0 + dc, 0), cols - 1)]
                void = np.isnan(here)
                if w > nearest:
                    nearest, known = w, not void
                if not void:
                    total += w * here
                    weight += w
        if known:
            out[i] = total / weight


def _whole_cells(move: Affine) -> tuple[int, int] | None:
    """Return by how many rows and columns a grid is moved; None where it is more than moved."""
    row, col = round(move.f), round(move.c)
    apart = np.abs(np.array(move[:6]) - (1, 0, col, 0, 1, row)).max()
    return (row, col) if apart < _SAME_CELL else None


def _laid_over(z: NDArray[np.float32], offset: tuple[int, int], out: NDArray[np.float32]) -> None:
    """Copy what lies where `out` is: bilinear weights would be one and three noughts."""
    row, col = offset
    top, left = max(-row, 0), max(-col, 0)
    part = z[max(row, 0) : row + out.shape[0], max(col, 0) : col + out.shape[1]]
    out[top : top + part.shape[0], left : left + part.shape[1]] = part


def resample(
    z: NDArray[np.float32],
    transform: Affine,
    crs: pyproj.CRS,
    grid: Affine,
    shape: tuple[int, int],
    target: pyproj.CRS,
) -> NDArray[np.float32]:
    """Return heights on another grid; NaN where there are none.

    Parameters
    ----------
    z : ndarray of float32, shape (rows, cols)
        Heights, NaN for none.
    transform, crs : Affine, CRS
        Of `z`.
    grid, shape, target : Affine, (int, int), CRS
        The grid wanted.
    """
    out = np.full(shape, np.nan, dtype=np.float32)
    back = ~transform
    if crs == target and (offset := _whole_cells(back @ grid)) is not None:
        _laid_over(z, offset, out)
        return out
    move = pyproj.Transformer.from_crs(target, crs, always_xy=True)
    cols = np.arange(shape[1]) + 0.5
    for begin in range(0, shape[0], _ROWS):
        rows = np.arange(begin, min(begin + _ROWS, shape[0])) + 0.5
        c, r = np.tile(cols, rows.size), np.repeat(rows, cols.size)
        x, y = move.transform(*(grid @ (c, r)))
        col, row = back @ (np.asarray(x), np.asarray(y))
        _bilinear(z, row, col, out[begin : begin + rows.size].reshape(-1))
    return out
