"""The first year each factor is met, and what a year's delay of a panel changes."""

from datetime import date

import pytest

from geo.rules import national_rules
from geo.survey.derive import derive
from geo.survey.years import first_met, if_moved, said_first, said_moved
from tests.geo.survey.worlds import factor, item, mine, world

RULES = national_rules()
BURST = {"index_w": 0.8, "seam": "3"}


def test_the_earliest_working_that_comes_near_counts():
    near = factor(0, 0.35, attrs={"water": "none"})
    items = [
        item(0, 0.3, date(2027, 5, 1), date(2031, 1, 1)),
        item(0, 0.32, date(2026, 1, 1), date(2031, 1, 1)),
        item(0, 0.8, date(2024, 1, 1), date(2031, 1, 1)),
    ]
    found = first_met(derive(world([mine(0)], items, [near]), RULES).encounters)
    # The panel of 2024 lies over 500 m away and, from 2026-01-02 on, no plan reaches five years.
    (row,) = found.to_dict("records")
    assert (row["year"], row["starts"], row["touches"]) == (2026, date(2026, 1, 1), True)
    assert row["enters_on"] == date(2021, 1, 1)


def test_without_a_plan_it_is_met_at_once():
    found = first_met(derive(world([mine(0)], [], [factor(0, 0.35)]), RULES).encounters)
    (row,) = found.to_dict("records")
    assert (row["year"], row["item_key"]) == (None, None)


def test_a_panel_moved_a_year_later_meets_its_burst_area_a_year_later():
    panel = item(0, 0.3, date(2031, 6, 1), date(2036, 1, 1))
    now = item(0, 0.75, date(2024, 1, 1), date(2040, 1, 1))
    w = world([mine(0)], [now, panel], [factor(0, 0.35, "rock_burst_area", 0.02, attrs=BURST)])
    on = date(2026, 8, 1)
    found = if_moved(w, RULES, panel["key"], 1, on)
    assert [(m["hazard"], m["before"], m["after"]) for m in found["moves"]] == [
        ("rock_burst", "strong", None)
    ]
    assert [(m["before"], m["after"]) for m in found["met"]] == [(2031, 2032)]
    assert if_moved(w, RULES, panel["key"], 0, on) == {"moves": [], "met": []}
    with pytest.raises(KeyError):
        if_moved(w, RULES, "nobody", 1, on)


def test_both_are_said_in_sentences():
    panel = item(0, 0.3, date(2031, 6, 1), date(2036, 1, 1))
    now = item(0, 0.75, date(2024, 1, 1), date(2040, 1, 1))
    area = factor(0, 0.35, "rock_burst_area", 0.02, attrs=BURST | {"code": "R1"})
    w, on = world([mine(0)], [now, panel], [area]), date(2026, 8, 1)
    (row,) = first_met(derive(w, RULES).encounters).to_dict("records")
    for lang, first in (("zh", "2031年"), ("en", "2031: ")):
        told = said_first(row, lang)
        assert told.startswith(first)
        assert "R1" in told
        assert panel["name"] in told
    found = if_moved(w, RULES, panel["key"], 1, on)
    head, met, grade = said_moved(panel["name"], 1, on, found, "en")
    assert panel["name"] in head
    assert "in 2032, not in 2031" in met
    assert "2026-08-01" in grade
    assert "strong" in grade.lower()
    # No change is said, not left blank; nor is a working that is never near.
    assert len(said_moved("P", -2, on, {"moves": [], "met": []}, "zh")) == 2
    gone = {"layer": "goaf", "name": "G1", "before": 2031, "after": None, "meets": [True, False]}
    assert "不再遇到" in said_moved("P", 1, on, {"moves": [], "met": [gone]}, "zh")[1]
