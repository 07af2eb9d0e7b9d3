"""Claims: what the rules make of encounters and of a mine's own figures (L3, L4, L5)."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import product
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import pandas as pd

from geo.hazards import hazards
from geo.rules import Rule, Rules
from geo.survey.keys import content_key
from geo.survey.layers import stated
from geo.survey.overlay import margin_of
from geo.survey.reckon import EFFECTIVE_TYPE, mine_values
from geo.survey.world import World, plain

CLAIMS = (
    "key",
    "mine_code",
    "hazard",
    "outcome",
    "grade",
    "source",
    "status",
    "seam",
    "rule_id",
    "document",
    "encounter_key",
    "survey_key",
    "valid_from",
    "valid_to",
    "evidence",
)

_PLANNED_SEAMS = "plan.seams"

# Hydrogeology types of a mine, each with the day from which it holds.
Types = list[tuple[str, date | None]]

# Grades an enterprise declares in its boundary file: field → hazard by mine kind.
DECLARED = {
    "gas_grade": "gas",
    "hydro_type": "hydro",
    "rock_burst_grade": "rock_burst",
    "combustion_class": "combustion",
    "dust_explosive": "dust",
    "ground_pressure_grade": "ground_pressure",
    "rockburst_grade": "rockburst_metal",
    "slope_grade": "slope",
    "hydro_metal_type": "hydro_metal",
    "combustion_metal": "combustion_metal",
    "goaf_grade": "goaf_metal",
    "roof_immediate_class": "roof_immediate",
    "roof_main_class": "roof_main",
}


def _claim(**content: Any) -> dict[str, Any]:
    row = dict.fromkeys(CLAIMS) | content
    row["key"] = content_key({name: row[name] for name in CLAIMS if name != "key"})
    return row


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


def effective_types(
    rows: Iterable[dict[str, Any]], ended: Collection[str] = ()
) -> dict[str, Types]:
    """Return, by mine, each hydrogeology type that claims give it, with the first day of it."""
    found: dict[str, dict[str, date | None]] = {}
    for row in rows:
        counts = row["status"] != "provisional" and row["key"] not in ended
        # What a rule said that another replaced has ended with it.
        lapsed = row["rule_id"] is not None and row["valid_to"] is not None
        if row["hazard"] == "hydro" and row["grade"] is not None and counts and not lapsed:
            days = found.setdefault(row["mine_code"], {})
            since, kept = row["valid_from"], days.get(row["grade"], date.max)
            days[row["grade"]] = None if since is None or kept is None else min(kept, since)
    return {code: sorted(days.items()) for code, days in found.items()}


def _of_encounters(
    frame: gpd.GeoDataFrame,
    mines: dict[str, Any],
    figures: dict[str, dict[str, Any]],
    rules: Rules,
    types: dict[str, Types] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield one claim per rule, mine, factor, status and outcome: first day, nearest place.

    With the `types` of mines the rules that ask for a mine's type in effect, without them the rest.
    """
    best: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for encounter in frame.itertuples():
        code, mine = encounter.mine_code, mines[encounter.mine_code]
        own = None if types is None else types.get(code, [])
        told = judged(encounter, mine.kind, figures[code], rules, own)
        for rule, outcome, grade, detail, day in told:
            slot = rule.id, code, encounter.factor_key, encounter.status, outcome
            entered = day or date.min
            rank = (
                -hazards()[rule.applies.hazard].rank(grade) if grade else 0,
                encounter.distance_m,
                entered,
                encounter.key,
            )
            kept = best.get(slot)
            if kept is None:
                best[slot] = (rank, entered, encounter, rule, grade, detail)
            else:
                first = min(kept[1], entered)
                better = rank < kept[0]
                best[slot] = (
                    (rank, first, encounter, rule, grade, detail)
                    if better
                    else (kept[0], first, *kept[2:])
                )
    for (_, _, _, status, outcome), (_, first, encounter, rule, grade, detail) in best.items():
        observed = encounter.evidence["observed_on"]
        since = latest(
            None if first == date.min else first,
            observed and date.fromisoformat(observed),
            rule.in_force_from,
        )
        if since and rule.in_force_to and since > rule.in_force_to:
            continue
        yield _claim(
            mine_code=encounter.mine_code,
            hazard=rule.applies.hazard,
            outcome=outcome,
            grade=grade,
            source="survey" if encounter.own else "neighbour",
            status=status,
            seam=encounter.evidence["attrs"].get("seam"),
            rule_id=rule.id,
            encounter_key=encounter.key,
            valid_from=since,
            valid_to=rule.in_force_to,
            evidence={
                **detail,
                "layer": encounter.layer,
                "factor_key": encounter.factor_key,
                "relation": encounter.relation,
                "extent": encounter.extent,
                "distance_m": encounter.distance_m,
                "error_m": encounter.error_m,
                "overlap_m2": encounter.overlap_m2,
                "starts": encounter.starts and encounter.starts.isoformat(),
                **encounter.evidence,
            },
        )


def _looks_at(rule: Rule, encounter: Any) -> bool:
    if rule.extent == "working":
        return encounter.item_key is not None
    if rule.extent != encounter.extent:
        return False
    return rule.surroundings or margin_of(encounter.distance_m, encounter.error_m) <= 0


def _of_mines(mines: dict[str, Any], rules: Rules) -> Iterator[dict[str, Any]]:
    for mine in mines.values():
        values = mine_values(mine.attrs, mine.district)
        for rule in rules.for_factor("mine", mine.kind):
            for outcome, grade, detail in judge(rule, values):
                names = sorted(rule.attrs & set(values))
                yield _claim(
                    mine_code=mine.mine_code,
                    hazard=rule.applies.hazard,
                    outcome=outcome,
                    grade=grade,
                    source="survey",
                    status="in_force",
                    rule_id=rule.id,
                    survey_key=mine.survey_key,
                    valid_from=rule.in_force_from,
                    valid_to=rule.in_force_to,
                    evidence={**detail, "layer": "mine", "attrs": {n: values[n] for n in names}},
                )


def _declared(mines: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for mine in mines.values():
        for field, hazard in DECLARED.items():
            grade = mine.attrs.get(field)
            if grade is not None and mine.kind in hazards()[hazard].kinds:
                yield _claim(
                    mine_code=mine.mine_code,
                    hazard=hazard,
                    outcome="grade_floor",
                    grade=grade,
                    source="declared",
                    status="in_force",
                    survey_key=mine.survey_key,
                    evidence={"layer": "mine", "attrs": {field: grade}},
                )


def _asserted(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for said in frame.itertuples():
        yield _claim(
            mine_code=said.mine_code,
            hazard=said.hazard,
            outcome="grade_floor",
            grade=said.grade,
            source=said.source,
            status="in_force",
            seam=said.seam,
            document=said.document,
            valid_from=said.valid_from,
            valid_to=said.valid_to,
            evidence={"assertion": said.key},
        )


def claims(
    world: World, frame: gpd.GeoDataFrame, rules: Rules, only: set[str] | None = None
) -> pd.DataFrame:
    """Return every claim on the mines asked for, sorted by key.

    Parameters
    ----------
    world : World
        Facts.
    frame : GeoDataFrame
        Encounters of those mines.
    rules : Rules
        The rule set.
    only : set of str, optional
        Codes of the mines; all where not given.

    Returns
    -------
    DataFrame
        Columns of ``CLAIMS``. `valid_from` None = since always; `valid_to` is set only by the end
        of a rule that another replaced, or of an appraisal; passing time lowers nothing (L3).
    """
    mines = {
        mine.mine_code: mine
        for mine in world.mines.itertuples()
        if only is None or mine.mine_code in only
    }
    said = world.assertions[world.assertions["mine_code"].isin(list(mines))]
    figures = figures_of(mines, world.plan)
    rows = [
        *_of_encounters(frame, mines, figures, rules),
        *_of_mines(mines, rules),
        *_declared(mines),
        *_asserted(said),
    ]
    ended = world.endings
    keys = set(ended.loc[ended["target_kind"] == "claim", "target_key"])
    rows += _of_encounters(frame, mines, figures, rules, effective_types(rows, keys))
    rows.sort(key=lambda row: str(row["key"]))
    return plain(CLAIMS, rows)
