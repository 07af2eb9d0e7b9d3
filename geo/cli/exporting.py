"""Commands that write what is on record to a file, and that check its chain: export, audit."""

import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from geo.cli import acting, app, database, day, guarded, lang, show
from geo.cli.files import As, Json
from geo.cli.grading import AsOf

exports = typer.Typer(no_args_is_help=True, help="Write state, log, offline map or Excel sheet.")
audits = typer.Typer(no_args_is_help=True, help="The hash chain of all that was published.")
app.add_typer(exports, name="export")
app.add_typer(audits, name="audit")

Out = Annotated[
    Path | None, typer.Option("-o", "--output", help="File; standard output if absent.")
]

To = Annotated[Path, typer.Option("-o", "--output", help="File.")]


def write_lines(lines: Any, output: Path | None) -> None:
    """Write lines to a file, or to standard output where none is named."""
    stream = sys.stdout if output is None else output.open("w", encoding="utf-8")
    try:
        for line in lines:
            stream.write(f"{line}\n")
    finally:
        if output is not None:
            stream.close()


@exports.command()
@guarded
def state(output: Out = None, as_of: AsOf = None) -> None:
    """Write current grades, claims and encounters as NDJSON, keyed by content.

    Example: minerisk export state --as-of 2024-09-01 -o state.ndjson
    """
    from geo.store import export
    from geo.store.engine import SYSTEM, connect

    with database() as conf, connect(conf, "worker", SYSTEM) as conn:
        write_lines(export.export_state(conn, day(as_of)), output)


@exports.command()
@guarded
def log(output: Out = None) -> None:
    """Write every published row and chain link as NDJSON.

    Example: minerisk export log -o log.ndjson
    """
    from geo.store import export
    from geo.store.engine import SYSTEM, connect

    with database() as conf, connect(conf, "worker", SYSTEM) as conn:
        write_lines(export.export_log(conn), output)


@exports.command(name="map.html")
@guarded
def map_html(output: To = Path("map.html"), as_of: AsOf = None, login: As = None) -> None:
    """Write the offline map: one file that opens with no internet.

    Example: minerisk export map.html -o 风险图.html
    """
    from geo.report.offline_map import write_map
    from geo.store.engine import connect

    with database() as conf:
        with connect(conf, "app", acting(conf, login)) as conn:
            count = write_map(conn, output, day(as_of), lang())
        typer.echo(f"{output}  {count}", err=True)


@exports.command(name="grades.xlsx")
@guarded
def grades_xlsx(output: To = Path("grades.xlsx"), as_of: AsOf = None, login: As = None) -> None:
    """Write the four lines of every mine as an Excel sheet.

    Example: minerisk export grades.xlsx -o 等级.xlsx
    """
    from geo.report.grades import write_xlsx
    from geo.store import mine_queries
    from geo.store.engine import connect

    with database() as conf:
        on: date = day(as_of)
        with connect(conf, "app", acting(conf, login)) as conn:
            rows = mine_queries.grades(conn, on, None if as_of is None else on)
        write_xlsx(output, rows, on, lang())
        typer.echo(f"{output}  {len(rows)}", err=True)


@audits.command()
@guarded
def head(as_json: Json = False) -> None:
    """Print number and hash of the newest link, to keep elsewhere.

    Example: minerisk audit head
    """
    from geo.store import audit
    from geo.store.engine import SYSTEM, connect

    with database() as conf, connect(conf, "worker", SYSTEM) as conn:
        seq, digest = audit.head(conn)
        show({"seq": seq, "hash": digest}, as_json, lambda: f"{seq} {digest}")


@audits.command()
@guarded
def verify(as_json: Json = False) -> None:
    """Compute the whole chain anew; exit code 1 where it is broken.

    Example: minerisk audit verify
    """
    from dataclasses import asdict

    from geo.messages import say
    from geo.store import audit
    from geo.store.engine import SYSTEM, connect

    with database() as conf, connect(conf, "worker", SYSTEM) as conn:
        found = audit.verify(conn)
    word = "cli.chain_holds" if found.fault is None else "cli.chain_broken"
    show(asdict(found), as_json, lambda: say(word, lang(), **asdict(found)))
    if found.fault is not None:
        raise typer.Exit(1)
