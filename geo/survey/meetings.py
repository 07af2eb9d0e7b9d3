"""Which shapes meet, and how much of them: the overlay of many targets with many factors.

Candidates come from a spatial index of boxes; each target is prepared once for all of its own; a
factor wholly inside needs no intersection, its whole measure lies there; and an area is taken only
where it is asked for. GEOS works without Python's lock, so threads share the pairs.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

_CHUNK = 4096


@dataclass(frozen=True)
class Meetings:
    """Pairs that meet, by target and then by factor.

    `measure` is what of the factor lies in the target: m² of a polygon, m of a line, 0 of a point;
    None where it was not asked for.
    """

    target: NDArray[np.intp]
    factor: NDArray[np.intp]
    measure: NDArray[np.float64] | None


def meetings(
    targets: NDArray[np.object_],
    factors: NDArray[np.object_],
    *,
    measured: bool = False,
    threads: int = 1,
) -> Meetings:
    """Return which factors meet which targets; touching counts.

    Parameters
    ----------
    targets : (n,) array of Polygon or MultiPolygon
        Valid, in metres.
    factors : (m,) array of Geometry
        Valid, in the same metres; points, lines and polygons may be mixed.
    measured : bool
        Whether to say how much of each factor lies in its target.
    threads : int
        How many share the work; the answer is the same with any number.
    """
    tree = shapely.STRtree(factors)
    at, of = tree.query(targets)
    order = np.lexsort((of, at))
    at, of = at[order], of[order]
    # A run of pairs holds whole targets, so that each is prepared in one thread only.
    starts = np.flatnonzero(np.r_[True, at[1:] != at[:-1]]) if len(at) else np.array([], dtype=int)
    cuts = [0]
    for start in starts:
        if start - cuts[-1] >= _CHUNK:
            cuts.append(int(start))
    runs = [slice(a, b) for a, b in zip(cuts, [*cuts[1:], len(at)], strict=True) if b > a]

    def work(run: slice) -> tuple[NDArray[np.bool_], NDArray[np.float64] | None]:
        return _run(targets, factors, at[run], of[run], measured)

    if threads == 1:
        done = [work(run) for run in runs]
    else:
        with ThreadPoolExecutor(threads) as pool:
            done = list(pool.map(work, runs))
    met = np.concatenate([d[0] for d in done]) if done else np.array([], dtype=bool)
    measure = None
    if measured:
        parts = [d[1] for d in done if d[1] is not None]
        measure = np.concatenate(parts) if parts else np.array([])
    return Meetings(at[met], of[met], measure)


def _run(
    targets: NDArray[np.object_],
    factors: NDArray[np.object_],
    at: NDArray[np.intp],
    of: NDArray[np.intp],
    measured: bool,
) -> tuple[NDArray[np.bool_], NDArray[np.float64] | None]:
    """Answer the pairs of some targets: which meet, and the measure of those that do."""
    # Copies of our own: a shape prepared by one thread is not to be freed or read by another.
    own, place = np.unique(at, return_inverse=True)
    mine = shapely.from_wkb(shapely.to_wkb(targets[own]))
    shapely.prepare(mine)
    target, factor = mine[place], factors[of]
    met = shapely.intersects(target, factor)
    if not measured:
        return met, None
    target, factor = target[met], factor[met]
    lines = shapely.get_dimensions(factor) == 1
    whole = np.where(lines, shapely.length(factor), shapely.area(factor))
    inside = shapely.contains(target, factor)
    cut = shapely.intersection(target[~inside], factor[~inside])
    whole[~inside] = np.where(lines[~inside], shapely.length(cut), shapely.area(cut))
    return met, whole
