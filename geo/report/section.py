"""A vertical section of a mine: working, fracture zone, goafs, faults, where elevations are known.

The plane stands upright through the middle of a working and of the factor nearest to it. What has
no elevation on file is named, never guessed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import shapely

from geo.crs import to_metric
from geo.messages import say
from geo.survey import formulae
from geo.survey.reckon import mine_values

WIDTH, HEIGHT = 760, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 18, 46
_LINE = 18
_DRAWN = ("goaf", "fault", "collapse_column", "aquifer", "surface_water", "fire_area")


def zone_heights(item: dict[str, Any], rock: str | None) -> tuple[float, float | None] | None:
    """Return how far the fracture and the caving zone may reach above a panel or a goaf.

    Parameters
    ----------
    item : dict
        Row with layer and attrs: a working, or a goaf.
    rock : str or None
        Class of the overlying rock; None: the highest over the classes.

    Returns
    -------
    (float, float or None) or None
        Metres: the fracture zone as grading reckons it, the caving zone within it where a formula
        holds; None over what is no seam mined out, and where none does.
    """
    attrs = item["attrs"]
    if item["layer"] == "plan_item":
        if (attrs.get("item") or "panel") != "panel":
            return None
        height, method = _number(attrs.get("height_m")), attrs.get("method")
    elif item["layer"] == "goaf":
        height, method = _number(attrs.get("mining_height_m")), None
    else:
        return None
    if not height:
        return None
    dip, stage = _number(attrs.get("dip_deg")) or 0.0, _number(attrs.get("stage_m"))
    classes = [rock] if rock else list(formulae.constants()["rock_class"]["from"])
    tall = [height] * len(classes)
    reach = formulae.fracture_zone(
        tall, classes, dip, [method] * len(classes), np.nan if stage is None else stage
    )
    if np.isnan(reach).all():
        return None
    caved = formulae.caving_zone(tall, classes)
    flat = not formulae.is_steep(dip).any() and not np.isnan(caved).all()
    return float(np.nanmax(reach)), float(np.nanmax(caved)) if flat else None


def _number(value: Any) -> float | None:
    """Return a figure of a file: itself, or the higher end of a range."""
    if isinstance(value, dict):
        value = value.get("high") if value.get("high") is not None else value.get("low")
    return float(value) if isinstance(value, int | float) else None


@dataclass
class Section:
    """What a section shows: the drawing, and what is to be said below it."""

    svg: str | None = None
    notes: list[str] = field(default_factory=list)


def _name(item: dict[str, Any], lang: str) -> str:
    attrs = item["attrs"]
    kind = (
        say(f"web.item.{attrs.get('item') or 'panel'}", lang)
        if item["layer"] == "plan_item"
        else say(f"layer.{item['layer']}", lang)
    )
    return f"{kind} {attrs.get('code') or attrs.get('name') or ''}".strip()


def _base(item: dict[str, Any]) -> tuple[float, float] | None:
    """Return floor and height of a working or goaf in metres; None where no elevation is known."""
    attrs = item["attrs"]
    floor = _number(attrs.get("floor_m"))
    if floor is None:
        return None
    tall = next(
        (
            h
            for n in ("height_m", "mining_height_m", "void_height_m")
            if (h := _number(attrs.get(n)))
        ),
        None,
    )
    return floor, tall or 0.0


def _spans(line: Any, shape: Any) -> Iterator[tuple[float, float]]:
    """Yield where a shape is cut by the plane, as distances along it."""
    for part in shapely.get_parts(shapely.intersection(line, shape)):
        if part.is_empty:
            continue
        at = shapely.line_locate_point(line, shapely.points(shapely.get_coordinates(part)))
        yield float(min(at)), float(max(at))


def _plane(work: Any, factors: list[Any]) -> Any:
    """Return the line of the section through a working, towards the nearest factor."""
    middle = shapely.centroid(work)
    aim = min(factors, key=lambda shape: shapely.distance(work, shape), default=None)
    x, y = shapely.get_coordinates(middle)[0]
    dx, dy = 1.0, 0.0
    if aim is not None:
        ax, ay = shapely.get_coordinates(shapely.centroid(aim))[0]
        length = float(np.hypot(ax - x, ay - y))
        if length > 1:
            dx, dy = (ax - x) / length, (ay - y) / length
    if dx < 0:
        # West stands at the left, as on the map.
        dx, dy = -dx, -dy
    reach = 400.0
    for shape in [work, *([aim] if aim is not None else [])]:
        xy = shapely.get_coordinates(shape)
        along = (xy[:, 0] - x) * dx + (xy[:, 1] - y) * dy
        reach = max(reach, float(np.abs(along).max()) + 150)
    return shapely.linestrings([[x - dx * reach, y - dy * reach], [x + dx * reach, y + dy * reach]])


class _Paper:
    """Turns metres along the plane and elevations into places on the drawing."""

    def __init__(self, length: float, low: float, high: float) -> None:
        self.length, self.low, self.high = length, low, high

    def x(self, at: float) -> float:
        return _LEFT + at / self.length * (WIDTH - _LEFT - _RIGHT)

    def y(self, level: float) -> float:
        share = (self.high - level) / (self.high - self.low)
        return _TOP + share * (HEIGHT - _TOP - _BOTTOM)

    @property
    def exaggeration(self) -> float:
        """How many times taller than wide a metre is drawn."""
        tall = (HEIGHT - _TOP - _BOTTOM) / (self.high - self.low)
        return tall / ((WIDTH - _LEFT - _RIGHT) / self.length)


def _round_steps(low: float, high: float, parts: int) -> Iterator[float]:
    wanted = (high - low) / parts
    step = next(s * 10.0**p for p in range(-1, 6) for s in (1, 2, 5) if s * 10.0**p >= wanted)
    at = np.ceil(low / step) * step
    while at <= high + 1e-9:
        yield float(at)
        at += step


def _axes(paper: _Paper, lang: str) -> Iterator[str]:
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    for level in _round_steps(paper.low, paper.high, 6):
        y = paper.y(level)
        yield f'<line class="rule" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        at = f'x="{_LEFT - 6}" y="{y + 4:.1f}"'
        yield f'<text class="tick" {at} text-anchor="end">{level:g}</text>'
    for metres in _round_steps(0, paper.length, 7):
        x = paper.x(metres)
        yield f'<line class="edge" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 5}"/>'
        at = f'x="{x:.1f}" y="{bottom + 18}"'
        yield f'<text class="tick" {at} text-anchor="middle">{metres:g}</text>'
    yield f'<line class="edge" x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
    level_words = escape(say("report.section.level", lang))
    yield f'<text class="tick" x="{_LEFT}" y="12">{level_words}</text>'
    yield (
        f'<text class="tick" x="{right}" y="{HEIGHT - 8}" text-anchor="end">'
        f"{escape(say('report.section.along', lang))}</text>"
    )


def _box(paper: _Paper, kind: str, span: tuple[float, float], low: float, tall: float) -> str:
    x, wide = paper.x(span[0]), max(paper.x(span[1]) - paper.x(span[0]), 1.5)
    y = paper.y(low + tall)
    high = max(paper.y(low) - y, 2.5)
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}"/>'


def _words(paper: _Paper, span: tuple[float, float], level: float, text: str, dy: float) -> str:
    x = (paper.x(span[0]) + paper.x(span[1])) / 2
    return (
        f'<text class="name" x="{x:.1f}" y="{paper.y(level) + dy:.1f}" text-anchor="middle">'
        f"{escape(text)}</text>"
    )


def section(
    plan: Iterable[dict[str, Any]],
    factors: Iterable[dict[str, Any]],
    zone: int,
    lang: str,
    licence: dict[str, Any] | None = None,
) -> Section:
    """Return a vertical section of a mine.

    Parameters
    ----------
    plan, factors : iterable of dict
        Rows with layer, attrs and geometry (CGCS2000): workings of the mine, and the factors its
        study area meets.
    zone : int
        EPSG code of the mine's metric zone.
    lang : str
        ``zh`` or ``en``.
    licence : dict, optional
        Attributes of the mine's licence: only a coal mine has fracture zones drawn, by the class of
        overlying rock it states.
    """
    stated = licence or {}
    rock = mine_values(stated, None).get("mine.roof_rock_class")
    coal = (stated.get("mine_kind") or "coal") == "coal"

    def zones_of(item: dict[str, Any]) -> tuple[float, float | None] | None:
        return zone_heights(item, rock) if coal else None

    known = [item for item in plan if _base(item) is not None]
    met = [item for item in factors if item["layer"] in _DRAWN]
    if not known:
        return Section(notes=[say("report.section.no_plan", lang)])
    for item in [*known, *met]:
        (item["shape"],) = to_metric(np.array([item["geometry"]], dtype=object), zone)
    drawable = [i for i in met if i["layer"] == "fault" or _base(i) is not None] or met

    def near(item: dict[str, Any]) -> float:
        return min(
            (float(shapely.distance(item["shape"], f["shape"])) for f in drawable), default=0.0
        )

    work = min(known, key=near)
    line = _plane(work["shape"], [item["shape"] for item in drawable])
    length = float(shapely.length(line))
    cut = [(item, span) for item in [*known, *met] for span in _spans(line, item["shape"])]
    levels: list[float] = []
    for item, _ in cut:
        base = _base(item)
        if base is not None:
            levels += [base[0], base[0] + base[1]]
            levels.append(base[0] + base[1] + (zones_of(item) or (0.0,))[0])
            water = _number(item["attrs"].get("water_level_m"))
            levels += [water] if water is not None else []
    if not levels:
        return Section(notes=[say("report.section.no_plan", lang)])
    low, high = min(levels), max(levels)
    room = max((high - low) * 0.18, 6)
    paper = _Paper(length, low - room, high + room)
    parts, names, missing = list(_axes(paper, lang)), [], []
    told = _Told(rock)
    for item, span in cut:
        base, text = _base(item), _name(item, lang)
        if item["layer"] == "fault":
            x = paper.x((span[0] + span[1]) / 2)
            guessed = item["attrs"].get("verification") in ("inferred", "unclear")
            parts.append(
                f'<line class="fault{" guessed" if guessed else ""}" x1="{x:.1f}" x2="{x:.1f}" '
                f'y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>'
            )
            names.append(_words(paper, span, paper.high, text, 14))
        elif base is None:
            missing.append(text)
        else:
            zones, top = zones_of(item), base[0] + base[1]
            if zones is not None:
                told.zones = True
                for kind, reach in zip(("fractured", "caved"), zones, strict=True):
                    if reach is None:
                        continue
                    parts.append(_box(paper, kind, span, top, reach))
                    # A caving zone too low for its words is drawn without them.
                    if kind == "fractured" or paper.y(top) - paper.y(top + reach) >= _LINE:
                        zone_text = say(f"report.section.{kind}", lang, m=f"{reach:.0f}")
                        names.append(_words(paper, span, top + reach, zone_text, 16))
            elif coal and base[1] and item["layer"] in ("plan_item", "goaf"):
                told.without.add(text)
            names.append(_words(paper, span, base[0], text, 16))
            if item["layer"] == "plan_item":
                parts.append(_box(paper, "panel", span, *base))
                continue
            parts.append(_box(paper, "void", span, *base))
            water = _number(item["attrs"].get("water_level_m"))
            if water is not None:
                parts.append(_box(paper, "flooded", span, base[0], max(water - base[0], 0.0)))
    missing += [
        _name(item, lang)
        for item in met
        if item["layer"] != "fault" and _base(item) is None and _name(item, lang) not in missing
    ]
    label = escape(say("report.section.label", lang, name=_name(work, lang)))
    svg = (
        f'<svg class="section" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f"{''.join(parts)}{''.join(names)}</svg>"
    )
    told.missing = set(missing)
    return Section(svg, list(_notes(paper, told, lang)))


@dataclass
class _Told:
    """What is to be said of a drawing."""

    rock: str | None
    zones: bool = False
    without: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)


def _notes(paper: _Paper, told: _Told, lang: str) -> Iterator[str]:
    between = "、" if lang == "zh" else ", "
    yield say("report.section.exaggerated", lang, n=f"{paper.exaggeration:.1f}")
    if told.zones:
        data = formulae.constants()["fracture_zone"]
        roof = say(f"report.section.rock.{told.rock or 'unknown'}", lang)
        yield say("report.section.by", lang, standard=data["standard"], roof=roof)
        yield say("report.section.thick", lang, m=data["valid_up_to_m"])
    if told.without:
        yield say("report.section.no_zone", lang, names=between.join(sorted(told.without)))
    yield say("report.section.faults", lang)
    if told.missing:
        yield say("report.section.missing", lang, names=between.join(sorted(told.missing)))
