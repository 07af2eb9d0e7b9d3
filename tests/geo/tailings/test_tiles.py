"""Tiles and workers never matter: the same bytes, taken up after a kill."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio

from geo.tailings import tiles as module
from geo.tailings.capture import captures
from geo.tailings.dem import Dem, prepare
from geo.tailings.flow import trace
from geo.tailings.headtop import meets
from geo.tailings.tiles import INSIDE, Model, tiles_of, window_of, zone_of_model
from tests.geo.tailings.ground import dem_of, objects_on


def model(folder: Path) -> tuple[Model, Dem, pd.DataFrame]:
    rng = np.random.default_rng(4)
    side = 230
    along, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    shape = (along**2 + across**2 + 1 / side**2) ** -1.0
    z = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((side, side))) * shape, s=(side, side))
    z = ((z - z.min()) / np.ptp(z) * 600).astype(np.float32)
    z[:20, :30] = np.nan
    dem = dem_of(z, (30.0, 30.0))
    path = folder / "dem.tif"
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, height=side, width=side,
        crs="EPSG:4547", transform=dem.transform, nodata=np.nan,
    ) as out:  # fmt: skip
        out.write(z, 1)
    return Model(path, 4547), dem, objects_on(dem, rng, 15)


def run(made: Model, objects: pd.DataFrame, folder: Path, executor) -> bytes:
    folder.mkdir()
    with executor:
        counts = zone_of_model(
            made, objects, folder / "zone.tif", folder / "work", executor, cells=64, halo=48
        )
    assert sum(counts.values()) == 230 * 230
    assert counts["inside"] > 0
    return (folder / "zone.tif").read_bytes()


def test_workers_never_matter_and_a_killed_run_is_taken_up(tmp_path: Path, monkeypatch) -> None:
    made, dem, objects = model(tmp_path)
    first = run(made, objects, tmp_path / "one", ThreadPoolExecutor(1))
    context = get_context("spawn")
    assert run(made, objects, tmp_path / "two", ProcessPoolExecutor(2, mp_context=context)) == first

    folder = tmp_path / "three"
    (folder / "work").mkdir(parents=True)
    done = []
    real = module.zone_of_tile

    def dies(*args):
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(args[1].name)
        return real(*args)

    monkeypatch.setattr(module, "zone_of_tile", dies)
    out = folder / "zone.tif"
    try:
        with ThreadPoolExecutor(1) as pool:
            zone_of_model(made, objects, out, folder / "work", pool, cells=64, halo=48)
    except KeyboardInterrupt:
        pass
    assert not out.exists()
    assert len(done) == 5
    again = []
    monkeypatch.setattr(module, "zone_of_tile", lambda *a: again.append(a[1].name) or real(*a))
    with ThreadPoolExecutor(1) as pool:
        zone_of_model(made, objects, out, folder / "work", pool, cells=64, halo=48)
    assert out.read_bytes() == first
    assert not set(again) & set(done)

    # Zone and verdict agree, each by the window of the toe's tile.
    with rasterio.open(out) as source:
        code = source.read(1)
    tiles = tiles_of(made, cells=64, halo=48)
    rng = np.random.default_rng(9)
    for at in rng.choice(np.flatnonzero(~dem.no_ground.ravel()), 25):
        x, y = dem.centres(np.array([at]))[0]
        window = window_of(made, tiles, x, y)
        col, row = ~window.transform @ (x, y)
        terrain = prepare(window)
        start = int(row) * window.shape[1] + int(col)
        cells, _ = trace(terrain.d8, start, window.cell, 1000.0)
        met, _ = meets(terrain, captures(window, objects), cells)
        assert met.any() == (code.ravel()[at] == INSIDE)


def test_tiles_lie_on_a_fixed_grid_and_cover_each_cell_once(tmp_path: Path) -> None:
    made, dem, _ = model(tmp_path)
    seen = np.zeros(dem.shape, dtype=int)
    for tile in tiles_of(made, cells=64, halo=10):
        seen[tile.rows, tile.cols] += 1
        # 1000 m of path, 100 m aside and a point's 15 m are 38 cells: more than the halo asked for.
        for own, window, most in (
            (tile.rows, tile.window_rows, 230),
            (tile.cols, tile.window_cols, 230),
        ):
            assert window.start == 0 or own.start - window.start >= 38
            assert window.stop == most or window.stop - own.stop >= 38
    assert (seen == 1).all()
    whole = {tile.name for tile in tiles_of(made, cells=64, halo=10)}
    part = tmp_path / "part.tif"
    with rasterio.open(
        part, "w", driver="GTiff", dtype="float32", count=1, height=100, width=90, crs="EPSG:4547",
        transform=dem.window(slice(70, 170), slice(50, 140)).transform,
    ) as out:  # fmt: skip
        out.write(dem.z[70:170, 50:140], 1)
    assert {tile.name for tile in tiles_of(Model(part, 4547), cells=64, halo=10)} <= whole
