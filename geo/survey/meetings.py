"""Which shapes meet, and how much of them: the overlay of many targets with many factors.

Candidates come from a spatial index of boxes; pairs are judged by :mod:`geo.survey.clip`, and those
it leaves in doubt by GEOS. Both work without Python's lock, so threads share the pairs.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.survey.clip import DOUBTFUL, MEETS, Chains, chains, clip


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
    of, at = shapely.STRtree(targets).query(factors)
    order = np.lexsort((of, at))
    at, of = at[order], of[order]
    # Most factors lie nowhere near a target.
    near, of_near = np.unique(of, return_inverse=True)
    mine, theirs = chains(targets), chains(factors[near])
    verdict, measure = np.zeros(len(at), dtype=np.int8), np.zeros(len(at))

    def work(part: slice) -> None:
        _judge(part, at, of_near, mine, theirs, verdict, measure, measured)

    _shared(work, len(at), threads)
    doubtful = np.flatnonzero(verdict == DOUBTFUL)
    if len(doubtful):
        one, two = targets[at[doubtful]], factors[of[doubtful]]
        met = shapely.intersects(one, two)
        verdict[doubtful] = np.where(met, MEETS, 0)
        if measured:
            measure[doubtful] = _cut(one, two)
    met = verdict == MEETS
    return Meetings(at[met], of[met], measure[met] if measured else None)


def _judge(
    part: slice,
    at: NDArray[np.intp],
    of: NDArray[np.intp],
    mine: Chains,
    theirs: Chains,
    verdict: NDArray[np.int8],
    measure: NDArray[np.float64],
    measured: bool,
) -> None:
    clip(
        at[part], of[part], measured,
        mine.xy, mine.ends, mine.sign, mine.of_shape, mine.box,
        theirs.xy, theirs.ends, theirs.sign, theirs.of_shape, theirs.box, theirs.areal,
        verdict[part], measure[part],
    )  # fmt: skip


def _shared(work: Callable[[slice], None], count: int, threads: int) -> None:
    """Call `work` on slices of ``range(count)``, in threads where more than one is given."""
    if threads == 1 or count == 0:
        work(slice(0, count))
        return
    step = max(1, -(-count // (threads * 8)))
    parts = [slice(start, min(start + step, count)) for start in range(0, count, step)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, parts))


def _cut(targets: NDArray[np.object_], factors: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return what of each factor lies in its target, by building the intersection."""
    shared = shapely.intersection(targets, factors)
    lines = shapely.get_dimensions(factors) == 1
    return np.where(lines, shapely.length(shared), shapely.area(shared))
