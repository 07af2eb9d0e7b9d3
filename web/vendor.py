"""Copy what the pages need from ``node_modules`` into ``static/vendor``.

The pages ask nobody else for anything, so the library files are served by us. What is copied is
named here one by one; ``node_modules`` itself is never served.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOM = Path(__file__).resolve().parent
MODULES = ROOM / "node_modules"
VENDOR = ROOM / "static" / "vendor"
STAMP = VENDOR / "versions.json"

NPM = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
FILES = {
    "maplibre-gl": (
        "dist/maplibre-gl.mjs",
        "dist/maplibre-gl-worker.mjs",
        "dist/maplibre-gl.css",
        "LICENSE.txt",
    ),
    "htmx.org": ("dist/htmx.min.js", "LICENSE"),
    # For the offline map, into which it is written whole.
    "leaflet": (
        "dist/leaflet.js",
        "dist/leaflet.css",
        "dist/images/layers.png",
        "dist/images/layers-2x.png",
        "dist/images/marker-icon.png",
        "LICENSE",
    ),
}


def wanted() -> dict[str, str]:
    """Return the version of each served package by the lockfile."""
    packages = json.loads((ROOM / "package-lock.json").read_text("utf-8"))["packages"]
    return {name: packages[f"node_modules/{name}"]["version"] for name in FILES}


def ready() -> bool:
    """Say whether the served files are those of the lockfile."""
    if not STAMP.is_file() or json.loads(STAMP.read_text("utf-8")) != wanted():
        return False
    return all((VENDOR / name / Path(f).name).is_file() for name, fs in FILES.items() for f in fs)


def install() -> None:
    """Fetch the packages by the lockfile and copy the served files; do nothing when ready.

    Raises
    ------
    subprocess.CalledProcessError
        If npm fails.
    FileNotFoundError
        If npm is missing, or a package lacks a file named here.
    """
    if ready():
        return
    subprocess.run(
        [*NPM, "--omit=dev"],
        cwd=ROOM,
        check=True,
    )
    fresh = VENDOR.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for name, files in FILES.items():
        (fresh / name).mkdir(parents=True)
        for file in files:
            shutil.copyfile(MODULES / name / file, fresh / name / Path(file).name)
    (fresh / STAMP.name).write_text(json.dumps(wanted(), sort_keys=True) + "\n", "utf-8")
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)


if __name__ == "__main__":
    install()
    sys.stdout.write(f"{VENDOR}\n")
