"""Kill -9 at random moments: no half file, no lost grade, the chain intact, the next command works."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from geo.settings import Settings
from geo.store import audit
from geo.store.cluster import Cluster, running_cluster
from geo.store.engine import SYSTEM, connect, dispose
from geo.store.migrate import migrate
from tests.conftest import make_people
from tests.county import boundary, goaf, panel, write

pytestmark = pytest.mark.database
KILLS = int(os.environ.get("MINERISK_KILLS", "3"))
SEED = int(os.environ.get("MINERISK_SEED", str(random.randrange(10**6))))


@pytest.fixture
def home():
    """An installation of its own, with people and a private cluster."""
    with tempfile.TemporaryDirectory(prefix="minerisk-kill-") as folder:
        os.chmod(folder, 0o755)
        made = Settings(local=Path(folder) / "local", database_url=None)
        with running_cluster(made):
            migrate(made)
            make_people(made)
            dispose()
        yield made
        dispose()
        Cluster(made).stop()


def command(home, *words):
    environment = {
        **os.environ,
        "MINERISK_LOCAL": str(home.local),
        "MINERISK_USER": "zhang",
        "MINERISK_LANG": "en",
        "PYTHONWARNINGS": "ignore",
    }
    environment.pop("MINERISK_DATABASE_URL", None)
    return subprocess.Popen(
        [sys.executable, "-m", "geo.cli.run", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def done(home, *words):
    process = command(home, *words)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err[-800:]
    return out


def ingest(home, path, layer):
    return ("ingest", str(path), "--layer", layer, "--accept", "--document", "d", "--json")


def whole(home):
    """Say what must hold after every kill."""
    with running_cluster(home):
        with connect(home, "worker", SYSTEM) as conn:
            rows = conn.execute(
                text(
                    "SELECT s.filename, (s.report ->> 'stored')::int AS wanted, count(f.id) AS stored "
                    "FROM minerisk.survey s LEFT JOIN minerisk.feature f ON f.survey_id = s.id "
                    "GROUP BY s.id"
                )
            ).all()
            assert all(row.wanted == row.stored for row in rows), rows
            lone = text(
                "SELECT count(*) FROM minerisk.survey s WHERE NOT EXISTS "
                "(SELECT FROM minerisk.survey_event e WHERE e.survey_id = s.id)"
            )
            assert conn.scalar(lone) == 0
            assert audit.verify(conn).fault is None
        dispose()
    said = json.loads(done(home, "regrade", "--all", "--json"))
    assert (said["claims_added"], said["claims_ended"], said["moves"]) == (0, 0, [])


def test_whatever_is_killed_nothing_is_half_done(home, tmp_path):
    print(f"seed {SEED}, kills {KILLS}")
    rng = random.Random(SEED)
    mines = [boundary("A", "甲公司"), boundary("B", "乙公司", x=1)]
    done(home, *ingest(home, write(tmp_path / "m.geojson", mines), "mine_boundary"))
    # The same file again is answered with the survey there is.
    again = json.loads(done(home, *ingest(home, tmp_path / "m.geojson", "mine_boundary")))
    assert (again["state"], again["grades_changed"]) == ("accepted", 0)
    plan = [panel("A", "3101", x=0.6), panel("B", "3201", x=1.5)]
    done(home, *ingest(home, write(tmp_path / "p.geojson", plan), "plan_item"))
    for number in range(KILLS):
        side = rng.choice(["A", "B"])
        x = rng.uniform(0.1, 0.9) + (side == "B")
        row = goaf(side, f"{side}{number}", x=x, water="有", known="否", volume="不清")
        path = write(tmp_path / f"g{number}.geojson", [row])
        victim = rng.choice(["command", "cluster"])
        running = command(home, *ingest(home, path, "goaf"))
        time.sleep(rng.uniform(0.3, 4.0))
        if victim == "command":
            os.killpg(running.pid, signal.SIGKILL)
        else:
            postmaster = Cluster(home).pid()
            if postmaster is not None:
                os.kill(postmaster, signal.SIGKILL)
        running.communicate(timeout=120)
        whole(home)
        # The same file goes in now, once and whole.
        done(home, *ingest(home, path, "goaf"))
    whole(home)
