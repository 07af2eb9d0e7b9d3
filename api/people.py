"""Routes: signing in and out."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api.auth import Caller
from api.shapes import NewPassword, SignIn
from geo.problems import Problem
from geo.settings import settings
from geo.store import accounts
from geo.store.engine import SYSTEM, connect
from web.door import COOKIE, same_site

router = APIRouter(tags=["people"])


def _me(session: Any) -> dict[str, Any]:
    actor = session.actor
    return {
        "login": actor.login,
        "name": actor.name,
        "role": actor.role,
        "district": actor.district,
        "csrf": session.csrf,
    }


@router.post("/session", status_code=201, summary="Sign in")
def sign_in(sent: SignIn, request: Request, response: Response) -> dict[str, Any]:
    """Open a session; answers with the CSRF token that unsafe calls must carry."""
    same_site(request)
    conf = settings()
    with connect(conf, "worker", SYSTEM) as conn:
        actor = accounts.verify(conn, sent.login, sent.password)
        session = None if actor is None else accounts.open_session(conn, actor)
    if session is None:
        raise Problem("accounts.wrong", http_status=401)
    response.set_cookie(
        COOKIE,
        session.token,
        max_age=int(accounts.SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=conf.secure_cookie,
    )
    return _me(session)


@router.get("/me", summary="Who am I")
def me(who: Caller) -> dict[str, Any]:
    """Return the signed-in user and the CSRF token."""
    return _me(who)


@router.delete("/session", status_code=204, summary="Sign out")
def sign_out(who: Caller, request: Request, response: Response) -> None:
    """End the session."""
    with connect(settings(), "worker", SYSTEM) as conn:
        accounts.close_session(conn, request.cookies[COOKIE])
    response.delete_cookie(COOKIE)


@router.post("/me/password", status_code=204, summary="Change my password")
def change_password(sent: NewPassword, who: Caller) -> None:
    """Change the password; every session of the user ends."""
    with connect(settings(), "worker", SYSTEM) as conn:
        known = accounts.verify(conn, who.actor.login, sent.present)
        if known is not None:
            accounts.set_password(conn, who.actor.login, sent.fresh)
    if known is None:
        raise Problem("accounts.wrong", http_status=403)
