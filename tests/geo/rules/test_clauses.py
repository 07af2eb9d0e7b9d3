"""What the texts read say, typed from them (docs/sources.md), never from the YAML."""

import re

import pytest

from geo.rules import national_rules
from geo.settings import CHECKOUT
from geo.survey.judging import judge
from geo.tailings.grade import grade_rule
from geo.tailings.siting_rules import siting_rules

RULES = national_rules()
SOURCES = (CHECKOUT / "docs" / "sources.md").read_text("utf-8")


def said(rule_id, **values):
    """Return what a rule makes of values, undetermined or not."""
    found = judge(RULES.one(rule_id), values)
    return [(outcome, grade) for outcome, grade, detail in found if "missing" not in detail]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        # 煤矿安全规程 (2025), art. 188 (2) 5: high gas, whatever the four emissions are.
        ({"mine.gas_ejections": 1}, [("grade_floor", "high")]),
        ({"mine.gas_ejections": 0}, []),
        ({}, []),
    ],
)
def test_a_mine_where_gas_was_ejected_is_high(values, found):
    assert said("gas.ejection", **values) == found


@pytest.mark.parametrize(
    ("own", "outburst", "pressure", "due"),
    [
        # Art. 210 (2), and art. 13 (2) of 防治煤与瓦斯突出细则 (2019): 0.74 MPa or more.
        (True, False, 0.74, True),
        (True, None, 0.74, True),
        (True, False, 0.739, False),
        # What was found to be prone is no longer in question; a neighbour's pressure is not named.
        (True, True, 0.9, False),
        (False, False, 0.9, False),
    ],
)
def test_a_seam_at_0_74_mpa_is_managed_as_prone_until_appraised(own, outburst, pressure, due):
    values = {"own": own, "outburst": outburst, "pressure_mpa": pressure}
    assert said("gas.pressure", **values) == [("manage_as", "outburst")] * due
    assert said("gas.pressure_appraisal", **values) == [("duty", None)] * due
    assert "gas.pressure_appraisal" in RULES.appraisals


SIX_MONTHS = {"gas.outburst_appraisal", "gas.pressure_appraisal", "gas.dynamic_signs_appraisal"}


def test_an_outburst_appraisal_is_due_at_once_and_done_within_six_months():
    # 煤矿重大事故隐患判定标准 (2026), art. 20 (5): dynamic phenomena, 0.74 MPa, the neighbour's seam.
    due = {r.id: row.by_when for r in RULES.rules for row in r.rows if r.id in SIX_MONTHS}
    assert set(due) == SIX_MONTHS
    assert all("6个月" in text.zh and "six months" in text.en for text in due.values())


@pytest.mark.parametrize(("signs", "due"), [(True, True), (False, False), (None, False)])
def test_dynamic_signs_of_gas_are_managed_as_outburst_until_appraised(signs, due):
    # 防治煤与瓦斯突出细则 (2019), art. 13 (1), and art. 210 (1): 有瓦斯动力现象的.
    values = {"mine.gas_dynamic_signs": signs}
    assert said("gas.dynamic_signs", **values) == [("manage_as", "outburst")] * due
    assert said("gas.dynamic_signs_appraisal", **values) == [("duty", None)] * due
    assert "gas.dynamic_signs_appraisal" in RULES.appraisals


@pytest.mark.parametrize(
    ("rule_id", "values", "due"),
    [
        # Art. 331 (1), and art. 9 (1) of 防治煤矿冲击地压细则 (2026), art. 10 (1) of that of 2018.
        ("rock_burst.signs", {"mine.burst_signs": True}, True),
        ("rock_burst.signs", {"mine.burst_signs": False}, False),
        # Art. 331 (5), art. 9 (5) of 2026; none in 2018: ML 2.0 or more.
        ("rock_burst.quake", {"mine.quake_ml": 1.9}, False),
        ("rock_burst.quake", {"mine.quake_ml": 2.0}, True),
        ("rock_burst.quake", {"mine.quake_ml": 2.1}, True),
        ("rock_burst.quake", {}, False),
    ],
)
def test_signs_of_bursting_and_strong_quakes_ask_for_the_tendency(rule_id, values, due):
    assert said(rule_id, **values) == [("duty", None)] * due
    assert rule_id in RULES.appraisals


@pytest.mark.parametrize(
    ("active", "same", "found"),
    [
        # Art. 285: 不得在火区的同一煤层的周围进行采掘工作.
        (True, True, ["precaution"]),
        (False, True, []),
        (True, False, []),
        # The seam decides, so it is asked for.
        (True, None, ["question"]),
    ],
)
def test_no_working_stands_around_a_fire_in_its_own_seam(active, same, found):
    values = {"active": active, "same_seam": same}
    assert [o for o, _, _ in judge(RULES.one("combustion.fire_same_seam"), values)] == found


@pytest.mark.parametrize(
    ("margin", "vertical", "same", "found"),
    [
        # Art. 285 (1): 火区下方邻近煤层, with a design and a pillar between.
        (0, "above", False, [("precaution", None)]),
        (1, "above", False, []),
        (0, "below", False, []),
        (0, "above", True, []),
    ],
)
def test_a_working_below_a_fire_in_another_seam_needs_a_design(margin, vertical, same, found):
    values = {"active": True, "margin_m": margin, "vertical": vertical, "same_seam": same}
    assert said("combustion.fire_above", **values) == found


@pytest.mark.parametrize(("index", "due"), [(0.25, False), (0.26, True), (0.6, True)])
def test_a_neighbours_burst_seam_of_any_degree_asks_for_the_tendency(index, due):
    # Art. 331 (3): the same seam is a burst seam next door; art. 330: any danger makes it one.
    values = {"own": False, "same_seam": True, "index_w": index}
    assert said("rock_burst.neighbour_appraisal", **values) == [("duty", None)] * due


def test_the_rule_for_two_figures_of_a_pond_is_the_design_codes_own():
    # 3.2.1 is the number it has in the code for on-line monitoring.
    named = grade_rule()["combination"]
    assert (named["standard"][:13], named["clause"]) == ("GB 50863-2013", "3.3.1")


def test_both_river_laws_except_a_rebuilding_that_raises_safety():
    bank = siting_rules()["bank"]
    assert bank["exception_verified"]
    assert "黄河保护法" in bank["standard"]


def test_what_is_verified_is_on_the_page_of_sources():
    verified = [rule.id for rule in RULES.rules if rule.verified]
    named = ["survey.*" if one.startswith("survey.") else one for one in verified]
    assert [one for one in named if f"`{one}`" not in SOURCES] == []


def test_the_page_of_sources_vouches_for_nothing_else():
    named = {
        n for n in re.findall(r"`([a-z_0-9]+\.[a-z_0-9.]+)`", SOURCES) if not n.endswith("yaml")
    }
    assert all(RULES.one(name).verified for name in named)
