"""What stands around every answer: its number, its headers, the log, and how much may be sent."""

import time
from uuid import uuid4

import structlog
from anyio.to_thread import run_sync
from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import answer
from geo import attachments
from geo.problems import Problem
from geo.settings import settings
from geo.store.sendings import CHUNK_AT_MOST
from web.base_maps import origins
from web.door import signed_or_none

log = structlog.get_logger("api")

# No inline script or style runs, nothing is loaded from elsewhere, nobody may frame us.
# blob: is the map's worker, data: its pattern images.
# A map from outside is asked for by the page itself, so its origin stands in both lists.
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:{maps}; "
    "worker-src 'self' blob:; connect-src 'self'{maps}; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
}
_MEBIBYTE = 1 << 20


def _limit(path: str) -> tuple[bool, int]:
    """Tell whether an address takes files, and how many bytes a body sent to it may have."""
    if path.startswith("/api/v1/sendings/"):
        return True, CHUNK_AT_MOST
    # A form is a little larger than the files in it.
    ending = path.rstrip("/")
    if ending.endswith("/uploads"):
        return True, settings().max_upload_bytes + _MEBIBYTE
    # A pond's event has files with it as a form; the service takes one as JSON there.
    event = ending.endswith("/events") and not ending.startswith("/api/")
    if event or ending.endswith(("/objections", "/papers")):
        return True, (attachments.limits().files * attachments.limits().mib + 1) * _MEBIBYTE
    return False, _MEBIBYTE


class Around:
    """Number each request, set the headers of its answer, log it; a fault of ours tells nothing.

    The number stands in ``X-Request-ID``, in the log and, where something failed, in the sentence.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        number, began, status = uuid4().hex[:12], time.perf_counter(), 0
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=number)

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                maps = "".join(f" {one}" for one in origins(settings()))
                headers.setdefault("Content-Security-Policy", CSP.format(maps=maps))
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if settings().secure_cookie:
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
                headers["X-Request-ID"] = number
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self.app(scope, receive, told)
        except Exception as error:
            log.error("fault", path=scope["path"], exc_info=error)
            if status:
                # Half an answer is out already; the connection is dropped, so that it shows.
                raise
            fault = Problem("api.fault", http_status=500, id=number)
            await answer(Request(scope), fault)(scope, receive, told)
        log.info(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round((time.perf_counter() - began) * 1000, 1),
        )


class Bodies:
    """Refuse what is too large while it flows, and anything large from nobody.

    A form is spooled to disk before a route is asked, so who may fill the disk is decided here.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        request, taken = Request(scope), 0
        files, limit = _limit(scope["path"])
        too_large = Problem("store.too_large", http_status=413, limit=limit // _MEBIBYTE)
        stated = request.headers.get("content-length", "0")
        size = int(stated) if stated.isdecimal() else 0
        refused = too_large if size > limit else None
        if refused is None and (
            size > _MEBIBYTE or (files and "content-length" not in request.headers)
        ):
            who = await run_sync(signed_or_none, request)
            refused = Problem("api.sign_in", http_status=401) if who is None else None
        if refused is not None:
            await answer(request, refused)(scope, receive, send)
            return

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                # The form reader lets this one kind of exception through.
                raise HTTPException(413)
            return message

        await self.app(scope, counted, send)
