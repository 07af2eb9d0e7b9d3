"""Where we are root, what strangers talk to is not: seen on a real server process."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest
import rasterio
from affine import Affine

from geo.settings import CHECKOUT
from geo.store.service import account, prefix, privileges
from tests.conftest import PASSWORDS
from tests.county import goaf, write

pytestmark = [
    pytest.mark.database,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root has an account to give up"),
]


def status(pid):
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def children(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


@pytest.fixture
def served(settings, people):
    """A server started as root starts it; yields its own process id and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "geo.cli.run", "serve", "--port", str(port)]
    root = subprocess.Popen(words, cwd=CHECKOUT, env=dict(os.environ))
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 180
        while time.monotonic() < until and root.poll() is None:
            try:
                if httpx.get(f"{address}/readyz", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        yield root, address
    finally:
        root.terminate()
        root.wait(30)


def test_the_server_has_an_account_of_its_own_and_two_passwords(settings, served, tmp_path):
    root, address = served
    (server,) = children(root.pid)
    told = status(server)
    assert set(told["Uid"].split()) == {str(account().pw_uid)}
    assert told["NoNewPrivs"].strip() == "1"
    # At most the right to enter folders: never to write, own, or become anybody.
    held = int(told["CapEff"], 16) | int(told["CapBnd"], 16)
    assert held == (1 << 2 if privileges(settings) == "reads_all" else 0)
    secrets = settings.local / "secrets.json"
    assert (secrets.stat().st_uid, secrets.stat().st_mode & 0o777) == (0, 0o600)
    shown = (settings.local / "service.json").read_text("utf-8")
    assert "minerisk_app" in shown
    assert "minerisk_owner" not in shown
    # It keeps what people send.
    path = write(tmp_path / "g.geojson", [goaf("A", "G1", x=0.6, water="无")])
    with httpx.Client(base_url=f"{address}/api/v1", timeout=60) as wang:
        said = wang.post("/session", json={"login": "wang", "password": PASSWORDS["wang"]})
        wang.headers["x-csrf-token"] = said.json()["csrf"]
        sent = wang.post(
            "/uploads", files={"file": (path.name, path.read_bytes())}, data={"layer": "goaf"}
        )
        assert sent.status_code == 202, sent.text
    kept = [one for one in settings.raw_files.glob("*/*") if one.is_file()]
    assert [one.read_bytes() for one in kept] == [path.read_bytes()]
    assert kept[0].stat().st_uid == account().pw_uid


def test_it_ends_with_whoever_started_it(served):
    root, _ = served
    (server,) = children(root.pid)
    root.send_signal(signal.SIGKILL)
    root.wait()
    until = time.monotonic() + 20
    while Path(f"/proc/{server}").exists():
        assert time.monotonic() < until
        time.sleep(0.1)


_DESCRIBE = """
import sys
from pathlib import Path
from geo.tailings.raster_source import opened
with opened(Path(sys.argv[1]), Path(sys.argv[1]).parent) as source:
    print(source.shape)
"""


def test_under_its_account_it_still_opens_terrain_in_a_child(settings, tmp_path):
    with tempfile.TemporaryDirectory(prefix="minerisk-test-") as folder:
        path = Path(folder) / "dem.tif"
        profile = {"driver": "GTiff", "width": 30, "height": 20, "count": 1, "dtype": "float32"}
        place = Affine(30, 0, 500_000, 0, -30, 4_300_000)
        heights = np.full((20, 30), 900, dtype="float32")
        with rasterio.open(path, "w", crs="EPSG:4547", transform=place, **profile) as sink:
            sink.write(heights, 1)
        for one in (Path(folder), path):
            os.chown(one, account().pw_uid, account().pw_gid)
        become = prefix(account(), privileges(settings) == "reads_all")
        asked = [*become, sys.executable, "-c", _DESCRIBE, str(path)]
        said = subprocess.run(
            asked, cwd=CHECKOUT, text=True, capture_output=True, timeout=120, check=False
        )
    assert said.stdout.strip() == "(20, 30)", said.stderr[-800:]


_HEADS = """
import os, sys
from alembic.config import Config
from alembic.script import ScriptDirectory
config = Config()
config.set_main_option("script_location", sys.argv[1])
print(ScriptDirectory.from_config(config).get_heads(), os.geteuid() != 0)
"""


def test_it_finds_the_migrations_of_a_checkout_that_only_root_may_enter():
    with tempfile.TemporaryDirectory(prefix="minerisk-test-") as folder:
        copy = Path(folder) / "migrations"
        shutil.copytree(CHECKOUT / "geo/store/migrations", copy)
        asked = [*prefix(account(), reads_all=True), sys.executable, "-c", _HEADS, str(copy)]
        said = subprocess.run(asked, text=True, capture_output=True, timeout=120, check=False)
    versions = (CHECKOUT / "geo/store/migrations/versions").glob("[0-9]*.py")
    head = max(path.name.split("_")[0] for path in versions)
    assert said.stdout.startswith(f"['{head}"), said.stderr
    assert said.stdout.endswith("True\n")
