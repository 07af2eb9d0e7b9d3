"""What a stranger's cell says: numbers and ranges, dates, yes and no, one of a list.

Every reader takes the cell and gives ``(value, understood)``. A cell that says nothing gives
``(None, True)``; one that was not understood gives a value the rules can do no harm with, and
False, so that the row report names it. The raw text is kept beside by the caller.
"""

import calendar
import math
import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any

import yaml

from geo.survey.layers import Field, fold

Read = tuple[Any, bool]
_YEARS = (1900, 2200)
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?"
_RANGE = re.compile(rf"^({_NUMBER})\s*([^\d\s~±-]*?)\s*(?:-|~|—|–|至|到)\s*({_NUMBER})\s*(\D*)$")
_AROUND = re.compile(rf"^({_NUMBER})\s*±\s*({_NUMBER})\s*(\D*)$")
# A unit may hold figures (m3, m3/h), so it starts with no figure but may go on with some.
_ONE = re.compile(rf"^({_NUMBER})\s*([^\d\s.+-].*)?$")
_DATE = re.compile(r"^(\d{4})(?:[-/.年](\d{1,2})(?:[-/.月](\d{1,2})日?)?)?[年月日]?(?:[ t].*)?$")
_SPLIT = re.compile(r"[、,;/|，；\s]+|和|及|与")
_SEAM = re.compile(r"(?:号煤层|号煤|煤层|号|#|煤|矿体)+$")


@cache
def _words() -> dict[str, Any]:
    text = resources.files("geo.survey").joinpath("words.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@cache
def _word_set(kind: str) -> frozenset[str]:
    return frozenset(_plain(str(word)) for word in _words()[kind])


@cache
def _longest_first(kind: str) -> tuple[str, ...]:
    return tuple(sorted(_word_set(kind), key=len, reverse=True))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def is_blank(value: Any) -> bool:
    """Tell whether a cell says nothing at all."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and _plain(value.replace("\x00", "")) in _word_set("blank")


def unit_scale(column: str, field: Field) -> tuple[float, str]:
    """Return by what to multiply a column's numbers, and the unit of its name if not understood.

    Parameters
    ----------
    column : str
        Column name, its unit in brackets, which a .dbf may have cut open: ``积水量(万m``.
    field : Field
        The canonical field.
    """
    found = re.search(r"[(\[{【](.*?)([)\]}】]|$)", unicodedata.normalize("NFKC", column))
    if field.unit is None or not found or not found[1].strip():
        return 1.0, ""
    said = _plain(found[1])
    units = _units(field.unit)
    if said in units:
        return units[said], ""
    if not found[2]:
        meant = {scale for unit, scale in units.items() if unit.startswith(said)}
        if len(meant) == 1:
            return meant.pop(), ""
    return 1.0, found[1]


@cache
def _units(unit: str) -> dict[str, float]:
    return {_plain(name): float(by) for name, by in _words()["units"].get(unit, {}).items()}


def _scaled(text: str, unit: str, header: float, own: str | None) -> float | None:
    """Return a number with its unit applied; None if the unit is not one of the field's."""
    value, unit = float(text), _plain(unit).rstrip("。.,;")
    if not unit:
        return value * header
    if unit == "万":
        return value * 1e4
    units = _units(own) if own else {}
    return value * units[unit] if unit in units else None


def number(value: Any, unit: str | None = None, scale: float = 1.0) -> Read:
    """Read a number, or a range as ``{"low", "high", "raw"}``.

    A unit beside the number goes before the one in the column's name. A word that is no number
    gives a range open on both sides, not understood.

    Parameters
    ----------
    value : object
        The cell.
    unit : str, optional
        The field's own unit.
    scale : float
        What the column's name makes of a bare number.
    """
    if is_blank(value):
        return None, True
    if isinstance(value, bool):
        return {"low": None, "high": None, "raw": str(value)}, False
    if isinstance(value, int | float):
        # Files that hold no null write -9999 or worse; no quantity of ours is near.
        if not math.isfinite(value) or value in (-9999, -99999, -999999) or abs(value) > 1e15:
            return None, math.isnan(value) or value < 0
        return _tidy(float(value) * scale), True
    raw = str(value).strip()
    low, high, plain = _bounds(raw, unit, scale)
    if plain:
        return low, True
    # "Not known" is a statement of its own: the tables have rows for it (L7), unlike for nothing.
    understood = low is not None or high is not None or _plain(raw) in _word_set("unknown")
    return {"low": low, "high": high, "raw": raw}, understood


def _tidy(value: float) -> float:
    # 0.3 * 10000 must not become 3000.0000000000005.
    return float(f"{value:.12g}")


def _bounds(raw: str, unit: str | None, scale: float) -> tuple[float | None, float | None, bool]:
    """Return (low, high, whether it is one plain number)."""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", _plain(raw)).replace(" ", "")
    about = False
    for word in _longest_first("about"):
        if text.startswith(word) and text != word:
            text, about = text.removeprefix(word), True
            break
    opens = ""
    for kind in ("over", "under"):
        for word in _longest_first(kind):
            if not opens and text.startswith(word):
                text, opens = text.removeprefix(word), kind
    for kind, after in (("over", "over_after"), ("under", "under_after")):
        for word in _longest_first(after):
            if not opens and text.endswith(word):
                text, opens = text.removesuffix(word), kind
    if match := _RANGE.match(text):
        ends = [
            _scaled(match[1], match[2] or match[4], scale, unit),
            _scaled(match[3], match[4] or match[2], scale, unit),
        ]
        if None not in ends:
            low, high = sorted(_tidy(end) for end in ends if end is not None)
            return low, high, False
    if match := _AROUND.match(text):
        middle, spread = (_scaled(match[i], match[3], scale, unit) for i in (1, 2))
        if middle is not None and spread is not None:
            return _tidy(middle - abs(spread)), _tidy(middle + abs(spread)), False
    if match := _ONE.match(text):
        one = _scaled(match[1], match[2] or "", scale, unit)
        if one is not None and math.isfinite(one):
            one = _tidy(one)
            if opens == "over":
                return one, None, False
            if opens == "under":
                return None, one, False
            return one, one, not about
    return None, None, False


def day(value: Any, *, end: bool = False) -> Read:
    """Read a date; a bare year or month is its first day, or with `end` its last.

    Of a span of years (2010-2015) the first is taken, or with `end` the last.
    """
    if is_blank(value):
        return None, True
    if isinstance(value, datetime):
        return value.date(), True
    if isinstance(value, date):
        return value, True
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = _plain(str(value)).replace(" 00:00:00", "")
    if span := re.match(r"^(\d{4})年?\s*(?:-|~|—|–|至|到)\s*(\d{4})年?$", text):
        text = span[2] if end else span[1]
    if re.fullmatch(r"\d{8}", text):
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    elif re.fullmatch(r"\d{6}", text):
        text = f"{text[:4]}-{text[4:]}"
    match = _DATE.match(text)
    if not match or not _YEARS[0] <= int(match[1]) <= _YEARS[1]:
        return None, _plain(str(value)) in _word_set("unknown")
    year = int(match[1])
    month = int(match[2] or (12 if end else 1))
    if not 1 <= month <= 12:
        return None, False
    last = calendar.monthrange(year, month)[1]
    which = int(match[3]) if match[3] else (last if end else 1)
    if not 1 <= which <= last:
        return None, False
    return date(year, month, which), True


def boolean(value: Any, field: Field | None = None) -> Read:
    """Read yes or no; "not known" is neither, and understood."""
    if is_blank(value):
        return None, True
    if isinstance(value, bool):
        return value, True
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value), True
    text = _plain(str(value))
    for word, meaning in (("yes", True), ("no", False)):
        own = field.values.get(word, ()) if field else ()
        if text in {_plain(one) for one in own}:
            return meaning, True
    if text in _word_set("unknown"):
        return None, True
    if text in _word_set("yes"):
        return True, True
    if text in _word_set("no"):
        return False, True
    return None, False


@cache
def _choices(items: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value, words in items:
        for word in (value, *words):
            found.setdefault(fold(word), value)
            found.setdefault(fold(word, bracket=False), value)
    return found


def choice(value: Any, field: Field) -> Read:
    """Read one of the field's values by its word; another word is not understood."""
    # "无" is a word here, "/" is none.
    if is_blank(value):
        return None, True
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    table = _choices(tuple(field.values.items()))
    text = str(value)
    found = table.get(fold(text, bracket=False)) or table.get(fold(text))
    return found, found is not None


def seam(value: Any) -> Read:
    """Read a seam: 3号煤层, 3#, No.3 and 3 are one seam, ``3``."""
    said, _ = text(value)
    if said is None:
        return None, True
    short = re.sub(r"^(?:no\.?|第)\s*", "", unicodedata.normalize("NFKC", said), flags=re.I)
    short = _SEAM.sub("", short.replace(" ", "")).upper()
    return short or said, True


def text(value: Any) -> Read:
    """Read text, without the blanks a .dbf pads with; a whole number loses its point."""
    if is_blank(value):
        return None, True
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, date):
        value = value.isoformat()
    said = unicodedata.normalize("NFC", str(value)).replace("\x00", "").strip()
    return (said or None), True


def several(value: Any, field: Field) -> Read:
    """Read a list; items not understood are left out, and the cell counts as not understood."""
    if is_blank(value):
        return None, True
    parts: Iterable[Any]
    if isinstance(value, list | tuple):
        parts = value
    else:
        cell = unicodedata.normalize("NFKC", str(value)).strip().strip("[]").replace('"', "")
        if _plain(cell) in {_plain(word) for word in field.all}:
            return [value for value in field.values if value not in field.beside], True
        understood = not field.of and choice(cell, field)[1]
        parts = [cell] if understood else [part for part in _SPLIT.split(cell) if part]
    found: list[Any] = []
    clear = True
    for part in parts:
        one, understood = seam(part) if field.of == "seam" else choice(part, field)
        clear = clear and understood
        if one is not None and one not in found:
            found.append(one)
    return (found or None), clear


def read(value: Any, field: Field, scale: float = 1.0) -> Read:
    """Read a cell as its field's type."""
    if field.type == "number":
        return number(value, field.unit, scale)
    if field.type == "date":
        return day(value, end=field.end)
    if field.type == "bool":
        return boolean(value, field)
    if field.type == "choice":
        return choice(value, field)
    if field.type == "list":
        return several(value, field)
    return seam(value) if field.type == "seam" else text(value)
