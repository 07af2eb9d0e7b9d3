"""Computing head-top verdicts and zones over the elevation models on record, and keeping them.

What is computed is a pure function of facts: a run says of which (its key), and is made anew only
where they changed. Reading the model and judging take no lock; keeping the result does.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import uuid4

import numpy as np
import shapely
from geoalchemy2 import WKBElement
from sqlalchemy import Connection

from geo.settings import Settings
from geo.store.engine import SYSTEM, connect
from geo.store.mine_states import drawn
from geo.store.pond_facts import measured_on
from geo.store.pond_ground import (
    Ground,
    answered,
    depth_of,
    grounds,
    on_ground,
    ponds_by_tile,
    toe_of,
    window_of,
)
from geo.store.publish import Batch, publishing
from geo.store.tables import HEAD_TOP_OUTCOMES, head_top, terrain_run, zone
from geo.store.terrain_queries import km2
from geo.store.terrains import Taken, opened_taken
from geo.store.withdrawn import common, newest_key, withdrawn
from geo.survey.keys import content_key
from geo.tailings.county import reckoned_key
from geo.tailings.dem import Dem
from geo.tailings.headtop import Verdict, judge
from geo.tailings.profile import profiles
from geo.tailings.protected import own_of
from geo.tailings.siting import bank_strip
from geo.tailings.tiles import (
    INSIDE,
    OUTSIDE,
    UNDECIDED,
    Prepared,
    codes,
    frame_of,
    own_cells,
    tiles_of,
)
from geo.tailings.zone import Zone, strip

# Whose districts have to know what ground of a model is for.
_OF_GROUND = ("pond", "protected_object", "bank_line")


def _newer(dams: Sequence[Mapping[str, Any]], taken: Taken) -> bool | None:
    days = [d["attrs"].get("built_on") or d["attrs"].get("observed_on") for d in dams]
    known = [date.fromisoformat(day) for day in days if isinstance(day, str)]
    if not known or taken.stated.on is None:
        return None
    return max(known) > taken.stated.on


def _rests_on(verdict: Verdict, facts: Ground, own: Sequence[Mapping[str, Any]], on: date) -> date:
    """Return the day of the newest thing a verdict rests on: ground, dams, or who lies below.

    A site check of before has not seen it (L23).
    """
    met = set(verdict.met["key"])
    rows = [*own, *(row for row in facts.of("protected_object") if row["key"] in met)]
    days = [day for row in rows if (day := measured_on(row)) is not None]
    return min(on, max([facts.taken.stated.on or on, *days]))


def _evidence(
    verdict: Verdict, ready: Prepared, facts: Ground, dams: Sequence[Mapping[str, Any]], toe: Any
) -> dict[str, Any]:
    """Return what a reader is shown: reasons, objects met by whom, the profile down each path."""
    by_key = {row["key"]: row for row in facts.of("protected_object")}
    met = []
    for row in verdict.met.to_dict("records"):
        attrs = by_key[row["key"]]["attrs"]
        met.append(
            {
                **{k: _plain(v) for k, v in row.items()},
                "name": attrs.get("name") or attrs.get("code") or row["key"][:8],
                "object_class": attrs.get("object_class"),
                "own": attrs.get("own") is True,
                "geometry": shapely.geometry.mapping(by_key[row["key"]]["geometry"]),
            }
        )
    toes = [(d["code"] or "", d["geometry"]) for d in dams] or [("", toe)]
    captured = [m["key"] for m in met if m["captured"]]
    beside = [(key, by_key[key]["geometry"]) for key in captured]
    lengths = verdict.paths.length_m
    return {
        "reasons": list(verdict.reasons),
        "runs": verdict.runs,
        "share": _plain(verdict.share),
        "dam_is_newer": verdict.dam_is_newer,
        "culverts": _culverts(verdict, facts),
        "snapped_m": verdict.paths.snapped_m,
        "path_m": round(float(lengths.max()), 1) if lengths.size else None,
        "met": met,
        "people": sum(m["people"] or 0 for m in met if m["captured"]),
        # Places of which nobody said how many: they count, and the sum is no sum of all.
        "people_unknown": sum(m["people"] is None for m in met if m["captured"]),
        "profiles": profiles(ready.terrain, toes, beside),
    }


def _culverts(verdict: Verdict, facts: Ground) -> list[dict[str, Any]]:
    """Return the culverts that lead the path, as their surveys call them."""
    return [
        {
            "key": row["key"],
            "name": row["attrs"].get("name") or row["code"] or str(row["key"])[:8],
            "depth_m": depth_of(row["attrs"]),
        }
        for row in facts.of("drainage")
        if row["key"] in verdict.culverts
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and np.isnan(value) else value


def _shapes(shape: Any) -> dict[str, Any]:
    (flat,) = drawn([shape])
    return {
        "geom": WKBElement(shapely.to_wkb(shape), srid=4490),
        "geom_3857": WKBElement(shapely.to_wkb(flat), srid=3857),
    }


def _owner(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"district": row["district"], "owner_org": row["owner_org"]}


def _judged(
    facts: Ground, ponds: Iterable[Mapping[str, Any]], ready: Prepared, on: date, threads: int
) -> tuple[list[Any], list[Any]]:
    """Return the rows of ``head_top`` and of the strips, one each per pond of a window."""
    verdicts, strips = [], []
    objects = facts.of("protected_object")
    for pond in ponds:
        dams = facts.dams_of(pond)
        toe, derived, missing = toe_of(pond, dams)
        verdict = judge(
            ready.terrain,
            ready.found,
            toe,
            toe_derived=derived,
            dam_is_newer=_newer(dams, facts.taken),
            own=[row["key"] for row in objects if own_of(row["attrs"], pond["code"])],
            threads=threads,
            unsurveyed=ready.zone.unsurveyed,
        )
        evidence = _evidence(verdict, ready, facts, dams, toe)
        evidence["terrain"] = str(facts.taken.id)
        evidence["rests_on"] = _rests_on(verdict, facts, [pond, *dams], on).isoformat()
        outcome = verdict.answer
        if missing:
            evidence["reasons"].append("dams_missing")
            seen = "no_terrain" not in verdict.reasons
            outcome = "suspected" if seen and outcome != "yes" else outcome
        lines = ready.terrain.dem.abroad(verdict.paths.lines)
        path = shapely.multilinestrings(list(lines)) if len(lines) else None
        said = {"pond": pond["code"], "run": facts.key}
        verdicts.append(
            {
                "id": uuid4(),
                "key": content_key(said),
                "pond_code": pond["code"],
                "source": "computed",
                "outcome": outcome,
                # What lies below lay there when the ground was surveyed.
                "on_date": min(facts.taken.stated.on or on, on),
                "evidence": evidence,
                **(_shapes(path) if path is not None else {"geom": None, "geom_3857": None}),
                **_owner(pond),
            }
        )
        if pond["code"] in facts.struck_off:
            # Who lies below is still told; where houses may come it bans no more (L22, L25).
            continue
        below = strip(ready.terrain, verdict.paths.cells, ready.found.reach)
        if below.mask.any():
            strips.append(_zone("strip", below, pond["code"], _owner(pond)))
    return verdicts, strips


def _zone(kind: str, found: Zone, code: str | None, owner: dict[str, Any]) -> dict[str, Any]:
    shape = shapely.union_all(found.polygons())
    return {
        "id": uuid4(),
        "kind": kind,
        "pond_code": code,
        "area_m2": found.area_m2,
        **_shapes(shape),
        **owner,
    }


def _banks(facts: Ground, dem: Dem, owner: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the strip along the rivers in which no pond may lie; none without bank lines."""
    rows = facts.own("bank_line")
    lines = dem.local([row["geometry"] for row in rows])
    shape = bank_strip(lines, [row["attrs"].get("river_class") for row in rows])
    if shape.is_empty:
        return []
    (abroad,) = dem.abroad([shape])
    return [
        {
            "id": uuid4(),
            "kind": "bank",
            "pond_code": None,
            "area_m2": round(float(shapely.area(shape)), 3),
            **_shapes(abroad),
            **owner,
        }
    ]


def _key(found: Sequence[Ground]) -> str:
    """Return what a run depends on: the facts with each model that answers for ground."""
    keys = [one.key for one in found]
    return keys[0] if len(keys) == 1 else content_key({"models": keys})


def is_current(conn: Connection, found: Sequence[Ground]) -> bool:
    """Tell whether the newest run is of these facts."""
    return newest_key(conn) == _key(found)


def _run(settings: Settings, facts: Ground, on: date) -> tuple[Zone, list[Any], list[Any]]:
    """Return the zone where a model answers, the rows of ``head_top`` and of the strips.

    Tile by tile: as much of the model is in memory as one window has, and a byte for each cell.
    """
    laid, ponds = on_ground(facts.rows, facts.county), ponds_by_tile(facts)
    verdicts: list[Any] = []
    strips: list[Any] = []
    window, ready = None, None
    with opened_taken(settings, facts.taken) as model:
        code = np.full(model.shape, OUTSIDE, dtype=np.uint8)
        for tile in tiles_of(model, capture=facts.county.capture):
            # The tiles of a county's model mostly have one window: the whole.
            if ready is None or window != (tile.window_rows, tile.window_cols):
                ready = window_of(model, tile, laid)
                window = tile.window_rows, tile.window_cols
            code[tile.rows, tile.cols] = own_cells(tile, codes(ready.zone))
            judged, below = _judged(facts, ponds.get(tile.name, ()), ready, on, settings.cores)
            verdicts += judged
            strips += below
        if facts.share is not None:
            code[~answered(model, facts.share)] = OUTSIDE
    verdicts.sort(key=lambda row: str(row["pond_code"]))
    return Zone(frame_of(model), code == INSIDE, code == UNDECIDED), verdicts, strips


def compute(settings: Settings, on: date) -> dict[str, Any] | None:
    """Judge every pond and draw the zones, if the facts changed since the newest run.

    Returns
    -------
    dict or None
        The run's summary; None without an elevation model, or where nothing changed.
    """
    with connect(settings, "worker", SYSTEM) as conn:
        found = grounds(conn, on)
        if not found:
            return withdrawn(conn, on)
        if is_current(conn, found):
            return None
    runs = [(facts, *_run(settings, facts, on)) for facts in found]
    summary = _summary(runs)
    with (
        connect(settings, "worker", SYSTEM) as conn,
        publishing(conn, SYSTEM, "head_top", on, {"run": _key(found)}) as made,
    ):
        again = grounds(conn, on)
        if not again or _key(again) != _key(found) or is_current(conn, found):
            # Somebody was faster, or the facts moved on: the next round sees them.
            made.abandoned = True
            return None
        _keep(made, runs, summary)
    return summary


Run = tuple[Ground, Zone, list[Any], list[Any]]


def _summary(runs: Sequence[Run]) -> dict[str, Any]:
    verdicts = [row for _, _, rows, _ in runs for row in rows]
    undecided = sum(
        float(np.count_nonzero(whole.undecided)) * float(np.prod(whole.dem.cell))
        for _, whole, _, _ in runs
    )
    facts = runs[0][0]
    return {
        "ponds": len(verdicts),
        "objects": len(on_ground(facts.rows, facts.county).objects),
        "zone_m2": sum(whole.area_m2 for _, whole, _, _ in runs),
        "undecided_m2": undecided,
        "outcomes": {o: sum(v["outcome"] == o for v in verdicts) for o in HEAD_TOP_OUTCOMES},
        "models": [str(facts.taken.id) for facts, _, _, _ in runs],
        "answers": [_answers(facts) for facts, _, _, _ in runs],
        "rules": reckoned_key(),
    }


def _answers(facts: Ground) -> dict[str, Any]:
    """Return for which ground a model answers: its box, and km²."""
    share = facts.taken.ground if facts.share is None else facts.share
    box = [round(side, 5) for side in share.bounds]
    return {"model": str(facts.taken.id), "box": box, "km2": km2(share)}


def _district(runs: Sequence[Run]) -> str:
    """Return the district that holds all that lies on models: a county, a city or a province.

    Ground is of no pond: all regulators below it and above it see what may not be built on
    (``minerisk.ground_of``).
    """
    of = [facts.taken.district for facts, _, _, _ in runs]
    for facts, _, _, _ in runs:
        of += [str(r["district"]) for name in _OF_GROUND for r in facts.own(name)]
    return common(of)


def _keep(made: Batch, runs: Sequence[Run], summary: dict[str, Any]) -> None:
    run = uuid4()
    facts = runs[0][0]
    made.add(
        terrain_run,
        [
            {
                "id": run,
                "key": _key([one for one, _, _, _ in runs]),
                "terrain_id": facts.taken.id,
                "summary": summary,
                "district": _district(runs),
                "owner_org": None,
            }
        ],
    )
    for facts, whole, verdicts, strips in runs:
        owner = {"district": _district([(facts, whole, verdicts, strips)]), "owner_org": None}
        made.add(head_top, ({**row, "run_id": run} for row in verdicts))
        zones = [_zone("no_build", whole, None, owner)] if whole.mask.any() else []
        if whole.undecided.any():
            # Ground of which the terrain or the survey cannot tell is not free ground.
            unknown = Zone(whole.dem, whole.undecided, np.zeros_like(whole.mask))
            zones.append(_zone("undecided", unknown, None, owner))
        zones += _banks(facts, whole.dem, owner)
        made.add(zone, ({**row, "run_id": run} for row in [*zones, *strips]))
