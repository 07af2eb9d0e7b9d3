"""May a pond stand here: every rule answered yes, no or undetermined, with basis (LOGIC L26)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio import features

from geo.messages import say
from geo.survey.counties import county_name
from geo.survey.layers import layer
from geo.tailings.dem import Dem, Terrain
from geo.tailings.grade import pond_grade
from geo.tailings.headtop import toe_paths
from geo.tailings.parameters import terrain_rules
from geo.tailings.searched import unsurveyed
from geo.tailings.siting_rules import layer_of, siting_rules
from geo.tailings.zone import Zone

ACTIONS = ("new", "rebuild", "expand")
YES, NO, UNDETERMINED = "yes", "no", "undetermined"

# Columns of the frames asked of; each may hold more. None instead of a frame: the layer is missing.
BANKS = ("name", "geometry", "river_class")  # main_stem, tributary, other
PONDS = ("code", "struck_off", "used_for")  # bool; code of the pond it already replaced, or None
WORKINGS = ("name", "geometry", "kind")  # goaf, subsidence, rock_movement, footprint
PROHIBITED = ("name", "geometry")


@dataclass(frozen=True)
class Proposal:
    """What is to be built. Geometry in CGCS2000 degrees; None is not stated.

    Attributes
    ----------
    action : str
        One of ``ACTIONS``.
    toe : shapely geometry
        Every toe of the final section; a point where no more is known.
    body : shapely geometry or None
        The pond's own ground. Without it no rule that asks of the ground can allow.
    height_m, volume_m3 : float or None
        Final dam height and full volume.
    one_step : bool or None
        Dammed in one step (一次性建坝).
    replaces : tuple of str
        Codes of the ponds it replaces.
    raises_safety : bool or None
        The purpose of a rebuilding is to raise safety or the protection of the environment.
    """

    action: str
    toe: Any
    body: Any = None
    height_m: float | None = None
    volume_m3: float | None = None
    one_step: bool | None = None
    replaces: tuple[str, ...] = ()
    raises_safety: bool | None = None


@dataclass(frozen=True)
class Answer:
    """One rule's answer: ``yes`` (it allows), ``no``, ``undetermined``; and the sentence why."""

    rule: str
    answer: str
    basis: str
    params: dict[str, Any]
    standard: str | None
    clause: str | None
    verified: bool

    def say(self, lang: str) -> str:
        """Return the basis in `lang`."""
        told = dict(self.params)
        between = "、" if lang == "zh" else ", "
        if "kinds" in told:
            names = (getattr(layer(name).label, lang) for name in told["kinds"])
            told["kinds"] = between.join(names)
        if "districts" in told:
            told["districts"] = between.join(county_name(one, lang) for one in told["districts"])
        return say(f"terrain.siting.{self.rule}.{self.basis}", lang, **told)


_Found = tuple[str, str, dict[str, Any]]


def _zone(plan: Proposal, terrain: Terrain | None, zone: Zone | None) -> _Found:
    if terrain is None or zone is None:
        return UNDETERMINED, "no_terrain", {}
    (toe,) = terrain.dem.local([plan.toe])
    starts = toe_paths(terrain, toe).starts
    if not starts.size:
        return UNDETERMINED, "no_terrain", {}
    inside = zone.mask.ravel()[starts]
    limit = terrain_rules()["path"]["limit_m"]
    if inside.any():
        return NO, "in", {"cells": len(starts), "inside": int(inside.sum()), "limit": limit}
    if zone.unsurveyed is not None and zone.unsurveyed.ravel()[starts].any():
        return UNDETERMINED, "unsurveyed", {}
    if zone.undecided.ravel()[starts].any():
        return UNDETERMINED, "undecided", {}
    return YES, "out", {"limit": limit}


def _grounds(plan: Proposal, dem: Dem) -> NDArray[np.object_]:
    return dem.local([one for one in (plan.toe, plan.body) if one is not None])


def _bank(
    plan: Proposal, dem: Dem, banks: pd.DataFrame | None, bankless: Sequence[str] | None
) -> _Found:
    rule = siting_rules()["bank"]
    if banks is None:
        return UNDETERMINED, "missing", {}
    limits = banks["river_class"].map(rule["distance_m"]).to_numpy(dtype=float)
    lines = dem.local(banks["geometry"])
    ground = shapely.union_all(_grounds(plan, dem))
    away = np.round(shapely.distance(lines, ground), 3)
    inside = np.flatnonzero(away <= limits)  # a class without a limit compares false
    if not inside.size:
        return _no_bank(plan, bankless)
    worst = inside[np.lexsort((inside, (away - limits)[inside]))[0]]
    told = {
        "name": banks["name"].iloc[worst],
        "metres": round(float(away[worst]), 1),
        "least": round(float(limits[worst])),
    }
    if plan.action == rule["except_for"] and plan.raises_safety:
        return YES, "excepted", told
    if plan.action == rule["except_for"] and plan.raises_safety is None:
        return UNDETERMINED, "purpose", told
    return NO, "near", told


def _no_bank(plan: Proposal, bankless: Sequence[str] | None) -> _Found:
    """Return what it means that no bank line on record is near."""
    if plan.body is None:
        return UNDETERMINED, "no_body", {}
    if bankless is None:
        return UNDETERMINED, "nowhere", {}
    if bankless:
        return UNDETERMINED, "unsurveyed", {"districts": list(bankless)}
    return YES, "far", {}


def bank_strip(lines: Iterable[Any], classes: Iterable[str | None]) -> Any:
    """Return the ground within its distance of each bank line, as one geometry.

    Parameters
    ----------
    lines : iterable of shapely geometry
        Bank lines, metres of the local zone.
    classes : iterable of str or None
        The river class of each; one without a distance in the rule has no strip.
    """
    limits = siting_rules()["bank"]["distance_m"]
    wide = [
        shapely.buffer(line, limits[name], quad_segs=32)
        for line, name in zip(lines, classes, strict=True)
        if name in limits
    ]
    return shapely.union_all(wide) if wide else shapely.Polygon()


def _height(plan: Proposal) -> _Found:
    most = siting_rules()["height"]["at_most_m"]
    if plan.height_m is None:
        return UNDETERMINED, "missing", {}
    told = {"metres": plan.height_m, "most": most}
    return (NO, "over", told) if plan.height_m > most else (YES, "within", told)


def _one_step(plan: Proposal) -> _Found:
    if plan.one_step:
        return YES, "is", {}
    volume = np.nan if plan.volume_m3 is None else plan.volume_m3
    height = np.nan if plan.height_m is None else plan.height_m
    grade = float(pond_grade([volume], [height])[0])
    if np.isnan(grade):
        return UNDETERMINED, "missing", {}
    if int(grade) not in siting_rules()["one_step"]["grades"]:
        return YES, "larger", {"grade": int(grade)}
    if plan.one_step is None:
        return UNDETERMINED, "missing", {}
    return NO, "is_not", {"grade": int(grade)}


def _replacement(plan: Proposal, ponds: pd.DataFrame | None) -> _Found:
    rule = siting_rules()["replacement"]
    if plan.action not in rule["forbids"]:
        return YES, "not_asked", {}
    codes = list(dict.fromkeys(plan.replaces))
    if len(codes) < rule["at_least"]:
        return NO, "none", {}
    if ponds is None:
        return UNDETERMINED, "missing", {}
    unknown = None
    for code in codes:
        known = ponds[ponds["code"] == code]
        if known.empty:
            unknown = unknown or code
        elif not bool(known["struck_off"].iloc[0]):
            return NO, "standing", {"code": code}
        elif pd.notna(known["used_for"].iloc[0]):
            return NO, "used", {"code": code, "by": known["used_for"].iloc[0]}
    if unknown:
        return UNDETERMINED, "unknown", {"code": unknown}
    return YES, "good", {"codes": "、".join(codes)}


def _asked_of(
    plan: Proposal, dem: Dem, extents: pd.DataFrame | None, layers: Iterable[str]
) -> _Found | None:
    """Return why a rule cannot allow what was found clear; None where it can."""
    if plan.body is None:
        return UNDETERMINED, "no_body", {}
    missing = unsurveyed(shapely.union_all(_grounds(plan, dem)), dem, extents, layers)
    if missing:
        return UNDETERMINED, "unsurveyed", {"kinds": missing}
    return None


def _prohibited(
    plan: Proposal, dem: Dem, prohibited: pd.DataFrame | None, extents: pd.DataFrame | None
) -> _Found:
    layer = siting_rules()["prohibited"]["layer"]
    if prohibited is not None and not prohibited.empty:
        ground = shapely.union_all(_grounds(plan, dem))
        met = prohibited[shapely.intersects(dem.local(prohibited["geometry"]), ground)]
        if not met.empty:
            return NO, "in", {"name": "、".join(sorted(met["name"]))}
    return _asked_of(plan, dem, extents, (layer,)) or (YES, "clear", {})


def _workings(
    plan: Proposal, dem: Dem, workings: pd.DataFrame | None, extents: pd.DataFrame | None
) -> _Found:
    rule = siting_rules()["workings"]
    under = rule["under"]
    if workings is None:
        return UNDETERMINED, "missing", {}
    ground = shapely.union_all(_grounds(plan, dem))
    over = shapely.intersects(dem.local(workings["geometry"]), ground)
    met = workings[over & workings["kind"].isin(list(under)).to_numpy()]
    for outcome, answer, basis in (("refuse", NO, "over"), ("ask", UNDETERMINED, "ask")):
        hit = met[met["kind"].map(under) == outcome]
        if not hit.empty:
            first = hit.sort_values(["kind", "name"], kind="stable").iloc[0]
            return answer, basis, {"name": first["name"], "kinds": [layer_of(first["kind"])]}
    # A plan is filed, not surveyed; what lies in the ground must have been looked for.
    sought = [layer_of(kind) for kind, outcome in under.items() if outcome == "refuse"]
    return _asked_of(plan, dem, extents, sought) or (YES, "clear", {})


def ask(
    plan: Proposal,
    dem: Dem,
    *,
    terrain: Terrain | None = None,
    zone: Zone | None = None,
    banks: pd.DataFrame | None = None,
    bankless: Sequence[str] | None = (),
    ponds: pd.DataFrame | None = None,
    workings: pd.DataFrame | None = None,
    prohibited: pd.DataFrame | None = None,
    extents: pd.DataFrame | None = None,
) -> list[Answer]:
    """Return the answer of every rule, in the order of ``siting.yaml``.

    Parameters
    ----------
    plan : Proposal
    dem : Dem
        Gives the metric zone that distances are taken in.
    terrain, zone : Terrain, Zone, optional
        None where there is no model of the place.
    banks, ponds, workings, prohibited : DataFrame, optional
        Columns ``BANKS``, ``PONDS``, ``WORKINGS``, ``PROHIBITED``; None where the layer is missing.
    bankless : sequence of str or None
        The districts of the place in which nobody surveyed a bank: what is far of all lines known
        is not clear there. None where nobody knows which district it is.
    extents : DataFrame, optional
        Columns ``searched.EXTENTS``: where somebody looked for what; elsewhere nothing is clear.
    """

    def found() -> Iterator[tuple[str, _Found]]:
        yield "zone", _zone(plan, terrain, zone)
        yield "prohibited", _prohibited(plan, dem, prohibited, extents)
        yield "bank", _bank(plan, dem, banks, bankless)
        yield "height", _height(plan)
        yield "one_step", _one_step(plan)
        yield "replacement", _replacement(plan, ponds)
        yield "workings", _workings(plan, dem, workings, extents)

    answers = []
    for name, (answer, basis, told) in found():
        rule = siting_rules()[name]
        if answer == NO and plan.action not in rule["forbids"]:
            answer = UNDETERMINED
        answers.append(
            Answer(name, answer, basis, told, rule["standard"], rule["clause"], rule["verified"])
        )
    return answers


def nearest_admissible(
    plan: Proposal,
    terrain: Terrain,
    zone: Zone,
    *,
    banks: pd.DataFrame | None = None,
    workings: pd.DataFrame | None = None,
    prohibited: pd.DataFrame | None = None,
) -> tuple[Any, float] | None:
    """Return the nearest ground that no rule of place forbids, and its distance; None if none is.

    Outside the zone, decided, beyond the bank strips, not over workings known, and in no area
    prohibited by law. No permission.

    Returns
    -------
    point : shapely Point
        Centre of a cell, CGCS2000 degrees.
    metres : float
        From the toe.
    """
    dem = terrain.dem
    rules = siting_rules()
    closed = zone.mask | zone.undecided | dem.no_ground
    shapes: list[Any] = []
    if banks is not None:
        limits = banks["river_class"].map(rules["bank"]["distance_m"]).to_numpy(dtype=float)
        strips = shapely.buffer(dem.local(banks["geometry"]), np.nan_to_num(limits), quad_segs=64)
        shapes += list(strips[limits > 0])
    if workings is not None:
        under = workings[workings["kind"].isin(list(rules["workings"]["under"]))]
        shapes += list(dem.local(under["geometry"]))
    if prohibited is not None:
        shapes += list(dem.local(prohibited["geometry"]))
    drawn = [one for one in shapes if not shapely.is_empty(one)]
    if drawn:
        closed |= features.rasterize(
            drawn, out_shape=dem.shape, transform=dem.transform, all_touched=True
        ).astype(bool)
    free = np.flatnonzero(~closed.ravel())
    if not free.size:
        return None
    (toe,) = dem.local([plan.toe])
    middle = shapely.get_coordinates(shapely.centroid(toe))[0]
    square = ((dem.centres(free) - middle) ** 2).sum(axis=1)
    best = free[int(np.argmin(square))]
    point = shapely.points(dem.centres(np.array([best])))
    away = round(float(shapely.distance(point, toe)[0]), 3)
    return dem.abroad(point)[0], away
