"""Who is at the door: the signed-in reader of a page, their connections, and what goes wrong."""

import logging
import secrets
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Depends, Form, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from geo.messages import say
from geo.problems import Problem
from geo.settings import settings
from geo.store import accounts
from geo.store.engine import SYSTEM, Actor, connect
from web.render import draw, here, lang_of

COOKIE = "minerisk_session"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Signed:
    """Who reads the page, and the token their forms carry."""

    actor: Actor
    csrf: str

    @property
    def role(self) -> str:
        """Return the role of the reader."""
        return self.actor.role

    def working(self, *, snapshot: bool = False) -> AbstractContextManager[Connection]:
        """Open one transaction that acts for the reader; it is over before they are answered.

        A dependency would commit only after the answer was sent, and the next page could come
        before what it should show. `snapshot`: it reads the facts of one moment.
        """
        return connect(settings(), "worker", self.actor, snapshot=snapshot)


class Turned(Exception):  # noqa: N818 -- a reader is turned to the sign-in page; nothing failed
    """The reader is not signed in."""


def signed_or_none(request: Request) -> Signed | None:
    """Return who reads the page, or None."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    with connect(settings(), "worker", SYSTEM) as conn:
        session = accounts.session_of(conn, token)
    return None if session is None else Signed(session.actor, session.csrf)


def signed(request: Request) -> Signed:
    """Return who reads the page; `Turned` where nobody is signed in."""
    found = signed_or_none(request)
    if found is None:
        raise Turned
    request.state.reader = found
    return found


Reader = Annotated[Signed, Depends(signed)]


def reading(reader: Reader) -> Iterator[Connection]:
    """Yield a connection that sees what the reader may see, and no more."""
    with connect(settings(), "app", reader.actor) as conn:
        yield conn


AppConn = Annotated[Connection, Depends(reading)]


def same_site(request: Request) -> None:
    """Refuse a form that another site sends: before sign-in there is no token to check.

    Raises
    ------
    Problem
        If the browser names another origin than this one.
    """
    origin = request.headers.get("origin")
    if origin and origin != "null" and urlsplit(origin).netloc != request.headers.get("host"):
        raise Problem("web.error.form_old", http_status=403)


def checked_form(
    request: Request, reader: Reader, csrf: Annotated[str, Form(max_length=200)] = ""
) -> None:
    """Refuse a form without this session's token.

    Raises
    ------
    Problem
        If the token is missing or another's.
    """
    same_site(request)
    if not secrets.compare_digest(csrf.encode(), reader.csrf.encode()):
        raise Problem("web.error.form_old", http_status=403)


def missing() -> Problem:
    """Return the problem of a record that is not there, or not the reader's to see."""
    return Problem("web.error.not_found_what", http_status=404)


def wants_page(request: Request) -> bool:
    """Say whether the answer is for a person to read, not for a script."""
    return "application/json" not in request.headers.get("accept", "")


def to_sign_in(request: Request) -> Response:
    """Send the reader to the sign-in page, and back here afterwards."""
    place = here(request) if request.method == "GET" else "/"
    href = f"/sign-in?next={quote(place, safe='')}"
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": href})
    if not wants_page(request):
        text = say("web.error.form_old", lang_of(request))
        return JSONResponse({"message": text}, status_code=401)
    return RedirectResponse(href, 303)


def trouble(request: Request, problem: Problem) -> Response:
    """Answer with a problem: a page for a reader, one sentence for a script."""
    lang = lang_of(request)
    if not wants_page(request):
        body = {"code": problem.code, "message": problem.say(lang)}
        return JSONResponse(body, status_code=problem.http_status)
    title = "web.error.not_found" if problem.http_status == 404 else "web.error.refused"
    return error_page(request, title, problem.say(lang), problem.http_status)


def error_page(request: Request, title: str, sentence: str, status: int) -> Response:
    """Draw a page that says what went wrong and what to do."""
    found: Signed | None = getattr(request.state, "reader", None)
    if found is None:
        found = signed_or_none(request)
    came = urlsplit(request.headers.get("referer", ""))
    ours = came.netloc == request.headers.get("host") and request.method == "POST"
    return draw(
        request,
        "error.html",
        reader=found,
        status=status,
        title=title,
        sentence=sentence,
        back=came.path if ours else "",
    )


def _as_problem(error: RequestValidationError) -> Problem:
    """Return what is wrong with a request in one sentence: the first fault is enough to act on."""
    first = error.errors()[0]
    if first["loc"][0] == "body":
        return Problem("web.error.missing_field", field=str(first["loc"][-1]))
    return missing()


class PageRoute(APIRoute):
    """A route whose failures are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with every failure answered in the reader's language."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except Turned:
                return to_sign_in(request)
            except Problem as problem:
                return trouble(request, problem)
            except RequestValidationError as error:
                return trouble(request, _as_problem(error))
            except HTTPException as error:
                if error.status_code == 404 and not request.url.path.startswith("/api/"):
                    return trouble(request, missing())
                raise
            except Exception:
                log.exception("page failed: %s", request.url.path)
                lang = lang_of(request)
                sentence = say("web.error.server_what", lang)
                if not wants_page(request):
                    return JSONResponse({"message": sentence}, status_code=500)
                return error_page(request, "web.error.server", sentence, 500)

        return handled
