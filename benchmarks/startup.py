"""Time the first and second start on the sample, its full re-grade, and the memory of each process.

Run ``python -m benchmarks.startup``. It starts with an empty folder of its own, so the sample is
read, checked, graded and published anew; packages are installed already. Memory is the kernel's own
high-water mark of resident pages (VmHWM) of every process seen, read every 20 ms; PostgreSQL's
processes count their shared buffers each.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from geo.settings import Settings
from geo.store.cluster import Cluster


def _peak_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1])
    return 0


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    if any("reading.child" in word for word in words):
        return "reading child"
    return words[0].split(":")[0].rsplit("/", 1)[-1] if "postgres" in words[0] else "minerisk"


def _run(local: Path, *words: str) -> tuple[float, str, dict[str, int]]:
    """Run a command; return its seconds, its last line, and the peak memory by kind of process."""
    env = {**os.environ, "MINERISK_LOCAL": str(local)}
    env.pop("MINERISK_DATABASE_URL", None)
    cluster = Cluster(Settings(local=local, database_url=None))
    peaks: dict[str, int] = {}
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "geo.cli.run", *words], env=env, stdout=subprocess.PIPE, text=True
    ) as running:
        while running.poll() is None:
            roots = [running.pid, cluster.pid()]
            for root in filter(None, roots):
                try:
                    top = psutil.Process(root)
                    for one in (top, *top.children(recursive=True)):
                        name = _name(one)
                        peaks[name] = max(peaks.get(name, 0), _peak_kib(one.pid))
                except (psutil.Error, OSError, IndexError):
                    continue  # ended between being seen and being asked
            time.sleep(0.02)
        out = running.stdout.read() if running.stdout else ""
    return time.perf_counter() - began, out.strip().splitlines()[-1], peaks


def main() -> None:
    """Print seconds of each step, and the peak memory by kind of process."""
    with tempfile.TemporaryDirectory(prefix="minerisk-bench-") as folder:
        os.chmod(folder, 0o755)
        local = Path(folder) / "local"
        for which in ("first start", "second start"):
            spent, last, peaks = _run(local, "start", "--once", "--json")
            print(f"{which}: {spent:.1f} s; {json.dumps(json.loads(last)['seconds'])}")
            print("  peak MiB:", {name: kib // 1024 for name, kib in sorted(peaks.items())})
        spent, last, peaks = _run(local, "regrade", "--all", "--json")
        print(f"full re-grade: {json.loads(last)['seconds']} s of {spent:.1f} s with cluster")
        print("  peak MiB:", {name: kib // 1024 for name, kib in sorted(peaks.items())})


if __name__ == "__main__":
    main()
