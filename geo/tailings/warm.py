"""Compile the kernels of terrain before anybody waits for them."""

import numpy as np
import pandas as pd
import shapely
from affine import Affine

from geo.tailings.capture import captures
from geo.tailings.dem import Dem, prepare
from geo.tailings.headtop import judge
from geo.tailings.zone import no_build, strip


def warm() -> None:
    """Run each kernel once, on a valley of a few cells; what is compiled is kept on disk."""
    rows, cols = np.mgrid[0:24, 0:24].astype(np.float32)
    z = (900 - rows + np.abs(cols - 12)).astype(np.float32)
    dem = Dem(z, Affine(30, 0, 500_000, 0, -30, 4_300_000), 4547, error_m=1.0)
    terrain = prepare(dem)
    place, toe = dem.abroad(shapely.points([(500_365, 4_299_500), (500_365, 4_299_900)]))
    objects = {"key": ["a"], "geometry": [place], "error_m": [1.0], "people": [None]}
    found = captures(dem, pd.DataFrame(objects))
    verdict = judge(terrain, found, toe, runs=1, seed=1)
    no_build(terrain, found)
    strip(terrain, verdict.paths.cells, found.reach)
