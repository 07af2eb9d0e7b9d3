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


TODAY_FIGURES = {"dam_method": "upstream", "beach_measured_m": 110.0, "beach_slope_pct": 2.0,
                 "water_level_m": 100.0, "flood_level_m": 101.2}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "have", "outcome"),
    [
        # 1.2 m of rise at 2 % take 60 m of 110.
        ({}, 50.0, "yes"),
        ({"beach_measured_m": 109.9}, 49.9, "no"),
        # The water stands above the design flood level: the beach gains nothing from that.
        ({"water_level_m": 102.0}, 110.0, "yes"),
        # The flood takes it all, never less than nothing.
        ({"flood_level_m": 103.0}, 0.0, "no"),
        # What the survey says of the flood itself stands.
        ({"beach_flood_m": 30.0}, 30.0, "no"),
        ({"beach_slope_pct": None}, None, "undetermined"),
        ({"beach_slope_pct": 0.0}, None, "undetermined"),
        ({"flood_level_m": None}, None, "undetermined"),
    ],
)
def test_a_beach_measured_today_is_converted_to_design_flood_level(changed, have, outcome):
    one = found("beach", TODAY_FIGURES | changed)
    assert (one.have, one.outcome) == (have, outcome)
    assert one.converted is (have is not None and "beach_flood_m" not in changed)
    if have is None and changed != {"beach_slope_pct": 0.0}:
        assert set(changed) <= set(one.missing)


@pytest.mark.parametrize(("crest", "outcome"), [(101.69, "no"), (101.7, "yes"), (None, "undetermined")])  # fmt: skip
def test_freeboard_is_the_crest_less_the_design_flood_level(crest, outcome):
    one = found("freeboard", {"elevation_m": crest, "flood_level_m": 101.2})
    assert one.outcome == outcome
    assert found("freeboard", {"elevation_m": crest}).outcome == "undetermined"


GOOD = {"freeboard_flood_m": 0.5, "beach_flood_m": 50.0, "dam_method": "upstream",
        "overtopping": False, "drainage_state": "sound", "shaft_state": "upright",
        "dam_state": "sound", "phreatic_high": False, "stability_ratio": 1.0}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "degree", "sign"),
    [
        ({}, "normal", None),
        ({"freeboard_flood_m": 0.4}, "ill", "one_fails"),
        ({"freeboard_flood_m": 0.4, "beach_flood_m": 49.0}, "dangerous", "both_fail"),
        ({"freeboard_flood_m": 0.4, "beach_flood_m": 49.0, "overtopping": True}, "critical", "overtopping"),
        ({"drainage_state": "worn"}, "ill", "drainage_worn"),
        ({"drainage_state": "partly"}, "dangerous", "drainage_partly"),
        ({"drainage_state": "blocked"}, "critical", "drainage_blocked"),
        ({"shaft_state": "leaning"}, "dangerous", "shaft_leaning"),
        ({"shaft_state": "falling"}, "critical", "shaft_falling"),
        ({"dam_state": "cracks"}, "ill", "local_cracks"),
        ({"dam_state": "swamp"}, "dangerous", "seepage_swamp"),
        ({"dam_state": "shallow_slide"}, "dangerous", "shallow_slide"),
        ({"dam_state": "deep_slide"}, "critical", "deep_slide"),
        ({"phreatic_high": True}, "ill", "phreatic_high"),
        # Under, not at: 0.95 of the code value is no longer critical.
        ({"stability_ratio": 0.9499}, "critical", "stability_95"),
        ({"stability_ratio": 0.95}, "dangerous", "stability_98"),
        ({"stability_ratio": 0.98}, "ill", "stability_100"),
        ({"stability_ratio": 0.9999}, "ill", "stability_100"),
        # One sign more of a worse degree prevails.
        ({"stability_ratio": 0.97, "shaft_state": "falling"}, "critical", "shaft_falling"),
    ],
)  # fmt: skip
def test_the_safety_degree_follows_from_the_worst_sign(changed, degree, sign):
    one = found("safety_degree", GOOD | changed)
    assert one.have == degree
    assert one.outcome == ("yes" if degree == "normal" else "no")
    assert sign is None or sign in one.signs


@pytest.mark.parametrize("name", [n for n in GOOD if n not in ("dam_method", "overtopping")])
def test_a_degree_with_one_figure_missing_is_not_normal(name):
    one = found("safety_degree", {k: v for k, v in GOOD.items() if k != name})
    assert one.outcome == "undetermined"
    assert one.have is None


@pytest.mark.parametrize(
    ("said", "changed", "degree"),
    [("normal", {}, "normal"), ("normal", {"shaft_state": "falling"}, "critical"),
     ("dangerous", {}, "dangerous"), ("critical", {"phreatic_high": True}, "critical")],
)  # fmt: skip
def test_the_worse_of_the_register_and_of_the_signs_counts(said, changed, degree):
    assert found("safety_degree", GOOD | changed | {"safety_degree": said}).have == degree


def test_the_register_alone_is_taken_at_its_word_and_what_is_wanted_is_named():
    one = found("safety_degree", {"safety_degree": "normal"})
    assert (one.outcome, one.have) == ("yes", "normal")
    assert {"drainage_state", "stability_ratio"} <= set(one.missing)


def test_a_dry_ponds_degree_asks_for_no_beach():
    dry = {k: v for k, v in GOOD.items() if k != "beach_flood_m"} | {"discharge": "dry"}
    assert found("safety_degree", dry).have == "normal"
    assert found("safety_degree", dry | {"freeboard_flood_m": 0.4}).have == "ill"


def test_a_pit_without_a_dam_must_stand_the_flood_of_a_hundred_years():
    pit = {"pond_type": "pit", "dams_expected": 0}
    assert found("flood", pit | {"flood_years": 99}, None).outcome == "no"
    assert found("flood", pit | {"flood_years": 100}, None).outcome == "yes"
    assert found("flood", {"pond_type": "pit", "flood_years": 100}, None).outcome == "undetermined"


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
    degree = requirement_rules()["safety_degree"]
    assert {sign["degree"] for sign in degree["signs"].values()} == set(degree["degrees"]) - {
        "normal"
    }
    for name, sign in degree["signs"].items():
        assert all(sign["label"][lang] for lang in LANGUAGES), name
        assert isinstance(sign["verified"], bool), name
