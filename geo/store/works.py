"""Treatment works: what is on record of them, their acceptance, and the papers behind (L3, L19)."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from geo import clock
from geo.problems import Problem
from geo.store import papers
from geo.store.authority import authorise, is_own, mine_row, owner_of
from geo.store.batches import newest_seq
from geo.store.engine import Actor
from geo.store.publish import publishing
from geo.survey.ledger import filled

# The newest works that name what they treat, by the day they began.
_WORKS = text(
    """
    SELECT DISTINCT ON (f.mine_code, f.attrs ->> 'target_code') f.mine_code,
        f.attrs ->> 'target_code' AS target, f.attrs ->> 'accepted_on' AS accepted
    FROM minerisk.feature f
    JOIN minerisk.survey_states(:known) s USING (survey_id)
    WHERE f.layer = 'treatment_works' AND s.state = 'accepted' AND f.attrs ? 'target_code'
      AND f.id NOT IN (SELECT minerisk.replaced(:known))
    ORDER BY f.mine_code, f.attrs ->> 'target_code', f.attrs ->> 'started_on' DESC NULLS LAST,
        f.attrs ->> 'accepted_on' DESC NULLS LAST, f.key DESC
    """
)
_OF_MINE = text(
    """
    SELECT f.attrs FROM minerisk.feature f
    JOIN minerisk.survey_states(:known) s USING (survey_id)
    WHERE f.layer = 'treatment_works' AND f.mine_code = :code AND s.state = 'accepted'
      AND f.id NOT IN (SELECT minerisk.replaced(:known))
    ORDER BY f.attrs ->> 'started_on', f.key
    """
)
# What the page of a mine tells of works; the ledger tells all of it.
TOLD = (
    *("code", "target_code", "works_method", "budget", "started_on", "deadline", "finished_on"),
    *("document", "accepted_on", "accepted_by"),
)
_CALLED = text(
    """
    SELECT DISTINCT f.key, f.mine_code, f.code FROM minerisk.feature f
    JOIN minerisk.survey_states(:known) s USING (survey_id)
    WHERE f.code = ANY (:codes) AND s.state IN ('accepted', 'revoked')
      AND f.layer NOT IN ('treatment_works', 'mine_boundary', 'plan_item', 'survey_extent')
    """
)


def accepted_works(
    conn: Connection, known: int, on: date
) -> tuple[dict[tuple[str, str], date], dict[str, tuple[str, str]]]:
    """Return works accepted by a day, and the factors that bear the codes of what they treat.

    Parameters
    ----------
    conn : Connection
        Of any role: of rows one may not see nothing is told.
    known : int
        Number of the batch up to which things are known.
    on : date

    Returns
    -------
    (dict, dict)
        {(mine code, code of what is treated): day accepted}; {factor key: (mine code, code)}.
    """
    accepted = {
        (row.mine_code, row.target): date.fromisoformat(row.accepted)
        for row in conn.execute(_WORKS, {"known": known})
        if row.accepted and row.accepted <= on.isoformat()
    }
    codes = sorted({target for _, target in accepted})
    found = conn.execute(_CALLED, {"known": known, "codes": codes})
    return accepted, {row.key: (row.mine_code, row.code) for row in found}


def called(attrs: Any) -> str:
    """Return what works are filed under: their own code, else that of what they treat.

    A row sent anew, now with its acceptance, has another key but the same name, so that the papers
    behind the works stay with them. Nothing where they have neither.
    """
    return str(attrs.get("code") or attrs.get("target_code") or "")


def with_papers(
    conn: Connection, rows: Iterable[dict[str, Any]], known: int, code: str | None = None
) -> list[dict[str, Any]]:
    """Return rows of works, each with the ``papers`` that `conn`, the application's, may see."""
    behind = papers.listed(conn, papers.WORKS, known, code)
    return [row | {"papers": behind.get((row["mine_code"], called(row)), [])} for row in rows]


def of_mine(conn: Connection, code: str, known: int) -> list[dict[str, Any]]:
    """Return the accepted treatment works of a mine, by the day they began.

    Parameters
    ----------
    conn : Connection
        Of the worker role, for a reader who sees the mine: its enterprise does not see the survey
        that works came in, if somebody else sent it.
    code : str
        The mine's.
    known : int
        Number of the batch up to which things are known.
    """
    found = conn.scalars(_OF_MINE, {"known": known, "code": code})
    return [
        {"mine_code": code} | {name: attrs.get(name) for name in TOLD}
        for attrs in found
        if filled(attrs) or not attrs.get("target_code")
    ]


def attach(
    conn: Connection,
    actor: Actor,
    mine_code: str,
    works: str,
    sent: papers.Sent,
    *,
    on: date | None = None,
) -> int:
    """Put the papers of treatment works on record: design, contract, acceptance; returns how many.

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    actor : Actor
        The mine's own enterprise, or its regulator.
    works : str
        What they are filed under (:func:`called`).

    Raises
    ------
    Problem
        404 where the mine has no such works, 409 where all these papers are on record.
    """
    row = mine_row(conn, mine_code)
    if not is_own(actor, row):
        authorise(actor, "papers", row)
    note = {"mine": mine_code, "works": works}
    with publishing(conn, actor, "papers", on or clock.today(), note) as made:
        known = {called(one) for one in of_mine(conn, mine_code, newest_seq(conn))} - {""}
        if works not in known:
            raise Problem("papers.no_works", http_status=404, mine=mine_code, works=works or "—")
        if not sent.files:
            raise Problem("papers.wanted")
        kept = sent.keep()
        count = papers.record(
            made, papers.WORKS, mine_code, works, kept, actor.login, owner_of(row)
        )
        if not count:
            raise Problem("papers.known", http_status=409)
    return count
