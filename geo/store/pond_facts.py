"""Ponds' facts from the database: newest rows of their layers, their events, what sources say."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

import shapely
from sqlalchemy import Connection, select, text

from geo.problems import Problem
from geo.store.facts import known_at
from geo.store.tables import batch, pond_event
from geo.survey.keys import content_key
from geo.survey.layers import pond_layers
from geo.tailings.closure import Event
from geo.tailings.life import Life, is_small, life
from geo.tailings.monitoring import LOWERED, Alarm, alarm

# Takes an event back that should never have been recorded; it names the event by its key.
ANNULLED = "annulled"

_FEATURES = text(
    "SELECT object_id, survey_id, key, layer, code, attrs, error_m, since, state, filename, "
    "district, owner_org, ST_AsBinary(geom) AS wkb "
    "FROM minerisk.pond_features(:wanted, :seq)"
)

# What a run rests on: an elevation model, or a survey of ponds accepted or revoked; and an extent
# that ran out since its day counts as ground nobody surveyed.
_LATER = text(
    "SELECT EXISTS (SELECT FROM minerisk.batch b JOIN minerisk.terrain t ON t.batch_id = b.id "
    "WHERE b.seq > :seq) OR EXISTS (SELECT FROM minerisk.batch b "
    "JOIN minerisk.survey_event e ON e.batch_id = b.id "
    "JOIN minerisk.survey v ON v.id = e.survey_id "
    "WHERE b.seq > :seq AND jsonb_exists_any(v.layers, CAST(:layers AS text[]))) "
    "OR EXISTS (SELECT FROM minerisk.feature f JOIN minerisk.batch b ON b.seq = :seq "
    "WHERE f.layer = 'survey_extent' AND jsonb_exists(f.attrs -> 'kinds', :sought) "
    "AND CAST(f.attrs ->> 'valid_until' AS date) >= CAST(b.recorded_at AS date) "
    "AND CAST(f.attrs ->> 'valid_until' AS date) < CURRENT_DATE)"
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
    """Return the events of rows of ``pond_event``, without those that were taken back."""
    listed = list(rows)
    void = {row.detail for row in listed if row.kind == ANNULLED}
    return [
        Event(row.on_date, row.kind, row.detail, row.document, row.proven_only)
        for row in listed
        if row.kind != ANNULLED and row.key not in void
    ]


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
        found.append(Event(date.fromisoformat(last), "discharge"))
    return found


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


def life_of(
    attrs: Mapping[str, Any], recorded: list[Event], on: date
) -> tuple[Life, Problem | None]:
    """Return a pond's life by its survey and its record, and what does not fit together.

    Where the survey's own dates contradict the record, the record stands alone and the
    contradiction is told.

    Raises
    ------
    Problem
        If the record alone is impossible.
    """
    small = is_small(attrs)
    try:
        return life([*recorded, *surveyed_events(attrs, recorded)], on, small=small), None
    except Problem as problem:
        return life(recorded, on, small=small), problem


def may_have_changed(conn: Connection) -> bool:
    """Tell whether anything was published since the newest run that a run rests on; cheap."""
    newest = conn.scalar(
        text(
            "SELECT max(b.seq) FROM minerisk.terrain_run r "
            "JOIN minerisk.batch b ON b.id = r.batch_id"
        )
    )
    layers = [*pond_layers(), "survey_extent"]
    return bool(conn.scalar(_LATER, {"seq": newest or 0, "layers": layers, "sought": SOUGHT}))
