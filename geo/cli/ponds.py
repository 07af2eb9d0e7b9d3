"""Commands about tailings ponds: ponds, pond-event, pond-papers, headtop, siting."""

from pathlib import Path
from typing import Annotated, Any

import typer

from geo import clock
from geo.cli import acting, app, database, day, guarded, lang, show
from geo.cli.files import As, Json, _table
from geo.cli.grading import AsOf

Code = Annotated[str | None, typer.Option("--pond", help="Pond code.", metavar="CODE")]


@app.command()
@guarded
def ponds(
    pond: Code = None,
    state: Annotated[str, typer.Option(help="In this state, e.g. must_close.")] = "",
    late: Annotated[
        str, typer.Option(help="law, plan, in_time, late_90, late_365, late_more.")
    ] = "",
    who: Annotated[str, typer.Option(help="Who must act, e.g. county_government.")] = "",
    demand: Annotated[
        str, typer.Option(help="A requirement and its outcome, e.g. freeboard.no.")
    ] = "",
    listed: Annotated[
        str,
        typer.Option(
            "--list", help="must_close, plan_open, upcoming, head_top, alarms, under, questions."
        ),
    ] = "",
    board: Annotated[bool, typer.Option("--board", help="Counts instead of ponds.")] = False,
    as_of: AsOf = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """List ponds with state, duties, days late and who must act; or one pond with its reasons.

    Example: minerisk ponds --late law --json
    """
    from geo.problems import Problem
    from geo.store import pond_page, pond_queries
    from geo.store.engine import connect
    from geo.tailings.board import board as figures
    from geo.tailings.board import chosen

    with database() as conf:
        on, known = day(as_of), None if as_of is None else day(as_of)
        with connect(conf, "app", acting(conf, login)) as conn:
            if pond is not None:
                one = pond_page.pond(conn, pond, on, known)
                if one is None:
                    raise Problem("store.no_such_pond", pond=pond)
                show(one, as_json, lambda: _story(one))
                return
            rows = pond_queries.ponds(conn, on, known)
        if board:
            counted = figures(rows)
            show(counted, as_json, lambda: _counts(counted))
            return
        asked = {"state": state, "late": late, "who": who, "demand": demand, "list": listed}
        kept = chosen(rows, asked)
        show(kept, as_json, lambda: _listed(kept))


def _words() -> Any:
    from geo.tailings.words import labels

    return labels()


def _duties(one: dict[str, Any]) -> str:
    words = _words()["obligation"]
    return "; ".join(
        f"{words[d['code']][lang()]} {d['due']} (+{d['days_late']})" for d in one["obligations"]
    )


def _listed(rows: list[dict[str, Any]]) -> Any:
    from geo.messages import say

    words = _words()
    flat = [
        {
            "code": one["code"],
            "name": one["name"],
            "state": words["state"][one["state"]][lang()],
            "who": words["who"][one["who"]][lang()],
            "duties": _duties(one),
            "head_top": say(f"report.head_top.{one['head_top']['outcome']}", lang()),
        }
        for one in rows
    ]
    return _table(("code", "name", "state", "who", "duties", "head_top"), flat)


def _counts(counted: dict[str, Any]) -> Any:
    from geo.messages import say

    words = _words()
    rows = [
        {
            "figure": words["state"][f["name"]][lang()],
            "count": f["count"],
            "ponds": ", ".join(f["ponds"]),
        }
        for f in counted["by_state"]
        if f["count"]
    ]
    for demand in counted["by_demand"]:
        for outcome in ("no", "undetermined"):
            label = words["requirement"][demand["name"]][lang()]
            word = say(f"web.outcome_of.{outcome}", lang())
            codes = demand[outcome]
            rows.append(
                {"figure": f"{label}: {word}", "count": len(codes), "ponds": ", ".join(codes)}
            )
    for name in ("must_close", "late_law", "late_plan", "upcoming", "head_top", "alarms", "under"):
        rows.append(
            {
                "figure": say(f"web.ponds.figure.{name}", lang()),
                "count": len(counted[name]),
                "ponds": ", ".join(counted[name]),
            }
        )
    return _table(("figure", "count", "ponds"), rows)


def _story(one: dict[str, Any]) -> str:
    from geo.messages import say
    from geo.tailings.words import alarm_said, items_said, silent_said

    words = _words()
    lines = [f"{one['code']} {one['name']}: {words['state'][one['state']][lang()]}"]
    lines += [f"  {m['on']} {words['event'][m['event']][lang()]}" for m in one["moves"]]
    lines += [f"  {_duties(one)}"] if one["obligations"] else []
    lines += [
        f"  {words['requirement'][r['code']][lang()]}: "
        f"{say('web.outcome_of.' + r['outcome'], lang())}"
        f" ({r['have'] if r['have'] is not None else '—'} / {r['need'] or '—'})"
        for r in one["requirements"]
    ]
    said = alarm_said(one, lang())
    if said:
        lines.append(f"  {say('web.pond.alarm_level', lang())}: {said}")
    if silent := silent_said(one, lang()):
        lines.append(f"  {silent}")
    if one["unread"]:
        items = items_said(one["unread"], lang())
        lines.append(f"  {say('web.pond.unwatched', lang(), items=items)}")
    lines.append(f"  {say('report.head_top.' + one['head_top']['outcome'], lang())}")
    return "\n".join(lines)


@app.command(name="pond-event")
@guarded
def pond_event(
    pond: Annotated[str, typer.Argument(help="Pond code.")],
    kind: Annotated[str, typer.Argument(help="Kind of event, e.g. works_started.")],
    on: Annotated[str, typer.Argument(help="Day it happened, YYYY-MM-DD.")],
    document: Annotated[str, typer.Option(help="Number of the document.")] = "",
    detail: Annotated[str, typer.Option(help="Months, trigger or key, as the kind asks.")] = "",
    proven_only: Annotated[
        bool, typer.Option("--not-later-than", help="The true day may be earlier.")
    ] = False,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Record a dated fact or decision; an impossible history is refused with the reason.

    What would end a duty or strike the pond off waits for a second person (minerisk confirm).

    Example: minerisk pond-event SL-T06 works_started 2024-08-20
    """
    from geo.messages import say
    from geo.store.engine import connect
    from geo.store.pond_events import record_event

    with database() as conf:
        actor = acting(conf, login)
        with connect(conf, "worker", actor) as conn:
            told = record_event(
                conn,
                actor,
                pond,
                kind,
                day(on),
                document=document,
                detail=detail,
                proven_only=proven_only,
            )
        text = f"cli.state.{told['state']}"
        show(told, as_json, lambda: f"{say(text, lang())} {told['key'] or told['proposal']}")


@app.command(name="pond-papers")
@guarded
def pond_papers(
    pond: Annotated[str, typer.Argument(help="Pond code.")],
    event: Annotated[str, typer.Argument(help="Key of the event, as `ponds --pond` gives it.")],
    files: Annotated[list[Path], typer.Argument(help="PDF, JPEG, PNG, docx, xlsx.")],
    as_json: Json = False,
    login: As = None,
) -> None:
    """Add papers to an event on record; each says who added it and when.

    Example: minerisk pond-papers SL-T06 9f2c1ab0 开工批复.pdf
    """
    from geo.messages import say
    from geo.problems import Problem
    from geo.store.engine import connect
    from geo.store.papers import Sent
    from geo.store.pond_events import add_papers

    missing = next((one for one in files if not one.is_file()), None)
    if missing is not None:
        raise Problem("cli.no_file", file=str(missing))
    with database() as conf:
        actor = acting(conf, login)
        sent = Sent(conf, [(one.name, one) for one in files])
        with connect(conf, "worker", actor) as conn:
            count = add_papers(conn, actor, pond, event, sent)
        show({"event": event, "papers": count}, as_json, lambda: say("web.told.papers", lang()))


@app.command()
@guarded
def headtop(
    pond: Code = None,
    say: Annotated[str | None, typer.Option(help="Put on record: yes or no.")] = None,
    source: Annotated[
        str, typer.Option(help="official_list, evaluation, site_check or decision.")
    ] = "site_check",
    document: Annotated[str, typer.Option(help="Number of the document.")] = "",
    on: Annotated[str | None, typer.Option(help="Day of what is said; today if absent.")] = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Show who lies below each pond along its flow path; computed anew where facts changed.

    Example: minerisk headtop --pond SL-T04 --json
    """
    from geo.problems import Problem
    from geo.store import pond_page, pond_queries
    from geo.store.engine import connect
    from geo.store.head_top_runs import compute
    from geo.store.pond_objects import say_head_top

    with database() as conf:
        actor = acting(conf, login)
        if say is not None:
            with connect(conf, "worker", actor) as conn:
                say_head_top(conn, actor, pond or "", source, say, document, day(on))
        compute(conf, clock.today())
        with connect(conf, "app", actor) as conn:
            rows = pond_queries.ponds(conn, clock.today())
            codes = [p["code"] for p in rows if pond in (None, p["code"])]
            found = [pond_page.pond(conn, code, clock.today()) for code in codes]
        if pond is not None and not found:
            raise Problem("store.no_such_pond", pond=pond)
        names = ("code", "name", "head_top", "computed", "strip")
        data = [{n: one[n] for n in names} for one in found if one is not None]
        show(data[0] if pond else data, as_json, lambda: _met(data))


def _met(data: list[dict[str, Any]]) -> Any:
    from geo.messages import say

    rows = []
    for one in data:
        evidence = (one["computed"] or {}).get("evidence", {})
        met = [m for m in evidence.get("met", ()) if m["captured"]]
        rows.append(
            {
                "code": one["code"],
                "name": one["name"],
                "head_top": say(f"report.head_top.{one['head_top']['outcome']}", lang()),
                "sources": [say(f"web.source_of.{by}", lang()) for by in one["head_top"]["by"]],
                "met": ", ".join(f"{m['name']} {m['path_m']:.0f} m" for m in met),
            }
        )
    return _table(("code", "name", "head_top", "sources", "met"), rows)


@app.command()
@guarded
def siting(
    point: Annotated[str | None, typer.Option(help="Place of the toe, LON,LAT.")] = None,
    toe: Annotated[
        Path | None, typer.Option(help="File of the toe lines, of any kind an upload may be.")
    ] = None,
    ground: Annotated[
        Path | None,
        typer.Option(help="File of the pond's ground; --toe may hold it, too."),
    ] = None,
    crs: Annotated[int | None, typer.Option(help="EPSG code, where the files say none.")] = None,
    action: Annotated[str, typer.Option(help="new, rebuild or expand.")] = "new",
    height: Annotated[float | None, typer.Option(help="Final dam height, m.")] = None,
    volume: Annotated[float | None, typer.Option(help="Final volume, m³.")] = None,
    one_step: Annotated[
        bool | None, typer.Option("--one-step/--not-one-step", help="Dammed in one step.")
    ] = None,
    replaces: Annotated[str, typer.Option(help="Codes of ponds it replaces, by comma.")] = "",
    raises_safety: Annotated[
        bool | None,
        typer.Option("--raises-safety/--other-purpose", help="Purpose of a rebuilding."),
    ] = None,
    new_object: Annotated[
        bool, typer.Option("--object", help="A new building instead: which ponds become head-top.")
    ] = False,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Answer every rule of siting for a place: yes, no or undetermined, each with its basis.

    Example: minerisk siting --point 112.575,38.835 --height 28 --volume 600000 --one-step
    """
    from geo.messages import say
    from geo.problems import Problem
    from geo.store import sites
    from geo.tailings.siting import ACTIONS, Proposal

    if action not in ACTIONS:
        raise Problem("cli.bad_action", action=action, actions=", ".join(ACTIONS))
    with database() as conf:
        actor = acting(conf, login)
        if actor.role not in ("regulator", "administrator"):
            raise Problem("store.not_allowed", http_status=403, action="siting")
        shape, body = _place(conf, point, toe, ground, crs)
        if new_object:
            met = sites.below(conf, shape if body is None else body.union(shape))
            show(met, as_json, lambda: _table(("code", "name", "state", "head_top"), met))
            return
        codes = tuple(code.strip() for code in replaces.split(",") if code.strip())
        plan = Proposal(action, shape, body, height, volume, one_step, codes, raises_safety)
        found = sites.site(conf, plan, clock.today())
    rows = [
        {
            "rule": a["label"][lang()],
            "answer": say(f"web.siting.answer_is.{a['answer']}", lang()),
            "sentence": a["sentence"][lang()],
        }
        for a in found["answers"]
    ]
    show(found, as_json, lambda: _table(("rule", "answer", "sentence"), rows))


def _place(
    conf: Any, point: str | None, toe: Path | None, ground: Path | None, crs: int | None
) -> tuple[Any, Any]:
    """Return the toe and the ground asked about, refused in one sentence where there is none."""
    import shapely

    from geo.problems import Problem
    from geo.store.sites import place_of

    if (point is None) == (toe is None):
        raise Problem("cli.point_or_toe")
    for file in (toe, ground):
        if file is not None and not file.is_file():
            raise Problem("cli.no_file", file=str(file))
    body = None if ground is None else place_of(conf, ground, ground.name, "body", crs).body
    if toe is not None:
        found = place_of(conf, toe, toe.name, "toe", crs)
        return found.toe, body or found.body
    try:
        lon, lat = (float(part) for part in str(point).split(","))
    except ValueError:
        raise Problem("cli.bad_place", text=str(point)) from None
    return shapely.Point(lon, lat), body
