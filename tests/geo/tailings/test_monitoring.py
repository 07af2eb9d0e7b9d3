"""Alarms of the monitoring: up at once, down by a person, silence heard, no threshold never normal."""

from datetime import date as d
from datetime import timedelta

import pytest

from geo.messages import LANGUAGES
from geo.tailings.closure import Event
from geo.tailings.life import life
from geo.tailings.monitoring import (
    NO_THRESHOLD,
    Reading,
    alarm,
    level_of,
    monitoring_rules,
    point_state,
    reading_of,
    together,
    unheard,
    wanted_items,
)

DAY = d(2026, 3, 1)
UP = (10.0, 20.0, 30.0, 40.0)
DOWN = (40.0, 30.0, 20.0, 10.0)


def reading(value, day=0, item="displacement", thresholds=UP, interval=None, point="P1"):
    return Reading(point, item, DAY + timedelta(day), value, thresholds, interval)


@pytest.mark.parametrize(
    ("item", "thresholds", "value", "level"),
    [
        ("displacement", UP, 9.99, "normal"), ("displacement", UP, 10.0, "blue"),
        ("displacement", UP, 19.99, "blue"), ("displacement", UP, 20.0, "yellow"),
        ("displacement", UP, 30.0, "orange"), ("displacement", UP, 40.0, "red"),
        # A phreatic line nearer the surface and a shorter beach are worse.
        ("phreatic", DOWN, 40.01, "normal"), ("phreatic", DOWN, 40.0, "blue"),
        ("beach", DOWN, 10.0, "red"), ("beach", DOWN, 10.01, "orange"),
        # Not one reached, but one of the four unknown: that is not normal.
        ("displacement", (None, 20.0, 30.0, 40.0), 5.0, NO_THRESHOLD),
        ("displacement", (10.0, None, None, None), 15.0, "blue"),
        ("displacement", (None, None, None, 40.0), 41.0, "red"),
        ("displacement", (None,) * 4, 5.0, NO_THRESHOLD),
        ("displacement", UP, None, NO_THRESHOLD), ("video", UP, 99.0, NO_THRESHOLD),
    ],
)  # fmt: skip
def test_one_reading_against_its_thresholds(item, thresholds, value, level):
    assert level_of(reading(value, item=item, thresholds=thresholds)) == level


def state(values, lowered=(), on=30, **more):
    made = [reading(value, day, **more) for day, value in enumerate(values)]
    return point_state(made, [DAY + timedelta(day) for day in lowered], DAY + timedelta(on))


def test_an_alarm_rises_at_once_and_no_reading_lowers_it():
    found = state([5, 35, 5, 5, 5, 5, 5])
    assert (found.level, found.since) == ("orange", DAY + timedelta(1))
    assert found.may_fall_to == "normal"


def test_it_falls_by_a_person_after_the_readings_and_only_as_far_as_they_lie():
    # Three readings in a row lie below it on day 4; the worst of them is blue.
    assert state([5, 35, 5, 12, 5], lowered=[4]).level == "blue"
    assert state([5, 35, 5, 12, 5], lowered=[4]).since == DAY + timedelta(4)
    # Two are not enough, whatever a person says.
    assert state([5, 35, 5, 5], lowered=[3]).level == "orange"
    # A reading at the alarm's own level, or one nobody can judge, starts the count again.
    assert state([35, 5, 5, 35, 5], lowered=[4]).level == "orange"
    assert state([35, 5, 5, None, 5], lowered=[4]).level == "orange"
    # Before the alarm a person's word lowers nothing that comes after.
    assert state([5, 5, 5, 35], lowered=[2]).level == "orange"


def test_what_comes_after_the_day_asked_about_is_not_known():
    assert state([5, 35], on=0).level == "normal"
    assert state([35, 5, 5, 5, 5], lowered=[4], on=3).level == "orange"


@pytest.mark.parametrize(("on", "silent"), [(7, 0), (8, 1), (30, 23)])
def test_silence_counts_from_the_day_the_next_reading_was_due(on, silent):
    assert state([5], on=on, interval=7).silent_days == silent
    assert state([5], on=on).silent_days is None


@pytest.mark.parametrize(
    ("levels", "made"),
    [
        (["blue"] * 3, "blue"), (["blue"] * 4, "yellow"), (["yellow"] * 2, "yellow"),
        (["yellow"] * 3, "orange"), (["orange"], "orange"), (["orange"] * 2, "red"),
        (["blue"] * 3 + ["yellow"], "yellow"), (["yellow"] * 2 + ["orange"], "orange"),
        (["blue"] * 9 + ["red"], "red"), ([NO_THRESHOLD, "blue"], "blue"),
        ([NO_THRESHOLD], None), ([], None), (["normal"] * 9, "normal"),
    ],
)  # fmt: skip
def test_points_of_one_item_together(levels, made):
    assert together(levels, monitoring_rules()["points"]) == made


def row(code="P1", item="displacement", value=5.0, day=0, **more):
    limits = dict(zip(("blue", "yellow", "orange", "red"), UP, strict=True))
    when = (DAY + timedelta(day)).isoformat()
    return {"code": code, "item": item, "value": value, "observed_on": when, **limits, **more}


WET = {"discharge": "wet"}


def test_a_pond_is_not_below_what_is_known_and_whole_only_with_every_item_watched():
    items = [i for i in wanted_items(WET, 4) if i != "video"]
    turned = dict(zip(("blue", "yellow", "orange", "red"), DOWN, strict=True))
    rows = [
        row(f"P-{i}", i, 99.0 if i in ("phreatic", "beach") else 5.0, interval_d=7, at_flood=True,
            **(turned if i in ("phreatic", "beach") else {}))
        for i in items
    ]  # fmt: skip
    found = alarm(rows, WET, 4, [], DAY)
    assert (found.level, found.whole, found.unwatched) == ("normal", False, ("video",))
    rows.append(row("P-video", "video", None, interval_d=7))
    whole = alarm(rows, WET, 4, [], DAY)
    assert (whole.level, whole.whole, whole.silent) == ("normal", True, False)
    # Eight days later nobody has read anything.
    later = alarm(rows, WET, 4, [], DAY + timedelta(8))
    assert (later.silent, later.whole) == (True, False)
    assert alarm([], WET, 4, [], DAY) is None
    # Points of which no figure ever came watch nothing, whatever they are called.
    mute = [{**one, "value": None} if one["item"] == "rain" else one for one in rows]
    assert alarm(mute, WET, 4, [], DAY).unwatched == ("rain",)


def test_four_blue_items_are_a_yellow_pond():
    names = ("displacement", "rain", "water_level", "slide")
    rows = [row(f"P-{n}", n, 12.0) for n in names]
    assert alarm(rows, WET, 4, [], DAY).level == "yellow"
    assert alarm(rows[:3], WET, 4, [], DAY).level == "blue"


def test_the_sets_differ_for_wet_dry_and_grade_three():
    assert "beach" in wanted_items(WET, 4)
    assert "beach" not in wanted_items({"discharge": "dry"}, 2)
    assert "seepage" in wanted_items(WET, 3)
    assert "seepage" not in wanted_items(WET, 4)
    # Unknown discharge asks for no less than a wet pond's.
    assert set(wanted_items({}, 4)) == set(wanted_items(WET, 4))


@pytest.mark.parametrize(
    ("said", "pond", "value"),
    [
        ({"at_flood": True}, {}, 90.0),
        ({}, {}, None),
        ({"water_level_m": 100.0, "beach_slope_pct": 2.0}, {"flood_level_m": 101.0}, 40.0),
        ({"water_level_m": 100.0, "beach_slope_pct": 2.0}, {}, None),
        # The reading's own water level is meant, not that of the pond's survey.
        ({"beach_slope_pct": 2.0}, {"flood_level_m": 101.0, "water_level_m": 100.0}, None),
    ],
)
def test_a_beach_is_judged_at_design_flood_level_or_not_at_all(said, pond, value):
    one = reading_of(row("B1", "beach", 90.0, **said), pond)
    assert one.value == value
    assert (level_of(one) == NO_THRESHOLD) is (value is None)


IN_USE = (d(2015, 5, 1), "commissioned")
SHUT = (
    (d(2021, 10, 1), "discharge_ended"), (d(2021, 11, 1), "design_approved"),
    (d(2021, 12, 1), "works_started"), (d(2022, 4, 1), "works_finished"),
)  # fmt: skip
STRUCK = (d(2022, 5, 1), "deregistered")
BACK = (d(2023, 3, 1), "remining_approved")
MISSED = [
    ("in use before the standard came", [IN_USE], d(2021, 9, 1), (d(2021, 9, 1), 0)),
    ("and longer", [IN_USE], d(2022, 9, 1), (d(2021, 9, 1), 365)),
    ("put to use since", [(d(2023, 1, 1), "commissioned")], d(2023, 1, 11), (d(2023, 1, 1), 10)),
    ("the standard does not bind yet", [IN_USE], d(2021, 8, 31), None),
    ("nobody knows since when it is", [], d(2024, 1, 1), (None, None)),
    ("it holds nothing yet", [(d(2023, 1, 1), "construction_started")], d(2024, 1, 1), None),
    ("closed, not struck off", [IN_USE, *SHUT], d(2022, 4, 30), (d(2021, 9, 1), 241)),
    ("struck off", [IN_USE, *SHUT, STRUCK], d(2024, 1, 1), None),
    ("on the register again", [IN_USE, *SHUT, STRUCK, BACK], d(2023, 3, 2), (d(2023, 3, 1), 1)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "on", "missed"), [r[1:] for r in MISSED], ids=[r[0] for r in MISSED]
)
def test_a_pond_that_never_sent_a_reading_is_silent_from_the_first(rows, on, missed):
    found = unheard(life([Event(*row, "", "示例1号") for row in rows], on), on)
    assert (found and (found.since, found.days)) == missed


def test_every_level_and_item_speaks_both_languages_and_no_threshold_stands_in_the_rules():
    rules = monitoring_rules()
    for one in (*rules["levels"].values(), *rules["items"].values()):
        assert all(one["label"][lang] for lang in LANGUAGES)
        assert not {"blue", "yellow", "orange", "red"} & set(one)
    for name in ("points", "items_together", "lowering", "sets", "unheard"):
        assert isinstance(rules[name]["verified"], bool)
    assert set(rules["sets"]["wet"]) | set(rules["sets"]["wet_more"]) <= set(rules["items"])
