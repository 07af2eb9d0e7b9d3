"""Endings: the only records that take a claim, a factor or a held survey out of the grades (L3)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, func, select, update

from geo.problems import Problem
from geo.store.authority import authorise, authorise_survey, mine_row, need, owner_of, survey_row
from geo.store.batches import newest_seq, states
from geo.store.engine import Actor
from geo.store.facts import touched
from geo.store.grading import Changes, regrade
from geo.store.publish import Batch, publishing
from geo.store.rule_sets import in_force
from geo.store.standing import open_claims
from geo.store.tables import batch, claim, encounter, ending, feature, proposal, survey

Done = TypeVar("Done")

KINDS = ("superseded", "treated", "finished", "error", "released")
TARGETS = ("claim", "factor", "plan_item", "survey")
# Endings that say a result was wrong or is replaced, and so rest on what was measured.
_MEASURED = ("superseded", "error")


def propose(conn: Connection, actor: Actor, action: str, body: dict[str, Any], owner: Any) -> UUID:
    """Put what needs a second person on the list; the same matter stands there once."""
    waiting = conn.scalar(
        select(proposal.c.id).where(
            proposal.c.state == "open",
            proposal.c.action == action,
            proposal.c.proposed_by == actor.login,
            proposal.c.body == body,
        )
    )
    if waiting is not None:
        return UUID(str(waiting))
    made = conn.execute(
        proposal.insert()
        .values(
            action=action,
            body=body,
            mine_code=body.get("mine_code"),
            proposed_by=actor.login,
            **owner,
        )
        .returning(proposal.c.id)
    )
    return UUID(str(made.scalar_one()))


@dataclass(frozen=True)
class Waiting:
    """A proposal that waits for a second person, and what it says."""

    proposal: UUID
    body: dict[str, Any]


def alone_or_proposed(
    made: Batch,
    action: str,
    owner: Any,
    attempt: Callable[[], Done],
    body: Callable[[dict[str, Any]], dict[str, Any]],
) -> Done | Waiting:
    """Do what one person may do alone; take back what would lower something, and propose it (L3).

    Parameters
    ----------
    made : Batch
        It is abandoned where the matter waits: nothing was changed then.
    action : str
        Of the proposal.
    owner : dict
        Whose matter it is.
    attempt : callable
        Does it; raises ``store.would_lower`` where it takes two.
    body : callable
        What to propose, from the parameters of that.
    """
    try:
        with made.conn.begin_nested():
            return attempt()
    except Problem as problem:
        if problem.code != "store.would_lower":
            raise
        said = body(problem.params)
    made.abandoned = True
    return Waiting(propose(made.conn, made.actor, action, said, owner), said)


def withdraw(
    conn: Connection, actor: Actor, action: str, of: tuple[str, UUID], reason: str
) -> None:
    """Take off the table what waits to do `action` with a matter that was turned away.

    `of` is the key of the proposal's body that names the matter, and its id; whoever proposed it
    reads the reason.
    """
    name, key = of
    conn.execute(
        update(proposal)
        .where(proposal.c.state == "open", proposal.c.action == action)
        .where(proposal.c.body[name].astext == str(key))
        .values(
            state="refused",
            settled_by=actor.login,
            settled_at=func.now(),
            refusal=reason,
        )
    )


def _mine_of(conn: Connection, target_kind: str, target_key: str) -> str | None:
    """Return the mine that an ending's target belongs to, or that it was first met by, if any."""
    if target_kind == "claim":
        return conn.scalar(select(claim.c.mine_code).where(claim.c.key == target_key).limit(1))
    return conn.scalar(
        select(feature.c.mine_code).where(feature.c.key == target_key).limit(1)
    ) or conn.scalar(
        select(encounter.c.mine_code).where(encounter.c.factor_key == target_key).limit(1)
    )


def _as_filed(conn: Connection, target_key: str) -> Row[Any]:
    """Return the newest row of a factor: one of no mine that none ever met is its district's."""
    found = conn.execute(
        select(feature)
        .join(batch, batch.c.id == feature.c.batch_id)
        .where(feature.c.key == target_key)
        .order_by(batch.c.seq.desc())
        .limit(1)
    ).first()
    if found is None:
        raise Problem("store.not_found", http_status=404)
    return found


def _is_held(conn: Connection, body: dict[str, Any]) -> bool:
    """Tell whether a target stands only because a revoked survey raised it (L17)."""
    target_kind, target_key = body["target_kind"], body["target_key"]
    if target_kind == "claim":
        found = open_claims(conn, [body["mine_code"]])
        return bool((found.loc[found["key"] == target_key, "status"] == "held").any())
    by_state = states(conn, newest_seq(conn))
    if target_kind == "survey":
        wanted = select(survey.c.id).where(survey.c.key == target_key)
    else:
        wanted = select(feature.c.survey_id).where(feature.c.key == target_key)
    of_target = {by_state.get(survey_id) for survey_id in conn.scalars(wanted)}
    return "revoked" in of_target and "accepted" not in of_target


def _check(conn: Connection, body: dict[str, Any]) -> None:
    """Raise where an ending may not be: asked when it is proposed, and again when it is confirmed.

    What a revoked survey raised ends only by a decision that cites an accepted one (L17); nothing
    may rest on a survey that is not accepted.
    """
    cited = body["cites_survey"]
    if cited is not None:
        row = survey_row(conn, UUID(cited))
        if states(conn, newest_seq(conn))[row.id] != "accepted":
            raise Problem("store.cited_not_accepted", http_status=409, file=row.filename)
    held = _is_held(conn, body)
    if held and (body["kind"] != "released" or cited is None):
        raise Problem("store.held_needs_survey", http_status=409)
    if not held and body["kind"] == "released":
        raise Problem("store.not_held", http_status=409)
    if body["target_kind"] == "claim" and body["kind"] in _MEASURED:
        _not_within_error(conn, body["target_key"], cited)


def _not_within_error(conn: Connection, key: str, cited: str | None) -> None:
    """Raise where a claim whose verdict flips within its error would end on no better measurement.

    Such a result may raise a grade and never supports an ending (L12): that it was wrong, or is
    replaced, rests on an accepted survey whose own error is smaller.
    """
    evidence = conn.scalar(select(claim.c.evidence).where(claim.c.key == key).limit(1)) or {}
    if not evidence.get("sensitive"):
        return
    better = cited and conn.scalar(
        select(func.max(feature.c.error_m)).where(feature.c.survey_id == UUID(cited))
    )
    if not isinstance(better, float) or better >= evidence["error_m"]:
        raise Problem("store.sensitive", http_status=409, error=f"{evidence['error_m']:g}")


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
    """Propose that a claim, factor, plan item or held survey ends; a second person confirms it.

    Parameters
    ----------
    target_kind : str
        claim, factor, plan_item; or survey, whose key releases all that a revoked survey raised.
    target_key : str
        The target's content key.
    kind : str
        One of ``KINDS``.
    cites_survey : UUID, optional
        The accepted survey it rests on; while that one is revoked the ending is void (L17).
    """
    if kind not in KINDS or target_kind not in TARGETS:
        raise Problem("store.no_such_ending", kind=kind, kinds=", ".join(KINDS))
    mine_code: str | None = None
    if target_kind == "survey":
        whole = conn.execute(select(survey).where(survey.c.key == target_key)).one_or_none()
        if whole is None:
            raise Problem("store.not_found", http_status=404)
        authorise_survey(conn, actor, "ending", whole)
        owner, mine_code = owner_of(whole), whole.mine_code
    else:
        mine_code = _mine_of(conn, target_kind, target_key)
        row = _as_filed(conn, target_key) if mine_code is None else mine_row(conn, mine_code)
        authorise(actor, "ending", row)
        owner = owner_of(row)
    need(reason, document)
    body = {
        "target_kind": target_kind,
        "target_key": target_key,
        "mine_code": mine_code,
        "kind": kind,
        "reason": reason,
        "document": document,
        "cites_survey": str(cites_survey) if cites_survey else None,
    }
    _check(conn, body)
    return propose(conn, actor, "ending", body, owner)


def end(conn: Connection, actor: Actor, found: Row[Any], on: date) -> Changes:
    """Publish the ending of a confirmed proposal, and grade every mine it reaches."""
    body = found.body
    note = {
        "target": body["target_key"],
        "proposed_by": found.proposed_by,
        "confirmed_by": actor.login,
    }
    with publishing(conn, actor, "ending", on, note) as made:
        _check(conn, body)
        made.add(
            ending,
            [
                {
                    **body,
                    "id": uuid4(),
                    "cites_survey": body["cites_survey"] and UUID(body["cites_survey"]),
                    "proposed_by": found.proposed_by,
                    "confirmed_by": actor.login,
                    "effective_on": on,
                    **owner_of(found),
                }
            ],
        )
        dirty = reached(conn, body["target_kind"], body["target_key"], body["mine_code"])
        return regrade(made, dirty, reason=(body["kind"], body["reason"]), may_lower=True)


def reached(conn: Connection, target_kind: str, target_key: str, mine_code: str | None) -> set[str]:
    """Return the mines whose grades an ending, or its voiding, may change."""
    owner = {mine_code} - {None}
    if target_kind == "claim":
        return {str(code) for code in owner}
    if target_kind == "survey":
        surveys = select(survey.c.id).where(survey.c.key == target_key)
    else:
        surveys = select(feature.c.survey_id).where(feature.c.key == target_key)
    found = touched(conn, in_force(conn), list(conn.scalars(surveys)))
    return found | {str(code) for code in owner}


def voided_by(conn: Connection, survey_id: UUID) -> set[str]:
    """Return the mines that the endings citing a survey reach (L17)."""
    found: set[str] = set()
    for row in conn.execute(select(ending).where(ending.c.cites_survey == survey_id)):
        found |= reached(conn, row.target_kind, row.target_key, row.mine_code)
    return found
