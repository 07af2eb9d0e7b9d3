"""What a first visitor would else wait for, done in the background once the server is up.

A connection's first question to PostGIS loads its libraries, a page's first drawing compiles its
template, and a bureau's first map reckons all its mines: together most of a second.
"""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI
from sqlalchemy import select, text

from api import stopping
from geo import clock
from geo.settings import Settings, settings
from geo.store import map_reads, mine_queries, mines_kept, pond_queries, tiles
from geo.store.engine import SYSTEM, Actor, connect
from geo.store.tables import app_user
from web import translate
from web.render import environment, static

log = structlog.get_logger("api")
# As many as an engine keeps open; and of how many bureaus the mines are reckoned.
_CONNECTIONS, _BUREAUS = 5, 4
# How long one waits for the others, so that none is used twice.
_PATIENCE = 10.0
# Which tile is asked is all one: it is asked for what its functions load.
_TILE = (9, 416, 195)


def _bureaus(conf: Settings) -> list[Actor]:
    """Return who the regulators are, one for each bureau and district: they see the same."""
    scope = app_user.c.org_id, app_user.c.district
    with connect(conf, "worker", SYSTEM) as conn:
        found = conn.execute(
            select(*scope).where(app_user.c.role == "regulator").distinct().limit(_BUREAUS)
        )
        return [
            Actor(login="", role="regulator", org_id=row.org_id, district=row.district)
            for row in found
        ]


def _connection(conf: Settings, together: threading.Barrier, reader: Actor) -> None:
    """Ask of one connection of each role what a map asks."""
    with connect(conf, "worker", SYSTEM) as worker, connect(conf, "app", reader) as conn:
        together.wait(_PATIENCE)
        worker.execute(text("SELECT 1"))
        seq = tiles.data_version(conn)
        for layer in tiles.LAYERS:
            if stopping.asked.is_set():
                return
            tiles.tile(conn, layer, *_TILE, seq, clock.today())


def warm(conf: Settings) -> None:
    """Load what every page needs, and reckon what a bureau's first map shows."""
    pages = environment()
    for name in pages.list_templates():
        pages.get_template(name)
    static("")
    for lang in ("zh", "en"):
        translate.script_words(lang)
    readers = _bureaus(conf)
    together = threading.Barrier(_CONNECTIONS)
    first = readers[0] if readers else SYSTEM
    # Daemons: whoever ends the server waits for none of them.
    askers = [
        threading.Thread(target=_quietly, args=(_connection, conf, together, first), daemon=True)
        for _ in range(_CONNECTIONS)
    ]
    for one in askers:
        one.start()
    for one in askers:
        one.join()
    today = clock.today()
    for reader in readers:
        if stopping.asked.is_set():
            return
        with connect(conf, "app", reader) as conn:
            map_reads.districts(conn)
            mine_queries.places(conn)
            mines_kept.mines(conn, today)
            pond_queries.ponds(conn, today)


def _quietly(act: Callable[..., None], *given: Any) -> None:
    try:
        act(*given)
    except Exception as error:
        # Whoever comes first waits a little longer; what is wrong they are told, or readyz is.
        log.warning("not warmed", reason=type(error).__name__)


@asynccontextmanager
async def warming(app: FastAPI) -> AsyncIterator[None]:
    """Warm the application while it already answers."""
    threading.Thread(target=_quietly, args=(warm, settings()), daemon=True).start()
    yield
