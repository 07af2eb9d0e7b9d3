"""Routes: papers behind a pond's events and behind treatment works: sent, listed, handed back."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import Response

from api.auth import AppConn, Caller, TimesAsked, only
from api.ponds import seen
from api.shapes import Day
from geo.problems import Problem
from geo.settings import settings
from geo.store import batches, findings, papers, pond_events, works
from geo.store.boards import READERS
from web.attached import aside, file_event, file_works, paper_answer

router = APIRouter(tags=["papers"])
Files = Annotated[list[UploadFile] | None, File(description="PDF, JPEG, PNG, docx, xlsx")]
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {}, "image/png": {}, "image/jpeg": {}}}
}


@router.post(
    "/ponds/{code}/events/papers",
    status_code=201,
    summary="Record what happened to a pond, with its papers",
)
def happened_with_papers(
    code: str,
    who: Caller,
    kind: Annotated[str, Form(max_length=40)],
    on: Annotated[Day, Form()],
    detail: Annotated[str, Form(max_length=200)] = "",
    document: Annotated[str, Form(max_length=400)] = "",
    proven_only: Annotated[bool, Form()] = False,
    files: Files = None,
) -> dict[str, Any]:
    """Put one dated fact or decision and its files on record, as ``/events`` does without files.

    What waits for a second person waits with its files; they read them at ``papers`` of the pond.
    """
    seen(who, code)
    with aside(files or []) as sent, who.working() as conn:
        return pond_events.record_event(
            conn,
            who.actor,
            code,
            kind,
            on,
            detail=detail,
            document=document,
            proven_only=proven_only,
            sent=papers.Sent(settings(), sent),
        )


@router.post(
    "/ponds/{code}/events/{key}/papers",
    status_code=201,
    summary="Add papers to an event on record",
)
def add_to_event(code: str, key: str, who: Caller, files: Files = None) -> dict[str, Any]:
    """Put papers behind an event already on record, by the pond's enterprise or its regulator.

    Each says who added it and when (``added_later`` in the pond's events); nothing else changes.
    """
    return {"event": key, "papers": file_event(who, code, key, files or [])}


@router.get(
    "/ponds/{code}/papers/{sha256}",
    summary="A paper of a pond's event",
    response_class=Response,
    responses=_FILE,
)
def pond_paper(code: str, sha256: str, who: Caller) -> Response:
    """Return a file as it was sent, to be saved."""
    return paper_answer(who, papers.EVENT, code, sha256)


@router.get("/mines/{code}/works", summary="Treatment works of a mine with their papers")
def works_of_mine(code: str, who: Caller, conn: AppConn, times: TimesAsked) -> list[dict[str, Any]]:
    """Return the accepted treatment works: budget, dates, document, acceptance and papers."""
    only(who.actor, "ledger", *READERS)
    if not findings.seen(conn, [code]):
        raise Problem("store.not_found", http_status=404)
    known = batches.seq_at(conn, times.known)
    with who.working() as worker:
        found = works.of_mine(worker, code, known)
    return works.with_papers(conn, found, known, code)


@router.post(
    "/mines/{code}/works/papers", status_code=201, summary="Attach papers to treatment works"
)
def attach_to_works(
    code: str,
    who: Caller,
    named: Annotated[
        str,
        Form(alias="works", description="Code of the works, or of what they treat", max_length=200),
    ],
    files: Files = None,
) -> dict[str, Any]:
    """Put papers of treatment works on record, by the mine's own enterprise or its regulator."""
    return {"works": named, "papers": file_works(who, code, named, files or [])}


@router.get(
    "/mines/{code}/papers/{sha256}",
    summary="A paper of treatment works",
    response_class=Response,
    responses=_FILE,
)
def works_paper(code: str, sha256: str, who: Caller) -> Response:
    """Return a file as it was sent, to be saved."""
    return paper_answer(who, papers.WORKS, code, sha256)
