"""The one table of what a failure answers: a status, and a sentence in the caller's language."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException

from geo.messages import catalogue, language
from geo.problems import Problem
from geo.settings import settings
from web.translate import COOKIE as LANG_COOKIE

log = structlog.get_logger("api")
_PLAIN = (str, int, float, bool, list, dict, type(None))


def _accepted(header: str) -> str | None:
    """Return the language a browser likes best of those we speak, None if it names neither."""
    best: tuple[float, str] | None = None
    for part in header.split(","):
        tag, _, rest = part.strip().partition(";")
        spoken = tag[:2].lower()
        try:
            weight = float(rest.partition("q=")[2] or 1)
        except ValueError:
            weight = 0.0
        if spoken in ("zh", "en") and (best is None or weight > best[0]):
            best = (weight, spoken)
    return best[1] if best else None


def lang_of_request(request: Request) -> str:
    """Return the language of an answer: asked for, chosen on the page, the browser's, Chinese."""
    return language(
        request.query_params.get("lang")
        or request.cookies.get(LANG_COOKIE)
        or _accepted(request.headers.get("accept-language", ""))
    )


def body(problem: Problem, lang: str) -> dict[str, Any]:
    """Return a problem as the API says it."""
    params = {k: v if isinstance(v, _PLAIN) else str(v) for k, v in problem.params.items()}
    return {"code": problem.code, "message": problem.say(lang), "params": params, "lang": lang}


def answer(request: Request, problem: Problem) -> Response:
    """Return the answer to a problem."""
    said = body(problem, lang_of_request(request))
    headers = {"Retry-After": str(problem.params["seconds"])} if problem.http_status == 429 else {}
    return JSONResponse(said, status_code=problem.http_status, headers=headers)


def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 -- registered for this class only
    return answer(request, error)


def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- registered for this class only
    first = error.errors()[0]
    # An id of the wrong shape names nothing.
    if first["loc"][0] == "path":
        return answer(request, Problem("store.not_found", http_status=404))
    field = ".".join(str(part) for part in first["loc"][1:] if not isinstance(part, int))
    # A check of ours that spans fields names its own sentence.
    code = str(first["ctx"]["error"]) if first["type"] == "value_error" else ""
    if code in catalogue():
        return answer(request, Problem(code))
    code = f"api.field.{first['type']}"
    known = code if code in catalogue() else "api.field.other"
    bounds = {k: v for k, v in first.get("ctx", {}).items() if k != "error"}
    return answer(request, Problem(known, field=field or "body", **bounds))


def _on_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    if status == 413:
        limit = settings().max_upload_bytes // 2**20
        return answer(request, Problem("store.too_large", http_status=413, limit=limit))
    code = {404: "store.not_found", 405: "api.method"}.get(status, "api.refused")
    found = answer(request, Problem(code, http_status=status))
    if isinstance(error, HTTPException) and error.headers:
        found.headers.update(error.headers)
    return found


def _on_unfit_text(request: Request, error: Exception) -> Response:
    """Answer for a value PostgreSQL cannot hold: a zero byte in a text, a number past its end."""
    return answer(request, Problem("api.unfit", http_status=422))


def _on_no_database(request: Request, error: Exception) -> Response:
    log.error("database", path=request.url.path, reason=str(error).splitlines()[0])
    return answer(request, Problem("api.no_database", http_status=503))


def register(app: FastAPI) -> None:
    """Give the application its table of failures; whatever is not in it is a fault of ours."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(DataError, _on_unfit_text)
    app.add_exception_handler(OperationalError, _on_no_database)
