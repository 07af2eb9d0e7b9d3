"""Time the reading of a large shapefile through the confined child.

Run ``python -m benchmarks.reading [COUNT]``; prints seconds and peak memory of parent and child.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from geo.survey.reading import ReadOptions, read_file


def main() -> None:
    """Write COUNT squares with GBK attributes and read them back as goafs."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    at = np.arange(count)
    x, y = 112.3 + 0.001 * (at % 700), 38.6 + 0.001 * (at // 700)
    frame = gpd.GeoDataFrame(
        {"编号": at.astype(str), "埋深": at % 900 + 0.5, "煤层": "3号"},
        geometry=shapely.box(x, y, x + 0.0008, y + 0.0008),
        crs=4490,
    ).to_crs(4526)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in"
        source.mkdir()
        frame.to_file(source / "采空区.shp", encoding="GBK", engine="pyogrio")
        (source / "采空区.cpg").unlink()
        began = time.perf_counter()
        (one,) = read_file(source, ReadOptions(), workdir=Path(folder)).layers
        spent = time.perf_counter() - began
    mine = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"{one.stored} of {count} rows in {spent:.1f} s; "
        f"peak memory: parent {mine:.0f} MiB, child {child:.0f} MiB"
    )


if __name__ == "__main__":
    main()
