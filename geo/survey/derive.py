"""From facts to encounters and claims: the one function full, partial and split runs all call."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import geopandas as gpd
import pandas as pd

from geo.rules import Rules
from geo.survey.claims import claims
from geo.survey.overlay import encounters
from geo.survey.world import World


@dataclass(frozen=True)
class Derived:
    """What follows from the facts: encounters and claims, each sorted by its content key."""

    encounters: gpd.GeoDataFrame
    claims: pd.DataFrame


def without_ended(world: World) -> World:
    """Return `world` without the facts that an ending on record took out (L3)."""
    ended = world.endings
    factors = set(ended.loc[ended["target_kind"] == "factor", "target_key"])
    items = set(ended.loc[ended["target_kind"] == "plan_item", "target_key"])
    return replace(
        world,
        factors=world.factors[~world.factors["key"].isin(factors)].reset_index(drop=True),
        plan=world.plan[~world.plan["key"].isin(items)].reset_index(drop=True),
    )


def derive(world: World, rules: Rules, only: Collection[str] | None = None) -> Derived:
    """Return the encounters and claims of the mines asked for.

    Parameters
    ----------
    world : World
        Facts with their endings; must reach ``rules.reach_m`` beyond the mines asked for.
    rules : Rules
        The rule set.
    only : collection of str, optional
        Codes of the mines to grade; all of the world's where not given.

    Returns
    -------
    Derived
        A pure function of its arguments: order of rows, and which mines are asked for together,
        change nothing in any mine's rows.
    """
    facts = without_ended(world)
    wanted = None if only is None else set(only)
    met = encounters(facts, rules, wanted)
    found = claims(facts, met, rules, wanted)
    ended = world.endings
    keys = set(ended.loc[ended["target_kind"] == "claim", "target_key"])
    found = found[~found["key"].isin(keys)].reset_index(drop=True)
    return Derived(met, found)
