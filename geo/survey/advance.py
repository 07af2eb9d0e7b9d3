"""Advance into the unclear (L13): who is about to drive into ground that is not clear."""

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.crs import to_metric
from geo.rules import Rules
from geo.survey.coverage import SOUGHT, coverage
from geo.survey.footprint import unfinished
from geo.survey.world import World

ADVANCE = (
    "mine_code",
    "mine_name",
    "item_key",
    "item",
    "name",
    "seam",
    "starts",
    "days",
    "bucket",
    "reason",
    "kinds",
    "distance_m",
)
# Precautions that stop a working until they are met (L13: search line, pillar, undrained goaf).
_STOPS = {"hydro.search_line": "search_line", "hydro.boundary_pillar": "pillar"}


def advance(
    world: World,
    claims: pd.DataFrame,
    rules: Rules,
    on: date,
    days: Collection[int] = (90, 180, 365),
) -> pd.DataFrame:
    """Return each face and heading due within `days` that meets unclear ground, a line or a pillar.

    Parameters
    ----------
    world : World
        Facts.
    claims : DataFrame
        Claims of those mines, for search lines and pillars.
    rules : Rules
        For the surroundings.
    on : date
        The day asked about.
    days : collection of int
        Limits of the three lists.

    Returns
    -------
    DataFrame
        Columns of ``ADVANCE``; distance in metres from the working to the ground in question (0:
        it lies in it). `days` is negative where the item has begun. Sorted by start and mine.
    """
    limits = sorted(days)
    plan = unfinished(world.plan)
    plan = plan[plan["status"] == "in_force"]
    last = on + timedelta(days=limits[-1])
    plan = plan[np.array([s is None or s <= last for s in plan["start"]], dtype=bool)]
    due = set(plan["mine_code"])
    ground = coverage(world, rules, on, (int(rules.parameters.horizon_years.value),), due)
    ground = ground[ground["extent"] == "footprint"]
    rows = [row for item in plan.itertuples() for row in _of_item(world, item, ground, rules)]
    rows += [row for item in plan.itertuples() for row in _stops(item, claims)]
    names = dict(zip(world.mines["mine_code"], world.mines["name"], strict=True))
    for row in rows:
        row["mine_name"] = names.get(row["mine_code"])
        row["days"] = (row["starts"] - on).days if row["starts"] else 0
        row["bucket"] = next(limit for limit in limits if row["days"] <= limit)
    rows.sort(key=lambda r: (r["days"], r["mine_code"], r["item_key"], r["reason"]))
    return pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=object) for name in ADVANCE}
    )


def _row(item: Any, reason: str, kinds: list[str], distance: float) -> dict[str, Any]:
    return {
        "mine_code": item.mine_code,
        "item_key": item.key,
        "item": item.item,
        "name": item.name,
        "seam": item.seam,
        "starts": item.start,
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
        & world.factors["layer"].isin(SOUGHT[mine["kind"]])
    ]
    distance = shapely.distance(shape, to_metric(factors.geometry.to_numpy(), zone))
    distance = np.maximum(0.0, distance - factors["error_m"].to_numpy(dtype=float))
    near = distance <= around
    if near.any():
        kinds = sorted(set(factors["layer"].to_numpy()[near]))
        yield _row(item, "unclear", kinds, float(distance[near].min()))


def _stops(item: Any, claims: pd.DataFrame) -> Iterator[dict[str, Any]]:
    found = claims[claims["rule_id"].isin(list(_STOPS)) & (claims["mine_code"] == item.mine_code)]
    for claim in found.itertuples():
        same = claim.evidence.get("item_name") == item.name
        if claim.status != "provisional" and same:
            yield _row(
                item,
                _STOPS[claim.rule_id],
                [claim.evidence["layer"]],
                claim.evidence["distance_m"],
            )
