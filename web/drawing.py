"""Drawing or correcting a factor, a plan item or a survey extent: its page, and what it sends.

What is drawn is written as a file and goes the way of every upload; nothing is changed in place.
"""

import json
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any
from uuid import UUID

import shapely
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import Connection

from geo import clock
from geo.messages import catalogue, say
from geo.problems import Problem
from geo.settings import settings
from geo.store import corrections, mine_queries
from geo.store.tiles import data_version
from geo.survey import drawn
from geo.survey.layers import Field, layers
from geo.survey.reading import ReadOptions
from web import base_maps, view
from web.acts import told
from web.door import AppConn, PageRoute, Reader, Signed, checked_form, missing
from web.render import draw, lang_of
from web.sent import register

router = APIRouter(route_class=PageRoute, include_in_schema=False)
# A view with more in it is no view to snap in.
MOST_SHAPES = 2000
# Fields that stand open; the others are folded away until they hold something.
_FIRST = ("code", "name", "mine_code", "item", "seam", "seams", "start", "end", "verification")
_SPARE = ("mine_name",)


def _may(reader: Signed) -> None:
    if reader.role == "administrator":
        raise Problem("store.not_allowed", http_status=403, action="upload")


def _word(name: str, value: str, field: Field, lang: str) -> str:
    for code in (f"{name}.{value}", f"layer.{value}", f"web.{value}"):
        if code in catalogue():
            return say(code, lang)
    words = field.values.get(value, ())
    return words[0] if lang == "zh" and words else value.replace("_", " ")


def typed_values(attrs: dict[str, Any]) -> dict[str, list[str]]:
    """Return what stands on record as somebody would type it: each field's words."""
    made: dict[str, list[str]] = {}
    for name, value in attrs.items():
        if isinstance(value, dict):
            made[name] = [str(value.get("raw") or "")]
        elif isinstance(value, bool):
            made[name] = ["yes" if value else "no"]
        elif isinstance(value, list):
            made[name] = [str(one) for one in value]
        elif value is not None:
            made[name] = [f"{value:g}" if isinstance(value, float) else str(value)]
    return made


def fields(layer: str, values: dict[str, list[str]], lang: str) -> list[dict[str, Any]]:
    """Return the fields of a layer as a form shows them, with what each holds."""
    made = []
    for name, field in layers()[layer].fields.items():
        if name in _SPARE:
            continue
        choices = list(field.values)
        if field.type == "bool":
            choices = ["yes", "no"]
        many = field.type == "list" and field.of is None
        held = values.get(name, [])
        made.append(
            {
                "name": name,
                "label": getattr(field.label, lang),
                "unit": field.unit if field.unit not in (None, "1") else "",
                "type": "many" if many else "choice" if choices else field.type,
                "choices": [(one, _word(name, one, field, lang)) for one in choices],
                "required": field.required,
                "first": name in _FIRST or field.required or bool(held),
                "value": "、".join(held),
                "held": held,
            }
        )
    return made


class Drawing:
    """What is on the table: of which layer, in place of what, and what was typed so far."""

    def __init__(self, conn: Connection, layer: str, feature: str) -> None:
        self.old = None
        if feature:
            try:
                self.old = corrections.target(conn, UUID(feature))
            except ValueError as error:
                raise missing() from error
        self.layer = self.old.layer if self.old else layer
        if self.layer not in corrections.DRAWABLE:
            self.layer = "goaf"
        self.kind: str = layers()[self.layer].geometry[0]
        self.zone = ""
        self.corners = ""
        self.error_m = ""
        self.values: dict[str, list[str]] = {}
        self.bounds: list[float] | None = None
        if self.old:
            shape = shapely.from_wkb(bytes(self.old.wkb))
            self.bounds = [round(one, 7) for one in shapely.bounds(shape).tolist()]
            zone = drawn.zone_of((self.bounds[0] + self.bounds[2]) / 2)
            self.zone = str(zone)
            self.kind, self.corners = drawn.text_of(shape, zone)
            self.error_m = f"{self.old.error_m:g}"
            self.values = typed_values({"mine_code": self.old.mine_code} | self.old.attrs)

    def take(self, form: dict[str, list[str]]) -> None:
        """Take what a form sends in place of what is on record."""

        def one(name: str) -> str:
            return (form.get(name) or [""])[0].strip()

        self.zone, self.corners, self.error_m = one("zone"), one("corners"), one("error_m")
        if one("kind") in layers()[self.layer].geometry:
            self.kind = one("kind")
        known = layers()[self.layer].fields
        self.values = {
            name: [value.strip() for value in form.get(f"f.{name}", []) if value.strip()]
            for name in known
        }

    def file(self) -> tuple[str, bytes, ReadOptions]:
        """Return the file it makes: its name, its bytes, and how it is to be read.

        Raises
        ------
        Problem
            ``drawn.*``.
        """
        if not self.zone.isdecimal():
            raise Problem("drawn.zone", zone=self.zone, first=drawn.ZONES[0], last=drawn.ZONES[-1])
        epsg = drawn.epsg_of(int(self.zone))
        try:
            error = float(self.error_m)
        except ValueError as wrong:
            raise Problem("drawn.error") from wrong
        if not 0 <= error < float("inf"):
            raise Problem("drawn.error")
        shape = drawn.shape(drawn.corners(self.corners, int(self.zone)), self.kind)
        values = {name: "、".join(held) for name, held in self.values.items()}
        body = drawn.geojson(shape, epsg, values, self.layer)
        name = values.get("code") or values.get("name") or clock.today().isoformat()
        name = "".join("_" if one in "/\\:" or not one.isprintable() else one for one in name)[:60]
        label = say(f"layer.{self.layer}", "zh")
        return (
            f"{label} {name}.geojson",
            body,
            ReadOptions(
                layer=self.layer,
                crs=epsg,
                mine_code=values.get("mine_code") or None,
                corrects=self.old.id if self.old else None,
                error_m=error,
            ),
        )


def _zone_at(at: str, around: list[float] | None) -> int:
    """Return the zone of the view that was asked for, else of all one sees."""
    try:
        return drawn.zone_of(float(at.split("/")[2]))
    except (IndexError, ValueError, OverflowError):
        return drawn.zone_of((around[0] + around[2]) / 2 if around else 112.0)


def _page(
    request: Request,
    reader: Signed,
    conn: Connection,
    drawing: Drawing,
    at: str,
    trouble: Problem | None = None,
) -> Response:
    lang = lang_of(request)
    places = mine_queries.places(conn)
    around = drawing.bounds or view.around(place["bounds"] for place in places.values())
    zone = drawing.zone or str(_zone_at(at, around))
    old = drawing.old
    return draw(
        request,
        "draw.html",
        reader=reader,
        status=trouble.http_status if trouble else 200,
        drawing=drawing,
        feature=str(old.id) if old else "",
        old_name=str(old.code or old.attrs.get("name") or "") if old else "",
        old_file=old.filename if old else "",
        zone=zone,
        zones=[(one, one * 3) for one in drawn.ZONES],
        layers=corrections.DRAWABLE,
        kinds=layers()[drawing.layer].geometry,
        fields=fields(drawing.layer, drawing.values, lang),
        mines=sorted(places),
        bounds=around,
        at=at,
        version=data_version(conn),
        bases=base_maps.offered(settings(), lang_of(request)),
        trouble=trouble,
    )


@router.get("/draw")
def draw_page(
    request: Request,
    reader: Reader,
    conn: AppConn,
    layer: str = "",
    feature: str = "",
    at: Annotated[str, Query(max_length=80)] = "",
    mine: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Draw the page on which a shape is drawn, or one on record is corrected."""
    _may(reader)
    drawing = Drawing(conn, layer, feature)
    if mine and not drawing.old:
        drawing.values = {"mine_code": [mine]}
    return _page(request, reader, conn, drawing, at)


@router.get("/draw/shapes.json")
def shapes(
    request: Request,
    reader: Reader,
    conn: AppConn,
    west: Annotated[float, Query(ge=-180, le=180)],
    south: Annotated[float, Query(ge=-85, le=85)],
    east: Annotated[float, Query(ge=-180, le=180)],
    north: Annotated[float, Query(ge=-85, le=85)],
) -> Response:
    """Return what one sees in a view, as it is stored: to snap to, and to correct."""
    _may(reader)
    found = corrections.near(conn, (west, south, east, north), MOST_SHAPES + 1)
    lang = lang_of(request)
    told = [
        {
            **one,
            "text": f"{say('layer.' + one['layer'], lang)} {one['name'] or ''}".strip(),
            "geometry": json.loads(one["geometry"]),
        }
        for one in found[:MOST_SHAPES]
    ]
    body = {"shapes": told, "more": len(found) > MOST_SHAPES}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


async def _sent(request: Request) -> dict[str, list[str]]:
    form = await request.form()
    made: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            made.setdefault(name, []).append(value)
    return made


Sent = Annotated[dict[str, list[str]], Depends(_sent)]


@router.post("/draw", dependencies=[Depends(checked_form)])
def save(request: Request, reader: Reader, conn: AppConn, sent: Sent) -> Response:
    """Keep what was drawn as a draft: an upload like any other."""
    _may(reader)
    drawing = Drawing(conn, *((sent.get(name) or [""])[0] for name in ("layer", "feature")))
    drawing.take(sent)
    try:
        name, body, wanted = drawing.file()
    except Problem as problem:
        return _page(request, reader, conn, drawing, (sent.get("at") or [""])[0], problem)
    with NamedTemporaryFile(prefix="minerisk-") as kept:
        kept.write(body)
        kept.flush()
        upload_id = register(reader, name, Path(kept.name), wanted)
    return told(f"/uploads/{upload_id}", "web.told.drawn")
