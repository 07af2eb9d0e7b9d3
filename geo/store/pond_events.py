"""A pond's dated events: recorded by one person where they burden it, by two where they relieve it.

An event is tried first in a savepoint: what cannot have happened is refused with its reason, and
what would end a duty or strike the pond off waits for a second person, as an ending of a claim
does (L3).
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row

from geo import clock
from geo.problems import Problem
from geo.store import papers
from geo.store.authority import authorise, is_own, need, owner_of
from geo.store.batches import newest_seq
from geo.store.endings import Waiting, alone_or_proposed
from geo.store.engine import Actor
from geo.store.pond_facts import (
    ANNULLED,
    alarm_of,
    event_rows,
    life_of,
    newest_ponds,
    readable_life,
    readings,
    standing_events,
    surveyed_events,
)
from geo.store.pond_objects import pond_row
from geo.store.publish import Batch, publishing
from geo.store.tables import pond_event
from geo.survey.keys import content_key
from geo.tailings.closure import Event
from geo.tailings.life import Life, demand, life_rules, relieves
from geo.tailings.monitoring import LOWERED, monitoring_rules

# What an enterprise may report of its own pond: what burdens it. What relieves it, the regulator
# records.
OWN_REPORTS = ("stopped", "final_elevation", "discharge_ended")
# The action of a proposal that is a pond's event.
ACTION = "pond_event"
# The fields of an :class:`Event` in a row of ``pond_event``, in its order.
_SAID = ("on_date", "kind", "detail", "document", "proven_only")


def record_event(
    conn: Connection,
    actor: Actor,
    code: str,
    kind: str,
    on_date: date,
    *,
    detail: str = "",
    document: str = "",
    proven_only: bool = False,
    sent: papers.Sent | None = None,
    on: date | None = None,
) -> dict[str, Any]:
    """Put one dated fact or decision of a pond on record, or propose it to a second person.

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    actor : Actor
        The regulator; an enterprise reports of its own pond only what burdens it.
    code, kind, on_date, detail, document, proven_only
        The event (:class:`geo.tailings.closure.Event`); `kind` may be ``annulled``, with the key of
        the event taken back as `detail`.
    sent : Sent, optional
        The papers it rests on; they are on record with it, and wait with it where it waits.

    Returns
    -------
    dict
        ``state`` is ``recorded`` with the event's ``key``; or ``needs_second`` with the
        ``proposal`` to confirm, where it would end a duty or strike the pond off: nothing was
        changed then.

    Raises
    ------
    Problem
        Where the history would be impossible with it, says which event and why.
    """
    row = pond_row(conn, code)
    own = is_own(actor, row) and kind in OWN_REPORTS
    if not own:
        authorise(actor, ACTION, row)
    kinds = (*life_rules()["moves"], ANNULLED)
    if kind not in kinds:
        raise Problem("store.no_such_event", kind=kind, kinds=", ".join(kinds))
    today = on or clock.today()
    if on_date > today:
        raise Problem("store.event_in_future", on=on_date)
    content = {
        "pond_code": code,
        "on_date": on_date,
        "kind": kind,
        "detail": detail,
        "document": document,
        "proven_only": proven_only,
    }
    with publishing(conn, actor, ACTION, today, {"pond": code, "event": kind}) as made:
        said = {**content, "on_date": on_date.isoformat(), "name": row.name}

        def alone() -> str:
            before, after = _write(made, row, content, actor.login, today)
            if relieves(before, after):
                moved = {"before": before.state, "after": after.state}
                raise Problem("store.would_lower", http_status=409, **moved)
            key = content_key(content)
            _attach(made, row, key, sent.keep() if sent else [], actor.login)
            return key

        done = alone_or_proposed(
            made,
            ACTION,
            owner_of(row),
            alone,
            lambda moved: said | moved | {"attachments": sent.keep() if sent else []},
        )
    if isinstance(done, Waiting):
        return {"state": "needs_second", "key": None, "proposal": done.proposal}
    return {"state": "recorded", "key": done, "proposal": None}


def add_papers(
    conn: Connection,
    actor: Actor,
    code: str,
    key: str,
    sent: papers.Sent,
    *,
    on: date | None = None,
) -> int:
    """Put papers on record behind an event that is on record already; returns how many.

    Nothing of the event changes by them: a discharge without a document stays a token one.

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    actor : Actor
        The regulator, or the pond's own enterprise.
    code, key : str
        The pond's, and the event's.
    sent : Sent

    Raises
    ------
    Problem
        404 where the pond has no such event, 409 where all these papers are on record.
    """
    row = pond_row(conn, code)
    if not is_own(actor, row):
        authorise(actor, "papers", row)
    note = {"pond": code, "event": key}
    with publishing(conn, actor, "papers", on or clock.today(), note) as made:
        if key not in {one.key for one in event_rows(conn, newest_seq(conn), code)}:
            raise Problem("papers.no_event", http_status=404, pond=code)
        if not sent.files:
            raise Problem("papers.wanted")
        count = _attach(made, row, key, sent.keep(), actor.login)
        if not count:
            raise Problem("papers.known", http_status=409)
    return count


def record_by_two(conn: Connection, actor: Actor, found: Row[Any], on: date) -> None:
    """Record the event another person proposed, if it still can have happened (L3, L22).

    Raises
    ------
    Problem
        Where facts moved since, so that the pond would come out of it otherwise than both saw.
    """
    body = found.body
    row = pond_row(conn, body["pond_code"])
    names = ("pond_code", "kind", "detail", "document", "proven_only")
    content = {**{n: body[n] for n in names}, "on_date": date.fromisoformat(body["on_date"])}
    note = {
        "pond": body["pond_code"],
        "event": body["kind"],
        "proposed_by": found.proposed_by,
        "confirmed_by": actor.login,
    }
    with publishing(conn, actor, ACTION, on, note) as made:
        before, after = _write(made, row, content, found.proposed_by, on)
        if (before.state, after.state) != (body["before"], body["after"]):
            raise Problem("store.pond_moved", http_status=409, pond=body["pond_code"])
        brought = body.get("attachments", ())
        _attach(made, row, content_key(content), brought, found.proposed_by)


def _attach(
    made: Batch, row: Row[Any], key: str, files: Iterable[dict[str, Any]], login: str
) -> int:
    return papers.record(made, papers.EVENT, row.code, key, files, login, owner_of(row))


def _write(
    made: Batch, row: Row[Any], content: dict[str, Any], login: str, today: date
) -> tuple[Life, Life]:
    """Write an event; return the pond's life without and with it.

    Raises
    ------
    Problem
        Where it cannot have happened, or is on record.
    """
    conn, code = made.conn, row.code
    seq = newest_seq(conn)
    rows = event_rows(conn, seq, code)
    known = {one.key for one in rows}
    key = content_key(content)
    if key in known:
        raise Problem("store.said_before", http_status=409, document=content["document"] or "—")
    if content["kind"] == ANNULLED:
        need(content["document"])
        if content["detail"] not in known:
            raise Problem("store.not_found", http_status=404)
    newest = newest_ponds(conn, seq).get(code, {"attrs": {}, "since": None})
    attrs, known_events = newest["attrs"], standing_events(rows)
    said = Event(*(content[name] for name in _SAID))
    demand(said, [*known_events, *surveyed_events(attrs, known_events)])
    if content["kind"] == LOWERED:
        _calm(conn, code, attrs, content["detail"], content["on_date"], seq)
    before, _ = readable_life(newest, known_events, today)
    row_added = {"id": uuid4(), "key": key, **content, "actor_login": login}
    made.add(pond_event, [{**row_added, **owner_of(row)}])
    after, _ = life_of(newest, standing_events(event_rows(conn, seq, code)), today)
    return before, after


def _calm(
    conn: Connection, code: str, attrs: Mapping[str, Any], point: str, on_date: date, seq: int
) -> None:
    """Raise where a point's alarm may not be lowered yet: too few readings below it (L27)."""
    events = standing_events(event_rows(conn, seq, code))
    found = alarm_of(readings(conn, seq).get(code, []), attrs, events, None, on_date)
    points = [p for one in (found.items if found else ()) for p in one.points if p.point == point]
    if not points:
        raise Problem("store.no_such_point", pond=code, point=point or "—")
    if all(p.may_fall_to is None for p in points):
        needed = monitoring_rules()["lowering"]["readings"]
        raise Problem("store.alarm_not_calm", point=point, needed=needed)
