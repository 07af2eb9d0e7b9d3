"""The page of elevation models: sent, reviewed, revoked, and which one is in force where."""

import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response

from geo.problems import Problem
from geo.settings import settings
from geo.store import intake, rawfiles, terrain_decisions, terrain_queries
from geo.store.terrain_sent import submit_model
from geo.survey.reading import ReadOptions
from geo.survey.reading.result import Statement
from web import view
from web.acts import told
from web.attached import aside
from web.door import AppConn, PageRoute, Reader, Signed, checked_form, missing
from web.render import draw, lang_of
from web.sent import register, upload_before

router = APIRouter(route_class=PageRoute, include_in_schema=False)
forms = APIRouter(
    route_class=PageRoute, include_in_schema=False, dependencies=[Depends(checked_form)]
)
Text = Annotated[str, Form(max_length=4000)]
# Units of heights that a file may be in without saying so.
UNITS = ("m", "dm", "cm", "ft")


def model_options(source: str, dated: str, error: str, unit: str, crs: str) -> ReadOptions:
    """Return how an elevation model is to be read, with its statement.

    Raises
    ------
    Problem
        Where something is left empty, no number, no date or no system.
    """
    for name, value in (("source", source), ("dated", dated), ("error", error)):
        if not value.strip():
            raise Problem("web.error.missing_field", field=name)
    try:
        error_m = float(error)
    except ValueError:
        error_m = 0.0
    if not 0 < error_m <= 1000:
        raise Problem("terrain.dem.no_error")
    said = Statement(
        source=source.strip()[:200],
        dated=view.day(dated.strip()),
        error_m=error_m,
        unit=unit.strip() or None,
    )
    return view.options(crs, "", "", "").model_copy(update={"terrain": said})


@router.get("/terrains")
def terrains(request: Request, reader: Reader, conn: AppConn) -> Response:
    """Draw the elevation models on record, which of them is in force where, and what waits."""
    listed = [{**one, "may_judge": _competent(reader, one)} for one in terrain_queries.models(conn)]
    return draw(
        request,
        "terrains.html",
        reader=reader,
        models=[one for one in listed if one["state"] != "submitted"],
        waiting=[one for one in listed if one["state"] == "submitted"],
        gone=listed and not any(one["state"] in terrain_queries.COUNTING for one in listed),
        may_send=reader.role in intake.MODEL_SENDERS,
        said=dict.fromkeys(("source", "dated", "error_m", "unit", "crs")),
        units=UNITS,
        **view.reading_choices(lang_of(request)),
    )


def _competent(reader: Signed, one: dict[str, Any]) -> bool:
    district = reader.actor.district
    return reader.role == "regulator" and bool(district) and one["district"].startswith(district)


def _one_file(sent: Sequence[tuple[str, Path]], folder: Path) -> tuple[str, Path]:
    """Return the file that is sent; several sheets, which a page without script sends, as a zip."""
    if len(sent) == 1:
        return sent[0]
    packed = folder / "sheets.zip"
    with zipfile.ZipFile(packed, "w") as made:
        for name, path in sent:
            made.write(path, name)
    return f"{sent[0][0]}.zip", packed


@forms.post("/terrains")
def send_model(
    reader: Reader,
    file: Annotated[list[UploadFile], File()],
    source: Text = "",
    dated: Text = "",
    error: Text = "",
    unit: Text = "",
    crs: Text = "",
) -> Response:
    """Take the sheets of one model; they are read in the background, as any upload is."""
    wanted = model_options(source, dated, error, unit, crs)
    with aside(file) as sent, tempfile.TemporaryDirectory(prefix="minerisk-") as folder:
        if not sent:
            raise Problem("store.empty_file", file="")
        name, path = _one_file(sent, Path(folder))
        upload_id = register(reader, name, path, wanted)
    return RedirectResponse(f"/uploads/{upload_id}", 303)


def _sent(reader: Signed, upload_id: UUID) -> dict[str, Any]:
    found = upload_before(reader, upload_id)
    if not found["options"].get("terrain"):
        raise missing()
    return found


@forms.post("/terrains/sent/{upload_id}/again")
def model_again(
    reader: Reader,
    upload_id: UUID,
    source: Text = "",
    dated: Text = "",
    error: Text = "",
    unit: Text = "",
    crs: Text = "",
) -> Response:
    """Read the same bytes with another statement, as a new upload."""
    found = _sent(reader, upload_id)
    wanted = model_options(source, dated, error, unit, crs)
    path = rawfiles.path_of(settings(), found["sha256"])
    fresh = register(reader, found["filename"], path, wanted)
    return told(f"/uploads/{fresh}", "web.told.uploaded_again")


@forms.post("/terrains/sent/{upload_id}/submit")
def submit_sent(reader: Reader, upload_id: UUID) -> Response:
    """Submit a model that was read; a regulator reviews it."""
    _sent(reader, upload_id)
    with reader.working() as conn:
        terrain_id = submit_model(conn, reader.actor, upload_id)
    return told(f"/terrains#m-{terrain_id}", "web.told.model_submitted")


@forms.post("/terrains/{terrain_id}/accept")
def accept_model(reader: Reader, terrain_id: UUID, reason: Text, document: Text) -> Response:
    """Accept a model; what may take a head-top verdict away waits for a second person."""
    with reader.working() as conn:
        done = terrain_decisions.accept(conn, reader.actor, terrain_id, reason, document)
    return _done(done, terrain_id, "web.told.model_accepted")


@forms.post("/terrains/{terrain_id}/return")
def return_model(reader: Reader, terrain_id: UUID, reason: Text) -> Response:
    """Return a model with a remark."""
    with reader.working() as conn:
        terrain_decisions.return_(conn, reader.actor, terrain_id, reason)
    return told(f"/terrains#m-{terrain_id}", "web.told.model_returned")


@forms.post("/terrains/{terrain_id}/revoke")
def revoke_model(reader: Reader, terrain_id: UUID, reason: Text, document: Text) -> Response:
    """Revoke an accepted model; what may take a verdict or zone away waits for a second person."""
    with reader.working() as conn:
        done = terrain_decisions.revoke(conn, reader.actor, terrain_id, reason, document)
    return _done(done, terrain_id, "web.told.model_revoked")


def _done(done: dict[str, Any], terrain_id: UUID, sentence: str) -> Response:
    if done["state"] == "needs_second":
        if done["ponds"]:
            return told("/inbox#proposals", "web.told.model_waits", n=len(done["ponds"]))
        return told("/inbox#proposals", "web.told.zone_waits", km2=done["zone_km2"])
    return told(f"/terrains#m-{terrain_id}", sentence)


router.include_router(forms)
