"""Two exports: the state, which order and replay must match to the byte, and the whole log."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Connection, select, text

from geo.store.mine_queries import mines
from geo.store.publish import CHAINED
from geo.store.rule_sets import in_force
from geo.store.standing import open_claims
from geo.store.tables import batch, encounter, encounter_end
from geo.survey.keys import canonical


def _encounters(conn: Connection) -> Iterator[dict[str, Any]]:
    gone = select(encounter_end.c.encounter_id)
    found = conn.execute(
        select(
            encounter.c.key,
            encounter.c.mine_code,
            encounter.c.layer,
            encounter.c.status,
            encounter.c.evidence,
        ).where(encounter.c.id.not_in(gone))
    )
    for row in found.mappings():
        yield {"type": "encounter", **row}


def _claims(conn: Connection) -> Iterator[dict[str, Any]]:
    names = (
        "key",
        "mine_code",
        "hazard",
        "outcome",
        "grade",
        "source",
        "status",
        "seam",
        "rule_id",
        "document",
        "encounter_key",
        "valid_from",
        "valid_to",
        "evidence",
    )
    for row in open_claims(conn, None).itertuples():
        yield {"type": "claim", **{name: getattr(row, name) for name in names}}


def _grades(conn: Connection, on: date) -> Iterator[dict[str, Any]]:
    for row in mines(conn, on):
        yield {
            "type": "mine",
            "code": row["code"],
            "kind": row["kind"],
            "colour": row["colour"],
            "unclear": row["unclear"],
            "lines": row["lines"],
        }


def export_state(conn: Connection, on: date) -> Iterator[str]:
    """Yield the state as lines of JSON: current grades, claims and encounters, keyed by content.

    No serials, no recorded times; sorted by code point. The same facts in any order, split over any
    number of workers, give the same bytes (for one set of libraries on one CPU architecture).

    Parameters
    ----------
    conn : Connection
        Of a role that sees all.
    on : date
        The day the grades are for.
    """
    yield canonical({"type": "state", "on": on, "rules": in_force(conn).version})
    rows = (*_grades(conn, on), *_claims(conn), *_encounters(conn))
    # Python sorts strings by code point, as COLLATE "C" does.
    yield from sorted(canonical(row) for row in rows)


def export_log(conn: Connection) -> Iterator[str]:
    """Yield every published row and link in recorded order, as lines of JSON."""
    for link in conn.execute(select(batch).order_by(batch.c.seq)).mappings().all():
        yield json.dumps(
            {"table": "batch", **link}, default=str, ensure_ascii=False, sort_keys=True
        )
        for table in CHAINED:
            name = f"{table.schema}.{table.name}"
            flat = "".join(f" - '{c.name}'" for c in table.c if c.name == "geom_3857")
            found = conn.scalars(
                text(
                    f"SELECT (to_jsonb(t){flat})::text AS row FROM {name} t "  # noqa: S608
                    "WHERE t.batch_id = :batch ORDER BY 1"
                ),
                {"batch": link["id"]},
            )
            for row in found:
                yield json.dumps(
                    {"table": table.name, **json.loads(row)}, ensure_ascii=False, sort_keys=True
                )
