"""Rule sets on record: which one is in force, what older ones said, and what waits in the files.

Grades follow the set adopted last, never the files as they happen to be: a changed file changes
nothing until somebody adopts it (:mod:`geo.store.adoption`). The first grading adopts what is
installed.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import uuid4

from pydantic import ValidationError
from sqlalchemy import Connection, select

from geo.problems import Problem
from geo.rules import CatalogueError, Rules, installed_rules
from geo.store.engine import SYSTEM
from geo.store.facts import known_at
from geo.store.publish import Batch
from geo.store.tables import batch, rule_set

_parsed: dict[Any, Rules] = {}


def _adoptions(conn: Connection, known_seq: int | None) -> Sequence[Any]:
    """Return id and version of the sets adopted by a batch, newest first."""
    wanted = (
        select(rule_set.c.id, rule_set.c.version)
        .outerjoin(batch, batch.c.id == rule_set.c.batch_id)
        # The batch being published has no link yet, and is the newest.
        .order_by(batch.c.seq.desc().nulls_first())
    )
    if known_seq is not None:
        wanted = wanted.where(known_at(known_seq))
    return conn.execute(wanted).all()


def _known(conn: Connection, known_seq: int | None) -> Sequence[Any]:
    """Return the sets adopted as known at a batch; before the first one, that one."""
    return _adoptions(conn, known_seq) or _adoptions(conn, None)[-1:]


def _read(conn: Connection, row: Any) -> Rules:
    """Return a set on record; a row never changes, so it is read once by each process."""
    if row.id not in _parsed:
        content = conn.scalar(select(rule_set.c.content).where(rule_set.c.id == row.id))
        try:
            _parsed[row.id] = Rules.model_validate(content)
        except ValidationError as error:
            raise Problem("rules.kept_unreadable", version=row.version[:12]) from error
    return _parsed[row.id]


def in_force(conn: Connection, known_seq: int | None = None) -> Rules:
    """Return the rule set in force, as known at a batch; what is installed where none was adopted.

    Parameters
    ----------
    conn : Connection
        Of any role with an identity.
    known_seq : int, optional
        Number of the batch up to which things are known; the newest where not given. Before the
        first set on record that one is taken: no older one is known.
    """
    found = _known(conn, known_seq)
    return _read(conn, found[0]) if found else installed_rules()


def telling(conn: Connection, known_seq: int | None = None) -> Rules:
    """Return the set in force, and with it each rule that only an older set has.

    A claim of a rule that is gone is told by the newest set that held it. Only for telling: what
    follows from facts is derived with :func:`in_force`.
    """
    found = _known(conn, known_seq)
    if len(found) < 2:
        return _read(conn, found[0]) if found else installed_rules()
    return _joined(tuple(_Kept(row.id, _read(conn, row)) for row in found))


class _Kept:
    """A set on record, told apart by its row: its content is long to compare."""

    def __init__(self, row_id: Any, rules: Rules) -> None:
        self.id, self.rules = row_id, rules

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Kept) and self.id == other.id


@lru_cache(maxsize=8)
def _joined(kept: tuple[_Kept, ...]) -> Rules:
    rules = {rule.id: rule for one in reversed(kept) for rule in one.rules.rules}
    return Rules(rules=tuple(rules[i] for i in sorted(rules)), parameters=kept[0].rules.parameters)


def record(
    made: Batch,
    rules: Rules,
    reason: str,
    document: str,
    proposed_by: str,
    confirmed_by: str | None = None,
) -> None:
    """Put a rule set on record within a batch; it is in force from then on."""
    content = rules.model_dump(mode="json", by_alias=True, exclude_unset=True)
    made.add(
        rule_set,
        [
            {
                "id": uuid4(),
                "version": rules.version,
                "content": content,
                "reason": reason,
                "document": document,
                "proposed_by": proposed_by,
                "confirmed_by": confirmed_by,
                "effective_on": made.on,
            }
        ],
    )


def to_grade_by(made: Batch) -> Rules:
    """Return the set a batch grades by; the first one puts what is installed on record."""
    if not _adoptions(made.conn, None):
        record(made, installed_rules(), "", "", SYSTEM.login)
    return in_force(made.conn)


def kept(conn: Connection) -> list[dict[str, Any]]:
    """Return the sets adopted, newest first: version, who, why, from which day; without content."""
    names = ("version", "reason", "document", "proposed_by", "confirmed_by", "effective_on")
    found = conn.execute(
        select(*(rule_set.c[name] for name in names), batch.c.seq, batch.c.recorded_at)
        .join(batch, batch.c.id == rule_set.c.batch_id)
        .order_by(batch.c.seq.desc())
    )
    return [dict(row) for row in found.mappings()]


def waiting(conn: Connection) -> Rules | None:
    """Return what is installed where it is not what is in force; None where they are one.

    Raises
    ------
    Problem
        ``rules.broken`` where the files do not hold together.
    """
    try:
        found = installed_rules()
    except CatalogueError as error:
        raise Problem("rules.broken", http_status=409, faults=str(error)) from error
    return None if found.version == in_force(conn).version else found
