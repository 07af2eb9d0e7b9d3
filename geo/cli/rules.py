"""Commands about the rule catalogue: check, explain, table, sets, adopt."""

from pathlib import Path
from typing import Annotated, Any

import typer

from geo.cli import acting, app, database, day, guarded, lang, show
from geo.cli.files import As, Json, _act, _table
from geo.cli.grading import AsOf, compared_text

catalogue = typer.Typer(no_args_is_help=True, help="The rule catalogue.")
app.add_typer(catalogue, name="rules")

Folder = Annotated[Path | None, typer.Argument(help="Folder; what is installed if absent.")]
County = Annotated[bool, typer.Option("--county", help="It adds to the national catalogue.")]


def read(folder: Path | None, county: bool) -> Any:
    """Return the rules of a folder, of a county's folder, or those installed.

    Raises
    ------
    Problem
        ``rules.broken``, which lists each fault by file and line.
    """
    from geo.problems import Problem
    from geo.rules import CatalogueError, installed_rules, load_rules
    from geo.rules.catalogue import DATA

    try:
        if folder is None:
            return installed_rules()
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
    as_json: Json = False,
) -> None:
    """Print the catalogue as a table in Markdown; with --json every rule whole.

    Example: minerisk rules table --lang en > rules.md
    """
    from geo.messages import language as known
    from geo.report.rules import table as told

    speak = lang() if language is None else known(language)
    found = read(folder, county)
    if as_json:
        data = {"version": found.version, **found.model_dump(mode="json", by_alias=True)}
        show(data, True, lambda: None)
        return
    typer.echo(told(found, speak), nl=False)


@catalogue.command()
@guarded
def sets(as_json: Json = False, login: As = None) -> None:
    """List the rule sets adopted, newest first, and whether another one waits.

    Example: minerisk rules sets
    """
    from geo.messages import say
    from geo.store import rule_sets
    from geo.store.engine import connect

    with database() as conf, connect(conf, "app", acting(conf, login)) as conn:
        rows = rule_sets.kept(conn)
        waits = rule_sets.waiting(conn)
    data = {"sets": rows, "waiting": waits.version if waits else None}

    def text() -> Any:
        if waits is not None:
            typer.echo(say("rules.waits", lang(), version=waits.version[:12]))
        names = ("version", "effective_on", "proposed_by", "confirmed_by", "reason", "document")
        return _table(names, [{**row, "version": row["version"][:12]} for row in rows])

    show(data, as_json, text)


@catalogue.command()
@guarded
def adopt(
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    document: Annotated[str, typer.Option(help="Number of the document.")] = "",
    compare: Annotated[
        bool, typer.Option("--compare", help="Only show which mines would change.")
    ] = False,
    as_of: AsOf = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Adopt the rule set that is installed; one that lowers a grade waits for a second person.

    Example: minerisk rules adopt --reason 新标准施行 --document 示例规字〔2024〕1号
    """
    from geo.problems import Problem
    from geo.store import adoption, rule_sets
    from geo.store.engine import connect
    from geo.store.grading import compare_rules

    if not compare:
        _act(login, as_json, lambda c, a: adoption.adopt(c, a, reason, document, on=day(as_of)))
        return
    with database() as conf, connect(conf, "worker", acting(conf, login)) as conn:
        waits = rule_sets.waiting(conn)
        if waits is None:
            raise Problem("rules.none_waits")
        data = compare_rules(conn, waits, day(as_of))
    show(data, as_json, lambda: compared_text(data))
