"""axe-core finds no serious fault on the pages of a file's way, nor where nobody is signed in.

The pages everybody has are checked as they are drawn, in test_pages.
"""

import json
import time
from collections.abc import Callable

import pytest
import shapely
from playwright.sync_api import Page

from sample_data.make import licence
from tests.web.conftest import Person, Site

pytestmark = [pytest.mark.browser, pytest.mark.database, pytest.mark.slow]


def sent(someone: Person) -> list[str]:
    """Send what is staged, with questions asked, and what fails; return their pages."""
    page, url = someone.page, someone.site.url
    token = page.locator("meta[name=csrf]").get_attribute("content") or ""
    west, south, east, north = licence("SL-C05").bounds
    box = shapely.box((west + east) / 2, (south + north) / 2, east - 0.001, north - 0.001)
    loop = shapely.Polygon([(west, south), (west + 0.001, south + 0.001), (west + 0.001, south), (west, south + 0.001)])  # fmt: skip
    known = {"煤层": "3", "矿山编号": "SL-C05", "积水": "有", "积水范围清": "否", "他列": "x"}
    rows = [({"编号": f"AX-{n}", **known}, shape) for n, shape in enumerate((box, loop))]
    features = [
        {"type": "Feature", "properties": row, "geometry": json.loads(shapely.to_geojson(shape))}
        for row, shape in rows
    ]
    whole = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    pages = []
    for name, body in (("采空区.geojson", whole), ("坏.zip", b"PK\x03\x04 torn")):
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": body}
        answer = page.request.post(
            f"{url}/uploads",
            headers={"Accept": "application/json"},
            multipart={"csrf": token, "file": file},
        )
        pages.append(answer.json()["href"])
    until = time.monotonic() + 60
    while time.monotonic() < until:
        states = [page.request.get(f"{url}/api/v1{at}").json()["state"] for at in pages]
        if states == ["staged", "failed"]:
            return pages
        time.sleep(0.2)
    raise AssertionError(states)


def corrected(someone: Person) -> str:
    """Return the page on which something on record is drawn anew."""
    west, south, east, north = licence("SL-C02").bounds
    box = f"west={west}&south={south}&east={east}&north={north}"
    found = someone.page.request.get(f"{someone.site.url}/draw/shapes.json?{box}").json()
    one = next(shape for shape in found["shapes"] if shape["correctable"])
    return f"/draw?feature={one['id']}"


def on_the_way(someone: Person, serious: Callable[[Page], list[str]]) -> list[tuple[str, str]]:
    """Return the faults of the pages while a file is sent, and while it is read."""
    page = someone.page
    # Neither is let go on: the file stays half sent, and the page hears of no progress.
    page.route(lambda url: url.endswith("/uploads"), lambda r: r.continue_() if r.request.method == "GET" else None)  # fmt: skip
    someone.go("/uploads")
    page.set_input_files("#files", {"name": "半.geojson", "mimeType": "", "buffer": b"{}" * 900})
    page.locator("#sending progress").wait_for()
    found = [("sending", fault) for fault in serious(page)]
    token = page.locator("meta[name=csrf]").get_attribute("content") or ""
    # A page that hears again goes on by itself, in the middle of what comes next: leave it first.
    page.goto("about:blank")
    page.unroute_all()
    page.route("**/api/v1/uploads/*/events", lambda route: None)
    # It is read by a child, which takes its second to come up, and found to be cut off.
    body = b'{"type": "FeatureCollection", "features": [' + b" " * 2_000_000
    for _ in range(3):
        # What comes later waits while the others are read.
        file = {"name": "读.geojson", "mimeType": "application/json", "buffer": body}
        for _ in range(6):
            answer = page.request.post(
                f"{someone.site.url}/uploads",
                headers={"Accept": "application/json"},
                multipart={"csrf": token, "file": file},
            )
        page.goto(f"{someone.site.url}{answer.json()['href']}", wait_until="load")
        if page.locator("#progress").count():
            break
    assert page.locator("#progress progress").count() == 1
    found += [("reading", fault) for fault in serious(page)]
    page.goto("about:blank")
    page.unroute_all()
    return found


def objection(someone: Person) -> str:
    """Return the page of an enterprise's objection; the first to ask puts one on record."""
    page, url = someone.page, someone.site.url
    someone.go("/objections")
    there = page.locator("main a[href^='/objections/']").first
    if there.count():
        return there.get_attribute("href") or ""
    token = page.locator("meta[name=csrf]").get_attribute("content") or ""
    form = {"csrf": token, "grade": "hydro:medium", "reason": "疏放已完成"}
    answer = page.request.post(f"{url}/mines/SL-C01/objections", form=form, max_redirects=0)
    return answer.headers["location"]


@pytest.mark.parametrize(("theme", "size"), [("light", "desktop"), ("dark", "phone")])
@pytest.mark.parametrize("login", [None, "zhang", "wang"])
def test_no_serious_fault(
    site: Site,
    person: Callable[..., Person],
    serious: Callable[[Page], list[str]],
    login: str | None,
    theme: str,
    size: str,
) -> None:
    # In English once, as every page of a file's way is looked at.
    lang = "en" if (login, size) == ("wang", "phone") else "zh"
    someone = person(site, login, lang, size)
    page = someone.page
    page.context.add_cookies([{"name": "minerisk_theme", "value": theme, "url": site.url}])
    paths = {None: ["/sign-in"], "zhang": ["/map?mine=SL-C02", "/nowhere-at-all"], "wang": []}[
        login
    ]
    for at, links in (
        ("/surveys", "main table a"),
        ("/uploads", "main table a[href^='/uploads/']"),
    ):
        if login:
            someone.go(at)
            first = page.locator(links).first
            if first.count():
                paths.append(first.get_attribute("href") or "")
    if login == "wang":
        paths += [*sent(someone), corrected(someone)]
    faults: list[tuple[str, str]] = []
    if login == "zhang":
        # Whose it is sees it as a party, the regulator with the form that answers it.
        whose = person(site, "zhao", lang, size)
        paths.append(objection(whose))
        whose.go(paths[-1])
        faults += [("its own", fault) for fault in serious(whose.page)]
    if login == "wang":
        faults += on_the_way(someone, serious)
    for path in paths:
        someone.settled(path)
        faults += [(path, fault) for fault in serious(page)]
    # A page that is not there is an answer of 404, which the browser notes.
    someone.watch.faults[:] = [f for f in someone.watch.faults if "404" not in f]
    assert faults == []
