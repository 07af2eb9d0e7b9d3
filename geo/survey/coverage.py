"""Where somebody looked, for what, and where nobody did (L8, L9).

A survey without an extent covers nothing; past its `valid_until` ground counts as not surveyed.
Held and provisional extents never give coverage (L16, L17). An extent covers what lies inside it by
more than its own error: along its edge, whether somebody looked is within the error (L12).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from geo.crs import from_metric, to_metric
from geo.rules import Rules
from geo.survey.footprint import footprint, workings
from geo.survey.layers import sought
from geo.survey.world import World, spatial

COVERAGE = (
    "mine_code",
    "horizon",
    "extent",
    "kind",
    "seam",
    "area_m2",
    "covered_m2",
    "inferred_m2",
    "unclear_m2",
    "share",
    "plan_status",
    "state",
)


def _valid(extents: gpd.GeoDataFrame, on: date) -> gpd.GeoDataFrame:
    fresh = [until is None or until >= on for until in extents["valid_until"]]
    begun = [start is None or start <= on for start in extents["fieldwork_start"]]
    return extents[
        (extents["status"] == "in_force").to_numpy()
        & np.array(fresh, dtype=bool)
        & np.array(begun, dtype=bool)
    ]


def _union(shapes: Sequence[shapely.Geometry]) -> shapely.Geometry:
    return shapely.union_all(np.array(shapes, dtype=object))


@dataclass(frozen=True)
class _Looked:
    """The extents valid on a day, the factors not resolved, and a tree of each."""

    extents: gpd.GeoDataFrame
    open: gpd.GeoDataFrame
    near_extents: shapely.STRtree
    near_open: shapely.STRtree


def _looked(world: World, on: date) -> _Looked:
    extents, factors = _valid(world.extents, on), world.factors
    open_ = factors[
        factors["verification"].isin(["inferred", "unclear"]).to_numpy()
        & (factors["status"] != "provisional").to_numpy()
    ]
    trees = (shapely.STRtree(frame.geometry.to_numpy()) for frame in (extents, open_))
    return _Looked(extents, open_, *trees)


class _Ground:
    """One mine's extents and unresolved factors in its own metres, with unions kept for reuse."""

    def __init__(self, looked: "_Looked", mine: Any, window: shapely.Geometry) -> None:
        zone = int(mine.zone_epsg)
        box = shapely.envelope(from_metric(np.array([window], dtype=object), zone)[0])
        extents = looked.extents.iloc[np.sort(looked.near_extents.query(box, "intersects"))]
        self._extents = to_metric(extents.geometry.to_numpy(), zone)
        open_ = looked.open.iloc[np.sort(looked.near_open.query(box, "intersects"))]
        shapes = to_metric(open_.geometry.to_numpy(), zone)
        errors = open_["error_m"].to_numpy(dtype=float)
        # A line or point has no area of its own: its error's width, 1 m at least, is in doubt.
        thin = shapely.get_dimensions(shapes) < 2 if len(shapes) else np.array([], dtype=bool)
        open_shapes = np.where(thin, shapely.buffer(shapes, np.maximum(errors, 1.0)), shapes)
        slots: dict[tuple[str, str], list[tuple[str | None, shapely.Geometry]]] = {}
        lies = [str(attrs["seam"]) if attrs.get("seam") else None for attrs in open_["attrs"]]
        named = zip(open_["layer"], open_["verification"], lies, open_shapes, strict=True)
        for layer, verification, seam, shape in named:
            slots.setdefault((layer, verification), []).append((seam, shape))
        self._open = slots
        self._doubts: dict[tuple[str, str, tuple[int, ...]], shapely.Geometry] = {}
        self._sought = list(zip(extents["kinds"], extents["seams"], strict=True))
        self._surveys = list(extents["survey_key"])
        self._errors = [
            max([0.0, *(float(e) for e in stated if e is not None)])
            for stated in zip(extents["accuracy_m"], extents["error_m"], strict=True)
        ]
        self._zone = zone
        # Most kinds were looked for by the same surveys, over the same ground: each once.
        self._unions: dict[tuple[int, ...], shapely.Geometry] = {}
        self._covered: dict[tuple[bytes, tuple[int, ...]], tuple[float, shapely.Geometry]] = {}

    def covered(
        self, area: shapely.Geometry, wkb: bytes, kind: str, seam: str | None, tolerance: float
    ) -> tuple[float, shapely.Geometry]:
        """Return what of `area` was surveyed, m², and the rest of it, EPSG:4490."""
        rows = tuple(
            i
            for i, (kinds, seams) in enumerate(self._sought)
            if kind in (kinds or ()) and (not seams or seam is None or seam in seams)
        )
        if rows not in self._unions:
            self._unions[rows] = self._certain(rows)
        if (wkb, rows) not in self._covered:
            seen = shapely.intersection(area, self._unions[rows])
            gap = _polygons(shapely.difference(area, seen), tolerance)
            (rest,) = from_metric(np.array([gap], dtype=object), self._zone)
            self._covered[wkb, rows] = round(float(shapely.area(seen)), 6), rest
        return self._covered[wkb, rows]

    def _certain(self, rows: Sequence[int]) -> shapely.Geometry:
        """Return the ground that extents surely cover: of each survey its whole less its error."""
        # The sheets of one survey are moved together: between them nothing is in doubt.
        sheets: dict[tuple[str, float], list[shapely.Geometry]] = {}
        for i in rows:
            slot = (str(self._surveys[i]), self._errors[i])
            sheets.setdefault(slot, []).append(self._extents[i])
        return _union(
            [
                shapely.buffer(_union(shapes), -error) if error else _union(shapes)
                for (_, error), shapes in sorted(sheets.items(), key=lambda one: one[0])
            ]
        )

    def unresolved(
        self,
        area: shapely.Geometry,
        kind: str,
        verification: str,
        seam: str | None,
        seams: Collection[str | None],
    ) -> float:
        """Return how much of `area` factors of a kind take that are not resolved, m².

        Of `seam`, where both name one; a factor in none of the `seams` asked about is in doubt for
        each of them, so that none is lost.
        """
        found = self._open.get((kind, verification), [])
        rows = tuple(
            i
            for i, (lies, _) in enumerate(found)
            if seam is None or lies is None or lies == seam or lies not in seams
        )
        if not rows:
            return 0.0
        slot = (kind, verification, rows)
        if slot not in self._doubts:
            self._doubts[slot] = _union([found[i][1] for i in rows])
        return round(float(shapely.area(shapely.intersection(area, self._doubts[slot]))), 6)


def _state(area: float, covered: float, inferred: float, unclear: float, tolerance: float) -> str:
    if covered <= tolerance < area:
        return "unsurveyed"
    if unclear > 0:
        return "unclear"
    if area - covered > tolerance:
        return "incomplete"
    return "inferred" if inferred > 0 else "clear"


def states(row: Mapping[str, Any], tolerance: float) -> list[str]:
    """Return every state that holds of a row of the coverage, each with its duty (L9).

    Ground nobody surveyed may hold factors that are known and unclear: both are to be told.
    """
    found = [
        name
        for name, holds in (
            ("unsurveyed", row["state"] == "unsurveyed"),
            ("unclear", row["unclear_m2"] > 0),
            (
                "incomplete",
                row["state"] != "unsurveyed" and row["area_m2"] - row["covered_m2"] > tolerance,
            ),
            ("inferred", row["inferred_m2"] > 0),
        )
        if holds
    ]
    return found or [row["state"]]


def _of_mine(
    world: World,
    looked: _Looked,
    mine: Any,
    rules: Rules,
    on: date,
    horizons: Collection[int],
) -> Iterator[dict[str, Any]]:
    around = rules.parameters.surroundings_m.value
    tolerance = rules.parameters.coverage_tolerance_m2.value
    planned = workings(world, mine.mine_code)
    grounds: list[tuple[str, int, shapely.Geometry, str, list[str | None]]] = []
    for years in sorted(horizons):
        shape, status, named = footprint(planned, on, years)
        seams: list[str | None] = [*named] or [None]
        grounds.append(("footprint", years, shapely.buffer(shape, around), status, seams))
    last = max(horizons)
    grounds.append(("field", last, shapely.buffer(planned.field, around), grounds[-1][3], [None]))
    ground = _Ground(looked, mine, _union([g[2] for g in grounds]))
    for extent, years, area, status, seams in grounds:
        wkb, total = shapely.to_wkb(area), round(float(shapely.area(area)), 6)
        for kind in sought(mine.kind):
            for seam in seams:
                doubt = {
                    name: ground.unresolved(area, kind, name, seam, seams)
                    for name in ("inferred", "unclear")
                }
                seen, open_ground = ground.covered(area, wkb, kind, seam, tolerance)
                yield {
                    "mine_code": mine.mine_code,
                    "horizon": years,
                    "extent": extent,
                    "kind": kind,
                    "seam": seam,
                    "area_m2": total,
                    "covered_m2": seen,
                    "inferred_m2": doubt["inferred"],
                    "unclear_m2": doubt["unclear"],
                    "share": round(seen / total, 6) if total else 0.0,
                    "plan_status": status,
                    "state": _state(total, seen, doubt["inferred"], doubt["unclear"], tolerance),
                    "geometry": open_ground,
                }


def _polygons(shape: shapely.Geometry, tolerance: float) -> shapely.Geometry:
    """Return the areal parts of a difference that are larger than the tolerance."""
    parts = shapely.get_parts(np.array([shape], dtype=object))
    kept = parts[(shapely.get_dimensions(parts) == 2) & (shapely.area(parts) > tolerance)]
    return shapely.multipolygons(kept)


def coverage(
    world: World,
    rules: Rules,
    on: date,
    horizons: Collection[int] = (1, 2, 3, 4, 5),
    only: Collection[str] | None = None,
) -> gpd.GeoDataFrame:
    """Return what is covered, per mine, horizon, extent, factor kind and seam.

    Parameters
    ----------
    world : World
        Facts.
    rules : Rules
        For the surroundings and the tolerance.
    on : date
        The day from which horizons are counted.
    horizons : collection of int
        Years ahead.
    only : collection of str, optional
        Codes of the mines; all where not given.

    Returns
    -------
    GeoDataFrame
        Columns of ``COVERAGE``; areas in m² of the mine's own zone; the geometry is the ground
        nobody surveyed, EPSG:4490. `state`: unsurveyed (未普查), unclear (不清), incomplete,
        inferred (推断) or clear.
    """
    mines = world.mines.sort_values("mine_code")
    if only is not None:
        mines = mines[mines["mine_code"].isin(list(only))]
    looked = _looked(world, on)
    rows = [
        row
        for mine in mines.itertuples()
        for row in _of_mine(world, looked, mine, rules, on, horizons)
    ]
    return spatial(COVERAGE, rows)


def unclear_mines(frame: gpd.GeoDataFrame) -> list[str]:
    """Return the mines with a footprint that is not clear, or without a sufficient plan."""
    near = frame[frame["extent"] == "footprint"]
    bad = near[(near["state"] != "clear") | (near["plan_status"] != "ok")]
    return sorted(set(bad["mine_code"]))
