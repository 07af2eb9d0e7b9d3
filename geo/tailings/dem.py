"""A terrain model in memory: heights on a grid in metres, and where they came from."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.transform import Affine

from geo.crs import from_metric, to_metric
from geo.tailings.conditioning import condition
from geo.tailings.flow import accumulation, flow_order
from geo.tailings.waterways import Waterway, burn


@dataclass(frozen=True, eq=False)
class Dem:
    """A terrain model on a north-up grid of a 3-degree zone.

    Attributes
    ----------
    z : ndarray of float32 or float64, shape (rows, cols)
        Heights, m; NaN where there is no ground.
    transform : Affine
        From (column, row) to the zone's metres.
    epsg : int
        The 3-degree metric zone.
    source : str
        Who made it, as its reader stated.
    on : date or None
        Day of the ground it shows; a dam built later is not in it.
    error_m : float
        Stated standard error of a height, m; NaN where none is known, 0 where it is exact.
    """

    z: NDArray[np.floating]
    transform: Affine
    epsg: int
    source: str = ""
    on: date | None = None
    error_m: float = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.z.shape[0], self.z.shape[1]

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a cell, m."""
        return abs(self.transform.a), abs(self.transform.e)

    @property
    def no_ground(self) -> NDArray[np.bool_]:
        """Where there are no heights."""
        return np.isnan(self.z)

    def centres(self, cells: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return x and y of cells' centres in the zone's metres, shape (n, 2)."""
        rows, cols = np.divmod(cells, self.shape[1])
        x, y = self.transform @ (cols + 0.5, rows + 0.5)
        return np.column_stack((x, y))

    def local(self, geometries: Iterable[object]) -> NDArray[np.object_]:
        """Return CGCS2000 geometries in the zone's metres."""
        return to_metric(np.array(list(geometries), dtype=object), self.epsg)

    def abroad(self, geometries: Iterable[object]) -> NDArray[np.object_]:
        """Return geometries of the zone's metres in CGCS2000 degrees."""
        return from_metric(np.array(list(geometries), dtype=object), self.epsg)

    def around(self, geometry: object, metres: float) -> tuple[slice, slice]:
        """Return rows and columns of the cells with a part within `metres` of a geometry's box."""
        west, south, east, north = shapely.bounds(geometry)
        (col0, row0) = ~self.transform @ (west - metres, north + metres)
        (col1, row1) = ~self.transform @ (east + metres, south - metres)
        rows, cols = self.shape
        return (
            slice(
                min(max(int(np.floor(row0)), 0), rows), max(min(int(np.floor(row1)) + 1, rows), 0)
            ),
            slice(
                min(max(int(np.floor(col0)), 0), cols), max(min(int(np.floor(col1)) + 1, cols), 0)
            ),
        )

    def window(self, rows: slice, cols: slice) -> "Dem":
        """Return a part of the model."""
        moved = self.transform @ Affine.translation(cols.start, rows.start)
        return replace(self, z=self.z[rows, cols].copy(), transform=moved)

    def within(self, geometry: object, metres: float, *, centre: bool) -> NDArray[np.int64]:
        """Return the cells within `metres` of a geometry in the zone's metres.

        Distances are rounded to 1 mm before they are compared.

        Parameters
        ----------
        geometry : shapely geometry
        metres : float
        centre : bool
            Measure from cells' centres; otherwise from the nearest part of each cell.
        """
        rows, cols = self.around(geometry, metres + 0.001)  # what rounds to `metres` is in
        high, wide = rows.stop - rows.start, cols.stop - cols.start
        r = np.repeat(np.arange(rows.start, rows.stop), max(wide, 0))
        c = np.tile(np.arange(cols.start, cols.stop), max(high, 0))
        if centre:
            x, y = self.transform @ (c + 0.5, r + 0.5)
            places = shapely.points(x, y)
        else:
            x0, y1 = self.transform @ (c, r)
            x1, y0 = self.transform @ (c + 1, r + 1)
            places = shapely.box(x0, y0, x1, y1)
        near = np.round(shapely.distance(places, geometry), 3) <= metres
        return np.asarray(r[near] * self.shape[1] + c[near], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Terrain:
    """A terrain model made to drain, with its flow.

    Attributes
    ----------
    dem : Dem
        As it was read.
    ground : ndarray of float, shape (rows, cols)
        Conditioned heights, m.
    d8 : ndarray of uint8, shape (rows, cols)
        Directions of flow; see ``geo.tailings.flow``.
    order : ndarray of int32
        Cells, each after the one it flows to.
    kept : ndarray of int64
        Bottoms of pits that were kept.
    waterways : tuple of Waterway
        Burnt in, in the zone's metres.
    keep_deeper_m : float or None
        Depth limit of pits; None is the figure of ``terrain.yaml``.
    """

    dem: Dem
    ground: NDArray[np.floating]
    d8: NDArray[np.uint8]
    order: NDArray[np.int32]
    kept: NDArray[np.int64]
    waterways: tuple[Waterway, ...] = ()
    keep_deeper_m: float | None = None

    @cached_property
    def drained(self) -> NDArray[np.int64]:
        """How many cells drain through each."""
        return accumulation(self.d8, self.order)

    @cached_property
    def bed(self) -> NDArray[np.floating]:
        """Heights above which ground is measured: the higher of the model and what drains, m.

        A bank over a culvert counts with its height, a filled hollow with its water: the mistake
        made, if any, is to call an object nearer to the flow than it is.
        """
        return np.fmax(self.dem.z, self.ground)

    @cached_property
    def rim(self) -> NDArray[np.bool_]:
        """Cells that border the end of the model or no ground: flow may leave there."""
        rows, cols = self.dem.shape
        outside = np.ones((rows + 2, cols + 2), dtype=bool)
        outside[1:-1, 1:-1] = self.dem.no_ground
        near = np.zeros((rows, cols), dtype=bool)
        for dr in range(3):
            for dc in range(3):
                near |= outside[dr : dr + rows, dc : dc + cols]
        return near & ~self.dem.no_ground


def _local(waterways: Iterable[Waterway], dem: Dem) -> tuple[Waterway, ...]:
    """Return waterways in the zone's metres, one for each line."""
    listed = list(waterways)
    shapes, of = shapely.get_parts(dem.local(one.line for one in listed), return_index=True)
    return tuple(
        replace(listed[at], line=line)
        for line, at in zip(shapes, of, strict=True)
        if shapely.get_dimensions(line) == 1
    )


def drain(dem: Dem, waterways: tuple[Waterway, ...], keep_deeper_m: float | None) -> Terrain:
    """Return the terrain of a model and waterways in the zone's metres; see ``prepare``."""
    z = burn(dem.z, dem.transform, waterways) if waterways else dem.z
    done = condition(z, dem.cell, keep_deeper_m=keep_deeper_m)
    order = flow_order(done.d8)
    return Terrain(dem, done.z, done.d8, order, done.kept, waterways, keep_deeper_m)


def prepare(
    dem: Dem,
    *,
    waterways: Iterable[Waterway] = (),
    keep_deeper_m: float | None = None,
) -> Terrain:
    """Return a terrain model made to drain, with its flow.

    Parameters
    ----------
    dem : Dem
    waterways : iterable of Waterway
        Channels and culverts to burn in, CGCS2000 degrees.
    keep_deeper_m : float, optional
        Pits deeper than this stay and end the flow; by default the figure of ``terrain.yaml``.
    """
    return drain(dem, _local(waterways, dem), keep_deeper_m)
