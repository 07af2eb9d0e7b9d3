"""What the texts read say, typed from them (docs/sources.md), never from the YAML."""

import re

import pytest

from geo.rules import national_rules
from geo.settings import CHECKOUT
from geo.survey.claims import judge
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
