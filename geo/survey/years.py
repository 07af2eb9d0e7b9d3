"""When each factor is first met, and what changes if a working moves in time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd

from geo.hazards import grade_name, hazards
from geo.messages import say
from geo.rules import Rules
from geo.survey.derive import Derived, derive
from geo.survey.footprint import years_later
from geo.survey.lines import lines, moves
from geo.survey.world import World

FIRST_MET = (
    "mine_code",
    "factor_key",
    "layer",
    "year",
    "starts",
    "enters_on",
    "item_key",
    "touches",
    "name",
    "item_name",
)


def first_met(encounters: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return, per mine and factor, the year in which a working first comes near it.

    Parameters
    ----------
    encounters : GeoDataFrame
        As :func:`geo.survey.overlay.encounters` gives them.

    Returns
    -------
    DataFrame
        Columns of ``FIRST_MET``: `year` and `starts` of the earliest working within the
        surroundings (None where it has no date: at once), `enters_on` the day it comes within the
        horizon, `item_key` None where the whole field counts for want of a plan, `touches` whether
        it lies in the working itself, `name` and `item_name` as people call factor and working.
        Provisional encounters are left out. Sorted.
    """
    met = encounters[
        (encounters["extent"] == "footprint") & (encounters["status"] != "provisional")
    ]
    best: dict[tuple[str, str], tuple[tuple[Any, ...], dict[str, Any]]] = {}
    for row in met.itertuples(index=False):
        if row.layer == "mine_boundary":
            continue
        # Without a plan the field is the footprint from the day the plan no longer reaches.
        starts = row.starts if row.item_key is not None else row.enters_on
        rank = (starts or date.min, row.distance_m, row.key)
        slot = (row.mine_code, row.factor_key)
        if slot not in best or rank < best[slot][0]:
            best[slot] = (
                rank,
                {
                    "mine_code": row.mine_code,
                    "factor_key": row.factor_key,
                    "layer": row.layer,
                    "year": starts and starts.year,
                    "starts": starts,
                    "enters_on": row.enters_on,
                    "item_key": row.item_key,
                    "touches": row.distance_m == 0,
                    "name": row.evidence["attrs"].get("code") or row.evidence["attrs"].get("name"),
                    "item_name": row.evidence["item_name"],
                },
            )
    rows = [best[slot][1] for slot in sorted(best)]
    return pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=object) for name in FIRST_MET}
    )


def shifted(world: World, item_key: str, years: int) -> World:
    """Return `world` with one working's start and end moved by whole years.

    Raises
    ------
    KeyError
        If no working has that key.
    """
    at = world.plan["key"] == item_key
    if not at.any():
        raise KeyError(item_key)
    plan = world.plan.copy()
    for name in ("start", "end"):
        plan[name] = pd.Series(
            [
                years_later(day, years) if hit and day is not None else day
                for hit, day in zip(at, plan[name], strict=True)
            ],
            index=plan.index,
            dtype=object,
        )
    return replace(world, plan=plan)


def if_moved(
    world: World, rules: Rules, item_key: str, years: int, on: date
) -> dict[str, list[dict[str, Any]]]:
    """Return what would change if a working moved by some years.

    Parameters
    ----------
    world : World
        Facts.
    rules : Rules
    item_key : str
        Key of the working.
    years : int
        Later where positive.
    on : date
        The day whose grades are compared.

    Returns
    -------
    dict
        `moves` of effective grades on that day, and `met`: factors whose first year differs, with
        the year `before` and `after` (None: at once, or where `meets` says so, not at all).
    """
    mine_code = world.plan.loc[world.plan["key"] == item_key, "mine_code"]
    only = list(mine_code)
    before = derive(world, rules, only)
    after = derive(shifted(world, item_key, years), rules, only)
    mines = world.mines[world.mines["mine_code"].isin(only)]
    changed = moves(lines(before.claims, mines, on), lines(after.claims, mines, on))
    return {
        "moves": changed[["mine_code", "hazard", "before", "after"]].to_dict("records"),
        "met": list(_years_changed(before, after)),
    }


def _years_changed(before: Derived, after: Derived) -> Iterator[dict[str, Any]]:
    was, now = (
        {
            (r.mine_code, r.factor_key): r
            for r in first_met(found.encounters).itertuples(index=False)
        }
        for found in (before, after)
    )
    for slot in sorted(set(was) | set(now)):
        years = [getattr(side.get(slot), "year", None) for side in (was, now)]
        if years[0] != years[1] or (slot in was) != (slot in now):
            row = was.get(slot) or now[slot]
            yield {
                "mine_code": slot[0],
                "factor_key": slot[1],
                "layer": row.layer,
                "name": row.name,
                "before": years[0],
                "after": years[1],
                "meets": [slot in side for side in (was, now)],
            }


def said_first(row: dict[str, Any], lang: str) -> str:
    """Return in a sentence when a factor is first met, a row of :func:`first_met`."""
    if row["item_key"] is None:
        word = "years.field_from" if row["starts"] else "years.field"
    elif row["starts"] is None:
        word = "years.undated"
    else:
        word = "years.inside" if row["touches"] else "years.near"
    return say(
        word,
        lang,
        factor=_called(row, lang),
        year=row["year"],
        starts=row["starts"],
        working=row["item_name"] or say("why.unnamed", lang),
    )


def said_moved(working: str, years: int, on: date, found: dict[str, Any], lang: str) -> list[str]:
    """Return in sentences what :func:`if_moved` found; that nothing changes is said as well."""
    word = "years.later" if years > 0 else "years.earlier"
    head = say(word, lang, working=working, years=abs(years))
    told = [
        say(
            "years.met",
            lang,
            factor=_called(row, lang),
            before=_year(row["before"], row["meets"][0], lang),
            after=_year(row["after"], row["meets"][1], lang),
        )
        for row in found["met"]
    ]
    told += [
        say(
            "years.grade",
            lang,
            hazard=hazards()[move["hazard"]].label[lang],
            before=grade_name(move["hazard"], move["before"], lang),
            after=grade_name(move["hazard"], move["after"], lang),
            on=on,
        )
        for move in found["moves"]
    ]
    return [head, *(told or [say("years.nothing", lang, on=on)])]


def _called(row: dict[str, Any], lang: str) -> str:
    name = row["name"] or say("why.unnamed", lang)
    return say("years.factor", lang, layer=say(f"layer.{row['layer']}", lang), name=name)


def _year(year: int | None, met: bool, lang: str) -> str:
    if not met:
        return say("years.never", lang)
    return say("years.at_once", lang) if year is None else say("years.year", lang, year=year)
