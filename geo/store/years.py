"""In which year factors are first met, and what a working moved in time would change."""

from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from geo.problems import Problem
from geo.store.facts import load_world
from geo.store.findings import records
from geo.store.rule_sets import in_force
from geo.survey.derive import without_ended
from geo.survey.footprint import unfinished
from geo.survey.years import first_met, said_first, said_moved
from geo.survey.years import if_moved as if_moved_of

# A plan reaches no farther; a year beyond is no plan's.
_FARTHEST = 20


def met_first(encounters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return when each factor is first met, from encounters as a mine's evidence has them.

    Returns
    -------
    list of dict
        As :func:`geo.survey.years.first_met` gives them, with ``sentence`` in zh and en; what is
        met first comes first.
    """
    flat = [
        {
            "extent": one["evidence"]["extent"],
            "status": one["status"],
            "layer": one["layer"],
            "mine_code": "",
            "factor_key": one["factor_key"],
            "item_key": one["evidence"]["item_key"],
            "starts": _day(one["evidence"]["starts"]),
            "enters_on": one["enters_on"],
            "distance_m": one["evidence"]["distance_m"],
            "key": one["key"],
            "evidence": one["evidence"],
        }
        for one in encounters
    ]
    if not flat:
        return []
    found = first_met(pd.DataFrame(flat, dtype=object)).drop(columns="mine_code")
    rows = [
        {**plain, "sentence": {lang: said_first(row, lang) for lang in ("zh", "en")}}
        for row, plain in zip(found.to_dict("records"), records(found), strict=True)
    ]
    return sorted(rows, key=lambda row: (row["starts"] or "", row["factor_key"]))


def if_moved(conn: Connection, code: str, working: str, years: int, on: date) -> dict[str, Any]:
    """Return what would change if a working of a mine moved by some years; nothing is written.

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    code : str
        The mine.
    working : str
        Its name, or its key where several have one name.
    years : int
        Later where positive.
    on : date
        The day whose grades are compared.

    Returns
    -------
    dict
        ``working``, ``years``, ``on``, and as :func:`geo.survey.years.if_moved` gives them ``met``
        and ``moves``; ``sentences`` in zh and en.

    Raises
    ------
    Problem
        ``years.no_such_working``, ``years.several`` or ``years.far``.
    """
    if not 1 <= abs(years) <= _FARTHEST:
        raise Problem("years.far", years=years)
    rules = in_force(conn)
    world = load_world(conn, rules, [code])
    plan = unfinished(without_ended(world).plan)
    plan = plan[(plan["mine_code"] == code) & (plan["status"] == "in_force")]
    named = dict(zip(plan["key"], plan["name"], strict=True))
    chosen = [key for key, name in named.items() if working in (key, name)]
    if not chosen:
        known = ", ".join(sorted({str(name) for name in named.values()})) or "—"
        raise Problem(
            "years.no_such_working", http_status=404, mine=code, working=working, workings=known
        )
    if len(chosen) > 1:
        raise Problem("years.several", mine=code, working=working, workings=", ".join(chosen))
    name = str(named[chosen[0]] or chosen[0])
    found = if_moved_of(world, rules, chosen[0], years, on)
    return {
        "working": name,
        "years": years,
        "on": on.isoformat(),
        **found,
        "sentences": {lang: said_moved(name, years, on, found, lang) for lang in ("zh", "en")},
    }


def _day(text_: str | None) -> date | None:
    return date.fromisoformat(text_) if text_ else None
