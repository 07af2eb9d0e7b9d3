"""Formulae against examples worked by hand; what is missing stays missing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.survey import formulae as f


@pytest.mark.parametrize(
    ("height", "rock", "metres"),
    [
        # 100·3/(1.2·3+2.0)+8.9 = 62.471 > 30√3+10 = 61.962
        (3.0, "hard", 62.471),
        # 100·2.5/(1.6·2.5+3.6)+5.6 = 38.495 < 20√2.5+10 = 41.623
        (2.5, "medium", 41.623),
        # 100·2/(3.1·2+5.0)+4.0 = 21.857 > 10√2+5 = 19.142
        (2.0, "soft", 21.857),
        # 100·2/(5·2+8)+3.0; there is no second formula
        (2.0, "very_soft", 14.111),
        # Over 3 m the sliced formula does not hold: 100·6/(0.23·6+6.10)+10.42 < 20·6+10
        (6.0, "medium", 130.0),
        # 100·3.001/(0.31·3.001+8.81)+8.21 = 39.02 < 10·3.001+10
        (3.001, "soft", 40.01),
    ],
)
def test_fracture_zone(height, rock, metres):
    assert f.fracture_zone([height], [rock])[0] == pytest.approx(metres, abs=1e-3)


@pytest.mark.parametrize(
    ("height", "method", "metres"),
    [
        # All slices together: 20√6+10 = 58.990 > 100·6/(1.6·6+3.6)+5.6 = 51.055
        (6.0, "sliced", 58.990),
        # 20√15+10 = 87.460 at the last height of the table; beyond it 20·15.001+10 of the other
        (15.0, "sliced", 87.460),
        (15.001, "sliced", 310.02),
        # Caving drops the roof coal at any cutting height: 100·2.5/(0.23·2.5+6.10)+10.42 < 20·2.5+10
        (2.5, "top_coal_caving", 60.0),
        # No table of their own: as where nothing is stated
        (2.5, "full_height", 41.623),
        (6.0, "full_height", 130.0),
        (6.0, "other", 130.0),
        (2.5, None, 41.623),
    ],
)
def test_the_mining_method_chooses_the_table(height, method, metres):
    found = f.fracture_zone([height], ["medium"], method=[method])[0]
    assert found == pytest.approx(metres, abs=1e-3)


def test_fracture_zone_is_missing_where_an_input_is():
    found = f.fracture_zone([3, math.nan, 3, 5], ["hard", "hard", None, "very_soft"])
    assert np.isnan(found).tolist() == [False, True, True, True]
    assert np.isnan(f.fracture_zone([3, 3], ["hard", "hard"], [45, 45.1])).tolist() == [False, True]


def test_a_steep_seam_goes_by_the_height_of_its_stage():
    # 100·2·50/(4.1·50+133)+8.4; up to 45° the stage is not asked
    found = f.fracture_zone([2, 2, 2], ["hard"] * 3, [60, 45, 60], stage_m=[50, 50, np.nan])
    assert found[0] == pytest.approx(37.986, abs=1e-3)
    assert found[1] == f.fracture_zone([2], ["hard"])[0]
    assert np.isnan(found[2])


def test_caving_zone():
    # 100·3/(2.1·3+16)+2.5
    assert f.caving_zone([3], ["hard"])[0] == pytest.approx(15.953, abs=1e-3)


def test_fault_pillar_and_its_least():
    # 0.5·5·3·√(3·2/0.5) = 25.981; 0.5·5·1·√(3·0.1/1) = 1.369 → 20
    found = f.fault_pillar([3, 1, 3], [2, 0.1, 2], [0.5, 1, 0])
    assert found[:2].tolist() == pytest.approx([25.981, 20], abs=1e-3)
    assert math.isnan(found[2])


def test_pillar_above_an_aquifer():
    # Ha = 1.2/0.06+10 = 30; 30/sin 30° = 60
    assert f.aquifer_fault_pillar([1.2, 0], [30, 90])[:2].tolist() == pytest.approx([60, 20])


def test_inrush_coefficient():
    found = f.inrush_coefficient([2, 1, 1], [25, 0, math.nan])
    assert found[0] == 0.08
    assert math.isinf(found[1])
    assert math.isnan(found[2])


def test_strength_over_stress():
    assert f.strength_stress_ratio([80, 80], [20, 0])[0] == 4


@pytest.mark.parametrize(
    ("strength", "rock"),
    [(40, "hard"), (39.9, "medium"), (20, "medium"), (19.9, "soft"), (10, "soft"), (9, "very_soft"), (math.nan, None)],
)  # fmt: skip
def test_rock_class(strength, rock):
    assert f.rock_class([strength]) == [rock]


def test_lines_of_an_old_goaf_by_how_well_it_is_known():
    seen = ["verified", "inferred", "unclear", "strange"]
    assert f.search_line(seen).tolist() == [30, 60, 150, 150]
    assert f.warning_line(seen).tolist() == [180, 210, 300, 300]


@pytest.mark.parametrize(
    ("body", "other", "metres"),
    [
        ((0, 3), (10, 12), 7),  # above
        ((0, 3), (-10, -4), -4),  # below
        ((0, 3), (3, 5), 0),  # touching is no gap
        ((0, 3), (-5, 9), 0),
        ((0, 3), (10, math.nan), 7),  # the floor of what lies above decides
        ((0, 3), (1, math.nan), 0),  # its floor lies within
        ((0, 3), (-9, math.nan), math.nan),  # its top is not known: it may reach up
        ((0, math.nan), (10, 12), math.nan),
        ((math.nan, math.nan), (10, 12), math.nan),
    ],
)
def test_gap(body, other, metres):
    found = f.gap([body[0]], [body[1]], [other[0]], [other[1]])[0]
    assert found == metres or (math.isnan(found) and math.isnan(metres))


def test_shanxi_is_not_in_the_north_west_column():
    assert f.north_west("140981") is False
    assert f.north_west("610101") is True
    assert f.north_west(None) is None


def test_every_table_of_constants_has_a_source():
    for name, table in f.constants().items():
        assert table["standard"], name
        assert table["clause"] is not None or table["verified"] is False, name


@given(st.floats(0.1, 3), st.sampled_from(["hard", "medium", "soft", "very_soft"]))
def test_a_thicker_seam_breaks_higher_and_never_less_than_it_caves(height, rock):
    thin, thick = f.fracture_zone([height, height * 1.01], [rock] * 2)
    assert thick >= thin or height * 1.01 > 3
    assert thin > f.caving_zone([height], [rock])[0]
