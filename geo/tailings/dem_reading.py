"""Read a terrain model whole: several files to one grid in the metres of the local zone."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
import shapely

from geo.problems import Problem
from geo.tailings.dem import Dem
from geo.tailings.model import Box, Model, Stated, bounded, box_in, model_of, shape_in

_SAME_GROUND = {4326, 4490, 4479, 4480, 4978, 4979}  # WGS 84 and CGCS2000: apart by centimetres


@dataclass(frozen=True)
class DemRead:
    """A model as read. `approximate`: its system has no exact way to CGCS2000."""

    dem: Dem
    voids: int
    bridged: int
    approximate: bool


def _is_exact(crs: pyproj.CRS) -> bool:
    base = crs.geodetic_crs
    return base is not None and (base.to_2d().to_epsg(min_confidence=70) in _SAME_GROUND)


def read_dem(
    paths: Iterable[Path],
    box: Box,
    stated: Stated,
    *,
    cell_m: float | None = None,
    gaps: bool = False,
    workdir: Path | None = None,
) -> DemRead:
    """Read the ground of a box from one file or several; see ``geo.tailings.model``.

    Parameters
    ----------
    paths : iterable of Path
        Of a kind that ``raster_kinds`` knows, opened in the confined child.
    box : (float, float, float, float)
        West, south, east, north, CGCS2000 degrees.
    stated : Stated
    cell_m : float, optional
        Size of a cell, m; by default that of the first file, in halves of a metre.
    gaps : bool
        Whether sheets may leave a part of the box uncovered: there is no ground there.
    workdir : Path, optional
        Where the child's copies may lie; by default the system's folder for such.

    Raises
    ------
    Problem
        ``terrain.dem.*`` or ``reader.child.*``
    """
    with model_of(paths, stated, box=box, cell_m=cell_m, workdir=workdir) as model:
        rows, cols = model.shape
        bounded(rows * cols)
        if not gaps:
            _covered(model, box)
        dem, bridged = model.read(slice(0, rows), slice(0, cols))
        if dem.no_ground.all():
            raise Problem("terrain.dem.no_heights", name=model.sources[0].name)
        exact = all(_is_exact(one.crs) for one in model.sources)
    return DemRead(dem, int(dem.no_ground.sum()), bridged, not exact)


def _covered(model: Model, box: Box) -> None:
    """Refuse files that do not reach over the box."""
    wanted, target = box_in(box, model.epsg), pyproj.CRS.from_epsg(model.epsg)
    reached = shapely.union_all(
        np.array([shape_in(one.outline(), one.crs, target) for one in model.sources])
    )
    # A finger's breadth: edges of neighbouring files need not meet to the last digit.
    missing = shapely.area(shapely.difference(wanted, shapely.buffer(reached, 1.0)))
    share = missing / shapely.area(wanted)
    if share > 0:
        raise Problem("terrain.dem.cover", share=f"{100 * share:.1f}")
