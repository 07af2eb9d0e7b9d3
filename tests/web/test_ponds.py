"""The ponds' pages: the board and its lists, a pond's life by form, the siting tool, the map."""

import datetime as dt
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import expect

from geo import clock
from geo.messages import say
from tests.web.conftest import Person, Site

pytestmark = [pytest.mark.browser, pytest.mark.database, pytest.mark.slow]
People = Callable[..., Person]
DAY = "2024-09-01"


def test_every_number_of_the_board_opens_its_list(site: Site, person: People) -> None:
    page = person(site, "zhang").page
    page.goto(f"{site.url}/ponds?on={DAY}")
    links = page.locator(".figures a, .three a, #demands a").evaluate_all(
        "all => all.map((a) => [a.href, Number(a.textContent)])"
    )
    assert len(links) > 35
    # The number may only fall: number two came in 2024.
    expect(page.locator("main > .notice.trouble")).to_contain_text("SL-T02")
    expect(page.locator("#trend")).to_contain_text("2020-02-21")
    for href, count in links:
        page.goto(href)
        assert page.locator("#list tbody tr").count() == count, href


def test_the_board_goes_out_as_excel(site: Site, person: People) -> None:
    page = person(site, "zhang").page
    body = page.request.get(f"{site.url}/ponds/board.xlsx?on={DAY}").body()
    sheet = openpyxl.load_workbook(io.BytesIO(body)).active
    rows = {row[0].value: [cell.value for cell in row] for row in sheet.iter_rows(min_row=4)}
    assert len(rows) == 10
    # Of a figure's list the sheet holds what the list shows.
    body = page.request.get(f"{site.url}/ponds/board.xlsx?on={DAY}&list=upcoming").body()
    sheet = openpyxl.load_workbook(io.BytesIO(body)).active
    (soon,) = sheet.iter_rows(min_row=4, values_only=True)
    assert soon[0] == "SL-T01"
    assert soon[14] == dt.datetime(2024, 12, 30)
    assert 92 in rows["SL-T04"]
    assert 305 in rows["SL-T07"]
    assert "病库" in rows["SL-T04"]
    assert any("干滩" in str(cell) for cell in rows["SL-T04"])


def test_a_pond_says_why_and_shows_who_lies_below(site: Site, person: People) -> None:
    page = person(site, "zhang").page
    page.goto(f"{site.url}/ponds/SL-T04?on={DAY}")
    expect(page.locator("#duties")).to_contain_text("92")
    expect(page.locator("#duties")).to_contain_text("第二十八条")
    expect(page.locator("#headtop")).to_contain_text("丁家住户")
    # It never sent a reading, and the page says since when one is missed.
    expect(page.locator("#monitoring")).to_contain_text("2021-09-01")
    expect(page.locator("#monitoring")).to_contain_text("干滩长度")
    assert page.locator("svg.profile rect.house").count() == 1
    page.wait_for_function("() => window.minerisk && minerisk.map.loaded()")
    drawn = page.evaluate(
        "() => ['part-path', 'part-toe', 'part-strip', 'part-point'].map("
        "(layer) => minerisk.map.queryRenderedFeatures({layers: [layer]}).length)"
    )
    assert all(n > 0 for n in drawn), drawn
    page.goto(f"{site.url}/ponds/SL-T03?on={DAY}")
    # The circle takes the next valley's village; the page says that it does not count.
    expect(page.locator("#headtop")).to_contain_text(say("web.pond.passed_by", "zh"))
    expect(page.locator("#headtop")).to_contain_text("丙家村")


def test_an_event_is_recorded_refused_and_taken_back(own_site: Site, person: People) -> None:
    page = person(own_site, "zhang").page
    today = clock.today().isoformat()
    page.goto(f"{own_site.url}/ponds/SL-T06")
    form = page.locator("form[action='/ponds/SL-T06/events']").first
    offered = form.locator("#e-kind option").evaluate_all("all => all.map((o) => o.value)")
    assert "works_started" in offered
    assert "deregistered" not in offered
    form.locator("#e-kind").select_option("works_started")
    form.locator("button.primary").click()
    expect(page.get_by_role("status").first).to_have_text(say("web.told.pond_event", "zh"))
    expect(page.locator(".page-head")).to_contain_text("闭库施工")
    # What cannot have happened is a sentence, not a fault.
    answer = page.request.post(
        f"{own_site.url}/ponds/SL-T06/events",
        form={
            "csrf": page.locator("meta[name=csrf]").get_attribute("content") or "",
            "kind": "deregistered",
            "on": today,
            "document": "x",
        },
    )
    assert answer.status == 422
    assert "闭库施工" in answer.text()
    page.goto(f"{own_site.url}/ponds/SL-T06")
    # Works begun by mistake burden nobody less when they are taken back: one person does it.
    label = page.locator("#a-event option", has_text="闭库工程开工").inner_text()
    page.locator("#a-event").select_option(label=label)
    page.fill("#a-document", "更正1号")
    page.get_by_role("button", name=say("web.pond.annul_do", "zh")).click()
    expect(page.locator("#life s")).to_contain_text(label.split(" · ")[0])


def test_a_pond_is_struck_off_by_form_and_by_a_second_person(
    own_site: Site, person: People
) -> None:
    page = person(own_site, "zhang").page
    page.goto(f"{own_site.url}/ponds/SL-T08")
    page.locator("#e-kind").select_option("deregistered")
    page.fill("#e-document", "示例销字〔2026〕8号")
    page.locator("#record form button.primary").first.click()
    expect(page.get_by_role("status").first).to_have_text(say("web.told.pond_waits", "zh"))
    expect(page.locator(".page-head")).to_contain_text("闭库验收")
    waits = page.locator(".notice", has_text="等第二人确认")
    expect(waits).to_contain_text("zhang")
    waits.get_by_role("link").click()
    # Whoever proposed it is not offered to confirm it.
    mine = page.locator("#proposals article", has_text="SL-T08")
    expect(mine).to_contain_text("闭库验收 → 销号")
    expect(mine.get_by_role("button")).to_have_count(0)
    other = person(own_site, "li").page
    other.goto(f"{own_site.url}/inbox")
    item = other.locator("#proposals article", has_text="SL-T08")
    # Not by one careless click: the box must be ticked first.
    item.get_by_role("button", name=say("web.inbox.confirm", "zh")).click()
    expect(other).to_have_url(f"{own_site.url}/inbox")
    item.get_by_role("checkbox").check()
    item.get_by_role("button", name=say("web.inbox.confirm", "zh")).click()
    other.goto(f"{own_site.url}/ponds/SL-T08")
    expect(other.locator(".page-head")).to_contain_text("销号")
    expect(other.locator("#life")).to_contain_text(say("web.pond.confirmed_by", "zh", by="li"))


def test_an_enterprise_sees_its_own_ponds_and_reports_what_burdens_it(
    site: Site, person: People
) -> None:
    page = person(site, "zhao").page
    page.goto(f"{site.url}/ponds")
    codes = page.locator("#list tbody th .code").all_inner_texts()
    assert codes == ["SL-T01", "SL-T06"]
    for path in ("/ponds/SL-T03", "/map/ponds/SL-T03", "/siting"):
        assert page.request.get(f"{site.url}{path}").status == 404
    page.goto(f"{site.url}/ponds/SL-T01")
    offered = page.locator("#e-kind option").evaluate_all("all => all.map((o) => o.value)")
    assert set(offered) == {"", "stopped", "final_elevation", "discharge_ended"}
    expect(page.locator("form[action$='/headtop']")).to_have_count(0)


def test_a_place_is_set_by_keyboard_and_answered_by_a_link(site: Site, person: People) -> None:
    someone = person(site, "zhang")
    page = someone.page
    page.goto(f"{site.url}/siting?toe=112.59,38.832&height=28&volume=60&one_step=yes")
    someone.map_drawn()
    expect(page.locator("#answer h2")).to_have_text(say("web.siting.verdict.no", "zh"))
    assert page.locator("#answer tbody tr").count() == 7
    page.click("#clear-toe")
    page.locator("#siting-map canvas").focus()
    page.keyboard.press("Enter")
    assert page.locator("#toe").input_value().startswith("112.5")
    page.check("[name=what][value=object]")
    expect(page.locator("#pond-fields")).to_be_hidden()
    page.get_by_role("button", name=say("web.siting.ask", "zh")).click()
    expect(page.locator("#answer")).to_contain_text("SL-T01")
    assert "what=object" in page.url


def test_every_toe_of_a_file_and_the_ponds_ground_go_into_the_question(
    site: Site, person: People, tmp_path: Path
) -> None:
    someone = person(site, "zhang")
    page = someone.page
    someone.go("/siting")
    someone.map_drawn()
    starter, saddle = [[112.589, 38.832], [112.591, 38.832]], [[112.593, 38.834], [112.594, 38.834]]
    ring = [[112.589, 38.833], [112.592, 38.833], [112.592, 38.836], [112.589, 38.833]]
    shapes = [
        {"type": "LineString", "coordinates": starter},
        {"type": "MultiLineString", "coordinates": [saddle]},
        {"type": "Polygon", "coordinates": [ring]},
    ]
    features = [{"type": "Feature", "properties": {}, "geometry": one} for one in shapes]
    path = tmp_path / "坝脚线.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    page.set_input_files("#toe-file", path)
    toe = "112.589000,38.832000;112.591000,38.832000|112.593000,38.834000;112.594000,38.834000"
    expect(page.locator("#toe")).to_have_value(toe)
    expect(page.locator("#toe-told")).to_have_text(say("web.js.siting.taken", "zh", toe=2, body=1))
    page.get_by_role("button", name=say("web.siting.ask", "zh")).click()
    expect(page.locator("#answer h2")).to_have_text(say("web.siting.verdict.no", "zh"))
    # Toe and ground stand in the address, and the ground was tested.
    expect(page.locator("#body")).to_have_value(re.compile("^112.589"))
    no_body = say("terrain.siting.prohibited.no_body", "zh")
    expect(page.locator("#answer")).not_to_contain_text(no_body)
    page.fill("#body", "")
    page.get_by_role("button", name=say("web.siting.ask", "zh")).click()
    expect(page.locator("#answer")).to_contain_text(no_body)
    # What cannot be read says so, and leaves the place as it was.
    path.write_text("<html>", "utf-8")
    page.set_input_files("#toe-file", path)
    expect(page.locator("#toe-trouble")).to_contain_text("坝脚线.geojson")
    # The browser notes the refusal, as it should.
    someone.watch.faults[:] = [f for f in someone.watch.faults if "422" not in f]
    assert page.locator("#toe").input_value().startswith("112.589")


def test_a_place_that_is_none_is_one_sentence(site: Site, person: People) -> None:
    page = person(site, "zhang").page
    page.goto(f"{site.url}/siting?toe=here")
    expect(page.get_by_role("alert")).to_contain_text("here")


def test_far_out_a_mark_stands_for_the_ponds_around_it(site: Site, person: People) -> None:
    someone = person(site, "zhang")
    page = someone.page
    someone.go("/map?at=5/38.8/112.6")
    someone.map_drawn()
    ponds = page.request.get(f"{site.url}/map/state.json").json()["ponds"]
    (mark,) = page.evaluate(
        """() => minerisk.map.queryRenderedFeatures({layers: ['ponds-together']})
        .map((mark) => ({...mark.properties, icon: mark.layer.layout['icon-image'].name ?? ''}))"""
    )
    shades = ["gone", "use", "unknown", "close", "late"]
    assert mark["point_count"] == len(ponds) == 10
    assert mark["top"] == sum(one["mark"].startswith("top-") for one in ponds)
    assert mark["shade"] == max(shades.index(one["mark"].split("-")[1]) for one in ponds)
    assert mark["icon"] == f"top-{shades[mark['shade']]}"
    # The mines of the place are still told beside it.
    assert page.evaluate("minerisk.map.queryRenderedFeatures({layers: ['mines-gathered']}).length")
    # By the keyboard: Enter asks at the centre and comes nearer, until they stand apart.
    page.evaluate(
        """() => { const [mark] = minerisk.map.queryRenderedFeatures({layers: ['ponds-together']});
        const {x, y} = minerisk.map.project(mark.geometry.coordinates);
        minerisk.map.jumpTo({center: minerisk.map.unproject([x - 16, y])}); }"""
    )
    someone.map_drawn()
    page.locator("#map canvas").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => minerisk.map.getZoom() > 6")
    expect(page.locator("#answer")).to_be_hidden()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_map_shows_ponds_by_shape_and_word(site: Site, person: People, lang: str) -> None:
    someone = person(site, "zhang", lang)
    page = someone.page
    someone.go("/map?at=12.5/38.82/112.6")
    someone.map_drawn()
    marks = page.evaluate(
        "() => Object.fromEntries(minerisk.map.queryRenderedFeatures({layers: ['ponds-mark']})"
        ".map((f) => [f.properties.pond_code, f.properties.mark]))"
    )
    assert {code for code, mark in marks.items() if mark.startswith("top-")} == {
        "SL-T01",
        "SL-T04",
        "SL-T05",
    }
    assert marks["SL-T10"] == "pond-gone"
    for layer in (
        *("zones-ban", "zones-undecided", "zones-prohibited", "zones-label"),
        *("zones-strip", "paths-line"),
    ):
        drawn = f"minerisk.map.queryRenderedFeatures({{layers: ['{layer}']}}).length"
        assert page.evaluate(drawn) > 0, layer
    for kind in ("no_build", "undecided", "prohibited"):
        expect(page.locator("#side")).to_contain_text(say(f"web.zone.{kind}", lang))
    page.fill("#find", "SL-T05")
    page.locator("#found button").first.press("Enter")
    expect(page.locator("#answer")).to_contain_text("示例五号尾矿库")
    expect(page.locator("#answer")).to_contain_text(say("web.head_top.yes", lang))
    assert "pond=SL-T05" in page.url


def test_the_offline_map_draws_ponds_and_zones_with_no_internet(
    site: Site, person: People, tmp_path: Path
) -> None:
    page = person(site, "zhang").page
    path = tmp_path / "map.html"
    path.write_bytes(page.request.get(f"{site.url}/api/v1/export/map.html").body())
    faults: list[str] = []
    alone = page.context.browser.new_page()  # type: ignore[union-attr]
    alone.on("pageerror", lambda error: faults.append(str(error)))
    alone.on("request", lambda r: faults.append(r.url) if r.url.startswith("http") else None)
    alone.goto(path.as_uri())
    expect(alone.locator(".minerisk-pond")).to_have_count(10)
    assert alone.locator(".minerisk-pond", has_text="◆").count() == 3
    # Ten strips and the pieces of the no-build zone, beside the twelve licences.
    assert alone.locator("path.leaflet-interactive").count() >= 22
    alone.locator(".minerisk-pond").first.dispatch_event("click")
    expect(alone.locator(".leaflet-popup")).to_contain_text("SL-T01")
    for kind in ("no_build", "prohibited", "undecided", "bank", "strip"):
        expect(alone.locator(".minerisk-legend")).to_contain_text(say(f"report.zone.{kind}", "zh"))
    assert faults == []
    alone.close()


def test_paper_has_the_profile_and_no_forms(site: Site, person: People) -> None:
    page = person(site, "zhang").page
    page.emulate_media(media="print")
    page.goto(f"{site.url}/ponds/SL-T05")
    assert page.locator("svg.profile").count() == 2
    expect(page.locator("svg.profile").first).to_be_visible()
    assert page.locator("form:visible").count() == 0
