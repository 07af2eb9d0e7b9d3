"""What is reckoned from the facts when asked, and not stored: crossings, ledger, years and more."""

from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import Connection, select, text

from geo.problems import Problem
from geo.rules import rules_in_force
from geo.store.facts import load_world
from geo.store.tables import mine
from geo.survey.crossings import crossings as crossings_of
from geo.survey.derive import derive, without_ended
from geo.survey.footprint import unfinished
from geo.survey.ledger import ledger as ledger_of
from geo.survey.ledger import overdue, rolled_up, totals
from geo.survey.screening import screening as screening_of
from geo.survey.years import first_met, said_first, said_moved
from geo.survey.years import if_moved as if_moved_of

# A plan reaches no farther; a year beyond is no plan's.
_FARTHEST = 20


def seen(conn: Connection, codes: list[str] | None = None) -> list[str]:
    """Return the mines the connection's identity may see, of those asked for."""
    found = sorted(
        conn.scalars(
            text(
                "SELECT code FROM minerisk.mine WHERE minerisk.contracted(code) "
                "OR minerisk.visible(district, owner_org, survey_org)"
            )
        )
    )
    return found if codes is None else [code for code in found if code in set(codes)]


def crossings(conn: Connection, codes: list[str]) -> list[dict[str, Any]]:
    """Return the crossings of some mines (L15), each a question to a person.

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    codes : list of str
        The mines.
    """
    world = load_world(conn, rules_in_force(), codes)
    found = crossings_of(world, rules_in_force(), codes)
    return _records(pd.DataFrame(found.drop(columns="geometry")))


def ledger(conn: Connection, codes: list[str], on: date) -> dict[str, Any]:
    """Return the ledger of some mines with both counts, by kind, enterprise and county (L19).

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    codes : list of str
        The mines.
    on : date
        The day deadlines are held against.
    """
    rules = rules_in_force()
    world = load_world(conn, rules, codes)
    frame = ledger_of(world, rules, derive(world, rules, codes), codes)
    mines = list(conn.execute(select(mine).where(mine.c.code.in_(codes))))
    owners = {
        row.mine_code: str(row.attrs.get("enterprise") or "") for row in world.mines.itertuples()
    }
    return {
        "on": on.isoformat(),
        "rows": _records(frame),
        "kinds": totals(frame),
        "enterprises": rolled_up(frame, owners),
        "counties": rolled_up(frame, {row.code: row.district for row in mines}),
        "overdue": overdue(frame, on)["number"].tolist(),
    }


def screening(conn: Connection, codes: list[str]) -> list[dict[str, Any]]:
    """Return what is worth asking about the surveys of some mines (L18).

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    codes : list of str
        The mines.
    """
    rules = rules_in_force()
    found = screening_of(load_world(conn, rules, codes), rules)
    return _records(found[found["mine_code"].isin(codes)])


def met_first(encounters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return when each factor is first met, from encounters as :mod:`geo.store.queries` reads them.

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
        {**_plainly(row), "sentence": {lang: said_first(row, lang) for lang in ("zh", "en")}}
        for row in found.to_dict("records")
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
    rules = rules_in_force()
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


def _plainly(row: dict[str, Any]) -> dict[str, Any]:
    return {str(name): _plain(value) for name, value in row.items()}


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [_plainly(row) for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
