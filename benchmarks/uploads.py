"""How quick the server stays while a large file is sent in pieces, handed on and read.

Run ``python -m benchmarks.uploads [MIB]`` (500). It makes a throw-away cluster, runs server and
worker as ``minerisk start`` does, sends a GeoJSON of that size and asks ``/healthz`` and a list of
the API all the while; printed are the times of those answers, by what the server was at.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx2 as httpx
import numpy as np

from geo.settings import CHECKOUT, Settings
from geo.store import accounts
from geo.store.cluster import running_cluster
from geo.store.engine import SYSTEM, connect
from geo.store.migrate import migrate

PASSWORD = "a long word for a bench"
_VERTICES = 2500
_PAUSE = 0.05


def write(path: Path, mib: int) -> int:
    """Write a GeoJSON of some size, of goafs with many vertices each; returns how many."""
    turn = np.linspace(0, 2 * np.pi, _VERTICES)
    count = 0
    with path.open("w", encoding="utf-8") as out:
        out.write('{"type": "FeatureCollection", "features": [')
        while out.tell() < mib << 20:
            x, y = 110.5 + 0.002 * (count % 1000), 38.0 + 0.002 * (count // 1000)
            ring = [
                [round(x + 8e-4 * c, 12), round(y + 8e-4 * s, 12)]
                for c, s in zip(np.cos(turn), np.sin(turn), strict=True)
            ]
            ring[-1] = ring[0]
            feature = {
                "type": "Feature",
                "properties": {"编号": f"G{count}", "积水": "无"},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
            out.write("," * bool(count) + json.dumps(feature, ensure_ascii=False))
            count += 1
        out.write("]}")
    return count


class Asking(threading.Thread):
    """Ask addresses in turn until told to stop; keep each answer's time by what was done."""

    def __init__(self, client: httpx.Client, paths: tuple[str, ...]) -> None:
        super().__init__(daemon=True)
        self.client, self.paths = client, paths
        self.doing, self.over = "nothing", threading.Event()
        self.times: dict[tuple[str, str], list[float]] = {}

    def run(self) -> None:
        """Ask."""
        while not self.over.is_set():
            for path in self.paths:
                doing, began = self.doing, time.perf_counter()
                self.client.get(path).raise_for_status()
                taken = (time.perf_counter() - began) * 1000
                self.times.setdefault((doing, path), []).append(taken)
            time.sleep(_PAUSE)


def send(client: httpx.Client, path: Path, asking: Asking) -> None:
    """Send a file in pieces, hand it on, and follow it until it is read."""
    asking.doing, began = "sending", time.perf_counter()
    size = path.stat().st_size
    said = {"filename": path.name, "size": size, "layer": "goaf", "crs": 4490}
    one = client.post("/api/v1/sendings", json=said).raise_for_status().json()
    with path.open("rb") as given:
        there = 0
        while piece := given.read(one["piece_bytes"]):
            where = f"/api/v1/sendings/{one['id']}?offset={there}"
            there = client.patch(where, content=piece).raise_for_status().json()["received"]
    print(f"sending:  {time.perf_counter() - began:6.1f} s")
    asking.doing, began = "handing on", time.perf_counter()
    upload = client.post(f"/api/v1/sendings/{one['id']}/finish").raise_for_status().json()["id"]
    print(f"handing on: {time.perf_counter() - began:4.1f} s")
    asking.doing, began = "reading", time.perf_counter()
    state = {"state": "queued"}
    while state["state"] in ("queued", "reading"):
        time.sleep(0.5)
        state = client.get(f"/api/v1/uploads/{upload}").raise_for_status().json()
    found = state["result"] or state["problem"]
    print(f"reading:  {time.perf_counter() - began:6.1f} s, {state['state']}", end=": ")
    print({k: found[k] for k in ("rows", "stored", "refused", "code") if k in found})


def measure(url: str, path: Path) -> None:
    """Sign in, send the file, and print what the asking found."""
    with httpx.Client(base_url=url, timeout=600) as client, httpx.Client(base_url=url) as other:
        for one in (client, other):
            said = {"login": "bench", "password": PASSWORD}
            token = one.post("/api/v1/session", json=said).raise_for_status().json()["csrf"]
            one.headers["x-csrf-token"] = token
        asking = Asking(other, ("/healthz", "/api/v1/uploads"))
        asking.start()
        time.sleep(5)
        send(client, path, asking)
        asking.over.set()
        asking.join()
    print("milliseconds   median    95 %     max   answers")
    for (doing, asked), times in asking.times.items():
        high = (
            statistics.quantiles(times, n=20, method="inclusive")[-1]
            if len(times) > 1
            else times[0]
        )
        print(
            f"{doing:11} {asked:18} {statistics.median(times):7.1f} {high:7.1f} "
            f"{max(times):7.1f} {len(times):6d}"
        )


def main() -> None:
    """Measure."""
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory(prefix="minerisk-bench-") as folder:
        os.chmod(folder, 0o755)
        path = Path(folder) / "large.geojson"
        count = write(path, mib)
        print(f"{path.stat().st_size / 2**20:.0f} MiB, {count} polygons of {_VERTICES} vertices")
        conf = Settings(local=Path(folder) / "local", database_url=None)
        with running_cluster(conf):
            migrate(conf)
            with connect(conf, "worker", SYSTEM) as conn:
                org = accounts.ensure_organisation(conn, "bench", "bench", "survey_unit")
                accounts.create_user(
                    conn, "bench", PASSWORD, name="bench", role="geologist", org_id=org
                )
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = str(probe.getsockname()[1])
            env = os.environ | {"MINERISK_LOCAL": str(conf.local)}
            env.pop("MINERISK_DATABASE_URL", None)
            base = [sys.executable, "-m", "geo.cli.run"]
            children = [
                subprocess.Popen([*base, *words], env=env, cwd=CHECKOUT, stderr=subprocess.DEVNULL)
                for words in (["serve", "--port", port], ["worker"])
            ]
            try:
                url, until = f"http://127.0.0.1:{port}", time.monotonic() + 120
                while time.monotonic() < until:
                    try:
                        if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                            break
                    except httpx.TransportError:
                        time.sleep(0.2)
                measure(url, path)
            finally:
                for child in children:
                    child.terminate()
                for child in children:
                    child.wait(60)


if __name__ == "__main__":
    main()
