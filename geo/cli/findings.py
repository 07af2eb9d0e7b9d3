"""Commands that reckon from the facts and store nothing: ledger, crossings, screening, years."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from geo.cli import acting, app, database, day, guarded, lang, show, times
from geo.cli.files import As, Document, Json, Reason, _act, _table
from geo.cli.grading import AsOf, KnownAt, Mine, ValidOn


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
    form: Annotated[
        Path | None, typer.Option(help="Write the table of treatment works to fill in.")
    ] = None,
    month: Annotated[
        str | None, typer.Option(help="As kept for a month, YYYY-MM.", metavar="MONTH")
    ] = None,
    mine: Mine = None,
    on: AsOf = None,
    valid_on: ValidOn = None,
    known_at: KnownAt = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Show the ledger of factors (动态普查治理台账) with its counts of factors and exposures.

    Example: minerisk ledger -o 台账.xlsx
    """
    from geo.messages import say
    from geo.report.ledger import write_works_form, write_xlsx

    data, rules = _ledger(login, mine, times(on, valid_on, known_at), month)
    if form is not None:
        count = write_works_form(form, data)
        typer.echo(say("ledger.form_written", lang(), file=str(form), n=count), err=True)
        return
    if output is not None:
        write_xlsx(output, data, rules, lang())
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


def _ledger(
    login: str | None, mine: str | None, when: tuple[date, date | None], month: str | None
) -> tuple[dict[str, Any], Any]:
    """Return the ledger as kept for a month, or of a day as known; and the rules to tell it by."""
    from geo.problems import Problem
    from geo.store import findings, ledger_months
    from geo.store.batches import seq_at
    from geo.store.engine import connect
    from geo.store.rule_sets import telling

    if month is None:
        held, moment = when

        def reckon(conn: Any, codes: list[str]) -> Any:
            known = None if moment is None else seq_at(conn, moment)
            return findings.ledger(conn, codes, held, known), telling(conn, known)

        data, rules = _reckoned(login, mine, reckon)
        return dict(data), rules
    with database() as conf, connect(conf, "app", acting(conf, login)) as conn:
        found, rules = ledger_months.kept(conn, month), telling(conn)
    if found is None:
        raise Problem("ledger.no_month", month=month)
    return found, rules


@app.command(name="ledger-months")
@guarded
def ledger_months(
    check: Annotated[
        str | None, typer.Option(help="Reckon this month anew and compare.", metavar="MONTH")
    ] = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """List the monthly ledgers kept; with --check, reckon one anew from its own data version.

    Example: minerisk ledger-months --check 2026-10
    """
    from geo.messages import say
    from geo.problems import Problem
    from geo.store import ledger_months as kept
    from geo.store.engine import SYSTEM, connect
    from geo.store.rule_sets import in_force

    with database() as conf:
        with connect(conf, "app", acting(conf, login)) as conn:
            rows = kept.months(conn)
        if check is None:
            names = ("month", "on_date", "mines", "known_seq", "rules")
            show(rows, as_json, lambda: _table(names, rows))
            return
        found = next((row for row in rows if row["month"] == check), None)
        if found is None:
            raise Problem("ledger.no_month", month=check)
        with connect(conf, "worker", SYSTEM) as conn:
            differing, now = kept.differing(conn, check), in_force(conn).version
    told = {"rules": found["rules"], "now": now, "month": check}
    mines = ", ".join(differing)
    code = "ledger.differs" if differing else "ledger.agrees"
    data = {**told, "version": found["known_seq"], "differing": differing}
    sentence = say(code, lang(), mines=mines, version=found["known_seq"], **told)
    show(data, as_json, lambda: sentence)
    if differing:
        raise typer.Exit(1)


@app.command()
@guarded
def crossings(
    mine: Mine = None,
    as_of: AsOf = None,
    valid_on: ValidOn = None,
    known_at: KnownAt = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Show workings and goafs beyond licence, elevation or seams: questions, never verdicts.

    Example: minerisk crossings --json
    """
    from geo.messages import say
    from geo.store import findings
    from geo.store.batches import seq_at

    on, moment = times(as_of, valid_on, known_at)

    def reckon(conn: Any, codes: list[str]) -> Any:
        return findings.crossings(conn, codes, on, seq_at(conn, moment))

    data = _reckoned(login, mine, reckon)

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
def screening(
    mine: Mine = None, known_at: KnownAt = None, as_json: Json = False, login: As = None
) -> None:
    """Show what is worth asking about surveys, each with its measure; it never accuses.

    Example: minerisk screening
    """
    from geo.messages import say
    from geo.store import screening as store
    from geo.store.batches import seq_at

    moment = times(None, None, known_at)[1]

    def reckon(conn: Any, codes: list[str]) -> Any:
        return store.findings(conn, codes, seq_at(conn, moment))

    data = _reckoned(login, mine, reckon)

    def text() -> Any:
        rows = [{**row, "check": say(f"screening.{row['check']}", lang())} for row in data]
        return _table(("mine_code", "check", "state", "measure", "unit", "key"), rows)

    show(data, as_json, text)


@app.command(name="screening-answer")
@guarded
def screening_answer(
    mine: Annotated[str, typer.Argument(help="Mine code.")],
    finding: Annotated[str, typer.Argument(help="Key of the finding, see `minerisk screening`.")],
    outcome: Annotated[str, typer.Argument(help="asked, explained, incomplete or doubtful.")],
    reason: Reason,
    document: Document = "",
    as_json: Json = False,
    login: As = None,
) -> None:
    """Record what a person made of a finding; it changes no grade and no survey.

    Example: minerisk screening-answer SL-C01 KEY explained --reason 已核对原始记录
    """
    from geo.store import screening as store

    _act(login, as_json, lambda c, a: store.answer(c, a, mine, finding, outcome, reason, document))


@app.command(name="survey-contract")
@guarded
def survey_contract(
    mine: Annotated[str, typer.Argument(help="Mine code.")],
    unit: Annotated[str, typer.Argument(help="Survey unit, as its surveys name it.")],
    document: Document,
    begins: Annotated[str | None, typer.Option("--from", help="First day.")] = None,
    ends: Annotated[str | None, typer.Option("--to", help="Last day.")] = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Put on record when a survey unit was to work in a mine, for screening.

    Example: minerisk survey-contract SL-C01 某院 --from 2024-03-01 --document 合同1号
    """
    from geo.store import screening as store

    def act(conn: Any, actor: Any) -> dict[str, Any]:
        first, last = begins and day(begins), ends and day(ends)
        store.record_contract(conn, actor, mine, unit, first or None, last or None, document)
        return {"state": "recorded"}

    _act(login, as_json, act)


@app.command()
@guarded
def output(
    mine: Annotated[str, typer.Argument(help="Mine code.")],
    tonnes: Annotated[float, typer.Argument(help="Tonnes reported.")],
    begins: Annotated[str, typer.Option("--from", help="First day.")],
    ends: Annotated[str, typer.Option("--to", help="Last day.")],
    document: Document,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Put on record the output a mine reported for a time, for screening.

    Example: minerisk output SL-C01 900000 --from 2024-01-01 --to 2024-12-31 --document 年报
    """
    from geo.store import screening as store

    def act(conn: Any, actor: Any) -> dict[str, Any]:
        store.record_output(conn, actor, mine, day(begins), day(ends), tonnes, document)
        return {"state": "recorded"}

    _act(login, as_json, act)


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
    from geo.store import mine_evidence
    from geo.store import years as store
    from geo.store.engine import connect

    with database() as conf:
        actor, held = acting(conf, login), day(on)
        with connect(conf, "app", actor) as conn:
            found = mine_evidence.mine(conn, mine, held, None if on is None else held)
        if found is None:
            raise Problem("store.no_such_mine", mine=mine)
        if move is None:
            rows = store.met_first(found["encounters"])
            show(rows, as_json, lambda: "\n".join(row["sentence"][lang()] for row in rows))
            return
        with connect(conf, "worker", actor) as conn:
            moved = store.if_moved(conn, mine, move, by, held)
        show(moved, as_json, lambda: "\n".join(moved["sentences"][lang()]))
