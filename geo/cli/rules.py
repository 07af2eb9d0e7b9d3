"""Commands about the rule catalogue: check, explain, table."""

from pathlib import Path
from typing import Annotated, Any

import typer

from geo.cli import app, guarded, lang, show
from geo.cli.files import Json

catalogue = typer.Typer(no_args_is_help=True, help="The rule catalogue.")
app.add_typer(catalogue, name="rules")

Folder = Annotated[Path | None, typer.Argument(help="Folder; the catalogue in force if absent.")]
County = Annotated[bool, typer.Option("--county", help="It adds to the national catalogue.")]


def read(folder: Path | None, county: bool) -> Any:
    """Return the rules of a folder, of a county's folder, or those in force.

    Raises
    ------
    Problem
        ``rules.broken``, which lists each fault by file and line.
    """
    from geo.problems import Problem
    from geo.rules import load_rules, rules_in_force
    from geo.rules.catalogue import DATA, CatalogueError

    try:
        if folder is None:
            return rules_in_force()
        return load_rules(DATA, folder) if county else load_rules(folder)
    except CatalogueError as error:
        raise Problem("rules.broken", faults=str(error)) from None


@catalogue.command()
@guarded
def check(folder: Folder = None, county: County = False, as_json: Json = False) -> None:
    """Read a catalogue; each fault is told by file and line, with exit code 2.

    Example: minerisk rules check 县规则 --county
    """
    from geo.messages import say

    found = read(folder, county)
    _ponds(folder, county)
    data = {
        "count": len(found.rules),
        "unverified": sum(not rule.verified for rule in found.rules),
        "version": found.version,
    }
    show(data, as_json, lambda: say("rules.good", lang(), **data))


def _ponds(folder: Path | None, county: bool) -> None:
    """Raise where what a county sets of its ponds is broken; see ``read``."""
    from geo.problems import Problem
    from geo.rules.catalogue import CatalogueError
    from geo.tailings.county import county_in_force, county_ponds

    try:
        if folder is None:
            county_in_force()
        elif county:
            county_ponds(folder)
    except CatalogueError as error:
        raise Problem("rules.broken", faults=str(error)) from None


@catalogue.command()
@guarded
def explain(
    rule: Annotated[str, typer.Argument(help="Rule id.", metavar="ID")], as_json: Json = False
) -> None:
    """Show one rule: conditions, what follows, standard, clause, and whether it was verified.

    Example: minerisk rules explain hydro.inrush.2018
    """
    from geo.problems import Problem
    from geo.report.rules import explain as told

    try:
        found = read(None, False).one(rule)
    except KeyError:
        raise Problem("rules.unknown", rule=rule) from None
    data = found.model_dump(mode="json", by_alias=True, exclude_none=True)
    show(data, as_json, lambda: typer.echo(told(found, lang())))


@catalogue.command()
@guarded
def table(
    folder: Folder = None,
    county: County = False,
    language: Annotated[str | None, typer.Option("--lang", help="Language: zh or en.")] = None,
) -> None:
    """Print the catalogue as a table in Markdown.

    Example: minerisk rules table --lang en > rules.md
    """
    from geo.messages import language as known
    from geo.report.rules import table as told

    speak = lang() if language is None else known(language)
    typer.echo(told(read(folder, county), speak), nl=False)
