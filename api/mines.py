"""Routes: mines, their grades and why, their years, who advances into the unclear."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.auth import AppConn, Caller, TimesAsked, only
from api.shapes import Said
from geo import clock
from geo.problems import Problem
from geo.report import notice
from geo.settings import settings
from geo.store import batches, decisions, mine_evidence, mine_queries
from geo.store import years as store_years
from geo.store.engine import connect
from web.notice import PDF, answered

router = APIRouter(tags=["mines"])


def _mine(conn: Any, code: str, times: Any) -> dict[str, Any]:
    found = mine_evidence.mine(conn, code, times.on, times.known)
    if found is None:
        raise Problem("store.not_found", http_status=404)
    return found


@router.get("/mines", summary="Mines with their lines")
def mines(conn: AppConn, times: TimesAsked) -> list[dict[str, Any]]:
    """Return every mine one may see, with colour and four lines per hazard."""
    return mine_queries.mines(conn, times.on, times.known)


@router.get("/mines/{code}", summary="One mine and why")
def mine(code: str, conn: AppConn, times: TimesAsked) -> dict[str, Any]:
    """Return lines, claims with their sentences and clauses, endings, encounters, history."""
    return _mine(conn, code, times)


@router.get("/mines/{code}/coverage", summary="Where nobody looked")
def coverage(code: str, conn: AppConn, times: TimesAsked) -> dict[str, Any]:
    """Return coverage by extent, horizon, kind and seam, and the unclear ground."""
    found = _mine(conn, code, times)
    return {name: found[name] for name in ("code", "coverage_on", "coverage", "unclear_ground")}


@router.get("/mines/{code}/history", summary="What moved, when and by whom")
def history(code: str, conn: AppConn, times: TimesAsked) -> list[dict[str, Any]]:
    """Return the batches that touched a mine, newest first."""
    found: list[dict[str, Any]] = _mine(conn, code, times)["history"]
    return found


@router.get(
    "/mines/{code}/notice.pdf",
    summary="The change notice",
    response_class=Response,
    responses={200: {"content": {PDF: {}}}},
)
def change_notice(
    code: str, who: Caller, conn: AppConn, times: TimesAsked, hazard: str | None = None
) -> Response:
    """Return the change notice in Chinese, of one hazard or of all that changed; 409 for none."""
    by, today = who.actor.login, clock.today()
    body = notice.of_mine(conn, settings(), code, times.on, times.known, hazard, by, today)
    if body is None:
        raise Problem("store.not_found", http_status=404)
    return answered(body)


@router.get("/mines/{code}/first-years", summary="In which year each factor is first met")
def first_years(code: str, conn: AppConn, times: TimesAsked) -> list[dict[str, Any]]:
    """Return, per factor, the year and the working that first come near it, with a sentence."""
    return store_years.met_first(_mine(conn, code, times)["encounters"])


@router.get("/mines/{code}/if-moved", summary="What changes if a working moves in time")
def if_moved(
    code: str,
    conn: AppConn,
    times: TimesAsked,
    who: Caller,
    working: Annotated[str, Query(max_length=200, description="Its name, or its key")],
    years: Annotated[int, Query(ge=-20, le=20, description="Years later; negative: earlier")] = 1,
) -> dict[str, Any]:
    """Return what would change, on the facts of today; nothing is written."""
    _mine(conn, code, times)
    with who.working() as worker:
        return store_years.if_moved(worker, code, working, years, times.on)


@router.post("/mines/{code}/claims", status_code=201, summary="Declare, appraise or decide")
def say(code: str, sent: Said, who: Caller) -> dict[str, Any]:
    """Put a declared, appraised or decided grade on record."""
    with connect(settings(), "app", who.actor) as conn:
        # 404 for a mine one may not see, whatever one would do to it.
        if not mine_queries.places(conn, code):
            raise Problem("store.not_found", http_status=404)
    with who.working() as conn:
        changes = decisions.assert_claim(
            conn,
            who.actor,
            code,
            sent.hazard,
            sent.grade,
            sent.source,
            sent.document,
            sent.valid_from,
            seam=sent.seam,
            valid_to=sent.valid_to,
        )
    return {"mines": changes.mines, "moves": changes.moves}


@router.get("/grades", summary="Grades as a flat table")
def grades(conn: AppConn, times: TimesAsked) -> list[dict[str, Any]]:
    """Return one row per mine and hazard."""
    return mine_queries.grades(conn, times.on, times.known)


@router.get("/advance", summary="Advance into the unclear")
def advance(conn: AppConn, times: TimesAsked) -> list[dict[str, Any]]:
    """Return faces and headings due within 90, 180 or 365 days whose ground is not clear."""
    return mine_queries.advance(conn, times.on, times.known)


@router.get("/changes", summary="What was done")
def changes(who: Caller, conn: AppConn) -> list[dict[str, Any]]:
    """Return the newest batches of every district, for the administrator."""
    only(who.actor, "changes", "administrator")
    return batches.changes(conn)
