"""A terrain model read by windows, however large: its files, and the one grid laid over them.

Files whose cells lie on one lattice are put together as they are; each lattice is then moved to the
3-degree zone, bilinear. Where files overlap, the first counts. A cell's height does not depend on
the window it is read with.
"""

import hashlib
import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from rasterio import features, fill
from rasterio.transform import Affine

from geo.crs import GEOGRAPHIC, local_zone, transform
from geo.problems import Problem
from geo.tailings.dem import Dem
from geo.tailings.parameters import terrain_rules
from geo.tailings.raster_source import Source, heights, opened
from geo.tailings.resample import resample

Box = tuple[float, float, float, float]
_DEGREE_M = 111_320.0
_EACH = 8  # rows apart, to judge by how steep a model is: the median asks for no more


@dataclass(frozen=True)
class Stated:
    """What whoever brings a model says of it.

    Attributes
    ----------
    source : str
    on : date or None
        Day of the ground it shows.
    error_m : float
        Standard error of a height, m.
    unit : str or None
        Vertical unit, if the file does not say or says it wrong: ``m``, ``dm``, ``cm``, ``ft``.
    epsg : int or None
        Coordinate system, if the file does not say.
    """

    source: str
    on: date | None
    error_m: float
    unit: str | None = None
    epsg: int | None = None


@dataclass(frozen=True)
class Model:
    """Files in one frame. `grid` is north-up in metres of the zone `epsg`, `shape` its cells.

    Cells lie at whole multiples of their size in the zone, so that all boxes share one lattice.
    """

    sources: tuple[Source, ...]
    grid: Affine
    shape: tuple[int, int]
    epsg: int
    stated: Stated

    def digest(self) -> str:
        """Return what its heights depend on: the files' bytes, how they are read, and the grid."""
        told = [self.grid[:6], self.shape, self.epsg]
        told += [
            (one.sha256, one.crs.to_wkt(), one.transform[:6], one.metres) for one in self.sources
        ]
        return hashlib.sha256(repr(told).encode()).hexdigest()

    def part(self, rows: slice, cols: slice) -> Dem:
        """Return a window of it; without any ground where no file reaches.

        Raises
        ------
        Problem
            ``terrain.dem.not_metres``, ``terrain.dem.too_steep``, ``reader.child.*``
        """
        return self.read(rows, cols)[0]

    def read(self, rows: slice, cols: slice) -> tuple[Dem, int]:
        """Return a window of it, and how many cells of it were bridged."""
        shape = rows.stop - rows.start, cols.stop - cols.start
        grid = self.grid @ Affine.translation(cols.start, rows.start)
        target = pyproj.CRS.from_epsg(self.epsg)
        (west, north), (east, south) = grid @ (0, 0), grid @ (shape[1], shape[0])
        edge = shapely.box(west, south, east, north)
        edge = shapely.segmentize(edge, max(east - west, north - south) / 50)
        z = np.full(shape, np.nan, dtype=np.float32)
        lattices: dict[object, list[tuple[Source, tuple[slice, slice]]]] = {}
        for source in self.sources:
            window = _window(source, shape_in(edge, target, source.crs), 3)
            if window is not None:
                lattices.setdefault(_lattice(source), []).append((source, window))
        for parts in lattices.values():
            whole, corner = _mosaic(parts)
            moved = resample(whole, corner, parts[0][0].crs, grid, shape, target)
            np.copyto(z, moved, where=np.isnan(z))
        bridged = _bridge(z, terrain_rules()["reading"]["void_bridge_cells"])
        names = "、".join(one.name for one in self.sources[:3])
        _plausible(z, self.grid.a, names)
        stated = self.stated
        return Dem(z, grid, self.epsg, stated.source, stated.on, stated.error_m), bridged


@contextmanager
def model_of(
    paths: Iterable[Path],
    stated: Stated,
    *,
    box: Box | None = None,
    cell_m: float | None = None,
    workdir: Path | None = None,
) -> Iterator[Model]:
    """Yield the model of one file or several, readable by windows until the end.

    Parameters
    ----------
    paths : iterable of Path
        Of a kind that ``raster_kinds`` knows, opened in the confined child.
    stated : Stated
    box : (float, float, float, float), optional
        West, south, east, north, CGCS2000 degrees; by default all that the files reach.
    cell_m : float, optional
        Size of a cell, m; by default that of the first file, in halves of a metre.
    workdir : Path, optional
        Where the child's copies may lie; by default the system's folder for such.

    Raises
    ------
    Problem
        ``terrain.dem.*`` or ``reader.child.*``
    """
    files, most = list(paths), terrain_rules()["reading"]["sources_at_most"]
    if not files or len(files) > most:
        raise Problem("terrain.dem.count", count=len(files), most=most)
    place = workdir or Path(tempfile.gettempdir())
    with ExitStack() as stack:
        sources = tuple(
            stack.enter_context(opened(one, place, epsg=stated.epsg, unit=stated.unit))
            for one in files
        )
        degrees = pyproj.CRS.from_epsg(GEOGRAPHIC)
        reached = [shape_in(one.outline(), one.crs, degrees) for one in sources]
        west, south, east, north = box or shapely.total_bounds(reached)
        try:
            zone = local_zone((west + east) / 2)
        except ValueError as error:
            raise Problem("terrain.dem.elsewhere", lon=f"{(west + east) / 2:.2f}") from error
        if box is None:
            target = pyproj.CRS.from_epsg(zone)
            wanted = [shape_in(one.outline(), one.crs, target) for one in sources]
        else:
            wanted = [box_in(box, zone)]
        cell = _cell_of(sources[0], (south + north) / 2) if cell_m is None else cell_m
        yield Model(sources, *lattice(wanted, cell), zone, stated)


def lattice(wanted: Iterable[shapely.Geometry], cell: float) -> tuple[Affine, tuple[int, int]]:
    """Return the grid over shapes in a zone's metres, its lines at whole multiples of a cell."""
    x0, y0, x1, y1 = shapely.total_bounds(list(wanted))
    left, top = math.floor(x0 / cell), math.ceil(y1 / cell)
    shape = top - math.floor(y0 / cell), math.ceil(x1 / cell) - left
    return Affine(cell, 0, left * cell, 0, -cell, top * cell), shape


def shape_in(geometry: object, source: pyproj.CRS, target: pyproj.CRS) -> shapely.Geometry:
    """Return a shape moved from one system to another, x before y."""
    move = pyproj.Transformer.from_crs(source, target, always_xy=True)
    return shapely.transform(
        geometry, lambda at: np.column_stack(move.transform(at[:, 0], at[:, 1]))
    )


def box_in(box: Box, zone: int) -> shapely.Geometry:
    """Return a box of degrees in the metres of a zone, its sides bent as they are there."""
    west, south, east, north = box
    edge = shapely.segmentize(shapely.box(west, south, east, north), max(east - west, 1e-6) / 50)
    moved: shapely.Geometry = transform(np.array([edge], dtype=object), GEOGRAPHIC, zone)[0]
    return moved


def _round_cell(metres: float) -> float:
    """Return a cell's size in halves of a metre, so that neighbours read alike."""
    return round(metres * 2) / 2 if metres >= 1 else round(metres, 3)


def _cell_of(source: Source, latitude: float) -> float:
    width, height = source.transform.a, -source.transform.e
    if source.crs.is_geographic:
        return _round_cell(
            max(width * _DEGREE_M * math.cos(math.radians(latitude)), height * _DEGREE_M)
        )
    factor = source.crs.axis_info[0].unit_conversion_factor or 1.0
    return _round_cell(max(width, height) * factor)


def _window(source: Source, wanted: shapely.Geometry, margin: int) -> tuple[slice, slice] | None:
    """Return the rows and columns of a file that a shape in its frame needs; None for none."""
    west, south, east, north = wanted.bounds
    corners = [~source.transform @ (x, y) for x, y in ((west, north), (east, south))]
    (c0, r0), (c1, r1) = corners
    rows = slice(max(math.floor(r0) - margin, 0), min(math.ceil(r1) + margin, source.shape[0]))
    cols = slice(max(math.floor(c0) - margin, 0), min(math.ceil(c1) + margin, source.shape[1]))
    return (rows, cols) if rows.start < rows.stop and cols.start < cols.stop else None


def _lattice(source: Source) -> tuple[str, float, float, int, int]:
    """Return what files share whose cells lie on one lattice: those are put together unmoved."""
    a, e = source.transform.a, source.transform.e
    phase = (source.transform.c / a) % 1, (source.transform.f / e) % 1
    return (
        source.crs.to_wkt(),
        round(a, 12),
        round(e, 12),
        round(phase[0] * 1000) % 1000,
        round(phase[1] * 1000) % 1000,
    )


def _mosaic(
    parts: Sequence[tuple[Source, tuple[slice, slice]]],
) -> tuple[NDArray[np.float32], Affine]:
    """Put windows of files on one lattice together; of overlapping ones the first counts."""
    first = parts[0][0]
    a, e = first.transform.a, first.transform.e
    places = []
    for source, (rows, cols) in parts:
        x, y = source.transform @ (cols.start, rows.start)
        col = round((x - first.transform.c) / a)
        row = round((y - first.transform.f) / e)
        places.append((row, col, rows.stop - rows.start, cols.stop - cols.start))
    top, left = min(one[0] for one in places), min(one[1] for one in places)
    high = max(one[0] + one[2] for one in places) - top
    wide = max(one[1] + one[3] for one in places) - left
    bounded(high * wide)
    z = np.full((high, wide), np.nan, dtype=np.float32)
    for (source, (rows, cols)), (row, col, h, w) in zip(parts, places, strict=True):
        here = z[row - top : row - top + h, col - left : col - left + w]
        np.copyto(here, heights(source, rows, cols), where=np.isnan(here))
    return z, first.transform @ Affine.translation(left, top)


def bounded(cells: int) -> None:
    """Refuse to hold more cells at once than ``terrain.yaml`` allows."""
    most = terrain_rules()["reading"]["cells_at_most"]
    if cells > most:
        raise Problem("terrain.dem.too_large", cells=cells, most=most)


def _bridge(z: NDArray[np.float32], most: int) -> int:
    """Bridge voids of at most `most` × `most` cells from their rim, in place; return how many."""
    void = np.isnan(z)
    if not void.any() or void.all():
        return 0
    large = features.sieve(void.astype(np.uint8), size=most * most + 1, connectivity=8).astype(bool)
    small = void & ~large
    if small.any():
        known = np.where(void, np.float32(0), z)
        bridged = fill.fillnodata(known, mask=~void, max_search_distance=2 * most)
        z[small] = bridged[small]
        z[small & (bridged == 0) & void] = np.nan
    return int(np.count_nonzero(small & ~np.isnan(z)))


def _plausible(z: NDArray[np.float32], cell: float, name: str) -> None:
    rules = terrain_rules()["reading"]
    ground = z[~np.isnan(z)]
    if not ground.size:
        return
    low, high = float(ground.min()), float(ground.max())
    if low < rules["lowest_m"] or high > rules["highest_m"]:
        raise Problem("terrain.dem.not_metres", name=name, low=f"{low:.0f}", high=f"{high:.0f}")
    steps = np.abs(np.diff(z[::_EACH], axis=1))
    steps = steps[~np.isnan(steps)]
    if steps.size and float(np.median(steps)) / cell > rules["steepest_median"]:
        raise Problem(
            "terrain.dem.too_steep", name=name, rise=f"{float(np.median(steps)):.0f}", cell=cell
        )
