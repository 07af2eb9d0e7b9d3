"""A real server and worker: what only shows on a wire, with a queue between."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from geo.settings import CHECKOUT, Settings
from tests.conftest import PASSWORDS
from tests.county import goaf, write

pytestmark = pytest.mark.database


@pytest.fixture
def address(settings: Settings, tmp_path: Path) -> Iterator[str]:
    """Run server and worker on the test's county."""
    with running(tmp_path, "worker") as (url, _):
        yield url


@contextmanager
def running(tmp_path: Path, *also: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the server, and what else is named, on the test's county."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = [sys.executable, "-m", "geo.cli.run"]
    with (tmp_path / "server.log").open("wb") as log:
        children = [
            subprocess.Popen([*base, *args], cwd=CHECKOUT, env=dict(os.environ), stderr=log)
            for args in (["serve", "--port", str(port)], *([name] for name in also))
        ]
        url = f"http://127.0.0.1:{port}"
        try:
            until = time.monotonic() + 180
            while time.monotonic() < until and children[0].poll() is None:
                try:
                    if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.2)
            yield url, children[0]
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.wait(120)


@pytest.fixture
def wang(address: str) -> Iterator[httpx.Client]:
    """A geologist signed in to the server."""
    with httpx.Client(base_url=f"{address}/api/v1", timeout=60) as client:
        sent = {"login": "wang", "password": PASSWORDS["wang"]}
        client.headers["x-csrf-token"] = client.post("/session", json=sent).json()["csrf"]
        yield client


def test_a_file_is_read_by_the_worker_while_its_sender_listens(wang, tmp_path):
    path = write(tmp_path / "g.geojson", [goaf("A", "G1", x=0.6, water="无")])
    with path.open("rb") as body:
        sent = wang.post("/uploads", files={"file": ("g.geojson", body)}, data={"layer": "goaf"})
    assert sent.status_code == 202
    assert "server" not in sent.headers
    said = []
    with wang.stream("GET", f"/uploads/{sent.json()['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("data: "):
                said.append(json.loads(line.removeprefix("data: ")))
    # It ended by itself, once it was read and what it would move was known.
    assert [one["state"] for one in said][-2:] == ["grading", "staged"]
    assert said[-2]["progress"]["stage"] == "grading"
    # Who waits is answered with what was found, or with what is wrong, and no further call.
    with path.open("rb") as body:
        answer = wang.post(
            "/uploads?wait=60", files={"file": ("g.geojson", body)}, data={"layer": "goaf"}
        )
    assert (answer.status_code, answer.json()["result"]["stored"]) == (201, 1)
    answer = wang.post("/uploads?wait=60&lang=en", files={"file": ("cut.zip", b"PK\3\4 cut")})
    assert (answer.status_code, answer.json()["code"]) == (422, "reader.zip.broken")
    # Cut off by a limit before its body was read, the server still answers the next call.
    huge = {"content-length": str(10**12), "content-type": "multipart/form-data; boundary=x"}
    with socket.create_connection((wang.base_url.host, wang.base_url.port), timeout=20) as raw:
        head = "".join(f"{k}: {v}\r\n" for k, v in huge.items())
        raw.sendall(f"POST /api/v1/uploads HTTP/1.1\r\nhost: x\r\n{head}\r\n--x".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 413")
    assert wang.get("/me").status_code == 200


def test_an_open_stream_does_not_hold_up_the_end(settings, tmp_path):
    # No worker runs, so that the upload waits and its stream stays open.
    path = write(tmp_path / "g.geojson", [goaf("A", "G1", x=0.6, water="无")])
    with (
        running(tmp_path) as (url, server),
        httpx.Client(base_url=f"{url}/api/v1", timeout=60) as client,
    ):
        sent = {"login": "wang", "password": PASSWORDS["wang"]}
        client.headers["x-csrf-token"] = client.post("/session", json=sent).json()["csrf"]
        with path.open("rb") as body:
            made = client.post("/uploads", files={"file": ("g.geojson", body)}).json()
        with client.stream("GET", f"/uploads/{made['id']}/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: progress"
            began = time.monotonic()
            server.send_signal(signal.SIGINT)
            # It ends as a stream ends, not cut off.
            rest = list(lines)
            assert rest[0].startswith("data: ")
            server.wait(10)
            assert time.monotonic() - began < 3
