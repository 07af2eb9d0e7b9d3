"""The command zones: those of the register's model, or of one as large as a province's."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from geo import clock
from geo.cli import acting, app, database, guarded, lang, show
from geo.cli.exporting import Out, write_lines
from geo.cli.files import As, Json, _progress


@app.command()
@guarded
def zones(
    output: Out = None,
    dem: Annotated[
        list[Path] | None,
        typer.Option("--dem", help="Elevation model, however large; again for each sheet of it."),
    ] = None,
    polygons: Annotated[
        Path | None,
        typer.Option(help="With --dem: write polygons, too, as .gpkg or .geojson."),
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Spread the tiles by Dask: local, or a scheduler's address.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Unit of heights, where it is not m.")] = None,
    crs: Annotated[int | None, typer.Option(help="EPSG code, where the file says none.")] = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Write the no-build zone, undecided and forbidden ground and the strips of ponds as GeoJSON.

    They are computed anew where facts changed.

    With --dem the no-build zone of that model, below the register's protected objects, as a
    cloud-optimised GeoTIFF (0 outside, 1 inside, 2 undecided, 255 no ground). Finished tiles rest
    in a folder beside the output until all are done: a run that was killed goes on where it was.
    --polygons draws it for maps, cut at the edges of tiles; what is in it the raster says.

    Example: minerisk zones -o 禁建区.geojson

    Example: minerisk zones --dem 全省30m.tif --cluster local -o 禁建区.tif --polygons 禁建区.gpkg
    """
    from geo.problems import Problem

    if dem:
        if output is None:
            raise Problem("terrain.zone.no_output")
        found = _large(dem, output, polygons, cluster, unit, crs, login)
        show(found, as_json, lambda: _told(found))
        return
    if any(one is not None for one in (polygons, cluster, unit, crs)):
        raise Problem("terrain.zone.no_dem")
    from geo.store import pond_zones
    from geo.store.engine import connect
    from geo.store.head_top_runs import compute

    with database() as conf:
        actor = acting(conf, login)
        compute(conf, clock.today())
        with connect(conf, "app", actor) as conn:
            kept = pond_zones.zones(conn)
    collection = pond_zones.as_geojson(kept)
    text = json.dumps(collection, ensure_ascii=False)
    if output is not None or not as_json:
        write_lines([text], output)
    if as_json:
        listed = [feature["properties"] for feature in collection["features"]]
        km2 = {
            kind: round(sum(z["area_m2"] for z in kept if z["kind"] == kind) / 1e6, 4)
            for kind in ("no_build", "undecided", "strip", "bank", "prohibited")
        }
        show({"km2": km2, "zones": listed}, True, lambda: None)


def _told(found: dict[str, Any]) -> str:
    from geo.messages import say

    return say("terrain.zone.written", lang(), **found, inside=found["km2"]["inside"])


@contextmanager
def _on_ground(login: str | None) -> Iterator[Any]:
    """Yield what the register has on the ground, for those who may ask where a pond may lie."""
    from geo.problems import Problem
    from geo.store.pond_ground import laid_on

    with database() as conf:
        actor = acting(conf, login)
        if actor.role not in ("regulator", "administrator"):
            raise Problem("store.not_allowed", http_status=403, action="zones")
        yield laid_on(conf)


def _large(
    files: list[Path],
    output: Path,
    polygons: Path | None,
    cluster: str | None,
    unit: str | None,
    crs: int | None,
    login: str | None,
) -> dict[str, Any]:
    """Write the zone of a model by tiles, and return what was written."""
    from geo.problems import Problem
    from geo.spread import spread_over
    from geo.tailings.large import alone, zone_of_model
    from geo.tailings.model import Stated, model_of
    from geo.tailings.polygons import check

    missing = next((one for one in files if not one.is_file()), None)
    if missing is not None:
        raise Problem("cli.no_file", file=str(missing))
    if not output.parent.is_dir():
        raise Problem("terrain.zone.no_folder", folder=str(output.parent))
    if polygons is not None:
        check(polygons.absolute())
    began = time.perf_counter()
    # The register is let go before the long work: nothing of it is needed then.
    with _on_ground(login) as ground:
        pass
    work = output.absolute().with_name(f".{output.name}.tiles")
    said = Stated("", None, 0.0, unit, crs)
    with (
        alone(work),
        _progress() as bar,
        model_of(files, said, workdir=work) as model,
        spread_over(cluster) as spread,
    ):
        read = time.perf_counter()
        written = zone_of_model(
            model,
            ground,
            output.absolute(),
            work,
            spread,
            polygons=None if polygons is None else polygons.absolute(),
            threads=1 if cluster is None else os.cpu_count() or 1,
            told=lambda done, total: bar("tiles", done, total),
        )
    shutil.rmtree(work)
    square = model.grid.a**2 / 1e6
    return {
        "file": str(output),
        "epsg": model.epsg,
        "cell_m": model.grid.a,
        "shape": list(model.shape),
        "objects": len(ground.objects),
        "cells": written.cells,
        "km2": {name: round(count * square, 4) for name, count in written.cells.items()},
        "tiles": written.tiles,
        "taken_up": written.taken_up,
        "polygons": {"file": str(polygons), **written.polygons} if polygons else None,
        "seconds": {"open": round(read - began, 3), **written.seconds},
        "processor_seconds": written.work,
    }
