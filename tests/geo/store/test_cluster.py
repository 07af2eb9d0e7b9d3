"""The private cluster, made and started in earnest: shared by processes, stopped by the last one."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import OperationalError

from geo.problems import Problem
from geo.settings import CHECKOUT, Settings
from geo.store.cluster import Cluster, running_cluster, urls
from geo.store.service import account

pytestmark = pytest.mark.database

# A process that keeps the cluster up until its standard input closes.
_HOLD = """
import sys
from pathlib import Path
from geo.settings import Settings
from geo.store.cluster import running_cluster
with running_cluster(Settings(local=Path(sys.argv[1]), database_url=None)):
    print("up", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def home():
    """Settings of a cluster of our own, in a folder that every account may enter."""
    with tempfile.TemporaryDirectory(prefix="minerisk-cluster-") as folder:
        os.chmod(folder, 0o755)
        settings = Settings(local=Path(folder) / "local", database_url=None)
        yield settings
        Cluster(settings).stop()
        shutil.rmtree(Cluster(settings).sockets, ignore_errors=True)


@pytest.fixture
def hold(home):
    """Start processes that need the cluster; killed at the end, if they still run."""
    started = []

    def begin() -> subprocess.Popen:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", _HOLD, str(home.local)],
                cwd=CHECKOUT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def up(process: subprocess.Popen) -> None:
    assert process.stdout.readline() == "up\n"


def leave(process: subprocess.Popen) -> None:
    process.communicate(timeout=60)
    assert process.returncode == 0


def ask(url: URL, question: str):
    engine = create_engine(url)
    try:
        with engine.connect() as conn:
            return conn.execute(text(question)).all()
    finally:
        engine.dispose()


def test_two_processes_start_it_at_once_and_the_last_one_out_stops_it(home, hold):
    # Nothing is there yet: one of the two makes the cluster, the other waits for it.
    one, two = hold(), hold()
    up(one)
    up(two)
    leave(one)
    admin = Cluster(home).url("postgres", "postgres")
    assert ask(admin, "SELECT 1") == [(1,)]
    leave(two)
    assert not Cluster(home).running()
    assert not Cluster(home).sockets.exists()
    with pytest.raises(OperationalError):
        ask(admin, "SELECT 1")


def test_a_killed_process_frees_its_hold_by_itself(home, hold):
    killed, other = hold(), hold()
    up(killed)
    up(other)
    killed.kill()
    killed.wait()
    assert Cluster(home).running()
    leave(other)
    assert not Cluster(home).running()


def test_no_tcp_no_trust_no_guessing(home):
    with running_cluster(home):
        admin = Cluster(home).url("postgres", "postgres")
        assert ask(admin, "SHOW listen_addresses") == [("",)]
        assert ask(admin, "SELECT DISTINCT auth_method FROM pg_hba_file_rules") == [
            ("scram-sha-256",)
        ]
        assert ask(
            admin, "SELECT datcollate, pg_encoding_to_char(encoding) FROM pg_database LIMIT 1"
        ) == [("C.UTF-8", "UTF8")]
        with pytest.raises(OperationalError, match="password authentication failed"):
            ask(admin.set(password="postgres"), "SELECT 1")
        folder = Cluster(home).sockets
        # Nobody else may enter; as root, the account of the server may, and may not look round.
        server = account()
        wanted = 0o700 if server is None else 0o710
        assert stat.S_IMODE(folder.stat().st_mode) == wanted
        assert server is None or folder.stat().st_gid == server.pw_gid
        assert stat.S_IMODE((home.local / "secrets.json").stat().st_mode) == 0o600
        # The longest path a socket may have is 107 bytes.
        assert len(str(folder / ".s.PGSQL.5432")) <= 107


def test_a_killed_postmaster_is_started_again_with_its_data(home):
    with running_cluster(home):
        admin = Cluster(home).url("postgres", "postgres")
        engine = create_engine(admin, isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            conn.execute(text("CREATE TABLE kept AS SELECT 7 AS seven"))
        engine.dispose()
        os.kill(Cluster(home).pid(), signal.SIGKILL)
        time.sleep(0.2)
        with running_cluster(home):
            assert ask(admin, "SELECT seven FROM kept") == [(7,)]


def test_a_pid_file_that_names_somebody_elses_process_is_stale(home):
    """After a reboot the number may belong to another process of the very account."""
    with running_cluster(home):
        pass
    cluster = Cluster(home)
    sleeping = ["sleep", "60"]
    if cluster.account is not None:
        sleeping = ["setpriv", f"--reuid={cluster.account.pw_uid}", "--clear-groups", *sleeping]
    other = subprocess.Popen(sleeping)
    try:
        pid_file = cluster.data / "postmaster.pid"
        pid_file.write_text(f"{other.pid}\n{cluster.data}\n")
        shutil.chown(pid_file, *([cluster.data.owner()] * 2))
        assert not cluster.running()
        with running_cluster(home):
            assert ask(cluster.url("postgres", "postgres"), "SELECT 1") == [(1,)]
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_socket_folder_that_is_a_link_is_not_walked_into(home, tmp_path):
    cluster = Cluster(home)
    shutil.rmtree(cluster.sockets, ignore_errors=True)
    cluster.sockets.symlink_to(tmp_path)
    try:
        with pytest.raises(Problem) as told, running_cluster(home):
            pass
        assert told.value.code == "cluster.socket_taken"
    finally:
        cluster.sockets.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's cluster runs under another account")
def test_where_its_account_cannot_enter_the_data_lies_elsewhere(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    settings = Settings(local=closed / "local", database_url=None)
    assert Cluster(settings).data == Path("/var/lib/minerisk") / settings.instance / "pg"


def test_a_given_database_is_used_and_no_cluster_is_made(tmp_path):
    given = "postgresql://somebody:secret@db.example/county"
    settings = Settings(local=tmp_path / "local", database_url=given)
    with running_cluster(settings):
        found = urls(settings)
        assert found["admin"].host == "db.example"
        assert found["app"].username == "minerisk_app"
    assert not (tmp_path / "local" / "pg").exists()
    assert not (tmp_path / "local" / "cluster.users").exists()
