"""Corrections: a row drawn anew takes the place of one on record, and never changes it.

The old row stays; it counts no more once the survey of the new one is accepted, and counts again
where that survey is revoked. Acceptance itself asks a second person wherever a grade would fall.
"""

from typing import Any
from uuid import UUID, uuid4

import shapely
from geoalchemy2 import functions as gis
from sqlalchemy import Connection, func, select, text

from geo.problems import Problem
from geo.store.batches import newest_seq, states
from geo.store.publish import Batch
from geo.store.tables import correction, feature, survey
from geo.survey.layers import factors

# What may be drawn: what is found in the ground, what is planned, and where one looked.
DRAWABLE = (*factors(), "plan_item", "survey_extent")
_NEAR = text(
    """
    SELECT f.id, f.layer, COALESCE(f.attrs ->> 'code', f.attrs ->> 'name', f.mine_code) AS name,
        s.state = 'accepted' AND f.layer = ANY (:drawable) AS correctable,
        ST_AsGeoJSON(f.geom, 10) AS geometry
    FROM minerisk.features_in(:wanted,
        ST_Transform(ST_MakeEnvelope(:west, :south, :east, :north, 4490), 3857),
        :known, NULL, NULL) s
    JOIN minerisk.feature f USING (id)
    ORDER BY f.layer, name, f.id
    LIMIT :most
    """
)


def near(
    conn: Connection, bounds: tuple[float, float, float, float], most: int
) -> list[dict[str, Any]]:
    """Return the shapes one may see within bounds, to snap to and to correct.

    Each with id, layer, name, whether it may be corrected, and its geometry as GeoJSON text as it
    is stored, not as a tile rounds it.

    Parameters
    ----------
    bounds : tuple
        West, south, east, north in degrees.
    most : int
        No more than so many.
    """
    asked = dict(zip(("west", "south", "east", "north"), bounds, strict=True))
    found = conn.execute(
        _NEAR,
        {
            **asked,
            "wanted": [*DRAWABLE, "mine_boundary"],
            "drawable": list(DRAWABLE),
            "known": newest_seq(conn),
            "most": most,
        },
    )
    return [{**row._mapping, "id": str(row.id)} for row in found]


def standing(conn: Connection, known_seq: int) -> set[UUID]:
    """Return the rows whose place another has taken, as known at a batch."""
    return set(conn.scalars(text("SELECT minerisk.replaced(:known)"), {"known": known_seq}))


def target(conn: Connection, feature_id: UUID) -> Any:
    """Return the row to be corrected: its columns, `filename` of its survey, `wkb`.

    Raises
    ------
    Problem
        404 where there is none that the connection's identity sees; 409 where it is not accepted,
        or another has taken its place already.
    """
    row = conn.execute(
        select(feature, survey.c.filename, gis.ST_AsBinary(feature.c.geom).label("wkb"))
        .join(survey, survey.c.id == feature.c.survey_id)
        .where(feature.c.id == feature_id)
    ).one_or_none()
    if row is None or row.layer not in DRAWABLE:
        raise Problem("store.not_found", http_status=404)
    known = newest_seq(conn)
    state = states(conn, known).get(row.survey_id, "")
    if state != "accepted":
        raise Problem("store.correct_accepted", http_status=409, file=row.filename, state=state)
    if row.id in standing(conn, known):
        raise Problem("store.corrected_already", http_status=409, object=_name(row))
    return row


def _name(row: Any) -> str:
    return str(row.code or row.attrs.get("name") or row.object_id)


def old_of(conn: Connection, feature_id: UUID | None, survey_id: UUID | None) -> Any:
    """Return the row that an upload or a survey corrects, as far as the identity sees it.

    With layer, mine_code, key, attrs, name, filename and geometry; None where it corrects none.

    Parameters
    ----------
    feature_id : UUID, optional
        Of the old row, where only an upload names it yet.
    survey_id : UUID, optional
        The survey that corrects it.
    """
    wanted = select(feature, survey.c.filename, gis.ST_AsBinary(feature.c.geom).label("wkb")).join(
        survey, survey.c.id == feature.c.survey_id
    )
    if feature_id is not None:
        wanted = wanted.where(feature.c.id == feature_id)
    else:
        wanted = wanted.join(correction, correction.c.replaces == feature.c.id).where(
            correction.c.survey_id == survey_id
        )
    row = conn.execute(wanted).one_or_none()
    if row is None:
        return None
    shown = {name: row._mapping[name] for name in ("layer", "mine_code", "key", "attrs")}
    shape = shapely.from_wkb(bytes(row.wkb))
    return {**shown, "name": _name(row), "filename": row.filename, "geometry": shape}


def submitted(conn: Connection, upload: Any, staged: list[Any]) -> Any:
    """Return the row that an upload corrects, None where it corrects none.

    Raises
    ------
    Problem
        Where it is not one row of the same layer, or that row may no longer be corrected.
    """
    wanted = upload.options.get("corrects")
    if wanted is None:
        return None
    row = target(conn, UUID(wanted))
    if len(staged) != 1 or staged[0].layer != row.layer:
        raise Problem("store.correct_one_row", file=upload.filename)
    return row


def record(made: Batch, survey_id: UUID, feature_id: UUID, row: Any, owner: dict[str, Any]) -> None:
    """Put on record which row a new one corrects; the chain's note tells who said so."""
    made.note["corrects"] = row.key
    made.add(
        correction,
        [
            {
                "id": uuid4(),
                "survey_id": survey_id,
                "feature_id": feature_id,
                "replaces": row.id,
                **owner,
            }
        ],
    )


def surveys_of(conn: Connection, survey_id: UUID) -> list[UUID]:
    """Return the surveys whose rows a survey corrects: acceptance and revocation touch them too."""
    wanted = (
        select(feature.c.survey_id)
        .join(correction, correction.c.replaces == feature.c.id)
        .where(correction.c.survey_id == survey_id)
    )
    return list(conn.scalars(wanted))


def free(conn: Connection, survey_id: UUID) -> None:
    """Raise where another survey, accepted meanwhile, corrects the same row."""
    taken = conn.scalar(
        select(func.coalesce(feature.c.code, feature.c.attrs["name"].astext, feature.c.key))
        .join(correction, correction.c.replaces == feature.c.id)
        .where(
            correction.c.survey_id == survey_id,
            feature.c.id.in_(standing(conn, newest_seq(conn))),
        )
    )
    if taken is not None:
        raise Problem("store.corrected_already", http_status=409, object=taken)
