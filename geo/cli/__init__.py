"""The command line ``minerisk``.

Commands import what they need when they run, so that ``--help`` answers at once.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import wraps
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="minerisk",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Survey and risk map for mine safety: survey layers in, grades with their reasons out.",
)


@app.callback()
def spoken(
    language: Annotated[str | None, typer.Option("--lang", help="Language: zh or en.")] = None,
) -> None:
    """Keep the language asked for; the processes a command starts speak it too."""
    if language is not None:
        os.environ["MINERISK_LANG"] = language


def lang() -> str:
    """Return the language of the terminal: English where the locale says so, else Chinese."""
    asked = os.environ.get("MINERISK_LANG") or os.environ.get("LANG", "")
    return "en" if asked.lower().startswith("en") else "zh"


def guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Make a command end with one sentence and code 2 where the user can mend what is wrong."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        from geo.problems import Problem

        try:
            return command(*args, **kwargs)
        except Problem as problem:
            typer.echo(problem.say(lang()), err=True)
            raise typer.Exit(2) from None

    return run


@contextmanager
def database() -> Iterator[Any]:
    """Keep the database up, with every migration, while a command runs; yields the settings."""
    from sqlalchemy import inspect

    from geo.settings import settings
    from geo.store.cluster import running_cluster
    from geo.store.engine import dispose, engine
    from geo.store.migrate import at_head, migrate

    conf = settings()
    with running_cluster(conf):
        try:
            try:
                with engine(conf, "worker").connect() as conn:
                    ready = inspect(conn).has_schema("minerisk") and at_head(conn)
            except Exception:
                ready = False
            if not ready:
                migrate(conf)
            yield conf
        finally:
            dispose()


def acting(conf: Any, login: str | None) -> Any:
    """Return who acts: the login given, else ``MINERISK_USER``, else the first regulator.

    Whoever may run the command line on this machine may act as any user; the chain says who did.
    """
    from sqlalchemy import select

    from geo.problems import Problem
    from geo.store import accounts
    from geo.store.engine import SYSTEM, connect
    from geo.store.tables import app_user

    wanted = login or os.environ.get("MINERISK_USER")
    with connect(conf, "worker", SYSTEM) as conn:
        if wanted is None:
            wanted = conn.scalar(
                select(app_user.c.login)
                .where(app_user.c.role == "regulator", app_user.c.active)
                .order_by(app_user.c.created_at, app_user.c.login)
                .limit(1)
            )
        if wanted is None:
            raise Problem("cli.no_users")
        return accounts.actor_of(conn, wanted)


def day(text: str | None) -> date:
    """Return a date given as YYYY-MM-DD; today where none is given."""
    from geo import clock
    from geo.problems import Problem

    if text is None:
        return clock.today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Problem("cli.bad_date", text=text) from None


def times(as_of: str | None, on: str | None, known_at: str | None) -> tuple[date, date | None]:
    """Return the day asked about, and the day up to whose end things were known; None for now.

    `as_of` sets both; either may be given alone instead.
    """
    return day(as_of or on), day(as_of or known_at) if as_of or known_at else None


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def show(data: Any, as_json: bool, table: Callable[[], Any]) -> None:
    """Print JSON for machines, or what `table` draws for people."""
    if as_json:
        typer.echo(json.dumps(data, ensure_ascii=False, default=_plain))
        return
    from rich.console import Console

    drawn = table()
    if drawn is not None:
        Console(soft_wrap=not sys.stdout.isatty()).print(drawn)


def _terminated(number: int, _frame: Any) -> None:
    raise SystemExit(128 + number)


def main() -> None:
    """Run the command line."""
    # They add their commands.
    from geo.cli import (  # noqa: F401
        boards,
        deciding,
        dictionary,
        exporting,
        files,
        findings,
        grading,
        keeping,
        objections,
        ponds,
        reading,
        rules,
        serving,
        terrains,
        zones,
    )

    # Told to end, a command still lets go of the cluster, which the last one out stops.
    signal.signal(signal.SIGTERM, _terminated)
    app()
