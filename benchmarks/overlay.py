"""The same overlay asked of us, geopandas, PostGIS, DuckDB spatial and SedonaDB, side by side.

Run ``scripts/bench overlay [FOOTPRINTS GOAFS FAULTS]``; 20,000 × 200,000 + 60,000 where not given.
Seeded footprints (polygons), goafs (polygons) and faults (lines) over a province, in metres. Two
questions: *the same output* (each pair that meets, with the area or length of the factor inside),
and *the grading question* (which pairs meet: no area where no rule asks for one). Each engine runs
in a process of its own, two threads where it has them; loading is not counted, building an index
is. Printed: seconds, pairs, sums, the ratio to ours, peak memory of the process. The answers must
agree: the number of pairs exactly, the sums to 1e-6 of their size.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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
    """Answer with the product's own function."""
    from geo.survey.meetings import meetings

    targets = _read(folder, "footprint")
    factors = np.concatenate([_read(folder, "goaf"), _read(folder, "fault")])

    def measured() -> Answer:
        found = meetings(targets, factors, measured=True, threads=THREADS)
        assert found.measure is not None
        return len(found.target), float(found.measure.sum())

    def met() -> Answer:
        return len(meetings(targets, factors, threads=THREADS).target), 0.0

    return {"same output": measured, "grading question": met}


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
    from geo.store.cluster import running_cluster
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

    return {**answers, "stop": stop}


def one(engine_name: str, folder: Path) -> None:
    """Answer both questions in this process, and print seconds, answers and peak memory."""
    answers = globals()[engine_name](folder)
    for question in QUESTIONS:
        began = time.perf_counter()
        pairs, total = answers[question]()
        spent = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps([question, spent, pairs, total, peak]), flush=True)
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
            mine = found["ours"][question]
            for name, answers in found.items():
                spent, pairs, total, peak = answers[question]
                agree = pairs == mine[1] and abs(total - mine[2]) <= 1e-6 * max(1.0, mine[2])
                print(
                    f"  {name:10} {spent:7.2f} s  ×{spent / mine[0]:5.2f}  {pairs} pairs  "
                    f"{total:.3f}  peak {peak} MiB  {'agrees' if agree else 'DIFFERS'}"
                )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], Path(sys.argv[3]))
    else:
        main(sys.argv[1:])
