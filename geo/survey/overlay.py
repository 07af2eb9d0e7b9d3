"""Overlay: which factor meets which mine's plan or field, how near, and from which day.

An encounter belongs to the receiving mine and carries its own evidence, so that an enterprise can
read why a neighbour's goaf raised its grade and never the neighbour's row.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.crs import from_metric, to_metric
from geo.rules import Rules
from geo.survey.footprint import PlanStatus, enters_on, plan_status, unfinished
from geo.survey.keys import content_key
from geo.survey.meetings import meetings, shared
from geo.survey.reckon import LYING, mine_values, reckon
from geo.survey.world import FACTORS, World, spatial, zone_between

ENCOUNTERS = (
    "key",
    "mine_code",
    "factor_key",
    "item_key",
    "layer",
    "status",
    "relation",
    "extent",
    "distance_m",
    "error_m",
    "sensitive",
    "overlap_m2",
    "starts",
    "enters_on",
    "own",
    "evidence",
)
Columns = dict[str, NDArray[np.object_]]
# What a row takes of its factor.
_TAKEN = (
    "key", "layer", "mine_code", "attrs", "verification", "status", "observed_on", "survey_unit",
)  # fmt: skip
# What law asks of the mine next door, wherever in its field that lies.
_OF_NEIGHBOUR = ("gas_grade", "rock_burst_grade", "seams")
# One degree of latitude is never shorter than this; used only to find candidates.
_METRES_PER_DEGREE = 110_000.0


def worst_status(*statuses: str) -> str:
    """Return the status of what rests on several facts: provisional over held over in force."""
    for status in ("provisional", "held"):
        if status in statuses:
            return status
    return "in_force"


class Metric:
    """Factors in the metres of each zone asked for, transformed once per zone."""

    def __init__(self, geometries: NDArray[np.object_]) -> None:
        self._geometries = geometries
        self._zones: dict[int, NDArray[np.object_]] = {}

    def take(self, rows: NDArray[np.intp], zone: int) -> NDArray[np.object_]:
        """Return the geometries `rows` in metres of `zone`."""
        done = self._zones.setdefault(zone, np.full(len(self._geometries), None, dtype=object))
        todo = rows[np.array([done[row] is None for row in rows], dtype=bool)]
        if len(todo):
            done[todo] = to_metric(self._geometries[todo], zone)
        return done[rows]


@dataclass(frozen=True)
class _Target:
    """What a factor is measured against: the licence, the whole field as footprint, an item."""

    extent: str
    geometry: shapely.Geometry
    error_m: float
    status: str
    item: pd.Series | None
    enters: date | None


def _candidates(
    world: World, mines: gpd.GeoDataFrame, reach_m: float
) -> dict[str, NDArray[np.intp]]:
    """Return, per mine, the rows of factors whose box comes within reach of its field or plan."""
    tree = shapely.STRtree(world.factors.geometry.to_numpy())
    found: dict[str, NDArray[np.intp]] = {}
    errors = world.factors["error_m"].to_numpy(dtype=float)
    reach = reach_m + (float(errors.max()) if len(errors) else 0.0)
    owned = world.plan.groupby("mine_code", sort=False).indices
    planned, own_errors = world.plan.geometry.to_numpy(), world.plan["error_m"].to_numpy()
    for mine in mines.itertuples():
        items = owned.get(mine.mine_code, np.array([], dtype=int))
        own_error = max([0.0, *own_errors[items].astype(float)])
        shapes = np.array([mine.geometry, *planned[items]], dtype=object)
        box = shapely.total_bounds(shapes)
        lat = np.deg2rad(max(abs(box[1]), abs(box[3])))
        dy = (reach + own_error) / _METRES_PER_DEGREE
        dx = dy / np.cos(lat)
        window = shapely.box(box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy)
        found[str(mine.mine_code)] = np.sort(tree.query(window))
    return found


def _targets(mine: Any, items: gpd.GeoDataFrame, status: PlanStatus, years: int) -> list[_Target]:
    zone = int(mine.zone_epsg)
    (field,) = to_metric(np.array([mine.geometry], dtype=object), zone)
    targets = [_Target("field", field, 0.0, "in_force", None, None)]
    if status.missing or status.last_end == date.min or status.whole_field_from is not None:
        targets.append(_Target("footprint", field, 0.0, "in_force", None, status.whole_field_from))
    moved = to_metric(items.geometry.to_numpy(), zone)
    for shape, (_, item) in zip(moved, items.iterrows(), strict=True):
        entered = enters_on(item["start"], years)
        targets.append(
            _Target("footprint", shape, float(item["error_m"]), item["status"], item, entered)
        )
    return targets


def _relation(distance: float, overlap: float, factor_area: float) -> str:
    if distance > 0:
        return "near"
    return "inside" if factor_area > 0 and overlap >= factor_area - 1e-3 else "crosses"


def with_boundaries(world: World) -> World:
    """Return `world` with each licence area as a factor, for rules on neighbours and boundaries."""
    if world.mines.empty:
        return world
    licences = [
        {
            "key": content_key({"boundary": mine.mine_code, "wkb": mine.geometry.wkb_hex}),
            "layer": "mine_boundary",
            "mine_code": mine.mine_code,
            "survey_key": mine.survey_key,
            "attrs": {"name": mine.name}
            | {n: mine.attrs[n] for n in _OF_NEIGHBOUR if mine.attrs.get(n) is not None},
            "verification": "verified",
            "error_m": 0.0,
            "status": "in_force",
            "geometry": mine.geometry,
        }
        for mine in world.mines.itertuples()
    ]
    frames = [frame for frame in (world.factors, spatial(FACTORS, licences)) if len(frame)]
    return replace(world, factors=pd.concat(frames, ignore_index=True))


def encounters(world: World, rules: Rules, only: Collection[str] | None = None) -> gpd.GeoDataFrame:
    """Return every meeting of a factor with a mine's field or footprint and their surroundings.

    Parameters
    ----------
    world : World
        Facts; must hold everything within ``rules.reach_m`` of the mines asked for, the neighbours'
        licence areas included.
    rules : Rules
        For the surroundings, the horizon and the reach.
    only : collection of str, optional
        Codes of the receiving mines; all where not given.

    Returns
    -------
    GeoDataFrame
        Columns of ``ENCOUNTERS`` and the factor's geometry clipped to the mine's study area, in
        EPSG:4490, sorted by key. Independent of the order and the splitting of the input.
    """
    rows = [row for mine in _mines(with_boundaries(world), rules, only) for row in mine]
    rows.sort(key=lambda row: str(row["key"]))
    return spatial(ENCOUNTERS, rows)


def _mines(
    world: World, rules: Rules, only: Collection[str] | None
) -> Iterator[Iterator[dict[str, Any]]]:
    zones = world.zone_of()
    metric = Metric(world.factors.geometry.to_numpy())
    mines = world.mines if only is None else world.mines[world.mines["mine_code"].isin(list(only))]
    near = _candidates(world, mines, rules.reach_m)
    plan = unfinished(world.plan)
    owned = plan.groupby("mine_code", sort=False).indices
    factors = {name: world.factors[name].to_numpy() for name in (*_TAKEN, "error_m")}
    for mine in mines.itertuples():
        rows = near[str(mine.mine_code)]
        if len(rows):
            items = plan.iloc[owned.get(mine.mine_code, [])]
            yield _of_mine(mine, items, factors, rows, metric, zones, rules)


def _of_mine(
    mine: Any,
    items: gpd.GeoDataFrame,
    factors: Columns,
    rows: NDArray[np.intp],
    metric: Metric,
    zones: dict[str, int],
    rules: Rules,
) -> Iterator[dict[str, Any]]:
    years = int(rules.parameters.horizon_years.value)
    around = rules.parameters.surroundings_m.value
    targets = _targets(mine, items, plan_status(items, years), years)
    study = shapely.buffer(
        shapely.union_all(np.array([t.geometry for t in targets], dtype=object)), around
    )
    owners = factors["mine_code"][rows]
    own_licence = (factors["layer"][rows] == "mine_boundary") & (owners == mine.mine_code)
    rows, owners = rows[~own_licence], owners[~own_licence]
    pair_zone = np.array([zone_between(zones, mine.mine_code, owner) for owner in owners])
    for other in np.unique(pair_zone):
        chosen = rows[pair_zone == other]
        shapes = metric.take(chosen, int(other))
        yield from _against(mine, targets, study, factors, chosen, shapes, int(other), around)


def _against(
    mine: Any,
    targets: list[_Target],
    study: shapely.Geometry,
    factors: Columns,
    rows: NDArray[np.intp],
    shapes: NDArray[np.object_],
    zone: int,
    around: float,
) -> Iterator[dict[str, Any]]:
    own_zone = int(mine.zone_epsg)
    if zone != own_zone:
        degrees = from_metric(np.array([study, *(t.geometry for t in targets)]), own_zone)
        study, *moved = to_metric(degrees, zone)
        targets = [
            _Target(t.extent, g, t.error_m, t.status, t.item, t.enters)
            for t, g in zip(targets, moved, strict=True)
        ]
    errors = factors["error_m"][rows].astype(float)
    areas = np.round(shapely.area(shapes), 6)
    dimensions = shapely.get_dimensions(shapes)
    figures = mine_values(mine.attrs, mine.district)
    places = np.array([t.geometry for t in targets], dtype=object)
    loosest = max(t.error_m for t in targets)
    # A millimetre more than may count: the comparison below decides, not the sum's last digit.
    pairs = meetings(places, shapes, around + errors + loosest + 1e-3)
    error = errors[pairs.factor] + np.array([t.error_m for t in targets])[pairs.target]
    near = pairs.distance_m - error <= around
    which, at = pairs.target[near], pairs.factor[near]
    distance, error = pairs.distance_m[near], error[near]
    far = _farthest(distance, error, places[which], shapes[at])
    common = np.zeros(len(at))
    over = pairs.meets[near] & (dimensions[at] > 0)
    common[over] = shared(places[which[over]], shapes[at[over]])
    overlap = np.where(dimensions[at] == 2, common, 0.0)
    along = np.where(dimensions[at] == 1, common, 0.0)
    seen, place_of = np.unique(at, return_inverse=True)
    clipped = from_metric(shapely.intersection(study, shapes[seen]), zone)
    met = [{name: factors[name][rows[i]] for name in _TAKEN} for i in seen.tolist()]
    for number, target in enumerate(targets):
        (own,) = np.nonzero(which == number)
        taken = [met[i] for i in place_of[own].tolist()]
        made = _reckoned(target, taken, (distance - error)[own], figures)
        for i, factor, more in zip(own.tolist(), taken, made, strict=True):
            if along[i] > 0:
                more["overlap_m"] = float(along[i])
            yield _row(
                mine,
                target,
                factor,
                more,
                clipped[place_of[i]],
                distance[i],
                error[i],
                far[i],
                overlap[i],
                areas[at[i]],
                around,
            )


def margin_of(distance_m: float, error_m: float) -> float:
    """Return the distance that rules test: as measured less the combined positional error (L12)."""
    return round(max(0.0, distance_m - error_m), 3)


def _farthest(
    distance: NDArray[np.float64],
    error: NDArray[np.float64],
    places: NDArray[np.object_],
    shapes: NDArray[np.object_],
) -> NDArray[np.float64]:
    """Return how far apart two may lie within their error, m: 0 where nothing in it parts them."""
    far = np.round(distance + error, 3)
    (doubtful,) = np.nonzero((distance <= 0) & (error > 0))
    if len(doubtful):
        # What meets ground deeper inside than the error meets it wherever in the error it lies.
        core = shapely.buffer(places[doubtful], -error[doubtful])
        far[doubtful[shapely.intersects(core, shapes[doubtful])]] = 0.0
    return far


def _reckoned(
    target: _Target,
    factors: list[dict[str, Any]],
    margin: NDArray[np.float64],
    figures: dict[str, Any],
) -> list[dict[str, Any]]:
    """Return what formulae make of each factor at a target, and by what the two were compared."""
    found: list[dict[str, Any]] = [{} for _ in factors]
    tested = np.array([margin_of(distance, 0.0) for distance in margin], dtype=float)
    item = None if target.item is None else target.item.to_dict()
    layers = np.array([f["layer"] for f in factors], dtype=object)
    for layer in sorted(set(layers)):
        at = np.flatnonzero(layers == layer)
        made = reckon(
            layer,
            [factors[i]["attrs"] for i in at],
            [factors[i]["verification"] for i in at],
            tested[at],
            item,
            figures,
        )
        for i, (values, wanting) in zip(at.tolist(), made, strict=True):
            if values:
                found[i]["reckoned"] = values
            if wanting:
                found[i]["wanting"] = wanting
            if item is not None and layer in LYING:
                seams = factors[i]["attrs"].get("seam") and item["seam"]
                # Where elevations are missing the plan view decides, and says so.
                found[i]["compared"] = (
                    "elevation" if "vertical" in values else "seam" if seams else "plan"
                )
    return found


def _row(
    mine: Any,
    target: _Target,
    factor: dict[str, Any],
    more: dict[str, Any],
    geometry: shapely.Geometry,
    distance: float,
    error: float,
    far: float,
    overlap: float,
    area: float,
    around: float,
) -> dict[str, Any]:
    item = target.item
    margin = margin_of(distance, error)
    attrs = {k: v for k, v in factor["attrs"].items() if v is not None}
    row: dict[str, Any] = {
        "mine_code": mine.mine_code,
        "factor_key": factor["key"],
        "item_key": None if item is None else item["key"],
        "layer": factor["layer"],
        "status": worst_status(target.status, factor["status"]),
        "relation": _relation(distance, overlap, area),
        "extent": target.extent,
        "distance_m": float(distance),
        "error_m": round(float(error), 3),
        "sensitive": any(margin <= limit < far for limit in (0.0, around)),
        "overlap_m2": float(overlap),
        "starts": None if item is None else item["start"],
        "enters_on": target.enters,
        "own": factor["mine_code"] == mine.mine_code,
        "evidence": {
            "attrs": attrs,
            "verification": factor["verification"],
            "observed_on": factor["observed_on"] and factor["observed_on"].isoformat(),
            "survey_unit": factor["survey_unit"],
            "item": item["item"] if item is not None else None,
            "item_name": item["name"] if item is not None else None,
            "item_seam": item["seam"] if item is not None else None,
            **({"far_m": float(far)} if error else {}),
            **more,
        },
    }
    row["key"] = content_key(row)
    row["geometry"] = geometry
    return row
