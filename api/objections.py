"""Routes: an enterprise's objections against grades, their files, and what is decided of them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import Response

from api.auth import AppConn, Caller, TimesAsked
from api.shapes import Decided
from geo.problems import Problem
from geo.settings import settings
from geo.store import objections
from geo.store.engine import connect
from web.attached import file_answer, file_objection

router = APIRouter(tags=["objections"])


@router.get("/objections", summary="Objections against grades")
def objections_seen(
    conn: AppConn, times: TimesAsked, mine: str | None = None
) -> list[dict[str, Any]]:
    """Return the objections one may see, open ones first, each with its answer."""
    return objections.objections(conn, mine, times.known)


@router.post("/mines/{code}/objections", status_code=201, summary="Object to a grade")
def object_to(
    code: str,
    who: Caller,
    hazard: Annotated[str, Form(max_length=60)],
    reason: Annotated[str, Form(max_length=4000)],
    wanted: Annotated[
        str | None, Form(description="The grade held to be right", max_length=60)
    ] = None,
    files: Annotated[
        list[UploadFile] | None, File(description="PDF, JPEG, PNG, docx, xlsx")
    ] = None,
) -> dict[str, Any]:
    """Put an enterprise's objection against one hazard's grade on record; it suspends nothing."""
    made = file_objection(who, code, hazard, reason, wanted, files or [])
    return {"objection": made, "state": "open"}


@router.get("/objections/{objection_id}", summary="One objection")
def objection(objection_id: UUID, conn: AppConn) -> dict[str, Any]:
    """Return an objection with its files and its answer."""
    found = objections.one(conn, objection_id)
    if found is None:
        raise Problem("store.not_found", http_status=404)
    return found


@router.post("/objections/{objection_id}/answer", summary="Decide an objection")
def decide_objection(objection_id: UUID, sent: Decided, who: Caller) -> dict[str, Any]:
    """Keep the grade, decide another (a floor), or return the objection with remarks."""
    with connect(settings(), "app", who.actor) as conn:
        objection(objection_id, conn)
    with who.working() as conn:
        return objections.answer(
            conn,
            who.actor,
            objection_id,
            sent.outcome,
            sent.reason,
            sent.document,
            grade=sent.grade,
        )


@router.get(
    "/objections/{objection_id}/files/{sha256}",
    summary="A file of an objection",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}, "image/png": {}, "image/jpeg": {}}}},
)
def objection_file(objection_id: UUID, sha256: str, who: Caller) -> Response:
    """Return a file as it was sent, to be saved."""
    return file_answer(who, objection_id, sha256)
