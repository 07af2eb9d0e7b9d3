"""Organisations, users, passwords and sessions.

Runs on the worker role: the application's own role may not read these tables at all.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from geo.problems import Problem
from geo.store.engine import Actor
from geo.store.tables import ROLES, app_user, contract, login_attempt, organisation, web_session

SESSION_LIFE = timedelta(hours=12)
_FREE_FAILURES = 5
_LONGEST_WAIT = timedelta(minutes=15)
_SHORTEST_PASSWORD = 10

_hasher = PasswordHasher()
# Verified for an unknown login, so that the answer takes as long as for a known one.
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True)
class Session:
    """A signed-in session: its token is shown once, only its hash is kept."""

    token: str
    csrf: str
    actor: Actor


def ensure_organisation(
    conn: Connection, code: str, name: str, kind: str, district: str = ""
) -> UUID:
    """Return the id of the organisation with `code`, making it if it is new."""
    conn.execute(
        insert(organisation)
        .values(code=code, name=name, kind=kind, district=district)
        .on_conflict_do_nothing(index_elements=["code"])
    )
    return conn.execute(select(organisation.c.id).where(organisation.c.code == code)).scalar_one()


def create_user(
    conn: Connection,
    login: str,
    password: str,
    *,
    name: str,
    role: str,
    org_id: UUID,
    district: str = "",
) -> UUID:
    """Create a user.

    Raises
    ------
    Problem
        If the role is unknown, the login taken, or the password too short.
    """
    if role not in ROLES:
        raise Problem("accounts.unknown_role", role=role, roles=", ".join(ROLES))
    _check_password(password)
    made = conn.execute(
        insert(app_user)
        .values(
            login=login,
            name=name,
            role=role,
            org_id=org_id,
            district=district,
            password_hash=_hasher.hash(password),
        )
        .on_conflict_do_nothing(index_elements=["login"])
        .returning(app_user.c.id)
    ).scalar()
    if made is None:
        raise Problem("accounts.login_taken", login=login, http_status=409)
    return made


def add_contract(conn: Connection, org_id: UUID, mine_code: str) -> None:
    """Let a survey unit read the boundary of a mine it works for."""
    conn.execute(
        insert(contract).values(org_id=org_id, mine_code=mine_code).on_conflict_do_nothing()
    )


def users(conn: Connection) -> list[dict[str, Any]]:
    """Return every user with the name of their organisation, without the password hash."""
    rows = conn.execute(
        select(
            app_user.c.login,
            app_user.c.name,
            app_user.c.role,
            app_user.c.district,
            app_user.c.active,
            organisation.c.name.label("organisation"),
        )
        .join(organisation, organisation.c.id == app_user.c.org_id)
        .order_by(app_user.c.login)
    )
    return [dict(row) for row in rows.mappings()]


def actor_of(conn: Connection, login: str) -> Actor:
    """Return the actor for an active login; Problem if there is none."""
    row = conn.execute(
        select(app_user).where(app_user.c.login == login, app_user.c.active)
    ).one_or_none()
    if row is None:
        raise Problem("accounts.no_such_user", login=login, http_status=404)
    return _actor(row)


def _actor(row: Any) -> Actor:
    return Actor(
        login=row.login,
        role=row.role,
        user_id=row.id,
        org_id=row.org_id,
        district=row.district,
        name=row.name,
    )


def _check_password(password: str) -> None:
    if len(password) < _SHORTEST_PASSWORD:
        raise Problem("accounts.short_password", least=_SHORTEST_PASSWORD)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _wait(conn: Connection, login: str, now: datetime) -> None:
    row = conn.execute(select(login_attempt).where(login_attempt.c.login == login)).one_or_none()
    if row is None or row.failures < _FREE_FAILURES:
        return
    pause = min(_LONGEST_WAIT, timedelta(seconds=2 ** (row.failures - _FREE_FAILURES)))
    left = (row.last_at + pause - now).total_seconds()
    if left > 0:
        raise Problem("accounts.wait", seconds=int(left) + 1, http_status=429)


def verify(conn: Connection, login: str, password: str) -> Actor | None:
    """Return the actor if login and password match, else None; failures are counted.

    Raises
    ------
    Problem
        If too many attempts failed and the pause is not over.
    """
    now = datetime.now(UTC)
    _wait(conn, login, now)
    row = conn.execute(
        select(app_user).where(app_user.c.login == login, app_user.c.active)
    ).one_or_none()
    try:
        _hasher.verify(row.password_hash if row is not None else _NOBODY, password)
        good = row is not None
    except (VerifyMismatchError, InvalidHashError):
        good = False
    if not good or row is None:
        made = insert(login_attempt).values(login=login, failures=1, last_at=now)
        conn.execute(
            made.on_conflict_do_update(
                index_elements=["login"],
                set_={"failures": login_attempt.c.failures + 1, "last_at": now},
            )
        )
        return None
    conn.execute(delete(login_attempt).where(login_attempt.c.login == login))
    if _hasher.check_needs_rehash(row.password_hash):
        _set_password(conn, row.id, password)
    return _actor(row)


def open_session(conn: Connection, actor: Actor) -> Session:
    """Open a session for an actor who has been verified."""
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    conn.execute(delete(web_session).where(web_session.c.expires_at < now))
    conn.execute(
        insert(web_session).values(
            token_sha256=_digest(token),
            user_id=actor.user_id,
            csrf=csrf,
            expires_at=now + SESSION_LIFE,
        )
    )
    return Session(token, csrf, actor)


def session_of(conn: Connection, token: str) -> Session | None:
    """Return the live session of a token, else None."""
    row = conn.execute(
        select(app_user, web_session.c.csrf)
        .join(web_session, web_session.c.user_id == app_user.c.id)
        .where(
            web_session.c.token_sha256 == _digest(token),
            web_session.c.expires_at > datetime.now(UTC),
            app_user.c.active,
        )
    ).one_or_none()
    return None if row is None else Session(token, row.csrf, _actor(row))


def close_session(conn: Connection, token: str) -> None:
    """End a session."""
    conn.execute(delete(web_session).where(web_session.c.token_sha256 == _digest(token)))


def _set_password(conn: Connection, user_id: UUID, password: str) -> None:
    conn.execute(
        update(app_user)
        .where(app_user.c.id == user_id)
        .values(password_hash=_hasher.hash(password))
    )


def set_password(conn: Connection, login: str, password: str) -> None:
    """Set a user's password and end all their sessions."""
    _check_password(password)
    actor = actor_of(conn, login)
    assert actor.user_id is not None  # noqa: S101 -- actor_of reads it from a primary key
    _set_password(conn, actor.user_id, password)
    conn.execute(delete(web_session).where(web_session.c.user_id == actor.user_id))
