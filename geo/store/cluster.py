"""The private PostgreSQL cluster of a checkout: made at first use, stopped by the last one out.

Every process that needs the database holds a shared lock on one file; whoever can turn its own
into an exclusive one was the last, and stops the cluster. A killed process frees its lock by
itself. Starting and stopping happen under a second, exclusive lock.
"""

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, make_url

from geo.problems import Problem
from geo.settings import Settings
from geo.store.secrets import role_passwords

DATABASE = "minerisk"
_SUPERUSER = "postgres"
# The account of the server where we are root: it may enter the socket's folder, and no other.
_GUEST = "minerisk"
_START_SECONDS = 60
# Never the process's own TMPDIR: every process must look for the socket in the same place.
_SHORT = Path("/tmp")  # noqa: S108 -- the folder itself is made by us, 0700, and checked


def _account() -> pwd.struct_passwd | None:
    """Return the account the cluster runs under when we are root (initdb refuses root)."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise Problem("cluster.no_account") from None


def _binary(name: str) -> str:
    found = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    usable = [path for path in found if int(path.parts[-3]) >= 15]
    on_path = shutil.which(name)
    if usable:
        return str(usable[-1])
    if on_path:
        return on_path
    raise Problem("cluster.no_postgresql")


def _can_enter(path: Path) -> bool:
    """Tell whether an account that owns none of them may pass every folder above `path`."""
    return all(
        not parent.exists() or bool(parent.stat().st_mode & stat.S_IXOTH)
        for parent in [*path.resolve().parents]
    )


class Cluster:
    """Where one checkout's cluster lives, and how it is made, started and stopped."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.account = _account()
        self.local = settings.local
        home = self.local
        if self.account is not None and not _can_enter(self.local / "pg"):
            home = Path("/var/lib/minerisk") / settings.instance
        self.data = home / "pg"
        # A socket's path may hold 107 bytes, so it stands in a short folder of its own.
        short = hashlib.sha256(str(self.data).encode()).hexdigest()[:10]
        self.sockets = _SHORT / f"mr-{short}"

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        if self.account is not None:
            command = ("runuser", "-u", self.account.pw_name, "--", *command)
        return subprocess.run(command, text=True, capture_output=True, cwd="/", check=False)

    def _own(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)
        path.chmod(0o700)

    def _make(self) -> None:
        aside = self.data.with_name("pg.new")
        shutil.rmtree(aside, ignore_errors=True)
        if self.data.parent != self.local:
            self.data.parent.parent.mkdir(parents=True, exist_ok=True)
            self._own(self.data.parent)
        self._own(aside)
        # initdb reads the password as its own account, which may not read our standard input.
        with tempfile.NamedTemporaryFile("w", prefix="minerisk-", encoding="utf-8") as word:
            word.write(role_passwords(self.settings)[_SUPERUSER] + "\n")
            word.flush()
            if self.account is not None:
                os.chown(word.name, self.account.pw_uid, self.account.pw_gid)
            done = self._initdb(aside, Path(word.name))
        if done.returncode != 0:
            raise Problem("cluster.initdb_failed", reason=done.stderr.strip()[-300:])
        self._configure(aside)
        aside.rename(self.data)

    def _initdb(self, folder: Path, password: Path) -> subprocess.CompletedProcess[str]:
        return self._run(
            _binary("initdb"),
            f"--pgdata={folder}",
            f"--username={_SUPERUSER}",
            "--auth=scram-sha-256",
            f"--pwfile={password}",
            "--locale=C.UTF-8",
            "--encoding=UTF8",
        )

    def _configure(self, folder: Path) -> None:
        with (folder / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write(
                "listen_addresses = ''\n"
                f"unix_socket_directories = '{self.sockets}'\n"
                # The folder decides who comes near: its owner, and the server's account.
                "unix_socket_permissions = 0777\n"
                "max_connections = 60\n"
                "shared_buffers = 256MB\n"
                "jit = off\n"
                "log_timezone = 'UTC'\n"
                "timezone = 'UTC'\n"
            )

    def pid(self) -> int | None:
        """Return the postmaster's process id; None where the cluster is down.

        A file left behind by a killed postmaster may name a process that is somebody else's by
        now, so the process itself is asked whether it is ours.
        """
        try:
            number = int((self.data / "postmaster.pid").read_text("utf-8").split("\n", 1)[0])
            told = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return number if str(self.data).encode() in told else None

    def running(self) -> bool:
        """Tell whether the postmaster is there."""
        return self.pid() is not None

    def _clear_stale(self) -> None:
        """Remove what a killed postmaster left: PostgreSQL itself trusts any living process id."""
        for path in (self.data / "postmaster.pid", *self.sockets.glob(".s.PGSQL.*")):
            path.unlink(missing_ok=True)

    def _own_sockets(self) -> None:
        try:
            found = self.sockets.lstat()
        except FileNotFoundError:
            pass
        else:
            # The folder above is anybody's: one that somebody else made is not walked into.
            ours = {os.geteuid(), self.account.pw_uid if self.account else os.geteuid()}
            if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours:
                raise Problem("cluster.socket_taken", folder=str(self.sockets))
        self._own(self.sockets)
        if self.account is not None:
            with suppress(KeyError):
                os.chown(self.sockets, self.account.pw_uid, pwd.getpwnam(_GUEST).pw_gid)
                self.sockets.chmod(0o710)

    def start(self) -> None:
        """Make the cluster if there is none, and start it if it is down."""
        if not (self.data / "PG_VERSION").exists():
            self._make()
        if not self.running():
            self._clear_stale()
            self._own_sockets()
            self._launch()
        self._await_ready()

    def _launch(self) -> None:
        log, until = self.data / "server.log", time.monotonic() + _START_SECONDS
        command = (
            *(_binary("pg_ctl"), "start", "-w", "-t", str(_START_SECONDS)),
            *("-D", str(self.data), "-l", str(log)),
        )
        while self._run(*command).returncode != 0:
            tail = log.read_text("utf-8", "replace")[-600:] if log.exists() else ""
            # Backends outlive a killed postmaster for a moment, and hold its shared memory.
            if "shared memory" not in tail or time.monotonic() > until:
                raise Problem("cluster.start_failed", reason=tail.strip()[-300:])
            time.sleep(0.3)

    def _await_ready(self) -> None:
        """Wait until it takes connections: whoever started it may have been killed on the way."""
        until = time.monotonic() + _START_SECONDS
        asked = (_binary("pg_isready"), "-q", "-h", str(self.sockets))
        while subprocess.run(asked, check=False).returncode != 0:
            if time.monotonic() > until:
                raise Problem("cluster.start_failed", reason="pg_isready")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the cluster, if it runs."""
        if self.running():
            self._run(_binary("pg_ctl"), "stop", "-w", "-m", "fast", "-D", str(self.data))
            with suppress(OSError):
                self.sockets.rmdir()

    def url(self, role: str, database: str = DATABASE) -> URL:
        """Return the SQLAlchemy URL of a role."""
        return URL.create(
            "postgresql+psycopg",
            username=role,
            password=role_passwords(self.settings)[role],
            database=database,
            query={"host": str(self.sockets)},
        )


def urls(settings: Settings) -> dict[str, URL]:
    """Return the URL of each role: admin, owner, app, worker."""
    if settings.database_url is not None:
        given = make_url(settings.database_url).set(drivername="postgresql+psycopg")
        return {"admin": given} | {
            name.removeprefix("minerisk_"): given.set(username=name, password=word)
            for name, word in role_passwords(settings).items()
            if name != _SUPERUSER
        }
    cluster = Cluster(settings)
    return {"admin": cluster.url(_SUPERUSER)} | {
        role: cluster.url(f"minerisk_{role}") for role in ("owner", "app", "worker")
    }


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time into the block; a killed one frees its lock by itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def running_cluster(settings: Settings) -> Iterator[None]:
    """Keep the database up while the block runs; the last one out stops it.

    Does nothing where ``MINERISK_DATABASE_URL`` names a database.
    """
    if settings.database_url is not None:
        yield
        return
    cluster = Cluster(settings)
    settings.local.mkdir(parents=True, exist_ok=True)
    starting, users = settings.local / "cluster.starting", settings.local / "cluster.users"
    with users.open("a") as held:
        with locked(starting):
            fcntl.flock(held, fcntl.LOCK_SH)
            cluster.start()
        try:
            yield
        finally:
            with locked(starting):
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    pass
                else:
                    cluster.stop()
