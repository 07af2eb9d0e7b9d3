"""Crossings (越界): a working or an old goaf against licence, elevation and seams (L15).

What is compared is the licence in force when the working was worked. Where that is not known, or
the work is older than the licence, the finding is a clue (线索) for the natural-resources bureau,
never a verdict: most outside goafs in consolidated mines are older than the licence. Every finding
is a question to a person.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.crs import from_metric, to_metric
from geo.rules import Rules
from geo.survey.keys import content_key
from geo.survey.reckon import number
from geo.survey.world import World, spatial, zone_between

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


Row = dict[str, Any]
# A version of a licence that no longer stands: whose, what it said, in the order received.
LICENCES = ("mine_code", "attrs")


def _day(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    return date.fromisoformat(value) if isinstance(value, str) and value else None


@dataclass(frozen=True)
class _Licence:
    """One version of a mine's licence; `until` is its last day, None where it has no end yet."""

    attrs: dict[str, Any]
    geometry: shapely.Geometry
    since: date | None
    until: date | None


def _versions(mine: Any, earlier: list[Any]) -> list[_Licence]:
    """Return a mine's licences, oldest first; the one that stands is last.

    Of two that say they hold from the same day the one received later counts; one that would hold
    from a later day than the one that stands was put right by it.
    """
    newest = _day(mine.attrs.get("licence_from"))
    dated = {_day(row.attrs.get("licence_from")): row for row in earlier}
    kept = sorted(day for day in dated if day and (newest is None or day < newest))
    rows = [*(dated[day] for day in kept), mine]
    ends = [*(day - timedelta(days=1) for day in [*kept, newest][1:] if day), None]
    found = []
    for at, row in enumerate(rows):
        until = _day(row.attrs.get("licence_until"))
        # A licence renewed before it ran out ends with the day before the next begins.
        after = ends[at] if at < len(ends) else None
        last = min((day for day in (until, after) if day), default=None)
        since = _day(row.attrs.get("licence_from"))
        found.append(_Licence(row.attrs, row.geometry, since, last))
    return found


def _held(licences: list[_Licence], worked: date | None, planned: bool) -> tuple[_Licence, str]:
    """Return the licence a working is compared with, and what a finding is worth (L15)."""
    newest = licences[-1]
    if worked is None:
        return newest, "clue"
    for one in reversed(licences):
        # One that another took the place of, nobody knows when, has no last day to go by.
        last = worked if one.until is None and one is newest else one.until
        if one.since and last and one.since <= worked <= last:
            return one, "in_force"
    if newest.since is None:
        late = newest.until is not None and worked > newest.until
        return newest, "clue" if not planned else "after_licence" if late else "in_force"
    before = [one for one in licences if one.since and one.since <= worked]
    return (before[-1], "after_licence") if before else (licences[0], "older_than_licence")


def _bodies(world: World, mine_code: str) -> Iterator[dict[str, Any]]:
    """Yield a mine's workings, planned and made, and its own goafs."""
    for item in world.plan[world.plan["mine_code"] == mine_code].itertuples():
        if item.status != "provisional":
            yield {
                "key": item.key, "kind": "plan_item", "name": item.name, "seam": item.seam,
                "worked": item.start, "floor": item.floor_m, "height": item.height_m,
                "error": float(item.error_m or 0.0), "shape": item.geometry,
            }  # fmt: skip
    own = (world.factors["mine_code"] == mine_code) & (world.factors["layer"] == "goaf")
    for goaf in world.factors[own].itertuples():
        if goaf.status != "provisional":
            attrs = goaf.attrs
            yield {
                "key": goaf.key, "kind": "goaf", "name": attrs.get("code") or attrs.get("name"),
                "seam": attrs.get("seam"), "worked": _day(attrs.get("formed_on")),
                "floor": attrs.get("floor_m"), "height": attrs.get("mining_height_m"),
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


class _Fields:
    """The licences of all mines, each as it stood on a day."""

    def __init__(self, world: World, earlier: gpd.GeoDataFrame) -> None:
        before: dict[str, list[Any]] = {}
        for row in earlier.itertuples():
            before.setdefault(row.mine_code, []).append(row)
        mines = list(world.mines.sort_values("mine_code").itertuples())
        self.of = {m.mine_code: _versions(m, before.get(m.mine_code, [])) for m in mines}
        self.zones = {m.mine_code: int(m.zone_epsg) for m in mines}
        self.codes = [code for code, versions in self.of.items() for _ in versions]
        self.tree = shapely.STRtree([one.geometry for of in self.of.values() for one in of])

    def whose(
        self, mine_code: str, place: shapely.Geometry, worked: date | None, tolerance_m2: float
    ) -> str | None:
        """Return the other mine whose licence of that day holds most of a place."""
        areas: dict[str, float] = {}
        for code in {self.codes[at] for at in self.tree.query(place)} - {mine_code}:
            (licence, _) = _held(self.of[code], worked, planned=False)
            zone = zone_between(self.zones, mine_code, code)
            shapes = to_metric(np.array([place, licence.geometry], dtype=object), zone)
            areas[code] = round(float(shapely.area(shapely.intersection(*shapes))), 6)
        best = max(sorted(areas), key=lambda code: areas[code], default=None)
        return best if best is not None and areas[best] > tolerance_m2 else None


def _beyond(body: dict[str, Any], licence: dict[str, Any]) -> tuple[float, float]:
    """Return how far a body reaches beyond the approved elevations, m, at most and at least.

    What is stated as a range leaves it open; the positional error is one of the plan, not of the
    elevations, and says nothing here.
    """
    reach = []
    for wide, close in (("high", "low"), ("low", "high")):
        height = number(body["height"], wide)
        top = number(body["floor"], wide) + (0.0 if np.isnan(height) else height)
        over = top - number(licence.get("elevation_max_m"), close)
        under = number(licence.get("elevation_min_m"), wide) - number(body["floor"], close)
        reach.append(max((x for x in (over, under) if not np.isnan(x)), default=0.0))
    return reach[0], reach[1]


def _of_mine(mine: Any, world: World, fields: _Fields, tolerance_m2: float) -> Iterator[Row]:
    zone = int(mine.zone_epsg)
    for body in _bodies(world, mine.mine_code):
        planned = body["kind"] == "plan_item"
        held, standing = _held(fields.of[mine.mine_code], body["worked"], planned)
        licence = held.attrs
        # Which licence it was is said where it is not the one that stands.
        which = {} if held.attrs is mine.attrs else {"licence_no": licence.get("licence_no")}
        field, shape = to_metric(np.array([held.geometry, body["shape"]], dtype=object), zone)
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
                other_mine=fields.whose(mine.mine_code, place, body["worked"], tolerance_m2),
                evidence=which,
            )  # fmt: skip
        most, least = _beyond(body, licence)
        if most > 0:
            floor, height = number(body["floor"], "high"), number(body["height"], "high")
            top = floor + (0.0 if np.isnan(height) else height)
            limits = (
                number(licence.get("elevation_min_m"), "low"),
                number(licence.get("elevation_max_m"), "high"),
            )
            yield _row(
                mine.mine_code, body, what="elevation", standing=standing,
                beyond_m=round(most, 3), error_m=round(most - least, 3), sensitive=least <= 0,
                evidence={"floor_m": number(body["floor"], "low"), "top_m": round(top, 3),
                          "licence_m": [None if np.isnan(x) else x for x in limits], **which},
            )  # fmt: skip
        approved = {str(seam) for seam in licence.get("seams") or ()}
        if body["seam"] and approved and str(body["seam"]) not in approved:
            yield _row(
                mine.mine_code, body, what="seam", standing=standing,
                evidence={"seam": body["seam"], "approved": sorted(approved), **which},
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


def crossings(
    world: World,
    rules: Rules,
    only: Collection[str] | None = None,
    earlier: gpd.GeoDataFrame | None = None,
) -> gpd.GeoDataFrame:
    """Return every working and goaf beyond its licence, and every pair of licences that overlap.

    Parameters
    ----------
    world : World
        Facts.
    rules : Rules
        For the tolerance of areas.
    only : collection of str, optional
        Codes of the mines; all where not given.
    earlier : GeoDataFrame, optional
        Columns of ``LICENCES``: the licences that others took the place of, as received.

    Returns
    -------
    GeoDataFrame
        Columns of ``CROSSINGS``; geometry is what lies outside, EPSG:4490. `what`: plan, elevation,
        seam or licences. `standing`: in_force (worked while the licence it is compared with ran),
        older_than_licence, after_licence, or clue (no date, so nobody can say). `other_mine`: into
        whose licence it reaches. All are questions. Sorted by mine and key; provisional surveys
        are left out.
    """
    wanted = None if only is None else set(only)
    tolerance = rules.parameters.coverage_tolerance_m2.value
    fields = _Fields(world, spatial(LICENCES) if earlier is None else earlier)
    rows = [
        row
        for mine in world.mines.sort_values("mine_code").itertuples()
        if wanted is None or mine.mine_code in wanted
        for row in _of_mine(mine, world, fields, tolerance)
    ]
    rows += _licences(world, wanted, tolerance)
    rows.sort(key=lambda row: (row["mine_code"], row["key"]))
    return spatial(CROSSINGS, rows)


def counted(found: pd.DataFrame) -> dict[str, int]:
    """Return how many findings there are of each kind."""
    return {what: int((found["what"] == what).sum()) for what in WHAT}
