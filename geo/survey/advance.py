"""Advance into the unclear (L13): who is about to drive into ground that is not clear."""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.crs import to_metric
from geo.rules import Rules
from geo.survey.footprint import unfinished
from geo.survey.layers import sought
from geo.survey.world import World

DAYS = (90, 180, 365)
# Precautions that stop a working until they are met (L13: search line, pillar, undrained goaf).
_STOPS = {
    "hydro.search_line": "search_line",
    "hydro.search_line.abandoned_mine": "search_line",
    "hydro.boundary_pillar": "pillar",
    "hydro.boundary_pillar.design": "pillar",
    "hydro.fault_pillar": "pillar",
}


def advance(
    world: World,
    claims: pd.DataFrame,
    ground: gpd.GeoDataFrame,
    rules: Rules,
    only: Collection[str],
) -> list[dict[str, Any]]:
    """Return each accepted, unfinished working that meets unclear ground, a line or a pillar.

    Nothing here is counted in days: whoever asks knows the day, and :func:`due` counts.

    Parameters
    ----------
    world : World
        Facts.
    claims : DataFrame
        Claims of those mines, for search lines and pillars.
    ground : GeoDataFrame
        Their coverage, as :func:`geo.survey.coverage.coverage` gives it.
    rules : Rules
        For the surroundings and the horizon.
    only : collection of str
        Codes of the mines.

    Returns
    -------
    list of dict
        Keys mine_code, item_key, item, name, seam, starts (ISO date or None), reason (unsurveyed,
        unclear, search_line, pillar), kinds, distance_m (0: the working lies in it).
    """
    plan = unfinished(world.plan)
    plan = plan[(plan["status"] == "in_force") & plan["mine_code"].isin(list(only))]
    horizon = int(rules.parameters.horizon_years.value)
    near = ground[(ground["extent"] == "footprint") & (ground["horizon"] == horizon)]
    rows = [row for item in plan.itertuples() for row in _of_item(world, item, near, rules)]
    rows += [row for item in plan.itertuples() for row in _stops(item, claims)]
    return rows


def due(rows: Iterable[dict[str, Any]], on: date) -> list[dict[str, Any]]:
    """Return the rows due within the longest of ``DAYS``, with days and the list they fall in.

    `days` is negative where the working has begun. Sorted by days and mine.
    """
    listed = []
    for row in rows:
        starts = row["starts"] and date.fromisoformat(row["starts"])
        days = (starts - on).days if starts else 0
        bucket = next((limit for limit in DAYS if days <= limit), None)
        if bucket is not None:
            listed.append({**row, "starts": starts, "days": days, "bucket": bucket})
    return sorted(listed, key=lambda r: (r["days"], r["mine_code"], r["item_key"], r["reason"]))


def _row(item: Any, reason: str, kinds: list[str], distance: float) -> dict[str, Any]:
    return {
        "mine_code": item.mine_code,
        "item_key": item.key,
        "item": item.item,
        "name": item.name,
        "seam": item.seam,
        "starts": item.start and item.start.isoformat(),
        "reason": reason,
        "kinds": kinds,
        "distance_m": round(float(distance), 3),
    }


def _of_item(
    world: World, item: Any, ground: gpd.GeoDataFrame, rules: Rules
) -> Iterator[dict[str, Any]]:
    mine = world.mines[world.mines["mine_code"] == item.mine_code].iloc[0]
    zone = int(mine["zone_epsg"])
    around = rules.parameters.surroundings_m.value
    (shape,) = to_metric(np.array([item.geometry], dtype=object), zone)
    open_ground = ground[(ground["mine_code"] == item.mine_code) & ~ground.geometry.is_empty]
    distance = shapely.distance(shape, to_metric(open_ground.geometry.to_numpy(), zone))
    near = distance <= around
    if near.any():
        kinds = sorted(set(open_ground["kind"].to_numpy()[near]))
        yield _row(item, "unsurveyed", kinds, float(distance[near].min()))
    factors = world.factors[
        (world.factors["verification"] == "unclear")
        & (world.factors["status"] != "provisional")
        & world.factors["layer"].isin(sought(mine["kind"]))
    ]
    distance = shapely.distance(shape, to_metric(factors.geometry.to_numpy(), zone))
    distance = np.maximum(0.0, distance - factors["error_m"].to_numpy(dtype=float))
    near = distance <= around
    if near.any():
        kinds = sorted(set(factors["layer"].to_numpy()[near]))
        yield _row(item, "unclear", kinds, float(distance[near].min()))


def _stops(item: Any, claims: pd.DataFrame) -> Iterator[dict[str, Any]]:
    found = claims[
        claims["rule_id"].isin(list(_STOPS))
        & (claims["outcome"] == "precaution")
        & (claims["mine_code"] == item.mine_code)
    ]
    for claim in found.itertuples():
        same = claim.evidence.get("item_name") == item.name
        if claim.status != "provisional" and same:
            yield _row(
                item,
                _STOPS[claim.rule_id],
                [claim.evidence["layer"]],
                claim.evidence["distance_m"],
            )
