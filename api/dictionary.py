"""Routes: the dictionary of layer types, and empty files of them to fill in."""

import tempfile
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import Response

from api.auth import Caller, Lang
from geo.problems import Problem
from geo.report.dictionary import dictionary
from geo.report.template import write_template
from geo.survey.layers import layers as known

router = APIRouter(tags=["dictionary"])


@router.get("/layers", summary="The dictionary of layer types")
def layers(who: Caller) -> list[dict[str, Any]]:
    """Return every layer type with its fields, units, words and aliases."""
    return dictionary()


@router.get(
    "/layers/{name}/template",
    summary="An empty file of a layer type",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
def template(
    who: Caller, lang: Lang, name: str, kind: Literal["zip", "gpkg", "xlsx"] = "zip"
) -> Response:
    """Return an empty shapefile zip, GeoPackage or Excel sheet of corner points, to fill in."""
    if name not in known():
        raise Problem("store.not_found", http_status=404)
    with tempfile.TemporaryDirectory(prefix="minerisk-") as folder:
        body = write_template(known()[name], Path(folder) / f"{name}.{kind}", lang).read_bytes()
    disposition = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return Response(body, media_type="application/octet-stream", headers=disposition)
