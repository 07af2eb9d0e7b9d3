"""Screening before a person (L18): the findings, their answers, contracts and output."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import select

from geo.messages import say
from geo.problems import Problem
from geo.store import batches, findings, screening
from geo.store.tables import SCREENING_OUTCOMES, mine
from web import view
from web.acts import Text, told
from web.door import AppConn, PageRoute, Reader, checked_form, missing
from web.render import draw, lang_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
forms = APIRouter(
    route_class=PageRoute, include_in_schema=False, dependencies=[Depends(checked_form)]
)
# Questions about a survey are the regulator's; an administrator may look.
ASKERS = ("regulator", "administrator")


def measure(one: dict[str, Any], lang: str) -> str:
    """Return the measure of a finding in words; nothing where it has none."""
    value, unit = one["measure"], one["unit"]
    if value is None:
        return ""
    if unit == "1":
        return f"{value * 100:.1f} %"
    return say(f"screening.unit.{unit}", lang, n=f"{value:g}")


@router.get("/screening")
def page(request: Request, reader: Reader, conn: AppConn, known_at: str = "") -> Response:
    """Draw what is worth asking, the unanswered first, and what screening knows."""
    if reader.role not in ASKERS:
        raise missing()
    codes, lang = findings.seen(conn), lang_of(request)
    known = batches.seq_at(conn, view.known(known_at))
    with reader.working() as work:
        found = screening.findings(work, codes, known)
    kept = screening.on_record(conn, codes)
    mines = conn.execute(select(mine.c.code, mine.c.name).order_by(mine.c.code)).all()
    return draw(
        request,
        "screening.html",
        reader=reader,
        findings=[{**one, "told": measure(one, lang)} for one in found],
        waiting=sum(one["state"] == "open" for one in found),
        outcomes=SCREENING_OUTCOMES,
        mines=mines,
        known_at=known_at,
        contracts=kept["contracts"],
        outputs=kept["outputs"],
    )


def _seen(conn: Any, code: str) -> None:
    if not findings.seen(conn, [code]):
        raise missing()


@forms.post("/mines/{code}/screening")
def consider(
    reader: Reader,
    conn: AppConn,
    code: str,
    finding: Text,
    outcome: Text,
    reason: Text,
    document: Text = "",
) -> Response:
    """Record what a person made of a finding."""
    _seen(conn, code)
    with reader.working() as work:
        screening.answer(work, reader.actor, code, finding, outcome, reason, document)
    return told("/screening", "web.told.considered")


@forms.post("/screening/contracts")
def contract(
    reader: Reader,
    conn: AppConn,
    mine: Text,
    survey_unit: Text,
    document: Text,
    begins: Text = "",
    ends: Text = "",
) -> Response:
    """Put a survey contract on record."""
    _seen(conn, mine)
    first, last = view.known(begins), view.known(ends)
    with reader.working() as work:
        screening.record_contract(work, reader.actor, mine, survey_unit, first, last, document)
    return told("/screening", "web.told.on_record")


@forms.post("/screening/outputs")
def output(
    reader: Reader,
    conn: AppConn,
    mine: Text,
    tonnes: Text,
    since: Text,
    until: Text,
    document: Text,
) -> Response:
    """Put a reported output on record."""
    _seen(conn, mine)
    try:
        amount = float(tonnes.replace(",", ""))
    except ValueError:
        raise Problem("screening.tonnes") from None
    with reader.working() as work:
        screening.record_output(
            work, reader.actor, mine, view.day(since), view.day(until), amount, document
        )
    return told("/screening", "web.told.on_record")


router.include_router(forms)
