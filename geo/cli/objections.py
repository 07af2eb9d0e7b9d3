"""Commands about what is decided of grades: objections, object, answer, notice."""

from pathlib import Path
from typing import Annotated, Any

import typer

from geo import clock
from geo.cli import acting, app, database, day, guarded, lang, show, times
from geo.cli.files import As, Document, Json, Reason, _act, _table, _uuid
from geo.cli.grading import AsOf, KnownAt, Mine


@app.command()
@guarded
def objections(
    mine: Mine = None, known_at: KnownAt = None, as_json: Json = False, login: As = None
) -> None:
    """List objections against grades, the open ones first.

    Example: minerisk objections --mine SL-C01
    """
    from geo.hazards import grade_name, hazards
    from geo.messages import say
    from geo.store import objections as store
    from geo.store.engine import connect

    with database() as conf, connect(conf, "app", acting(conf, login)) as conn:
        data = store.objections(conn, mine, times(None, None, known_at)[1])

    def text() -> Any:
        rows = [
            {
                **row,
                "hazard": hazards()[row["hazard"]].label[lang()],
                "grade": grade_name(row["hazard"], row["grade"], lang()),
                "state": say(f"web.objection.state.{row['state']}", lang()),
                "files": len(row["attachments"]),
            }
            for row in data
        ]
        return _table(("id", "state", "mine_code", "hazard", "grade", "files", "reason"), rows)

    show(data, as_json, text)


@app.command(name="object")
@guarded
def object_(
    mine: Annotated[str, typer.Argument(help="Mine code.")],
    hazard: Annotated[str, typer.Argument(help="Hazard code, e.g. gas.")],
    reason: Reason,
    wanted: Annotated[str | None, typer.Option(help="Grade held to be right.")] = None,
    attach: Annotated[
        list[Path] | None, typer.Option(help="File to attach; may be given again.")
    ] = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Object to a grade of one's own mine; it holds until the regulator decides.

    Example: minerisk object SL-C01 hydro --reason 已疏放 --attach 报告.pdf --as zhao
    """
    from geo.problems import Problem
    from geo.settings import settings
    from geo.store import objections as store

    for path in attach or ():
        if not path.is_file():
            raise Problem("cli.no_file", file=str(path))

    def act(conn: Any, actor: Any) -> dict[str, Any]:
        files = [(path.name, path) for path in attach or ()]
        made = store.object_to(conn, actor, settings(), mine, hazard, reason, files, wanted=wanted)
        return {"state": "open", "objection": str(made)}

    _act(login, as_json, act)


@app.command()
@guarded
def answer(
    objection: Annotated[str, typer.Argument(help="Objection id, see `minerisk objections`.")],
    outcome: Annotated[str, typer.Argument(help="kept, changed or returned.")],
    reason: Reason,
    document: Document = "",
    grade: Annotated[str | None, typer.Option(help="Grade decided, for changed.")] = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Decide an objection: keep the grade, decide another (a floor), or return it.

    Example: minerisk answer ID kept --reason 依据充分 --document 示例复字〔2024〕3号
    """
    from geo.store import objections as store

    _act(
        login,
        as_json,
        lambda c, a: store.answer(c, a, _uuid(objection), outcome, reason, document, grade=grade),
    )


@app.command()
@guarded
def notice(
    mine: Annotated[str, typer.Argument(help="Mine code.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="PDF to write.")] = Path(
        "notice.pdf"
    ),
    hazard: Annotated[str | None, typer.Option(help="Only this hazard.")] = None,
    as_of: AsOf = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Write the change notice (调整通知书) of a mine as PDF, to be sealed.

    Example: minerisk notice SL-C05 --hazard hydro -o 通知书.pdf
    """
    from geo.messages import say
    from geo.problems import Problem
    from geo.report.notice import of_mine
    from geo.store.engine import connect

    with database() as conf:
        actor = acting(conf, login)
        known = None if as_of is None else day(as_of)
        with connect(conf, "app", actor) as conn:
            on, today = day(as_of), clock.today()
            body = of_mine(conn, conf, mine, on, known, hazard, actor.login, today)
    if body is None:
        raise Problem("store.no_such_mine", mine=mine)
    output.write_bytes(body)
    if as_json:
        show({"file": str(output), "bytes": len(body), "mine_code": mine}, True, lambda: None)
        return
    typer.echo(say("notice.written", lang(), file=str(output), n=len(body)), err=True)
