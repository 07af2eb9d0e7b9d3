"""The facts that grades are made of, as data frames: what the store loads and the core reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj

# Made once: by its name it would be looked up for every frame.
CRS = pyproj.CRS.from_epsg(4490)
STATUSES = ("in_force", "held", "provisional")

MINES = ("mine_code", "name", "kind", "district", "zone_epsg", "attrs", "survey_key")
PLAN = (
    "key",
    "mine_code",
    "item",
    "name",
    "seam",
    "floor_m",
    "method",
    "height_m",
    "width_m",
    "dip_deg",
    "stage_m",
    "start",
    "end",
    "finished",
    "survey_key",
    "status",
    "error_m",
)
EXTENTS = (
    "key",
    "mine_code",
    "kinds",
    "seams",
    "methods",
    "accuracy_m",
    "error_m",
    "fieldwork_start",
    "fieldwork_end",
    "valid_until",
    "survey_unit",
    "survey_key",
    "status",
)
FACTORS = (
    "key",
    "layer",
    "mine_code",
    "survey_key",
    "survey_unit",
    "attrs",
    "verification",
    "error_m",
    "observed_on",
    "status",
)
ASSERTIONS = (
    "key",
    "mine_code",
    "hazard",
    "grade",
    "source",
    "seam",
    "document",
    "valid_from",
    "valid_to",
)
ENDINGS = ("target_kind", "target_key", "kind", "effective_on")


def spatial(columns: Iterable[str], rows: Iterable[dict[str, Any]] = ()) -> gpd.GeoDataFrame:
    """Return a frame of `rows` with exactly `columns` and a geometry in CGCS2000.

    Object columns hold Python values (None where missing), so that a date stays a date.
    """
    wanted = [*columns, "geometry"]
    listed = list(rows)
    data: dict[str, Any] = {
        name: pd.Series([row.get(name) for row in listed], dtype=object) for name in wanted[:-1]
    }
    shapes = np.array([row["geometry"] for row in listed], dtype=object)
    data["geometry"] = gpd.array.from_shapely(shapes, crs=CRS)
    return gpd.GeoDataFrame(data, geometry="geometry")


def plain(columns: Iterable[str], rows: Iterable[dict[str, Any]] = ()) -> pd.DataFrame:
    """Return a frame of `rows` with exactly `columns`, holding Python values."""
    listed = list(rows)
    return pd.DataFrame(
        {name: pd.Series([row.get(name) for row in listed], dtype=object) for name in columns}
    )


@dataclass(frozen=True)
class World:
    """All facts that bear on the grades of some mines, as known at one moment.

    Geometry is in EPSG:4490, axis order x, y. `status` is ``in_force`` (survey accepted), ``held``
    (survey revoked, L17: its raising claims still count, its coverage does not) or ``provisional``
    (survey only submitted, L16). `zones` are those of every mine on record, also of one whose
    licence lies too far to be among `mines` while a factor of its does not.
    """

    mines: gpd.GeoDataFrame = field(default_factory=lambda: spatial(MINES))
    plan: gpd.GeoDataFrame = field(default_factory=lambda: spatial(PLAN))
    extents: gpd.GeoDataFrame = field(default_factory=lambda: spatial(EXTENTS))
    factors: gpd.GeoDataFrame = field(default_factory=lambda: spatial(FACTORS))
    assertions: pd.DataFrame = field(default_factory=lambda: plain(ASSERTIONS))
    endings: pd.DataFrame = field(default_factory=lambda: plain(ENDINGS))
    zones: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        expected = {
            "mines": MINES,
            "plan": PLAN,
            "extents": EXTENTS,
            "factors": FACTORS,
            "assertions": ASSERTIONS,
            "endings": ENDINGS,
        }
        for name, columns in expected.items():
            frame = getattr(self, name)
            missing = [column for column in columns if column not in frame.columns]
            if missing:
                raise ValueError(f"World.{name} lacks {', '.join(missing)}")
            crs = getattr(frame, "crs", None)
            if isinstance(frame, gpd.GeoDataFrame) and len(frame) and crs != CRS:
                raise ValueError(f"World.{name} must be in {CRS}, not {crs}")

    def zone_of(self) -> dict[str, int]:
        """Return the zone whose metres each mine is measured in, by its code.

        It must not depend on what else was loaded: of two mines one may be asked about alone.
        """
        own = zip(self.mines["mine_code"], self.mines["zone_epsg"], strict=True)
        return {**self.zones, **{str(code): int(zone) for code, zone in own}}


def zone_between(zones: Mapping[str, int], asker: str, owner: Any) -> int:
    """Return the zone in which what is between two mines is measured: the smaller code's.

    It is the same whoever asks; the asker's own where the other is no mine on record.
    """
    return zones[min(asker, owner)] if owner in zones else zones[asker]
