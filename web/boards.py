"""The boards: their page, each list, and each list as an Excel sheet."""

from datetime import date, datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from geo.hazards import grade_name, hazards
from geo.messages import catalogue, language, say
from geo.problems import Problem
from geo.report.board_sheet import write_board
from geo.store import doubtful, findings, pond_queries
from geo.store.boards import READERS, Boards
from geo.survey.advance import reached
from geo.survey.why import field_name
from geo.tailings.board import board as board_of
from web import pond_view, view
from web.acts import Text, told
from web.door import AppConn, PageRoute, Reader, Signed, checked_form, missing
from web.render import draw, lang_of
from web.saved import XLSX, saved

router = APIRouter(route_class=PageRoute, include_in_schema=False)
forms = APIRouter(
    route_class=PageRoute, include_in_schema=False, dependencies=[Depends(checked_form)]
)

# Each list's columns, in the order they are read; the page and the sheet show the same.
COLUMNS = {
    "advance": ("mine", "owner", "face", "starts", "reaches", "kinds", "distance"),
    "unclear": ("mine", "kinds", "states", "area", "share", "plan_status"),
    "unsurveyed": ("mine", "kind", "seam", "area", "share", "plan_status"),
    "inferred": ("mine", "factor", "seam", "working", "starts", "distance", "unit"),
    "unresolved": (
        *("mine", "factor", "seam", "working", "distance"),
        *("measures", "responsible", "by_when"),
    ),
    "supply": ("mine", "hazard", "factor", "missing", "why"),
    "appraisal": ("mine", "hazard", "since", "days", "why"),
    "hat": ("mine", "hazard", "determined", "floor", "since", "days", "why"),
    "lapse": ("mine", "hazard", "grade", "reason", "until", "days", "why"),
    "late": ("mine", "what", "hazard", "name", "since", "days"),
    "week": ("at", "mine", "hazard", "before", "after", "act", "by"),
    "crossings": (
        *("mine", "crossing", "object", "seam", "worked_on", "standing", "beyond", "outside"),
        "other",
    ),
    "plan": ("item", "whom", "due", "progress", "late_by"),
}
# Grades are drawn with colour and pattern beside the word; all else is words.
GRADES = ("determined", "floor", "grade", "before", "after")
PLANNERS = ("regulator", "enterprise")
_ROWS = 6
# Reckoned from all the facts when asked for: the first board only points to them.
ASKED = ("crossings",)


class Shown(Boards):
    """The boards of a reader, with those that are reckoned when asked."""

    def __init__(
        self, reader: Signed, conn: Connection, on: date, known: datetime | date | None
    ) -> None:
        super().__init__(conn, on, known)
        self.reader = reader

    @cached_property
    def crossings(self) -> list[dict[str, Any]]:
        """Workings, goafs and licences beyond a licence: questions, never verdicts (L15)."""
        with self.reader.working() as work:
            codes = [mine["code"] for mine in self.mines]
            found = findings.crossings(work, codes, self.on, self.seq)
        names = {mine["code"]: mine["name"] for mine in self.mines}
        rows = [{**row, "other_name": names.get(row["other_mine"])} for row in found]
        return self._named(rows)


def boards_of(reader: Signed, conn: Connection, on: str, known_at: str = "") -> Shown:
    """Return the reader's boards; a survey unit has none, it reads no grades."""
    if reader.role not in READERS:
        raise missing()
    # A day alone sets both times, as everywhere a day stands alone.
    return Shown(reader, conn, view.day(on), view.known(known_at or on))


def _query(on: str, known_at: str) -> str:
    """Return the query that asks for the same two times again."""
    asked = {name: said for name, said in (("on", on), ("known_at", known_at)) if said}
    return f"?{urlencode(asked)}" if asked else ""


def _words(room: str, codes: Any, lang: str) -> str:
    texts = catalogue()
    names = [texts.get(f"{room}{c}", {}).get(language(lang), str(c)) for c in codes or ()]
    return ("、" if lang == "zh" else ", ").join(names)


def _face(row: dict[str, Any], lang: str) -> str:
    seam = f" · {say('web.seam', lang, seam=row['seam'])}" if row.get("seam") else ""
    return f"{say('web.item.' + row['item'], lang)} {row['name'] or ''}{seam}"


def _factor(row: dict[str, Any], lang: str) -> str:
    return f"{_words('layer.', [row['kind']], lang)} {row.get('object') or ''}".strip()


def _missing(row: dict[str, Any], lang: str) -> str:
    names = [field_name(name, lang) for name in row["missing"]]
    return ("、" if lang == "zh" else ", ").join(names)


def _measures(row: dict[str, Any], lang: str) -> str:
    return row["measures"] or say("web.measure.none", lang)


def _kinds(row: dict[str, Any], lang: str) -> str:
    # What a working reaches has a number or a name; what is unclear of a mine has kinds alone.
    return reached(row, lang) if "factors" in row else _words("layer.", row["kinds"], lang)


def _progress(row: dict[str, Any], lang: str) -> str:
    if row["done"] is None:
        return say("web.board.no_data", lang)
    mines = row["measured"] == "survey"
    code = "web.board.done_of" if mines else "web.board.done_of_ponds"
    return say(code, lang, done=row["done"], of=row["of"])


def _late_by(row: dict[str, Any], lang: str) -> str:
    code = {"late": "late_by", "unknown": "past" if row["days"] > 0 else "ahead"}.get(
        row["state"], "ahead" if row["days"] <= 0 else "met"
    )
    return say(f"web.board.{code}", lang, days=abs(row["days"]))


_TEXT: dict[str, Any] = {
    "mine": lambda row, lang: row.get("mine_name") or "",
    "face": _face,
    "reaches": lambda row, lang: _words("web.reaches.", [row["reason"]], lang),
    "owner": lambda row, lang: row.get("owner") or "",
    "kinds": _kinds,
    "states": lambda row, lang: _words("web.coverage.", row["states"], lang),
    "plan_status": lambda row, lang: say("web.plan." + row["plan_status"], lang),
    "hazard": lambda row, lang: hazards()[row["hazard"]].label[lang] if row.get("hazard") else "",
    "why": lambda row, lang: row["why"][lang] if "why" in row else "",
    "reason": lambda row, lang: say("web.board.lapse." + row["reason"], lang),
    "what": lambda row, lang: say("web.board.late." + row["what"], lang),
    "act": lambda row, lang: _words("web.batch.", [row["kind"]], lang),
    "crossing": lambda row, lang: say(f"crossing.what.{row['what']}", lang),
    "standing": lambda row, lang: say(f"crossing.standing.{row['standing']}", lang),
    "object": lambda row, lang: (
        f"{say('web.crossing.' + row['object_kind'], lang)} {row['name'] or ''}"
    ),
    "seam": lambda row, lang: str(row.get("seam") or (row.get("evidence") or {}).get("seam") or ""),
    "kind": lambda row, lang: _words("layer.", [row["kind"]], lang),
    "factor": _factor,
    "missing": _missing,
    "working": lambda row, lang: _face({**row, "seam": None}, lang) if row["item"] else "",
    "measures": _measures,
    "responsible": lambda row, lang: row["responsible"] or "",
    "unit": lambda row, lang: row["unit"] or "",
    "other": lambda row, lang: row["other_name"] or row["other_mine"] or "",
    "item": lambda row, lang: row["text"][lang],
    "whom": lambda row, lang: row["whom"][lang],
    "progress": _progress,
    "late_by": _late_by,
}
_VALUE: dict[str, Any] = {
    "distance": lambda row: round(row["distance_m"]),
    "area": lambda row: round(row["area_m2"] / 10000, 1),
    "share": lambda row: round(row["share"] * 100, 1),
    "beyond": lambda row: None if row["beyond_m"] is None else round(row["beyond_m"], 1),
    "outside": lambda row: None if row["outside_m2"] is None else round(row["outside_m2"]),
}


# The list behind a figure of the plan: what is not done yet.
_OPENS = {
    "survey": ("/boards/unclear", ""),
    "pond_closure": ("/ponds", "&list=plan_open#list"),
    "pond_standardisation": ("/ponds", "&demand=standardisation.open#list"),
    "pond_monitoring": ("/ponds", "&demand=monitoring.open#list"),
}


def _opens(row: dict[str, Any], on: str) -> str:
    path, asked = _OPENS.get(row["measured"], ("/boards/plan", ""))
    return f"{path}?on={on}{asked}"


def cell(row: dict[str, Any], column: str, lang: str) -> Any:
    """Return what stands in a list: words, a number or a date."""
    if column in _TEXT:
        return _TEXT[column](row, lang)
    if column in _VALUE:
        return _VALUE[column](row)
    if column in GRADES:
        return grade_name(row["hazard"], row[column], lang)
    return row.get(column)


def listed(boards: Boards, name: str, lang: str, limit: int | None = None) -> dict[str, Any]:
    """Return a list as a page draws it: columns, rows with their cells, how many there are."""
    rows = getattr(boards, name)
    if name == "plan":
        rows = [{**row, "opens": _opens(row, boards.on.isoformat())} for row in rows]
    return {
        "name": name,
        "columns": COLUMNS[name],
        "total": len(rows),
        "rows": [
            {"row": row, "cells": {column: cell(row, column, lang) for column in COLUMNS[name]}}
            for row in rows[:limit]
        ],
    }


def sheet_answer(
    name: str,
    title: str,
    what: str,
    heads: list[str],
    rows: list[list[Any]],
    on: date,
    lang: str,
) -> Response:
    """Return a list as an Excel sheet, to be saved under its name and day."""
    return saved(
        f"{name}-{on}.xlsx",
        XLSX,
        lambda path: write_board(path, title, what, heads, rows, on, lang),
    )


@router.get("/boards")
def index(
    request: Request, reader: Reader, conn: AppConn, on: str = "", known_at: str = ""
) -> Response:
    """Draw every board with its number and its first rows."""
    boards, lang = boards_of(reader, conn, on, known_at), lang_of(request)
    return draw(
        request,
        "boards.html",
        reader=reader,
        day=boards.on.isoformat(),
        asked_on=on,
        ponds_late=pond_view.late(board_of(pond_queries.ponds(conn, boards.on))),
        query=_query(on, known_at),
        known_at=known_at,
        lists=[
            listed(boards, name, lang, _ROWS) for name in COLUMNS if name not in ("plan", *ASKED)
        ],
        asked_for=ASKED,
        plan=listed(boards, "plan", lang),
        first=_ROWS,
        grades=GRADES,
    )


@router.get("/boards/{name}/count")
def count(
    request: Request, reader: Reader, conn: AppConn, name: str, on: str = "", known_at: str = ""
) -> Response:
    """Draw how many rows a list has: the part of the boards that comes after the page."""
    boards = boards_of(reader, conn, on, known_at)
    if name not in COLUMNS:
        raise missing()
    total = len(getattr(boards, name))
    return draw(request, "parts/count.html", reader=reader, name=name, total=total)


@router.get("/boards/{name}.xlsx")
def sheet(
    request: Request, reader: Reader, conn: AppConn, name: str, on: str = "", known_at: str = ""
) -> Response:
    """Return one list whole, as an Excel sheet a bureau can file."""
    boards, lang = boards_of(reader, conn, on, known_at), lang_of(request)
    if name not in COLUMNS:
        raise missing()
    columns = COLUMNS[name]
    heads = [say(f"web.column.{column}", lang) for column in columns]
    rows = [[cell(row, column, lang) for column in columns] for row in getattr(boards, name)]
    if "mine" in columns:
        heads.insert(0, say("web.column.code", lang))
        for cells, row in zip(rows, getattr(boards, name), strict=True):
            cells.insert(0, row["mine_code"])
    title, what = say(f"web.board.{name}", lang), say(f"web.board.{name}.what", lang)
    return sheet_answer(name, title, what, heads, rows, boards.on, lang)


@router.get("/boards/{name}")
def board(
    request: Request, reader: Reader, conn: AppConn, name: str, on: str = "", known_at: str = ""
) -> Response:
    """Draw one list whole."""
    boards, lang = boards_of(reader, conn, on, known_at), lang_of(request)
    if name not in COLUMNS:
        raise missing()
    return draw(
        request,
        "board.html",
        reader=reader,
        day=boards.on.isoformat(),
        query=_query(on, known_at),
        known_at=known_at,
        board=listed(boards, name, lang),
        grades=GRADES,
        to_resolve=[
            (
                f"{row['mine_code']} {row['factor_key']}",
                f"{row['mine_name']} · {_factor(row, lang)}",
            )
            for row in (boards.unresolved if name == "unresolved" else ())
        ],
        may_plan=reader.role in PLANNERS,
    )


@forms.post("/measures")
def plan_measures(
    reader: Reader, conn: AppConn, target: Text, measures: Text, responsible: Text, due: Text
) -> Response:
    """Put on record who resolves an unclear factor, how and when; `target` is mine and factor."""
    code, _, factor = target.partition(" ")
    if not findings.seen(conn, [code]):
        raise missing()
    if not due:
        raise Problem("store.measures_wanted")
    with reader.working() as work:
        doubtful.plan_measures(
            work, reader.actor, code, factor, measures, responsible, view.day(due)
        )
    return told("/boards/unresolved", "web.told.measures")


router.include_router(forms)
