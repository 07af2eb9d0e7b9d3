"""Which ponds stand on a day, and how: state, duties, grade, head-top, monitoring, what lies under.

Row-level security and the definer functions do the seeing. `on` is when a thing held, `known_at`
when it was known, as in :mod:`geo.store.mine_queries`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import shapely
from sqlalchemy import Connection, func, select, text

from geo.store.batches import seq_at
from geo.store.pond_facts import (
    alarm_of,
    event_rows,
    measured_on,
    newest_ponds,
    readable_life,
    readings,
    standing_events,
)
from geo.store.pond_zones import newest_run
from geo.store.tables import batch, head_top
from geo.store.tables import pond as pond_table
from geo.store.tiles import horizon_day
from geo.tailings.closure import Event
from geo.tailings.life import final_elevation_on, is_upcoming
from geo.tailings.monitoring import unheard, wanted_items
from geo.tailings.requirements import grades, requirements
from geo.tailings.siting_rules import WORKINGS
from geo.tailings.sources import Said, head_top_of
from geo.tailings.trend import on_register

When = datetime | date | None


def said_of(conn: Connection, seq: int, run: Any, code: str | None = None) -> dict[str, list[Any]]:
    """Return by pond what sources said of it: persons' words, and a computation's."""
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


def under(conn: Connection, rows: Mapping[str, Any], seq: int, on: date) -> dict[str, list[Any]]:
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


def standing(
    row: dict[str, Any], events: list[Event], said: list[Any], read: list[Any], on: date
) -> dict[str, Any]:
    """Return how one pond stands on a day, as :func:`ponds` tells it; `_life` is its life whole.

    Parameters
    ----------
    row : dict
        Its newest row.
    events : list of Event
        What is on record and was not taken back.
    said, read : list
        What sources said of it (:func:`said_of`), and its readings.
    on : date
    """
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
    missed = unheard(found, on)
    unwatched = wanted_items(attrs, grade.governing) if alarm is None else alarm.unwatched
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
        "anew_since": found.closure.anew_since,
        "obligations": [asdict(one) for one in found.closure.obligations],
        "final_elevation_on": reached,
        "upcoming": still_rising and not triggers and is_upcoming(reached, on),
        "head_top": _verdict(row, said, on),
        "requirements": [asdict(demand) for demand in demands],
        "monitoring": None if alarm is None else asdict(alarm),
        "unheard": None if missed is None or alarm is not None else asdict(missed),
        # What it must watch on this day, and of which no reading is on record.
        "unread": [] if missed is None else list(unwatched),
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
    said = said_of(conn, seq, newest_run(conn, seq))
    read = readings(conn, seq)
    listed = []
    newest = newest_ponds(conn, seq)
    below = under(conn, newest, seq, on)
    for code, row in sorted(newest.items()):
        events = standing_events(by_code.get(code, ()))
        one = standing(row, events, said.get(code, []), read.get(code, []), on)
        del one["_life"]
        listed.append({**one, "under": below.get(code, [])})
    return listed


def visible(conn: Connection, code: str) -> bool:
    """Tell whether the caller may see a pond."""
    return conn.scalar(select(pond_table.c.id).where(pond_table.c.code == code)) is not None
