"""Order, accumulation, paths and lengths."""

import math

import numpy as np
import pyflwdir
import pytest
import rasterio

from geo.tailings.conditioning import condition
from geo.tailings.flow import (
    accumulation,
    flow_order,
    length_m,
    offsets,
    reach,
    step_bits,
    trace,
)
from tests.conftest import SHARED
from tests.geo.tailings import plain
from tests.geo.tailings.ground import mountain, random_ground

CODES = [0, 1, 2, 4, 8, 16, 32, 64, 128]


def test_directions_of_another_source_are_followed_without_circles() -> None:
    file = SHARED / "rhine_d8.tif"
    if not file.is_file():
        pytest.skip("no shared/data/rhine_d8.tif")
    with rasterio.open(file) as source:
        d8 = source.read(1)
    assert set(np.unique(d8)) <= {*CODES, 247}
    order = flow_order(d8)
    place = np.full(d8.size, -1)
    place[order] = np.arange(order.size)
    to = np.arange(d8.size) + offsets(d8.shape[1])[d8.ravel()]
    ground = d8.ravel() != 247
    moving = ground & (to != np.arange(d8.size))
    assert (place[to[moving]] < place[moving]).all()
    total = accumulation(d8, order)
    assert total.max() > 32_767  # more than 16 bits hold
    theirs = pyflwdir.from_array(d8, ftype="d8").upstream_area(unit="cell")
    np.testing.assert_array_equal(total[d8 != 247], theirs[d8 != 247])


def test_directions_in_a_circle_are_refused() -> None:
    with pytest.raises(ValueError, match="circle"):
        flow_order(np.array([[1, 4], [64, 16]], dtype=np.uint8))
    with pytest.raises(ValueError, match="no ground"):
        flow_order(np.array([[1, 247]], dtype=np.uint8))


def test_a_long_slope_drains_more_cells_than_16_bits_count() -> None:
    rows, cols = 300, 301
    z = np.add.outer(np.arange(rows, 0, -1) * 2, abs(np.arange(cols) - 150) * 3).astype(np.float32)
    done = condition(z, (30.0, 30.0))
    total = accumulation(done.d8, flow_order(done.d8))
    assert total.dtype == np.int64
    assert total.max() > 32_767
    sinks = done.d8 == 0
    assert total[sinks].sum() == rows * cols


@pytest.mark.parametrize("tens", range(20))
def test_accumulation_and_paths_of_200_grounds_agree_with_the_plain_rules(tens: int) -> None:
    for seed in range(10 * tens, 10 * tens + 10):
        paths_are_plain(seed)


def paths_are_plain(seed: int) -> None:
    """Hold accumulation and every path of a ground against the plain rules."""
    z, cell = random_ground(seed)
    done = condition(z, cell, keep_deeper_m=5.0)
    _, to, _ = plain.condition(z, cell, 5.0)
    total = accumulation(done.d8, flow_order(done.d8))
    told = f"seed {seed}"
    expected = np.nan_to_num(plain.grid(plain.drained(to), z.shape))
    np.testing.assert_array_equal(total, expected, told)
    cols = z.shape[1]
    for at in to:
        cells, metres = trace(done.d8, at[0] * cols + at[1], cell, 200.0)
        way = plain.path(to, at, cell, 200.0)
        assert [divmod(int(one), cols) for one in cells] == [one for one, _ in way], told
        assert metres.tolist() == [m for _, m in way], told


def straight(code: int, cells: int) -> np.ndarray:
    d8 = np.full((cells, cells), code, dtype=np.uint8)
    rows, cols = np.indices(d8.shape)
    step = offsets(cells)[code]
    for at in range(d8.size):
        r, c = divmod(at, cells)
        nr, nc = divmod(at + int(step), cells)
        if not 0 <= at + step < d8.size or max(abs(nr - r), abs(nc - c)) != 1:
            d8[r, c] = 0
    assert rows.size == cols.size
    return d8


@pytest.mark.parametrize(
    ("code", "start", "cell", "last"),
    [
        (1, 0, (10.0, 10.0), 100),  # exactly 1000 m: inside
        (4, 0, (10.0, 12.5), 80),  # exactly 1000 m of north-south steps
        (2, 0, (10.0, 10.0), 70),  # 70 diagonals are 989.9 m, 71 are 1004.1 m
        (1, 0, (10.01, 10.0), 99),  # 1001 m with one more
    ],
)
def test_a_path_of_exactly_the_limit_is_inside(
    code: int, start: int, cell: tuple[float, float], last: int
) -> None:
    d8 = straight(code, 130)
    cells, metres = trace(d8, start, cell, 1000.0)
    assert len(cells) == last + 1
    assert metres[-1] <= 1000.0
    mask = np.zeros(d8.shape, dtype=bool)
    mask.ravel()[cells[-1]] = True
    back = reach(d8, flow_order(d8), mask, cell, 1000.0)
    assert length_m(back, step_bits(cell, 1000.0), cell).ravel()[start] == metres[-1]
    mask[:] = False
    mask.ravel()[cells[-1] + int(offsets(130)[code])] = True
    assert reach(d8, flow_order(d8), mask, cell, 1000.0).ravel()[start] < 0


def test_lengths_are_the_same_from_either_end() -> None:
    """Added floats differ forwards and backwards; whole steps cannot."""
    dem = mountain()
    done = condition(dem.z, dem.cell)
    order = flow_order(done.d8)
    rng = np.random.default_rng(11)
    mask = np.zeros(dem.shape, dtype=bool)
    mask.ravel()[rng.choice(order, 300)] = True
    counts = reach(done.d8, order, mask, dem.cell, 1000.0)
    back = length_m(counts, step_bits(dem.cell, 1000.0), dem.cell).ravel()
    for at in rng.choice(order, 3000):
        cells, metres = trace(done.d8, int(at), dem.cell, 1000.0)
        hit = np.flatnonzero(mask.ravel()[cells])
        assert (metres[hit[0]] == back[at]) if hit.size else math.isnan(back[at])


def test_fine_cells_take_wide_counts() -> None:
    assert step_bits((5.0, 5.0), 1000.0) == 10
    assert step_bits((0.5, 0.5), 1000.0) == 21
    with pytest.raises(ValueError, match="steps"):
        step_bits((1e-4, 1e-4), 1000.0)
    d8 = straight(1, 60)
    mask = np.zeros(d8.shape, dtype=bool)
    mask[:, 50] = True
    wide = reach(d8, flow_order(d8), mask, (0.5, 0.5), 1000.0)
    narrow = reach(d8, flow_order(d8), mask, (0.5, 0.5), 100.0)
    assert (wide.dtype, narrow.dtype) == (np.int64, np.int32)
    np.testing.assert_array_equal(length_m(wide, 21, (0.5, 0.5)), length_m(narrow, 10, (0.5, 0.5)))
