"""A pond's lasting identity, and what is said of it; its events are in `pond_events`.

A pond is made by the acceptance of the first survey that names it; its state is never stored, but
follows from its events (:mod:`geo.tailings.life`).
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import uuid4

import shapely
from geoalchemy2 import functions as gis
from sqlalchemy import Connection, Row, select

from geo import clock
from geo.crs import local_zone
from geo.problems import Problem
from geo.store.accounts import ensure_organisation
from geo.store.authority import authorise, need, owner_of
from geo.store.batches import newest_seq, states
from geo.store.engine import Actor
from geo.store.publish import Batch, publishing
from geo.store.tables import HEAD_TOP_SOURCES, feature, head_top, pond
from geo.survey.keys import content_key

# Layers whose rows name the pond they belong to.
OF_A_POND = ("dam", "monitoring_reading")


def pond_of(row: Any) -> str | None:
    """Return the pond a row of any layer belongs to; None for what belongs to none.

    Parameters
    ----------
    row : mapping or row
        With layer, code and attrs.
    """
    layer, code, attrs = (
        row[name] if isinstance(row, Mapping) else getattr(row, name)
        for name in ("layer", "code", "attrs")
    )
    if layer == "pond":
        return str(code) if code else None
    return attrs.get("pond_code") if layer in OF_A_POND else None


def known_ponds(conn: Connection) -> set[str]:
    """Return the codes dams may name: ponds, and those that wait for acceptance."""
    by_state = states(conn, newest_seq(conn))
    sent = conn.execute(
        select(feature.c.code, feature.c.survey_id).where(feature.c.layer == "pond").distinct()
    )
    waiting = {row.code for row in sent if by_state.get(row.survey_id) == "submitted"}
    return waiting | set(conn.scalars(select(pond.c.code)))


def pond_owners(conn: Connection, staged: Iterable[Any], upload: Any) -> dict[str, dict[str, Any]]:
    """Return district and owner of each pond that staged rows name.

    The pond's own where it has been accepted; else what its row says, in the same file or in one
    that waits. Rows keep it: they are never changed.
    """
    rows = [row for row in staged if pond_of(row) is not None]
    codes = {pond_of(row) for row in rows}
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.layer == "pond":
            found[row.code] = _said(conn, row.attrs, upload)
    waiting = select(feature.c.code, feature.c.district, feature.c.owner_org).where(
        feature.c.layer == "pond", feature.c.code.in_(codes - set(found))
    )
    lasting = select(pond.c.code, pond.c.district, pond.c.owner_org).where(pond.c.code.in_(codes))
    for wanted in (waiting, lasting):
        for code, district, owner_org in conn.execute(wanted):
            found[code] = {"district": district, "owner_org": owner_org}
    return found


def _said(conn: Connection, attrs: dict[str, Any], upload: Any) -> dict[str, Any]:
    enterprise, district = attrs.get("enterprise"), str(attrs.get("district") or "")
    return {
        "district": district if district.isdigit() else upload.district,
        "owner_org": ensure_organisation(conn, f"enterprise:{enterprise}", enterprise, "enterprise")
        if enterprise
        else upload.owner_org,
    }


def ensure_ponds(made: Batch, survey_id: Any) -> list[str]:
    """Make the ponds a survey is the first to bring; returns their codes."""
    conn = made.conn
    rows = conn.execute(
        select(
            feature.c.code,
            feature.c.attrs,
            feature.c.district,
            feature.c.owner_org,
            feature.c.survey_org,
            gis.ST_AsBinary(feature.c.geom).label("wkb"),
        )
        .where(feature.c.survey_id == survey_id, feature.c.layer == "pond")
        .order_by(feature.c.code, feature.c.row_no)
    ).all()
    known = set(conn.scalars(select(pond.c.code)))
    first = {row.code: row for row in reversed(rows) if row.code not in known}
    made.add(pond, (_lasting(row) for _, row in sorted(first.items())))
    return sorted(first)


def _lasting(row: Row[Any]) -> dict[str, Any]:
    inside = shapely.point_on_surface(shapely.from_wkb(bytes(row.wkb)))
    return {
        "id": uuid4(),
        "code": row.code,
        "name": row.attrs.get("name") or row.code,
        "zone_epsg": local_zone(inside.x),
        "district": row.district,
        "owner_org": row.owner_org,
        "survey_org": row.survey_org,
    }


def pond_row(conn: Connection, code: str) -> Row[Any]:
    """Return a pond's lasting row.

    Raises
    ------
    Problem
        404 where no accepted survey has made one.
    """
    found = conn.execute(select(pond).where(pond.c.code == code)).one_or_none()
    if found is None:
        raise Problem("store.no_such_pond", http_status=404, pond=code)
    return found


def say_head_top(
    conn: Connection,
    actor: Actor,
    code: str,
    source: str,
    outcome: str,
    document: str,
    on_date: date,
    *,
    on: date | None = None,
) -> str:
    """Put on record what a list, an evaluation, a site check or a decision says of a pond (L23).

    The computer's own word is a run's, never entered here.

    Returns
    -------
    str
        The key of what was said.
    """
    row = pond_row(conn, code)
    authorise(actor, "head_top", row)
    sources = [name for name in HEAD_TOP_SOURCES if name != "computed"]
    if source not in sources or outcome not in ("yes", "no"):
        raise Problem("store.no_such_source", sources=", ".join(sources))
    need(document)
    today = on or clock.today()
    if on_date > today:
        raise Problem("store.event_in_future", on=on_date)
    content = {
        "pond_code": code,
        "source": source,
        "outcome": outcome,
        "on_date": on_date,
        "document": document,
    }
    key = content_key(content)
    with publishing(conn, actor, "head_top_said", today, {"pond": code, "source": source}) as made:
        if conn.scalar(select(head_top.c.id).where(head_top.c.key == key).limit(1)) is not None:
            raise Problem("store.said_before", http_status=409, document=document)
        made.add(
            head_top,
            [{"id": uuid4(), "key": key, **content, "evidence": {}, **owner_of(row)}],
        )
    return key
