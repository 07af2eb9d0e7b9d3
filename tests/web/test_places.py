"""What somebody types for a place is read as the place, or not at all."""

import pytest

from geo.crs import GEOGRAPHIC, transformer
from web.places import typed

NEAR = [112.3, 38.6, 113.0, 39.1]
PLACE = (112.5123, 38.8456)


@pytest.mark.parametrize(
    "text",
    ["112.5123 38.8456", "38.8456, 112.5123", "112.5123,38.8456", "38°50′44.16″ 112°30′44.28″"],
)
def test_degrees_in_either_order(text):
    (found,) = typed(text, NEAR)
    assert (found["lon"], found["lat"]) == pytest.approx(PLACE, abs=1e-6)
    assert found["epsg"] == GEOGRAPHIC


@pytest.mark.parametrize("epsg", [4525, 4526, 4497])
def test_north_and_east_with_the_number_of_the_zone(epsg):
    east, north = transformer(GEOGRAPHIC, epsg).transform(*PLACE)
    for text in (f"X={north:.3f} Y={east:.3f}", f"{east:.3f} {north:.3f}"):
        (found,) = typed(text, NEAR)
        assert found["epsg"] == epsg
        assert (found["lon"], found["lat"]) == pytest.approx(PLACE, abs=1e-7)


def test_without_the_number_every_zone_near_the_mines_is_offered():
    # 1.5° east of one meridian and 1.5° west of the next: both zones are near.
    east, north = transformer(GEOGRAPHIC, 4546).transform(112.5, 38.8)
    found = typed(f"{north:.2f} {east:.2f}", NEAR)
    assert 4546 in {one["epsg"] for one in found}
    assert all(111 < one["lon"] < 115 for one in found)


@pytest.mark.parametrize("text", ["C02-G1", "示例二号煤矿", "3 4", "", "1 2 3", "X=1 Y=2", "99 99"])
def test_what_is_no_place_is_none(text):
    assert typed(text, NEAR) == []
