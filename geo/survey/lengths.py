"""How much of a line lies in a polygon, without building their intersection.

A line is walked from corner to corner; where it crosses the polygon's edges it passes from outside
to inside or back, and what lies inside adds up. Nothing is built, nothing allocated per pair. Signs
of orientation are trusted only beyond their rounding error (bound of Shewchuk 1997, "Adaptive
precision floating-point arithmetic and fast robust geometric predicates", §4.2): a line with a
corner on an edge, or as near as rounding, that runs nearly along one, or over its own ground
twice, is said to be in doubt.
"""

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.kernels import compiled

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
# GEOS's numbers of the types.
_LINE, _POLYGON = 1, 3
# (3 + 16 ε) ε with ε = 2⁻⁵³.
_BOUND = 3.3306690738754716e-16
# Sine of the smallest angle at which two edges may cross.
_PARALLEL = 1e-4
_EPSILON = 2.0**-52
_MOST_CROSSINGS = 256
# Whether a line of more corners runs over its own ground is asked of GEOS faster.
_MOST_CORNERS = 1_000


def lengths_within(
    polygons: NDArray[np.object_], lines: NDArray[np.object_]
) -> tuple[Floats, Floats]:
    """Return how long each line is in its polygon, and by how much that may be off.

    Parameters
    ----------
    polygons : (n,) array of Polygon or MultiPolygon
        Valid, in metres.
    lines : (n,) array of LineString or MultiLineString
        In the same metres.

    Returns
    -------
    length, error : (n,) array
        In metres. `error` bounds what rounding may have done here, and what it may do to corners of
        an intersection that is built; it is infinite where the line is in doubt.
    """
    length, error = np.zeros(len(lines)), np.zeros(len(lines))
    _walk(*_chains(polygons), shapely.bounds(polygons), *_chains(lines), length, error)
    return length, error


def _chains(shapes: NDArray[np.object_]) -> tuple[Floats, Whole, Whole]:
    """Return the corners of rings or lines, where each chain of them begins, and each shape's."""
    every, owner = shapes, np.arange(len(shapes))
    if not np.isin(shapely.get_type_id(shapes), (_LINE, _POLYGON)).all():
        every, owner = shapely.get_parts(shapes, return_index=True)
    if shapely.get_num_interior_rings(every).any():
        every, of_part = shapely.get_rings(every, return_index=True)
        owner = owner[of_part]
    ends = np.concatenate([[0], np.cumsum(shapely.get_num_coordinates(every))])
    return shapely.get_coordinates(every), ends, np.searchsorted(owner, np.arange(len(shapes) + 1))


@compiled
def _side(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> int:
    """Return on which side of a→b the point c lies: 1 left, -1 right, 0 too near to say."""
    left, right = (ax - cx) * (by - cy), (ay - cy) * (bx - cx)
    turn = left - right
    if abs(turn) <= _BOUND * (abs(left) + abs(right)):
        return 0
    return 1 if turn > 0 else -1


@compiled
def _beside(a: float, b: float, c: float, d: float) -> bool:
    """Tell whether c and d lie beyond a and b, on the same side of both."""
    return max(c, d) < min(a, b) or min(c, d) > max(a, b)


@compiled
def _inside(x: float, y: float, xy: Floats, ends: Whole, first: int, last: int) -> int:
    """Return 1 where a point lies within the rings `first`…`last`, 0 without, -1 too near."""
    odd = 0
    for ring in range(first, last):
        for k in range(ends[ring], ends[ring + 1] - 1):
            ax, ay, bx, by = xy[k, 0], xy[k, 1], xy[k + 1, 0], xy[k + 1, 1]
            if (ay > y) == (by > y):
                if ay == y and by == y and min(ax, bx) <= x <= max(ax, bx):
                    return -1
                continue
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


@compiled
def _crossings(
    px: float, py: float, qx: float, qy: float,
    xy: Floats, ends: Whole, first: int, last: int, at: Floats,
) -> int:  # fmt: skip
    """Note how far along p→q the rings cross it, in order; return how many, -1 in doubt."""
    long = np.hypot(qx - px, qy - py)
    found = 0
    for ring in range(first, last):
        for k in range(ends[ring], ends[ring + 1] - 1):
            rx, ry, sx, sy = xy[k, 0], xy[k, 1], xy[k + 1, 0], xy[k + 1, 1]
            if _beside(px, qx, rx, sx) or _beside(py, qy, ry, sy):
                continue
            one, two = _side(rx, ry, sx, sy, px, py), _side(rx, ry, sx, sy, qx, qy)
            if one * two > 0:
                continue
            three, four = _side(px, py, qx, qy, rx, ry), _side(px, py, qx, qy, sx, sy)
            if three * four > 0:
                continue
            if one == 0 or two == 0 or three == 0 or four == 0 or found == len(at):
                return -1
            down = (qx - px) * (sy - ry) - (qy - py) * (sx - rx)
            if abs(down) < _PARALLEL * long * np.hypot(sx - rx, sy - ry):
                return -1
            t = ((rx - px) * (sy - ry) - (ry - py) * (sx - rx)) / down
            place = found
            while place > 0 and at[place - 1] > t:
                at[place] = at[place - 1]
                place -= 1
            at[place] = t
            found += 1
    return found


@compiled
def _doubles(xy: Floats, ends: Whole, first: int, last: int) -> bool:
    """Tell whether lines may run over the same ground twice: built, it would be there once."""
    if ends[last] - ends[first] > _MOST_CORNERS:
        return True
    for one in range(first, last):
        for i in range(ends[one], ends[one + 1] - 1):
            px, py, qx, qy = xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1]
            for other in range(one, last):
                since = i + 1 if other == one else ends[other]
                for j in range(since, ends[other + 1] - 1):
                    rx, ry, sx, sy = xy[j, 0], xy[j, 1], xy[j + 1, 0], xy[j + 1, 1]
                    if _beside(px, qx, rx, sx) or _beside(py, qy, ry, sy):
                        continue
                    if _side(px, py, qx, qy, rx, ry) or _side(px, py, qx, qy, sx, sy):
                        continue
                    # The next piece of a straight line only touches.
                    onward = (qx - px) * (sx - rx) + (qy - py) * (sy - ry) > 0
                    if not (onward and other == one and j == i + 1):
                        return True
    return False


@compiled
def _walk(
    rxy: Floats, rends: Whole, rof: Whole, box: Floats,
    lxy: Floats, lends: Whole, lof: Whole, length: Floats, error: Floats,
) -> None:  # fmt: skip
    """Fill `length` and `error`: rings ``rof[n]:rof[n + 1]`` are pair n's, and so of lines."""
    at = np.empty(_MOST_CROSSINGS)
    for n in range(len(length)):
        x0, y0, x1, y1 = box[n]
        total, walked, crossed = 0.0, 0, 0
        sure = not _doubles(lxy, lends, lof[n], lof[n + 1])
        for chain in range(lof[n], lof[n + 1]):
            if not sure:
                break
            within = -1
            for k in range(lends[chain], lends[chain + 1] - 1):
                px, py, qx, qy = lxy[k, 0], lxy[k, 1], lxy[k + 1, 0], lxy[k + 1, 1]
                if _beside(x0, x1, px, qx) or _beside(y0, y1, py, qy):
                    within = 0
                    continue
                if within < 0:
                    within = _inside(px, py, rxy, rends, rof[n], rof[n + 1])
                    if within < 0:
                        sure = False
                        break
                found = _crossings(px, py, qx, qy, rxy, rends, rof[n], rof[n + 1], at)
                if found < 0:
                    sure = False
                    break
                since, share = 0.0, 0.0
                for i in range(found):
                    if within:
                        share += at[i] - since
                    since = at[i]
                    within = 1 - within
                if within:
                    share += 1.0 - since
                if share > 0.0:
                    total += share * np.hypot(qx - px, qy - py)
                    walked += 1
                crossed += found
        length[n] = total
        # A crossing is as far off as the last digit of its coordinates, here and where it is built.
        widest = max(max(abs(x0), abs(x1)), max(abs(y0), abs(y1)))
        error[n] = 8.0 * _EPSILON * (crossed * widest + walked * total) if sure else np.inf
