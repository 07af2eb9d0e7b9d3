"""The terrain's rules once more, slow and plain, to hold the compiled kernels against.

Nothing is shared with them but the order of directions and the D8 code. Cells are (row, column).
"""

import heapq
import math
from collections.abc import Iterable

import numpy as np

CODE = {
    (0, 1): 1,
    (1, 0): 4,
    (0, -1): 16,
    (-1, 0): 64,
    (1, 1): 2,
    (1, -1): 8,
    (-1, -1): 32,
    (-1, 1): 128,
}
STEPS = list(CODE)  # E, S, W, N, SE, SW, NW, NE
Cell = tuple[int, int]


class Ground:
    """Heights as a dictionary of cells that have one."""

    def __init__(self, z: np.ndarray, cell: tuple[float, float]) -> None:
        self.shape = z.shape
        self.dx, self.dy = cell
        self.z = {
            (r, c): float(z[r, c])
            for r in range(z.shape[0])
            for c in range(z.shape[1])
            if not math.isnan(z[r, c])
        }
        self.near = {
            at: [n for s in STEPS if (n := (at[0] + s[0], at[1] + s[1])) in self.z] for at in self.z
        }
        self.rim = {at for at in self.z if len(self.near[at]) < 8}

    def run(self, a: Cell, b: Cell) -> float:
        return math.hypot((a[0] - b[0]) * self.dy, (a[1] - b[1]) * self.dx)


def descent(ground: Ground) -> dict[Cell, Cell | None]:
    """Return where each cell flows by steepest descent; level ground by fewest steps."""
    z, to = ground.z, {}
    undecided = set()
    for at in z:
        best, where = 0.0, None
        for n in ground.near[at]:
            slope = (z[at] - z[n]) * (1.0 / ground.run(at, n))
            if slope > best:
                best, where = slope, n
        to[at] = where
        if where is None and at not in ground.rim and any(z[n] == z[at] for n in ground.near[at]):
            undecided.add(at)

    def spread(steps: dict[Cell, int]) -> None:
        layer = list(steps)
        while layer:
            fresh = {
                n
                for at in layer
                for n in ground.near[at]
                if n in undecided and n not in steps and z[n] == z[at]
            }
            for n in fresh:
                steps[n] = 1 + min(steps[m] for m in ground.near[n] if m in steps and z[m] == z[n])
            layer = list(fresh)
        for at in steps.keys() & undecided:
            if steps[at]:
                to[at] = next(
                    n for n in ground.near[at] if z[n] == z[at] and steps.get(n) == steps[at] - 1
                )
        undecided.difference_update(steps)

    spread({at: 0 for at in z if at not in undecided})
    for at in sorted(undecided):
        if at in undecided:
            spread({at: 0})
    return to


def follow(to: dict[Cell, Cell | None], at: Cell) -> list[Cell]:
    path = [at]
    while (step := to[path[-1]]) is not None:
        path.append(step)
    return path


def condition(z: np.ndarray, cell: tuple[float, float], keep: float):
    """Return conditioned heights, where each cell flows, and the pits that stay."""
    ground = Ground(z, cell)
    raw, to = ground.z, descent(ground)
    ends: dict[Cell, Cell] = {}
    for at in raw:  # no recursion: paths are long
        path = [at]
        while path[-1] not in ends and to[path[-1]] is not None:
            path.append(to[path[-1]])
        end = ends.get(path[-1], path[-1])
        ends.update(dict.fromkeys(path, end))
    outside = (-1, -1)
    basin = {at: outside if end in ground.rim else end for at, end in ends.items()}

    passes: dict[frozenset, tuple] = {}

    def offer(a: Cell, b: Cell | None) -> None:
        ba, bb = basin[a], outside if b is None else basin[b]
        if ba == bb:
            return
        flat = sorted(-1 if one is None else one[0] * z.shape[1] + one[1] for one in (a, b))
        hb = -math.inf if b is None else raw[b]
        key = (max(raw[a], hb), min(raw[a], hb), *flat)
        pair = frozenset((ba, bb))
        if pair not in passes or key < passes[pair][0]:
            passes[pair] = (key, {ba: a, bb: b})

    for at in raw:
        if at in ground.rim:
            offer(at, None)
        for n in ground.near[at]:
            offer(at, n)

    floor = {b: (-math.inf if b == outside else raw[b]) for b in set(basin.values()) | {outside}}
    group = {b: {b} for b in floor}
    rooted = {b: b == outside for b in floor}  # by group member; kept equal within a group
    edges: dict[Cell, list[tuple]] = {b: [] for b in floor}
    kept = set()
    for key, sides in sorted(passes.values(), key=lambda one: one[0]):
        a, b = sides
        if group[a] is group[b]:
            continue
        for one in (a, b):
            low = min(group[one], key=lambda m: (floor[m], m))
            if not rooted[one] and key[0] - floor[low] > keep:
                kept.add(low)
                for member in group[one]:
                    rooted[member] = True
        if rooted[a] and rooted[b]:
            continue
        edges[a].append((key, b, sides[a], sides[b]))
        edges[b].append((key, a, sides[b], sides[a]))
        both = group[a] | group[b]
        root = rooted[a] or rooted[b]
        for member in both:
            group[member], rooted[member] = both, root

    done = dict(raw)
    turn, came = [outside, *sorted(kept)], {}
    for here in turn:
        for _, there, cell_here, cell_there in sorted(edges[here], key=lambda one: one[0]):
            if there == came.get(here, (None,))[0]:
                continue
            came[there] = (here, cell_there, cell_here)
            turn.append(there)
    members: dict[Cell, list[Cell]] = {}
    for at, b in basin.items():
        members.setdefault(b, []).append(at)
    for b in turn:
        if b not in came:
            continue
        _, leave, enter = came[b]
        level = max(raw[leave], done[enter]) if enter is not None else raw[leave]
        wet = [at for at in members[b] if raw[at] < level]
        filling = sum(level - raw[at] for at in wet)
        back = follow(to, leave)
        for at, before in zip(back, [enter, *back], strict=False):
            to[at] = before
        way = []
        for at in follow(to, b)[1:]:
            if done[at] <= raw[b]:
                break
            way.append(at)
        if sum(done[at] - raw[b] for at in way) < filling:
            for at in way:
                done[at] = raw[b]
        else:
            for at in wet:
                done[at] = level
    return done, to, kept


def flood_levels(z: np.ndarray) -> np.ndarray:
    """Return the level to which rising water must stand in each cell (priority-flood)."""
    ground = Ground(z, (1, 1))
    level = {at: ground.z[at] for at in ground.rim}
    heap = [(h, at) for at, h in level.items()]
    heapq.heapify(heap)
    while heap:
        h, at = heapq.heappop(heap)
        for n in ground.near[at]:
            if n not in level:
                level[n] = max(h, ground.z[n])
                heapq.heappush(heap, (level[n], n))
    return grid(level, z.shape)


def grid(values: dict[Cell, float], shape: tuple[int, int]) -> np.ndarray:
    out = np.full(shape, np.nan)
    for at, value in values.items():
        out[at] = value
    return out


def codes(to: dict[Cell, Cell | None], shape: tuple[int, int]) -> np.ndarray:
    out = np.full(shape, 247, dtype=np.uint8)
    for at, step in to.items():
        out[at] = 0 if step is None else CODE[step[0] - at[0], step[1] - at[1]]
    return out


def path(to: dict[Cell, Cell | None], at: Cell, cell: tuple[float, float], limit: float):
    """Return the cells of a path and the metres to each, up to the limit."""
    dx, dy = cell
    found, count = [(at, 0.0)], [0, 0, 0]
    while (step := to[at]) is not None:
        kind = 2 if step[0] != at[0] and step[1] != at[1] else int(step[0] != at[0])
        count[kind] += 1
        metres = count[0] * dx + count[1] * dy + count[2] * math.hypot(dx, dy)
        if metres > limit:
            break
        found.append((step, metres))
        at = step
    return found


def comes_to(
    to: dict[Cell, Cell | None], at: Cell, cell: tuple[float, float], limit: float, wanted
):
    """Tell whether a path comes to one of the wanted cells within the limit."""
    dx, dy = cell
    aslant, across, along, diagonal = math.hypot(dx, dy), 0, 0, 0
    while at not in wanted:
        step = to[at]
        if step is None:
            return False
        if step[0] == at[0]:
            across += 1
        elif step[1] == at[1]:
            along += 1
        else:
            diagonal += 1
        if across * dx + along * dy + diagonal * aslant > limit:
            return False
        at = step
    return True


def drained(to: dict[Cell, Cell | None]) -> dict[Cell, int]:
    total = dict.fromkeys(to, 0)
    for at in to:
        for one in follow(to, at):
            total[one] += 1
    return total


def captured(
    ground: Ground, bed: dict[Cell, float], to: dict, own: Iterable[Cell], height: float
) -> set[Cell]:
    """Return the path cells on which an object's own cells stand low enough."""
    found = set()
    for q in own:
        if q not in ground.z:
            continue
        for p in follow(to, q):
            if ground.z[q] - bed[p] > height:
                break
            found.add(p)
    return found
