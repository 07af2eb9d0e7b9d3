"""The pages of files: where they are sent, and what was found in one, row by row."""

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from geo import clock
from geo.problems import Problem
from geo.settings import settings
from geo.store import (
    corrections,
    inbox_queries,
    intake,
    matches,
    preview,
    sendings,
    survey_queries,
    terrain_queries,
)
from geo.store.tiles import data_version
from geo.survey.diff import differences
from geo.survey.reading import ReadOptions
from web import base_maps, terrains, view
from web.door import AppConn, PageRoute, Reader, Signed
from web.render import draw, lang_of
from web.sent import upload_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)

PAGE_SIZE = 100
UPLOADS = 50
# So long an acceptance is told of on the sender's first page.
NEWS = dt.timedelta(days=7)


@router.get("/uploads")
def uploads(
    request: Request, reader: Reader, conn: AppConn, offset: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """Draw where files are sent, those sent before, and what came back of them."""
    sent = survey_queries.uploads(conn, offset, UPLOADS + 1)
    senders = reader.role in ("geologist", "enterprise")
    return draw(
        request,
        "uploads.html",
        reader=reader,
        back=inbox_queries.came_back(conn, clock.now() - NEWS) if senders else [],
        uploads=view.with_survey_states(sent[:UPLOADS], survey_queries.surveys(conn)),
        model_states={m["id"]: m["state"] for m in terrain_queries.models(conn)},
        more=len(sent) > UPLOADS,
        offset=offset,
        page_size=UPLOADS,
        sendings=[
            {**row._mapping, "received": sendings.received(settings(), row)}
            for row in sendings.listed(conn, reader.actor)
        ],
        options=ReadOptions().model_dump(),
        max_mb=settings().max_upload_bytes // (1024 * 1024),
        **view.reading_choices(lang_of(request)),
    )


def moves_of(reader: Signed, upload_id: UUID, lang: str) -> list[dict[str, Any]]:
    """Return which grades an upload would move if it were accepted."""
    with reader.working(snapshot=True) as conn:
        return view.moves(preview.preview(conn, upload_id), lang)


@router.get("/uploads/{upload_id}")
def upload(
    request: Request,
    reader: Reader,
    conn: AppConn,
    upload_id: UUID,
    offset: Annotated[int, Query(ge=0)] = 0,
    against: str = "",
) -> Response:
    """Draw what was found in a file, row by row, what it would move, and what it would change."""
    found, lang = upload_of(conn, upload_id), lang_of(request)
    if found["options"].get("terrain"):
        return draw(
            request,
            "model.html",
            reader=reader,
            upload=found,
            said={**found["options"]["terrain"], "crs": found["options"]["crs"]},
            own=found["created_by"] == reader.actor.user_id,
            units=terrains.UNITS,
            **view.reading_choices(lang),
        )
    if found["state"] == "staged" and preview.at_work(upload_id):
        # It was left while it was being graded: who comes back waits with it, and sees for what.
        found |= {"state": "reading", "progress": {"stage": "grading"}}
    notes: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    frames: list[dict[str, Any]] = []
    moves = None
    accepted = [s for s in survey_queries.surveys(conn) if s["state"] == "accepted"]
    replaced = next((s for s in accepted if str(s["id"]) == against), None)
    trouble = None
    corrected = None
    if found["options"].get("corrects"):
        corrected = corrections.old_of(conn, UUID(found["options"]["corrects"]), None)
    asked: list[dict[str, Any]] = []
    if found["state"] in ("staged", "submitted"):
        asked = matches.listed(conn, upload_id, limit=PAGE_SIZE + 1)
        notes = intake.upload_notes(conn, upload_id, offset, PAGE_SIZE + 1)
        # All are compared and outlined; else only those the page's notes tell of are drawn.
        whole = replaced or corrected or view.frame_in_doubt(found["result"])
        told = None if whole else {(n["layer"], n["row_no"]) for n in notes if n["row_no"]}
        rows = intake.upload_rows(conn, upload_id, told)
        notes = view.mended_shapes(notes, rows)
        frames = view.frames(rows, found["result"], lang)
    if found["state"] == "staged":
        try:
            moves = moves_of(reader, upload_id, lang)
        except Problem as problem:
            trouble = problem
    return draw(
        request,
        "upload.html",
        reader=reader,
        upload=found,
        survey=survey_queries.survey(conn, found["survey_id"]) if found["survey_id"] else None,
        options=found["options"],
        moves=moves,
        matches=[view.question(one) for one in asked[:PAGE_SIZE]],
        more_matches=len(asked) > PAGE_SIZE,
        fields_of=view.field_choices(),
        preview_problem=trouble,
        replaceable=accepted,
        against=replaced,
        diff=differences(intake.survey_rows(conn, replaced["id"]), rows) if replaced else None,
        corrected=corrected,
        corrected_diff=differences([corrected], rows) if corrected and rows else None,
        frames=frames,
        bases=base_maps.offered(settings(), lang),
        notes=notes[:PAGE_SIZE],
        more=len(notes) > PAGE_SIZE,
        offset=offset,
        page_size=PAGE_SIZE,
        version=data_version(conn),
        **view.reading_choices(lang_of(request)),
    )
