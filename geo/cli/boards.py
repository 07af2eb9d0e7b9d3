"""Commands of the boards: a list of what waits for somebody, and the plan for an unclear factor."""

from typing import Annotated, Any

import typer

from geo.cli import acting, app, database, day, guarded, lang, show, times
from geo.cli.files import As, Json, _table
from geo.cli.grading import AsOf, KnownAt, ValidOn, in_words


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
                show(rows, as_json, lambda: _drawn(name, rows))
                return
            counts = {one: len(getattr(found, one)) for one in LISTS}
    told = [
        {"board": one, "rows": count, "what": say(f"web.board.{one}", lang())}
        for one, count in counts.items()
    ]
    show(counts, as_json, lambda: _table(("board", "rows", "what"), told))


# Of each list what a terminal has room for.
SHOWN = {
    "advance": ("days", "mine_code", "mine_name", "name", "reason", "reached", "distance_m"),
    "unclear": ("mine_code", "mine_name", "kinds", "states", "area_m2", "share", "plan_status"),
    "unsurveyed": ("mine_code", "mine_name", "kind", "seam", "area_m2", "share", "plan_status"),
    "inferred": ("mine_code", "kind", "object", "name", "starts", "distance_m"),
    "unresolved": ("mine_code", "kind", "object", "name", "measures", "responsible", "by_when"),
    "supply": ("mine_code", "mine_name", "hazard", "kind", "object", "missing", "claim"),
    "appraisal": ("mine_code", "mine_name", "hazard", "since", "days", "claim"),
    "hat": ("mine_code", "mine_name", "hazard", "determined", "floor", "since", "days", "claim"),
    "lapse": ("mine_code", "mine_name", "hazard", "grade", "reason", "until", "claim", "ends"),
    "late": ("mine_code", "mine_name", "what", "hazard", "name", "since", "days"),
    "week": ("at", "mine_code", "mine_name", "hazard", "before", "after", "kind", "by"),
    "plan": ("due", "text", "whom", "done", "total", "days", "state"),
}


def _drawn(board: str, rows: list[dict[str, Any]]) -> Any:
    if board == "advance":
        rows = in_words(rows)
    elif board == "plan":
        rows = [{**row, "total": row["of"]} for row in rows]
    names = SHOWN[board]
    # Not every row of a list says everything: a survey to be done again has no hazard.
    return _table(names, [{name: row.get(name) for name in names} for row in rows])


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

    Example: minerisk measures SL-C03 X2 --measures 钻探验证 --responsible 张某 --due 2027-01-31
    """
    from geo.store import doubtful
    from geo.store.engine import connect

    when = day(due)
    with database() as conf:
        actor = acting(conf, login)
        with connect(conf, "app", actor) as conn:
            key = _unclear(conn, mine, factor)
        with connect(conf, "worker", actor) as conn:
            doubtful.plan_measures(conn, actor, mine, key, what, responsible, when)
        show({"state": "recorded"}, as_json, lambda: "recorded")


def _unclear(conn: Any, mine: str, factor: str) -> str:
    """Return the key of the one unclear factor of a mine that has this number or key."""
    from geo.problems import Problem
    from geo.store import doubtful
    from geo.store.batches import newest_seq

    rows = doubtful.doubtful(conn, "unclear", newest_seq(conn))
    there = {row["factor_key"]: row["object"] for row in rows if row["mine_code"] == mine}
    named = [key for key, number in there.items() if factor in (key, number)]
    if len(named) != 1:
        listed = ", ".join(f"{number or '—'} ({key})" for key, number in there.items())
        raise Problem("cli.no_unclear", mine=mine, factor=factor, there=listed or "—")
    return named[0]
