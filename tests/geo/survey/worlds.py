"""Small worlds for tests of the core: mines in a row across the zone edge at 112.5° E."""

from datetime import date
from typing import Any

import shapely
from hypothesis import strategies as st

from geo.survey.keys import content_key
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

WEST, SOUTH, WIDE, HIGH = 112.44, 38.80, 0.03, 0.02
LOW = {
    "gas_grade": "low", "hydro_type": "simple", "q_l_sm": 0.05, "q1_m3h": 100, "q2_m3h": 200,
    "q3_m3h": 20, "gas_relative_m3t": 3, "gas_absolute_m3min": 10, "gas_heading_m3min": 1,
    "gas_face_m3min": 2, "seams": ["3"],
}  # fmt: skip


def rect(x: float, y: float, dx: float, dy: float) -> shapely.Polygon:
    """Return a rectangle in units of a licence's width and height."""
    a, b = WEST + x * WIDE, SOUTH + y * HIGH
    return shapely.box(a, b, a + dx * WIDE, b + dy * HIGH)


def mine(i: int, **more: Any) -> dict[str, Any]:
    """Return the i-th mine of the row: 0 and 1 west of the zone edge, 2 on."""
    zone = 4546 if WEST + (i + 0.5) * WIDE <= 112.5 else 4547
    return {
        "mine_code": f"M{i}",
        "name": f"M{i}",
        "kind": "coal",
        "district": "140981",
        "zone_epsg": zone,
        "survey_key": "s",
        "geometry": rect(i, 0, 1, 1),
        **more,
        "attrs": LOW | more.get("attrs", {}),
    }


def item(i: int, x: float, start: date | None = date(2024, 1, 1), end: date | None = date(2031, 1, 1), **more: Any) -> dict[str, Any]:  # fmt: skip
    """Return a panel of the i-th mine, `x` along it."""
    row = {
        "mine_code": f"M{i}", "item": "panel", "name": f"P{i}-{x}", "seam": "3", "start": start,
        "end": end, "finished": False, "survey_key": "s", "status": "in_force", "error_m": 0.0,
        "geometry": rect(i + x, 0.3, 0.2, 0.3),
    } | more  # fmt: skip
    return row | {"key": content_key({"p": row["name"], "s": str(start), "x": x})}


def factor(
    i: int, x: float, layer: str = "goaf", size: float = 0.05, **more: Any
) -> dict[str, Any]:
    """Return a factor of the i-th mine, `x` along the row from its west edge."""
    attrs = more.pop("attrs", {"water": "none"})
    row = {
        "layer": layer, "mine_code": f"M{i}", "survey_key": "s", "survey_unit": "u",
        "attrs": attrs, "verification": "verified", "error_m": 0.0, "observed_on": None,
        "status": "in_force", "geometry": rect(i + x, 0.4, size, size),
    } | more  # fmt: skip
    content = {k: str(v) for k, v in row.items()}
    return row | {"key": content_key(content)}


def world(mines: Any, plan: Any = (), factors: Any = (), extents: Any = (), said: Any = (), ended: Any = ()) -> World:  # fmt: skip
    """Return a world of rows."""
    return World(
        mines=spatial(MINES, mines),
        plan=spatial(PLAN, plan),
        factors=spatial(FACTORS, factors),
        extents=spatial(EXTENTS, extents),
        assertions=plain(ASSERTIONS, said),
        endings=plain(ENDINGS, ended),
    )


WATER = st.sampled_from(
    [
        {"water": "none"},
        {"water": "unknown"},
        {"water": "present"},
        {"water": "present", "water_extent_known": True, "water_volume_m3": 500.0},
        {"water": "present", "water_extent_known": False, "water_volume_m3": 500.0},
        {
            "water": "present",
            "water_extent_known": False,
            "water_volume_m3": {"low": None, "high": None, "raw": "不清"},
        },
    ]
)
STATUS = st.sampled_from(["in_force", "in_force", "held", "provisional"])
LYING = st.sampled_from(
    [{}, {"floor_m": 830.0}, {"floor_m": 900.0}, {"floor_m": 760.0, "mining_height_m": 3.0}]
)
GOAFS = st.builds(
    lambda i, x, attrs, lies, status, error, seen: factor(
        i, x, attrs=attrs | lies | {"seam": "3"}, status=status, error_m=error, verification=seen
    ),
    st.integers(0, 3),
    st.floats(-0.3, 1.2).map(lambda v: round(v, 3)),
    WATER,
    LYING,
    STATUS,
    st.sampled_from([0.0, 5.0, 100.0]),
    st.sampled_from(["verified", "inferred", "unclear"]),
)
AREAS = st.builds(
    lambda i, x, layer, w, out: factor(
        i, x, layer, attrs={"seam": "3", "index_w": w, "outburst": out, "active": out}
    ),
    st.integers(0, 3),
    st.floats(0, 0.9).map(lambda v: round(v, 3)),
    st.sampled_from(["rock_burst_area", "gas_rich_area", "fire_area"]),
    st.sampled_from([0.25, 0.26, 0.5, 0.75, 0.76]),
    st.booleans(),
)
OTHERS = st.builds(
    lambda i, x, layer, word: factor(
        i, x, layer,
        attrs={"conductive": word, "water_pressure_mpa": 2.0, "pressure_mpa": 2.0, "barrier_m": 20.0,
               "sealing": "poor", "q_l_sm": 0.5, "reaches": "goaf"},
    ),
    st.integers(0, 3),
    st.floats(0, 0.9).map(lambda v: round(v, 3)),
    st.sampled_from(["fault", "aquifer", "fissure", "skylight", "abandoned_shaft", "fold"]),
    st.sampled_from(["yes", "no", "unknown"]),
)  # fmt: skip
FLAT = {"floor_m": 800.0, "height_m": 3.0}
ITEMS = st.builds(
    lambda i, x, year: item(
        i, x, date(year, 1, 1), date(year + 4, 1, 1), **(FLAT if year % 2 else {})
    ),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.3, 0.6, 0.8]),
    st.integers(2022, 2030),
)
FACTORS_DRAWN = st.lists(st.one_of(GOAFS, AREAS, OTHERS), max_size=6, unique_by=lambda r: r["key"])
ITEMS_DRAWN = st.lists(ITEMS, max_size=5, unique_by=lambda r: r["key"])
