"""A real server, worker, database and browser: what the pages are tested on."""

import json
import secrets
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
)
from sqlalchemy import create_engine, text

from geo import clock, sample
from geo.settings import Settings
from geo.store import cluster, relief_tiles
from geo.store.engine import dispose
from tests.web.forked import Child, Parents
from web import vendor

# A page on a busy machine takes longer than the five seconds that are usual.
expect.set_options(timeout=30_000)
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}


@dataclass
class Site:
    """A served county: where it is, and how to come in."""

    url: str
    passwords: dict[str, str]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def parents() -> Iterator[Parents]:
    """What servers and workers are forked from."""
    made = Parents()
    yield made
    made.end()


@contextmanager
def served(parents: Parents, settings: Settings, folder: Path) -> Iterator[Site]:
    """Run server and worker on a database, as ``minerisk start`` does."""
    port, log = free_port(), folder / "server.log"
    with parents.server(settings, port, log) as server, parents.worker(settings, log) as worker:
        url = f"http://127.0.0.1:{port}"
        _wait(url, server, log)
        yield Site(url, json.loads(sample.signins(settings).read_text("utf-8")))
        server.terminate()
        worker.terminate()


def _wait(url: str, server: Child, log: Path) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until:
        if server.ended():
            break
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                return
        except (URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError(f"the server did not come up:\n{log.read_text('utf-8')}")


@contextmanager
def copied(template: Settings, source: str, folder: Path) -> Iterator[Settings]:
    """Make a database of its own from another, with a folder for its files."""
    name = f"w_{secrets.token_hex(6)}"
    home = cluster.Cluster(template)
    admin = create_engine(home.url("postgres", "postgres"), isolation_level="AUTOCOMMIT")
    dispose()
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name} TEMPLATE {source}"))
    local = folder / "local"
    if not local.exists():
        local.mkdir()
    shutil.copy(template.local / "secrets.json", local / "secrets.json")
    url = home.url("postgres", name).render_as_string(hide_password=False)
    try:
        yield Settings(local=local, database_url=url)
    finally:
        dispose()
        with admin.connect() as conn:
            conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@pytest.fixture(scope="session")
def county(template: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The sample county, loaded once; nobody is connected to it, so that it can be copied."""
    vendor.install()
    with copied(template, "minerisk", tmp_path_factory.mktemp("county")) as made:
        sample.load(made, clock.today())
        # As the worker does first of all: else that of every copy would draw the same again.
        relief_tiles.refresh(made)
        dispose()
        yield made


@pytest.fixture(scope="session")
def site(
    template: Settings,
    county: Settings,
    parents: Parents,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """A served copy of the sample for tests that only look."""
    with _copy_of(template, county, parents, tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture
def own_site(
    template: Settings, county: Settings, parents: Parents, tmp_path: Path
) -> Iterator[Site]:
    """A served copy of the sample that this test may change."""
    with _copy_of(template, county, parents, tmp_path) as made:
        yield made


@contextmanager
def _copy_of(
    template: Settings, county: Settings, parents: Parents, folder: Path
) -> Iterator[Site]:
    shutil.copytree(county.local, folder / "local")
    source = str(county.database_url).rsplit("/", 1)[1].split("?")[0]
    with copied(template, source, folder) as made, served(parents, made, folder) as running:
        yield running


@dataclass
class Watch:
    """What a reader's browser complained of, and whom it asked."""

    origin: str
    faults: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    under_way: set[Request] = field(default_factory=set)

    def on(self, page: Page) -> None:
        """Watch a page."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("request", self._asked)
        for over in ("requestfinished", "requestfailed"):
            page.on(over, self._answered)
        page.on(
            "response",
            lambda r: self.faults.append(f"{r.status} {r.url}") if r.status >= 500 else None,
        )

    def _asked(self, request: Request) -> None:
        self.hosts.add(_origin(request.url))
        self.under_way.add(request)

    def _answered(self, request: Request) -> None:
        self.under_way.discard(request)

    def _console(self, message: ConsoleMessage) -> None:
        # What a browser without a graphics card says of itself, whenever it shows what WebGL drew.
        if "GPU stall due to ReadPixels" in message.text:
            return
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.location.get('url')}: {message.text}")

    def check(self) -> None:
        """Fail if anything was complained of, or anybody else was asked."""
        assert self.faults == []
        assert self.hosts <= {self.origin}


# A frame later, whether the map, if there is one, has drawn all it asked for.
_NEXT_FRAME = """() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => {
  const map = window.minerisk?.map;
  resolve(!map || (map.loaded() && map.areTilesLoaded()));
})))"""


def _origin(url: str) -> str:
    parts = urlsplit(url)
    # data: and blob: are the page's own, and ask nobody.
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https", "ws") else ""


@dataclass
class Person:
    """Somebody at a browser of their own."""

    page: Page
    site: Site
    watch: Watch

    def sign_in(self, login: str) -> None:
        """Come in by the sign-in page."""
        self.page.goto(f"{self.site.url}/sign-in")
        self.page.fill("#login", login)
        self.page.fill("#password", self.site.passwords[login])
        self.page.press("#password", "Enter")
        self.page.wait_for_url(lambda url: "sign-in" not in url)

    def count_clicks(self) -> list[str]:
        """Return a list that grows with each click the person makes from now on."""
        clicks: list[str] = []
        self.page.expose_binding("clicked", lambda _, what: clicks.append(what))
        script = (
            "addEventListener('click', (e) => e.isTrusted && e.detail &&"
            " window.clicked(String(e.target.textContent).trim().slice(0, 20)), true)"
        )
        self.page.add_init_script(script)
        self.page.evaluate(script)
        return clicks

    def go(self, path: str) -> None:
        """Open an address."""
        self.page.goto(f"{self.site.url}{path}")

    def settled(self, path: str) -> Response | None:
        """Open an address and wait until nothing is under way any more, nor anything to be drawn.

        Half a second of silence on the wire, which a browser would wait for, is more than most
        pages take.
        """
        self.watch.under_way.clear()
        answer = self.page.goto(f"{self.site.url}{path}")
        quiet, until = 0, time.monotonic() + 60
        while quiet < 2:
            assert time.monotonic() < until, [one.url for one in self.watch.under_way]
            drawn = self.page.evaluate(_NEXT_FRAME)
            quiet = quiet + 1 if drawn and not self.watch.under_way else 0
        return answer

    def map_drawn(self) -> None:
        """Wait until the map has drawn all it asked for."""
        self.page.wait_for_function(
            "() => window.minerisk && minerisk.map.loaded() && minerisk.map.areTilesLoaded()",
            timeout=60_000,
        )


@pytest.fixture
def person(browser: Browser) -> Iterator[Callable[..., Person]]:
    """Make somebody at a browser; at the end nobody's browser may have complained."""
    contexts: list[BrowserContext] = []
    people: list[Person] = []

    def made(
        site: Site, login: str | None = None, lang: str = "zh", size: str = "desktop"
    ) -> Person:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce"
        )
        context.set_default_timeout(90_000)
        context.add_cookies([{"name": "minerisk_lang", "value": lang, "url": site.url}])
        contexts.append(context)
        page = context.new_page()
        # Blobs and data have no host.
        watch = Watch(site.url, hosts={site.url})
        watch.on(page)
        one = Person(page, site, watch)
        people.append(one)
        if login:
            one.sign_in(login)
        return one

    yield made
    for one in people:
        one.watch.hosts.discard("")
        one.watch.check()
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def serious() -> Callable[[Page], list[str]]:
    """Return what names the serious faults axe-core finds on a page; it is never served."""
    checker = vendor.MODULES / "axe-core" / "axe.min.js"
    if not checker.is_file():
        subprocess.run([*vendor.NPM], cwd=vendor.ROOM, check=True)
    script = checker.read_text("utf-8")

    def found(page: Page) -> list[str]:
        page.evaluate(script)
        answer = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{fault['id']} at {node['target']}"
            for fault in answer["violations"]
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]

    return found
