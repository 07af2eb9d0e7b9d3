"""Everything behind one pond: its life with papers, what waits, why it must close, who is below."""

import json
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import shapely
from sqlalchemy import Connection, Select, func, select

from geo.store import papers
from geo.store.batches import seq_at
from geo.store.pond_facts import (
    ANNULLED,
    event_rows,
    features,
    newest_ponds,
    readings,
    standing_events,
)
from geo.store.pond_queries import said_of, standing, under
from geo.store.pond_zones import judged_on, newest_run, strip_below
from geo.store.tables import proposal
from geo.tailings.closure import closure_rules
from geo.tailings.grade import grade_rule
from geo.tailings.monitoring import monitoring_rules
from geo.tailings.requirements import requirement_rules
from geo.tailings.siting_rules import siting_rules
from geo.tailings.words import basis

When = datetime | date | None
# How long a pond's page tells of what was refused.
_LATELY = timedelta(days=30)


def pond(conn: Connection, code: str, on: date, known_at: When = None) -> dict[str, Any] | None:
    """Return everything behind one pond; None where there is none one may see.

    Besides what :func:`geo.store.pond_queries.ponds` gives: attrs, error, survey, dams, events with
    who recorded them and their papers, moves (day, event, state after it), the events possible
    next, requirements with their basis, the computed verdict with its path and the objects met, and
    the strip below it.
    """
    seq = seq_at(conn, known_at)
    row = newest_ponds(conn, seq).get(code)
    if row is None:
        return None
    rows = event_rows(conn, seq, code)
    behind = papers.listed(conn, papers.EVENT, seq, code)
    run = newest_run(conn, seq)
    said = said_of(conn, seq, run, code).get(code, [])
    events = standing_events(rows)
    one = standing(row, events, said, readings(conn, seq).get(code, []), on)
    found = one.pop("_life")
    rules = requirement_rules()
    computed = next((s for s in said if s.source == "computed"), None)
    return {
        **one,
        "on": on,
        "under": under(conn, {code: row}, seq, on).get(code, []),
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
            for name in ("points", "items_together", "lowering", "sets", "unheard")
        },
        "why": [
            {**asdict(t), "basis": basis(closure_rules()["triggers"][t.code])}
            for t in found.closure.triggers
        ],
        "computed": None if computed is None else _computed(computed),
        "strip": strip_below(conn, code, run),
        "terrain": judged_on(conn, computed, seq),
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
