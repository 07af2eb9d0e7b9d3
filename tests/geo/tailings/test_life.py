"""The life of a pond as a table of dated histories, each with the clause it turns on."""

from datetime import date as d

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.messages import LANGUAGES
from geo.problems import Problem
from geo.tailings.closure import EVENTS, Event
from geo.tailings.life import (
    demand,
    final_elevation_on,
    is_small,
    is_upcoming,
    life,
    life_rules,
    relieves,
    struck_off,
)

DOC = "示例文〔2024〕1号"


def history(*rows):
    """Return events of (day, kind[, detail]), each with a document."""
    return [Event(row[0], row[1], row[2] if len(row) > 2 else "", DOC) for row in rows]


IN_USE = ((d(2015, 5, 1), "commissioned"), (d(2023, 3, 1), "discharge"))
CLOSED = (
    *IN_USE, (d(2023, 6, 1), "discharge_ended"), (d(2023, 9, 1), "design_approved"),
    (d(2023, 10, 1), "works_started"), (d(2024, 3, 1), "works_finished"), (d(2024, 5, 30), "deregistered"),
)  # fmt: skip
EARLY = (
    (d(2021, 6, 1), "final_elevation"), (d(2021, 9, 1), "design_approved"), (d(2021, 10, 1), "works_started"),
    (d(2022, 3, 1), "works_finished"), (d(2022, 5, 30), "deregistered"),
)  # fmt: skip
BACK = (d(2024, 9, 1), "remining_approved")

# what it shows, history, the day asked, state, who must act, {obligation: (due, days late)}
TABLE = [
    ("nothing is known: undetermined, counted, the regulator's to find out (L22)",
     (), d(2024, 1, 1), "unknown", "regulator", {}),
    ("in use (L22)", IN_USE, d(2024, 1, 1), "in_use", "enterprise", {}),
    ("a winter stop is idle, and no trigger T2 (L20)",
     (*IN_USE, (d(2023, 11, 15), "stopped")), d(2024, 2, 1), "idle", "enterprise", {}),
    ("a restart after the winter (L20)",
     (*IN_USE, (d(2023, 11, 15), "stopped"), (d(2024, 4, 1), "discharge")), d(2024, 5, 1),
     "in_use", "enterprise", {}),
    ("in use since a restart with papers, stopped seven years later: no idleness before (L20 T3)",
     ((d(2010, 5, 1), "stopped"), (d(2012, 3, 1), "discharge"), (d(2023, 11, 15), "stopped")),
     d(2024, 2, 1), "idle", "enterprise", {}),
    ("a survey's last discharge restarts no pond that is stopped (L20)",
     (*IN_USE, (d(2023, 11, 15), "stopped"), (d(2024, 4, 1), "last_discharge")), d(2024, 5, 1),
     "idle", "enterprise", {}),
    ("on the third anniversary it is not yet idle for more than three years (L20 T3)",
     IN_USE, d(2026, 3, 1), "in_use", "enterprise", {}),
    ("the day after it is (L20 T3); no plan duty, for the trigger came after 2024-12-31 (L21)",
     IN_USE, d(2026, 3, 2), "must_close", "enterprise", {"law": (d(2027, 3, 2), 0)}),
    ("last discharge on 29 February: three years on has none, the month's last day stands for it",
     ((d(2020, 2, 29), "discharge"),), d(2023, 3, 1), "must_close", "enterprise",
     {"law": (d(2024, 3, 1), 0), "plan": (d(2024, 12, 31), 0)}),
    ("a trigger of 2024-12-31 is within the plan, works of that day are in time (L21 P)",
     (*IN_USE, (d(2024, 12, 31), "discharge_ended")), d(2025, 1, 1), "must_close", "enterprise",
     {"law": (d(2025, 12, 31), 0), "plan": (d(2024, 12, 31), 1)}),
    ("a trigger of 2025-01-01 is not (L21 P)",
     (*IN_USE, (d(2025, 1, 1), "discharge_ended")), d(2025, 1, 2), "must_close", "enterprise",
     {"law": (d(2026, 1, 1), 0)}),
    ("law and plan are late by their own days (L21)",
     (*IN_USE, (d(2023, 6, 1), "final_elevation")), d(2025, 1, 10), "must_close", "enterprise",
     {"law": (d(2024, 6, 1), 223), "plan": (d(2024, 12, 31), 10)}),
    ("a raise approved voids T1 only (L20)",
     (*IN_USE, (d(2023, 6, 1), "final_elevation"), (d(2023, 9, 1), "raise_approved")),
     d(2024, 1, 1), "raising", "enterprise", {}),
    ("and with T2 beside it the pond still must close (L20)",
     (*IN_USE, (d(2023, 6, 1), "discharge_ended"), (d(2023, 7, 1), "final_elevation"),
      (d(2023, 9, 1), "raise_approved")), d(2024, 1, 1), "must_close", "enterprise",
     {"law": (d(2024, 6, 1), 0), "plan": (d(2024, 12, 31), 0)}),
    ("no operator: the county government must appoint a unit (L21)",
     (*IN_USE, (d(2023, 9, 10), "operator_lost")), d(2024, 1, 1), "must_close",
     "county_government", {"law": (d(2024, 9, 10), 0), "plan": (d(2024, 12, 31), 0)}),
    ("then that unit must act; the start stays the day of the finding (L21)",
     (*IN_USE, (d(2023, 9, 10), "operator_lost"), (d(2023, 12, 1), "unit_appointed")),
     d(2024, 1, 1), "must_close", "appointed_unit",
     {"law": (d(2024, 9, 10), 0), "plan": (d(2024, 12, 31), 0)}),
    ("with several triggers the earliest start counts (L21)",
     (*IN_USE, (d(2023, 9, 10), "operator_lost"), (d(2023, 10, 1), "final_elevation")),
     d(2024, 1, 1), "must_close", "county_government",
     {"law": (d(2024, 9, 10), 0), "plan": (d(2024, 12, 31), 0)}),
    ("an extension approved before expiry, six months at most (L21)",
     (*IN_USE, (d(2023, 6, 1), "discharge_ended"), (d(2024, 5, 31), "extension_approved", "9")),
     d(2024, 7, 1), "must_close", "enterprise",
     {"law": (d(2024, 12, 1), 0), "plan": (d(2024, 12, 31), 0)}),
    ("one approved after expiry extends nothing (L21)",
     (*IN_USE, (d(2023, 6, 1), "discharge_ended"), (d(2024, 6, 2), "extension_approved", "6")),
     d(2024, 7, 1), "must_close", "enterprise",
     {"law": (d(2024, 6, 1), 30), "plan": (d(2024, 12, 31), 0)}),
    ("the whole way: design, works, acceptance refused once, struck off (L22)",
     (*IN_USE, (d(2023, 6, 1), "discharge_ended"), (d(2023, 9, 1), "design_approved"),
      (d(2023, 10, 1), "works_started"), (d(2024, 3, 1), "works_finished"),
      (d(2024, 3, 20), "acceptance_failed"), (d(2024, 4, 20), "works_finished"),
      (d(2024, 5, 30), "deregistered")), d(2026, 1, 1), "deregistered", "nobody",
     {"law": (d(2024, 6, 1), 0), "plan": (d(2024, 12, 31), 0)}),
    ("re-mined and emptied (L22 销库): it meets both duties as striking off does",
     (*IN_USE, (d(2023, 6, 1), "discharge_ended"), (d(2023, 8, 1), "remining_approved"),
      (d(2024, 7, 1), "removed")), d(2026, 1, 1), "removed", "nobody",
     {"law": (d(2024, 6, 1), 30), "plan": (d(2024, 12, 31), 0)}),
    ("re-mined and never struck off, the duty runs on (L21): closed by design and works like any other (L22)",
     (*IN_USE, (d(2023, 6, 1), "discharge_ended"), (d(2023, 8, 1), "remining_approved"), (d(2024, 2, 1), "extension_approved", "6"),
      (d(2024, 4, 1), "design_approved"), (d(2024, 5, 1), "works_started"), (d(2024, 8, 1), "works_finished"),
      (d(2024, 12, 11), "deregistered")), d(2026, 1, 1), "deregistered", "nobody",
     {"law": (d(2024, 12, 1), 10), "plan": (d(2024, 12, 31), 0)}),
    ("re-mined without an operator: the county's unit must act (L21)",
     (*IN_USE, (d(2023, 8, 1), "remining_approved"), (d(2023, 9, 10), "operator_lost"), (d(2023, 12, 1), "unit_appointed")),
     d(2024, 1, 1), "remining", "appointed_unit", {"law": (d(2024, 9, 10), 0), "plan": (d(2024, 12, 31), 0)}),
    ("struck off, then re-mined: the duty is met (L21)",
     (*CLOSED, BACK), d(2025, 1, 1), "remining", "enterprise", {"law": (d(2024, 6, 1), 0), "plan": (d(2024, 12, 31), 0)}),
    ("and it ends again: a duty anew, which the striking-off of before does not meet (L21)",
     (*CLOSED, BACK, (d(2025, 3, 1), "discharge_ended")), d(2026, 3, 11), "must_close", "enterprise",
     {"law": (d(2026, 3, 1), 10), "plan": (d(2024, 12, 31), 0)}),
    ("an operator lost while it is re-mined is an ending too (L20 T4)",
     (*CLOSED, BACK, (d(2025, 3, 1), "operator_lost")), d(2025, 4, 1), "must_close", "county_government",
     {"law": (d(2026, 3, 1), 0), "plan": (d(2024, 12, 31), 0)}),
    ("struck off a second time: met in time (L21)",
     (*CLOSED, BACK, (d(2025, 3, 1), "discharge_ended"), (d(2025, 4, 1), "design_approved"), (d(2025, 5, 1), "works_started"),
      (d(2025, 6, 1), "works_finished"), (d(2025, 7, 1), "deregistered")), d(2027, 1, 1), "deregistered", "nobody",
     {"law": (d(2026, 3, 1), 0), "plan": (d(2024, 12, 31), 0)}),
    ("re-mined twice over one duty: the second re-mining puts nothing off (L21)",
     (*CLOSED, BACK, (d(2025, 3, 1), "discharge_ended"), (d(2025, 9, 1), "remining_approved")), d(2026, 3, 11), "must_close", "enterprise",
     {"law": (d(2026, 3, 1), 10), "plan": (d(2024, 12, 31), 0)}),
    ("the second ending came within the plan: works of before the re-mining are not its works (L21 P)",
     (*EARLY, (d(2023, 3, 1), "remining_approved"), (d(2024, 3, 1), "discharge_ended")), d(2025, 1, 10), "must_close", "enterprise",
     {"law": (d(2025, 3, 1), 0), "plan": (d(2024, 12, 31), 10)}),
    ("a reversal by decision: the clock of idleness begins anew (L20)",
     (*IN_USE, (d(2026, 5, 1), "trigger_reversed", "idle")), d(2026, 6, 1), "in_use",
     "enterprise", {}),
    ("the rule began to bind on 2020-02-21; the fact is older (L21)",
     ((d(2012, 1, 1), "discharge"),), d(2020, 6, 1), "must_close", "enterprise",
     {"law": (d(2021, 2, 21), 0), "plan": (d(2024, 12, 31), 0)}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "on", "state", "who", "duties"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_a_dated_history(rows, on, state, who, duties):
    found = life(history(*rows), on)
    assert (found.state, found.who) == (state, who)
    assert {o.code: (o.due, o.days_late) for o in found.closure.obligations} == duties
    assert found.counted is (state not in ("deregistered", "removed"))


IMPOSSIBLE = [
    ("works without a design", (*IN_USE, (d(2023, 6, 1), "discharge_ended"), (d(2023, 7, 1), "works_started"))),
    ("struck off without works", (*IN_USE, (d(2023, 6, 1), "discharge_ended"), (d(2023, 7, 1), "deregistered"))),
    ("a raise while works run", (*IN_USE, (d(2023, 6, 1), "discharge_ended"), (d(2023, 7, 1), "design_approved"), (d(2023, 8, 1), "works_started"), (d(2023, 9, 1), "raise_approved"))),
    ("built after it was in use", (*IN_USE, (d(2023, 6, 1), "construction_started"))),
    ("removed without re-mining", (*IN_USE, (d(2023, 6, 1), "removed"))),
    ("an extension of no duty", (*IN_USE, (d(2023, 6, 1), "extension_approved", "3"))),
    ("an extension of a pond re-mined that has no duty", (*IN_USE, (d(2023, 6, 1), "remining_approved"), (d(2023, 7, 1), "extension_approved", "3"))),
    ("an extension of a duty that was met before the re-mining", (*CLOSED, BACK, (d(2024, 10, 1), "extension_approved", "3"))),
    ("a trigger reversed that does not stand", (*IN_USE, (d(2023, 6, 1), "discharge_ended"), (d(2023, 7, 1), "trigger_reversed", "idle"))),
    ("a unit appointed though there is an operator", (*IN_USE, (d(2023, 6, 1), "discharge_ended"), (d(2023, 7, 1), "unit_appointed"))),
]  # fmt: skip


@pytest.mark.parametrize("rows", [r[1] for r in IMPOSSIBLE], ids=[r[0] for r in IMPOSSIBLE])
def test_an_impossible_history_is_refused_with_the_day(rows):
    with pytest.raises(Problem) as refused:
        life(history(*rows), d(2026, 1, 1))
    assert rows[-1][0].isoformat() in refused.value.say("zh")
    assert rows[-1][0].isoformat() in refused.value.say("en")


def test_a_decision_without_its_document_is_refused():
    rows = [Event(d(2023, 6, 1), "discharge_ended"), Event(d(2023, 9, 1), "design_approved")]
    with pytest.raises(Problem, match="document"):
        life(rows, d(2024, 1, 1))


@pytest.mark.parametrize("kind", ["discharge", "token_discharge", "raise_approved"])
def test_no_new_tailings_after_deregistration(kind):
    rows = history(
        (d(2020, 1, 1), "discharge_ended"), (d(2020, 2, 1), "design_approved"),
        (d(2020, 3, 1), "works_started"), (d(2020, 4, 1), "works_finished"),
        (d(2020, 5, 1), "deregistered"), (d(2021, 1, 1), kind),
    )  # fmt: skip
    with pytest.raises(Problem, match="deregistered on 2020-05-01"):
        life(rows, d(2022, 1, 1))


def test_tailings_taken_by_a_pond_that_must_close_are_put_to_a_person():
    rows = history(*IN_USE, (d(2023, 6, 1), "discharge_ended"), (d(2023, 8, 1), "discharge"))
    found = life(rows, d(2024, 1, 1))
    assert found.state == "must_close"
    assert found.questions == ("discharge_while_closing:2023-08-01",)


def test_idle_once_is_idle_until_a_decision_reverses_it():
    # Three years and a day without discharge, then a restart: the restart alone voids nothing.
    rows = history((d(2018, 1, 1), "discharge"), (d(2021, 6, 1), "discharge"))
    assert life(rows, d(2021, 7, 1)).state == "must_close"
    reversed_ = [*rows, Event(d(2021, 5, 1), "trigger_reversed", "idle", DOC)]
    assert life(reversed_, d(2021, 7, 1)).state == "in_use"


def test_a_pond_idle_for_want_of_a_stop_may_still_be_told_its_stop():
    rows = history((d(2016, 1, 1), "discharge"))
    late = life(rows, d(2023, 7, 1))
    assert late.state == "must_close"
    assert "stopped" in late.next
    after = life([*rows, Event(d(2023, 6, 1), "stopped")], d(2023, 7, 1))
    assert (after.state, after.closure.triggers, after.questions) == ("idle", (), ())
    # What ends a trigger takes two.
    assert relieves(late, after)
    # Nor of one whose record would contradict it: an extension is of a duty.
    granted = [*rows, Event(d(2019, 6, 1), "extension_approved", "3", DOC)]
    assert "stopped" not in life(granted, d(2023, 7, 1)).next
    # Of a pond that is known to have stood still there is no later stop.
    still = life(history((d(2016, 1, 1), "stopped")), d(2023, 7, 1))
    assert "stopped" not in still.next


def test_what_a_person_must_judge_of_discharges_and_extensions():
    stood = history((d(2019, 6, 1), "stopped"), (d(2021, 6, 1), "last_discharge"))
    asked = life(stood, d(2021, 7, 1))
    assert asked.questions == ("surveyed_discharge:2021-06-01",)
    assert "token_dismissed" in asked.next
    assert "token_dismissed" not in life(stood[:1], d(2021, 7, 1)).next
    judged = [*stood, Event(d(2021, 6, 20), "token_dismissed", "2021-06-01", DOC)]
    assert life(judged, d(2021, 7, 1)).questions == ()
    rows = history((d(2023, 3, 1), "discharge_ended"), (d(2023, 12, 1), "extension_approved", ""))
    assert life(rows, d(2024, 1, 1)).questions == ("extension_months:2023-12-01",)


@pytest.mark.parametrize(
    ("kind", "detail", "code"),
    [("extension_approved", "", "months_wanted"), ("extension_approved", "-6", "months_wanted"),
     ("extension_approved", "六", "months_wanted"), ("extension_approved", "6", None),
     ("replaced_by", " ", "successor_wanted"), ("replaced_by", "SL-T20", None),
     ("token_dismissed", "2021-06-01", None), ("token_dismissed", "2021-06-02", "no_such_token"),
     ("token_dismissed", "", "no_such_token"), ("stopped", "", None),
     ("last_discharge", "", "surveys_only")],
)  # fmt: skip
def test_what_an_event_must_say_is_asked_before_it_is_recorded(kind, detail, code):
    known = [Event(d(2021, 6, 1), "token_discharge")]
    event = Event(d(2023, 12, 1), kind, detail, DOC)
    if code is None:
        demand(event, known)
        return
    with pytest.raises(Problem) as refused:
        demand(event, known)
    assert refused.value.code == f"tailings.{code}"
    assert all(refused.value.say(lang) for lang in LANGUAGES)


def test_the_small_route_needs_both_figures_and_moves_no_deadline():
    small = {"final_volume_m3": 99_999.0, "final_height_m": 9.9}
    assert is_small(small)
    assert not is_small({**small, "final_volume_m3": 100_000.0})
    assert not is_small({**small, "final_height_m": 10.0})
    assert not is_small({"final_volume_m3": 50_000.0})
    rows = history(*IN_USE, (d(2023, 6, 1), "discharge_ended"), (d(2023, 7, 1), "works_started"))
    found = life(rows, d(2024, 1, 1), small=True)
    assert found.state == "closure_works"
    assert found.closure.obligations[0].due == d(2024, 6, 1)


def test_a_stop_of_unknown_last_discharge_starts_the_clock_not_later_than_that_day():
    found = life(history((d(2019, 6, 1), "stopped")), d(2023, 1, 1))
    (trigger,) = found.closure.triggers
    assert (trigger.code, trigger.fact_on, trigger.not_later_than) == ("idle", d(2022, 6, 2), True)


@pytest.mark.parametrize(
    ("now", "rise", "reached", "listed"),
    [(99.0, 1.0, d(2024, 12, 31), True), (98.0, 1.0, d(2025, 12, 31), False),
     (100.0, 1.0, d(2024, 1, 1), True), (99.0, 0.0, None, False), (99.0, None, None, False),
     (100.0, None, d(2024, 1, 1), True)],
)  # fmt: skip
def test_the_upcoming_list_reckons_with_the_measured_rise(now, rise, reached, listed):
    pond = {"elevation_m": now, "final_elevation_m": 100.0, "rise_m_a": rise}
    found = final_elevation_on(pond, d(2024, 1, 1))
    assert found == reached
    assert is_upcoming(found, d(2024, 2, 1)) is listed


def test_every_event_has_a_move_and_every_word_both_languages():
    rules = life_rules()
    assert set(rules["moves"]) == set(EVENTS)
    labelled = [*rules["states"].values(), *rules["moves"].values()]
    for one in [*(x["label"] for x in labelled), *rules["who"].values()]:
        assert all(one[lang] for lang in LANGUAGES)
    for move in rules["moves"].values():
        states = {*move["from"], *move.get("small_from", ()), *move.get("duty_from", ())}
        assert {*states, move.get("to", "in_use")} <= set(rules["states"])
    assert {s["who"] for s in rules["states"].values()} <= set(rules["who"])


def test_a_stop_after_a_reversal_tells_of_no_use_before_it():
    events = [
        Event(d(2017, 10, 27), "discharge", "", DOC),
        Event(d(2026, 1, 1), "trigger_reversed", "idle", DOC),
        Event(d(2026, 6, 1), "stopped", "", DOC),
    ]
    assert life(events[:1], d(2025, 12, 31)).state == "must_close"
    assert life(events, d(2026, 6, 1)).state == "idle"
    # Idle since the reversal at the latest: nobody put papers of a restart on record.
    assert life(events, d(2029, 1, 3)).state == "must_close"


@given(st.lists(st.tuples(st.dates(d(2012, 1, 1), d(2026, 1, 1)), st.sampled_from(EVENTS)), max_size=6), st.randoms(use_true_random=False))  # fmt: skip
def test_the_order_of_filing_never_matters_and_next_moves_are_possible(rows, shuffler):
    events = [
        Event(day, kind, "idle" if kind == "trigger_reversed" else "3", DOC) for day, kind in rows
    ]
    shuffled = events[:]
    shuffler.shuffle(shuffled)

    def said(listed):
        try:
            return life(listed, d(2026, 6, 1))
        except Problem as problem:
            return (problem.code, str(problem.params))

    found = said(events)
    assert found == said(shuffled)
    if not isinstance(found, tuple):
        checked = set(found.next) - {"trigger_reversed", "unit_appointed"}
        assert "last_discharge" not in found.next
        for kind in checked:
            life([*events, Event(d(2026, 6, 1), kind, "3", DOC)], d(2026, 6, 1))


def test_a_pond_struck_off_is_back_once_it_is_re_mined():
    rows = history((d(2020, 1, 1), "discharge_ended"), (d(2021, 1, 1), "deregistered"))
    assert not struck_off([])
    assert not struck_off(rows[:1])
    assert struck_off(rows)
    assert struck_off([*rows, Event(d(2022, 1, 1), "replaced_by", "X", DOC)])
    back = [*rows, Event(d(2023, 1, 1), "remining_approved", "", DOC)]
    assert not struck_off(back)
    assert struck_off([*back, Event(d(2024, 1, 1), "removed", "", DOC)])


RELIEF = [
    ("struck off", "deregistered", "", True),
    ("a refused acceptance burdens", "acceptance_failed", "", False),
]


@pytest.mark.parametrize(("why", "kind", "detail", "two"), RELIEF)
def test_what_takes_a_pond_off_the_register_takes_two(why, kind, detail, two):
    history = [
        Event(d(2023, 6, 1), "discharge_ended"), Event(d(2023, 9, 1), "design_approved", "", "x"),
        Event(d(2023, 10, 1), "works_started"), Event(d(2024, 3, 1), "works_finished"),
    ]  # fmt: skip
    after = life([*history, Event(d(2024, 4, 1), kind, detail, "x")], d(2024, 5, 1))
    assert relieves(life(history, d(2024, 5, 1)), after) is two, why


def test_what_ends_a_trigger_puts_it_off_or_lowers_a_grade_takes_two():
    on = d(2024, 5, 1)
    lost, full = Event(d(2023, 9, 10), "operator_lost"), Event(d(2024, 1, 1), "final_elevation")
    raised = Event(d(2024, 1, 1), "grade_raised", "", "x")
    both = life([lost, full, raised], on)
    found = Event(d(2024, 2, 1), "operator_found", "", "x")
    assert relieves(both, life([lost, full, raised, found], on))
    # The duty would start later, though one still stands.
    assert relieves(both, life([full, raised], on))
    assert relieves(both, life([lost, full], on))
    granted = Event(d(2024, 3, 1), "extension_approved", "6", "x")
    assert not relieves(both, life([lost, full, raised, granted], on))
    assert not relieves(life([full], on), both)


def test_a_duty_that_begins_anew_is_recorded_by_one_and_taken_back_by_two():
    on = d(2025, 6, 1)
    mined = life(history(*EARLY, (d(2024, 9, 1), "remining_approved")), on)
    ended = [*history(*EARLY, (d(2024, 9, 1), "remining_approved")), Event(d(2025, 3, 1), "discharge_ended")]  # fmt: skip
    again = life(ended, on)
    assert [mined.closure.anew_since, again.closure.anew_since] == [None, d(2024, 9, 1)]
    # Another trigger, and a later start: a burden nevertheless.
    assert not relieves(mined, again)
    assert relieves(again, mined)


def test_a_pond_re_mined_with_a_duty_is_offered_the_way_to_its_closure():
    on = d(2024, 1, 1)
    rows = (*IN_USE, (d(2023, 6, 1), "discharge_ended"), (d(2023, 8, 1), "remining_approved"))
    assert {"design_approved", "extension_approved", "removed"} <= set(
        life(history(*rows), on).next
    )
    # Without a duty it may close by choice, as one in use may; there is nothing to extend.
    free = life(history(*IN_USE, (d(2023, 8, 1), "remining_approved")), on)
    assert "design_approved" in free.next
    assert "extension_approved" not in free.next
    small = life(history(*rows), on, small=True)
    assert "works_started" in small.next
