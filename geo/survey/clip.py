"""How much of one shape lies in another, without building their intersection.

By Green's theorem the area of A ∩ B is a line integral over the pieces of A's boundary that lie in
B and the pieces of B's boundary that lie in A; the pieces end where edges cross. Nothing is built
and nothing is allocated, so a pair costs some microseconds. Signs of orientation are trusted only
beyond their rounding error (bound of Shewchuk 1997, "Adaptive precision floating-point arithmetic
and fast robust geometric predicates", §4.2): a pair with a vertex on an edge, or as near as
rounding, is said to be ``DOUBTFUL`` and left to GEOS.
"""

from dataclasses import dataclass

import numba
import numpy as np
import shapely
from numpy.typing import NDArray

APART, MEETS, DOUBTFUL = 0, 1, 2
# GEOS's numbers of the types.
_LINE, _POLYGON = 1, 3
# (3 + 16 ε) ε with ε = 2⁻⁵³.
_BOUND = 3.3306690738754716e-16
# Sine of the smallest angle at which two edges may cross.
_PARALLEL = 1e-4
_MOST_CROSSINGS = 512


@dataclass(frozen=True)
class Chains:
    """Shapes as chains of points: the rings of polygons, and lines.

    Chain c of shape s runs over ``xy[ends[c]:ends[c + 1]]``, for c in
    ``of_shape[s]:of_shape[s + 1]``; a ring repeats its first point. `sign` turns a chain so that
    shells run anticlockwise and holes clockwise. `box` is xmin, ymin, xmax, ymax.
    """

    xy: NDArray[np.float64]
    ends: NDArray[np.int64]
    sign: NDArray[np.float64]
    of_shape: NDArray[np.int64]
    box: NDArray[np.float64]
    areal: NDArray[np.bool_]


def chains(shapes: NDArray[np.object_]) -> Chains:
    """Return shapes as chains; points and empty shapes have none."""
    kind = shapely.get_type_id(shapes)
    areal = shapely.get_dimensions(shapes) == 2
    plain = np.isin(kind, (_LINE, _POLYGON)) & (shapely.get_num_interior_rings(shapes) == 0)
    if plain.all():
        count = shapely.get_num_coordinates(shapes)
        every, of_shape, hole = shapes, np.arange(len(shapes) + 1), np.zeros(len(shapes), bool)
    else:
        every, of_shape, hole = _rings(shapes)
        count = shapely.get_num_coordinates(every)
    xy = np.ascontiguousarray(shapely.get_coordinates(every))
    ends = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    sign = np.empty(len(every))
    _turn(xy, ends, hole, sign)
    return Chains(xy, ends, sign, of_shape.astype(np.int64), shapely.bounds(shapes), areal)


def _rings(
    shapes: NDArray[np.object_],
) -> tuple[NDArray[np.object_], NDArray[np.int64], NDArray[np.bool_]]:
    """Return the chains of any shapes, where each shape's begin, and which are holes."""
    parts, whose = shapely.get_parts(shapes, return_index=True)
    areal = shapely.get_dimensions(parts) == 2
    linear = shapely.get_dimensions(parts) == 1
    rings, of_part = shapely.get_rings(parts[areal], return_index=True)
    hole = np.r_[False, of_part[1:] == of_part[:-1]][: len(rings)]
    every = np.concatenate([rings, parts[linear]])
    owner = np.concatenate([whose[areal][of_part], whose[linear]])
    hole = np.concatenate([hole, np.zeros(int(linear.sum()), dtype=bool)])
    order = np.argsort(owner, kind="stable")
    return every[order], np.searchsorted(owner[order], np.arange(len(shapes) + 1)), hole[order]


@numba.njit(nogil=True, cache=True)
def _turn(xy, ends, hole, sign):
    for c in range(len(sign)):
        first = ends[c]
        twice = 0.0
        for k in range(first, ends[c + 1] - 1):
            ax, ay = xy[k, 0] - xy[first, 0], xy[k, 1] - xy[first, 1]
            bx, by = xy[k + 1, 0] - xy[first, 0], xy[k + 1, 1] - xy[first, 1]
            twice += ax * by - bx * ay
        sign[c] = 1.0 if (twice > 0) != hole[c] else -1.0


@numba.njit(nogil=True, inline="always", cache=True)
def _side(ax, ay, bx, by, cx, cy):
    """Return on which side of a→b the point c lies: 1 left, -1 right, 0 too near to say."""
    left, right = (ax - cx) * (by - cy), (ay - cy) * (bx - cx)
    turn = left - right
    if abs(turn) <= _BOUND * (abs(left) + abs(right)):
        return 0
    return 1 if turn > 0 else -1


@numba.njit(nogil=True, cache=True)
def _inside(x, y, xy, ends, first, last):
    """Return 1 where a point lies within the rings `first`…`last`, 0 without, -1 too near."""
    odd = 0
    for chain in range(first, last):
        for k in range(ends[chain], ends[chain + 1] - 1):
            ay, by = xy[k, 1], xy[k + 1, 1]
            if (ay > y) == (by > y):
                if ay == y and by == y:
                    ax, bx = xy[k, 0], xy[k + 1, 0]
                    if min(ax, bx) <= x <= max(ax, bx):
                        return -1
                continue
            ax, bx = xy[k, 0], xy[k + 1, 0]
            if max(ax, bx) < x:
                continue
            if min(ax, bx) > x:
                odd ^= 1
                continue
            side = _side(ax, ay, bx, by, x, y)
            if side == 0:
                return -1
            if (side > 0) == (by > ay):
                odd ^= 1
    return odd


@numba.njit(nogil=True, cache=True)
def _cross(axy, a0, a1, bxy, ends_b, b0, b1, box, at_a, at_b, edge_a, edge_b, found):
    """Note where the edges of one chain cross those of several; return how many, -1 in doubt."""
    x0, y0, x1, y1 = box
    for i in range(a0, a1 - 1):
        px, py, qx, qy = axy[i, 0], axy[i, 1], axy[i + 1, 0], axy[i + 1, 1]
        if max(px, qx) < x0 or min(px, qx) > x1 or max(py, qy) < y0 or min(py, qy) > y1:
            continue
        for chain in range(b0, b1):
            for j in range(ends_b[chain], ends_b[chain + 1] - 1):
                rx, ry, sx, sy = bxy[j, 0], bxy[j, 1], bxy[j + 1, 0], bxy[j + 1, 1]
                if (
                    max(rx, sx) < min(px, qx)
                    or min(rx, sx) > max(px, qx)
                    or max(ry, sy) < min(py, qy)
                    or min(ry, sy) > max(py, qy)
                ):
                    continue
                one, two = _side(rx, ry, sx, sy, px, py), _side(rx, ry, sx, sy, qx, qy)
                if one * two > 0:
                    continue
                three, four = _side(px, py, qx, qy, rx, ry), _side(px, py, qx, qy, sx, sy)
                if three * four > 0:
                    continue
                if one == 0 or two == 0 or three == 0 or four == 0 or found == len(at_a):
                    return -1
                down = (qx - px) * (sy - ry) - (qy - py) * (sx - rx)
                # Edges that run nearly together cross somewhere, but who can say where.
                if abs(down) < _PARALLEL * np.hypot(qx - px, qy - py) * np.hypot(sx - rx, sy - ry):
                    return -1
                at_a[found] = ((rx - px) * (sy - ry) - (ry - py) * (sx - rx)) / down
                at_b[found] = ((rx - px) * (qy - py) - (ry - py) * (qx - px)) / down
                edge_a[found], edge_b[found] = i, j
                found += 1
    return found


@numba.njit(nogil=True, cache=True)
def _along(
    xy, ends, sign, first, last, edge, at, count, oxy, oends, ofirst, olast, box, ox, oy, areal
):
    """Integrate over the pieces of chains that lie in other rings: ½ x dy − y dx, or length.

    Returns the integral and whether it may be trusted.
    """
    x0, y0, x1, y1 = box
    # Crossings in the order of edges and of their place on the edge.
    for i in range(1, count):
        j = i
        while j > 0 and (edge[j - 1] > edge[j] or (edge[j - 1] == edge[j] and at[j - 1] > at[j])):
            edge[j - 1], edge[j] = edge[j], edge[j - 1]
            at[j - 1], at[j] = at[j], at[j - 1]
            j -= 1
    whole, next_ = 0.0, 0
    for chain in range(first, last):
        total = 0.0
        within = -1  # not known yet
        for k in range(ends[chain], ends[chain + 1] - 1):
            px, py, qx, qy = xy[k, 0], xy[k, 1], xy[k + 1, 0], xy[k + 1, 1]
            if px < x0 or px > x1 or py < y0 or py > y1:
                within = 0
            elif within < 0:
                within = _inside(px, py, oxy, oends, ofirst, olast)
                if within < 0:
                    return 0.0, False
            since = 0.0
            while next_ < count and edge[next_] == k:
                if within:
                    total += _piece(px, py, qx, qy, since, at[next_], ox, oy, areal)
                since = at[next_]
                within = 1 - within
                next_ += 1
            if within:
                total += _piece(px, py, qx, qy, since, 1.0, ox, oy, areal)
        whole += sign[chain] * total if areal else total
    return whole, True


@numba.njit(nogil=True, inline="always", cache=True)
def _piece(px, py, qx, qy, a, b, ox, oy, areal):
    if not areal:
        return (b - a) * np.hypot(qx - px, qy - py)
    ax, ay = px + a * (qx - px) - ox, py + a * (qy - py) - oy
    bx, by = px + b * (qx - px) - ox, py + b * (qy - py) - oy
    return 0.5 * (ax * by - bx * ay)


@numba.njit(nogil=True, cache=True)
def clip(
    at, of, measured,
    txy, tends, tsign, tshape, tbox,
    fxy, fends, fsign, fshape, fbox, fareal,
    verdict, measure,
):  # fmt: skip
    """Judge pairs of a polygon and a polygon or line, in place.

    Parameters
    ----------
    at, of : (n,) int
        Target and factor of each pair.
    measured : bool
        Whether `measure` is asked for.
    txy … fareal
        Chains of targets and of factors.
    verdict : (n,) int8
        Becomes ``APART``, ``MEETS`` or ``DOUBTFUL``.
    measure : (n,) float
        Becomes m² or m of the factor in the target, where it meets and is asked for.
    """
    at_a, at_b = np.empty(_MOST_CROSSINGS), np.empty(_MOST_CROSSINGS)
    edge_a, edge_b = (
        np.empty(_MOST_CROSSINGS, dtype=np.int64),
        np.empty(_MOST_CROSSINGS, dtype=np.int64),
    )
    for n in range(len(at)):
        t, f = at[n], of[n]
        t0, t1, f0, f1 = tshape[t], tshape[t + 1], fshape[f], fshape[f + 1]
        if f0 == f1 or t0 == t1:
            verdict[n] = DOUBTFUL
            continue
        found = 0
        for chain in range(t0, t1):
            found = _cross(
                txy, tends[chain], tends[chain + 1], fxy, fends, f0, f1, fbox[f],
                at_a, at_b, edge_a, edge_b, found,
            )  # fmt: skip
            if found < 0 or (found > 0 and not measured):
                break
        if found < 0:
            verdict[n] = DOUBTFUL
            continue
        if not measured:
            verdict[n] = (
                MEETS
                if found > 0
                else _holds(txy, tends, t0, t1, tbox[t], fxy, fends, f0, f1, fbox[f], fareal[f])
            )
            continue
        ox, oy = tbox[t, 0], tbox[t, 1]
        inner, sure = _along(
            fxy,
            fends,
            fsign,
            f0,
            f1,
            edge_b,
            at_b,
            found,
            txy,
            tends,
            t0,
            t1,
            tbox[t],
            ox,
            oy,
            fareal[f],
        )
        if sure and fareal[f]:
            outer, sure = _along(
                txy,
                tends,
                tsign,
                t0,
                t1,
                edge_a,
                at_a,
                found,
                fxy,
                fends,
                f0,
                f1,
                fbox[f],
                ox,
                oy,
                True,
            )
            inner += outer
        if not sure:
            verdict[n] = DOUBTFUL
            continue
        verdict[n] = MEETS if found > 0 or inner > 0 else APART
        measure[n] = inner


@numba.njit(nogil=True, cache=True)
def _holds(txy, tends, t0, t1, tbox, fxy, fends, f0, f1, fbox, areal):
    """Tell whether one of two shapes whose edges do not cross lies in the other."""
    for chain in range(f0, f1):
        k = fends[chain]
        within = _inside(fxy[k, 0], fxy[k, 1], txy, tends, t0, t1)
        if within:
            return MEETS if within > 0 else DOUBTFUL
    if areal:
        for chain in range(t0, t1):
            k = tends[chain]
            within = _inside(txy[k, 0], txy[k, 1], fxy, fends, f0, f1)
            if within:
                return MEETS if within > 0 else DOUBTFUL
    return APART
