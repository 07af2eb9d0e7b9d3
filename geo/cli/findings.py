"""Commands that reckon from the facts and store nothing: ledger, crossings, screening, years."""

from pathlib import Path
from typing import Annotated, Any

import typer

from geo.cli import acting, app, database, day, guarded, lang, show
from geo.cli.files import As, Json, _table
from geo.cli.grading import AsOf, Mine


def _reckoned(login: str | None, mine: str | None, reckon: Any) -> Any:
    """Return what `reckon` makes of the mines the user may see, or of one."""
    from geo.problems import Problem
    from geo.store.engine import connect
    from geo.store.findings import seen

    with database() as conf:
        actor = acting(conf, login)
        with connect(conf, "app", actor) as conn:
            codes = seen(conn, None if mine is None else [mine])
        if mine is not None and not codes:
            raise Problem("store.no_such_mine", mine=mine)
        with connect(conf, "worker", actor) as conn:
            return reckon(conn, codes)


@app.command()
@guarded
def ledger(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Excel file to write.")
    ] = None,
    mine: Mine = None,
    on: AsOf = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Show the ledger of factors (动态普查治理台账) with its counts of factors and exposures.

    Example: minerisk ledger -o 台账.xlsx
    """
    from geo.messages import say
    from geo.report.ledger import write_xlsx
    from geo.rules import rules_in_force
    from geo.store import findings

    held = day(on)
    data = _reckoned(login, mine, lambda conn, codes: findings.ledger(conn, codes, held))
    if output is not None:
        write_xlsx(output, data, rules_in_force(), lang())
        counts = {
            name: sum(kind[name] for kind in data["kinds"]) for name in ("factors", "exposures")
        }
        typer.echo(say("ledger.written", lang(), file=str(output), **counts), err=True)
        if not as_json:
            return
    names = (
        "number",
        "mine_code",
        "kind",
        "code",
        "distance_m",
        "first_year",
        "verification",
        "state",
    )
    show(data, as_json, lambda: _table(names, data["rows"]))


@app.command()
@guarded
def crossings(mine: Mine = None, as_json: Json = False, login: As = None) -> None:
    """Show workings and goafs beyond licence, elevation or seams: questions, never verdicts.

    Example: minerisk crossings --json
    """
    from geo.messages import say
    from geo.store import findings

    data = _reckoned(login, mine, findings.crossings)

    def text() -> Any:
        rows = [
            {
                **row,
                "what": say(f"crossing.what.{row['what']}", lang()),
                "standing": say(f"crossing.standing.{row['standing']}", lang()),
            }
            for row in data
        ]
        names = ("mine_code", "other_mine", "what", "name", "standing", "beyond_m", "outside_m2")
        return _table(names, rows)

    show(data, as_json, text)


@app.command()
@guarded
def screening(mine: Mine = None, as_json: Json = False, login: As = None) -> None:
    """Show what is worth asking about surveys, each with its measure; it never accuses.

    Example: minerisk screening
    """
    from geo.messages import say
    from geo.store import findings

    data = _reckoned(login, mine, findings.screening)

    def text() -> Any:
        rows = [{**row, "check": say(f"screening.{row['check']}", lang())} for row in data]
        return _table(("mine_code", "check", "other", "measure", "unit"), rows)

    show(data, as_json, text)


@app.command()
@guarded
def years(
    mine: Annotated[str, typer.Argument(help="Mine code.")],
    move: Annotated[
        str | None, typer.Option("--move", help="A working, by name or key.", metavar="WORKING")
    ] = None,
    by: Annotated[int, typer.Option("--by", help="Years later; negative: earlier.")] = 1,
    on: AsOf = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Show in which year each factor is first met, or what changes if a working moves in time.

    Example: minerisk years SL-C01 --move 3101 --by 1
    """
    from geo.problems import Problem
    from geo.store import findings, queries
    from geo.store.engine import connect

    with database() as conf:
        actor, held = acting(conf, login), day(on)
        with connect(conf, "app", actor) as conn:
            found = queries.mine(conn, mine, held, None if on is None else held)
        if found is None:
            raise Problem("store.no_such_mine", mine=mine)
        if move is None:
            rows = findings.met_first(found["encounters"])
            show(rows, as_json, lambda: "\n".join(row["sentence"][lang()] for row in rows))
            return
        with connect(conf, "worker", actor) as conn:
            moved = findings.if_moved(conn, mine, move, by, held)
        show(moved, as_json, lambda: "\n".join(moved["sentences"][lang()]))
