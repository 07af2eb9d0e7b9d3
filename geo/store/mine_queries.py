"""What readers ask of mines: their grades, places, licences and workings.

Every function takes a connection of the application's role with the reader's identity, so that
row-level security lets it return no row of somebody else's. `on` is when a thing held, `known_at`
when it was known. What is behind one mine's grades stands in :mod:`geo.store.mine_evidence`.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from geo.store.batches import newest_seq, seq_at
from geo.store.mine_states import summary
from geo.store.standing import claims_holding
from geo.store.tables import batch, mine_state
from geo.store.tables import mine as mine_table
from geo.store.tiles import horizon_day
from geo.survey.advance import due
from geo.survey.lines import lines
from geo.survey.world import MINES, spatial


def _states(conn: Connection, seq: int, code: str | None = None) -> dict[str, Any]:
    wanted = (
        select(mine_state)
        .join(batch, batch.c.id == mine_state.c.batch_id)
        .ext(distinct_on(mine_state.c.mine_code))
        .where(batch.c.seq <= seq)
        .order_by(mine_state.c.mine_code, batch.c.seq.desc())
    )
    if code is not None:
        wanted = wanted.where(mine_state.c.mine_code == code)
    return {row.mine_code: row for row in conn.execute(wanted)}


def graded(conn: Connection, seq: int, code: str | None = None) -> Iterator[Any]:
    """Yield the mines that had a state at `seq`, with their place to stand."""
    known_states = _states(conn, seq, code)
    found = conn.execute(
        select(mine_table).where(mine_table.c.code.in_(known_states)).order_by(mine_table.c.code)
    )
    for row in found:
        yield row, known_states[row.code]


def mine_frame(rows: list[Any]) -> Any:
    """Return rows of mines as the core reads them, without their ground."""
    return spatial(
        MINES,
        [
            {
                "mine_code": row.code,
                "name": row.name,
                "kind": row.kind,
                "district": row.district,
                "zone_epsg": row.zone_epsg,
                "attrs": {},
                "geometry": shapely.Point(),
            }
            for row in rows
        ],
    )


def plain_row(record: dict[str, Any]) -> dict[str, Any]:
    """Return a row of a frame as plain Python, NaN as None."""
    return {
        key: None if isinstance(value, float) and np.isnan(value) else value
        for key, value in record.items()
    }


_PLACES = text(
    """
    SELECT DISTINCT ON (mine_code) mine_code,
        ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north,
        ST_X(inside) AS x, ST_Y(inside) AS y
    FROM (
        SELECT f.mine_code, s.state, max(lower(f.valid)) AS since, max(f.key) AS key,
            ST_Extent(f.geom) AS box, ST_PointOnSurface(ST_Collect(f.geom)) AS inside
        FROM minerisk.feature f
        JOIN minerisk.batch b ON b.id = f.batch_id AND b.seq <= :seq
        -- Who may see a boundary by contract may not see what became of the survey it is from.
        LEFT JOIN minerisk.survey_states(:seq) s USING (survey_id)
        WHERE f.layer = 'mine_boundary' AND COALESCE(s.state, 'accepted') IN ('accepted', 'revoked')
          AND (CAST(:code AS text) IS NULL OR f.mine_code = :code)
        GROUP BY f.mine_code, f.survey_id, s.state) licence
    ORDER BY mine_code, state, since DESC NULLS LAST, key DESC
    """
)


def places(
    conn: Connection, code: str | None = None, seq: int | None = None
) -> dict[str, dict[str, Any]]:
    """Return, for each mine one may see, its bounds and a point inside its licence area."""
    known_seq = newest_seq(conn) if seq is None else seq
    found = conn.execute(_PLACES, {"seq": known_seq, "code": code})
    return {
        row.mine_code: {
            "bounds": [row.west, row.south, row.east, row.north],
            "point": [row.x, row.y],
        }
        for row in found
    }


def mines(
    conn: Connection, on: date, known_at: datetime | date | None = None
) -> list[dict[str, Any]]:
    """Return every mine one may see, with its lines on a day as known at a moment.

    Each has code, name, kind, district, bounds, point, colour, colours by line, labels, unclear,
    grades, lines (one per hazard, as :func:`geo.survey.lines.lines` gives them) and sources: for
    each hazard, whose word the effective grade rests on.
    """
    seq = seq_at(conn, known_at)
    rows = list(graded(conn, seq))
    claims = claims_holding(conn, None, seq, on)
    found = lines(claims, mine_frame([row for row, _ in rows]), on)
    where = places(conn, seq=seq)
    by_mine = dict(list(found.groupby("mine_code"))) if len(found) else {}
    source = dict(zip(claims["key"], claims["source"], strict=True))
    listed = []
    for row, state in rows:
        of_mine = by_mine[row.code]
        records = of_mine.to_dict("records")
        listed.append(
            {
                "code": row.code,
                "name": row.name,
                "kind": row.kind,
                "district": row.district,
                "zone_epsg": row.zone_epsg,
                **where.get(row.code, {"bounds": None, "point": None}),
                **summary(of_mine, bool(state.summary["unclear"])),
                "sources": {
                    r["hazard"]: sorted({source[k] for k in r["winners"]}) for r in records
                },
                "lines": [plain_row(r) for r in records],
            }
        )
    return listed


def named(conn: Connection, code: str) -> dict[str, Any] | None:
    """Return code, name and kind of a mine one may know of, though its grades may be another's."""
    wanted = select(mine_table.c.code, mine_table.c.name, mine_table.c.kind)
    found = conn.execute(wanted.where(mine_table.c.code == code)).mappings().one_or_none()
    return None if found is None else dict(found)


def grades(
    conn: Connection, on: date, known_at: datetime | date | None = None
) -> list[dict[str, Any]]:
    """Return one row per mine and hazard: the four lines, flat, as a table wants them."""
    return flat(mines(conn, on, known_at))


def flat(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines of mines as one row per mine and hazard."""
    return [
        {"mine_code": m["code"], "mine_name": m["name"], "kind": m["kind"], **line}
        for m in found
        for line in m["lines"]
    ]


def advance(
    conn: Connection, on: date, known_at: datetime | date | None = None
) -> list[dict[str, Any]]:
    """Return who advances into ground that is not clear (L13), as known at a moment."""
    found = _states(conn, seq_at(conn, known_at))
    names = {
        row.code: row.name for row in conn.execute(select(mine_table.c.code, mine_table.c.name))
    }
    rows = [
        # States written before workings told whose they are and what they reach have none of it.
        {
            "owner": None,
            "object": None,
            "factors": [],
            **row,
            "mine_code": code,
            "mine_name": names.get(code, code),
        }
        for code, state in found.items()
        for row in state.summary.get("advance", [])
    ]
    return due(rows, on)


# Through the definer's function: an enterprise sees its rows, not the life of their survey.
_OWN = text(
    """
    SELECT f.key, f.attrs, f.state, ST_AsBinary(r.geom) AS wkb
    FROM (SELECT ST_SetSRID(ST_Extent(o.geom_3857)::geometry, 3857) AS box FROM minerisk.feature o
        WHERE o.mine_code = :code AND o.layer IN ('mine_boundary', 'plan_item')) around,
    minerisk.features_in(ARRAY[:layer], around.box, :known, CAST(:on AS date),
        CAST(:plan_day AS date)) f
    JOIN minerisk.feature r USING (id)
    WHERE f.mine_code = :code
    ORDER BY f.state, lower(r.valid) DESC NULLS LAST, f.key DESC
    """
)


def workings(
    conn: Connection,
    code: str,
    known_at: datetime | date | None = None,
    on: date | None = None,
) -> list[dict[str, Any]]:
    """Return the workings in force of a mine, each once: layer, attrs and geometry.

    With a day: without those that start only after the horizon of its mining footprint.
    """
    asked = {"code": code, "layer": "plan_item", "known": seq_at(conn, known_at), "on": on}
    found = conn.execute(_OWN, asked | {"plan_day": on and horizon_day(conn, on)})
    standing = {
        row.key: row
        for row in found
        if row.state == "accepted" and row.attrs.get("finished") is not True
    }
    return [
        {"layer": "plan_item", "attrs": row.attrs, "geometry": shapely.from_wkb(bytes(row.wkb))}
        for _, row in sorted(standing.items())
    ]


def licence(
    conn: Connection, code: str, on: date, known_at: datetime | date | None = None
) -> dict[str, Any]:
    """Return the attributes of the licence that stands on a day; empty where there is none.

    As the map takes it: of an accepted survey the newest; a revoked one's where there is no other.
    """
    asked = {"code": code, "layer": "mine_boundary", "known": seq_at(conn, known_at), "on": on}
    rows = conn.execute(_OWN, asked | {"plan_day": None})
    return next((row.attrs for row in rows if row.state in ("accepted", "revoked")), {})
