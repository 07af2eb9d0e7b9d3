"""What persons say of a mine's grades: declared, appraised, decided (L2, L3)."""

from datetime import date
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, func, select

from geo import clock
from geo.hazards import Hazard, hazards
from geo.problems import Problem
from geo.store.authority import authorise, is_own, mine_row, need, owner_of
from geo.store.engine import Actor
from geo.store.grading import Changes, regrade
from geo.store.publish import Batch, publishing
from geo.store.tables import assertion
from geo.survey.keys import content_key


def scale_of(row: Row[Any], hazard: str) -> Hazard:
    """Return the scale of a hazard that a mine has.

    Raises
    ------
    Problem
        ``store.no_such_hazard`` where mines of its kind have none such.
    """
    scale = hazards().get(hazard)
    if scale is None or row.kind not in scale.kinds:
        known = ", ".join(h for h, s in hazards().items() if row.kind in s.kinds)
        raise Problem("store.no_such_hazard", hazard=hazard, hazards=known)
    return scale


def check_grade(row: Row[Any], hazard: str, grade: str) -> None:
    """Raise where a mine's hazard has no such grade."""
    scale = scale_of(row, hazard)
    if grade not in scale.grades:
        raise Problem("store.no_such_grade", grade=grade, grades=", ".join(scale.grades))


def assert_claim(
    conn: Connection,
    actor: Actor,
    mine_code: str,
    hazard: str,
    grade: str,
    source: str,
    document: str,
    valid_from: date,
    *,
    seam: str | None = None,
    valid_to: date | None = None,
    on: date | None = None,
) -> Changes:
    """Record what an enterprise declares, an institution appraised, or the regulator decides."""
    row = mine_row(conn, mine_code)
    declares = source == "declared" and is_own(actor, row)
    if not declares:
        authorise(actor, source, row)
    check_grade(row, hazard, grade)
    need(document)
    note = {"mine": mine_code, "hazard": hazard}
    with publishing(conn, actor, source, on or clock.today(), note) as made:
        return assert_in(
            made, row, hazard, grade, source, document, valid_from, seam=seam, valid_to=valid_to
        )


def assert_in(
    made: Batch,
    row: Row[Any],
    hazard: str,
    grade: str,
    source: str,
    document: str,
    valid_from: date,
    *,
    seam: str | None = None,
    valid_to: date | None = None,
) -> Changes:
    """Record a statement within a batch, and grade its mine."""
    content: dict[str, Any] = {
        "mine_code": row.code,
        "hazard": hazard,
        "grade": grade,
        "source": source,
        "seam": seam,
        "document": document,
        "valid_from": valid_from,
        "valid_to": valid_to,
    }
    key = content_key(content)
    if made.conn.scalar(select(func.count()).where(assertion.c.key == key)):
        raise Problem("store.said_before", http_status=409, document=document)
    made.add(assertion, [{"id": uuid4(), "key": key, **content, **owner_of(row)}])
    return regrade(made, [row.code])
