"""Where hollows spill: the lowest passes between them, and the way out for each.

Hollows and the passes between them make a graph; its minimum spanning forest, rooted outside the
grid and in the pits that are kept, gives each hollow the pass it spills over (Barnes 2016,
doi:10.1016/j.cageo.2016.07.001; Cordonnier, Bovy, Braun 2019, doi:10.5194/esurf-7-549-2019). Passes
are ordered by height, then by the lower of their two cells, then by the cells' places.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.kernels import compiled
from geo.tailings.flow import COL_STEP, ROW_STEP

_FORWARD = np.array([0, 1, 4, 5], dtype=np.int64)  # E, S, SE, SW: each pair of cells once


@dataclass(frozen=True)
class Passes:
    """The lowest pass between each two hollows that touch; label 0 is outside."""

    low: NDArray[np.int64]  # labels, low < high
    high: NDArray[np.int64]
    low_cell: NDArray[np.int64]  # cell on the side of `low`; −1 outside the grid
    high_cell: NDArray[np.int64]
    height: NDArray[np.float64]  # the higher of the two cells, m


@dataclass(frozen=True)
class Forest:
    """By label: where a hollow spills. `turn` holds labels so that each follows its receiver."""

    into: NDArray[np.int64]  # receiving label; −1 where flow ends (outside, kept pits)
    leave_cell: NDArray[np.int64]  # last cell of its own, on the pass
    enter_cell: NDArray[np.int64]  # first cell of the receiver; −1 outside the grid
    turn: NDArray[np.int64]
    kept: NDArray[np.int64]  # labels of the pits that are kept


@compiled
def _better(height, other, first, second, at, heights, others, firsts, seconds):  # type: ignore[no-untyped-def]
    if height != heights[at]:
        return height < heights[at]
    if other != others[at]:
        return other < others[at]
    near, its_near = min(first, second), min(firsts[at], seconds[at])
    if near != its_near:
        return near < its_near
    return max(first, second) < max(firsts[at], seconds[at])


@compiled
def _meet(key, height, other, first, second, keys, heights, others, firsts, seconds):  # type: ignore[no-untyped-def]
    """Keep the better pass of a pair of hollows in the open-addressed table; 1 if it is new."""
    some = keys.size - 1
    at = ((key * 0x9E3779B97F4A7C1 >> 7) ^ key) & some
    while keys[at] != -1 and keys[at] != key:
        at = (at + 1) & some
    new = keys[at] == -1
    if new or _better(height, other, first, second, at, heights, others, firsts, seconds):
        keys[at] = key
        heights[at], others[at] = height, other
        firsts[at], seconds[at] = first, second
    return 1 if new else 0


@compiled
def _find(z, label, count, keys, heights, others, firsts, seconds):  # type: ignore[no-untyped-def]
    rows, cols = z.shape
    held, room = 0, keys.size // 2
    for r in range(rows):
        for c in range(cols):
            mine, at = label[r, c], r * cols + c
            rim = r == 0 or c == 0 or r == rows - 1 or c == cols - 1
            if not rim and (
                label[r, c + 1] == mine
                and label[r + 1, c - 1] == mine
                and label[r + 1, c] == mine
                and label[r + 1, c + 1] == mine
            ):
                continue
            leaves = mine > 0 and rim
            for k in _FORWARD:
                nr, nc = r + ROW_STEP[k], c + COL_STEP[k]
                if nr >= rows or nc < 0 or nc >= cols:
                    continue
                theirs, there = label[nr, nc], nr * cols + nc
                if theirs == mine:
                    continue
                if theirs < 0:
                    leaves = leaves or mine > 0
                    continue
                b = np.float64(z[nr, nc])
                if mine < 0:
                    if theirs > 0:
                        held += _meet(
                            theirs, b, -np.inf, -1, there, keys, heights, others, firsts, seconds
                        )
                    continue
                a = np.float64(z[r, c])
                if mine < theirs:
                    key, first, second = mine * count + theirs, at, there
                else:
                    key, first, second = theirs * count + mine, there, at
                held += _meet(
                    key, max(a, b), min(a, b), first, second, keys, heights, others, firsts, seconds
                )
            if leaves:
                held += _meet(
                    mine,
                    np.float64(z[r, c]),
                    -np.inf,
                    -1,
                    at,
                    keys,
                    heights,
                    others,
                    firsts,
                    seconds,
                )
            if held > room:
                return -1
    return held


def lowest_passes(z: NDArray[np.floating], label: NDArray[np.int32], count: int) -> Passes:
    """Return the lowest pass of each pair of touching hollows, in the order of passes.

    Parameters
    ----------
    z : ndarray of float, shape (rows, cols)
        Heights, m.
    label : ndarray of int32, shape (rows, cols)
        Hollow of each cell; 0 drains outside, −1 no ground.
    count : int
        Labels in use, outside included.
    """
    size = 1 << max(10, int(8 * count - 1).bit_length())
    while True:
        keys = np.full(size, -1, dtype=np.int64)
        heights, others = np.empty(size), np.empty(size)
        firsts, seconds = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
        if _find(z, label, count, keys, heights, others, firsts, seconds) >= 0:
            break
        size *= 2
    used = np.flatnonzero(keys >= 0)
    near, far = np.minimum(firsts[used], seconds[used]), np.maximum(firsts[used], seconds[used])
    used = used[np.lexsort((far, near, others[used], heights[used]))]
    low, high = np.divmod(keys[used], count)
    return Passes(low, high, firsts[used], seconds[used], heights[used])


@compiled
def _top(parent, one):  # type: ignore[no-untyped-def]
    while parent[one] != one:
        parent[one] = parent[parent[one]]
        one = parent[one]
    return one


@compiled
def _join(low, high, height, floor, bottom, keep_deeper, parent, rooted, kept, used):  # type: ignore[no-untyped-def]
    """Join hollows over passes, lowest first; a pit too deep below one becomes an end."""
    deepest = np.arange(parent.size)
    for one in range(low.size):
        a, b = _top(parent, low[one]), _top(parent, high[one])
        if a == b:
            continue
        for top in (a, b):
            if not rooted[top] and height[one] - floor[deepest[top]] > keep_deeper:
                rooted[top] = True
                kept[deepest[top]] = True
        if rooted[a] and rooted[b]:
            continue
        used[one] = True
        parent[b] = a
        rooted[a] = rooted[a] or rooted[b]
        if floor[deepest[b]] < floor[deepest[a]] or (
            floor[deepest[b]] == floor[deepest[a]] and bottom[deepest[b]] < bottom[deepest[a]]
        ):
            deepest[a] = deepest[b]


@compiled
def _orient(low, high, low_cell, high_cell, begin, edge, roots, into, leave, enter, turn):  # type: ignore[no-untyped-def]
    filled = 0
    for root in roots:
        turn[filled] = root
        filled += 1
    seen = 0
    while seen < filled:
        here = turn[seen]
        seen += 1
        for place in range(begin[here], begin[here + 1]):
            one = edge[place]
            down = low[one] == here
            there = high[one] if down else low[one]
            if there == into[here]:
                continue
            into[there] = here
            leave[there] = high_cell[one] if down else low_cell[one]
            enter[there] = low_cell[one] if down else high_cell[one]
            turn[filled] = there
            filled += 1
    return filled


def spill_forest(
    passes: Passes, floor: NDArray[np.float64], bottom: NDArray[np.int64], keep_deeper: float
) -> Forest:
    """Return where each hollow spills; pits deeper than the limit are kept as ends of flow.

    A pit is kept when the lowest pass that leads from it to lower ground or outside stands more
    than `keep_deeper` above its floor. Smaller hollows inside it drain to its floor; of floors of
    one height, to the first in reading order.

    Parameters
    ----------
    passes : Passes
        In the order of passes.
    floor : ndarray of float64, shape (labels,)
        Height of each hollow's bottom, m; −inf for label 0.
    bottom : ndarray of int64, shape (labels,)
        Cell of each hollow's bottom.
    keep_deeper : float
        Depth limit, m; ``inf`` keeps none.
    """
    count = floor.size
    parent = np.arange(count)
    rooted, kept = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    rooted[0] = True
    used = np.zeros(passes.low.size, dtype=np.bool_)
    _join(
        passes.low, passes.high, passes.height, floor, bottom, keep_deeper,
        parent, rooted, kept, used,
    )  # fmt: skip
    low, high = passes.low[used], passes.high[used]
    ends = np.concatenate((low, high))
    edge = np.tile(np.arange(low.size), 2)
    by_rank = np.lexsort((edge, ends))
    begin = np.searchsorted(ends[by_rank], np.arange(count + 1))
    into = np.full(count, -1, dtype=np.int64)
    leave, enter = into.copy(), into.copy()
    turn = np.empty(count, dtype=np.int64)
    roots = np.concatenate(([0], np.flatnonzero(kept)))
    filled = _orient(
        low, high, passes.low_cell[used], passes.high_cell[used],
        begin, edge[by_rank], roots, into, leave, enter, turn,
    )  # fmt: skip
    if filled != count:
        raise ValueError("a hollow has no way out")
    return Forest(into, leave, enter, turn, np.flatnonzero(kept))
