"""What surveys filed word for word or shape for shape the same, whatever became of them (L18)."""

from collections.abc import Collection
from typing import Any

import shapely
from sqlalchemy import Connection, select, text

from geo.store.batches import states
from geo.store.facts import STATUS, as_day, known_at
from geo.store.tables import batch, feature, survey
from geo.survey.copies import Fieldwork, Filed
from geo.survey.layers import NOT_FACTORS, pond_layers
from geo.survey.world import FACTORS, spatial

# A returned survey was never given out as done; a staged one not yet.
_GIVEN_OUT = (*STATUS, "superseded")
# Boxes first, by the index; whether the shapes agree is for the pure core to say.
_TWINS = text(
    """
    SELECT DISTINCT unnest(ARRAY[f.id, o.id]) FROM minerisk.feature f
    JOIN minerisk.feature o ON o.geom ~= f.geom AND o.layer = f.layer AND o.survey_id <> f.survey_id
    WHERE f.mine_code = ANY (:codes) AND f.layer <> ALL (:left_out)
    """
)


def filed(conn: Connection, codes: Collection[str], known: int) -> Filed:
    """Return the rows of some mines that have a twin in another survey, with their surveys.

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    codes : collection of str
        The mines.
    known : int
        Number of the batch up to which things are known.
    """
    by_survey = states(conn, known)
    left_out = [*NOT_FACTORS, *pond_layers()]
    twins = set(conn.scalars(_TWINS, {"codes": list(codes), "left_out": left_out}))
    # A row drawn anew stands in place of the old one by intent.
    twins -= set(conn.scalars(text("SELECT minerisk.replaced(:known)"), {"known": known}))
    rows: list[dict[str, Any]] = []
    for found in conn.execute(
        select(feature, feature.c.geom.ST_AsBinary().label("wkb"), survey.c.key.label("survey_key"))
        .join(survey, survey.c.id == feature.c.survey_id)
        .outerjoin(batch, batch.c.id == feature.c.batch_id)
        .where(feature.c.id.in_(twins), known_at(known))
        .order_by(feature.c.key, survey.c.key)
    ):
        state = by_survey.get(found.survey_id, "")
        if state in _GIVEN_OUT:
            rows.append(
                {
                    **{name: getattr(found, name, None) for name in FACTORS},
                    "status": STATUS.get(state, state),
                    "observed_on": as_day(found.attrs.get("observed_on")),
                    "geometry": shapely.from_wkb(bytes(found.wkb)),
                    "survey_id": found.survey_id,
                }
            )
    surveys = {row["survey_id"] for row in rows}
    return Filed(
        rows=spatial(FACTORS, rows),
        fieldwork=_fieldwork(conn, surveys),
        received=_received(conn, surveys),
        replaces=_replaces(conn),
    )


def _fieldwork(conn: Connection, surveys: Collection[Any]) -> dict[str, Fieldwork]:
    spans: dict[str, Fieldwork] = {}
    for row in conn.execute(
        select(survey.c.key, feature.c.attrs)
        .join(survey, survey.c.id == feature.c.survey_id)
        .where(feature.c.survey_id.in_(surveys), feature.c.layer == "survey_extent")
    ):
        start, end = (as_day(row.attrs.get(f"fieldwork_{side}")) for side in ("start", "end"))
        if start or end:
            spans[row.key] = spans.get(row.key, frozenset()) | {(start, end)}
    return spans


def _received(conn: Connection, surveys: Collection[Any]) -> dict[str, int]:
    found = conn.execute(
        select(survey.c.key, batch.c.seq)
        .join(batch, batch.c.id == survey.c.batch_id)
        .where(survey.c.id.in_(surveys))
    )
    return {row.key: row.seq for row in found}


def _replaces(conn: Connection) -> dict[str, str]:
    older = survey.alias()
    found = conn.execute(
        select(survey.c.key, older.c.key.label("older")).join(
            older, older.c.id == survey.c.supersedes
        )
    )
    return {row.key: row.older for row in found}
