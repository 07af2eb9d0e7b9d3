"""The zone of a large model as polygons: tile by tile, so that no more than one is in memory.

Polygons end at their tile's edge. What lies on that edge is never moved, and has a vertex at each
cell there: the two sides of a join are the same points, in whatever frame. The rest is simplified
as the zones of the register are (``zone.simplified``), within a cell.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import shapely
from numpy.typing import NDArray
from rasterio import features

from geo.problems import Problem
from geo.tailings.model import Model
from geo.tailings.tiles import INSIDE, UNDECIDED, Tile, frame_of
from geo.tailings.zone import CELLS_APART, simplified

KINDS = {"no_build": INSIDE, "undecided": UNDECIDED}
ENDINGS = (".gpkg", ".geojson")
# A GeoPackage tells when it was changed; the same zone must be the same bytes on any day.
_NO_DAY = {"OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z"}


def check(path: Path) -> None:
    """Raise where polygons cannot be written to a file of this ending, or its folder is missing."""
    if path.suffix.lower() not in ENDINGS:
        raise Problem("terrain.zone.polygons", file=path.name, endings=" ".join(ENDINGS))
    if not path.parent.is_dir():
        raise Problem("terrain.zone.no_folder", folder=str(path.parent))


def write_polygons(
    path: Path, model: Model, tiles: Iterable[tuple[Tile, NDArray[np.uint8]]]
) -> dict[str, int]:
    """Write the polygons of a zone's tiles; returns how many of each kind.

    Parameters
    ----------
    path : Path
        ``.gpkg``, in the model's metres, or ``.geojson``, in CGCS2000 degrees.
    model : Model
    tiles : iterable of (Tile, codes)
        In their order; read one at a time.
    """
    counts = dict.fromkeys(KINDS, 0)
    writer = _geopackage if path.suffix.lower() == ".gpkg" else _geojson
    aside = path.with_name(f".{path.stem}.aside{path.suffix}")
    aside.unlink(missing_ok=True)
    with writer(aside, model) as write:
        for tile, code in tiles:
            for kind, value in KINDS.items():
                shapes, cells = tile_outlines(code == value)
                if len(shapes):
                    areas = cells * model.grid.a**2
                    write(kind, tile.name, _placed(shapes, tile, model), areas)
                    counts[kind] += len(shapes)
    aside.rename(path)
    return counts


def tile_outlines(mask: NDArray[np.bool_]) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    """Return a tile's polygons in cells from its first corner, and how many cells each stands for.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, cols)
    """
    found = features.shapes(mask.astype(np.uint8), mask=mask, connectivity=4)
    shapes = np.array([shapely.geometry.shape(one) for one, _ in found], dtype=object)
    cells = shapely.area(shapes)
    if not len(shapes):
        return shapes, cells
    rows, cols = mask.shape
    west, north, east, south = shapely.bounds(shapes).T
    inner = (west > 0) & (north > 0) & (east < cols) & (south < rows)
    shapes[inner] = simplified(shapes[inner], 1.0)
    for at in np.flatnonzero(~inner):
        shapes[at] = _held(shapes[at], (cols, rows))
    return shapes, cells


def _held(shape: Any, size: tuple[int, int]) -> Any:
    """Return a polygon simplified but for what lies on the tile's edge."""
    rings = [shape.exterior, *shape.interiors]
    for how in (_simpler, _as_it_is):
        shell, *holes = (_ring(shapely.get_coordinates(ring)[:-1], size, how) for ring in rings)
        made = shapely.Polygon(shell, holes)
        if made.is_valid and not made.is_empty:
            return made
    return shape


def _simpler(piece: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(
        shapely.get_coordinates(shapely.simplify(shapely.LineString(piece), CELLS_APART))
    )


def _as_it_is(piece: NDArray[np.float64]) -> NDArray[np.float64]:
    return piece


def _ring(xy: NDArray[np.float64], size: tuple[int, int], how: Any) -> NDArray[np.float64]:
    """Return an open ring, each piece between two places on the tile's edge for itself."""
    on_edge = (xy == 0) | (xy == size)  # of x: west or east; of y: north or south
    fixed = np.flatnonzero(on_edge.any(axis=1))
    if not fixed.size:
        # A hole inside: held at two ends far apart.
        fixed = np.array([0, len(xy) // 2])
    first = int(fixed[0])
    xy, on_edge = np.roll(xy, -first, axis=0), np.roll(on_edge, -first, axis=0)
    closed, stops = np.vstack((xy, xy[:1])), [*(fixed - first), len(xy)]
    pieces = []
    for begin, end in pairwise(stops):
        piece = closed[begin : end + 1]
        along = (piece[0] == piece[-1]) & on_edge[begin] & on_edge[end % len(xy)]
        made = _by_cells(piece) if len(piece) == 2 and along.any() else how(piece)
        pieces.append(made[:-1])
    ring = np.concatenate(pieces)
    return ring if len(ring) >= 3 else xy


def _by_cells(piece: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an edge along the tile's own with a vertex at each cell."""
    steps = int(np.abs(piece[1] - piece[0]).max())
    return np.linspace(piece[0], piece[1], steps + 1)


def _placed(shapes: NDArray[np.object_], tile: Tile, model: Model) -> NDArray[np.object_]:
    """Return polygons in cells of a tile in the zone's metres.

    A place is reckoned from the model's corner, so that both sides of a join say the same.
    """

    def metres(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        grid = model.grid
        x = grid.c + (xy[:, 0] + tile.cols.start) * grid.a
        y = grid.f + (xy[:, 1] + tile.rows.start) * grid.e
        return np.column_stack((x, y))

    return np.asarray(shapely.orient_polygons(shapely.transform(shapes, metres)))


@contextmanager
def _geojson(path: Path, model: Model) -> Iterator[Any]:
    frame, empty = frame_of(model), True
    with path.open("w", encoding="utf-8") as out:
        out.write('{"type": "FeatureCollection", "features": [')

        def write(kind: str, tile: str, shapes: Any, areas: NDArray[np.float64]) -> None:
            nonlocal empty
            abroad = np.array(frame.abroad(shapes), dtype=object)
            for shape, area in zip(abroad, areas, strict=True):
                told = {
                    "type": "Feature",
                    "properties": {"kind": kind, "tile": tile, "area_m2": float(area)},
                    "geometry": shapely.geometry.mapping(shape),
                }
                out.write("\n" if empty else ",\n")
                json.dump(told, out)
                empty = False

        yield write
        out.write("\n]}\n")
        out.flush()
        os.fsync(out.fileno())


@contextmanager
def _geopackage(path: Path, model: Model) -> Iterator[Any]:
    def write(kind: str, tile: str, shapes: Any, areas: NDArray[np.float64]) -> None:
        table = pa.table(
            {
                "kind": pa.array([kind] * len(shapes)),
                "tile": pa.array([tile] * len(shapes)),
                "area_m2": pa.array(areas),
                "geometry": pa.array(shapely.to_wkb(shapes), type=pa.binary()),
            }
        )
        pyogrio.write_arrow(
            table, path, driver="GPKG", layer="zone", geometry_name="geometry",
            geometry_type="Polygon", crs=f"EPSG:{model.epsg}", append=path.exists(),
        )  # fmt: skip

    before = {name: pyogrio.get_gdal_config_option(name) for name in _NO_DAY}
    pyogrio.set_gdal_config_options(_NO_DAY)
    try:
        yield write
    finally:
        pyogrio.set_gdal_config_options(before)
