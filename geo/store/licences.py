"""A mine's lasting identity, made by the acceptance of its first boundary; and its licences."""

from collections.abc import Collection
from typing import Any
from uuid import uuid4

import geopandas as gpd
import shapely
from geoalchemy2 import functions as gis
from sqlalchemy import Connection, select, text

from geo.crs import local_zone
from geo.store.accounts import ensure_organisation
from geo.store.batches import newest_seq, states
from geo.store.facts import known_at
from geo.store.publish import Batch
from geo.store.tables import batch, feature, mine
from geo.survey.crossings import LICENCES
from geo.survey.world import spatial


def known_mines(conn: Connection) -> set[str]:
    """Return the codes rows may name: mines, and boundaries that wait for acceptance."""
    by_state = states(conn, newest_seq(conn))
    drawn = conn.execute(
        select(feature.c.mine_code, feature.c.survey_id)
        .where(feature.c.layer == "mine_boundary")
        .distinct()
    )
    waiting = {row.mine_code for row in drawn if by_state.get(row.survey_id) == "submitted"}
    return waiting | set(conn.scalars(select(mine.c.code)))


def owners(conn: Connection, staged: list[Any], upload: Any) -> dict[str, dict[str, Any]]:
    """Return district and owner of each mine that staged rows name.

    The mine's own where it has been accepted; else what a boundary says, in the same file or in one
    that waits for acceptance. Rows keep it: they are never changed.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in staged:
        if row.layer == "mine_boundary" and row.mine_code not in found:
            enterprise = row.attrs.get("enterprise")
            district = str(row.attrs.get("district") or "")
            found[row.mine_code] = {
                "district": district if district.isdigit() else upload.district,
                "owner_org": ensure_organisation(
                    conn, f"enterprise:{enterprise}", enterprise, "enterprise"
                )
                if enterprise
                else upload.owner_org,
            }
    codes = {row.mine_code for row in staged if row.mine_code is not None}
    waiting = select(feature.c.mine_code, feature.c.district, feature.c.owner_org).where(
        feature.c.layer == "mine_boundary", feature.c.mine_code.in_(codes - set(found))
    )
    lasting = select(mine.c.code, mine.c.district, mine.c.owner_org).where(mine.c.code.in_(codes))
    for wanted in (waiting, lasting):
        for code, district, owner_org in conn.execute(wanted):
            found[code] = {"district": district, "owner_org": owner_org}
    return found


def earlier(conn: Connection, codes: Collection[str], known: int) -> gpd.GeoDataFrame:
    """Return every version of some mines' licences that was ever in force, as received (L15).

    Parameters
    ----------
    conn : Connection
        Of the worker role.
    codes : collection of str
        The mines.
    known : int
        Number of the batch up to which things are known.

    Returns
    -------
    GeoDataFrame
        Columns of ``geo.survey.crossings.LICENCES``; the parts that one survey drew are united.
    """
    by_state = states(conn, known)
    gone = set(conn.scalars(text("SELECT minerisk.replaced(:known)"), {"known": known}))
    parts: dict[tuple[str, Any], list[Any]] = {}
    for row in conn.execute(
        select(
            feature.c.id,
            feature.c.mine_code,
            feature.c.survey_id,
            feature.c.attrs,
            gis.ST_AsBinary(feature.c.geom).label("wkb"),
        )
        .outerjoin(batch, batch.c.id == feature.c.batch_id)
        .where(feature.c.layer == "mine_boundary", feature.c.mine_code.in_(codes), known_at(known))
        .order_by(batch.c.seq.nulls_last(), feature.c.row_no)
    ):
        if row.id not in gone and by_state.get(row.survey_id) in ("accepted", "superseded"):
            parts.setdefault((row.mine_code, row.survey_id), []).append(row)
    return spatial(
        LICENCES,
        (
            {
                "mine_code": code,
                "attrs": {k: v for k, v in drawn[-1].attrs.items() if v is not None},
                "geometry": shapely.union_all([shapely.from_wkb(bytes(r.wkb)) for r in drawn]),
            }
            for (code, _), drawn in parts.items()
        ),
    )


def ensure_mines(made: Batch, survey_id: Any) -> list[str]:
    """Make the mines whose boundary a survey is the first to bring; returns their codes.

    Only an acceptance makes one: kind, zone, district and owner last, and nobody may fix them by
    merely sending a file.
    """
    conn = made.conn
    rows = conn.execute(
        select(
            feature.c.mine_code,
            feature.c.attrs,
            feature.c.district,
            feature.c.owner_org,
            feature.c.survey_org,
            gis.ST_AsBinary(feature.c.geom).label("wkb"),
        )
        .where(feature.c.survey_id == survey_id, feature.c.layer == "mine_boundary")
        .order_by(feature.c.mine_code, feature.c.row_no)
    )
    known = set(conn.scalars(select(mine.c.code)))
    parts: dict[str, list[Any]] = {}
    for row in rows:
        if row.mine_code not in known:
            parts.setdefault(row.mine_code, []).append(row)
    made.add(mine, (_lasting(code, of_mine) for code, of_mine in parts.items()))
    return sorted(parts)


def _lasting(code: str, parts: Collection[Any]) -> dict[str, Any]:
    first = next(iter(parts))
    whole = shapely.union_all([shapely.from_wkb(bytes(part.wkb)) for part in parts])
    return {
        "id": uuid4(),
        "code": code,
        "name": first.attrs.get("mine_name") or code,
        "kind": first.attrs.get("mine_kind") or "coal",
        # Fixed on the mine, changed only by decision: its metres must stay the same.
        "zone_epsg": local_zone(whole.representative_point().x),
        "district": first.district,
        "owner_org": first.owner_org,
        "survey_org": first.survey_org,
    }
