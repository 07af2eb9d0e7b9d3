"""A server of somebody else's, reached over TCP: no cluster of ours is made beside it."""

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from geo import sample
from geo.settings import CHECKOUT

pytestmark = [pytest.mark.database, pytest.mark.slow]
BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL somebody else keeps: TCP on loopback, two accounts, one of them without rights."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def run(*words, **more):
        subprocess.run([*become, *words], check=True, cwd="/", capture_output=True, **more)

    with tempfile.TemporaryDirectory(prefix="minerisk-given-") as folder:
        if become:
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
        data = f"{folder}/data"
        run(BIN / "initdb", "-D", data, "-U", "boss", "--auth-host=trust", "--locale=C.UTF-8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        run(BIN / "pg_ctl", "start", "-w", "-D", data, "-l", f"{folder}/log", "-o", options)
        try:
            boss = f"postgresql://boss@127.0.0.1:{port}"
            admin = create_engine(
                f"{boss}/postgres".replace("://", "+psycopg://"), isolation_level="AUTOCOMMIT"
            )
            with admin.connect() as conn:
                conn.execute(text("CREATE DATABASE county"))
                conn.execute(text("CREATE ROLE clerk LOGIN"))
            admin.dispose()
            yield port
        finally:
            run(BIN / "pg_ctl", "stop", "-w", "-m", "fast", "-D", data)


def minerisk(local, port, account, *words):
    env = {
        **os.environ,
        "MINERISK_DATABASE_URL": f"postgresql://{account}@127.0.0.1:{port}/county",
        "MINERISK_LOCAL": str(local),
        "MINERISK_LANG": "en",
    }
    return subprocess.run(
        [sys.executable, "-m", "geo.cli.run", *words],
        cwd=CHECKOUT, env=env, text=True, capture_output=True, timeout=300, check=False,
    )  # fmt: skip


def test_a_given_database_is_used_as_its_administrator_permits(server, tmp_path):
    local = tmp_path / "local"
    refused = minerisk(local, server, "clerk", "start", "--once", "--json", "--no-sample")
    assert refused.returncode == 2
    assert "minerisk db grants" in refused.stderr
    assert "Traceback" not in refused.stderr
    # What is printed for the administrator is all that is needed: the clerk's account then works.
    printed = minerisk(local, server, "boss", "db", "grants")
    script = printed.stdout
    psql = shutil.which("psql")
    subprocess.run(
        [psql, "-v", "ON_ERROR_STOP=1", "-q", f"postgresql://boss@127.0.0.1:{server}/county"],
        input=script, text=True, check=True, capture_output=True,
    )  # fmt: skip
    begun = minerisk(local, server, "clerk", "start", "--once", "--json")
    assert begun.returncode == 0, begun.stderr[-600:]
    said = json.loads(begun.stdout.splitlines()[-1])
    assert (said["mines"], said["surveys"]) == (12, len(sample.manifest()["files"]))
    grades = json.loads(
        minerisk(local, server, "clerk", "grades", "--mine", "SL-C01", "--json").stdout
    )
    assert grades
    assert not (local / "pg").exists()
    assert not (local / "cluster.users").exists()
    gone = minerisk(local, 1, "boss", "grades", "--json")
    assert gone.returncode == 2
    assert "cannot be reached" in gone.stderr
