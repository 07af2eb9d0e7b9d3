"""The application: its routes, what stands around them, and whether it is well."""

import structlog
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy import text
from starlette.middleware.gzip import GZipMiddleware

from api import (
    boards,
    dictionary,
    docs,
    errors,
    exports,
    findings,
    ledger,
    mines,
    objections,
    papers,
    people,
    ponds,
    rules,
    sendings,
    surveys,
    terrains,
    tiles,
    uploads,
)
from api.around import Around, Bodies
from api.warming import warming
from geo.settings import settings
from geo.store.engine import SYSTEM, connect
from geo.store.migrate import at_head
from web import pages

log = structlog.get_logger("api")
ROUTERS = (
    people.router,
    uploads.router,
    sendings.router,
    surveys.router,
    mines.router,
    ledger.router,
    boards.router,
    findings.router,
    objections.router,
    papers.router,
    ponds.router,
    terrains.router,
    rules.router,
    tiles.router,
    exports.router,
    dictionary.router,
)


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
    """Return the application; it reads its settings from the environment."""
    app = FastAPI(
        title="Minerisk",
        version="1",
        summary="Survey layers in, hazard grades with their reasons out",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=warming,
        generate_unique_id_function=lambda route: route.name,
    )
    for router in ROUTERS:
        app.include_router(router, prefix="/api/v1")
    docs.register(app)
    app.add_api_route("/healthz", healthz, include_in_schema=False)
    app.add_api_route("/readyz", readyz, include_in_schema=False)
    app.include_router(pages.router)
    errors.register(app)
    # The last one added stands outermost.
    app.add_middleware(Bodies)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)
    app.add_middleware(Around)
    return app
