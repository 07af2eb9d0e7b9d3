"""Commands about grades: grades, advance, regrade."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from geo.cli import acting, app, database, day, guarded, lang, show, times
from geo.cli.files import As, Json, _table

AsOf = Annotated[
    str | None, typer.Option("--as-of", help="Day it held and was known.", metavar="DATE")
]
ValidOn = Annotated[
    str | None, typer.Option("--valid-on", help="Day it held, YYYY-MM-DD.", metavar="DATE")
]
KnownAt = Annotated[
    str | None, typer.Option("--known-at", help="As known at the end of a day.", metavar="DATE")
]
Mine = Annotated[str | None, typer.Option("--mine", help="Mine code.", metavar="CODE")]


@app.command()
@guarded
def grades(
    mine: Mine = None,
    why: Annotated[bool, typer.Option("--why", help="With the reasons, as a paragraph.")] = False,
    as_of: AsOf = None,
    valid_on: ValidOn = None,
    known_at: KnownAt = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Show the four lines of each hazard: determined, proposed, decided, effective.

    Example: minerisk grades --mine SL-C01 --why
    """
    from geo.problems import Problem
    from geo.store import mine_evidence, mine_queries
    from geo.store.engine import connect

    with database() as conf:
        actor = acting(conf, login)
        on, known = times(as_of, valid_on, known_at)
        with connect(conf, "app", actor) as conn:
            if mine is None and not why:
                rows = mine_queries.grades(conn, on, known)
                show(rows, as_json, lambda: _lines(rows))
                return
            codes = [mine] if mine else [m["code"] for m in mine_queries.mines(conn, on, known)]
            found = [mine_evidence.mine(conn, code, on, known) for code in codes]
        if found == [None]:
            raise Problem("store.no_such_mine", mine=mine)
        full = [m for m in found if m is not None]
        names = ("code", "name", "kind", "colour", "unclear", "lines", "why", "claims")
        data = [{n: m[n] for n in names} for m in full]
        show(data[0] if mine else data, as_json, lambda: _paragraphs(full, why))


def _lines(rows: list[dict[str, Any]]) -> Any:
    from geo.hazards import grade_name, hazards

    lines = ("determined", "proposed", "decided", "effective")
    told = [
        {
            **{name: row[name] for name in ("mine_code", "mine_name")},
            "hazard": hazards()[row["hazard"]].label[lang()],
            **{name: grade_name(row["hazard"], row[name], lang()) for name in lines},
        }
        for row in rows
    ]
    return _table(("mine_code", "mine_name", "hazard", *lines), told)


def _paragraphs(found: list[dict[str, Any]], why: bool) -> Any:
    if not why:
        rows = [
            {"mine_code": m["code"], "mine_name": m["name"], **x} for m in found for x in m["lines"]
        ]
        return _lines(rows)
    return "\n\n".join("\n\n".join([_head(m), *m["why"][lang()]]) for m in found)


def _head(mine: dict[str, Any]) -> str:
    from geo.messages import say

    return say("why.head", lang(), **{name: mine[name] for name in ("name", "code", "on")})


@app.command()
@guarded
def advance(as_of: AsOf = None, as_json: Json = False, login: As = None) -> None:
    """Show who is due to drive into ground that is not clear, or reaches a line, pillar or goaf.

    Example: minerisk advance --as-of 2026-01-01
    """
    from geo.store import mine_queries
    from geo.store.engine import connect

    with database() as conf, connect(conf, "app", acting(conf, login)) as conn:
        rows = mine_queries.advance(conn, day(as_of), None if as_of is None else day(as_of))
    heads = ("days", "mine_code", "mine_name", "owner", "name", "reason", "reached", "distance_m")
    show(rows, as_json, lambda: _table(heads, in_words(rows)))


def in_words(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return workings that advance with what stops each, and what it reaches, in words."""
    from geo.messages import say
    from geo.survey.advance import reached

    return [
        {
            **row,
            "reason": say(f"web.reaches.{row['reason']}", lang()),
            "reached": reached(row, lang()),
        }
        for row in rows
    ]


@app.command()
@guarded
def regrade(
    every: Annotated[bool, typer.Option("--all", help="Every mine.")] = False,
    mine: Mine = None,
    rules: Annotated[
        Path | None, typer.Option("--rules", help="Folder of a proposed catalogue.")
    ] = None,
    county: Annotated[
        bool, typer.Option("--county", help="That folder adds to the national catalogue.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Only show which mines would change.")
    ] = False,
    as_of: AsOf = None,
    cluster: Annotated[
        str | None, typer.Option(help="Assess on a Dask cluster: local, or its address.")
    ] = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Derive all grades anew; a state that holds gives no change.

    With --rules FOLDER --compare, show which mines would change under other rules; nothing is
    written.

    Example: minerisk regrade --all --cluster local --json
    """
    import time

    if rules is not None or compare:
        _compare(rules, county, compare, mine, day(as_of), as_json, login)
        return

    from geo.problems import Problem
    from geo.spread import spread_over
    from geo.store.engine import connect
    from geo.store.grading import regrade as run
    from geo.store.publish import publishing

    if every == (mine is not None):
        raise Problem("cli.all_or_mine")
    with database() as conf:
        actor = acting(conf, login)
        began = time.perf_counter()
        with (
            spread_over(cluster) as spread,
            connect(conf, "worker", actor) as conn,
            publishing(conn, actor, "regrade", day(as_of), {}) as made,
        ):
            changes = run(made, None if every else [str(mine)], spread=spread)
        data = {
            "mines_regraded": len(changes.mines),
            "grades_changed": len(changes.moves),
            "claims_added": changes.claims_added,
            "claims_ended": changes.claims_ended,
            "moves": changes.moves,
            "seconds": round(time.perf_counter() - began, 3),
        }
        show(data, as_json, lambda: f"{data['mines_regraded']} {data['grades_changed']}")


def _compare(
    folder: Path | None,
    county: bool,
    compare: bool,
    mine: str | None,
    on: date,
    as_json: bool,
    login: str | None,
) -> None:
    """Show which mines would change under the rules of a folder."""
    from geo.cli.rules import read
    from geo.problems import Problem
    from geo.store.engine import connect
    from geo.store.grading import compare_rules

    if folder is None or not compare:
        raise Problem("rules.compare_only")
    proposed = read(folder, county)
    with database() as conf, connect(conf, "worker", acting(conf, login)) as conn:
        data = compare_rules(conn, proposed, on, None if mine is None else [mine])

    show(data, as_json, lambda: compared_text(data))


def compared_text(data: dict[str, Any]) -> Any:
    """Return the table of the mines that would change, after a sentence of how many."""
    from geo.messages import say

    rows = [
        {
            "mine_code": m["mine_code"],
            "name": m["name"],
            "moves": "; ".join(_moved(x) for x in m["moves"]),
            "gained": "; ".join(f"{x['rule_id']} ×{x['count']}" for x in m["gained"]),
            "lost": "; ".join(f"{x['rule_id']} ×{x['count']}" for x in m["lost"]),
        }
        for m in data["mines"]
    ]
    typer.echo(say("rules.compared", lang(), mines=len(rows), all=data["mines_compared"]))
    return _table(("mine_code", "name", "moves", "gained", "lost"), rows) if rows else None


def _moved(move: dict[str, Any]) -> str:
    from geo.hazards import grade_name, hazards

    before, after = (grade_name(move["hazard"], move[n], lang()) for n in ("before", "after"))
    return f"{hazards()[move['hazard']].label[lang()]} {before} → {after}"
