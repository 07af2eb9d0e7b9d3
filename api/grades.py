"""Routes: mines, grades and why, surveys and decisions, exports, tiles."""

import tempfile
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header
from fastapi.responses import Response, StreamingResponse

from api.auth import AppConn, Caller, Lang, TimesAsked, may_see_all
from api.shapes import End, Reviewed, Said, Settled
from geo.problems import Problem
from geo.rules import national_rules
from geo.settings import settings
from geo.store import decisions, export, queries, tiles
from geo.store.engine import connect

router = APIRouter()


@router.get("/mines", tags=["mines"], summary="Mines with their lines")
def mines(conn: AppConn, times: TimesAsked) -> list[dict[str, Any]]:
    """Return every mine one may see, with colour and four lines per hazard."""
    return queries.mines(conn, times.on, times.known)


@router.get("/mines/{code}", tags=["mines"], summary="One mine and why")
def mine(code: str, conn: AppConn, times: TimesAsked) -> dict[str, Any]:
    """Return lines, claims with their sentences and clauses, endings, encounters, history."""
    found = queries.mine(conn, code, times.on, times.known)
    if found is None:
        raise Problem("store.not_found", http_status=404)
    return found


@router.get("/grades", tags=["mines"], summary="Grades as a flat table")
def grades(conn: AppConn, times: TimesAsked) -> list[dict[str, Any]]:
    """Return one row per mine and hazard."""
    return queries.grades(conn, times.on, times.known)


@router.get("/advance", tags=["mines"], summary="Advance into the unclear")
def advance(conn: AppConn, times: TimesAsked) -> list[dict[str, Any]]:
    """Return faces and headings due within 90, 180 or 365 days whose ground is not clear."""
    return queries.advance(conn, times.on)


@router.post(
    "/mines/{code}/claims",
    status_code=201,
    tags=["decisions"],
    summary="Declare, appraise or decide",
)
def say(code: str, sent: Said, who: Caller) -> dict[str, Any]:
    """Put a declared, appraised or decided grade on record."""
    _seen(who, code)
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


def _seen(who: Caller, code: str) -> None:
    """Answer 404 for a mine the caller may not see, whatever they would do to it."""
    with connect(settings(), "app", who.actor) as conn:
        if not queries.places(conn, code):
            raise Problem("store.not_found", http_status=404)


@router.post("/endings", status_code=202, tags=["decisions"], summary="Propose an ending")
def end(sent: End, who: Caller) -> dict[str, Any]:
    """Propose that a claim, factor or plan item end; a second person confirms it."""
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
    return queries.proposals(conn)


@router.post("/proposals/{proposal_id}", tags=["decisions"], summary="Confirm or refuse")
def settle(proposal_id: UUID, sent: Settled, who: Caller) -> dict[str, Any]:
    """Settle a proposal as a second person."""
    with who.working() as conn:
        return decisions.settle(conn, who.actor, proposal_id, sent.confirm)


@router.get("/surveys", tags=["surveys"], summary="Surveys")
def surveys(conn: AppConn) -> list[dict[str, Any]]:
    """Return the surveys one may see, newest first."""
    return queries.surveys(conn)


@router.get("/inbox", tags=["surveys"], summary="Surveys that wait for review")
def inbox(conn: AppConn) -> list[dict[str, Any]]:
    """Return submitted surveys, oldest first."""
    return queries.inbox(conn)


@router.get("/surveys/{survey_id}", tags=["surveys"], summary="One survey")
def survey(survey_id: UUID, conn: AppConn) -> dict[str, Any]:
    """Return a survey with its events."""
    found = queries.survey(conn, survey_id)
    if found is None:
        raise Problem("store.not_found", http_status=404)
    return found


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


@router.get("/rules", tags=["rules"], summary="The rule catalogue")
def rules(who: Caller) -> dict[str, Any]:
    """Return every rule with standard, clause, dates in force and whether it was verified."""
    found = national_rules()
    return {"version": found.version, **found.model_dump(mode="json", by_alias=True)}


@router.get("/changes", tags=["mines"], summary="What was done")
def changes(who: Caller, conn: AppConn) -> list[dict[str, Any]]:
    """Return the newest batches."""
    may_see_all(who.actor)
    return queries.changes(conn)


@router.get("/export/state", tags=["export"], summary="State as NDJSON")
def export_state(who: Caller, times: TimesAsked) -> StreamingResponse:
    """Stream what the caller may see of the state, keyed by content."""
    may_see_all(who.actor)

    def rows() -> Any:
        with connect(settings(), "app", who.actor) as conn:
            for row in export.export_state(conn, times.on):
                yield f"{row}\n"

    return StreamingResponse(rows(), media_type="application/x-ndjson")


@router.get("/export/grades.xlsx", tags=["export"], summary="Grades as an Excel sheet")
def export_xlsx(conn: AppConn, times: TimesAsked, lang: Lang) -> Response:
    """Return the four lines of every mine one may see."""
    from geo.report.grades import write_xlsx

    with tempfile.TemporaryDirectory(prefix="minerisk-") as folder:
        path = Path(folder) / "grades.xlsx"
        write_xlsx(path, queries.grades(conn, times.on, times.known), times.on, lang)
        body = path.read_bytes()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return Response(
        body,
        media_type=kind,
        headers={"Content-Disposition": 'attachment; filename="grades.xlsx"'},
    )


@router.get("/tiles/{layer}/{z}/{x}/{y}.mvt", tags=["tiles"], summary="Vector tile")
def tile(
    layer: str,
    z: int,
    x: int,
    y: int,
    who: Caller,
    conn: AppConn,
    times: TimesAsked,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return a Mapbox vector tile of what the caller may see; kept by its ETag."""
    seq = queries.seq_at(conn, times.known)
    etag = tiles.tag(who.actor, layer, z, x, y, seq)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Cookie"}
    if if_none_match == etag:
        return Response(status_code=304, headers=headers)
    body = tiles.tile(conn, layer, z, x, y, seq)
    return Response(body, media_type="application/vnd.mapbox-vector-tile", headers=headers)
