"""Head-top verdict and no-build zone: one mask, one answer; capture as the plain rules have it."""

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.tailings.capture import capture_mask, captures, reach_of
from geo.tailings.dem import Dem, Terrain, prepare
from geo.tailings.flow import trace
from geo.tailings.headtop import judge, meets
from geo.tailings.parameters import terrain_rules
from geo.tailings.waterways import Waterway
from geo.tailings.zone import no_build, outlines, strip
from tests.geo.tailings import plain
from tests.geo.tailings.ground import dem_of, distinct_ground, mountain, objects_on, random_ground

# On small grounds the county's 100 m would take everything.
SMALL = {**terrain_rules()["capture"], "width_m": 40, "width_at_least_cells": 0, "height_m": 1.5}


def small(seed: int) -> tuple[Dem, Terrain, pd.DataFrame]:
    z, cell = random_ground(seed)
    z[0, 0] = 500  # some ground always
    dem = dem_of(z, cell)
    objects = objects_on(dem, np.random.default_rng(seed), 1 + seed % 4)
    return dem, prepare(dem, keep_deeper_m=5.0), objects


def plain_mask(terrain: Terrain, objects: pd.DataFrame, rules: dict, keep: float) -> np.ndarray:
    """Return the capture mask by the plain rules: distances one by one, paths one by one."""
    dem = terrain.dem
    _, to, _ = plain.condition(dem.z, dem.cell, keep)
    return mask_along(terrain, objects, rules, to)


def mask_along(terrain: Terrain, objects: pd.DataFrame, rules: dict, to: dict) -> np.ndarray:
    dem = terrain.dem
    ground = plain.Ground(dem.z, dem.cell)
    bed = {at: max(float(terrain.bed[at]), ground.z[at]) for at in ground.z}
    mask = np.zeros(dem.shape, dtype=bool)
    dx, dy = dem.cell
    for row in objects.itertuples():
        (shape,) = dem.local([row.geometry])
        spread = (15.0 if shape.geom_type == "Point" else 0.0) + np.nan_to_num(row.error_m)
        west, south, east, north = shape.bounds
        most = spread + rules["width_m"] + dx + dy
        own = []
        for r, c in ground.z:
            x, y = dem.transform @ (c + 0.5, r + 0.5)
            if not (west - most < x < east + most and south - most < y < north + most):
                continue  # nothing but time is saved
            if round(shape.distance(shapely.Point(x, y)), 3) <= spread + rules["width_m"]:
                mask[r, c] = True
            square = shapely.box(x - dx / 2, y - dy / 2, x + dx / 2, y + dy / 2)
            if round(shape.distance(square), 3) <= spread:
                own.append((r, c))
        for at in plain.captured(ground, bed, to, own, rules["height_m"]):
            mask[at] = True
    return mask


@pytest.mark.parametrize("tens", range(20))
def test_mask_zone_and_verdict_of_200_grounds_agree_with_the_plain_rules(tens: int) -> None:
    for seed in range(10 * tens, 10 * tens + 10):
        zone_is_plain(seed)
        zone_is_verdict(seed)


def zone_is_plain(seed: int) -> None:
    """Hold capture and zone of a ground against the plain rules."""
    dem, terrain, objects = small(seed)
    found = captures(dem, objects, SMALL)
    mask = plain_mask(terrain, objects, SMALL, 5.0)
    np.testing.assert_array_equal(capture_mask(terrain, found), mask, f"seed {seed}")
    limit = 150.0
    zone = no_build(terrain, found, limit)
    _, to, kept = plain.condition(dem.z, dem.cell, 5.0)
    rim = plain.Ground(dem.z, dem.cell).rim
    for at in to:
        way = [one for one, _ in plain.path(to, at, dem.cell, limit)]
        inside = any(mask[one] for one in way)
        assert zone.mask[at] == inside, f"seed {seed}"
        doubt = any(one in rim or one in kept for one in way)
        assert zone.undecided[at] == (doubt and not inside), f"seed {seed}"


def zone_is_verdict(seed: int) -> None:
    """Ask of every cell and object: inside the zone is head-top, outside is not."""
    dem, terrain, objects = small(seed)
    limit = 120.0
    all_of_them = captures(dem, objects, SMALL)
    alone = [captures(dem, objects.iloc[[i]], SMALL) for i in range(len(objects))]
    zones = [no_build(terrain, one, limit).mask.ravel() for one in alone]
    whole = no_build(terrain, all_of_them, limit).mask.ravel()
    for at in np.flatnonzero(~dem.no_ground.ravel()):
        cells, _ = trace(terrain.d8, int(at), dem.cell, limit)
        met, _ = meets(terrain, all_of_them, cells)
        assert met.tolist() == [bool(one[at]) for one in zones], f"seed {seed}"
        assert met.any() == whole[at], f"seed {seed}"


@pytest.mark.slow
def test_the_real_mountain_agrees_with_the_plain_rules_in_paths_capture_and_zone() -> None:
    dem = mountain()
    terrain = prepare(dem)
    rng = np.random.default_rng(3)
    objects = objects_on(dem, rng, 10)
    found = captures(dem, objects)
    rules = terrain_rules()
    _, to, kept = plain.condition(dem.z, dem.cell, rules["conditioning"]["keep_deeper_m"])
    mask = mask_along(terrain, objects, rules["capture"], to)
    np.testing.assert_array_equal(capture_mask(terrain, found), mask)
    zone = no_build(terrain, found)
    met = {(int(r), int(c)) for r, c in np.argwhere(mask)}
    doubt = plain.Ground(dem.z, dem.cell).rim | kept
    limit = rules["path"]["limit_m"]
    inside, undecided = np.zeros_like(mask), np.zeros_like(mask)
    for at in to:
        inside[at] = plain.comes_to(to, at, dem.cell, limit, met)
        undecided[at] = not inside[at] and plain.comes_to(to, at, dem.cell, limit, doubt)
    np.testing.assert_array_equal(zone.mask, inside)
    np.testing.assert_array_equal(zone.undecided, undecided)
    assert 0 < inside.sum() < len(to)
    assert undecided.any()
    for at in rng.choice(terrain.order, 2000):
        cells, metres = trace(terrain.d8, int(at), dem.cell, limit)
        way = plain.path(to, divmod(int(at), dem.shape[1]), dem.cell, limit)
        assert [divmod(int(one), dem.shape[1]) for one in cells] == [one for one, _ in way]
        assert metres.tolist() == [m for _, m in way]


def test_inside_the_zone_is_head_top_on_the_real_mountain() -> None:
    dem = mountain()
    terrain = prepare(dem)
    rng = np.random.default_rng(7)
    found = captures(dem, objects_on(dem, rng, 12))
    zone = no_build(terrain, found)
    assert 0 < zone.mask.sum() < terrain.order.size
    for at in rng.choice(terrain.order, 1500):
        cells, _ = trace(terrain.d8, int(at), dem.cell, 1000.0)
        met, _ = meets(terrain, found, cells)
        assert met.any() == zone.mask.ravel()[at]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), limit=st.floats(0, 400), more=st.floats(0, 400))
def test_more_objects_or_a_longer_limit_never_shrink_the_zone(
    seed: int, limit: float, more: float
) -> None:
    dem, terrain, objects = small(seed)
    extra = pd.concat([objects, objects_on(dem, np.random.default_rng(seed + 1), 2)])
    few, many = captures(dem, objects, SMALL), captures(dem, extra, SMALL)
    base = no_build(terrain, few, limit).mask
    assert not (base & ~no_build(terrain, many, limit).mask).any()
    assert not (base & ~no_build(terrain, few, limit + more).mask).any()


@pytest.mark.parametrize("turn", [lambda a: a[:, ::-1], lambda a: a[::-1], np.rot90])
def test_a_turned_ground_has_a_turned_zone(turn) -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        z = distinct_ground(rng, *rng.integers(6, 30, 2))
        dem, turned = (dem_of(one, (30.0, 30.0)) for one in (z, np.ascontiguousarray(turn(z))))
        place = turn(np.arange(z.size).reshape(z.shape)).ravel()
        cells = rng.choice(z.size, 2)
        moved = np.array([np.flatnonzero(place == one)[0] for one in cells])
        zones = []
        for model, at in ((dem, cells), (turned, moved)):
            objects = pd.DataFrame(
                {
                    "key": ["a", "b"],
                    "geometry": model.abroad(shapely.points(model.centres(at))),
                    "error_m": 0.0,
                    "people": None,
                }
            )
            terrain = prepare(model, keep_deeper_m=np.inf)
            zones.append(no_build(terrain, captures(model, objects, SMALL), 200.0).mask)
        np.testing.assert_array_equal(zones[1], turn(zones[0]), f"seed {seed}")


@pytest.mark.parametrize("seed", range(2, 60, 5))
def test_a_house_is_in_the_strip_exactly_where_the_path_meets_it(seed: int) -> None:
    z, cell = random_ground(seed)
    z[0, 0] = 500
    dem = dem_of(z, cell)
    terrain = prepare(dem, keep_deeper_m=5.0)
    start = int(np.random.default_rng(seed).choice(terrain.order))
    path, _ = trace(terrain.d8, start, cell, 150.0)
    below = strip(terrain, path, reach_of(dem, SMALL))
    ground = np.flatnonzero(~dem.no_ground.ravel())
    houses = pd.DataFrame(
        {
            "key": ground.astype(str),
            "geometry": dem.abroad(shapely.points(dem.centres(ground))),
            "error_m": 0.0,
            "people": None,
        }
    )
    met, _ = meets(terrain, captures(dem, houses, SMALL), path)
    np.testing.assert_array_equal(below.mask.ravel()[ground], met, f"seed {seed}")


def test_outlines_stay_within_a_cell_of_the_cells_and_have_no_slivers() -> None:
    dem = mountain()
    found = captures(dem, objects_on(dem, np.random.default_rng(2), 5))
    zone = no_build(prepare(dem), found)
    drawn = outlines(zone.mask, dem)
    exact = shapely.union_all(
        [
            shapely.box(*(dem.transform @ (c, r + 1)), *(dem.transform @ (c + 1, r)))
            for r, c in np.argwhere(zone.mask)
        ]
    )
    whole = shapely.union_all(drawn)
    assert shapely.is_valid(drawn).all()
    assert shapely.hausdorff_distance(shapely.boundary(whole), shapely.boundary(exact)) <= 5.0
    assert abs(whole.area - exact.area) < 0.02 * exact.area
    assert (shapely.area(drawn) >= 24.9).all()
    assert shapely.get_num_coordinates(whole) < shapely.get_num_coordinates(exact) / 2
    assert len(zone.polygons()) == len(drawn)


def valley(width: int = 61, length: int = 120, wall: float = 4.0) -> Dem:
    """Return a valley to the south in 10 m cells, falling 5 %, with a flat floor 90 m wide."""
    aside = np.maximum(abs(np.arange(width) - width // 2) - 4, 0)
    z = (
        900
        - 0.5 * np.arange(length)[:, None]
        + wall * aside
        + 0.01 * abs(np.arange(width) - width // 2)
    )
    return dem_of(z.astype(np.float32), (10.0, 10.0))


def houses(dem: Dem, *places: tuple[float, float], people: object = None) -> pd.DataFrame:
    """Return point objects at (row, column), error of the place none."""
    x, y = zip(*(dem.transform @ (c + 0.5, r + 0.5) for r, c in places), strict=True)
    return pd.DataFrame(
        {
            "key": [f"{r},{c}" for r, c in places],
            "geometry": dem.abroad(shapely.points(np.array(x), np.array(y))),
            "error_m": 0.0,
            "people": [people] * len(places),
        }
    )


def toe_across(dem: Dem, row: float, half: int = 2) -> object:
    middle = dem.shape[1] // 2
    ends = [dem.transform @ (middle + 0.5 + side, row + 0.5) for side in (-half, half)]
    return dem.abroad([shapely.LineString(ends)])[0]


def test_a_house_beside_the_channel_lies_under_the_pond_and_one_on_the_hill_does_not() -> None:
    dem = valley()
    terrain = prepare(dem)
    objects = houses(dem, (60, 38), (60, 12), (118, 30), people=5)
    verdict = judge(terrain, captures(dem, objects), toe_across(dem, 10))
    # What is the pond's own service makes nothing of it.
    own = judge(terrain, captures(dem, objects), toe_across(dem, 10), own=list(objects["key"]))
    assert (own.answer, len(own.met)) == ("no", 0)
    assert verdict.answer == "yes"
    rows = verdict.met.set_index("key")
    beside = rows.loc["60,38"]
    assert beside.captured
    assert not beside.strict
    assert beside.people == 5
    assert 380 <= beside.path_m <= 500
    assert 15 <= beside.fall_m <= 25
    assert 50 <= beside.lateral_m <= 100
    hill = rows.loc["60,12"]  # 190 m aside and 56 m up, yet inside the circle
    assert hill.circle
    assert not hill.captured
    assert np.isnan(hill.path_m)


def test_the_way_decides_where_the_circle_is_wrong() -> None:
    dem = valley(length=140)
    terrain = prepare(dem)
    toe = toe_across(dem, 10)
    # 1000 m of path end in row 110; 80 m beyond lies within W of its end, yet outside the circle.
    objects = houses(dem, (118, 30), (124, 30), (60, 12))
    rows = judge(terrain, captures(dem, objects), toe).met.set_index("key")
    assert rows.loc["118,30"].captured
    assert not rows.loc["118,30"].circle
    assert rows.loc["118,30"].path_m <= 1000
    assert "124,30" not in rows.index
    assert rows.loc["60,12"].circle
    assert not rows.loc["60,12"].captured


def test_nobody_on_record_is_no_verdict_of_safety_when_the_error_is_unknown() -> None:
    sure = valley()
    nobody = houses(sure, (60, 30)).iloc[:0]
    assert judge(prepare(sure), captures(sure, nobody), toe_across(sure, 10)).answer == "no"
    dem = Dem(sure.z, sure.transform, sure.epsg, error_m=float("nan"))
    verdict = judge(prepare(dem), captures(dem, nobody), toe_across(dem, 10))
    assert (verdict.answer, verdict.reasons) == ("suspected", ("error_unknown",))
    assert verdict.met.empty


def test_doubts_make_a_pond_suspected_never_clear() -> None:
    dem = valley()
    terrain = prepare(dem)
    nobody = captures(dem, houses(dem, (2, 2)))
    clear = judge(terrain, nobody, toe_across(dem, 10))
    assert (clear.answer, clear.reasons) == ("no", ())
    leaving = judge(terrain, nobody, toe_across(dem, 60))
    assert (leaving.answer, leaving.reasons) == ("suspected", ("path_leaves",))
    derived = judge(
        terrain, captures(dem, houses(dem, (60, 30))), toe_across(dem, 10), toe_derived=True
    )
    assert derived.answer == "suspected"
    assert {"met", "toe_derived"} <= set(derived.reasons)
    pit = dem.z.copy()
    pit[58:64, 20:41] -= 60
    ends = judge(prepare(dem_of(pit, (10.0, 10.0))), nobody, toe_across(dem, 10))
    assert (ends.answer, ends.reasons) == ("suspected", ("pit",))
    away = shapely.Point(100.0, 30.0).buffer(0.001)
    verdict = judge(terrain, nobody, away)
    assert (verdict.answer, verdict.reasons) == ("undetermined", ("no_terrain",))


def test_a_culvert_that_turns_the_path_is_named_and_one_that_spares_a_house_is_a_doubt() -> None:
    """A road dams the western valley; were its culvert blocked, flow would go over to the other."""
    cols, rows = np.arange(121), np.arange(140)[:, None]
    west, east = (np.maximum(abs(cols - at) - 4, 0) for at in (30, 90))
    z = 900 - 0.5 * rows + 4.0 * np.minimum(west, east) + 0.01 * abs(cols - 30)
    z[40, 30:91] = np.minimum(z[40, 30:91], 890.0)  # a saddle, 10 m above the western floor
    z[45, :60] = 910.0
    dem = dem_of(z.astype(np.float32), (10.0, 10.0))

    def line(*ends: tuple[int, int]) -> object:
        return dem.abroad(
            [shapely.LineString([dem.transform @ (c + 0.5, r + 0.5) for r, c in ends])]
        )[0]

    ways = [
        Waterway(line((43, 30), (47, 30)), culvert=True, key="under the road"),
        Waterway(line((20, 90), (24, 90)), culvert=True, key="elsewhere"),
    ]
    (toe,) = dem.abroad([shapely.Point(*(dem.transform @ (30.5, 15.5)))])
    east_side = captures(dem, houses(dem, (44, 86)))
    open_ = judge(prepare(dem, waterways=ways), east_side, toe)
    assert (open_.answer, open_.reasons) == ("suspected", ("culvert",))
    assert open_.culverts == ("under the road",)
    assert list(open_.met["captured"]) == [False]
    assert judge(prepare(dem, waterways=ways[1:]), east_side, toe).answer == "yes"
    # Where nobody lives either way, the culvert is told of and makes no doubt.
    nobody = captures(dem, houses(dem, (2, 60)))
    clear = judge(prepare(dem, waterways=ways), nobody, toe)
    assert (clear.answer, clear.culverts) == ("no", ("under the road",))


def toe_at(dem: Dem, row: float, column: float) -> object:
    x, y = dem.transform @ (column + 0.5, row + 0.5)
    return dem.abroad([shapely.Point(x, y)])[0]


@pytest.mark.parametrize("beside", [0, 1])
def test_a_toe_whose_flow_comes_to_the_thread_starts_where_it_stands(beside: int) -> None:
    floor = valley()
    middle = floor.shape[1] // 2
    sides = 0.6 * abs(np.arange(floor.shape[1]) - middle)
    dem = dem_of((floor.z + sides).astype(np.float32), (10.0, 10.0))
    terrain = prepare(dem)
    toe = toe_at(dem, 10, middle + beside)
    verdict = judge(terrain, captures(dem, houses(dem, (60, middle))), toe)
    assert (verdict.paths.snapped_m, verdict.paths.starts.size) == (0, 1)
    # The house is 50 rows of 10 m on, less the 100 m aside within which it is met.
    assert verdict.met["path_m"].item() == pytest.approx(400, abs=20)
    assert 990 <= verdict.paths.length_m.max() <= 1000


def test_a_toe_that_misses_the_valley_also_starts_from_its_thread() -> None:
    dem = valley()
    z, middle = dem.z + 0.6 * abs(np.arange(dem.shape[1]) - dem.shape[1] // 2), dem.shape[1] // 2
    # A ditch behind a bank, two cells beside the thread.
    z[:, middle + 1] += 8
    z[:, middle + 3] += 8
    terrain = prepare(dem_of(z.astype(np.float32), (10.0, 10.0)))
    toe = toe_at(dem, 10, middle + 2)
    verdict = judge(terrain, captures(dem, houses(dem, (60, middle))), toe)
    # Two cells of 10 m to the side, and not down the valley as well.
    assert verdict.paths.snapped_m == 20
    assert verdict.paths.starts.size == 2


def test_perturbed_runs_are_the_same_with_any_threads_and_make_a_doubt() -> None:
    sure = valley(wall=1.0)
    dem = Dem(sure.z, sure.transform, sure.epsg, error_m=6.0)
    terrain = prepare(dem)
    found = captures(dem, houses(dem, (60, 16), (60, 30)))
    one = judge(terrain, found, toe_across(dem, 10), runs=12, seed=5)
    two = judge(terrain, found, toe_across(dem, 10), runs=12, seed=5, threads=3)
    pd.testing.assert_frame_equal(one.met, two.met)
    assert one.runs == 12
    assert 0 <= one.share <= 1
    more = judge(terrain, found, toe_across(dem, 10), runs=24, seed=5)
    assert more.met.set_index("key").share["60,30"] >= 0.8
    aside = judge(
        terrain, captures(dem, houses(dem, (60, 12))), toe_across(dem, 10), runs=24, seed=5
    )
    assert aside.answer == "suspected"
    assert aside.reasons == ("run_met",)
    assert 0 < aside.share < 1


def test_errors_of_a_run_have_the_stated_size_and_reach() -> None:
    from geo.tailings.perturbed import error_field

    dem = dem_of(np.zeros((400, 300), dtype=np.float32), (10.0, 10.0), error_m=3.0)
    fields = np.array([error_field(dem, 90.0, 1, run) for run in range(6)])
    assert fields.std() == pytest.approx(3.0, rel=0.1)
    apart = 9  # cells, 90 m
    alike = (fields[:, apart:] * fields[:, :-apart]).mean() / fields.var()
    assert alike == pytest.approx(np.exp(-1), abs=0.12)
    assert not np.array_equal(fields[0], fields[1])
