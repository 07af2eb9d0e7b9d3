"""What readers ask: mines, grades and why, surveys, the inbox. Row-level security does the seeing.

Every function takes a connection of the application's role with the reader's identity, so that it
can return no row of somebody else's. `on` is when a thing held, `known_at` when it was known.
"""

import json
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import numpy as np
import shapely
from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from geo.clock import HERE
from geo.rules import Rules
from geo.store.facts import known_at as known
from geo.store.facts import newest_seq, states
from geo.store.mine_states import summary
from geo.store.rule_sets import telling
from geo.store.standing import claims_holding
from geo.store.tables import (
    batch,
    encounter,
    encounter_end,
    ending,
    feature,
    mine_state,
    proposal,
    survey_event,
    unclear_ground,
    upload,
)
from geo.store.tables import mine as mine_table
from geo.store.tables import survey as survey_table
from geo.store.tiles import horizon_day
from geo.survey.advance import due
from geo.survey.lines import in_force, lines
from geo.survey.why import paragraph, sentence
from geo.survey.world import MINES, spatial

_NEWEST_ROWS = 50


def seq_at(conn: Connection, when: datetime | date | None) -> int:
    """Return the number of the last batch recorded at or before a moment.

    A date means the end of that day in China; None means now.
    """
    if when is None:
        return newest_seq(conn)
    if not isinstance(when, datetime):
        when = datetime.combine(when, time.max, HERE)
    if when.tzinfo is None:
        when = when.replace(tzinfo=HERE)
    found = conn.scalar(
        select(func.coalesce(func.max(batch.c.seq), 0)).where(batch.c.recorded_at <= when)
    )
    return int(found or 0)


def _states(conn: Connection, seq: int, code: str | None = None) -> dict[str, Any]:
    wanted = (
        select(mine_state)
        .join(batch, batch.c.id == mine_state.c.batch_id)
        .ext(distinct_on(mine_state.c.mine_code))
        .where(batch.c.seq <= seq)
        .order_by(mine_state.c.mine_code, batch.c.seq.desc())
    )
    if code is not None:
        wanted = wanted.where(mine_state.c.mine_code == code)
    return {row.mine_code: row for row in conn.execute(wanted)}


def _graded(conn: Connection, seq: int, code: str | None = None) -> Iterator[Any]:
    """Yield the mines that had a state at `seq`, with their place to stand."""
    known_states = _states(conn, seq, code)
    found = conn.execute(
        select(mine_table).where(mine_table.c.code.in_(known_states)).order_by(mine_table.c.code)
    )
    for row in found:
        yield row, known_states[row.code]


def _frame(rows: list[Any]) -> Any:
    return spatial(
        MINES,
        [
            {
                "mine_code": row.code,
                "name": row.name,
                "kind": row.kind,
                "district": row.district,
                "zone_epsg": row.zone_epsg,
                "attrs": {},
                "geometry": shapely.Point(),
            }
            for row in rows
        ],
    )


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """Return a row of a frame as plain Python, NaN as None."""
    return {
        key: None if isinstance(value, float) and np.isnan(value) else value
        for key, value in record.items()
    }


_PLACES = text(
    """
    SELECT DISTINCT ON (mine_code) mine_code,
        ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north,
        ST_X(inside) AS x, ST_Y(inside) AS y
    FROM (
        SELECT f.mine_code, s.state, max(lower(f.valid)) AS since, max(f.key) AS key,
            ST_Extent(f.geom) AS box, ST_PointOnSurface(ST_Collect(f.geom)) AS inside
        FROM minerisk.feature f
        JOIN minerisk.batch b ON b.id = f.batch_id AND b.seq <= :seq
        -- Who may see a boundary by contract may not see what became of the survey it is from.
        LEFT JOIN minerisk.survey_states(:seq) s USING (survey_id)
        WHERE f.layer = 'mine_boundary' AND COALESCE(s.state, 'accepted') IN ('accepted', 'revoked')
          AND (CAST(:code AS text) IS NULL OR f.mine_code = :code)
        GROUP BY f.mine_code, f.survey_id, s.state) licence
    ORDER BY mine_code, state, since DESC NULLS LAST, key DESC
    """
)


def places(
    conn: Connection, code: str | None = None, seq: int | None = None
) -> dict[str, dict[str, Any]]:
    """Return, for each mine one may see, its bounds and a point inside its licence area."""
    known_seq = newest_seq(conn) if seq is None else seq
    found = conn.execute(_PLACES, {"seq": known_seq, "code": code})
    return {
        row.mine_code: {
            "bounds": [row.west, row.south, row.east, row.north],
            "point": [row.x, row.y],
        }
        for row in found
    }


def mines(
    conn: Connection, on: date, known_at: datetime | date | None = None
) -> list[dict[str, Any]]:
    """Return every mine one may see, with its lines on a day as known at a moment.

    Each has code, name, kind, district, bounds, point, colour, colours by line, labels, unclear,
    grades, lines (one per hazard, as :func:`geo.survey.lines.lines` gives them) and sources: for
    each hazard, whose word the effective grade rests on.
    """
    seq = seq_at(conn, known_at)
    rows = list(_graded(conn, seq))
    claims = claims_holding(conn, None, seq, on)
    found = lines(claims, _frame([row for row, _ in rows]), on)
    where = places(conn, seq=seq)
    by_mine = dict(list(found.groupby("mine_code"))) if len(found) else {}
    source = dict(zip(claims["key"], claims["source"], strict=True))
    listed = []
    for row, state in rows:
        of_mine = by_mine[row.code]
        records = of_mine.to_dict("records")
        listed.append(
            {
                "code": row.code,
                "name": row.name,
                "kind": row.kind,
                "district": row.district,
                "zone_epsg": row.zone_epsg,
                **where.get(row.code, {"bounds": None, "point": None}),
                **summary(of_mine, bool(state.summary["unclear"])),
                "sources": {
                    r["hazard"]: sorted({source[k] for k in r["winners"]}) for r in records
                },
                "lines": [_plain(r) for r in records],
            }
        )
    return listed


def named(conn: Connection, code: str) -> dict[str, Any] | None:
    """Return code, name and kind of a mine one may know of, though its grades may be another's."""
    wanted = select(mine_table.c.code, mine_table.c.name, mine_table.c.kind)
    found = conn.execute(wanted.where(mine_table.c.code == code)).mappings().one_or_none()
    return None if found is None else dict(found)


def told(claim: Any, rules: Rules) -> dict[str, Any]:
    """Return a claim with the sentence in both languages, and its rule's standing."""
    rule = rules.one(claim.rule_id) if claim.rule_id else None
    return {
        **{
            name: getattr(claim, name)
            for name in ("key", "hazard", "outcome", "grade", "source", "status", "seam")
        },
        "rule_id": claim.rule_id,
        "standard": rule.standard if rule else None,
        "clause": f"{rule.standard} {rule.clause or ''}".strip() if rule else None,
        "verified": rule.verified if rule else None,
        "document": claim.document,
        "sensitive": bool(claim.evidence.get("sensitive")),
        "factor_key": claim.evidence.get("factor_key"),
        "valid_from": claim.valid_from,
        "valid_to": claim.valid_to,
        "evidence": claim.evidence,
        "sentence": {lang: sentence(claim, rules, lang) for lang in ("zh", "en")},
    }


def mine(
    conn: Connection, code: str, on: date, known_at: datetime | date | None = None
) -> dict[str, Any] | None:
    """Return everything behind one mine's grades; None where there is none one may see.

    Besides what :func:`mines` gives: claims (with ``sentence`` in zh and en, clause, verified),
    ``why`` (a paragraph per hazard, zh and en), warnings (provisional claims that show at once),
    endings, endings_nearby (of others' factors, that ended claims here), encounters (with GeoJSON
    geometry), coverage, unclear ground, surveys that must be done
    again (L17) and history.
    """
    seq = seq_at(conn, known_at)
    graded = list(_graded(conn, seq, code))
    if not graded:
        return None
    row, state = graded[0]
    claims = claims_holding(conn, [code], seq, on)
    found = lines(claims, _frame([row]), on)
    warned = {key for keys in found["warnings"] for key in keys}
    in_effect = in_force(claims, on)
    holding = list(in_effect.itertuples())
    where = places(conn, code, seq).get(code, {"bounds": None, "point": None})
    rules = telling(conn, seq)
    return {
        "code": row.code,
        "name": row.name,
        "kind": row.kind,
        "district": row.district,
        "zone_epsg": row.zone_epsg,
        **where,
        **summary(found, bool(state.summary["unclear"])),
        "on": on,
        "lines": [_plain(r) for r in found.to_dict("records")],
        "claims": [told(c, rules) for c in holding],
        "why": {lang: paragraph(code, found, in_effect, rules, lang) for lang in ("zh", "en")},
        "warnings": [told(c, rules) for c in holding if c.key in warned],
        "endings": _endings(conn, code, seq),
        "endings_nearby": _endings_nearby(conn, code, seq),
        "encounters": _encounters(conn, code, seq),
        "coverage": state.coverage,
        "coverage_on": state.on_date,
        "unclear_ground": _unclear(conn, state),
        "redo": redo(conn, code, known_at),
        "history": _history(conn, code, seq),
    }


def _endings(conn: Connection, code: str, seq: int) -> list[dict[str, Any]]:
    found = conn.execute(
        select(ending, batch.c.recorded_at)
        .join(batch, batch.c.id == ending.c.batch_id)
        .where(ending.c.mine_code == code, batch.c.seq <= seq)
        .order_by(batch.c.seq.desc())
    )
    return [dict(row) for row in found.mappings()]


_NEARBY = text(
    """
    SELECT DISTINCT ON (b.seq, c.evidence ->> 'factor_key') b.seq, b.recorded_at, e.kind, e.reason,
        b.note ->> 'proposed_by' AS proposed_by, b.note ->> 'confirmed_by' AS confirmed_by,
        c.hazard, c.grade, c.evidence ->> 'layer' AS layer,
        COALESCE(c.evidence -> 'attrs' ->> 'code', c.evidence -> 'attrs' ->> 'name', '') AS name
    FROM minerisk.claim_end e
    JOIN minerisk.claim c ON c.id = e.claim_id
    JOIN minerisk.batch b ON b.id = e.batch_id
    WHERE c.mine_code = :code AND b.kind = 'ending' AND b.seq <= :known
      AND NOT EXISTS (SELECT FROM minerisk.ending own
          WHERE own.batch_id = e.batch_id AND own.mine_code = :code)
    ORDER BY b.seq DESC, c.evidence ->> 'factor_key', c.grade NULLS LAST
    """
)


def _endings_nearby(conn: Connection, code: str, seq: int) -> list[dict[str, Any]]:
    """Return what ended claims of a mine from outside: a factor that is another mine's.

    The record of the ending is the other's; that a claim ended here, how and why, is this mine's.
    """
    found = conn.execute(_NEARBY, {"code": code, "known": seq})
    return [dict(row) for row in found.mappings()]


# Through the definer's function: an enterprise sees its rows, not the life of their survey.
_OWN = text(
    """
    SELECT f.key, f.attrs, f.state, ST_AsBinary(r.geom) AS wkb
    FROM (SELECT ST_SetSRID(ST_Extent(o.geom_3857)::geometry, 3857) AS box FROM minerisk.feature o
        WHERE o.mine_code = :code AND o.layer IN ('mine_boundary', 'plan_item')) around,
    minerisk.features_in(ARRAY[:layer], around.box, :known, CAST(:on AS date),
        CAST(:plan_day AS date)) f
    JOIN minerisk.feature r USING (id)
    WHERE f.mine_code = :code
    ORDER BY f.state, lower(r.valid) DESC NULLS LAST, f.key DESC
    """
)


def workings(
    conn: Connection,
    code: str,
    known_at: datetime | date | None = None,
    on: date | None = None,
) -> list[dict[str, Any]]:
    """Return the workings in force of a mine, each once: layer, attrs and geometry.

    With a day: without those that start only after the horizon of its mining footprint.
    """
    asked = {"code": code, "layer": "plan_item", "known": seq_at(conn, known_at), "on": on}
    found = conn.execute(_OWN, asked | {"plan_day": on and horizon_day(conn, on)})
    standing = {
        row.key: row
        for row in found
        if row.state == "accepted" and row.attrs.get("finished") is not True
    }
    return [
        {"layer": "plan_item", "attrs": row.attrs, "geometry": shapely.from_wkb(bytes(row.wkb))}
        for _, row in sorted(standing.items())
    ]


def licence(
    conn: Connection, code: str, on: date, known_at: datetime | date | None = None
) -> dict[str, Any]:
    """Return the attributes of the licence that stands on a day; empty where there is none.

    As the map takes it: of an accepted survey the newest; a revoked one's where there is no other.
    """
    asked = {"code": code, "layer": "mine_boundary", "known": seq_at(conn, known_at), "on": on}
    rows = conn.execute(_OWN, asked | {"plan_day": None})
    return next((row.attrs for row in rows if row.state in ("accepted", "revoked")), {})


def surveys_of(
    conn: Connection, code: str, known_at: datetime | date | None = None
) -> list[dict[str, Any]]:
    """Return the surveys one may see that have rows of a mine, newest first."""
    ids = set(
        conn.scalars(select(feature.c.survey_id).where(feature.c.mine_code == code).distinct())
    )
    return [one for one in _surveys(conn, known_at) if one["id"] in ids]


def _encounters(conn: Connection, code: str, seq: int) -> list[dict[str, Any]]:
    gone = (
        select(encounter_end.c.encounter_id)
        .join(batch, batch.c.id == encounter_end.c.batch_id)
        .where(batch.c.seq <= seq)
    )
    found = conn.execute(
        select(
            encounter.c.key,
            encounter.c.layer,
            encounter.c.status,
            encounter.c.factor_key,
            encounter.c.evidence,
            func.lower(encounter.c.valid).label("enters_on"),
            func.ST_AsGeoJSON(encounter.c.geom).label("geometry"),
        )
        .outerjoin(batch, batch.c.id == encounter.c.batch_id)
        .where(encounter.c.mine_code == code, known(seq), encounter.c.id.not_in(gone))
        .order_by(encounter.c.key)
    )
    return [
        {**row, "geometry": row["geometry"] and json.loads(row["geometry"])}
        for row in found.mappings()
    ]


def _unclear(conn: Connection, state: Any) -> dict[str, Any] | None:
    row = conn.execute(
        select(
            unclear_ground.c.kinds, func.ST_AsGeoJSON(unclear_ground.c.geom).label("geometry")
        ).where(
            unclear_ground.c.mine_code == state.mine_code,
            unclear_ground.c.batch_id == state.batch_id,
        )
    ).one_or_none()
    return None if row is None else {"kinds": row.kinds, "geometry": json.loads(row.geometry)}


_QUIET = text(
    """
    SELECT b.seq, b.kind, b.recorded_at, b.actor_login, b.note
    FROM minerisk.batch b JOIN (
        SELECT batch_id, mine_code FROM minerisk.objection
        UNION ALL
        SELECT a.batch_id, o.mine_code FROM minerisk.objection_answer a
        JOIN minerisk.objection o ON o.id = a.objection_id
        UNION ALL
        SELECT batch_id, code FROM minerisk.paper WHERE room = 'works') told ON told.batch_id = b.id
    WHERE told.mine_code = :code AND b.seq <= :known
    """
)


def _history(conn: Connection, code: str, seq: int) -> list[dict[str, Any]]:
    """Return the batches that touched a mine, newest first, with what moved in each."""
    found = conn.execute(
        select(
            batch.c.seq,
            batch.c.kind,
            batch.c.recorded_at,
            batch.c.actor_login,
            batch.c.note,
            mine_state.c.lines,
        )
        .join(mine_state, mine_state.c.batch_id == batch.c.id)
        .where(mine_state.c.mine_code == code, batch.c.seq <= seq)
        .order_by(batch.c.seq)
    ).all()
    # An objection, its answer and papers of works are history though no grade was reckoned.
    told_ = {
        row["seq"]: {**row, "changes": []}
        for row in conn.execute(_QUIET, {"code": code, "known": seq}).mappings()
    }
    before: dict[str, Any] = {}
    for row in found:
        after = {line["hazard"]: line["effective"] for line in row.lines}
        changes = [
            {"hazard": h, "before": before.get(h), "after": g}
            for h, g in after.items()
            if before.get(h) != g
        ]
        before = after
        if row.kind in ("regrade", "rules") and not changes:
            # A day, or a rule set, by which nothing moved is no history.
            continue
        told_[row.seq] = {
            "seq": row.seq,
            "kind": row.kind,
            "recorded_at": row.recorded_at,
            "actor_login": row.actor_login,
            "note": row.note,
            "changes": changes,
        }
    return [told_[at] for at in sorted(told_, reverse=True)]


def grades(
    conn: Connection, on: date, known_at: datetime | date | None = None
) -> list[dict[str, Any]]:
    """Return one row per mine and hazard: the four lines, flat, as a table wants them."""
    return flat(mines(conn, on, known_at))


def flat(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines of mines as one row per mine and hazard."""
    return [
        {"mine_code": m["code"], "mine_name": m["name"], "kind": m["kind"], **line}
        for m in found
        for line in m["lines"]
    ]


_SURVEY = (
    survey_table.c.id,
    survey_table.c.filename,
    survey_table.c.sha256,
    survey_table.c.layers,
    survey_table.c.report,
    survey_table.c.mine_code,
    survey_table.c.survey_unit,
    survey_table.c.supersedes,
    survey_table.c.district,
)


def _surveys(conn: Connection, known_at: datetime | date | None = None) -> list[dict[str, Any]]:
    seq = seq_at(conn, known_at)
    by_state = states(conn, seq)
    found = conn.execute(
        select(*_SURVEY, batch.c.seq, batch.c.recorded_at, batch.c.actor_login)
        .join(batch, batch.c.id == survey_table.c.batch_id)
        .where(batch.c.seq <= seq)
        .order_by(batch.c.seq.desc())
    )
    return [{**row, "state": by_state[row["id"]]} for row in found.mappings()]


def surveys(conn: Connection, known_at: datetime | date | None = None) -> list[dict[str, Any]]:
    """Return the surveys one may see, newest first, each with its state as known at a moment."""
    return _surveys(conn, known_at)


def survey(
    conn: Connection, survey_id: UUID, known_at: datetime | date | None = None
) -> dict[str, Any] | None:
    """Return one survey with its events; None where there is none one may see."""
    found = next((s for s in _surveys(conn, known_at) if s["id"] == survey_id), None)
    if found is None:
        return None
    events = conn.execute(
        select(
            survey_event.c.state,
            survey_event.c.reason,
            survey_event.c.document,
            survey_event.c.actor_login,
            batch.c.recorded_at,
        )
        .join(batch, batch.c.id == survey_event.c.batch_id)
        .where(survey_event.c.survey_id == survey_id, batch.c.seq <= seq_at(conn, known_at))
        .order_by(batch.c.seq, survey_event.c.id)
    )
    return {**found, "events": [dict(row) for row in events.mappings()]}


def inbox(conn: Connection) -> list[dict[str, Any]]:
    """Return the surveys that wait for a decision, oldest first."""
    return [s for s in _surveys(conn) if s["state"] == "submitted"][::-1]


def redo(
    conn: Connection, code: str | None = None, known_at: datetime | date | None = None
) -> list[dict[str, Any]]:
    """Return what must be done again (L17): revoked surveys that no accepted one names yet.

    Parameters
    ----------
    code : str, optional
        Only those with rows of this mine.
    """
    found = _surveys(conn, known_at)
    met = {s["supersedes"] for s in found if s["state"] in ("accepted", "superseded")}
    due_again = [s for s in found if s["state"] == "revoked" and s["id"] not in met]
    if code is None:
        return due_again
    of_mine = set(
        conn.scalars(
            select(feature.c.survey_id).where(
                feature.c.mine_code == code, feature.c.survey_id.in_([s["id"] for s in due_again])
            )
        )
    )
    return [s for s in due_again if s["id"] in of_mine]


def proposals(conn: Connection) -> list[dict[str, Any]]:
    """Return what waits for a second person, oldest first, with the mine's name."""
    found = conn.execute(
        select(proposal, mine_table.c.name.label("mine_name"))
        .outerjoin(mine_table, mine_table.c.code == proposal.c.mine_code)
        .where(proposal.c.state == "open")
        .order_by(proposal.c.proposed_at)
    )
    return [dict(row) for row in found.mappings()]


def refusals(conn: Connection, since: datetime) -> list[dict[str, Any]]:
    """Return what a second person refused since a moment, newest first, with ``refusal``: why."""
    found = conn.execute(
        select(proposal, mine_table.c.name.label("mine_name"))
        .outerjoin(mine_table, mine_table.c.code == proposal.c.mine_code)
        .where(proposal.c.state == "refused", proposal.c.settled_at >= since)
        .order_by(proposal.c.settled_at.desc())
    )
    return [dict(row) for row in found.mappings()]


def uploads(conn: Connection, offset: int = 0, limit: int = _NEWEST_ROWS) -> list[dict[str, Any]]:
    """Return the uploads one may see, newest first: so many, after the first `offset`."""
    newest = upload.c.created_at.desc(), upload.c.id
    found = conn.execute(select(upload).order_by(*newest).offset(offset).limit(limit))
    return [dict(row) for row in found.mappings()]


def upload_of(conn: Connection, survey_id: UUID) -> UUID | None:
    """Return the upload that was submitted as a survey, however long ago it was sent."""
    return conn.scalar(select(upload.c.id).where(upload.c.survey_id == survey_id).limit(1))


def came_back(conn: Connection, since: datetime) -> list[dict[str, Any]]:
    """Return what was decided on what one sent, newest first: with ``decided_at`` and ``reason``.

    What was returned or revoked stays on the list until it is sent again, under its name or naming
    it; what was accepted is told of when that was since `since`.
    """
    found = _surveys(conn)
    replaced = {s["supersedes"] for s in found if s["state"] not in ("returned", "revoked")}
    kept, later = {}, set()
    for one in found:
        again = one["id"] in replaced or one["filename"] in later
        later.add(one["filename"])
        if one["state"] == "accepted" or (one["state"] in ("returned", "revoked") and not again):
            kept[one["id"]] = one
    events = conn.execute(
        select(survey_event.c.survey_id, survey_event.c.reason, batch.c.recorded_at)
        .join(batch, batch.c.id == survey_event.c.batch_id)
        .ext(distinct_on(survey_event.c.survey_id))
        .where(survey_event.c.survey_id.in_(kept))
        .order_by(survey_event.c.survey_id, batch.c.seq.desc())
    )
    told_ = [
        {**kept[row.survey_id], "reason": row.reason, "decided_at": row.recorded_at}
        for row in events
    ]
    shown = [r for r in told_ if r["state"] != "accepted" or r["decided_at"] >= since]
    return sorted(shown, key=lambda r: r["decided_at"], reverse=True)


def advance(
    conn: Connection, on: date, known_at: datetime | date | None = None
) -> list[dict[str, Any]]:
    """Return who advances into ground that is not clear (L13), as known at a moment."""
    found = _states(conn, seq_at(conn, known_at))
    names = {
        row.code: row.name for row in conn.execute(select(mine_table.c.code, mine_table.c.name))
    }
    rows = [
        # States written before workings told whose they are and what they reach have neither.
        {
            "owner": None,
            "object": None,
            **row,
            "mine_code": code,
            "mine_name": names.get(code, code),
        }
        for code, state in found.items()
        for row in state.summary.get("advance", [])
    ]
    return due(rows, on)


def changes(conn: Connection, limit: int = _NEWEST_ROWS) -> list[dict[str, Any]]:
    """Return the newest batches: what was done, by whom, when."""
    found = conn.execute(
        select(batch.c.seq, batch.c.kind, batch.c.recorded_at, batch.c.actor_login, batch.c.note)
        .order_by(batch.c.seq.desc())
        .limit(limit)
    )
    return [dict(row) for row in found.mappings()]
