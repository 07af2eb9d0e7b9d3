"""The no-build zone of a model by tiles of a fixed grid, each with ground around it.

A tile is conditioned with its surroundings and on its own, and its answers are those of its window
alone: so they do not depend on how many work, or in which order. No path from inside the tile
reaches the window's edge within the limit. The grid is fixed in the zone's coordinates, and a
verdict uses the window of its toe's tile (``tile_at``): the two agree here, too.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.tailings.capture import Captures, captures, reach_of
from geo.tailings.dem import Dem, Terrain, prepare
from geo.tailings.model import Model
from geo.tailings.parameters import terrain_rules
from geo.tailings.searched import searched_cells
from geo.tailings.waterways import Waterway
from geo.tailings.zone import Zone, no_build

OUTSIDE, INSIDE, UNDECIDED, NO_GROUND = 0, 1, 2, 255


@dataclass(frozen=True)
class Tile:
    """The cells a tile answers for and the window it is computed from, in cells of the model."""

    name: str
    rows: slice
    cols: slice
    window_rows: slice
    window_cols: slice


@dataclass(frozen=True, eq=False)
class OnGround:
    """What is laid on a model, CGCS2000 degrees: objects (``capture.OBJECTS``) and waterways.

    `searched` is the ground on which somebody looked for such objects; None: not asked. `capture`
    are the figures of capture, by default those of ``terrain.yaml``.
    """

    objects: pd.DataFrame
    waterways: tuple[Waterway, ...] = ()
    searched: NDArray[np.object_] | None = None
    capture: dict[str, Any] | None = None

    def digest(self) -> str:
        """Return what it says, as a digest."""
        told = hashlib.sha256()
        for shape, error in zip(self.objects["geometry"], self.objects["error_m"], strict=True):
            told.update(shapely.to_wkb(shape) + repr(float(error)).encode())
        for one in self.waterways:
            told.update(shapely.to_wkb(one.line) + repr((one.culvert, one.depth_m)).encode())
        if self.capture is not None:
            told.update(json.dumps(self.capture, sort_keys=True, default=str).encode())
        if self.searched is not None:
            told.update(b"searched")
            for ground in self.searched:
                told.update(shapely.to_wkb(ground))
        return told.hexdigest()


def frame_of(model: Model) -> Dem:
    """Return a model of one cell without a height: all that coordinates ask of it."""
    return Dem(np.full((1, 1), np.nan), model.grid, model.epsg)


def _halo(model: Model, wanted: int, capture: dict[str, Any] | None) -> int:
    reach = reach_of(frame_of(model), capture)
    metres = float(terrain_rules()["path"]["limit_m"]) + reach.width + reach.point
    return max(wanted, math.ceil(metres / model.grid.a) + 2)


def _spans(first: int, count: int, size: int, halo: int) -> Iterator[tuple[int, slice, slice]]:
    """Yield the number in the fixed grid, the core and the window of each tile along one axis.

    `first` is the place of the model's first cell in the zone's grid of cells.
    """
    for number in range(first // size, (first + count - 1) // size + 1):
        begin = max(number * size - first, 0)
        end = min((number + 1) * size - first, count)
        # The window goes by the fixed tile, not by what of it the model covers.
        low = max(number * size - first - halo, 0)
        high = min((number + 1) * size - first + halo, count)
        yield number, slice(begin, end), slice(low, high)


def tiles_of(
    model: Model,
    *,
    cells: int | None = None,
    halo: int | None = None,
    capture: dict[str, Any] | None = None,
) -> list[Tile]:
    """Return the tiles of a model, row by row.

    Parameters
    ----------
    model : Model
    cells, halo : int, optional
        Cells along a tile and around it; by default the figures of ``terrain.yaml``.
    capture : dict, optional
        The figures of capture: what is around a tile is at least as wide as they reach.
    """
    rules = terrain_rules()["tiles"]
    size = int(rules["cells"]) if cells is None else cells
    around = _halo(model, int(rules["halo_cells"]) if halo is None else halo, capture)
    place, (high, wide) = model.grid, model.shape
    top, left = round(-place.f / -place.e), round(place.c / place.a)
    return [
        Tile(f"{row}_{col}", rows, cols, window_rows, window_cols)
        for row, rows, window_rows in _spans(top, high, size, around)
        for col, cols, window_cols in _spans(left, wide, size, around)
    ]


def tile_at(model: Model, tiles: list[Tile], shape: Any) -> Tile:
    """Return the tile that answers for a toe: that of its middle, or the nearest to it.

    Parameters
    ----------
    model : Model
    tiles : list of Tile
        ``tiles_of(model)``.
    shape : shapely geometry
        CGCS2000 degrees.
    """
    west, south, east, north = shapely.bounds(frame_of(model).local([shape])[0])
    col, row = ~model.grid @ ((west + east) / 2, (south + north) / 2)

    def away(tile: Tile) -> float:
        aside = max(tile.cols.start - col, col - tile.cols.stop, 0)
        return math.hypot(aside, max(tile.rows.start - row, row - tile.rows.stop, 0))

    return min(tiles, key=away)


def near(model: Model, tile: Tile, ground: OnGround) -> OnGround:
    """Return what lies within reach of a tile's window, so that little travels to who computes it.

    Which objects these are depends on the tile and on each object alone.
    """
    (west, north) = model.grid @ (tile.window_cols.start, tile.window_rows.start)
    (east, south) = model.grid @ (tile.window_cols.stop, tile.window_rows.stop)
    frame = frame_of(model)
    reach = reach_of(frame, ground.capture)
    edge = shapely.box(west, south, east, north)
    (box,) = frame.abroad([shapely.segmentize(edge, max(east - west, north - south) / 8)])
    errors = ground.objects["error_m"].fillna(0).to_numpy(dtype=float)
    # Twice the distance, in degrees of the longest parallel's worth: too many do no harm.
    most = 2 * (reach.width + reach.point + errors) / 111_000 / math.cos(math.radians(54))
    shapes = ground.objects["geometry"].to_numpy()
    box = shapely.envelope(box)
    close = shapely.distance(shapes, box) <= most
    searched = ground.searched
    if searched is not None and len(searched):
        searched = searched[shapely.intersects(searched, box)]
    return replace(
        ground,
        objects=ground.objects[close],
        waterways=tuple(one for one in ground.waterways if shapely.intersects(one.line, box)),
        searched=searched,
    )


def key_of(model: Model, tile: Tile, close: OnGround) -> str:
    """Return what a tile's answer depends on, as a digest.

    Parameters
    ----------
    model : Model
    tile : Tile
    close : OnGround
        ``near`` of the tile.
    """
    rules: dict[str, Any] = {
        name: terrain_rules()[name] for name in ("path", "capture", "conditioning", "reading")
    }
    told = json.dumps(rules, sort_keys=True, default=str)
    parts = (model.digest(), repr(tile), close.digest(), told)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Prepared:
    """A window made to drain, with the objects that count laid on it, and the zone."""

    terrain: Terrain
    found: Captures
    zone: Zone


def prepared(dem: Dem, close: OnGround) -> Prepared:
    """Return a window ready for questions."""
    terrain = prepare(dem, waterways=close.waterways)
    found = captures(dem, close.objects, close.capture)
    looked = None if close.searched is None else searched_cells(dem, close.searched)
    return Prepared(terrain, found, no_build(terrain, found, surveyed=looked))


def codes(zone: Zone) -> NDArray[np.uint8]:
    """Return a zone's cells as codes: outside, inside, undecided or no ground."""
    code = np.full(zone.mask.shape, OUTSIDE, dtype=np.uint8)
    code[zone.undecided] = UNDECIDED
    code[zone.mask] = INSIDE
    code[zone.dem.no_ground] = NO_GROUND
    return code


def zone_of(dem: Dem, close: OnGround) -> NDArray[np.uint8]:
    """Return the zone's codes of a window; one without ground is not worked on."""
    if dem.no_ground.all():
        return np.full(dem.shape, NO_GROUND, dtype=np.uint8)
    return codes(prepared(dem, close).zone)


def own_cells(tile: Tile, code: NDArray[Any]) -> NDArray[Any]:
    """Return the part of a window that the tile answers for."""
    r, c = tile.rows.start - tile.window_rows.start, tile.cols.start - tile.window_cols.start
    return code[r : r + tile.rows.stop - tile.rows.start, c : c + tile.cols.stop - tile.cols.start]
