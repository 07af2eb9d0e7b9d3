"""What a regulator does: accept, return, revoke, decide, and confirm as a second person (L3).

Every function runs in one transaction of the worker role, and is one link of the chain.
"""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select, update

from geo import clock
from geo.problems import Problem
from geo.store import adoption, corrections, terrain_decisions
from geo.store.assertions import assert_claim
from geo.store.authority import authorise, authorise_survey, need, owner_of, survey_row
from geo.store.batches import newest_seq, states
from geo.store.endings import KINDS as ENDING_KINDS
from geo.store.endings import Waiting, alone_or_proposed, end, propose_ending, voided_by, withdraw
from geo.store.engine import Actor
from geo.store.facts import touched
from geo.store.grading import Changes, refuse_more, regrade
from geo.store.licences import ensure_mines
from geo.store.pond_events import ACTION as POND_EVENT
from geo.store.pond_events import record_by_two
from geo.store.pond_objects import ensure_ponds
from geo.store.publish import Batch, publishing
from geo.store.rule_sets import in_force
from geo.store.tables import proposal, survey, survey_event

# A survey in one of these states was accepted and not found false: what it names stays replaced.
_STANDING = ("accepted", "superseded")


def _state(conn: Connection, survey_id: UUID) -> str:
    return states(conn, newest_seq(conn))[survey_id]


def _must_be(conn: Connection, row: Row[Any], *wanted: str) -> None:
    state = _state(conn, row.id)
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
                "survey_org": row.survey_org,
                **owner_of(row),
            }
        ],
    )


def _replaced(conn: Connection, survey_id: UUID) -> bool:
    """Tell whether a survey that was accepted, and is not revoked, names this one as replaced.

    So the state is a function of what was decided, never of the order in which it was.
    """
    by_state = states(conn, newest_seq(conn))
    naming = conn.scalars(select(survey.c.id).where(survey.c.supersedes == survey_id))
    return any(by_state[other] in _STANDING for other in naming)


def accept(
    conn: Connection,
    actor: Actor,
    survey_id: UUID,
    reason: str,
    document: str,
    *,
    on: date | None = None,
) -> dict[str, Any]:
    """Accept a submitted survey: its claims and its coverage count from now on.

    Returns
    -------
    dict
        ``state`` is ``accepted`` with ``mines`` and ``moves``; or ``needs_second`` with the
        ``proposal`` to confirm and the ``moves`` it would bring, where some grade would fall, now
        or later: nothing was changed then.
    """
    row = survey_row(conn, survey_id)
    _may_accept(conn, actor, row)
    need(reason, document)
    with publishing(conn, actor, "accept", on or clock.today(), {"survey": row.key}) as made:
        _must_be(conn, row, "submitted")
        said = {"survey_id": str(row.id), "reason": reason, "document": document}
        done = alone_or_proposed(
            made,
            "accept",
            owner_of(row),
            lambda: _accept(made, row, reason, document, may_lower=False),
            lambda falls: said | falls | {"filename": row.filename},
        )
    if isinstance(done, Waiting):
        moves = done.body["moves"]
        return {"state": "needs_second", "proposal": done.proposal, "moves": moves}
    return {"state": "accepted", "mines": done.mines, "moves": done.moves}


def _may_accept(conn: Connection, actor: Actor, row: Row[Any]) -> None:
    authorise_survey(conn, actor, "accept", row)
    if row.supersedes is not None:
        authorise_survey(conn, actor, "accept", survey_row(conn, row.supersedes))


def _accept(made: Batch, row: Row[Any], reason: str, document: str, *, may_lower: bool) -> Changes:
    ids = _accept_facts(made, row, reason, document)
    dirty = touched(made.conn, in_force(made.conn), ids)
    return regrade(made, dirty, reason=("superseded", reason), may_lower=may_lower)


def _accept_facts(made: Batch, row: Row[Any], reason: str, document: str) -> list[UUID]:
    """Put an acceptance on record, grades apart; returns the surveys whose rows it touches."""
    conn = made.conn
    ids = [row.id]
    if row.supersedes is not None and _state(conn, row.supersedes) == "accepted":
        replaced = survey_row(conn, row.supersedes)
        _event(made, replaced, "superseded", row.filename, document)
        ids.append(replaced.id)
    corrections.free(conn, row.id)
    _event(made, row, "accepted", reason, document)
    ids += corrections.surveys_of(conn, row.id)
    if _replaced(conn, row.id):
        _event(made, row, "superseded", reason, document)
    ensure_mines(made, row.id)
    ensure_ponds(made, row.id)
    return ids


def accept_in(made: Batch, survey_id: UUID) -> list[UUID]:
    """Put an acceptance on record within a batch that is rolled back: for a preview.

    Returns the surveys whose rows it touches; nothing is graded.
    """
    return _accept_facts(made, survey_row(made.conn, survey_id), "", "")


def _accept_by_two(conn: Connection, actor: Actor, found: Row[Any], on: date) -> Changes:
    """Accept what another person proposed; it may lower what they both saw, and no more."""
    body = found.body
    row = survey_row(conn, UUID(body["survey_id"]))
    _may_accept(conn, actor, row)
    note = {"survey": row.key, "proposed_by": found.proposed_by, "confirmed_by": actor.login}
    with publishing(conn, actor, "accept", on, note) as made:
        _must_be(conn, row, "submitted")
        changes = _accept(made, row, body["reason"], body["document"], may_lower=True)
        refuse_more(changes, body["moves"])
    return changes


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
    row = survey_row(conn, survey_id)
    authorise_survey(conn, actor, "return", row)
    if not reason.strip():
        raise Problem("store.remark_wanted")
    with publishing(conn, actor, "return", on or clock.today(), {"survey": row.key}) as made:
        _must_be(conn, row, "submitted")
        _event(made, row, "returned", reason, document)
        # Nobody is left to confirm what is off the table.
        withdraw(conn, actor, "accept", ("survey_id", row.id), reason)
        dirty = touched(conn, in_force(conn), [row.id])
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
    raising claims stay in force as held. It stands on the list of what must be done again until an
    accepted survey names it; the other surveys by the same unit are listed for a check.

    Returns
    -------
    dict
        ``state``, ``mines``, ``moves``, and ``check``: id, filename and state of the others.
    """
    row = survey_row(conn, survey_id)
    authorise_survey(conn, actor, "revoke", row)
    need(reason, document)
    with publishing(conn, actor, "revoke", on or clock.today(), {"survey": row.key}) as made:
        _must_be(conn, row, *_STANDING)
        ids = [row.id, *corrections.surveys_of(conn, row.id)]
        _event(made, row, "revoked", reason, document)
        if row.supersedes is not None:
            replaced = survey_row(conn, row.supersedes)
            if _state(conn, replaced.id) == "superseded" and not _replaced(conn, replaced.id):
                _event(made, replaced, "accepted", reason, document)
                ids.append(replaced.id)
        dirty = touched(conn, in_force(conn), ids) | voided_by(conn, row.id)
        changes = regrade(made, dirty, reason=("revoked", reason))
        by_id = states(conn, newest_seq(conn))
        others = [
            {"id": other.id, "filename": other.filename, "state": by_id[other.id]}
            for other in conn.execute(
                select(survey.c.id, survey.c.filename)
                .where(survey.c.survey_unit == row.survey_unit, survey.c.survey_unit != "")
                .where(survey.c.id != row.id)
                # Of another district one does not even learn that there are such surveys.
                .where(func.starts_with(survey.c.district, actor.district))
                .order_by(survey.c.filename)
            )
        ]
    return {"state": "revoked", "mines": changes.mines, "moves": changes.moves, "check": others}


def settle(
    conn: Connection,
    actor: Actor,
    proposal_id: UUID,
    confirm: bool,
    reason: str = "",
    *,
    on: date | None = None,
) -> dict[str, Any]:
    """Confirm or refuse a proposal, as a second person; who refuses says why.

    Raises
    ------
    Problem
        If it is settled already, the same person proposed it and would confirm it, or it is
        refused without a reason.
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
    if not confirm and not reason.strip():
        raise Problem("store.refusal_wanted")
    conn.execute(
        update(proposal)
        .where(proposal.c.id == proposal_id)
        .values(
            state="confirmed" if confirm else "refused",
            settled_by=actor.login,
            settled_at=func.now(),
            refusal=None if confirm else reason.strip(),
        )
    )
    if not confirm:
        return {"state": "refused", "moves": []}
    day = on or clock.today()
    if found.action == POND_EVENT:
        record_by_two(conn, actor, found, day)
        return {"state": "recorded", "mines": [], "moves": []}
    carry_out, state = _BY_TWO.get(found.action, (end, "confirmed"))
    changes = carry_out(conn, actor, found, day)
    return {"state": state, "mines": changes.mines, "moves": changes.moves}


_BY_TWO = {
    "accept": (_accept_by_two, "accepted"),
    adoption.ACTION: (adoption.adopt_by_two, "adopted"),
    terrain_decisions.ACCEPT: (terrain_decisions.carry_out, "accepted"),
    terrain_decisions.REVOKE: (terrain_decisions.carry_out, "revoked"),
}


__all__ = [
    "ENDING_KINDS",
    "accept",
    "accept_in",
    "assert_claim",
    "authorise",
    "propose_ending",
    "return_",
    "revoke",
    "settle",
]
