"""Routes: a large file in pieces, gone on with after a broken connection or a closed page.

With curl: begin, ask how far it is, send from there, finish. docs/uploads.md has the lines.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.auth import AppConn, Caller
from api.shapes import Beginning
from geo.problems import Problem
from geo.settings import settings
from geo.store import sendings as store
from geo.survey.reading import ReadOptions
from web.door import Signed

router = APIRouter(prefix="/sendings", tags=["uploads"])
_SHOWN = ("id", "filename", "size", "sha256", "mark", "created_at", "touched_at")
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _told(row: Any) -> dict[str, Any]:
    said = {name: getattr(row, name) for name in _SHOWN}
    return {**said, "received": store.received(settings(), row), "piece_bytes": store.CHUNK_BYTES}


@router.post("", status_code=201, summary="Begin, or find again, a file sent in pieces")
def begin_sending(sent: Beginning, who: Caller) -> dict[str, Any]:
    """Begin to send a large file; one that was begun before goes on where it broke off.

    Answers how many bytes are there (``received``) and how large a piece may well be.
    """
    options = ReadOptions(**{name: getattr(sent, name) for name in Beginning.reading})
    with who.working() as conn:
        row = store.begin(
            conn,
            who.actor,
            sent.filename,
            sent.size,
            options,
            settings=settings(),
            sha256=sent.sha256 and sent.sha256.lower(),
            mark=sent.mark,
        )
    return _told(row)


@router.get("", summary="What I have on its way")
def sendings(who: Caller, conn: AppConn) -> list[dict[str, Any]]:
    """Return one's own files that are not whole yet, oldest first."""
    return [_told(row) for row in store.listed(conn, who.actor)]


@router.get("/{sending_id}", summary="How far a file is")
def sending(sending_id: UUID, who: Caller, conn: AppConn) -> dict[str, Any]:
    """Return how many bytes are there: go on from ``received``."""
    return _told(store.found(conn, who.actor, sending_id))


def _add(who: Signed, sending_id: UUID, offset: int, piece: bytes, sha256: str | None) -> int:
    with who.working() as conn:
        return store.add(
            conn, who.actor, sending_id, offset, piece, settings=settings(), sha256=sha256
        )


@router.patch(
    "/{sending_id}",
    summary="Send a piece",
    openapi_extra=_BODY,
    responses={200: {"description": "The piece is there."}},
)
async def add_piece(
    sending_id: UUID,
    who: Caller,
    request: Request,
    offset: Annotated[int, Query(ge=0, le=2**40, description="Where the piece begins, bytes")],
    sha256: Annotated[
        str | None, Query(pattern="^[0-9a-fA-F]{64}$", description="Of the piece")
    ] = None,
) -> dict[str, Any]:
    """Put a piece where the last one ended.

    A piece that does not arrive whole counts for nothing. One for another place is refused (409)
    with the place to go on from in ``params.received``.
    """
    piece = bytearray()
    try:
        async for block in request.stream():
            piece += block
            if len(piece) > store.CHUNK_AT_MOST:
                limit = store.CHUNK_AT_MOST // 2**20
                raise Problem("store.too_large", http_status=413, limit=limit)
    except ClientDisconnect:
        # Nobody is there to be told, and nothing was kept.
        raise Problem("store.piece_broken", received=offset) from None
    there = await run_in_threadpool(_add, who, sending_id, offset, bytes(piece), sha256)
    return {"id": sending_id, "received": there}


@router.post("/{sending_id}/finish", status_code=202, summary="The file is whole: read it")
def finish_sending(sending_id: UUID, who: Caller) -> dict[str, Any]:
    """Queue a whole file for reading; follow it at ``/uploads/{id}`` as any other."""
    with who.working() as conn:
        upload_id = store.finish(conn, who.actor, sending_id, settings=settings())
    store.clear(settings(), sending_id)
    return {"id": upload_id, "state": "queued"}


@router.delete("/{sending_id}", status_code=204, summary="Throw away what is not whole")
def abandon_sending(sending_id: UUID, who: Caller) -> Response:
    """Throw away a file that is not whole yet, and free its room."""
    with who.working() as conn:
        store.abandon(conn, who.actor, sending_id)
    store.clear(settings(), sending_id)
    return Response(status_code=204)
