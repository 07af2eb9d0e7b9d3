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
# The height of a contour written on it: row and column of the cell, metres, degrees the line runs
# from the horizontal (clockwise, -90 to 90, so that it never stands on its head).
Written = tuple[int, int, float, float]
# The same on the map: degrees east and north, metres, how the line runs.
Mark = tuple[float, float, float, float]
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
    whole = Affine(pixel, 0, left, 0, -pixel, top)
    return laid(dem, whole, _MERCATOR, (SIZE + 2 * _EDGE,) * 2, ground), ground


def laid(
    dem: Dem, grid: Affine, epsg: int, shape: tuple[int, int], ground: float
) -> NDArray[np.float32]:
    """Return a model's heights on another grid, NaN where it has none.

    Parameters
    ----------
    dem : Dem
    grid : Affine
        From (column, row) to the coordinates of `epsg`.
    epsg : int
    shape : tuple
        Rows and columns.
    ground : float
        Metres of ground a cell of it has.
    """
    z = np.full(shape, np.nan, dtype=np.float32)
    reproject(
        dem.z.astype(np.float32),
        z,
        src_transform=dem.transform,
        src_crs=CRS.from_epsg(dem.epsg),
        src_nodata=np.nan,
        dst_transform=grid,
        dst_crs=CRS.from_epsg(epsg),
        dst_nodata=np.nan,
        resampling=Resampling.average if ground > 1.5 * max(dem.cell) else Resampling.cubic,
    )
    return z


def zoom_of(ground: float, lat: float) -> float:
    """Return the zoom at which a pixel has so many metres of ground."""
    return math.log2(_AROUND * math.cos(math.radians(lat)) / (SIZE * ground))


def interval(zoom: float) -> float:
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


def written(z: NDArray[np.float32], step: float) -> list[Written]:
    """Return where contours have their heights written: once in a block, where one runs straight.

    Heavy lines come first; where a block has none, any line does.

    Parameters
    ----------
    z : ndarray, shape (rows, cols)
        Heights, m.
    step : float
        Metres between contours.
    """
    rules = _drawing()["written"]
    block, clear = rules["block_px"], rules["clear_px"]
    heights = z.astype(np.float64)
    down, across = (np.asarray(one) for one in np.gradient(heights))
    slope = np.hypot(down, across)
    found: list[Written] = []
    with np.errstate(divide="ignore", invalid="ignore"):
        straight = _alike(down / slope, across / slope, clear)
        apart = step / slope
    good = straight >= rules["straight"]
    good[:clear], good[-clear:], good[:, :clear], good[:, -clear:] = (False,) * 4
    every = _drawing()["heavy_every"]
    heavy, light = (
        good & (apart * n >= rules["apart_px"]) & (lines(z, step * n, 1.1) > 0.5)
        for n in (every, 1)
    )
    for top in range(0, z.shape[0], block):
        for left in range(0, z.shape[1], block):
            here = slice(top, top + block), slice(left, left + block)
            on = next((one[here] for one in (heavy, light) if one[here].any()), None)
            if on is None:
                continue
            best = np.argmax(np.where(on, straight[here], -1))
            row, col = (int(n) for n in np.unravel_index(best, on.shape))
            row, col = row + top, col + left
            if any(math.hypot(row - r, col - c) < rules["between_px"] for r, c, _, _ in found):
                continue
            turned = math.degrees(math.atan2(-across[row, col], down[row, col]))
            turned = (turned + 90) % 180 - 90
            found.append((row, col, round(heights[row, col] / step) * step, round(turned, 1)))
    return found


def _alike(
    down: NDArray[np.float64], across: NDArray[np.float64], reach: int
) -> NDArray[np.float64]:
    """Return how alike the directions around each cell are: 1 where all are one."""

    def mean(one: NDArray[np.float64]) -> NDArray[np.float64]:
        side = 2 * reach + 1
        # A cell without ground or slope has no direction, and none around it is alike.
        padded = np.pad(one, ((reach + 1, reach), (reach + 1, reach)))
        summed = np.nan_to_num(padded).cumsum(0).cumsum(1)
        whole = summed[side:, side:] - summed[:-side, side:]
        whole -= summed[side:, :-side] - summed[:-side, :-side]
        return np.asarray(whole / side**2)

    return np.hypot(mean(down), mean(across))


def painted(z: NDArray[np.float32], ground: float, step: float) -> NDArray[np.float32]:
    """Return heights as a picture, colours and transparency of 0 to 255.

    Parameters
    ----------
    z : ndarray, shape (rows, cols)
        Heights, m; NaN where there is no ground.
    ground : float
        Metres of a cell.
    step : float
        Metres between contours.

    Returns
    -------
    ndarray, shape (rows, cols, 4)
    """
    rules = _drawing()
    lit = shade(z, ground).astype(np.float32)
    # How much of a pixel is covered at all, and of that by white and by lines; the rest is shadow.
    white = np.clip(lit * 2, 0, 1) * (rules["highlight_alpha"] / 255)
    whole = white + np.clip(-lit, 0, 1) * (rules["shadow_alpha"] / 255)
    line = np.zeros_like(white)
    for every, breadth, alpha in (
        (step, rules["line_px"], rules["line_alpha"]),
        (step * rules["heavy_every"], rules["heavy_px"], rules["heavy_alpha"]),
    ):
        over = lines(z, every, breadth).astype(np.float32) * (alpha / 255)
        for one in (white, whole, line):
            one *= 1 - over
        whole += over
        line += over
    rgba = np.empty((*z.shape, 4), dtype=np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        for band, shade_of in enumerate(rules["line_rgb"]):
            rgba[..., band] = (white * 255 + line * shade_of) / whole
    rgba[..., 3] = whole * 255
    rgba[~np.isfinite(z) | ~np.isfinite(rgba).all(axis=-1)] = 0
    return rgba


def picture(dem: Dem, tile: Tile) -> bytes | None:
    """Return a tile as PNG; None where the model has no ground in it.

    Parameters
    ----------
    dem : Dem
    tile : tuple
        Zoom, column, row.
    """
    made = _made(dem, tile)
    return made and made[0]


def _made(dem: Dem, tile: Tile) -> tuple[bytes, list[Mark]] | None:
    z, ground = _heights(dem, tile)
    inner = slice(_EDGE, -_EDGE), slice(_EDGE, -_EDGE)
    if not np.isfinite(z[inner]).any():
        return None
    step = interval(tile[0])
    rgba = painted(z, ground, step)[inner]
    marks = [
        (*_place(tile, col + 0.5, row + 0.5), metres, turned)
        for row, col, metres, turned in written(z[inner], step)
    ]
    return png(np.round(rgba).astype(np.uint8)), marks


def _place(tile: Tile, col: float, row: float) -> tuple[float, float]:
    """Return the degrees of a place in a tile's picture."""
    zoom, x, y = tile
    lon = (x + col / SIZE) / 2**zoom * 360 - 180
    lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * (y + row / SIZE) / 2**zoom))))
    return round(lon, 6), round(lat, 6)


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


def drawn(dem: Dem) -> Iterator[tuple[Tile, bytes, list[Mark]]]:
    """Yield each tile of a model, its picture and its contours' heights, coarse ones first."""
    for tile in tiles(dem):
        made = _made(dem, tile)
        if made is not None:
            yield tile, *made
