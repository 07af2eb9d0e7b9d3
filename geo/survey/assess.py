"""All that is reckoned anew for some mines: encounters, claims, coverage, what lies ahead.

The one function that a full run, one upload's run and every process of a cluster call.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd

from geo.rules import Rules
from geo.survey.advance import advance
from geo.survey.coverage import coverage
from geo.survey.derive import Derived, derive, without_ended
from geo.survey.world import World


@dataclass(frozen=True)
class Assessed:
    """What follows from the facts for some mines, and how their ground was surveyed."""

    derived: Derived
    ground: gpd.GeoDataFrame
    ahead: list[dict[str, Any]]


def assess(world: World, rules: Rules, codes: Collection[str], on: date) -> Assessed:
    """Return what follows for the mines `codes` on the day `on`: a pure function.

    Parameters
    ----------
    world : World
        Facts with their endings; must reach ``rules.reach_m`` beyond the mines asked for.
    rules : Rules
        The rule set.
    codes : collection of str
        The mines to assess.
    on : date
        The day from which horizons are counted.
    """
    derived = derive(world, rules, codes)
    # A working finished or a factor treated, by an ending on record, leaves the ground as well.
    facts = without_ended(world)
    ground = coverage(facts, rules, on, only=codes)
    return Assessed(derived, ground, advance(facts, derived, ground, rules, codes))
