"""Mending keeps shapes valid and of their kind; measuring is in metres."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.geometry import kinds, measure, mend, only

COORDINATE = st.tuples(st.floats(112, 112.1, allow_nan=False), st.floats(38, 38.1, allow_nan=False))


def shapes(*listed: shapely.Geometry | None) -> np.ndarray:
    made = np.empty(len(listed), dtype=object)
    made[:] = listed
    return made


def test_kinds() -> None:
    box = shapely.box(0, 0, 1, 1)
    found = kinds(
        shapes(
            box, shapely.MultiPolygon([box]), shapely.LineString([(0, 0), (1, 1)]),
            shapely.Point(0, 0), shapely.GeometryCollection([box]), None,
        )
    )  # fmt: skip
    assert found.tolist() == ["polygon", "polygon", "line", "point", "mixed", None]


def test_only_keeps_the_parts_of_the_kind() -> None:
    box, other = shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)
    line = shapely.LineString([(0, 0), (1, 1)])
    nested = shapely.GeometryCollection([shapely.MultiPolygon([box, other]), line])
    assert shapely.equals(only(nested, "polygon"), shapely.MultiPolygon([box, other]))
    assert shapely.equals(only(nested, "line"), line)
    assert only(nested, "point") is None


def test_a_hole_that_crosses_the_shell_stays_a_hole() -> None:
    # The linework method would fill it.
    shell = [(0, 0), (10, 0), (10, 10), (0, 10)]
    holed = shapely.Polygon(
        shell, [[(2, 2), (4, 2), (4, 4), (2, 4)], [(3, 3), (5, 3), (5, 5), (3, 5)]]
    )
    result = mend(shapes(holed), "polygon")
    assert not shapely.contains_xy(result.shapes[0], 3.5, 3.5)
    assert result.shapes[0].is_valid


def test_a_spike_whose_first_mending_is_invalid_itself() -> None:
    # GEOS 3.14 leaves two parts sharing an edge here.
    x, y = 112.6, 38.8
    spike = shapely.Polygon(
        [(x, y), (x + 0.01, y), (x + 0.01, y + 0.01), (x + 0.0049, y + 0.01),
         (x + 0.0051, y + 0.0101), (x + 0.0051, y + 0.01), (x, y + 0.01)]
    )  # fmt: skip
    result = mend(shapes(spike), "polygon")
    assert result.shapes[0].is_valid
    assert result.change[0] < 0.01
    assert not result.unsound[0]


@given(st.lists(COORDINATE, min_size=3, max_size=12, unique=True))
def test_any_ring_becomes_valid_polygons_or_is_lost(ring: list[tuple[float, float]]) -> None:
    result = mend(shapes(shapely.Polygon(ring)), "polygon")
    if result.lost[0] or result.unsound[0]:
        return
    assert result.shapes[0].is_valid
    assert kinds(result.shapes)[0] == "polygon"
    assert result.shapes[0].area > 0


def test_a_figure_of_eight_changes_wholly() -> None:
    eight = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    assert mend(shapes(eight), "polygon").change[0] > 1


def test_where_it_is_broken() -> None:
    eight = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    assert mend(shapes(eight), "polygon").where[0].equals(shapely.Point(0.5, 0.5))


def test_measures_are_metres() -> None:
    # 0.01° × 0.01° at 38.8° N: 868.6 m by 1110.0 m (GRS 80).
    box = shapely.box(112.6, 38.8, 112.61, 38.81)
    area, length = measure(shapes(box, None))
    assert area[0] == pytest.approx(868.6 * 1110.0, rel=1e-3)
    assert length[0] == pytest.approx(2 * (868.6 + 1110.0), rel=1e-3)
    assert (area[1], length[1]) == (0, 0)
