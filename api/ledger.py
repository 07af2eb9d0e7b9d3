"""Routes: the ledger of factors and treatment works, its months, and its Excel sheets (L19)."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.auth import AppConn, Caller, Lang, TimesAsked, only
from geo.problems import Problem
from geo.store import batches, findings, ledger_months
from geo.store.boards import READERS
from geo.store.rule_sets import telling
from web.door import Signed
from web.ledger import papered, sheet
from web.saved import XLSX

router = APIRouter(prefix="/ledger", tags=["ledger"])
Mine = Annotated[str | None, Query(description="Only this mine")]
_BOOK: dict[int | str, dict[str, Any]] = {200: {"content": {XLSX: {}}}}


def _asked(who: Signed, conn: Any, times: Any, mine: str | None) -> dict[str, Any]:
    only(who.actor, "ledger", *READERS)
    codes = findings.seen(conn, None if mine is None else [mine])
    if mine is not None and not codes:
        raise Problem("store.not_found", http_status=404)
    known = None if times.known is None else batches.seq_at(conn, times.known)
    with who.working() as work:
        found = findings.ledger(work, codes, times.on, known)
    return papered(conn, found, known or batches.seq_at(conn, None))


@router.get("", summary="The ledger with both counts")
def ledger(who: Caller, conn: AppConn, times: TimesAsked, mine: Mine = None) -> dict[str, Any]:
    """Return the rows of L19, treatment works with papers, and counts by kind and by place."""
    return _asked(who, conn, times, mine)


@router.get("/months", summary="The months kept")
def ledger_months_kept(who: Caller, conn: AppConn) -> list[dict[str, Any]]:
    """Return the months whose ledger was kept, newest first, with data version and rules."""
    only(who.actor, "ledger", *READERS)
    return ledger_months.months(conn)


@router.get("/months/{month}", summary="A month's ledger as it was kept")
def ledger_month(month: str, who: Caller, conn: AppConn) -> dict[str, Any]:
    """Return the ledger of a month (YYYY-MM), of the mines one may see, as it was filed."""
    only(who.actor, "ledger", *READERS)
    found = ledger_months.kept(conn, month)
    if found is None:
        raise Problem("ledger.no_month", http_status=404, month=month)
    return papered(conn, found, found["known_seq"])


@router.get(
    "/ledger.xlsx", summary="The ledger as an Excel book", response_class=Response, responses=_BOOK
)
def ledger_xlsx(
    who: Caller, conn: AppConn, times: TimesAsked, lang: Lang, mine: Mine = None
) -> Response:
    """Return the ledger in a layout a bureau can file."""
    return sheet(_asked(who, conn, times, mine), telling(conn), lang)


@router.get(
    "/works.xlsx", summary="Treatment works to fill in", response_class=Response, responses=_BOOK
)
def works_xlsx(
    who: Caller, conn: AppConn, times: TimesAsked, lang: Lang, mine: Mine = None
) -> Response:
    """Return a row per factor, to be filled in and sent back to ``/uploads`` as any file."""
    return sheet(_asked(who, conn, times, mine), telling(conn), lang, form=True)
