"""Proposals of matches: what looks like one object, and what must not."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.crs import from_metric, to_metric
from geo.survey.matching import COLUMNS, propose

ZONE = 4547
MIDDLE = np.array([396_000, 4_296_000])


def rows(*found):
    """(layer, seam, error_m, metric shape) → a frame in degrees, near 112.8° E 38.8° N."""
    layer, seam, error, shapes = zip(*found, strict=True) if found else ((), (), (), ())
    moved = shapely.transform(np.array(shapes, dtype=object), lambda xy: xy + MIDDLE)
    data = {
        "layer": pd.Series(layer, dtype=object),
        "seam": pd.Series(seam, dtype=object),
        "error_m": np.array(error, dtype=float),
    }
    return gpd.GeoDataFrame(data, geometry=list(from_metric(moved, ZONE)), crs=4490)


def goaf(x=0.0, side=100.0, seam="3", layer="goaf", error=0.0):
    return layer, seam, error, shapely.box(x, 0, x + side, side)


def fault(dy=0.0, error=0.0, seam=None):
    return "fault", seam, error, shapely.LineString([(0, dy), (500, dy), (1000, 200 + dy)])


def pairs(found):
    return list(found[["new", "old"]].itertuples(index=False, name=None))


# Two squares of side 100 m apart by d overlap by (100 - d) / (100 + d): a half at d = 33.3 m.
@pytest.mark.parametrize(("d", "hit"), [(0, True), (33, True), (33.7, False), (100, False)])
def test_polygons_by_half_of_what_they_cover_together(d, hit):
    found = propose(rows(goaf(d)), rows(goaf()))
    assert pairs(found) == ([(0, 0)] if hit else [])
    assert tuple(found.columns) == COLUMNS
    if hit:
        assert found["measure"].tolist() == ["iou"]
        assert found["value"].iloc[0] == pytest.approx((100 - d) / (100 + d), abs=1e-4)


def test_a_small_one_inside_a_large_one_is_another():
    assert not len(propose(rows(goaf(10, side=50)), rows(goaf())))


def test_another_layer_or_seam_is_another_object():
    old = rows(goaf(seam="5"), goaf(layer="fire_area"), goaf(seam=None), goaf())
    found = propose(rows(goaf()), old)
    # A seam that is not stated is no bar, and it is said that it could not be compared.
    assert dict(zip(found["old"], found["same_seam"], strict=True)) == {2: False, 3: True}


@pytest.mark.parametrize(("error", "hit"), [((0, 0), False), ((3, 1.9), False), ((3, 2.0), True)])
def test_lines_by_the_distance_within_the_stated_error(error, hit):
    found = propose(rows(fault(5, error[0])), rows(fault(0, error[1])))
    assert pairs(found) == ([(0, 0)] if hit else [])


def test_a_line_that_bends_away_between_its_corners_is_another():
    straight = ("fault", None, 5.0, shapely.LineString([(0, 0), (1000, 0)]))
    bent = ("fault", None, 5.0, shapely.LineString([(0, 0), (500, 60), (1000, 0)]))
    assert not len(propose(rows(straight), rows(bent)))
    assert not len(propose(rows(bent), rows(straight)))


def test_points_and_a_line_beside_a_polygon():
    hole = ("borehole", None, 1.0, shapely.Point(50, 50))
    near = ("borehole", None, 1.0, shapely.Point(51.9, 50))
    far = ("borehole", None, 1.0, shapely.Point(52.1, 50))
    assert pairs(propose(rows(hole), rows(near, far))) == [(0, 0)]
    ring = ("goaf", "3", 50.0, shapely.LineString([(0, 0), (100, 0), (100, 100), (0, 0)]))
    assert not len(propose(rows(ring), rows(goaf(error=50))))


def test_the_best_comes_first():
    found = propose(rows(goaf()), rows(goaf(30), goaf(10), goaf(20)))
    assert pairs(found) == [(0, 1), (0, 2), (0, 0)]


def test_nothing_on_either_side():
    for new, old in ((rows(), rows()), (rows(goaf()), rows()), (rows(), rows(goaf()))):
        assert not len(propose(new, old))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(20, 120)), min_size=1, max_size=12))
def test_the_same_as_asking_pair_by_pair(drawn):
    new = rows(*(goaf(x, side) for x, side in drawn))
    old = rows(*(goaf(x + 7, side) for x, side in drawn))
    found = {
        (i, j): v for i, j, v in propose(new, old)[["new", "old", "value"]].itertuples(index=False)
    }
    one, two = (to_metric(np.asarray(f.geometry.array, dtype=object), ZONE) for f in (new, old))
    for i, a in enumerate(one):
        for j, b in enumerate(two):
            iou = a.intersection(b).area / a.union(b).area
            if abs(iou - 0.5) > 1e-3:
                assert ((i, j) in found) == (iou >= 0.5)
                if iou >= 0.5:
                    assert found[i, j] == pytest.approx(iou, abs=1e-3)
