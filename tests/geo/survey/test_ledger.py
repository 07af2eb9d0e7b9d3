"""The ledger: every column, factors and exposures counted apart, nothing struck off forgotten."""

from datetime import date

import pytest
import shapely

from geo.rules import national_rules
from geo.survey.derive import derive
from geo.survey.ledger import LEDGER, holding_on, ledger, overdue, works
from geo.survey.ledger_counts import rolled_up, totals, tree
from tests.geo.survey.worlds import HIGH, SOUTH, WEST, WIDE, factor, item, mine, world

RULES = national_rules()
MINES = [mine(i) for i in range(3)]
FAULT = factor(0, 0.1, "fault", attrs={"code": "F1", "conductive": "yes"}) | {
    "geometry": shapely.LineString([(WEST + 0.1 * WIDE, SOUTH + 0.45 * HIGH), (WEST + 2.9 * WIDE, SOUTH + 0.45 * HIGH)])
}  # fmt: skip
GOAF = factor(
    0, 0.35, attrs={"code": "G1", "water": "present", "water_volume_m3": {"low": 100.0, "high": 300.0, "raw": "100-300"},
                    "floor_m": 820.0, "seam": "3", "detection_method": "瞬变电磁"}
)  # fmt: skip
WORKS = factor(
    0, 0.6, "treatment_works",
    attrs={"code": "W1", "target_code": "G1", "works_method": "注浆", "quantity_m3": 900.0, "budget": 120.0,
           "responsible": "某矿", "deadline": "2024-06-30", "emergency_plan": "有", "treatment_state": "under_way",
           "started_on": "2024-01-01"},
)  # fmt: skip


PANEL = item(0, 0.3, date(2026, 1, 1), date(2032, 1, 1))


def made(factors, ended=()):
    w = world(MINES, [PANEL], factors, ended=ended)
    return ledger(w, RULES, derive(w, RULES))


def row(frame, mine_code, code):
    (found,) = frame[(frame["mine_code"] == mine_code) & (frame["code"] == code)].to_dict("records")
    return found


def test_a_fault_through_three_mines_is_one_factor_and_three_exposures():
    frame = made([FAULT])
    assert list(frame.columns) == list(LEDGER)
    (counts,) = totals(frame)
    assert (counts["kind"], counts["factors"], counts["exposures"]) == ("fault", 1, 3)
    county = rolled_up(frame, {"M0": "甲", "M1": "甲", "M2": "乙"})
    assert [(c["group"], c["factors"], c["exposures"]) for c in county] == [("乙", 1, 1), ("甲", 1, 2)]  # fmt: skip


def test_a_row_says_all_that_the_ledger_asks():
    found = row(made([GOAF, WORKS]), "M0", "G1")
    assert found["first_year"] == 2026
    assert (found["relation"], found["distance_m"]) == ("inside", 0.0)
    assert (found["seam"], found["elevation_m"], found["method"]) == ("3", 820.0, "瞬变电磁")
    assert ("hydro", "grade_floor", "medium") in found["effect"]
    assert "hydro.search_line" in found["measures"]
    assert "注浆" in found["measures"]
    assert (found["quantity_m3"], found["funds"], found["responsible"]) == (900.0, 120.0, "某矿")
    assert (found["state"], found["struck_off"]) == ("under_way", None)


def test_an_effect_is_what_holds_on_the_day():
    w = world(MINES, [PANEL], [GOAF])
    derived = derive(w, RULES)

    def on(day):
        return row(ledger(w, RULES, holding_on(derived, day)), "M0", "G1")

    assert ("hydro", "grade_floor", "medium") in on(date(2024, 9, 1))["effect"]
    assert on(date(2009, 11, 30))["effect"] == []
    # The panel comes within five years of it in 2021, and needs no search line before.
    assert "hydro.search_line" in on(date(2021, 1, 1))["measures"]
    assert "hydro.search_line" not in on(date(2020, 12, 31))["measures"]
    # The table of 2009 ended when that of 2018 came into force.
    assert "hydro.old_goaf_water.2009" in set(derived.claims["rule_id"])
    holding = set(holding_on(derived, date(2024, 9, 1)).claims["rule_id"])
    assert "hydro.old_goaf_water.2009" not in holding
    assert "hydro.old_goaf_water.2018" in holding


@pytest.mark.parametrize(
    ("plan", "x", "relation", "distance"),
    [
        # The panel lies from 0.3 to 0.5 of a field 0.03° wide: 0.1 of it is some 260 m.
        ([PANEL], 0.35, "inside", 0.0),
        ([PANEL], 0.6, "near", 260.5),
        ([PANEL], 0.9, "far", 1042.0),
        # A finished panel is no work to come, and a planned one only submitted not yet.
        ([PANEL | {"finished": True}], 0.35, "field_inside", 0.0),
        ([PANEL | {"status": "provisional"}], 0.35, "field_inside", 0.0),
        ([], 1.1, "field_near", 260.5),
    ],
)
def test_relation_and_distance_are_to_the_workings_and_to_the_field_only_for_want_of_them(plan, x, relation, distance):  # fmt: skip
    w = world(MINES[:1], plan, [factor(0, x, attrs={"code": "G1"})])
    found = row(ledger(w, RULES, derive(w, RULES)), "M0", "G1")
    assert found["relation"] == relation
    assert found["distance_m"] == pytest.approx(distance, abs=2)


def test_works_are_told_in_the_row_of_what_they_treat_and_are_no_factor():
    frame = made([GOAF, WORKS])
    assert set(frame["code"]) == {"G1"}
    # An inventory of works done (矿安〔2022〕76号) names no target, and is listed.
    loose = WORKS | {"key": "w2", "attrs": {"code": "W2"}}
    assert set(made([GOAF, loose])["code"]) == {"G1", "W2"}


def test_a_row_of_the_form_that_came_back_empty_hides_no_works():
    undated = WORKS | {"key": "a", "attrs": {k: v for k, v in WORKS["attrs"].items() if k != "started_on"}}  # fmt: skip
    empty = WORKS | {"key": "z", "attrs": {"mine_code": "M0", "target_code": "G1", "seam": "3"}}
    assert row(made([GOAF, undated, empty]), "M0", "G1")["responsible"] == "某矿"
    assert len(works(world(MINES, [], [undated, empty]), None, date(2024, 1, 1))) == 1


def test_a_mine_may_treat_a_neighbours_factor_from_its_own_side():
    near = factor(1, 0.02, attrs={"code": "N1", "water": "present"})
    works_ = WORKS | {"attrs": WORKS["attrs"] | {"target_code": "N1"}}
    frame = made([near, works_])
    assert row(frame, "M0", "N1")["responsible"] == "某矿"
    assert row(frame, "M1", "N1")["responsible"] is None
    # With a factor of that code itself, its works treat its own.
    mine_own = factor(0, 0.5, attrs={"code": "N1"})
    both = made([near, mine_own, works_])
    met = both[(both["mine_code"] == "M0") & (both["code"] == "N1")]
    assert sorted(map(str, met["responsible"])) == ["None", "某矿"]


def test_places_are_counted_each_under_its_own_and_mines_with_nothing_count_nought():
    places = {"M0": ("14", "140981", "甲"), "M1": ("14", "140981", "甲"), "M2": ("14", "140922", "乙"), "M9": ("61", "610000", "丙")}  # fmt: skip
    rows = [(r["level"], r["group"], r["factors"], r["exposures"]) for r in tree(made([FAULT]), places)]  # fmt: skip
    assert rows == [
        ("province", "14", 1, 3),
        ("county", "140922", 1, 1),
        ("enterprise", "乙", 1, 1),
        ("mine", "M2", 1, 1),
        ("county", "140981", 1, 2),
        ("enterprise", "甲", 1, 2),
        ("mine", "M0", 1, 1),
        ("mine", "M1", 1, 1),
        ("province", "61", 0, 0),
        ("county", "610000", 0, 0),
        ("enterprise", "丙", 0, 0),
        ("mine", "M9", 0, 0),
    ]


def test_works_are_late_until_they_are_accepted():
    w = world(MINES, [item(0, 0.3)], [GOAF, WORKS])
    assert works(w, None, date(2024, 6, 30))[0]["days_late"] is None
    (late,) = works(w, {"M0"}, date(2024, 7, 1))
    assert (late["days_late"], late["budget"], late["target_code"]) == (1, 120.0, "G1")
    assert works(w, {"M1"}, date(2024, 7, 1)) == []
    done = WORKS | {"attrs": WORKS["attrs"] | {"accepted_on": "2024-06-01"}}
    assert works(world(MINES, [], [done]), None, date(2025, 1, 1))[0]["days_late"] is None


def test_accepted_works_and_what_is_late():
    frame = made([GOAF, WORKS])
    assert overdue(frame, date(2024, 6, 30)).empty
    assert overdue(frame, date(2024, 7, 1))["code"].tolist() == ["G1"]
    done = WORKS | {"attrs": WORKS["attrs"] | {"accepted_on": "2024-06-01", "accepted_by": "某局"}}
    frame = made([GOAF, done])
    assert row(frame, "M0", "G1")["state"] == "accepted"
    assert row(frame, "M0", "G1")["accepted_by"] == "某局"
    assert overdue(frame, date(2025, 1, 1)).empty


def test_what_was_struck_off_stays_on_the_ledger():
    ended = [{"target_kind": "factor", "target_key": GOAF["key"], "kind": "treated", "effective_on": date(2024, 8, 1)}]  # fmt: skip
    frame = made([GOAF], ended)
    found = row(frame, "M0", "G1")
    assert (found["state"], found["struck_off"], found["effect"]) == ("struck_off", date(2024, 8, 1), [])  # fmt: skip
    assert totals(frame)[0]["standing"] == 0


def test_water_nobody_measured_is_unknown_and_not_nought():
    dry = factor(0, 0.5, attrs={"code": "G2", "water_volume_m3": {"low": None, "high": None, "raw": "不清"}})  # fmt: skip
    (counts,) = totals(made([GOAF, dry]))
    assert (counts["water_m3"], counts["unknown_water"]) == (300.0, 1)
    # Water said to be there, or not known to be, with the volume left blank is as unknown.
    told = ({"water": "present"}, {"water": "unknown"}, {"water": "none"}, {})
    blank = [factor(0, 0.55, attrs={"code": f"B{i}"} | said) for i, said in enumerate(told)]
    assert totals(made(blank))[0]["unknown_water"] == 2
    # 0.05 of 0.03° by 0.05 of 0.02°: some 130 m × 111 m, twice.
    assert counts["area_m2"] == pytest.approx(2 * 130.2 * 111, rel=0.01)


def test_a_provisional_survey_is_not_on_it_and_numbers_run_on():
    frame = made([GOAF | {"status": "provisional"}, FAULT])
    assert "G1" not in set(frame["code"])
    assert frame["number"].tolist() == list(range(1, len(frame) + 1))
