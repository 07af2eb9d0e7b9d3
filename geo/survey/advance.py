"""Advance into the unclear (L13): who is about to drive into ground that is not clear."""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from itertools import chain
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crs import to_metric
from geo.messages import say
from geo.rules import Rules
from geo.survey.claims import effective_types
from geo.survey.derive import Derived
from geo.survey.footprint import unfinished
from geo.survey.judging import figures_of, judged
from geo.survey.layers import sought
from geo.survey.meetings import Shapes
from geo.survey.world import World

DAYS = (90, 180, 365)
# Precautions that stop a working until they are met (L13: search line, pillar, undrained goaf).
STOPS = {
    "hydro.search_line": "search_line",
    "hydro.search_line.abandoned_mine": "search_line",
    "hydro.boundary_pillar": "pillar",
    "hydro.boundary_pillar.design": "pillar",
    "hydro.fault_pillar": "pillar",
    "hydro.fracture_to_goaf": "goaf",
    "metal.goaf_drained": "goaf",
}
# Whose factor it is, as an encounter tells it.
_WHOSE = {True: "advance.own", False: "advance.other"}


def advance(
    world: World,
    derived: Derived,
    ground: gpd.GeoDataFrame,
    rules: Rules,
    only: Collection[str],
) -> list[dict[str, Any]]:
    """Return each accepted, unfinished working that meets unclear ground, a line, pillar or goaf.

    Nothing here is counted in days: whoever asks knows the day, and :func:`due` counts.

    Parameters
    ----------
    world : World
        Facts, without those that an ending took out.
    derived : Derived
        What follows for those mines, for search lines, pillars and undrained goafs.
    ground : GeoDataFrame
        Their coverage, as :func:`geo.survey.coverage.coverage` gives it.
    rules : Rules
        For the surroundings and the horizon.
    only : collection of str
        Codes of the mines.

    Returns
    -------
    list of dict
        Keys mine_code, owner, item_key, item, name, seam, starts (ISO date or None), reason
        (unsurveyed, unclear, search_line, pillar, goaf), kinds, object (number or name of what is
        reached, of several the nearest), factors (each with kind, object, own and distance_m, the
        nearest first; none where nobody looked), distance_m (0: the working lies in it).
    """
    plan = unfinished(world.plan)
    plan = plan[(plan["status"] == "in_force") & plan["mine_code"].isin(list(only))]
    horizon = int(rules.parameters.horizon_years.value)
    near = ground[(ground["extent"] == "footprint") & (ground["horizon"] == horizon)]
    mines = {
        mine.mine_code: mine
        for mine in world.mines[world.mines["mine_code"].isin(set(plan["mine_code"]))].itertuples()
    }
    unclear = _Unclear(world, near, derived)
    around = rules.parameters.surroundings_m.value
    items = {item.key: item for item in plan.itertuples()}
    rows = [
        row
        for item in items.values()
        for row in _of_item(unclear, item, mines[item.mine_code], around)
    ]
    rows += _stopped(items, mines, figures_of(mines, world.plan), derived, rules)
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


def reached(row: dict[str, Any], lang: str, most: int | None = None) -> str:
    """Return what a working reaches in words: each factor's kind, number or name, and whose it is.

    Parameters
    ----------
    row : dict
        As :func:`advance` gives it; ground nobody surveyed has kinds alone.
    lang : str
    most : int, optional
        Name so many, the nearest, and say how many more there are.
    """
    comma = "、" if lang == "zh" else ", "
    if not row["factors"]:
        kinds = comma.join(say(f"layer.{kind}", lang) for kind in row["kinds"])
        return f"{kinds} {row['object'] or ''}".strip()
    named = []
    for factor in row["factors"][:most]:
        about = [] if factor["own"] is None else [say(_WHOSE[factor["own"]], lang)]
        if len(row["factors"]) > 1:
            about.append(f"{factor['distance_m']:.0f} m")
        words = f"{say('layer.' + factor['kind'], lang)} {factor['object'] or ''}".strip()
        if about:
            words = say("advance.named", lang, factor=words, about=comma.join(about))
        named.append(words)
    more = len(row["factors"]) - len(named)
    return comma.join(named) + (say("advance.more", lang, n=more) if more else "")


def _factor(kind: str, met: Any, distance: float) -> dict[str, Any]:
    """Return a factor as its encounter tells of it: whose it is, never which neighbour's row."""
    attrs = {} if met is None else met[1]["attrs"]
    return {
        "kind": str(kind),
        "object": attrs.get("code") or attrs.get("name"),
        "own": None if met is None else bool(met[0]),
        "distance_m": round(float(distance), 3),
    }


def _row(
    item: Any,
    mine: Any,
    reason: str,
    kinds: list[str],
    distance: float,
    factors: Iterable[dict[str, Any]] = (),
) -> dict[str, Any]:
    listed = list(factors)
    return {
        "mine_code": item.mine_code,
        "owner": mine.attrs.get("enterprise"),
        "item_key": item.key,
        "item": item.item,
        "name": item.name,
        "seam": item.seam,
        "starts": item.start and item.start.isoformat(),
        "reason": reason,
        "kinds": kinds,
        "object": listed[0]["object"] if listed else None,
        "factors": listed,
        "distance_m": round(float(distance), 3),
    }


class _Unclear:
    """Ground nobody surveyed, by mine, and unclear factors, each brought to a zone once."""

    def __init__(self, world: World, ground: gpd.GeoDataFrame, derived: Derived) -> None:
        self._shapes, self._kinds = ground.geometry.to_numpy(), ground["kind"].to_numpy()
        self._of_mine = ground.groupby("mine_code", sort=False).indices
        factors = world.factors
        doubted = (factors["verification"] == "unclear") & (factors["status"] != "provisional")
        (rows,) = np.nonzero(doubted.to_numpy())
        self._factors = factors.geometry.to_numpy()[rows]
        self.layers = factors["layer"].to_numpy()[rows]
        self.keys = factors["key"].to_numpy()[rows]
        found = derived.encounters
        columns = (found[name] for name in ("mine_code", "factor_key", "own", "evidence"))
        # By mine and factor: a neighbour's factor is told by the mine's own evidence.
        self.met = {
            (code, key): (own, said)
            for code, key, own, said in zip(*columns, strict=True)
            if said["verification"] == "unclear"
        }
        self._errors = factors["error_m"].to_numpy()[rows].astype(float)
        self._ground: dict[str, tuple[Shapes, NDArray[np.object_]]] = {}
        self._zones: dict[int, tuple[Shapes, shapely.STRtree]] = {}

    def ground(self, mine: Any) -> tuple[Shapes, NDArray[np.object_]]:
        """Return the ground of a mine that nobody surveyed, in its metres, and its kinds."""
        if mine.mine_code not in self._ground:
            rows = self._of_mine.get(mine.mine_code, np.array([], dtype=int))
            rows = rows[~shapely.is_empty(self._shapes[rows])]
            moved = to_metric(self._shapes[rows], int(mine.zone_epsg))
            self._ground[mine.mine_code] = moved, self._kinds[rows]
        return self._ground[mine.mine_code]

    def factors(
        self, shape: shapely.Geometry, zone: int, around: float
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return which factors come within `around` and the widest error, and how near each may."""
        if zone not in self._zones:
            moved = to_metric(self._factors, zone)
            self._zones[zone] = moved, shapely.STRtree(moved)
        moved, tree = self._zones[zone]
        # A millimetre more than may count: the comparison decides, not the sum's last digit.
        widest = around + float(self._errors.max(initial=0.0)) + 1e-3
        rows = np.sort(tree.query(shape, "dwithin", distance=widest))
        return rows, np.maximum(0.0, shapely.distance(shape, moved[rows]) - self._errors[rows])


def _of_item(unclear: _Unclear, item: Any, mine: Any, around: float) -> Iterator[dict[str, Any]]:
    zone = int(mine.zone_epsg)
    (shape,) = to_metric(np.array([item.geometry], dtype=object), zone)
    ground, kinds = unclear.ground(mine)
    distance = shapely.distance(shape, ground)
    near = distance <= around
    if near.any():
        told = sorted(set(kinds[near]))
        yield _row(item, mine, "unsurveyed", told, float(distance[near].min()))
    rows, distance = unclear.factors(shape, zone, around)
    listed = sought(mine.kind)
    near = (distance <= around) & np.array([n in listed for n in unclear.layers[rows]], dtype=bool)
    if near.any():
        found = [
            (away, _factor(layer, unclear.met.get((item.mine_code, key)), away), key)
            for layer, key, away in zip(
                unclear.layers[rows][near], unclear.keys[rows][near], distance[near], strict=True
            )
        ]
        found.sort(key=lambda one: (one[0], one[2]))
        told = sorted({one["kind"] for _, one, _ in found})
        yield _row(item, mine, "unclear", told, found[0][0], (one for _, one, _ in found))


def _stopped(
    items: dict[str, Any],
    mines: dict[str, Any],
    figures: dict[str, dict[str, Any]],
    derived: Derived,
    rules: Rules,
) -> list[dict[str, Any]]:
    """Return every working that reaches what a standing precaution guards.

    A claim tells only the nearest working of each factor, so the encounters are asked; a precaution
    that an ending took out is no claim any more and stops nobody.
    """
    standing = {
        (claim.mine_code, claim.rule_id, claim.evidence["factor_key"], claim.status)
        for claim in derived.claims.itertuples()
        if claim.rule_id in STOPS and claim.outcome == "precaution"
    }
    guarded = {(code, factor) for code, _, factor, _ in standing}
    types = effective_types(derived.claims.to_dict("records"))
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for met in derived.encounters.itertuples():
        code, factor = met.mine_code, met.factor_key
        if (
            met.status == "provisional"
            or met.item_key not in items
            or (code, factor) not in guarded
        ):
            continue
        mine = mines[code]
        told = (
            judged(met, mine.kind, figures[code], rules, of) for of in (None, types.get(code, []))
        )
        for rule, outcome, *_ in chain.from_iterable(told):
            known = (code, rule.id, factor, met.status) in standing
            if outcome == "precaution" and known:
                reason = STOPS[rule.id]
                one = _factor(met.layer, (met.own, met.evidence), met.distance_m)
                rows[met.item_key, reason, factor] = _row(
                    items[met.item_key], mine, reason, [met.layer], met.distance_m, [one]
                )
    return list(rows.values())
