"""The job queue: reading uploads in a worker process.

Jobs are queued by `geo.store.intake` on the connection and in the transaction of the upload's row.
A task may run again at any point: it stages an upload anew, or finds it done.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from datetime import date
from uuid import UUID

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import SQLAlchemyError

from geo import clock
from geo.problems import Problem
from geo.settings import Settings
from geo.store import relief_tiles, sendings
from geo.store.cluster import urls
from geo.store.engine import SYSTEM, connect
from geo.store.grading import new_day
from geo.store.head_top_runs import compute
from geo.store.intake import process_upload, sweep
from geo.store.ledger_months import keep_due
from geo.store.pond_facts import may_have_changed

_SWEEP_SECONDS = 30
# A worker that was killed is known by its silence of half a minute; its upload waits little longer.
_RETRY_SECONDS = 5
_log = structlog.get_logger(__name__)


def app(settings: Settings) -> App:
    """Return the queue of a database; its tables live in the schema ``jobs``."""
    url = urls(settings)["worker"].set(drivername="postgresql")
    plain = url.render_as_string(hide_password=False)
    queue = App(
        connector=PsycopgConnector(
            conninfo=plain, kwargs={"options": "-c search_path=jobs,public"}, min_size=1, max_size=4
        )
    )

    @queue.task(name="read_upload", queue="uploads")
    def read_upload(upload_id: str) -> None:
        process_upload(settings, UUID(upload_id))

    return queue


async def retry_stalled(queue: App) -> int:
    """Hand the jobs of workers that were killed to the next one; returns how many.

    A job in hand keeps its lock, and so its upload unread, until somebody says that it stalled.
    """
    stalled = list(await queue.job_manager.get_stalled_jobs(queue="uploads"))
    for job in stalled:
        await queue.job_manager.retry_job(job)
    return len(stalled)


def sweep_once(settings: Settings, today: date) -> None:
    """Sweep uploads, begin a new day and keep the months over, judge ponds and draw ground anew."""
    with connect(settings, "worker", SYSTEM) as conn:
        sweep(conn)
        sendings.sweep(conn, settings)
    with connect(settings, "worker", SYSTEM) as conn:
        new_day(conn, today)
        keep_due(conn, today)
        stale = may_have_changed(conn, today)
    if stale:
        compute(settings, today)
    relief_tiles.refresh(settings)


async def _every(seconds: float, act: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await act()
        except (Problem, SQLAlchemyError, ConnectorException) as error:
            # The next round tries again; the queue itself goes on.
            _log.warning("sweep failed", error=str(error))
        await asyncio.sleep(seconds)


async def _work(settings: Settings) -> None:
    queue = app(settings)
    async with queue.open_async():
        beside = [
            asyncio.create_task(_every(_RETRY_SECONDS, lambda: retry_stalled(queue))),
            asyncio.create_task(
                _every(
                    _SWEEP_SECONDS, lambda: asyncio.to_thread(sweep_once, settings, clock.today())
                )
            ),
        ]
        worker = asyncio.create_task(
            queue.run_worker_async(
                queues=["uploads"], concurrency=1, install_signal_handlers=False, wait=True
            )
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, worker.cancel)
        try:
            await worker
        except asyncio.CancelledError:
            pass
        finally:
            for task in beside:
                task.cancel()


def run_worker(settings: Settings) -> None:
    """Run jobs until told to stop."""
    asyncio.run(_work(settings))
