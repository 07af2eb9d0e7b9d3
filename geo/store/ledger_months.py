"""The ledger at the end of each month (L19): kept as it was filed, and reckoned anew to the same.

A month is reckoned from the facts recorded by its last day, whenever the worker comes to it, so
that it is the same whenever that was.
"""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pandas as pd
from sqlalchemy import Connection, func, select

from geo import clock
from geo.store.batches import seq_at
from geo.store.engine import SYSTEM
from geo.store.findings import names, reckoned, records, told
from geo.store.publish import publishing
from geo.store.rule_sets import in_force
from geo.store.tables import batch, ledger_month, mine, mine_state
from geo.survey.keys import canonical
from geo.survey.ledger import LEDGER

_CHUNK = 40


def last_day(month: str) -> date:
    """Return the last day of a month given as YYYY-MM."""
    year, number = (int(part) for part in month.split("-"))
    return date(year + number // 12, number % 12 + 1, 1) - timedelta(days=1)


def _due(conn: Connection, today: date) -> list[str]:
    """Return the months over by `today`, since the first grading, that are not kept yet."""
    began = conn.scalar(
        select(func.min(batch.c.recorded_at)).join(mine_state, mine_state.c.batch_id == batch.c.id)
    )
    if began is None:
        return []
    have = set(conn.scalars(select(ledger_month.c.month).distinct()))
    at, months = clock.local(began).date().replace(day=1), []
    while at < today.replace(day=1):
        month = f"{at:%Y-%m}"
        if month not in have:
            months.append(month)
        at = last_day(month) + timedelta(days=1)
    return months


def _rows(conn: Connection, month: str, known: int) -> dict[str, dict[str, Any]]:
    """Return what is kept of each mine known by then: rows, works and enterprise."""
    codes, on = sorted(conn.scalars(select(mine.c.code))), last_day(month)
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(codes), _CHUNK):
        part = codes[start : start + _CHUNK]
        frame, places, done = reckoned(conn, part, on, known)
        # A number counts through the mines a reader sees; it is given when the ledger is shown.
        by_mine: dict[str, list[dict[str, Any]]] = {code: [] for code in places}
        for row in records(frame.drop(columns="number")):
            by_mine[row["mine_code"]].append(row)
        for code, rows in by_mine.items():
            found[code] = {
                "rows": rows,
                "works": [row for row in done if row["mine_code"] == code],
                "enterprise": places[code][2],
            }
    return found


def keep_due(conn: Connection, today: date) -> list[str]:
    """Keep the ledger of every month that is over and not kept yet; returns which.

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    today : date
    """
    kept_now = []
    for month in _due(conn, today):
        on = last_day(month)
        known = seq_at(conn, on)
        # What was known by the end of a month that is over moves no more: reckoned with no lock.
        parts = _rows(conn, month, known)
        with publishing(conn, SYSTEM, "ledger", on, {"month": month}) as made:
            if conn.scalar(select(func.count()).where(ledger_month.c.month == month)):
                made.abandoned = True
                continue
            owners = {row.code: row for row in conn.execute(select(mine))}
            made.add(
                ledger_month,
                (
                    {
                        "id": uuid4(),
                        "mine_code": code,
                        "month": month,
                        "on_date": on,
                        "known_seq": known,
                        "rules": in_force(conn, known).version,
                        "district": owners[code].district,
                        "owner_org": owners[code].owner_org,
                        **part,
                    }
                    for code, part in parts.items()
                ),
            )
        kept_now.append(month)
    return kept_now


def months(conn: Connection) -> list[dict[str, Any]]:
    """Return the months kept that one may see, newest first, each with its data version."""
    found = conn.execute(
        select(
            ledger_month.c.month,
            ledger_month.c.on_date,
            ledger_month.c.known_seq,
            ledger_month.c.rules,
            func.count().label("mines"),
        )
        .group_by(
            ledger_month.c.month,
            ledger_month.c.on_date,
            ledger_month.c.known_seq,
            ledger_month.c.rules,
        )
        .order_by(ledger_month.c.month.desc())
    )
    return [dict(row) for row in found.mappings()]


def kept(conn: Connection, month: str) -> dict[str, Any] | None:
    """Return the ledger of a month as it was kept, of the mines one may see; None for none."""
    found = conn.execute(
        select(ledger_month).where(ledger_month.c.month == month).order_by(ledger_month.c.mine_code)
    ).all()
    if not found:
        return None
    rows = [row for one in found for row in one.rows]
    for at, row in enumerate(rows, 1):
        row["number"] = at
    # A column that came later is empty in a month kept before.
    frame = pd.DataFrame({n: pd.Series([r.get(n) for r in rows], dtype=object) for n in LEDGER})
    places = {one.mine_code: (one.district[:2], one.district, one.enterprise) for one in found}
    done = [row for one in found for row in one.works]
    version = {"month": month, "known_seq": found[0].known_seq, "rules": found[0].rules}
    made = told(frame, places, done, found[0].on_date)
    return made | version | {"names": names(conn, places)}


def differing(conn: Connection, month: str) -> list[str]:
    """Return the mines whose kept month is not what the same facts give when reckoned anew.

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    month : str
        YYYY-MM. The rules are those in force then, whatever was adopted since.
    """
    found = conn.execute(select(ledger_month).where(ledger_month.c.month == month)).all()
    if not found:
        return []
    anew = _rows(conn, month, found[0].known_seq)
    return sorted(
        one.mine_code
        for one in found
        if canonical(anew.get(one.mine_code, {}))
        != canonical({name: getattr(one, name) for name in ("rows", "works", "enterprise")})
    )
