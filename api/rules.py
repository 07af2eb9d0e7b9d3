"""Routes: the rules in force, those that were, what waits in the files, and its adoption (L3)."""

from typing import Any

from fastapi import APIRouter

from api.auth import AppConn, Caller, TimesAsked, only
from api.shapes import Adopted
from geo import clock
from geo.problems import Problem
from geo.store import adoption, batches, findings, rule_sets
from geo.store.grading import compare_rules
from web.screening import ASKERS

router = APIRouter(prefix="/rules", tags=["rules"])


@router.get("", summary="The rule catalogue")
def rules(conn: AppConn, times: TimesAsked) -> dict[str, Any]:
    """Return every rule with standard, clause, dates in force and whether it was verified."""
    known = None if times.known is None else batches.seq_at(conn, times.known)
    found = rule_sets.in_force(conn, known)
    return {"version": found.version, **found.model_dump(mode="json", by_alias=True)}


@router.get("/sets", summary="The rule sets adopted")
def rules_adopted(conn: AppConn) -> dict[str, Any]:
    """Return the sets adopted, newest first, and the version of the one that waits, if one does."""
    waits = rule_sets.waiting(conn)
    return {"sets": rule_sets.kept(conn), "waiting": waits.version if waits else None}


@router.get("/waiting", summary="What would change under the rules that wait")
def rules_waiting(who: Caller, conn: AppConn) -> dict[str, Any]:
    """Return which mines would change from what to what; 409 where no other rules wait."""
    only(who.actor, adoption.ACTION, *ASKERS)
    waits = rule_sets.waiting(conn)
    if waits is None:
        raise Problem("rules.none_waits", http_status=409)
    codes = findings.seen(conn)
    with who.working() as work:
        return compare_rules(work, waits, clock.today(), codes)


@router.post("/adopt", summary="Adopt the rules that wait")
def adopt_rules(sent: Adopted, who: Caller) -> dict[str, Any]:
    """Adopt them; where that lowers a grade, it waits for a second person and nothing changes."""
    with who.working() as conn:
        return adoption.adopt(conn, who.actor, sent.reason, sent.document, version=sent.version)
