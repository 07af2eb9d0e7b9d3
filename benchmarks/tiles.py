"""Time vector tiles over 200,000 polygons under row-level security.

Run ``python -m benchmarks.tiles [COUNT]``. It makes a throw-away cluster, fills it with seeded
squares over a province, and prints: the plan and the time of the same box asked of the table under
its policy and of the definer function, then tile times by zoom, and the sizes.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, text

from geo.settings import Settings
from geo.store.cluster import running_cluster
from geo.store.engine import SYSTEM, Actor, connect, dispose, engine
from geo.store.migrate import migrate
from geo.store.tiles import tile

SEED = 0.42
PROVINCE = (110.2, 34.6, 114.5, 40.7)
REGULATOR = Actor(login="bench", role="regulator", district="14")
RUNS = 7

FILL = """
WITH place AS (
    SELECT i, {west} + random() * ({east} - {west}) AS x,
        {south} + random() * ({north} - {south}) AS y
    FROM generate_series(1, :count) i),
shape AS (
    SELECT i, ST_SetSRID(ST_MakeEnvelope(x, y, x + 0.001, y + 0.001), 4490) AS geom FROM place)
INSERT INTO minerisk.feature (id, batch_id, object_id, survey_id, key, layer, row_no, attrs, raw,
    error_m, valid, geom, geom_3857, district)
SELECT gen_random_uuid(), :batch, gen_random_uuid(), :survey, i::text, 'goaf', i, '{{}}', '{{}}', 0,
    daterange(NULL, NULL), geom, ST_Transform(ST_SetSRID(geom, 4326), 3857),
    CASE WHEN i % 2 = 0 THEN '140981' ELSE '150000' END
FROM shape
"""


def fill(conn: Connection, count: int, box: tuple[float, float, float, float] = PROVINCE) -> None:
    """Insert one accepted survey of `count` squares in a box, half of another province's."""
    batch, survey = uuid4(), uuid4()
    conn.execute(
        text(
            "INSERT INTO minerisk.batch (id, seq, kind, actor_login, recorded_at, digest, "
            "prev_hash, hash) SELECT :b, COALESCE(max(seq), 0) + 1, 'bench', 'bench', now(), '', "
            "'', 'bench' || COALESCE(max(seq), 0) FROM minerisk.batch"
        ),
        {"b": batch},
    )
    conn.execute(
        text(
            "INSERT INTO minerisk.survey (id, batch_id, key, filename, sha256, layers, report, "
            "district) VALUES (:s, :b, 'bench', 'bench', '', '[]', '{}', '14')"
        ),
        {"s": survey, "b": batch},
    )
    conn.execute(
        text(
            "INSERT INTO minerisk.survey_event (batch_id, survey_id, state, actor_login, district)"
            " VALUES (:b, :s, 'accepted', 'bench', '14')"
        ),
        {"s": survey, "b": batch},
    )
    conn.execute(text("SELECT setseed(:seed)"), {"seed": SEED})
    bounds = dict(zip(("west", "south", "east", "north"), box, strict=True))
    conn.execute(text(FILL.format(**bounds)), {"count": count, "batch": batch, "survey": survey})


def timed(ask: object) -> float:
    """Return the median milliseconds of several runs."""
    assert callable(ask)
    spent = []
    for _ in range(RUNS):
        began = time.perf_counter()
        ask()
        spent.append((time.perf_counter() - began) * 1000)
    return statistics.median(spent)


def compare(conn: Connection) -> None:
    """Print plan and time of one box, asked of the table and of the definer function."""
    box = "ST_Transform(ST_SetSRID(ST_MakeEnvelope(112.5, 38.5, 112.6, 38.6), 4326), 3857)"
    table = f"SELECT count(*) FROM minerisk.feature WHERE geom_3857 && {box} AND layer = 'goaf'"
    door = f"SELECT count(*) FROM minerisk.features_in(ARRAY['goaf'], {box}, 1, NULL, NULL)"
    for name, query in (("table under its policy", table), ("definer function", door)):
        rows = conn.scalar(text(query))
        print(f"{name}: {rows} rows, {timed(lambda q=query: conn.scalar(text(q))):.1f} ms")
    for line in conn.scalars(text(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {table}")):
        print(f"    {line}")


def inside(settings: Settings) -> None:
    """Print the plan the definer function runs, as its owner sees it."""
    box = "ST_Transform(ST_SetSRID(ST_MakeEnvelope(112.5, 38.5, 112.6, 38.6), 4326), 3857)"
    with engine(settings, "admin").connect() as conn:
        conn.execute(text("SET LOCAL ROLE minerisk_definer"))
        conn.execute(text("SELECT set_config('minerisk.role', 'regulator', true)"))
        conn.execute(text("SELECT set_config('minerisk.district', '14', true)"))
        body = (
            "SELECT count(*) FROM minerisk.feature f JOIN minerisk.survey_states(1) s USING "
            f"(survey_id) WHERE f.geom_3857 && {box} AND f.layer = ANY (ARRAY['goaf']) AND s.state "
            "IN ('submitted', 'accepted', 'revoked') AND (minerisk.visible(f.district, "
            "f.owner_org, f.survey_org) OR (f.layer = 'mine_boundary' "
            "AND minerisk.contracted(f.mine_code)))"
        )
        print("plan inside the definer function:")
        for line in conn.scalars(text(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {body}")):
            print(f"    {line}")


def main() -> None:
    """Fill, compare, and time tiles by zoom."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory(prefix="minerisk-bench-") as folder:
        os.chmod(folder, 0o755)
        settings = Settings(local=Path(folder) / "local", database_url=None)
        with running_cluster(settings):
            migrate(settings)
            with connect(settings, "worker", SYSTEM) as conn:
                began = time.perf_counter()
                fill(conn, count)
                print(f"{count} polygons filled in {time.perf_counter() - began:.1f} s")
            with engine(settings, "admin").connect() as conn:
                conn.execute(text("ANALYZE minerisk.feature"))
                conn.commit()
            inside(settings)
            with connect(settings, "app", REGULATOR) as conn:
                compare(conn)
                for z in (4, 6, 8, 9, 10, 12, 14):
                    n = 2**z
                    x = int((112.55 + 180) / 360 * n)
                    y = {4: 6, 6: 24, 8: 97, 9: 195, 10: 391, 12: 1566, 14: 6266}[z]
                    body = tile(conn, "factors", z, x, y, 1)
                    spent = timed(lambda z=z, x=x, y=y: tile(conn, "factors", z, x, y, 1))
                    print(f"tile z{z}: {spent:.1f} ms, {len(body) / 1000:.1f} kB")
            dispose()


if __name__ == "__main__":
    main()
