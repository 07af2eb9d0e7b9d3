"""Staging: what was read of a file, kept where it can be thrown away until it is submitted."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pandas as pd
import shapely
from geoalchemy2 import WKBElement
from psycopg.types.range import Range
from sqlalchemy import Connection, delete, insert, select, text, update

from geo.store import matches
from geo.store.batches import newest_seq, states
from geo.store.licences import known_mines
from geo.store.pond_objects import OF_A_POND, known_ponds, pond_of
from geo.store.tables import staged_feature, staged_match, staged_note, upload
from geo.survey.keys import content_key
from geo.survey.layers import is_of_ponds
from geo.survey.reading import ReadOptions, ReadResult

_CHUNK = 1000
_EXTRA = ("row_no", "raw", "error_m", "geometry")
# Which attribute says since when a row holds.
_SINCE = ("observed_on", "fieldwork_end", "licence_from", "start", "formed_on")
# Layers whose rows mean nothing without a mine; a factor may lie in ground that is nobody's.
_NEED_MINE = ("mine_boundary", "plan_item", "survey_extent")


def clear(conn: Connection, upload_id: UUID) -> None:
    """Throw away what was staged of an upload."""
    conn.execute(delete(staged_feature).where(staged_feature.c.upload_id == upload_id))
    conn.execute(delete(staged_match).where(staged_match.c.upload_id == upload_id))
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
                # A mine is its code; a factor that has none must not pass for its mine.
                "code": attrs.get("mine_code" if read.layer == "mine_boundary" else "code"),
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
    """Give each row its mine: what it names, else what the sender said, else where it lies.

    A pond and what lies below it belong to no mine.
    """
    for row in rows:
        of_pond = is_of_ponds(row["layer"], row["attrs"])
        row["mine_code"] = None if of_pond else row["attrs"].get("mine_code") or options.mine_code
    open_ = [r for r in rows if r["mine_code"] is None and not is_of_ponds(r["layer"], r["attrs"])]
    if not open_:
        return
    codes, shapes = _licences(conn)
    for row in rows:
        if row["layer"] == "mine_boundary" and row["mine_code"] is not None:
            codes.append(row["mine_code"])
            shapes.append(row["shape"])
    if not codes:
        return
    points = shapely.point_on_surface(np.array([row["shape"] for row in open_], dtype=object))
    for i, j in sorted(shapely.STRtree(shapes).query(points, predicate="within").T.tolist()):
        open_[i]["mine_code"] = open_[i]["mine_code"] or codes[j]


def _sorted_out(
    conn: Connection, rows: list[dict[str, Any]], notes: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, Counter[tuple[str, str]]]]:
    """Return the rows to keep, and how many were refused or warned of late, by source and layer."""
    known = known_mines(conn) | {r["mine_code"] for r in rows if r["layer"] == "mine_boundary"}
    ponds = known_ponds(conn) | {r["code"] for r in rows if r["layer"] == "pond"}
    kept: list[dict[str, Any]] = []
    late: dict[str, Counter[tuple[str, str]]] = {"refused": Counter(), "warned": Counter()}
    for one in rows:
        code = one["mine_code"]
        slot = (one["source_name"], one["layer"])
        params = {"row": one["row_no"], "mine": code or ""}
        needs = one["layer"] in _NEED_MINE and not is_of_ponds(one["layer"], one["attrs"])
        if needs and (code is None or code not in known):
            told = "store.row_without_mine" if code is None else "store.row_of_unknown_mine"
            notes.append(_note(one, "refused", told, params))
            late["refused"][slot] += 1
            continue
        if one["layer"] in OF_A_POND and pond_of(one) not in ponds:
            notes.append(
                _note(
                    one,
                    "refused",
                    f"store.{one['layer']}_of_unknown_pond",
                    {**params, "pond": pond_of(one)},
                )
            )
            late["refused"][slot] += 1
            continue
        if code is not None and code not in known:
            notes.append(_note(one, "warned", "store.factor_of_unknown_mine", params))
            late["warned"][slot] += 1
            one["mine_code"] = None
        kept.append(one)
    return kept, late


def stage(conn: Connection, upload_id: UUID, found: ReadResult, options: ReadOptions) -> bool:
    """Stage what was read, in place of what may be there; all of it or, if killed, nothing.

    Returns
    -------
    bool
        False where somebody else staged the same upload meanwhile.
    """
    row = conn.execute(
        select(upload).where(upload.c.id == upload_id).with_for_update()
    ).one_or_none()
    if row is None or row.state != "reading":
        return False
    clear(conn, upload_id)
    owner = {"district": row.district, "owner_org": row.owner_org, "survey_org": row.survey_org}
    rows = list(_rows(found))
    _place_mines(conn, rows, options)
    notes = _notes(found)
    kept, late = _sorted_out(conn, rows, notes)
    numbered = list(_numbered(kept))
    staged = [{**one, "upload_id": upload_id, **owner} for one in numbered]
    for start in range(0, len(staged), _CHUNK):
        conn.execute(insert(staged_feature), staged[start : start + _CHUNK])
    questioned = [
        {**one, "row_no": made["row_no"]} for one, made in zip(kept, numbered, strict=True)
    ]
    if options.corrects is None:
        matches.ask(conn, upload_id, questioned, owner)
    shown = [{**note, "upload_id": upload_id, **owner} for note in notes]
    for start in range(0, len(shown), _CHUNK):
        conn.execute(insert(staged_note), shown[start : start + _CHUNK])
    conn.execute(
        update(upload)
        .where(upload.c.id == upload_id)
        .values(
            state="staged",
            result=_result(found, late),
            progress={"stage": "staged", "done": len(staged), "total": len(staged)},
        )
    )
    return True


def _numbered(kept: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield rows as the table holds them; two sources of one layer may number theirs alike."""
    taken: set[tuple[str, int]] = set()
    for one in kept:
        number = one["row_no"]
        while (one["layer"], number) in taken:
            number += 1_000_000
        taken.add((one["layer"], number))
        yield {
            "id": uuid4(),
            "row_no": number,
            "valid": Range(_since(one["attrs"]), None, "[)"),
            "geom": WKBElement(shapely.to_wkb(one["shape"]), srid=4490),
            **{
                name: one[name]
                for name in ("layer", "key", "mine_code", "code", "attrs", "raw", "error_m")
            },
        }


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


def _result(found: ReadResult, late: dict[str, Counter[tuple[str, str]]]) -> dict[str, Any]:
    layers = [jsonable(read.summary()) for read in found.layers]
    for one in layers:
        slot = (one["source_name"], one["layer"])
        one["stored"] -= late["refused"][slot]
        one["refused"] += late["refused"][slot]
        one["warned"] += late["warned"][slot]
    totals = {
        name: sum(one[name] for one in layers)
        for name in ("rows", "stored", "mended", "refused", "warned")
    }
    return {**totals, "layers": layers}
