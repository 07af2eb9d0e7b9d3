"""The no-build zone of a large terrain model: time of each stage, peak memory, one worker and two.

Run ``scripts/bench zones [MILLIONS]``; by default 400 million cells. The model is made by windows,
so that making it takes no memory either.
"""

import hashlib
import math
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
import shapely
from rasterio.transform import Affine
from rasterio.windows import Window

from geo.tailings.dem import Dem
from geo.tailings.tiles import Model, Tile, tiles_of, zone_of_model, zone_of_tile

CELL = 30.0
PLACE = Affine(CELL, 0, 390_000, 0, -CELL, 4_700_000)
EPSG = 4547
STRIP = 1024
WHOLE_AT_MOST = 100_000_000  # cells for which the whole is conditioned at once, to compare


def write_model(path: Path, side: int) -> None:
    """Write hills of many sizes with noise on them, strip by strip, seeded."""
    rng = np.random.default_rng(3)
    waves = [
        (*rng.normal(size=2) / length, length**0.9 * 0.25, rng.uniform(0, 2 * math.pi))
        for length in np.geomspace(6, 900, 24)
    ]
    cols = np.arange(side)
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, width=side, height=side, tiled=True,
        blockxsize=512, blockysize=512, crs=f"EPSG:{EPSG}", transform=PLACE, bigtiff="if_safer",
    ) as out:  # fmt: skip
        for begin in range(0, side, STRIP):
            rows = np.arange(begin, min(begin + STRIP, side))
            z = 1500 + np.random.default_rng(begin).random((rows.size, side), dtype=np.float32)
            for east, north, high, phase in waves:
                # sin(a + b), taken apart: two short rows instead of one large sheet.
                a, b = rows * north + phase, cols * east
                z += (high * np.outer(np.sin(a), np.cos(b))).astype(np.float32)
                z += (high * np.outer(np.cos(a), np.sin(b))).astype(np.float32)
            out.write(z, 1, window=Window(0, begin, side, rows.size))


def places(side: int) -> pd.DataFrame:
    """Return one house for each 100,000 cells."""
    rng = np.random.default_rng(5)
    dem = Dem(np.zeros((1, 1)), PLACE, EPSG)
    at = rng.uniform(0, side * CELL, (max(1, side * side // 100_000), 2))
    points = shapely.points(PLACE.c + at[:, 0], PLACE.f - at[:, 1])
    return pd.DataFrame(
        {
            "key": np.arange(len(at)).astype(str),
            "geometry": dem.abroad(points),
            "error_m": 0.0,
            "people": None,
        }
    )


def main() -> None:
    """Make the model, then its zone with one worker and with two."""
    millions = float(sys.argv[1]) if len(sys.argv) > 1 else 400.0
    side = math.isqrt(int(millions * 1e6))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dem.tif"
        began = time.perf_counter()
        write_model(path, side)
        print(f"{side * side / 1e6:.0f} million cells made in {time.perf_counter() - began:.1f} s")
        objects, model = places(side), Model(path, EPSG)
        print(f"{len(objects)} objects, {len(tiles_of(model))} tiles")
        took, sums = {}, {}
        for workers in (1, 2):
            out, work = Path(folder) / f"{workers}.tif", Path(folder) / f"work{workers}"
            began = time.perf_counter()
            context = get_context("spawn")
            with ProcessPoolExecutor(workers, mp_context=context) as pool:
                counts = zone_of_model(model, objects, out, work, pool)
            took[workers] = time.perf_counter() - began
            sums[workers] = hashlib.sha256(out.read_bytes()).hexdigest()[:16]
            most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
            own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(
                f"{workers} worker(s): {took[workers]:.1f} s, peak {own:.2f} GiB here and at most "
                f"{most:.2f} GiB in a worker, {counts}, sha256 {sums[workers]}"
            )
        print(f"two workers are {took[1] / took[2]:.2f} times as fast (goal: at least 1.6)")
        print("the same bytes" if sums[1] == sums[2] else "THE BYTES DIFFER")
        if side * side <= WHOLE_AT_MOST:
            everything = slice(0, side)
            tile = Tile("whole", everything, everything, everything, everything)
            whole = zone_of_tile(model, tile, objects)
            with rasterio.open(Path(folder) / "1.tif") as source:
                differ = np.count_nonzero(source.read(1) != whole)
            print(f"{differ} cells ({differ / whole.size:.5%}) differ from the whole done at once")


if __name__ == "__main__":
    main()
