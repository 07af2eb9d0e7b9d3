"""What readers ask of ponds; row-level security and the definer functions do the seeing.

`on` is when a thing held, `known_at` when it was known, as in :mod:`geo.store.mine_queries`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import shapely
from sqlalchemy import Connection, Select, func, select, text

from geo.crs import local_zone, to_metric
from geo.store import papers
from geo.store.batches import seq_at
from geo.store.pond_facts import (
    ANNULLED,
    alarm_of,
    event_rows,
    features,
    measured_on,
    newest_ponds,
    readable_life,
    readings,
    standing_events,
)
from geo.store.tables import batch, head_top, proposal, terrain, terrain_run, zone
from geo.store.tables import pond as pond_table
from geo.store.tiles import horizon_day
from geo.tailings.closure import Event, closure_rules
from geo.tailings.grade import grade_rule
from geo.tailings.life import final_elevation_on, is_upcoming, life_rules
from geo.tailings.monitoring import monitoring_rules
from geo.tailings.requirements import grades, requirement_rules, requirements
from geo.tailings.siting_rules import WORKINGS, siting_rules
from geo.tailings.sources import Said, head_top_of
from geo.tailings.trend import on_register

When = datetime | date | None
# How long a pond's page tells of what was refused.
_LATELY = timedelta(days=30)

_MODEL = tuple(terrain.c[name] for name in ("filename", "source", "dated", "error_m", "note"))


def newest_run(conn: Connection, seq: int) -> Any:
    """Return the id of the newest computation known at a batch, None where there is none."""
    return conn.scalar(text("SELECT minerisk.newest_run(:seq)"), {"seq": seq})


def _said(conn: Connection, seq: int, run: Any, code: str | None = None) -> dict[str, list[Any]]:
    """Return what sources said of each pond: persons' words, and the newest computation."""
    wanted = (
        select(
            head_top.c.key,
            head_top.c.pond_code,
            head_top.c.source,
            head_top.c.outcome,
            head_top.c.on_date,
            head_top.c.document,
            head_top.c.evidence,
            func.ST_AsGeoJSON(head_top.c.geom, 7).label("geometry"),
        )
        .join(batch, batch.c.id == head_top.c.batch_id)
        .where(batch.c.seq <= seq)
        .where((head_top.c.run_id == run) | head_top.c.run_id.is_(None))
        .order_by(head_top.c.pond_code, head_top.c.source, head_top.c.on_date)
    )
    if code is not None:
        wanted = wanted.where(head_top.c.pond_code == code)
    found: dict[str, list[Any]] = {}
    for row in conn.execute(wanted):
        found.setdefault(row.pond_code, []).append(row)
    return found


def _rests_on(evidence: Mapping[str, Any]) -> date | None:
    day = (evidence or {}).get("rests_on")
    return date.fromisoformat(day) if isinstance(day, str) else None


def _verdict(row: dict[str, Any], said: Iterable[Any], on: date) -> dict[str, Any]:
    words = [
        Said(s.source, s.outcome, s.on_date, s.document, _rests_on(s.evidence))
        for s in said
        if s.on_date <= on
    ]
    listed = row["attrs"].get("listed_head_top")
    if isinstance(listed, bool):
        since = row["since"] or on
        words.append(Said("official_list", "yes" if listed else "no", since, row["filename"]))
    found = head_top_of(words)
    return {
        "outcome": found.outcome,
        "by": list(found.by),
        "counts": found.counts,
        "said": [asdict(word) for word in words],
    }


_UNDER = text(
    "SELECT p.code AS pond, f.layer, f.key, f.mine_code, "
    "COALESCE(f.attrs ->> 'name', f.code) AS name "
    "FROM unnest(CAST(:codes AS text[]), CAST(:shapes AS bytea[])) AS p(code, shape) "
    "CROSS JOIN LATERAL (SELECT ST_Transform(ST_GeomFromWKB(p.shape, 4490), 3857) AS place) AS at "
    "CROSS JOIN LATERAL minerisk.features_in(:wanted, at.place, :seq, :on, :until) AS f "
    "WHERE f.state <> 'submitted' AND f.attrs ->> 'finished' IS DISTINCT FROM 'true' "
    "AND ST_Intersects(f.geom_3857, at.place) ORDER BY p.code, f.layer, f.key"
)


def _under(conn: Connection, rows: Mapping[str, Any], seq: int, on: date) -> dict[str, list[Any]]:
    """Return the workings one may see under each pond on a day, whoever drives them (L26)."""
    if not rows:
        return {}
    asked = {
        "codes": list(rows),
        "shapes": [shapely.to_wkb(row["geometry"]) for row in rows.values()],
        "wanted": list(WORKINGS),
        "seq": seq,
        "on": on,
        "until": horizon_day(conn, on),
    }
    found: dict[str, list[Any]] = {}
    for row in conn.execute(_UNDER, asked):
        one = {"kind": WORKINGS[row.layer], "name": row.name, "mine_code": row.mine_code}
        found.setdefault(row.pond, []).append({**one, "key": row.key})
    return found


def _one(
    row: dict[str, Any], events: list[Event], said: list[Any], read: list[Any], on: date
) -> dict[str, Any]:
    attrs = row["attrs"]
    trouble: list[dict[str, Any]] = []
    found, problem = readable_life(row, events, on)
    if problem is not None:
        trouble.append({"code": problem.code, "params": problem.params})
    raised = any(event.kind == "grade_raised" and event.on <= on for event in events)
    grade = grades(attrs, raised=raised)
    reached = final_elevation_on(attrs, measured_on(row))
    triggers = [asdict(one) for one in found.closure.triggers]
    west, south, east, north = row["geometry"].bounds
    point = shapely.point_on_surface(row["geometry"])
    alarm = alarm_of(read, attrs, events, grade.governing, on)
    demands = requirements(attrs, grade.governing, on, found.state)
    still_rising = found.state in ("unknown", "in_use", "idle", "raising")
    return {
        "code": row["code"],
        "name": attrs.get("name") or row["code"],
        "district": row["district"],
        "enterprise": attrs.get("enterprise"),
        "bounds": [west, south, east, north],
        "point": [point.x, point.y],
        "grade": asdict(grade),
        "state": found.state,
        "since": found.since,
        "counted": found.counted,
        "on_register": on_register(found),
        "small": found.small,
        "who": found.who,
        "triggers": triggers,
        "starts_on": found.closure.starts_on,
        "obligations": [asdict(one) for one in found.closure.obligations],
        "final_elevation_on": reached,
        "upcoming": still_rising and not triggers and is_upcoming(reached, on),
        "head_top": _verdict(row, said, on),
        "requirements": [asdict(demand) for demand in demands],
        "monitoring": None if alarm is None else asdict(alarm),
        "questions": list(found.questions),
        "trouble": trouble,
        "_life": found,
    }


def ponds(conn: Connection, on: date, known_at: When = None) -> list[dict[str, Any]]:
    """Return every pond one may see: state, duties, who must act, grade, head-top, monitoring.

    Sorted by code. `questions` are codes with a day for a person to judge; `trouble` holds what of
    its history contradicts itself.
    """
    seq = seq_at(conn, known_at)
    by_code: dict[str, list[Any]] = {}
    for row in event_rows(conn, seq):
        by_code.setdefault(row.pond_code, []).append(row)
    said = _said(conn, seq, newest_run(conn, seq))
    read = readings(conn, seq)
    listed = []
    newest = newest_ponds(conn, seq)
    under = _under(conn, newest, seq, on)
    for code, row in sorted(newest.items()):
        events = standing_events(by_code.get(code, ()))
        one = _one(row, events, said.get(code, []), read.get(code, []), on)
        del one["_life"]
        listed.append({**one, "under": under.get(code, [])})
    return listed


def pond(conn: Connection, code: str, on: date, known_at: When = None) -> dict[str, Any] | None:
    """Return everything behind one pond; None where there is none one may see.

    Besides what :func:`ponds` gives: attrs, error, survey, dams, events with who recorded them and
    their papers, moves (day, event, state after it), the events possible next, requirements with
    their basis, the computed verdict with its path and the objects met, and the strip below it.
    """
    seq = seq_at(conn, known_at)
    row = newest_ponds(conn, seq).get(code)
    if row is None:
        return None
    rows = event_rows(conn, seq, code)
    behind = papers.listed(conn, papers.EVENT, seq, code)
    run = newest_run(conn, seq)
    said = _said(conn, seq, run, code).get(code, [])
    events = standing_events(rows)
    one = _one(row, events, said, readings(conn, seq).get(code, []), on)
    found = one.pop("_life")
    rules = requirement_rules()
    computed = next((s for s in said if s.source == "computed"), None)
    return {
        **one,
        "on": on,
        "under": _under(conn, {code: row}, seq, on).get(code, []),
        "under_basis": basis(siting_rules()["workings"]),
        "attrs": row["attrs"],
        "error_m": row["error_m"],
        "survey": {"id": row["survey_id"], "filename": row["filename"], "state": row["state"]},
        "geometry": shapely.geometry.mapping(row["geometry"]),
        "dams": _dams(conn, code, seq),
        "events": [
            {**_event(r, rows), "papers": _behind(r, behind.get((code, r.key), []))} for r in rows
        ],
        "waiting": _waiting(conn, code),
        "refused": _refused(conn, code),
        "moves": [{"on": day, "event": kind, "state": after} for day, kind, after in found.moves],
        "next": list(found.next),
        "grade_basis": [basis(grade_rule()), basis(grade_rule()["combination"])],
        "requirements": [{**f, "basis": basis(rules[f["code"]])} for f in one["requirements"]],
        "monitoring_basis": {
            name: basis(monitoring_rules()[name])
            for name in ("points", "items_together", "lowering", "sets")
        },
        "why": [
            {**asdict(t), "basis": basis(closure_rules()["triggers"][t.code])}
            for t in found.closure.triggers
        ],
        "computed": None if computed is None else _computed(computed),
        "strip": _strip(conn, code, run),
        "terrain": _terrain_of(conn, computed, seq),
    }


def _proposed(code: str, state: str) -> Select[Any]:
    return select(proposal).where(
        proposal.c.state == state,
        proposal.c.action == "pond_event",
        proposal.c.body["pond_code"].astext == code,
    )


def _refused(conn: Connection, code: str) -> list[dict[str, Any]]:
    """Return the events of a pond that a second person refused lately, each with its reason.

    One that was proposed anew is no longer told of as refused.
    """
    newer = proposal.alias()
    again = (
        select(newer.c.id)
        .where(newer.c.body["pond_code"].astext == code, newer.c.action == "pond_event")
        .where(newer.c.body["kind"].astext == proposal.c.body["kind"].astext)
        .where(newer.c.proposed_at > proposal.c.proposed_at)
        .correlate(proposal)
    )
    found = conn.execute(
        _proposed(code, "refused")
        .where(~again.exists(), proposal.c.settled_at >= func.now() - _LATELY)
        .order_by(proposal.c.settled_at.desc())
    )
    return [
        {
            "kind": row.body["kind"],
            "on": row.body["on_date"],
            "proposed_by": row.proposed_by,
            "settled_by": row.settled_by,
            "settled_at": row.settled_at,
            "refusal": row.refusal,
        }
        for row in found
    ]


def _waiting(conn: Connection, code: str) -> list[dict[str, Any]]:
    """Return the events of a pond that wait for a second person, oldest first."""
    found = conn.execute(_proposed(code, "open").order_by(proposal.c.proposed_at))
    return [
        {
            "proposal": row.id,
            "kind": row.body["kind"],
            "on": row.body["on_date"],
            "document": row.body["document"],
            "proposed_by": row.proposed_by,
            "papers": row.body.get("attachments", []),
        }
        for row in found
    ]


def visible(conn: Connection, code: str) -> bool:
    """Tell whether the caller may see a pond."""
    return conn.scalar(select(pond_table.c.id).where(pond_table.c.code == code)) is not None


def basis(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a rule rests on: label, standard, clause, whether its text was read, unit."""
    return {name: rule.get(name) for name in ("label", "standard", "clause", "verified", "unit")}


def _dams(conn: Connection, code: str, seq: int) -> list[dict[str, Any]]:
    return [
        {
            "code": row["code"],
            "attrs": row["attrs"],
            # A toe drawn as a line is the toe; one got out of a bare polygon is inferred (L23).
            "derived": bool(shapely.get_dimensions(row["geometry"]) == 2),
            "geometry": shapely.geometry.mapping(row["geometry"]),
        }
        for row in features(conn, ("dam",), seq)
        if row["attrs"].get("pond_code") == code
    ]


def _event(row: Any, rows: list[Any]) -> dict[str, Any]:
    void = {r.detail for r in rows if r.kind == ANNULLED}
    names = ("key", "on_date", "kind", "detail", "document", "proven_only", "actor_login")
    return {
        **{name: getattr(row, name) for name in names},
        "recorded_at": row.recorded_at,
        "confirmed_by": (row.note or {}).get("confirmed_by"),
        "annulled": row.key in void,
    }


def _behind(row: Any, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return an event's papers, each with whether it was added after the event was recorded."""
    return [{**one, "added_later": one["recorded_at"] > row.recorded_at} for one in files]


def _computed(row: Any) -> dict[str, Any]:
    return {
        "outcome": row.outcome,
        "on": row.on_date,
        "evidence": row.evidence,
        "path": row.geometry and json.loads(row.geometry),
    }


def _strip(conn: Connection, code: str, run: Any) -> dict[str, Any] | None:
    found = conn.execute(
        select(zone.c.area_m2, func.ST_AsGeoJSON(zone.c.geom, 7).label("geometry")).where(
            zone.c.run_id == run, zone.c.pond_code == code
        )
    ).first()
    return found and {"area_m2": found.area_m2, "geometry": json.loads(found.geometry)}


def zones(conn: Connection, known_at: When = None) -> list[dict[str, Any]]:
    """Return the zones one may see: kind, pond, name, area in m² and GeoJSON.

    Those of the newest run, and the areas surveyed in which the law forbids building.
    """
    seq = seq_at(conn, known_at)
    found = conn.execute(
        select(
            zone.c.kind,
            zone.c.pond_code,
            zone.c.area_m2,
            func.ST_AsGeoJSON(zone.c.geom, 7).label("geometry"),
        )
        .where(zone.c.run_id == newest_run(conn, seq))
        .order_by(zone.c.kind, zone.c.pond_code)
    )
    computed = [
        {**row, "name": None, "geometry": json.loads(row["geometry"])} for row in found.mappings()
    ]
    forbidden = [
        {
            "kind": "prohibited",
            "pond_code": None,
            "name": row["attrs"].get("name") or row["code"],
            "area_m2": _area(row["geometry"]),
            "geometry": shapely.geometry.mapping(row["geometry"]),
        }
        for row in features(conn, ("prohibited_area",), seq)
    ]
    return [*computed, *forbidden]


def _area(shape: Any) -> float:
    zone_epsg = local_zone(shapely.point_on_surface(shape).x)
    return round(float(shapely.area(to_metric(np.array([shape], dtype=object), zone_epsg))[0]), 3)


def as_geojson(found: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return zones (as :func:`zones` gives them) as a GeoJSON collection."""
    features_ = [
        {
            "type": "Feature",
            "properties": {k: z[k] for k in ("kind", "pond_code", "name", "area_m2")},
            "geometry": z["geometry"],
        }
        for z in found
    ]
    return {"type": "FeatureCollection", "features": features_}


def run_summary(conn: Connection, seq: int) -> dict[str, Any] | None:
    """Return on which elevation model the newest computation rests; None where one may not see.

    Of several it is the newest; ``models`` are all of them.
    """
    found = conn.execute(
        select(terrain_run.c.summary, *_MODEL)
        .join(terrain, terrain.c.id == terrain_run.c.terrain_id)
        .where(terrain_run.c.id == newest_run(conn, seq))
    ).first()
    if found is None:
        return None
    ids = [UUID(one) for one in found.summary.get("models", [])]
    rows = conn.execute(select(terrain.c.id, *_MODEL).where(terrain.c.id.in_(ids)))
    by_id = {row["id"]: dict(row) for row in rows.mappings()}
    models = [by_id[one] for one in ids if one in by_id]
    return {**found._mapping, "models": models or [dict(found._mapping)]}


def _terrain_of(conn: Connection, computed: Any, seq: int) -> dict[str, Any] | None:
    """Return the model a pond was judged on, as :func:`run_summary` gives the run's newest."""
    run = run_summary(conn, seq)
    if run is None:
        return None
    models = run.pop("models")
    judged_on = computed and computed.evidence.get("terrain")
    mine = next((one for one in models if str(one.get("id")) == judged_on), models[0])
    return {**run, **{name: value for name, value in mine.items() if name != "id"}}


def labels() -> dict[str, Any]:
    """Return the words for states, events, who acts, triggers, obligations and requirements."""
    life, closing, demands = life_rules(), closure_rules(), requirement_rules()
    watched = monitoring_rules()
    return {
        "state": {name: one["label"] for name, one in life["states"].items()},
        "event": {name: one["label"] for name, one in life["moves"].items()},
        "who": life["who"],
        "trigger": {name: one["label"] for name, one in closing["triggers"].items()},
        "obligation": {name: one["label"] for name, one in closing["obligations"].items()},
        "requirement": {n: r["label"] for n, r in demands.items() if n != "in_production"},
        "level": {n: one["label"] for n, one in watched["levels"].items()},
        "item": {n: one["label"] for n, one in watched["items"].items()},
        "sign": {n: sign["label"] for n, sign in demands["safety_degree"]["signs"].items()},
        "act": {
            n: one["act"] for n, one in demands["safety_degree"]["degrees"].items() if one["act"]
        },
    }


__all__ = [
    "as_geojson",
    "basis",
    "labels",
    "newest_run",
    "pond",
    "ponds",
    "run_summary",
    "visible",
    "zones",
]
