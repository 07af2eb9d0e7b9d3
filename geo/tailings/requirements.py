"""What a pond must meet by its grade and by when: freeboard, beach, flood, evaluation and the rest.

Freeboard and beach hold at *design flood level*: a beach measured today is no answer, and where
nothing else is known the outcome is undetermined, never met (LOGIC L27, L28).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
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
    """One requirement: ``yes``, ``no`` or ``undetermined``; what is needed and what is there.

    `converted`: the figure was taken from today's to design flood level; `missing` names the
    attributes without which it could not be told; `signs` those behind a safety degree.
    """

    code: str
    outcome: str
    need: float | str | None
    have: float | str | None
    due: date | None = None
    days_late: int = 0
    converted: bool = False
    missing: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()


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


def _at_least(
    code: str, need: float | None, have: float | None, *, converted: bool = False
) -> Finding:
    if need is None or have is None:
        return Finding(code, "undetermined", need, have, converted=converted)
    return Finding(code, "yes" if have >= need else "no", need, have, converted=converted)


def _freeboard(pond: Attrs, grade: int | None, on: date) -> Finding:
    rule = requirement_rules()["freeboard"]
    need = rule["at_least"][grade] if grade is not None else None
    have = _number(pond, "freeboard_flood_m")
    names = rule["converted"]
    crest, flood = _number(pond, names["crest"]), _number(pond, names["flood"])
    converted = have is None and crest is not None and flood is not None
    if have is None and crest is not None and flood is not None:
        have = round(crest - flood, 3)
    found = _at_least("freeboard", need, have, converted=converted)
    if found.outcome == "yes" and pond.get("dam_method") in rule["more_for"]:
        return replace(found, outcome="undetermined")
    if have is None:
        return replace(found, missing=_absent(pond, ("freeboard_flood_m", *names.values())))
    return found


def _absent(pond: Attrs, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if pond.get(name) is None)


def beach_at_flood(pond: Attrs) -> float | None:
    """Return today's beach as it would be at design flood level, m; None if a figure is missing.

    Above today's water the beach falls at its measured slope, so a rise of the water by h takes
    h / slope of it. Where the water stands above the design flood level already, it gains nothing.
    """
    names = requirement_rules()["beach"]["converted"]
    measured, flood, water, slope = (
        _number(pond, names[n]) for n in ("measured", "flood", "water", "slope_pct")
    )
    if measured is None or flood is None or water is None or slope is None or slope <= 0:
        return None
    return round(max(0.0, measured - max(0.0, flood - water) / (slope / 100)), 3)


def _beach(pond: Attrs, grade: int | None, on: date) -> Finding | None:
    if pond.get("discharge") == "dry" or pond.get("dam_method") == "one_step":
        return None
    rule = requirement_rules()["beach"]
    table = rule["at_least"].get(pond.get("dam_method"))
    need = float(table[grade]) if table is not None and grade is not None else None
    if need is not None and grade is not None and grade >= rule["reduced_from_grade"]:
        need *= 1 - rule["reduced_by"] if pond.get("seepage_proven") is True else 1
        need = round(need, 3)
    said, found = _number(pond, "beach_flood_m"), beach_at_flood(pond)
    have = found if said is None else said
    one = _at_least("beach", need, have, converted=said is None and found is not None)
    if have is None:
        return replace(one, missing=_absent(pond, ("beach_flood_m", *rule["converted"].values())))
    return one


def _flood(pond: Attrs, grade: int | None, on: date) -> Finding:
    rule = requirement_rules()["flood"]
    need = rule["at_least"][grade] if grade is not None else None
    if pond.get("pond_type") == "pit" and pond.get("dams_expected") == 0:
        need = rule["pit_at_least"]
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


def _sign(sign: Attrs, pond: Attrs, failing: Attrs) -> bool | None:
    """Tell whether a sign of the safety degree is there; None where it cannot be told."""
    parts: list[bool | None] = []
    if "fail" in sign:
        # A dry pond has no beach: what is not asked cannot fail.
        outcomes = [failing[code] for code in sign["fail"]["of"] if code in failing]
        sure, open_ = outcomes.count("no"), outcomes.count("undetermined")
        wanted = sign["fail"]["at_least"]
        parts.append(True if sure >= wanted else None if sure + open_ >= wanted else False)
    for name, words in sign.get("attrs", {}).items():
        parts.append(None if pond.get(name) is None else pond[name] in words)
    for name, limit in sign.get("under", {}).items():
        value = _number(pond, name)
        parts.append(None if value is None else value < limit)
    if False in parts:
        return False
    return None if None in parts else True


def safety_degree(pond: Attrs, findings: Iterable[Finding]) -> Finding:
    """Return the safety degree: the worse of the register's word and of what the signs say.

    Parameters
    ----------
    pond : mapping
        Attributes of the pond; ``safety_degree`` is the register's word.
    findings : iterable of Finding
        Its freeboard and beach at design flood level.

    Returns
    -------
    Finding
        ``yes`` for a normal pond only: by the register where no sign speaks against it, or because
        every sign is known to be absent. With neither, undetermined: unknown is never normal.
        `signs` are those of the degree found, `missing` the attributes still wanted.
    """
    rule = requirement_rules()["safety_degree"]
    order = list(rule["degrees"])
    failing = {one.code: one.outcome for one in findings}
    told = {name: _sign(sign, pond, failing) for name, sign in rule["signs"].items()}
    there = [name for name, is_there in told.items() if is_there]
    open_ = [rule["signs"][name] for name, is_there in told.items() if is_there is None]
    missing = {n for sign in open_ for n in (*sign.get("attrs", ()), *sign.get("under", ()))}
    wanted = _absent(pond, sorted(missing))
    said = pond.get("safety_degree")
    found = [rule["signs"][name]["degree"] for name in there] + ([said] if said else [])
    if not found and open_:
        return Finding("safety_degree", "undetermined", "normal", None, missing=wanted)
    worst = max(found, key=order.index, default=order[0])
    signs = tuple(name for name in there if rule["signs"][name]["degree"] == worst)
    outcome = "yes" if worst == order[0] else "no"
    return Finding("safety_degree", outcome, order[0], worst, missing=wanted, signs=signs)


_ALWAYS: tuple[Callable[[Attrs, int | None, date], Finding | None], ...] = (
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
    found = [one for ask in asked if (one := ask(pond, grade, on)) is not None]
    return (safety_degree(pond, found), *found)
