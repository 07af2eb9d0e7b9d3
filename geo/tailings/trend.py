"""How many ponds the register held at each year's end: their number may only fall (只减不增)."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from geo.tailings.life import Life, life_rules

# What tells since when a pond is on the register.
_BEGINS = ("construction_started", "commissioned")


def on_register(life: Life) -> list[tuple[date | None, bool]]:
    """Return from which days a pond counted and from which it did not, oldest first.

    The first day is None where nobody said since when there is such a pond.
    """
    states = life_rules()["states"]
    begins = next((day for day, kind, _ in life.moves if kind in _BEGINS), None)
    found: list[tuple[date | None, bool]] = [(begins, True)]
    for day, _, state in life.moves:
        counted = bool(states[state]["counted"])
        if counted is not found[-1][1]:
            found.append((day, counted))
    return found


def _counts(changes: Sequence[tuple[date | None, bool]], on: date) -> bool:
    known = [counted for day, counted in changes if day is None or day <= on]
    return bool(known) and known[-1]


def trend(ponds: Iterable[dict[str, Any]], on: date) -> dict[str, Any]:
    """Return the number of ponds on the day of the rule, at each year's end since, and on a day.

    Parameters
    ----------
    ponds : iterable of dict
        With code and on_register (as :func:`on_register` gives it).
    on : date
        The day asked about; before the rule its row is the only one.

    Returns
    -------
    dict
        rows (on, count, came and gone: codes since the row before), rose (the rows whose number
        is above that of the row before), unknown (codes counted all along, for nobody said since
        when they are).
    """
    listed = list(ponds)
    first: date = life_rules()["only_fewer"]["since"]
    ends = [date(year, 12, 31) for year in range(first.year, on.year + 1)]
    days = [day for day in (first, *(end for end in ends if end < on), on) if day <= on]
    rows: list[dict[str, Any]] = []
    before: set[str] = set()
    for day in sorted(set(days)):
        held = {one["code"] for one in listed if _counts(one["on_register"], day)}
        came, gone = (held - before, before - held) if rows else (set(), set())
        rows.append({"on": day, "count": len(held), "came": sorted(came), "gone": sorted(gone)})
        before = held
    return {
        "rows": rows,
        "rose": [
            row for row, last in zip(rows[1:], rows, strict=False) if row["count"] > last["count"]
        ],
        "unknown": [one["code"] for one in listed if one["on_register"][0][0] is None],
    }
