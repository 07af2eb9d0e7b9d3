"""Commands that run: start, serve, worker."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from geo import clock
from geo.cli import app, database, guarded, lang
from geo.cli.files import Json

_STOP_SECONDS = 10
# How long an answer under way may still take when the server is told to stop.
_ANSWER_SECONDS = 5


class Steps:
    """How long each step took, and who is told of it."""

    def __init__(self, quiet: bool) -> None:
        self.seconds: dict[str, float] = {}
        self._quiet = quiet
        given = os.environ.get("MINERISK_START_SECONDS")
        if given:
            self.seconds.update(json.loads(given))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step."""
        from geo.messages import say

        if not self._quiet:
            typer.echo(say(f"cli.step.{name}", lang()), err=True)
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 3)


def _free(host: str, port: int) -> None:
    """Refuse a port that somebody else holds, in one sentence."""
    from geo.problems import Problem

    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise Problem("cli.port_used", host=host, port=port) from None


def _summary(conf: Any, on: date) -> dict[str, Any]:
    from sqlalchemy import func, select

    from geo.hazards import hazards
    from geo.store import mine_queries
    from geo.store.engine import SYSTEM, connect
    from geo.store.tables import claim, claim_end, feature, survey, upload

    with connect(conf, "worker", SYSTEM) as conn:
        mines = mine_queries.mines(conn, on)
        reports = list(conn.scalars(select(survey.c.report)))
        done = upload.c.state == "submitted"
        raised = 0
        for mine in mines:
            for line in mine["lines"]:
                rank = hazards()[line["hazard"]].rank
                now, said = line["effective"], line["determined"]
                raised += now is not None and (said is None or rank(now) > rank(said))
        return {
            "mines": len(mines),
            "features": conn.scalar(select(func.count()).select_from(feature)),
            "mended": sum(r["mended"] for r in reports),
            "refused": sum(r["refused"] for r in reports),
            "surveys": len(reports),
            "uploads": conn.scalar(select(func.count()).select_from(upload).where(done)),
            "grades_raised": raised,
            "unclear_mines": sum(m["unclear"] for m in mines),
            "claims": conn.scalar(
                select(func.count())
                .select_from(claim)
                .where(claim.c.id.not_in(select(claim_end.c.claim_id)))
            ),
            **_ponds(conn, on),
        }


def _ponds(conn: Any, on: date) -> dict[str, Any]:
    from geo.store import pond_queries, pond_zones
    from geo.tailings.board import board

    listed = pond_queries.ponds(conn, on)
    figures = board(listed)
    area = sum(z["area_m2"] for z in pond_zones.zones(conn) if z["kind"] == "no_build")
    return {
        "ponds": len(listed),
        "ponds_to_close": len(figures["must_close"]),
        "head_top_ponds": len(figures["head_top"]),
        "zones_km2": round(area / 1e6, 4),
    }


def _regraded(conf: Any, on: date) -> None:
    """Grade all where the newest state is of another day: what a day brings must show."""
    from sqlalchemy import func, select

    from geo.store.engine import SYSTEM, connect
    from geo.store.grading import regrade
    from geo.store.publish import publishing
    from geo.store.tables import mine_state

    with connect(conf, "worker", SYSTEM) as conn:
        newest = conn.scalar(select(func.max(mine_state.c.on_date)))
        if newest is not None and newest < on:
            with publishing(conn, SYSTEM, "regrade", on, {"reason": "new day"}) as made:
                regrade(made, None)


def _tell_what_waits(conf: Any) -> None:
    """Say it where other rules are installed than those in force: nobody has adopted them yet."""
    from geo.messages import say
    from geo.store import rule_sets
    from geo.store.engine import SYSTEM, connect

    with connect(conf, "app", SYSTEM) as conn:
        waits = rule_sets.waiting(conn)
    if waits is not None:
        typer.echo(say("rules.waits", lang(), version=waits.version[:12]), err=True)


@app.command()
@guarded
def start(
    once: Annotated[bool, typer.Option("--once", help="Do all but serve, then stop.")] = False,
    as_json: Json = False,
    host: Annotated[str | None, typer.Option(help="Address to bind; loopback unless told.")] = None,
    port: Annotated[int | None, typer.Option(help="Port.")] = None,
    sample: Annotated[bool, typer.Option(help="Load the sample county.")] = True,
) -> None:
    """Make the cluster, migrate, load the sample, grade, and serve; Ctrl-C stops it all.

    Example: minerisk start --once --json
    """
    from geo import sample as county
    from geo.cli.rules import read
    from geo.messages import say
    from geo.problems import Problem
    from geo.settings import settings
    from geo.store.cluster import locked, running_cluster
    from geo.store.engine import dispose
    from geo.store.migrate import migrate

    conf = settings()
    read(None, False)
    host, port = host or conf.host, port or conf.port
    if not once:
        _free(host, port)
    steps, today = Steps(quiet=as_json and not sys.stderr.isatty()), clock.today()
    # Ended like Ctrl-C, so that everything started here is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        began = time.perf_counter()
        with running_cluster(conf):
            steps.seconds["cluster"] = round(time.perf_counter() - began, 3)
            with steps.step("migrate"):
                migrate(conf)
            if sample:
                # Two that start at once load it once.
                with steps.step("sample"), locked(conf.local / "sample.loading"):
                    county.load(conf, today)
            with steps.step("regrade"):
                _regraded(conf, today)
            data = {**_summary(conf, today), "seconds": steps.seconds}
            _tell_what_waits(conf)
            dispose()
            if once:
                typer.echo(json.dumps(data, ensure_ascii=False) if as_json else str(data))
                return
            words = {}
            if sample and county.signins(conf).exists():
                words = json.loads(county.signins(conf).read_text("utf-8"))
            with _both(host, port) as children:
                _await_answer(host, port, children)
                typer.echo(say("cli.serving", lang(), address=f"http://{host}:{port}/"))
                if words:
                    typer.echo(say("cli.signins", lang(), file=str(county.signins(conf))))
                for login, word in words.items():
                    typer.echo(f"  {login}  {word}")
                sys.stdout.flush()
                while all(child.poll() is None for child in children):
                    time.sleep(0.3)
                raise Problem("cli.child_ended")
    except KeyboardInterrupt:
        typer.echo(say("cli.stopped", lang()), err=True)


@contextmanager
def _both(host: str, port: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run server and worker while the block runs; stop them, and only them, at its end.

    Where we are killed outright, the kernel tells them to end.
    """
    base = ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "geo.cli.run"]
    children = [
        subprocess.Popen([*base, "serve", "--host", host, "--port", str(port)]),
        subprocess.Popen([*base, "worker"]),
    ]
    try:
        yield children
    finally:
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _await_answer(host: str, port: int, children: list[subprocess.Popen[bytes]]) -> None:
    """Wait until the server takes connections, so that the address printed can be opened."""
    from geo.problems import Problem

    while True:
        if any(child.poll() is not None for child in children):
            raise Problem("cli.child_ended")
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return


@app.command()
@guarded
def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind.")] = None,
    port: Annotated[int | None, typer.Option(help="Port.")] = None,
) -> None:
    """Serve pages and API; reading uploads is the worker's.

    Example: minerisk serve --port 8080
    """
    import uvicorn

    from api import stopping
    from geo.cli.rules import read
    from geo.logs import configure
    from geo.store.service import running_as_account

    class Server(uvicorn.Server):
        """Tells open streams to end; it would wait for them otherwise."""

        def handle_exit(self, sig: int, frame: Any) -> None:
            stopping.asked.set()
            super().handle_exit(sig, frame)

    # A catalogue that does not hold together is told here, not by the first page that needs it.
    read(None, False)
    with database() as conf:
        host, port = host or conf.host, port or conf.port
        _free(host, port)
        with running_as_account(conf, "serve", "--host", host, "--port", str(port)) as other:
            if other is not None:
                raise typer.Exit(other.wait())
        configure(conf.log_level)
        kept = os.environ.get("NUMBA_CACHE_DIR")
        if kept and not any(Path(kept).rglob("*.nbi")):
            # The first start of an account with a place of its own: better now than in a request.
            from geo.tailings.warm import warm

            warm()
        config = uvicorn.Config(
            "api.app:create_app",
            factory=True,
            host=host,
            port=port,
            log_level="warning",
            server_header=False,
            access_log=False,
            timeout_graceful_shutdown=_ANSWER_SECONDS,
        )
        Server(config).run()


@app.command()
@guarded
def worker() -> None:
    """Read queued uploads until told to stop.

    Example: minerisk worker
    """
    from geo.logs import configure
    from geo.store.jobs import run_worker

    with database() as conf:
        configure(conf.log_level)
        run_worker(conf)
