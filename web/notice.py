"""The change notice of a mine, as PDF to be sealed."""

from fastapi import APIRouter
from fastapi.responses import Response

from geo import clock
from geo.report import notice
from geo.settings import settings
from web import view
from web.door import AppConn, PageRoute, Reader, missing

router = APIRouter(route_class=PageRoute, include_in_schema=False)
PDF = "application/pdf"


def answered(body: bytes) -> Response:
    """Return a notice as an answer."""
    headers = {
        "Content-Disposition": 'inline; filename="notice.pdf"',
        "Cache-Control": "no-store",
    }
    return Response(body, media_type=PDF, headers=headers)


@router.get("/mines/{code}/notice.pdf")
def of_mine(
    reader: Reader,
    conn: AppConn,
    code: str,
    hazard: str = "",
    on: str = "",
    known_at: str = "",
) -> Response:
    """Return the change notice of a mine: of one hazard, or of all that changed."""
    asked = view.hazard(hazard) or None
    known, day = view.known(known_at), view.day(on)
    by, today = reader.actor.login, clock.today()
    body = notice.of_mine(conn, settings(), code, day, known, asked, by, today)
    if body is None:
        raise missing()
    return answered(body)
