"""Factors that are inferred or unclear where a mine meets them, and the plans to resolve them (L9).

What is inferred must be verified. What is unclear must be resolved at once, by measures with a
responsible person; the order gives no number of days, so the day is the one that was planned.
"""

from datetime import date
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select, text

from geo import clock
from geo.problems import Problem
from geo.store.authority import authorise, is_own, mine_row, owner_of
from geo.store.batches import newest_seq
from geo.store.engine import Actor
from geo.store.publish import publishing
from geo.store.tables import batch, measure_plan

# Each factor once per mine, where a working comes nearest; where none does, as the field meets it.
_DOUBTFUL = text(
    """
    SELECT DISTINCT ON (e.mine_code, e.factor_key) e.mine_code, e.factor_key, e.layer, e.evidence
    FROM minerisk.encounter e
    JOIN minerisk.batch b ON b.id = e.batch_id
    LEFT JOIN minerisk.encounter_end n ON n.encounter_id = e.id
    LEFT JOIN minerisk.batch d ON d.id = n.batch_id
    WHERE b.seq <= :known AND (d.seq IS NULL OR d.seq > :known)
      AND e.status <> 'provisional' AND e.evidence ->> 'verification' = :verification
    ORDER BY e.mine_code, e.factor_key, e.evidence ->> 'item' IS NULL,
        (e.evidence ->> 'distance_m')::float8, e.key
    """
)


def doubtful(conn: Connection, verification: str, known_seq: int) -> list[dict[str, Any]]:
    """Return the factors one may see that are ``inferred`` or ``unclear``, once per mine they meet.

    Each has mine_code, factor_key, kind, object (number or name), seam, item and name of the
    nearest working (None where none comes near), starts, distance_m, unit and, where one was filed,
    its newest measure plan: measures, responsible, by_when. Nearest first.
    """
    plans: dict[tuple[str, str], Any] = {}
    newest = (
        select(measure_plan)
        .join(batch, batch.c.id == measure_plan.c.batch_id)
        .where(batch.c.seq <= known_seq)
        .order_by(batch.c.seq)
    )
    for filed in conn.execute(newest):
        plans[filed.mine_code, filed.factor_key] = filed
    rows = []
    for row in conn.execute(_DOUBTFUL, {"known": known_seq, "verification": verification}):
        said, attrs = row.evidence, row.evidence["attrs"]
        plan = plans.get((row.mine_code, row.factor_key))
        rows.append(
            {
                "mine_code": row.mine_code,
                "factor_key": row.factor_key,
                "kind": row.layer,
                "object": attrs.get("code") or attrs.get("name"),
                "seam": attrs.get("seam"),
                "item": said.get("item"),
                "name": said.get("item_name"),
                "starts": said.get("starts") and date.fromisoformat(said["starts"]),
                "distance_m": said["distance_m"],
                "unit": said.get("survey_unit"),
                "measures": plan and plan.measures,
                "responsible": plan and plan.responsible,
                "by_when": plan and plan.due,
            }
        )
    return sorted(rows, key=lambda r: (r["distance_m"], r["mine_code"], r["factor_key"]))


def plan_measures(
    conn: Connection,
    actor: Actor,
    mine_code: str,
    factor_key: str,
    measures: str,
    responsible: str,
    due: date,
    *,
    on: date | None = None,
) -> None:
    """Put on record who resolves an unclear factor of a mine, how and by when; the newest counts.

    Parameters
    ----------
    actor : Actor
        The regulator, or the mine's own enterprise.
    factor_key : str
        A factor the mine meets that is unclear now.

    Raises
    ------
    Problem
        404 where no such factor is unclear there, 403 where the actor's role may not file.
    """
    row = mine_row(conn, mine_code)
    if not is_own(actor, row):
        authorise(actor, "measure_plan", row)
    if not (measures.strip() and responsible.strip()):
        raise Problem("store.measures_wanted")
    known = newest_seq(conn)
    standing = {(one["mine_code"], one["factor_key"]) for one in doubtful(conn, "unclear", known)}
    if (mine_code, factor_key) not in standing:
        raise Problem("store.not_found", http_status=404)
    note = {"mine": mine_code, "factor": factor_key}
    with publishing(conn, actor, "measure_plan", on or clock.today(), note) as made:
        made.add(
            measure_plan,
            [
                {
                    "id": uuid4(),
                    "mine_code": mine_code,
                    "factor_key": factor_key,
                    "measures": measures.strip(),
                    "responsible": responsible.strip(),
                    "due": due,
                    "actor_login": actor.login,
                    **owner_of(row),
                }
            ],
        )
