"""Mending and measuring shapes, vectorised."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crs import GEOGRAPHIC, local_zone, transform

Shapes = NDArray[np.object_]
_KINDS = {
    "point": (0, 4),
    "line": (1, 2, 5),  # a linear ring is a line
    "polygon": (3, 6),
}
_ROUNDS = 4
_DIMENSION = {"point": 0, "line": 1, "polygon": 2}


def kinds(shapes: Shapes) -> NDArray[np.object_]:
    """Return ``point``, ``line``, ``polygon`` or ``mixed`` for each shape, None for none."""
    ids = shapely.get_type_id(shapes)
    found = np.full(len(ids), "mixed", dtype=object)
    for kind, members in _KINDS.items():
        found[np.isin(ids, members)] = kind
    found[ids < 0] = None
    return found


def only(shape: shapely.Geometry, kind: str) -> shapely.Geometry | None:
    """Return the parts of `shape` that are of `kind`, as one shape; None if there are none."""
    dimension = _DIMENSION[kind]
    if shape is None or shapely.is_empty(shape):
        return None
    if shapely.get_type_id(shape) in _KINDS[kind]:
        return shape
    parts = [shape]
    while any(shapely.get_type_id(part) >= 4 for part in parts):
        parts = list(shapely.get_parts(parts))
    kept = [part for part in parts if shapely.get_dimensions(part) == dimension]
    if not kept:
        return None
    if len(kept) == 1:
        return kept[0]
    made = {"point": shapely.multipoints, "line": shapely.multilinestrings}
    return made.get(kind, shapely.multipolygons)(kept)


@dataclass(frozen=True)
class Mended:
    """Shapes after mending.

    `change` is the change of area as a share of what it was (nan for lines and points);
    `where` the point at which the shape was broken; `lost` marks those of which nothing was left;
    `unsound` those that no mending made valid.
    """

    shapes: Shapes
    change: NDArray[np.float64]
    where: Shapes
    lost: NDArray[np.bool_]
    unsound: NDArray[np.bool_]


def mend(shapes: Shapes, kind: str) -> Mended:
    """Return invalid shapes made valid and kept to their kind.

    `shapely.make_valid` with ``method="structure"``, which keeps holes holes (the linework method
    fills them), and without the points and lines that collapsed parts leave.

    Parameters
    ----------
    shapes : (n,) array of Geometry
        Invalid shapes of one kind.
    kind : str
        ``point``, ``line`` or ``polygon``.
    """
    shapes = np.asarray(shapes, dtype=object)
    before = shapely.area(shapes)
    reasons = shapely.is_valid_reason(shapes)
    kept = shapes.copy()
    # GEOS's structure method may leave parts that share an edge to the last bit of a float; what
    # it made is then mended again.
    again = np.ones(len(shapes), dtype=bool)
    for _ in range(_ROUNDS):
        made = shapely.make_valid(kept[again], method="structure", keep_collapsed=False)
        kept[again] = [only(shape, kind) for shape in made]
        again = ~(shapely.is_valid(kept) | shapely.is_missing(kept))
        if not again.any():
            break
    lost = shapely.is_missing(kept) | shapely.is_empty(kept)
    after = np.where(lost, 0.0, shapely.area(kept))
    change = np.full(len(shapes), np.nan)
    if kind == "polygon":
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.where(before > 0, np.abs(after - before) / before, np.inf)
    where = np.empty(len(shapes), dtype=object)
    where[:] = [_place(reason) for reason in reasons]
    return Mended(kept, change, where, lost, ~lost & ~shapely.is_valid(kept))


def _place(reason: str) -> shapely.Geometry | None:
    # "Self-intersection[112.5 38.7]"
    _, _, place = reason.partition("[")
    try:
        x, y = (float(part) for part in place.rstrip("]").split()[:2])
    except ValueError:
        return None
    return shapely.Point(x, y) if np.isfinite((x, y)).all() else None


def measure(shapes: Shapes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return area (m²) and length (m) of CGCS2000 shapes, each in the zone of its own middle.

    Rounded to 1 mm² and 1 mm, as every measure is before a rule sees it.
    """
    shapes = np.asarray(shapes, dtype=object)
    area, length = np.zeros(len(shapes)), np.zeros(len(shapes))
    bounds = shapely.bounds(shapes)
    middles = (bounds[:, 0] + bounds[:, 2]) / 2
    there = np.flatnonzero(np.isfinite(middles))
    zones = np.array([local_zone(float(middle)) for middle in middles[there]], dtype=int)
    for zone in np.unique(zones):
        at = there[zones == zone]
        # As they are: an invalid shape is measured, not mended.
        metric = transform(shapes[at], GEOGRAPHIC, int(zone))
        area[at], length[at] = shapely.area(metric), shapely.length(metric)
    return np.round(area, 6), np.round(length, 3)
