"""Commands about how files are read: the counties' seven parameters, and matches of objects."""

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from geo.cli import acting, app, database, guarded, lang, show
from geo.cli.files import As, Json, _submit, _table, _uuid

datums = typer.Typer(
    no_args_is_help=True,
    help="Local seven parameters that move Xi'an 80 and Beijing 54 to CGCS2000, by county.",
)
app.add_typer(datums, name="datums")


@datums.command(name="list")
@guarded
def list_(as_json: Json = False) -> None:
    """List the seven parameters kept, by county and datum.

    Example: minerisk datums list --json
    """
    from geo.messages import say
    from geo.settings import settings
    from geo.survey.reading.datums import load

    kept = load(settings().datums)
    data = {
        county: {datum: one.model_dump(mode="json") for datum, one in of.items()}
        for county, of in kept.items()
    }

    def table() -> Any:
        if not data:
            return say("cli.datums.none", lang())
        names = ("dx", "dy", "dz", "rx", "ry", "rz", "scale", "convention", "accuracy_m", "source")
        rows = [
            {"county": county, "datum": datum, **one}
            for county, of in data.items()
            for datum, one in of.items()
        ]
        return _table(("county", "datum", *names), rows)

    show(data, as_json, table)


@datums.command()
@guarded
def add(
    county: Annotated[str, typer.Option(help="County code (GB/T 2260), e.g. 140981.")],
    datum: Annotated[str, typer.Option(help="xian80 or beijing54.")],
    file: Annotated[Path, typer.Option(help="YAML of the parameters, see docs/datums.md.")],
    as_json: Json = False,
) -> None:
    """Keep a county's seven parameters for an old datum, once they hit their own known points.

    Example: minerisk datums add --county 140981 --datum xian80 --file 原平西安80.yaml
    """
    from geo.messages import say
    from geo.problems import Problem
    from geo.settings import settings
    from geo.survey.reading.crs import frames
    from geo.survey.reading.datums import load, parsed, residuals, save

    old = [name for name, one in frames()["datums"].items() if one["error_m"]]
    if datum not in old:
        raise Problem("reader.datum.unknown", datum=datum, datums=", ".join(old))
    if not (county.isascii() and county.isdigit() and len(county) == 6):
        raise Problem("reader.datum.county", county=county)
    if not file.is_file():
        raise Problem("cli.no_file", file=str(file))
    one = parsed(file.read_text("utf-8", "replace"), file.name)
    conf = settings()
    kept = load(conf.datums)
    kept.setdefault(county, {})[datum] = one
    save(conf.datums, kept)
    missed = [round(metres, 4) for metres in residuals(one)]
    data = {"county": county, "datum": datum, **one.model_dump(mode="json"), "missed_m": missed}

    def told() -> str:
        said = say("cli.datums.added", lang(), county=county, datum=datum, accuracy=one.accuracy_m)
        return said if missed else f"{said}\n{say('cli.datums.unchecked', lang())}"

    show(data, as_json, told)


Upload = Annotated[str, typer.Argument(help="Upload id, as `minerisk ingest` says it.")]


@app.command()
@guarded
def matches(
    upload: Upload,
    same: Annotated[
        list[str] | None, typer.Option(help="Question to answer with yes; may be repeated.")
    ] = None,
    other: Annotated[
        list[str] | None, typer.Option(help="Question to answer with no; may be repeated.")
    ] = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """List the rows of an upload that look like known objects, and answer whether they are.

    Example: minerisk matches UPLOAD --same QUESTION
    """
    from geo.messages import say
    from geo.problems import Problem
    from geo.store import matches as asked
    from geo.store.engine import connect

    with database() as conf:
        actor = acting(conf, login)
        upload_id = _uuid(upload)
        for answer, given in ((True, same), (False, other)):
            for text in given or ():
                question = _uuid(text)
                with connect(conf, "app", actor) as conn:
                    if not asked.seen(conn, upload_id, question):
                        raise Problem("cli.matches.no_match", text=text)
                with connect(conf, "worker", actor) as conn:
                    asked.settle(conn, actor, upload_id, question, answer)
        data = questions(conf, actor, upload_id)

        def table() -> Any:
            if not data:
                return say("cli.matches.none", lang())
            rows = [
                {
                    "id": one["id"],
                    "state": say(f"cli.match.{one['state']}", lang()),
                    "question": one["message"],
                }
                for one in data
            ]
            return _table(("id", "state", "question"), rows)

        show(data, as_json, table)


def questions(conf: Any, actor: Any, upload_id: UUID) -> list[dict[str, Any]]:
    """Return the questions of an upload that the actor may see, with their sentences."""
    from geo.problems import Problem
    from geo.store import matches as asked
    from geo.store.engine import connect

    with connect(conf, "app", actor) as conn:
        found = asked.listed(conn, upload_id)
    made = []
    for one in found:
        code, params = asked.words(one)
        said = f"{say_layer(one['layer'])} {Problem(code, **params).say(lang())}"
        made.append({**one, "id": str(one["id"]), "message": said})
    return made


def say_layer(name: str) -> str:
    """Return a layer's name in the language of the terminal."""
    from geo.survey.layers import layers

    return str(getattr(layers()[name].label, lang()))


@app.command()
@guarded
def submit(
    upload: Upload,
    supersedes: Annotated[str | None, typer.Option(help="Accepted survey it replaces.")] = None,
    as_json: Json = False,
    login: As = None,
) -> None:
    """Submit an upload that was read before, as its sender.

    Example: minerisk submit UPLOAD --as wang
    """
    with database() as conf:
        actor = acting(conf, login)
        replaced = _uuid(supersedes) if supersedes else None
        survey_id = _submit(conf, actor, {"id": _uuid(upload)}, replaced)
        data = {"survey_id": str(survey_id), "state": "submitted"}
        show(data, as_json, lambda: f"{survey_id}  {data['state']}")
