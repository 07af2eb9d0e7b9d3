"""Alarms of a pond's monitoring, from readings and the design unit's thresholds (LOGIC L27).

A level rises at once and falls only after readings below it and by a person. Silence is an alarm. A
reading without a threshold says nothing: it is never normal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any

import yaml

from geo.tailings.life import Life, life_rules
from geo.tailings.requirements import beach_at_flood

NO_THRESHOLD = "no_threshold"
LOWERED = "alarm_lowered"
_THRESHOLDS = ("blue", "yellow", "orange", "red")


@dataclass(frozen=True)
class Reading:
    """One reading of one point; `value` is None where the item has no figure or none was taken."""

    point: str
    item: str
    on: date
    value: float | None
    thresholds: tuple[float | None, float | None, float | None, float | None]
    interval_d: float | None = None


@dataclass(frozen=True)
class Point:
    """What a point says on a day: its level since when, the newest reading, and its silence.

    `level` is ``no_threshold`` where nothing it said could be judged; `silent_days` counts from the
    day its next reading was due, None where no interval is stated.
    """

    point: str
    item: str
    level: str
    since: date
    last_on: date
    value: float | None
    silent_days: int | None
    may_fall_to: str | None


@dataclass(frozen=True)
class Item:
    """One item of a pond. `level` is not below what is known, None where nothing is."""

    item: str
    level: str | None
    points: tuple[Point, ...]
    silent: bool
    whole: bool


@dataclass(frozen=True)
class Alarm:
    """All items of a pond, those of its kind that nobody ever read, and what they make together."""

    level: str | None
    items: tuple[Item, ...]
    unwatched: tuple[str, ...]
    silent: bool
    whole: bool


@dataclass(frozen=True)
class Unheard:
    """A pond that never sent a reading: expected since when at the latest, and for how many days.

    Both are None where nobody said since when there is something to watch.
    """

    since: date | None
    days: int | None


@cache
def monitoring_rules() -> dict[str, Any]:
    """Return levels, aggregation, items and sets with standard, clause and whether verified."""
    text = resources.files(__package__).joinpath("monitoring.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))


def _rank(level: str) -> int:
    return list(monitoring_rules()["levels"]).index(level)


def _figure(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def reading_of(row: Mapping[str, Any], pond: Mapping[str, Any]) -> Reading:
    """Return a survey row as a reading.

    Parameters
    ----------
    row : mapping
        code, item, observed_on (ISO), value, the four thresholds, interval_d. For a beach also
        at_flood, or water_level_m and beach_slope_pct by which it is converted.
    pond : mapping
        The pond's attributes; flood_level_m is asked for a beach. Thresholds of a beach hold at
        design flood level, so one that cannot be converted keeps no value (L27).
    """
    value = _figure(row, "value")
    if row["item"] == "beach" and row.get("at_flood") is not True:
        value = beach_at_flood({**row, "beach_measured_m": value, **_flood(pond)})
    return Reading(
        str(row["code"]),
        str(row["item"]),
        date.fromisoformat(row["observed_on"]),
        value,
        tuple(_figure(row, name) for name in _THRESHOLDS),  # type: ignore[arg-type]
        _figure(row, "interval_d"),
    )


def _flood(pond: Mapping[str, Any]) -> dict[str, Any]:
    return {"flood_level_m": pond.get("flood_level_m")}


def level_of(reading: Reading) -> str:
    """Return the level one reading makes by itself.

    At the threshold is reached. The highest one reached counts; with none reached it is normal
    only if all four are known.
    """
    worse = monitoring_rules()["items"][reading.item].get("worse")
    if worse is None or reading.value is None:
        return NO_THRESHOLD
    sign = 1.0 if worse == "above" else -1.0
    for name, limit in zip(_THRESHOLDS[::-1], reading.thresholds[::-1], strict=True):
        if limit is not None and sign * reading.value >= sign * limit:
            return name
    return "normal" if None not in reading.thresholds else NO_THRESHOLD


def point_state(readings: Sequence[Reading], lowered: Iterable[date], on: date) -> Point:
    """Return what a point says on a day.

    Parameters
    ----------
    readings : sequence of Reading
        Of one point and item, at least one of them at or before `on`.
    lowered : iterable of date
        The days on which a person lowered its alarm; without enough readings below it in a row
        before that day, nothing falls.
    on : date
        The day asked about.
    """
    known = sorted((r for r in readings if r.on <= on), key=lambda r: r.on)
    needed = int(monitoring_rules()["lowering"]["readings"])
    level, since = NO_THRESHOLD, known[0].on
    calm: list[str] = []
    steps: list[tuple[date, int, Reading | None]] = [(r.on, 0, r) for r in known]
    steps += [(day, 1, None) for day in lowered if day <= on]
    for day, _, reading in sorted(steps, key=lambda step: step[:2]):
        if reading is None:
            if len(calm) >= needed:
                level, since, calm = _worst(calm[-needed:]), day, []
            continue
        said = level_of(reading)
        if said == NO_THRESHOLD:
            # It neither raises nor calms: nothing is known of that day.
            calm = []
        elif level == NO_THRESHOLD or _rank(said) >= _rank(level):
            level, since, calm = said, (since if said == level else day), []
        else:
            calm.append(said)
    last = known[-1]
    silent = None
    if last.interval_d is not None:
        due = last.on + timedelta(days=int(last.interval_d))
        silent = max(0, (on - due).days)
    fall = _worst(calm[-needed:]) if len(calm) >= needed else None
    return Point(last.point, last.item, level, since, last.on, last.value, silent, fall)


def _worst(levels: Iterable[str]) -> str:
    return max(levels, key=_rank)


def together(levels: Iterable[str], rule: Mapping[str, Any]) -> str | None:
    """Return what several levels make as one: the worst, raised where so many are alike."""
    known = [level for level in levels if level != NO_THRESHOLD]
    if not known:
        return None
    found = _worst(known)
    for level in _THRESHOLDS[:-1]:
        enough = sum(_rank(one) >= _rank(level) for one in known) >= rule[level]["count"]
        if enough and _rank(rule[level]["makes"]) > _rank(found):
            found = rule[level]["makes"]
    return found


def wanted_items(pond: Mapping[str, Any], grade: int | None) -> tuple[str, ...]:
    """Return the items that must be watched; a pond of unknown discharge is taken as wet."""
    sets = monitoring_rules()["sets"]
    if pond.get("discharge") == "dry":
        return tuple(sets["dry"])
    more = grade is not None and grade <= sets["more_from_grade"]
    return (*sets["wet"], *(sets["wet_more"] if more else ()))


def unheard(found: Life, on: date) -> Unheard | None:
    """Return since when a pond's readings are expected; one that never sent any misses them (L27).

    Parameters
    ----------
    found : Life
        On the day asked about.
    on : date

    Returns
    -------
    Unheard or None
        None where none is expected: off the register, not yet in use, or before the standard binds.
    """
    rule, states = monitoring_rules()["unheard"], life_rules()["states"]

    def watched(state: str) -> bool:
        return states[state]["counted"] and state not in rule["not_in"]

    binds: date = rule["in_force_from"]
    if not watched(found.state) or on < binds:
        return None
    since = None
    for day, _, state in found.moves:
        # Struck off and re-mined, it is expected anew.
        since = (since or day) if watched(state) else None
    if since is None:
        return Unheard(None, None)
    since = max(since, binds)
    return Unheard(since, (on - since).days)


def alarm(
    rows: Iterable[Mapping[str, Any]],
    pond: Mapping[str, Any],
    grade: int | None,
    lowered: Iterable[tuple[str, date]],
    on: date,
) -> Alarm | None:
    """Return a pond's alarm on a day; None where it has sent no reading.

    Parameters
    ----------
    rows : iterable of mapping
        Its readings as accepted (:func:`reading_of`).
    pond, grade
        Its attributes and governing grade.
    lowered : iterable of (point, date)
        What persons lowered.
    on : date
        The day asked about.
    """
    by_point: dict[tuple[str, str], list[Reading]] = {}
    read: set[str] = set()
    for row in rows:
        one = reading_of(row, pond)
        if one.on <= on:
            by_point.setdefault((one.item, one.point), []).append(one)
            # Points alone, of which no figure ever came, watch nothing.
            if "worse" not in monitoring_rules()["items"][one.item] or row.get("value") is not None:
                read.add(one.item)
    if not by_point:
        return None
    acts = list(lowered)
    points = [
        point_state(readings, [day for of, day in acts if of == point], on)
        for (_, point), readings in sorted(by_point.items())
    ]
    rules = monitoring_rules()
    items = []
    for name, rule in rules["items"].items():
        own = tuple(point for point in points if point.item == name)
        if own:
            items.append(_item(name, rule, own))
    level = together((i.level for i in items if i.level is not None), rules["items_together"])
    unwatched = tuple(name for name in wanted_items(pond, grade) if name not in read)
    silent = any(one.silent for one in items)
    return Alarm(
        level, tuple(items), unwatched, silent, not unwatched and all(one.whole for one in items)
    )


def _item(name: str, rule: Mapping[str, Any], points: tuple[Point, ...]) -> Item:
    silent = any(point.silent_days for point in points)
    stated = all(point.silent_days is not None for point in points)
    figures = "worse" not in rule or all(point.level != NO_THRESHOLD for point in points)
    level = together((point.level for point in points), monitoring_rules()["points"])
    return Item(name, level, points, silent, stated and figures and not silent)
