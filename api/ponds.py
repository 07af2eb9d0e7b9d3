"""Routes: tailings ponds, their life, head-top verdicts, zones, and questions of a place."""

from typing import Annotated, Any, Literal

import shapely
from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import Response

from api.auth import AppConn, Caller, Lang, TimesAsked, only
from api.pond_shapes import Happened, HeadTopSaid, NewObject, Site
from geo.problems import Problem
from geo.report.ponds import write_ponds_xlsx
from geo.settings import settings
from geo.store import pond_events, pond_objects, pond_page, pond_queries, pond_zones, sites
from geo.store.engine import connect
from geo.tailings.board import board, chosen
from geo.tailings.trend import trend
from web.attached import aside
from web.saved import XLSX, saved

router = APIRouter(tags=["ponds"])
Asked = Annotated[str, Query(max_length=40)]


def _pond(conn: Any, code: str, times: Any) -> dict[str, Any]:
    found = pond_page.pond(conn, code, times.on, times.known)
    if found is None:
        raise Problem("store.no_such_pond", http_status=404, pond=code)
    return found


def seen(who: Any, code: str) -> None:
    """Raise 404 for a pond one may not see, whatever one would do to it."""
    with connect(settings(), "app", who.actor) as conn:
        if not pond_queries.visible(conn, code):
            raise Problem("store.no_such_pond", http_status=404, pond=code)


@router.get("/ponds", summary="Ponds with state, duties and head-top")
def ponds(
    conn: AppConn,
    times: TimesAsked,
    state: Asked = "",
    late: Asked = "",
    who: Asked = "",
    demand: Asked = "",
    list: Asked = "",
) -> list[dict[str, Any]]:
    """Return the ponds one may see, or those behind one figure of the closure board."""
    found = pond_queries.ponds(conn, times.on, times.known)
    asked = {"state": state, "late": late, "who": who, "demand": demand, "list": list}
    return chosen(found, asked)


@router.get("/ponds/board", summary="The closure board")
def ponds_board(conn: AppConn, times: TimesAsked) -> dict[str, Any]:
    """Return counts by state, lateness, who must act and requirement, with the codes behind.

    And the number of ponds at each year's end, which may only fall.
    """
    found = pond_queries.ponds(conn, times.on, times.known)
    return {**board(found), "trend": trend(found, times.on)}


@router.get(
    "/ponds/board.xlsx",
    summary="The closure board as an Excel sheet",
    response_class=Response,
    responses={200: {"content": {XLSX: {}}}},
)
def ponds_xlsx(
    conn: AppConn,
    times: TimesAsked,
    lang: Lang,
    state: Asked = "",
    late: Asked = "",
    who: Asked = "",
    demand: Asked = "",
    list: Asked = "",
) -> Response:
    """Return the ponds one may see, or those behind one figure, with both duties and days late."""
    asked = {"state": state, "late": late, "who": who, "demand": demand, "list": list}
    rows = chosen(pond_queries.ponds(conn, times.on, times.known), asked)
    return saved("ponds.xlsx", XLSX, lambda path: write_ponds_xlsx(path, rows, times.on, lang))


@router.get("/ponds/{code}", summary="One pond and why")
def pond(code: str, conn: AppConn, times: TimesAsked) -> dict[str, Any]:
    """Return life, duties, requirements, dams, events, what sources say and what was computed."""
    return _pond(conn, code, times)


@router.get("/ponds/{code}/headtop", summary="Who lies below a pond")
def headtop(code: str, conn: AppConn, times: TimesAsked) -> dict[str, Any]:
    """Return the verdict with its sources, the path, the objects met and the strip below."""
    found = _pond(conn, code, times)
    names = ("code", "name", "head_top", "computed", "strip", "terrain")
    return {name: found[name] for name in names}


@router.post("/ponds/{code}/events", status_code=201, summary="Record what happened to a pond")
def happened(code: str, sent: Happened, who: Caller) -> dict[str, Any]:
    """Put one dated fact or decision on record; an impossible history is refused, and why.

    What would end a duty or strike the pond off is proposed: a second person confirms it.
    """
    seen(who, code)
    with who.working() as conn:
        return pond_events.record_event(
            conn,
            who.actor,
            code,
            sent.kind,
            sent.on,
            detail=sent.detail,
            document=sent.document,
            proven_only=sent.proven_only,
        )


@router.post("/ponds/{code}/headtop", status_code=201, summary="Say whether a pond is head-top")
def say_headtop(code: str, sent: HeadTopSaid, who: Caller) -> dict[str, Any]:
    """Put the word of a list, an evaluation, a site check or a decision on record."""
    seen(who, code)
    with who.working() as conn:
        key = pond_objects.say_head_top(
            conn, who.actor, code, sent.source, sent.outcome, sent.document, sent.on
        )
    return {"key": key, "state": "recorded"}


@router.get("/zones", summary="No-build zone and the strips below ponds")
def zones(conn: AppConn, times: TimesAsked) -> dict[str, Any]:
    """Return the zones one may see as GeoJSON; outside a zone is no permission."""
    return pond_zones.as_geojson(pond_zones.zones(conn, times.known))


@router.post("/siting", summary="May a pond stand here")
def siting(sent: Site, who: Caller, times: TimesAsked) -> dict[str, Any]:
    """Answer every rule of siting yes, no or undetermined, each with its basis."""
    only(who.actor, "siting", "regulator", "administrator")
    return sites.site(settings(), sent.proposal(), times.on)


@router.post("/siting/file", summary="Toe or ground of a pond out of a file")
def siting_file(
    who: Caller,
    file: Annotated[
        UploadFile, File(description="Shapefile zip, GPKG, GeoJSON, DXF, KML, CSV, xlsx")
    ],
    part: Annotated[Literal["toe", "body"], Form(description="What it draws")] = "toe",
    crs: Annotated[int | None, Form(description="EPSG code")] = None,
) -> dict[str, Any]:
    """Read a place from any file an upload may be; nothing is kept of it.

    Lines and points are the toe, areas the pond's ground; of a file with areas alone the outline
    is the toe, and ``outline`` says so.
    """
    only(who.actor, "siting", "regulator", "administrator")
    conf = settings()
    if (file.size or 0) > conf.max_upload_bytes:
        limit = conf.max_upload_bytes // 2**20
        raise Problem("store.too_large", http_status=413, limit=limit)
    with aside([file]) as sent:
        if not sent:
            raise Problem("store.empty_file", file="")
        ((name, path),) = sent
        found = sites.place_of(conf, path, name, part, crs)
    drawn = {"toe": found.toe, "body": found.body}
    shown = {n: None if s is None else shapely.geometry.mapping(s) for n, s in drawn.items()}
    return {**shown, "outline": found.outline}


@router.post("/siting/object", summary="Which ponds would a new building make head-top")
def siting_object(sent: NewObject, who: Caller) -> list[dict[str, Any]]:
    """Return the ponds whose flow path would meet a new house, school or factory."""
    only(who.actor, "siting", "regulator", "administrator")
    return sites.below(settings(), shapely.geometry.shape(sent.place), sent.error_m)
