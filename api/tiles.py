"""Route: vector tiles of what the caller may see."""

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response

from api.auth import AppConn, Caller, TimesAsked
from geo.store import batches, tiles

router = APIRouter(tags=["tiles"])
MEDIA_TYPE = "application/vnd.mapbox-vector-tile"


def _kept(etag: str, said: str | None) -> bool:
    """Tell whether the caller has this tile; a proxy that compresses marks tags as weak."""
    tags = [tag.strip().removeprefix("W/") for tag in (said or "").split(",")]
    return etag in tags or "*" in tags


@router.get(
    "/tiles/{layer}/{z}/{x}/{y}.mvt",
    summary="Vector tile",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {}}}, 304: {"description": "The caller has it"}},
)
def tile(
    layer: str,
    z: int,
    x: int,
    y: int,
    who: Caller,
    conn: AppConn,
    times: TimesAsked,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return a Mapbox vector tile: mines, plan, extents, factors, unclear or encounters."""
    seq = batches.seq_at(conn, times.known)
    etag = tiles.tag(who.actor, layer, z, x, y, seq, times.on)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Cookie"}
    if _kept(etag, if_none_match):
        return Response(status_code=304, headers=headers)
    body = tiles.tile(conn, layer, z, x, y, seq, times.on)
    return Response(body, media_type=MEDIA_TYPE, headers=headers)
