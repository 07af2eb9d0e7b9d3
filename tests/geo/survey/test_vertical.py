"""Overlay in elevation and seam: what lies above or below a working, and what is said when unknown."""

import math
from datetime import date

import pytest

from geo.rules import national_rules
from geo.survey.derive import derive
from geo.survey.lines import lines
from geo.survey.reckon import mine_values, number
from geo.survey.why import sentence
from tests.geo.survey.worlds import factor, item, mine, world

RULES = national_rules()
WET = {"water": "present", "water_extent_known": True, "water_volume_m3": 500.0, "seam": "2"}
PANEL = {"floor_m": 800.0, "height_m": 3.0}


def met(attrs, layer="goaf", panel=PANEL, roof="medium", **more):
    own = mine(0, attrs={"roof_rock_class": roof} if roof else {})
    w = world([own], [item(0, 0.3, **panel)], [factor(0, 0.35, layer, attrs=attrs, **more)])
    return derive(w, RULES)


def evidence(found):
    (row,) = [e for e in found.encounters.itertuples() if e.layer == "goaf" and e.item_key]
    return row.evidence


def outcomes(found, rule_id):
    return [c.outcome for c in found.claims.itertuples() if c.rule_id == rule_id]


# M = 3 m in medium rock: 20√3+10 = 44.641 > 100·3/(1.6·3+3.6)+5.6 = 41.314
@pytest.mark.parametrize(("floor", "reaches"), [(847.640, True), (847.641, True), (847.642, False)])
def test_the_fracture_zone_reaches_a_flooded_goaf_above_to_the_millimetre(floor, reaches):
    found = met(WET | {"floor_m": floor})
    assert outcomes(found, "hydro.fracture_to_goaf") == (["precaution"] if reaches else [])
    said = evidence(found)
    assert said["compared"] == "elevation"
    assert said["reckoned"]["vertical"] == "above"
    assert said["reckoned"]["fracture_zone_m"] == 44.641


def test_a_working_in_the_fracture_zone_of_a_goaf_below():
    # M = 2.5 m: 20√2.5+10 = 41.623; its top is 752.5, the working's floor 800: the gap is 47.5 m.
    below = {"water": "none", "floor_m": 750.0, "mining_height_m": 2.5}
    assert outcomes(met(below), "hydro.goaf_below") == []
    assert outcomes(met(below | {"floor_m": 756.0}), "hydro.goaf_below") == ["precaution"]


@pytest.mark.parametrize(
    ("attrs", "panel", "how"),
    [({}, PANEL, "seam"), ({"seam": None}, PANEL, "plan"), ({}, {"floor_m": None, "height_m": 3.0, "seam": None}, "plan")],
)  # fmt: skip
def test_without_elevations_the_plan_decides_and_the_encounter_says_so(attrs, panel, how):
    found = met(WET | attrs, panel=panel)
    assert evidence(found)["compared"] == how
    assert "reckoned" not in evidence(found) or "vertical" not in evidence(found)["reckoned"]
    (asked,) = [c for c in found.claims.itertuples() if c.rule_id == "hydro.elevation_missing"]
    assert asked.outcome == "question"
    text = sentence(asked, RULES, "zh")
    assert "标高缺失" in text
    assert ("煤层判断" in text) == (how == "seam")
    # Elevations say how, never that it is less: the grade stands on plan as before.
    assert lines(found.claims, world([mine(0)]).mines, date(2024, 9, 1)).set_index("hazard").loc["hydro", "effective"] == "medium"  # fmt: skip


def test_what_a_formula_lacks_is_asked_for_by_name():
    found = met(WET | {"floor_m": 830.0}, roof=None)
    (asked,) = [c for c in found.claims.itertuples() if c.rule_id == "hydro.fracture_to_goaf"]
    assert (asked.outcome, asked.evidence["missing"]) == ("question", ["mine.roof_rock_class"])
    assert "覆岩类型" in sentence(asked, RULES, "zh")


def test_a_fault_pillar_wider_than_twenty_metres():
    fault = {"conductive": "yes", "water_pressure_mpa": 2.0}
    own = mine(0, attrs={"coal_tensile_mpa": 0.5})
    # 0.5·5·3·√12 = 25.981 m is due; the faults lie some 22 m and 30 m east of the panel.
    for x, due in ((0.5085, ["precaution"]), (0.5115, [])):
        w = world([own], [item(0, 0.3, **PANEL)], [factor(0, x, "fault", attrs=fault, size=0.01)])
        assert outcomes(derive(w, RULES), "hydro.fault_pillar") == due, x


def test_a_fault_that_joins_the_aquifer_below_wants_the_wider_pillar():
    # (1.2/0.06+10)/sin 60° = 34.641 m is due; the fault lies some 30 m east of the panel.
    def said(**more):
        attrs = {"conductive": "yes", "water_pressure_mpa": 1.2, "dip_deg": 60.0} | more
        w = world(
            [mine(0)], [item(0, 0.3, **PANEL)], [factor(0, 0.5115, "fault", attrs=attrs, size=0.01)]
        )
        return [
            c
            for c in derive(w, RULES).claims.itertuples()
            if c.rule_id == "hydro.fault_pillar.aquifer"
        ]

    assert said() == []
    (due,) = said(joins_aquifer=True)
    assert due.outcome == "precaution"
    assert "34.641" in sentence(due, RULES, "zh")
    assert said(joins_aquifer=True, dip_deg=89.0)
    assert said(joins_aquifer=True, water_pressure_mpa=0.9) == []
    (asked,) = said(joins_aquifer=True, dip_deg=None)
    assert asked.outcome == "question"
    assert "倾角" in sentence(asked, RULES, "zh")


def test_a_steep_working_goes_by_the_height_of_its_stage():
    # 100·3·60/(7.5·60+293)+7.3 = 31.527 in medium rock; flat it would be 44.641.
    steep = PANEL | {"dip_deg": 60.0}
    for floor, reaches in ((834.5, ["precaution"]), (834.6, [])):
        found = met(WET | {"floor_m": floor}, panel=steep | {"stage_m": 60.0})
        assert outcomes(found, "hydro.fracture_to_goaf") == reaches
    found = met(WET | {"floor_m": 834.5}, panel=steep)
    (asked,) = [c for c in found.claims.itertuples() if c.rule_id == "hydro.fracture_to_goaf"]
    assert (asked.outcome, asked.evidence["missing"]) == ("question", ["item.stage_m"])
    assert "阶段垂高" in sentence(asked, RULES, "zh")


@pytest.mark.parametrize(
    ("attrs", "outcome"),
    [
        ({"pressure_mpa": 2.0, "barrier_m": 20.0, "strata": "intact"}, []),
        ({"pressure_mpa": 2.01, "barrier_m": 20.0, "strata": "intact"}, ["duty"]),
        ({"pressure_mpa": 1.2, "barrier_m": 20.0, "strata": "broken"}, []),
        ({"pressure_mpa": 1.21, "barrier_m": 20.0, "strata": "broken"}, ["duty"]),
        ({"pressure_mpa": 1.21, "barrier_m": 20.0}, ["question"]),
        ({"pressure_mpa": 1.21}, ["question"]),
        ({"pressure_mpa": 0.1, "barrier_m": 0.0}, ["duty"]),
    ],
)
def test_inrush_coefficient_of_an_aquifer_under_the_footprint(attrs, outcome):
    found = met({"q_l_sm": 0.05, **attrs}, layer="aquifer")
    assert outcomes(found, "hydro.inrush_coefficient") == outcome


def test_a_designed_boundary_pillar_holds_in_a_mine_of_complex_type():
    mines = [mine(0, attrs={"hydro_type": "complex"}), mine(1)]
    w = world(mines, [item(0, 0.75)])
    assert outcomes(derive(w, RULES), "hydro.boundary_pillar.design") == ["undetermined"]
    mines[0]["attrs"]["boundary_pillar_design_m"] = 200.0
    assert outcomes(derive(world(mines, [item(0, 0.75)]), RULES), "hydro.boundary_pillar.design") == ["precaution"]  # fmt: skip
    mines[0]["attrs"]["hydro_type"] = "medium"
    assert outcomes(derive(world(mines, [item(0, 0.75)]), RULES), "hydro.boundary_pillar.design") == []  # fmt: skip


def test_a_mine_complex_by_survey_or_decision_is_asked_for_its_pillar_though_it_declares_simple():
    # L14: who said that the type is complex does not matter; from the day it is.
    said = {
        "key": "d", "mine_code": "M0", "hazard": "hydro", "grade": "complex", "source": "decision",
        "seam": None, "document": "1号", "valid_from": date(2024, 6, 1), "valid_to": None,
    }  # fmt: skip
    for own, more in ((mine(0, attrs={"q_l_sm": 2.0}), ()), (mine(0), [said])):
        for design, outcome in ((None, "undetermined"), (200.0, "precaution")):
            own["attrs"]["boundary_pillar_design_m"] = design
            w = world([own, mine(1)], [item(0, 0.75)], said=more)
            (found,) = [c for c in derive(w, RULES).claims.itertuples() if c.rule_id == "hydro.boundary_pillar.design"]  # fmt: skip
            assert found.outcome == outcome
            assert found.valid_from == (date(2024, 6, 1) if more else date(2019, 1, 1))
            line = lines(derive(w, RULES).claims, w.mines, date(2024, 9, 1)).query("mine_code == 'M0' and hazard == 'hydro'").iloc[0]  # fmt: skip
            # A pillar nobody designed leaves no class of the table open.
            assert not line["not_below"]
    assert "未定" in sentence(found, RULES, "zh") or found.outcome == "precaution"


def test_ranges_count_by_their_unsafe_side():
    assert number({"low": 1.0, "high": 2.0, "raw": "1-2"}, "high") == 2.0
    assert math.isnan(number(True))
    assert mine_values({"roof_ucs_mpa": {"low": 15, "high": 30, "raw": "15-30"}}, None)["mine.roof_rock_class"] == "soft"  # fmt: skip


@pytest.mark.parametrize(
    ("method", "reaches"), [("sliced", False), (None, True), ("full_height", True)]
)
def test_a_workings_method_decides_how_far_its_fracture_zone_reaches(method, reaches):
    # 6 m in medium rock: 59 m by slices, 130 m by caving; the water stands 94 m above the roof.
    found = met(
        WET | {"floor_m": 900.0}, panel={"floor_m": 800.0, "height_m": 6.0, "method": method}
    )
    assert outcomes(found, "hydro.fracture_to_goaf") == (["precaution"] if reaches else [])
