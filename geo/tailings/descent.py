"""Steepest descent on the ground as it is, and the hollows in which it ends.

The tie rule, stated once: water takes the steepest way down; of equally steep ways the first of
E, S, W, N, SE, SW, NW, NE. On level ground it takes the fewest steps to where the ground falls
away, again the first of that order. A level floor with no way down ends in its first cell in
reading order. Where no two heights are alike, the rule has nothing to decide: mirrored ground flows
mirrored.
"""

import numpy as np
from numpy.typing import NDArray

from geo.kernels import compiled
from geo.tailings.flow import CODES, COL_STEP, NO_GROUND, ROW_STEP, SINK, offsets

_FLAT = 255
_OUTSIDE, _UNSET, _NONE = 0, -2, -1


@compiled
def _on_rim(z, r, c):  # type: ignore[no-untyped-def]
    """Tell whether a cell borders the end of the grid or no ground: water may leave there."""
    rows, cols = z.shape
    if r == 0 or c == 0 or r == rows - 1 or c == cols - 1:
        return True
    for k in range(8):  # noqa: SIM110 -- a generator does not compile
        if np.isnan(z[r + ROW_STEP[k], c + COL_STEP[k]]):
            return True
    return False


@compiled
def _beside_rim(z, r, c, weight):  # type: ignore[no-untyped-def]
    """Return the direction from a cell that may lack neighbours."""
    rows, cols = z.shape
    best, code = 0.0, SINK
    for k in range(8):
        nr, nc = r + ROW_STEP[k], c + COL_STEP[k]
        if 0 <= nr < rows and 0 <= nc < cols:
            slope = (np.float64(z[r, c]) - np.float64(z[nr, nc])) * weight[k]
            if slope > best:
                best, code = slope, CODES[k]
    return code


@compiled
def _inside(flat, at, cols, across, along, aslant):  # type: ignore[no-untyped-def]
    """Return the direction from a cell with eight neighbours: ``_beside_rim`` written out."""
    here = np.float64(flat[at])
    best, code = 0.0, SINK
    slope = (here - flat[at + 1]) * across
    if slope > best:
        best, code = slope, 1
    slope = (here - flat[at + cols]) * along
    if slope > best:
        best, code = slope, 4
    slope = (here - flat[at - 1]) * across
    if slope > best:
        best, code = slope, 16
    slope = (here - flat[at - cols]) * along
    if slope > best:
        best, code = slope, 64
    slope = (here - flat[at + cols + 1]) * aslant
    if slope > best:
        best, code = slope, 2
    slope = (here - flat[at + cols - 1]) * aslant
    if slope > best:
        best, code = slope, 8
    slope = (here - flat[at - cols - 1]) * aslant
    if slope > best:
        best, code = slope, 32
    slope = (here - flat[at - cols + 1]) * aslant
    if slope > best:
        best, code = slope, 128
    return code


@compiled
def _is_level(z, r, c):  # type: ignore[no-untyped-def]
    for k in range(8):  # noqa: SIM110 -- a generator does not compile
        if z[r + ROW_STEP[k], c + COL_STEP[k]] == z[r, c]:
            return True
    return False


@compiled
def _steepest(z, weight, d8):  # type: ignore[no-untyped-def]
    rows, cols = z.shape
    flat = z.ravel()
    flats = 0
    for r in range(rows):
        rim_row = r == 0 or r == rows - 1
        for c in range(cols):
            if np.isnan(z[r, c]):
                d8[r, c] = NO_GROUND
                continue
            if rim_row or c == 0 or c == cols - 1:
                code = _beside_rim(z, r, c, weight)
            else:
                code = _inside(flat, r * cols + c, cols, weight[0], weight[1], weight[4])
                if code == SINK and not _on_rim(z, r, c) and _is_level(z, r, c):
                    code = _FLAT
                    flats += 1
            d8[r, c] = code
    return flats


@compiled
def _spread(z, d8, steps, queue, head, tail):  # type: ignore[no-untyped-def]
    """Lead level cells in the queue, nearest first, to neighbours one step nearer a way down."""
    cols = z.shape[1]
    while head < tail:
        at = queue[head]
        head += 1
        r, c = at // cols, at % cols
        here, mine = z[r, c], steps[r, c]
        done = False
        for k in range(8):
            nr, nc = r + ROW_STEP[k], c + COL_STEP[k]
            if z[nr, nc] != here:
                continue
            if steps[nr, nc] == mine - 1 and not done:
                d8[r, c] = CODES[k]
                done = True
            elif steps[nr, nc] == _NONE:
                steps[nr, nc] = mine + 1
                queue[tail] = nr * cols + nc
                tail += 1
    return tail


@compiled
def _enqueue_around(z, d8, steps, r, c, queue, tail):  # type: ignore[no-untyped-def]
    rows, cols = z.shape
    for k in range(8):
        nr, nc = r + ROW_STEP[k], c + COL_STEP[k]
        if nr < 0 or nc < 0 or nr >= rows or nc >= cols:
            continue
        if steps[nr, nc] == _NONE and z[nr, nc] == z[r, c]:
            steps[nr, nc] = 1
            queue[tail] = nr * cols + nc
            tail += 1
    return tail


@compiled
def _level_ground(z, d8, flats, steps):  # type: ignore[no-untyped-def]
    rows, cols = z.shape
    queue = np.empty(flats, dtype=np.int64)
    for r in range(rows):
        for c in range(cols):
            steps[r, c] = _NONE if d8[r, c] == _FLAT else 0
    tail = 0
    for r in range(rows):
        for c in range(cols):
            if d8[r, c] != _FLAT and d8[r, c] != NO_GROUND:
                tail = _enqueue_around(z, d8, steps, r, c, queue, tail)
    tail = _spread(z, d8, steps, queue, 0, tail)
    if tail == flats:
        return
    for r in range(rows):  # what is left has no way down: floors of hollows
        for c in range(cols):
            if steps[r, c] == _NONE:
                steps[r, c] = 0
                d8[r, c] = SINK
                begin = tail
                tail = _enqueue_around(z, d8, steps, r, c, queue, tail)
                tail = _spread(z, d8, steps, queue, begin, tail)


@compiled
def _label(z, d8, offset, label):  # type: ignore[no-untyped-def]
    cols = z.shape[1]
    flat, of = d8.ravel(), label.ravel()
    hollows = 0
    for start in range(flat.size):
        if flat[start] == NO_GROUND:
            of[start] = _NONE
            continue
        if of[start] != _UNSET:
            continue
        at = start
        while of[at] == _UNSET and flat[at] != SINK:
            at += offset[flat[at]]
        name = of[at]
        if name == _UNSET:
            if _on_rim(z, at // cols, at % cols):
                name = _OUTSIDE
            else:
                hollows += 1
                name = hollows
            of[at] = name
        at = start
        while of[at] == _UNSET:
            of[at] = name
            at += offset[flat[at]]
    return hollows


@compiled
def _bottoms(d8, label, bottom):  # type: ignore[no-untyped-def]
    for at in range(d8.size):
        if d8[at] == SINK and label[at] > 0:
            bottom[label[at]] = at


def steepest_descent(
    z: NDArray[np.floating], cell: tuple[float, float]
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return D8 directions down the ground as it is, level ground led to its way out.

    Parameters
    ----------
    z : ndarray of float32 or float64, shape (rows, cols)
        Heights, m; NaN where there is no ground.
    cell : (float, float)
        Width and height of a cell, m.

    Returns
    -------
    d8 : ndarray of uint8, shape (rows, cols)
        0 where flow ends: in a hollow, or at the rim where it leaves.
    scratch : ndarray of int32, shape (rows, cols)
        Memory of the same shape, for the next step to use again.
    """
    dx, dy = cell
    run = np.hypot(COL_STEP * dx, ROW_STEP * dy)
    d8 = np.empty(z.shape, dtype=np.uint8)
    scratch = np.empty(z.shape, dtype=np.int32)
    flats = _steepest(z, 1.0 / run, d8)
    if flats:
        _level_ground(z, d8, flats, scratch)
    return d8, scratch


def hollows(
    z: NDArray[np.floating], d8: NDArray[np.uint8], label: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Write into `label` the hollow each cell drains to; return the bottom cell of each.

    Parameters
    ----------
    z : ndarray of float, shape (rows, cols)
    d8 : ndarray of uint8, shape (rows, cols)
        ``steepest_descent(z)``.
    label : ndarray of int32, shape (rows, cols)
        Filled: 0 drains off the rim, 1… a hollow in reading order of first meeting, −1 no ground.

    Returns
    -------
    ndarray of int64, shape (1 + hollows,)
        Flat index of the bottom by label; entry 0 is −1.
    """
    label.fill(_UNSET)
    count = _label(z, d8, offsets(z.shape[1]), label)
    bottom = np.full(count + 1, _NONE, dtype=np.int64)
    _bottoms(d8.ravel(), label.ravel(), bottom)
    return bottom
