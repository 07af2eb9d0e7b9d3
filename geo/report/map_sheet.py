"""A view of the map as a sheet of paper at true scale: A4 or A3, drawn by typst with no network.

The frame is drawn in metres of the 3-degree zone of its middle, so that one millimetre is the same
number of metres everywhere on it; shapes are one SVG, words are set by typst.
"""

import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import typst

from geo.crs import GEOGRAPHIC, local_zone, to_metric, transformer
from geo.hazards import colour_label
from geo.messages import say
from geo.problems import Problem
from geo.survey.reading.frames import words_of

# Millimetres, the long side first.
PAPERS = {"A4": (297.0, 210.0), "A3": (420.0, 297.0)}
SCALES = (2000, 5000, 10000, 25000, 50000, 100000, 200000, 500000)
COLOURS = {
    "red": "#c4161c",
    "orange": "#ea7a0b",
    "yellow": "#f4c60c",
    "blue": "#2468b4",
    "grey": "#d5dadb",
}
FONTS = ("Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei")
_MARGIN, _HEAD, _FOOT = 10.0, 13.0, 40.0
_INK = "#1b2427"

# The same patterns as on the screen, in millimetres of paper.
_PATTERNS = """
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
"""
_WATER = ("surface_water", "aquifer")


@dataclass(frozen=True)
class Sheet:
    """A frame on paper: its middle in degrees, scale, paper."""

    lon: float
    lat: float
    scale: int
    paper: str = "A4"
    landscape: bool = True

    @property
    def size(self) -> tuple[float, float]:
        """Return width and height of the paper in millimetres."""
        long, short = PAPERS[self.paper]
        return (long, short) if self.landscape else (short, long)

    @property
    def frame(self) -> tuple[float, float]:
        """Return width and height of the drawn frame in millimetres."""
        width, height = self.size
        return width - 2 * _MARGIN, height - 2 * _MARGIN - _HEAD - _FOOT

    @property
    def zone(self) -> int:
        """Return the EPSG code of the zone the frame is drawn in."""
        return local_zone(self.lon)

    @property
    def corner(self) -> tuple[float, float]:
        """Return easting and northing of the frame's north-western corner."""
        east, north = transformer(GEOGRAPHIC, self.zone).transform(self.lon, self.lat)
        width, height = self.frame
        half = self.scale / 2000
        return east - width * half, north + height * half

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Return the box in degrees around the frame: west, south, east, north."""
        west, north = self.corner
        width, height = self.frame
        east, south = west + width * self.scale / 1000, north - height * self.scale / 1000
        edge = np.linspace(0, 1, 9)
        xs = np.concatenate([west + edge * (east - west)] * 2 + [[west] * 9, [east] * 9])
        ys = np.concatenate([[north] * 9, [south] * 9] + [south + edge * (north - south)] * 2)
        lon, lat = transformer(self.zone, GEOGRAPHIC).transform(xs, ys)
        return float(min(lon)), float(min(lat)), float(max(lon)), float(max(lat))


def _on_paper(sheet: Sheet, shapes: Iterable[Any]) -> Any:
    """Return geometries in millimetres of the frame, y down, cut at its edge."""
    metric = to_metric(np.array(list(shapes), dtype=object), sheet.zone)
    west, north = sheet.corner

    def move(xy: Any) -> Any:
        return np.column_stack([xy[:, 0] - west, north - xy[:, 1]]) * (1000 / sheet.scale)

    width, height = sheet.frame
    moved = shapely.transform(metric, move)
    return shapely.intersection(shapely.make_valid(moved), shapely.box(0, 0, width, height))


def _path(shape: Any) -> str:
    """Return the SVG path of the lines and areas of a geometry."""
    parts = []
    for one in shapely.get_parts(shape):
        if one.geom_type == "GeometryCollection":
            parts.append(_path(one))
            continue
        rings = [one] if one.geom_type == "LineString" else []
        if one.geom_type == "Polygon":
            rings = [one.exterior, *one.interiors]
        for ring in rings:
            xy = shapely.get_coordinates(ring)
            points = "L".join(f"{x:.2f} {y:.2f}" for x, y in xy)
            parts.append(f"M{points}{'Z' if one.geom_type == 'Polygon' else ''}")
    return "".join(parts)


# The lines of old-goaf water, each by its own stroke: colour never tells them apart.
_LINE_INK = "#1d4f91"
_LINES = {
    "water_line": 'stroke-width=".8"',
    "search_line": 'stroke-width=".5" stroke-dasharray="2 1"',
    "warning_line": 'stroke-width=".5" stroke-dasharray=".5 .9" stroke-linecap="round"',
}


def _style(row: dict[str, Any], colours: dict[str, str]) -> str:
    layer = row["layer"]
    guessed = row["verification"] in ("inferred", "unclear") or row["state"] == "submitted"
    dash = ' stroke-dasharray="1.2 .8"' if guessed else ""
    if layer == "mine_boundary":
        fill = f"url(#{colours[row['mine_code']]})" if row["mine_code"] in colours else "none"
        return f'fill="{fill}" fill-opacity=".8" stroke="{_INK}" stroke-width=".45"'
    if layer == "unclear":
        return f'fill="url(#unclear)" stroke="{_INK}" stroke-width=".2" stroke-dasharray=".4 .8"'
    if layer == "plan_item":
        return f'fill="#fff" fill-opacity=".6" stroke="{_INK}" stroke-width=".35"'
    if layer == "survey_extent":
        return 'fill="none" stroke="#24525c" stroke-width=".5" stroke-dasharray="2 .7 .3 .7"'
    if layer == "encounters":
        return f'fill="{_INK}" fill-opacity=".2" stroke="{_INK}" stroke-width=".7"'
    if layer in _LINES:
        return f'fill="none" stroke="{_LINE_INK}" {_LINES[layer]}'
    if layer == "fault":
        return f'fill="none" stroke="{_INK}" stroke-width=".7"{dash}'
    fill = "goaf" if layer == "goaf" else "water" if layer in _WATER else "area"
    return f'fill="url(#{fill})" stroke="{_INK}" stroke-width=".35"{dash}'


_ORDER = ("mine_boundary", "plan_item", "unclear")


def drawing(
    sheet: Sheet, rows: list[dict[str, Any]], mines: list[dict[str, Any]]
) -> tuple[str, list[tuple[float, float, str, str]]]:
    """Return the drawing, and the words on it as (x, y, text, size) in millimetres."""
    width, height = sheet.frame
    colours = {mine["code"]: mine["colour"] for mine in mines}
    named = {mine["code"]: f"{mine['name']} {mine['label']}" for mine in mines}
    rank = {layer: i for i, layer in enumerate(_ORDER)}
    rows = sorted(rows, key=lambda row: rank.get(row["layer"], 9))
    shapes = _on_paper(sheet, [shapely.from_geojson(str_of(row["geometry"])) for row in rows])
    drawn, words = [], []
    for row, shape in zip(rows, shapes, strict=True):
        if shapely.is_empty(shape):
            continue
        if shapely.get_dimensions(shape) == 0:
            x, y = shapely.get_coordinates(shape)[0]
            drawn.append(f'<circle cx="{x:.2f}" cy="{y:.2f}" r=".9" fill="{_INK}"/>')
        else:
            drawn.append(f'<path d="{_path(shape)}" {_style(row, colours)}/>')
        west, north, east, south = shapely.bounds(shape)
        if row["layer"] == "mine_boundary" and row["mine_code"] in named:
            words.append(((west + east) / 2, north - 2.2, named[row["mine_code"]], "mine"))
        elif row["name"] and max(east - west, south - north) > 4:
            words.append(((west + east) / 2, (north + south) / 2, row["name"], "name"))
    words = _apart(words, width, height)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm" '
        f'viewBox="0 0 {width} {height}"><defs>{_PATTERNS}</defs>{_grid(sheet)}{"".join(drawn)}'
        f'<rect x="0" y="0" width="{width}" height="{height}" fill="none" stroke="{_INK}" '
        'stroke-width=".5"/></svg>'
    )
    return svg, words


def _apart(words: list[Any], width: float, height: float) -> list[Any]:
    """Return the words that lie within the frame and on no other, mines' names first."""
    kept: list[Any] = []
    taken: list[tuple[float, float, float, float]] = []
    for x, y, text, kind in sorted(words, key=lambda word: (word[3] != "mine", word[1], word[0])):
        half = sum(2.9 if ord(ch) > 0x2E80 else 1.6 for ch in text) / 2
        half, tall = (half, 1.9) if kind == "mine" else (half * 0.8, 1.5)
        x = min(max(x, half), width - half)
        y = min(max(y, tall), height - tall)
        box = (x - half, y - tall, x + half, y + tall)
        if not any(
            box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken
        ):
            taken.append(box)
            kept.append((x, y, text, kind))
    return kept


def str_of(geometry: Any) -> str:
    """Return GeoJSON as text."""
    return geometry if isinstance(geometry, str) else json.dumps(geometry)


def _step(sheet: Sheet) -> float:
    """Return the metres between lines of the grid: a round number some 40 mm apart."""
    wanted = 40 * sheet.scale / 1000
    return next(
        (s * 10.0**p for p in range(1, 7) for s in (1, 2, 5) if s * 10**p >= wanted), 1_000_000.0
    )


def _lines(sheet: Sheet) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Return the grid's eastings and northings, each with its place on the frame."""
    west, north = sheet.corner
    width, height = sheet.frame
    step, mm = _step(sheet), 1000 / sheet.scale
    easts = np.arange(np.ceil(west / step), (west + width / mm) / step) * step
    norths = np.arange(np.ceil((north - height / mm) / step), north / step) * step
    return (
        [(float(e), float((e - west) * mm)) for e in easts],
        [(float(n), float((north - n) * mm)) for n in norths],
    )


def _grid(sheet: Sheet) -> str:
    width, height = sheet.frame
    easts, norths = _lines(sheet)
    lines = "".join(f"M{x:.2f} 0V{height}" for _, x in easts)
    lines += "".join(f"M0 {y:.2f}H{width}" for _, y in norths)
    return f'<path d="{lines}" stroke="#c3cbc8" stroke-width=".15" fill="none"/>'


def _bar(sheet: Sheet) -> tuple[float, str]:
    """Return the length of the scale bar in millimetres, and what it stands for."""
    metres = max(
        s * 10.0**p for p in range(7) for s in (1, 2, 5) if s * 10**p * 1000 / sheet.scale <= 50
    )
    text = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    return metres * 1000 / sheet.scale, text


def quoted(value: str) -> str:
    """Return a text as typst takes it: a string, whatever is in it."""
    safe = "".join(ch for ch in value if ch.isprintable())
    return '"' + safe.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _swatch(name: str) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="7mm" height="4mm" viewBox="0 0 7 4"><defs>'
        f'{_PATTERNS}</defs><rect x=".1" y=".1" width="6.8" height="3.8" fill="url(#{name})" '
        f'stroke="{_INK}" stroke-width=".2"/></svg>'
    )


_NORTH = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="9mm" height="14mm" viewBox="0 0 9 14">'
    f'<path d="M4.5 0L8 13L4.5 10.5L1 13Z" fill="none" stroke="{_INK}" stroke-width=".4"/>'
    f'<path d="M4.5 0L4.5 10.5L1 13Z" fill="{_INK}"/></svg>'
)
_KEYS = ("red", "orange", "yellow", "blue", "grey", "unclear", "goaf", "water", "area")


def _source(
    sheet: Sheet,
    words: list[tuple[float, float, str, str]],
    lang: str,
    font: str,
    title: str,
    what: str,
    notes: list[str],
) -> str:
    """Return the sheet in typst's language; every text goes in as a quoted string."""
    paper_w, paper_h = sheet.size
    width, height = sheet.frame
    bar, bar_text = _bar(sheet)
    easts, norths = _lines(sheet)
    named = [escape(key) for key in _KEYS]
    legend = ",".join(
        f'[#box(image("{key}.svg"),baseline:20%) #h(1.5mm) #text({quoted(text)})]'
        for key, text in zip(named, [_key_text(key, lang) for key in _KEYS], strict=True)
    )
    put = [
        f"#place(top+left,dx:{x:.2f}mm,dy:{y:.2f}mm,place(center+horizon,"
        "box(fill:white.transparentize(25%),"
        f"inset:(x:.6mm,y:.3mm),text(size:{8 if kind == 'mine' else 6.5}pt,"
        f'weight:"{"bold" if kind == "mine" else "regular"}",{quoted(text)}))))'
        for x, y, text, kind in words
    ]
    put += [
        f"#place(top+left,dx:{x + 0.6:.2f}mm,dy:{height - 3:.2f}mm,"
        f"box(fill:white.transparentize(25%),text(size:5.5pt,fill:luma(60),"
        f"{quoted(f'{e:,.0f}')})))"
        for e, x in easts
        if x < width - 14
    ]
    put += [
        f"#place(top+left,dx:.6mm,dy:{y - 2.6:.2f}mm,"
        f"box(fill:white.transparentize(25%),text(size:5.5pt,fill:luma(60),"
        f"{quoted(f'{n:,.0f}')})))"
        for n, y in norths
        if 4 < y < height - 5
    ]
    told = "#linebreak()".join(f"#text({quoted(note)})" for note in notes)
    return f"""
#set page(width:{paper_w}mm,height:{paper_h}mm,margin:{_MARGIN}mm)
#set text(font:("{font}",),size:8pt,lang:"{"en" if lang == "en" else "zh"}",fill:rgb("{_INK}"))
#set par(spacing:0pt,leading:.5em)
#block(height:{_HEAD}mm,width:100%)[#text(size:15pt,weight:"bold",{quoted(title)}) #h(4mm)
 #text(size:9pt,{quoted(what)})]
#block(width:{width}mm,height:{height}mm,clip:true)[#place(top+left,image("map.svg"))
{chr(10).join(put)}]
#v(3mm)
#grid(columns:(1fr,44mm,{max(bar + 8, 34):.1f}mm,1.15fr),column-gutter:4mm,
 grid(columns:(auto,auto),row-gutter:1.6mm,column-gutter:5mm,{legend}),
 [#image("north.svg") #v(1mm) #text(size:7pt,{quoted(say("report.sheet.north", lang))})],
 [#rect(width:{bar:.3f}mm,height:1.6mm,fill:rgb("{_INK}"),stroke:none)
  #place(top+left,dx:{bar / 2:.3f}mm,dy:.25mm,
   rect(width:{bar / 2 - 0.25:.3f}mm,height:1.1mm,fill:white,stroke:none))
  #v(1mm) #text({quoted(f"0 — {bar_text}")}) #v(1mm)
  #text(size:11pt,weight:"bold",{quoted(f"1 : {sheet.scale:,}")})],
 text(size:7pt)[{told}])
"""


def _key_text(key: str, lang: str) -> str:
    if key in COLOURS:
        return colour_label("none" if key == "grey" else key, lang)
    return say(f"report.sheet.{key}", lang)


@cache
def fonts() -> Any:
    """Return the machine's fonts, read once."""
    return typst.Fonts()


@cache
def chinese_font() -> str | None:
    """Return the family Chinese is set in; None where the machine has none."""
    here = set(fonts().families())
    return next((family for family in FONTS if family in here), None)


def pdf(
    sheet: Sheet,
    rows: list[dict[str, Any]],
    mines: list[dict[str, Any]],
    lang: str,
    *,
    title: str,
    what: str,
    version: int,
    by: str,
    on: date,
) -> bytes:
    """Return a sheet as PDF.

    Parameters
    ----------
    sheet : Sheet
        The frame.
    rows : list of dict
        Shapes with layer, mine_code, name, verification, state and GeoJSON geometry.
    mines : list of dict
        Code, name, colour and label of the mines to paint.
    lang : str
        ``zh`` or ``en``.
    title, what : str
        The heading, and what is shown: hazard, line, day.
    version : int
        Data version.
    by : str
        Who printed it.
    on : date
        Today.

    Raises
    ------
    Problem
        Where the machine has no Chinese font.
    """
    font = chinese_font()
    if font is None:
        raise Problem("report.sheet.no_font", http_status=503)
    svg, words = drawing(sheet, rows, mines)
    notes = [
        say("report.sheet.version", lang, version=version, on=on, by=by),
        say("report.sheet.frame", lang, name=words_of(sheet.zone, lang), epsg=sheet.zone),
        say("report.sheet.dashed", lang),
        say("report.sheet.source", lang),
        say("report.convention", lang),
    ]
    if any(row["layer"] in _LINES for row in rows):
        notes.insert(3, say("report.sheet.water_lines", lang))
    with tempfile.TemporaryDirectory(prefix="minerisk-") as folder:
        root = Path(folder)
        (root / "map.svg").write_text(svg, "utf-8")
        (root / "north.svg").write_text(_NORTH, "utf-8")
        for key in _KEYS:
            (root / f"{key}.svg").write_text(_swatch(key), "utf-8")
        main = root / "sheet.typ"
        main.write_text(_source(sheet, words, lang, font, title, what, notes), "utf-8")
        return bytes(typst.compile(main, root=root, font_paths=fonts()))
