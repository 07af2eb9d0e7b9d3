"""What is reckoned from the facts when asked, and not stored: crossings, ledger, screening."""

from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import Connection, select, text

from geo.rules import rules_in_force
from geo.store.facts import load_world
from geo.store.tables import mine
from geo.survey.crossings import crossings as crossings_of
from geo.survey.derive import derive
from geo.survey.ledger import ledger as ledger_of
from geo.survey.ledger import overdue, rolled_up, totals
from geo.survey.screening import screening as screening_of


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


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
