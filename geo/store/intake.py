"""A file becomes an upload, an upload is staged, and a staged upload is submitted as a survey.

Reading, checking and mending take no lock. What is staged can be thrown away; a submission moves
it in with one short publishing transaction, or not at all.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from geoalchemy2 import WKBElement
from psycopg.types.range import Range
from sqlalchemy import Connection, delete, func, insert, select, text, update

from geo.crs import local_zone
from geo.problems import Problem
from geo.rules import national_rules
from geo.settings import Settings
from geo.store import rawfiles
from geo.store.accounts import ensure_organisation
from geo.store.decisions import accept_in
from geo.store.engine import SYSTEM, Actor, connect
from geo.store.facts import newest_seq, states, touched
from geo.store.grading import drawn, open_claims, regrade
from geo.store.publish import Batch, publishing
from geo.store.tables import (
    feature,
    mine,
    organisation,
    staged_feature,
    staged_note,
    survey,
    survey_event,
    upload,
)
from geo.survey.counties import county_box
from geo.survey.keys import content_key
from geo.survey.reading import ReadOptions, ReadResult, read_file
from geo.survey.reading.result import NOTE_COLUMNS
from geo.survey.why import sentence
from geo.survey.world import spatial

_CHUNK = 1000
_ABANDONED = timedelta(days=7)
_STALLED = timedelta(minutes=2)
_EXTRA = ("row_no", "raw", "error_m", "geometry")
# Which attribute says since when a row holds.
_SINCE = ("observed_on", "fieldwork_end", "licence_from", "start", "formed_on")


def register_upload(
    conn: Connection,
    actor: Actor,
    filename: str,
    source: Path,
    options: ReadOptions,
    *,
    settings: Settings,
    enqueue: bool = True,
) -> UUID:
    """Keep a file's bytes and queue it for reading, in one transaction.

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    actor : Actor
        Who sends it; the administrator sends nothing.
    filename : str
        The name it came with; shown, never used as a path.
    source : Path
        Where the bytes are now.
    options : ReadOptions
        How it is to be read, where the sender knows better than the file.
    settings : Settings
        Where bytes rest.
    enqueue : bool
        False where the caller reads it at once itself.
    """
    if actor.role == "administrator":
        raise Problem("store.not_allowed", http_status=403, action="upload")
    digest, size = rawfiles.keep(settings, source)
    shown = "".join(ch for ch in Path(filename).name if ch.isprintable())[:200] or "upload"
    upload_id = uuid4()
    conn.execute(
        insert(upload).values(
            id=upload_id,
            filename=shown,
            sha256=digest,
            size=size,
            options=options.model_dump(mode="json"),
            state="queued",
            created_by=actor.user_id,
            **_owner(conn, actor, options.mine_code, settings),
        )
    )
    if enqueue:
        _enqueue(conn, upload_id)
    return upload_id


def _enqueue(conn: Connection, upload_id: UUID) -> None:
    """Queue the reading on the same connection, so that upload and job appear together."""
    conn.execute(text("SET LOCAL search_path = jobs, public"))
    conn.execute(
        text(
            "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('uploads', 'read_upload', 0, NULL, "
            ":lock, CAST(:args AS jsonb), NULL)::procrastinate_job_to_defer_v1])"
        ),
        {"lock": f"read {upload_id}", "args": json.dumps({"upload_id": str(upload_id)})},
    )
    conn.execute(text("SET LOCAL search_path = public"))


def _owner(conn: Connection, actor: Actor, code: str | None, settings: Settings) -> dict[str, Any]:
    known = None
    if code is not None:
        known = conn.execute(
            select(mine.c.district, mine.c.owner_org).where(mine.c.code == code)
        ).one_or_none()
    owner = actor.org_id if actor.role == "enterprise" else None
    return {
        "district": known.district if known else actor.district or settings.district,
        "owner_org": owner,
        "survey_org": actor.org_id if actor.role == "geologist" else None,
    }


def process_upload(settings: Settings, upload_id: UUID) -> None:
    """Read, check and mend an upload, and stage its rows; safe to run again at any point.

    A file that cannot be taken leaves the upload ``failed`` with the sentence that says why.
    """
    with connect(settings, "worker", SYSTEM) as conn:
        row = conn.execute(
            select(upload).where(upload.c.id == upload_id).with_for_update()
        ).one_or_none()
        if row is None or row.state in ("staged", "submitted", "failed"):
            return
        hint = _hint(conn, row.options.get("mine_code"))
    _progress(settings, upload_id, "reading", 0, 0, state="reading")
    options = ReadOptions.model_validate(row.options)
    if options.county_bbox is None:
        options = options.model_copy(update={"county_bbox": county_box(settings.district)})
    if options.hint_lonlat is None and hint is not None:
        options = options.model_copy(update={"hint_lonlat": hint})

    def told(stage: str, done: int, total: int) -> None:
        _progress(settings, upload_id, stage, done, total)

    try:
        with TemporaryDirectory(prefix="minerisk-") as folder:
            found = read_file(
                rawfiles.path_of(settings, row.sha256),
                options,
                workdir=Path(folder),
                progress=told,
                filename=row.filename,
            )
        with connect(settings, "worker", SYSTEM) as conn:
            _stage(conn, row, found, options)
    except Problem as problem:
        _fail(settings, upload_id, problem.code, problem.params)
    except Exception:
        # A fault of ours: said so, and not tried for ever.
        _fail(settings, upload_id, "store.fault", {"file": row.filename})
        raise


def _fail(settings: Settings, upload_id: UUID, code: str, params: dict[str, Any]) -> None:
    with connect(settings, "worker", SYSTEM) as conn:
        _clear(conn, upload_id)
        conn.execute(
            update(upload)
            .where(upload.c.id == upload_id)
            .values(state="failed", problem={"code": code, "params": jsonable(params)})
        )


def _progress(
    settings: Settings, upload_id: UUID, stage: str, done: int, total: int, state: str | None = None
) -> None:
    said: dict[str, Any] = {
        "progress": {"stage": stage, "done": done, "total": total},
        "heartbeat_at": datetime.now(UTC),
    }
    if state is not None:
        said["state"] = state
    with connect(settings, "worker", SYSTEM) as conn:
        conn.execute(update(upload).where(upload.c.id == upload_id).values(**said))


def _hint(conn: Connection, code: str | None) -> tuple[float, float] | None:
    if code is None:
        return None
    place = conn.execute(
        text(
            "SELECT ST_X(ST_PointOnSurface(geom)) AS x, ST_Y(ST_PointOnSurface(geom)) AS y "
            "FROM minerisk.feature WHERE layer = 'mine_boundary' AND mine_code = :code LIMIT 1"
        ),
        {"code": code},
    ).one_or_none()
    return None if place is None else (place.x, place.y)


def _clear(conn: Connection, upload_id: UUID) -> None:
    conn.execute(delete(staged_feature).where(staged_feature.c.upload_id == upload_id))
    conn.execute(delete(staged_note).where(staged_note.c.upload_id == upload_id))


def jsonable(value: Any) -> Any:
    """Return a value as JSON can hold it: dates in ISO form, NaN and NaT as nothing."""
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | np.ndarray):
        return [jsonable(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NaT or (isinstance(value, float) and not np.isfinite(value)):
        return None
    if isinstance(value, datetime):
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _since(attrs: dict[str, Any]) -> date | None:
    for name in _SINCE:
        value = attrs.get(name)
        if isinstance(value, str) and value:
            return date.fromisoformat(value)
    return None


def _rows(found: ReadResult) -> Iterator[dict[str, Any]]:
    for read in found.layers:
        fields = [name for name in read.frame.columns if name not in _EXTRA]
        for record, shape in zip(
            read.frame.drop(columns="geometry").to_dict("records"), read.frame.geometry, strict=True
        ):
            attrs = {name: jsonable(record[name]) for name in fields}
            attrs = {name: value for name, value in attrs.items() if value is not None}
            error = float(record["error_m"])
            content = {"layer": read.layer, "attrs": attrs, "error_m": error}
            wkb = shapely.to_wkb(shapely.normalize(shape), hex=True)
            yield {
                "layer": read.layer,
                "row_no": int(record["row_no"]),
                "source_name": read.source_name,
                "key": content_key(content | {"wkb": wkb}),
                "code": attrs.get("code") or attrs.get("mine_code"),
                "attrs": attrs,
                "raw": jsonable(record["raw"]),
                "error_m": error,
                "shape": shape,
            }


def _licences(conn: Connection) -> tuple[list[str], list[Any]]:
    by_state = states(conn, newest_seq(conn))
    found = conn.execute(
        text(
            "SELECT mine_code, survey_id, ST_AsBinary(geom) AS wkb FROM minerisk.feature "
            "WHERE layer = 'mine_boundary' ORDER BY mine_code"
        )
    )
    rows = [r for r in found if by_state.get(r.survey_id) == "accepted"]
    return [r.mine_code for r in rows], [shapely.from_wkb(bytes(r.wkb)) for r in rows]


def _place_mines(conn: Connection, rows: list[dict[str, Any]], options: ReadOptions) -> None:
    """Give each row its mine: what it names, else what the sender said, else where it lies."""
    for row in rows:
        row["mine_code"] = row["attrs"].get("mine_code") or options.mine_code
    open_ = [row for row in rows if row["mine_code"] is None]
    if not open_:
        return
    codes, shapes = _licences(conn)
    if not codes:
        return
    points = shapely.point_on_surface(np.array([row["shape"] for row in open_], dtype=object))
    for i, j in shapely.STRtree(shapes).query(points, predicate="within").T.tolist():
        open_[i]["mine_code"] = open_[i]["mine_code"] or codes[j]


def _stage(conn: Connection, row: Any, found: ReadResult, options: ReadOptions) -> None:
    _clear(conn, row.id)
    owner = {"district": row.district, "owner_org": row.owner_org, "survey_org": row.survey_org}
    rows = list(_rows(found))
    _place_mines(conn, rows, options)
    notes = _notes(found)
    known = set(conn.scalars(select(mine.c.code))) | {
        r["mine_code"] for r in rows if r["layer"] == "mine_boundary"
    }
    kept: list[dict[str, Any]] = []
    counts: dict[tuple[str, str], int] = {}
    for one in rows:
        needs = one["layer"] in ("mine_boundary", "plan_item", "survey_extent")
        code = one["mine_code"]
        if code not in known and (needs or code is not None):
            if needs:
                told = "store.row_without_mine" if code is None else "store.row_of_unknown_mine"
                params = {"row": one["row_no"], "mine": code or ""}
                notes.append(_note(one, "refused", told, params))
                slot = (one["source_name"], one["layer"])
                counts[slot] = counts.get(slot, 0) + 1
                continue
            # A factor may lie in ground that is nobody's.
            one["mine_code"] = None
        kept.append(one)
    numbered: dict[tuple[str, int], int] = {}
    staged = []
    for one in kept:
        slot_no = (one["layer"], one["row_no"])
        while slot_no in numbered:
            # Two sources of one layer may number their rows alike.
            slot_no = (slot_no[0], slot_no[1] + 1_000_000)
        numbered[slot_no] = 1
        staged.append(
            {
                "id": uuid4(),
                "upload_id": row.id,
                "layer": one["layer"],
                "row_no": slot_no[1],
                "key": one["key"],
                "mine_code": one["mine_code"],
                "code": one["code"],
                "attrs": one["attrs"],
                "raw": one["raw"],
                "error_m": one["error_m"],
                "valid": Range(_since(one["attrs"]), None, "[)"),
                "geom": WKBElement(shapely.to_wkb(one["shape"]), srid=4490),
                **owner,
            }
        )
    for start in range(0, len(staged), _CHUNK):
        conn.execute(insert(staged_feature), staged[start : start + _CHUNK])
    shown = [{**note, "upload_id": row.id, **owner} for note in notes]
    for start in range(0, len(shown), _CHUNK):
        conn.execute(insert(staged_note), shown[start : start + _CHUNK])
    conn.execute(
        update(upload)
        .where(upload.c.id == row.id)
        .values(
            state="staged",
            result=_result(found, counts),
            progress={"stage": "staged", "done": len(staged), "total": len(staged)},
        )
    )


def _note(one: dict[str, Any], outcome: str, code: str, params: dict[str, Any]) -> dict[str, Any]:
    shape = one.get("shape")
    return {
        "layer": one["layer"] or "",
        "row_no": one["row_no"],
        "outcome": outcome,
        "code": code,
        "params": jsonable(params),
        "geom": None
        if shape is None or shape.is_empty
        else WKBElement(shapely.to_wkb(shape), srid=4490),
    }


def _notes(found: ReadResult) -> list[dict[str, Any]]:
    return [
        _note(
            {"layer": n.layer, "row_no": n.row_no, "shape": n.geometry},
            n.outcome,
            n.code,
            n.params,
        )
        for n in found.notes.itertuples()
        # A row that was simply stored needs no line of its own: the counts tell it.
        if n.outcome != "stored"
    ]


def _result(found: ReadResult, refused_late: dict[tuple[str, str], int]) -> dict[str, Any]:
    layers = [jsonable(read.summary()) for read in found.layers]
    for one in layers:
        late = refused_late.get((one["source_name"], one["layer"]), 0)
        one["stored"] -= late
        one["refused"] += late
    totals = {
        name: sum(one[name] for one in layers)
        for name in ("rows", "stored", "mended", "refused", "warned")
    }
    return {**totals, "layers": layers}


def _found(conn: Connection, upload_id: UUID) -> Any:
    row = conn.execute(select(upload).where(upload.c.id == upload_id)).one_or_none()
    if row is None:
        raise Problem("store.not_found", http_status=404)
    return row


def upload_status(conn: Connection, upload_id: UUID) -> dict[str, Any] | None:
    """Return an upload's state, progress, result or problem; None where one may not see it."""
    row = conn.execute(select(upload).where(upload.c.id == upload_id)).one_or_none()
    return None if row is None else dict(row._mapping)


def upload_notes(
    conn: Connection, upload_id: UUID, offset: int = 0, limit: int = 100
) -> list[dict[str, Any]]:
    """Return part of the row report: refused first, then mended and warned, by layer and row."""
    order = func.array_position(["refused", "mended", "warned", "stored"], staged_note.c.outcome)
    found = conn.execute(
        select(
            staged_note.c.layer,
            staged_note.c.row_no,
            staged_note.c.outcome,
            staged_note.c.code,
            staged_note.c.params,
            func.ST_AsGeoJSON(staged_note.c.geom).label("geometry"),
        )
        .where(staged_note.c.upload_id == upload_id)
        .order_by(order, staged_note.c.layer, staged_note.c.row_no, staged_note.c.id)
        .offset(offset)
        .limit(limit)
    )
    return [
        {**row, "geometry": row["geometry"] and json.loads(row["geometry"])}
        for row in found.mappings()
    ]


def notes_frame(conn: Connection, upload_id: UUID) -> gpd.GeoDataFrame:
    """Return the whole row report as a frame: layer, row_no, outcome, code, params, geometry."""
    found = conn.execute(
        select(
            staged_note.c.layer,
            staged_note.c.row_no,
            staged_note.c.outcome,
            staged_note.c.code,
            staged_note.c.params,
            func.ST_AsBinary(staged_note.c.geom).label("wkb"),
        )
        .where(staged_note.c.upload_id == upload_id)
        .order_by(staged_note.c.layer, staged_note.c.row_no, staged_note.c.id)
    ).mappings()
    rows = [
        {**row, "source_name": "", "geometry": row["wkb"] and shapely.from_wkb(bytes(row["wkb"]))}
        for row in found
    ]
    return spatial(NOTE_COLUMNS[:-1], rows)


def _identity(row: Any, keys: list[str]) -> str:
    """Return a survey's identity: the bytes, the way they were read, the mine."""
    read = [
        {k: one[k] for k in ("layer", "source_name", "encoding", "mapping")}
        | {"crs": (one["crs"] or {}).get("epsg")}
        for one in row.result["layers"]
    ]
    return content_key(
        {"sha256": row.sha256, "read": read, "mine": row.options.get("mine_code"), "rows": keys}
    )


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
    """
    row = _found(conn, upload_id)
    if actor.user_id is not None and row.created_by != actor.user_id:
        raise Problem("store.not_found", http_status=404)
    if row.state == "submitted":
        found: UUID = row.survey_id
        return found
    if row.state != "staged":
        raise Problem("store.not_staged", http_status=409, file=row.filename, state=row.state)
    staged = list(
        conn.execute(
            select(staged_feature, func.ST_AsBinary(staged_feature.c.geom).label("wkb"))
            .where(staged_feature.c.upload_id == upload_id)
            .order_by(staged_feature.c.layer, staged_feature.c.row_no)
        )
    )
    if not staged:
        raise Problem("store.nothing_to_submit", file=row.filename)
    key = _identity(row, sorted(r.key for r in staged))
    known = conn.scalar(select(survey.c.id).where(survey.c.key == key))
    if known is None:
        with publishing(conn, actor, "submit", on or date.today(), {"survey": key}) as made:
            known = conn.scalar(select(survey.c.id).where(survey.c.key == key))
            if known is None:
                known = _publish(made, row, staged, key, supersedes)
            else:
                made.abandoned = True
    conn.execute(
        update(upload).where(upload.c.id == upload_id).values(state="submitted", survey_id=known)
    )
    # What was staged now stands published; the row report stays with the upload.
    conn.execute(delete(staged_feature).where(staged_feature.c.upload_id == upload_id))
    return known


def _publish(made: Batch, row: Any, staged: list[Any], key: str, supersedes: UUID | None) -> UUID:
    conn = made.conn
    survey_id = uuid4()
    for boundary in staged:
        if boundary.layer == "mine_boundary":
            _ensure_mine(made, boundary, row)
    codes = {r.mine_code for r in staged if r.mine_code is not None}
    objects = {m.code: m for m in conn.execute(select(mine).where(mine.c.code.in_(codes)))}
    units = sorted({u for r in staged if (u := r.attrs.get("survey_unit"))})
    unit = units[0] if units else _unit_name(conn, row.survey_org)
    first = next((objects[r.mine_code] for r in staged if r.mine_code in objects), None)
    owner = {
        "district": first.district if first else row.district,
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
    same = _same_objects(conn, staged)
    made.add(
        feature,
        (
            {
                "id": uuid4(),
                "object_id": same.get((r.layer, r.mine_code, r.code)) or uuid4(),
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
                "district": objects[r.mine_code].district
                if r.mine_code in objects
                else owner["district"],
                "owner_org": objects[r.mine_code].owner_org if r.mine_code in objects else None,
                "survey_org": row.survey_org,
            }
            for r, flat in zip(staged, drawn(shapes), strict=True)
        ),
    )
    made.add(
        survey_event,
        [{"survey_id": survey_id, "state": "submitted", "actor_login": made.actor.login, **owner}],
    )
    regrade(made, touched(conn, national_rules(), [survey_id]))
    return survey_id


def _unit_name(conn: Connection, org_id: UUID | None) -> str:
    name = conn.scalar(select(organisation.c.name).where(organisation.c.id == org_id))
    return name or ""


def _same_objects(conn: Connection, staged: list[Any]) -> dict[tuple[str, Any, str], UUID]:
    """Return the objects that rows are new versions of: same layer, mine and official code.

    Nothing else merges by itself.
    """
    codes = {r.code for r in staged if r.code}
    found = conn.execute(
        select(feature.c.layer, feature.c.mine_code, feature.c.code, feature.c.object_id).where(
            feature.c.code.in_(codes)
        )
    )
    return {(r.layer, r.mine_code, r.code): r.object_id for r in found}


def _ensure_mine(made: Batch, boundary: Any, row: Any) -> None:
    conn = made.conn
    if conn.scalar(select(mine.c.id).where(mine.c.code == boundary.mine_code)):
        return
    attrs = boundary.attrs
    enterprise = attrs.get("enterprise")
    owner = (
        ensure_organisation(conn, f"enterprise:{enterprise}", enterprise, "enterprise")
        if enterprise
        else row.owner_org
    )
    point = shapely.from_wkb(bytes(boundary.wkb)).representative_point()
    district = str(attrs.get("district") or "")
    made.add(
        mine,
        [
            {
                "id": uuid4(),
                "code": boundary.mine_code,
                "name": attrs.get("mine_name") or boundary.mine_code,
                "kind": attrs.get("mine_kind") or "coal",
                # Fixed on the mine, changed only by decision: its metres must stay the same.
                "zone_epsg": local_zone(point.x),
                "district": district if district.isdigit() else row.district,
                "owner_org": owner,
                "survey_org": row.survey_org,
            }
        ],
    )


def _visible_mines(conn: Connection) -> set[str]:
    """Return the mines the connection's identity may see, by the predicate the policies use."""
    return set(
        conn.scalars(
            text(
                "SELECT code FROM minerisk.mine WHERE minerisk.contracted(code) "
                "OR minerisk.visible(district, owner_org, survey_org)"
            )
        )
    )


class _Undo(Exception):  # noqa: N818 -- it carries no error, it only rolls back
    """Thrown to roll a preview back."""


def preview(
    conn: Connection, actor: Actor, upload_id: UUID, *, on: date | None = None
) -> list[dict[str, Any]]:
    """Return which effective grades would move if the upload were accepted, and why.

    It is submitted and accepted in earnest, with the functions that publish, and rolled back: what
    is shown is what will come.
    """
    day = on or date.today()
    moved: list[dict[str, Any]] = []
    try:
        with conn.begin_nested():
            survey_id = submit(conn, actor, upload_id, on=day)
            with publishing(conn, SYSTEM, "preview", day) as made:
                made.abandoned = True
                changes = accept_in(made, survey_id)
                seen = _visible_mines(conn)
                moved = explain(conn, [m for m in changes.moves if m["mine_code"] in seen])
            raise _Undo
    except _Undo:
        return moved


def explain(conn: Connection, moves: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return moves with the mine's name and the sentences behind the new grade."""
    codes = sorted({move["mine_code"] for move in moves})
    named = select(mine.c.code, mine.c.name).where(mine.c.code.in_(codes))
    names = {row.code: row.name for row in conn.execute(named)}
    by_key = {c.key: c for c in open_claims(conn, codes).itertuples()}
    rules = national_rules()
    return [
        {
            "mine_code": move["mine_code"],
            "mine_name": names.get(move["mine_code"], move["mine_code"]),
            "hazard": move["hazard"],
            "before": move["before"],
            "after": move["after"],
            "why": {
                lang: [
                    sentence(by_key[k], rules, lang) for k in move["winners"] or () if k in by_key
                ]
                for lang in ("zh", "en")
            },
        }
        for move in moves
    ]


def forget(conn: Connection, upload_id: UUID) -> None:
    """Throw away an upload that was only tried."""
    conn.execute(delete(upload).where(upload.c.id == upload_id, upload.c.state != "submitted"))


def sweep(conn: Connection) -> list[UUID]:
    """Throw away uploads nobody submitted for a week, and queue again those that stalled."""
    now = datetime.now(UTC)
    stalled = conn.scalars(
        select(upload.c.id).where(
            upload.c.state == "reading", upload.c.heartbeat_at < now - _STALLED
        )
    ).all()
    for upload_id in stalled:
        conn.execute(update(upload).where(upload.c.id == upload_id).values(state="queued"))
        _enqueue(conn, upload_id)
    conn.execute(
        delete(upload).where(
            upload.c.state.in_(("staged", "failed")), upload.c.created_at < now - _ABANDONED
        )
    )
    return list(stalled)
