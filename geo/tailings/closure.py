"""Which ponds must close, from when, by when, and how late they are (LOGIC L20, L21).

A pond's life is a history of dated events. Nothing here knows today's date: it is a parameter.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd
import yaml

from geo.problems import Problem

# In the order in which events of one day count.
EVENTS = (
    "construction_started",
    "commissioned",
    "discharge",  # tailings received and metered, under accepted papers
    "last_discharge",  # what a survey says, no papers; `detail` is the day it was made
    "token_discharge",  # tailings received without papers or without a meter: a person decides
    "token_dismissed",  # decided: no restart; `detail` is the day of that discharge
    "stopped",  # idle, a winter stop included; not an end for good
    "final_elevation",  # final design elevation reached
    "raise_approved",  # an approved raise: there is room above again
    "raise_finished",
    "discharge_ended",  # ended for good: document, mine exhausted, plant dismantled
    "operator_lost",
    "operator_found",
    "unit_appointed",  # by the county government, where there is no operator
    "trigger_reversed",  # decision with document; `detail` names the trigger
    "extension_approved",  # `detail` is the months granted
    "remining_approved",  # 回采
    "design_approved",  # 闭库设计
    "works_started",
    "works_finished",
    "acceptance_failed",
    "deregistered",  # 销号
    "removed",  # 销库
    "replaced_by",  # struck off, it makes room for a new pond; `detail` is that one's code
    "grade_raised",  # decision with document
    "alarm_lowered",  # by a person; `detail` is the point
)
_GONE = ("deregistered", "removed")
_USE = ("discharge", "last_discharge", "token_discharge", "raise_approved")
ENDS = ("stopped", "discharge_ended")


@dataclass(frozen=True)
class Event:
    """One dated fact of a pond's history; `proven_only` where the true date may be earlier."""

    on: date
    kind: str
    detail: str = ""
    document: str = ""
    proven_only: bool = False


@dataclass(frozen=True)
class Trigger:
    """A trigger that stands: the fact's day, and the day from which its duty runs."""

    code: str
    fact_on: date
    starts_on: date
    not_later_than: bool


@dataclass(frozen=True)
class Obligation:
    """One obligation of a pond. `days_late` counts to the day it was met, or to `on`."""

    code: str
    due: date
    met_on: date | None
    days_late: int
    extended: bool = False


@dataclass(frozen=True)
class Closure:
    """What the rules make of one pond's history on one day.

    `anew_since` is the day of the re-mining since which all of it is: the pond was struck off
    before, and has ended again (L21).
    """

    triggers: tuple[Trigger, ...]
    starts_on: date | None
    obligations: tuple[Obligation, ...]
    questions: tuple[str, ...]
    anew_since: date | None = None


@cache
def closure_rules() -> dict[str, Any]:
    """Return triggers and obligations with standard, clause and whether each was verified."""
    text = resources.files(__package__).joinpath("closure.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))


def anniversary(day: date, years: int = 0, months: int = 0) -> date:
    """Return the corresponding day; where a month has none, its last day (民法典 art. 202)."""
    moved: date = (pd.Timestamp(day) + pd.DateOffset(years=years, months=months)).date()
    return moved


def _idle_from(begin: date) -> date:
    """Return the day an idle pond has been so for *more* than the years: after the anniversary."""
    years = closure_rules()["triggers"]["idle"]["years"]
    return anniversary(begin, years=years) + timedelta(days=1)


def _ended(discharge: Event, history: list[Event]) -> Event | None:
    """Return the event that ended the use a discharge belongs to; None while it goes on."""
    for event in history[history.index(discharge) + 1 :]:
        # Whoever reversed idleness found that use had ended: a later stop tells of no time before.
        if event.kind == "discharge" or (event.kind, event.detail) == ("trigger_reversed", "idle"):
            return None
        if event.kind in ENDS:
            return event
    return None


def _clock(event: Event, history: list[Event]) -> tuple[date, bool]:
    """Return from which day a pond stands still after a discharge, and whether only by proof.

    Between a restart and the stop that followed it was in use: the stop is where the clock begins.
    A survey made since the stop that knows an earlier last discharge knows better.
    """
    end = _ended(event, history)
    surveyed = event.kind == "last_discharge"
    if end is None or (surveyed and not "" < event.detail < end.on.isoformat()):
        return event.on, event.proven_only
    return end.on, end.proven_only


def _facts(
    history: list[Event], on: date, known: list[Event], surveyed: list[Event]
) -> Iterator[tuple[str, date, bool]]:
    """Yield each trigger that stands on `on`, with the day its fact came true.

    Idleness that once lasted too long stays a trigger, whatever is discharged later: a reversal
    takes a decision with a document (L20). `known` is the history as far as it is known, for a stop
    tells of the time before it; `surveyed` takes the discharges that only a survey tells and that
    restart nothing, for a person to judge.
    """
    standing: dict[str, tuple[date, bool]] = {}
    begin: date | None = None
    begin_proven = stands = False
    for event in history:
        late = begin is not None and _idle_from(begin) < event.on
        if begin is not None and late:
            standing.setdefault("idle", (_idle_from(begin), begin_proven))
        match event.kind:
            case "final_elevation" | "discharge_ended":
                standing.setdefault(event.kind, (event.on, event.proven_only))
            case "operator_lost":
                standing.setdefault("no_operator", (event.on, event.proven_only))
            case "operator_found":
                standing.pop("no_operator", None)
            case "raise_approved":
                # An approved raise voids this trigger and no other (L20).
                standing.pop("final_elevation", None)
            case "discharge":
                begin, begin_proven = _clock(event, known)
            case "last_discharge" if stands or late:
                surveyed.append(event)
            case "last_discharge":
                begin, begin_proven = _clock(event, known)
            case "stopped" if begin is None:
                # When it last discharged nobody knows; not after this day.
                begin, begin_proven = event.on, True
            case "trigger_reversed":
                standing.pop(event.detail, None)
                if event.detail == "idle" and begin is not None:
                    begin = max(begin, event.on)
        stands = event.kind in ENDS or (stands and event.kind != "discharge")
    if begin is not None and _idle_from(begin) <= on:
        standing.setdefault("idle", (_idle_from(begin), begin_proven))
    for code, (fact_on, proven_only) in standing.items():
        yield code, fact_on, proven_only


def _same_day(event: Event) -> int:
    try:
        return EVENTS.index(event.kind)
    except ValueError:
        raise Problem("tailings.unknown_event", kind=event.kind, on=event.on) from None


def in_order(events: Iterable[Event]) -> list[Event]:
    """Return events by day, those of one day in the order of ``EVENTS``.

    Raises
    ------
    Problem
        ``tailings.unknown_event`` for a kind there is none of.
    """
    return sorted(events, key=lambda e: (e.on, _same_day(e), e.detail, e.document))


def _first(history: Iterable[Event], *kinds: str) -> date | None:
    return next((event.on for event in history if event.kind in kinds), None)


def _late(due: date, met_on: date | None, on: date) -> int:
    return max(0, ((met_on or on) - due).days)


def months_of(detail: str) -> int | None:
    """Return the whole months an extension grants, at least one; None where it says none."""
    text = detail.strip()
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text) < 100 else None


def _law(history: list[Event], starts_on: date, on: date) -> Obligation:
    rule = closure_rules()["obligations"]["law"]
    due = anniversary(starts_on, months=rule["months"])
    # One extension, approved before the year is out; a later paper extends nothing.
    granted = next(
        (
            months
            for e in history
            if e.kind == "extension_approved" and starts_on <= e.on <= due
            if (months := months_of(e.detail)) is not None
        ),
        None,
    )
    if granted is not None:
        due = anniversary(due, months=min(granted, rule["extension_months_at_most"]))
    met_on = _first(history, *_GONE)
    return Obligation("law", due, met_on, _late(due, met_on, on), granted is not None)


def _plan(history: list[Event], first_fact: date, on: date) -> Obligation | None:
    due: date = closure_rules()["obligations"]["plan"]["due"]
    if first_fact > due:
        return None
    met_on = _first(history, "works_started", *_GONE)
    return Obligation("plan", due, met_on, _late(due, met_on, on))


def _questions(history: list[Event], surveyed: list[Event]) -> tuple[str, ...]:
    """Return the discharges without papers that nobody has judged, as ``kind:day``.

    Papers of that day, or a person's word that it was no restart, settle one.
    """
    settled = {e.on.isoformat() for e in history if e.kind == "discharge"}
    settled |= {e.detail for e in history if e.kind == "token_dismissed"}
    asked = [("token_discharge", e) for e in history if e.kind == "token_discharge"]
    asked += [("surveyed_discharge", e) for e in surveyed]
    days = [(kind, e.on.isoformat()) for kind, e in asked]
    return tuple(f"{kind}:{day}" for kind, day in days if day not in settled)


def _re_mined(history: list[Event]) -> int:
    """Return where the re-mining of a pond that was struck off begins; 0 where there was none.

    A second approval before it is struck off again begins nothing: it would put a duty off.
    """
    start, gone = 0, False
    for at, event in enumerate(history):
        if gone and event.kind == "remining_approved":
            start = at
        gone = event.kind in _GONE or (gone and event.kind != "remining_approved")
    return start


def _triggers(
    history: list[Event], on: date, known: list[Event], surveyed: list[Event]
) -> list[Trigger]:
    rules = closure_rules()["triggers"]
    return sorted(
        (
            Trigger(code, fact_on, max(fact_on, rules[code]["in_force_from"]), proven_only)
            for code, fact_on, proven_only in _facts(history, on, known, surveyed)
        ),
        key=lambda t: (t.starts_on, t.code),
    )


def _duties(history: list[Event], triggers: list[Trigger], on: date) -> dict[str, Obligation]:
    """Return by code the obligations that triggers make, each as far as the history met it."""
    if not triggers:
        return {}
    plan = _plan(history, min(t.fact_on for t in triggers), on)
    law = _law(history, triggers[0].starts_on, on)
    return {one.code: one for one in (law, plan) if one is not None}


def closure(events: Iterable[Event], on: date, *, known: Iterable[Event] | None = None) -> Closure:
    """Return what a pond's history makes due on the day `on`.

    Parameters
    ----------
    events : iterable of Event
        In any order; those after `on` are not yet known to have happened and do not count.
    on : date
        The day asked about.
    known : iterable of Event, optional
        The history known by now, if more: that a pond stopped tells that it was in use before.

    Returns
    -------
    Closure
        Triggers ordered by start. With several, the earliest start counts. The obligation under
        the law and the one under the county's plan stand apart, each with its own days late. Once a
        pond that was struck off is re-mined and ends again, only what came since counts.

    Raises
    ------
    Problem
        For an unknown kind of event, or one after deregistration that would use the pond again.
    """
    history = in_order(e for e in events if e.on <= on)
    gone = _first(history, *_GONE)
    for event in history:
        if gone is not None and event.on > gone and event.kind in _USE:
            raise Problem("tailings.used_after_deregistration", on=event.on, gone=gone)
    later = history if known is None else in_order(known)
    surveyed: list[Event] = []
    triggers = _triggers(history, gone or on, later, surveyed)
    duties = _duties(history, triggers, on)
    anew_since = None
    if start := _re_mined(history):
        since = history[start:]
        if again := _triggers(since, _first(since, *_GONE) or on, later, []):
            anew_since, triggers = since[0].on, again
            # What the plan asked of the first ending was done, and stays done.
            duties |= _duties(since, again, on)
    starts_on = triggers[0].starts_on if triggers else None
    asked = _questions(history, surveyed)
    return Closure(tuple(triggers), starts_on, tuple(duties.values()), asked, anew_since)


def closures(events: pd.DataFrame, on: date) -> pd.DataFrame:
    """Return one row per pond and obligation.

    Parameters
    ----------
    events : DataFrame
        Columns pond_code, on, kind, detail, document, proven_only.
    on : date
        The day asked about.

    Returns
    -------
    DataFrame
        pond_code, trigger (the earliest), starts_on, not_later_than, obligation, due, met_on,
        days_late, extended; sorted by pond_code and obligation. Ponds without a trigger have none.
    """
    rows = []
    for code, group in events.groupby("pond_code", sort=True):
        found = closure((Event(*row) for row in group[list(_FIELDS)].itertuples(index=False)), on)
        for duty in found.obligations:
            first = found.triggers[0]
            rows.append(
                {
                    "pond_code": code,
                    "trigger": first.code,
                    "starts_on": first.starts_on,
                    "not_later_than": first.not_later_than,
                    "obligation": duty.code,
                    "due": duty.due,
                    "met_on": duty.met_on,
                    "days_late": duty.days_late,
                    "extended": duty.extended,
                }
            )
    return pd.DataFrame(rows, columns=list(_COLUMNS))


_FIELDS = ("on", "kind", "detail", "document", "proven_only")
_COLUMNS = (
    "pond_code",
    "trigger",
    "starts_on",
    "not_later_than",
    "obligation",
    "due",
    "met_on",
    "days_late",
    "extended",
)
