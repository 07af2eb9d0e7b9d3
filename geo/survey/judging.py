"""What a rule makes of an encounter or of a mine's own figures: outcome, grade, first day."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import product
from types import MappingProxyType
from typing import Any

import geopandas as gpd

from geo.rules import Rule, Rules
from geo.survey.layers import stated
from geo.survey.overlay import margin_of
from geo.survey.reckon import EFFECTIVE_TYPE, mine_values

_PLANNED_SEAMS = "plan.seams"
# Hydrogeology types of a mine, each with the day from which it holds.
Types = list[tuple[str, date | None]]


def latest(*days: date | None) -> date | None:
    """Return the latest of the days that are known."""
    return max((day for day in days if day is not None), default=None)


def figures_of(mines: Mapping[str, Any], plan: gpd.GeoDataFrame) -> dict[str, dict[str, Any]]:
    """Return each mine's figures as rules see them, and in which seams it has planned to work.

    Parameters
    ----------
    mines : mapping
        Rows of the mines by code.
    plan : GeoDataFrame
        Plan items; at least all of those mines.
    """
    counted = plan[plan["status"] != "provisional"]
    planned: dict[str, set[str]] = {}
    for code, seam in zip(counted["mine_code"], counted["seam"], strict=True):
        if seam:
            planned.setdefault(code, set()).add(str(seam))
    return {
        code: mine_values(mine.attrs, mine.district) | {_PLANNED_SEAMS: planned.get(code, set())}
        for code, mine in mines.items()
    }


def _same_seam(attrs: Mapping[str, Any], item_seam: Any, figures: Mapping[str, Any]) -> bool | None:
    """Tell whether a factor lies in a seam that is worked; None where that is not known.

    A working has its own seam. The field has those it is licensed for and those of its plan: what
    is planned tells of a seam that it is worked, but only the licence that another is not. A mine
    next door has all of its seams.
    """
    lies = {str(seam) for seam in (attrs.get("seam"), *(attrs.get("seams") or ())) if seam}
    if not lies:
        return None
    if item_seam:
        return str(item_seam) in lies
    if lies & figures[_PLANNED_SEAMS]:
        return True
    licensed = figures.get("mine.seams")
    named = {str(s) for s in licensed if s} if isinstance(licensed, list | tuple) else set()
    return bool(lies & named) if named else None


def _values(encounter: Any, figures: dict[str, Any]) -> dict[str, Any]:
    attrs = encounter.evidence["attrs"]
    values = {
        **figures,
        **stated(encounter.layer, attrs),
        **encounter.evidence.get("reckoned", {}),
        "own": encounter.own,
        "verification": encounter.evidence["verification"],
        "margin_m": margin_of(encounter.distance_m, encounter.error_m),
        "overlap_m2": encounter.overlap_m2,
        "same_seam": _same_seam(attrs, encounter.evidence["item_seam"], figures),
    }
    values.setdefault("drained", False)
    # Whoever found a fault to join an aquifer says so; nobody is asked of each fault.
    values.setdefault("joins_aquifer", False)
    return values


# What rules compare of how far apart two lie; each grows by as much as the distance does.
_APART = (
    "margin_m",
    "search_margin_m",
    "warning_margin_m",
    "pillar_margin_m",
    "aquifer_pillar_margin_m",
)


def _sensitive(
    rule: Rule, encounter: Any, values: dict[str, Any], said: tuple[str, str | None], around: float
) -> bool:
    """Tell whether what a rule says flips within the combined error of its distance (L12)."""
    far = encounter.evidence.get("far_m")
    near = values["margin_m"]
    if far is None or far <= near:
        return False
    if near <= (around if rule.surroundings else 0.0) < far:
        return True
    if rule.attrs.isdisjoint(_APART):
        return False
    moved = {
        name: round(values[name] + far - near, 3)
        for name in _APART
        if isinstance(values.get(name), float)
    }
    return said not in [(o, g) for o, g, _ in judge(rule, values | moved)]


def judge(
    rule: Rule,
    values: Mapping[str, Any],
    wanting: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """Yield outcome, grade and detail: the first true row, and what stands open above it (L5).

    Parameters
    ----------
    rule : Rule
    values : mapping
        Attributes by name.
    wanting : mapping
        For an attribute that a formula could not make, the inputs it lacks: these are named.
    """
    missing: set[str] = set()
    found = None
    for row in rule.rows:
        verdict = row.when.evaluate(values)
        if verdict.value is True:
            found = row
            break
        if verdict.value is None:
            missing |= verdict.missing
    if found is not None:
        until = found.until.model_dump() if found.until else None
        due = {
            name: text.model_dump()
            for name, text in (("whom", found.whom), ("by_when", found.by_when))
            if text is not None
        }
        yield found.outcome, found.grade, {"until": until} | due
    if not missing or rule.missing == "silent":
        return
    named = {name for lost in missing for name in wanting.get(lost, (lost,))}
    if rule.missing == "undetermined":
        # What gives no grade leaves none open.
        graded = any(row.grade is not None for row in rule.rows)
        yield (
            "undetermined",
            None,
            {"missing": sorted(named)} | ({} if graded else {"graded": False}),
        )
    elif found is None:
        yield "question", None, {"missing": sorted(named)}


def judged(
    encounter: Any,
    kind: str,
    figures: dict[str, Any],
    rules: Rules,
    types: Types | None = None,
) -> Iterator[tuple[Rule, str, str | None, dict[str, Any], date | None]]:
    """Yield what each rule that looks at one encounter makes of it.

    Parameters
    ----------
    encounter : namedtuple
        A row of the encounters.
    kind : str
        The mine's kind.
    figures : dict
        The mine's, of :func:`figures_of`.
    rules : Rules
        The rule set.
    types : list, optional
        The mine's hydrogeology types, of :func:`effective_types`: with them the rules that ask for
        the type in effect are judged, without them the rest.

    Yields
    ------
    rule, outcome, grade, detail, first day
    """
    asked = [
        rule
        for rule in rules.for_factor(encounter.layer, kind)
        if _looks_at(rule, encounter) and (EFFECTIVE_TYPE in rule.attrs) is (types is not None)
    ]
    if not asked:
        return
    values = _values(encounter, figures)
    wanting = encounter.evidence.get("wanting", {})
    around = rules.parameters.surroundings_m.value
    # Without any type the attribute is missing, and the rule says so.
    steps: list[tuple[str | None, date | None]] = [*types] if types else [(None, None)]
    for rule, (type_, since) in product(asked, steps):
        if type_ is not None:
            values = values | {EFFECTIVE_TYPE: type_}
        entered = latest(encounter.enters_on, since)
        for outcome, grade, detail in judge(rule, values, wanting):
            detail["sensitive"] = _sensitive(rule, encounter, values, (outcome, grade), around)
            yield rule, outcome, grade, detail, entered


def _looks_at(rule: Rule, encounter: Any) -> bool:
    if rule.extent == "working":
        return encounter.item_key is not None
    if rule.extent != encounter.extent:
        return False
    return rule.surroundings or margin_of(encounter.distance_m, encounter.error_m) <= 0
