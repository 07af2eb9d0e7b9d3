"""The application: routes, security headers, health, and one table of what a failure answers."""

import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy import text
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from api import grades, people, uploads
from geo.messages import language
from geo.problems import Problem
from geo.settings import settings
from geo.store.engine import SYSTEM, connect
from geo.store.migrate import at_head
from web import pages

log = structlog.get_logger("api")

# No inline script or style runs, nothing is loaded from elsewhere, nobody may frame us.
# blob: is the map's worker, data: its pattern images.
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "worker-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
}


def _lang(request: Request) -> str:
    asked = request.query_params.get("lang") or request.headers.get("accept-language", "zh")
    return language(asked.split(",")[0])


def _body(problem: Problem, lang: str) -> dict[str, Any]:
    return {"code": problem.code, "message": problem.say(lang), "params": _plain(problem.params)}


def _plain(params: dict[str, Any]) -> dict[str, Any]:
    kinds = (str, int, float, bool, list, dict, type(None))
    return {k: v if isinstance(v, kinds) else str(v) for k, v in params.items()}


def _on_problem(request: Request, error: Exception) -> Response:
    problem = error if isinstance(error, Problem) else Problem("api.fault", http_status=500, id="")
    return JSONResponse(_body(problem, _lang(request)), status_code=problem.http_status)


def _on_validation(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    first = faults[0] if faults else {"loc": ("body",), "msg": ""}
    # An id of the wrong shape names nothing.
    if first["loc"][0] == "path":
        return _on_problem(request, Problem("store.not_found", http_status=404))
    field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return _on_problem(request, Problem("api.bad_field", field=field, fault=first["msg"]))


def _on_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = {404: "store.not_found", 405: "api.method"}.get(status, "api.refused")
    return _on_problem(request, Problem(code, http_status=status))


def _on_fault(request: Request, error: Exception) -> Response:
    number = uuid4().hex[:12]
    log.error("fault", id=number, path=request.url.path, exc_info=error)
    return _on_problem(request, Problem("api.fault", http_status=500, id=number))


async def _around(request: Request, forward: Callable[[Request], Awaitable[Response]]) -> Response:
    began, number = time.perf_counter(), uuid4().hex[:12]
    answer = await forward(request)
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers["X-Request-ID"] = number
    if request.url.path.startswith("/api/"):
        answer.headers.setdefault("Cache-Control", "no-store")
    log.info(
        "request",
        id=number,
        method=request.method,
        path=request.url.path,
        status=answer.status_code,
        ms=round((time.perf_counter() - began) * 1000, 1),
    )
    return answer


def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


def readyz() -> JSONResponse:
    """Say whether the database answers and has every migration."""
    try:
        with connect(settings(), "worker", SYSTEM) as conn:
            conn.execute(text("SELECT 1"))
            ready = at_head(conn)
    except Exception as error:
        log.warning("not ready", reason=type(error).__name__)
        ready = False
    state = "ready" if ready else "not ready"
    return JSONResponse({"status": state}, status_code=200 if ready else 503)


def create_app() -> FastAPI:
    """Return the application."""
    app = FastAPI(
        title="Minerisk",
        version="1",
        summary="Survey layers in, hazard grades with their reasons out",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    for router in (people.router, uploads.router, grades.router):
        app.include_router(router, prefix="/api/v1")
    app.add_api_route("/healthz", healthz, include_in_schema=False)
    app.add_api_route("/readyz", readyz, include_in_schema=False)
    app.include_router(pages.router)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_fault)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.middleware("http")(_around)
    return app
