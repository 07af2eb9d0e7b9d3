"""The zone of a model too large for memory: tiles spread over workers, kept, put together.

A finished tile rests on disk under what it was computed from, with a digest of its content: a run
that was killed is taken up by the next, and a tile that is not what it says is computed again.
"""

import fcntl
import hashlib
import os
import shutil
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import shutil as raster_files
from rasterio.windows import Window

from geo.problems import Problem
from geo.spread import Spread
from geo.tailings.model import Model
from geo.tailings.polygons import write_polygons
from geo.tailings.tiles import (
    INSIDE,
    NO_GROUND,
    OUTSIDE,
    UNDECIDED,
    OnGround,
    Tile,
    key_of,
    near,
    own_cells,
    tiles_of,
    zone_of,
)

_CODES = {"outside": OUTSIDE, "inside": INSIDE, "undecided": UNDECIDED, "no_ground": NO_GROUND}
_STEPS = ("read", "zone", "keep")
_LOOK = 256  # cells to each side


@dataclass(frozen=True)
class Written:
    """What a run has written.

    Attributes
    ----------
    cells : dict
        Cells by code.
    tiles, taken_up : int
        All tiles, and those an earlier run had finished.
    seconds : dict
        Of the clock, by stage.
    work : dict
        Of the processor, by step of a tile, summed over tiles; ``busiest``: the worker with most.
    polygons : dict
        How many of each kind; empty where none were asked for.
    """

    cells: dict[str, int]
    tiles: int
    taken_up: int
    seconds: dict[str, float]
    work: dict[str, float]
    polygons: dict[str, int]


def _processor() -> float:
    """Return this process's seconds of the processor, its reading children's included."""
    return sum(os.times()[:4])


@contextmanager
def alone(work: Path) -> Iterator[None]:
    """Hold a folder of tiles for this run; a killed run lets go of it by itself.

    Without any tile in it at the end, the folder goes.

    Raises
    ------
    Problem
        ``terrain.zone.busy`` where another run holds it.
    """
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Problem("terrain.zone.busy", folder=str(work)) from error
        for left in work.glob("read-*"):  # the copies of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        try:
            yield
        finally:
            if [one.name for one in work.iterdir()] == ["lock"]:
                shutil.rmtree(work)


def _keep(path: Path, code: NDArray[np.uint8]) -> None:
    """Write a finished tile whole or not at all."""
    packed = zlib.compress(code.tobytes(), 1)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("wb") as file:
        file.write(hashlib.sha256(packed).digest() + packed)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)


def _kept(path: Path, tile: Tile) -> NDArray[np.uint8] | None:
    """Return a finished tile; None if it is missing or not what was written."""
    shape = tile.rows.stop - tile.rows.start, tile.cols.stop - tile.cols.start
    try:
        said = path.read_bytes()
    except FileNotFoundError:
        return None
    if hashlib.sha256(said[32:]).digest() != said[:32]:
        return None
    return np.frombuffer(zlib.decompress(said[32:]), dtype=np.uint8).reshape(shape)


def _look(model: Model) -> None:
    """Read the middle of a model: one in another unit is refused before anybody works on it."""
    rows, cols = (slice(max(n // 2 - _LOOK, 0), min(n // 2 + _LOOK, n)) for n in model.shape)
    model.part(rows, cols)


def _compute(model: Model, tile: Tile, close: OnGround, path: Path) -> tuple[int, list[float]]:
    """Make one tile; return who did and the processor's seconds for each of ``_STEPS``."""
    if not path.parent.is_dir() or not model.sources[0].copy.is_file():
        raise Problem("terrain.zone.not_shared", folder=str(path.parent))
    clock = [_processor()]
    dem = model.part(tile.window_rows, tile.window_cols)
    clock.append(_processor())
    code = own_cells(tile, zone_of(dem, close))
    clock.append(_processor())
    _keep(path, code)
    clock.append(_processor())
    return os.getpid(), np.diff(clock).tolist()


def zone_of_model(
    model: Model,
    ground: OnGround,
    out: Path,
    work: Path,
    spread: Spread,
    *,
    threads: int = 1,
    polygons: Path | None = None,
    told: Callable[[int, int], None] = lambda done, total: None,
    cells: int | None = None,
    halo: int | None = None,
) -> Written:
    """Write the zone of a model as a cloud-optimised GeoTIFF.

    Tiles that an earlier run has finished are taken from `work`. The same bytes come out whoever
    computes them.

    Parameters
    ----------
    model : Model
    ground : OnGround
    out : Path
    work : Path
        Folder for finished tiles, reachable by all who work.
    spread : Spread
    threads : int
        That squeeze the file at the end.
    polygons : Path, optional
        Write the zone as polygons, too: ``.gpkg`` or ``.geojson``.
    told : callable
        Called with (done, total) as tiles are finished.
    cells, halo : int, optional
        Cells along a tile and around it; by default the figures of ``terrain.yaml``.

    Raises
    ------
    Problem
        ``terrain.dem.*``, ``reader.child.*``, ``terrain.zone.not_shared``
    """
    began = time.perf_counter()
    tiles = tiles_of(model, cells=cells, halo=halo, capture=ground.capture)
    close = [near(model, tile, ground) for tile in tiles]
    paths = [
        work / f"{tile.name}-{key_of(model, tile, on)[:32]}"
        for tile, on in zip(tiles, close, strict=True)
    ]
    todo = [n for n, tile in enumerate(tiles) if _kept(paths[n], tile) is None]
    done = len(tiles) - len(todo)
    told(done, len(tiles))
    laid = time.perf_counter()
    if todo:
        _look(model)
    tasks = ((model, tiles[n], close[n], paths[n]) for n in todo)
    spent = np.zeros(len(_STEPS))
    by_worker: dict[int, float] = {}
    for worker, steps in spread(_compute, tasks):
        spent += steps
        by_worker[worker] = by_worker.get(worker, 0.0) + sum(steps)
        done += 1
        told(done, len(tiles))
    computed = time.perf_counter()
    kept = list(zip(tiles, paths, strict=True))
    counts = _assemble(model, kept, work, out, threads)
    assembled = time.perf_counter()
    drawn = {} if polygons is None else write_polygons(polygons, model, _finished(kept, work))
    seconds = {
        "lay_out": laid - began,
        "tiles": computed - laid,
        "assemble": assembled - computed,
        "polygons": time.perf_counter() - assembled,
    }
    work_done = dict(zip(_STEPS, spent.tolist(), strict=True))
    work_done["busiest"] = max(by_worker.values(), default=0.0)
    return Written(
        {name: int(counts[code]) for name, code in _CODES.items()},
        len(tiles),
        len(tiles) - len(todo),
        {name: round(took, 3) for name, took in seconds.items()},
        {name: round(took, 3) for name, took in work_done.items()},
        drawn,
    )


def _finished(
    kept: list[tuple[Tile, Path]], work: Path
) -> Iterator[tuple[Tile, NDArray[np.uint8]]]:
    """Yield each tile with its codes, one at a time."""
    for tile, path in kept:
        code = _kept(path, tile)
        if code is None:
            raise Problem("terrain.zone.lost", tile=tile.name, folder=str(work))
        yield tile, code


def _assemble(
    model: Model, kept: list[tuple[Tile, Path]], work: Path, out: Path, threads: int
) -> NDArray[np.int64]:
    counts = np.zeros(256, dtype=np.int64)
    plain, aside = work / "plain.tif", out.with_name(f".{out.name}")
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": 1, "nodata": NO_GROUND, "tiled": True,
        "width": model.shape[1], "height": model.shape[0], "compress": "lzw", "blockxsize": 512,
        "blockysize": 512, "crs": f"EPSG:{model.epsg}", "transform": model.grid,
        "bigtiff": "if_safer", "num_threads": threads,
    }  # fmt: skip
    with rasterio.open(plain, "w", **profile) as sink:
        for tile, code in _finished(kept, work):
            counts += np.bincount(code.ravel(), minlength=256)
            height, width = code.shape
            sink.write(code, 1, window=Window(tile.cols.start, tile.rows.start, width, height))
    if counts[NO_GROUND] == counts.sum():
        raise Problem("terrain.dem.no_heights", name=model.sources[0].name)
    raster_files.copy(
        plain, aside, driver="COG", compress="deflate", resampling="mode", num_threads=threads
    )
    aside.rename(out)
    plain.unlink()
    return counts
