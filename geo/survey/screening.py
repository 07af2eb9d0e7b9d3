"""Screening (L18): what is worth asking about a survey, each with its measure. It never accuses.

An old goaf *should* be identical on re-survey, and rounded coordinates come from paper maps:
neither is a finding by itself. A person reads each finding and decides.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd
import shapely
import yaml

from geo.crs import to_metric
from geo.rules import Rules
from geo.survey.copies import Filed, copies
from geo.survey.keys import content_key
from geo.survey.reckon import number
from geo.survey.world import World, plain

FINDINGS = ("key", "check", "survey_key", "mine_code", "other", "measure", "unit", "evidence")


@cache
def figures() -> dict[str, Any]:
    """Return the figures that say when a person is asked."""
    text = resources.files("geo.survey").joinpath("screening.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@dataclass(frozen=True)
class Contract:
    """When a survey unit was to work in a mine; either end may be open."""

    survey_unit: str
    mine_code: str
    begins: date | None
    ends: date | None


@dataclass(frozen=True)
class Output:
    """Tonnes a mine reported for a time."""

    mine_code: str
    since: date
    until: date
    tonnes: float


def _finding(check: str, survey_key: str, mine_code: str, **more: Any) -> dict[str, Any]:
    row = dict.fromkeys(FINDINGS) | {
        "check": check,
        "survey_key": survey_key,
        "mine_code": mine_code,
        "evidence": {},
        **more,
    }
    row["key"] = content_key({name: row[name] for name in FINDINGS if name != "key"})
    return row


def copied(filed: Filed) -> Iterator[dict[str, Any]]:
    """Yield surveys that repeat another's shapes and its levels or dates as new fieldwork."""
    for survey_key, other, mine_code, keys in copies(filed):
        yield _finding(
            "copied", survey_key, mine_code, other=other, measure=float(len(keys)),
            unit="factors", evidence={"factors": keys},
        )  # fmt: skip


def one_shape_in_two_mines(world: World) -> Iterator[dict[str, Any]]:
    """Yield shapes that stand in two mines at different places."""
    zones = dict(zip(world.mines["mine_code"], world.mines["zone_epsg"], strict=True))
    told = figures()
    groups: dict[Any, list[Any]] = {}
    for row in world.factors.itertuples():
        corners = shapely.get_num_coordinates(row.geometry)
        if row.mine_code not in zones or corners - 1 < told["least_corners"]:
            continue
        (metric,) = to_metric(np.array([row.geometry], dtype=object), int(zones[row.mine_code]))
        points = shapely.get_coordinates(shapely.normalize(metric))
        # Moved to its own first corner, to the grain of the tolerance.
        grain = np.round((points - points[0]) / told["same_shape_m"]).astype(int)
        groups.setdefault((row.layer, grain.tobytes()), []).append((row, points[0]))
    for rows in groups.values():
        codes = sorted({row.mine_code for row, _ in rows})
        if len(codes) < 2:
            continue
        by_mine = {code: [r for r, _ in rows if r.mine_code == code] for code in codes}
        for code in codes[1:]:
            first, here = by_mine[codes[0]][0], min(by_mine[code], key=lambda r: r.key)
            if shapely.equals_exact(first.geometry, here.geometry, 1e-9):
                continue  # one object that both mines report
            yield _finding(
                "one_shape", here.survey_key, code, other=codes[0],
                measure=float(shapely.get_num_coordinates(here.geometry) - 1), unit="corners",
                evidence={"factors": sorted([first.key, here.key])},
            )  # fmt: skip


def too_little_void(world: World, outputs: Collection[Output]) -> Iterator[dict[str, Any]]:
    """Yield mines whose new goafs account for less than their reported output.

    Parameters
    ----------
    world : World
        Facts.
    outputs : collection of Output
        What was reported; goafs formed within its time are new.
    """
    told = figures()
    goafs = world.factors[
        (world.factors["layer"] == "goaf") & (world.factors["status"] == "in_force")
    ]
    zones = dict(zip(world.mines["mine_code"], world.mines["zone_epsg"], strict=True))
    for output in sorted(outputs, key=lambda one: (one.mine_code, one.since, one.until)):
        code, tonnes = output.mine_code, output.tonnes
        if tonnes <= 0 or code not in zones:
            continue
        coal, keys = 0.0, []
        for row in goafs[goafs["mine_code"] == code].drop_duplicates("key").itertuples():
            formed = row.attrs.get("formed_on")
            formed = date.fromisoformat(formed) if isinstance(formed, str) else formed
            height = number(row.attrs.get("mining_height_m"), "high")
            if formed is None or not output.since <= formed <= output.until or np.isnan(height):
                continue
            (metric,) = to_metric(np.array([row.geometry], dtype=object), int(zones[code]))
            recovery = number(row.attrs.get("recovery"), "high")
            recovery = told["recovery"] if np.isnan(recovery) else recovery
            coal += float(shapely.area(metric)) * height * told["density_t_m3"] * recovery
            keys.append(row.key)
        share = coal / tonnes
        if share < told["void_share"]:
            survey = goafs.loc[goafs["mine_code"] == code, "survey_key"]
            yield _finding(
                "too_little_void", min(survey, default=""), code, measure=round(share, 3), unit="1",
                evidence={
                    "coal_t": round(coal, 1), "output_t": tonnes, "goafs": sorted(keys),
                    "time": [output.since.isoformat(), output.until.isoformat()],
                },
            )  # fmt: skip


def contradicted(world: World) -> Iterator[dict[str, Any]]:
    """Yield flooded goafs at a boundary that the neighbour's survey of that ground knows not.

    Only where an accepted extent of the neighbour's covers the goaf's ground for goafs, and no goaf
    of that survey lies there: outside an extent silence says nothing (L8).
    """
    told = figures()
    zones = dict(zip(world.mines["mine_code"], world.mines["zone_epsg"], strict=True))
    goafs = world.factors[
        (world.factors["layer"] == "goaf") & (world.factors["status"] == "in_force")
    ]
    looked = [
        row for row in world.extents.itertuples()
        if row.status == "in_force" and "goaf" in (row.kinds or ())
    ]  # fmt: skip
    for goaf in goafs.sort_values("key").itertuples():
        if goaf.attrs.get("water") != "present":
            continue
        for extent in looked:
            if extent.mine_code in (goaf.mine_code, None) or extent.mine_code not in zones:
                continue
            zone = int(zones[min(extent.mine_code, goaf.mine_code or extent.mine_code)])
            mine = world.mines[world.mines["mine_code"] == extent.mine_code].geometry.iloc[0]
            shape, ground, field = to_metric(
                np.array([goaf.geometry, extent.geometry, mine], dtype=object), zone
            )
            distance = round(float(shapely.distance(shape, field)), 3)
            if distance > told["boundary_m"] or not shapely.covers(ground, shape):
                continue
            own = goafs[goafs["survey_key"] == extent.survey_key]
            if len(own) and shapely.intersects(own.geometry.to_numpy(), goaf.geometry).any():
                continue
            yield _finding(
                "contradicted", extent.survey_key, extent.mine_code, other=goaf.survey_key,
                measure=distance, unit="m", evidence={"factor": goaf.key},
            )  # fmt: skip


def outside_contract(world: World, contracts: Collection[Contract]) -> Iterator[dict[str, Any]]:
    """Yield extents whose fieldwork lies outside every contract of their unit with the mine."""
    for row in world.extents.sort_values("key").itertuples():
        held = [
            c for c in contracts
            if c.survey_unit == row.survey_unit and c.mine_code == row.mine_code
        ]  # fmt: skip
        if not held or row.fieldwork_start is None:
            continue
        ends = row.fieldwork_end or row.fieldwork_start
        days = min(
            max(
                (c.begins - row.fieldwork_start).days if c.begins else 0,
                (ends - c.ends).days if c.ends else 0,
                0,
            )
            for c in held
        )
        if days > 0:
            yield _finding(
                "outside_contract", row.survey_key, row.mine_code, measure=float(days), unit="d",
                evidence={"fieldwork": [row.fieldwork_start.isoformat(), ends.isoformat()]},
            )  # fmt: skip


def without_surroundings(world: World, rules: Rules) -> Iterator[dict[str, Any]]:
    """Yield surveys whose extents lack part of the field's surroundings: incomplete, not false."""
    told, around = figures(), rules.parameters.surroundings_m.value
    for mine in world.mines.sort_values("mine_code").itertuples():
        own = world.extents[
            (world.extents["mine_code"] == mine.mine_code) & (world.extents["status"] != "held")
        ]
        for survey_key, rows in own.groupby("survey_key"):
            field, *grounds = to_metric(
                np.array([mine.geometry, *rows.geometry], dtype=object), int(mine.zone_epsg)
            )
            ring = shapely.difference(shapely.buffer(field, around), field)
            ground = shapely.union_all(np.array(grounds, dtype=object))
            share = float(shapely.area(shapely.difference(ring, ground)) / shapely.area(ring))
            if share > told["surroundings_share"]:
                yield _finding(
                    "without_surroundings", str(survey_key), mine.mine_code,
                    measure=round(share, 4), unit="1", evidence={"surroundings_m": around},
                )  # fmt: skip


def screening(
    world: World,
    rules: Rules,
    filed: Filed,
    contracts: Collection[Contract] = (),
    outputs: Collection[Output] = (),
) -> pd.DataFrame:
    """Return every finding worth asking about, sorted by check, mine and key.

    Parameters
    ----------
    world : World
        Facts of the mines and their neighbours.
    rules : Rules
        For the surroundings.
    filed : Filed
        What surveys filed, those included that others have replaced.
    contracts : collection of Contract
        Which unit was to survey which mine, and when.
    outputs : collection of Output
        Tonnes reported by mine, each for its time.

    Returns
    -------
    DataFrame
        Columns of ``FINDINGS``: `measure` with its `unit`, and what it rests on. None is a verdict.
    """
    rows = [
        *copied(filed),
        *one_shape_in_two_mines(world),
        *contradicted(world),
        *outside_contract(world, contracts),
        *without_surroundings(world, rules),
        *too_little_void(world, outputs),
    ]
    rows.sort(key=lambda row: (row["check"], row["mine_code"], row["key"]))
    return plain(FINDINGS, rows)
