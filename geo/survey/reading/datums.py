"""Local seven parameters: how a county's Xi'an 80 or Beijing 54 moves to CGCS2000.

PROJ knows no accurate shift between these frames, and the parameters are the county's own (its
surveying office gives them out), so they are data: a YAML of county code → datum → parameters,
beside the secrets of an installation and never in the code.

The move is the Bursa–Wolf (七参数) similarity in geocentric coordinates, EPSG methods 9606 and 9607
(IOGP Guidance Note 7-2, section 4.3.3). The two differ by the sign of the rotations, and both are
called "seven parameters", so which is meant must be said. Heights are taken as zero: for a shift of
120 m that moves a place 1,500 m up by 3 cm.
"""

import math
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import shapely
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pyproj import CRS, Geod, Transformer

from geo.crs import GEOGRAPHIC, transformer
from geo.geometry import Shapes
from geo.problems import Problem

Box = tuple[float, float, float, float]
_RESIDUAL = 3.0


class Known(BaseModel):
    """A point known in both frames (公共点): EPSG code, x (east), y (north) on each side."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    old: tuple[int, float, float]
    new: tuple[int, float, float]


class SevenParameters(BaseModel):
    """From one old datum to CGCS2000 in one county.

    Metres, seconds of arc, parts per million. `convention` says what the signs of the rotations
    turn: the point's vector (EPSG 9606) or the axes (EPSG 9607).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    convention: Literal["position_vector", "coordinate_frame"]
    dx: float = Field(ge=-2000, le=2000)
    dy: float = Field(ge=-2000, le=2000)
    dz: float = Field(ge=-2000, le=2000)
    rx: float = Field(ge=-120, le=120)
    ry: float = Field(ge=-120, le=120)
    rz: float = Field(ge=-120, le=120)
    scale: float = Field(ge=-200, le=200)
    accuracy_m: float = Field(gt=0, le=100)
    source: str = Field(min_length=1, max_length=400)
    area: Box | None = None
    points: tuple[Known, ...] = Field(default=(), max_length=200)


Local = dict[str, SevenParameters]


@lru_cache(maxsize=64)
def _pipeline(
    one: SevenParameters, old: tuple[float, float], new: tuple[float, float]
) -> Transformer:
    return Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad "
        f"+step +proj=cart +a={old[0]!r} +rf={old[1]!r} "
        f"+step +proj=helmert +x={one.dx!r} +y={one.dy!r} +z={one.dz!r} "
        f"+rx={one.rx!r} +ry={one.ry!r} +rz={one.rz!r} +s={one.scale!r} "
        f"+convention={one.convention} "
        f"+step +inv +proj=cart +a={new[0]!r} +rf={new[1]!r} "
        "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )


def _ellipsoid(crs: CRS) -> tuple[float, float]:
    body = crs.ellipsoid
    if body is None:
        raise ValueError("a system without an ellipsoid")
    return float(body.semi_major_metre), float(body.inverse_flattening)


def shift(
    lonlat: NDArray[np.float64],
    one: SevenParameters,
    old: tuple[float, float],
    new: tuple[float, float],
) -> NDArray[np.float64]:
    """Return longitudes and latitudes of one ellipsoid moved to another by seven parameters.

    Parameters
    ----------
    lonlat : (n, 2) array
        Degrees.
    one : SevenParameters
    old, new : (a, 1/f)
        Semi-major axis in metres and inverse flattening of the two ellipsoids.
    """
    x, y, _ = _pipeline(one, old, new).transform(
        lonlat[:, 0], lonlat[:, 1], np.zeros(len(lonlat)), errcheck=False
    )
    return np.column_stack((x, y))


def to_cgcs2000(xy: NDArray[np.float64], epsg: int, one: SevenParameters) -> NDArray[np.float64]:
    """Return coordinates of an old system, x before y, in CGCS2000 degrees."""
    crs = CRS.from_epsg(epsg)
    geographic = crs.geodetic_crs
    if geographic is None:
        raise ValueError(f"EPSG:{epsg} has no datum")
    if crs.is_projected:
        # Within one datum: the projection is undone, nothing is shifted yet.
        base = Transformer.from_crs(crs, geographic, always_xy=True)
        xy = np.column_stack(base.transform(xy[:, 0], xy[:, 1]))
    return shift(xy, one, _ellipsoid(crs), _ellipsoid(CRS.from_epsg(GEOGRAPHIC)))


def move(shapes: Shapes, epsg: int, one: SevenParameters) -> Shapes:
    """Return shapes of an old system in CGCS2000 degrees, by seven parameters."""
    if not len(shapes):
        return shapes
    moved = shapely.transform(shapes, lambda xy: to_cgcs2000(xy, epsg, one))
    return np.asarray(moved, dtype=object)


def residuals(one: SevenParameters) -> list[float]:
    """Return by how many metres the parameters miss each of their own known points."""
    ruler = Geod(ellps="GRS80")
    missed = []
    for point in one.points:
        epsg, x, y = point.new
        lon, lat = transformer(epsg, GEOGRAPHIC).transform(x, y)
        made = to_cgcs2000(np.array([point.old[1:]]), point.old[0], one)[0]
        missed.append(float(ruler.inv(lon, lat, made[0], made[1])[2]))
    return missed


def parsed(text: str, name: str) -> SevenParameters:
    """Return the parameters a file states, once they hit their own known points.

    Known points are what finds a wrong sign: with the other convention they are missed by metres.

    Raises
    ------
    Problem
        ``reader.datum.*``
    """
    try:
        one = SevenParameters.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise Problem("reader.datum.file", name=name, what=_first(error)) from error
    try:
        worst = max(residuals(one), default=0.0)
    except Exception as error:
        raise Problem("reader.datum.file", name=name, what="points") from error
    if not worst <= _RESIDUAL * one.accuracy_m:
        shown = round(worst, 3) if math.isfinite(worst) else "—"
        raise Problem("reader.datum.points", name=name, metres=shown, accuracy=one.accuracy_m)
    return one


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors()[0]
        return f"{'.'.join(str(at) for at in found['loc']) or 'YAML'}: {found['msg']}"
    return "YAML"


def load(path: Path) -> dict[str, Local]:
    """Return county → datum → parameters; nothing where there is no file.

    Raises
    ------
    Problem
        ``reader.datum.file`` where the file is not what it should be.
    """
    if not path.exists():
        return {}
    try:
        table: Any = yaml.safe_load(path.read_text("utf-8")) or {}
        return {
            str(county): {
                str(datum): SevenParameters.model_validate(one) for datum, one in of.items()
            }
            for county, of in table.items()
        }
    except (OSError, yaml.YAMLError, ValidationError, AttributeError, UnicodeError) as error:
        raise Problem("reader.datum.file", name=path.name, what=_first(error)) from error


def save(path: Path, table: Mapping[str, Local]) -> None:
    """Write the table whole: aside, to the disk, then in place of the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {
        county: {
            datum: one.model_dump(mode="json", exclude_none=True)
            for datum, one in sorted(of.items())
        }
        for county, of in sorted(table.items())
    }
    aside = path.with_name(f".{path.name}.new")
    with aside.open("w", encoding="utf-8") as out:
        yaml.safe_dump(plain, out, allow_unicode=True, sort_keys=False)
        out.flush()
        os.fsync(out.fileno())
    aside.replace(path)
