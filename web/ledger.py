"""The ledger of factors and treatment works: its page, months and Excel sheets; works' papers."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Request, UploadFile
from fastapi.responses import Response

from geo import attachments
from geo.problems import Problem
from geo.report.ledger import COUNTS, cell, place, work_cell, write_works_form, write_xlsx
from geo.rules import Rules
from geo.store import batches, findings, ledger_months, papers, works
from geo.store.boards import READERS
from geo.store.rule_sets import telling
from geo.survey.ledger import WORKS
from web import view
from web.acts import Text, back, told
from web.attached import file_works, paper_answer
from web.door import AppConn, PageRoute, Reader, checked_form, missing
from web.render import draw, lang_of
from web.saved import XLSX

router = APIRouter(route_class=PageRoute, include_in_schema=False)
forms = APIRouter(
    route_class=PageRoute, include_in_schema=False, dependencies=[Depends(checked_form)]
)
# The page shows what is looked up; the sheet has every column of L19.
SHOWN = (
    *("number", "mine_name", "kind", "code", "relation", "distance_m", "first_year"),
    *("verification", "measures", "deadline", "state"),
)
_ROWS = 200


def asked(reader: Any, conn: Any, on: str, known_at: str, month: str, mine: str) -> dict[str, Any]:
    """Return the ledger a reader asks for: of a month as kept, or reckoned for a day.

    A survey unit has none: it reads no grades.
    """
    if reader.role not in READERS:
        raise missing()
    if month:
        found = ledger_months.kept(conn, month)
        if found is None:
            raise Problem("ledger.no_month", http_status=404, month=month)
        return papered(conn, found, found["known_seq"])
    codes = findings.seen(conn, [mine] if mine else None)
    if mine and not codes:
        raise missing()
    known = batches.seq_at(conn, view.known(known_at)) if known_at else None
    day = view.day(on)
    with reader.working() as work:
        found = findings.ledger(work, codes, day, known)
    return papered(conn, found, known or batches.seq_at(conn, None))


def papered(conn: Any, data: dict[str, Any], known: int) -> dict[str, Any]:
    """Return a ledger with the papers behind each of its works, as its reader may have them."""
    return data | {"works": works.with_papers(conn, data["works"], known)}


@router.get("/ledger")
def ledger(
    request: Request,
    reader: Reader,
    conn: AppConn,
    on: str = "",
    known_at: str = "",
    month: str = "",
    mine: str = "",
) -> Response:
    """Draw the ledger: both counts, by place and by kind, works, and the first rows."""
    data = asked(reader, conn, on, known_at, month, mine)
    lang, rules = lang_of(request), telling(conn)
    late = set(data["overdue"])
    return draw(
        request,
        "ledger.html",
        reader=reader,
        data=data,
        asked={"on": on, "known_at": known_at, "month": month, "mine": mine},
        months=ledger_months.months(conn),
        places=[
            {**row, "name": place(row, data["names"], lang).strip("　")} for row in data["places"]
        ],
        counted=COUNTS,
        shown=SHOWN,
        rows=[
            {
                "row": row,
                "late": row["number"] in late,
                "cells": {name: cell(name, row[name], rules, lang) for name in SHOWN},
            }
            for row in data["rows"][:_ROWS]
        ],
        first=_ROWS,
        works=[
            {name: work_cell(name, row[name], lang) for name in WORKS} | {"papers": row["papers"]}
            for row in data["works"]
        ],
        work_columns=WORKS,
        attachments=attachments,
        to_paper=to_paper(reader, data["works"]),
    )


def to_paper(reader: Any, rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the works a reader may attach papers to: a form's value, and what one reads."""
    if reader.role not in ("regulator", "enterprise"):
        return []
    found = {
        f"{row['mine_code']} {called}": f"{row['mine_code']} · {called} {row['works_method'] or ''}"
        for row in rows
        if (called := works.called(row))
    }
    return sorted(found.items())


def sheet(data: dict[str, Any], rules: Rules, lang: str, *, form: bool = False) -> Response:
    """Return a ledger as an Excel book, or the form of treatment works to fill in."""
    name = "works" if form else f"ledger-{data['on']}"
    with TemporaryDirectory(prefix="minerisk-") as folder:
        path = Path(folder) / "made.xlsx"
        if form:
            write_works_form(path, data)
        else:
            write_xlsx(path, data, rules, lang)
        body = path.read_bytes()
    headers = {"Content-Disposition": f'attachment; filename="{name}.xlsx"'}
    return Response(body, media_type=XLSX, headers=headers)


@router.get("/ledger.xlsx")
def ledger_sheet(
    request: Request,
    reader: Reader,
    conn: AppConn,
    on: str = "",
    known_at: str = "",
    month: str = "",
    mine: str = "",
) -> Response:
    """Return the ledger as an Excel book a bureau can file."""
    data = asked(reader, conn, on, known_at, month, mine)
    return sheet(data, telling(conn), lang_of(request))


@router.get("/ledger/works.xlsx")
def works_form(request: Request, reader: Reader, conn: AppConn, mine: str = "") -> Response:
    """Return the table of treatment works to fill in and send back as any file."""
    data = asked(reader, conn, "", "", "", mine)
    return sheet(data, telling(conn), lang_of(request), form=True)


@router.get("/mines/{code}/papers/{sha256}")
def works_paper(reader: Reader, code: str, sha256: str) -> Response:
    """Return a paper behind a mine's treatment works, to be saved."""
    return paper_answer(reader, papers.WORKS, code, sha256)


@forms.post("/works/papers")
def attach(
    reader: Reader,
    works: Text,
    next: Text = "/ledger",
    files: Annotated[list[UploadFile] | None, File()] = None,
) -> Response:
    """Put papers of treatment works on record; `works` is a mine and what they are filed under."""
    code, _, called = works.partition(" ")
    file_works(reader, code, called, files or [])
    return told(back(next), "web.told.papers")


router.include_router(forms)
