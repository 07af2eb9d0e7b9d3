"""In which districts a place lies is told by the mines and ponds there; unknown is told as such."""

import pytest
import shapely

from geo.store.districts import around, unserved, whose

X = 112.6
MINE = {"district": "140981", "geometry": shapely.box(X, 38.80, X + 0.01, 38.81)}
OTHER = {"district": "140922", "geometry": shapely.box(X, 38.90, X + 0.01, 38.91)}
# 0.01° of latitude are 1,110 m.
NEAR, FAR = shapely.Point(X, 38.88), shapely.Point(X, 38.85)


@pytest.mark.parametrize(
    ("place", "home", "expected"),
    [
        # The mine of the next county is 2.2 km away, then 5.5.
        (NEAR, "140981", ("140922", "140981")), (FAR, "140981", ("140981",)),
        # No box of this county is on record: the place is in what this installation serves.
        (FAR, "150782", ("150782",)), (NEAR, "1409", ("140922",)), (FAR, "1409", ("1409",)),
        # Beyond the county's box, and by nothing on record.
        (shapely.Point(113.5, 38.0), "140981", ()),
    ],
)  # fmt: skip
def test_a_place_is_of_the_districts_within_reach(place, home, expected):
    assert around([MINE, OTHER], place, 3000.0, home) == expected


def test_a_city_serves_its_counties_and_a_county_neither_the_city_nor_its_neighbour():
    assert unserved(["140981", "140922"], {"1409"}) == ()
    assert unserved(["140981", "140922"], {"140981"}) == ("140922",)
    assert unserved(["1409"], {"140981"}) == ("1409",)
    assert unserved(["140981"], {""}) == ("140981",)


@pytest.mark.parametrize(
    ("rows", "ground", "district"),
    [
        ([MINE, OTHER], (38.80, 38.85), "140981"), ([MINE, OTHER], (38.88, 38.95), "140922"),
        # It takes the bureau above both.
        ([MINE, OTHER], (38.80, 38.95), "1409"),
        # Nothing on record lies there, or no district holds all: its sender answers for it.
        ([MINE], (38.88, 38.95), "150782"), ([], (38.80, 38.85), "150782"),
        ([MINE, {**OTHER, "district": "130922"}], (38.80, 38.95), "150782"),
    ],
)  # fmt: skip
def test_ground_belongs_to_the_district_of_what_stands_on_it(rows, ground, district):
    south, north = ground
    assert whose(rows, shapely.box(X - 0.1, south, X + 0.1, north), "150782") == district
