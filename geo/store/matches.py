"""Is this row an object that is known already? Asked of a person; nothing merges by itself.

A row with an official code on record is a new version of that object. Any other that looks like one
(`geo.survey.matching`) makes a question, which whoever sent the upload, or a regulator, answers
before it is submitted. Unanswered, the row is a new object.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import shapely
from geoalchemy2 import functions as gis
from sqlalchemy import Connection, func, insert, select, tuple_, update

from geo.problems import Problem
from geo.store.batches import newest_seq, states
from geo.store.engine import Actor
from geo.store.tables import batch, feature, staged_match, survey, upload
from geo.survey.matching import propose
from geo.survey.world import spatial

# A mine is its code; an extent is where one survey looked, not a thing in the ground.
_NO_OBJECT = ("mine_boundary", "survey_extent")
_STANDING = ("accepted", "superseded")
_CHUNK = 1000
_FRAME = ("layer", "seam", "error_m")
_TOLD = (
    *("id", "layer", "row_no", "object_id", "measure", "value", "bound", "same_seam"),
    *("state", "settled_by"),
)

Slot = tuple[str, str | None, str]


def by_code(conn: Connection, rows: list[Any]) -> dict[Slot, UUID]:
    """Return the objects that rows are new versions of: same layer, mine and official code.

    Parameters
    ----------
    rows : list
        With layer, mine_code and code.
    """
    codes = {row.code for row in rows if row.code}
    found = conn.execute(
        select(feature.c.layer, feature.c.mine_code, feature.c.code, feature.c.object_id).where(
            feature.c.code.in_(codes)
        )
    )
    return {(r.layer, r.mine_code, r.code): r.object_id for r in found}


def _accuracy(attrs: list[dict[str, Any]]) -> float:
    """Return the stated accuracy of a survey, by its own extents; 0 where it states none."""
    given = [one.get("accuracy_m") for one in attrs]
    return max((float(one) for one in given if isinstance(one, int | float)), default=0.0)


def _newest(conn: Connection, layers: set[str], box: Any) -> list[dict[str, Any]]:
    """Return the newest accepted version of each object of some layers that touches a box."""
    by_state = states(conn, newest_seq(conn))
    found = conn.execute(
        select(
            feature.c.id,
            feature.c.object_id,
            feature.c.survey_id,
            feature.c.key,
            feature.c.layer,
            feature.c.attrs,
            feature.c.error_m,
            gis.ST_AsBinary(feature.c.geom).label("wkb"),
        )
        .join(batch, batch.c.id == feature.c.batch_id)
        .where(feature.c.layer.in_(layers), feature.c.geom.op("&&")(box))
        .order_by(feature.c.object_id, batch.c.seq.desc(), feature.c.key)
    )
    newest: dict[UUID, dict[str, Any]] = {}
    for row in found:
        if by_state.get(row.survey_id) in _STANDING:
            newest.setdefault(row.object_id, dict(row._mapping))
    surveys = {one["survey_id"] for one in newest.values()}
    extents = conn.execute(
        select(feature.c.survey_id, feature.c.attrs).where(
            feature.c.survey_id.in_(surveys), feature.c.layer == "survey_extent"
        )
    )
    stated: dict[UUID, list[dict[str, Any]]] = {}
    for extent in extents:
        stated.setdefault(extent.survey_id, []).append(extent.attrs)
    return [
        one
        | {
            "seam": one["attrs"].get("seam"),
            "error_m": one["error_m"] + _accuracy(stated.get(one["survey_id"], [])),
            "geometry": shapely.from_wkb(bytes(one["wkb"])),
        }
        for one in sorted(newest.values(), key=lambda one: (one["key"], str(one["object_id"])))
    ]


def ask(conn: Connection, upload_id: UUID, rows: list[dict[str, Any]], owner: Any) -> int:
    """Keep a question for each row that looks like a known object; returns how many.

    Parameters
    ----------
    rows : list of dict
        As staged: layer, row_no, mine_code, code, attrs, error_m, shape.
    owner : dict
        To whom the upload belongs.
    """
    own = _accuracy([row["attrs"] for row in rows if row["layer"] == "survey_extent"])
    coded = _coded(conn, rows)
    open_ = [
        row
        for row in rows
        if row["layer"] not in _NO_OBJECT
        and (row["layer"], row["mine_code"], row["code"]) not in coded
    ]
    if not open_:
        return 0
    box = shapely.box(*shapely.total_bounds([row["shape"] for row in open_]))
    near = gis.ST_Expand(gis.ST_GeomFromText(box.wkt, 4490), 0.01)
    known = _newest(conn, {row["layer"] for row in open_}, near)
    fresh = [
        {
            "layer": row["layer"],
            "seam": row["attrs"].get("seam"),
            "error_m": row["error_m"] + own,
            "geometry": row["shape"],
        }
        for row in open_
    ]
    found = propose(spatial(_FRAME, fresh), spatial(_FRAME, known))
    made = [
        {
            "id": uuid4(),
            "upload_id": upload_id,
            **{name: open_[pair.new][name] for name in ("layer", "row_no")},
            "object_id": known[pair.old]["object_id"],
            "feature_id": known[pair.old]["id"],
            "measure": pair.measure,
            "value": float(pair.value),
            "bound": float(pair.bound),
            "same_seam": bool(pair.same_seam),
            **owner,
        }
        for pair in found.itertuples()
    ]
    for start in range(0, len(made), _CHUNK):
        conn.execute(insert(staged_match), made[start : start + _CHUNK])
    return len(made)


def _coded(conn: Connection, rows: list[dict[str, Any]]) -> set[Slot]:
    codes = {row["code"] for row in rows if row["code"]}
    found = conn.execute(
        select(feature.c.layer, feature.c.mine_code, feature.c.code)
        .where(feature.c.code.in_(codes))
        .distinct()
    )
    return {(r.layer, r.mine_code, r.code) for r in found}


def listed(
    conn: Connection, upload_id: UUID, offset: int = 0, limit: int = 1000
) -> list[dict[str, Any]]:
    """Return an upload's questions as the connection's identity may see them, open ones first.

    Each with the name of the object, and the survey that holds its newest version.
    """
    wanted = (
        select(
            *(staged_match.c[name] for name in _TOLD),
            feature.c.code,
            feature.c.attrs,
            feature.c.survey_id,
            survey.c.filename,
        )
        .join(feature, feature.c.id == staged_match.c.feature_id)
        .join(survey, survey.c.id == feature.c.survey_id)
        .where(staged_match.c.upload_id == upload_id)
        .order_by(
            func.array_position(["open", "same", "other"], staged_match.c.state),
            staged_match.c.layer,
            staged_match.c.row_no,
            staged_match.c.value.desc(),
            staged_match.c.id,
        )
        .offset(offset)
        .limit(limit)
    )
    return [
        {
            **{name: row[name] for name in _TOLD},
            "object": row["code"] or row["attrs"].get("name") or str(row["object_id"])[:8],
            "survey_id": row["survey_id"],
            "survey": row["filename"],
        }
        for row in conn.execute(wanted).mappings()
    ]


def seen(conn: Connection, upload_id: UUID, match_id: UUID) -> bool:
    """Tell whether the connection's identity may see a question."""
    found = select(staged_match.c.id).where(
        staged_match.c.id == match_id, staged_match.c.upload_id == upload_id
    )
    return conn.scalar(found) is not None


def words(match: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the message code and values of a question; the layer's name is the reader's to say."""
    params = {
        "row": match["row_no"],
        "object": match["object"],
        "survey": match["survey"],
        "value": round(match["value"], 2 if match["measure"] == "iou" else 1),
        "bound": match["bound"],
    }
    seam = "" if match["same_seam"] else "_no_seam"
    return f"store.match.{match['measure']}{seam}", params


def settle(conn: Connection, actor: Actor, upload_id: UUID, match_id: UUID, same: bool) -> None:
    """Put on record whether a row is the object it looks like; the answer may still be changed.

    Parameters
    ----------
    conn : Connection
        Of the worker role. That the actor may see the question is for the caller to ask.
    actor : Actor
        Whoever sent the upload, or a regulator.

    Raises
    ------
    Problem
        404, 403; 409 where the upload is submitted, or another row or object was taken already.
    """
    held = conn.execute(select(upload).where(upload.c.id == upload_id).with_for_update()).first()
    row = conn.execute(
        select(staged_match).where(
            staged_match.c.id == match_id, staged_match.c.upload_id == upload_id
        )
    ).first()
    if held is None or row is None:
        raise Problem("store.not_found", http_status=404)
    if actor.role != "regulator" and actor.user_id != held.created_by:
        raise Problem("store.not_allowed", http_status=403, action="match")
    if held.state != "staged":
        raise Problem("store.not_staged", http_status=409, file=held.filename, state=held.state)
    if same:
        taken = conn.execute(
            select(staged_match.c.layer, staged_match.c.row_no).where(
                staged_match.c.upload_id == upload_id,
                staged_match.c.state == "same",
                staged_match.c.id != match_id,
                (staged_match.c.object_id == row.object_id)
                | (
                    tuple_(staged_match.c.layer, staged_match.c.row_no)
                    == tuple_(row.layer, row.row_no)
                ),
            )
        ).first()
        if taken is not None:
            raise Problem("store.match.taken", http_status=409, row=row.row_no, other=taken.row_no)
    conn.execute(
        update(staged_match)
        .where(staged_match.c.id == match_id)
        .values(
            state="same" if same else "other",
            settled_by=actor.login,
            settled_at=datetime.now(UTC),
        )
    )


def confirmed(conn: Connection, upload_id: UUID) -> dict[tuple[str, int], Any]:
    """Return the questions answered yes, by layer and row."""
    found = conn.execute(
        select(staged_match, feature.c.key.label("object_key"))
        .join(feature, feature.c.id == staged_match.c.feature_id)
        .where(staged_match.c.upload_id == upload_id, staged_match.c.state == "same")
    )
    return {(row.layer, row.row_no): row for row in found}
