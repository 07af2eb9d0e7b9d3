"""The pages of surveys, and the inbox of those who decide on them."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from geo import clock
from geo.problems import Problem
from geo.store import (
    corrections,
    inbox_queries,
    intake,
    mine_evidence,
    objections,
    preview,
    survey_queries,
    terrain_queries,
)
from geo.survey.diff import differences
from web import view
from web.door import AppConn, PageRoute, Reader, Signed, missing
from web.render import draw, lang_of
from web.uploads import NEWS, moves_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/surveys")
def surveys(request: Request, reader: Reader, conn: AppConn) -> Response:
    """Draw the list of surveys the reader may see."""
    return draw(request, "surveys.html", reader=reader, surveys=survey_queries.surveys(conn))


def _survey(conn: Any, survey_id: UUID) -> dict[str, Any]:
    found = survey_queries.survey(conn, survey_id)
    if found is None:
        raise missing()
    return found


def _previewed(conn: Any, reader: Signed, row: dict[str, Any], lang: str) -> dict[str, Any]:
    """Return a survey with what it would move while it waits, or why that cannot be said."""
    sent = survey_queries.upload_of(conn, row["id"]) if row["state"] == "submitted" else None
    item = {**row, "moves": None, "trouble": None, "asks": False}
    try:
        item["moves"] = moves_of(reader, sent, lang) if sent else None
    except Problem as problem:
        # Said in its place: the rest of the page stands.
        item["trouble"] = problem
    return item


@router.get("/surveys/{survey_id}")
def survey(request: Request, reader: Reader, conn: AppConn, survey_id: UUID) -> Response:
    """Draw one survey: what it is and what happened to it."""
    found = _survey(conn, survey_id)
    shown = _previewed(conn, reader, found, lang_of(request))
    old = survey_queries.survey(conn, found["supersedes"]) if found["supersedes"] else None
    diff = None
    if old is not None:
        diff = differences(intake.survey_rows(conn, old["id"]), intake.survey_rows(conn, survey_id))
    corrected = corrections.old_of(conn, None, survey_id)
    rows = intake.survey_rows(conn, survey_id) if corrected else []
    return draw(
        request,
        "survey.html",
        reader=reader,
        item=shown,
        open_acts=True,
        against=old,
        diff=diff,
        corrected=corrected,
        corrected_diff=differences([corrected], rows) if corrected else None,
    )


@router.get("/surveys/{survey_id}/moves")
def survey_moves(request: Request, reader: Reader, conn: AppConn, survey_id: UUID) -> Response:
    """Draw what a survey that waits would move: a part of the inbox that comes after the page."""
    item = _previewed(conn, reader, _survey(conn, survey_id), lang_of(request))
    return draw(request, "parts/moves.html", reader=reader, item=item)


def _waiting(conn: Any, reader: Signed, lang: str) -> list[dict[str, Any]]:
    """Return the surveys that wait, with what each would move where that was reckoned already."""
    rows = []
    with reader.working(snapshot=True) as worker:
        for row in inbox_queries.submissions(conn):
            upload_id = survey_queries.upload_of(conn, row["id"])
            found = preview.kept(worker, upload_id) if upload_id else None
            moves = None if found is None else view.moves(found, lang)
            asks = upload_id is not None
            rows.append({**row, "moves": moves, "asks": asks, "trouble": None})
    return rows


def _proposal(conn: Any, row: dict[str, Any], lang: str) -> dict[str, Any]:
    code = row["mine_code"]
    of = mine_evidence.mine(conn, code, clock.today()) if code else None
    return view.proposal(row, of, lang)


@router.get("/inbox")
def inbox(request: Request, reader: Reader, conn: AppConn) -> Response:
    """Draw what waits for the regulator, and what waits for a second person."""
    lang = lang_of(request)
    return draw(
        request,
        "inbox.html",
        reader=reader,
        submissions=_waiting(conn, reader, lang),
        proposals=[_proposal(conn, row, lang) for row in inbox_queries.proposals(conn)],
        refused=[
            one
            for one in inbox_queries.refusals(conn, clock.now() - NEWS)
            if one["proposed_by"] == reader.actor.login
        ],
        objections=[one for one in objections.objections(conn) if one["state"] == "open"],
        models=[m for m in terrain_queries.models(conn) if m["state"] == "submitted"],
        open_acts=False,
    )
