"""The lines of old-goaf water lie where the rules of the search and the warning line speak."""

import numpy as np
import pytest
import shapely

from geo.crs import to_metric
from geo.survey.overlay import margin_of
from geo.survey.reckon import reckon
from geo.survey.water_lines import LINES, water_lines
from tests.geo.survey.worlds import factor


def drawn(layer="goaf", error_m=0.0, **attrs):
    one = factor(0, 0.3, layer, attrs={"code": "G1", "water": "present"} | attrs, error_m=error_m)
    lines = {line["layer"]: line for line in water_lines([one])}
    moved = to_metric(np.array([one["geometry"], *(x["geometry"] for x in lines.values())]), 4546)
    apart = {}
    for name, line in zip(lines, moved[1:], strict=True):
        corners = shapely.distance(shapely.points(shapely.get_coordinates(line)), moved[0])
        assert corners.max() - shapely.distance(line, moved[0]) < 0.1
        apart[name] = round(float(corners.max()), 3)
    return one, lines, apart


@pytest.mark.parametrize("layer", ["goaf", "abandoned_mine"])
@pytest.mark.parametrize(
    ("seen", "search"), [("verified", 30.0), ("inferred", 60.0), ("unclear", 150.0), (None, 60.0)]
)
@pytest.mark.parametrize("error_m", [0.0, 100.0])
def test_a_point_on_a_line_is_where_its_rule_begins(layer, seen, search, error_m):
    one, lines, apart = drawn(layer, error_m, verification=seen)
    assert tuple(lines) == LINES
    assert apart == {
        "water_line": 0.0,
        "search_line": search + error_m,
        "warning_line": search + 150.0 + error_m,
    }
    for name in ("search", "warning"):
        margin = margin_of(apart[f"{name}_line"], error_m)
        ((made, _),) = reckon(layer, [one["attrs"]], [seen or "inferred"], np.array([margin]), None, {})  # fmt: skip
        assert made[f"{name}_margin_m"] == 0.0


@pytest.mark.parametrize(
    "said", [{"water": "none"}, {"water": None}, {"drained": True}, {"layer": "aquifer"}]
)
def test_what_holds_no_water_or_is_drained_has_no_lines(said):
    assert drawn(**said)[1] == {}


def test_water_nobody_knows_of_for_sure_has_its_lines():
    assert len(drawn(water="unknown")[1]) == 3
