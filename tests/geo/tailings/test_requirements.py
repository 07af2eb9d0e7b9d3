"""What a pond must meet, at and beside each limit; unknown is never met."""

from datetime import date as d

import pytest

from geo.messages import LANGUAGES
from geo.tailings.requirements import grades, requirement_rules, requirements

ON = d(2026, 3, 1)


def found(code, pond, grade=4, on=ON, state="in_use"):
    return next((f for f in requirements(pond, grade, on, state) if f.code == code), None)


@pytest.mark.parametrize(("have", "outcome"), [(0.49, "no"), (0.5, "yes"), (0.51, "yes"), (None, "undetermined")])  # fmt: skip
def test_freeboard_of_grade_four_at_flood_level(have, outcome):
    assert found("freeboard", {"freeboard_flood_m": have}).outcome == outcome


def test_a_one_step_dam_needs_wind_and_wave_besides_so_the_table_alone_proves_nothing():
    pond = {"dam_method": "one_step", "freeboard_flood_m": 0.6}
    assert found("freeboard", pond).outcome == "undetermined"
    assert found("freeboard", {**pond, "freeboard_flood_m": 0.4}).outcome == "no"
    assert found("beach", pond) is None


@pytest.mark.parametrize(
    ("method", "grade", "proven", "need"),
    [("upstream", 4, False, 50), ("upstream", 4, True, 35), ("downstream", 5, False, 25),
     ("upstream", 2, True, 100), ("upstream", 3, True, 49), (None, 4, False, None)],
)  # fmt: skip
def test_beach_by_method_and_its_one_reduction(method, grade, proven, need):
    pond = {"dam_method": method, "seepage_proven": proven, "beach_flood_m": 49.0}
    one = found("beach", pond, grade)
    assert one.need == need
    assert one.outcome == ("undetermined" if need is None else "yes" if need <= 49 else "no")


def test_a_beach_measured_today_is_no_answer():
    pond = {"dam_method": "upstream", "beach_measured_m": 400.0}
    assert found("beach", pond).outcome == "undetermined"


def test_a_dry_pond_has_no_beach():
    assert found("beach", {"discharge": "dry", "dam_method": "upstream"}) is None


@pytest.mark.parametrize(
    ("last", "on", "outcome", "late"),
    [("2023-03-01", ON, "yes", 0), ("2023-02-28", ON, "no", 1), (None, ON, "undetermined", 0),
     ("2020-02-29", d(2023, 2, 28), "yes", 0), ("2020-02-29", d(2023, 3, 1), "no", 1)],
)  # fmt: skip
def test_an_evaluation_every_three_years(last, on, outcome, late):
    one = found("evaluation", {"evaluated_on": last}, on=on)
    assert (one.outcome, one.days_late) == (outcome, late)


@pytest.mark.parametrize(
    ("level", "on", "outcome", "late"),
    [("2", ON, "yes", 0), ("1", ON, "yes", 0), ("3", ON, "no", 60), ("none", ON, "no", 60),
     ("3", d(2025, 12, 31), "no", 0), (None, ON, "undetermined", 0)],
)  # fmt: skip
def test_level_two_by_the_end_of_2025_for_grade_three_and_above(level, on, outcome, late):
    one = found("standardisation", {"standardisation": level}, 3, on)
    assert (one.outcome, one.days_late) == (outcome, late)
    assert found("standardisation", {"standardisation": level}, 4, on) is None
    # Only ponds in normal production (L28).
    assert found("standardisation", {"standardisation": level}, 3, on, "idle") is None


def test_monitoring_covers_all_or_is_late():
    assert found("monitoring", {"monitoring": "part"}, 2).days_late == 60
    assert found("monitoring", {"monitoring": "full"}, 2).outcome == "yes"


@pytest.mark.parametrize(
    ("pond", "raised", "wanted"),
    [({"volume_m3": 5e5, "height_m": 25, "final_volume_m3": 2e6, "final_height_m": 45}, False, (5, 4, 4)),
     ({"volume_m3": 5e5, "height_m": 25, "final_volume_m3": 2e6, "final_height_m": 45}, True, (5, 4, 3)),
     ({"volume_m3": 5e5, "height_m": 25}, False, (5, None, 5)),
     ({"volume_m3": 6e8, "height_m": 210}, True, (1, None, 1)),
     ({"volume_m3": {"low": 1, "high": None}, "height_m": 25}, False, (None, None, None))],
)  # fmt: skip
def test_the_grade_of_today_and_of_the_design(pond, raised, wanted):
    one = grades(pond, raised=raised)
    assert (one.present, one.design, one.governing) == wanted


def test_an_unknown_grade_leaves_every_figure_undetermined():
    pond = {"freeboard_flood_m": 9.0, "beach_flood_m": 900.0, "flood_years": 9000, "dam_method": "upstream"}  # fmt: skip
    for code in ("freeboard", "beach", "flood"):
        assert found(code, pond, None).outcome == "undetermined"


def test_every_rule_says_what_it_rests_on_in_both_languages():
    for name, rule in requirement_rules().items():
        if name == "in_production":
            continue
        assert all(rule["label"][lang] for lang in LANGUAGES), name
        assert rule["standard"], name
        assert isinstance(rule["verified"], bool), name
