"""Kill -9 at random moments: no half file, no lost grade, the chain intact, the next command works."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2 as httpx
import pytest
from sqlalchemy import text

from geo.settings import Settings
from geo.store import audit
from geo.store.cluster import Cluster, running_cluster
from geo.store.engine import SYSTEM, connect, dispose
from geo.store.migrate import migrate
from tests.conftest import PASSWORDS, make_people
from tests.county import boundary, goaf, panel, write

pytestmark = [pytest.mark.database, pytest.mark.slow]
VICTIMS = ("command", "cluster", "server", "worker")
KILLS = int(os.environ.get("MINERISK_KILLS", str(len(VICTIMS))))
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


def command(home, *words, log=subprocess.PIPE):
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
        stdout=log,
        stderr=log,
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


@contextmanager
def serving(home):
    """Run server and worker; yields them and the address, and stops those that still run."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # A file and no pipe: nobody reads along, and a server whose pipe is full answers nobody.
    log = (home.local.parent / "serving.log").open("a", encoding="utf-8")
    running = {
        "server": command(home, "serve", "--port", str(port), log=log),
        "worker": command(home, "worker", log=log),
    }
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 180
        while time.monotonic() < until:
            with suppress(httpx.TransportError):
                if httpx.get(f"{address}/readyz", timeout=5).status_code == 200:
                    break
            time.sleep(0.1)
        yield running, address
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait(60)
        log.close()


@contextmanager
def client(address, login):
    with httpx.Client(base_url=f"{address}/api/v1", timeout=120) as made:
        sent = {"login": login, "password": PASSWORDS[login]}
        made.headers["x-csrf-token"] = made.post("/session", json=sent).json()["csrf"]
        yield made


def send_until_accepted(address, path):
    """Do over HTTP whatever is still to be done of one file, as somebody who comes back would."""
    with client(address, "wang") as wang, client(address, "zhang") as zhang:
        found = [u for u in wang.get("/uploads").json() if u["filename"] == path.name]
        found = [u for u in found if u["state"] != "failed"]
        if found:
            upload_id = found[0]["id"]
        else:
            files = {"file": (path.name, path.read_bytes())}
            sent = wang.post("/uploads", files=files, data={"layer": "goaf"})
            assert sent.status_code == 202, sent.text
            upload_id = sent.json()["id"]
        until = time.monotonic() + 180
        while wang.get(f"/uploads/{upload_id}").json()["state"] in ("queued", "reading"):
            assert time.monotonic() < until, wang.get(f"/uploads/{upload_id}").text
            time.sleep(0.1)
        upload = wang.get(f"/uploads/{upload_id}").json()
        if upload["state"] == "staged":
            sent = wang.post(f"/uploads/{upload_id}/submit", json={})
            assert sent.status_code == 201, sent.text
            survey_id = sent.json()["survey_id"]
        else:
            survey_id = upload["survey_id"]
        if zhang.get(f"/surveys/{survey_id}").json()["state"] == "submitted":
            said = {"reason": "ok", "document": "d"}
            accepted = zhang.post(f"/surveys/{survey_id}/accept", json=said)
            assert accepted.status_code == 200, accepted.text


def kill_command_or_cluster(home, victim, path, rng):
    running = command(home, *ingest(home, path, "goaf"))
    time.sleep(rng.uniform(0.3, 3.0))
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


def kill_server_or_worker(home, victim, path, rng):
    with serving(home) as (running, address):

        def work():
            # What is killed below it breaks off; what was done so far is looked at afterwards.
            with suppress(httpx.TransportError, AssertionError, KeyError, ValueError):
                send_until_accepted(address, path)

        somebody = threading.Thread(target=work)
        somebody.start()
        time.sleep(rng.uniform(0.2, 2.5))
        os.killpg(running[victim].pid, signal.SIGKILL)
        if victim == "worker":
            # Nobody will read it: the one who waits is let go by the server's end.
            running["server"].terminate()
        somebody.join(150)
        assert not somebody.is_alive()
    whole(home)
    with serving(home) as (_, address):
        send_until_accepted(address, path)


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
        victim = VICTIMS[number % len(VICTIMS)]
        print(f"kill {number + 1}: {victim}")
        if victim in ("command", "cluster"):
            kill_command_or_cluster(home, victim, path, rng)
        else:
            kill_server_or_worker(home, victim, path, rng)
        whole(home)
    with running_cluster(home):
        with connect(home, "worker", SYSTEM) as conn:
            goafs = "SELECT count(*) FROM minerisk.feature WHERE layer = 'goaf'"
            assert conn.scalar(text(goafs)) == KILLS
        dispose()
