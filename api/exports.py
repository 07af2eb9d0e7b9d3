"""Routes: what may be taken away — state, log, the Excel sheet, the offline map."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse

from api.auth import AppConn, Caller, Day, Lang, Times, TimesAsked, only
from geo.report.grades import write_xlsx
from geo.report.offline_map import write_map
from geo.settings import settings
from geo.store import export, mine_queries
from geo.store.engine import connect
from web.door import Signed
from web.saved import XLSX, saved

router = APIRouter(prefix="/export", tags=["export"])
NDJSON = "application/x-ndjson"


def _lines(who: Signed, rows: Callable[[Any], Iterator[str]]) -> StreamingResponse:
    def sent() -> Iterator[str]:
        with connect(settings(), "app", who.actor) as conn:
            for row in rows(conn):
                yield f"{row}\n"

    return StreamingResponse(sent(), media_type=NDJSON)


@router.get(
    "/state",
    summary="State as NDJSON",
    response_class=Response,
    responses={200: {"content": {NDJSON: {}}}},
)
def export_state(who: Caller, valid_on: Day = None) -> StreamingResponse:
    """Stream grades, claims and encounters keyed by content; a regulator's are their district's."""
    only(who.actor, "export", "administrator", "regulator")
    return _lines(who, lambda conn: export.export_state(conn, Times(valid_on).on))


@router.get(
    "/log",
    summary="Everything published, as NDJSON",
    response_class=Response,
    responses={200: {"content": {NDJSON: {}}}},
)
def export_log(who: Caller) -> StreamingResponse:
    """Stream every published row and chain link in recorded order, for the administrator."""
    only(who.actor, "export", "administrator")
    return _lines(who, export.export_log)


@router.get(
    "/grades.xlsx",
    summary="Grades as an Excel sheet",
    response_class=Response,
    responses={200: {"content": {XLSX: {}}}},
)
def grades_xlsx(conn: AppConn, times: TimesAsked, lang: Lang) -> Response:
    """Return the four lines of every mine one may see."""
    rows = mine_queries.grades(conn, times.on, times.known)
    return saved("grades.xlsx", XLSX, lambda path: write_xlsx(path, rows, times.on, lang))


@router.get(
    "/map.html",
    summary="The map as one file",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}}},
)
def map_html(conn: AppConn, lang: Lang, valid_on: Day = None) -> Response:
    """Return a map of every mine one may see, to be opened with no internet."""
    on = Times(valid_on).on
    return saved("map.html", "text/html", lambda path: write_map(conn, path, on, lang))
