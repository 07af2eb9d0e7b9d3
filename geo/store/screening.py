"""Screening before a person (L18): what it needs, what it asks, and what a person makes of it.

A finding asks and never accuses; no answer to it changes a grade or a survey. Where a survey proves
false, revoking it is an act of its own (L17).
"""

from datetime import date
from math import isfinite
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select

from geo import clock
from geo.problems import Problem
from geo.store.authority import authorise, mine_row, need, owner_of
from geo.store.batches import newest_seq
from geo.store.engine import Actor
from geo.store.facts import known_at, load_world
from geo.store.filed import filed
from geo.store.findings import records
from geo.store.publish import publishing
from geo.store.rule_sets import in_force
from geo.store.tables import (
    SCREENING_OUTCOMES,
    batch,
    mine,
    mine_output,
    screening_answer,
    survey,
    survey_contract,
)
from geo.survey.screening import Contract, Output
from geo.survey.screening import screening as screening_of


def _regulator(conn: Connection, actor: Actor, mine_code: str) -> Any:
    row = mine_row(conn, mine_code)
    authorise(actor, "screening", row)
    return row


def record_contract(
    conn: Connection,
    actor: Actor,
    mine_code: str,
    survey_unit: str,
    begins: date | None,
    ends: date | None,
    document: str,
    *,
    on: date | None = None,
) -> None:
    """Put on record when a survey unit was to work in a mine; either end may be open."""
    row = _regulator(conn, actor, mine_code)
    need(survey_unit, document)
    if begins and ends and ends < begins:
        raise Problem("api.ends_before")
    note = {"mine": mine_code, "survey_unit": survey_unit.strip()}
    with publishing(conn, actor, "contract", on or clock.today(), note) as made:
        content = {
            "mine_code": mine_code,
            "survey_unit": survey_unit.strip(),
            "begins": begins,
            "ends": ends,
        }
        made.add(survey_contract, [_signed(content, actor, document) | owner_of(row)])


def record_output(
    conn: Connection,
    actor: Actor,
    mine_code: str,
    since: date,
    until: date,
    tonnes: float,
    document: str,
    *,
    on: date | None = None,
) -> None:
    """Put on record how many tonnes a mine reported for a time."""
    row = _regulator(conn, actor, mine_code)
    need(document)
    if until < since:
        raise Problem("api.ends_before")
    if not (isfinite(tonnes) and tonnes > 0):
        raise Problem("screening.tonnes")
    with publishing(conn, actor, "output", on or clock.today(), {"mine": mine_code}) as made:
        content = {"mine_code": mine_code, "since": since, "until": until, "tonnes": tonnes}
        made.add(mine_output, [_signed(content, actor, document) | owner_of(row)])


def _signed(content: dict[str, Any], actor: Actor, document: str) -> dict[str, Any]:
    return {"id": uuid4(), **content, "document": document.strip(), "actor_login": actor.login}


def answer(
    conn: Connection,
    actor: Actor,
    mine_code: str,
    finding_key: str,
    outcome: str,
    reason: str,
    document: str = "",
    *,
    on: date | None = None,
) -> dict[str, Any]:
    """Record what a person made of a finding that stands; the newest answer counts.

    Parameters
    ----------
    outcome : str
        ``asked`` (the unit or mine was asked), ``explained``, ``incomplete`` (to be completed) or
        ``doubtful`` (goes to a review of the survey).
    """
    _regulator(conn, actor, mine_code)
    if outcome not in SCREENING_OUTCOMES:
        known = ", ".join(SCREENING_OUTCOMES)
        raise Problem("objections.outcome", outcome=outcome, outcomes=known)
    if not reason.strip():
        raise Problem("store.remark_wanted")
    if all(one["key"] != finding_key for one in findings(conn, [mine_code])):
        raise Problem("store.not_found", http_status=404)
    note = {"mine": mine_code, "outcome": outcome}
    with publishing(conn, actor, "screening", on or clock.today(), note) as made:
        content = {
            "mine_code": mine_code,
            "finding_key": finding_key,
            "outcome": outcome,
            "reason": reason.strip(),
        }
        # A question about a survey is the regulator's: no owner, so the enterprise reads none.
        whose = {"district": mine_row(conn, mine_code).district}
        made.add(screening_answer, [_signed(content, actor, document) | whose])
    return {"state": outcome}


def _contracts(conn: Connection, codes: list[str], known: int) -> list[Contract]:
    table = survey_contract
    found = conn.execute(
        select(table)
        .outerjoin(batch, batch.c.id == table.c.batch_id)
        .where(table.c.mine_code.in_(codes), known_at(known))
    )
    return [Contract(r.survey_unit, r.mine_code, r.begins, r.ends) for r in found]


def _outputs(conn: Connection, codes: list[str], known: int) -> list[Output]:
    table = mine_output
    found = conn.execute(
        select(table)
        .outerjoin(batch, batch.c.id == table.c.batch_id)
        .where(table.c.mine_code.in_(codes), known_at(known))
        .order_by(batch.c.seq)
    )
    # What is reported again for the same time replaces what was reported before.
    newest = {(r.mine_code, r.since, r.until): float(r.tonnes) for r in found}
    return [Output(*slot, tonnes) for slot, tonnes in newest.items()]


def findings(
    conn: Connection, codes: list[str], known_seq: int | None = None
) -> list[dict[str, Any]]:
    """Return what is worth asking about the surveys of some mines, the unanswered first.

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    codes : list of str
        The mines.
    known_seq : int, optional
        Number of the batch up to which things are known; the newest where not given.

    Returns
    -------
    list of dict
        Columns of ``geo.survey.screening.FINDINGS``, with ``mine_name``, ``survey`` and
        ``other_survey`` (id, filename and survey_unit, None where it is no survey), ``state``
        (open, or the newest answer's outcome) and ``answers``, newest first.
    """
    rules = in_force(conn, known_seq)
    known = newest_seq(conn) if known_seq is None else known_seq
    world = load_world(conn, rules, codes, known)
    told_of = _contracts(conn, codes, known), _outputs(conn, codes, known)
    frame = screening_of(world, rules, filed(conn, codes, known), *told_of)
    rows = records(frame[frame["mine_code"].isin(codes)])
    surveys = {
        row.key: {"id": row.id, "filename": row.filename, "survey_unit": row.survey_unit}
        for row in conn.execute(select(survey))
    }
    called = {row.code: row.name for row in conn.execute(select(mine))}
    answers: dict[str, list[dict[str, Any]]] = {}
    for row in conn.execute(
        select(screening_answer, batch.c.recorded_at)
        .join(batch, batch.c.id == screening_answer.c.batch_id)
        .where(screening_answer.c.mine_code.in_(codes), batch.c.seq <= known)
        .order_by(batch.c.seq.desc())
    ):
        names = ("outcome", "reason", "document", "actor_login", "recorded_at")
        answers.setdefault(row.finding_key, []).append({n: getattr(row, n) for n in names})
    told = []
    for one in rows:
        said = answers.get(one["key"], [])
        told.append(
            {
                **one,
                "mine_name": called.get(one["mine_code"]),
                "survey": surveys.get(one["survey_key"]),
                "other_survey": surveys.get(one["other"]),
                "state": said[0]["outcome"] if said else "open",
                "answers": said,
            }
        )
    return sorted(told, key=lambda one: one["state"] != "open")


def on_record(conn: Connection, codes: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the contracts and outputs on record that one may see, newest first."""
    made: dict[str, list[dict[str, Any]]] = {}
    for name, table in (("contracts", survey_contract), ("outputs", mine_output)):
        found = conn.execute(
            select(table, batch.c.recorded_at)
            .join(batch, batch.c.id == table.c.batch_id)
            .where(table.c.mine_code.in_(codes))
            .order_by(batch.c.seq.desc())
        )
        hidden = ("id", "batch_id", "district", "owner_org", "survey_org")
        made[name] = [{k: v for k, v in row.items() if k not in hidden} for row in found.mappings()]
    return made


__all__ = ["answer", "findings", "on_record", "record_contract", "record_output"]
