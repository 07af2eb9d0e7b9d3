"""Publishing: one short transaction that moves a batch in, and links it to the chain.

The advisory lock is taken before anything is read that grades depend on, and held to COMMIT, so
that two writers can never be blind to each other. The chain has one link per transaction.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Table, insert, select, text

from geo.store.engine import Actor
from geo.store.tables import APPEND_ONLY, batch
from geo.survey.keys import canonical

# Any number, as long as every writer uses it.
_LOCK = 0x4D494E45
GENESIS = "0" * 64
CHAINED = tuple(table for table in APPEND_ONLY if table is not batch)


@dataclass
class Batch:
    """A batch being published: rows are added through it, its link is written last."""

    conn: Connection
    actor: Actor
    kind: str
    on: date
    note: dict[str, Any] = field(default_factory=dict)
    id: UUID = field(default_factory=uuid4)
    # Set where nothing was published after all: no link is written then.
    abandoned: bool = False

    def add(self, table: Table, rows: Iterable[dict[str, Any]]) -> int:
        """Insert rows that belong to this batch; returns how many."""
        listed = [{"batch_id": self.id, **row} for row in rows]
        if listed:
            self.conn.execute(insert(table), listed)
        return len(listed)


def rows_digest(conn: Connection, batch_id: UUID) -> str:
    """Return the digest of every row of a batch: SHA-256 over the sorted digests of the rows."""
    digests: list[str] = []
    for table in CHAINED:
        shapes = [c.name for c in table.c if c.name.startswith("geom")]
        plain = "to_jsonb(t)" + "".join(f" - '{name}'" for name in shapes)
        coded = "".join(f" || encode(ST_AsEWKB(t.{name}), 'hex')" for name in shapes if name)
        coded = coded.replace("|| encode", "|| COALESCE(encode").replace("'hex')", "'hex'), '')")
        digests += conn.scalars(
            text(
                "SELECT encode(sha256(convert_to("  # noqa: S608 -- names are our own tables'
                f"'{table.name}' || ({plain})::text{coded}, 'UTF8')), 'hex') "
                f"FROM {table.schema}.{table.name} t WHERE t.batch_id = :batch"
            ),
            {"batch": batch_id},
        )
    return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()


def link_hash(row: dict[str, Any]) -> str:
    """Return the hash of a chain link from the batch row's own content."""
    content = {
        "seq": row["seq"],
        "id": str(row["id"]),
        "kind": row["kind"],
        "actor_id": row["actor_id"] and str(row["actor_id"]),
        "actor_login": row["actor_login"],
        "note": row["note"],
        "recorded_at": row["recorded_at"].timestamp(),
        "digest": row["digest"],
        "prev_hash": row["prev_hash"],
    }
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def _link(made: Batch) -> None:
    conn = made.conn
    last = conn.execute(
        select(batch.c.seq, batch.c.hash, batch.c.recorded_at).order_by(batch.c.seq.desc()).limit(1)
    ).one_or_none()
    now: datetime = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
    row: dict[str, Any] = {
        "id": made.id,
        "seq": 1 if last is None else last.seq + 1,
        "kind": made.kind,
        "actor_id": made.actor.user_id,
        "actor_login": made.actor.login,
        "note": made.note,
        # Never below its predecessor's, whatever the clock does.
        "recorded_at": now if last is None else max(now, last.recorded_at),
        "digest": rows_digest(conn, made.id),
        "prev_hash": GENESIS if last is None else last.hash,
    }
    conn.execute(insert(batch), {**row, "hash": link_hash(row)})


def lock(conn: Connection) -> None:
    """Take the one publishing lock until the transaction ends."""
    conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


@contextmanager
def publishing(
    conn: Connection, actor: Actor, kind: str, on: date, note: dict[str, Any] | None = None
) -> Iterator[Batch]:
    """Publish a batch within `conn`'s transaction; the link is written when the block ends well.

    Parameters
    ----------
    conn : Connection
        Of the worker role, in a transaction.
    actor : Actor
        Who acts.
    kind : str
        What the batch is: submit, accept, return, revoke, assert, ending, regrade.
    on : date
        Today, as the caller sees it.
    note : dict, optional
        What the chain should tell of it.
    """
    lock(conn)
    made = Batch(conn, actor, kind, on, note or {})
    yield made
    if not made.abandoned:
        _link(made)
