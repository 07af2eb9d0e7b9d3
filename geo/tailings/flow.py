"""Flow over a grid: the D8 code, the order of cells, paths and their lengths.

Directions are the usual byte code (1 E, 2 SE, 4 S, 8 SW, 16 W, 32 NW, 64 N, 128 NE); 0 is a cell
where flow ends, 247 no ground. Cells are flat indices, row by row. The length of a path is kept as
whole numbers of steps (east-west, north-south, diagonal) and turned to metres once, so that it is
the same counted from either end.
"""

import math

import numpy as np
from numpy.typing import NDArray

from geo.kernels import compiled

SINK, NO_GROUND = 0, 247
# The order in which directions are tried: of equals the first one wins (the tie rule).
CODES = np.array([1, 4, 16, 64, 2, 8, 32, 128], dtype=np.uint8)
ROW_STEP = np.array([0, 1, 0, -1, 1, 1, -1, -1], dtype=np.int64)
COL_STEP = np.array([1, 0, -1, 0, 1, -1, -1, 1], dtype=np.int64)
NOWHERE = -1

Cells = NDArray[np.integer]


def offsets(cols: int) -> NDArray[np.int64]:
    """Return by direction code the step in flat index; 0 where the code is no direction."""
    table = np.zeros(256, dtype=np.int64)
    table[CODES] = ROW_STEP * cols + COL_STEP
    return table


def step_bits(cell: tuple[float, float], limit_m: float) -> int:
    """Return how many bits each of the three counts of steps needs up to `limit_m`: 10 or 21.

    Raises
    ------
    ValueError
        If cells are so small against the limit that even 21 bits do not do.
    """
    most = limit_m / min(cell) + 2
    for bits in (10, 21):
        if most < 1 << bits:
            return bits
    raise ValueError(f"{limit_m} m in cells of {min(cell)} m is more steps than are counted")


def step_table(bits: int) -> NDArray[np.int64]:
    """Return by direction code one step, packed: east-west, north-south and diagonal counts."""
    table = np.zeros(256, dtype=np.int64)
    table[[1, 16]] = 1 << (2 * bits)
    table[[4, 64]] = 1 << bits
    table[[2, 8, 32, 128]] = 1
    return table


@compiled
def _metres(packed: int, bits: int, dx: float, dy: float, diagonal: float) -> float:
    some = (1 << bits) - 1
    east_west = packed >> (2 * bits)
    north_south = (packed >> bits) & some
    return east_west * dx + north_south * dy + (packed & some) * diagonal


def length_m(packed: NDArray[np.integer], bits: int, cell: tuple[float, float]) -> NDArray:
    """Return packed counts of steps in metres; NaN where there is none (a negative).

    Parameters
    ----------
    packed : ndarray of int
        Counts as ``step_table(bits)`` adds them up.
    cell : (float, float)
        Width and height of a cell, m.
    """
    dx, dy = cell
    some = (1 << bits) - 1
    wide = packed.astype(np.int64)
    metres = (
        (wide >> (2 * bits)) * dx
        + ((wide >> bits) & some) * dy
        + (wide & some) * math.hypot(dx, dy)
    )
    return np.where(wide < 0, np.nan, metres)


@compiled
def _order(d8, offset, order):  # type: ignore[no-untyped-def]
    state = np.zeros(d8.size, dtype=np.uint8)
    filled = 0
    for start in range(d8.size):
        if d8[start] == NO_GROUND or state[start]:
            continue
        begin, at = filled, start
        while True:
            state[at] = 1
            order[filled] = at
            filled += 1
            step = offset[d8[at]]
            if step == 0 or state[at + step] == 2:
                break
            at += step
            if state[at] == 1 or d8[at] == NO_GROUND:
                return -1
        left, right = begin, filled - 1
        while left < right:
            order[left], order[right] = order[right], order[left]
            left += 1
            right -= 1
        for place in range(begin, filled):
            state[order[place]] = 2
    return filled


def flow_order(d8: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return all cells with ground, each after the cell it flows to.

    Chains of cells stay together, so a pass along the order stays in the processor's cache.

    Parameters
    ----------
    d8 : ndarray of uint8, shape (rows, cols)

    Raises
    ------
    ValueError
        If flow runs in a circle or onto no ground, or the grid has 2³¹ cells or more.
    """
    if d8.size >= 2**31:
        raise ValueError("a grid of 2**31 cells or more is taken in tiles")
    flat = d8.ravel()
    order = np.empty(int(np.count_nonzero(flat != NO_GROUND)), dtype=np.int32)
    if _order(flat, offsets(d8.shape[1]), order) != order.size:
        raise ValueError("directions run in a circle or onto no ground")
    return order


@compiled
def _accumulate(d8, offset, order, total):  # type: ignore[no-untyped-def]
    for place in range(order.size - 1, -1, -1):
        at = order[place]
        step = offset[d8[at]]
        if step != 0:
            total[at + step] += total[at]


def accumulation(d8: NDArray[np.uint8], order: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return how many cells drain through each, itself included; 0 where there is no ground.

    Parameters
    ----------
    d8 : ndarray of uint8, shape (rows, cols)
    order : ndarray of int32
        ``flow_order(d8)``.

    Returns
    -------
    ndarray of int64, shape (rows, cols)
        Counts pass 32,767 on any real DEM: never narrower than this.
    """
    total = (d8 != NO_GROUND).astype(np.int64)
    _accumulate(d8.ravel(), offsets(d8.shape[1]), order, total.ravel())
    return total


@compiled
def _trace(d8, offset, steps, start, bits, dx, dy, diagonal, limit, cells, counts):  # type: ignore[no-untyped-def]
    at, packed, filled = start, 0, 0
    while True:
        if filled == cells.size:
            return -1
        cells[filled] = at
        counts[filled] = packed
        filled += 1
        code = d8[at]
        step = offset[code]
        if step == 0:
            return filled
        packed += steps[code]
        if _metres(packed, bits, dx, dy, diagonal) > limit:
            return filled
        at += step


def trace(
    d8: NDArray[np.uint8], start: int, cell: tuple[float, float], limit_m: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the cells of the flow path from `start`, and the length to each, ≤ `limit_m`.

    Parameters
    ----------
    d8 : ndarray of uint8, shape (rows, cols)
    start : int
        Flat index of the first cell; the path holds it with length 0.
    cell : (float, float)
        Width and height of a cell, m.
    limit_m : float
        Longest path, m, inclusive.

    Returns
    -------
    cells : ndarray of int64, shape (n,)
    lengths : ndarray of float64, shape (n,)
        Metres along the path.
    """
    bits = step_bits(cell, limit_m)
    most = int(limit_m / min(cell)) + 2
    cells = np.empty(most, dtype=np.int64)
    counts = np.empty(most, dtype=np.int64)
    dx, dy = cell
    filled = _trace(
        d8.ravel(), offsets(d8.shape[1]), step_table(bits), start, bits,
        dx, dy, math.hypot(dx, dy), limit_m, cells, counts,
    )  # fmt: skip
    return cells[:filled].copy(), length_m(counts[:filled], bits, cell)


@compiled
def _reach(d8, offset, steps, order, mask, bits, dx, dy, diagonal, limit, counts):  # type: ignore[no-untyped-def]
    for place in range(order.size):
        at = order[place]
        if mask[at]:
            counts[at] = 0
            continue
        code = d8[at]
        step = offset[code]
        packed = -1
        if step != 0 and counts[at + step] >= 0:
            packed = counts[at + step] + steps[code]
            if _metres(packed, bits, dx, dy, diagonal) > limit:
                packed = -1
        counts[at] = packed


def reach(
    d8: NDArray[np.uint8],
    order: NDArray[np.int32],
    mask: NDArray[np.bool_],
    cell: tuple[float, float],
    limit_m: float,
) -> NDArray[np.integer]:
    """Return for each cell the packed steps along its path to the first cell of `mask`.

    One pass along the order, each cell after the one it flows to. Negative where the path meets no
    cell of the mask within `limit_m`. ``length_m(found, step_bits(cell, limit_m), cell)``: metres.

    Parameters
    ----------
    d8 : ndarray of uint8, shape (rows, cols)
    order : ndarray of int32
        ``flow_order(d8)``.
    mask : ndarray of bool, shape (rows, cols)
    cell : (float, float)
        Width and height of a cell, m.
    limit_m : float
        Longest path, m, inclusive.

    Returns
    -------
    ndarray of int32 or int64, shape (rows, cols)
    """
    bits = step_bits(cell, limit_m)
    kind = np.int32 if bits == 10 else np.int64
    counts = np.full(d8.shape, NOWHERE, dtype=kind)
    dx, dy = cell
    _reach(
        d8.ravel(), offsets(d8.shape[1]), step_table(bits), order, mask.ravel(), bits,
        dx, dy, math.hypot(dx, dy), limit_m, counts.ravel(),
    )  # fmt: skip
    return counts
