"""What a regulator does: accept, return, revoke, decide, end a claim, with a second person (L3).

Every function runs in one transaction of the worker role, and is one link of the chain.
"""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, func, select, update

from geo.hazards import hazards
from geo.problems import Problem
from geo.rules import national_rules
from geo.store.engine import Actor
from geo.store.facts import newest_seq, states, touched
from geo.store.grading import Changes, regrade
from geo.store.publish import Batch, publishing
from geo.store.tables import (
    assertion,
    claim,
    encounter,
    ending,
    feature,
    mine,
    proposal,
    survey,
    survey_event,
)
from geo.survey.keys import content_key

ENDING_KINDS = ("superseded", "treated", "finished", "error", "released")


def authorise(actor: Actor, action: str, matter: Any) -> None:
    """Say who may do what.

    A regulator acts in their district. A geologist submits what their own organisation surveyed; an
    enterprise declares and files. The administrator keeps accounts and decides nothing.

    Parameters
    ----------
    actor : Actor
        Who acts.
    action : str
        What they would do, for the sentence.
    matter : row
        Has district and owner_org, and may have survey_org.

    Raises
    ------
    Problem
        404 where the actor may not even see the matter, 403 where their role may not act.
    """
    if actor.role == "regulator":
        if not (actor.district and matter.district.startswith(actor.district)):
            raise Problem("store.not_found", http_status=404)
        return
    whose = {matter.owner_org, getattr(matter, "survey_org", None)} - {None}
    if actor.role != "administrator" and actor.org_id not in whose:
        raise Problem("store.not_found", http_status=404)
    raise Problem("store.not_allowed", http_status=403, action=action)


def _survey(conn: Connection, survey_id: UUID) -> Row[Any]:
    found = conn.execute(select(survey).where(survey.c.id == survey_id)).one_or_none()
    if found is None:
        raise Problem("store.not_found", http_status=404)
    return found


def _must_be(conn: Connection, row: Row[Any], *wanted: str) -> None:
    state = states(conn, newest_seq(conn))[row.id]
    if state not in wanted:
        raise Problem("store.wrong_state", http_status=409, file=row.filename, state=state)


def _event(made: Batch, row: Row[Any], state: str, reason: str, document: str) -> None:
    made.add(
        survey_event,
        [
            {
                "survey_id": row.id,
                "state": state,
                "reason": reason,
                "document": document,
                "actor_login": made.actor.login,
                "district": row.district,
                "owner_org": row.owner_org,
                "survey_org": row.survey_org,
            }
        ],
    )


def _need(reason: str, document: str) -> None:
    if not reason.strip() or not document.strip():
        raise Problem("store.reason_wanted")


def _propose(conn: Connection, actor: Actor, action: str, body: dict[str, Any], owner: Any) -> UUID:
    made = conn.execute(
        proposal.insert()
        .values(
            action=action,
            body=body,
            mine_code=body.get("mine_code"),
            proposed_by=actor.login,
            district=owner["district"],
            owner_org=owner["owner_org"],
        )
        .returning(proposal.c.id)
    )
    found: UUID = made.scalar_one()
    return found


def accept(
    conn: Connection,
    actor: Actor,
    survey_id: UUID,
    reason: str,
    document: str,
    *,
    on: date | None = None,
    second: Actor | None = None,
) -> dict[str, Any]:
    """Accept a submitted survey: its claims and its coverage count from now on.

    Returns
    -------
    dict
        ``state`` is ``accepted`` with ``mines`` and ``moves``; or ``needs_second`` with the
        ``proposal`` to confirm, where some grade would fall: nothing was changed then.
    """
    row = _survey(conn, survey_id)
    authorise(actor, "accept", row)
    _need(reason, document)
    with publishing(conn, actor, "accept", on or date.today(), {"survey": row.key}) as made:
        _must_be(conn, row, "submitted")
        try:
            with conn.begin_nested():
                changes = _accept(made, row, reason, document, may_lower=second is not None)
        except Problem as problem:
            if problem.code != "store.would_lower":
                raise
            body = {"survey_id": str(row.id), "reason": reason, "document": document}
            body["moves"] = problem.params["moves"]
            body["filename"] = row.filename
            owner = {"district": row.district, "owner_org": row.owner_org}
            made.abandoned = True
            waiting = _propose(conn, actor, "accept", body, owner)
            return {"state": "needs_second", "proposal": waiting, "moves": body["moves"]}
    return {"state": "accepted", "mines": changes.mines, "moves": changes.moves}


def _accept(made: Batch, row: Row[Any], reason: str, document: str, *, may_lower: bool) -> Changes:
    conn = made.conn
    ids = [row.id]
    if row.supersedes is not None:
        replaced = _survey(conn, row.supersedes)
        if states(conn, newest_seq(conn))[replaced.id] == "accepted":
            _event(made, replaced, "superseded", f"{row.filename}", document)
            ids.append(replaced.id)
    _event(made, row, "accepted", reason, document)
    dirty = touched(conn, national_rules(), ids)
    return regrade(made, dirty, reason=("superseded", reason), may_lower=may_lower)


def accept_in(made: Batch, survey_id: UUID) -> Changes:
    """Accept a survey within a batch, whatever it lowers: for a preview that is rolled back."""
    return _accept(made, _survey(made.conn, survey_id), "", "", may_lower=True)


def return_(
    conn: Connection,
    actor: Actor,
    survey_id: UUID,
    reason: str,
    document: str = "",
    *,
    on: date | None = None,
) -> Changes:
    """Return a submitted survey with remarks: its provisional claims close, all stays on record."""
    row = _survey(conn, survey_id)
    authorise(actor, "return", row)
    if not reason.strip():
        raise Problem("store.remark_wanted")
    with publishing(conn, actor, "return", on or date.today(), {"survey": row.key}) as made:
        _must_be(conn, row, "submitted")
        _event(made, row, "returned", reason, document)
        dirty = touched(conn, national_rules(), [row.id])
        return regrade(made, dirty, reason=("returned", reason))


def revoke(
    conn: Connection,
    actor: Actor,
    survey_id: UUID,
    reason: str,
    document: str,
    *,
    on: date | None = None,
) -> dict[str, Any]:
    """Revoke a false survey (L17, 推倒重来), in one transaction.

    Its coverage ends; what it superseded stands again; endings that cited it are void; its own
    raising claims stay in force as held. The other surveys by the same unit are listed for a check.
    """
    row = _survey(conn, survey_id)
    authorise(actor, "revoke", row)
    _need(reason, document)
    with publishing(conn, actor, "revoke", on or date.today(), {"survey": row.key}) as made:
        _must_be(conn, row, "accepted", "superseded")
        ids = [row.id]
        _event(made, row, "revoked", reason, document)
        if row.supersedes is not None:
            replaced = _survey(conn, row.supersedes)
            if states(conn, newest_seq(conn))[replaced.id] == "superseded":
                _event(made, replaced, "accepted", reason, document)
                ids.append(replaced.id)
        dirty = touched(conn, national_rules(), ids)
        dirty |= set(
            conn.scalars(select(ending.c.mine_code).where(ending.c.cites_survey == row.id))
        ) - {None}
        changes = regrade(made, dirty, reason=("revoked", reason))
        by_key = states(conn, newest_seq(conn))
        others = [
            {"id": other.id, "filename": other.filename, "state": by_key[other.id]}
            for other in conn.execute(
                select(survey.c.id, survey.c.filename)
                .where(survey.c.survey_unit == row.survey_unit, survey.c.survey_unit != "")
                .where(survey.c.id != row.id)
                .order_by(survey.c.filename)
            )
        ]
    return {"state": "revoked", "mines": changes.mines, "moves": changes.moves, "check": others}


def _mine(conn: Connection, code: str) -> Row[Any]:
    found = conn.execute(select(mine).where(mine.c.code == code)).one_or_none()
    if found is None:
        raise Problem("store.no_such_mine", http_status=404, mine=code)
    return found


def assert_claim(
    conn: Connection,
    actor: Actor,
    mine_code: str,
    hazard: str,
    grade: str,
    source: str,
    document: str,
    valid_from: date,
    *,
    seam: str | None = None,
    valid_to: date | None = None,
    on: date | None = None,
) -> Changes:
    """Record what an enterprise declares, an institution appraised, or the regulator decides."""
    row = _mine(conn, mine_code)
    declares = source == "declared" and actor.role == "enterprise" and actor.org_id == row.owner_org
    if not declares:
        authorise(actor, source, row)
    scale = hazards().get(hazard)
    if scale is None or row.kind not in scale.kinds:
        known = ", ".join(h for h, s in hazards().items() if row.kind in s.kinds)
        raise Problem("store.no_such_hazard", hazard=hazard, hazards=known)
    if grade not in scale.grades:
        raise Problem("store.no_such_grade", grade=grade, grades=", ".join(scale.grades))
    if not document.strip():
        raise Problem("store.reason_wanted")
    content: dict[str, Any] = {
        "mine_code": mine_code,
        "hazard": hazard,
        "grade": grade,
        "source": source,
        "seam": seam,
        "document": document,
        "valid_from": valid_from,
        "valid_to": valid_to,
    }
    key = content_key(content)
    with publishing(
        conn, actor, source, on or date.today(), {"mine": mine_code, "hazard": hazard}
    ) as made:
        if conn.scalar(select(func.count()).where(assertion.c.key == key)):
            raise Problem("store.said_before", http_status=409, document=document)
        owner = {"district": row.district, "owner_org": row.owner_org}
        made.add(assertion, [{"id": uuid4(), "key": key, **content, **owner}])
        return regrade(made, [mine_code])


def _mine_of(conn: Connection, target_kind: str, target_key: str) -> str:
    """Return the mine that an ending's target belongs to, or that it was first met by."""
    if target_kind == "claim":
        found = conn.scalar(select(claim.c.mine_code).where(claim.c.key == target_key).limit(1))
    else:
        found = conn.scalar(
            select(feature.c.mine_code).where(feature.c.key == target_key).limit(1)
        ) or conn.scalar(
            select(encounter.c.mine_code).where(encounter.c.factor_key == target_key).limit(1)
        )
    if found is None:
        raise Problem("store.not_found", http_status=404)
    return str(found)


def propose_ending(
    conn: Connection,
    actor: Actor,
    target_kind: str,
    target_key: str,
    kind: str,
    reason: str,
    document: str,
    *,
    cites_survey: UUID | None = None,
) -> UUID:
    """Propose that a claim, factor or plan item ends; a second person must confirm it."""
    mine_code = _mine_of(conn, target_kind, target_key)
    row = _mine(conn, mine_code)
    authorise(actor, "ending", row)
    _need(reason, document)
    if kind not in ENDING_KINDS or target_kind not in ("claim", "factor", "plan_item"):
        raise Problem("store.no_such_ending", kind=kind, kinds=", ".join(ENDING_KINDS))
    body = {
        "target_kind": target_kind,
        "target_key": target_key,
        "mine_code": mine_code,
        "kind": kind,
        "reason": reason,
        "document": document,
        "cites_survey": str(cites_survey) if cites_survey else None,
    }
    owner = {"district": row.district, "owner_org": row.owner_org}
    return _propose(conn, actor, "ending", body, owner)


def settle(
    conn: Connection, actor: Actor, proposal_id: UUID, confirm: bool, *, on: date | None = None
) -> dict[str, Any]:
    """Confirm or refuse a proposal, as a second person.

    Raises
    ------
    Problem
        If it is settled already, or the same person proposed it and would confirm it.
    """
    found = conn.execute(
        select(proposal).where(proposal.c.id == proposal_id).with_for_update()
    ).one_or_none()
    if found is None:
        raise Problem("store.not_found", http_status=404)
    authorise(actor, "confirm", found)
    if found.state != "open":
        raise Problem("store.settled", http_status=409, by=found.settled_by)
    if confirm and found.proposed_by == actor.login:
        raise Problem("store.second_person", http_status=409)
    conn.execute(
        update(proposal)
        .where(proposal.c.id == proposal_id)
        .values(
            state="confirmed" if confirm else "refused",
            settled_by=actor.login,
            settled_at=func.now(),
        )
    )
    if not confirm:
        return {"state": "refused", "moves": []}
    body = found.body
    if found.action == "accept":
        return accept(
            conn,
            actor,
            UUID(body["survey_id"]),
            body["reason"],
            body["document"],
            on=on,
            second=actor,
        )
    changes = _end(conn, actor, found, on or date.today())
    return {"state": "confirmed", "mines": changes.mines, "moves": changes.moves}


def _end(conn: Connection, actor: Actor, found: Row[Any], on: date) -> Changes:
    body = found.body
    with publishing(conn, actor, "ending", on, {"target": body["target_key"]}) as made:
        owner = {"district": found.district, "owner_org": found.owner_org}
        made.add(
            ending,
            [
                {
                    "id": uuid4(),
                    "target_kind": body["target_kind"],
                    "target_key": body["target_key"],
                    "mine_code": body["mine_code"],
                    "kind": body["kind"],
                    "reason": body["reason"],
                    "document": body["document"],
                    "cites_survey": body["cites_survey"] and UUID(body["cites_survey"]),
                    "proposed_by": found.proposed_by,
                    "confirmed_by": actor.login,
                    "effective_on": on,
                    **owner,
                }
            ],
        )
        dirty = {body["mine_code"]} | _met_by(conn, body["target_key"])
        return regrade(made, dirty, reason=(body["kind"], body["reason"]), may_lower=True)


def _met_by(conn: Connection, factor_key: str) -> set[str]:
    """Return the mines that a factor touches, since its ending changes them all."""
    surveys = select(feature.c.survey_id).where(feature.c.key == factor_key)
    return touched(conn, national_rules(), list(conn.scalars(surveys)))
