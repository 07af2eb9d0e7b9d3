"""The overlay of many with many, held against GEOS: which meet, and how much, on every kind of shape."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.survey.clip import DOUBTFUL, chains, clip
from geo.survey.meetings import meetings

# Where Yuanping's mines lie, in metres of zone 38: sums are taken far from the origin.
EAST, NORTH = 498_000.0, 4_290_000.0
PLACE = np.array([EAST, NORTH])


def blobs(rng, count, spread, size, points=40):
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    radius = (
        size
        * (1 + 0.5 * np.sin(angle * rng.integers(2, 7, (count, 1))))
        * rng.uniform(0.3, 1, (count, points))
    )
    centre = rng.uniform(0, spread, (count, 1, 2)) + PLACE
    ring = np.stack([np.cos(angle) * radius, np.sin(angle) * radius], axis=2)
    if rng.random() < 0.5:
        ring = ring[:, ::-1]  # clockwise as well as not
    return shapely.polygons(ring + centre)


def by_geos(targets, factors):
    factor, target = shapely.STRtree(targets).query(factors, predicate="intersects")
    order = np.lexsort((factor, target))
    target, factor = target[order], factor[order]
    shared = shapely.intersection(targets[target], factors[factor])
    lines = shapely.get_dimensions(factors[factor]) == 1
    return target, factor, np.where(lines, shapely.length(shared), shapely.area(shared))


def same(targets, factors, **options):
    found = meetings(targets, factors, measured=True, **options)
    target, factor, measure = by_geos(targets, factors)
    np.testing.assert_array_equal(found.target, target)
    np.testing.assert_array_equal(found.factor, factor)
    np.testing.assert_allclose(found.measure, measure, rtol=1e-9, atol=1e-5)
    asked = meetings(targets, factors, **options)
    np.testing.assert_array_equal(asked.target, target)
    np.testing.assert_array_equal(asked.factor, factor)
    assert asked.measure is None
    return found


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_shapes_meet_as_geos_says(seed):
    rng = np.random.default_rng(seed)
    targets = blobs(rng, 12, 2000, 600)
    holes = blobs(rng, 4, 2000, 150)
    holed = shapely.difference(targets[:4], shapely.union_all(holes))
    several = shapely.union(targets[4:6], blobs(rng, 2, 2000, 200))
    targets = np.concatenate([targets, holed[shapely.area(holed) > 0], several])
    steps = np.cumsum(rng.normal(0, 120, (20, 12, 2)), axis=1)
    faults = shapely.linestrings(steps + rng.uniform(0, 2000, (20, 1, 2)) + PLACE)
    wells = shapely.points(rng.uniform(0, 2000, (20, 2)) + PLACE)
    factors = np.concatenate([blobs(rng, 30, 2000, 250), holes, holed, faults, wells])
    found = same(targets, factors)
    assert len(found.target)


def test_shapes_that_share_edges_and_corners_are_left_to_geos_and_right():
    cells = np.array(
        [
            shapely.box(EAST + x, NORTH + y, EAST + x + 100, NORTH + y + 100)
            for x in range(0, 500, 50)
            for y in range(0, 500, 100)
        ]
    )
    lines = shapely.linestrings([[(EAST, NORTH + 100), (EAST + 500, NORTH + 100)]])
    found = same(cells, np.concatenate([cells, lines]))
    # A cell meets itself wholly, its neighbour along an edge with no area.
    own = found.measure[(found.target == 0) & (found.factor == 0)]
    assert own == pytest.approx(10_000)
    assert (found.measure == 0).any()


def test_doubt_is_rare_and_never_wrong():
    rng = np.random.default_rng(7)
    targets, factors = blobs(rng, 60, 4000, 600), blobs(rng, 300, 4000, 200)
    of, at = shapely.STRtree(targets).query(factors)
    mine, theirs = chains(targets), chains(factors)
    verdict, measure = np.zeros(len(at), dtype=np.int8), np.zeros(len(at))
    clip(
        at, of, True, mine.xy, mine.ends, mine.sign, mine.of_shape, mine.box, theirs.xy,
        theirs.ends, theirs.sign, theirs.of_shape, theirs.box, theirs.areal, verdict, measure,
    )  # fmt: skip
    assert (verdict == DOUBTFUL).mean() < 0.01
    assert len(at) > 500


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_threads_and_order_change_nothing(threads):
    rng = np.random.default_rng(11)
    targets, factors = blobs(rng, 50, 4000, 500), blobs(rng, 400, 4000, 200)
    one, many = (meetings(targets, factors, measured=True, threads=n) for n in (1, threads))
    for name in ("target", "factor", "measure"):
        np.testing.assert_array_equal(getattr(one, name), getattr(many, name))
    turned = meetings(targets, factors[::-1], measured=True)
    pairs = {(t, len(factors) - 1 - f): m for t, f, m in zip(turned.target, turned.factor, turned.measure, strict=True)}  # fmt: skip
    assert pairs == dict(zip(zip(one.target, one.factor, strict=True), one.measure, strict=True))


def test_nothing_meets_nothing():
    none = np.array([], dtype=object)
    somewhere = shapely.polygons([[(0, 0), (1, 0), (1, 1)]])
    for targets, factors in ((none, somewhere), (somewhere, none), (none, none)):
        found = meetings(targets, factors, measured=True, threads=2)
        assert (len(found.target), len(found.measure)) == (0, 0)
    empty = np.array([shapely.Polygon(), shapely.box(0, 0, 2, 2)], dtype=object)
    assert meetings(empty, somewhere).target.tolist() == [1]
