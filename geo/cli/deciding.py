"""Commands that put a grade or an ending on record: claim, decide, end, proposals, confirm."""

from typing import Annotated, Any

import typer

from geo.cli import acting, app, database, day, guarded, show
from geo.cli.files import As, Json, _act, _table, _uuid


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
    from geo.store import inbox_queries
    from geo.store.engine import connect

    with database() as conf:
        with connect(conf, "app", acting(conf, login)) as conn:
            rows = inbox_queries.proposals(conn)
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
