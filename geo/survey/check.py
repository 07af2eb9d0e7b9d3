"""What is wrong with the rows of a layer: each check marks rows, none drops one.

A row is refused once, by the first check that finds against it; warnings gather.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.geometry import Shapes, kinds
from geo.survey.layers import Layer
from geo.survey.limits import limits
from geo.survey.reading.crs import frames

Mask = NDArray[np.bool_]
Row = int | np.integer[Any]


@dataclass(frozen=True)
class Word:
    """What is said of a row: message code, its values, and a point where to look."""

    code: str
    params: dict[str, Any]
    where: shapely.Geometry | None = None


@dataclass
class Verdicts:
    """What the checks found, by row position from 0."""

    count: int
    refused: dict[int, Word] = field(default_factory=dict)
    mended: dict[int, Word] = field(default_factory=dict)
    warned: dict[int, list[Word]] = field(default_factory=dict)

    def alive(self) -> Mask:
        """Return which rows are not refused."""
        mask = np.ones(self.count, dtype=bool)
        mask[list(self.refused)] = False
        return mask

    def refuse(self, row: Row, code: str, where: Any = None, **params: Any) -> None:
        """Refuse a row, if nothing refused it before."""
        self.refused.setdefault(int(row), Word(code, params, where))

    def refuse_all(self, rows: Iterable[Row], code: str, **params: Any) -> None:
        """Refuse several rows for the same reason."""
        for row in rows:
            self.refuse(row, code, **params)

    def warn(self, row: Row, code: str, where: Any = None, **params: Any) -> None:
        """Warn of a row."""
        self.warned.setdefault(int(row), []).append(Word(code, params, where))


def presence(shapes: Shapes, unreadable: Mask, verdicts: Verdicts) -> None:
    """Refuse rows with no shape, one that could not be read, or with NaN or infinite numbers."""
    verdicts.refuse_all(np.flatnonzero(unreadable), "reader.row.unreadable")
    absent = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    verdicts.refuse_all(np.flatnonzero(absent), "reader.row.empty")
    # Bounds skip NaN, so every coordinate is asked; a part of a shape must not vanish unseen.
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    broken = np.unique(owner[~np.isfinite(xy).all(axis=1)])
    verdicts.refuse_all(broken, "reader.row.not_finite")


def size(shapes: Shapes, verdicts: Verdicts) -> None:
    """Refuse rows with more vertices than are taken."""
    most = limits()["geometry"]["vertices_per_row"]
    counts = shapely.get_num_coordinates(shapes)
    for row in np.flatnonzero(counts >= most):
        verdicts.refuse(row, "reader.row.vertices", vertices=int(counts[row]), most=most)


def kind(shapes: Shapes, layer: Layer, verdicts: Verdicts) -> None:
    """Refuse rows whose shape is of another kind than the layer holds."""
    found = kinds(shapes)
    for row in np.flatnonzero(verdicts.alive() & ~np.isin(found, layer.geometry)):
        verdicts.refuse(
            row, f"reader.row.kind_{found[row]}", wanted=layer.label.zh, wanted_en=layer.label.en
        )


def country(shapes: Shapes, verdicts: Verdicts) -> None:
    """Refuse rows that reach outside China's box (degrees), or that no transform could place."""
    bounds = shapely.bounds(shapes)
    (west, east), (south, north) = frames()["china"]["lon"], frames()["china"]["lat"]
    with np.errstate(invalid="ignore"):
        inside = (
            np.isfinite(bounds).all(axis=1)
            & (bounds[:, 0] >= west)
            & (bounds[:, 1] >= south)
            & (bounds[:, 2] <= east)
            & (bounds[:, 3] <= north)
        )
    for row in np.flatnonzero(verdicts.alive() & ~inside):
        x, y = (round(float(v), 4) if np.isfinite(v) else "—" for v in bounds[row][:2])
        verdicts.refuse(row, "reader.row.outside_china", x=x, y=y)


def county(
    shapes: Shapes, bbox: tuple[float, float, float, float] | None, verdicts: Verdicts
) -> None:
    """Warn of rows well outside the county's box: county lines differ by source."""
    if bbox is None:
        return
    margin = limits()["geometry"]["county_margin_deg"]
    box = shapely.box(bbox[0] - margin, bbox[1] - margin, bbox[2] + margin, bbox[3] + margin)
    for row in np.flatnonzero(verdicts.alive() & ~shapely.intersects(shapes, box)):
        verdicts.warn(row, "reader.row.outside_county")


def duplicates(shapes: Shapes, raw: Sequence[dict[str, Any]], verdicts: Verdicts) -> None:
    """Refuse rows that repeat an earlier one wholly: the same shape and the same cells."""
    alive = np.flatnonzero(verdicts.alive())
    keys = pd.Series(shapely.to_wkb(shapely.normalize(shapes[alive])))
    first: dict[tuple[Any, str], int] = {}
    for at in np.flatnonzero(keys.duplicated(keep=False)):
        row = int(alive[at])
        key = (keys.iloc[at], repr(sorted(raw[row].items(), key=lambda item: item[0])))
        if key in first:
            verdicts.refuse(row, "reader.row.duplicate", first=first[key] + 1)
        else:
            first[key] = row


def order(columns: dict[str, list[Any]], layer: Layer, verdicts: Verdicts) -> None:
    """Refuse rows whose start lies after their end: which of the two is wrong, nobody can tell."""
    for low, high in layer.order:
        if low not in columns or high not in columns:
            continue
        for row, (a, b) in enumerate(zip(columns[low], columns[high], strict=True)):
            if a is None or b is None or isinstance(a, dict) or isinstance(b, dict) or a <= b:
                continue
            verdicts.refuse(
                row,
                "reader.row.order",
                first=layer.fields[low].label.zh,
                first_en=layer.fields[low].label.en,
                then=layer.fields[high].label.zh,
                then_en=layer.fields[high].label.en,
                a=str(a),
                b=str(b),
            )


def same_mine(columns: dict[str, list[Any]], verdicts: Verdicts) -> None:
    """Warn of mines drawn in several rows: together they make one boundary."""
    rows: dict[Any, list[int]] = {}
    for row in np.flatnonzero(verdicts.alive()).tolist():
        rows.setdefault(columns["mine_code"][row], []).append(row)
    for mine, drawn in rows.items():
        listed = ", ".join(str(row + 1) for row in drawn[:10])
        for row in drawn if len(drawn) > 1 else ():
            verdicts.warn(row, "reader.row.same_mine", mine=mine, rows=listed)


def required(columns: dict[str, list[Any]], layer: Layer, verdicts: Verdicts) -> None:
    """Refuse rows that lack a field the layer cannot do without."""
    for name, spec in layer.fields.items():
        if not spec.required:
            continue
        cells = columns.get(name) or [None] * verdicts.count
        for row, value in enumerate(cells):
            if value is None:
                verdicts.refuse(
                    row, "reader.row.required", field=spec.label.zh, field_en=spec.label.en
                )
