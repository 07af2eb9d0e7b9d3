"""A large file from the page: the connection breaks, the page is closed, and it goes on from there."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import shapely
from playwright.sync_api import Route, expect

from geo.messages import say
from geo.store.sendings import CHUNK_BYTES
from sample_data.make import licence
from tests.county import write
from tests.geo.store.test_sent_models import sheet
from tests.geo.survey.test_read_drawings import Dxf
from tests.web.conftest import Person, Site

pytestmark = [pytest.mark.browser, pytest.mark.database, pytest.mark.slow]
People = Callable[..., Person]


def large(folder: Path) -> Path:
    """Write one goaf and some twelve megabytes of blanks, which JSON does not mind."""
    west, south, east, north = licence("SL-C05").bounds
    box = shapely.box((west + east) / 2, (south + north) / 2, east - 0.001, north - 0.001)
    row = {"编号": "LK-9", "煤层": "3", "矿山编号": "SL-C05", "积水": "无", "积水范围清": "是"}
    path = write(folder / "五号矿三维扫描采空区.geojson", [(row, box)])
    path.write_bytes(path.read_bytes() + b" " * (3 * CHUNK_BYTES + 5))
    return path


def test_a_broken_connection_and_a_closed_page_cost_one_piece(
    own_site: Site, person: People, tmp_path: Path
) -> None:
    wang = person(own_site, "wang")
    page, path = wang.page, large(tmp_path)
    arrived: list[int] = []
    broken: list[int] = []

    def line(route: Route) -> None:
        """Let the first piece through, break the second once, and all that come after it."""
        (offset,) = map(int, parse_qs(urlsplit(route.request.url).query)["offset"])
        if (offset == CHUNK_BYTES and not broken) or offset > CHUNK_BYTES:
            broken.append(offset)
            route.abort("connectionreset")
        else:
            arrived.append(offset)
            route.continue_()

    page.route(re.compile(r"/api/v1/sendings/[^/]+\?offset="), line)
    page.set_input_files("#files", path)
    # The second piece broke and was sent again by itself; the third finds no line at all.
    waiting = say("web.js.upload.waiting", "zh", name=path.name)
    expect(page.locator("#sending")).to_contain_text(waiting)
    page.wait_for_function("() => document.querySelector('#sending progress').value > 0.6")
    assert arrived == [0, CHUNK_BYTES]
    assert broken[0] == CHUNK_BYTES
    context = page.context
    # A page that closes hands over what its route still holds, and the piece would arrive: cut the
    # line, and leave first.
    context.set_offline(True)
    page.goto("about:blank")
    page.close()
    context.set_offline(False)
    # The browser did complain of the broken lines, and of nothing else.
    assert all("/api/v1/sendings/" in fault for fault in wang.watch.faults), wang.watch.faults
    wang.watch.faults.clear()

    back = context.new_page()
    wang.watch.on(back)
    sent: list[int] = []
    back.on(
        "request",
        lambda r: "offset=" in r.url and sent.append(int(parse_qs(urlsplit(r.url).query)["offset"][0])),
    )  # fmt: skip
    back.goto(f"{own_site.url}/uploads")
    expect(back.locator("#unfinished")).to_contain_text(path.name)
    there = say("web.uploads.there_of", "zh", there="8.0", all=f"{path.stat().st_size / 2**20:.1f}")
    expect(back.locator("#unfinished")).to_contain_text(there)
    back.set_input_files("#files", path)
    back.wait_for_url(re.compile(r"/uploads/[0-9a-f-]{36}"))
    # Nothing that was there is sent again.
    assert sent == [2 * CHUNK_BYTES, 3 * CHUNK_BYTES]
    expect(back.locator("main")).to_contain_text("LK-9", timeout=60_000)
    back.goto(f"{own_site.url}/uploads")
    expect(back.locator("#unfinished")).to_have_count(0)


def test_what_is_not_wanted_any_more_is_thrown_away_from_the_page(
    own_site: Site, person: People, tmp_path: Path
) -> None:
    wang = person(own_site, "wang")
    page, path = wang.page, large(tmp_path)
    page.evaluate(
        "([name, size]) => import(document.querySelector('script[src*=uploads]').src.replace("
        "'uploads.js', 'page.js')).then(({ csrf }) => fetch('/api/v1/sendings', {method: 'POST',"
        " headers: {'X-CSRF-Token': csrf, 'Content-Type': 'application/json'},"
        " body: JSON.stringify({filename: name, size})}))",
        [path.name, path.stat().st_size],
    )
    page.reload()
    page.locator("#unfinished").get_by_role("button").click()
    expect(page.locator("#unfinished tbody tr")).to_have_count(0)
    page.reload()
    expect(page.locator("#unfinished")).to_have_count(0)
    # A folder of all that may be sent, and a letter: all goes but the letter, and that is said.
    folder = tmp_path / "送审"
    folder.mkdir()
    square = shapely.Polygon([(0, 0), (200, 0), (200, 200), (0, 200)])
    Dxf().write(folder / "空图.dxf")
    rows = "\n".join(f"{x + 500000},{y + 4300000}" for x, y in square.exterior.coords)
    (folder / "拐点.csv").write_text(f"Y,X\n{rows}\n", "utf-8")
    (folder / "来函.docx").write_bytes(b"PK\x03\x04 a letter")
    page.set_input_files("#folder", folder)
    list_ = page.locator("#sending li")
    expect(list_).to_have_count(3)
    expect(list_.first).to_contain_text("来函.docx")
    for name in ("空图.dxf", "拐点.csv"):
        done = list_.filter(has=page.get_by_role("link", name=name))
        expect(done).to_be_visible()
        expect(done.locator("progress")).to_have_count(0, timeout=60_000)
    expect(page.locator("#sending")).not_to_contain_text(say("web.js.upload.sent", "zh"))
    # One alone that is taken is gone to at once.
    page.set_input_files("#files", folder / "拐点.csv")
    page.wait_for_url(re.compile(r"/uploads/[0-9a-f-]{36}"))


def test_the_sheets_of_a_model_are_sent_reviewed_and_drawn(
    own_site: Site, person: People, tmp_path: Path
) -> None:
    wang, zhang = person(own_site, "wang"), person(own_site, "zhang", size="phone")
    wang.go("/terrains")
    page = wang.page
    sheets = [sheet(tmp_path, "西.tif", (0, 0.5)), sheet(tmp_path, "东.tif", (0.5, 1))]
    page.set_input_files("#sheets", sheets)
    for name, value in (("source", "省测绘院"), ("dated", "2024-05-01"), ("error", "2.5")):
        page.fill(f"#{name}", value)
    page.click("#send-model button")
    page.wait_for_url("**/uploads/*")
    # The names of both are there: what was chosen went as one zip, and was read as two sheets.
    expect(page.locator("#read")).to_contain_text("东.tif、西.tif", timeout=90_000)
    page.click("#read button")
    expect(page.locator("#waiting")).to_contain_text("省测绘院")
    expect(page.locator("#waiting form")).to_have_count(0)
    zhang.go("/inbox")
    review = zhang.page
    review.click("#models a")
    review.click(f"#waiting summary >> text={say('web.terrain.accept', 'zh')}")
    review.fill("#waiting input[name=reason]", "与控制点核对一致")
    review.fill("#waiting input[name=document]", "示例审字〔2024〕9号")
    review.click("#waiting button.primary")
    # It would judge head-top ponds on other ground: that takes two.
    expect(review.locator("#proposals")).to_contain_text("SL-T04")
    li = person(own_site, "li")
    li.go("/inbox#proposals")
    li.page.check("#proposals input[name=read]")
    li.page.click("#proposals button.primary")
    wang.go("/terrains")
    expect(page.locator("#waiting")).to_have_count(0)
    expect(page.locator("table")).to_contain_text("省测绘院")
    zhang.go("/map?layers=models&at=12/38.817/112.606")
    zhang.map_drawn()
    drawn = review.evaluate(
        "minerisk.map.querySourceFeatures('models', {sourceLayer: 'models'}).map((f) => f.properties.source)"
    )
    assert "省测绘院" in drawn
    assert review.evaluate(
        "minerisk.map.queryRenderedFeatures({layers: ['models-line', 'models-idle']}).length"
    )
