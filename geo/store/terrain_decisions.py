"""What a regulator does with an elevation model that was sent: accept, return, revoke.

What may take a computed head-top verdict away waits for a second person, as what lowers a grade
does (L3, L17): where a pond that counts as head-top would be judged on other ground. So does what
may take ground out of a zone, where no new pond may stand (L25).
"""

from datetime import date
from typing import Any
from uuid import UUID

import shapely
from sqlalchemy import Connection, Row, func, select

from geo import clock
from geo.problems import Problem
from geo.store.authority import authorise, need, owner_of
from geo.store.batches import newest_seq
from geo.store.endings import Waiting, alone_or_proposed, withdraw
from geo.store.engine import Actor
from geo.store.grading import Changes
from geo.store.publish import Batch, publishing
from geo.store.tables import head_top, zone
from geo.store.terrain_queries import km2
from geo.store.terrain_states import TAKEN, became, event, model_row

ACCEPT, RETURN, REVOKE = "accept_terrain", "return_terrain", "revoke_terrain"
# The state an act asks for, and the state it brings.
_FROM = {ACCEPT: "submitted", RETURN: "submitted", REVOKE: "accepted"}
_TO = {ACCEPT: "accepted", RETURN: "returned", REVOKE: "revoked"}
# What is less is told as this, not as nothing.
_LEAST_KM2 = 0.01


def rejudged(conn: Connection, terrain_id: UUID, action: str) -> list[str]:
    """Return the ponds that count as head-top by computation and would lie on another model.

    Codes, sorted; the answer of another model may be lower, and nobody knows it yet.
    """
    # The terrain's compiler is slow to load, and other acts need none of it.
    from geo.store.pond_ground import answers_for
    from geo.store.terrains import dems, taken_of

    seq = newest_seq(conn)
    there = dems(conn, seq)
    if action == ACCEPT:
        then = [taken_of(conn, terrain_id), *there]
    else:
        then = [one for one in there if one.id != terrain_id]
    before, after = answers_for(conn, there), answers_for(conn, then)
    counting = conn.scalars(
        select(head_top.c.pond_code).where(
            head_top.c.run_id == func.minerisk.newest_run(seq),
            head_top.c.outcome.in_(("yes", "suspected")),
        )
    )
    return sorted(code for code in counting if before.get(code) != after.get(code))


def zone_lost(conn: Connection, terrain_id: UUID, action: str) -> float:
    """Return how much ground of the no-build zone another model would answer for, or none, km².

    That is where the model to be revoked answers now, or the one to be accepted would; what will be
    said there nobody knows yet.
    """
    from geo.store.pond_ground import shared
    from geo.store.terrains import dems, taken_of

    seq = newest_seq(conn)
    there = dems(conn, seq)
    then = [taken_of(conn, terrain_id), *there] if action == ACCEPT else there
    own = [share for taken, share in shared(then) if taken.id == terrain_id]
    drawn = conn.scalars(
        select(func.ST_AsBinary(zone.c.geom)).where(
            zone.c.run_id == func.minerisk.newest_run(seq), zone.c.kind == "no_build"
        )
    )
    whole = shapely.union_all([shapely.from_wkb(bytes(one)) for one in drawn])
    # A share of None is all ground: no other model answers for any.
    lost = [whole if share is None else shapely.intersection(whole, share) for share in own]
    return sum(max(km2(one), _LEAST_KM2) for one in lost if shapely.area(one) > 0)


def _write(made: Batch, row: Row[Any], action: str, reason: str, document: str) -> None:
    state = became(made.conn, newest_seq(made.conn)).get(row.id, TAKEN).state
    if state != _FROM[action]:
        raise Problem("store.wrong_state", http_status=409, file=row.filename, state=state)
    event(made, row, _TO[action], reason, document)


def _act(
    conn: Connection,
    actor: Actor,
    terrain_id: UUID,
    action: str,
    reason: str,
    document: str,
    on: date | None,
) -> dict[str, Any]:
    row = model_row(conn, terrain_id)
    authorise(actor, action, row)
    need(reason, document)
    with publishing(conn, actor, action, on or clock.today(), {"terrain": row.sha256}) as made:
        said = {
            "terrain_id": str(terrain_id),
            "filename": row.filename,
            "reason": reason,
            "document": document,
        }

        def alone() -> None:
            moved = rejudged(conn, terrain_id, action)
            lost = zone_lost(conn, terrain_id, action)
            _write(made, row, action, reason, document)
            if moved or lost:
                raise Problem("store.would_lower", http_status=409, ponds=moved, zone_km2=lost)

        done = alone_or_proposed(made, action, owner_of(row), alone, lambda told: said | told)
    if isinstance(done, Waiting):
        return {
            "state": "needs_second",
            "proposal": done.proposal,
            "ponds": done.body["ponds"],
            "zone_km2": done.body["zone_km2"],
        }
    return {"state": _TO[action], "proposal": None, "ponds": [], "zone_km2": 0.0}


def accept(
    conn: Connection,
    actor: Actor,
    terrain_id: UUID,
    reason: str,
    document: str,
    *,
    on: date | None = None,
) -> dict[str, Any]:
    """Accept an elevation model: ponds, zones and siting go by it where it is the newest.

    Returns
    -------
    dict
        ``state`` is ``accepted``; or ``needs_second`` with the ``proposal`` to confirm, the
        ``ponds`` whose head-top verdict may fall and the ``zone_km2`` that is lost: nothing was
        changed then.
    """
    return _act(conn, actor, terrain_id, ACCEPT, reason, document, on)


def revoke(
    conn: Connection,
    actor: Actor,
    terrain_id: UUID,
    reason: str,
    document: str,
    *,
    on: date | None = None,
) -> dict[str, Any]:
    """Revoke an accepted model: what it replaced answers again, or nothing does.

    Returns
    -------
    dict
        As :func:`accept`, with the state ``revoked``.
    """
    return _act(conn, actor, terrain_id, REVOKE, reason, document, on)


def return_(
    conn: Connection,
    actor: Actor,
    terrain_id: UUID,
    reason: str,
    document: str = "",
    *,
    on: date | None = None,
) -> dict[str, Any]:
    """Return a submitted model with remarks; what waits to accept it is off the table."""
    row = model_row(conn, terrain_id)
    authorise(actor, RETURN, row)
    if not reason.strip():
        raise Problem("store.remark_wanted")
    with publishing(conn, actor, RETURN, on or clock.today(), {"terrain": row.sha256}) as made:
        _write(made, row, RETURN, reason, document)
        withdraw(conn, actor, ACCEPT, ("terrain_id", row.id), reason)
    return {"state": "returned", "proposal": None, "ponds": [], "zone_km2": 0.0}


def carry_out(conn: Connection, actor: Actor, found: Row[Any], on: date) -> Changes:
    """Do what another person proposed; more ponds, or a zone, than both saw are refused."""
    body = found.body
    row = model_row(conn, UUID(body["terrain_id"]))
    authorise(actor, found.action, row)
    note = {
        "terrain": row.sha256,
        "proposed_by": found.proposed_by,
        "confirmed_by": actor.login,
    }
    with publishing(conn, actor, found.action, on, note) as made:
        more = set(rejudged(conn, row.id, found.action)) - set(body["ponds"])
        if more:
            ponds = "、".join(sorted(more))
            raise Problem("store.model_moved", http_status=409, ponds=ponds)
        # What was proposed before zones were told of names none.
        if zone_lost(conn, row.id, found.action) and not body.get("zone_km2"):
            raise Problem("store.zone_moved", http_status=409)
        _write(made, row, found.action, body["reason"], body["document"])
    return Changes()
