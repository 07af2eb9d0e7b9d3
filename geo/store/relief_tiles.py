"""The base map made of the accepted elevation models: tiles beside the raw files, a set for each.

Each is drawn where it answers, so that none lies over another. The worker makes them, reading the
models through the confined child; the server only hands files out. What is there is told by one
small file, written last, so that half a set is never shown.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import shapely

from geo.messages import say
from geo.problems import Problem
from geo.settings import Settings
from geo.store.batches import newest_seq
from geo.store.engine import SYSTEM, connect
from geo.survey.keys import content_key

if TYPE_CHECKING:
    from geo.report.sheet_drawing import Ground, Sheet

# One pixel that shows nothing: a tile that is not there is no failure.
EMPTY = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000b49444154789c6360000200000500017a5eab3f0000000049454e44ae426082"
)
# Grows whenever tiles are drawn otherwise, so that older ones are made anew.
EDITION = 3
# The heights themselves, for paper: they are drawn at its scale.
_HEIGHTS = "heights.npy"


def _room(settings: Settings) -> Path:
    return settings.local / "relief"


def current(settings: Settings) -> list[dict[str, Any]]:
    """Return the sets there are, the newest model first: key, bounds, zooms, source and dated."""
    try:
        found = json.loads((_room(settings) / "current.json").read_text("utf-8"))
    except FileNotFoundError:
        return []
    # One that an older version wrote is of one model, whatever stood beside it.
    sets: list[dict[str, Any]] = found.get("sets", [])
    return sets


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
    there = [
        (one, path)
        for one in current(settings)
        if (path := _room(settings) / one["key"] / _HEIGHTS).is_file()
    ]
    if not there:
        return None
    # A server that prints no ground needs nothing of what draws it.
    from rasterio.transform import Affine

    from geo.report import ground
    from geo.tailings.dem import Dem

    models = []
    for one, path in there:
        dem = Dem(np.load(path, mmap_mode="r"), Affine(*one["grid"]), one["epsg"])
        words = say("report.sheet.whose", lang, source=one["source"], dated=one["dated"] or "")
        models.append(ground.Heights(dem, words.strip()))
    return ground.under(sheet, models)


def refresh(settings: Settings) -> bool:
    """Draw each accepted model where it answers, unless it is drawn; returns whether any was.

    Raises
    ------
    Problem
        ``terrain.dem.*`` where one cannot be read any more; the others are drawn.
    """
    # The server hands tiles out, and needs nothing of what makes them.
    from geo.store.pond_ground import shared
    from geo.store.terrains import dems

    with connect(settings, "worker", SYSTEM) as conn:
        wanted = shared(dems(conn, newest_seq(conn)))
    there = current(settings)
    known = {one["key"]: one for one in there}
    sets, trouble = [], None
    for taken, share in wanted:
        key = _key(taken, share)
        try:
            sets.append(known.get(key) or _drawn(settings, key, taken, share))
        except Problem as problem:
            trouble = problem
    if [one["key"] for one in sets] != [one["key"] for one in there]:
        _tell(settings, sets, there)
    if trouble is not None:
        raise trouble
    return any(one["key"] not in known for one in sets)


def _key(taken: Any, share: Any) -> str:
    told = {"model": taken.key, "share": share and shapely.to_wkb(share, hex=True)}
    return f"{content_key(told)[:16]}e{EDITION}"


def _drawn(settings: Settings, key: str, taken: Any, share: Any) -> dict[str, Any]:
    """Draw a model where it answers; returns what there is of it."""
    from geo.report.ground import kept
    from geo.report.relief import Mark, bounds, drawn
    from geo.store.pond_ground import answered
    from geo.store.terrains import opened_taken

    room = _room(settings)
    room.mkdir(exist_ok=True)
    aside = room / f"aside{uuid4().hex}"
    aside.mkdir()
    with opened_taken(settings, taken) as model:
        dem = model.part(slice(0, model.shape[0]), slice(0, model.shape[1]))
        if share is not None:
            dem = replace(dem, z=np.where(answered(model, share), dem.z, np.float32("nan")))
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
    return {
        "key": key,
        "bounds": bounds(dem),
        "minzoom": min(marks, default=0),
        "maxzoom": max(marks, default=0),
        "grid": list(small.transform[:6]),
        "epsg": small.epsg,
        "source": taken.stated.source,
        "dated": taken.stated.on and taken.stated.on.isoformat(),
    }


def _tell(settings: Settings, sets: list[dict[str, Any]], there: list[dict[str, Any]]) -> None:
    """Say which sets there are, and remove what neither these nor the ones before name."""
    room = _room(settings)
    room.mkdir(exist_ok=True)
    note = room / f"note{uuid4().hex}"
    note.write_text(json.dumps({"sets": sets}, ensure_ascii=False), "utf-8")
    note.rename(room / "current.json")
    # Those before stay while pages that name them are open; of a killed run nothing does.
    kept = {one["key"] for one in (*sets, *there)}
    for old in room.iterdir():
        if old.is_dir() and old.name not in kept:
            shutil.rmtree(old, ignore_errors=True)
