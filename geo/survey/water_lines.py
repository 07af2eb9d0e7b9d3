"""The three lines of old-goaf water (积水线, 探水线, 警戒线) as geometry, by the formulae of rules.

The water line is the outline of the goaf: surveys draw no edge of the water within it, and the
whole of it is the safe end. The search and the warning line lie as far beyond as `formulae` says of
the quality of the record, and by the positional error more (L12): where a working crosses one, its
rule speaks.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import shapely

from geo.crs import from_metric, local_zone, to_metric
from geo.survey.formulae import search_line, warning_line

# From the water outwards.
LINES = ("water_line", "search_line", "warning_line")
# Chords to a quarter circle: round a corner a line is 0.1 m too near at most.
_ARC = 64
HOLDING = ("goaf", "abandoned_mine")


def holds_water(layer: str, attrs: Mapping[str, Any]) -> bool:
    """Tell whether a factor is an old goaf that may hold water and is not drained."""
    held = attrs.get("water") in ("present", "unknown")
    return layer in HOLDING and held and attrs.get("drained") is not True


def reach_m(error_m: float) -> float:
    """Return how far from a goaf its outermost line may lie, m, by the poorest record."""
    return float(warning_line([""])[0]) + error_m


def water_lines(factors: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the lines of each factor that may hold water.

    Parameters
    ----------
    factors : sequence of mapping
        layer, mine_code, attrs, error_m and geometry in EPSG:4490.

    Yields
    ------
    dict
        layer (one of ``LINES``), mine_code, name of the factor, beyond_m, and geometry: a line in
        EPSG:4490, drawn in the 3-degree zone of the goaf.
    """
    for one in factors:
        if not holds_water(one["layer"], one["attrs"]):
            continue
        # What nobody verified is inferred (L8), as grading takes it.
        seen = [one["attrs"].get("verification") or "inferred"]
        error = float(one["error_m"] or 0.0)
        zone = local_zone(shapely.point_on_surface(one["geometry"]).x)
        (shape,) = to_metric(np.array([one["geometry"]], dtype=object), zone)
        beyond = (0.0, float(search_line(seen)[0]) + error, float(warning_line(seen)[0]) + error)
        edges = [
            shapely.boundary(shapely.buffer(shape, far, quad_segs=_ARC) if far else shape)
            for far in beyond
        ]
        for layer, far, line in zip(
            LINES, beyond, from_metric(np.array(edges, dtype=object), zone), strict=True
        ):
            yield {
                "layer": layer,
                "mine_code": one["mine_code"],
                "name": one["attrs"].get("code") or one["attrs"].get("name"),
                "beyond_m": round(far, 3),
                "geometry": line,
            }
