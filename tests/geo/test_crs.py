"""The metric zone of a place, and exact moves between frames."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.crs import from_metric, local_zone, to_metric


@pytest.mark.parametrize(
    ("lon", "epsg"),
    [(111, 4546), (112.5, 4546), (112.500001, 4547), (114, 4547), (73.6, 4534), (136.5, 4554)],
)
def test_a_tie_goes_west(lon: float, epsg: int) -> None:
    assert local_zone(lon) == epsg


@pytest.mark.parametrize("lon", [73.5, 60, 137])
def test_no_zone_outside_china(lon: float) -> None:
    with pytest.raises(ValueError, match="no 3-degree zone"):
        local_zone(lon)


@given(st.floats(73.6, 135), st.floats(4, 53))
def test_there_and_back_within_a_micrometre(lon: float, lat: float) -> None:
    points = np.array([shapely.Point(lon, lat)], dtype=object)
    zone = local_zone(lon)
    there = to_metric(points, zone)
    # x is the easting: half a million in the middle of the zone, not a northing.
    assert abs(there[0].x - 500_000) < 170_000
    back = from_metric(there, zone)
    assert shapely.distance(points[0], back[0]) < 1e-11
