"""Minerisk running on data of its own, for whoever measures or photographs its pages."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from geo.settings import CHECKOUT


@contextmanager
def served(local: Path, up_s: float, down_s: float) -> Iterator[str]:
    """Run Minerisk on data in `local`; yields its address once pages are served.

    Parameters
    ----------
    local : Path
        Its folder; the cluster's own account must be able to enter.
    up_s, down_s : float
        Seconds it may take to come up, and to end.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | {"MINERISK_LOCAL": str(local)}
    env.pop("MINERISK_DATABASE_URL", None)
    running = subprocess.Popen(
        [sys.executable, "-m", "geo.cli.run", "start", "--port", str(port)],
        cwd=CHECKOUT,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, running, up_s)
        yield url
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(down_s)


def _wait(url: str, running: subprocess.Popen[bytes], up_s: float) -> None:
    until = time.monotonic() + up_s
    while time.monotonic() < until and running.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                return
        except (URLError, ConnectionError):
            time.sleep(0.3)
    raise SystemExit("minerisk did not start")
