"""Servers and workers forked from a process that has loaded the program once.

To start one as a user does takes some five seconds of the processor each, nearly all of them for
loading; that they start so is seen in ``tests/api/test_served`` and ``tests/geo/store``. What is
forked here runs the same command under the same account, and holds nothing of another's: its parent
has connected to nothing and read no settings.
"""

import ctypes
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geo.settings import CHECKOUT, Settings, settings
from geo.store import service

_MESSAGE = 1 << 17
_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """A process of the parent's; the kernel tells by its handle when it ended."""

    pid: int
    handle: int

    def ended(self, seconds: float = 0) -> bool:
        """Tell whether it ended, waiting at most so long for it."""
        return bool(select.select([self.handle], [], [], seconds)[0])

    def terminate(self) -> None:
        """Ask it to end."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGTERM)


class Parent:
    """The process that has loaded everything, as the tests see it.

    Parameters
    ----------
    prefix : sequence of str
        The command that becomes another account, if any.
    env : dict
        Its environment, of which it gets what is no setting of ours; a child gets one of its own.
    """

    def __init__(self, prefix: Sequence[str], env: dict[str, str]) -> None:
        env = {name: value for name, value in env.items() if not name.startswith("MINERISK_")}
        self._near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far:
            words = [*prefix, sys.executable, "-m", "tests.web.forked", str(far.fileno())]
            self._process = subprocess.Popen(
                words, cwd=CHECKOUT, env=env, stdin=subprocess.DEVNULL, pass_fds=[far.fileno()]
            )

    @contextmanager
    def running(self, words: Sequence[str], env: dict[str, str], log: Path) -> Iterator[Child]:
        """Run ``minerisk`` with `words` in an environment while the block runs."""
        # The layers hold a county's own classes, and are read as the program is loaded.
        assert "MINERISK_COUNTY_RULES" not in env
        told = json.dumps({"words": list(words), "env": env}).encode()
        with log.open("a") as out:
            socket.send_fds(self._near, [told], [out.fileno()])
        pid = int(self._near.recv(_MESSAGE) or 0)
        assert pid, "the process that forks servers is gone"
        child = Child(pid, os.pidfd_open(pid))
        try:
            yield child
        finally:
            child.terminate()
            assert child.ended(120), words
            os.close(child.handle)

    def end(self) -> None:
        """End it, and with it whatever it still runs."""
        self._near.close()
        self._process.wait(60)


class Parents:
    """The two that a served county needs, each started when it is first asked for."""

    def __init__(self) -> None:
        self._started: dict[tuple[str, ...], Parent] = {}

    def _of(self, prefix: Sequence[str], env: dict[str, str]) -> Parent:
        key = tuple(prefix)
        if key not in self._started:
            self._started[key] = Parent(prefix, env)
        return self._started[key]

    def server(self, made: Settings, port: int, log: Path) -> AbstractContextManager[Child]:
        """Run the server, where we are root under its account, as ``minerisk serve`` does."""
        env, become = _own(made), service.account()
        how, prefix = service.privileges(made), list[str]()
        if become is not None and how in ("account", "reads_all"):
            service.hand_over(made, become)
            env = service.environment(made)
            prefix = service.prefix(become, how == "reads_all")
        return self._of(prefix, env).running(["serve", "--port", str(port)], env, log)

    def worker(self, made: Settings, log: Path) -> AbstractContextManager[Child]:
        """Run the worker, as we are."""
        env = _own(made)
        return self._of([], env).running(["worker"], env, log)

    def end(self) -> None:
        """End all of them."""
        for one in self._started.values():
            one.end()


def _own(made: Settings) -> dict[str, str]:
    return os.environ | {
        "MINERISK_LOCAL": str(made.local),
        "MINERISK_DATABASE_URL": str(made.database_url),
    }


def _load() -> None:
    """Load what a server and a worker load, and what they make of our own files alone."""
    import uvicorn.lifespan.on
    import uvicorn.loops.auto
    import uvicorn.protocols.http.auto
    import uvicorn.protocols.websockets.auto  # noqa: F401

    import api.app  # noqa: F401
    import geo.cli.serving
    import geo.store.jobs  # noqa: F401
    from geo.messages import catalogue
    from geo.rules import national_rules
    from web.render import environment, stamp

    catalogue()
    national_rules()
    stamp()
    pages = environment()
    for name in pages.list_templates():
        pages.get_template(name)
    settings.cache_clear()


def _become(told: dict[str, Any], log: int) -> None:
    """Be, in a fork, the command that was asked for."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in (1, 2):
        os.dup2(log, number)
    os.close(log)
    os.environ.clear()
    os.environ.update(told["env"])
    sys.argv = ["minerisk", *told["words"]]
    from geo.cli import main

    main()


def _serve(far: socket.socket) -> None:
    """Fork what is asked for until nobody can ask any more."""
    _load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    while True:
        message, (*logs,), _, _ = socket.recv_fds(far, _MESSAGE, 1)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                far.close()
                _become(json.loads(message), logs[0])
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        os.close(logs[0])
        far.send(str(pid).encode())


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
