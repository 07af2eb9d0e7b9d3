"""The mines as the map asks for them again and again, kept in memory for readers who see the same.

Moving the slider, choosing a hazard or a filter asks for the same mines of the same days; what they
are on a day is a function of the facts known and of what the reader may see.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from geo.store import batches, mine_queries
from geo.store.engine import Actor
from geo.store.recent import Recent

_kept: Recent[list[dict[str, Any]]] = Recent(8)


def mines(
    conn: Connection, on: date, known_at: datetime | date | None = None
) -> list[dict[str, Any]]:
    """Return what :func:`geo.store.mine_queries.mines` returns, from memory where it is the same.

    Never across readers of different scope, nor across batches. The answer is shared: it is read,
    and never changed.
    """
    actor: Actor | None = conn.get_execution_options().get("actor")
    # What a survey unit sees hangs on its contracts, too, which no batch records.
    if actor is None or actor.role == "geologist":
        return mine_queries.mines(conn, on, known_at)
    seq = batches.seq_at(conn, known_at)
    key = (conn.engine.url, actor.role, actor.org_id, actor.district, seq, on)
    kept = _kept.get(key)
    if kept is not None:
        return kept
    found = mine_queries.mines(conn, on, known_at)
    # A batch that came meanwhile is in the answer, and not in the key.
    if batches.seq_at(conn, known_at) == seq:
        _kept.keep(key, found)
    return found
