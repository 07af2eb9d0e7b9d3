"""Commands about layer types: layers, template."""

from pathlib import Path
from typing import Annotated, Any

import typer

from geo.cli import app, guarded, lang, show
from geo.cli.files import Json, _table


def _known(name: str) -> Any:
    from geo.problems import Problem
    from geo.survey.layers import layers

    if name not in layers():
        raise Problem("cli.no_layer", layer=name, layers=", ".join(layers()))
    return layers()[name]


@app.command()
@guarded
def layers(
    name: Annotated[str | None, typer.Argument(help="Layer type.")] = None, as_json: Json = False
) -> None:
    """Show the dictionary of layer types, or one with its fields, units and aliases.

    Example: minerisk layers goaf
    """
    from geo.messages import say
    from geo.report.dictionary import dictionary, entry

    speak = lang()
    if name is not None:
        data: Any = entry(_known(name))
        show(data, as_json, lambda: _fields(data, speak))
        return
    data = dictionary()
    columns = ("name", "label", "geometry", "fields")
    rows = [
        {
            "name": one["name"],
            "label": one["label"][speak],
            "geometry": " ".join(say(f"layers.geometry.{g}", speak) for g in one["geometry"]),
            "fields": len(one["fields"]),
        }
        for one in data
    ]
    show(data, as_json, lambda: _table(columns, rows))


def _fields(data: dict[str, Any], speak: str) -> Any:
    from geo.messages import say

    typer.echo(f"{data['name']}  {data['label'][speak]}")
    for listed in data["listed"].values():
        item = listed["item"] or say("layers.unnamed", speak)
        typer.echo("  " + say("layers.listed", speak, standard=listed["standard"], item=item))
    names = ("name", "label", "type", "unit", "words", "aliases")
    rows = [
        {
            "name": field["name"],
            "label": field["label"][speak],
            "type": say(f"layers.type.{field['type']}", speak),
            "unit": field["unit"],
            "words": " ".join((words or [v])[0] for v, words in field["values"].items()),
            "aliases": " ".join(field["aliases"][:6]),
        }
        for field in data["fields"]
    ]
    return _table(names, rows)


@app.command()
@guarded
def template(
    layer: Annotated[str, typer.Argument(help="Layer type.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File: .zip (shapefile), .gpkg or .xlsx (corners)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write an empty file of a layer type with the right fields, to fill in.

    Example: minerisk template goaf -o 采空区.gpkg
    """
    from geo.report.template import write_template

    one = _known(layer)
    written = write_template(one, output or Path(f"{layer}.zip"), lang())
    show({"layer": layer, "file": str(written)}, as_json, lambda: typer.echo(written))
