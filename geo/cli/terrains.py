"""The command about elevation models: terrain."""

from pathlib import Path
from typing import Annotated

import typer

from geo import clock
from geo.cli import acting, app, database, day, guarded, lang, show
from geo.cli.files import As, Json, _table, _uuid


@app.command()
@guarded
def terrain(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="GeoTIFF, ASCII grid (.asc, .prj beside it), ERDAS (.img), SRTM (.hgt, named like "
            "N38E112), DTED, USGS DEM (.dem), BIL, FLT or ENVI (.hdr beside it); all the sheets."
        ),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Who made it.")] = None,
    dated: Annotated[str | None, typer.Option(help="Day of its survey, YYYY-MM-DD.")] = None,
    error: Annotated[float | None, typer.Option(help="Stated error of its heights, m.")] = None,
    unit: Annotated[str | None, typer.Option(help="Unit of heights, where it is not m.")] = None,
    crs: Annotated[int | None, typer.Option(help="EPSG code, where the file says none.")] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="List the models on record and what became of each.")
    ] = False,
    accept: Annotated[
        str | None, typer.Option(help="Accept a model that was sent.", metavar="ID")
    ] = None,
    return_: Annotated[
        str | None, typer.Option("--return", help="Return one with a remark.", metavar="ID")
    ] = None,
    revoke: Annotated[
        str | None, typer.Option(help="Revoke an accepted model.", metavar="ID")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why it is accepted, returned or revoked.")] = "",
    document: Annotated[str, typer.Option(help="Number of the document.")] = "",
    as_json: Json = False,
    login: As = None,
) -> None:
    """Put an elevation model on record and judge every pond on it; list, accept, revoke models.

    Several files are sheets of one model; where they overlap, the first counts. Taken again with
    other words, the same files are corrected. Each pond is judged on the newest model that shows
    the ground around it; an older one stays in force where no newer reaches.

    What may take a head-top verdict away waits for a second person (minerisk confirm).

    Example: minerisk terrain 西幅.tif 东幅.tif --source 省测绘院 --dated 2024-03-01 --error 3

    Example: minerisk terrain 地形.tif --source 省测绘院 --dated 2024-03-01 --error 3

    Example: minerisk terrain --list

    Example: minerisk terrain --revoke ID --reason 弄虚作假 --document 示例撤字〔2024〕1号
    """
    from geo.problems import Problem
    from geo.store.engine import connect
    from geo.store.head_top_runs import compute
    from geo.store.terrains import take_dem
    from geo.tailings.model import Stated

    if listed:
        _models(as_json, login)
        return
    named = {"accept": accept, "return_": return_, "revoke": revoke}
    acts = [(act, model) for act, model in named.items() if model is not None]
    if len(acts) + bool(files) != 1:
        raise Problem("cli.terrain_one")
    if acts:
        _decide_model(*acts[0], reason, document, as_json, login)
        return
    if files is None or source is None or dated is None or error is None:
        raise Problem("cli.terrain_said")
    with database() as conf:
        actor = acting(conf, login)
        stated = Stated(source, day(dated), error, unit, crs)
        with connect(conf, "worker", actor) as conn:
            made = take_dem(conn, conf, actor, files, stated, clock.today())
        summary = compute(conf, clock.today())
        show({"terrain": made, "run": summary}, as_json, lambda: str(made))


def _models(as_json: bool, login: str | None) -> None:
    from geo.messages import say
    from geo.store import terrain_queries
    from geo.store.engine import connect

    with database() as conf, connect(conf, "app", acting(conf, login)) as conn:
        found = terrain_queries.models(conn)
    rows = [
        {
            "id": one["id"],
            "files": "、".join(one["files"]),
            "state": say(f"web.terrain.state.{one['state']}", lang()),
            "source": one["source"],
            "dated": one["dated"],
            "ponds": ", ".join(one["ponds"]),
        }
        for one in found
    ]
    names = ("id", "files", "state", "source", "dated", "ponds")
    show(found, as_json, lambda: _table(names, rows))


def _decide_model(
    act: str, model: str, reason: str, document: str, as_json: bool, login: str | None
) -> None:
    """Accept, return or revoke a model that is on record, and judge every pond anew."""
    from geo.messages import say
    from geo.store import terrain_decisions
    from geo.store.engine import connect
    from geo.store.head_top_runs import compute

    with database() as conf:
        actor = acting(conf, login)
        terrain_id = _uuid(model)
        with connect(conf, "worker", actor) as conn:
            decide = getattr(terrain_decisions, act)
            done = decide(conn, actor, terrain_id, reason, document)
        told = {**done, "run": compute(conf, clock.today())}
    show(told, as_json, lambda: say(f"cli.state.{done['state']}", lang()))
