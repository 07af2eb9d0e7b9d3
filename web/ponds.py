"""The pages of tailings ponds: closure board, a pond, siting; and what is recorded by form."""

import datetime as dt
import tempfile
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import shapely
from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import Response

from geo import attachments, clock
from geo.problems import Problem
from geo.report.ponds import write_ponds_xlsx
from geo.settings import settings
from geo.store import pond_events, pond_objects, pond_page, pond_queries, pond_zones, sites
from geo.store.papers import EVENT, Sent
from geo.store.tiles import data_version
from geo.tailings.board import board, chosen
from geo.tailings.life import life_rules
from geo.tailings.siting import ACTIONS
from geo.tailings.trend import trend
from geo.tailings.words import basis
from web import pond_view, view
from web.acts import told
from web.attached import aside, file_event, paper_answer
from web.door import AppConn, PageRoute, Reader, checked_form, missing
from web.render import draw, lang_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
forms = APIRouter(
    route_class=PageRoute, include_in_schema=False, dependencies=[Depends(checked_form)]
)
Text = Annotated[str, Form(max_length=4000)]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SAY_SOURCES = ("site_check", "evaluation", "official_list", "decision")


@router.get("/ponds")
def ponds(
    request: Request,
    reader: Reader,
    conn: AppConn,
    on: str = "",
    state: str = "",
    late: str = "",
    who: str = "",
    demand: str = "",
    list: str = "",
) -> Response:
    """Draw the closure board and the ponds behind the figure asked for."""
    day = view.day(on)
    found = pond_queries.ponds(conn, day)
    figures = board(found)
    asked = {"state": state, "late": late, "who": who, "demand": demand, "list": list}
    given = {name: value for name, value in asked.items() if value}
    since = {"on": day.isoformat()} if on else {}
    return draw(
        request,
        "ponds.html",
        reader=reader,
        on=day.isoformat(),
        asked=given,
        board=figures,
        figures=pond_view.figures(figures),
        groups=pond_view.groups(figures),
        demands=figures["by_demand"],
        ponds=[{**p, "mark": pond_view.mark(p)} for p in chosen(found, asked)],
        every=len(found),
        excel=urlencode(since | given),
        trend=trend(found, day),
        trend_basis=basis(life_rules()["only_fewer"]),
        keep=f"{urlencode(since)}&" if since else "",
        terrain=pond_zones.run_summary(conn, data_version(conn)),
    )


@router.get("/ponds/board.xlsx")
def ponds_xlsx(
    request: Request,
    reader: Reader,
    conn: AppConn,
    on: str = "",
    state: str = "",
    late: str = "",
    who: str = "",
    demand: str = "",
    list: str = "",
) -> Response:
    """Return the ponds behind the figure asked for, or all, as an Excel sheet."""
    day = view.day(on)
    asked = {"state": state, "late": late, "who": who, "demand": demand, "list": list}
    rows = chosen(pond_queries.ponds(conn, day), asked)
    with tempfile.TemporaryDirectory(prefix="minerisk-") as folder:
        path = Path(folder) / "ponds.xlsx"
        write_ponds_xlsx(path, rows, day, lang_of(request))
        body = path.read_bytes()
    disposition = {"Content-Disposition": 'attachment; filename="ponds.xlsx"'}
    return Response(body, media_type=XLSX, headers=disposition)


def _pond(conn: Any, code: str, day: dt.date, known: Any, lang: str) -> dict[str, Any]:
    found = pond_page.pond(conn, code, day, known)
    if found is None:
        raise missing()
    return pond_view.pond(found, lang)


@router.get("/ponds/{code}")
def pond(
    request: Request,
    reader: Reader,
    conn: AppConn,
    code: str,
    on: str = "",
    known_at: str = "",
) -> Response:
    """Draw everything behind one pond."""
    day = view.day(on)
    shown = _pond(conn, code, day, view.known(known_at), lang_of(request))
    regulator = reader.role == "regulator"
    offered = shown["next"] if regulator else []
    if reader.role == "enterprise":
        offered = [kind for kind in pond_events.OWN_REPORTS if kind in shown["next"]]
    return draw(
        request,
        "pond.html",
        reader=reader,
        pond=shown,
        on=day.isoformat(),
        known_at=known_at,
        today=clock.today().isoformat(),
        version=data_version(conn),
        offered=offered,
        regulator=regulator,
        triggers=[t["code"] for t in shown["triggers"]],
        need_document=[k for k, m in life_rules()["moves"].items() if m.get("document")],
        sources=SAY_SOURCES,
        attachments=attachments,
    )


@router.get("/ponds/{code}/papers/{sha256}")
def pond_paper(reader: Reader, code: str, sha256: str) -> Response:
    """Return a paper behind a pond's event, to be saved."""
    return paper_answer(reader, EVENT, code, sha256)


@router.get("/map/ponds/{code}")
def map_pond(
    request: Request, reader: Reader, conn: AppConn, code: str, as_of: str = ""
) -> Response:
    """Draw what a pond is, for the panel beside the map."""
    shown = _pond(conn, code, view.day(as_of), view.known(as_of), lang_of(request))
    return draw(request, "parts/pond.html", reader=reader, pond=shown)


@router.get("/siting")
def siting(
    request: Request,
    reader: Reader,
    conn: AppConn,
    what: str = "pond",
    toe: str = "",
    body: str = "",
    action: str = "new",
    height: str = "",
    volume: str = "",
    one_step: str = "",
    replaces: str = "",
    safety: str = "",
) -> Response:
    """Draw the siting tool; with a place in the address, its answer too, so that it is a link."""
    if reader.role not in ("regulator", "administrator"):
        raise missing()
    asked = {
        "what": what if what in ("pond", "object") else "pond",
        "toe": toe,
        "body": body,
        "action": action,
        "height": height,
        "volume": volume,
        "one_step": one_step,
        "replaces": replaces,
        "safety": safety,
    }
    answer, met, trouble = None, None, None
    try:
        shape, ground = pond_view.toe(toe), pond_view.ground(body)
        if shape is not None:
            if asked["what"] == "object":
                whole = shape if ground is None else shapely.union(shape, ground)
                met = sites.below(settings(), whole)
            else:
                plan = pond_view.proposal(shape, ground, asked)
                answer = sites.site(settings(), plan, clock.today())
    except Problem as problem:
        trouble = problem
    listed = pond_queries.ponds(conn, clock.today())
    bounds = view.around(p["bounds"] for p in listed)
    return draw(
        request,
        "siting.html",
        reader=reader,
        asked=asked,
        answer=answer,
        met=met,
        trouble=trouble,
        actions=ACTIONS,
        version=data_version(conn),
        bounds=bounds,
        marks=pond_view.marks(listed, lang_of(request)),
    )


@forms.post("/ponds/{code}/events")
def happened(
    reader: Reader,
    conn: AppConn,
    code: str,
    kind: Text,
    on: Text,
    detail: Text = "",
    document: Text = "",
    proven_only: Text = "",
    files: Annotated[list[UploadFile] | None, File()] = None,
) -> Response:
    """Record one dated fact or decision of a pond, with its papers."""
    if not pond_queries.visible(conn, code):
        raise missing()
    with aside(files or []) as sent, reader.working() as working:
        done = pond_events.record_event(
            working,
            reader.actor,
            code,
            kind,
            view.day(on),
            detail=detail.strip(),
            document=document.strip(),
            proven_only=proven_only == "yes",
            sent=Sent(settings(), sent),
        )
    waits = done["state"] == "needs_second"
    return told(f"/ponds/{code}", "web.told.pond_waits" if waits else "web.told.pond_event")


@forms.post("/ponds/{code}/papers")
def add_papers(
    reader: Reader,
    code: str,
    event: Text = "",
    files: Annotated[list[UploadFile] | None, File()] = None,
) -> Response:
    """Record papers behind an event that is on record already."""
    file_event(reader, code, event, files or [])
    return told(f"/ponds/{code}#life", "web.told.papers")


@forms.post("/ponds/{code}/headtop")
def say_headtop(
    reader: Reader, conn: AppConn, code: str, source: Text, outcome: Text, on: Text, document: Text
) -> Response:
    """Record what a list, an evaluation, a site check or a decision says."""
    if not pond_queries.visible(conn, code):
        raise missing()
    with reader.working() as working:
        pond_objects.say_head_top(
            working, reader.actor, code, source, outcome, document, view.day(on)
        )
    return told(f"/ponds/{code}", "web.told.head_top")


router.include_router(forms)
