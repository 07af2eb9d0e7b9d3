"""Crossings (越界): a working or an old goaf against licence, elevation and seams (L15).

What is compared is the licence in force when the working was worked. Where that is not known, or
the work is older than the licence, the finding is a clue (线索) for the natural-resources bureau,
never a verdict: most outside goafs in consolidated mines are older than the licence. Every finding
is a question to a person.
"""

from collections.abc import Collection, Iterator
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.crs import from_metric, to_metric
from geo.rules import Rules
from geo.survey.keys import content_key
from geo.survey.reckon import number
from geo.survey.world import World, spatial

CROSSINGS = (
    "key",
    "mine_code",
    "other_mine",
    "what",
    "object_key",
    "object_kind",
    "name",
    "standing",
    "worked_on",
    "outside_m2",
    "beyond_m",
    "error_m",
    "sensitive",
    "evidence",
)
# What a finding is about: outside the polygon, above or below the elevations, in a seam not
# approved, two licences over each other.
WHAT = ("plan", "elevation", "seam", "licences")


def _day(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    return date.fromisoformat(value) if isinstance(value, str) and value else None


def _standing(worked: date | None, licence: dict[str, Any], planned: bool) -> str:
    """Return what a finding is worth: in force, older, expired, or a clue for lack of a date."""
    since, until = _day(licence.get("licence_from")), _day(licence.get("licence_until"))
    if worked is None or (since is None and not planned):
        return "clue"
    if since is not None and worked < since:
        return "older_than_licence"
    if until is not None and worked > until:
        return "after_licence"
    return "in_force"


def _bodies(world: World, mine_code: str) -> Iterator[dict[str, Any]]:
    """Yield a mine's workings, planned and made, and its own goafs."""
    for item in world.plan[world.plan["mine_code"] == mine_code].itertuples():
        if item.status != "provisional":
            yield {
                "key": item.key, "kind": "plan_item", "name": item.name, "seam": item.seam,
                "worked": item.start, "floor": number(item.floor_m),
                "height": number(item.height_m),
                "error": float(item.error_m or 0.0), "shape": item.geometry,
            }  # fmt: skip
    own = (world.factors["mine_code"] == mine_code) & (world.factors["layer"] == "goaf")
    for goaf in world.factors[own].itertuples():
        if goaf.status != "provisional":
            attrs = goaf.attrs
            yield {
                "key": goaf.key, "kind": "goaf", "name": attrs.get("code") or attrs.get("name"),
                "seam": attrs.get("seam"), "worked": _day(attrs.get("formed_on")),
                "floor": number(attrs.get("floor_m")),
                "height": number(attrs.get("mining_height_m"), "high"),
                "error": float(goaf.error_m or 0.0), "shape": goaf.geometry,
            }  # fmt: skip


def _row(mine_code: str, body: dict[str, Any], **found: Any) -> dict[str, Any]:
    row = dict.fromkeys(CROSSINGS) | {
        "mine_code": mine_code,
        "object_key": body["key"],
        "object_kind": body["kind"],
        "name": body["name"],
        "worked_on": body["worked"],
        "error_m": body["error"],
        "sensitive": False,
        "evidence": {},
        **found,
    }
    geometry = row.pop("geometry", body["shape"])
    row["key"] = content_key({name: row[name] for name in CROSSINGS if name != "key"})
    return row | {"geometry": geometry}


def _of_mine(world: World, mine: Any, tolerance_m2: float) -> Iterator[dict[str, Any]]:
    zone, licence = int(mine.zone_epsg), mine.attrs
    (field,) = to_metric(np.array([mine.geometry], dtype=object), zone)
    low, high = (number(licence.get(f"elevation_{side}_m")) for side in ("min", "max"))
    approved = {str(seam) for seam in licence.get("seams") or ()}
    for body in _bodies(world, mine.mine_code):
        standing = _standing(body["worked"], licence, body["kind"] == "plan_item")
        (shape,) = to_metric(np.array([body["shape"]], dtype=object), zone)
        outside = shapely.difference(shape, field)
        area = round(float(shapely.area(outside)), 6)
        if area > tolerance_m2:
            # How far the farthest corner lies beyond the line; within the error it is sensitive.
            corners = shapely.points(shapely.get_coordinates(outside))
            beyond = round(float(shapely.distance(corners, field).max()), 3)
            (place,) = from_metric(np.array([outside], dtype=object), zone)
            yield _row(
                mine.mine_code, body, what="plan", standing=standing, outside_m2=area,
                beyond_m=beyond, sensitive=beyond <= body["error"], geometry=place,
            )  # fmt: skip
        top = body["floor"] + (0.0 if np.isnan(body["height"]) else body["height"])
        over, under = top - high, low - body["floor"]
        excess = max((x for x in (over, under) if not np.isnan(x)), default=0.0)
        if excess > 0:
            yield _row(
                mine.mine_code, body, what="elevation", standing=standing,
                beyond_m=round(excess, 3),
                evidence={"floor_m": body["floor"], "top_m": round(top, 3),
                          "licence_m": [None if np.isnan(x) else x for x in (low, high)]},
            )  # fmt: skip
        if body["seam"] and approved and str(body["seam"]) not in approved:
            yield _row(
                mine.mine_code, body, what="seam", standing=standing,
                evidence={"seam": body["seam"], "approved": sorted(approved)},
            )  # fmt: skip


def _licences(world: World, only: set[str] | None, tolerance_m2: float) -> Iterator[dict[str, Any]]:
    """Yield pairs of licences that lie over each other, once for each of the two."""
    mines = world.mines.sort_values("mine_code").reset_index(drop=True)
    shapes = mines.geometry.to_numpy()
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    for a, b in sorted(zip(left.tolist(), right.tolist(), strict=True)):
        one, other = mines.iloc[a], mines.iloc[b]
        if a == b or (only is not None and one["mine_code"] not in only):
            continue
        # A relation between two mines is measured in the zone of the smaller code.
        zone = int(mines.iloc[min(a, b)]["zone_epsg"])
        first, second = to_metric(np.array([shapes[min(a, b)], shapes[max(a, b)]]), zone)
        both = shapely.intersection(first, second)
        area = round(float(shapely.area(both)), 6)
        if area <= tolerance_m2 or _apart(one["attrs"], other["attrs"]):
            continue
        (place,) = from_metric(np.array([both], dtype=object), zone)
        body = {"key": None, "kind": "licence", "name": other["name"], "worked": None, "error": 0.0}
        yield _row(
            one["mine_code"], body | {"shape": place}, what="licences", standing="in_force",
            other_mine=other["mine_code"], outside_m2=area,
            evidence={"licences": [x["attrs"].get("licence_no") for x in (one, other)]},
        )  # fmt: skip


def _apart(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two licences name elevations that do not meet, or no seam in common."""
    spans = [[number(x.get(f"elevation_{s}_m")) for s in ("min", "max")] for x in (one, other)]
    if spans[0][1] <= spans[1][0] or spans[1][1] <= spans[0][0]:
        return True
    seams = [{str(seam) for seam in x.get("seams") or ()} for x in (one, other)]
    return bool(seams[0] and seams[1] and not seams[0] & seams[1])


def crossings(world: World, rules: Rules, only: Collection[str] | None = None) -> gpd.GeoDataFrame:
    """Return every working and goaf beyond its licence, and every pair of licences that overlap.

    Parameters
    ----------
    world : World
        Facts.
    rules : Rules
        For the tolerance of areas.
    only : collection of str, optional
        Codes of the mines; all where not given.

    Returns
    -------
    GeoDataFrame
        Columns of ``CROSSINGS``; geometry is what lies outside, EPSG:4490. `what`: plan, elevation,
        seam or licences. `standing`: in_force (worked while this licence ran), older_than_licence,
        after_licence, or clue (no date, so nobody can say). All are questions. Sorted by mine and
        key; provisional surveys are left out.
    """
    wanted = None if only is None else set(only)
    tolerance = rules.parameters.coverage_tolerance_m2.value
    rows = [
        row
        for mine in world.mines.sort_values("mine_code").itertuples()
        if wanted is None or mine.mine_code in wanted
        for row in _of_mine(world, mine, tolerance)
    ]
    rows += _licences(world, wanted, tolerance)
    rows.sort(key=lambda row: (row["mine_code"], row["key"]))
    return spatial(CROSSINGS, rows)


def counted(found: pd.DataFrame) -> dict[str, int]:
    """Return how many findings there are of each kind."""
    return {what: int((found["what"] == what).sum()) for what in WHAT}
