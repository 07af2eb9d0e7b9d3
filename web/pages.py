"""The pages people read, gathered; the first one, a mine's, and the door. Forms are in ``acts``."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from geo import attachments, clock
from geo.hazards import hazards_of
from geo.report.notice import changed
from geo.report.section import section
from geo.settings import settings
from geo.store import (
    batches,
    inbox_queries,
    mine_evidence,
    mine_queries,
    objections,
    pond_queries,
    survey_queries,
    works,
)
from geo.store import years as store_years
from geo.store.tiles import data_version
from geo.survey.advance import reached
from geo.survey.counties import county_name
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
    surveys,
    terrains,
    uploads,
    view,
)
from web import objections as objecting
from web.door import AppConn, PageRoute, Reader, missing, signed_or_none
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
router.include_router(uploads.router)
router.include_router(surveys.router)
files = StaticFiles(directory=STATIC)

FIRST_ROWS = 8
# So many of the workings due first stand open on a phone; a wide screen shows all.
FIRST_WORKINGS = 12
# Of several factors ahead of one working, the first page names the nearest.
FIRST_FACTORS = 5
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
    submissions = inbox_queries.submissions(conn) if reader.role != "enterprise" else []
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
            limit: [
                {**row, "reached": reached(row, lang, FIRST_FACTORS)}
                for row in made.advance
                if row["bucket"] == limit
            ]
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
    found = mine_evidence.mine(conn, code, day, view.known(known_at))
    if found is None:
        raise missing()
    lang, moment = lang_of(request), view.known(known_at)
    known = batches.seq_at(conn, moment)
    with reader.working() as worker:
        treated = works.of_mine(worker, code, known)
    treated = works.with_papers(conn, treated, known, code)
    shown = view.mine(found, lang)
    workings = mine_queries.workings(conn, code, moment)
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
            mine_queries.workings(conn, code, moment, day),
            view.factors_met(found),
            int(found["zone_epsg"]),
            lang,
            mine_queries.licence(conn, code, day, moment),
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
        filed=survey_queries.surveys_of(conn, code, moment),
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
        surveys=[s for s in survey_queries.surveys(conn) if s["state"] == "accepted"],
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
