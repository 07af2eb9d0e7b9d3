"""Two writers on neighbouring mines at once: neither may be blind to what the other publishes."""

import os
import random
import threading

import pytest

from geo.store import audit, decisions, export
from geo.store.engine import SYSTEM, connect
from geo.store.grading import regrade
from geo.store.publish import publishing
from tests.conftest import TODAY, filed
from tests.county import boundary, extent, goaf, panel, write

pytestmark = [pytest.mark.database, pytest.mark.slow]
ROUNDS = int(os.environ.get("MINERISK_ROUNDS", "6"))
SEED = int(os.environ.get("MINERISK_SEED", str(random.randrange(10**6))))


def drawn(rng, code, number):
    """Return one random file of a writer: a goaf near the common boundary, a panel, or an extent."""
    side = 0.75 if code == "A" else 1.0
    x = side + rng.uniform(0, 0.2)
    kind = rng.choice(["goaf", "goaf", "goaf", "plan_item", "survey_extent"])
    if kind == "goaf":
        water = rng.choice(["有", "无"])
        known, volume = rng.choice([("否", "不清"), ("是", "300"), ("否", "80")])
        return kind, [goaf(code, f"{code}{number}", x=x, water=water, known=known, volume=volume)]
    if kind == "plan_item":
        return kind, [panel(code, f"{code}-{number}", x=side + rng.uniform(0, 0.05))]
    return kind, [extent(code, rng.choice(["采空区", "断层,采空区"]), x=0 if code == "A" else 1)]


def state(settings):
    with connect(settings, "worker", SYSTEM) as conn:
        return list(export.export_state(conn, TODAY))


def test_two_writers_leave_what_a_full_run_finds(settings, people, tmp_path):
    print(f"seed {SEED}, rounds {ROUNDS}")
    failures = []

    def file(code, kind, rows, name):
        survey_id = filed(settings, write(tmp_path / name, rows), people["wang"], layer=kind)
        with connect(settings, "worker", people["zhang"]) as conn:
            decisions.accept(conn, people["zhang"], survey_id, "ok", "doc", on=TODAY)

    def writer(code):
        rng = random.Random(f"{SEED} {code}")
        try:
            for number in range(ROUNDS):
                kind, rows = drawn(rng, code, number)
                file(code, kind, rows, f"{code}-{number}.geojson")
        except Exception as error:
            failures.append(error)

    file("A", "mine_boundary", [boundary("A", "甲公司"), boundary("B", "乙公司", x=1)], "m.geojson")
    writers = [threading.Thread(target=writer, args=(code,)) for code in ("A", "B")]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    assert not failures, failures
    incremental = state(settings)
    with (
        connect(settings, "worker", SYSTEM) as conn,
        publishing(conn, SYSTEM, "regrade", TODAY) as made,
    ):
        changes = regrade(made, None)
    assert (changes.claims_added, changes.claims_ended) == (0, 0)
    assert state(settings) == incremental
    assert any("neighbour" in line for line in incremental)
    with connect(settings, "worker", SYSTEM) as conn:
        found = audit.verify(conn)
    assert found.fault is None
    assert found.links >= 4 * ROUNDS
