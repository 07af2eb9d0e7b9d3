"""What may lie under the map: the ground drawn by us, and a map from outside if settings name one.

Nothing is asked of anybody else unless the settings name an origin and the reader switches it on.
"""

from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from fastapi.responses import Response
from markupsafe import escape

from geo.messages import say
from geo.settings import Settings, settings
from geo.store import relief_tiles
from web.door import PageRoute, Reader

router = APIRouter(route_class=PageRoute, include_in_schema=False)
PNG, JSON = "image/png", "application/json"
# Web Mercator tiles of 天地图: the map, and the names over it.
_TIANDITU = (
    "https://t0.tianditu.gov.cn/{name}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0"
    "&LAYER={name}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles"
    "&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={key}"
)
# So many models are named in the corner of a map.
_CREDITED = 3
# Kept for a year: the name of a set of tiles changes with what is in it.
_KEPT = {"Cache-Control": "private, max-age=31536000, immutable"}


def online(conf: Settings) -> dict[str, Any] | None:
    """Return the map from outside: addresses of its tiles, one over the other, and its credit."""
    if conf.tianditu_key:
        tiles = [_TIANDITU.format(name=name, key=conf.tianditu_key) for name in ("vec", "cva")]
        return {"tiles": tiles, "credit": "天地图"}
    if conf.online_map:
        return {"tiles": [conf.online_map], "credit": str(escape(conf.online_map_credit))}
    return None


def origins(conf: Settings) -> list[str]:
    """Return the origins a page may ask for tiles besides our own."""
    found = online(conf)
    parts = [urlsplit(address) for address in found["tiles"]] if found else []
    return sorted({f"{part.scheme}://{part.netloc}" for part in parts})


def ground(conf: Settings, lang: str) -> dict[str, Any] | None:
    """Return the ground drawn from the accepted elevation models, None where there is none.

    Of each its tiles, and in `each` its own bounds and zooms: a finer one goes on nearer.
    """
    found = relief_tiles.current(conf)
    if not found:
        return None
    # The map's corner takes markup, and whose model it is somebody typed.
    words = [
        say("web.base.credit", lang, source=one["source"], dated=one["dated"] or "").strip()
        for one in found
    ]
    west, south, east, north = zip(*(one["bounds"] for one in found), strict=True)
    return {
        "tiles": [f"/relief/{one['key']}/{{z}}/{{x}}/{{y}}.png" for one in found],
        "each": [{n: one[n] for n in ("bounds", "minzoom", "maxzoom")} for one in found],
        "heights": [
            {"of": f"/relief/{one['key']}/{{z}}.json"} | {n: one[n] for n in ("minzoom", "maxzoom")}
            for one in found
        ],
        "bounds": [min(west), min(south), max(east), max(north)],
        "credit": str(escape("; ".join(dict.fromkeys(words[:_CREDITED])))),
    }


def offered(conf: Settings, lang: str) -> dict[str, dict[str, Any]]:
    """Return the maps that may lie under the data, by name: those there are."""
    found = {"ground": ground(conf, lang), "online": online(conf)}
    return {name: one for name, one in found.items() if one}


@router.get("/relief/{key}/{z}/{x}/{y}.png")
def relief_tile(reader: Reader, key: str, z: int, x: int, y: int) -> Response:
    """Return one tile of the ground; where there is no ground, an empty one."""
    found = relief_tiles.tile(settings(), key, z, x, y)
    return Response(found or relief_tiles.EMPTY, media_type=PNG, headers=_KEPT if found else {})


@router.get("/relief/{key}/{z}.json")
def relief_heights(reader: Reader, key: str, z: int) -> Response:
    """Return the heights written on the contours of a zoom; where there is no ground, none."""
    found = relief_tiles.written(settings(), key, z)
    return Response(found or b"[]", media_type=JSON, headers=_KEPT if found else {})
