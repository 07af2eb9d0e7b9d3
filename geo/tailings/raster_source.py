"""One file of a terrain model: described and read by the confined child, judged here."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import CRSError
from rasterio.transform import Affine

from geo.problems import Problem
from geo.survey.reading.parent import hand_over, room, run_child
from geo.tailings.parameters import terrain_rules
from geo.tailings.raster_kinds import kind_of

# Metres of one vertical unit, by the names files use.
UNITS = {
    "m": 1.0,
    "metre": 1.0,
    "meter": 1.0,
    "metres": 1.0,
    "meters": 1.0,
    "dm": 0.1,
    "cm": 0.01,
    "centimetre": 0.01,
    "ft": 0.3048,
    "foot": 0.3048,
    "feet": 0.3048,
    "us survey foot": 1200 / 3937,
    "us-ft": 1200 / 3937,
}
_HEIGHTS = ("int16", "uint16", "int32", "uint32", "float32", "float64")
_BLOCK = 1 << 22
_SIZE = {"int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "float32": 4, "float64": 8}


@dataclass(frozen=True)
class Source:
    """A described file: its grid, its horizontal system, metres per vertical unit.

    `copy` is the child's own, there as long as the file is ``opened``; `sha256` is of its bytes.
    """

    copy: Path
    driver: str
    name: str
    sha256: str
    shape: tuple[int, int]
    transform: Affine
    crs: pyproj.CRS
    metres: float

    def outline(self) -> shapely.Polygon:
        """Return its edge in its own frame, with a vertex every hundredth part."""
        rows, cols = self.shape
        edge = shapely.segmentize(shapely.box(0, 0, cols, rows), max(rows, cols) / 100)
        return shapely.transform(
            edge, lambda at: np.column_stack(self.transform @ (at[:, 0], at[:, 1]))
        )


@cache
def _to_skip(driver: str) -> list[str]:
    from rasterio.env import Env

    with Env() as environment:
        return sorted(set(environment.drivers()) - {driver})


def _copied(path: Path, copy: Path) -> str:
    """Copy a file and return the digest of what was copied, in one pass."""
    told = hashlib.sha256()
    with path.open("rb") as file, copy.open("wb") as made:
        while block := file.read(_BLOCK):
            told.update(block)
            made.write(block)
    return told.hexdigest()


def _ask(copy: Path, driver: str, name: str, task: dict[str, Any], out: int) -> dict[str, Any]:
    task = {**task, "path": copy.name, "driver": driver}
    return run_child("geo.tailings.raster_child", _to_skip(driver), task, copy.parent, name, out)


def _system(said: dict[str, Any], name: str, stated: int | None) -> pyproj.CRS:
    if stated is not None:
        try:
            return pyproj.CRS.from_epsg(stated)
        except CRSError as error:
            raise Problem("terrain.dem.bad_crs", epsg=stated) from error
    if not said["crs"]:
        raise Problem("terrain.dem.no_crs", name=name)
    try:
        return pyproj.CRS.from_wkt(said["crs"])
    except CRSError as error:
        raise Problem("terrain.dem.no_crs", name=name) from error


def _vertical(crs: pyproj.CRS, said: dict[str, Any], name: str, unit: str | None) -> float:
    """Return metres per unit of height: as stated, else as the file says, else metres."""
    if unit is not None:
        if unit not in UNITS:
            raise Problem("terrain.dem.bad_unit", unit=unit, units=", ".join(sorted(UNITS)))
        return UNITS[unit]
    named = (said["unit"] or "").strip().lower()
    if not named and crs.is_compound:
        named = crs.sub_crs_list[-1].axis_info[0].unit_name.lower()
    factor = UNITS.get(named or "m")
    if factor != 1.0:
        raise Problem("terrain.dem.unit_said", name=name, unit=named)
    return 1.0


@contextmanager
def opened(
    path: Path, workdir: Path, *, epsg: int | None = None, unit: str | None = None
) -> Iterator[Source]:
    """Yield what a file is, with a copy for the child to read it from; or refuse it in a sentence.

    Parameters
    ----------
    path : Path
    workdir : Path
        Where the child's copy may lie.
    epsg : int, optional
        Its coordinate system, where the user says so.
    unit : str, optional
        Key of ``UNITS``, where the user says so.

    Raises
    ------
    Problem
        ``terrain.dem.*``, ``reader.child.*``
    """
    kind = kind_of(path)
    with room(workdir) as folder:
        # A copy: given to another user, a link would give the original away.
        copy = folder / kind.name
        digest = _copied(path, copy)
        for beside, called in kind.beside:
            shutil.copyfile(beside, folder / called)
        hand_over(folder)
        yield _described(copy, kind.driver, path.name, digest, epsg, unit)


def _described(
    copy: Path, driver: str, name: str, digest: str, epsg: int | None, unit: str | None
) -> Source:
    rules = terrain_rules()["reading"]
    with open(os.devnull, "wb") as nowhere:
        said = _ask(copy, driver, name, {"do": "describe"}, nowhere.fileno())
    if said["bands"] != 1 or said["kind"] not in _HEIGHTS:
        raise Problem("terrain.dem.not_heights", name=name, bands=said["bands"], kind=said["kind"])
    rows, cols = int(said["height"]), int(said["width"])
    declared, held = rows * cols * _SIZE[said["kind"]], copy.stat().st_size
    if declared > rules["swell_from_bytes"] and declared > rules["swell_at_most"] * held:
        raise Problem("terrain.dem.swells", name=name, rows=rows, cols=cols, bytes=held)
    transform = Affine(*said["transform"])
    if transform.is_identity or transform.b or transform.d or transform.e >= 0 or said["gcps"]:
        raise Problem("terrain.dem.no_place", name=name)
    crs = _system(said, name, epsg)
    metres = _vertical(crs, said, name, unit)
    flat = crs.sub_crs_list[0] if crs.is_compound else crs
    source = Source(copy, driver, name, digest, (rows, cols), transform, flat.to_2d(), metres)
    west, south, east, north = source.outline().bounds
    in_degrees = max(abs(west), abs(east)) <= 360 and max(abs(south), abs(north)) <= 90
    if flat.is_geographic and not in_degrees:
        raise Problem("terrain.dem.degrees_with_metres", name=name, x=f"{west:.0f}")
    if not flat.is_geographic and in_degrees and max(transform.a, -transform.e) < 0.1:
        raise Problem("terrain.dem.metres_with_degrees", name=name, x=f"{west:.4f}")
    return source


def heights(source: Source, rows: slice, cols: slice) -> NDArray[np.float32]:
    """Return a window of a file's heights in metres, NaN where it has none.

    Raises
    ------
    Problem
        ``reader.child.*``
    """
    shape = rows.stop - rows.start, cols.stop - cols.start
    task = {"do": "send", "window": [rows.start, cols.start, *shape]}
    with tempfile.TemporaryFile() as out:
        _ask(source.copy, source.driver, source.name, task, out.fileno())
        if out.seek(0, os.SEEK_END) != shape[0] * shape[1] * 4:
            raise Problem("reader.child.died", name=source.name)
        out.seek(0)
        z = np.fromfile(out, dtype="<f4").reshape(shape)
    return z if source.metres == 1.0 else (z * np.float32(source.metres)).astype(np.float32)
