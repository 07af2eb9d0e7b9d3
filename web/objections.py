"""Objections against grades: their list, one objection with its files, and the forms."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import Response

from geo.hazards import hazards
from geo.store import mine_evidence, objections
from geo.store.boards import READERS
from web import view
from web.acts import Text, told
from web.attached import file_answer, file_objection
from web.door import AppConn, PageRoute, Reader, checked_form, missing
from web.render import draw, lang_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
forms = APIRouter(
    route_class=PageRoute, include_in_schema=False, dependencies=[Depends(checked_form)]
)


@router.get("/objections")
def listed(request: Request, reader: Reader, conn: AppConn) -> Response:
    """Draw the objections one may see: the open ones first."""
    if reader.role not in READERS:
        raise missing()
    rows = objections.objections(conn)
    return draw(request, "objections.html", reader=reader, objections=rows)


@router.get("/objections/{objection_id}")
def objection(request: Request, reader: Reader, conn: AppConn, objection_id: UUID) -> Response:
    """Draw one objection: what is held against the grade, what the grade rests on, the answer."""
    found = objections.one(conn, objection_id)
    if found is None:
        raise missing()
    mine = mine_evidence.mine(conn, found["mine_code"], view.day(""))
    if mine is None:
        raise missing()
    shown = view.mine(mine, lang_of(request))
    hazard = found["hazard"]
    return draw(
        request,
        "objection.html",
        reader=reader,
        item=found,
        line=next(row for row in shown["lines"] if row["hazard"] == hazard),
        why=[group for group in shown["why"] if group["hazard"] == hazard],
        grades=hazards()[hazard].grades,
        above=_above(hazard, next(row for row in mine["lines"] if row["hazard"] == hazard)),
    )


def _above(hazard: str, line: dict[str, Any]) -> bool:
    """Tell whether the grade that holds is higher than the one decided (L2)."""
    scale = hazards()[hazard]
    decided, effective = line["decided"], line["effective"]
    return bool(decided and effective and scale.rank(effective) > scale.rank(decided))


@router.get("/objections/{objection_id}/files/{sha256}")
def sent_file(reader: Reader, objection_id: UUID, sha256: str) -> Response:
    """Return a file of an objection, to be saved."""
    return file_answer(reader, objection_id, sha256)


@forms.post("/mines/{code}/objections")
def object_to(
    reader: Reader,
    code: str,
    grade: Text,
    reason: Text,
    files: Annotated[list[UploadFile] | None, File()] = None,
) -> Response:
    """Put an objection on record; `grade` is a hazard, and after a colon the grade held right."""
    hazard, _, wanted = grade.partition(":")
    made = file_objection(reader, code, hazard, reason, wanted or None, files or [])
    return told(f"/objections/{made}", "web.told.objected")


@forms.post("/objections/{objection_id}/answer")
def decide(
    reader: Reader,
    conn: AppConn,
    objection_id: UUID,
    outcome: Text,
    reason: Text,
    document: Text = "",
    grade: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    """Decide an objection."""
    if objections.one(conn, objection_id) is None:
        raise missing()
    with reader.working() as work:
        objections.answer(
            work, reader.actor, objection_id, outcome, reason, document, grade=grade or None
        )
    return told(f"/objections/{objection_id}", "web.told.answered")


router.include_router(forms)
