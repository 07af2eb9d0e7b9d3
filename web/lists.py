"""The lists of what waits and what was filed, as Excel sheets: the pages' own rows, whole."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from geo import clock
from geo.hazards import grade_name, hazards
from geo.messages import say
from geo.store import inbox_queries, objections, survey_queries
from web.boards import sheet_answer
from web.door import AppConn, PageRoute, Reader, missing
from web.render import lang_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
Rows = list[list[Any]]

_SURVEYS = (
    *("web.uploads.file", "web.survey.state", "web.survey.unit", "web.column.code"),
    *("web.survey.layers", "web.survey.sent_at"),
)


def _surveys(found: list[dict[str, Any]], lang: str) -> Rows:
    return [
        [
            one["filename"],
            say(f"web.survey_state.{one['state']}", lang),
            one["survey_unit"],
            one["mine_code"],
            " · ".join(
                say(f"layer.{kind['layer'] if isinstance(kind, dict) else kind}", lang)
                for kind in one["layers"]
            ),
            one["recorded_at"],
        ]
        for one in found
    ]


def _proposals(conn: Connection, lang: str) -> Rows:
    return [
        [
            say(f"web.action.{one['action']}", lang),
            one["mine_code"],
            one["mine_name"] or one["body"].get("name") or one["body"].get("filename"),
            one["body"].get("reason"),
            one["body"].get("document"),
            one["proposed_by"],
            one["proposed_at"],
        ]
        for one in inbox_queries.proposals(conn)
    ]


def _objections(conn: Connection, lang: str) -> Rows:
    return [
        [
            one["mine_code"],
            one["mine_name"],
            hazards()[one["hazard"]].label[lang],
            grade_name(one["hazard"], one["grade"], lang),
            say(f"web.objection.state.{one['state']}", lang),
            one["reason"],
            one["recorded_at"],
            one["answer"] and one["answer"]["recorded_at"],
        ]
        for one in objections.objections(conn)
    ]


# Each list: its title, what it is, its column heads, and its rows.
LISTS: dict[str, tuple[str, str, tuple[str, ...], Callable[[Connection, str], Rows]]] = {
    "surveys": (
        "web.nav.surveys",
        "web.surveys.what",
        _SURVEYS,
        lambda conn, lang: _surveys(survey_queries.surveys(conn), lang),
    ),
    "submissions": (
        "web.inbox.submissions",
        "web.inbox.what",
        _SURVEYS,
        lambda conn, lang: _surveys(inbox_queries.submissions(conn), lang),
    ),
    "proposals": (
        "web.inbox.proposals",
        "web.inbox.proposals_what",
        (
            *("web.column.what", "web.column.code", "web.column.name", "web.reason"),
            *("web.document", "web.inbox.proposed_by", "web.column.at"),
        ),
        _proposals,
    ),
    "objections": (
        "web.nav.objections",
        "web.objections.what",
        (
            *("web.column.code", "web.column.mine", "web.column.hazard", "web.objection.against"),
            *("web.objection.outcome", "web.reason", "web.column.at", "web.objection.answered"),
        ),
        _objections,
    ),
}


@router.get("/lists/{which}.xlsx")
def sheet(request: Request, reader: Reader, conn: AppConn, which: str) -> Response:
    """Return a list of what one may see, as an Excel sheet."""
    if which not in LISTS:
        raise missing()
    lang = lang_of(request)
    title, what, heads, rows = LISTS[which]
    shown = [say(head, lang) for head in heads]
    return sheet_answer(
        which, say(title, lang), say(what, lang), shown, rows(conn, lang), clock.today(), lang
    )
