"""Commands about grades: grades, advance, regrade, claims and endings, export, audit."""

import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from geo.cli import acting, app, database, day, guarded, lang, show, times
from geo.cli.files import As, Json, _act, _table, _uuid

exports = typer.Typer(no_args_is_help=True, help="Write state, log, offline map or Excel sheet.")
audits = typer.Typer(no_args_is_help=True, help="The hash chain of all that was published.")
app.add_typer(exports, name="export")
app.add_typer(audits, name="audit")

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
Out = Annotated[
    Path | None, typer.Option("-o", "--output", help="File; standard output if absent.")
]

To = Annotated[Path, typer.Option("-o", "--output", help="File.")]


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
    from geo.store import queries
    from geo.store.engine import connect

    with database() as conf:
        actor = acting(conf, login)
        on, known = times(as_of, valid_on, known_at)
        with connect(conf, "app", actor) as conn:
            if mine is None and not why:
                rows = queries.grades(conn, on, known)
                show(rows, as_json, lambda: _lines(rows))
                return
            codes = [mine] if mine else [m["code"] for m in queries.mines(conn, on, known)]
            found = [queries.mine(conn, code, on, known) for code in codes]
        if found == [None]:
            raise Problem("store.no_such_mine", mine=mine)
        full = [m for m in found if m is not None]
        names = ("code", "name", "kind", "colour", "unclear", "lines", "why", "claims")
        data = [{n: m[n] for n in names} for m in full]
        show(data[0] if mine else data, as_json, lambda: _paragraphs(full, why))


def _lines(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    from geo.hazards import grade_name, hazards

    heads = ("mine_code", "mine_name", "hazard", "determined", "proposed", "decided", "effective")
    table = Table(*heads)
    for row in rows:
        words = [grade_name(row["hazard"], row[n], lang()) for n in heads[3:]]
        table.add_row(
            row["mine_code"], row["mine_name"], hazards()[row["hazard"]].label[lang()], *words
        )
    return table


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
    from geo.store import queries
    from geo.store.engine import connect

    with database() as conf, connect(conf, "app", acting(conf, login)) as conn:
        rows = queries.advance(conn, day(as_of), None if as_of is None else day(as_of))
    heads = ("days", "mine_code", "mine_name", "owner", "name", "reason", "object", "distance_m")
    show(rows, as_json, lambda: _table(heads, rows))


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


@app.command()
@guarded
def claim(
    mine: Annotated[str, typer.Argument(help="Mine code.")],
    hazard: Annotated[str, typer.Argument(help="Hazard code, e.g. gas.")],
    grade: Annotated[str, typer.Argument(help="Grade code, e.g. high.")],
    source: Annotated[str, typer.Option(help="declared, appraisal or decision.")],
    document: Annotated[str, typer.Option(help="Number of the document.")],
    since: Annotated[str | None, typer.Option("--from", help="Day it holds from.")] = None,
    seam: Annotated[str | None, typer.Option(help="Seam.")] = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Put a declared, appraised or decided grade on record.

    Example: minerisk claim SL-C03 gas high --source appraisal --document 示例鉴字〔2023〕3号
    """
    from geo.store import decisions

    def act(conn: Any, actor: Any) -> dict[str, Any]:
        changes = decisions.assert_claim(
            conn, actor, mine, hazard, grade, source, document, day(since), seam=seam
        )
        return {"state": "recorded", "mines": changes.mines, "moves": changes.moves}

    _act(login, as_json, act)


@app.command()
@guarded
def decide(
    mine: Annotated[str, typer.Argument(help="Mine code.")],
    hazard: Annotated[str, typer.Argument(help="Hazard code.")],
    grade: Annotated[str, typer.Argument(help="Grade code.")],
    document: Annotated[str, typer.Option(help="Number of the notice (调整通知书).")],
    as_json: Json = False,
    login: As = None,
) -> None:
    """Decide a grade: a floor, never a cap.

    Example: minerisk decide SL-C05 hydro complex --document 示例调字〔2024〕1号
    """
    claim(mine, hazard, grade, "decision", document, None, None, as_json, login)


@app.command()
@guarded
def end(
    target: Annotated[str, typer.Argument(help="claim:KEY, factor:KEY or plan_item:KEY.")],
    kind: Annotated[str, typer.Option(help="superseded, treated, finished, error, released.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    document: Annotated[str, typer.Option(help="Number of the document.")],
    cites: Annotated[str | None, typer.Option(help="Survey it rests on.")] = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Propose that a claim, factor or plan item end; a second person confirms it.

    Example: minerisk end factor:KEY --kind treated --reason 已充填 --document 示例验字〔2024〕1号
    """
    from geo.store import decisions

    def act(conn: Any, actor: Any) -> dict[str, Any]:
        what, _, key = target.partition(":")
        made = decisions.propose_ending(
            conn,
            actor,
            what,
            key,
            kind,
            reason,
            document,
            cites_survey=_uuid(cites) if cites else None,
        )
        return {"state": "proposed", "proposal": made}

    _act(login, as_json, act)


@app.command()
@guarded
def proposals(as_json: Json = False, login: As = None) -> None:
    """List what waits for a second person.

    Example: minerisk proposals
    """
    from geo.store import queries
    from geo.store.engine import connect

    with database() as conf:
        with connect(conf, "app", acting(conf, login)) as conn:
            rows = queries.proposals(conn)
        names = ("id", "action", "of", "proposed_by", "proposed_at")
        listed = [{**r, "of": r["mine_code"] or r["body"].get("pond_code")} for r in rows]
        show(rows, as_json, lambda: _table(names, listed))


@app.command()
@guarded
def confirm(
    proposal: Annotated[str, typer.Argument(help="Proposal id.")],
    refuse: Annotated[str | None, typer.Option(help="Refuse instead, and why.")] = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Confirm what another person proposed, or refuse it and say why.

    Example: minerisk confirm ID --as li
    """
    from geo.store import decisions

    agreed, reason = refuse is None, refuse or ""
    _act(login, as_json, lambda c, a: decisions.settle(c, a, _uuid(proposal), agreed, reason))


def _write(lines: Any, output: Path | None) -> None:
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
        _write(export.export_state(conn, day(as_of)), output)


@exports.command()
@guarded
def log(output: Out = None) -> None:
    """Write every published row and chain link as NDJSON.

    Example: minerisk export log -o log.ndjson
    """
    from geo.store import export
    from geo.store.engine import SYSTEM, connect

    with database() as conf, connect(conf, "worker", SYSTEM) as conn:
        _write(export.export_log(conn), output)


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
    from geo.store import queries
    from geo.store.engine import connect

    with database() as conf:
        on: date = day(as_of)
        with connect(conf, "app", acting(conf, login)) as conn:
            rows = queries.grades(conn, on, None if as_of is None else on)
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
