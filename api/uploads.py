"""Routes: sending a file, following it, its report, what it would move, submitting it."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import Response, StreamingResponse

from api.auth import AppConn, Caller, Lang
from api.shapes import Again, Submission
from geo.problems import Problem
from geo.settings import settings
from geo.store import intake, queries, rawfiles
from geo.store.engine import connect
from geo.survey import notes
from geo.survey.reading import ReadOptions

router = APIRouter(prefix="/uploads", tags=["uploads"])
_CHUNK = 1 << 20
_TICK = 0.5
_OVER = ("staged", "failed", "submitted")


def _status(conn: Any, upload_id: UUID, lang: str) -> dict[str, Any]:
    found = intake.upload_status(conn, upload_id)
    if found is None:
        raise Problem("store.not_found", http_status=404)
    problem = found["problem"]
    sentence = problem and Problem(problem["code"], **problem["params"]).say(lang)
    names = ("id", "filename", "size", "state", "progress", "result", "survey_id", "created_at")
    return {**{n: found[n] for n in names}, "problem": problem and {**problem, "message": sentence}}


@router.post("", status_code=202, summary="Send a file")
def send(
    who: Caller,
    file: Annotated[UploadFile, File(description="Zip of shapefiles, GeoPackage or GeoJSON")],
    layer: Annotated[str | None, Form()] = None,
    crs: Annotated[int | None, Form()] = None,
    encoding: Annotated[str | None, Form()] = None,
    mine_code: Annotated[str | None, Form()] = None,
) -> dict[str, Any]:
    """Queue a file for reading; follow it at ``/uploads/{id}`` or its event stream."""
    options = ReadOptions(layer=layer, crs=crs, encoding=encoding, mine_code=mine_code)
    conf = settings()
    with tempfile.NamedTemporaryFile(prefix="minerisk-") as aside:
        size = 0
        while block := file.file.read(_CHUNK):
            size += len(block)
            if size > conf.max_upload_bytes:
                limit = conf.max_upload_bytes // 2**20
                raise Problem("store.too_large", http_status=413, limit=limit)
            aside.write(block)
        aside.flush()
        with who.working() as conn:
            upload_id = intake.register_upload(
                conn, who.actor, file.filename or "", Path(aside.name), options, settings=conf
            )
    return {"id": upload_id, "state": "queued"}


@router.get("", summary="My newest uploads")
def listed(conn: AppConn) -> list[dict[str, Any]]:
    """Return the newest uploads one may see."""
    names = ("id", "filename", "size", "state", "progress", "survey_id", "created_at")
    return [{n: row[n] for n in names} for row in queries.uploads(conn)]


@router.get("/{upload_id}", summary="State of an upload")
def status(upload_id: UUID, conn: AppConn, lang: Lang) -> dict[str, Any]:
    """Return state, progress, what was found, or the sentence that says what is wrong."""
    return _status(conn, upload_id, lang)


@router.get("/{upload_id}/events", summary="Live progress (server-sent events)")
async def events(upload_id: UUID, who: Caller, lang: Lang, request: Request) -> StreamingResponse:
    """Stream the state until the reading is over."""

    def now() -> dict[str, Any]:
        with connect(settings(), "app", who.actor) as conn:
            return _status(conn, upload_id, lang)

    first = await asyncio.to_thread(now)

    async def stream() -> AsyncIterator[str]:
        said, told = first, ""
        while True:
            body = json.dumps(
                {k: said[k] for k in ("state", "progress", "problem")}, ensure_ascii=False
            )
            if body != told:
                yield f"event: progress\ndata: {body}\n\n"
                told = body
            if said["state"] in _OVER or await request.is_disconnected():
                return
            await asyncio.sleep(_TICK)
            said = await asyncio.to_thread(now)

    return StreamingResponse(
        stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


@router.get("/{upload_id}/notes", summary="Row report, paged")
def report(
    upload_id: UUID, conn: AppConn, lang: Lang, offset: int = 0, limit: int = 100
) -> list[dict[str, Any]]:
    """Return what happened to each row that was not simply stored."""
    _status(conn, upload_id, lang)
    return [
        {**row, "message": Problem(row["code"], **row["params"]).say(lang)}
        for row in intake.upload_notes(conn, upload_id, max(offset, 0), min(max(limit, 1), 1000))
    ]


@router.get("/{upload_id}/report.csv", summary="Row report as CSV")
def report_csv(upload_id: UUID, conn: AppConn, lang: Lang) -> Response:
    """Return the row report as CSV that a spreadsheet opens in Chinese."""
    _status(conn, upload_id, lang)
    frame = intake.notes_frame(conn, upload_id)
    return Response(
        notes.to_csv(frame, lang),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="report.csv"'},
    )


@router.get("/{upload_id}/places.gpkg", summary="Places of the row report as a GeoPackage")
def places(upload_id: UUID, conn: AppConn, lang: Lang) -> Response:
    """Return the places of mended, refused and doubtful rows."""
    _status(conn, upload_id, lang)
    frame = intake.notes_frame(conn, upload_id)
    with tempfile.TemporaryDirectory(prefix="minerisk-") as folder:
        path = Path(folder) / "places.gpkg"
        notes.to_geopackage(frame, path, lang)
        body = path.read_bytes()
    return Response(
        body,
        media_type="application/geopackage+sqlite3",
        headers={"Content-Disposition": 'attachment; filename="places.gpkg"'},
    )


@router.get("/{upload_id}/preview", summary="What would move")
def preview(upload_id: UUID, who: Caller, lang: Lang) -> list[dict[str, Any]]:
    """Return which effective grades would move if the upload were accepted, and why."""
    with connect(settings(), "app", who.actor) as conn:
        _status(conn, upload_id, lang)
    with who.working() as conn:
        return intake.preview(conn, who.actor, upload_id)


@router.post("/{upload_id}/again", status_code=202, summary="Read the same bytes otherwise")
def again(upload_id: UUID, sent: Again, who: Caller, lang: Lang) -> dict[str, Any]:
    """Queue the same bytes with other options, as a new upload."""
    conf = settings()
    with connect(conf, "app", who.actor) as conn:
        _status(conn, upload_id, lang)
        found = intake.upload_status(conn, upload_id) or {}
    options = ReadOptions(**sent.model_dump())
    with who.working() as conn:
        fresh = intake.register_upload(
            conn,
            who.actor,
            found["filename"],
            rawfiles.path_of(conf, found["sha256"]),
            options,
            settings=conf,
        )
    return {"id": fresh, "state": "queued"}


@router.post("/{upload_id}/submit", status_code=201, summary="Submit as a survey")
def submit(upload_id: UUID, sent: Submission, who: Caller, lang: Lang) -> dict[str, Any]:
    """Submit a staged upload for review."""
    with connect(settings(), "app", who.actor) as conn:
        _status(conn, upload_id, lang)
    with who.working() as conn:
        survey_id = intake.submit(conn, who.actor, upload_id, supersedes=sent.supersedes)
    return {"survey_id": survey_id, "state": "submitted"}
