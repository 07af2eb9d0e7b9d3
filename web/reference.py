"""Pages to look things up on: the dictionary of layer types, the rules, and what waits of them."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from geo import clock
from geo.hazards import hazards
from geo.problems import Problem
from geo.report.dictionary import dictionary
from geo.report.rules import rows_of
from geo.report.template import ENDINGS
from geo.store import adoption, findings, rule_sets
from geo.store.grading import compare_rules
from web.acts import Text, told
from web.door import AppConn, PageRoute, Reader, checked_form, missing
from web.render import draw, lang_of
from web.screening import ASKERS

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/layers")
def layers(request: Request, reader: Reader) -> Response:
    """Draw every layer type with its fields, and the templates to fill in."""
    endings = [ending.removeprefix(".") for ending in ENDINGS]
    return draw(request, "layers.html", reader=reader, layers=dictionary(), endings=endings)


@router.get("/rules")
def rules(request: Request, reader: Reader, conn: AppConn) -> Response:
    """Draw every rule with its clause, and whether that was verified."""
    found, lang = rule_sets.in_force(conn), lang_of(request)
    groups = [
        (code, [(r, rows_of(r, lang)) for r in found.rules if r.applies.hazard == code])
        for code in hazards()
    ]
    return draw(
        request,
        "rules.html",
        reader=reader,
        groups=[(code, listed) for code, listed in groups if listed],
        count=len(found.rules),
        unverified=sum(not rule.verified for rule in found.rules),
        version=found.version[:12],
        sets=rule_sets.kept(conn),
        asks=reader.role in ASKERS,
        **_waiting(conn),
    )


def _waiting(conn: Any) -> dict[str, Any]:
    """Return what waits in the files, or why nobody can tell."""
    try:
        return {"waits": rule_sets.waiting(conn), "fault": None}
    except Problem as problem:
        return {"waits": None, "fault": problem}


@router.get("/rules/waiting")
def rules_waiting(request: Request, reader: Reader, conn: AppConn) -> Response:
    """Draw which mines would change, from what to what, if the rules that wait were adopted."""
    if reader.role not in ASKERS:
        raise missing()
    found, compared = _waiting(conn), None
    if found["waits"] is not None:
        codes = findings.seen(conn)
        with reader.working() as work:
            compared = compare_rules(work, found["waits"], clock.today(), codes)
    lang = lang_of(request)
    both = [*rule_sets.telling(conn).rules, *(found["waits"].rules if found["waits"] else ())]
    return draw(
        request,
        "rules_waiting.html",
        reader=reader,
        compared=compared,
        names={rule.id: getattr(rule.message, lang) for rule in both},
        in_force=rule_sets.in_force(conn).version,
        may_adopt=reader.role == "regulator",
        **found,
    )


@router.post("/rules/adopt", dependencies=[Depends(checked_form)])
def adopt(reader: Reader, version: Text = "", reason: Text = "", document: Text = "") -> Response:
    """Adopt the rules that wait; where that lowers a grade, a second person must confirm it."""
    with reader.working() as conn:
        said = adoption.adopt(conn, reader.actor, reason, document, version=version)
    if said["state"] == "needs_second":
        return told("/inbox", "web.told.needs_second")
    return told("/rules", "web.told.adopted", n=len(said["moves"]))
