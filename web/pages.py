"""The pages people read. What they do by form stands in ``acts``."""

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from geo import attachments, clock
from geo.hazards import hazards_of
from geo.problems import Problem
from geo.report.notice import changed
from geo.report.section import section
from geo.settings import settings
from geo.store import (
    corrections,
    intake,
    matches,
    objections,
    pond_queries,
    preview,
    queries,
    sendings,
    terrain_queries,
    works,
)
from geo.store import years as store_years
from geo.store.tiles import data_version
from geo.survey.counties import county_name
from geo.survey.diff import differences
from geo.survey.reading import ReadOptions
from geo.tailings.board import board
from web import (
    acts,
    base_maps,
    boards,
    drawing,
    ledger,
    lists,
    mapping,
    mines,
    notice,
    pond_view,
    ponds,
    reference,
    screening,
    terrains,
    view,
)
from web import objections as objecting
from web.door import AppConn, PageRoute, Reader, Signed, missing, signed_or_none
from web.render import STATIC, draw, lang_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
router.include_router(acts.router)
router.include_router(reference.router)
router.include_router(ponds.router)
router.include_router(terrains.router)
router.include_router(mapping.router)
router.include_router(mines.router)
router.include_router(base_maps.router)
router.include_router(drawing.router)
router.include_router(boards.router)
router.include_router(lists.router)
router.include_router(objecting.router)
router.include_router(ledger.router)
router.include_router(screening.router)
router.include_router(notice.router)
files = StaticFiles(directory=STATIC)

PAGE_SIZE = 100
FIRST_ROWS = 8
# So many of the workings due first stand open on a phone; a wide screen shows all.
FIRST_WORKINGS = 12
UPLOADS = 50
# So long an acceptance is told of on the sender's first page.
NEWS = dt.timedelta(days=7)
# Whose word each role may put on record (L2): an enterprise declares, a regulator enters all three.
SOURCES = {"regulator": ("decision", "appraisal", "declared"), "enterprise": ("declared",)}
FOREVER = "public, max-age=31536000, immutable"


@router.get("/static/{stamp}/{path:path}")
async def served_file(request: Request, stamp: str, path: str) -> Response:
    """Serve one of our own files; its address changes with its content, so it may be kept."""
    answer = await files.get_response(path, request.scope)
    answer.headers["Cache-Control"] = FOREVER
    return answer


@router.get("/")
def first(reader: Reader) -> Response:
    """Send each role to its first page (L13 for those who answer for the ground)."""
    return RedirectResponse("/uploads" if reader.role == "geologist" else "/advance", 303)


@router.get("/advance")
def advance(request: Request, reader: Reader, conn: AppConn, on: str = "") -> Response:
    """Draw the first page: who is due to drive into ground that is not clear."""
    made, lang = boards.boards_of(reader, conn, on), lang_of(request)
    submissions = queries.inbox(conn) if reader.role != "enterprise" else []
    held = objections.objections(conn)
    if reader.role != "enterprise":
        # An enterprise is told what became of its own; the others what waits for them.
        held = [one for one in held if one["state"] == "open"]
    ponds_late = pond_view.late(board(pond_queries.ponds(conn, made.on)))
    return draw(
        request,
        "advance.html",
        ponds_late=ponds_late,
        asked=on,
        reader=reader,
        on=made.on.isoformat(),
        groups={
            limit: [row for row in made.advance if row["bucket"] == limit]
            for limit in view.HORIZONS
        },
        first=FIRST_WORKINGS,
        total=len(made.advance),
        mines=len(made.mines),
        unclear_mines=len(made.unclear),
        waiting=len(submissions),
        submissions=submissions[:FIRST_ROWS],
        objections=held[:FIRST_ROWS],
        late=boards.listed(made, "late", lang, FIRST_ROWS),
        week=boards.listed(made, "week", lang, FIRST_ROWS),
        grades=boards.GRADES,
    )


@router.get("/mines/{code}")
def mine(
    request: Request,
    reader: Reader,
    conn: AppConn,
    code: str,
    on: str = "",
    known_at: str = "",
    working: str = "",
    years: Annotated[int, Query(ge=-20, le=20)] = 1,
    end: str = "",
) -> Response:
    """Draw everything behind one mine's grades; where asked, what a working moved would change.

    `end` chooses what an ending is proposed for, so that a list can lead to the form.
    """
    day = view.day(on)
    found = queries.mine(conn, code, day, view.known(known_at))
    if found is None:
        raise missing()
    lang, moment = lang_of(request), view.known(known_at)
    known = queries.seq_at(conn, moment)
    with reader.working() as worker:
        treated = works.of_mine(worker, code, known)
    treated = works.with_papers(conn, treated, known, code)
    shown = view.mine(found, lang)
    workings = queries.workings(conn, code, moment)
    moved = []
    # The ground of the day asked about, under the grades of that day.
    times = {"valid_on": day.isoformat()} if on or moment else {}
    if moment:
        times["known_at"] = moment.isoformat()
    if working:
        with reader.working() as worker:
            moved = store_years.if_moved(worker, code, working, years, day)["sentences"][lang]
    return draw(
        request,
        "mine.html",
        reader=reader,
        mine=shown,
        section=section(
            queries.workings(conn, code, moment, day),
            view.factors_met(found),
            int(found["zone_epsg"]),
            lang,
            queries.licence(conn, code, day, moment),
        ),
        district=county_name(shown["district"], lang),
        documents=view.documents(found),
        first=[row["sentence"][lang] for row in store_years.met_first(found["encounters"])],
        workings=sorted(
            {str(one["attrs"]["name"]) for one in workings if one["attrs"].get("name")}
        ),
        working=working,
        years=years,
        end=end,
        moved=moved,
        filed=queries.surveys_of(conn, code, moment),
        on=day.isoformat(),
        known_at=known_at,
        times=times,
        bases=base_maps.offered(settings(), lang),
        today=clock.today().isoformat(),
        version=data_version(conn),
        notified={one["hazard"] for one in changed(found)},
        sources=SOURCES.get(reader.role, ()),
        may_end=reader.role == "regulator",
        may_object=reader.role == "enterprise",
        attachments=attachments,
        works=[{k: ledger.work_cell(k, v, lang) for k, v in row.items()} for row in treated],
        to_paper=ledger.to_paper(reader, treated),
        objections=objections.objections(conn, code, moment),
        scales=[(hazard.code, hazard.grades) for hazard in hazards_of(shown["kind"])],
        surveys=[s for s in queries.surveys(conn) if s["state"] == "accepted"],
    )


@router.get("/uploads")
def uploads(
    request: Request, reader: Reader, conn: AppConn, offset: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """Draw where files are sent, those sent before, and what came back of them."""
    sent = queries.uploads(conn, offset, UPLOADS + 1)
    senders = reader.role in ("geologist", "enterprise")
    return draw(
        request,
        "uploads.html",
        reader=reader,
        back=queries.came_back(conn, clock.now() - NEWS) if senders else [],
        uploads=view.with_survey_states(sent[:UPLOADS], queries.surveys(conn)),
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


def _moves(reader: Signed, upload_id: UUID, lang: str) -> list[dict[str, Any]]:
    """Return which grades an upload would move if it were accepted."""
    with reader.working(snapshot=True) as conn:
        return view.moves(preview.preview(conn, upload_id), lang)


def _upload(conn: Any, upload_id: UUID) -> dict[str, Any]:
    found = intake.upload_status(conn, upload_id)
    if found is None:
        raise missing()
    return found


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
    found, lang = _upload(conn, upload_id), lang_of(request)
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
    accepted = [s for s in queries.surveys(conn) if s["state"] == "accepted"]
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
            moves = _moves(reader, upload_id, lang)
        except Problem as problem:
            trouble = problem
    return draw(
        request,
        "upload.html",
        reader=reader,
        upload=found,
        survey=queries.survey(conn, found["survey_id"]) if found["survey_id"] else None,
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


@router.get("/surveys")
def surveys(request: Request, reader: Reader, conn: AppConn) -> Response:
    """Draw the list of surveys the reader may see."""
    return draw(request, "surveys.html", reader=reader, surveys=queries.surveys(conn))


def _previewed(conn: Any, reader: Signed, row: dict[str, Any], lang: str) -> dict[str, Any]:
    """Return a survey with what it would move while it waits, or why that cannot be said."""
    sent = queries.upload_of(conn, row["id"]) if row["state"] == "submitted" else None
    item = {**row, "moves": None, "trouble": None, "asks": False}
    try:
        item["moves"] = _moves(reader, sent, lang) if sent else None
    except Problem as problem:
        # Said in its place: the rest of the page stands.
        item["trouble"] = problem
    return item


@router.get("/surveys/{survey_id}")
def survey(request: Request, reader: Reader, conn: AppConn, survey_id: UUID) -> Response:
    """Draw one survey: what it is and what happened to it."""
    found = queries.survey(conn, survey_id)
    if found is None:
        raise missing()
    shown = _previewed(conn, reader, found, lang_of(request))
    old = queries.survey(conn, found["supersedes"]) if found["supersedes"] else None
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
    found = queries.survey(conn, survey_id)
    if found is None:
        raise missing()
    item = _previewed(conn, reader, found, lang_of(request))
    return draw(request, "parts/moves.html", reader=reader, item=item)


def _waiting(conn: Any, reader: Signed, lang: str) -> list[dict[str, Any]]:
    """Return the surveys that wait, with what each would move where that was reckoned already."""
    rows = []
    with reader.working(snapshot=True) as worker:
        for row in queries.inbox(conn):
            upload_id = queries.upload_of(conn, row["id"])
            found = preview.kept(worker, upload_id) if upload_id else None
            moves = None if found is None else view.moves(found, lang)
            asks = upload_id is not None
            rows.append({**row, "moves": moves, "asks": asks, "trouble": None})
    return rows


def _proposal(conn: Any, row: dict[str, Any], lang: str) -> dict[str, Any]:
    code = row["mine_code"]
    of = queries.mine(conn, code, clock.today()) if code else None
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
        proposals=[_proposal(conn, row, lang) for row in queries.proposals(conn)],
        refused=[
            one
            for one in queries.refusals(conn, clock.now() - NEWS)
            if one["proposed_by"] == reader.actor.login
        ],
        objections=[one for one in objections.objections(conn) if one["state"] == "open"],
        models=[m for m in terrain_queries.models(conn) if m["state"] == "submitted"],
        open_acts=False,
    )


@router.get("/sign-in")
def sign_in(request: Request, next: str = "/") -> Response:
    """Draw the sign-in page."""
    if signed_or_none(request) is not None:
        return RedirectResponse(acts.back(next), 303)
    return draw(request, "sign_in.html", next=acts.back(next), login="", trouble=None)


@router.get("/password")
def password(request: Request, reader: Reader) -> Response:
    """Draw the form on which one changes one's own password."""
    return draw(request, "password.html", reader=reader, trouble=None)


@router.get("/{path:path}")
def nowhere(path: str) -> Response:
    """Answer every other address with a page that says there is none."""
    if path.startswith("api/"):
        # Programs are answered by the application's own table of failures.
        raise HTTPException(404)
    raise missing()
