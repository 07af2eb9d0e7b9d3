"""Routes: crossings (L15) and screening (L18). Both ask a person, and neither is a verdict."""

from typing import Any

from fastapi import APIRouter

from api.auth import AppConn, Caller, TimesAsked, only
from api.shapes import Considered, Contracted, Reported
from geo.problems import Problem
from geo.settings import settings
from geo.store import batches, findings, mine_queries, screening
from geo.store.boards import READERS
from geo.store.engine import connect
from web.door import Signed
from web.screening import ASKERS

router = APIRouter(tags=["findings"])


def _seen(who: Signed, code: str) -> None:
    """Answer 404 for a mine the caller may not see, and 403 for a role that does not screen."""
    with connect(settings(), "app", who.actor) as conn:
        if not mine_queries.places(conn, code):
            raise Problem("store.not_found", http_status=404)
    only(who.actor, "screening", "regulator")


@router.get("/crossings", summary="Workings and licences beyond a licence")
def crossings(who: Caller, conn: AppConn, times: TimesAsked) -> list[dict[str, Any]]:
    """Return what lies beyond licence, elevations or seams, and licences that overlap."""
    only(who.actor, "crossings", *READERS)
    codes = findings.seen(conn)
    known = batches.seq_at(conn, times.known)
    with who.working() as work:
        return findings.crossings(work, codes, times.on, known)


@router.get("/screening", summary="What is worth asking about surveys")
def screened(who: Caller, conn: AppConn, times: TimesAsked) -> list[dict[str, Any]]:
    """Return each finding with its measure and what persons made of it, the unanswered first."""
    only(who.actor, "screening", *ASKERS)
    codes = findings.seen(conn)
    known = batches.seq_at(conn, times.known)
    with who.working() as work:
        return screening.findings(work, codes, known)


@router.post("/mines/{code}/screening/{finding_key}", summary="Answer a finding")
def consider(code: str, finding_key: str, sent: Considered, who: Caller) -> dict[str, Any]:
    """Record what a person made of a finding; it changes no grade and no survey."""
    _seen(who, code)
    with who.working() as conn:
        return screening.answer(
            conn, who.actor, code, finding_key, sent.outcome, sent.reason, sent.document
        )


@router.post("/mines/{code}/contracts", status_code=201, summary="A survey contract")
def contract(code: str, sent: Contracted, who: Caller) -> dict[str, Any]:
    """Put on record when a survey unit was to work in a mine."""
    _seen(who, code)
    with who.working() as conn:
        screening.record_contract(
            conn, who.actor, code, sent.survey_unit, sent.begins, sent.ends, sent.document
        )
    return {"state": "recorded"}


@router.post("/mines/{code}/outputs", status_code=201, summary="A reported output")
def reported(code: str, sent: Reported, who: Caller) -> dict[str, Any]:
    """Put on record the tonnes a mine reported for a time."""
    _seen(who, code)
    with who.working() as conn:
        screening.record_output(
            conn, who.actor, code, sent.since, sent.until, sent.tonnes, sent.document
        )
    return {"state": "recorded"}
