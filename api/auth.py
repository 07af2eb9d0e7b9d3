"""Who calls: the session behind the cookie, the token of unsafe calls, the times asked for."""

import re
import secrets
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated

from fastapi import Depends, Query, Request
from sqlalchemy import Connection

from api.errors import lang_of_request
from geo import clock
from geo.problems import Problem
from geo.settings import settings
from geo.store.engine import Actor, connect
from web.door import Signed, same_site, signed_or_none

SAFE = ("GET", "HEAD", "OPTIONS")
# Days that can be reckoned with: a plan's years can be added to them.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 1, 1)


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
    request: Request, lang: Annotated[str | None, Query(description="zh or en")] = None
) -> str:
    """Return the language of answers."""
    return lang_of_request(request)


Lang = Annotated[str, Depends(lang_of)]
Day = Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY, description="The day asked about")]


def moment(said: str) -> datetime | date:
    """Return a moment from ISO text; a bare day means its end, as the store reads it."""
    try:
        day = re.fullmatch(r"\d{4}-\d\d-\d\d", said)
        found = date.fromisoformat(said) if day else datetime.fromisoformat(said)
    except ValueError:
        raise Problem("api.field.moment", field="known_at") from None
    if not FIRST_DAY.year <= found.year <= LAST_DAY.year:
        raise Problem("api.field.moment", field="known_at")
    return found


class Times:
    """The two times of a question: when it held, and when it was known."""

    def __init__(
        self,
        valid_on: Day = None,
        known_at: Annotated[
            str | None,
            Query(description="What was known at this moment, or at the end of this day"),
        ] = None,
        as_of: Annotated[
            date | None, Query(ge=FIRST_DAY, le=LAST_DAY, description="Sets both")
        ] = None,
    ) -> None:
        self.on: date = as_of or valid_on or clock.today()
        self.known: datetime | date | None = as_of or (moment(known_at) if known_at else None)


TimesAsked = Annotated[Times, Depends()]


def only(actor: Actor, action: str, *roles: str) -> None:
    """Refuse every other role, before anything is looked up that a refusal could betray."""
    if actor.role not in roles:
        raise Problem("store.not_allowed", http_status=403, action=action)
