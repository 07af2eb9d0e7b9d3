"""Claims: what the rules make of encounters and of a mine's own figures (L3, L4, L5)."""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd

from geo.hazards import hazards
from geo.rules import Rules
from geo.survey.judging import Types, figures_of, judge, judged, latest
from geo.survey.keys import content_key
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


def _of_mines(
    mines: dict[str, Any], figures: dict[str, dict[str, Any]], rules: Rules
) -> Iterator[dict[str, Any]]:
    for mine in mines.values():
        values = figures[mine.mine_code]
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
        *_of_mines(mines, figures, rules),
        *_declared(mines),
        *_asserted(said),
    ]
    ended = world.endings
    keys = set(ended.loc[ended["target_kind"] == "claim", "target_key"])
    rows += _of_encounters(frame, mines, figures, rules, effective_types(rows, keys))
    rows.sort(key=lambda row: str(row["key"]))
    return plain(CLAIMS, rows)
