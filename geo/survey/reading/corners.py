"""Corner points in a table (拐点坐标) to shapes: rings by number, holes by 扣除.

A sheet has a head with a pair of coordinates (X north and Y east, or 经度 and 纬度). Rows that
share what names an object (a column of shapes, else code and name) make one object; a ring number,
a point number that starts anew, or the first corner given again parts its rings. A blank cell of
what names an object or ring is as the one above it, as merged cells leave it.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import shapely
import yaml

from geo.geometry import Shapes
from geo.survey.check import Word
from geo.survey.layers import Layer, fold, map_fields

Cells = Sequence[str | None]
_PAIRS = (("east", "north"), ("lon", "lat"))
_DEGREES = re.compile(
    r"""^([0-9.]+)[°度d](?:([0-9.]+)[′'分m])?(?:([0-9.]+)["秒s]?)?[NE]?$""", re.IGNORECASE
)
_NUMBER = re.compile(r"[0-9]+")


@dataclass
class Head:
    """Where the columns of a sheet are: roles by name, and the attributes by position."""

    row: int
    roles: dict[str, int]
    columns: dict[int, str]


@dataclass
class Corners:
    """What a sheet holds: attribute cells by column, shapes, rows refused already, sheet rows."""

    columns: list[str] = field(default_factory=list)
    cells: dict[str, list[Any]] = field(default_factory=dict)
    shapes: Shapes = field(default_factory=lambda: np.empty(0, dtype=object))
    refused: dict[int, Word] = field(default_factory=dict)
    spans: list[str] = field(default_factory=list)


@dataclass
class _Ring:
    points: list[tuple[float, float]] = field(default_factory=list)
    hole: bool = False
    wrong: Word | None = None
    rows: list[int] = field(default_factory=list)


@cache
def _table() -> dict[str, Any]:
    text = resources.files("geo.survey.reading").joinpath("corners.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def head_of(rows: Sequence[Cells]) -> Head | None:
    """Return where the head of a sheet is, None where there are no corner points in it."""
    names = {fold(alias): role for role, aliases in _table()["roles"].items() for alias in aliases}
    for at, row in enumerate(rows[: _table()["head_within"]]):
        roles: dict[str, int] = {}
        columns: dict[int, str] = {}
        for number, cell in enumerate(row):
            role = names.get(fold(cell)) if cell else None
            if role is not None and role not in roles:
                roles[role] = number
            elif cell:
                columns[number] = cell
        if any(a in roles and b in roles for a, b in _PAIRS):
            return Head(at, roles, _unique(columns))
    return None


def _unique(columns: dict[int, str]) -> dict[int, str]:
    seen: dict[str, int] = {}
    made = {}
    for number, name in columns.items():
        seen[name] = seen.get(name, 0) + 1
        made[number] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return made


def number_of(text: str | None) -> float | None:
    """Return a coordinate as a number: plain, with thousands separators, or 112°30′15.2″."""
    if text is None:
        return None
    plain = unicodedata.normalize("NFKC", text).replace(" ", "")
    # The double prime falls apart into two when folded.
    plain = re.sub("′′|''", '"', plain)
    if match := _DEGREES.match(plain):
        degrees, minutes, seconds = (float(part or 0) for part in match.groups())
        return degrees + minutes / 60 + seconds / 3600
    try:
        value = float(plain.replace(",", "").removesuffix("m"))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _cell(row: Cells, at: int | None) -> str | None:
    return row[at] if at is not None and at < len(row) else None


def assemble(rows: Sequence[Cells], head: Head, layer: Layer | None) -> Corners:
    """Return the objects of a sheet.

    Parameters
    ----------
    rows : sequence of sequence of str
        The sheet, head included.
    head : Head
    layer : Layer, optional
        What the sheet holds: it says whether corners make polygons, lines or points.
    """
    kinds = layer.geometry if layer is not None else ("polygon",)
    named = _naming(head, layer)
    above: dict[int, str | None] = {}
    sticky = [*named, *(head.roles[r] for r in ("shape", "ring") if r in head.roles)]
    objects: dict[Any, list[tuple[int, Cells, Any]]] = {}
    loose = 0
    for number, row in enumerate(rows[head.row + 1 :], start=head.row + 2):
        if not any(row):
            # An empty row parts what nothing else names.
            loose += 1
            continue
        for at in sticky:
            above[at] = _cell(row, at) or above.get(at)
        if not any(_cell(row, head.roles[r]) for pair in _PAIRS for r in pair if r in head.roles):
            continue
        by: tuple[Any, ...] = tuple(above.get(at) for at in named)
        if kinds == ("point",):
            by = (number,)
        ring = above.get(head.roles["ring"]) if "ring" in head.roles else None
        key = (by, loose if not any(by) else 0)
        objects.setdefault(key, []).append((number, row, ring))
    made = Corners(columns=list(head.columns.values()))
    shapes: list[Any] = []
    whole = "polygon" if "polygon" in kinds else kinds[0]
    for (by, _), found in objects.items():
        rings = _rings(found, head)
        # Rings that nothing names together are an object each, with the holes inside it.
        groups = [rings] if any(by) or whole == "point" else _apart(rings)
        for group in groups:
            # One place without a point's number is a place, where the layer may be drawn as one.
            placed = "point" in kinds and "point" not in head.roles
            alone = placed and len(group) == 1 and len(group[0].points) == 1
            shape, wrong = _shape(group, "point" if alone else whole)
            if wrong is not None:
                made.refused[len(shapes)] = wrong
            shapes.append(shape)
            lines = sorted(number for ring in group for number in ring.rows)
            made.spans.append(f"{lines[0]}-{lines[-1]}" if len(lines) > 1 else str(lines[0]))
            inside = set(lines)
            own = [row for number, row, _ in found if number in inside]
            for place, name in head.columns.items():
                first = next((c for row in own if (c := _cell(row, place))), None)
                if first is None and place in named:
                    first = by[named.index(place)]
                made.cells.setdefault(name, []).append(first)
    made.cells = {name: made.cells.get(name, []) for name in made.columns}
    made.shapes = np.empty(len(shapes), dtype=object)
    made.shapes[:] = shapes
    return made


def _naming(head: Head, layer: Layer | None) -> list[int]:
    """Return the columns whose cells together name an object."""
    if "shape" in head.roles:
        return [head.roles["shape"]]
    mapped = map_fields(head.columns.values(), layer) if layer is not None else {}
    wanted = ("code", "name", "mine_code", "mine_name")
    return [at for at, name in head.columns.items() if mapped.get(name) in wanted]


def _rings(found: list[tuple[int, Cells, Any]], head: Head) -> list[_Ring]:
    rings: list[_Ring] = []
    last_ring: Any = object()
    last_point: int | None = None
    closed = False
    for number, row, ring_no in found:
        label = _cell(row, head.roles.get("point"))
        digits = _NUMBER.findall(label or "")
        point = int(digits[-1][:9]) if digits else None
        place, wrong = _place(row, head, number)
        again = rings and place is not None and rings[-1].points[:1] == [place]
        anew = point is not None and last_point is not None and point <= last_point and not again
        if not rings or ring_no != last_ring or closed or (ring_no is None and anew):
            rings.append(_Ring())
            again = False
        ring = rings[-1]
        ring.rows.append(number)
        ring.wrong = ring.wrong or wrong
        if place is not None:
            ring.points.append(place)
        mark = _cell(row, head.roles.get("hole"))
        if mark and fold(mark) in {fold(word) for word in _table()["taken_out"]}:
            ring.hole = True
        # The first corner given again ends a ring that no number names.
        closed = bool(again) and len(ring.points) > 3 and ring_no is None
        last_ring, last_point = ring_no, point
    return rings


def _place(row: Cells, head: Head, number: int) -> tuple[tuple[float, float] | None, Word | None]:
    for a, b in _PAIRS:
        if a in head.roles and b in head.roles:
            cells = [_cell(row, head.roles[role]) for role in (a, b)]
            x, y = (number_of(cell) for cell in cells)
            if x is None or y is None:
                bad = cells[0] if x is None else cells[1]
                said = {"at": number, "value": (bad or "—")[:40]}
                return None, Word("reader.row.corner", said)
            return (x, y), None
    return None, None


def _apart(rings: list[_Ring]) -> list[list[_Ring]]:
    """Return each outer ring with the holes that lie in it; a hole in none stands by itself."""
    outers = [ring for ring in rings if not ring.hole]
    groups = [[ring] for ring in outers]
    for hole in (ring for ring in rings if ring.hole):
        home = next((i for i, ring in enumerate(outers) if _holds(ring, hole)), None)
        if home is None:
            groups.append([hole])
        else:
            groups[home].append(hole)
    return groups


def _holds(outer: _Ring, hole: _Ring) -> bool:
    if len(outer.points) < 3 or not hole.points:
        return False
    middle = shapely.points(np.mean(hole.points, axis=0))
    return bool(shapely.intersects(shapely.Polygon(outer.points), middle))


def _shape(rings: list[_Ring], kind: str) -> tuple[Any, Word | None]:
    """Return the shape that rings make, or None and what is wrong with them."""
    wrong = next((ring.wrong for ring in rings if ring.wrong is not None), None)
    if wrong is not None:
        return None, wrong
    if kind == "point":
        points = [point for ring in rings for point in ring.points]
        return (shapely.Point(points[0]) if len(points) == 1 else shapely.MultiPoint(points)), None
    least = 3 if kind == "polygon" else 2
    for ring in rings:
        if len(set(ring.points)) < least:
            said = {"at": ring.rows[0], "points": len(set(ring.points)), "least": least}
            return None, Word("reader.row.few_corners", said)
    if kind == "line":
        lines = [shapely.LineString(ring.points) for ring in rings]
        return (lines[0] if len(lines) == 1 else shapely.MultiLineString(lines)), None
    parts = []
    for group in _apart(rings):
        if group[0].hole:
            return None, Word("reader.row.hole_outside", {"at": group[0].rows[0]})
        parts.append(shapely.Polygon(group[0].points, [ring.points for ring in group[1:]]))
    return (parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)), None
