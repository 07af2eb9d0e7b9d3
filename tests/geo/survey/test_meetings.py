"""Which meet, how near and how much they share, held against plain GEOS on every kind of shape."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.survey import meetings as module
from geo.survey.lengths import lengths_within
from geo.survey.meetings import meetings, shared

# Where Yuanping's mines lie, in metres of zone 38: figures are taken far from the origin.
PLACE = np.array([498_000.0, 4_290_000.0])
EAST, NORTH = PLACE
BOUNDED = settings(max_examples=60, deadline=None, print_blob=True)


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


def by_geos(target, factors):
    """Return distance and share of one target and each factor, each pair asked of GEOS whole."""
    distance = np.round(shapely.distance(target, factors), 3)
    cut = shapely.intersection(target, factors)
    areal = shapely.get_dimensions(factors) == 2
    share = np.where(areal, np.round(shapely.area(cut), 6), np.round(shapely.length(cut), 3))
    return distance, share


def as_if_many(targets, factors):
    """Return what is shared as where there are so many lines that they are walked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MANY", 1)
        return shared(targets, factors)


def same(targets, factors, reach):
    found = meetings(targets, factors, reach)
    asked = np.broadcast_to(reach, len(factors))
    told = set()
    pairs = targets[found.target], factors[found.factor]
    share = shared(*pairs)
    assert as_if_many(*pairs).tolist() == share.tolist()
    for n, (t, f) in enumerate(zip(found.target.tolist(), found.factor.tolist(), strict=True)):
        distance, known = by_geos(targets[t], factors[[f]])
        # To the last digit: these figures are in the state, which may not hang on the way taken.
        assert found.distance_m[n] == distance[0]
        assert share[n] == known[0]
        assert bool(found.meets[n]) == bool(shapely.intersects(targets[t], factors[f]))
        told.add((t, f))
    assert len(told) == len(found.target)
    for t, target in enumerate(targets):
        distance, _ = by_geos(target, factors)
        meets = shapely.intersects(target, factors)
        wanted = np.flatnonzero(meets | ((asked > 0) & (distance <= asked)))
        assert wanted.tolist() == [f for at, f in sorted(told) if at == t]
    return found, share


@BOUNDED
@given(seed=st.integers(0, 2**32 - 1), reach=st.sampled_from([0.0, 120.0, 500.0]))
def test_random_shapes_are_measured_as_geos_measures_them(seed, reach):
    rng = np.random.default_rng(seed)
    targets = blobs(rng, 8, 2000, 600)
    holes = blobs(rng, 4, 2000, 150)
    holed = shapely.difference(targets[:4], shapely.union_all(holes))
    several = shapely.union(targets[4:6], blobs(rng, 2, 2000, 200))
    targets = np.concatenate([targets, holed[shapely.area(holed) > 0], several])
    steps = np.cumsum(rng.normal(0, 120, (20, 12, 2)), axis=1)
    faults = shapely.linestrings(steps + rng.uniform(0, 2000, (20, 1, 2)) + PLACE)
    wells = shapely.points(rng.uniform(0, 2000, (20, 2)) + PLACE)
    slivers = shapely.buffer(faults[:5], 0.002)
    small = blobs(rng, 20, 2000, 40)
    factors = np.concatenate([blobs(rng, 20, 2000, 250), small, holes, holed, several, slivers, faults, wells])  # fmt: skip
    found, share = same(targets, factors, reach)
    assert found.meets.any()
    # The way round the intersection was taken, and the other.
    inside = shapely.contains_properly(targets[found.target], factors[found.factor])
    assert inside.any()
    assert (~inside & (share > 0)).any()


GRID = st.integers(0, 6).map(lambda n: n * 25.0)
BOXES = st.lists(
    st.tuples(GRID, GRID, st.sampled_from([25.0, 50.0, 100.0]), st.sampled_from([25.0, 50.0])),
    min_size=1,
    max_size=8,
)


@BOUNDED
@given(BOXES, BOXES, st.sampled_from([0.0, 25.0, 60.0]), st.booleans())
def test_shapes_that_share_edges_and_corners_are_measured_as_geos_measures_them(
    ones, others, reach, holed
):
    def cells(rows):
        return np.array([shapely.box(EAST + x, NORTH + y, EAST + x + w, NORTH + y + h) for x, y, w, h in rows])  # fmt: skip

    targets, factors = cells(ones), cells(others)
    if holed:
        # A factor that fills the hole to its edge meets the rim and shares nothing.
        hole = factors[0]
        targets = np.concatenate([targets, [shapely.buffer(hole, 30, join_style="mitre") - hole]])
    corners = shapely.points([(EAST + x, NORTH + y) for x, y, _, _ in others])
    edges = shapely.boundary(factors)
    mixed = shapely.union_all(cells([(200, 0, 25, 25), (0, 200, 25, 25)]))
    same(targets, np.concatenate([factors, edges, corners, [mixed]]), reach)


def test_each_factor_has_a_reach_of_its_own_the_bound_included():
    target = np.array([shapely.box(EAST, NORTH, EAST + 100, NORTH + 100)])
    wells = shapely.points([(EAST + 100 + d, NORTH + 50) for d in (50, 50, 50.0004, 50.0006)])
    found = meetings(target, wells, [50.0, 49.0, 50.0, 50.0])
    assert found.factor.tolist() == [0, 2]
    assert found.distance_m.tolist() == [50.0, 50.0]


@BOUNDED
@given(seed=st.integers(0, 2**32 - 1), corners=st.sampled_from([2, 3, 30]))
def test_lines_are_as_long_in_polygons_as_what_is_built_of_them(seed, corners):
    rng = np.random.default_rng(seed)
    targets = blobs(rng, 12, 3000, 700)
    targets[:3] = shapely.difference(targets[:3], shapely.union_all(blobs(rng, 5, 3000, 200)))
    targets[3:5] = shapely.union(targets[3:5], blobs(rng, 2, 3000, 200))
    steps = np.cumsum(rng.normal(0, 150, (12, corners, 2)), axis=1)
    lines = shapely.linestrings(steps + rng.uniform(0, 3000, (12, 1, 2)) + PLACE)
    lines[:4] = shapely.multilinestrings(np.stack([lines[:4], lines[4:8]], axis=1))
    one, two = (chosen.ravel() for chosen in np.meshgrid(targets, lines))
    length, error = lengths_within(one, two)
    built = shapely.length(shapely.intersection(one, two))
    # Random lines pass corners by: were they in doubt, nothing would be walked.
    assert np.isfinite(error).all()
    assert (np.abs(length - built) <= error).all()
    assert error.max() < 1e-6


def test_what_runs_over_its_own_ground_twice_is_there_once():
    box = shapely.box(EAST, NORTH, EAST + 100, NORTH + 100)

    def line(*xs):
        return shapely.linestrings([(EAST + x, NORTH + 50) for x in xs])

    # There and back, inside whole and out of it; drawn twice; straight on, which is no doubt.
    lines = np.array([line(10, 60, 20), line(-50, 60, 20), shapely.multilinestrings([line(-9, 50), line(30, 50)]), line(-50, 10, 60)])  # fmt: skip
    boxes = np.full(len(lines), box)
    for share in (shared(boxes, lines), as_if_many(boxes, lines)):
        assert share.tolist() == [50.0, 60.0, 50.0, 60.0]
    _, error = lengths_within(boxes, lines)
    assert np.isinf(error).tolist() == [True, True, True, False]


@pytest.mark.parametrize("parts", [2, 3, 8])
def test_splitting_and_order_change_nothing(parts):
    rng = np.random.default_rng(11)
    targets, factors = blobs(rng, 30, 4000, 500), blobs(rng, 200, 4000, 200)

    def pairs(ones, others, name=lambda t, f: (t, f)):
        found = meetings(ones, others, 300.0)
        share = shared(ones[found.target], others[found.factor])
        rows = zip(found.target, found.factor, found.distance_m, share, strict=True)
        return {name(t, f): (d, s) for t, f, d, s in rows}

    whole = pairs(targets, factors)
    split = {}
    for part in np.array_split(np.arange(len(targets)), parts):
        split |= pairs(targets[part], factors, lambda t, f, part=part: (part[t], f))
    assert split == whole
    last = len(factors) - 1
    assert pairs(targets, factors[::-1], lambda t, f: (t, last - f)) == whole


def test_nothing_meets_nothing():
    none = np.array([], dtype=object)
    somewhere = shapely.polygons([[(0, 0), (1, 0), (1, 1)]])
    for targets, factors in ((none, somewhere), (somewhere, none), (none, none)):
        assert len(meetings(targets, factors, 10.0).target) == 0
    assert shared(none, none).tolist() == []
    empty = np.array([shapely.Polygon(), shapely.box(0, 0, 2, 2)], dtype=object)
    assert meetings(empty, somewhere).target.tolist() == [1]
    assert meetings(somewhere, empty, 5.0).factor.tolist() == [1]
