"""A view of the map drawn on a frame of paper at true scale: one SVG, and the words on it.

The frame is drawn in metres of the 3-degree zone of its middle, so that one millimetre is the same
number of metres everywhere on it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import shapely

from geo.crs import GEOGRAPHIC, local_zone, to_metric, transformer
from geo.messages import say
from geo.report import sheet_signs as signs

# Millimetres, the long side first.
PAPERS = {"A4": (297.0, 210.0), "A3": (420.0, 297.0)}
SCALES = (2000, 5000, 10000, 25000, 50000, 100000, 200000, 500000)
MARGIN, HEAD = 10.0, 13.0
# The foot: north, bar and notes, and above them rows of the legend.
_FOOT, _ROW = 23.0, 5.2


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
    def legend_rows(self) -> int:
        """Return for how many rows of the legend there is room."""
        return 5 if self.landscape else 8

    @property
    def frame(self) -> tuple[float, float]:
        """Return width and height of the drawn frame in millimetres."""
        width, height = self.size
        return width - 2 * MARGIN, height - 2 * MARGIN - HEAD - _FOOT - self.legend_rows * _ROW

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


def on_paper(sheet: Sheet, shapes: Iterable[Any]) -> Any:
    """Return geometries in millimetres of the frame, y down, cut at its edge."""
    metric = to_metric(np.array(list(shapes), dtype=object), sheet.zone)
    west, north = sheet.corner

    def move(xy: Any) -> Any:
        return np.column_stack([xy[:, 0] - west, north - xy[:, 1]]) * (1000 / sheet.scale)

    width, height = sheet.frame
    moved = shapely.transform(metric, move)
    return shapely.intersection(shapely.make_valid(moved), shapely.box(0, 0, width, height))


def _path(shape: Any, dimensions: int) -> str:
    """Return the SVG path of a geometry's areas, or of its lines: never of an area's mere touch."""
    parts = []
    for one in shapely.get_parts(shape):
        if one.geom_type == "GeometryCollection":
            parts.append(_path(one, dimensions))
            continue
        if shapely.get_dimensions(one) != dimensions:
            continue
        rings = [one] if dimensions == 1 else [one.exterior, *one.interiors]
        for ring in rings:
            xy = shapely.get_coordinates(ring)
            points = "L".join(f"{x:.2f} {y:.2f}" for x, y in xy)
            parts.append(f"M{points}{'Z' if dimensions == 2 else ''}")
    return "".join(parts)


# What lies lowest first; what is not named lies above these, and the last lists above that.
_UNDER = ("mine_boundary", "plan_item", "zone.bank", "zone.no_build", "zone.strip", "unclear")
_OVER = ("survey_extent", "encounters", "drainage", "bank_line", "pond", "dam", "path")
_TOP = "protected_object"
# A pond has a mark that says its name; a word on a toe would hide the toe.
_UNNAMED = ("pond", "dam")


def _rank(row: dict[str, Any]) -> int:
    layer = row["layer"]
    if layer in _UNDER:
        return _UNDER.index(layer)
    if layer in _OVER:
        return 50 + _OVER.index(layer)
    return 90 if layer == _TOP else 20


# A height written on a contour: x and y in mm, the text, degrees it is turned by.
Written = tuple[float, float, str, float]


@dataclass(frozen=True)
class Ground:
    """The ground under a sheet: its picture (PNG), heights of contours, their step, whose it is."""

    picture: bytes
    heights: Sequence[Written]
    step: float
    words: str


class Drawn(NamedTuple):
    """A drawing, its words as (x, y, text, size) in mm, its signs, whether one is dashed.

    `heights` are those of the ground's contours that no word covers.
    """

    svg: str
    words: list[tuple[float, float, str, str]]
    keys: set[str]
    dashed: bool
    heights: list[Written]


def _key(row: dict[str, Any], dimensions: int, colours: dict[str, str]) -> str:
    if row["layer"] == "mine_boundary":
        return colours.get(row["mine_code"], "licence")
    return signs.key_of(row["layer"], dimensions)


@dataclass(frozen=True)
class Marks:
    """What stands on a map besides its layers, in degrees: ponds, a place looked up, a measure."""

    ponds: Sequence[dict[str, Any]] = ()
    pin: tuple[float, float] | None = None
    measure: Sequence[tuple[float, float]] = ()


def drawing(
    sheet: Sheet,
    rows: list[dict[str, Any]],
    mines: list[dict[str, Any]],
    marks: Marks | None = None,
    lang: str = "zh",
    ground: Ground | None = None,
) -> Drawn:
    """Return the drawing of a sheet, of what :func:`geo.report.map_sheet.pdf` takes."""
    width, height = sheet.frame
    colours = {mine["code"]: mine["colour"] for mine in mines}
    named = {mine["code"]: f"{mine['name']} {mine['label']}" for mine in mines}
    rows = sorted(rows, key=_rank)
    shapes = on_paper(sheet, [shapely.from_geojson(str_of(row["geometry"])) for row in rows])
    drawn, edges, words, keys, dashed = [], [], [], set(), False
    for row, shape in zip(rows, shapes, strict=True):
        if shapely.is_empty(shape):
            continue
        size = int(shapely.get_dimensions(shape))
        key = _key(row, size, colours)
        keys.add(key)
        dashed |= signs.guessed(row)
        if size == 0:
            places = shapely.get_coordinates(shape)
            drawn += [signs.point(key, x, y) for x, y in places]
        else:
            style = signs.styled(key, row)
            if ground is not None and key in signs.COLOURS:
                # The ground is to be seen through what a mine is painted with, as on the screen.
                style += ' opacity=".75"'
            drawn.append(f'<path d="{_path(shape, size)}" {style}/>')
        if row["layer"] == "mine_boundary":
            # Its edge is drawn again over what lies within.
            edges.append(f'<path d="{_path(shape, size)}" {signs.SIGNS["licence"].style}/>')
        west, north, east, south = shapely.bounds(shape)
        if row["layer"] == "mine_boundary" and row["mine_code"] in named:
            words.append(((west + east) / 2, north - 2.2, named[row["mine_code"]], "mine"))
        elif row["layer"] == _TOP and row["name"]:
            words.append(((west + east) / 2, south + 2.2, row["name"], "name"))
        elif (
            row["name"]
            and row["layer"] not in ("pond", "dam")
            and max(east - west, south - north) > 4
        ):
            words.append(((west + east) / 2, (north + south) / 2, row["name"], "name"))
    marked, more, said = _marked(sheet, marks or Marks(), lang)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm" '
        f'viewBox="0 0 {width} {height}"><defs>{signs.PATTERNS}</defs>{_grid(sheet)}'
        f"{''.join(drawn)}{''.join(edges)}{''.join(marked)}"
        f'<rect x="0" y="0" width="{width}" height="{height}" fill="none" stroke="{signs.INK}" '
        'stroke-width=".5"/></svg>'
    )
    kept = _apart(words + said, width, height)
    heights = [] if ground is None else _clear(ground.heights, kept)
    more |= set() if ground is None else {"contour"}
    return Drawn(svg, kept, keys | more, dashed, heights)


def _marked(sheet: Sheet, marks: Marks, lang: str) -> tuple[list[str], set[str], list[Any]]:
    """Return what marks draw, the signs they use, and their words."""
    drawn: list[str] = []
    words: list[Any] = []
    keys: set[str] = set()

    def place(at: Sequence[float], key: str) -> tuple[float, float] | None:
        (spot,) = on_paper(sheet, [shapely.Point(at)])
        if shapely.is_empty(spot):
            return None
        keys.add(key)
        drawn.append(signs.point(key, spot.x, spot.y))
        return spot.x, spot.y

    for pond in marks.ponds:
        spot = place(pond["at"], f"mark.{pond['mark']}") if pond["at"] else None
        if spot is not None:
            words.append((spot[0], spot[1] - 4.2, f"{pond['name']} {pond['label']}", "name"))
    if len(marks.measure) > 1:
        line = shapely.LineString(marks.measure)
        (laid,) = on_paper(sheet, [line])
        if not shapely.is_empty(laid):
            keys.add("measure")
            drawn.append(f'<path d="{_path(laid, 1)}" {signs.SIGNS["measure"].style}/>')
            x, y = shapely.get_coordinates(shapely.point_on_surface(laid))[0]
            (metric,) = to_metric(np.array([line], dtype=object), sheet.zone)
            words.append((x, y, _measured(metric, lang), "mine"))
    if marks.pin is not None:
        place(marks.pin, "pin")
    return drawn, keys, words


def _measured(line: Any, lang: str) -> str:
    """Return the length of a line measured, and the area within where it turns a corner."""
    metres = float(shapely.length(line))
    length = f"{metres:.1f} m" if metres < 1000 else f"{metres / 1000:.2f} km"
    if len(line.coords) < 3:
        return length
    area = float(shapely.area(shapely.Polygon(line))) / 10000
    return say("report.sheet.measured", lang, length=length, area=f"{area:.2f}")


def _apart(words: list[Any], width: float, height: float) -> list[Any]:
    """Return the words that lie within the frame and on no other, mines' names first."""
    kept: list[Any] = []
    taken: list[tuple[float, float, float, float]] = []
    for x, y, text, kind in sorted(words, key=lambda word: (word[3] != "mine", word[1], word[0])):
        half, tall = _half(text, kind)
        x = min(max(x, half), width - half)
        y = min(max(y, tall), height - tall)
        box = (x - half, y - tall, x + half, y + tall)
        if not any(
            box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken
        ):
            taken.append(box)
            kept.append((x, y, text, kind))
    return kept


def _half(text: str, kind: str) -> tuple[float, float]:
    """Return half the width and height of a word in millimetres."""
    half = sum(2.9 if ord(ch) > 0x2E80 else 1.6 for ch in text) / 2
    return (half, 1.9) if kind == "mine" else (half * 0.8, 1.5)


def _clear(heights: Sequence[Written], words: list[Any]) -> list[Written]:
    """Return the heights that no word lies on."""
    taken = [(x, y, *_half(text, kind)) for x, y, text, kind in words]
    return [
        one
        for one in heights
        if not any(abs(one[0] - x) < w + 3 and abs(one[1] - y) < h + 3 for x, y, w, h in taken)
    ]


def str_of(geometry: Any) -> str:
    """Return GeoJSON as text."""
    return geometry if isinstance(geometry, str) else json.dumps(geometry)


def _step(sheet: Sheet) -> float:
    """Return the metres between lines of the grid: a round number some 40 mm apart."""
    wanted = 40 * sheet.scale / 1000
    return next(
        (s * 10.0**p for p in range(1, 7) for s in (1, 2, 5) if s * 10**p >= wanted), 1_000_000.0
    )


def grid_lines(sheet: Sheet) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
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
    easts, norths = grid_lines(sheet)
    lines = "".join(f"M{x:.2f} 0V{height}" for _, x in easts)
    lines += "".join(f"M0 {y:.2f}H{width}" for _, y in norths)
    return f'<path d="{lines}" stroke="#c3cbc8" stroke-width=".15" fill="none"/>'


def bar(sheet: Sheet) -> tuple[float, str]:
    """Return the length of the scale bar in millimetres, and what it stands for."""
    metres = max(
        s * 10.0**p for p in range(7) for s in (1, 2, 5) if s * 10**p * 1000 / sheet.scale <= 50
    )
    text = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    return metres * 1000 / sheet.scale, text
