"""Routes: sending a file, following it, its report, what it would move, submitting it."""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import Json
from sqlalchemy import Connection

from api import stopping
from api.auth import AppConn, Caller, Lang
from api.shapes import Again, Answer, Submission
from api.surveys import seen
from geo.problems import Problem
from geo.settings import settings
from geo.store import corrections, intake, matches, rawfiles, survey_queries
from geo.store import preview as previews
from geo.store.engine import connect
from geo.survey import notes
from geo.survey.reading import ReadOptions
from geo.survey.reading.archive import check_name
from geo.survey.reading.result import Statement
from web.door import Signed

router = APIRouter(prefix="/uploads", tags=["uploads"])
_CHUNK = 1 << 20
_TICK = 0.3
# A stream says that it lives, and ends by itself: whoever still listens asks again.
_QUIET, _LONGEST = 15.0, 600.0
_OVER = ("staged", "failed", "submitted")
CSV, GPKG = "text/csv", "application/geopackage+sqlite3"
# What was said of a file beside how it is read.
_STAND = ("corrects", "error_m", "terrain")
_LISTED = ("id", "filename", "size", "state", "progress", "survey_id", "terrain_id", "created_at")


_GRADING = {"state": "grading", "progress": {"stage": "grading", "done": 0, "total": 0}}


def _graded(who: Signed, upload_id: UUID) -> None:
    """Reckon what an upload would move, so that it is known when its page asks."""
    while previews.at_work(upload_id):
        # One who reckons is enough: what they find is kept.
        time.sleep(_TICK)
    try:
        with who.working(snapshot=True) as conn:
            previews.preview(conn, upload_id)
    except Problem:
        # What stands against it the page says.
        return


def _found(conn: Connection, upload_id: UUID) -> dict[str, Any]:
    found = intake.upload_status(conn, upload_id)
    if found is None:
        raise Problem("store.not_found", http_status=404)
    return found


def _status(conn: Connection, upload_id: UUID, lang: str) -> dict[str, Any]:
    found = _found(conn, upload_id)
    problem = found["problem"]
    sentence = problem and Problem(problem["code"], **problem["params"]).say(lang)
    shown = {n: found[n] for n in (*_LISTED, "options", "result")}
    return {**shown, "problem": problem and {**problem, "message": sentence}}


def _read(conn: Connection, upload_id: UUID) -> dict[str, Any]:
    """Return an upload that was read; where it could not be, the sentence that says why."""
    found = _found(conn, upload_id)
    if found["problem"]:
        raise Problem(found["problem"]["code"], **found["problem"]["params"])
    if found["state"] not in _OVER:
        raise Problem(
            "store.not_staged", http_status=409, file=found["filename"], state=found["state"]
        )
    return found


def _now(who: Signed, upload_id: UUID, lang: str) -> dict[str, Any]:
    with connect(settings(), "app", who.actor) as conn:
        return _status(conn, upload_id, lang)


def _register(who: Signed, file: UploadFile, options: ReadOptions) -> UUID:
    conf, name = settings(), file.filename or ""
    check_name(name)
    with tempfile.NamedTemporaryFile(prefix="minerisk-") as aside:
        size = 0
        while block := file.file.read(_CHUNK):
            size += len(block)
            if size > conf.max_upload_bytes:
                limit = conf.max_upload_bytes // 2**20
                raise Problem("store.too_large", http_status=413, limit=limit)
            aside.write(block)
        if size == 0:
            raise Problem("store.empty_file", file=name)
        aside.flush()
        with who.working() as conn:
            return intake.register_upload(
                conn, who.actor, name, Path(aside.name), options, settings=conf
            )


def _correctable(who: Signed, feature_id: UUID) -> None:
    """Raise unless there is such a row that the caller sees and that may be corrected."""
    with connect(settings(), "app", who.actor) as conn:
        corrections.target(conn, feature_id)


@router.post("", status_code=202, summary="Send a file")
async def send(
    who: Caller,
    lang: Lang,
    file: Annotated[
        UploadFile, File(description="Shapefile zip, GPKG, GeoJSON, DXF, KML, CSV, xlsx")
    ],
    layer: Annotated[str | None, Form(description="Layer type", max_length=60)] = None,
    crs: Annotated[int | None, Form(description="EPSG code")] = None,
    encoding: Annotated[str | None, Form(description="Of the .dbf", max_length=60)] = None,
    mine_code: Annotated[str | None, Form(description="Of rows without", max_length=200)] = None,
    mapping: Annotated[
        Json[dict[str, str]] | None, Form(description="JSON: source field → canonical field")
    ] = None,
    corrects: Annotated[
        UUID | None, Form(description="The row on record whose place the file's one row takes")
    ] = None,
    error_m: Annotated[float, Form(ge=0, description="Positional error, in metres")] = 0,
    terrain: Annotated[
        Json[Statement] | None,
        Form(description="JSON: source, dated, error_m, unit of an elevation model"),
    ] = None,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the reading")] = 0,
) -> Response:
    """Queue a file for reading; follow it at ``/uploads/{id}`` or its event stream.

    With ``wait``, a file read in that time is answered at once: 201 with what was found, or 4xx
    with the sentence that says what is wrong with it.
    """
    options = ReadOptions(
        layer=layer,
        crs=crs,
        encoding=encoding,
        mine_code=mine_code,
        mapping=mapping or {},
        corrects=corrects,
        error_m=error_m,
        terrain=terrain,
    )
    if corrects is not None:
        await asyncio.to_thread(_correctable, who, corrects)
    upload_id = await asyncio.to_thread(_register, who, file, options)
    until = time.monotonic() + wait
    while time.monotonic() < until:
        said = await asyncio.to_thread(_now, who, upload_id, lang)
        if said["problem"]:
            raise Problem(said["problem"]["code"], **said["problem"]["params"])
        if said["state"] in _OVER:
            body = {k: said[k] for k in ("state", "result")}
            return JSONResponse({"id": str(upload_id), **body}, status_code=201)
        await asyncio.sleep(_TICK)
    return JSONResponse({"id": str(upload_id), "state": "queued"}, status_code=202)


@router.get("", summary="My newest uploads")
def uploads(conn: AppConn) -> list[dict[str, Any]]:
    """Return the newest uploads one may see."""
    return [{n: row[n] for n in _LISTED} for row in survey_queries.uploads(conn)]


@router.get("/{upload_id}", summary="State of an upload")
def upload(upload_id: UUID, conn: AppConn, lang: Lang) -> dict[str, Any]:
    """Return state, progress, what was found, or the sentence that says what is wrong."""
    return _status(conn, upload_id, lang)


@router.get(
    "/{upload_id}/events",
    summary="Live progress (server-sent events)",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def events(upload_id: UUID, who: Caller, lang: Lang, request: Request) -> StreamingResponse:
    """Stream the state until the file is read, and what it would move is graded.

    A file that is read is ``grading`` first, and only then ``staged``: its page then answers at
    once.
    """
    first = await asyncio.to_thread(_now, who, upload_id, lang)

    async def stream() -> AsyncIterator[str]:
        said, told = first, ""
        graded: asyncio.Task[None] | None = None
        began = spoke = time.monotonic()
        while not await request.is_disconnected():
            if said["state"] == "staged" and graded is None:
                graded = asyncio.create_task(asyncio.to_thread(_graded, who, upload_id))
            if graded is not None and not graded.done():
                said = {**said, **_GRADING}
            shown = {k: said[k] for k in ("state", "progress", "problem")}
            body = json.dumps(shown, ensure_ascii=False)
            if body != told or time.monotonic() - spoke > _QUIET:
                yield f"event: progress\ndata: {body}\n\n" if body != told else ": still here\n\n"
                told, spoke = body, time.monotonic()
            if said["state"] in _OVER or time.monotonic() - began > _LONGEST:
                return
            if stopping.asked.is_set():
                return
            await asyncio.sleep(_TICK)
            try:
                said = await asyncio.to_thread(_now, who, upload_id, lang)
            except Problem:
                # Thrown away meanwhile: there is nothing more to tell.
                return

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)


@router.get("/{upload_id}/notes", summary="Row report, paged")
def report(
    upload_id: UUID,
    conn: AppConn,
    lang: Lang,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:
    """Return what happened to each row that was not simply stored, refused rows first."""
    _read(conn, upload_id)
    return [
        {**row, "message": notes.sentence(row["code"], row["params"], lang)}
        for row in intake.upload_notes(conn, upload_id, offset, limit)
    ]


def _attached(body: bytes, media_type: str, name: str) -> Response:
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type=media_type, headers=disposition)


@router.get(
    "/{upload_id}/report.csv",
    summary="Row report as CSV",
    response_class=Response,
    responses={200: {"content": {CSV: {}}}},
)
def report_csv(upload_id: UUID, conn: AppConn, lang: Lang) -> Response:
    """Return the row report as CSV that a spreadsheet opens in Chinese."""
    _read(conn, upload_id)
    body = notes.to_csv(intake.notes_frame(conn, upload_id), lang)
    return _attached(body, f"{CSV}; charset=utf-8", "report.csv")


@router.get(
    "/{upload_id}/places.gpkg",
    summary="Places of the row report as a GeoPackage",
    response_class=Response,
    responses={200: {"content": {GPKG: {}}}},
)
def places(upload_id: UUID, conn: AppConn, lang: Lang) -> Response:
    """Return the places of mended, refused and doubtful rows."""
    _read(conn, upload_id)
    frame = intake.notes_frame(conn, upload_id)
    with tempfile.TemporaryDirectory(prefix="minerisk-") as folder:
        path = Path(folder) / "places.gpkg"
        notes.to_geopackage(frame, path, lang)
        return _attached(path.read_bytes(), GPKG, "places.gpkg")


@router.get("/{upload_id}/preview", summary="What would move")
def preview(upload_id: UUID, who: Caller) -> list[dict[str, Any]]:
    """Return which effective grades would move if the upload were accepted, and why.

    Whoever may see the upload may ask: its sender, and the regulator who is to review it.
    """
    with connect(settings(), "app", who.actor) as conn:
        found = _read(conn, upload_id)
        sent = survey_queries.survey(conn, found["survey_id"]) if found["survey_id"] else None
        if sent is not None and sent["state"] != "submitted":
            raise Problem(
                "store.wrong_state", http_status=409, file=found["filename"], state=sent["state"]
            )
    with connect(settings(), "worker", who.actor, snapshot=True) as conn:
        # Shown is what the caller may see.
        return previews.preview(conn, upload_id)


@router.get("/{upload_id}/matches", summary="Rows that look like known objects")
def questions(
    upload_id: UUID,
    conn: AppConn,
    lang: Lang,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:
    """Return the rows that look like objects one may see, open questions first.

    Nothing merges by itself: an unanswered row is submitted as a new object.
    """
    _read(conn, upload_id)
    return [
        {**one, "message": _question(one, lang)}
        for one in matches.listed(conn, upload_id, offset, limit)
    ]


def _question(one: dict[str, Any], lang: str) -> str:
    code, params = matches.words(one)
    return Problem(code, **params).say(lang)


@router.post("/{upload_id}/matches/{match_id}", summary="Answer whether it is the same")
def answer(upload_id: UUID, match_id: UUID, sent: Answer, who: Caller) -> dict[str, Any]:
    """Put on record whether a row is the object it looks like, before the upload is submitted."""
    with connect(settings(), "app", who.actor) as conn:
        _read(conn, upload_id)
        if not matches.seen(conn, upload_id, match_id):
            raise Problem("store.not_found", http_status=404)
    with who.working() as conn:
        matches.settle(conn, who.actor, upload_id, match_id, sent.same)
    return {"id": match_id, "state": "same" if sent.same else "other"}


@router.post("/{upload_id}/again", status_code=202, summary="Read the same bytes otherwise")
def again(upload_id: UUID, sent: Again, who: Caller) -> dict[str, Any]:
    """Queue the same bytes with other options, as a new upload."""
    conf = settings()
    with connect(conf, "app", who.actor) as conn:
        found = _found(conn, upload_id)
    bytes_ = rawfiles.path_of(conf, found["sha256"])
    with who.working() as conn:
        fresh = intake.register_upload(
            conn,
            who.actor,
            found["filename"],
            bytes_,
            # Read otherwise, it still stands for what it was drawn for.
            ReadOptions(
                **sent.model_dump(),
                **{k: v for k, v in found["options"].items() if k in _STAND},
            ),
            settings=conf,
        )
    return {"id": fresh, "state": "queued"}


@router.post("/{upload_id}/submit", status_code=201, summary="Submit as a survey")
def submit(upload_id: UUID, sent: Submission, who: Caller) -> dict[str, Any]:
    """Submit a staged upload for review; it may name the survey it replaces."""
    with connect(settings(), "app", who.actor) as conn:
        _read(conn, upload_id)
    seen(who, sent.supersedes)
    with who.working() as conn:
        survey_id = intake.submit(conn, who.actor, upload_id, supersedes=sent.supersedes)
    return {"survey_id": survey_id, "state": "submitted"}
