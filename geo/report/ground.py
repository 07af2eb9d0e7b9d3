"""The ground under a printed map: hillshade and contours of the elevation models, at its own scale.

Drawn anew from the heights, not put together of the screen's tiles, so that lines are as fine on
paper at 1 : 2,000 as at 1 : 500,000. What stands on the sheet is to be read over it, so it is pale.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from rasterio.transform import Affine

from geo.crs import GEOGRAPHIC, transform
from geo.report import relief
from geo.report.sheet_drawing import Ground, Sheet
from geo.tailings.dem import Dem

# A pixel of the picture, and one of a screen, in millimetres: paper has the contours of the zoom at
# which a screen would show the same ground as large.
_PIXEL, _SCREEN = 0.2, 25.4 / 96
_EDGE = 2
# How strong the ground is on paper, of what it is on the screen.
_PALE = 0.6


@dataclass(frozen=True)
class Heights:
    """A model's heights, and the words of whose they are."""

    dem: Dem
    words: str


def kept(dem: Dem, most: int = 16_000_000) -> Dem:
    """Return a model of so many cells at most: its own, or the means of blocks of them."""
    rows, cols = dem.shape
    side = int(np.ceil(np.sqrt(rows * cols / most)))
    if side <= 1:
        return dem
    rows, cols = rows // side * side, cols // side * side
    blocks = np.asarray(dem.z[:rows, :cols], dtype=np.float32)
    blocks = blocks.reshape(rows // side, side, cols // side, side)
    # A block with any void has none: a mean of a part would bend the lines at a model's edge.
    return replace(dem, z=blocks.mean(axis=(1, 3)), transform=dem.transform @ Affine.scale(side))


def _near(dem: Dem, sheet: Sheet) -> Dem | None:
    """Return the part of a model around a sheet; None where it has none there."""
    edge = shapely.segmentize(shapely.box(*sheet.bounds), 0.05)
    (there,) = transform(np.array([edge], dtype=object), GEOGRAPHIC, dem.epsg)
    west, south, east, north = there.bounds
    (c0, r0), (c1, r1) = ~dem.transform @ (west, north), ~dem.transform @ (east, south)
    around = 4
    rows = slice(max(int(r0) - around, 0), max(int(r1) + around, 0))
    cols = slice(max(int(c0) - around, 0), max(int(c1) + around, 0))
    z = dem.z[rows, cols]
    if not z.size:
        return None
    return replace(dem, z=z, transform=dem.transform @ Affine.translation(cols.start, rows.start))


def under(sheet: Sheet, models: Sequence[Heights]) -> Ground | None:
    """Return the ground under a sheet; None where no model reaches it.

    Parameters
    ----------
    sheet : Sheet
    models : sequence of Heights
        The newest first: of several at a place, it answers.
    """
    width, height = sheet.frame
    shape = round(height / _PIXEL) + 2 * _EDGE, round(width / _PIXEL) + 2 * _EDGE
    cell = _PIXEL * sheet.scale / 1000
    west, north = sheet.corner
    grid = Affine(cell, 0, west - _EDGE * cell, 0, -cell, north + _EDGE * cell)
    z = np.full(shape, np.nan, dtype=np.float32)
    told: list[str] = []
    for model in models:
        part = _near(model.dem, sheet)
        if part is None:
            continue
        laid = relief.laid(part, grid, sheet.zone, shape, cell)
        mine = np.isnan(z) & np.isfinite(laid)
        if mine.any():
            z[mine] = laid[mine]
            told.append(model.words)
    inner = slice(_EDGE, -_EDGE), slice(_EDGE, -_EDGE)
    if not np.isfinite(z[inner]).any():
        return None
    step = relief.interval(relief.zoom_of(_SCREEN * sheet.scale / 1000, sheet.lat))
    rgba = relief.painted(z, cell, step)[inner]
    rgba[..., 3] *= _PALE
    heights = [
        ((col + 0.5) * _PIXEL, (row + 0.5) * _PIXEL, f"{metres:g}", turned)
        for row, col, metres, turned in relief.written(z[inner], step)
    ]
    return Ground(relief.png(np.round(rgba).astype(np.uint8)), heights, step, "；".join(told))
