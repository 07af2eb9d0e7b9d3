"""Submission: a staged upload becomes a survey."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import shapely
from geoalchemy2 import WKBElement
from sqlalchemy import Connection, delete, func, select, text, update

from geo import clock
from geo.problems import Problem
from geo.store import corrections, matches, memory
from geo.store.engine import Actor
from geo.store.facts import touched
from geo.store.grading import regrade
from geo.store.licences import owners
from geo.store.mine_states import drawn
from geo.store.pond_objects import pond_of, pond_owners
from geo.store.publish import Batch, publishing
from geo.store.rule_sets import in_force
from geo.store.tables import (
    feature,
    organisation,
    staged_feature,
    survey,
    survey_event,
    upload,
)
from geo.survey.keys import content_key


def upload_row(conn: Connection, upload_id: UUID) -> Any:
    """Return an upload's own row.

    Raises
    ------
    Problem
        404 where there is none.
    """
    row = conn.execute(select(upload).where(upload.c.id == upload_id)).one_or_none()
    if row is None:
        raise Problem("store.not_found", http_status=404)
    return row


def _may_replace(conn: Connection, actor: Actor, survey_id: UUID) -> None:
    """Raise unless the survey to be replaced is one the actor may see."""
    seen = conn.scalar(
        text(
            "SELECT minerisk.visible(district, owner_org, survey_org) "
            "FROM minerisk.survey WHERE id = :survey"
        ),
        {"survey": survey_id},
    )
    if seen is None or (actor.user_id is not None and not seen):
        raise Problem("store.supersedes_unknown", http_status=404)


def _staged(conn: Connection, row: Any, *wanted: Any) -> list[Any]:
    """Return what is wanted of the rows of an upload that would be published, in order.

    Raises
    ------
    Problem
        409 where it is not staged; 400 where no row was stored.
    """
    if row.state != "staged":
        raise Problem("store.not_staged", http_status=409, file=row.filename, state=row.state)
    staged = list(
        conn.execute(
            select(*wanted)
            .where(staged_feature.c.upload_id == row.id)
            .order_by(staged_feature.c.layer, staged_feature.c.row_no)
        )
    )
    if not staged:
        raise Problem("store.nothing_to_submit", file=row.filename)
    return staged


def staged_rows(conn: Connection, row: Any) -> list[Any]:
    """Return the rows of an upload that would be published, in order, with their shapes."""
    return _staged(conn, row, staged_feature, func.ST_AsBinary(staged_feature.c.geom).label("wkb"))


def staged_keys(conn: Connection, row: Any) -> list[str]:
    """Return the keys of those rows alone: a large upload is not read whole to know it again."""
    return [one.key for one in _staged(conn, row, staged_feature.c.key)]


def identity(row: Any, row_keys: Iterable[str]) -> str:
    """Return a survey's identity: the bytes, the way they were read, the mine."""
    keys = sorted(row_keys)
    read = [
        {k: one[k] for k in ("layer", "source_name", "encoding", "mapping")}
        | {"crs": (one["crs"] or {}).get("epsg")}
        for one in row.result["layers"]
    ]
    said = {"sha256": row.sha256, "read": read, "mine": row.options.get("mine_code"), "rows": keys}
    if row.options.get("corrects"):
        said["corrects"] = row.options["corrects"]
    return content_key(said)


def submit(
    conn: Connection,
    actor: Actor,
    upload_id: UUID,
    *,
    supersedes: UUID | None = None,
    on: date | None = None,
) -> UUID:
    """Submit a staged upload: one publishing transaction moves it in.

    Returns the survey's id; the same file read the same way answers with the survey there is.
    Claims are provisional, and nothing is covered, until it is accepted (L16).

    Parameters
    ----------
    supersedes : UUID, optional
        The survey this one replaces once both are accepted; one the actor may see.
    """
    row = upload_row(conn, upload_id)
    if actor.user_id is not None and row.created_by != actor.user_id:
        raise Problem("store.not_found", http_status=404)
    if row.options.get("terrain"):
        raise Problem("store.is_model", http_status=409, file=row.filename)
    if row.state == "submitted":
        found: UUID = row.survey_id
        return found
    staged = staged_rows(conn, row)
    if supersedes is not None:
        _may_replace(conn, actor, supersedes)
    key = identity(row, [one.key for one in staged])
    known = conn.scalar(select(survey.c.id).where(survey.c.key == key))
    if known is None:
        with publishing(conn, actor, "submit", on or clock.today(), {"survey": key}) as made:
            known = conn.scalar(select(survey.c.id).where(survey.c.key == key))
            if known is None:
                known = publish(made, row, staged, key, supersedes)
                regrade(made, touched(conn, in_force(conn), [known]))
            else:
                made.abandoned = True
    conn.execute(
        update(upload).where(upload.c.id == upload_id).values(state="submitted", survey_id=known)
    )
    memory.remember(conn, memory.organisation_of(conn, row.created_by), actor.login, row)
    # What was staged now stands published; the row report stays with the upload.
    conn.execute(delete(staged_feature).where(staged_feature.c.upload_id == upload_id))
    return known


def publish(made: Batch, row: Any, staged: list[Any], key: str, supersedes: UUID | None) -> UUID:
    """Put a survey and its rows on record within a batch, grades apart; returns its id."""
    conn = made.conn
    survey_id = uuid4()
    old = corrections.submitted(conn, row, staged)
    same = matches.confirmed(conn, row.id)
    if same:
        # The chain tells who said that which row is which object.
        made.note["same"] = [
            {"row": r.key, "object": said.object_key, "by": said.settled_by}
            for r in staged
            if (said := same.get((r.layer, r.row_no))) is not None
        ]
    whose = owners(conn, staged, row)
    of_pond = pond_owners(conn, staged, row)
    units = sorted({u for r in staged if (u := r.attrs.get("survey_unit"))})
    unit = units[0] if units else _unit_name(conn, row.survey_org)
    first = next((whose[r.mine_code] for r in staged if r.mine_code in whose), None)
    first = first or next(iter(of_pond.values()), None)
    owner = {
        "district": first["district"] if first else row.district,
        "owner_org": row.owner_org,
        "survey_org": row.survey_org,
    }
    made.add(
        survey,
        [
            {
                "id": survey_id,
                "key": key,
                "filename": row.filename,
                "sha256": row.sha256,
                "layers": sorted({r.layer for r in staged}),
                "report": row.result,
                "mine_code": row.options.get("mine_code"),
                "survey_unit": unit,
                "supersedes": supersedes,
                "submitted_by": made.actor.user_id,
                **owner,
            }
        ],
    )
    shapes = [shapely.from_wkb(bytes(r.wkb)) for r in staged]
    coded = matches.by_code(conn, staged)
    nobody = {"district": owner["district"], "owner_org": None}
    ids = [uuid4() for _ in staged]
    made.add(
        feature,
        (
            {
                "id": feature_id,
                "object_id": (old.object_id if old else None)
                or coded.get((r.layer, r.mine_code, r.code))
                or (same[r.layer, r.row_no].object_id if (r.layer, r.row_no) in same else uuid4()),
                "survey_id": survey_id,
                "key": r.key,
                "layer": r.layer,
                "mine_code": r.mine_code,
                "row_no": r.row_no,
                "code": r.code,
                "attrs": r.attrs,
                "raw": r.raw,
                "error_m": r.error_m,
                "valid": r.valid,
                "geom": WKBElement(bytes(r.wkb), srid=4490),
                "geom_3857": WKBElement(shapely.to_wkb(flat), srid=3857),
                **(of_pond.get(pond_of(r) or "") or whose.get(r.mine_code, nobody)),
                "survey_org": row.survey_org,
            }
            for feature_id, r, flat in zip(ids, staged, drawn(shapes), strict=True)
        ),
    )
    if old is not None:
        corrections.record(made, survey_id, ids[0], old, owner)
    made.add(
        survey_event,
        [{"survey_id": survey_id, "state": "submitted", "actor_login": made.actor.login, **owner}],
    )
    return survey_id


def _unit_name(conn: Connection, org_id: UUID | None) -> str:
    name = conn.scalar(select(organisation.c.name).where(organisation.c.id == org_id))
    return name or ""
