"""Grounds the terrain tests walk on: small random ones, and a real mountain."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from rasterio.transform import Affine

from geo.tailings.dem import Dem
from tests.conftest import SHARED


def random_ground(seed: int) -> tuple[np.ndarray, tuple[float, float]]:
    """Return a small terrain: hills, plains, steps of whole metres, holes, oblong cells by turns."""
    rng = np.random.default_rng(seed)
    rows, cols = rng.integers(3, 26, 2)
    rough = rng.random((rows, cols)) * rng.choice([1, 20])
    slope = np.add.outer(np.arange(rows) * rng.normal(), np.arange(cols) * rng.normal())
    z = 500 + rough + slope * rng.choice([0, 1])
    if seed % 3 == 0:
        z = np.round(z / rng.choice([1, 4]))  # level ground and ties
    if seed % 4 == 0:
        z[rng.random(z.shape) < 0.1] = np.nan
    cell = (30.0, 30.0) if seed % 5 else (20.0, 30.0)
    return z.astype(np.float32), cell


def distinct_ground(rng: np.random.Generator, rows: int, cols: int) -> np.ndarray:
    """Return a terrain without two equal heights or slopes."""
    z = (rng.permutation(rows * cols).reshape(rows, cols) + rng.random((rows, cols)) / 3) * 0.7
    return z.astype(np.float32)


def mountain() -> Dem:
    """Return the real mountain, laid in a zone of this country's; its heights are what matters."""
    file = SHARED / "alr.tif"
    if not file.is_file():
        pytest.skip(f"no test data at {Path(*file.parts[-3:])}")
    with rasterio.open(file) as source:
        z = source.read(1, masked=True).filled(np.nan).astype(np.float32)
    return dem_of(z, (5.0, 5.0), error_m=2.0)


def dem_of(z: np.ndarray, cell: tuple[float, float], error_m: float = 0.0) -> Dem:
    """Return heights as a model near Yuanping."""
    return Dem(z, Affine(cell[0], 0, 500_000, 0, -cell[1], 4_300_000), 4547, error_m=error_m)


def objects_on(dem: Dem, rng: np.random.Generator, count: int) -> pd.DataFrame:
    """Return points and small squares on cells with ground."""
    free = np.flatnonzero(~dem.no_ground.ravel())
    at = dem.centres(rng.choice(free, count)) + rng.uniform(-0.5, 0.5, (count, 2)) * dem.cell
    shapes = shapely.points(at)
    square = rng.random(count) < 0.4
    shapes[square] = shapely.buffer(shapes[square], dem.cell[0], cap_style="square")
    return pd.DataFrame(
        {
            "key": [f"o{i}" for i in range(count)],
            "geometry": dem.abroad(shapes),
            "error_m": rng.choice([np.nan, 0.0, 12.5], count),
            "people": rng.choice(np.array([None, 0, 12], dtype=object), count),
        }
    )
