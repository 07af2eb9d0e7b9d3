"""Elevation models on record: what was stated of them, and what is read from them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pyproj
import shapely
from sqlalchemy import Connection, Row

from geo.crs import GEOGRAPHIC
from geo.problems import Problem
from geo.settings import Settings
from geo.store import terrain_files
from geo.store.batches import newest_seq
from geo.store.engine import Actor
from geo.store.publish import Batch, publishing
from geo.store.tables import terrain
from geo.store.terrain_files import Sheets
from geo.store.terrain_states import in_order, model_row
from geo.survey.keys import content_key
from geo.tailings.dem_reading import read_dem
from geo.tailings.model import Box, Model, Stated, box_in, lattice, model_of, shape_in
from geo.tailings.raster_kinds import kind_of
from geo.tailings.raster_source import Source


@dataclass(frozen=True)
class Taken:
    """An elevation model's record. `ground` is what it shows, CGCS2000 degrees."""

    id: UUID
    sha256: str
    filename: str
    sheets: Sheets
    stated: Stated
    box: Box
    ground: shapely.Geometry
    zone: int
    cell_m: float
    district: str

    @property
    def key(self) -> str:
        """What its heights and its words are, as a digest."""
        said = self.stated
        told = [said.source, str(said.on), said.error_m, said.unit, said.epsg]
        return content_key({"files": self.sha256, "stated": told})


def _inside(source: Source) -> Box:
    """Return the largest box of degrees whose sides all lie on a sheet."""
    rows, cols = source.shape
    west, north = source.transform @ (0, 0)
    east, south = source.transform @ (cols, rows)
    degrees = pyproj.CRS.from_epsg(GEOGRAPHIC)
    move = pyproj.Transformer.from_crs(source.crs, degrees, always_xy=True)
    along = np.linspace(0, 1, 41)
    x, y = west + along * (east - west), south + along * (north - south)
    left, right = move.transform(np.full(41, west), y)[0], move.transform(np.full(41, east), y)[0]
    low, high = move.transform(x, np.full(41, south))[1], move.transform(x, np.full(41, north))[1]
    return float(left.max()), float(low.max()), float(right.min()), float(high.min())


def _ground(paths: Sequence[Path], stated: Stated) -> tuple[Box, shapely.Geometry]:
    """Return the box to read a model in, and what of it the model shows.

    One sheet is read inside its sides; several may lie as they like, with gaps.
    """
    with model_of(paths, stated) as model:
        if len(model.sources) == 1:
            box = _inside(model.sources[0])
            return box, shapely.box(*box)
        degrees = pyproj.CRS.from_epsg(GEOGRAPHIC)
        shown = [shape_in(one.outline(), one.crs, degrees) for one in model.sources]
    # A finger's breadth: sheets of one edge need not meet to the last digit.
    joined = shapely.buffer(shapely.buffer(shapely.union_all(shown), 1e-5), -1e-5)
    ground = shapely.simplify(joined, 1e-6)
    west, south, east, north = ground.bounds
    return (west, south, east, north), ground


@dataclass(frozen=True)
class Kept:
    """The files of a model, kept: their digest as one, their sheets and their bytes."""

    sha256: str
    sheets: Sheets
    size: int

    @property
    def filename(self) -> str:
        """Return the names of its sheets."""
        return "、".join(files[0][1] for files in self.sheets)[:200]


def keep_files(settings: Settings, files: Sequence[Path], stated: Stated) -> Kept:
    """Keep the bytes of a model's sheets, each with what it needs beside it.

    Raises
    ------
    Problem
        ``terrain.dem.kind``, ``terrain.dem.no_error``, ``store.*``
    """
    if not stated.error_m > 0:
        # An error of nothing would turn the perturbed runs off and make doubt a clean no (L23).
        raise Problem("terrain.dem.no_error")
    kinds = [kind_of(one) for one in files]
    sheets, size = terrain_files.keep(
        settings,
        [[one, *(b for b, _ in kind.beside)] for one, kind in zip(files, kinds, strict=True)],
    )
    # A tile of SRTM lies where its name says.
    digest = terrain_files.digest_of(sheets, named=any(k.driver == "SRTMHGT" for k in kinds))
    return Kept(digest, sheets, size)


def read_kept(settings: Settings, kept: Kept, stated: Stated) -> dict[str, Any]:
    """Read a model whole in the confined child; return what its record says of it.

    Raises
    ------
    Problem
        ``terrain.dem.*``, ``reader.child.*`` where it cannot be one.
    """
    with terrain_files.named(settings, kept.sheets) as paths:
        box, ground = _ground(paths, stated)
        read = read_dem(paths, box, stated, gaps=len(paths) > 1)
    note = {
        "box": list(box),
        "bytes": kept.size,
        "unit": stated.unit,
        "epsg": stated.epsg,
        "zone_epsg": read.dem.epsg,
        "cell_m": list(read.dem.cell),
        "shape": list(read.dem.shape),
        "voids": read.voids,
        "bridged": read.bridged,
        "approximate": read.approximate,
        "sheets": [[list(file) for file in files] for files in kept.sheets],
    }
    if len(kept.sheets) > 1:
        note["ground"] = shapely.to_wkt(ground, rounding_precision=9)
    return note


def record(
    made: Batch,
    sha256: str,
    filename: str,
    stated: Stated,
    note: dict[str, Any],
    owner: dict[str, Any],
) -> UUID:
    """Put a model that was read on record within a batch; returns its id."""
    terrain_id = uuid4()
    made.add(
        terrain,
        [
            {
                "id": terrain_id,
                "sha256": sha256,
                "filename": filename,
                "source": stated.source,
                "dated": stated.on,
                "error_m": stated.error_m,
                "note": note,
                **owner,
            }
        ],
    )
    return terrain_id


def take_dem(
    conn: Connection,
    settings: Settings,
    actor: Actor,
    files: Sequence[Path],
    stated: Stated,
    on: date,
) -> UUID:
    """Take an elevation model: read it once in the child, keep its bytes, put it on record.

    Files given together are sheets of one model. The same files with other words are a record of
    their own, the newest, and so are those of an older model taken again; only where the newest of
    the district says all that already it answers.

    Raises
    ------
    Problem
        ``terrain.dem.*`` where it cannot be one; 403 for whoever may not bring one.
    """
    if actor.role != "regulator":
        raise Problem("store.not_allowed", http_status=403, action="terrain")
    missing = next((one for one in files if not one.is_file()), None)
    if missing is not None:
        raise Problem("cli.no_file", file=str(missing))
    kept = keep_files(settings, files, stated)
    wanted = replace(stated, on=stated.on or on)
    known = [one for one in dems(conn, newest_seq(conn)) if one.district == actor.district]
    if known and (known[0].sha256, known[0].stated) == (kept.sha256, wanted):
        return known[0].id
    note = read_kept(settings, kept, stated)
    with publishing(conn, actor, "terrain", on, {"terrain": kept.sha256}) as made:
        owner = {"district": actor.district}
        return record(made, kept.sha256, kept.filename, wanted, note, owner)


def dems(conn: Connection, seq: int) -> list[Taken]:
    """Return the elevation models that count at a batch, the one accepted last first."""
    return [_taken(row) for row in in_order(conn, seq)]


def taken_of(conn: Connection, terrain_id: UUID) -> Taken:
    """Return a model by its id, whether it counts or not."""
    return _taken(model_row(conn, terrain_id))


def newest_dem(conn: Connection, seq: int) -> Taken | None:
    """Return the newest elevation model known at a batch, None where there is none."""
    return next(iter(dems(conn, seq)), None)


def _taken(row: Row[Any]) -> Taken:
    note = row.note
    # Some were taken as if they had no error: of those it is not known.
    error = row.error_m if row.error_m > 0 else float("nan")
    stated = Stated(row.source, row.dated, error, note["unit"], note["epsg"])
    west, south, east, north = note["box"]
    box = west, south, east, north
    shown = note.get("ground")
    return Taken(
        id=row.id,
        sha256=row.sha256,
        filename=row.filename,
        sheets=terrain_files.sheets_of(row),
        stated=stated,
        box=box,
        ground=shapely.box(*box) if shown is None else shapely.from_wkt(shown),
        zone=note["zone_epsg"],
        cell_m=note["cell_m"][0],
        district=row.district,
    )


def grid_of(taken: Taken) -> Model:
    """Return the grid of a model that was taken, without its files: for questions of where."""
    grid, shape = lattice([box_in(taken.box, taken.zone)], taken.cell_m)
    return Model((), grid, shape, taken.zone, taken.stated)


@contextmanager
def opened_taken(settings: Settings, taken: Taken) -> Iterator[Model]:
    """Yield a model that was taken, readable by windows until the end."""
    with (
        terrain_files.named(settings, taken.sheets) as paths,
        model_of(paths, taken.stated, box=taken.box, cell_m=taken.cell_m) as model,
    ):
        yield model
