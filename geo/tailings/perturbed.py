"""Verdicts on ground that might as well be: within its stated error, or a culvert blocked (L23).

Errors of neighbouring heights are alike (Fisher & Tate 2006, doi:10.1191/0309133306pp492ra): white
noise smoothed by a Gaussian, scaled to the stated standard error. Run k of a seed is always the
same, however many runs are made and in whatever order.
"""

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.tailings.capture import Captures, any_of, joins
from geo.tailings.conditioning import condition
from geo.tailings.dem import Dem, Terrain
from geo.tailings.flow import trace
from geo.tailings.parameters import terrain_rules
from geo.tailings.waterways import Waterway, burn, cells_along


def error_field(dem: Dem, range_m: float, seed: int, run: int) -> NDArray[np.float64]:
    """Return one field of errors, m, with the model's standard error.

    Parameters
    ----------
    dem : Dem
    range_m : float
        Distance at which errors correlate by 1/e, m.
    seed, run : int
        Which field.

    Returns
    -------
    ndarray of float64, shape (rows, cols)
    """
    rows, cols = dem.shape
    dx, dy = dem.cell
    # Padded, so that opposite sides do not resemble each other.
    pad_r, pad_c = math.ceil(3 * range_m / dy), math.ceil(3 * range_m / dx)
    shape = rows + pad_r, cols + pad_c
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(run,)))
    white = rng.standard_normal(shape)
    # A Gaussian of width s smooths white noise to a correlation exp(-(d / 2s)²): s = range / 2.
    width = range_m / 2
    fr, fc = np.fft.fftfreq(shape[0], dy)[:, None], np.fft.rfftfreq(shape[1], dx)[None, :]
    kernel = np.exp(-2 * (math.pi * width) ** 2 * (fr**2 + fc**2))
    smooth = np.fft.irfft2(np.fft.rfft2(white) * kernel, s=shape)[:rows, :cols]
    weight = (
        np.exp(-4 * (math.pi * width) ** 2 * fr**2).sum()
        * np.exp(-4 * (math.pi * width) ** 2 * np.fft.fftfreq(shape[1], dx) ** 2).sum()
    )
    return np.asarray(smooth * (dem.error_m / math.sqrt(weight / (shape[0] * shape[1]))))


def _moved(
    cells: NDArray[np.int64], cols: int, rows: slice, columns: slice
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return cells as places in a window, and which lie in it."""
    r, c = np.divmod(cells, cols)
    inside = (r >= rows.start) & (r < rows.stop) & (c >= columns.start) & (c < columns.stop)
    return (r - rows.start) * (columns.stop - columns.start) + (c - columns.start), inside


def _parts(
    cells: NDArray[np.int64], begin: NDArray[np.int64], cols: int, rows: slice, columns: slice
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of cells of a ``Captures`` cut to a window."""
    moved, inside = _moved(cells, cols, rows, columns)
    total = np.concatenate(([0], np.cumsum(inside)))
    return moved[inside], total[begin]


def met_by_runs(
    terrain: Terrain,
    found: Captures,
    toe: object,
    starts: NDArray[np.int64],
    limit_m: float,
    runs: int,
    seed: int,
    threads: int = 1,
) -> NDArray[np.bool_]:
    """Return which object each perturbed run meets.

    Parameters
    ----------
    terrain : Terrain
    found : Captures
    toe : shapely geometry
        In the zone's metres.
    starts : ndarray of int64
        Cells flow starts from.
    limit_m : float
        Longest path, m.
    runs, seed : int
    threads : int
        Runs made at once.

    Returns
    -------
    ndarray of bool, shape (runs, objects)
    """
    rules = terrain_rules()["perturbed"]
    if not runs:
        return np.zeros((0, len(found.objects)), dtype=bool)
    again = _around(terrain, found, toe, starts, limit_m)

    def one(run: int) -> NDArray[np.bool_]:
        z = again.part.z + error_field(again.part, float(rules["range_m"]), seed, run).astype(
            again.part.z.dtype
        )
        return again.asked(z, terrain.waterways)[1]

    with ThreadPoolExecutor(threads) as pool:
        return np.array(list(pool.map(one, range(runs))))


def without_culverts(
    terrain: Terrain,
    found: Captures,
    toe: object,
    starts: NDArray[np.int64],
    path: NDArray[np.int64],
    limit_m: float,
) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return the culverts by which the path is another, with what it would meet were each blocked.

    Whether a pipe under a bank is open when tailings come nobody knows from a map (L23).

    Parameters
    ----------
    path : ndarray of int64
        Cells of all paths: a culvert that none comes through changes none.

    Returns
    -------
    list of (str, ndarray of bool, shape (objects,))
        Key of the culvert; which object is met without it.
    """
    dem = terrain.dem
    passed = [
        one
        for one in terrain.waterways
        if one.culvert and np.isin(cells_along(one.line, dem.transform, dem.shape), path).any()
    ]
    if not passed:
        return []
    again = _around(terrain, found, toe, starts, limit_m)
    with_all, _ = again.asked(again.part.z, terrain.waterways)
    changing = []
    for key in sorted({one.key for one in passed}):
        rest = [one for one in terrain.waterways if not (one.culvert and one.key == key)]
        other, met = again.asked(again.part.z, rest)
        if not np.array_equal(other, with_all):
            changing.append((key, met))
    return changing


@dataclass(frozen=True, eq=False)
class _Around:
    """The ground around a toe, to be asked of again with other heights or waterways."""

    part: Dem
    begin: NDArray[np.int64]
    near: tuple[NDArray[np.int64], NDArray[np.int64]]
    own: tuple[NDArray[np.int64], NDArray[np.int64]]
    height: float
    limit_m: float
    keep_deeper_m: float | None

    def asked(
        self, z: NDArray[np.floating], waterways: Iterable[Waterway]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the cells of the paths on these heights, and which object they meet."""
        part, (near, near_from), (own, own_from) = self.part, self.near, self.own
        cut = burn(z, part.transform, waterways)
        done = condition(cut, part.cell, keep_deeper_m=self.keep_deeper_m)
        path = np.zeros(part.shape, dtype=bool)
        for start in self.begin:
            path.ravel()[trace(done.d8, int(start), part.cell, self.limit_m)[0]] = True
        at = joins(z, np.fmax(z, done.z), done.d8, own, path, self.height)
        return path, any_of(path.ravel()[near], near_from) | any_of(at >= 0, own_from)


def _around(
    terrain: Terrain, found: Captures, toe: object, starts: NDArray[np.int64], limit_m: float
) -> _Around:
    dem, cols = terrain.dem, terrain.dem.shape[1]
    margin = float(terrain_rules()["perturbed"]["margin_m"])
    rows, columns = dem.around(shapely.envelope(toe), limit_m + margin)
    begin, _ = _moved(starts, cols, rows, columns)
    return _Around(
        dem.window(rows, columns),
        begin,
        _parts(found.near, found.near_from, cols, rows, columns),
        _parts(found.own, found.own_from, cols, rows, columns),
        found.reach.height,
        limit_m,
        terrain.keep_deeper_m,
    )
