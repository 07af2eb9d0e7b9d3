"""Head-top ponds (头顶库): who lies within 1 km along the tailings' flow path (LOGIC L23)."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.tailings.capture import Captures, any_of, joins
from geo.tailings.dem import Dem, Terrain
from geo.tailings.flow import SINK, offsets, trace
from geo.tailings.parameters import terrain_rules
from geo.tailings.perturbed import met_by_runs, without_culverts

# One row for each object that is met, crossed by the path, or inside the plain circle.
MET = (
    "key",
    "people",  # None: unknown, which counts
    "strict",  # the path itself crosses it
    "captured",  # within W, or low enough above the path: this decides
    "circle",  # within 1 km as the crow flies; shown, never decides
    "path_m",  # along the path to the first cell that meets it; NaN if not captured
    "fall_m",  # from the toe's cell to that cell
    "lateral_m",  # from the nearest path cell's centre
    "height_m",  # above drainage; NaN if it does not drain to the path low enough
    "share",  # of perturbed runs that meet it; NaN without runs
)


@dataclass(frozen=True, eq=False)
class Paths:
    """Flow paths of a toe.

    Attributes
    ----------
    starts : ndarray of int64
        Cells of the toe line, and last the valley's thread if it was snapped to.
    cells : ndarray of int64
        All cells of all paths, each once.
    length_m : ndarray of float64
        Shortest way from a start to each, m.
    start : ndarray of int64
        The start that way comes from.
    leaves, pit : bool
        A path ends at, or touches, the rim of the model; a path ends in a pit that was kept.
    snapped_m : float
        Distance from the toe line to the thread it was snapped to; 0 if it was not.
    lines : ndarray of object
        Paths as lines of the zone's metres, longest first, each up to where it joins one before.
    """

    starts: NDArray[np.int64]
    cells: NDArray[np.int64]
    length_m: NDArray[np.float64]
    start: NDArray[np.int64]
    leaves: bool
    pit: bool
    snapped_m: float
    lines: NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the terrain says of one pond.

    Attributes
    ----------
    answer : str
        ``yes``; ``suspected`` (疑似, to be checked on site, treated as yes until then);
        ``undetermined`` where nobody looked for people below, or no ground is shown; ``no``.
    reasons : tuple of str
        ``met``, ``toe_derived``, ``run_met``, ``path_leaves``, ``pit``, ``no_terrain``,
        ``error_unknown``, ``culvert`` (blocked, the path would meet an object), ``unsurveyed``.
    met : DataFrame
        Columns of ``MET``.
    paths : Paths
    runs : int
        Perturbed runs made.
    share : float
        Share of them that met any object; NaN without runs.
    dam_is_newer : bool or None
        The dam is younger than the model; None where a date is missing.
    culverts : tuple of str
        Keys of the culverts by which the path is another than it would be were they blocked.
    """

    answer: str
    reasons: tuple[str, ...]
    met: pd.DataFrame
    paths: Paths
    runs: int
    share: float
    dam_is_newer: bool | None
    culverts: tuple[str, ...] = ()


def toe_cells(dem: Dem, toe: object) -> NDArray[np.int64]:
    """Return the cells with ground that a toe (in the zone's metres) touches."""
    cells = dem.within(toe, 0.0, centre=False)
    return cells[~np.isnan(dem.z.ravel()[cells])]


def _thread(
    terrain: Terrain, cells: NDArray[np.int64], reached: NDArray[np.int64], most: int
) -> NDArray[np.int64]:
    """Return the cell of the valley's thread nearest to the toe, if the toe misses the thread.

    The thread is what drains most, `most` cells around the toe, and the larger stem above that. A
    toe whose own paths come to it (`reached`) has not missed it: starting there would shorten every
    way by what lies between, and carry the path beyond its limit.
    """
    rows, cols = terrain.dem.shape
    r, c = np.divmod(cells, cols)
    aside = np.arange(-most, most + 1)
    near_r, near_c = r[:, None, None] + aside[:, None], c[:, None, None] + aside
    inside = (near_r >= 0) & (near_r < rows) & (near_c >= 0) & (near_c < cols)
    near = np.unique((near_r * cols + near_c)[inside])
    drained = terrain.drained.ravel()
    best = near[np.argmax(drained[near])]
    if drained[best] <= drained[cells].max() or best in reached:
        return near[:0]
    below = near + offsets(cols)[terrain.d8.ravel()[near]]
    thread = [int(best)]
    while (above := near[(below == thread[-1]) & (near != thread[-1])]).size:
        thread.append(int(above[np.argmax(drained[above])]))
    stem = np.array(thread, dtype=np.int64)
    apart = stem[:, None] // cols - r, stem[:, None] % cols - c
    return stem[[np.argmin((apart[0] ** 2 + apart[1] ** 2).min(axis=1))]]


def toe_paths(
    terrain: Terrain, toe: object, *, limit_m: float | None = None, snap_cells: int | None = None
) -> Paths:
    """Return the flow paths of every cell of a toe, and of the valley's thread beside it.

    Parameters
    ----------
    terrain : Terrain
    toe : shapely geometry
        Outer toe of every dam, in the zone's metres.
    limit_m : float, optional
        Longest path, m, inclusive; by default the figure of ``terrain.yaml``.
    snap_cells : int, optional
        How far the thread may lie; by default the figure of ``terrain.yaml``.
    """
    rules = terrain_rules()
    limit = float(rules["path"]["limit_m"]) if limit_m is None else limit_m
    most = int(rules["start"]["snap_cells"]) if snap_cells is None else snap_cells
    dem = terrain.dem
    starts = toe_cells(dem, toe)
    traced = [trace(terrain.d8, int(one), dem.cell, limit) for one in starts]
    thread = starts[:0]
    if most and starts.size:
        thread = _thread(terrain, starts, np.concatenate([cells for cells, _ in traced]), most)
    snapped = (
        float(np.round(shapely.distance(shapely.points(dem.centres(thread)), toe), 3)[0])
        if thread.size
        else 0.0
    )
    starts = np.concatenate((starts, thread))
    traced += [trace(terrain.d8, int(one), dem.cell, limit) for one in thread]
    return _gather(terrain, starts, traced, snapped)


def _gather(
    terrain: Terrain,
    starts: NDArray[np.int64],
    traced: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]],
    snapped: float,
) -> Paths:
    rim = terrain.rim.ravel()
    ends = np.array([cells[-1] for cells, _ in traced], dtype=np.int64)
    stopped = ends[terrain.d8.ravel()[ends] == SINK]
    everything = np.concatenate([starts[:0], *(cells for cells, _ in traced)])
    lengths = np.concatenate([np.empty(0), *(metres for _, metres in traced)])
    origin = np.repeat(starts, [len(cells) for cells, _ in traced])
    nearest = np.lexsort((origin, lengths, everything))
    cells, first = np.unique(everything[nearest], return_index=True)
    drawn: list[object] = []
    seen: set[int] = set()
    for way, _ in sorted(traced, key=lambda one: (-len(one[0]), int(one[0][0]))):
        fresh = next((i for i, at in enumerate(way.tolist()) if at in seen), len(way))
        seen.update(way[:fresh].tolist())
        if fresh and len(way) > 1:
            drawn.append(shapely.LineString(terrain.dem.centres(way[: fresh + 1][: len(way)])))
    return Paths(
        starts=starts,
        cells=cells,
        length_m=lengths[nearest][first],
        start=origin[nearest][first],
        leaves=bool(rim[everything].any()),
        pit=bool((~rim[stopped]).any()),
        snapped_m=snapped,
        lines=np.array([one for one in drawn if shapely.length(one) > 0], dtype=object),
    )


def meets(
    terrain: Terrain, found: Captures, path: NDArray[np.integer]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return which objects a path meets, and where each of their cells joins it (−1 nowhere).

    Parameters
    ----------
    terrain : Terrain
    found : Captures
    path : ndarray of int
        Cells of the path.
    """
    on_path = np.zeros(terrain.dem.shape, dtype=bool)
    on_path.ravel()[path] = True
    at = joins(terrain.dem.z, terrain.bed, terrain.d8, found.own, on_path, found.reach.height)
    near = any_of(on_path.ravel()[found.near], found.near_from)
    return near | any_of(at >= 0, found.own_from), at


def _row(
    terrain: Terrain,
    found: Captures,
    paths: Paths,
    one: int,
    at: NDArray[np.int64],
    path_points: NDArray,
) -> dict[str, object]:
    z, bed = terrain.dem.z.ravel(), terrain.bed.ravel()
    near = found.near[found.near_from[one] : found.near_from[one + 1]]
    own = found.own[found.own_from[one] : found.own_from[one + 1]]
    joined = at[found.own_from[one] : found.own_from[one + 1]]
    above = z[own][joined >= 0] - bed[joined[joined >= 0]]
    hit = np.flatnonzero(np.isin(paths.cells, np.concatenate((near, joined))))
    row: dict[str, object] = {"strict": bool(np.isin(own, paths.cells).any())}
    if hit.size:
        first = hit[np.lexsort((paths.cells[hit], paths.length_m[hit]))[0]]
        row["path_m"] = round(float(paths.length_m[first]), 3)
        fall = float(z[paths.start[first]]) - float(z[paths.cells[first]])
        row["fall_m"] = round(fall, 3)
    row["height_m"] = round(max(float(above.min()), 0.0), 3) if above.size else float("nan")
    row["lateral_m"] = round(float(shapely.distance(path_points, found.plans[one]).min()), 3)
    return row


def judge(
    terrain: Terrain,
    found: Captures,
    toe: object,
    *,
    toe_derived: bool = False,
    dam_is_newer: bool | None = None,
    runs: int | None = None,
    seed: int | None = None,
    limit_m: float | None = None,
    threads: int = 1,
    own: Collection[str] = (),
    unsurveyed: NDArray[np.bool_] | None = None,
) -> Verdict:
    """Say whether a pond is head-top by its terrain.

    Parameters
    ----------
    terrain : Terrain
    found : Captures
        Protected objects on the terrain's grid.
    toe : shapely geometry
        Outer toe of every dam, CGCS2000 degrees.
    toe_derived : bool
        The toe was made from a bare polygon (推定): then at best suspected.
    dam_is_newer : bool, optional
        Handed through.
    runs, seed : int, optional
        Perturbed runs; by default the figures of ``terrain.yaml``.
    limit_m : float, optional
        Longest path, m, inclusive; by default the figure of ``terrain.yaml``.
    threads : int
        Perturbed runs at once; the answer does not depend on it.
    own : collection of str
        Keys of objects that do not count for this pond: its own services (L24).
    unsurveyed : ndarray of bool, shape (rows, cols), optional
        Cells whose path captures ground nobody surveyed for protected objects (``Zone``): below
        them a no is not known. None: not asked.
    """
    rules = terrain_rules()
    limit = float(rules["path"]["limit_m"]) if limit_m is None else limit_m
    (local,) = terrain.dem.local([toe])
    paths = toe_paths(terrain, local, limit_m=limit)
    captured, at = meets(terrain, found, paths.cells)
    runs = int(rules["perturbed"]["runs"]) if runs is None else runs
    seed = int(rules["perturbed"]["seed"]) if seed is None else seed
    if not terrain.dem.error_m > 0 or not paths.starts.size:  # NaN: the error is not known
        runs = 0
    hits = met_by_runs(terrain, found, local, paths.starts, limit, runs, seed, threads)
    blocked = without_culverts(terrain, found, local, paths.starts, paths.cells, limit)
    circle = np.round(shapely.distance(found.plans, local), 3) <= limit + found.spread
    counted = ~found.objects["key"].isin(list(own)).to_numpy(dtype=bool)
    captured, circle, hits = captured & counted, circle & counted, hits & counted
    points = shapely.points(terrain.dem.centres(paths.cells))
    rows = []
    perhaps = np.any([hits.any(axis=0), *(met & counted for _, met in blocked)], axis=0)
    for one in np.flatnonzero(captured | circle | perhaps):
        given = found.objects.iloc[one]
        row = {"key": given["key"], "people": given["people"], "path_m": np.nan, "fall_m": np.nan}
        row |= {"captured": bool(captured[one]), "circle": bool(circle[one])}
        if points.size:
            row |= _row(terrain, found, paths, int(one), at, points)
        row["share"] = float(hits[:, one].mean()) if runs else float("nan")
        rows.append(row)
    met = pd.DataFrame(rows, columns=list(MET)).sort_values(
        ["captured", "path_m", "key"], ascending=[False, True, True], ignore_index=True
    )
    doubts = {
        "toe_derived": toe_derived,
        "run_met": bool(hits.any()),
        "path_leaves": paths.leaves,
        "pit": paths.pit,
        "no_terrain": not paths.starts.size,
        "error_unknown": math.isnan(terrain.dem.error_m),
        "culvert": any(bool((met & counted).any()) for _, met in blocked),
    }
    is_met = bool(captured.any())
    reasons = (["met"] if is_met else []) + [name for name, so in doubts.items() if so]
    answer = "yes" if is_met and not toe_derived else "suspected" if reasons else "no"
    if not paths.starts.size:
        # Nobody shows the ground there: neither who lies below is known nor that nobody does.
        answer = "undetermined"
    if unsurveyed is not None and unsurveyed.ravel()[paths.starts].any():
        reasons.append("unsurveyed")
        answer = "undetermined" if answer == "no" else answer
    share = float(hits.any(axis=1).mean()) if runs else float("nan")
    culverts = tuple(key for key, _ in blocked)
    return Verdict(answer, tuple(reasons), met, paths, runs, share, dam_is_newer, culverts)
