"""Computing head-top verdicts and zones over the newest elevation model, and keeping them.

What is computed is a pure function of facts: a run says of which (its key), and is made anew only
where they changed. Reading the model and judging take no lock; keeping the result does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pandas as pd
import shapely
from geoalchemy2 import WKBElement
from sqlalchemy import Connection, select

from geo.settings import Settings
from geo.store.engine import SYSTEM, connect
from geo.store.facts import newest_seq
from geo.store.mine_states import drawn
from geo.store.pond_facts import features
from geo.store.publish import Batch, publishing
from geo.store.tables import batch, head_top, terrain_run, zone
from geo.store.terrains import Taken, newest_dem, read_taken
from geo.survey.keys import content_key
from geo.tailings.capture import Captures, captures
from geo.tailings.dem import Terrain, prepare
from geo.tailings.headtop import Verdict, judge
from geo.tailings.parameters import terrain_rules
from geo.tailings.profile import profiles
from geo.tailings.protected import counts, people, protected_classes
from geo.tailings.siting import bank_strip
from geo.tailings.siting_rules import siting_rules
from geo.tailings.zone import Zone, no_build, strip

_LAYERS = ("bank_line", "dam", "drainage", "pond", "protected_object")


@dataclass(frozen=True, eq=False)
class Ground:
    """The facts a run rests on, and the model they lie on."""

    key: str
    taken: Taken
    rows: list[dict[str, Any]]

    def of(self, layer: str) -> list[dict[str, Any]]:
        """Return the rows of a layer, in the order of their keys."""
        return sorted((r for r in self.rows if r["layer"] == layer), key=lambda r: str(r["key"]))


@dataclass(frozen=True, eq=False)
class Prepared:
    """A model made to drain, with the objects that count laid on it, and the zone."""

    terrain: Terrain
    found: Captures
    zone: Zone


def ground(conn: Connection) -> Ground | None:
    """Return the facts as they are, for a connection that sees all; None without a model."""
    seq = newest_seq(conn)
    taken = newest_dem(conn, seq)
    if taken is None:
        return None
    rows = features(conn, _LAYERS, seq)
    key = content_key(
        {
            "terrain": taken.sha256,
            "stated": [taken.stated.error_m, str(taken.stated.on)],
            "rows": sorted(str(row["key"]) for row in rows),
            "rules": [terrain_rules(), protected_classes(), siting_rules()["bank"]],
        }
    )
    return Ground(key, taken, rows)


# One of them, the newest: a county's is some hundred MB at most, and the next question is of it.
_kept: dict[str, Prepared] = {}


def prepared(settings: Settings, facts: Ground) -> Prepared:
    """Return the ground ready for questions; the last one asked of is kept in memory."""
    if facts.key not in _kept:
        made = _prepare(settings, facts)
        _kept.clear()
        _kept[facts.key] = made
    return _kept[facts.key]


def _prepare(settings: Settings, facts: Ground) -> Prepared:
    dem = read_taken(settings, facts.taken).dem
    kinds = {"channel": [], "culvert": []}  # type: dict[str, list[Any]]
    for row in facts.of("drainage"):
        kinds[row["attrs"].get("drainage_kind") or "channel"].append(row["geometry"])
    terrain = prepare(dem, channels=kinds["channel"], culverts=kinds["culvert"])
    found = captures(dem, protected_frame(facts.of("protected_object")))
    return Prepared(terrain, found, no_build(terrain, found))


def protected_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the objects that count as ``capture.OBJECTS`` wants them."""
    kept = [row for row in rows if counts(row["attrs"])]
    return pd.DataFrame(
        {
            "key": pd.Series([row["key"] for row in kept], dtype=object),
            "geometry": pd.Series([row["geometry"] for row in kept], dtype=object),
            "error_m": pd.Series([float(row["error_m"]) for row in kept], dtype=float),
            "people": pd.Series([people(row["attrs"]) for row in kept], dtype=object),
        }
    )


def toe_of(pond: Mapping[str, Any], dams: Sequence[Mapping[str, Any]]) -> tuple[Any, bool, bool]:
    """Return a pond's toe, whether it is derived from a polygon, and whether dams are missing.

    The toe is every toe line of its dams; of a dam or pond known only as a polygon it is the
    outline, and derived (推定).
    """
    parts, derived = [], not dams
    for dam in dams:
        flat = shapely.get_dimensions(dam["geometry"]) == 2
        derived |= flat
        parts.append(shapely.boundary(dam["geometry"]) if flat else dam["geometry"])
    if not parts:
        shape = pond["geometry"]
        parts = [shapely.boundary(shape) if shapely.get_dimensions(shape) == 2 else shape]
    expected = pond["attrs"].get("dams_expected")
    missing = isinstance(expected, int | float) and len(dams) < expected
    return shapely.union_all(parts), bool(derived), bool(missing)


def _newer(dams: Sequence[Mapping[str, Any]], taken: Taken) -> bool | None:
    days = [d["attrs"].get("built_on") or d["attrs"].get("observed_on") for d in dams]
    known = [date.fromisoformat(day) for day in days if isinstance(day, str)]
    if not known or taken.stated.on is None:
        return None
    return max(known) > taken.stated.on


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
        "snapped_m": verdict.paths.snapped_m,
        "path_m": round(float(lengths.max()), 1) if lengths.size else None,
        "met": met,
        "people": sum(m["people"] or 0 for m in met if m["captured"]),
        "profiles": profiles(ready.terrain, toes, beside),
    }


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


def _judged(facts: Ground, ready: Prepared, on: date) -> tuple[list[Any], list[Any]]:
    """Return the rows of ``head_top`` and of the strips, one each per pond."""
    verdicts, strips = [], []
    for pond in facts.of("pond"):
        dams = [d for d in facts.of("dam") if d["attrs"].get("pond_code") == pond["code"]]
        toe, derived, missing = toe_of(pond, dams)
        verdict = judge(
            ready.terrain,
            ready.found,
            toe,
            toe_derived=derived,
            dam_is_newer=_newer(dams, facts.taken),
        )
        evidence = _evidence(verdict, ready, facts, dams, toe)
        outcome = verdict.answer
        if missing:
            evidence["reasons"].append("dams_missing")
            outcome = "suspected" if outcome == "no" else outcome
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


def _banks(facts: Ground, ready: Prepared, owner: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the strip along the rivers in which no pond may lie; none without bank lines."""
    rows = facts.of("bank_line")
    lines = ready.terrain.dem.local([row["geometry"] for row in rows])
    shape = bank_strip(lines, [row["attrs"].get("river_class") for row in rows])
    if shape.is_empty:
        return []
    (abroad,) = ready.terrain.dem.abroad([shape])
    area = round(float(shapely.area(shape)), 3)
    return [
        {
            "id": uuid4(),
            "kind": "bank",
            "pond_code": None,
            "area_m2": area,
            **_shapes(abroad),
            **owner,
        }
    ]


def is_current(conn: Connection, facts: Ground) -> bool:
    """Tell whether the newest run is of these facts."""
    newest = conn.scalar(
        select(terrain_run.c.key)
        .join(batch, batch.c.id == terrain_run.c.batch_id)
        .order_by(batch.c.seq.desc())
        .limit(1)
    )
    return newest == facts.key


def compute(settings: Settings, on: date) -> dict[str, Any] | None:
    """Judge every pond and draw the zones, if the facts changed since the newest run.

    Returns
    -------
    dict or None
        The run's summary; None without an elevation model, or where nothing changed.
    """
    with connect(settings, "worker", SYSTEM) as conn:
        facts = ground(conn)
        if facts is None or is_current(conn, facts):
            return None
    ready = prepared(settings, facts)
    verdicts, strips = _judged(facts, ready, on)
    summary = {
        "ponds": len(verdicts),
        "objects": len(ready.found.objects),
        "zone_m2": ready.zone.area_m2,
        "undecided_m2": float(np.count_nonzero(ready.zone.undecided))
        * float(np.prod(ready.terrain.dem.cell)),
        "outcomes": {
            o: sum(v["outcome"] == o for v in verdicts) for o in ("yes", "suspected", "no")
        },
    }
    with (
        connect(settings, "worker", SYSTEM) as conn,
        publishing(conn, SYSTEM, "head_top", on, {"run": facts.key}) as made,
    ):
        again = ground(conn)
        if again is None or again.key != facts.key or is_current(conn, facts):
            # Somebody was faster, or the facts moved on: the next round sees them.
            made.abandoned = True
            return None
        _keep(made, facts, ready, verdicts, strips, summary)
    return summary


def _keep(
    made: Batch,
    facts: Ground,
    ready: Prepared,
    verdicts: list[Any],
    strips: list[Any],
    summary: dict[str, Any],
) -> UUID:
    run = uuid4()
    district = min((str(p["district"]) for p in facts.of("pond")), default="")
    owner = {"district": district, "owner_org": None}
    made.add(
        terrain_run,
        [{"id": run, "key": facts.key, "terrain_id": facts.taken.id, "summary": summary, **owner}],
    )
    made.add(head_top, ({**row, "run_id": run} for row in verdicts))
    zones = [_zone("no_build", ready.zone, None, owner)] if ready.zone.mask.any() else []
    zones += _banks(facts, ready, owner)
    made.add(zone, ({**row, "run_id": run} for row in [*zones, *strips]))
    return run
