"""Routes: the boards, each list as rows, and the plan by which an unclear factor is resolved."""

from typing import Any

from fastapi import APIRouter

from api.auth import AppConn, Caller, TimesAsked, only
from api.shapes import Measures
from geo.problems import Problem
from geo.settings import settings
from geo.store import doubtful, findings
from geo.store.boards import LISTS, READERS
from geo.store.engine import connect
from web.boards import ASKED, Shown

router = APIRouter(tags=["boards"])


@router.get("/boards", summary="How many stand on each list")
def boards(who: Caller, conn: AppConn, times: TimesAsked) -> dict[str, int]:
    """Return the number of rows of every list but those reckoned only when asked for."""
    only(who.actor, "boards", *READERS)
    shown = Shown(who, conn, times.on, times.known)
    return {name: len(getattr(shown, name)) for name in LISTS}


@router.get("/boards/{board}", summary="One list")
def board_rows(board: str, who: Caller, conn: AppConn, times: TimesAsked) -> list[dict[str, Any]]:
    """Return the rows of one list: what its page and its Excel sheet show."""
    only(who.actor, "boards", *READERS)
    if board not in (*LISTS, *ASKED):
        raise Problem("store.not_found", http_status=404)
    found: list[dict[str, Any]] = getattr(Shown(who, conn, times.on, times.known), board)
    return found


@router.post(
    "/mines/{code}/measures", status_code=201, summary="Plan how an unclear factor is resolved"
)
def plan_measures(code: str, sent: Measures, who: Caller) -> dict[str, Any]:
    """Put on record who resolves an unclear factor of a mine, how and by when (L9)."""
    with connect(settings(), "app", who.actor) as conn:
        if not findings.seen(conn, [code]):
            raise Problem("store.not_found", http_status=404)
    with who.working() as conn:
        doubtful.plan_measures(
            conn, who.actor, code, sent.factor, sent.measures, sent.responsible, sent.due
        )
    return {"state": "recorded"}
