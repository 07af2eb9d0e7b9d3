"""A real PostgreSQL with PostGIS for the tests: one private cluster, a fresh database per test."""

import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import create_engine, make_url, text

from geo.settings import Settings
from geo.store import accounts, cluster, decisions, intake
from geo.store.cluster import running_cluster
from geo.store.engine import SYSTEM, Actor, connect, dispose
from geo.store.migrate import migrate
from geo.survey.reading import ReadOptions
from tests.county import boundary, panel, write

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
TODAY = date(2024, 9, 1)
# Software rendering, and nothing the browser would fetch for itself.
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    # Maps alone are drawn by WebGL: to put every page together by it, too, in software, took more of
    # the processor than the pages themselves.
    "--disable-gpu-compositing",
]


def pytest_configure() -> None:
    """Hear Ctrl-C: what a shell starts in the background is deaf to it, and so are its children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files that take longest first, so that none is left to one process at the end."""
    heavy = ("slow", "database")
    rank: dict[Path, int] = {}
    for item in items:
        own = next((n for n, mark in enumerate(heavy) if item.get_closest_marker(mark)), len(heavy))
        rank[item.path] = min(own, rank.get(item.path, own))
    items.sort(key=lambda item: rank[item.path])


# Where a file is no more than memory, and what must be free there for one cluster after another.
MEMORY, ROOM = Path("/dev/shm"), 3 * 2**30


@contextmanager
def cluster_room(prefix: str) -> Iterator[Path]:
    """Make a folder every account may enter, so that a cluster can live in it.

    In memory, if there is room: to copy a database there takes a tenth of the time, and no test
    needs it longer than it runs.
    """
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    with tempfile.TemporaryDirectory(prefix=prefix, dir=MEMORY if roomy else None) as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def cluster_folder() -> Iterator[Path]:
    """The folder of the cluster that tests share."""
    with cluster_room("minerisk-test-") as folder:
        yield folder


@pytest.fixture(scope="session")
def template(cluster_folder: Path) -> Iterator[Settings]:
    """A running cluster with one migrated database, from which each test's own is copied."""
    made = Settings(local=cluster_folder / "local", database_url=None)
    with running_cluster(made):
        # What a test's database loses with the machine nobody misses.
        admin = create_engine(
            cluster.Cluster(made).url("postgres", "postgres"), isolation_level="AUTOCOMMIT"
        )
        with admin.connect() as conn:
            for name in ("fsync", "full_page_writes", "synchronous_commit"):
                conn.execute(text(f"ALTER SYSTEM SET {name} = off"))
            conn.execute(text("ALTER SYSTEM SET max_wal_size = '256MB'"))
            conn.execute(text("SELECT pg_reload_conf()"))
        admin.dispose()
        migrate(made)
        yield made
        dispose()


PEOPLED, MINED = "minerisk_people", "minerisk_mines"


def _keep(template: Settings, made: Settings, name: str) -> None:
    """Keep a test's database as it is, under a name, to be copied."""
    dispose()
    home = cluster.Cluster(template)
    admin = create_engine(home.url("postgres", "postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        source = make_url(str(made.database_url)).database
        conn.execute(text(f"CREATE DATABASE {name} TEMPLATE {source}"))
    admin.dispose()


@pytest.fixture(scope="session")
def peopled(template: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Make the people once, in a database to be copied: a password's hash is slow by intent."""
    with fresh_database(template, tmp_path_factory.mktemp("people")) as made:
        make_people(made)
        _keep(template, made, PEOPLED)
    return dict(PASSWORDS)


@pytest.fixture(scope="session")
def mined(
    template: Settings, peopled: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """File the two mines once, in a database to be copied; returns the files as they are kept."""
    folder = tmp_path_factory.mktemp("mines")
    with fresh_database(template, folder, PEOPLED) as made:
        with connect(made, "worker", SYSTEM) as conn:
            people = {login: accounts.actor_of(conn, login) for login in peopled}
        file_two_mines(made, people, folder)
        _keep(template, made, MINED)
        return made.raw_files


@contextmanager
def fresh_database(
    template: Settings, folder: Path, source: str = "minerisk"
) -> Iterator[Settings]:
    """Make a database of its own from `source`; the process's settings are its, while it lasts."""
    from geo import settings as module

    name = f"t_{uuid4().hex[:12]}"
    home = cluster.Cluster(template)
    admin = create_engine(home.url("postgres", "postgres"), isolation_level="AUTOCOMMIT")
    dispose()
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name} TEMPLATE {source}"))
    url = home.url("postgres", name).render_as_string(hide_password=False)
    local = folder / f"local-{name}"
    local.mkdir()
    # The roles are the cluster's: their passwords are, too.
    shutil.copy(template.local / "secrets.json", local / "secrets.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINERISK_LOCAL", str(local))
        patch.setenv("MINERISK_DATABASE_URL", url)
        module.settings.cache_clear()
        yield Settings(local=local, database_url=url)
    module.settings.cache_clear()
    dispose()
    with admin.connect() as conn:
        conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def settings(
    template: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Settings]:
    """Settings of a fresh, migrated database; with people, and mines, where the test asks for them."""
    source, files = "minerisk", None
    if "people" in request.fixturenames:
        PASSWORDS.update(request.getfixturevalue("peopled"))
        source = PEOPLED
    if "two_mines" in request.fixturenames:
        files, source = request.getfixturevalue("mined"), MINED
    with fresh_database(template, tmp_path, source) as made:
        if files:
            shutil.copytree(files, made.raw_files)
        yield made


@pytest.fixture
def people(settings: Settings) -> dict[str, Actor]:
    """Two regulators, two geologists, two enterprises' engineers, an administrator."""
    with connect(settings, "worker", SYSTEM) as conn:
        return {login: accounts.actor_of(conn, login) for login in PASSWORDS}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, gone with the module: while it runs, nothing else may use asyncio."""
    found = shutil.which("chromium")
    assert found, "chromium is missing; scripts/test installs it"
    with sync_playwright() as p:
        running = p.chromium.launch(executable_path=found, args=FLAGS)
        yield running
        running.close()


PASSWORDS: dict[str, str] = {}


def make_people(settings: Settings) -> dict[str, Actor]:
    """Make the people of a test's county, each with a random password kept in ``PASSWORDS``."""
    rows = [
        ("zhang", "regulator", "bureau", "bureau", "140981"),
        ("li", "regulator", "bureau", "bureau", "140981"),
        ("far", "regulator", "elsewhere", "bureau", "150000"),
        ("wang", "geologist", "survey", "survey_unit", ""),
        ("rival", "geologist", "survey2", "survey_unit", ""),
        ("zhao", "enterprise", "enterprise:甲公司", "enterprise", ""),
        ("qian", "enterprise", "enterprise:乙公司", "enterprise", ""),
        ("admin", "administrator", "bureau", "bureau", ""),
    ]
    with connect(settings, "worker", SYSTEM) as conn:
        for login, role, code, kind, district in rows:
            name = code.split(":")[-1]
            org: UUID = accounts.ensure_organisation(conn, code, name, kind)
            PASSWORDS[login] = secrets.token_urlsafe(12)
            accounts.create_user(
                conn,
                login,
                PASSWORDS[login],
                name=login,
                role=role,
                org_id=org,
                district=district,
            )
        return {row[0]: accounts.actor_of(conn, row[0]) for row in rows}


def filed(
    settings: Settings, path: Path, by: Actor, *, submit: bool = True, **options: Any
) -> UUID:
    """Send, read and submit a file as somebody would; returns the survey's id, or the upload's."""
    with connect(settings, "worker", by) as conn:
        upload_id = intake.register_upload(
            conn, by, path.name, path, ReadOptions(**options), settings=settings, enqueue=False
        )
    intake.process_upload(settings, upload_id)
    if not submit:
        return upload_id
    with connect(settings, "worker", by) as conn:
        return intake.submit(conn, by, upload_id, on=TODAY)


Accepting = Callable[..., tuple[UUID, dict[str, Any]]]


def accepting(settings: Settings, people: dict[str, Actor], folder: Path) -> Accepting:
    """Return what files rows of a layer and accepts them; it tells the survey and what was said."""

    def accepted(
        rows: list[Any], layer: str, by: str = "wang", **options: Any
    ) -> tuple[UUID, dict[str, Any]]:
        path = write(folder / f"{layer}-{len(list(folder.iterdir()))}.geojson", rows)
        survey_id = filed(settings, path, people[by], layer=layer, **options)
        with connect(settings, "worker", people["zhang"]) as conn:
            said = decisions.accept(conn, people["zhang"], survey_id, "ok", "doc", on=TODAY)
        return survey_id, said

    return accepted


def file_two_mines(settings: Settings, people: dict[str, Actor], folder: Path) -> Accepting:
    """File and accept two adjacent coal mines with plans; returns what files and accepts more."""
    accepted = accepting(settings, people, folder)
    accepted([boundary("A", "甲公司"), boundary("B", "乙公司", x=1)], "mine_boundary")
    accepted([panel("A", "3101", x=0.6), panel("B", "3201", x=1.5)], "plan_item")
    return accepted


@pytest.fixture
def two_mines(settings: Settings, people: dict[str, Actor], tmp_path: Path) -> Accepting:
    """Two adjacent coal mines with plans, accepted; returns what files and accepts more."""
    return accepting(settings, people, tmp_path)


@pytest.fixture
def file(settings: Settings) -> Callable[..., UUID]:
    """Return :func:`filed` for the test's own database."""
    return partial(filed, settings)
