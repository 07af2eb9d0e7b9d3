"""Who calls: the session behind the cookie, the token of unsafe calls, the times asked for."""

import secrets
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from sqlalchemy import Connection

from geo.messages import language
from geo.problems import Problem
from geo.settings import settings
from geo.store.engine import Actor, connect
from web.door import Signed, same_site, signed_or_none

SAFE = ("GET", "HEAD", "OPTIONS")


def caller(request: Request) -> Signed:
    """Return who calls; 401 where nobody is signed in.

    An unsafe call must carry the session's token in ``X-CSRF-Token``, so that no other site can
    make a signed-in browser act.
    """
    found = signed_or_none(request)
    if found is None:
        raise Problem("api.sign_in", http_status=401)
    if request.method not in SAFE:
        same_site(request)
        sent = request.headers.get("x-csrf-token", "")
        if not secrets.compare_digest(sent.encode(), found.csrf.encode()):
            raise Problem("api.csrf", http_status=403)
    return found


Caller = Annotated[Signed, Depends(caller)]


def reading(who: Caller) -> Iterator[Connection]:
    """Yield a connection that sees what the caller may see."""
    with connect(settings(), "app", who.actor) as conn:
        yield conn


AppConn = Annotated[Connection, Depends(reading)]


def lang_of(
    lang: Annotated[str | None, Query(description="zh or en")] = None,
    accept_language: Annotated[str | None, Header()] = None,
) -> str:
    """Return the language of answers: asked for, else the browser's, else Chinese."""
    return language(lang or (accept_language or "zh").split(",")[0])


Lang = Annotated[str, Depends(lang_of)]


class Times:
    """The two times of a question: when it held, and when it was known."""

    def __init__(
        self,
        valid_on: Annotated[date | None, Query(description="The day asked about")] = None,
        known_at: Annotated[
            datetime | date | None, Query(description="What was known at this moment")
        ] = None,
        as_of: Annotated[date | None, Query(description="Sets both")] = None,
    ) -> None:
        self.on = as_of or valid_on or date.today()
        self.known = as_of or known_at


TimesAsked = Annotated[Times, Depends()]


def may_see_all(actor: Actor) -> None:
    """Refuse whoever is neither administrator nor regulator."""
    if actor.role not in ("administrator", "regulator"):
        raise Problem("store.not_allowed", http_status=403, action="export")
