"""Facts from the database: the `World` of some mines as known at one batch."""

from collections.abc import Collection, Iterator
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from geoalchemy2 import functions as gis
from sqlalchemy import Connection, Select, and_, func, or_, select, text

from geo.crs import from_metric, to_metric
from geo.rules import Rules
from geo.store.batches import newest_seq, states
from geo.store.tables import assertion, batch, ending, feature, mine, survey
from geo.survey.layers import NOT_FACTORS, pond_layers
from geo.survey.world import (
    ASSERTIONS,
    ENDINGS,
    EXTENTS,
    FACTORS,
    MINES,
    PLAN,
    World,
    plain,
    spatial,
)

STATUS = {"accepted": "in_force", "submitted": "provisional", "revoked": "held"}
# The shortest degree of longitude in China (54° N), so that a box in degrees is never too small.
_METRES_PER_DEGREE = 65_000.0
# Fixed, so that a mine's place along the curve does not hang on which others are asked for.
_CHINA = (73.0, 3.0, 136.0, 54.0)
_LAST_ZONE = 10**6
# A pond's pool is surface water over whatever lies below it (L26); the rest of its layers touch no
# mine.
_OF_NO_MINE = tuple(name for name in pond_layers() if name != "pond")


def degrees(metres: Any) -> Any:
    """Return degrees that span at least `metres` (a number or a column) anywhere in China."""
    return metres / _METRES_PER_DEGREE


def known_at(known: int) -> Any:
    """Return the condition that a row was known at a batch.

    The batch being published has no link yet: its rows are seen by its own transaction only, and
    count there.
    """
    return func.coalesce(batch.c.seq, known) <= known


def _near(codes: Collection[str], reach_m: float) -> Select[Any]:
    """Select features whose box comes within reach of the mines' licences and plans."""
    own = (
        select(
            gis.ST_Expand(feature.c.geom, degrees(reach_m) + degrees(feature.c.error_m)).label(
                "box"
            )
        )
        .where(feature.c.mine_code.in_(codes), feature.c.layer.in_(("mine_boundary", "plan_item")))
        .subquery()
    )
    near = (
        select(feature.c.id, feature.c.mine_code)
        .join(own, feature.c.geom.op("&&")(gis.ST_Expand(own.c.box, degrees(feature.c.error_m))))
        .distinct()
        .cte("near")
    )
    return select(feature.c.id).where(
        or_(
            feature.c.id.in_(select(near.c.id)),
            and_(feature.c.mine_code.in_(codes), feature.c.layer.in_(NOT_FACTORS)),
            # However far its licence lies: a relation is measured in the zone of one of the two.
            and_(
                feature.c.mine_code.in_(select(near.c.mine_code)),
                feature.c.layer == "mine_boundary",
            ),
        )
    )


def _rows(conn: Connection, codes: Collection[str] | None, reach_m: float, known: int) -> list[Any]:
    wanted = (
        select(
            feature.c.id,
            feature.c.key,
            feature.c.layer,
            feature.c.mine_code,
            feature.c.code,
            feature.c.attrs,
            feature.c.error_m,
            func.lower(feature.c.valid).label("since"),
            feature.c.survey_id,
            gis.ST_AsBinary(feature.c.geom).label("wkb"),
            survey.c.key.label("survey_key"),
            survey.c.survey_unit,
        )
        .join(survey, survey.c.id == feature.c.survey_id)
        .outerjoin(batch, batch.c.id == feature.c.batch_id)
        .where(known_at(known), feature.c.layer.not_in(_OF_NO_MINE))
    )
    if codes is not None:
        wanted = wanted.where(feature.c.id.in_(_near(codes, reach_m)))
    return list(conn.execute(wanted))


def as_day(value: Any) -> date | None:
    """Return a date kept as text; None where there is none."""
    return date.fromisoformat(value) if isinstance(value, str) and value else None


def _list(value: Any) -> tuple[str, ...]:
    return tuple(str(v) for v in value) if isinstance(value, list) else ()


def _number(value: Any, default: float | None = None) -> float | None:
    return float(value) if isinstance(value, int | float) else default


def _age(parts: list[dict[str, Any]]) -> tuple[date, str]:
    """Return what orders the versions of a licence: since when they hold, ties by key."""
    return max((part["since"] or date.min, part["key"]) for part in parts)


def _mines(rows: list[dict[str, Any]], objects: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each mine as it is now: the newest licence, its parts of one survey united.

    Where only a revoked survey drew it, that one stands: a mine without a licence would not be
    graded at all, and what its neighbours find would raise nothing.
    """
    versions: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        if row["layer"] == "mine_boundary" and row["status"] != "provisional":
            by_survey = versions.setdefault((row["mine_code"], row["status"]), {})
            by_survey.setdefault(row["survey_key"], []).append(row)
    for code in sorted({code for code, _ in versions} & set(objects)):
        standing = versions.get((code, "in_force")) or versions[code, "held"]
        parts = max(standing.values(), key=_age)
        row = max(parts, key=lambda part: (part["since"] or date.min, part["key"]))
        lasting = objects[code]
        yield row | {
            "geometry": shapely.union_all([part["geometry"] for part in parts]),
            "name": row["attrs"].get("mine_name") or lasting.name,
            "kind": lasting.kind,
            "district": lasting.district,
            "zone_epsg": lasting.zone_epsg,
        }


def _plan(rows: list[dict[str, Any]], zones: dict[str, int]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if row["layer"] != "plan_item":
            continue
        attrs = row["attrs"]
        shape = row["geometry"]
        width = _number(attrs.get("width_m"))
        zone = zones.get(row["mine_code"])
        if shapely.get_dimensions(shape) < 2 and zone is not None:
            # A roadway or shaft is drawn as a line or point: its ground is its width (L10).
            (metric,) = to_metric(np.array([shape], dtype=object), zone)
            (shape,) = from_metric(
                np.array([shapely.buffer(metric, max(width or 0.0, 1.0) / 2)], dtype=object), zone
            )
        yield row | {
            "geometry": shape,
            "item": attrs.get("item") or "panel",
            "name": attrs.get("name") or row["code"],
            "seam": attrs.get("seam"),
            "floor_m": _number(attrs.get("floor_m")),
            "method": attrs.get("method"),
            "height_m": _number(attrs.get("height_m")),
            "width_m": width,
            "start": as_day(attrs.get("start")),
            "end": as_day(attrs.get("end")),
            "finished": attrs.get("finished") is True,
        }


def _extents(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        # An extent of no mine looked for what lies below and around ponds.
        if row["layer"] != "survey_extent" or row["mine_code"] is None:
            continue
        attrs = row["attrs"]
        yield row | {
            "kinds": _list(attrs.get("kinds")),
            "seams": _list(attrs.get("seams")),
            "methods": _list(attrs.get("methods")),
            "accuracy_m": _number(attrs.get("accuracy_m")),
            "fieldwork_start": as_day(attrs.get("fieldwork_start")),
            "fieldwork_end": as_day(attrs.get("fieldwork_end")),
            "valid_until": as_day(attrs.get("valid_until")),
            "survey_unit": attrs.get("survey_unit") or row["survey_unit"],
        }


def _pools(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the pool of each pond as surface water, by its newest row (L26).

    A dry pond holds none. What nobody said of its discharge is no reason to take it for dry. Its
    level is that of the design flood, as a reservoir's is. One whose tailings were removed stands
    until an ending says so: nothing lapses by itself (L3).
    """
    parts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        if row["layer"] == "pond":
            parts.setdefault((row["code"], row["status"]), []).append(row)
    for (code, status), drawn in sorted(parts.items()):
        if status == "held" and (code, "in_force") in parts:
            continue
        row = max(drawn, key=lambda part: _age([part]))
        own = [part["geometry"] for part in drawn if part["survey_key"] == row["survey_key"]]
        attrs = row["attrs"]
        if attrs.get("discharge") == "dry":
            continue
        level = attrs.get("flood_level_m")
        yield row | {
            "layer": "surface_water",
            "mine_code": None,
            "geometry": shapely.union_all(own),
            "attrs": {
                "code": code,
                "name": attrs.get("name") or code,
                "water_type": "尾矿库",
                "volume_m3": attrs.get("volume_m3"),
                "level_m": attrs.get("water_level_m") if level is None else level,
                "observed_on": attrs.get("observed_on"),
                # It lies in plain sight: there is nothing to infer.
                "verification": "verified",
            },
        }


def _factors(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    known = [row for row in rows if row["layer"] not in (*NOT_FACTORS, "pond")]
    for row in [*known, *_pools(rows)]:
        attrs = row["attrs"]
        yield row | {
            # A geophysical anomaly that nobody drilled is inferred (L8); so is the unsaid.
            "verification": attrs.get("verification") or "inferred",
            "observed_on": as_day(attrs.get("observed_on")),
            "attrs": {k: v for k, v in attrs.items() if v is not None},
        }


def _unique(rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per key and status, in the order of keys: the same fact filed twice is one."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        found.setdefault((row["key"], row["status"]), row)
    return [found[slot] for slot in sorted(found)]


def load_world(
    conn: Connection,
    rules: Rules,
    codes: Collection[str] | None = None,
    known_seq: int | None = None,
) -> World:
    """Return the facts that bear on some mines, or on all, as known at a batch.

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    rules : Rules
        For the reach: everything that near is loaded, the neighbours' licences included.
    codes : collection of str, optional
        The mines asked for; all where not given.
    known_seq : int, optional
        Number of the batch; the newest where not given.
    """
    known = newest_seq(conn) if known_seq is None else known_seq
    by_survey = states(conn, known)
    ended = _endings(conn, by_survey, known)
    released = set(ended.loc[ended["target_kind"] == "survey", "target_key"])
    gone = set(conn.scalars(text("SELECT minerisk.replaced(:known)"), {"known": known}))
    rows: list[dict[str, Any]] = []
    for found in _rows(conn, codes, rules.reach_m, known):
        if found.id in gone:
            continue
        status = STATUS.get(by_survey.get(found.survey_id, ""))
        if status == "held" and found.survey_key in released and found.layer != "mine_boundary":
            # L17: by decision, in favour of a newly accepted survey.
            continue
        if status is not None:
            row = dict(found._mapping)
            row["status"] = status
            row["attrs"] = dict(row["attrs"])
            row["geometry"] = shapely.from_wkb(bytes(row.pop("wkb")))
            rows.append(row)
    objects = {row.code: row for row in conn.execute(select(mine))}
    mines = sorted(_mines(rows, objects), key=lambda r: str(r["mine_code"]))
    for row in mines:
        row["attrs"] = {k: v for k, v in row["attrs"].items() if v is not None}
    zones = {code: int(row.zone_epsg) for code, row in objects.items()}
    return World(
        mines=spatial(MINES, mines),
        plan=spatial(PLAN, _unique(_plan(rows, zones))),
        extents=spatial(EXTENTS, _unique(_extents(rows))),
        factors=spatial(FACTORS, _unique(_factors(rows))),
        assertions=_assertions(conn, codes, known),
        endings=ended,
        zones=zones,
    )


def beside_each_other(conn: Connection, codes: Collection[str]) -> list[str]:
    """Return mines by zone and along a Hilbert curve, so that neighbours are graded together.

    Mines without a licence come last, by code.
    """
    corner = func.min(gis.ST_XMin(feature.c.geom)), func.min(gis.ST_YMin(feature.c.geom))
    places = conn.execute(
        select(mine.c.code, mine.c.zone_epsg, corner[0].label("x"), corner[1].label("y"))
        .join(feature, feature.c.mine_code == mine.c.code)
        .where(mine.c.code.in_(codes), feature.c.layer == "mine_boundary")
        .group_by(mine.c.code, mine.c.zone_epsg)
        .order_by(mine.c.code)
    ).all()
    if not places:
        return sorted(codes)
    along = gpd.GeoSeries(shapely.points([(row.x, row.y) for row in places])).hilbert_distance(
        total_bounds=_CHINA
    )
    order = {
        row.code: (row.zone_epsg, int(at), row.code) for row, at in zip(places, along, strict=True)
    }
    return sorted(codes, key=lambda code: order.get(code, (_LAST_ZONE, 0, code)))


def _assertions(conn: Connection, codes: Collection[str] | None, known: int) -> pd.DataFrame:
    wanted = (
        select(*(assertion.c[name] for name in ASSERTIONS))
        .outerjoin(batch, batch.c.id == assertion.c.batch_id)
        .where(known_at(known))
        .order_by(assertion.c.key)
    )
    if codes is not None:
        wanted = wanted.where(assertion.c.mine_code.in_(codes))
    return plain(ASSERTIONS, [dict(row) for row in conn.execute(wanted).mappings()])


def _endings(conn: Connection, by_survey: dict[Any, str], known: int) -> pd.DataFrame:
    """Return the endings that count: one that cites a revoked survey is void (L17)."""
    wanted = (
        select(*(ending.c[name] for name in ENDINGS), ending.c.cites_survey)
        .outerjoin(batch, batch.c.id == ending.c.batch_id)
        .where(known_at(known))
        .order_by(ending.c.target_key)
    )
    rows = [
        dict(row)
        for row in conn.execute(wanted).mappings()
        if by_survey.get(row["cites_survey"]) != "revoked"
    ]
    return plain(ENDINGS, rows)


def touched(conn: Connection, rules: Rules, survey_ids: Collection[Any]) -> set[str]:
    """Return the mines a change of these surveys may touch: owners, and who lies within reach."""
    changed = select(
        feature.c.mine_code,
        gis.ST_Expand(feature.c.geom, degrees(rules.reach_m) + degrees(feature.c.error_m)).label(
            "box"
        ),
    ).where(feature.c.survey_id.in_(survey_ids), feature.c.layer.not_in(_OF_NO_MINE))
    boundaries = select(feature.c.mine_code).where(
        feature.c.survey_id.in_(survey_ids), feature.c.layer == "mine_boundary"
    )
    # The old geometry of a redrawn licence counts as much as the new.
    older = select(
        feature.c.mine_code, gis.ST_Expand(feature.c.geom, degrees(rules.reach_m)).label("box")
    ).where(feature.c.layer == "mine_boundary", feature.c.mine_code.in_(boundaries))
    area = changed.union_all(older).subquery()
    near = (
        select(feature.c.mine_code)
        .join(area, feature.c.geom.op("&&")(gis.ST_Expand(area.c.box, degrees(feature.c.error_m))))
        .where(feature.c.layer.in_(("mine_boundary", "plan_item")))
    )
    owners = select(area.c.mine_code)
    found = {code for code in conn.scalars(near.union(owners)) if code is not None}
    return found & set(conn.scalars(select(mine.c.code)))


__all__ = [
    "as_day",
    "beside_each_other",
    "degrees",
    "known_at",
    "load_world",
    "touched",
]
