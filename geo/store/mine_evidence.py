"""Everything behind one mine's grades: claims in words, what was met, what ended, its history.

Row-level security does the seeing, as in :mod:`geo.store.mine_queries`.
"""

import json
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, select, text

from geo.rules import Rules
from geo.store.batches import seq_at
from geo.store.facts import known_at as known
from geo.store.mine_queries import graded, mine_frame, places, plain_row
from geo.store.mine_states import summary
from geo.store.rule_sets import telling
from geo.store.standing import claims_holding
from geo.store.survey_queries import redo
from geo.store.tables import (
    batch,
    encounter,
    encounter_end,
    ending,
    mine_state,
    unclear_ground,
)
from geo.survey.lines import in_force, lines
from geo.survey.why import paragraph, sentence


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

    Besides what :func:`geo.store.mine_queries.mines` gives: claims (with ``sentence`` in zh and
    en, clause, verified), ``why`` (a paragraph per hazard, zh and en), warnings (provisional claims
    that show at once), endings, endings_nearby (of others' factors, that ended claims here),
    encounters (with GeoJSON geometry), coverage, unclear ground, surveys that must be done again
    (L17) and history.
    """
    seq = seq_at(conn, known_at)
    own = list(graded(conn, seq, code))
    if not own:
        return None
    row, state = own[0]
    claims = claims_holding(conn, [code], seq, on)
    found = lines(claims, mine_frame([row]), on)
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
        "lines": [plain_row(r) for r in found.to_dict("records")],
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
