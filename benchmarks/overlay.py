"""The same overlay asked of us, geopandas, PostGIS, DuckDB spatial and SedonaDB, side by side.

Run ``scripts/bench overlay [FOOTPRINTS GOAFS FAULTS]``; 20,000 × 200,000 + 60,000 where not given.
Seeded footprints (polygons), goafs (polygons) and faults (lines) over a province, in metres. Two
questions: *the same output* (each pair that meets, with the area or length of the factor inside),
and *the grading question* (which pairs meet: no area where no rule asks for one). Each engine runs
in a process of its own, two threads where it has them; loading is not counted, building an index
is (but for PostGIS, which has it beforehand). Printed: seconds by the clock and of the processors,
the ratio of each to ours, pairs, sums, peak memory of the process (PostGIS: of the leader). On a
machine that others use, the processors' seconds are the ones to compare. The answers must agree:
the number of pairs exactly, the sums to 1e-6 of their size. What is ours is what grades: `meetings`
and `shared`. Last it says by how much the goals were met or missed.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

SEED = 20240308
THREADS = 2
EPSG = 4549
SIDE_M = 400_000.0
ENGINES = ("ours", "geopandas", "duckdb", "sedonadb", "postgis")
QUESTIONS = ("same output", "grading question")
# How many times as fast as the fastest peer we would be.
GOALS = {"same output": 1.5, "grading question": 3.0}
WHY_MISSED = (
    "all of them ask the same GEOS whether two shapes meet, and of ours most of the time is that"
)
Answer = tuple[int, float]


def _blobs(rng: np.random.Generator, count: int, radius: tuple[float, float], points: int) -> Any:
    """Return star-shaped polygons of `points` corners with a wavy outline."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    size = rng.uniform(*radius, count)[:, None]
    wave = 1 + 0.25 * np.sin(angle * rng.integers(2, 6, (count, 1)) + rng.uniform(0, 6, (count, 1)))
    wave = wave + rng.uniform(-0.05, 0.05, (count, points))
    centre = rng.uniform(0, SIDE_M, (count, 1, 2))
    ring = np.stack([np.cos(angle) * size * wave, np.sin(angle) * size * wave], axis=2) + centre
    return shapely.polygons(ring)


def _faults(rng: np.random.Generator, count: int) -> Any:
    steps = rng.normal(0, 120, (count, 30, 2)) + rng.normal(0, 150, (count, 1, 2))
    return shapely.linestrings(np.cumsum(steps, axis=1) + rng.uniform(0, SIDE_M, (count, 1, 2)))


def make(folder: Path, counts: tuple[int, int, int]) -> None:
    """Write the three layers as Parquet with WKB."""
    rng = np.random.default_rng(SEED)
    layers = {
        "footprint": _blobs(rng, counts[0], (300, 1200), 60),
        "goaf": _blobs(rng, counts[1], (40, 250), 60),
        "fault": _faults(rng, counts[2]),
    }
    for name, shapes in layers.items():
        assert shapely.is_valid(shapes).all()
        table = pa.table({"id": np.arange(len(shapes)), "wkb": shapely.to_wkb(shapes)})
        pq.write_table(table, folder / f"{name}.parquet")


def _read(folder: Path, name: str) -> Any:
    return shapely.from_wkb(pq.read_table(folder / f"{name}.parquet")["wkb"].to_numpy())


def ours(folder: Path) -> dict[str, Callable[[], Answer]]:
    """Answer with the functions that grade; targets are shared out to threads."""
    from geo.survey.lengths import lengths_within
    from geo.survey.meetings import meetings, shared

    targets, faults = _read(folder, "footprint"), _read(folder, "fault")
    factors = np.concatenate([_read(folder, "goaf"), faults])
    # The kernel is loaded beforehand, as the engines are.
    lengths_within(targets[:1], faults[:1])

    def measured(part: Any) -> Answer:
        found = meetings(part, factors)
        return len(found.target), float(shared(part[found.target], factors[found.factor]).sum())

    def met(part: Any) -> Answer:
        return len(meetings(part, factors).target), 0.0

    def threaded(ask: Callable[[Any], Answer]) -> Answer:
        # A prepared target is one thread's.
        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(ask, np.array_split(targets, THREADS)))
        return sum(pairs for pairs, _ in found), sum(total for _, total in found)

    return {"same output": lambda: threaded(measured), "grading question": lambda: threaded(met)}


def geopandas(folder: Path) -> dict[str, Callable[[], Answer]]:
    """Answer with sjoin, and with overlay as its users write it."""
    left = gpd.GeoDataFrame(geometry=_read(folder, "footprint"), crs=EPSG)
    right = [gpd.GeoDataFrame(geometry=_read(folder, name), crs=EPSG) for name in ("goaf", "fault")]

    def measured() -> Answer:
        goafs = left.overlay(right[0], how="intersection", keep_geom_type=False)
        # overlay keeps polygons of its left side only: lines are asked the other way round.
        faults = right[1].overlay(left, how="intersection", keep_geom_type=False)
        total = float(goafs.area.sum() + faults.length.sum())
        return len(goafs) + len(faults), total

    def met() -> Answer:
        return sum(len(left.sjoin(one, predicate="intersects")) for one in right), 0.0

    return {"same output": measured, "grading question": met}


_MEASURED = (
    "SELECT count(*), sum({area}({cut}(f.geom, g.geom))) FROM footprint f JOIN goaf g "
    "ON ST_Intersects(f.geom, g.geom)",
    "SELECT count(*), sum({length}({cut}(f.geom, g.geom))) FROM footprint f JOIN fault g "
    "ON ST_Intersects(f.geom, g.geom)",
)
_MET = tuple(
    f"SELECT count(*), 0 FROM footprint f JOIN {name} g ON ST_Intersects(f.geom, g.geom)"
    for name in ("goaf", "fault")
)


def _sql(ask: Callable[[str], tuple[Any, Any]]) -> dict[str, Callable[[], Answer]]:
    words = {"area": "ST_Area", "length": "ST_Length", "cut": "ST_Intersection"}

    def run(statements: tuple[str, ...]) -> Answer:
        found = [ask(one.format(**words)) for one in statements]
        return sum(int(row[0]) for row in found), sum(float(row[1] or 0) for row in found)

    return {"same output": lambda: run(_MEASURED), "grading question": lambda: run(_MET)}


def duckdb(folder: Path) -> dict[str, Callable[[], Answer]]:
    """Answer with DuckDB's spatial join."""
    import duckdb as engine
    import duckdb_extension_spatial

    package = Path(duckdb_extension_spatial.__file__).parent
    (file,) = package.rglob("spatial.duckdb_extension")
    conn = engine.connect(config={"allow_unsigned_extensions": "true", "threads": THREADS})
    conn.execute(f"LOAD '{file}'")
    for name in ("footprint", "goaf", "fault"):
        conn.execute(
            f"CREATE TABLE {name} AS SELECT id, ST_GeomFromWKB(wkb) AS geom "
            f"FROM read_parquet('{folder / name}.parquet')"
        )
    return _sql(lambda statement: conn.execute(statement).fetchone())  # type: ignore[arg-type,return-value]


def sedonadb(folder: Path) -> dict[str, Callable[[], Answer]]:
    """Answer with SedonaDB."""
    import sedonadb as engine

    conn = engine.connect()
    conn.sql(f"SET datafusion.execution.target_partitions = {THREADS}").execute()
    for name in ("footprint", "goaf", "fault"):
        conn.read_parquet(str(folder / f"{name}.parquet")).to_view(f"raw_{name}")
        made = conn.sql(f"SELECT id, ST_GeomFromWKB(wkb) AS geom FROM raw_{name}").to_memtable()
        made.to_view(name)

    def ask(statement: str) -> tuple[Any, Any]:
        row = conn.sql(statement).to_pandas().iloc[0]
        return row.iloc[0], row.iloc[1]

    return _sql(ask)


def postgis(folder: Path) -> dict[str, Callable[[], Answer]]:
    """Answer with PostGIS, GiST indexes built beforehand, one parallel worker beside the leader."""
    from sqlalchemy import text

    from geo.settings import Settings
    from geo.store.cluster import Cluster, running_cluster
    from geo.store.engine import engine
    from geo.store.migrate import migrate

    local = folder / "local"
    conf = Settings(local=local, database_url=None)
    keep = running_cluster(conf)
    keep.__enter__()
    migrate(conf)
    conn = engine(conf, "admin").connect()
    for name in ("footprint", "goaf", "fault"):
        conn.execute(text(f"CREATE TABLE {name} (id int, geom geometry)"))
        cursor = conn.connection.cursor()
        with cursor.copy(f"COPY {name} FROM STDIN") as copy:  # type: ignore[attr-defined]
            for number, shape in enumerate(_read(folder, name)):
                copy.write_row((number, shapely.to_wkb(shape, hex=True)))
        conn.execute(text(f"CREATE INDEX ON {name} USING gist (geom)"))
        conn.execute(text(f"ANALYZE {name}"))
    conn.execute(text(f"SET max_parallel_workers_per_gather = {THREADS - 1}"))
    conn.execute(text("SET parallel_setup_cost = 0"))

    def ask(statement: str) -> tuple[Any, Any]:
        row = conn.execute(text(statement)).one()
        return row[0], row[1]

    answers = _sql(ask)

    def stop() -> Answer:
        conn.close()
        engine(conf, "admin").dispose()
        keep.__exit__(None, None, None)
        return 0, 0.0

    leader = int(ask("SELECT pg_backend_pid(), 0")[0])
    postmaster = Cluster(conf).pid()

    def busy() -> float:
        # A parallel worker's seconds pass to the postmaster when it ends.
        return sum(_ticks(leader)[:2]) + sum(_ticks(postmaster)[2:])

    return {**answers, "stop": stop, "busy": busy, "peak": lambda: _peak(leader)}


def _ticks(pid: int | None) -> list[float]:
    """Return the seconds a process spent as user and in the system, and those its children did."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return [int(one) / os.sysconf("SC_CLK_TCK") for one in fields[11:15]]


def _peak(pid: int | str = "self") -> int:
    """Return the most memory a process has had, MiB; not its parent's, as getrusage tells it."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(one.split()[1]) for one in lines if one.startswith("VmHWM")) // 1024


def one(engine_name: str, folder: Path) -> None:
    """Answer both questions in this process, and print seconds, answers and peak memory."""
    answers: dict[str, Callable[[], Any]] = globals()[engine_name](folder)
    busy, peak = answers.get("busy", time.process_time), answers.get("peak", _peak)
    for question in QUESTIONS:
        began, before = time.perf_counter(), busy()
        pairs, total = answers[question]()
        spent, used = time.perf_counter() - began, busy() - before
        print(json.dumps([question, spent, used, pairs, total, peak()]), flush=True)
    answers.get("stop", lambda: None)()


def main(words: list[str]) -> None:
    """Make the layers, ask every engine that is installed, and compare."""
    counts = tuple(int(word) for word in words) if words else (20_000, 200_000, 60_000)
    with tempfile.TemporaryDirectory(prefix="minerisk-bench-") as made:
        os.chmod(made, 0o755)
        folder = Path(made)
        make(folder, counts)  # type: ignore[arg-type]
        found: dict[str, dict[str, list[Any]]] = {}
        for name in ENGINES:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.overlay", "--one", name, made],
                stdout=subprocess.PIPE, text=True, check=False,
            )  # fmt: skip
            rows = [json.loads(line) for line in done.stdout.splitlines()]
            if done.returncode or len(rows) != len(QUESTIONS):
                print(f"{name}: not installed, or failed (exit {done.returncode})")
                continue
            found[name] = {row[0]: row[1:] for row in rows}
        for question in QUESTIONS:
            print(f"\n{question}: {counts[0]} footprints × {counts[1]} goafs + {counts[2]} faults")
            print("             clock      ratio   processors  ratio")
            mine = found["ours"][question]
            for name, (spent, used, pairs, total, peak) in _of(found, question).items():
                agree = pairs == mine[2] and abs(total - mine[3]) <= 1e-6 * max(1.0, mine[3])
                print(
                    f"  {name:10} {spent:7.2f} s  ×{spent / mine[0]:5.2f}  {used:7.2f} s  "
                    f"×{used / mine[1]:5.2f}  {pairs} pairs  {total:.3f}  peak {peak} MiB  "
                    f"{'agrees' if agree else 'DIFFERS'}"
                )
            for at, by in enumerate(("clock", "processors")):
                _against_goal(question, by, {n: a[at] for n, a in _of(found, question).items()})


def _of(found: dict[str, dict[str, list[Any]]], question: str) -> dict[str, list[Any]]:
    return {name: answers[question] for name, answers in found.items()}


def _against_goal(question: str, by: str, seconds: dict[str, float]) -> None:
    """Say whether we are as much faster than the fastest peer as we would be, and if not, why."""
    ours = seconds.pop("ours")
    if not seconds:
        return
    name = min(seconds, key=lambda peer: seconds[peer])
    ratio, goal = seconds[name] / ours, GOALS[question]
    said = "met" if ratio >= goal else f"missed by {goal - ratio:.2f}; {WHY_MISSED}"
    print(f"  by {by}: ×{ratio:.2f} of the fastest peer ({name}), goal ×{goal}: {said}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], Path(sys.argv[3]))
    else:
        main(sys.argv[1:])
