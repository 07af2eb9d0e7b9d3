"""Places as a form's text: parts, rings, holes, and what is none."""

import pytest
import shapely

from geo.problems import Problem
from web import pond_view


def test_a_toe_has_every_part_of_its_text():
    toe = pond_view.toe("112.59,38.83;112.60,38.84|112.61,38.85")
    assert shapely.get_num_coordinates(toe) == 3
    assert {one.geom_type for one in shapely.get_parts(toe)} == {"LineString", "Point"}
    assert pond_view.toe("") is None


def test_the_ground_has_its_holes_and_all_its_areas():
    ring = "112.5,38.5;112.9,38.5;112.9,38.9;112.5,38.9"
    hole = "112.6,38.6;112.7,38.6;112.7,38.7;112.6,38.7"
    beside = "113.5,38.5;113.6,38.5;113.6,38.6"
    assert shapely.area(pond_view.ground(ring)) == pytest.approx(0.16)
    assert shapely.area(pond_view.ground(f"{ring}|{hole}")) == pytest.approx(0.15)
    assert shapely.area(pond_view.ground(f"{ring}|{hole}|{beside}")) == pytest.approx(0.155)
    assert pond_view.ground(" ") is None


@pytest.mark.parametrize("text", ["here", "1,2", "112.5,38.5;", "112.5,38.5;112.6,38.6"])
def test_what_is_no_ground_is_told(text):
    with pytest.raises(Problem):
        pond_view.ground(text)
