"""The API's own description: OpenAPI with an example for every route, and a page to read it on.

The page is drawn here from that description, so that it needs neither a script nor the internet.
"""

import json
from functools import cache
from importlib import resources
from typing import Any

import yaml
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from web.render import static

METHODS = ("get", "post", "put", "patch", "delete")
PROBLEM = {
    "type": "object",
    "description": "What went wrong, in one sentence.",
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "params": {"type": "object"},
        "lang": {"type": "string", "enum": ["zh", "en"]},
    },
    "required": ["code", "message", "params", "lang"],
    "example": {
        "code": "store.not_found",
        "message": "没有这条记录，或您无权查看。",
        "params": {},
        "lang": "zh",
    },
}


@cache
def examples() -> dict[str, Any]:
    """Return the example answer of each route, by the name of the route."""
    text = resources.files(__package__).joinpath("examples.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def _with_example(operation: dict[str, Any]) -> None:
    """Put the example into the answer of success, and say what a refusal looks like."""
    answers = operation["responses"]
    answers.pop("422", None)
    success = next(code for code in answers if code.startswith("2"))
    example = examples().get(operation["operationId"])
    for media in answers[success].get("content", {}).values():
        if example is not None:
            media["example"] = example
    answers["default"] = {
        "description": "A problem, as one sentence",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI description of the application."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=(
                "Sign in at `/api/v1/session`; the cookie then says who you are. Every unsafe call "
                "carries the token that signing in answered with, in `X-CSRF-Token`. Reads take "
                "`valid_on` (when it held), `known_at` (when it was known), or `as_of` for both."
            ),
            routes=app.routes,
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        schemas["Problem"] = PROBLEM
        for methods in made["paths"].values():
            for method in METHODS:
                if method in methods:
                    _with_example(methods[method])
        app.openapi_schema = made
    return app.openapi_schema


def _shape(operation: dict[str, Any], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the fields a call is sent, flat: name, required, what it is."""
    content = operation.get("requestBody", {}).get("content", {})
    rows = []
    for media, body in content.items():
        schema = body["schema"]
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
        for name, field in schema.get("properties", {}).items():
            kinds = [
                one.get("format") or one.get("type", "") for one in field.get("anyOf", [field])
            ]
            rows.append(
                {
                    "name": name,
                    "in": media,
                    "required": name in schema.get("required", ()),
                    "kind": " | ".join(kind for kind in kinds if kind != "null"),
                    "text": field.get("description", ""),
                    "examples": field.get("examples", []),
                }
            )
    return rows


def _page(app: FastAPI) -> str:
    made = describe(app)
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in made["paths"].items():
        for method in METHODS:
            if method not in methods:
                continue
            operation = methods[method]
            success = next(code for code in operation["responses"] if code.startswith("2"))
            content = operation["responses"][success].get("content", {})
            example = next((body.get("example") for body in content.values()), None)
            shown = example
            if example is not None and not isinstance(example, str):
                shown = json.dumps(example, ensure_ascii=False, indent=2)
            groups.setdefault(operation["tags"][0], []).append(
                {
                    "method": method.upper(),
                    "path": path,
                    "summary": operation["summary"],
                    "text": operation.get("description", ""),
                    "parameters": operation.get("parameters", []),
                    "sent": _shape(operation, made["components"]["schemas"]),
                    "status": success,
                    "media": ", ".join(content),
                    "example": shown,
                }
            )
    room = Environment(
        loader=PackageLoader("api", "templates"), autoescape=True, undefined=StrictUndefined
    )
    return room.get_template("docs.html").render(
        title=made["info"]["title"],
        summary=made["info"]["summary"],
        text=made["info"]["description"],
        groups=groups,
        style=static("css/minerisk.css"),
    )


def register(app: FastAPI) -> None:
    """Serve the description and its page."""
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]

    def openapi() -> JSONResponse:
        return JSONResponse(describe(app))

    def page() -> HTMLResponse:
        return HTMLResponse(_page(app))

    app.add_api_route("/api/v1/openapi.json", openapi, include_in_schema=False)
    app.add_api_route("/api/docs", page, include_in_schema=False)
