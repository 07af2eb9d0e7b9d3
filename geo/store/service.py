"""The account the server runs under where we are root, and what that account may reach.

The server is what strangers talk to: it becomes another user, with no way back and with the
passwords of the reading and grading roles only. The worker stays root, listens to nobody, and
gives each reading child the account of nobody, which an account of its own could not do.
"""

import hashlib
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geo.settings import CHECKOUT, Settings
from geo.store.cluster import urls
from geo.store.secrets import SERVICE_ROLES, role_passwords, service_file, write_private

ACCOUNT = "minerisk"
_CAP_DAC_READ_SEARCH = 2


def account() -> pwd.struct_passwd | None:
    """Return the account to become; None where we are not root, or there is none."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None


def _enterable(settings: Settings) -> bool:
    """Tell whether any account may enter the checkout and our data, and run the interpreter."""
    wanted = (CHECKOUT / "geo", settings.local.resolve(), Path(sys.executable))
    return all(
        bool(folder.stat().st_mode & stat.S_IXOTH)
        for path in (*wanted, Path(sys.executable).resolve())
        for folder in path.parents
    )


def _may_read_all() -> bool:
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_DAC_READ_SEARCH & 1)
    return False


def privileges(settings: Settings) -> str:
    """Return what the server is: ``own`` (as we are), ``account``, ``reads_all`` or ``root``.

    ``reads_all``: under its account, but able to enter any folder, because the checkout, our
    data or the interpreter lies where only root may go. ``root``: there is no account, or no such
    right.
    """
    if os.geteuid() != 0:
        return "own"
    if account() is None or shutil.which("setpriv") is None:
        return "root"
    if _enterable(settings):
        return "account"
    return "reads_all" if _may_read_all() else "root"


def kernels() -> Path:
    """Return where the account keeps what it compiles of this checkout.

    Whoever reads such a file runs it, so it is the account's alone; and it is compiled of the
    code, not of the data, so every database served from one checkout shares it.
    """
    of = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]
    return Path("/var/lib/minerisk") / f"kernels-{of}"


def hand_over(settings: Settings, to: pwd.struct_passwd) -> None:
    """Give an account what the server writes to, and the passwords of its two roles."""
    settings.raw_files.mkdir(parents=True, exist_ok=True)
    kernels().parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    kernels().mkdir(mode=0o700, exist_ok=True)
    passwords = role_passwords(settings)
    mine = service_file(settings)
    write_private(mine, json.dumps({role: passwords[role] for role in SERVICE_ROLES}))
    given = settings.raw_files, kernels()
    for path in (settings.local, mine, *given, *(p for one in given for p in one.rglob("*"))):
        os.chown(path, to.pw_uid, to.pw_gid)


def prefix(to: pwd.struct_passwd, reads_all: bool) -> list[str]:
    """Return the command that becomes an account for good, and ends with whoever started it."""
    kept = "-all,+dac_read_search" if reads_all else "-all"
    # access(2) asks for the account without that right, and Alembic asks it, unless told otherwise.
    may_ask = ["--securebits=+no_setuid_fixup"] if reads_all else []
    return [
        *("setpriv", "--reuid", str(to.pw_uid), "--regid", str(to.pw_gid), "--clear-groups"),
        *(f"--inh-caps={kept}", f"--ambient-caps={kept}", f"--bounding-set={kept}"),
        *may_ask,
        "--no-new-privs",
        # A second time: the kernel forgets whose death to tell when the account changes.
        *("setpriv", "--pdeathsig", "TERM"),
    ]


def environment(settings: Settings) -> dict[str, str]:
    """Return what a process under the account is told: the database by its socket alone."""
    url = urls(settings)["app"].set(drivername="postgresql", username=None, password=None)
    return {
        **os.environ,
        "MINERISK_DATABASE_URL": url.render_as_string(),
        "MINERISK_LOCAL": str(settings.local),
        "HOME": "/nonexistent",
        "NUMBA_CACHE_DIR": str(kernels()),
    }


@contextmanager
def running_as_account(settings: Settings, *words: str) -> Iterator[subprocess.Popen[bytes] | None]:
    """Run ``minerisk`` with `words` under the server's account while the block runs.

    Yields None where we are to run it ourselves. The process is told the database by its socket
    and never holds the cluster: whoever started it does.
    """
    become, how = account(), privileges(settings)
    if become is None or how in ("own", "root"):
        yield None
        return
    hand_over(settings, become)
    env = environment(settings)
    command = [*prefix(become, how == "reads_all"), sys.executable, "-m", "geo.cli.run", *words]
    child = subprocess.Popen(command, env=env)
    try:
        yield child
    finally:
        child.terminate()
        child.wait()
