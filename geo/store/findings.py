"""What is reckoned from the facts when asked, and not stored: crossings and ledger."""

from collections.abc import Collection
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select, text

from geo.store.batches import newest_seq
from geo.store.facts import load_world
from geo.store.licences import earlier
from geo.store.rule_sets import in_force
from geo.store.tables import mine
from geo.survey.crossings import crossings as crossings_of
from geo.survey.derive import derive
from geo.survey.ledger import holding_on, known_on, overdue, works
from geo.survey.ledger import ledger as ledger_of
from geo.survey.ledger_counts import counts, rolled_up, totals, tree


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


def crossings(
    conn: Connection, codes: list[str], on: date, known_seq: int | None = None
) -> list[dict[str, Any]]:
    """Return the crossings of some mines (L15), each a question to a person.

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    codes : list of str
        The mines.
    on : date
        The day asked about: what was found only later is left out.
    known_seq : int, optional
        Number of the batch up to which things are known; the newest where not given.
    """
    known = newest_seq(conn) if known_seq is None else known_seq
    rules = in_force(conn, known)
    world = known_on(load_world(conn, rules, codes, known), on)
    found = crossings_of(world, rules, codes, earlier(conn, set(world.mines["mine_code"]), known))
    return records(pd.DataFrame(found.drop(columns="geometry")))


def ledger(
    conn: Connection, codes: list[str], on: date, known_seq: int | None = None
) -> dict[str, Any]:
    """Return the ledger of some mines with both counts, by kind and by place (L19).

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    codes : list of str
        The mines.
    on : date
        The day it is of: what was found or ended later is not on it.
    known_seq : int, optional
        Number of the batch up to which things are known; the newest where not given.
    """
    frame, places, done = reckoned(conn, codes, on, known_seq)
    return told(frame, places, done, on) | {"names": names(conn, places)}


def names(conn: Connection, codes: Collection[str]) -> dict[str, str]:
    """Return what mines are called, by code."""
    found = conn.execute(select(mine.c.code, mine.c.name).where(mine.c.code.in_(codes)))
    return {row.code: row.name for row in found}


def reckoned(
    conn: Connection, codes: list[str], on: date, known_seq: int | None = None
) -> tuple[pd.DataFrame, dict[str, tuple[str, str, str]], list[dict[str, Any]]]:
    """Return the ledger's frame, {mine: (province, county, enterprise)}, and treatment works."""
    rules = in_force(conn, known_seq)
    world = known_on(load_world(conn, rules, codes, known_seq), on)
    derived = derive(world, rules, codes)
    frame = ledger_of(world, rules, holding_on(derived, on), codes)
    owners = {
        row.mine_code: str(row.attrs.get("enterprise") or "") for row in world.mines.itertuples()
    }
    found = conn.execute(select(mine.c.code, mine.c.district).where(mine.c.code.in_(codes)))
    places = {
        row.code: (row.district[:2], row.district, owners[row.code])
        for row in found
        if row.code in owners
    }
    return frame, places, works(world, codes, on)


def told(
    frame: pd.DataFrame,
    places: dict[str, tuple[str, str, str]],
    done: list[dict[str, Any]],
    on: date,
) -> dict[str, Any]:
    """Return a ledger's rows with all that is counted from them.

    Parameters
    ----------
    frame : DataFrame
        As :func:`geo.survey.ledger.ledger` gives it.
    places : dict
        {mine code: (province, county, enterprise)}.
    done : list of dict
        Treatment works.
    on : date
        The day deadlines are held against.
    """
    return {
        "on": on.isoformat(),
        "rows": records(frame),
        "works": done,
        "kinds": totals(frame),
        "total": counts(frame),
        "places": tree(frame, places),
        "enterprises": rolled_up(frame, {code: place[2] for code, place in places.items()}),
        "counties": rolled_up(frame, {code: place[1] for code, place in places.items()}),
        "overdue": overdue(frame, on)["number"].tolist(),
    }


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame, dates as text."""
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and np.isnan(value):
        return None
    return value.isoformat() if isinstance(value, date) else value
