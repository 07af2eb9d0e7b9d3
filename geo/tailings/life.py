"""The state of a pond as its dated history makes it, and which moves are possible (LOGIC L22).

A history is a list of :class:`geo.tailings.closure.Event`. Nothing here knows today's date.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any

import yaml

from geo.problems import Problem
from geo.tailings.closure import ENDS, Closure, Event, anniversary, closure, in_order, months_of

UNKNOWN = "unknown"
MUST_CLOSE = "must_close"
_BEFORE_CLOSURE = ("unknown", "building", "in_use", "idle", "raising")
_RE_MINED = "remining"
_NO_OPERATOR = "no_operator"


@dataclass(frozen=True)
class Life:
    """What a history makes of a pond on one day.

    `moves` are (day, event, state after it), oldest first; `next` are the events the state allows.
    """

    state: str
    since: date | None
    counted: bool
    small: bool
    who: str
    closure: Closure
    moves: tuple[tuple[date, str, str], ...]
    next: tuple[str, ...]
    questions: tuple[str, ...]


@cache
def life_rules() -> dict[str, Any]:
    """Return states, moves, who acts, the small-pond route and the upcoming list's months."""
    text = resources.files(__package__).joinpath("life.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))


def is_small(pond: Mapping[str, Any]) -> bool:
    """Tell whether the small-pond route is open: final volume and height both known and under.

    The route changes the procedure, never a deadline (L21). A figure that is missing closes it.
    """
    rule = life_rules()["small_route"]
    volume = _figure(pond, "final_volume_m3", "volume_m3")
    height = _figure(pond, "final_height_m", "height_m")
    return (
        volume is not None
        and height is not None
        and volume < rule["volume_m3_under"]
        and height < rule["height_m_under"]
    )


def _figure(pond: Mapping[str, Any], *names: str) -> float | None:
    known = [float(pond[n]) for n in names if isinstance(pond.get(n), int | float)]
    return max(known) if known else None


def _overlaid(base: str, now: Closure) -> str:
    """Return the state shown: where a trigger stands, a pond in use or idle must close.

    So must one that was struck off, re-mined and ended again: its duty has begun anew (L21).
    """
    over = base in _BEFORE_CLOSURE or (base == _RE_MINED and now.anew_since is not None)
    return MUST_CLOSE if now.triggers and over else base


def _allowed(event: str, state: str, small: bool, duty: bool = False) -> bool:
    """Tell whether an event may happen in a state; `duty`: while the law's duty to close runs."""
    move = life_rules()["moves"][event]
    return (
        state in move["from"]
        or (small and state in move.get("small_from", ()))
        or (duty and state in move.get("duty_from", ()))
    )


def _runs(now: Closure) -> bool:
    return any(one.code == "law" and one.met_on is None for one in now.obligations)


def _refuse(event: Event, state: str, small: bool, duty: bool) -> None:
    rules = life_rules()
    move = rules["moves"].get(event.kind)
    if move is None:
        raise Problem("tailings.unknown_event", kind=event.kind, on=event.on)
    if not _allowed(event.kind, state, small, duty):
        raise Problem(
            "tailings.impossible_move",
            on=event.on,
            event=move["label"]["zh"],
            event_en=move["label"]["en"],
            state=rules["states"][state]["label"]["zh"],
            state_en=rules["states"][state]["label"]["en"],
        )
    _documented(event)


def _documented(event: Event) -> None:
    move = life_rules()["moves"][event.kind]
    if move.get("document") and not event.document.strip():
        raise Problem(
            "tailings.document_wanted",
            on=event.on,
            event=move["label"]["zh"],
            event_en=move["label"]["en"],
        )


def demand(event: Event, known: Iterable[Event]) -> None:
    """Raise where an event about to be recorded does not say what it must.

    What stands on record is read leniently: an extension without months extends nothing, and a
    person is asked; a record that cannot be changed must not make a pond unreadable.

    Parameters
    ----------
    event : Event
    known : iterable of Event
        The pond's other events.

    Raises
    ------
    Problem
        ``tailings.document_wanted``, ``tailings.months_wanted``, ``tailings.successor_wanted``,
        ``tailings.no_such_token`` or ``tailings.surveys_only``.
    """
    move = life_rules()["moves"].get(event.kind, {})
    if move.get("surveyed"):
        raise Problem("tailings.surveys_only", on=event.on)
    if event.kind == "discharge":
        # On record without papers it would be read as a token one.
        _documented(event)
    if event.kind == "extension_approved" and months_of(event.detail) is None:
        raise Problem("tailings.months_wanted", on=event.on, detail=event.detail or "—")
    if event.kind == "replaced_by" and not event.detail.strip():
        raise Problem("tailings.successor_wanted", on=event.on)
    if event.kind == "token_dismissed":
        days = [e.on for e in known if e.kind in ("token_discharge", "last_discharge")]
        if event.detail not in {day.isoformat() for day in days}:
            raise Problem("tailings.no_such_token", on=event.on, detail=event.detail or "—")


def _void(event: Event, known: Closure) -> bool:
    """Tell whether an extension extends nothing: a second one, or one approved after expiry."""
    law = next((o for o in known.obligations if o.code == "law"), None)
    return event.kind == "extension_approved" and (
        law is None or event.on > law.due or law.extended
    )


def _unlawful(event: Event, state: str) -> bool:
    """Tell whether tailings were taken where none may be: a fact that a person must judge."""
    discharged = event.kind in ("discharge", "last_discharge")
    return discharged and not _allowed(event.kind, state, False)


def _check(event: Event, state: str, small: bool, known: Closure) -> None:
    """Raise where an event cannot have happened."""
    _refuse(event, state, small, _runs(known))
    standing = {trigger.code for trigger in known.triggers}
    needed = {"trigger_reversed": event.detail, "unit_appointed": _NO_OPERATOR}.get(event.kind)
    if needed is not None and needed not in standing:
        raise Problem("tailings.not_standing", on=event.on, trigger=needed or "—")


def _walked(
    history: list[Event], small: bool
) -> tuple[str, date | None, list[tuple[date, str, str]], list[str]]:
    """Return the state a history leads to, since when, its moves, and what to ask of it."""
    rules = life_rules()
    base, since = UNKNOWN, None
    moves: list[tuple[date, str, str]] = []
    questions: list[str] = []
    for at, event in enumerate(history):
        before = closure(history[:at], event.on, known=history)
        # Raises for a use after deregistration, and says so better than any state could.
        after = closure(history[: at + 1], event.on, known=history)
        state = _overlaid(base, before)
        if event.kind == "extension_approved" and months_of(event.detail) is None:
            questions.append(f"extension_months:{event.on.isoformat()}")
        elif _void(event, before):
            questions.append(f"extension_void:{event.on.isoformat()}")
        if _unlawful(event, state):
            questions.append(f"discharge_while_closing:{event.on.isoformat()}")
        else:
            _check(event, state, small, before)
            move = rules["moves"][event.kind]
            if "to" in move and base not in move.get("stay", ()):
                base = move["to"]
        then = _overlaid(base, after)
        if then != state or since is None:
            since = event.on
        moves.append((event.on, event.kind, then))
    return base, since, moves, questions


def life(events: Iterable[Event], on: date, *, small: bool = False) -> Life:
    """Return the state of a pond on a day, with its moves, obligations and who must act.

    Parameters
    ----------
    events : iterable of Event
        In any order; those after `on` do not count.
    on : date
        The day asked about.
    small : bool
        Whether the small-pond route is open to it: works may start without an approved design.

    Raises
    ------
    Problem
        ``tailings.impossible_move``, ``tailings.document_wanted``, ``tailings.not_standing``,
        ``tailings.used_after_deregistration`` or ``tailings.unknown_event``: which event of which
        day cannot have happened, and why.
    """
    history = in_order(e for e in events if e.on <= on)
    rules = life_rules()
    base, since, moves, questions = _walked(history, small)
    now = closure(history, on)
    state = _overlaid(base, now)
    if state == MUST_CLOSE and (not moves or moves[-1][2] != MUST_CLOSE):
        # It became so by the passing of time alone, as an idle pond does.
        since = now.triggers[0].fact_on
    return Life(
        state=state,
        since=since,
        counted=bool(rules["states"][state]["counted"]),
        small=small,
        who=_who(state, now, history),
        closure=now,
        moves=tuple(moves),
        next=tuple(
            kind
            for kind, move in rules["moves"].items()
            if not move.get("surveyed") and (kind != "token_dismissed" or now.questions)
            if _allowed(kind, state, small, _runs(now))
            or (kind == "stopped" and _may_have_stopped(now, base, history, on))
            if kind not in ENDS or _fits([*history, Event(on, kind)], small)
        ),
        questions=(*now.questions, *questions, *(() if history else ("no_history",))),
    )


def _may_have_stopped(now: Closure, base: str, history: list[Event], on: date) -> bool:
    """Tell whether a pond is idle only because nobody said until when it was in use."""
    if {one.code for one in now.triggers} != {"idle"} or not _allowed("stopped", base, False):
        return False
    return not closure([*history, Event(on, "stopped")], on).triggers


def _fits(history: list[Event], small: bool) -> bool:
    """Tell whether a history is possible: an end says that a pond was in use until then.

    What is on record may rest on its having stood still, as an extension does.
    """
    try:
        _walked(in_order(history), small)
    except Problem:
        return False
    return True


def struck_off(events: Iterable[Event]) -> bool:
    """Tell whether the last move of a history took the pond off the register (L22).

    Whatever the day: an event on record has happened. Re-mining brings a pond back.
    """
    rules = life_rules()
    moves = [rules["moves"].get(event.kind, {}) for event in in_order(events)]
    reached = [move["to"] for move in moves if "to" in move]
    return bool(reached) and not rules["states"][reached[-1]]["counted"]


def relieves(before: Life, after: Life) -> bool:
    """Tell whether a pond comes out of an event with less to answer for; it takes two persons (L3).

    It is off the register, a trigger is gone, the duty starts later, or a raised grade falls back.
    An extension is none of these: it is granted by its own paper, once (L21). Nor is a duty that
    begins anew after one that was met; that it never began is.
    """
    gone = {t.code for t in before.closure.triggers} - {t.code for t in after.closure.triggers}
    was, now = before.closure.starts_on, after.closure.starts_on
    later = was is not None and now is not None and now > was
    if before.closure.anew_since is None and after.closure.anew_since is not None:
        gone, later = set(), False
    never = before.closure.anew_since is not None and after.closure.anew_since is None
    raised = [any(kind == "grade_raised" for _, kind, _ in one.moves) for one in (before, after)]
    struck = before.counted and not after.counted
    return struck or bool(gone) or later or never or (raised[0] and not raised[1])


def _who(state: str, now: Closure, history: list[Event]) -> str:
    whose = str(life_rules()["states"][state]["who"])
    if whose != "enterprise" or _NO_OPERATOR not in {t.code for t in now.triggers}:
        return whose
    lost = next(t.fact_on for t in now.triggers if t.code == _NO_OPERATOR)
    appointed = any(e.kind == "unit_appointed" and e.on >= lost for e in history)
    return "appointed_unit" if appointed else "county_government"


def final_elevation_on(pond: Mapping[str, Any], measured_on: date | None) -> date | None:
    """Return the day a pond reaches its final elevation at the measured rise; None if unknown.

    Parameters
    ----------
    pond : mapping
        May hold elevation_m, final_elevation_m (m) and rise_m_a (m per year).
    measured_on : date or None
        The day `elevation_m` was measured.
    """
    now, final = _figure(pond, "elevation_m"), _figure(pond, "final_elevation_m")
    rise = _figure(pond, "rise_m_a")
    if measured_on is None or now is None or final is None:
        return None
    if final <= now:
        return measured_on
    if rise is None or rise <= 0:
        return None
    days = (final - now) / rise * 365.2425
    limit = (date.max - measured_on).days
    return measured_on + timedelta(days=min(int(days), limit))


def is_upcoming(reached_on: date | None, on: date) -> bool:
    """Tell whether a pond reaches its final elevation within the months of the list (L20)."""
    months = int(life_rules()["upcoming"]["months"])
    return reached_on is not None and reached_on <= anniversary(on, months=months)
