"""Tiles and workers never matter: the same bytes, taken up after a kill."""

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from rasterio.transform import Affine

from geo.problems import Problem
from geo.spread import one_after_another, spread_over
from geo.tailings import large, polygons
from geo.tailings.capture import captures
from geo.tailings.dem import Dem, prepare
from geo.tailings.flow import trace
from geo.tailings.headtop import meets
from geo.tailings.large import alone, zone_of_model
from geo.tailings.model import Stated, model_of
from geo.tailings.tiles import (
    INSIDE,
    NO_GROUND,
    OUTSIDE,
    UNDECIDED,
    OnGround,
    near,
    tile_at,
    tiles_of,
)
from geo.tailings.waterways import Waterway
from geo.tailings.zone import no_build
from tests.geo.tailings.ground import objects_on

SIDE = 230
SAID = Stated("made for the test", None, 0.0)
SMALL = {"cells": 100, "halo": 48}


def ground_of() -> Dem:
    """Return hills on the zone's own lattice of 30 m, with a corner missing."""
    rng, side = np.random.default_rng(4), SIDE
    along, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    shape = (along**2 + across**2 + 1 / side**2) ** -1.0
    z = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((side, side))) * shape, s=(side, side))
    z = ((z - z.min()) / np.ptp(z) * 600).astype(np.float32)
    z[:20, :30] = np.nan
    return Dem(z, Affine(30, 0, 30 * 16_666, 0, -30, 30 * 143_334), 4547)


def write(path: Path, dem: Dem, **more: object) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, height=dem.shape[0],
        width=dem.shape[1], crs="EPSG:4547", transform=dem.transform, nodata=np.nan, **more,
    ) as out:  # fmt: skip
        out.write(dem.z, 1)
    return path


def laid(objects: pd.DataFrame, dem: Dem) -> OnGround:
    """Return objects with a channel and a culvert across several tiles."""
    lines = [
        shapely.LineString([dem.transform @ at for at in ends])
        for ends in (((20, 60), (200, 90)), ((110, 120), (118, 150)))
    ]
    channel, culvert = dem.abroad(lines)
    return OnGround(objects, (Waterway(channel), Waterway(culvert, culvert=True, depth_m=6.0)))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    dem = ground_of()
    path = write(folder / "dem.tif", dem)
    with model_of([path], SAID) as model:
        yield path, model, dem, laid(objects_on(dem, np.random.default_rng(4), 15), dem)


@pytest.fixture(scope="module")
def drawn_by_one(made, tmp_path_factory) -> Path:
    """The folder in which one process made the zone, and its polygons."""
    return run(made, tmp_path_factory.mktemp("one"), one_after_another, polygons="zone.gpkg").parent


@pytest.fixture(scope="module")
def first(drawn_by_one) -> bytes:
    """The zone as one process makes it."""
    return (drawn_by_one / "zone.tif").read_bytes()


def run(made, folder: Path, spread, polygons: str | None = None, **more) -> Path:
    _, model, _, ground = made
    more |= {"polygons": polygons and folder / polygons}
    work = folder / "work"
    work.mkdir(exist_ok=True)
    written = zone_of_model(model, ground, folder / "zone.tif", work, spread, **SMALL, **more)
    assert sum(written.cells.values()) == SIDE * SIDE
    assert written.cells["inside"] > 0
    assert written.cells["undecided"] > 0
    return folder / "zone.tif"


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_never_matter(made, first, drawn_by_one, tmp_path: Path, workers: int) -> None:
    with spread_over("local", workers=workers) as spread:
        zone = run(made, tmp_path, spread, polygons="zone.gpkg", threads=workers)
    assert zone.read_bytes() == first
    drawn = drawn_by_one / "zone.gpkg"
    assert zone.with_suffix(".gpkg").read_bytes() == drawn.read_bytes()


def test_a_model_is_read_as_it_lies_whatever_the_window(made) -> None:
    _, model, dem, _ = made
    assert (model.shape, model.grid, model.epsg) == (dem.shape, dem.transform, 4547)
    rows, cols = slice(31, 150), slice(7, 99)
    np.testing.assert_array_equal(model.part(rows, cols).z, dem.z[rows, cols])


def test_tiles_never_matter_where_the_ground_around_is_the_whole(made, tmp_path: Path) -> None:
    _, model, dem, ground = made
    zone_of_model(
        model, ground, tmp_path / "zone.tif", tmp_path, one_after_another, cells=100, halo=SIDE
    )
    terrain = prepare(dem, waterways=ground.waterways)
    zone = no_build(terrain, captures(dem, ground.objects))
    with rasterio.open(tmp_path / "zone.tif") as source:
        code = source.read(1)
        assert source.crs.to_epsg() == 4547
        assert source.transform == dem.transform
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    np.testing.assert_array_equal(code == INSIDE, zone.mask)
    np.testing.assert_array_equal(code == UNDECIDED, zone.undecided)
    np.testing.assert_array_equal(code == NO_GROUND, dem.no_ground)
    assert set(np.unique(code)) == {OUTSIDE, INSIDE, UNDECIDED, NO_GROUND}


# A run of its own, to be killed; each tile it begins leaves a line.
VICTIM = """
    import os, sys
    from pathlib import Path
    from geo.spread import one_after_another
    from geo.tailings import large, polygons
    from tests.geo.tailings import test_tiles as own

    path, folder, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    real, begun = large._compute, []

    def told(model, tile, close, path):
        begun.append(tile.name)
        print(tile.name, flush=True)
        if len(begun) == last:
            os.kill(os.getpid(), 9)
        return real(model, tile, close, path)

    large._compute = told
    dem = own.ground_of()
    objects = own.objects_on(dem, own.np.random.default_rng(4), 15)
    with own.model_of([path], own.SAID) as model:
        own.run((path, model, dem, own.laid(objects, dem)), folder, one_after_another)
"""


def victim(made, folder: Path, last: int) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(VICTIM), str(made[0]), str(folder), str(last)],
        cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.split()


def test_a_killed_run_is_taken_up_and_no_finished_tile_is_computed_again(
    made, first, tmp_path: Path
) -> None:
    code, begun = victim(made, tmp_path, 5)
    assert code == -signal.SIGKILL
    assert not (tmp_path / "zone.tif").exists()
    done = begun[:4]
    spoilt = next((tmp_path / "work").glob(f"{done[0]}-*"))
    spoilt.write_bytes(spoilt.read_bytes()[:-3])
    code, again = victim(made, tmp_path, -1)
    assert code == 0
    assert (tmp_path / "zone.tif").read_bytes() == first
    # What was begun when it was killed, and the one that is not what was written.
    names = [tile.name for tile in tiles_of(made[1], **SMALL)]
    assert again == [name for name in names if name not in done[1:]]


def test_only_tiles_that_a_new_house_can_reach_are_computed_anew(
    made, first, tmp_path: Path, monkeypatch
) -> None:
    _, model, dem, ground = made
    run(made, tmp_path, one_after_another)
    house = objects_on(dem.window(slice(215, 230), slice(215, 230)), np.random.default_rng(1), 1)
    more = replace(ground, objects=pd.concat([ground.objects, house], ignore_index=True))
    again = []
    real = large._compute
    monkeypatch.setattr(large, "_compute", lambda *a: again.append(a[1].name) or real(*a))
    run((None, model, dem, more), tmp_path, one_after_another)
    far = {tile.name for tile in tiles_of(model, **SMALL) if tile.window_rows.stop < 190}
    assert again
    assert far
    assert not set(again) & far


def test_two_runs_do_not_work_in_one_folder(tmp_path: Path) -> None:
    work = tmp_path / "work"
    left = work / "read-of-a-killed-run"
    left.mkdir(parents=True)
    with alone(work):
        assert not left.exists()
        with pytest.raises(Problem) as told, alone(work):
            pass
        assert told.value.code == "terrain.zone.busy"
        (work / "tile").touch()
    with alone(work):
        (work / "tile").unlink()
    assert not work.exists()


def test_zone_and_verdict_agree_each_by_the_window_of_the_toes_tile(
    made, first, tmp_path: Path
) -> None:
    _, model, dem, ground = made
    (tmp_path / "zone.tif").write_bytes(first)
    with rasterio.open(tmp_path / "zone.tif") as source:
        code = source.read(1)
    tiles = tiles_of(model, **SMALL)
    rng = np.random.default_rng(9)
    for at in rng.choice(np.flatnonzero(~dem.no_ground.ravel()), 25):
        x, y = dem.centres(np.array([at]))[0]
        tile = tile_at(model, tiles, dem.abroad([shapely.Point(x, y)])[0])
        window = model.part(tile.window_rows, tile.window_cols)
        close = near(model, tile, ground)
        col, row = ~window.transform @ (x, y)
        terrain = prepare(window, waterways=close.waterways)
        start = int(row) * window.shape[1] + int(col)
        cells, _ = trace(terrain.d8, start, window.cell, 1000.0)
        met, _ = meets(terrain, captures(window, close.objects), cells)
        assert met.any() == (code.ravel()[at] == INSIDE)
    beyond = dem.abroad([shapely.Point(*(dem.transform @ (SIDE + 40, 10)))])[0]
    outside = tile_at(model, tiles, beyond)
    assert (outside.cols.stop, outside.rows.start) == (SIDE, 0)


def test_what_a_tile_leaves_out_could_not_have_reached_it(made) -> None:
    _, model, dem, ground = made
    for tile in tiles_of(model, **SMALL):
        window = dem.window(tile.window_rows, tile.window_cols)
        close = near(model, tile, ground)
        whole, part = captures(window, ground.objects), captures(window, close.objects)
        assert sorted(whole.near) == sorted(part.near)
        assert sorted(whole.own) == sorted(part.own)
    counts = [len(near(model, tile, ground).objects) for tile in tiles_of(model, **SMALL)]
    assert min(counts) < len(ground.objects)


def test_tiles_lie_on_a_fixed_grid_and_cover_each_cell_once(made, tmp_path: Path) -> None:
    _, model, dem, _ = made
    seen = np.zeros(dem.shape, dtype=int)
    for tile in tiles_of(model, cells=64, halo=10):
        seen[tile.rows, tile.cols] += 1
        # 1000 m of path, 100 m aside and a point's 15 m are 38 cells: more than the halo asked for.
        for own, window, most in (
            (tile.rows, tile.window_rows, SIDE),
            (tile.cols, tile.window_cols, SIDE),
        ):
            assert window.start == 0 or own.start - window.start >= 38
            assert window.stop == most or window.stop - own.stop >= 38
    assert (seen == 1).all()
    whole = {tile.name for tile in tiles_of(model, cells=64, halo=10)}
    part = write(tmp_path / "part.tif", dem.window(slice(70, 170), slice(50, 140)))
    with model_of([part], SAID) as small:
        assert {tile.name for tile in tiles_of(small, cells=64, halo=10)} <= whole


def test_two_sheets_are_one_model_and_a_gap_between_them_is_no_ground(
    made, first, tmp_path: Path
) -> None:
    _, _, dem, ground = made
    west = write(tmp_path / "w.tif", dem.window(slice(0, SIDE), slice(0, 100)), tiled=True)
    east = write(tmp_path / "e.tif", dem.window(slice(0, SIDE), slice(100, SIDE)))
    with model_of([west, east], SAID) as model:
        assert run((None, model, dem, ground), tmp_path, one_after_another).read_bytes() == first
    far = write(tmp_path / "far.tif", dem.window(slice(0, SIDE), slice(190, SIDE)))
    with model_of([west, far], SAID) as model:
        gap = model.part(slice(0, SIDE), slice(104, 186))
    assert gap.no_ground.all()


@pytest.mark.parametrize("ending", polygons.ENDINGS)
def test_polygons_join_exactly_at_tiles(made, drawn_by_one, tmp_path: Path, ending: str) -> None:
    _, model, dem, _ = made
    with rasterio.open(drawn_by_one / "zone.tif") as source:
        code = source.read(1)
    tiles = tiles_of(model, **SMALL)
    path = tmp_path / f"zone{ending}"
    polygons.write_polygons(path, model, ((one, code[one.rows, one.cols]) for one in tiles))
    drawn = geopandas.read_file(path)
    assert drawn.crs.to_epsg() == (4547 if ending == ".gpkg" else 4326)
    shapes = drawn.geometry.to_numpy()
    if ending == ".geojson":
        shapes = dem.local(shapes)
    assert shapely.is_valid(shapes).all()
    for kind, value in polygons.KINDS.items():
        mine = (drawn["kind"] == kind).to_numpy()
        mask = code == value
        assert drawn["area_m2"][mine].sum() == pytest.approx(mask.sum() * 900.0)
        exact = shapely.union_all(
            [
                shapely.box(*(dem.transform @ (c, r + 1)), *(dem.transform @ (c + 1, r)))
                for r, c in np.argwhere(mask)
            ]
        )
        whole = shapely.union_all(shapes[mine])
        edges = shapely.boundary(whole), shapely.boundary(exact)
        assert shapely.hausdorff_distance(*edges) <= 30.0
        assert (shapely.area(shapes[mine]) >= 449.0).all()
        # No two overlap, and no crack runs along a join: what is not zone is a hole of some cells.
        assert whole.area == pytest.approx(shapely.area(shapes[mine]).sum(), rel=1e-9)
        holes = [
            shapely.Polygon(one) for part in shapely.get_parts(whole) for one in part.interiors
        ]
        assert all(one.area >= 449.0 for one in holes)
        for tile in tiles:
            # Along each edge of a tile just what the cells say is drawn, to the last cell.
            column, beside = tile.cols.stop - 1, tile.cols.stop
            if beside < SIDE:
                x = dem.transform.c + beside * 30
                rows = (
                    np.flatnonzero((mask[:, column] & mask[:, beside])[tile.rows]) + tile.rows.start
                )
                if not rows.size:
                    continue
                joined = shapely.multilinestrings(
                    [
                        [(x, dem.transform.f - r * 30), (x, dem.transform.f - (r + 1) * 30)]
                        for r in rows
                    ]
                )
                assert shapely.covers(shapely.buffer(whole, 1e-5), joined)
                inner = shapely.intersection(joined, shapely.boundary(whole))
                assert shapely.length(inner) < 1e-6


def test_a_tile_of_random_cells_is_drawn_whole() -> None:
    """Each cell touches others or the edge by turns: no polygon breaks, none is lost."""
    for seed in range(40):
        mask = np.random.default_rng(seed).random((12, 9)) < 0.55
        shapes, cells = polygons.tile_outlines(mask)
        assert cells.sum() == mask.sum()
        assert shapely.is_valid(shapes).all()
        edge = shapely.boundary(shapely.box(0, 0, 9, 12))
        for shape in shapes:
            touched = [
                p for p in shapely.get_coordinates(shape) if shapely.Point(p).distance(edge) == 0
            ]
            assert all(float(v).is_integer() for p in touched for v in p), seed
        frame = [*mask[0], *mask[-1], *mask[:, 0], *mask[:, -1]]
        on_edge = shapely.intersection(shapely.boundary(shapely.union_all(shapes)), edge)
        assert shapely.length(on_edge) == sum(frame), seed


def test_a_model_in_another_unit_is_refused_before_any_tile_is_begun(
    made, tmp_path: Path, monkeypatch
) -> None:
    _, _, dem, ground = made
    path = write(tmp_path / "cm.tif", replace(dem, z=dem.z * 100))
    monkeypatch.setattr(large, "_compute", None)
    with model_of([path], SAID) as model, pytest.raises(Problem) as told:
        run((None, model, dem, ground), tmp_path, one_after_another)
    assert told.value.code == "terrain.dem.not_metres"


def test_a_model_without_ground_gives_no_zone(made, tmp_path: Path) -> None:
    _, _, dem, ground = made
    path = write(tmp_path / "void.tif", replace(dem, z=np.full_like(dem.z, np.nan)))
    with model_of([path], SAID) as model, pytest.raises(Problem) as told:
        run((None, model, dem, ground), tmp_path, one_after_another)
    assert told.value.code == "terrain.dem.no_heights"
    assert not (tmp_path / "zone.tif").exists()


def test_a_folder_no_worker_sees_is_said_in_a_sentence(made, tmp_path: Path) -> None:
    _, model, _, ground = made
    lost = tuple(replace(one, copy=Path("/nowhere/dem.tif")) for one in model.sources)
    tile = tiles_of(model, **SMALL)[0]
    for elsewhere, folder in ((replace(model, sources=lost), tmp_path), (model, tmp_path / "no")):
        with pytest.raises(Problem) as told:
            large._compute(elsewhere, tile, near(model, tile, ground), folder / "tile")
        assert told.value.code == "terrain.zone.not_shared"
    assert os.listdir(tmp_path) == []
