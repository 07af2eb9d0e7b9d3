"""The base map made of the newest elevation model: tiles beside the raw files.

The worker makes them, reading the model through the confined child; the server only hands files
out. What is there is told by one small file, written last, so that half a set is never shown.
"""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from geo.messages import say
from geo.settings import Settings
from geo.store.engine import SYSTEM, connect
from geo.store.facts import newest_seq

if TYPE_CHECKING:
    from geo.report.sheet_drawing import Ground, Sheet

# One pixel that shows nothing: a tile that is not there is no failure.
EMPTY = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000b49444154789c6360000200000500017a5eab3f0000000049454e44ae426082"
)
# Grows whenever tiles are drawn otherwise, so that older ones are made anew.
EDITION = 2
# The heights themselves, for paper: they are drawn at its scale.
_HEIGHTS = "heights.npy"


def _room(settings: Settings) -> Path:
    return settings.local / "relief"


def current(settings: Settings) -> dict[str, Any] | None:
    """Return what there is, if any: key, bounds, minzoom, maxzoom, source, dated."""
    try:
        found: dict[str, Any] = json.loads((_room(settings) / "current.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    return found


def tile(settings: Settings, key: str, z: int, x: int, y: int) -> bytes | None:
    """Return one tile as PNG, None where there is none."""
    if not key.isalnum():
        return None
    try:
        return (_room(settings) / key / f"{z}-{x}-{y}.png").read_bytes()
    except FileNotFoundError:
        return None


def written(settings: Settings, key: str, zoom: int) -> bytes | None:
    """Return the heights written on contours at a zoom, JSON; None where there are none.

    A list of what :data:`geo.report.relief.Mark` is.
    """
    if not key.isalnum():
        return None
    try:
        return (_room(settings) / key / f"{zoom}.json").read_bytes()
    except FileNotFoundError:
        return None


def under(settings: Settings, sheet: "Sheet", lang: str) -> "Ground | None":
    """Return the ground under a sheet of paper; None where none is drawn, or not there."""
    found = current(settings)
    if found is None:
        return None
    try:
        z = np.load(_room(settings) / found["key"] / _HEIGHTS, mmap_mode="r")
    except FileNotFoundError:
        return None
    # A server that prints no ground needs nothing of what draws it.
    from rasterio.transform import Affine

    from geo.report import ground
    from geo.tailings.dem import Dem

    dem = Dem(z, Affine(*found["grid"]), found["epsg"])
    words = say("report.sheet.whose", lang, source=found["source"], dated=found["dated"] or "")
    return ground.under(sheet, [ground.Heights(dem, words.strip())])


def refresh(settings: Settings) -> bool:
    """Draw the newest elevation model, unless it is drawn; returns whether it was drawn now.

    Raises
    ------
    Problem
        ``terrain.dem.*`` where it cannot be read any more.
    """
    # The server hands tiles out, and needs nothing of what makes them.
    from geo.report.ground import kept
    from geo.report.relief import Mark, bounds, drawn
    from geo.store.terrains import newest_dem, opened_taken

    with connect(settings, "worker", SYSTEM) as conn:
        taken = newest_dem(conn, newest_seq(conn))
    if taken is None:
        return False
    key = f"{taken.key[:16]}e{EDITION}"
    there = current(settings)
    if there is not None and there["key"] == key:
        return False
    room = _room(settings)
    room.mkdir(exist_ok=True)
    aside = room / f"aside{uuid4().hex}"
    aside.mkdir()
    with opened_taken(settings, taken) as model:
        dem = model.part(slice(0, model.shape[0]), slice(0, model.shape[1]))
    marks: dict[int, list[Mark]] = {}
    for (z, x, y), body, heights in drawn(dem):
        (aside / f"{z}-{x}-{y}.png").write_bytes(body)
        marks.setdefault(z, []).extend(heights)
    for z, found in marks.items():
        (aside / f"{z}.json").write_text(json.dumps(found, separators=(",", ":")), "utf-8")
    small = kept(dem)
    np.save(aside / _HEIGHTS, small.z.astype(np.float32))
    final = room / key
    shutil.rmtree(final, ignore_errors=True)
    aside.rename(final)
    told = {
        "key": key,
        "bounds": bounds(dem),
        "minzoom": min(marks, default=0),
        "maxzoom": max(marks, default=0),
        "grid": list(small.transform[:6]),
        "epsg": small.epsg,
        "source": taken.stated.source,
        "dated": taken.stated.on and taken.stated.on.isoformat(),
    }
    note = room / f"note{uuid4().hex}"
    note.write_text(json.dumps(told, ensure_ascii=False), "utf-8")
    note.rename(room / "current.json")
    for old in room.iterdir():
        # The one before stays while pages that name it are open; of a killed run nothing does.
        if old.is_dir() and old.name not in (key, there and there["key"]):
            shutil.rmtree(old, ignore_errors=True)
    return True
