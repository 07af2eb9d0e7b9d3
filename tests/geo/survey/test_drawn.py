"""What is typed corner by corner, and what it makes."""

import json

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.crs import GEOGRAPHIC, local_zone, transformer
from geo.problems import Problem
from geo.survey import drawn


def test_the_zone_of_a_place_is_the_one_the_store_measures_in():
    for lon in (75.0, 112.4, 112.5, 112.6, 135.0):
        meridian = (local_zone(lon) - local_zone(75.0)) * 3 + 75
        assert drawn.zone_of(lon) * 3 == meridian


def test_corners_are_read_with_and_without_the_zones_number():
    text = "4296000.5 37543000.2\nX=4296100, Y=543000.2\n\n4296200，37543500\n"
    assert drawn.corners(text, 37) == [
        [(4296000.5, 37543000.2), (4296100.0, 37543000.2)],
        [(4296200.0, 37543500.0)],
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "drawn.none"),
        ("\n \n", "drawn.none"),
        ("4296000", "drawn.corner"),
        ("4296000 37543000 850", "drawn.corner"),
        ("37543000 4296000", "drawn.swapped"),
        ("543000 4296000", "drawn.swapped"),
        ("4296000 38543000", "drawn.other_zone"),
        ("4296000 37943000", "drawn.outside"),
        ("9296000 37543000", "drawn.outside"),
        ("4296000 37543000\n" * (drawn.MOST_CORNERS + 1), "drawn.many"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(text, code):
    with pytest.raises(Problem) as told:
        drawn.corners(text, 37)
    assert told.value.code == code
    for lang in ("zh", "en"):
        assert "{" not in told.value.say(lang)


def ring(x, y, size):
    return [(y, x), (y, x + size), (y + size, x + size), (y + size, x)]


def test_a_ring_inside_another_is_a_hole_and_one_inside_a_hole_is_ground():
    parts = [ring(4, 4, 2), ring(0, 0, 10), ring(1, 1, 8), ring(20, 0, 5)]
    made = drawn.shape(parts, "polygon")
    assert made.is_valid
    assert made.area == pytest.approx(100 - 64 + 4 + 25)
    assert len(made.geoms) == 3


def test_too_few_corners_are_told_by_part():
    with pytest.raises(Problem) as told:
        drawn.shape([ring(0, 0, 1), [(0, 0), (1, 1), (0, 0)]], "polygon")
    assert told.value.params == {"part": 2, "least": 3}
    assert drawn.shape([[(0, 0), (1, 1)]], "line").length == pytest.approx(2**0.5)
    assert drawn.shape([[(2, 1)]], "point").coords[0] == (1, 2)


@given(
    lon=st.floats(110.6, 113.4),
    lat=st.floats(20.0, 50.0),
    size=st.floats(0.001, 0.05),
    hole=st.booleans(),
)
def test_a_shape_typed_out_and_read_again_is_where_it_was(lon, lat, size, hole):
    whole = shapely.box(lon, lat, lon + size, lat + size)
    if hole:
        whole = whole.difference(
            shapely.box(lon + size / 4, lat + size / 4, lon + size / 2, lat + size / 2)
        )
    zone = drawn.zone_of(lon)
    kind, text = drawn.text_of(whole, zone)
    assert kind == "polygon"
    again = drawn.shape(drawn.corners(text, zone), kind)
    move = transformer(GEOGRAPHIC, drawn.epsg_of(zone)).transform
    metric = shapely.transform(whole, lambda xy: np.column_stack(move(*xy.T)))
    # Corners are written to the millimetre.
    assert shapely.hausdorff_distance(again, metric) < 0.001


def test_the_file_holds_the_figures_that_were_typed():
    parts = drawn.corners("4296000.123 543000.456\n4296100 543000\n4296100 543100", 37)
    made = json.loads(
        drawn.geojson(drawn.shape(parts, "polygon"), 4525, {"code": "G1", "name": ""}, "goaf")
    )
    (row,) = made["features"]
    assert row["properties"] == {"code": "G1"}
    assert [37543000.456, 4296000.123] in row["geometry"]["coordinates"][0]
    assert made["crs"]["properties"]["name"].endswith("4525")
