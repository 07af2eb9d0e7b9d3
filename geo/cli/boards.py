"""Commands of the boards: a list of what waits for somebody, and the plan for an unclear factor."""

from typing import Annotated, Any

import typer

from geo.cli import acting, app, database, day, guarded, lang, show, times
from geo.cli.files import As, Json, _act, _table
from geo.cli.grading import AsOf, KnownAt, ValidOn


@app.command()
@guarded
def boards(
    name: Annotated[
        str | None, typer.Argument(help="Name of a list; without it, all counted.")
    ] = None,
    as_of: AsOf = None,
    valid_on: ValidOn = None,
    known_at: KnownAt = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Show how many stand on each board, or one list whole: who advances, what is unclear or late.

    Example: minerisk boards unresolved --json
    """
    from geo.messages import say
    from geo.problems import Problem
    from geo.store.boards import LISTS, READERS, Boards
    from geo.store.engine import connect

    if name is not None and name not in LISTS:
        raise Problem("cli.no_board", name=name, names=", ".join(LISTS))
    on, known = times(as_of, valid_on, known_at)
    with database() as conf:
        actor = acting(conf, login)
        if actor.role not in READERS:
            raise Problem("store.not_allowed", http_status=403, action="boards")
        with connect(conf, "app", actor) as conn:
            found = Boards(conn, on, known)
            if name is not None:
                rows: Any = getattr(found, name)
                show(rows, as_json, lambda: _table(_columns(rows), rows))
                return
            counts = {one: len(getattr(found, one)) for one in LISTS}
    told = [
        {"board": one, "rows": count, "what": say(f"web.board.{one}", lang())}
        for one, count in counts.items()
    ]
    show(counts, as_json, lambda: _table(("board", "rows", "what"), told))


def _columns(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return what a terminal has room for: figures and words, no keys and no nested parts."""
    flat = [
        name
        for name in (rows[0] if rows else ())
        if not name.endswith(("key", "_id"))
        and not any(isinstance(row.get(name), dict) for row in rows)
    ]
    return tuple(flat)


@app.command()
@guarded
def measures(
    mine: Annotated[str, typer.Argument(help="Mine code.")],
    factor: Annotated[
        str, typer.Argument(help="Key of the factor, see `minerisk boards unresolved`.")
    ],
    what: Annotated[str, typer.Option("--measures", help="What is done to resolve it.")],
    responsible: Annotated[str, typer.Option(help="Who is responsible.")],
    due: Annotated[str, typer.Option(help="By when, YYYY-MM-DD.", metavar="DAY")],
    as_json: Json = False,
    login: As = None,
) -> None:
    """Put on record who resolves an unclear factor (不清), how and by when; the newest counts.

    Example: minerisk measures SL-C01 KEY --measures 钻探验证 --responsible 张某 --due 2024-12-31
    """
    from geo.store import doubtful

    def act(conn: Any, actor: Any) -> dict[str, Any]:
        doubtful.plan_measures(conn, actor, mine, factor, what, responsible, day(due))
        return {"state": "recorded"}

    _act(login, as_json, act)
