"""The job queue: reading uploads in a worker process.

Jobs are queued by `geo.store.intake` on the connection and in the transaction of the upload's row.
A task may run again at any point: it stages an upload anew, or finds it done.
"""

import asyncio
import signal
from uuid import UUID

from procrastinate import App, PsycopgConnector

from geo.settings import Settings
from geo.store.cluster import urls
from geo.store.engine import SYSTEM, connect
from geo.store.intake import process_upload, sweep

_SWEEP_SECONDS = 30


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


async def _sweeping(settings: Settings) -> None:
    while True:
        await asyncio.to_thread(_sweep, settings)
        await asyncio.sleep(_SWEEP_SECONDS)


def _sweep(settings: Settings) -> None:
    with connect(settings, "worker", SYSTEM) as conn:
        sweep(conn)


async def _work(settings: Settings) -> None:
    queue = app(settings)
    async with queue.open_async():
        sweeper = asyncio.create_task(_sweeping(settings))
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
            sweeper.cancel()


def run_worker(settings: Settings) -> None:
    """Run jobs until told to stop."""
    asyncio.run(_work(settings))
