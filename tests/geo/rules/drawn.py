"""Cases drawn from the catalogue: for each rule, row and limit the values that put it to the test."""

from collections.abc import Iterator
from typing import Any

from geo.rules import Rule, Rules
from geo.rules.conditions import Compare, comparisons
from geo.rules.tighten import cases
from geo.survey.claims import claims
from geo.survey.overlay import ENCOUNTERS
from geo.survey.world import spatial
from tests.geo.survey.worlds import mine, rect, world

STEP = 1e-6
HELD = {
    "gt": (False, False, True), "ge": (False, True, True),
    "lt": (True, False, False), "le": (True, True, False),
}  # fmt: skip


def limits(rules: Rules) -> Iterator[tuple[Rule, int, Compare, str, float]]:
    """Yield every numeric limit of every row of the catalogue."""
    for rule in rules.rules:
        for at, row in enumerate(rule.rows):
            for one in comparisons(row.when):
                for op in HELD:
                    limit = getattr(one, op)
                    if limit is not None:
                        yield rule, at, one, op, limit


def context(rule: Rule, at: int, one: Compare, limit: float) -> dict[str, Any]:
    """Return values of the other attributes under which this limit alone decides the row."""
    when = rule.rows[at].when
    alone = rule.model_copy(update={"rows": (rule.rows[at],)})
    for values in cases(alone):
        below, above = (
            when.evaluate(values | {one.attr: limit + step}).value for step in (-STEP, STEP)
        )
        if below is not None and above is not None and below != above:
            return values
    raise AssertionError(f"{rule.id}: {one.attr} {limit} decides nothing")


def wins(rule: Rule, at: int) -> dict[str, Any]:
    """Return values under which this row is the first that is true."""
    for values in cases(rule):
        if values.get("margin_m", 0) is not None and values.get("margin_m", 0) < 0:
            continue  # no distance is negative
        verdicts = [row.when.evaluate(values).value for row in rule.rows[: at + 1]]
        if verdicts[-1] is True and True not in verdicts[:-1]:
            return values
    raise AssertionError(f"{rule.id}: row {at} never wins")


def met(rule: Rule, rules: Rules, values: dict[str, Any]) -> Any:
    """Return the claims that follow where a factor, or the mine itself, has these values."""
    given = {name: value for name, value in values.items() if value is not None}
    figures = {n.removeprefix("mine."): v for n, v in given.items() if n.startswith("mine.")}
    kind = rule.applies.kinds[0]
    own = mine(0, kind=kind)
    own["attrs"] = figures
    if "hydro_effective" in figures:
        figures["hydro_type"] = figures.pop("hydro_effective")
    own["district"] = "610101" if figures.pop("north_west", False) else "140981"
    w = world([own])
    if rule.applies.factor == "mine":
        return claims(w, spatial(ENCOUNTERS), rules)
    factor = {n: v for n, v in given.items() if not n.startswith("mine.")}
    margin = factor.pop("margin_m", 0.0)
    same = factor.pop("same_seam", None)
    seen = factor.pop("verification", "verified")
    mine_own, overlap = factor.pop("own", True), factor.pop("overlap_m2", 0.0)
    if same is not None:
        factor["seam"] = "3" if same else "9"
    reckoned = {n: factor.pop(n) for n in MADE if n in factor}
    row = {
        "key": "e", "mine_code": "M0", "factor_key": "f", "layer": rule.applies.factor,
        "item_key": "i" if rule.extent == "working" else None, "status": "in_force",
        "relation": "crosses", "extent": "footprint" if rule.extent == "working" else rule.extent,
        "distance_m": float(margin), "error_m": 0.0, "sensitive": False,
        "overlap_m2": float(overlap), "starts": None, "enters_on": None, "own": mine_own,
        "evidence": {
            "attrs": factor, "verification": seen, "observed_on": None, "survey_unit": None,
            "item": None, "item_name": None, "item_seam": None if same is None else "3",
            "reckoned": reckoned,
        },
        "geometry": rect(0, 0, 1, 1),
    }  # fmt: skip
    return claims(w, spatial(ENCOUNTERS, [row]), rules)


MADE = (
    "vertical", "gap_m", "fracture_zone_m", "fracture_margin_m", "search_margin_m",
    "warning_margin_m", "inrush_mpa_m", "pillar_m", "pillar_margin_m", "aquifer_pillar_m",
    "aquifer_pillar_margin_m", "strength_ratio",
)  # fmt: skip
