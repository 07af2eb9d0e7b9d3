"""What a pond must meet by its grade and by when: freeboard, beach, flood, evaluation and the rest.

Freeboard and beach hold at *design flood level*: a beach measured today is no answer, and where
nothing else is known the outcome is undetermined, never met (LOGIC L27, L28).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import yaml

from geo.tailings.closure import anniversary
from geo.tailings.grade import pond_grade

_LOWEST = 5
Attrs = Mapping[str, Any]


@dataclass(frozen=True)
class Grades:
    """Grade of the present stage and of the design, 1 (highest) to 5; None where it has none.

    `governing` is the higher of what is known, raised where a decision raised it.
    """

    present: int | None
    design: int | None
    raised: bool
    governing: int | None


@dataclass(frozen=True)
class Finding:
    """One requirement: ``yes``, ``no`` or ``undetermined``; what is needed and what is there."""

    code: str
    outcome: str
    need: float | str | None
    have: float | str | None
    due: date | None = None
    days_late: int = 0


@cache
def requirement_rules() -> dict[str, Any]:
    """Return every requirement with its figures, standard, clause and whether it was verified."""
    text = resources.files(__package__).joinpath("requirements.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))


def _number(attrs: Attrs, name: str) -> float | None:
    """Return a figure; one sent as a range counts by no bound here."""
    value = attrs.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _grade(volume: float | None, height: float | None) -> int | None:
    figures = [np.nan if v is None else v for v in (volume, height)]
    (found,) = pond_grade([figures[0]], [figures[1]])
    return None if np.isnan(found) else int(found)


def grades(pond: Attrs, *, raised: bool = False) -> Grades:
    """Return a pond's grades of today and of its design.

    Parameters
    ----------
    pond : mapping
        volume_m3 and height_m of the present stage, final_volume_m3 and final_height_m.
    raised : bool
        Whether a decision raised the grade by one, which no grade 1 can be.
    """
    present = _grade(_number(pond, "volume_m3"), _number(pond, "height_m"))
    design = _grade(_number(pond, "final_volume_m3"), _number(pond, "final_height_m"))
    known = [grade for grade in (present, design) if grade is not None]
    governing = min(known) if known else None
    if raised and governing is not None:
        governing = max(1, governing - 1)
    return Grades(present, design, raised, governing)


def _at_least(code: str, need: float | None, have: float | None) -> Finding:
    if need is None or have is None:
        return Finding(code, "undetermined", need, have)
    return Finding(code, "yes" if have >= need else "no", need, have)


def _freeboard(pond: Attrs, grade: int | None, on: date) -> Finding:
    rule = requirement_rules()["freeboard"]
    need = rule["at_least"][grade] if grade is not None else None
    found = _at_least("freeboard", need, _number(pond, "freeboard_flood_m"))
    if found.outcome == "yes" and pond.get("dam_method") in rule["more_for"]:
        return Finding("freeboard", "undetermined", found.need, found.have)
    return found


def _beach(pond: Attrs, grade: int | None, on: date) -> Finding | None:
    if pond.get("discharge") == "dry" or pond.get("dam_method") == "one_step":
        return None
    rule = requirement_rules()["beach"]
    table = rule["at_least"].get(pond.get("dam_method"))
    need = float(table[grade]) if table is not None and grade is not None else None
    if need is not None and grade is not None and grade >= rule["reduced_from_grade"]:
        need *= 1 - rule["reduced_by"] if pond.get("seepage_proven") is True else 1
        need = round(need, 3)
    return _at_least("beach", need, _number(pond, "beach_flood_m"))


def _flood(pond: Attrs, grade: int | None, on: date) -> Finding:
    need = requirement_rules()["flood"]["at_least"][grade] if grade is not None else None
    return _at_least("flood", need, _number(pond, "flood_years"))


def _day(value: Any) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) and value else value or None


def _evaluation(pond: Attrs, grade: int | None, on: date) -> Finding:
    last = _day(pond.get("evaluated_on"))
    if last is None:
        return Finding("evaluation", "undetermined", None, None)
    due = anniversary(last, years=requirement_rules()["evaluation"]["years"])
    late = max(0, (on - due).days)
    return Finding("evaluation", "no" if late else "yes", None, last.isoformat(), due, late)


def _standardisation(pond: Attrs, grade: int | None, on: date) -> Finding | None:
    rule = requirement_rules()["standardisation"]
    if grade is None or grade > rule["from_grade"]:
        return None
    have = pond.get("standardisation")
    if have is None:
        return Finding("standardisation", "undetermined", rule["level_at_most"], None, rule["due"])
    met = have != "none" and int(have) <= rule["level_at_most"]
    return _by_day("standardisation", met, rule, rule["level_at_most"], have, on)


def _monitoring(pond: Attrs, grade: int | None, on: date) -> Finding | None:
    rule = requirement_rules()["monitoring"]
    if grade is None or grade > rule["from_grade"]:
        return None
    have = pond.get("monitoring")
    if have is None:
        return Finding("monitoring", "undetermined", "full", None, rule["due"])
    return _by_day("monitoring", have == "full", rule, "full", have, on)


def _by_day(code: str, met: bool, rule: Any, need: Any, have: Any, on: date) -> Finding:
    late = 0 if met else max(0, (on - rule["due"]).days)
    return Finding(code, "yes" if met else "no", need, have, rule["due"], late)


def _safety(pond: Attrs, grade: int | None, on: date) -> Finding:
    degree = pond.get("safety_degree")
    outcome = {None: "undetermined", "normal": "yes"}.get(degree, "no")
    return Finding("safety_degree", outcome, "normal", degree)


_ALWAYS: tuple[Callable[[Attrs, int | None, date], Finding | None], ...] = (
    _safety,
    _freeboard,
    _beach,
    _flood,
    _evaluation,
)
_IN_PRODUCTION = (_standardisation, _monitoring)


def requirements(pond: Attrs, grade: int | None, on: date, state: str) -> tuple[Finding, ...]:
    """Return what a pond must meet, each met, not met or undetermined.

    Parameters
    ----------
    pond : mapping
        Attributes of the newest accepted survey of the pond.
    grade : int or None
        The governing grade (:func:`grades`); without one the figures are undetermined.
    on : date
        The day asked about.
    state : str
        The pond's state (:func:`geo.tailings.life.life`); the plan's dates bind ponds in normal
        production only.
    """
    asked = (*_ALWAYS, *(_IN_PRODUCTION if state in requirement_rules()["in_production"] else ()))
    found = (ask(pond, grade, on) for ask in asked)
    return tuple(one for one in found if one is not None)
