"""Work spread over processes or machines by Dask, its results in the order of the tasks.

A task is a pure function with its arguments; a worker that dies has its tasks run again by others.
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from geo.problems import Problem

T = TypeVar("T")
# A task that ended three workers is at fault itself.
_RETRIES = 3
_CONNECT_SECONDS = 20
# In hand per worker: one at work, one waiting; what was not asked for yet takes no memory.
_IN_HAND = 2


class Spread(Protocol):
    """Call a function with each of many argument lists; yields the results in their order."""

    def __call__(self, function: Callable[..., T], tasks: Iterable[tuple[Any, ...]]) -> Iterator[T]:
        """Yield ``function(*task)`` for each task."""
        ...


def one_after_another(function: Callable[..., T], tasks: Iterable[tuple[Any, ...]]) -> Iterator[T]:
    """Do each task here, when its result is asked for."""
    return (function(*task) for task in tasks)


def _result(future: Any) -> Any:
    from distributed.scheduler import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        raise Problem("spread.died") from error


class _Dask:
    def __init__(self, client: Any) -> None:
        self._client = client

    def __call__(self, function: Callable[..., T], tasks: Iterable[tuple[Any, ...]]) -> Iterator[T]:
        waiting: deque[Any] = deque()
        most = _IN_HAND * max(1, len(self._client.scheduler_info()["workers"]))
        for task in tasks:
            waiting.append(self._client.submit(function, *task, pure=False, retries=_RETRIES))
            if len(waiting) >= most:
                yield _result(waiting.popleft())
        while waiting:
            yield _result(waiting.popleft())


@contextmanager
def spread_over(address: str | None, workers: int | None = None) -> Iterator[Spread]:
    """Spread work over ``local`` processes, or the scheduler at an address; None: do it here.

    Parameters
    ----------
    address : str, optional
        ``local``, or a Dask scheduler such as ``tls://host:8786``, whose TLS is Dask's own
        configuration.
    workers : int, optional
        Processes of a local cluster, one thread each; one a core where not given. They talk on
        loopback by TLS with certificates made for them: no other account of the machine gets in.

    Raises
    ------
    Problem
        ``spread.unreachable`` where no scheduler answers at the address.
    """
    if address is None:
        yield one_after_another
        return
    import dask
    from distributed import Client, LocalCluster
    from distributed.security import Security

    if address != "local":
        try:
            client = Client(address, timeout=_CONNECT_SECONDS)
        except (OSError, ValueError) as error:
            raise Problem("spread.unreachable", address=address) from error
        with client:
            yield _Dask(client)
        return
    with (
        # Dask serves its state by plain HTTP, too, on a port it fights for: nothing of it is asked.
        dask.config.set({"distributed.scheduler.http.routes": []}),
        LocalCluster(
            n_workers=workers or os.cpu_count() or 1,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
            silence_logs=logging.ERROR,  # a worker slow to end is nobody's concern
            security=Security.temporary(),
        ) as made,
        Client(made) as client,
    ):
        yield _Dask(client)
