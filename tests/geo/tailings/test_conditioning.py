"""Conditioning and D8 agree with the plain rules cell for cell, and with peers where they must."""

import numpy as np
import pyflwdir
import pytest
import shapely
from rasterio.transform import Affine

from geo.tailings.conditioning import condition
from geo.tailings.flow import accumulation, flow_order, offsets
from geo.tailings.waterways import Waterway, burn, cells_along
from tests.geo.tailings import plain
from tests.geo.tailings.ground import distinct_ground, mountain, random_ground

KEEP = (0.0, 3.0, 8.0, np.inf)


def downstream(d8: np.ndarray) -> np.ndarray:
    """Return the flat index each cell flows to; itself where flow ends."""
    return np.arange(d8.size) + offsets(d8.shape[1])[d8.ravel()]


def flood_along(z: np.ndarray, d8: np.ndarray) -> np.ndarray:
    """Return the highest ground on each cell's way out."""
    level, to = z.ravel().copy(), downstream(d8)
    for at in flow_order(d8):
        level[at] = max(level[at], level[to[at]])
    return level.reshape(z.shape)


def agree(seed: int) -> None:
    z, cell = random_ground(seed)
    keep = KEEP[seed % len(KEEP)]
    done = condition(z, cell, keep_deeper_m=keep)
    heights, to, kept = plain.condition(z, cell, keep)
    told = f"seed {seed}, keep {keep}"
    np.testing.assert_array_equal(done.d8, plain.codes(to, z.shape), err_msg=told)
    np.testing.assert_array_equal(done.z, plain.grid(heights, z.shape), err_msg=told)
    assert {divmod(int(at), z.shape[1]) for at in done.kept} == kept, told


@pytest.mark.parametrize("tens", range(20))
def test_200_random_grounds_agree_with_the_plain_rules(tens: int) -> None:
    for seed in range(10 * tens, 10 * tens + 10):
        agree(seed)


def test_the_real_mountain_agrees_with_the_plain_rules() -> None:
    dem = mountain()
    done = condition(dem.z, dem.cell, keep_deeper_m=20.0)
    heights, to, kept = plain.condition(dem.z, dem.cell, 20.0)
    np.testing.assert_array_equal(done.d8, plain.codes(to, dem.shape))
    np.testing.assert_array_equal(done.z, plain.grid(heights, dem.shape))
    assert {divmod(int(at), dem.shape[1]) for at in done.kept} == kept


@pytest.mark.parametrize("seed", range(0, 200, 7))
def test_water_leaves_over_the_lowest_passes_there_are(seed: int) -> None:
    """Two independent ways to the same levels: the passes on our paths, and a flood from outside."""
    z, cell = random_ground(seed)
    done = condition(z, cell, keep_deeper_m=np.inf)
    np.testing.assert_array_equal(flood_along(z, done.d8), plain.flood_levels(z), f"seed {seed}")


def test_levels_on_the_mountain_are_those_of_pyflwdir() -> None:
    dem = mountain()
    done = condition(dem.z, dem.cell, keep_deeper_m=np.inf)
    filled, _ = pyflwdir.dem.fill_depressions(np.where(dem.no_ground, -9999, dem.z), nodata=-9999.0)
    ours = np.where(dem.no_ground, -9999, flood_along(dem.z, done.d8))
    np.testing.assert_array_equal(ours, filled)


@pytest.mark.parametrize("seed", range(1, 200, 9))
def test_conditioned_ground_never_rises_along_the_flow(seed: int) -> None:
    z, cell = random_ground(seed)
    for keep in KEEP:
        done = condition(z, cell, keep_deeper_m=keep)
        ground = ~np.isnan(z.ravel())
        flat = done.z.ravel()
        assert (flat[downstream(done.d8)[ground]] <= flat[ground]).all(), f"seed {seed}"


TURNS = [
    (name, turn)
    for name, turn in {
        "east-west": lambda a: a[:, ::-1],
        "north-south": lambda a: a[::-1],
        "a quarter turn": np.rot90,
        "half a turn": lambda a: np.rot90(a, 2),
        "across": lambda a: a.T,
    }.items()
]


@pytest.mark.parametrize(("name", "turn"), TURNS)
def test_turned_ground_flows_turned(name: str, turn) -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        z = distinct_ground(rng, *rng.integers(4, 40, 2))
        place = np.arange(z.size).reshape(z.shape)
        for keep in (5.0, np.inf):
            done = condition(z, (30.0, 30.0), keep_deeper_m=keep)
            turned = condition(np.ascontiguousarray(turn(z)), (30.0, 30.0), keep_deeper_m=keep)
            np.testing.assert_array_equal(turned.z, turn(done.z), f"seed {seed}")
            to = turn(place).ravel()[downstream(turned.d8)]
            np.testing.assert_array_equal(
                to.reshape(turned.d8.shape),
                turn(downstream(done.d8).reshape(z.shape)),
                f"seed {seed}",
            )


# A valley to the south, 9 cells wide, falling a metre a cell.
VALLEY = (np.arange(30, 0, -1)[:, None] + 5 * abs(np.arange(9) - 4)).astype(np.float32)


def bowl(depth: float) -> np.ndarray:
    """Return a slope to the south with one hollow of a depth below its lower rim."""
    z = np.repeat(np.arange(40.0, 0, -1, dtype=np.float32)[:, None], 15, axis=1) + 100
    z[18:22, 6:9] = z[22, 0] - depth
    return z


@pytest.mark.parametrize(("depth", "stays"), [(19.5, False), (20.0, False), (20.5, True)])
def test_an_open_cast_pit_stays_and_a_fault_of_the_model_goes(depth: float, stays: bool) -> None:
    done = condition(bowl(depth), (30.0, 30.0), keep_deeper_m=20.0)
    assert (done.kept.size == 1) == stays
    inside = done.z[18:22, 6:9]
    if stays:
        assert (inside == bowl(depth)[18:22, 6:9]).all()


def test_a_thin_bank_is_carved_and_a_shallow_hollow_is_filled() -> None:
    valley = VALLEY.copy()
    bank = valley.copy()
    bank[15] = valley[10].max()  # a road across the valley
    carved = condition(bank, (10.0, 10.0), keep_deeper_m=np.inf)
    assert (carved.z < bank).any()
    assert not (carved.z > bank).any()
    dimple = valley.copy()
    dimple[15, 4] -= 1.5
    filled = condition(dimple, (10.0, 10.0), keep_deeper_m=np.inf)
    assert (filled.z > dimple).sum() == 1
    assert not (filled.z < dimple).any()


def test_a_culvert_lets_the_water_through_its_bank() -> None:
    valley = VALLEY.copy()
    valley[15] = 80.0
    valley[15, 8] = 40.0  # without the culvert water would go round here
    place = Affine(10, 0, 0, 0, -10, 300)
    culvert = shapely.LineString([(45, 300 - 135), (45, 300 - 175)])
    cut = burn(valley, place, [Waterway(culvert, culvert=True)])
    assert cut[15, 4] <= cut[14, 4]
    assert (cut != valley).sum() == 1
    done = condition(cut, (10.0, 10.0), keep_deeper_m=np.inf)
    total = accumulation(done.d8, flow_order(done.d8))
    assert total[15, 4] > 100


def test_a_channel_is_lowered_once_where_two_meet() -> None:
    z = np.full((20, 20), 50, dtype=np.float32)
    place = Affine(1, 0, 0, 0, -1, 20)
    lines = [
        Waterway(shapely.LineString([(2.5, 10.5), (17.5, 10.5)])),
        Waterway(shapely.LineString([(10.5, 2.5), (10.5, 17.5)])),
    ]
    cut = burn(z, place, lines, channel_burn_m=2.0)
    assert set(np.unique(cut)) == {48.0, 50.0}


def test_a_waterway_is_cut_to_its_stated_depth_and_makes_no_pit() -> None:
    """A slope of 1 m a cell, a bank of 6 m over rows 4 to 6 with both ends of the culvert in it."""
    z = np.repeat(np.arange(20.0, 8.0, -1.0)[:, None], 5, axis=1).astype(np.float32)
    z[4:7] += 6.0
    place = Affine(1, 0, 0, 0, -1, 12)
    line = shapely.LineString([(2.5, 12 - 4.5), (2.5, 12 - 6.5)])
    # Cut so that it never rises, from 22 down to 20: the bank still dams the water up above it.
    undepthed = burn(z, place, [Waterway(line, culvert=True)])
    np.testing.assert_array_equal(undepthed[4:7, 2], [22, 21, 20])
    # Six metres down is the ground under the bank: 16, 15, 14.
    deep = burn(z, place, [Waterway(line, culvert=True, depth_m=6.0)])
    np.testing.assert_array_equal(deep[4:7, 2], [16, 15, 14])
    # Nine would be 13, 12, 11: no deeper than the ground beside its lower end, which is 13.
    deeper = burn(z, place, [Waterway(line, culvert=True, depth_m=9.0)])
    np.testing.assert_array_equal(deeper[4:7, 2], [13, 13, 13])
    # A channel is never lowered by less than the model asks for.
    for stated in (None, 0.5):
        shallow = burn(z, place, [Waterway(line, depth_m=stated)], channel_burn_m=2.0)
        np.testing.assert_array_equal(shallow[4:7, 2], [20, 19, 18])


def test_cells_along_a_line_touch_each_other() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        line = shapely.LineString(rng.uniform(0, 40, (4, 2)))
        rows, cols = np.divmod(cells_along(line, Affine(1, 0, 0, 0, -1, 40), (40, 40)), 40)
        assert (np.maximum(abs(np.diff(rows)), abs(np.diff(cols))) == 1).all()
    outside = shapely.LineString([(-30, 20), (-5, 20)])
    assert not cells_along(outside, Affine(1, 0, 0, 0, -1, 40), (40, 40)).size
