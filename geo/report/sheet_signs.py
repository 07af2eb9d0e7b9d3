"""The signs of a printed map: how each kind of thing is drawn, and what the legend says of it.

One place for both, so that what is drawn is what is explained.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from geo.hazards import colour_label
from geo.messages import say

COLOURS = {
    "red": "#c4161c",
    "orange": "#ea7a0b",
    "yellow": "#f4c60c",
    "blue": "#2468b4",
    "grey": "#d5dadb",
}
INK = "#1b2427"
DASH = ' stroke-dasharray="1.2 .8"'

# The same patterns as on the screen, in millimetres of paper.
PATTERNS = """
<pattern id="red" width="2.2" height="2.2" patternUnits="userSpaceOnUse">
 <rect width="2.2" height="2.2" fill="#c4161c"/>
 <path d="M0 0L2.2 2.2M0 2.2L2.2 0" stroke="#fff" stroke-width=".22"/></pattern>
<pattern id="orange" width="2" height="2" patternUnits="userSpaceOnUse">
 <rect width="2" height="2" fill="#ea7a0b"/>
 <path d="M0 2L2 0M-.5 .5L.5 -.5M1.5 2.5L2.5 1.5" stroke="#3c1400" stroke-width=".25"/></pattern>
<pattern id="yellow" width="1.8" height="1.8" patternUnits="userSpaceOnUse">
 <rect width="1.8" height="1.8" fill="#f4c60c"/>
 <circle cx=".45" cy=".45" r=".22" fill="#3c2d00"/>
 <circle cx="1.35" cy="1.35" r=".22" fill="#3c2d00"/></pattern>
<pattern id="blue" width="2" height="1.6" patternUnits="userSpaceOnUse">
 <rect width="2" height="1.6" fill="#2468b4"/><rect y=".6" width="2" height=".25" fill="#fff"/>
</pattern>
<pattern id="grey" width="2" height="2" patternUnits="userSpaceOnUse">
 <rect width="2" height="2" fill="#d5dadb"/>
 <path d="M0 0L2 2M-.5 1.5L.5 2.5M1.5 -.5L2.5 .5" stroke="#556266" stroke-width=".4"/></pattern>
<pattern id="unclear" width="1.8" height="1.8" patternUnits="userSpaceOnUse">
 <rect width="1.8" height="1.8" fill="#fff" fill-opacity=".35"/>
 <path d="M0 0L1.8 1.8M-.45 1.35L.45 2.25M1.35 -.45L2.25 .45" stroke="#1b2427"
  stroke-width=".22"/></pattern>
<pattern id="goaf" width="1.4" height="1.4" patternUnits="userSpaceOnUse">
 <rect width="1.4" height="1.4" fill="#464c50" fill-opacity=".55"/>
 <rect x=".2" y=".2" width=".35" height=".35" fill="#14181a"/>
 <rect x=".9" y=".9" width=".35" height=".35" fill="#14181a"/></pattern>
<pattern id="water" width="2.4" height="1.6" patternUnits="userSpaceOnUse">
 <path d="M0 .8Q.6 .3 1.2 .8T2.4 .8" stroke="#2d485c" stroke-width=".22" fill="none"/></pattern>
<pattern id="area" width="1.6" height="1.6" patternUnits="userSpaceOnUse">
 <path d="M.5 .8H1.1M.8 .5V1.1" stroke="#3c4246" stroke-width=".18"/></pattern>
<pattern id="ban" width="2.4" height="2.4" patternUnits="userSpaceOnUse">
 <path d="M0 2.4L2.4 0M-.6 .6L.6 -.6M1.8 3L3 1.8" stroke="#8c1d40" stroke-width=".3"/></pattern>
<pattern id="undecided" width="1.6" height="1.6" patternUnits="userSpaceOnUse">
 <circle cx=".5" cy=".5" r=".18" fill="#8c1d40"/></pattern>
<pattern id="prohibited" width="2.4" height="2.4" patternUnits="userSpaceOnUse">
 <path d="M0 1.2H2.4M1.2 0V2.4" stroke="#8c1d40" stroke-width=".25"/></pattern>
<pattern id="strip" width="2.4" height="2.4" patternUnits="userSpaceOnUse">
 <path d="M0 0L2.4 2.4M-.6 1.8L.6 3M1.8 -.6L3 .6" stroke="#24525c" stroke-width=".25"/></pattern>
"""

_TEAL, _CRIMSON, _BROWN, _BLUE = "#24525c", "#8c1d40", "#5a4a2a", "#1d4f91"
CONTOUR = "#7a5c30"
WATER_LINES = frozenset(("water_line", "search_line", "warning_line"))
SHADES = {
    "use": "#2f6f5e",
    "close": "#c98a12",
    "late": "#8c1d40",
    "gone": "#9aa4a6",
    "unknown": "#ffffff",
}


@dataclass(frozen=True)
class Sign:
    """How a thing is drawn: as area, line or point, with these attributes of SVG."""

    kind: str
    style: str


def _area(fill: str, stroke: str = INK, width: float = 0.35, more: str = "") -> Sign:
    return Sign("area", f'fill="{fill}" stroke="{stroke}" stroke-width="{width}"{more}')


def _line(stroke: str = INK, width: float = 0.5, more: str = "") -> Sign:
    return Sign("line", f'fill="none" stroke="{stroke}" stroke-width="{width}"{more}')


def _point(fill: str, stroke: str = INK) -> Sign:
    return Sign("point", f'fill="{fill}" stroke="{stroke}" stroke-width=".3"')


# In the order of the legend.
SIGNS: dict[str, Sign] = {
    **{name: _area(f"url(#{name})", width=0.45, more=' fill-opacity=".8"') for name in COLOURS},
    "licence": _area("none", width=0.45),
    "unclear": _area("url(#unclear)", width=0.2, more=' stroke-dasharray=".4 .8"'),
    "plan": _area("#fff", more=' fill-opacity=".6"'),
    "heading": _line(width=0.5),
    "extent": _area("none", _TEAL, 0.5, ' stroke-dasharray="2 .7 .3 .7"'),
    "encounter": _area(INK, width=0.7, more=' fill-opacity=".2"'),
    "encounter_point": _point("#fff"),
    "encounter_line": _line(width=1.1, more=' stroke-opacity=".6"'),
    "goaf": _area("url(#goaf)"),
    "water": _area("url(#water)"),
    "area": _area("url(#area)"),
    "fault": _line(width=0.7),
    "line": _line(width=0.35),
    "borehole": _point("#fff"),
    "point": _point(INK),
    "pond": _area("#9fb2b0", more=' fill-opacity=".85"'),
    "pond_point": _point("#9fb2b0"),
    "dam": _line(width=1.1),
    "dam_area": _area(_BROWN),
    "protected": _area(_BROWN, more=' fill-opacity=".75"'),
    "protected_point": _point(_BROWN, "#fff"),
    "protected_line": _line(_BROWN, 0.7),
    "stream": _line(_TEAL, 0.4),
    "bank": _line(_TEAL, 0.9),
    "zone.no_build": _area("url(#ban)", _CRIMSON, 0.3, ' stroke-dasharray="1.6 .8"'),
    "zone.undecided": _area("url(#undecided)", _CRIMSON, 0.3, ' stroke-dasharray=".4 .8"'),
    "zone.prohibited": _area("url(#prohibited)", _CRIMSON, 0.6),
    "zone.strip": _area("url(#strip)", _TEAL, 0.3, ' stroke-dasharray=".6 .8"'),
    "zone.bank": _area(_TEAL, _TEAL, 0.3, ' fill-opacity=".1" stroke-dasharray="2.4 .6 .6 .6"'),
    # The lines of old-goaf water, each by its own stroke: colour never tells them apart.
    "water_line": _line(_BLUE, 0.8),
    "search_line": _line(_BLUE, 0.5, ' stroke-dasharray="2 1"'),
    "warning_line": _line(_BLUE, 0.5, ' stroke-dasharray=".5 .9" stroke-linecap="round"'),
    "path": _line(_CRIMSON, 0.8),
    "terrain_outline": _area("none", _BROWN, 0.4, ' stroke-dasharray="3 .6 .3 .6 .3 .6"'),
    "contour": _line(CONTOUR, 0.25),
    "pin": Sign("point", ""),
    "measure": _line(INK, 0.6, ' stroke-dasharray="1.4 .7"'),
}
_PLAIN_ZONE = _area("none", _CRIMSON, 0.4, ' stroke-dasharray="2.4 .8"')
# Layers whose sign depends on what shape they come in: as area, line, point.
_BY_SHAPE = {
    "plan_item": ("plan", "heading", "point"),
    "encounters": ("encounter", "encounter_line", "encounter_point"),
    "surface_water": ("water", "stream", "point"),
    "pond": ("pond", "pond", "pond_point"),
    "dam": ("dam_area", "dam", "point"),
    "protected_object": ("protected", "protected_line", "protected_point"),
    "bank_line": ("bank", "bank", "point"),
}
_ALWAYS = {
    "unclear": "unclear",
    "survey_extent": "extent",
    "goaf": "goaf",
    "aquifer": "water",
    "fault": "fault",
    "drainage": "stream",
    "borehole": "borehole",
    "path": "path",
    "terrain_outline": "terrain_outline",
    "prohibited_area": "zone.prohibited",
    **{line: line for line in WATER_LINES},
}


def key_of(layer: str, dimensions: int) -> str:
    """Return the sign of a shape by its layer; 0 a point, 1 a line, 2 an area."""
    if layer.startswith("zone."):
        return layer
    if layer in _BY_SHAPE:
        return _BY_SHAPE[layer][2 - dimensions]
    return _ALWAYS.get(layer) or ("point", "line", "area")[dimensions]


def sign(key: str) -> Sign:
    """Return a sign; a zone of a kind that has none of its own is outlined."""
    return SIGNS.get(key, _PLAIN_ZONE)


def pond_mark(mark: str, x: float, y: float) -> str:
    """Return a pond's mark: a ringed diamond where head-top, else a disc."""
    shape, shade = mark.split("-")
    style = f'fill="{SHADES[shade]}" stroke="{INK}" stroke-width=".35"'
    if shape == "pond":
        return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="1.6" {style}/>'

    def diamond(half: float) -> str:
        return f"M{x:.2f} {y - half:.2f}l{half} {half}l-{half} {half}l-{half} -{half}Z"

    ring = 'fill="none" stroke="#fff" stroke-width=".3"'
    return f'<path d="{diamond(2.2)}" {style}/><path d="{diamond(1.3)}" {ring}/>'


def point(key: str, x: float, y: float) -> str:
    """Return a point with its sign."""
    if key.startswith("mark."):
        return pond_mark(key.removeprefix("mark."), x, y)
    if key == "pin":
        ring = f'<circle cx="{x:.2f}" cy="{y:.2f}" r="1.5" fill="#fff" stroke="{INK}"'
        cross = f'<path d="M{x - 2.2:.2f} {y:.2f}h4.4M{x:.2f} {y - 2.2:.2f}v4.4" stroke="{INK}"'
        return f'{ring} stroke-width=".5"/>{cross} stroke-width=".3"/>'
    return f'<circle cx="{x:.2f}" cy="{y:.2f}" r=".9" {sign(key).style}/>'


def swatch(key: str) -> str:
    """Return the picture of a sign in the legend."""
    if key.startswith("mark.") or sign(key).kind == "point":
        drawn = point(key, 3.0, 2.2)
    elif sign(key).kind == "line":
        drawn = f'<path d="M.4 3.4L2.4 1L5.6 2.6" {sign(key).style}/>'
    else:
        drawn = f'<rect x=".3" y=".4" width="5.4" height="3.5" {sign(key).style}/>'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="6mm" height="4.4mm" viewBox="0 0 6 4.4">'
        f"<defs>{PATTERNS}</defs>{drawn}</svg>"
    )


# Signs whose shape differs and whose meaning does not.
_SAME = {
    "encounter_line": "encounter",
    "encounter_point": "encounter",
    "pond_point": "pond",
    "protected_line": "protected",
    "protected_point": "protected",
}


def label(key: str, lang: str) -> str:
    """Return what the legend says of a sign."""
    if key in COLOURS:
        return colour_label("none" if key == "grey" else key, lang)
    if key.startswith("mark."):
        what = say(f"web.map.pond.{key.split('-')[1]}", lang)
        return say("report.sheet.mark", lang, what=what)
    if key.startswith("zone.") and key not in SIGNS:
        return say(f"report.{key}", lang)
    return say(f"report.sheet.{_SAME.get(key, key)}", lang)


def legend(keys: Collection[str], lang: str) -> list[tuple[list[str], str]]:
    """Return the legend of what is drawn, in order: signs that mean the same stand together."""
    order = {key: i for i, key in enumerate(SIGNS)}
    said: dict[str, list[str]] = {}
    for key in sorted(keys, key=lambda one: (order.get(one, len(order)), one)):
        said.setdefault(label(key, lang), []).append(key)
    return [(together, text) for text, together in said.items()]


def styled(key: str, row: dict[str, Any]) -> str:
    """Return a row's attributes of SVG: what is inferred, unclear or provisional is dashed."""
    style = sign(key).style
    return style if "dasharray" in style or not guessed(row) else style + DASH


def guessed(row: dict[str, Any]) -> bool:
    """Tell whether a shape is inferred, unclear or not yet accepted."""
    return row["verification"] in ("inferred", "unclear") or row["state"] == "submitted"
