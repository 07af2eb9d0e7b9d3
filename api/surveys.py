"""Routes: surveys and what is decided of them, endings, and what waits for a second person."""

import datetime as dt
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from api.auth import AppConn, Caller, TimesAsked, only
from api.shapes import End, Reviewed, Settled
from geo import clock
from geo.problems import Problem
from geo.settings import settings
from geo.store import decisions, inbox_queries, survey_queries
from geo.store.engine import connect
from web.door import Signed

router = APIRouter()


def _visible(conn: Any, survey_id: UUID, known: Any = None) -> dict[str, Any]:
    found = survey_queries.survey(conn, survey_id, known)
    if found is None:
        raise Problem("store.not_found", http_status=404)
    return found


def seen(who: Signed, survey_id: UUID | None) -> None:
    """Answer 404 for a survey the caller may not see, whatever they would do with it."""
    if survey_id is not None:
        with connect(settings(), "app", who.actor) as conn:
            _visible(conn, survey_id)


@router.get("/surveys", tags=["surveys"], summary="Surveys")
def surveys(conn: AppConn, times: TimesAsked) -> list[dict[str, Any]]:
    """Return the surveys one may see, newest first, each with its state."""
    return survey_queries.surveys(conn, times.known)


@router.get("/inbox", tags=["surveys"], summary="Surveys that wait for review")
def inbox(conn: AppConn) -> list[dict[str, Any]]:
    """Return submitted surveys, oldest first."""
    return inbox_queries.submissions(conn)


@router.get("/redo", tags=["surveys"], summary="Surveys that must be done again")
def redo(conn: AppConn, times: TimesAsked) -> list[dict[str, Any]]:
    """Return revoked surveys that no accepted one has replaced (L17)."""
    return survey_queries.redo(conn, known_at=times.known)


@router.get("/surveys/{survey_id}", tags=["surveys"], summary="One survey")
def survey(survey_id: UUID, conn: AppConn, times: TimesAsked) -> dict[str, Any]:
    """Return a survey with its events."""
    return _visible(conn, survey_id, times.known)


@router.post("/surveys/{survey_id}/accept", tags=["surveys"], summary="Accept a survey")
def accept(survey_id: UUID, sent: Reviewed, who: Caller) -> dict[str, Any]:
    """Accept; where a grade would fall, answers ``needs_second`` and changes nothing."""
    with who.working() as conn:
        return decisions.accept(conn, who.actor, survey_id, sent.reason, sent.document)


@router.post("/surveys/{survey_id}/return", tags=["surveys"], summary="Return a survey")
def return_(survey_id: UUID, sent: Reviewed, who: Caller) -> dict[str, Any]:
    """Return a submitted survey with remarks."""
    with who.working() as conn:
        changes = decisions.return_(conn, who.actor, survey_id, sent.reason, sent.document)
    return {"state": "returned", "mines": changes.mines}


@router.post("/surveys/{survey_id}/revoke", tags=["surveys"], summary="Revoke a false survey")
def revoke(survey_id: UUID, sent: Reviewed, who: Caller) -> dict[str, Any]:
    """Revoke an accepted survey (L17): coverage ends, its raising claims are held."""
    with who.working() as conn:
        return decisions.revoke(conn, who.actor, survey_id, sent.reason, sent.document)


@router.post("/endings", status_code=202, tags=["decisions"], summary="Propose an ending")
def end(sent: End, who: Caller) -> dict[str, Any]:
    """Propose that a claim, factor or plan item end; a second person confirms it."""
    only(who.actor, "ending", "regulator")
    seen(who, sent.cites_survey)
    with who.working() as conn:
        made = decisions.propose_ending(
            conn,
            who.actor,
            sent.target_kind,
            sent.target_key,
            sent.kind,
            sent.reason,
            sent.document,
            cites_survey=sent.cites_survey,
        )
    return {"proposal": made}


@router.get("/proposals", tags=["decisions"], summary="What waits for a second person")
def proposals(conn: AppConn) -> list[dict[str, Any]]:
    """Return open proposals one may see."""
    return inbox_queries.proposals(conn)


@router.get("/proposals/refused", tags=["decisions"], summary="What a second person refused")
def refused(conn: AppConn, since: dt.date | None = None) -> list[dict[str, Any]]:
    """Return the proposals one may see that were refused since a day, or in the last 30 days."""
    since = since or clock.today() - dt.timedelta(days=30)
    return inbox_queries.refusals(conn, clock.local(dt.datetime.combine(since, dt.time.min)))


@router.post("/proposals/{proposal_id}", tags=["decisions"], summary="Confirm or refuse")
def settle(proposal_id: UUID, sent: Settled, who: Caller) -> dict[str, Any]:
    """Settle a proposal as a second person."""
    only(who.actor, "confirm", "regulator")
    with who.working() as conn:
        return decisions.settle(conn, who.actor, proposal_id, sent.confirm, sent.reason)
