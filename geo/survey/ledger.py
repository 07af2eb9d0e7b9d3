"""The ledger (动态普查治理台账, L19): one row per mine-exposure; `ledger_counts` counts them.

What an ending on record took out stays on the ledger, struck off.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.crs import to_metric
from geo.geometry import measure
from geo.rules import Rules
from geo.survey.derive import Derived
from geo.survey.footprint import unfinished
from geo.survey.lines import in_force
from geo.survey.overlay import encounters
from geo.survey.world import World, zone_between
from geo.survey.years import first_met

LEDGER = (
    "number",
    "mine_code",
    "mine_name",
    "kind",
    "code",
    "place",
    "seam",
    "elevation_m",
    "relation",
    "distance_m",
    "first_year",
    "method",
    "verification",
    "effect",
    "measures",
    "quantity_m3",
    "responsible",
    "funds",
    "deadline",
    "emergency_plan",
    "state",
    "accepted_by",
    "accepted_on",
    "struck_off",
    "area_m2",
    "water",
    "water_m3",
    "factor_key",
)
# From nothing done to struck off.
STATES = ("none", "planned", "under_way", "done", "accepted", "struck_off")
_ASKED = ("duty", "precaution", "question")


WORKS = (
    "mine_code",
    "code",
    "target_code",
    "works_method",
    "quantity_m3",
    "budget",
    "responsible",
    "started_on",
    "deadline",
    "finished_on",
    "document",
    "treatment_state",
    "accepted_on",
    "accepted_by",
    "emergency_plan",
    "days_late",
)

# What the form to fill in says of itself, before anyone has.
_OF_THE_FORM = ("mine_code", "target_code", "days_late")


def known_on(world: World, on: date) -> World:
    """Return the facts that held on a day: later finds and later endings are not there yet."""
    factors, ended = world.factors, world.endings
    found = np.array([day is None or day <= on for day in factors["observed_on"]], dtype=bool)
    gone = np.array([day is None or day <= on for day in ended["effective_on"]], dtype=bool)
    return replace(world, factors=factors[found], endings=ended[gone])


def holding_on(derived: Derived, on: date) -> Derived:
    """Return what follows on a day: what a rule says later, or said before, is no effect then."""
    return replace(derived, claims=in_force(derived.claims, on))


def _works(world: World) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the newest treatment works by mine and code of what they treat."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    layer = world.factors[
        (world.factors["layer"] == "treatment_works") & (world.factors["status"] == "in_force")
    ]
    for row in layer.sort_values("key").itertuples():
        attrs = row.attrs
        slot = (str(row.mine_code), str(attrs.get("target_code")))
        if (
            attrs.get("target_code")
            and filled(attrs)
            and (slot not in found or _begun(found[slot]) <= _begun(attrs))
        ):
            found[slot] = attrs
    return found


def _done(
    works: dict[tuple[str, str], dict[str, Any]],
    own: set[tuple[str, str]],
    owner: str,
    mine_code: str,
    code: str,
) -> dict[str, Any]:
    """Return the works that treat a factor: its owner's, else those of the mine that meets it.

    A mine's works name what they treat by code alone: where it has a factor of that code itself,
    they treat that one.
    """
    if (owner, code) in works:
        return works[owner, code]
    return {} if (mine_code, code) in own else works.get((mine_code, code), {})


def _workings(world: World) -> dict[str, NDArray[np.object_]]:
    """Return the shapes of the workings of each mine that are planned and not finished."""
    plan = unfinished(world.plan[world.plan["status"] != "provisional"])
    owned = plan.groupby("mine_code", sort=False).indices
    return {str(code): plan.geometry.to_numpy()[rows] for code, rows in owned.items()}


def _apart(shape: shapely.Geometry, workings: NDArray[np.object_], zone: int) -> float:
    """Return how far a factor lies from the nearest working, m to 1 mm."""
    one, *others = to_metric(np.array([shape, *workings], dtype=object), zone)
    return round(float(shapely.distance(one, np.array(others, dtype=object)).min()), 3)


def _begun(attrs: dict[str, Any]) -> tuple[str, str]:
    """Return what orders works on one thing: when begun; of those of one day, when accepted."""
    return str(attrs.get("started_on") or ""), str(attrs.get("accepted_on") or "")


def filled(attrs: dict[str, Any]) -> bool:
    """Tell whether a row says anything of works: one of the form that came back empty does not."""
    return any(attrs.get(name) is not None for name in WORKS if name not in _OF_THE_FORM)


def _struck(world: World) -> dict[str, Any]:
    ended = world.endings[world.endings["target_kind"] == "factor"]
    return dict(zip(ended["target_key"], ended["effective_on"], strict=True))


def _said(derived: Derived) -> dict[tuple[str, str], list[Any]]:
    """Return the claims that count, by mine and factor."""
    found: dict[tuple[str, str], list[Any]] = {}
    for claim in derived.claims.itertuples():
        key = claim.evidence.get("factor_key")
        if key is not None and claim.status != "provisional":
            found.setdefault((claim.mine_code, key), []).append(claim)
    return found


def _state(attrs: dict[str, Any], works: dict[str, Any], struck: Any) -> str:
    if struck is not None:
        return "struck_off"
    told = {attrs.get("treatment_state"), works.get("treatment_state")}
    if works.get("accepted_on"):
        told.add("accepted")
    if attrs.get("treatment") not in (None, "none"):
        told.add("done")
    return max((s for s in told if s in STATES), key=STATES.index, default="none")


def ledger(
    world: World, rules: Rules, derived: Derived, only: Collection[str] | None = None
) -> pd.DataFrame:
    """Return one row per mine and factor that its field or footprint meets.

    Parameters
    ----------
    world : World
        Facts, with the endings on record.
    rules : Rules
    derived : Derived
        What follows from them, for effect and measures.
    only : collection of str, optional
        Codes of the mines; all where not given.

    Returns
    -------
    DataFrame
        Columns of ``LEDGER``. `effect` lists (hazard, outcome, grade) of the claims; `measures` the
        rules that ask for a duty, a precaution or an answer, and the works' own. `relation` and
        `distance_m` are to the nearest working that is planned and not finished: ``inside``,
        ``crosses``, ``near``, or ``far`` beyond its surroundings; ``field_…`` and the distance to
        the licence area where no working is known. `number` counts from 1 in the order of mine,
        kind and code. Provisional surveys are left out.
    """
    # What was struck off is no longer derived, and still belongs on the ledger.
    met = encounters(replace(world, endings=world.endings.iloc[:0]), rules, only)
    met = met[(met["layer"] != "mine_boundary") & (met["status"] != "provisional")]
    # Works that name what they treat are told in its row, and are no factor of their own.
    treating = [
        row.layer == "treatment_works" and bool(row.evidence["attrs"].get("target_code"))
        for row in met.itertuples()
    ]
    met = met[~np.array(treating, dtype=bool)]
    factors = world.factors.drop_duplicates("key").set_index("key")
    areas = dict(zip(factors.index, measure(factors.geometry.to_numpy())[0], strict=True))
    years = {(r.mine_code, r.factor_key): r.year for r in first_met(met).itertuples()}
    works, struck, said = _works(world), _struck(world), _said(derived)
    own = {(str(f.mine_code), str(f.attrs.get("code"))) for f in world.factors.itertuples()}
    names = dict(zip(world.mines["mine_code"], world.mines["name"], strict=True))
    zones = world.zone_of()
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    # The nearest meeting with a working tells relation and distance; without one, with the field.
    met["of_field"] = [key is None for key in met["item_key"]]
    workings = _workings(world)
    for row in met.sort_values(["of_field", "distance_m", "key"]).itertuples():
        slot = (row.mine_code, row.factor_key)
        if slot in rows:
            continue
        attrs, factor = row.evidence["attrs"], factors.loc[row.factor_key]
        done = _done(works, own, str(factor["mine_code"]), row.mine_code, str(attrs.get("code")))
        claims = said.get(slot, [])
        # A neighbour's factor is told as far as it reaches into the mine's own study area.
        middle = shapely.point_on_surface(row.geometry)
        relation, distance = row.relation, row.distance_m
        if row.of_field and row.mine_code in workings:
            zone = zone_between(zones, row.mine_code, factor["mine_code"])
            relation, distance = "far", _apart(factor.geometry, workings[row.mine_code], zone)
        elif row.of_field:
            relation = f"field_{relation}"
        rows[slot] = {
            "mine_code": row.mine_code,
            "mine_name": names.get(row.mine_code),
            "kind": row.layer,
            "code": attrs.get("code") or attrs.get("name"),
            "place": None if middle.is_empty else (round(middle.x, 6), round(middle.y, 6)),
            "seam": attrs.get("seam"),
            "elevation_m": attrs.get("floor_m"),
            "relation": relation,
            "distance_m": distance,
            "first_year": years.get(slot),
            "method": attrs.get("detection_method"),
            "verification": row.evidence["verification"],
            "effect": sorted({(c.hazard, c.outcome, c.grade or "") for c in claims}),
            "measures": sorted({c.rule_id for c in claims if c.outcome in _ASKED})
            + ([done["works_method"]] if done.get("works_method") else []),
            "quantity_m3": done.get("quantity_m3"),
            "responsible": done.get("responsible"),
            "funds": done.get("budget"),
            "deadline": done.get("deadline"),
            "emergency_plan": done.get("emergency_plan"),
            "state": _state(attrs, done, struck.get(row.factor_key)),
            "accepted_by": done.get("accepted_by"),
            "accepted_on": done.get("accepted_on"),
            "struck_off": struck.get(row.factor_key),
            "area_m2": float(areas[row.factor_key]),
            "water": attrs.get("water"),
            "water_m3": attrs.get("water_volume_m3"),
            "factor_key": row.factor_key,
        }
    ordered = sorted(rows.values(), key=lambda r: (r["mine_code"], r["kind"], str(r["code"]), r["factor_key"]))  # noqa: E501  # fmt: skip
    for at, row in enumerate(ordered, 1):
        row["number"] = at
    return pd.DataFrame(
        {name: pd.Series([r[name] for r in ordered], dtype=object) for name in LEDGER}
    )


def works(world: World, only: Collection[str] | None, on: date) -> list[dict[str, Any]]:
    """Return the treatment works in force of some mines: budget, dates, document, acceptance.

    Returns
    -------
    list of dict
        ``WORKS``; days_late is None where the works are accepted, not due yet, or have no deadline.
    """
    layer = world.factors[
        (world.factors["layer"] == "treatment_works") & (world.factors["status"] == "in_force")
    ]
    rows = []
    for row in layer.sort_values(["mine_code", "key"]).itertuples():
        empty = row.attrs.get("target_code") and not filled(row.attrs)
        if (only is None or row.mine_code in only) and not empty:
            told = {name: row.attrs.get(name) for name in WORKS} | {"mine_code": row.mine_code}
            due = told["deadline"] and date.fromisoformat(str(told["deadline"]))
            late = (on - due).days if due and not told["accepted_on"] else 0
            rows.append(told | {"days_late": late if late > 0 else None})
    return rows


def overdue(frame: pd.DataFrame, on: date) -> pd.DataFrame:
    """Return the rows whose deadline has passed and that are neither accepted nor struck off."""
    late = [
        deadline is not None
        and (date.fromisoformat(deadline) if isinstance(deadline, str) else deadline) < on
        and state not in ("accepted", "struck_off")
        for deadline, state in zip(frame["deadline"], frame["state"], strict=True)
    ]
    return frame[np.array(late, dtype=bool)]
