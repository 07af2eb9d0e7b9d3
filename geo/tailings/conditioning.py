"""Make a terrain model drain: keep real pits, carve or fill the rest; `waterways` are cut in first.

Hollows of a terrain model are mostly faults of it (a road's bank over a culvert, noise); flow must
leave them. A hollow's water leaves over its lowest pass: from its bottom back up to the pass and
down beyond. Then either the way out is carved down to the bottom's height, or the hollow is filled
to the pass: whichever moves less ground (Soille 2004, doi:10.1029/2004WR003060); where both move
the same, it is filled. Hollows are treated from the ends of flow upward, of those that spill into
one the one with the lower pass first. Pits deeper than the limit stay and end the flow.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.kernels import compiled
from geo.tailings.descent import hollows, steepest_descent
from geo.tailings.flow import CODES, COL_STEP, ROW_STEP, SINK, offsets
from geo.tailings.parameters import terrain_rules
from geo.tailings.spill import lowest_passes, spill_forest


@dataclass(frozen=True)
class Conditioned:
    """Ground that drains, and how.

    Attributes
    ----------
    z : ndarray of float, shape (rows, cols)
        Conditioned heights, m: along the flow they never rise.
    d8 : ndarray of uint8, shape (rows, cols)
    kept : ndarray of int64
        Flat indices of the bottoms of pits that stay.
    """

    z: NDArray[np.floating]
    d8: NDArray[np.uint8]
    kept: NDArray[np.int64]


@compiled
def _code_to(at, there, cols):  # type: ignore[no-untyped-def]
    for k in range(8):
        if at + ROW_STEP[k] * cols + COL_STEP[k] == there:
            return CODES[k]
    return np.uint8(SINK)


@compiled
def _under_water(raw, d8, bottom, level, wet):  # type: ignore[no-untyped-def]
    """Return the cells of a hollow below `level` and the ground it takes to fill them."""
    rows, cols = raw.shape
    volume, filled, seen = 0.0, 1, 0
    wet[0] = bottom
    while seen < filled:
        at = wet[seen]
        seen += 1
        r, c = at // cols, at % cols
        volume += level - raw[r, c]
        for k in range(8):
            nr, nc = r + ROW_STEP[k], c + COL_STEP[k]
            if nr < 0 or nc < 0 or nr >= rows or nc >= cols or not raw[nr, nc] < level:
                continue
            code = d8[nr, nc]
            # Flow from the neighbour comes here: its direction is the opposite of k.
            if code != SINK and code == _code_to(nr * cols + nc, at, cols):
                if filled == wet.size:
                    grown = np.empty(2 * wet.size, dtype=wet.dtype)
                    grown[:filled] = wet
                    wet = grown
                wet[filled] = nr * cols + nc
                filled += 1
    return volume, filled, wet


@compiled
def _turn_round(d8, offset, leave, enter, cols):  # type: ignore[no-untyped-def]
    """Lead flow from the bottom back up to the pass and over it."""
    at, before = leave, enter
    while True:
        step = offset[d8[at]]
        d8[at] = _code_to(at, before, cols) if before >= 0 else np.uint8(SINK)
        if step == 0:
            return
        before = at
        at += step


@compiled
def _carving(z, d8, offset, bottom, floor, most):  # type: ignore[no-untyped-def]
    """Return the ground to cut from the bottom on down, as long as it is less than `most`."""
    volume, at = 0.0, bottom
    while volume < most:
        step = offset[d8[at]]
        if step == 0:
            break
        at += step
        if z[at] <= floor:
            break
        volume += z[at] - floor
    return volume


@compiled
def _carve(z, d8, offset, bottom, floor):  # type: ignore[no-untyped-def]
    at = bottom
    while True:
        step = offset[d8[at]]
        if step == 0:
            return
        at += step
        if z[at] <= floor:
            return
        z[at] = floor


@compiled
def _drain(raw, z, d8, offset, bottoms, into, leaves, enters, turn):  # type: ignore[no-untyped-def]
    cols = raw.shape[1]
    before, after = raw.ravel(), z.ravel()
    flat = d8.ravel()
    wet = np.empty(1024, dtype=np.int64)
    for one in turn:
        if into[one] < 0:
            continue
        bottom, leave, enter = bottoms[one], leaves[one], enters[one]
        floor, level = before[bottom], before[leave]
        if enter >= 0:
            level = max(level, after[enter])
        filling, filled, wet = _under_water(raw, d8, bottom, level, wet)
        _turn_round(flat, offset, leave, enter, cols)
        if _carving(after, flat, offset, bottom, floor, filling) < filling:
            _carve(after, flat, offset, bottom, floor)
        else:
            for place in range(filled):
                after[wet[place]] = level


def condition(
    z: NDArray[np.floating], cell: tuple[float, float], *, keep_deeper_m: float | None = None
) -> Conditioned:
    """Return conditioned heights and D8 directions of a grid.

    Linear in cells but for the sorting of passes; the same bytes whatever the machine's load.

    Parameters
    ----------
    z : ndarray of float32 or float64, shape (rows, cols)
        Heights, m; NaN where there is no ground. Waterways are burnt in before:
        ``waterways.burn``.
    cell : (float, float)
        Width and height of a cell, m.
    keep_deeper_m : float, optional
        Pits deeper than this stay; by default the figure of ``terrain.yaml``.
    """
    if keep_deeper_m is None:
        keep_deeper_m = float(terrain_rules()["conditioning"]["keep_deeper_m"])
    d8, label = steepest_descent(z, cell)
    bottom = hollows(z, d8, label)
    passes = lowest_passes(z, label, bottom.size)
    del label
    floor = np.concatenate(([-np.inf], z.ravel()[bottom[1:]].astype(np.float64)))
    forest = spill_forest(passes, floor, bottom, keep_deeper_m)
    done = z.copy()
    _drain(
        z, done, d8, offsets(z.shape[1]), bottom,
        forest.into, forest.leave_cell, forest.enter_cell, forest.turn,
    )  # fmt: skip
    return Conditioned(done, d8, bottom[forest.kept])
