"""Two rule sets on the same facts: which mines would change before anyone adopts the new one."""

from collections.abc import Collection
from datetime import date
from typing import Any

from geo.rules import Rules
from geo.survey.derive import derive
from geo.survey.lines import in_force, lines, moves
from geo.survey.world import World


def catalogue_changes(old: Rules, new: Rules) -> dict[str, list[str]]:
    """Return the ids of rules added, removed and changed, and the names of figures changed."""
    before = {rule.id: rule for rule in old.rules}
    after = {rule.id: rule for rule in new.rules}
    return {
        "added": sorted(set(after) - set(before)),
        "removed": sorted(set(before) - set(after)),
        "changed": sorted(
            i for i in set(before) & set(after) if before[i].model_dump() != after[i].model_dump()
        ),
        "figures": sorted(
            name
            for name in type(old.parameters).model_fields
            if getattr(old.parameters, name) != getattr(new.parameters, name)
        ),
    }


def compared(
    world: World, old: Rules, new: Rules, on: date, only: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """Return each mine that would change, sorted by code.

    Parameters
    ----------
    world : World
        Facts within the larger reach of the two rule sets.
    old, new : Rules
        The rules in force, and those proposed.
    on : date
        The day asked about.
    only : collection of str, optional
        Codes of the mines; all where not given.

    Returns
    -------
    list of dict
        mine_code, name, moves (hazard, before, after) and conclusions: rule, outcome, hazard of
        what would be said anew (`gained`) or no longer (`lost`). Provisional claims do not count.
    """
    mines = world.mines
    if only is not None:
        mines = mines[mines["mine_code"].isin(list(only))]
    said, graded = [], []
    for rules in (old, new):
        claims = derive(world, rules, list(mines["mine_code"])).claims
        graded.append(lines(claims, mines, on))
        holding = in_force(claims, on)
        said.append(
            {
                (c.mine_code, c.rule_id, c.outcome, c.hazard, c.evidence.get("factor_key"))
                for c in holding.itertuples()
                if c.rule_id is not None and c.status != "provisional"
            }
        )
    changed = moves(*graded).to_dict("records")
    rows = []
    for mine in mines.sort_values("mine_code").itertuples():
        own = [
            {name: move[name] for name in ("hazard", "before", "after")}
            for move in changed
            if move["mine_code"] == mine.mine_code
        ]
        gained, lost = (
            _told(slot for slot in more - less if slot[0] == mine.mine_code)
            for less, more in (said, said[::-1])
        )
        if own or gained or lost:
            rows.append(
                {
                    "mine_code": mine.mine_code,
                    "name": mine.name,
                    "moves": own,
                    "gained": gained,
                    "lost": lost,
                }
            )
    return rows


def _told(slots: Any) -> list[dict[str, Any]]:
    """Return conclusions by rule and outcome, with how many factors each is about."""
    counts: dict[tuple[str, str, str], int] = {}
    for _, rule_id, outcome, hazard, _ in slots:
        slot = (rule_id, outcome, hazard)
        counts[slot] = counts.get(slot, 0) + 1
    return [
        {"rule_id": rule_id, "outcome": outcome, "hazard": hazard, "count": counts[slot]}
        for slot in sorted(counts)
        for rule_id, outcome, hazard in [slot]
    ]
