"""Elevation models that were taken, and the ground of a place read from the newest of them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from pyproj import CRS, Transformer
from sqlalchemy import Connection, Row, select

from geo.crs import GEOGRAPHIC
from geo.problems import Problem
from geo.settings import Settings
from geo.store import rawfiles
from geo.store.engine import Actor
from geo.store.facts import known_at
from geo.store.publish import publishing
from geo.store.tables import batch, terrain
from geo.tailings.dem_reading import read_dem
from geo.tailings.model import Box, Model, Stated, box_in, lattice, model_of
from geo.tailings.raster_source import opened


@dataclass(frozen=True)
class Taken:
    """An elevation model's record."""

    id: UUID
    sha256: str
    filename: str
    stated: Stated
    box: Box
    zone: int
    cell_m: float


def _box(path: Path, stated: Stated) -> Box:
    """Return the largest box of degrees whose sides all lie on the model."""
    with opened(path, path.parent, epsg=stated.epsg, unit=stated.unit) as source:
        rows, cols = source.shape
        place = source.transform
        west, north = place @ (0, 0)
        east, south = place @ (cols, rows)
    move = Transformer.from_crs(source.crs, CRS.from_epsg(GEOGRAPHIC), always_xy=True)
    along = np.linspace(0, 1, 41)
    x, y = west + along * (east - west), south + along * (north - south)
    left, right = move.transform(np.full(41, west), y)[0], move.transform(np.full(41, east), y)[0]
    low, high = move.transform(x, np.full(41, south))[1], move.transform(x, np.full(41, north))[1]
    return float(left.max()), float(low.max()), float(right.min()), float(high.min())


@contextmanager
def _named(settings: Settings, sha256: str, filename: str) -> Iterator[Path]:
    """Give a model its own name for as long as it is read: sentences speak of it by that."""
    kept = rawfiles.path_of(settings, sha256)
    if not kept.exists():
        raise Problem("store.unreadable", file=filename, reason="raw")
    with TemporaryDirectory(prefix="minerisk-") as folder:
        path = Path(folder) / filename
        try:
            os.link(kept, path)
        except OSError:
            shutil.copyfile(kept, path)
        yield path


def take_dem(
    conn: Connection, settings: Settings, actor: Actor, source: Path, stated: Stated, on: date
) -> UUID:
    """Take an elevation model: read it once in the child, keep its bytes, put it on record.

    The same bytes again answer with the model there is.

    Raises
    ------
    Problem
        ``terrain.dem.*`` where it cannot be one; 403 for whoever may not bring one.
    """
    if actor.role != "regulator":
        raise Problem("store.not_allowed", http_status=403, action="terrain")
    if not source.is_file():
        raise Problem("cli.no_file", file=str(source))
    if not stated.error_m > 0:
        # An error of nothing would turn the perturbed runs off and make doubt a clean no (L23).
        raise Problem("terrain.dem.no_error")
    digest, size = rawfiles.keep(settings, source)
    known = conn.scalar(select(terrain.c.id).where(terrain.c.sha256 == digest))
    if known is not None:
        return UUID(str(known))
    filename = "".join(ch for ch in source.name if ch.isprintable())[:200]
    with _named(settings, digest, filename) as path:
        box = _box(path, stated)
        read = read_dem([path], box, stated)
    terrain_id = uuid4()
    note = {
        "box": list(box),
        "bytes": size,
        "unit": stated.unit,
        "epsg": stated.epsg,
        "zone_epsg": read.dem.epsg,
        "cell_m": list(read.dem.cell),
        "shape": list(read.dem.shape),
        "voids": read.voids,
        "bridged": read.bridged,
        "approximate": read.approximate,
    }
    with publishing(conn, actor, "terrain", on, {"terrain": digest}) as made:
        made.add(
            terrain,
            [
                {
                    "id": terrain_id,
                    "sha256": digest,
                    "filename": filename,
                    "source": stated.source,
                    "dated": stated.on or on,
                    "error_m": stated.error_m,
                    "note": note,
                    "district": actor.district,
                }
            ],
        )
    return terrain_id


def newest_dem(conn: Connection, seq: int) -> Taken | None:
    """Return the newest elevation model known at a batch, None where there is none."""
    found = conn.execute(
        select(terrain, batch.c.seq)
        .outerjoin(batch, batch.c.id == terrain.c.batch_id)
        .where(known_at(seq))
        .order_by(batch.c.seq.desc().nulls_first())
        .limit(1)
    ).one_or_none()
    return None if found is None else _taken(found)


def _taken(row: Row[Any]) -> Taken:
    note = row.note
    # Some were taken as if they had no error: of those it is not known.
    error = row.error_m if row.error_m > 0 else float("nan")
    stated = Stated(row.source, row.dated, error, note["unit"], note["epsg"])
    west, south, east, north = note["box"]
    box = west, south, east, north
    zone, cell = note["zone_epsg"], note["cell_m"][0]
    return Taken(row.id, row.sha256, row.filename, stated, box, zone, cell)


def grid_of(taken: Taken) -> Model:
    """Return the grid of a model that was taken, without its files: for questions of where."""
    grid, shape = lattice([box_in(taken.box, taken.zone)], taken.cell_m)
    return Model((), grid, shape, taken.zone, taken.stated)


@contextmanager
def opened_taken(settings: Settings, taken: Taken) -> Iterator[Model]:
    """Yield a model that was taken, readable by windows until the end."""
    with (
        _named(settings, taken.sha256, taken.filename) as path,
        model_of([path], taken.stated, box=taken.box, cell_m=taken.cell_m) as model,
    ):
        yield model
