"""The state of a mine after a batch: lines, coverage, what lies ahead, ground nobody surveyed."""

from collections.abc import Collection
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geoalchemy2 import WKBElement
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from geo.crs import transform
from geo.hazards import colour_label, overall_colour
from geo.store.publish import Batch
from geo.store.tables import mine_state, unclear_ground
from geo.survey.assess import Assessed
from geo.survey.coverage import COVERAGE, unclear_mines
from geo.survey.world import plain

LINES = ("determined", "proposed", "decided", "effective")


def as_wkb(shape: shapely.Geometry | None, srid: int) -> WKBElement | None:
    """Return a geometry as the store takes it; None where there is none."""
    if shape is None or shape.is_empty:
        return None
    return WKBElement(shapely.to_wkb(shape), srid=srid)


def drawn(shapes: Any) -> Any:
    """Return geometries in EPSG:3857, to draw only."""
    return transform(np.asarray(shapes, dtype=object), 4490, 3857)


def summary(mine_lines: pd.DataFrame, unclear: bool) -> dict[str, Any]:
    """Return what a map and a list show of one mine: colour, words, grade per hazard and line."""
    colours = {
        line: overall_colour(dict(zip(mine_lines["hazard"], mine_lines[line], strict=True)))
        for line in LINES
    }
    shown = colours["effective"]
    return {
        "colour": shown,
        "colours": colours,
        "label_zh": colour_label(shown or "none", "zh"),
        "label_en": colour_label(shown or "none", "en"),
        "unclear": unclear,
        "grades": dict(zip(mine_lines["hazard"], mine_lines["effective"], strict=True)),
    }


def write_states(
    made: Batch,
    horizon: int,
    codes: list[str],
    assessed: Assessed,
    found: pd.DataFrame,
    owners: Any,
) -> None:
    """Write the state of each mine, and the ground in its footprint that nobody surveyed.

    `horizon` is the number of years whose footprint is drawn.
    """
    ground = assessed.ground
    unclear = set(unclear_mines(ground))
    lines_of = found.groupby("mine_code", sort=False).indices
    ground_of = ground.groupby("mine_code", sort=False).indices
    told = pd.DataFrame(ground[list(COVERAGE[1:])])
    shapes = ground.geometry.to_numpy()
    near = (ground["extent"] == "footprint").to_numpy() & (ground["horizon"] == horizon).to_numpy()
    near &= ~shapely.is_empty(shapes)
    ahead: dict[str, list[dict[str, Any]]] = {code: [] for code in codes}
    for row in assessed.ahead:
        ahead[row["mine_code"]].append(row)
    rows, open_rows = [], []
    for code in codes:
        mine_lines = found.iloc[lines_of.get(code, [])]
        own = ground_of.get(code, np.array([], dtype=int))
        rows.append(
            {
                "mine_code": code,
                "on_date": made.on,
                "lines": mine_lines.drop(columns="mine_code").to_dict("records"),
                "coverage": told.iloc[own].to_dict("records"),
                "summary": summary(mine_lines, code in unclear) | {"advance": ahead[code]},
                **owners[code],
            }
        )
        own = own[near[own]]
        if len(own):
            whole = shapely.union_all(shapes[own])
            (shape,) = drawn([whole])
            open_rows.append(
                {
                    "mine_code": code,
                    "kinds": sorted(set(told["kind"].iloc[own])),
                    "geom": as_wkb(whole, 4490),
                    "geom_3857": as_wkb(shape, 3857),
                    **owners[code],
                }
            )
    made.add(mine_state, rows)
    made.add(unclear_ground, open_rows)


def newest_day(conn: Connection) -> date | None:
    """Return the day of the newest state; None where nothing was graded yet."""
    found: date | None = conn.scalar(select(func.max(mine_state.c.on_date)))
    return found


def newest_lines(conn: Connection, codes: Collection[str]) -> pd.DataFrame:
    """Return the effective grades last written for some mines: mine_code, hazard, effective."""
    found = conn.execute(
        select(mine_state.c.mine_code, mine_state.c.lines)
        .ext(distinct_on(mine_state.c.mine_code))
        .where(mine_state.c.mine_code.in_(codes))
        .order_by(mine_state.c.mine_code, mine_state.c.id.desc())
    )
    return plain(
        ("mine_code", "hazard", "effective"),
        [{"mine_code": row.mine_code, **line} for row in found for line in row.lines],
    )
