"""Commands about files and surveys: ingest, surveys, accept, return, revoke."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from geo import clock
from geo.cli import acting, app, database, guarded, lang, show

Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
As = Annotated[str | None, typer.Option("--as", help="Login that acts.", metavar="LOGIN")]


@app.command()
@guarded
def ingest(
    file: Annotated[
        Path,
        typer.Argument(help="Shapefile zip, GPKG, GeoJSON, DXF, KML, CSV, xlsx."),
    ],
    layer: Annotated[str | None, typer.Option(help="Layer type, e.g. goaf.")] = None,
    crs: Annotated[int | None, typer.Option(help="EPSG code, e.g. 4526.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding, e.g. GB18030.")] = None,
    mine: Annotated[str | None, typer.Option(help="Mine of rows that name none.")] = None,
    extent: Annotated[
        Path | None, typer.Option(help="File with the survey extent, submitted first.")
    ] = None,
    supersedes: Annotated[str | None, typer.Option(help="Accepted survey it replaces.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and preview only.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Submit without asking.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Accept too, as a regulator.")] = False,
    document: Annotated[str, typer.Option(help="Document of the acceptance.")] = "",
    as_json: Json = False,
    login: As = None,
) -> None:
    """Read a file, show what was found and what would move, and submit it.

    Example: minerisk ingest 采空区.zip --mine SL-C01 --yes
    """
    with database() as conf:
        actor = acting(conf, login)
        with _progress() as told:
            if extent is not None:
                first = _ingest(conf, actor, extent, "survey_extent", crs, encoding, mine, told)
                if not dry_run:
                    _submit(conf, actor, first, None)
                else:
                    _forget(conf, first["id"])
            found = _ingest(conf, actor, file, layer, crs, encoding, mine, told)
            told("grading", 0, 1)
            moves = _preview(conf, actor, found)
            told("grading", 1, 1)
        asked = _matches(conf, actor, found, dry_run or yes or accept)
        # Looked up before a dry run throws the upload away.
        notes = _notes(conf, found)
        state = "staged"
        changed: dict[str, Any] = {"mines": [], "moves": moves}
        if dry_run:
            _forget(conf, found["id"])
        elif (
            yes
            or accept
            or (found["result"]["stored"] and sys.stdin.isatty() and _asked(found, moves))
        ):
            survey_id = _submit(conf, actor, found, _uuid(supersedes) if supersedes else None)
            state = "submitted"
            if accept:
                changed = _accept(conf, actor, survey_id, document)
                state = changed["state"]
        result = found["result"]
        layers = result["layers"]
        data = {
            **{k: result[k] for k in ("rows", "stored", "mended", "refused")},
            "encoding": _joined(layers, "encoding"),
            "crs": ",".join(sorted({str(p["crs"]["epsg"]) for p in layers if p["crs"]})) or None,
            "layer": _joined(layers, "layer"),
            "state": state,
            "mines_regraded": len(changed.get("mines", [])),
            "grades_changed": len(changed["moves"]),
            "layers": [{k: v for k, v in p.items() if k != "samples"} for p in layers],
            "moves": changed["moves"],
            "upload": None if dry_run else str(found["id"]),
            "matches": asked,
        }
        show(data, as_json, lambda: _text(data, moves, notes))


def _joined(layers: list[dict[str, Any]], name: str) -> str | None:
    return ",".join(sorted({p[name] for p in layers if p[name]})) or None


Told = Callable[[str, int, int], None]


def _ingest(
    conf: Any, actor: Any, file: Path, layer: Any, crs: Any, encoding: Any, mine: Any, told: Told
) -> Any:
    from geo.problems import Problem
    from geo.store import intake
    from geo.store.engine import SYSTEM, connect
    from geo.survey.layers import layers
    from geo.survey.reading import ReadOptions

    if layer is not None and layer not in layers():
        raise Problem("cli.no_layer", layer=layer, layers=", ".join(layers()))
    if not file.is_file():
        raise Problem("cli.is_folder" if file.is_dir() else "cli.no_file", file=str(file))
    options = ReadOptions(layer=layer, crs=crs, encoding=encoding, mine_code=mine)
    size = file.stat().st_size
    told("sending", 0, size)
    with connect(conf, "worker", actor) as conn:
        upload_id = intake.register_upload(
            conn, actor, file.name, file, options, settings=conf, enqueue=False
        )
    told("sending", size, size)
    intake.process_upload(conf, upload_id, told)
    with connect(conf, "worker", SYSTEM) as conn:
        found = intake.upload_status(conn, upload_id)
    if found is None or found["state"] == "failed":
        problem = (found or {})["problem"]
        raise Problem(problem["code"], **problem["params"])
    return found


# What the reader calls its steps, by the stage shown for them.
_STAGES = {"unpack": "reading", "read": "reading", "check": "checking"}


@contextmanager
def _progress() -> Iterator[Told]:
    """Show a bar per stage with its counts on a terminal, and nothing at all in a pipe."""
    from geo.messages import say

    if not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        known: dict[str, Any] = {}

        def told(stage: str, done: int, total: int) -> None:
            name = _STAGES.get(stage, stage)
            if name not in known:
                known[name] = bars.add_task(say(f"cli.stage.{name}", lang()), total=total)
            bars.update(known[name], completed=done, total=total)
            if name == "checking" and "reading" in known:
                # What is checked has been read.
                bars.update(known["reading"], completed=done, total=total)

        yield told


def _preview(conf: Any, actor: Any, found: Any) -> list[dict[str, Any]]:
    from geo.store.engine import connect
    from geo.store.preview import preview

    if not found["result"]["stored"]:
        return []
    with connect(conf, "worker", actor, snapshot=True) as conn:
        return preview(conn, found["id"])


def _matches(conf: Any, actor: Any, found: Any, unasked: bool) -> list[dict[str, Any]]:
    """Return the rows that look like known objects; on a terminal, ask of each."""
    from geo.cli.reading import questions
    from geo.store import matches
    from geo.store.engine import connect

    open_ = questions(conf, actor, found["id"])
    if unasked or not sys.stdin.isatty():
        return open_
    for one in open_:
        with connect(conf, "worker", actor) as conn:
            same = typer.confirm(one["message"])
            matches.settle(conn, actor, found["id"], UUID(one["id"]), same)
    return questions(conf, actor, found["id"])


def _submit(conf: Any, actor: Any, found: Any, supersedes: UUID | None) -> UUID:
    from geo.store import intake
    from geo.store.engine import connect

    with connect(conf, "worker", actor) as conn:
        return intake.submit(conn, actor, found["id"], supersedes=supersedes)


def _accept(conf: Any, actor: Any, survey_id: UUID, document: str) -> dict[str, Any]:
    from geo.messages import say
    from geo.problems import Problem
    from geo.store import decisions
    from geo.store.engine import connect

    reason = say("cli.accepted_at_once", lang())
    try:
        with connect(conf, "worker", actor) as conn:
            return decisions.accept(conn, actor, survey_id, reason, document or reason)
    except Problem as problem:
        # The same file again is answered with the survey there is.
        if problem.code == "store.wrong_state" and problem.params["state"] == "accepted":
            return {"state": "accepted", "mines": [], "moves": []}
        raise


def _forget(conf: Any, upload_id: UUID) -> None:
    from geo.store import intake
    from geo.store.engine import SYSTEM, connect

    with connect(conf, "worker", SYSTEM) as conn:
        intake.forget(conn, upload_id)


def _asked(found: Any, moves: list[dict[str, Any]]) -> bool:
    from geo.messages import say

    result = found["result"]
    return typer.confirm(
        say(
            "cli.submit",
            lang(),
            stored=result["stored"],
            refused=result["refused"],
            moves=len(moves),
        )
    )


def _notes(conf: Any, found: Any) -> list[dict[str, Any]]:
    from geo.store import intake
    from geo.store.engine import SYSTEM, connect

    with connect(conf, "worker", SYSTEM) as conn:
        return intake.upload_notes(conn, found["id"], 0, 20)


def _text(data: dict[str, Any], moves: list[dict[str, Any]], notes: list[dict[str, Any]]) -> str:
    from geo.hazards import grade_name, hazards
    from geo.messages import say
    from geo.problems import Problem

    said = [
        say("cli.ingested", lang(), **{k: data[k] for k in ("rows", "stored", "mended", "refused")})
    ]
    for part in data["layers"]:
        said.append(
            say(
                "cli.layer",
                lang(),
                layer=part["layer"] or "?",
                source=part["source_name"],
                encoding=part["encoding"] or "—",
                crs=f"EPSG:{part['crs']['epsg']}" if part["crs"] and part["crs"]["epsg"] else "—",
                assumed=say("cli.assumed", lang())
                if part["crs"] and part["crs"]["assumed_datum"]
                else "",
            )
        )
    for note in notes:
        row = note["row_no"] if note["row_no"] is not None else "—"
        sentence = Problem(note["code"], **note["params"]).say(lang())
        said.append(f"  {note['layer']} {row}: {sentence}")
    for move in moves:
        before = grade_name(move["hazard"], move["before"], lang())
        after = grade_name(move["hazard"], move["after"], lang())
        label = hazards()[move["hazard"]].label[lang()]
        said.append(f"  {move['mine_code']} {move['mine_name']} {label}: {before} → {after}")
    said.extend(f"  {one['message']}" for one in data["matches"])
    left = sum(one["state"] == "open" for one in data["matches"])
    if left and data["state"] == "staged" and data["upload"]:
        said.append(say("cli.matches.open", lang(), n=left, upload=data["upload"]))
    if any(part["layer"] is None for part in data["layers"]):
        said.append(say("cli.say_layer", lang()))
    nothing = data["state"] == "staged" and not data["stored"]
    said.append(say("cli.state.nothing" if nothing else f"cli.state.{data['state']}", lang()))
    return "\n".join(said)


@app.command()
@guarded
def surveys(as_json: Json = False, login: As = None) -> None:
    """List surveys with their states.

    Example: minerisk surveys --json
    """
    from geo.store import survey_queries
    from geo.store.engine import connect

    with database() as conf:
        actor = acting(conf, login)
        with connect(conf, "app", actor) as conn:
            rows = survey_queries.surveys(conn)
        names = ("id", "state", "filename", "survey_unit", "recorded_at", "actor_login")
        data = [{n: row[n] for n in names} | {"layers": row["layers"]} for row in rows]
        told = [
            row | {"recorded_at": f"{clock.local(row['recorded_at']):%Y-%m-%d %H:%M}"}
            for row in data
        ]
        shown = tuple(name for name in names if name != "survey_unit")
        show(data, as_json, lambda: _table(shown, told))


def _table(names: tuple[str, ...], rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    from geo.messages import say

    table = Table()
    for name in names:
        # Nothing is cut off: Chinese has no spaces to break at, and an id is copied as it stands.
        heading = say(f"cli.column.{name}", lang())
        table.add_column(heading, overflow="fold", no_wrap=name == "id")
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in names))
    return table


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return str(value[lang()])
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


Survey = Annotated[str, typer.Argument(help="Survey id, see `minerisk surveys`.")]
Reason = Annotated[str, typer.Option(help="Why.")]
Document = Annotated[str, typer.Option(help="Number of the document.")]


def _uuid(text: str) -> UUID:
    from geo.problems import Problem

    try:
        return UUID(text)
    except ValueError:
        raise Problem("cli.bad_id", text=text) from None


def _act(login: str | None, as_json: bool, act: Any) -> None:
    from geo.store.engine import connect

    with database() as conf:
        actor = acting(conf, login)
        with connect(conf, "worker", actor) as conn:
            data = act(conn, actor)
        show(data, as_json, lambda: f"{data['state']}  {len(data.get('moves', []))}")


@app.command()
@guarded
def accept(
    survey: Survey, reason: Reason, document: Document, as_json: Json = False, login: As = None
) -> None:
    """Accept a survey: its claims and its coverage count.

    Example: minerisk accept ID --reason 审核通过 --document 示例审字〔2024〕5号
    """
    from geo.store import decisions

    _act(login, as_json, lambda c, a: decisions.accept(c, a, _uuid(survey), reason, document))


@app.command(name="return")
@guarded
def return_(survey: Survey, reason: Reason, as_json: Json = False, login: As = None) -> None:
    """Return a submitted survey with a remark.

    Example: minerisk return ID --reason 普查范围未包含周边
    """
    from geo.store import decisions

    def act(conn: Any, actor: Any) -> dict[str, Any]:
        changes = decisions.return_(conn, actor, _uuid(survey), reason)
        return {"state": "returned", "mines": changes.mines, "moves": changes.moves}

    _act(login, as_json, act)


@app.command()
@guarded
def revoke(
    survey: Survey, reason: Reason, document: Document, as_json: Json = False, login: As = None
) -> None:
    """Revoke a false survey: coverage ends, what it raised is held.

    Example: minerisk revoke ID --reason 弄虚作假 --document 示例撤字〔2024〕1号
    """
    from geo.store import decisions

    _act(login, as_json, lambda c, a: decisions.revoke(c, a, _uuid(survey), reason, document))
