"""axe-core finds no serious fault on any page, in either theme and width."""

import subprocess
from collections.abc import Callable

import pytest

from tests.web.conftest import Person, Site
from tests.web.test_pages import PAGES
from web import vendor

pytestmark = [pytest.mark.browser, pytest.mark.database, pytest.mark.slow]
AXE = vendor.MODULES / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def axe() -> str:
    """The checker, of the version in the lockfile; it is never served."""
    if not AXE.is_file():
        subprocess.run([*vendor.NPM], cwd=vendor.ROOM, check=True)
    return AXE.read_text("utf-8")


@pytest.mark.parametrize(("theme", "size"), [("light", "desktop"), ("dark", "phone")])
@pytest.mark.parametrize("login", [None, *PAGES])
def test_no_serious_fault(
    site: Site, person: Callable[..., Person], axe: str, login: str | None, theme: str, size: str
) -> None:
    someone = person(site, login, "zh", size)
    page = someone.page
    page.context.add_cookies([{"name": "minerisk_theme", "value": theme, "url": site.url}])
    paths = ["/sign-in"] if login is None else [*PAGES[login]]
    if "/surveys" in paths:
        someone.go("/surveys")
        first = page.locator("main table a").first
        if first.count():
            paths.append(first.get_attribute("href") or "")
    if "/uploads" in paths:
        someone.go("/uploads")
        first = page.locator("main table a[href^='/uploads/']").first
        if first.count():
            paths.append(first.get_attribute("href") or "")
    if login == "zhang":
        paths += ["/map?mine=SL-C02", "/nowhere-at-all"]
    faults = []
    for path in paths:
        page.goto(f"{site.url}{path}", wait_until="networkidle")
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        faults += [
            (path, fault["id"], node["target"])
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]
    # A page that is not there is an answer of 404, which the browser notes.
    someone.watch.faults[:] = [f for f in someone.watch.faults if "404" not in f]
    assert faults == []
