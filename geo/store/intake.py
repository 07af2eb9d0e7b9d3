"""A file becomes an upload, and an upload is read, checked, mended and staged; nothing is locked.

Submitting what was staged is `geo.store.submission`'s; its functions are offered here as well.
"""

import json
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import geopandas as gpd
import shapely
from sqlalchemy import Connection, delete, func, insert, select, text, tuple_, update
from sqlalchemy.exc import DBAPIError

from geo.problems import Problem
from geo.settings import Settings
from geo.store import memory, rawfiles
from geo.store.engine import SYSTEM, Actor, connect
from geo.store.staging import clear, jsonable, stage
from geo.store.submission import submit
from geo.store.tables import feature, mine, staged_feature, staged_note, upload
from geo.survey.counties import county_box
from geo.survey.reading import ReadOptions, datums, read_file
from geo.survey.reading.result import NOTE_COLUMNS
from geo.survey.world import spatial

_ABANDONED = timedelta(days=7)
_STALLED = timedelta(minutes=2)
_COUNTY_DIGITS = 6
# Who brings an elevation model: whoever surveyed the ground, or the regulator.
MODEL_SENDERS = ("geologist", "regulator")
# What the county and the sender's organisation know is looked up when the file is read.
_OURS = ("datums", "remembered", "remembered_layers", "remembered_encodings")
_NO_JOB = (
    "NOT EXISTS (SELECT 1 FROM jobs.procrastinate_jobs j WHERE j.status IN ('todo', 'doing') "
    "AND j.args ->> 'upload_id' = upload.id::text)"
)


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
    may_send(actor, options)
    digest, size = rawfiles.keep(settings, source)
    shown = "".join(ch for ch in Path(filename).name if ch.isprintable())[:200] or "upload"
    upload_id = uuid4()
    conn.execute(
        insert(upload).values(
            id=upload_id,
            filename=shown,
            sha256=digest,
            size=size,
            options=options.model_dump(mode="json", exclude=set(_OURS)),
            state="queued",
            created_by=actor.user_id,
            **owner_of_upload(conn, actor, options.mine_code, settings),
        )
    )
    if enqueue:
        _enqueue(conn, upload_id)
    return upload_id


def may_send(actor: Actor, options: ReadOptions) -> None:
    """Raise where the actor may send no file, or no elevation model.

    Raises
    ------
    Problem
        403
    """
    if actor.role == "administrator":
        raise Problem("store.not_allowed", http_status=403, action="upload")
    if options.terrain is not None and actor.role not in MODEL_SENDERS:
        raise Problem("store.not_allowed", http_status=403, action="terrain")


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


def owner_of_upload(
    conn: Connection, actor: Actor, code: str | None, settings: Settings
) -> dict[str, Any]:
    """Return district and organisations of what a person sends, by the mine it names or theirs."""
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


def process_upload(
    settings: Settings, upload_id: UUID, progress: Callable[[str, int, int], None] | None = None
) -> None:
    """Read, check and mend an upload, and stage its rows; safe to run again at any point.

    A file that cannot be taken leaves the upload ``failed`` with the sentence that says why.

    Parameters
    ----------
    settings : Settings
    upload_id : UUID
    progress : callable, optional
        Told ``(stage, done, total)`` beside the upload's own row.
    """
    with connect(settings, "worker", SYSTEM) as conn:
        row = conn.execute(
            select(upload).where(upload.c.id == upload_id).with_for_update()
        ).one_or_none()
        if row is None or row.state in ("staged", "submitted", "failed"):
            return
        hint = _hint(conn, row.options.get("mine_code"))
        settled = memory.recall(conn, memory.organisation_of(conn, row.created_by))
    _progress(settings, upload_id, "reading", 0, 0, state="reading")

    def told(stage: str, done: int, total: int) -> None:
        _progress(settings, upload_id, stage, done, total)
        if progress is not None:
            progress(stage, done, total)

    try:
        if row.options.get("terrain"):
            # The terrain's compiler is slow to load, and no other file needs it.
            from geo.store.terrain_sent import stage_model

            stage_model(settings, row, rawfiles.path_of(settings, row.sha256))
            return
        options = _at_home(settings, row, hint, settled)
        with TemporaryDirectory(prefix="minerisk-") as folder:
            found = read_file(
                rawfiles.path_of(settings, row.sha256),
                options,
                workdir=Path(folder),
                progress=told,
                filename=row.filename,
            )
        with connect(settings, "worker", SYSTEM) as conn:
            stage(conn, upload_id, found, options)
    except Problem as problem:
        _fail(settings, upload_id, problem.code, problem.params)
    except DBAPIError as error:
        # A database that went away is no fault of the file: the sweep queues it again.
        if not error.connection_invalidated:
            _fail(settings, upload_id, "store.fault", {"file": row.filename})
        raise
    except Exception:
        # A fault of ours: said so, and not tried for ever.
        _fail(settings, upload_id, "store.fault", {"file": row.filename})
        raise


def _at_home(
    settings: Settings, row: Any, hint: tuple[float, float] | None, settled: dict[str, Any]
) -> ReadOptions:
    """Return how an upload is to be read, with what its county and its sender know."""
    options = ReadOptions.model_validate(row.options)
    home = dict(settled)
    # A mine of another county is moved with that county's parameters, or with none.
    county = row.district if len(row.district) == _COUNTY_DIGITS else settings.district
    box = county_box(county)
    home["datums"] = {
        datum: one.model_copy(update={"area": one.area or box})
        for datum, one in datums.load(settings.datums).get(county, {}).items()
    }
    if options.county_bbox is None:
        home["county_bbox"] = box or county_box(settings.district)
    if options.hint_lonlat is None and hint is not None:
        home["hint_lonlat"] = hint
    return options.model_copy(update=home)


def _fail(settings: Settings, upload_id: UUID, code: str, params: dict[str, Any]) -> None:
    with connect(settings, "worker", SYSTEM) as conn:
        state = conn.scalar(
            select(upload.c.state).where(upload.c.id == upload_id).with_for_update()
        )
        if state != "reading":
            return
        clear(conn, upload_id)
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


def _as_rows(found: Any) -> list[dict[str, Any]]:
    return [
        {
            **{
                name: row._mapping[name]
                for name in ("layer", "mine_code", "row_no", "key", "attrs")
            },
            "geometry": shapely.from_wkb(bytes(row.wkb)),
        }
        for row in found
    ]


def upload_rows(
    conn: Connection, upload_id: UUID, only: Collection[tuple[str, int]] | None = None
) -> list[dict[str, Any]]:
    """Return the rows of an upload, staged or submitted: layer, mine_code, row_no, key, attrs.

    Each with its geometry in CGCS2000. `only` names those wanted by layer and number.
    """
    found = upload_status(conn, upload_id)
    if found is None:
        return []
    if found["survey_id"] is not None:
        return survey_rows(conn, found["survey_id"], only)
    return _rows_of(conn, staged_feature, staged_feature.c.upload_id == upload_id, only)


def survey_rows(
    conn: Connection, survey_id: UUID, only: Collection[tuple[str, int]] | None = None
) -> list[dict[str, Any]]:
    """Return the rows of a survey that one may see, as :func:`upload_rows` gives them."""
    return _rows_of(conn, feature, feature.c.survey_id == survey_id, only)


def _rows_of(
    conn: Connection, table: Any, where: Any, only: Collection[tuple[str, int]] | None
) -> list[dict[str, Any]]:
    wanted = select(table, func.ST_AsBinary(table.c.geom).label("wkb")).where(where)
    if only is not None:
        wanted = wanted.where(tuple_(table.c.layer, table.c.row_no).in_(list(only)))
    return _as_rows(conn.execute(wanted.order_by(table.c.layer, table.c.row_no)))


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


def forget(conn: Connection, upload_id: UUID) -> None:
    """Throw away an upload that was only tried."""
    conn.execute(delete(upload).where(upload.c.id == upload_id, upload.c.state != "submitted"))


def sweep(conn: Connection) -> list[UUID]:
    """Throw away uploads nobody submitted for a week; queue again those that nobody is reading.

    Such are left where a process was killed, or where the database went away below it.
    """
    now = datetime.now(UTC)
    seen = func.coalesce(upload.c.heartbeat_at, upload.c.created_at)
    stalled = conn.scalars(
        select(upload.c.id)
        .where(upload.c.state.in_(("queued", "reading")), seen < now - _STALLED)
        .where(text(_NO_JOB))
        .with_for_update(skip_locked=True)
    ).all()
    for upload_id in stalled:
        _enqueue(conn, upload_id)
    conn.execute(
        delete(upload).where(
            upload.c.state.in_(("staged", "failed")), upload.c.created_at < now - _ABANDONED
        )
    )
    return list(stalled)


__all__ = [
    "forget",
    "notes_frame",
    "owner_of_upload",
    "process_upload",
    "register_upload",
    "submit",
    "survey_rows",
    "sweep",
    "upload_notes",
    "upload_rows",
    "upload_status",
]
