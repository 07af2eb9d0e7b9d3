"""The ground as tiles: lit from the north-west, contours at their heights, all of the model."""

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from geo.report import relief
from geo.tailings.dem import Dem

# A picture has no place of its own; its name has.
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
# 6 km of ground in zone 38, 30 m cells.
EAST, NORTH, CELL, N = 380_000.0, 4_300_000.0, 30.0, 200


def model(z):
    return Dem(z.astype(np.float32), Affine(CELL, 0, EAST, 0, -CELL, NORTH), 4547)


def hill():
    row, col = np.mgrid[0:N, 0:N]
    return 1000 + 400 * np.exp(-((row - 100) ** 2 + (col - 100) ** 2) / 1500)


def opened(png):
    with rasterio.MemoryFile(png) as file, file.open() as source:
        return source.read()


def test_slopes_to_the_north_west_are_lit_and_those_away_from_it_dark():
    lit = relief.shade(hill(), CELL)
    assert lit[80, 80] > 0.1
    assert lit[120, 120] < -0.1
    assert abs(lit[5, 5]) < 0.01


def test_contours_run_where_the_ground_has_their_height():
    z = hill()
    covered = relief.lines(z, 20, 1.1) > 0.9
    off = np.abs((z / 20 + 0.5) % 1 - 0.5) * 20
    down, across = np.gradient(z)
    rise = np.hypot(down, across)
    assert covered.any()
    # Within half a cell's rise of the level.
    assert (off[covered] <= rise[covered] * 0.7).all()
    # Level ground at a level is no line, and where lines would run together there are none.
    assert not relief.lines(np.full((9, 9), 1000.0), 20, 1.1).any()
    steep = np.cumsum(np.full((30, 30), 40.0), axis=1)
    assert not relief.lines(steep, 20, 1.1).any()


def test_a_contour_has_its_height_written_along_it_upright():
    z = hill().astype(np.float32)
    found = relief.written(np.kron(z, np.ones((3, 3), np.float32)), 20)
    assert not found, "steps of a grid are no straight line"
    rows, cols = np.mgrid[0 : 3 * N, 0 : 3 * N] / 3
    fine = 1000 + 220 * np.exp(-((rows - 100) ** 2 + (cols - 100) ** 2) / 1500)
    found = relief.written(fine.astype(np.float32), 20)
    assert len(found) >= 4
    for row, col, metres, turned in found:
        assert metres % 20 == 0
        assert abs(fine[row, col] - metres) < 2
        # The line runs across the way to the top, and nothing stands on its head.
        to_top = np.array([300 - row, 300 - col]) / np.hypot(300 - row, 300 - col)
        along = np.array([np.sin(np.radians(turned)), np.cos(np.radians(turned))])
        assert abs(to_top @ along) < 0.1
        assert -90 <= turned < 90
    # Heavy lines are told first.
    assert any(metres % 100 == 0 for *_, metres, _ in found)
    assert not relief.written(np.full((600, 600), 1000, np.float32), 20)


def test_the_tiles_hold_all_of_the_ground_and_nothing_else():
    dem = model(hill())
    west, south, east, north = relief.bounds(dem)
    zooms = sorted({tile[0] for tile in relief.tiles(dem)})
    assert zooms == list(range(zooms[0], zooms[-1] + 1))
    # The finest has pixels below the model's cells.
    pixel = 40_075_016.7 * np.cos(np.radians(38.8)) / (512 * 2 ** zooms[-1])
    assert pixel < CELL
    for zoom in (zooms[0], zooms[-2]):
        there = 0
        for tile, body, _ in relief.drawn(dem):
            if tile[0] != zoom:
                continue
            rgba = opened(body)
            assert rgba.shape == (4, 512, 512)
            # Slopes everywhere on the hill's square: some shade or line in most pixels of it.
            there += int((rgba[3] > 0).sum())
        metres = 40_075_016.7 * np.cos(np.radians((south + north) / 2)) / (512 * 2**zoom)
        whole = (N * CELL / metres) ** 2
        assert 0.2 * whole < there < 1.1 * whole
    assert east - west < 0.1


def test_where_there_is_no_ground_nothing_is_drawn():
    z = hill()
    z[:, 100:] = np.nan
    dem = model(z)
    (coarse,) = [tile for tile in relief.tiles(dem) if tile[0] == relief.tiles(dem)[0][0]][:1]
    body = relief.picture(dem, coarse)
    assert body is not None
    whole = relief.picture(model(hill()), coarse)
    assert whole is not None
    half = opened(body)[3]
    assert 0 < (half > 0).sum() < (opened(whole)[3] > 0).sum()


def test_neighbouring_tiles_meet_without_a_seam():
    dem = model(hill())
    finest = relief.tiles(dem)[-1][0]
    of = {tile: body for tile, body, _ in relief.drawn(dem) if tile[0] == finest}
    pairs = [(t, (t[0], t[1] + 1, t[2])) for t in of if (t[0], t[1] + 1, t[2]) in of]
    assert pairs
    steps, inner = [], []
    for left, right in pairs:
        a, b = (opened(of[tile])[3].astype(int) for tile in (left, right))
        on = (a[:, -1] > 0) & (b[:, 0] > 0)
        steps += list(np.abs(a[:, -1] - b[:, 0])[on])
        inner += list(np.abs(a[:, -2] - a[:, -1])[on])
    assert np.mean(steps) <= np.mean(inner) * 1.5 + 2
