"""The hash chain: its head, to keep elsewhere, and whether all that was published still stands."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from geo.store.publish import GENESIS, link_hash, rows_digest
from geo.store.tables import batch


@dataclass(frozen=True)
class Verdict:
    """Outcome of a check: how many links hold, and what is wrong with the first that does not."""

    links: int
    head: str
    broken_at: int | None = None
    fault: str | None = None


def head(conn: Connection) -> tuple[int, str]:
    """Return number and hash of the newest link."""
    row = conn.execute(
        select(batch.c.seq, batch.c.hash).order_by(batch.c.seq.desc()).limit(1)
    ).one_or_none()
    return (0, GENESIS) if row is None else (row.seq, row.hash)


def verify(conn: Connection) -> Verdict:
    """Compute every link anew from the rows it speaks of.

    Returns
    -------
    Verdict
        ``fault`` is ``gap`` (a number is missing), ``order`` (a link names another predecessor),
        ``rows`` (a row was changed, added or removed) or ``link`` (the link itself was).
    """
    before, seq = GENESIS, 0
    for row in conn.execute(select(batch).order_by(batch.c.seq)).mappings().all():
        fault = None
        if row["seq"] != seq + 1:
            fault = "gap"
        elif row["prev_hash"] != before:
            fault = "order"
        elif rows_digest(conn, row["id"]) != row["digest"]:
            fault = "rows"
        elif link_hash(dict(row)) != row["hash"]:
            fault = "link"
        if fault is not None:
            return Verdict(seq, before, row["seq"], fault)
        before, seq = row["hash"], row["seq"]
    return Verdict(seq, before)
