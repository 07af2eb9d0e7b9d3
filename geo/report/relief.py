"""The ground as a base map: hillshade and contours as tiles, made of an elevation model.

Shadows are black and lit slopes white, both by transparency, so that the same tiles lie under a
light map and a dark one. Contours are drawn where a height is within half a line's breadth of a
level, measured in pixels along the slope, so they stay of one breadth whatever the slope.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.transform import Affine
from rasterio.warp import Resampling, reproject, transform_bounds

from geo.crs import GEOGRAPHIC
from geo.tailings.dem import Dem

SIZE = 512
_AROUND = 40_075_016.68557849
_HALF = _AROUND / 2
_MERCATOR = 3857
# Pixels beyond a tile's edge, so that slopes and lines meet those of its neighbours.
_EDGE = 2

Tile = tuple[int, int, int]


@cache
def _drawing() -> dict[str, Any]:
    text = resources.files("geo.report").joinpath("relief.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def bounds(dem: Dem) -> tuple[float, float, float, float]:
    """Return west, south, east, north of a model in degrees."""
    rows, cols = dem.shape
    west, north = dem.transform @ (0, 0)
    east, south = dem.transform @ (cols, rows)
    found = transform_bounds(
        CRS.from_epsg(dem.epsg), CRS.from_epsg(GEOGRAPHIC), west, south, east, north
    )
    return tuple(round(float(one), 6) for one in found)  # type: ignore[return-value]


def _columns(box: tuple[float, float, float, float], zoom: int) -> tuple[range, range]:
    west, south, east, north = box
    n = 2**zoom

    def down(lat: float) -> float:
        return (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n

    return (
        range(int((west + 180) / 360 * n), int((east + 180) / 360 * n) + 1),
        range(int(down(north)), int(down(south)) + 1),
    )


def tiles(dem: Dem) -> list[Tile]:
    """Return the tiles a model fills: from where it is a speck to finer than its own cells."""
    box = bounds(dem)
    ground = _AROUND * math.cos(math.radians((box[1] + box[3]) / 2))
    own = round(math.log2(ground / (SIZE * max(dem.cell))))
    first = max(int(math.log2(360 / max(box[2] - box[0], 1e-6))) - 2, 0)
    made: list[Tile] = []
    for zoom in range(min(first, own), own + _drawing()["finer_zooms"] + 1):
        across, down = _columns(box, zoom)
        if len(made) + len(across) * len(down) > _drawing()["most_tiles"]:
            break
        made += [(zoom, x, y) for x in across for y in down]
    return made


def _heights(dem: Dem, tile: Tile) -> tuple[NDArray[np.float32], float]:
    """Return the heights of a tile's pixels with an edge around, and metres of ground a pixel."""
    zoom, x, y = tile
    pixel = _AROUND / (SIZE * 2**zoom)
    left = x * SIZE * pixel - _HALF - _EDGE * pixel
    top = _HALF - y * SIZE * pixel + _EDGE * pixel
    middle = math.atan(math.sinh((_HALF - (y + 0.5) * SIZE * pixel) * 2 * math.pi / _AROUND))
    ground = pixel * math.cos(middle)
    z = np.full((SIZE + 2 * _EDGE,) * 2, np.nan, dtype=np.float32)
    reproject(
        dem.z.astype(np.float32),
        z,
        src_transform=dem.transform,
        src_crs=CRS.from_epsg(dem.epsg),
        src_nodata=np.nan,
        dst_transform=Affine(pixel, 0, left, 0, -pixel, top),
        dst_crs=CRS.from_epsg(_MERCATOR),
        dst_nodata=np.nan,
        resampling=Resampling.average if ground > 1.5 * max(dem.cell) else Resampling.cubic,
    )
    return z, ground


def interval(zoom: int) -> float:
    """Return metres between contours at a zoom."""
    return float([step for begins, step in _drawing()["contours"] if begins <= zoom][-1])


def shade(z: NDArray[np.float32], ground: float) -> NDArray[np.float64]:
    """Return how much brighter (above 0) or darker (below) each cell is than flat ground.

    Parameters
    ----------
    z : ndarray, shape (rows, cols)
        Heights, m.
    ground : float
        Metres of a cell.
    """
    light = _drawing()["light"]
    azimuth, altitude = (math.radians(light[k]) for k in ("azimuth_deg", "altitude_deg"))
    south, east = np.gradient(z.astype(np.float64), ground)
    # The normal of the ground against the direction of the light, x east and y north.
    along = math.cos(altitude) * (-east * math.sin(azimuth) + south * math.cos(azimuth))
    lit = (along + math.sin(altitude)) / np.sqrt(1 + east**2 + south**2)
    return np.asarray(np.clip(lit, 0, None) / math.sin(altitude) - 1)


def lines(z: NDArray[np.float32], step: float, breadth: float) -> NDArray[np.float64]:
    """Return how much of each cell a contour covers, 0 to 1; lines are `breadth` cells broad.

    On ground so steep that lines would run together they fade, and the shade is left to tell it.
    """
    heights = z.astype(np.float64)
    down, across = np.gradient(heights)
    slope = np.hypot(down, across)
    off = np.abs((heights / step + 0.5) % 1 - 0.5) * step
    with np.errstate(divide="ignore", invalid="ignore"):
        away, apart = off / slope, step / slope
    # Level ground at a level would be one wide line: it has none.
    away[slope < 1e-6] = np.inf
    clear, whole = _drawing()["apart_px"]
    seen = np.clip((apart - clear) / (whole - clear), 0, 1)
    return np.asarray(np.clip(breadth / 2 + 0.5 - away, 0, 1) * seen)


def picture(dem: Dem, tile: Tile) -> bytes | None:
    """Return a tile as PNG; None where the model has no ground in it.

    Parameters
    ----------
    dem : Dem
    tile : tuple
        Zoom, column, row.
    """
    rules = _drawing()
    z, ground = _heights(dem, tile)
    there = np.isfinite(z)
    if not there[_EDGE:-_EDGE, _EDGE:-_EDGE].any():
        return None
    lit = shade(z, ground)
    rgba = np.zeros((*z.shape, 4), dtype=np.float64)
    rgba[..., :3] = np.where(lit > 0, 255.0, 0.0)[..., None]
    rgba[..., 3] = np.where(
        lit > 0,
        np.minimum(lit * 2, 1) * rules["highlight_alpha"],
        np.minimum(-lit, 1) * rules["shadow_alpha"],
    )
    step = interval(tile[0])
    for every, breadth, alpha in (
        (step, rules["line_px"], rules["line_alpha"]),
        (step * rules["heavy_every"], rules["heavy_px"], rules["heavy_alpha"]),
    ):
        over = lines(z, every, breadth)[..., None] * (alpha / 255)
        under = rgba[..., 3:] / 255 * (1 - over)
        whole = over + under
        with np.errstate(divide="ignore", invalid="ignore"):
            mixed = (over * np.array(rules["line_rgb"]) + under * rgba[..., :3]) / whole
        rgba = np.where(whole > 0, np.concatenate((mixed, whole * 255), axis=-1), 0.0)
    rgba[~there | ~np.isfinite(rgba).all(axis=-1)] = 0
    return png(np.round(rgba[_EDGE:-_EDGE, _EDGE:-_EDGE]).astype(np.uint8))


def png(rgba: NDArray[np.uint8]) -> bytes:
    """Return a picture as PNG.

    Parameters
    ----------
    rgba : ndarray of uint8, shape (rows, cols, 4)
    """
    rows, cols, _ = rgba.shape

    def chunk(name: bytes, body: bytes) -> bytes:
        whole = name + body
        return struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))

    # Each row begins with its filter: none.
    flat = np.concatenate((np.zeros((rows, 1), np.uint8), rgba.reshape(rows, -1)), axis=1)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", cols, rows, 8, 6, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(flat.tobytes(), 6))
        + chunk(b"IEND", b"")
    )


def drawn(dem: Dem) -> Iterator[tuple[Tile, bytes]]:
    """Yield every tile of a model with its picture, coarse ones first."""
    for tile in tiles(dem):
        made = picture(dem, tile)
        if made is not None:
            yield tile, made
