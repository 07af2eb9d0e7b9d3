"""Closure: dated histories, each with the clause it turns on."""

from datetime import date as d

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.problems import Problem
from geo.tailings.closure import Event, closure, closure_rules, closures


def only(found, code):
    return next((o for o in found.obligations if o.code == code), None)


@pytest.mark.parametrize(
    ("last", "on", "idle_from"),
    [
        # Idle *more* than three years: the third anniversary itself is not yet more.
        (d(2019, 6, 1), d(2022, 6, 1), None),
        (d(2019, 6, 1), d(2022, 6, 2), d(2022, 6, 2)),
        # 29 February has no third anniversary: the month's last day stands for it.
        (d(2020, 2, 29), d(2023, 2, 28), None),
        (d(2020, 2, 29), d(2023, 3, 1), d(2023, 3, 1)),
    ],
)
def test_idle_begins_the_day_after_the_third_anniversary(last, on, idle_from):
    found = closure([Event(last, "discharge")], on)
    assert [t.fact_on for t in found.triggers] == ([idle_from] if idle_from else [])


def test_the_clock_starts_no_earlier_than_the_rule():
    # Idle since 2015 was no trigger by itself before the notice of 2020-02-21.
    found = closure([Event(d(2012, 1, 1), "discharge")], d(2020, 6, 1))
    assert found.triggers[0].fact_on == d(2015, 1, 2)
    assert found.starts_on == d(2020, 2, 21)
    assert only(found, "law").due == d(2021, 2, 21)


def test_a_winter_stop_and_an_accepted_restart_are_no_trigger():
    history = [Event(d(2018, 11, 1), "discharge"), Event(d(2021, 4, 1), "discharge")]
    assert closure(history, d(2023, 1, 1)).triggers == ()


def test_token_discharge_stops_nothing_and_is_put_to_a_person():
    history = [Event(d(2018, 1, 1), "discharge"), Event(d(2020, 12, 1), "token_discharge")]
    found = closure(history, d(2022, 1, 1))
    assert found.triggers[0].code == "idle"
    assert found.questions == ("token_discharge:2020-12-01",)


def test_token_discharge_is_decided_by_papers_of_that_day_or_by_a_person():
    token = Event(d(2020, 12, 1), "token_discharge")
    asked = ("token_discharge:2020-12-01",)
    assert closure([token], d(2021, 1, 1)).questions == asked
    papers = Event(d(2020, 12, 1), "discharge", "", "准1号")
    assert closure([token, papers], d(2021, 1, 1)).questions == ()
    for day, still in (("2020-12-01", ()), ("2020-11-30", asked)):
        judged = Event(d(2021, 1, 1), "token_dismissed", day, "认1号")
        assert closure([token, judged], d(2021, 1, 1)).questions == still


@pytest.mark.parametrize("months", ["", "六", "-6", "0", "3.5", "6个月", "٣"])
def test_an_extension_without_whole_months_extends_nothing_and_breaks_nothing(months):
    history = [
        Event(d(2023, 3, 1), "discharge_ended"),
        Event(d(2023, 12, 1), "extension_approved", months),
        Event(d(2024, 1, 1), "extension_approved", "3"),
    ]
    found = only(closure(history, d(2025, 1, 1)), "law")
    # The next one that says its months is the one there is.
    assert (found.due, found.extended) == (d(2024, 6, 1), True)
    assert only(closure(history[:2], d(2025, 1, 1)), "law").due == d(2024, 3, 1)


def test_law_and_plan_are_two_obligations_with_their_own_days_late():
    history = [Event(d(2022, 3, 1), "final_elevation"), Event(d(2025, 1, 10), "works_started")]
    found = closure(history, d(2025, 3, 1))
    assert (only(found, "law").due, only(found, "law").days_late) == (d(2023, 3, 1), 731)
    assert (only(found, "plan").due, only(found, "plan").days_late) == (d(2024, 12, 31), 10)


@pytest.mark.parametrize(("fact", "in_plan"), [(d(2024, 12, 31), True), (d(2025, 1, 1), False)])
def test_the_plan_binds_ponds_that_met_a_trigger_by_its_last_day(fact, in_plan):
    found = closure([Event(fact, "discharge_ended")], d(2026, 1, 1))
    assert (only(found, "plan") is not None) is in_plan


@pytest.mark.parametrize(
    ("approved", "months", "due"),
    [
        (d(2024, 3, 1), "6", d(2024, 9, 1)),  # on the last day of the year: before expiry
        (d(2024, 3, 2), "6", d(2024, 3, 1)),  # after expiry: extends nothing
        (d(2023, 12, 1), "9", d(2024, 9, 1)),  # six months at most
    ],
)
def test_one_extension_of_at_most_six_months_approved_before_expiry(approved, months, due):
    history = [
        Event(d(2023, 3, 1), "discharge_ended"),
        Event(approved, "extension_approved", months),
    ]
    assert only(closure(history, d(2025, 1, 1)), "law").due == due


def test_an_approved_raise_voids_the_final_elevation_and_nothing_else():
    history = [
        Event(d(2023, 1, 1), "final_elevation"),
        Event(d(2023, 2, 1), "operator_lost"),
        Event(d(2023, 3, 1), "raise_approved"),
    ]
    assert [t.code for t in closure(history, d(2023, 6, 1)).triggers] == ["no_operator"]


def test_with_several_triggers_the_earliest_start_counts():
    history = [
        Event(d(2023, 5, 1), "operator_lost"),
        Event(d(2022, 5, 1), "discharge_ended", proven_only=True),
    ]
    found = closure(history, d(2024, 1, 1))
    assert found.starts_on == d(2022, 5, 1)
    assert found.triggers[0].not_later_than


def test_a_reversal_by_decision_ends_a_trigger():
    history = [
        Event(d(2022, 5, 1), "discharge_ended"),
        Event(d(2023, 1, 1), "trigger_reversed", "discharge_ended", "认定书3号"),
    ]
    assert closure(history, d(2022, 12, 31)).triggers
    assert not closure(history, d(2023, 1, 1)).triggers


def test_use_after_deregistration_is_refused():
    history = [
        Event(d(2020, 1, 1), "discharge_ended"),
        Event(d(2021, 1, 1), "deregistered"),
        Event(d(2022, 1, 1), "discharge"),
    ]
    with pytest.raises(Problem, match="deregistered on 2021-01-01"):
        closure(history, d(2022, 6, 1))


def test_an_unknown_event_is_named():
    with pytest.raises(Problem, match="flooded"):
        closure([Event(d(2020, 1, 1), "flooded")], d(2021, 1, 1))


KINDS = ["final_elevation", "discharge_ended", "operator_lost", "discharge", "works_started"]
HISTORIES = st.lists(
    st.builds(
        Event,
        st.dates(d(2010, 1, 1), d(2026, 1, 1)),
        st.sampled_from(KINDS),
        st.just(""),
        st.just(""),
        st.just(False),
    ),
    max_size=8,
)


@given(HISTORIES, st.randoms(use_true_random=False))
def test_the_order_of_events_as_filed_never_matters(history, shuffler):
    shuffled = history[:]
    shuffler.shuffle(shuffled)
    assert closure(history, d(2026, 6, 1)) == closure(shuffled, d(2026, 6, 1))


@given(HISTORIES, st.dates(d(2012, 1, 1), d(2025, 1, 1)), st.integers(0, 700))
def test_waiting_never_makes_an_unmet_duty_less_late(history, on, days):
    def late(day):
        known = [e for e in history if e.on <= on and e.kind != "works_started"]
        return sum(o.days_late for o in closure(known, day).obligations)

    assert late(on) <= late(d.fromordinal(on.toordinal() + days))


def test_frame_has_a_row_per_pond_and_obligation():
    frame = pd.DataFrame(
        {
            "pond_code": ["B", "A", "C"],
            "on": [d(2022, 5, 1), d(2023, 1, 1), d(2026, 1, 1)],
            "kind": ["discharge_ended", "operator_lost", "discharge"],
            "detail": "",
            "document": "",
            "proven_only": False,
        }
    )
    found = closures(frame, d(2026, 2, 1))
    assert found[["pond_code", "obligation"]].values.tolist() == [
        ["A", "law"],
        ["A", "plan"],
        ["B", "law"],
        ["B", "plan"],
    ]


LAW, PLAN = "obligations.law", "obligations.plan"
T1, T2, T3, T4 = (
    f"triggers.{code}" for code in ("final_elevation", "discharge_ended", "idle", "no_operator")
)
BEGAN = (d(2015, 5, 1), "commissioned")

# the clause it turns on, what it shows, history, day asked, triggers standing,
# {obligation: (due, met on, days late, extended)}
CASES = [
    (LAW, "a year from 29 February ends on the 28th",
     ((d(2024, 2, 29), "discharge_ended"),), d(2025, 3, 1), {"discharge_ended"},
     {"law": (d(2025, 2, 28), None, 1, False), "plan": (d(2024, 12, 31), None, 60, False)}),
    (LAW, "a year over 29 February is still a year to the day",
     ((d(2023, 3, 1), "discharge_ended"),), d(2024, 3, 1), {"discharge_ended"},
     {"law": (d(2024, 3, 1), None, 0, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (LAW, "six months from 31 August end with February, in a leap year on the 29th",
     ((d(2022, 8, 31), "discharge_ended"), (d(2023, 8, 1), "extension_approved", "6")),
     d(2024, 3, 1), {"discharge_ended"},
     {"law": (d(2024, 2, 29), None, 1, True), "plan": (d(2024, 12, 31), None, 0, False)}),
    (LAW, "and otherwise on the 28th",
     ((d(2021, 8, 31), "discharge_ended"), (d(2022, 8, 1), "extension_approved", "6")),
     d(2023, 3, 1), {"discharge_ended"},
     {"law": (d(2023, 2, 28), None, 1, True), "plan": (d(2024, 12, 31), None, 0, False)}),
    (LAW, "an extension approved on the last day is before expiry",
     ((d(2023, 6, 1), "discharge_ended"), (d(2024, 6, 1), "extension_approved", "3")),
     d(2024, 9, 2), {"discharge_ended"},
     {"law": (d(2024, 9, 1), None, 1, True), "plan": (d(2024, 12, 31), None, 0, False)}),
    (LAW, "a day later it is not",
     ((d(2023, 6, 1), "discharge_ended"), (d(2024, 6, 2), "extension_approved", "3")),
     d(2024, 9, 2), {"discharge_ended"},
     {"law": (d(2024, 6, 1), None, 93, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (LAW, "there is one extension: a second, approved within the first, adds nothing",
     ((d(2023, 6, 1), "discharge_ended"), (d(2024, 1, 1), "extension_approved", "3"),
      (d(2024, 8, 1), "extension_approved", "6")), d(2024, 9, 2), {"discharge_ended"},
     {"law": (d(2024, 9, 1), None, 1, True), "plan": (d(2024, 12, 31), None, 0, False)}),
    (LAW, "one from before the trigger extends no duty of it",
     ((d(2023, 1, 1), "extension_approved", "6"), (d(2023, 6, 1), "discharge_ended")),
     d(2024, 6, 2), {"discharge_ended"},
     {"law": (d(2024, 6, 1), None, 1, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (LAW, "struck off late, it stays late by the days it was, and no more",
     ((d(2022, 6, 1), "discharge_ended"), (d(2023, 6, 11), "deregistered")), d(2026, 1, 1),
     {"discharge_ended"},
     {"law": (d(2023, 6, 1), d(2023, 6, 11), 10, False),
      "plan": (d(2024, 12, 31), d(2023, 6, 11), 0, False)}),
    (PLAN, "works begun on 2024-12-31 are under way in time; the law's year runs on",
     ((d(2023, 6, 1), "discharge_ended"), (d(2024, 12, 31), "works_started")), d(2025, 2, 1),
     {"discharge_ended"},
     {"law": (d(2024, 6, 1), None, 245, False), "plan": (d(2024, 12, 31), d(2024, 12, 31), 0, False)}),
    (PLAN, "begun a day later they are one day late, for ever",
     ((d(2023, 6, 1), "discharge_ended"), (d(2025, 1, 1), "works_started")), d(2026, 2, 1),
     {"discharge_ended"},
     {"law": (d(2024, 6, 1), None, 610, False), "plan": (d(2024, 12, 31), d(2025, 1, 1), 1, False)}),
    (PLAN, "an extension is the law's: the plan's day does not move",
     ((d(2024, 3, 1), "discharge_ended"), (d(2024, 12, 1), "extension_approved", "6")),
     d(2025, 1, 1), {"discharge_ended"},
     {"law": (d(2025, 9, 1), None, 0, True), "plan": (d(2024, 12, 31), None, 1, False)}),
    (PLAN, "idle for more than three years on 2024-12-31: within the plan",
     (BEGAN, (d(2021, 12, 30), "discharge")), d(2025, 1, 1), {"idle"},
     {"law": (d(2025, 12, 31), None, 0, False), "plan": (d(2024, 12, 31), None, 1, False)}),
    (PLAN, "a day later: not",
     (BEGAN, (d(2021, 12, 31), "discharge")), d(2025, 1, 1), {"idle"},
     {"law": (d(2026, 1, 1), None, 0, False)}),
    (T1, "an approved raise before the elevation is reached voids nothing later",
     (BEGAN, (d(2022, 5, 1), "raise_approved"), (d(2023, 6, 1), "final_elevation")),
     d(2024, 1, 1), {"final_elevation"},
     {"law": (d(2024, 6, 1), None, 0, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (T1, "reached again after the raise, the year runs from then",
     (BEGAN, (d(2021, 6, 1), "final_elevation"), (d(2021, 9, 1), "raise_approved"),
      (d(2023, 9, 1), "final_elevation")), d(2024, 1, 1), {"final_elevation"},
     {"law": (d(2024, 9, 1), None, 0, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (T2, "ended for good: a later discharge gives it no second life",
     (BEGAN, (d(2023, 6, 1), "discharge_ended"), (d(2023, 8, 1), "discharge")), d(2024, 1, 1),
     {"discharge_ended"},
     {"law": (d(2024, 6, 1), None, 0, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (T3, "four winters with a discharge each summer: never idle for three years",
     (BEGAN, (d(2020, 11, 1), "stopped"), (d(2021, 4, 1), "discharge"), (d(2021, 11, 1), "stopped"),
      (d(2022, 4, 1), "discharge"), (d(2022, 11, 1), "stopped"), (d(2023, 4, 1), "discharge"),
      (d(2023, 11, 1), "stopped")), d(2024, 3, 1), set(), {}),
    (T3, "a restart on the third anniversary is in time",
     (BEGAN, (d(2019, 6, 1), "discharge"), (d(2022, 6, 1), "discharge")), d(2023, 1, 1), set(), {}),
    (T3, "a restart the day after comes too late and takes the trigger back no more",
     (BEGAN, (d(2019, 6, 1), "discharge"), (d(2022, 6, 3), "discharge")), d(2023, 1, 1), {"idle"},
     {"law": (d(2023, 6, 2), None, 0, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (T3, "tailings without papers or meter are no restart",
     (BEGAN, (d(2019, 6, 1), "discharge"), (d(2022, 5, 1), "token_discharge")), d(2022, 6, 2),
     {"idle"},
     {"law": (d(2023, 6, 2), None, 0, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (T3, "of a pond known only to stand still, the stop is the latest day it can have begun",
     ((d(2019, 6, 1), "stopped"),), d(2022, 6, 2), {"idle"},
     {"law": (d(2023, 6, 2), None, 0, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (T3, "in use from the restart to the stop: the stop, years later, is where the clock begins",
     ((d(2010, 5, 1), "stopped"), (d(2012, 5, 1), "discharge"), (d(2023, 6, 1), "stopped")),
     d(2026, 6, 1), set(), {}),
    (T3, "and the day after the third anniversary of the stop it is idle for more than three years",
     ((d(2010, 5, 1), "stopped"), (d(2012, 5, 1), "discharge"), (d(2023, 6, 1), "stopped")),
     d(2026, 6, 2), {"idle"}, {"law": (d(2027, 6, 2), None, 0, False)}),
    (T3, "an end of discharge is a stop as well: no years of idleness before it",
     ((d(2016, 5, 1), "discharge"), (d(2023, 6, 1), "discharge_ended")), d(2024, 1, 1),
     {"discharge_ended"},
     {"law": (d(2024, 6, 1), None, 0, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (T3, "a second stop of a pond that stands still moves nothing",
     ((d(2016, 5, 1), "discharge"), (d(2019, 6, 1), "stopped"), (d(2021, 6, 1), "stopped")),
     d(2022, 6, 2), {"idle"},
     {"law": (d(2023, 6, 2), None, 0, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (T3, "the survey's last discharge, within the use on record, is where the clock begins",
     ((d(2016, 5, 1), "discharge"), (d(2023, 5, 1), "last_discharge", "2024-01-01"),
      (d(2023, 6, 1), "stopped")), d(2026, 5, 2), {"idle"},
     {"law": (d(2027, 5, 2), None, 0, False)}),
    (T3, "a survey made after the stop that knows an earlier last discharge prevails over the stop",
     ((d(2016, 5, 1), "discharge"), (d(2018, 5, 1), "last_discharge", "2024-01-01"),
      (d(2023, 6, 1), "stopped")), d(2024, 1, 1), {"idle"},
     {"law": (d(2022, 5, 2), None, 609, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (T3, "one made before the stop could not know what was discharged after it",
     ((d(2016, 5, 1), "discharge"), (d(2018, 5, 1), "last_discharge", "2018-06-01"),
      (d(2023, 6, 1), "stopped")), d(2024, 1, 1), set(), {}),
    (T3, "a survey's last discharge restarts no pond that stood still: it has no papers",
     ((d(2019, 6, 1), "stopped"), (d(2021, 6, 1), "last_discharge")), d(2022, 6, 2), {"idle"},
     {"law": (d(2023, 6, 2), None, 0, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (T3, "nor does it bridge more than three years without a stop on record",
     ((d(2016, 5, 1), "discharge"), (d(2023, 5, 1), "last_discharge")), d(2024, 1, 1), {"idle"},
     {"law": (d(2021, 2, 21), None, 1044, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (T4, "an operator found ends it; lost again, the year runs from the second finding",
     (BEGAN, (d(2021, 5, 1), "operator_lost"), (d(2021, 9, 1), "operator_found"),
      (d(2023, 5, 1), "operator_lost")), d(2024, 1, 1), {"no_operator"},
     {"law": (d(2024, 5, 1), None, 0, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (T4, "with T1 beside it, an operator found leaves the later start of T1",
     (BEGAN, (d(2022, 5, 1), "operator_lost"), (d(2023, 5, 1), "final_elevation"),
      (d(2023, 9, 1), "operator_found")), d(2024, 1, 1), {"final_elevation"},
     {"law": (d(2024, 5, 1), None, 0, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (T4, "found before the notice, it binds from the notice on",
     ((d(2018, 5, 1), "operator_lost"),), d(2021, 2, 22), {"no_operator"},
     {"law": (d(2021, 2, 21), None, 1, False), "plan": (d(2024, 12, 31), None, 0, False)}),
    (LAW, "three triggers: the earliest start counts, all are told",
     (BEGAN, (d(2020, 3, 1), "discharge"), (d(2022, 9, 1), "operator_lost"),
      (d(2022, 12, 1), "final_elevation")), d(2023, 4, 1),
     {"idle", "no_operator", "final_elevation"},
     {"law": (d(2023, 9, 1), None, 0, False), "plan": (d(2024, 12, 31), None, 0, False)}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "on", "standing", "duties"), [c[2:] for c in CASES], ids=[c[1] for c in CASES]
)
def test_a_dated_history_by_its_clause(rows, on, standing, duties):
    found = closure([Event(*row) for row in rows], on)
    assert {t.code for t in found.triggers} == standing
    told = {o.code: (o.due, o.met_on, o.days_late, o.extended) for o in found.obligations}
    assert told == duties


def test_every_clause_of_the_rules_has_its_histories():
    rules = closure_rules()
    every = {f"{group}.{code}" for group in ("triggers", "obligations") for code in rules[group]}
    assert {case[0] for case in CASES} == every
    for clause in every:
        group, code = clause.split(".")
        assert rules[group][code]["standard"], clause
