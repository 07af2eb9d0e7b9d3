"""The board's figures and their lists agree, and head-top is said by the right source."""

from datetime import date as d

import pytest

from geo.tailings.board import BANDS, band, board, chosen, plan_counts
from geo.tailings.closure import Event
from geo.tailings.life import life
from geo.tailings.protected import counts, own_of
from geo.tailings.sources import Said, head_top_of
from geo.tailings.trend import on_register, trend


def pond(
    code, state="in_use", law=None, plan=None, who="enterprise", counted=True, top=False, **demands
):
    duties = [
        {"code": c, "days_late": n, "met_on": None}
        for c, n in (("law", law), ("plan", plan))
        if n is not None
    ]
    return {
        "code": code, "state": state, "obligations": duties, "who": who, "counted": counted,
        "upcoming": False, "questions": [], "head_top": {"counts": top},
        "monitoring": None, "unheard": None, "unread": [], "under": [], "requirements": [{"code": c, "outcome": o} for c, o in demands.items()],
    }  # fmt: skip


PONDS = [
    pond("A"), pond("B", "must_close", 0, 0), pond("C", "must_close", 90, 0, "county_government"),
    pond("D", "closure_works", 91, None, top=True), pond("E", "deregistered", 400, counted=False),
    pond("F", "closure_design", 366, 10),
]  # fmt: skip


@pytest.mark.parametrize(
    ("days", "name"),
    [(0, "in_time"), (1, "late_90"), (90, "late_90"), (91, "late_365"), (365, "late_365"), (366, "late_more")],
)  # fmt: skip
def test_the_bands_of_lateness(days, name):
    assert band(days) == name


def test_every_figure_opens_the_list_it_counts():
    figures = board(PONDS)
    assert figures["total"] == 5
    # A pond struck off late is no longer to close.
    assert figures["must_close"] == ["B", "C", "D", "F"]
    for group, asked in (("by_state", "state"), ("by_lateness", "late"), ("by_who", "who")):
        for row in figures[group]:
            assert [p["code"] for p in chosen(PONDS, {asked: row["name"]})] == row["ponds"]
            assert row["count"] == len(row["ponds"])
    assert [row["name"] for row in figures["by_lateness"]] == list(BANDS)
    for name in ("law", "plan"):
        assert [p["code"] for p in chosen(PONDS, {"late": name})] == figures[f"late_{name}"]
    assert [p["code"] for p in chosen(PONDS, {"list": "head_top"})] == ["D"]
    assert chosen(PONDS, {"state": "must_close", "who": "county_government"}) == [PONDS[2]]
    assert chosen(PONDS, {"state": "nonsense"}) == []
    assert chosen(PONDS, {}) == PONDS


def test_a_pond_struck_off_is_no_head_top_one_and_one_re_mined_has_met_its_duty():
    mined = pond("M", "remining", 0, 0, top=True)
    for duty in mined["obligations"]:
        duty["met_on"] = d(2023, 1, 1)
    figures = board([mined, pond("G", "deregistered", 3, counted=False, top=True)])
    assert figures["must_close"] == []
    assert figures["head_top"] == ["M"]
    assert figures["total"] == 1


def test_a_pond_never_heard_of_stands_where_the_silent_ones_do():
    missed = {"since": d(2021, 9, 1), "days": 9}
    calm = {"level": "normal", "silent": False}
    ponds = [
        {**pond("A"), "unheard": missed}, {**pond("B"), "monitoring": calm}, pond("C", "building"),
        {**pond("D"), "monitoring": {**calm, "silent": True}}, pond("E", "deregistered", counted=False),
        # One item is read and calm, another that its kind must watch never was.
        {**pond("F"), "monitoring": calm, "unread": ["beach"]},
    ]  # fmt: skip
    assert board(ponds)["alarms"] == ["A", "D", "F"]
    assert [p["code"] for p in chosen(ponds, {"list": "alarms"})] == ["A", "D", "F"]


def test_the_number_of_ponds_may_only_fall_and_a_rise_is_told():
    def lived(code, *rows):
        events = [Event(day, kind, "", "示例1号") for day, kind in rows]
        return {"code": code, "on_register": on_register(life(events, d(2024, 9, 1)))}

    closed = (
        (d(2021, 6, 1), "discharge_ended"), (d(2021, 9, 1), "design_approved"),
        (d(2021, 10, 1), "works_started"), (d(2022, 4, 1), "works_finished"),
        (d(2022, 5, 20), "deregistered"),
    )  # fmt: skip
    ponds = [
        lived("old", (d(2010, 1, 1), "commissioned")),
        lived("shut", (d(2010, 1, 1), "commissioned"), *closed),
        lived("back", *closed, (d(2023, 3, 1), "remining_approved")),
        lived("new", (d(2024, 3, 20), "construction_started")),
    ]
    found = trend(ponds, d(2024, 9, 1))
    assert [(r["on"].isoformat(), r["count"]) for r in found["rows"]] == [
        ("2020-02-21", 3), ("2020-12-31", 3), ("2021-12-31", 3), ("2022-12-31", 1),
        ("2023-12-31", 2), ("2024-09-01", 3),
    ]  # fmt: skip
    assert [(r["on"].year, r["came"]) for r in found["rose"]] == [(2023, ["back"]), (2024, ["new"])]
    assert found["rows"][3]["gone"] == ["back", "shut"]
    assert found["unknown"] == ["back"]
    assert trend(ponds, d(2019, 1, 1))["rows"] == [
        {"on": d(2019, 1, 1), "count": 3, "came": [], "gone": []}
    ]
    # One and the same day is one row.
    assert len(trend(ponds, d(2020, 12, 31))["rows"]) == 2


@pytest.mark.parametrize(
    ("attrs", "its_own"),
    [({"object_class": "own_service", "own_pond": "A"}, True),
     ({"object_class": "own_service", "own_pond": "B"}, False),
     ({"object_class": "own_service", "own": True}, False),  # whose it is nobody said
     ({"object_class": "dwelling", "own_pond": "A"}, False),
     ({"object_class": "plant", "own": True, "own_pond": "A"}, False)],
)  # fmt: skip
def test_a_ponds_own_service_counts_for_every_other_pond(attrs, its_own):
    assert own_of(attrs, "A") is its_own
    assert counts(attrs)


ON = d(2024, 5, 1)
SAID = [
    ([], "undetermined", ()),
    ([Said("computed", "no", ON)], "no", ("computed",)),
    ([Said("computed", "no", ON), Said("official_list", "yes", ON)], "yes", ("official_list",)),
    ([Said("computed", "suspected", ON)], "suspected", ("computed",)),
    ([Said("computed", "suspected", ON), Said("official_list", "no", ON)], "suspected", ("computed",)),
    ([Said("computed", "suspected", ON), Said("site_check", "no", ON, "核1号")], "no", ("site_check",)),
    ([Said("computed", "suspected", ON), Said("site_check", "no", ON)], "suspected", ("computed",)),
    # Who went there before the ground, the dam or the house was there has not seen it.
    ([Said("computed", "suspected", ON), Said("site_check", "no", d(2022, 5, 1), "核1号")], "suspected", ("computed",)),
    ([Said("computed", "suspected", d(2021, 5, 1), "", ON), Said("site_check", "no", d(2022, 5, 1), "核1号")], "suspected", ("computed",)),
    ([Said("computed", "suspected", d(2021, 5, 1), "", ON), Said("site_check", "no", ON, "核1号")], "no", ("site_check",)),
    ([Said("computed", "yes", ON), Said("site_check", "no", ON, "核1号")], "yes", ("computed",)),
]  # fmt: skip


@pytest.mark.parametrize(("said", "outcome", "by"), SAID)
def test_yes_prevails_and_suspicion_waits_for_a_signature(said, outcome, by):
    found = head_top_of(said)
    assert (found.outcome, found.by) == (outcome, by)
    assert found.counts is (outcome in ("yes", "suspected"))


def test_what_ponds_must_meet_is_counted_and_each_count_opens_its_list():
    ponds = [
        pond("A", freeboard="no", monitoring="yes"), pond("B", freeboard="undetermined"),
        pond("C", freeboard="yes", monitoring="undetermined"),
        pond("D", "deregistered", counted=False, freeboard="no", monitoring="no"),
    ]  # fmt: skip
    rows = {row["name"]: row for row in board(ponds)["by_demand"]}
    assert {k: rows["freeboard"][k] for k in ("yes", "no", "undetermined")} == {
        "yes": ["C"], "no": ["A"], "undetermined": ["B"],
    }  # fmt: skip
    for name, row in rows.items():
        for outcome in ("yes", "no", "undetermined"):
            found = chosen(ponds, {"demand": f"{name}.{outcome}"})
            assert [p["code"] for p in found] == row[outcome]
    assert [p["code"] for p in chosen(ponds, {"demand": "freeboard.open"})] == ["A", "B"]
    # What is not known is not met: one of two, not one of one.
    assert plan_counts(ponds)["pond_monitoring"] == (1, 2)


def test_the_plan_counts_works_once_begun_even_of_a_pond_since_struck_off():
    def bound(code, met_on, counted=True):
        one = pond(code, counted=counted, plan=0)
        one["obligations"][0]["met_on"] = met_on
        return one

    ponds = [bound("A", None), bound("B", d(2024, 9, 1)), bound("C", d(2024, 3, 1), False)]
    assert plan_counts([*ponds, pond("D")])["pond_closure"] == (2, 3)
    assert [p["code"] for p in chosen(ponds, {"list": "plan_open"})] == ["A"]
