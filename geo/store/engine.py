"""Connections with an identity: who asks is set in each transaction, and PostgreSQL decides."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL

from geo.settings import Settings
from geo.store.cluster import urls


@dataclass(frozen=True)
class Actor:
    """Somebody who acts: their role, organisation and district decide what they see and may do."""

    login: str
    role: str
    user_id: UUID | None = None
    org_id: UUID | None = None
    district: str = ""
    name: str = ""


# The program itself, where no person asked: sweeping, grading on schedule.
SYSTEM = Actor(login="system", role="administrator")

_IDENTITY = text(
    "SELECT set_config('minerisk.user', :user, true), set_config('minerisk.role', :role, true),"
    " set_config('minerisk.org', :org, true), set_config('minerisk.district', :district, true)"
)


_engines: dict[URL, Engine] = {}


def _make(url: URL) -> Engine:
    engine = create_engine(url, pool_size=5, max_overflow=15, pool_pre_ping=True)

    @event.listens_for(engine, "begin")
    def identify(conn: Connection) -> None:
        actor: Actor | None = conn.get_execution_options().get("actor")
        if actor is not None:
            conn.execute(
                _IDENTITY,
                {
                    "user": str(actor.user_id or ""),
                    "role": actor.role,
                    "org": str(actor.org_id or ""),
                    "district": actor.district,
                },
            )

    return engine


def engine(settings: Settings, role: str) -> Engine:
    """Return the pooled engine of a role: ``app``, ``worker``, ``owner`` or ``admin``."""
    url = urls(settings)[role]
    if url not in _engines:
        _engines[url] = _make(url)
    return _engines[url]


@contextmanager
def connect(
    settings: Settings,
    role: str = "app",
    actor: Actor | None = None,
    *,
    snapshot: bool = False,
) -> Iterator[Connection]:
    """Open one transaction as `role`, with `actor` as its identity until it ends.

    Without an actor the application's role sees no rows at all. With `snapshot` every statement
    sees the facts of one moment, whatever is published meanwhile.
    """
    with engine(settings, role).connect() as conn:
        identified = conn.execution_options(actor=actor)
        if snapshot:
            identified = identified.execution_options(isolation_level="REPEATABLE READ")
        with identified.begin():
            yield identified


def dispose() -> None:
    """Close every pooled connection, as before the cluster stops."""
    while _engines:
        _engines.popitem()[1].dispose()
