"""The boards: each row is there for its reason, and leaves for its reason."""

from datetime import date

import pytest

from geo.rules import load_rules, national_rules
from geo.rules.catalogue import DATA
from geo.survey import boards
from geo.survey.claims import CLAIMS
from geo.survey.world import plain

TODAY = date(2026, 6, 1)
DUTY = "gas.outburst_appraisal"


def claims(*rows):
    base = {"mine_code": "A", "hazard": "gas", "status": "in_force", "evidence": {}}
    return plain(CLAIMS, [{**base, "key": str(i), **row} for i, row in enumerate(rows)])


def duty(**more):
    said = {"outcome": "duty", "source": "survey", "rule_id": DUTY, "valid_from": date(2026, 5, 1)}
    return said | more


def appraisal(since, until=None):
    said = {"outcome": "grade_floor", "source": "appraisal", "grade": "high"}
    return said | {"valid_from": since, "valid_to": until}


def test_what_must_be_appraised_is_what_the_catalogue_says_a_county_included(tmp_path):
    assert {
        "combustion.appraisal", "gas.outburst_appraisal", "gas.pressure_appraisal", "gas.rich_area",
        "gas.dynamic_signs_appraisal", "rock_burst.signs", "rock_burst.quake",
        "rock_burst.tendency", "rock_burst.depth", "rock_burst.mine_tendency", "rock_burst.neighbour_appraisal",
        "metal.goaf_volume",
    } == national_rules().appraisals  # fmt: skip
    text = (DATA / "item13.yaml").read_text("utf-8").split("- id:")[1]
    own = "- id:" + text.replace("item13.depth", "county.depth").replace(
        "duty", "duty, appraise: true"
    )
    (tmp_path / "own.yaml").write_text(own, "utf-8")
    rules = load_rules(DATA, tmp_path)
    row = duty(rule_id="county.depth", hazard="ground_pressure")
    assert len(boards.not_appraised(claims(row), TODAY, rules.appraisals)) == 1


def test_the_dates_of_the_plan_stand_in_order():
    dates = [one["due"] for one in boards.plan_dates(TODAY)]
    assert dates == sorted(dates)
    # No clause of the plan was checked against its text.
    assert not any(one["verified"] for one in boards.plan_dates(TODAY))


@pytest.mark.parametrize(
    ("made", "listed"),
    [
        (None, True),
        # Made before the duty arose: it cannot have weighed what raised it.
        (appraisal(date(2026, 4, 30)), True),
        (appraisal(date(2026, 5, 1)), False),
        # Out of date: it stays in force, and meets nothing.
        (appraisal(date(2026, 5, 2), date(2026, 5, 31)), True),
        # Made, but not in force yet.
        (appraisal(date(2026, 6, 2)), True),
    ],
)
def test_not_appraised_until_an_appraisal_in_date_is_made_after_the_duty(made, listed):
    found = boards.not_appraised(
        claims(duty(), *([made] if made else [])), TODAY, national_rules().appraisals
    )
    assert bool(found) is listed
    if listed:
        assert found[0]["days"] == 31


def test_a_duty_to_come_a_provisional_one_and_another_kind_are_not_listed():
    rows = claims(
        duty(valid_from=date(2026, 6, 2)), duty(status="provisional"), duty(rule_id="survey.x")
    )
    assert boards.not_appraised(rows, TODAY, national_rules().appraisals) == []


def test_graded_too_low_only_where_the_floor_stands_above():
    floor = {"outcome": "grade_floor", "source": "survey", "grade": "high"}
    said = {"outcome": "grade_floor", "source": "declared"}
    below = boards.graded_too_low(
        claims(floor | {"valid_from": date(2026, 5, 2)}, said | {"grade": "low"}), TODAY
    )
    assert [(r["determined"], r["floor"], r["days"]) for r in below] == [("low", "high", 30)]
    assert boards.graded_too_low(claims(floor, said | {"grade": "high"}), TODAY) == []
    # Nothing determined is not low: it is listed too (L5).
    assert boards.graded_too_low(claims(floor), TODAY)[0]["determined"] is None


def test_what_would_lapse_stands_on_the_list_and_nothing_else():
    held = {"outcome": "grade_floor", "source": "survey", "grade": "high", "status": "held"}
    gone = {**held, "status": "in_force", "evidence": {"item_key": "P1"}}
    over = appraisal(date(2024, 1, 1), date(2026, 5, 31))
    current = appraisal(date(2024, 1, 1), TODAY)
    found = boards.lapse_proposed(
        claims(held, gone, over, current), {"P1": date(2026, 1, 1)}, TODAY
    )
    assert [(r["reason"], r["days"]) for r in found] == [
        ("worked_out", 151),
        ("overdue", 1),
        ("held", None),
    ]


def test_an_accepted_treatment_puts_what_rests_on_its_factor_on_the_list():
    floor = {"outcome": "grade_floor", "grade": "high", "mine_code": "A", "source": "survey"}

    def about(key, code="G1", **more):
        return {**floor, "evidence": {"factor_key": key, "attrs": {"code": code}}, **more}

    held = about("own", status="held")
    rows = claims(about("own"), about("other", "G2"), held, about("near", mine_code="B", source="neighbour"))  # fmt: skip
    own = {"own": ("A", "G1"), "near": ("A", "G1")}

    def listed(accepted, owners):
        done = boards.treated(rows, accepted, owners)
        found = boards.lapse_proposed(rows, {}, TODAY, done)
        return {(r["mine_code"], r["reason"], r["ends"]) for r in found}

    held_only = {("A", "held", None)}
    both = {("A", "treated", "factor:own"), ("B", "treated", "factor:near")}
    assert listed({("A", "G1"): date(2026, 5, 1)}, own) == both | held_only
    # From the neighbour's side only: its own claim, unless it has a factor so called itself.
    side = {("B", "G1"): date(2026, 5, 1)}
    assert listed(side, {}) == {("B", "treated", "factor:near")} | held_only
    assert listed(side, {"third": ("B", "G1")}) == held_only


def test_what_is_not_measured_is_never_taken_for_done():
    rows = boards.progress(boards.plan_dates(TODAY), {"survey": (12, 12)}, date(2027, 1, 1))
    assert {r["state"] for r in rows if r["measured"] != "survey"} == {"unknown"}
    (survey,) = [r for r in rows if r["id"] == "survey"]
    assert survey["state"] == "done"
    (survey,) = boards.progress(
        boards.plan_dates(TODAY)[:1], {"survey": (11, 12)}, date(2024, 7, 1)
    )
    assert (survey["state"], survey["days"]) == ("late", 1)
    (survey,) = boards.progress(
        boards.plan_dates(TODAY)[:1], {"survey": (11, 12)}, date(2024, 6, 30)
    )
    assert survey["state"] == "open"


@pytest.mark.parametrize(
    ("on", "due"),
    [(date(2024, 12, 10), date(2024, 12, 10)), (date(2024, 12, 11), date(2025, 12, 10)),
     (date(2027, 1, 1), date(2025, 12, 10))],
)  # fmt: skip
def test_the_report_of_the_year_is_due_on_each_tenth_of_december(on, due):
    rows = {row["id"]: row for row in boards.plan_dates(on)}
    assert rows["yearly_report"]["due"] == due
    assert rows["final_report"]["due"] == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("counts", "on", "state"),
    [((2, 3), date(2025, 12, 31), "open"), ((2, 3), date(2026, 1, 1), "late"),
     ((3, 3), date(2026, 1, 1), "done"), ((0, 0), date(2026, 1, 1), "done")],
)  # fmt: skip
def test_ponds_answer_their_own_dates_of_the_plan(counts, on, state):
    rows = boards.progress(boards.plan_dates(on), {"pond_monitoring": counts}, on)
    told = {row["id"]: row["state"] for row in rows}
    assert told["monitoring_ponds"] == state
    # Mines of the same date have no figure here, and are not taken for done with the ponds.
    assert told["monitoring_mines"] == "unknown"


def test_what_rules_lack_is_to_be_supplied_once_per_object():
    goaf = {"layer": "goaf", "factor_key": "g", "attrs": {"code": "G1"}}
    found = boards.supply(
        claims(
            {"outcome": "undetermined", "hazard": "hydro", "evidence": {"layer": "mine", "missing": ["q3_m3h"]}},
            {"outcome": "question", "hazard": "hydro", "evidence": goaf | {"missing": ["floor_m", "water"]}},
            {"outcome": "undetermined", "hazard": "hydro", "evidence": goaf | {"missing": ["method"]}},
            {"outcome": "question", "hazard": "hydro", "evidence": goaf},
            {"outcome": "question", "status": "provisional", "evidence": goaf | {"missing": ["water"]}},
        ),
        TODAY,
    )  # fmt: skip
    assert [(r["kind"], r["object"], r["missing"]) for r in found] == [
        ("goaf", "G1", ["floor_m", "method", "water"]),
        ("mine", None, ["q3_m3h"]),
    ]


def test_uncovered_ground_is_told_by_kind_and_seam_of_the_longest_horizon():
    def row(kind, covered, horizon=5, extent="footprint", seam=None):
        return {
            "kind": kind, "covered_m2": covered, "area_m2": 100.0, "horizon": horizon, "seam": seam,
            "extent": extent, "share": covered / 100, "plan_status": "ok",
        }  # fmt: skip

    found = boards.uncovered(
        {"A": [row("goaf", 99.5), row("fault", 40.0, seam="3"), row("fault", 0.0, horizon=3),
               row("fault", 0.0, extent="field"), row("fault", 10.0, seam="9")]},
        1.0,
    )  # fmt: skip
    assert [(r["kind"], r["seam"], r["area_m2"]) for r in found] == [
        ("fault", "9", 90.0),
        ("fault", "3", 60.0),
    ]
