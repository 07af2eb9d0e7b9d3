"""Mending the shapes of a layer: made valid, or refused where too much would change."""

import numpy as np
import shapely

from geo.geometry import Shapes, kinds, mend
from geo.survey.check import Verdicts, Word
from geo.survey.limits import limits

# Vertices up to which the shape before mending is kept for the report.
_SHOWN = 2000


def mend_layer(shapes: Shapes, verdicts: Verdicts) -> Shapes:
    """Return the shapes with the invalid ones made valid; the verdicts say which and how.

    A shape whose area would change by more than the limit is refused: it is no longer what the
    survey drew, and which half of it was meant is for its author to say.

    Parameters
    ----------
    shapes : (n,) array of Geometry
        EPSG:4490.
    verdicts : Verdicts
        Grown by what was mended and refused.
    """
    most = limits()["geometry"]["area_change"]
    made = shapes.copy()
    broken = verdicts.alive() & ~(shapely.is_valid(shapes) & _extended(shapes))
    found = kinds(shapes)
    for kind in ("point", "line", "polygon"):
        rows = np.flatnonzero(broken & (found == kind))
        if not len(rows):
            continue
        result = mend(shapes[rows], kind)
        for at, row in enumerate(rows):
            where = result.where[at]
            if result.lost[at]:
                verdicts.refuse(row, "reader.row.degenerate", where)
                continue
            if result.unsound[at]:
                verdicts.refuse(row, "reader.row.unsound", where)
                continue
            percent = round(100 * float(result.change[at]), 3) if kind == "polygon" else 0.0
            if kind == "polygon" and not result.change[at] <= most:
                # A figure of eight may have had no net area at all.
                shown = percent if np.isfinite(percent) else "—"
                verdicts.refuse(
                    row, "reader.row.area_change", where, percent=shown, most=100 * most
                )
                continue
            made[row] = result.shapes[at]
            said: dict[str, object] = {"percent": percent}
            if shapely.get_num_coordinates(shapes[row]) <= _SHOWN:
                # The report draws what the survey drew beside what it was made into.
                said["before"] = shapely.to_wkt(shapes[row], rounding_precision=7)
            verdicts.mended[int(row)] = Word("reader.row.mended", said, where)
    return made


def _extended(shapes: Shapes) -> np.ndarray:
    """Tell which shapes have an extent of their own: a line of no length is no line."""
    return (shapely.get_dimensions(shapes) != 1) | (shapely.length(shapes) > 0)
