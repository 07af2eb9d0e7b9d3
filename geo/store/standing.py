"""The claims that stand, as known at a batch and as they held on a day."""

from collections.abc import Collection
from datetime import date
from typing import Any

import pandas as pd
from psycopg.types.range import Range
from sqlalchemy import Connection, select

from geo.store.batches import newest_seq
from geo.store.facts import known_at
from geo.store.tables import batch, claim, claim_end, ending, rule_set, survey
from geo.survey.claims import CLAIMS
from geo.survey.world import plain


def _claims(
    conn: Connection, codes: Collection[str] | None, known: int, *conditions: Any
) -> pd.DataFrame:
    wanted = (
        select(claim, survey.c.key.label("survey_key"))
        .outerjoin(survey, survey.c.id == claim.c.survey_id)
        .outerjoin(batch, batch.c.id == claim.c.batch_id)
        .where(known_at(known), *conditions)
        .order_by(claim.c.key, claim.c.id)
    )
    if codes is not None:
        wanted = wanted.where(claim.c.mine_code.in_(codes))
    rows = [
        dict(row) | {"valid_from": row["valid"].lower, "valid_to": _until(row["valid"])}
        for row in conn.execute(wanted).mappings()
    ]
    return plain((*CLAIMS, "id"), rows)


def open_claims(
    conn: Connection, codes: Collection[str] | None, known_seq: int | None = None
) -> pd.DataFrame:
    """Return the claims not ended as known at a batch: columns of ``CLAIMS`` and `id`."""
    known = newest_seq(conn) if known_seq is None else known_seq
    ended = (
        select(claim_end.c.claim_id)
        .outerjoin(batch, batch.c.id == claim_end.c.batch_id)
        .where(known_at(known))
    )
    return _claims(conn, codes, known, claim.c.id.not_in(ended))


def claims_holding(
    conn: Connection, codes: Collection[str] | None, known_seq: int, on: date
) -> pd.DataFrame:
    """Return the claims open as known at a batch, and those that an ending ended only after `on`.

    What was treated, worked out or appraised anew did hold until then, and so did what a rule set
    said until another was adopted; an error, and what a false survey said, never did.
    """
    adopted = (
        select(claim_end.c.claim_id)
        .join(batch, batch.c.id == claim_end.c.batch_id)
        .join(rule_set, rule_set.c.batch_id == claim_end.c.batch_id)
        .where(batch.c.seq <= known_seq, rule_set.c.effective_on > on)
        .where(claim_end.c.kind == "rules_adopted")
    )
    later = (
        select(claim_end.c.claim_id)
        .join(batch, batch.c.id == claim_end.c.batch_id)
        .join(ending, ending.c.batch_id == claim_end.c.batch_id)
        .where(batch.c.seq <= known_seq, ending.c.effective_on > on)
        .where(claim_end.c.kind.in_(("treated", "finished", "superseded")))
    )
    held = _claims(conn, codes, known_seq, claim.c.id.in_(later.union(adopted)))
    now = open_claims(conn, codes, known_seq)
    if held.empty:
        return now
    both = pd.concat([now, held[~held["key"].isin(set(now["key"]))]], ignore_index=True)
    return both.drop_duplicates("key").sort_values("key", ignore_index=True)


def _until(span: Range[date]) -> date | None:
    if span.upper is None:
        return None
    day: date = span.upper
    return day if span.upper_inc else date.fromordinal(day.toordinal() - 1)
