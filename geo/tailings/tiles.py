"""The no-build zone of a model too large for memory: tiles of a fixed grid with ground around.

A tile is conditioned with its surroundings and on its own, and its answers are those of its window
alone: so they do not depend on how many work, or in which order. No path from inside the tile
reaches the window's edge within the limit. The grid is fixed in the zone's coordinates, and a
verdict on a large model uses the window of its toe's tile (``window_of``): the two agree here too.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterator
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio import shutil as raster_files
from rasterio.windows import Window

from geo.tailings.capture import captures, reach_of
from geo.tailings.dem import Dem, prepare
from geo.tailings.parameters import terrain_rules
from geo.tailings.zone import no_build

OUTSIDE, INSIDE, UNDECIDED, NO_GROUND = 0, 1, 2, 255


@dataclass(frozen=True)
class Tile:
    """The cells a tile answers for and the window it is computed from, in cells of the model."""

    name: str
    rows: slice
    cols: slice
    window_rows: slice
    window_cols: slice


@dataclass(frozen=True)
class Model:
    """A large model in a file of our own making: heights in metres of a 3-degree zone."""

    path: Path
    epsg: int
    error_m: float = 0.0

    def part(self, rows: slice, cols: slice) -> Dem:
        """Return a window of it."""
        window = Window(cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start)
        with rasterio.open(self.path) as source:
            z = source.read(1, window=window, out_dtype=np.float32)
            if source.nodata is not None:
                z[z == np.float32(source.nodata)] = np.nan
            return Dem(z, source.window_transform(window), self.epsg, error_m=self.error_m)


def _halo(cell: float, wanted: int) -> int:
    capture = terrain_rules()["capture"]
    reach = reach_of(Dem(np.zeros((1, 1)), rasterio.Affine(cell, 0, 0, 0, -cell, 0), 4547), capture)
    metres = float(terrain_rules()["path"]["limit_m"]) + reach.width + reach.point
    return max(wanted, math.ceil(metres / cell) + 2)


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


def tiles_of(model: Model, *, cells: int | None = None, halo: int | None = None) -> list[Tile]:
    """Return the tiles of a model, row by row.

    Parameters
    ----------
    model : Model
    cells, halo : int, optional
        Cells along a tile and around it; by default the figures of ``terrain.yaml``.
    """
    rules = terrain_rules()["tiles"]
    size = int(rules["cells"]) if cells is None else cells
    with rasterio.open(model.path) as source:
        place, (high, wide) = source.transform, source.shape
    around = _halo(place.a, int(rules["halo_cells"]) if halo is None else halo)
    top, left = round(-place.f / -place.e), round(place.c / place.a)
    return [
        Tile(f"{row}_{col}", rows, cols, window_rows, window_cols)
        for row, rows, window_rows in _spans(top, high, size, around)
        for col, cols, window_cols in _spans(left, wide, size, around)
    ]


def window_of(model: Model, tiles: list[Tile], x: float, y: float) -> Dem:
    """Return the window that answers for a place, in the zone's metres.

    Raises
    ------
    KeyError
        If the place lies outside the model.
    """
    with rasterio.open(model.path) as source:
        row, col = source.index(x, y)
    for tile in tiles:
        if tile.rows.start <= row < tile.rows.stop and tile.cols.start <= col < tile.cols.stop:
            return model.part(tile.window_rows, tile.window_cols)
    raise KeyError((x, y))


def zone_of_tile(model: Model, tile: Tile, objects: pd.DataFrame) -> NDArray[np.uint8]:
    """Return the zone's codes of a tile's own cells.

    Parameters
    ----------
    model : Model
    tile : Tile
    objects : DataFrame
        Columns of ``capture.OBJECTS``; those that cannot reach the window do no harm.
    """
    dem = model.part(tile.window_rows, tile.window_cols)
    terrain = prepare(dem)
    zone = no_build(terrain, captures(dem, objects))
    code = np.full(dem.shape, OUTSIDE, dtype=np.uint8)
    code[zone.undecided] = UNDECIDED
    code[zone.mask] = INSIDE
    code[dem.no_ground] = NO_GROUND
    r, c = tile.rows.start - tile.window_rows.start, tile.cols.start - tile.window_cols.start
    return code[r : r + tile.rows.stop - tile.rows.start, c : c + tile.cols.stop - tile.cols.start]


def _near(model: Model, tile: Tile, objects: pd.DataFrame) -> pd.DataFrame:
    """Return the objects within reach of a tile's window, so that little travels to the worker."""
    with rasterio.open(model.path) as source:
        place = source.transform
    west, north = place @ (tile.window_cols.start, tile.window_rows.start)
    east, south = place @ (tile.window_cols.stop, tile.window_rows.stop)
    frame = Dem(np.zeros((1, 1)), place, model.epsg)
    (box,) = frame.abroad([shapely.box(west, south, east, north)])
    reach = reach_of(frame)
    spread = objects["error_m"].fillna(0).max() if len(objects) else 0
    degrees = 2 * (reach.width + reach.point + float(spread)) / 111_000 / math.cos(math.radians(54))
    shapes = objects["geometry"].to_numpy()
    return objects[shapely.intersects(shapes, shapely.buffer(shapely.envelope(box), degrees))]


def _write(model: Model, tile: Tile, objects: pd.DataFrame, folder: Path) -> str:
    code = zone_of_tile(model, tile, objects)
    aside = folder / f".{tile.name}.{os.getpid()}"
    with aside.open("wb") as file:
        np.save(file, code)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(folder / f"{tile.name}.npy")
    return tile.name


def _key(model: Model, tiles: list[Tile], objects: pd.DataFrame) -> str:
    """Return what the answer depends on, as a digest: a run is taken up only where all is alike."""
    told = hashlib.sha256()
    with model.path.open("rb") as file:
        while block := file.read(1 << 22):
            told.update(block)
    told.update(repr((model.epsg, tiles)).encode())
    told.update(json.dumps(terrain_rules(), sort_keys=True, default=str).encode())
    for shape, error in zip(objects["geometry"], objects["error_m"], strict=True):
        told.update(shapely.to_wkb(shape) + repr(float(error)).encode())
    return told.hexdigest()


def zone_of_model(
    model: Model,
    objects: pd.DataFrame,
    out: Path,
    work: Path,
    executor: Executor,
    *,
    cells: int | None = None,
    halo: int | None = None,
) -> dict[str, int]:
    """Write the zone of a large model as a cloud-optimised GeoTIFF; return cells by code.

    Tiles that an earlier, killed run has finished are taken from `work`. The same bytes come out
    whatever the executor: of processes, or ``distributed.Client(...).get_executor()``.

    Parameters
    ----------
    model : Model
    objects : DataFrame
        Columns of ``capture.OBJECTS``.
    out : Path
    work : Path
        Folder for finished tiles, reachable by all who work.
    executor : Executor
    cells, halo : int, optional
        Cells along a tile and around it; by default the figures of ``terrain.yaml``.
    """
    tiles = tiles_of(model, cells=cells, halo=halo)
    folder = work / _key(model, tiles, objects)
    folder.mkdir(parents=True, exist_ok=True)
    todo = [tile for tile in tiles if not (folder / f"{tile.name}.npy").exists()]
    waiting = [
        executor.submit(_write, model, tile, _near(model, tile, objects), folder) for tile in todo
    ]
    for one in as_completed(waiting):
        one.result()
    return _assemble(model, tiles, folder, out)


def _assemble(model: Model, tiles: list[Tile], folder: Path, out: Path) -> dict[str, int]:
    counts = np.zeros(256, dtype=np.int64)
    plain = folder / "zone.tif"
    with rasterio.open(model.path) as source:
        profile = {
            "driver": "GTiff", "dtype": "uint8", "count": 1, "nodata": NO_GROUND, "tiled": True,
            "width": source.width, "height": source.height, "compress": "deflate",
            "crs": source.crs, "transform": source.transform, "bigtiff": "if_safer",
        }  # fmt: skip
    with rasterio.open(plain, "w", **profile) as sink:
        for tile in tiles:
            code = np.load(folder / f"{tile.name}.npy")
            counts += np.bincount(code.ravel(), minlength=256)
            height, width = code.shape
            sink.write(code, 1, window=Window(tile.cols.start, tile.rows.start, width, height))
    aside = out.with_name(f".{out.name}")
    raster_files.copy(plain, aside, driver="COG", compress="deflate", resampling="mode")
    aside.rename(out)
    plain.unlink()
    names = {"outside": OUTSIDE, "inside": INSIDE, "undecided": UNDECIDED, "no_ground": NO_GROUND}
    return {name: int(counts[code]) for name, code in names.items()}
