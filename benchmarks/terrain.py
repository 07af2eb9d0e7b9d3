"""Condition, direct, accumulate and pass over terrain, beside pyflwdir and pysheds.

Run ``scripts/bench terrain [MILLIONS ...]``; by default 1, 10 and 40 million cells. Each chain runs
in a process of its own, so that its peak memory is its own. Seconds of the processor decide: on a
shared machine those of the clock say little; both are printed.
"""

import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CELL = (30.0, 30.0)
PASS = "pass"  # measured by itself; the zone holds two of them, so it counts in no sum
SEED = 7
SPEED, TIMES = 50, 1.5  # the goals: million cells/s of the pass, and ours against theirs


def ground(cells: int) -> np.ndarray:
    """Return hills of all sizes (spectrum of real relief), 1,500 m high, seeded."""
    side = math.isqrt(cells)
    rng = np.random.default_rng(SEED)
    along, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    shape = (along**2 + across**2 + 1 / side**2) ** -1.1
    z = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((side, side))) * shape, s=(side, side))
    return np.asarray((z - z.min()) / (z.max() - z.min()) * 1500, dtype=np.float32)


class Clock:
    """Seconds of the processor and of the clock, by name of step."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = {}

    def time(self, name: str, work: Callable[[], Any]) -> Any:
        """Do the work and keep what it took."""
        cpu, wall = time.process_time(), time.perf_counter()
        done = work()
        self.spent[name] = [time.process_time() - cpu, time.perf_counter() - wall]
        return done


def ours(z: np.ndarray, clock: Clock) -> None:
    """Condition with D8, order, accumulate, and the zone of a house for each 100,000 cells."""
    import pandas as pd
    import shapely
    from rasterio.transform import Affine

    from geo.tailings.capture import capture_mask, captures
    from geo.tailings.conditioning import condition
    from geo.tailings.dem import Dem, Terrain
    from geo.tailings.flow import accumulation, flow_order, reach
    from geo.tailings.zone import no_build

    done = clock.time("condition + D8", lambda: condition(z, CELL))
    order = clock.time("order", lambda: flow_order(done.d8))
    clock.time("accumulate", lambda: accumulation(done.d8, order))
    dem = Dem(z, Affine(30, 0, 390_000, 0, -30, 4_700_000), 4547)
    none = np.array([], dtype=object)
    terrain = Terrain(dem, done.z, done.d8, order, done.kept, none, none)
    places = np.random.default_rng(SEED).choice(z.size, max(1, z.size // 100_000))
    houses = dem.abroad(shapely.points(dem.centres(places)))
    objects = pd.DataFrame({"key": places.astype(str), "geometry": houses, "error_m": 0.0})
    found = captures(dem, objects.assign(people=None))
    clock.time("zone", lambda: no_build(terrain, found))
    mask = capture_mask(terrain, found)
    clock.time(PASS, lambda: reach(done.d8, order, mask, CELL, 1000.0))


def pyflwdir_from_dem(z: np.ndarray, clock: Clock) -> None:
    """Fill and D8, then accumulation."""
    import pyflwdir

    flow = clock.time("from_dem", lambda: pyflwdir.from_dem(z, nodata=-9999.0))
    clock.time("upstream_area", lambda: flow.upstream_area(unit="cell"))


def pysheds_chain(z: np.ndarray, clock: Clock) -> None:
    """Pits, depressions, flats, D8, accumulation."""
    from affine import Affine
    from pyproj import Proj
    from pysheds.grid import Grid
    from pysheds.sview import Raster, ViewFinder

    # pysheds 0.5 still asks for a name numpy 2.4 no longer has.
    np.in1d = np.isin
    place = Affine(30, 0, 0, 0, -30, 0)
    view = ViewFinder(affine=place, shape=z.shape, crs=Proj("epsg:4547"), nodata=np.float64(-9999))
    dem = Raster(z.astype(np.float64), view)
    grid = Grid.from_raster(dem)
    pits = clock.time("fill_pits", lambda: grid.fill_pits(dem))
    filled = clock.time("fill_depressions", lambda: grid.fill_depressions(pits))
    flat = clock.time("resolve_flats", lambda: grid.resolve_flats(filled))
    d8 = clock.time("flowdir", lambda: grid.flowdir(flat))
    clock.time("accumulation", lambda: grid.accumulation(d8))


CHAINS: dict[str, Callable[[np.ndarray, Clock], None]] = {
    "ours": ours,
    "pyflwdir": pyflwdir_from_dem,
    "pysheds": pysheds_chain,
}


def one(name: str, path: Path) -> None:
    """Run one chain twice on a file of heights: small to compile, then whole; print JSON."""
    z = np.load(path)
    CHAINS[name](np.ascontiguousarray(z[:200, :200]), Clock())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clock = Clock()
    CHAINS[name](z, clock)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"steps": clock.spent, "peak": peak / 1024, "before": before / 1024}))


def run(name: str, path: Path) -> dict[str, Any] | None:
    """Run one chain in a process of its own; None if it is not installed or fails."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.terrain", "--one", name, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"  {name}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
        return None
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def whole(answer: dict[str, Any]) -> float:
    """Return the processor's seconds of all steps of a chain."""
    return sum(cpu for name, (cpu, _) in answer["steps"].items() if name != PASS)


def show(name: str, answer: dict[str, Any] | None) -> dict[str, Any] | None:
    """Print what one chain took, and hand it on."""
    if answer is not None:
        for step, (cpu, wall) in answer["steps"].items():
            print(f"  {name:9s} {step:17s} {cpu:8.2f} s cpu {wall:8.2f} s wall")
        print(
            f"  {name:9s} {'all':17s} {whole(answer):8.2f} s cpu, peak {answer['peak']:.0f} MiB",
            flush=True,
        )
    return answer


def goals(cells: int, mine: dict[str, Any], theirs: dict[str, Any] | None) -> None:
    """Say how the goals stand; where one is missed, by how much and at which step."""
    speed = cells / 1e6 / mine["steps"][PASS][0]
    missed = "" if speed >= SPEED else f" – missed by {1 - speed / SPEED:.0%}"
    print(f"  pass: {speed:.0f} million cells/s of one core (goal: at least {SPEED}){missed}")
    if theirs is None:
        return
    took = whole(mine)
    ratio = took / theirs["steps"]["from_dem"][0]
    step = max((name for name in mine["steps"] if name != PASS), key=lambda n: mine["steps"][n][0])
    share = mine["steps"][step][0] / took
    missed = f" – missed by {ratio / TIMES - 1:.0%}; {step} takes {share:.0%} of it"
    print(
        f"  all of ours / pyflwdir from_dem alone: {ratio:.2f} (goal: at most {TIMES})"
        f"{missed if ratio > TIMES else ''}"
    )


def main() -> None:
    """Measure each size, and say how the goals stand."""
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], Path(sys.argv[3]))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before we begin")
    for millions in [float(given) for given in sys.argv[1:]] or [1.0, 10.0, 40.0]:
        z = ground(int(millions * 1e6))
        print(f"{z.size / 1e6:.1f} million cells, {z.nbytes / 2**20:.0f} MiB of heights")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "z.npy"
            np.save(path, z)
            cells = z.size
            del z
            found = {name: show(name, run(name, path)) for name in CHAINS}
        if found["ours"]:
            goals(cells, found["ours"], found["pyflwdir"])


if __name__ == "__main__":
    main()
