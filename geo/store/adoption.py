"""Adopting a rule set (L3): what is installed comes into force, and only then may grades follow it.

A set that lowers no grade is adopted by one regulator; one that lowers any waits for a second.
What then no longer follows ends with the evidence ``rules_adopted``, and the adoption on record.
"""

from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, select

from geo import clock
from geo.problems import Problem
from geo.rules import Rules
from geo.settings import settings
from geo.store.authority import need
from geo.store.endings import Waiting, alone_or_proposed
from geo.store.engine import Actor
from geo.store.grading import Changes, refuse_more, regrade
from geo.store.publish import Batch, publishing
from geo.store.rule_sets import record, waiting
from geo.store.tables import mine

ACTION = "adopt_rules"


def _competent(conn: Connection, actor: Actor) -> dict[str, Any]:
    """Return whose matter the rules are; raises where the actor may not adopt any.

    Rules are one for all mines here, so it takes a bureau competent for all of them.
    """
    if actor.role != "regulator":
        raise Problem("store.not_allowed", http_status=403, action=ACTION)
    of_all = [code for code in conn.scalars(select(mine.c.district).distinct()) if code]
    of_all = of_all or [settings().district]
    if not (actor.district and all(code.startswith(actor.district) for code in of_all)):
        raise Problem("rules.of_all", http_status=403)
    return {"district": actor.district, "owner_org": None}


def _waits(conn: Connection, version: str | None) -> Rules:
    """Return the set that waits; raises where it is not the one that was seen."""
    found = waiting(conn)
    if found is None:
        raise Problem("rules.none_waits", http_status=409)
    if version is not None and found.version != version:
        raise Problem("rules.another_waits", http_status=409, version=found.version[:12])
    return found


def _adopt(
    made: Batch,
    rules: Rules,
    reason: str,
    document: str,
    proposed_by: str,
    confirmed_by: str | None = None,
) -> Changes:
    record(made, rules, reason, document, proposed_by, confirmed_by)
    return regrade(
        made,
        None,
        reason=("rules_adopted", reason),
        may_lower=confirmed_by is not None,
        rules=rules,
    )


def adopt(
    conn: Connection,
    actor: Actor,
    reason: str,
    document: str,
    *,
    version: str | None = None,
    on: date | None = None,
) -> dict[str, Any]:
    """Adopt the rule set that waits in the files, and grade every mine by it.

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    reason, document : str
        Why, and by which document.
    version : str, optional
        The version that was looked at; another one is refused.
    on : date, optional
        Today.

    Returns
    -------
    dict
        ``state`` is ``adopted`` with ``version``, ``mines`` and ``moves``; or ``needs_second`` with
        the ``proposal`` to confirm and the ``moves`` down it would bring: nothing was changed then.
    """
    owner = _competent(conn, actor)
    need(reason, document)
    with publishing(conn, actor, "rules", on or clock.today()) as made:
        rules = _waits(conn, version)
        made.note["rules"] = rules.version
        said = {"version": rules.version, "reason": reason, "document": document}
        done = alone_or_proposed(
            made,
            ACTION,
            owner,
            lambda: _adopt(made, rules, reason, document, actor.login),
            lambda falls: said | falls,
        )
    if isinstance(done, Waiting):
        return {
            "state": "needs_second",
            "version": rules.version,
            "proposal": done.proposal,
            "moves": done.body["moves"],
        }
    return {
        "state": "adopted",
        "version": rules.version,
        "mines": done.mines,
        "moves": done.moves,
    }


def adopt_by_two(conn: Connection, actor: Actor, found: Row[Any], on: date) -> Changes:
    """Adopt what another person proposed; it may lower what they both saw, and no more."""
    body = found.body
    _competent(conn, actor)
    note = {
        "rules": body["version"],
        "proposed_by": found.proposed_by,
        "confirmed_by": actor.login,
    }
    with publishing(conn, actor, "rules", on, note) as made:
        rules = _waits(conn, body["version"])
        by = (found.proposed_by, actor.login)
        changes = _adopt(made, rules, body["reason"], body["document"], *by)
        refuse_more(changes, body["moves"])
    return changes
