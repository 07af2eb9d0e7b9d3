"""Ponds' facts from the database: newest rows of their layers, their events, what sources say."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any

import shapely
from sqlalchemy import Connection, select, text

from geo import clock
from geo.problems import Problem
from geo.store.facts import known_at
from geo.store.tables import batch, pond_event
from geo.survey.keys import content_key
from geo.survey.layers import pond_layers
from geo.tailings.closure import Event
from geo.tailings.county import reckoned_key
from geo.tailings.life import Life, final_elevation_on, is_small, life, struck_off
from geo.tailings.monitoring import LOWERED, Alarm, alarm

# Takes an event back that should never have been recorded; it names the event by its key.
ANNULLED = "annulled"

# After these a pond may be off the register, or back on it.
_STRUCK_OFF_BY = ("deregistered", "removed", "remining_approved", ANNULLED)

_FEATURES = text(
    "SELECT object_id, survey_id, key, layer, code, attrs, error_m, since, state, filename, "
    "district, owner_org, ST_AsBinary(geom) AS wkb "
    "FROM minerisk.pond_features(:wanted, :seq)"
)

# What a run rests on: an elevation model taken, accepted or revoked, a survey of ponds accepted or
# revoked, or a pond struck off or brought back; the rules; and an extent that ran out since its day
# counts as ground nobody surveyed.
_LATER = text(
    "SELECT EXISTS (SELECT FROM minerisk.batch b JOIN minerisk.terrain t ON t.batch_id = b.id "
    "WHERE b.seq > :seq AND NOT EXISTS (SELECT FROM minerisk.terrain_event e "
    "WHERE e.terrain_id = t.id)) "
    "OR EXISTS (SELECT FROM minerisk.batch b "
    "JOIN minerisk.terrain_event e ON e.batch_id = b.id "
    "WHERE b.seq > :seq AND e.state IN ('accepted', 'revoked')) "
    "OR EXISTS (SELECT FROM minerisk.terrain_run r JOIN minerisk.batch b ON b.id = r.batch_id "
    "WHERE b.seq = :seq AND r.summary ->> 'rules' IS DISTINCT FROM :rules) "
    "OR EXISTS (SELECT FROM minerisk.batch b "
    "JOIN minerisk.survey_event e ON e.batch_id = b.id "
    "JOIN minerisk.survey v ON v.id = e.survey_id "
    "WHERE b.seq > :seq AND jsonb_exists_any(v.layers, CAST(:layers AS text[]))) "
    "OR EXISTS (SELECT FROM minerisk.batch b JOIN minerisk.pond_event p ON p.batch_id = b.id "
    "WHERE b.seq > :seq AND p.kind = ANY (CAST(:moves AS text[]))) "
    "OR EXISTS (SELECT FROM minerisk.feature f JOIN minerisk.batch b ON b.seq = :seq "
    "WHERE f.layer = 'survey_extent' AND jsonb_exists(f.attrs -> 'kinds', :sought) "
    "AND CAST(f.attrs ->> 'valid_until' AS date) >= "
    "CAST(b.recorded_at AT TIME ZONE :here AS date) "
    "AND CAST(f.attrs ->> 'valid_until' AS date) < :today)"
)

# What a survey must have looked for below a pond before nobody is known to live there (L23, L9).
SOUGHT = "protected_object"
_EXTENTS = text(
    "SELECT f.key, f.layer, f.attrs, ST_AsBinary(f.geom) AS wkb FROM minerisk.feature f "
    "JOIN minerisk.survey_states(:seq) s USING (survey_id) "
    "WHERE f.layer = 'survey_extent' AND s.state = 'accepted' "
    "AND f.id NOT IN (SELECT r.feature_id FROM minerisk.replaced(:seq) r) "
    "AND COALESCE(CAST(f.attrs ->> 'fieldwork_start' AS date), :on) <= :on "
    "AND COALESCE(CAST(f.attrs ->> 'valid_until' AS date), :on) >= :on ORDER BY f.key"
)


def features(conn: Connection, layers: Collection[str], seq: int) -> list[dict[str, Any]]:
    """Return the rows of some layers one may see, the newest version of each pond and dam.

    A row stands while its survey is accepted; where only a revoked survey knew an object, that row
    stands still: a pond nobody answers for would be worse than one of doubtful shape. Ponds and
    dams are known by their codes, their parts of one survey united; a house has no official code,
    so each accepted row of one counts until its survey is superseded.
    """
    found = conn.execute(_FEATURES, {"wanted": list(layers), "seq": seq})
    newest: dict[Any, dict[str, Any]] = {}
    for row in found.mappings():
        one = dict(row)
        one["geometry"] = shapely.from_wkb(bytes(one.pop("wkb")))
        # Rows come newest first, accepted before revoked.
        kept = newest.setdefault(_identity(one), one)
        if kept is not one and kept["survey_id"] == one["survey_id"]:
            kept["geometry"] = shapely.union(kept["geometry"], one["geometry"])
            kept["key"] = content_key({"parts": sorted([kept["key"], one["key"]])})
    return list(newest.values())


def extents(conn: Connection, seq: int, on: date) -> list[dict[str, Any]]:
    """Return the survey extents that give coverage on a day: key, layer, attrs, geometry (L8).

    For a connection that sees all: coverage is a fact, whoever asks.
    """
    return [
        {
            "key": row.key,
            "layer": row.layer,
            "attrs": row.attrs,
            "geometry": shapely.from_wkb(bytes(row.wkb)),
        }
        for row in conn.execute(_EXTENTS, {"seq": seq, "on": on})
    ]


def sought_below(conn: Connection, seq: int, on: date) -> list[dict[str, Any]]:
    """Return the extents in which somebody looked for protected objects."""
    return [row for row in extents(conn, seq, on) if SOUGHT in (row["attrs"].get("kinds") or ())]


def _identity(row: Mapping[str, Any]) -> tuple[Any, ...]:
    if row["code"] and row["layer"] in ("pond", "dam"):
        return row["layer"], row["code"], row["attrs"].get("pond_code")
    return row["layer"], row["key"]


def newest_ponds(conn: Connection, seq: int) -> dict[str, dict[str, Any]]:
    """Return the newest row of each pond one may see, by code."""
    return {row["code"]: row for row in features(conn, ("pond",), seq)}


def event_rows(conn: Connection, seq: int, code: str | None = None) -> list[Any]:
    """Return the rows of ``pond_event`` one may see, as known at a batch, oldest first."""
    wanted = (
        select(pond_event, batch.c.recorded_at, batch.c.note)
        .outerjoin(batch, batch.c.id == pond_event.c.batch_id)
        .where(known_at(seq))
        .order_by(pond_event.c.pond_code, pond_event.c.on_date, pond_event.c.key)
    )
    if code is not None:
        wanted = wanted.where(pond_event.c.pond_code == code)
    return list(conn.execute(wanted))


def standing_events(rows: Iterable[Any]) -> list[Event]:
    """Return the events of rows of ``pond_event``, without those that were taken back.

    A discharge on record without its papers is a token one: it restarts nothing (L20).
    """
    listed = list(rows)
    void = {row.detail for row in listed if row.kind == ANNULLED}
    return [
        Event(row.on_date, _kind(row), row.detail, row.document, row.proven_only)
        for row in listed
        if row.kind != ANNULLED and row.key not in void
    ]


def _kind(row: Any) -> str:
    bare = row.kind == "discharge" and not row.document.strip()
    return "token_discharge" if bare else str(row.kind)


def surveyed_events(attrs: Mapping[str, Any], recorded: Iterable[Event]) -> list[Event]:
    """Return the events that a pond's survey row itself tells: put in use, last discharge.

    What is on record of the same kind goes before.
    """
    on_record = list(recorded)
    kinds = {event.kind for event in on_record}
    found = []
    since, last = attrs.get("commissioned_on"), attrs.get("last_discharge_on")
    if isinstance(since, str) and not kinds & {"commissioned", "construction_started"}:
        found.append(Event(date.fromisoformat(since), "commissioned"))
    later = any(e.kind == "discharge" and e.on.isoformat() >= str(last) for e in on_record)
    if isinstance(last, str) and not later:
        made_on = attrs.get("observed_on")
        found.append(Event(date.fromisoformat(last), "last_discharge", str(made_on or "")))
    return found


def _measured(attrs: Mapping[str, Any], measured_on: date | None) -> list[Event]:
    """Return that the final elevation was reached, not later than it was measured (L20 T1)."""
    reached = final_elevation_on(attrs, measured_on)
    if reached is None or measured_on is None or reached > measured_on:
        return []
    return [Event(measured_on, "final_elevation", proven_only=True)]


def measured_on(row: Mapping[str, Any]) -> date | None:
    """Return the day the figures of a survey's row were measured, or hold from."""
    said = row["attrs"].get("observed_on")
    return date.fromisoformat(said) if isinstance(said, str) else row["since"]


def struck_off_codes(conn: Connection, seq: int) -> list[str]:
    """Return the codes of the ponds one may see that are off the register, as known at a batch."""
    by_code: dict[str, list[Any]] = {}
    for row in event_rows(conn, seq):
        by_code.setdefault(row.pond_code, []).append(row)
    return sorted(code for code, rows in by_code.items() if struck_off(standing_events(rows)))


def readings(conn: Connection, seq: int) -> dict[str, list[Mapping[str, Any]]]:
    """Return the accepted monitoring readings one may see, by pond: each row's own words."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in features(conn, ("monitoring_reading",), seq):
        if row["state"] == "accepted":
            said = {**row["attrs"], "code": row["code"]}
            found.setdefault(str(said["pond_code"]), []).append(said)
    return found


def alarm_of(
    rows: Iterable[Mapping[str, Any]],
    attrs: Mapping[str, Any],
    events: Iterable[Event],
    grade: int | None,
    on: date,
) -> Alarm | None:
    """Return a pond's alarm by its readings and by what persons lowered; None without readings."""
    lowered = [(event.detail, event.on) for event in events if event.kind == LOWERED]
    return alarm(rows, attrs, grade, lowered, on)


def life_of(row: Mapping[str, Any], recorded: list[Event], on: date) -> tuple[Life, Problem | None]:
    """Return a pond's life by its survey and its record, and what does not fit together.

    Where the survey's own dates contradict the record, the record stands alone and the
    contradiction is told. An elevation measured at or above the final one is a trigger where the
    pond's state has room for it.

    Parameters
    ----------
    row : mapping
        The pond's newest row: attrs, since.
    recorded : list of Event
    on : date

    Raises
    ------
    Problem
        If the record alone is impossible.
    """
    attrs = row["attrs"]
    small = is_small(attrs)
    said = [*recorded, *surveyed_events(attrs, recorded)]
    full = _measured(attrs, measured_on(row))
    if full and not _raised_before(full[0], recorded):
        with suppress(Problem):
            return life([*said, *full], on, small=small), None
    try:
        found = life(said, on, small=small)
    except Problem as problem:
        return life(recorded, on, small=small), problem
    if full and full[0].on <= on and found.counted and not found.closure.triggers:
        asked = f"elevation_reached:{full[0].on.isoformat()}"
        found = replace(found, questions=(*found.questions, asked))
    return found, None


def _raised_before(full: Event, recorded: Iterable[Event]) -> bool:
    """Tell whether a raise was approved before: the survey may go by the final elevation of old."""
    return any(event.kind == "raise_approved" and event.on <= full.on for event in recorded)


def readable_life(
    row: Mapping[str, Any], recorded: list[Event], on: date
) -> tuple[Life, Problem | None]:
    """Return a pond's life as :func:`life_of`, and one to read where the record is impossible.

    A reversal may speak of a trigger that only an older survey told: without it the pond has more
    to answer for, not less. Where that is not it, nothing is known of the pond.
    """
    try:
        return life_of(row, recorded, on)
    except Problem as problem:
        burdens = [event for event in recorded if event.kind != "trigger_reversed"]
        with suppress(Problem):
            return life_of(row, burdens, on)[0], problem
        return life([], on), problem


def may_have_changed(conn: Connection, today: date) -> bool:
    """Tell whether anything was published since the newest run that a run rests on; cheap.

    Or whether an extent has run out since, by `today`.
    """
    newest = conn.scalar(
        text(
            "SELECT max(b.seq) FROM minerisk.terrain_run r "
            "JOIN minerisk.batch b ON b.id = r.batch_id"
        )
    )
    asked = {
        "seq": newest or 0,
        "layers": [*pond_layers(), "survey_extent"],
        "moves": list(_STRUCK_OFF_BY),
        "sought": SOUGHT,
        # Of an installation before this one, or before its county changed a figure.
        "rules": reckoned_key(),
        "here": clock.HERE.key,
        "today": today,
    }
    return bool(conn.scalar(_LATER, asked))
