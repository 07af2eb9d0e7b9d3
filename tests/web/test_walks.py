"""The day of the geologist and of the regulator, from sign-in to a grade moved."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from playwright.sync_api import expect

from geo import clock
from geo.messages import say
from sample_data.make import licence
from tests.web.conftest import Person, Site

pytestmark = [pytest.mark.browser, pytest.mark.database, pytest.mark.slow]

MINE = "SL-C05"
BOTH = [("zh", "desktop"), ("en", "desktop"), ("zh", "phone"), ("en", "phone")]
People = Callable[..., Person]


def survey_zip(folder: Path) -> Path:
    """Write what a contractor sends: GBK names, no .cpg, no .prj, the zone before the easting."""
    west, south, east, north = licence(MINE).bounds
    x, y = (west + east) / 2, (south + north) / 2
    rows = [
        {"编号": "LK-7", "积水": "有", "积水范围清": "否", "积水量": "不清", "geometry": None},
        {"编号": "LK-8", "积水": "无", "积水范围清": "是", "积水量": "0", "geometry": None},
    ]
    # A small loop at one corner: the ring crosses itself.
    loop = [(0, 0), (10, 0), (10, 10), (-0.2, 10), (-0.2, 10.2), (0, 9.8)]
    broken = shapely.Polygon([(x - 0.01 + 0.0004 * u, y + 0.0004 * v) for u, v in loop])
    rows[0]["geometry"] = shapely.box(x, y, x + 0.003, y + 0.003)
    rows[1]["geometry"] = broken
    for row in rows:
        row |= {"煤层": "3", "矿山编号": MINE, "验证状态": "已验证"}
    frame = gpd.GeoDataFrame(rows, crs=4490).to_crs(4525)
    made = folder / "shp"
    made.mkdir()
    frame.to_file(made / "采空区.shp", encoding="GBK")
    path = folder / "五号煤矿采空区.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for part in sorted(made.iterdir()):
            if part.suffix not in (".prj", ".cpg"):
                packed.write(part, part.name)
    return path


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_messy_zip_moves_a_grade(
    own_site: Site, person: People, tmp_path: Path, lang: str, size: str
) -> None:
    regulator = person(own_site, "zhang", lang, size)
    path = survey_zip(tmp_path)

    geologist = person(own_site, "wang", lang, size)
    page = geologist.page
    assert page.url.endswith("/uploads")
    page.set_input_files("#files", path)
    page.wait_for_url(re.compile(r"/uploads/[0-9a-f-]{36}"))
    expect(page.locator("#moves")).to_be_visible(timeout=60_000)
    found = page.locator("main").inner_text()
    assert "GB18030" in found
    assert "LK-7" in found
    assert say("web.upload.assumed", lang) in found
    moves = page.locator("#moves .moves")
    expect(moves).to_contain_text("示例五号煤矿")
    expect(moves).to_contain_text("LK-7")
    # The broken ring is in the report, and its place is drawn.
    mended = page.locator("#report tr", has_text=say("web.outcome.mended", lang))
    mended.get_by_role("button").click()
    geologist.map_drawn()
    assert page.evaluate("minerisk.map.getZoom()") > 13
    page.locator("#moves button.primary").click()
    page.wait_for_url(re.compile("/surveys/"))
    expect(page.locator(".notice")).to_have_text(say("web.told.submitted", lang))

    page = regulator.page
    assert page.url.endswith("/advance")
    regulator.go("/inbox")
    item = page.locator("article", has_text=path.name)
    expect(item.locator(".moves")).to_contain_text("LK-7")
    item.locator("summary", has_text=say("web.survey.accept", lang)).first.click()
    item.locator("details[open] [name=reason]").fill("资料齐全")
    item.locator("details[open] [name=document]").fill("示例审字〔2026〕20号")
    item.locator("details[open] button").click()
    page.wait_for_url(re.compile("/surveys/"))
    expect(page.locator(".notice")).to_contain_text(say("web.told.accepted", lang, n=1)[:8])

    regulator.go(f"/mines/{MINE}")
    row = page.locator("#lines tr", has=page.locator("th", has_text=_hydro(lang)))
    expect(row.locator("td.effective .swatch")).to_have_class(re.compile("red|orange"))
    expect(page.locator("#why-hydro")).to_contain_text("LK-7")

    regulator.go("/map")
    regulator.map_drawn()
    assert page.evaluate("minerisk.map.queryRenderedFeatures({layers: ['mines-fill']}).length") > 0
    west, south, east, north = licence(MINE).bounds
    at = page.evaluate(
        f"minerisk.map.project([{(west + east) / 2}, {south + (north - south) / 8}])"
    )
    box = page.locator("#map canvas").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + at["x"], box["y"] + at["y"])
    answer = page.locator("#answer")
    expect(answer).to_contain_text("示例五号煤矿")
    expect(answer).to_contain_text("LK-7")
    assert f"mine={MINE}" in page.url


def _hydro(lang: str) -> str:
    from geo.hazards import hazards

    label = hazards()["hydro"].label[lang]
    return label[:1].upper() + label[1:]


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_an_objection_is_answered_and_the_enterprise_told(
    own_site: Site, person: People, tmp_path: Path, size: str
) -> None:
    paper = tmp_path / "疏放记录.pdf"
    paper.write_bytes(b"%PDF-1.7 drained")
    enterprise = person(own_site, "zhao", "zh", size)
    page = enterprise.page
    enterprise.go("/mines/SL-C01#object")
    form = page.locator("#object")
    form.locator("select").select_option("hydro:medium")
    form.locator("textarea").fill("积水已疏放")
    form.locator("input[type=file]").set_input_files(paper)
    form.locator("button").click()
    page.wait_for_url(re.compile("/objections/"))
    expect(page.locator(".notice").first).to_contain_text(say("web.told.objected", "zh"))
    with page.expect_download() as saved:
        page.get_by_role("link", name=paper.name).click()
    assert Path(saved.value.path()).read_bytes() == paper.read_bytes()

    regulator = person(own_site, "zhang", "zh", size)
    regulator.go("/advance")
    regulator.page.locator("#objections a", has_text="示例一号煤矿").click()
    answer = regulator.page.locator("form#answer")
    answer.locator("[name=outcome]").select_option("changed")
    answer.locator("[name=grade]").select_option("medium")
    answer.locator("[name=reason]").fill("疏放属实")
    answer.locator("[name=document]").fill("示例复字〔2026〕1号")
    answer.locator("button").click()
    # The goaf next door still stands, and the page says that the decision is a floor.
    expect(regulator.page.locator("#answer")).to_contain_text(say("web.objection.floor", "zh"))

    enterprise.go("/advance")
    expect(page.locator("#objections")).to_contain_text(say("web.objection.state.changed", "zh"))
    expect(page.locator("#objections")).to_contain_text("示例复字〔2026〕1号")
    enterprise.go("/mines/SL-C01")
    expect(page.locator("#objections")).to_contain_text("疏放属实")
    row = page.locator("#lines tr", has=page.locator("th", has_text=_hydro("zh")))
    assert (
        row.locator("a").get_attribute("href").startswith("/mines/SL-C01/notice.pdf?hazard=hydro")
    )
    # As known on a day, the notice is asked as known on that day.
    day = clock.today().isoformat()
    enterprise.go(f"/mines/SL-C01?on={day}&known_at={day}")
    assert row.locator("a").get_attribute("href").endswith(f"&on={day}&known_at={day}")


def test_an_ending_takes_two_persons(own_site: Site, person: People) -> None:
    first = person(own_site, "zhang")
    code = "SL-C02"
    first.go(f"/mines/{code}")
    page = first.page
    goafs = page.locator("#e-target option", has_text="采空区")
    value = goafs.filter(has_text="C02-G1").first.get_attribute("value")
    assert value
    page.select_option("#e-target", value)
    page.select_option("#e-kind", "treated")
    page.fill("#e-doc", "示例收字〔2026〕3号")
    page.fill("#e-reason", "老空水已疏放并验收")
    page.locator("form[action$='/end'] button").click()
    expect(page.locator(".notice").first).to_have_text(say("web.told.proposed", "zh"))

    # Whoever proposed it is not offered to confirm it.
    first.go("/inbox")
    expect(page.locator("#proposals")).to_contain_text("C02-G1")
    expect(page.locator("#proposals button[value=yes]")).to_have_count(0)

    second = person(own_site, "li")
    second.go("/inbox")
    second.page.locator("#proposals button[value=yes]").click()
    # Not without having said that it was read.
    assert second.page.url.endswith("/inbox")
    second.page.check("#proposals [name=read]")
    second.page.locator("#proposals button[value=yes]").click()
    expect(second.page.locator(".notice")).to_have_text(say("web.told.confirmed", "zh"))
    second.go(f"/mines/{code}")
    expect(second.page.locator("main")).to_contain_text("zhang 提出，li 确认")
    expect(second.page.locator("main")).to_contain_text("示例收字〔2026〕3号")


def test_a_survey_is_returned_with_a_remark_and_another_revoked(
    own_site: Site, person: People
) -> None:
    regulator = person(own_site, "zhang")
    page = regulator.page
    regulator.go("/inbox")
    item = page.locator("article").first
    item.locator("summary", has_text="退回").click()
    item.locator("details[open] textarea").fill("请补充周边 500 米")
    item.locator("details[open] button").click()
    expect(page.locator(".notice")).to_have_text(say("web.told.returned", "zh"))

    geologist = person(own_site, "wang")
    geologist.go("/surveys")
    returned = geologist.page.locator("tr", has_text="10_").first
    expect(returned).to_contain_text(say("web.survey_state.returned", "zh"))
    returned.get_by_role("link").first.click()
    expect(geologist.page.locator("main")).to_contain_text("请补充周边 500 米")

    regulator.go("/surveys")
    page.get_by_role("link", name=re.compile("^05_")).click()
    page.locator("summary", has_text="撤销").click()
    page.locator("details[open] [name=reason]").fill("外业记录与实际不符")
    page.locator("details[open] [name=document]").fill("示例撤字〔2026〕1号")
    page.locator("details[open] input[type=checkbox]").check()
    page.locator("details[open] button").click()
    expect(page.locator(".notice").first).to_have_text(say("web.told.revoked", "zh"))
    regulator.go("/mines/SL-C02")
    # L17: its coverage ends, the grade it raised is held.
    expect(page.locator("#coverage")).not_to_contain_text("44.2")
    expect(page.locator("main")).to_contain_text(say("web.status.held", "zh"))


def test_a_broken_file_says_so_and_the_next_one_works(
    own_site: Site, person: People, tmp_path: Path
) -> None:
    geologist = person(own_site, "wang")
    page = geologist.page
    bad = tmp_path / "坏文件.zip"
    bad.write_bytes(b"PK\x03\x04 this is no zip")
    page.set_input_files("#files", bad)
    page.wait_for_url(re.compile(r"/uploads/[0-9a-f-]{36}"))
    expect(page.get_by_role("alert")).to_contain_text("坏文件.zip", timeout=60_000)
    good = survey_zip(tmp_path)
    geologist.go("/uploads")
    page.set_input_files("#files", good)
    expect(page.locator("#moves button.primary")).to_be_enabled(timeout=60_000)


def test_several_files_at_once_each_get_a_page(
    own_site: Site, person: People, tmp_path: Path
) -> None:
    geologist = person(own_site, "wang")
    good = survey_zip(tmp_path)
    other = tmp_path / "另一份.zip"
    other.write_bytes(good.read_bytes())
    geologist.page.set_input_files("#files", [good, other])
    expect(geologist.page.locator("#sending a")).to_have_count(2)


def test_another_reading_is_chosen_by_a_button(
    own_site: Site, person: People, tmp_path: Path
) -> None:
    geologist = person(own_site, "wang")
    page = geologist.page
    page.set_input_files("#files", survey_zip(tmp_path))
    expect(page.locator("#moves")).to_be_visible(timeout=60_000)
    first = page.url
    page.get_by_role("button", name=re.compile("西安")).first.click()
    page.wait_for_url(lambda url: "/uploads/" in url and url != first)
    expect(page.locator("#moves")).to_be_visible(timeout=60_000)
    expect(page.locator("main")).to_contain_text("西安")


def test_a_correction_that_lowers_a_grade_waits_for_a_second_person(
    own_site: Site, person: People, tmp_path: Path
) -> None:
    geologist = person(own_site, "wang")
    page = geologist.page
    page.set_input_files("#files", survey_zip(tmp_path))
    expect(page.locator("#moves")).to_be_visible(timeout=60_000)
    page.locator("summary", has_text=say("web.upload.replaces", "zh")).click()
    old = page.locator("#supersedes option", has_text="05_").get_attribute("value")
    assert old
    page.select_option("#supersedes", old)
    page.locator("#moves button.primary").click()
    page.wait_for_url(re.compile("/surveys/"))

    regulator = person(own_site, "zhang")
    regulator.go(page.url.removeprefix(own_site.url))
    page = regulator.page
    page.locator("details[open] [name=reason]").fill("更正属实")
    page.locator("details[open] [name=document]").fill("示例审字〔2026〕21号")
    page.locator("details[open] button").click()
    expect(page.locator(".notice").first).to_have_text(say("web.told.needs_second", "zh"))
    expect(page.locator("#proposals .moves")).to_contain_text("SL-C02")

    second = person(own_site, "li")
    second.go("/inbox")
    second.page.check("#proposals [name=read]")
    second.page.locator("#proposals button[value=yes]").click()
    expect(second.page.locator(".notice")).to_have_text(say("web.told.confirmed", "zh"))
    second.go(f"/surveys/{old}")
    expect(second.page.locator("main")).to_contain_text(say("web.survey_state.superseded", "zh"))


def test_an_enterprise_declares_and_the_grade_rises(own_site: Site, person: People) -> None:
    own = person(own_site, "zhao")
    page = own.page
    own.go("/mines/SL-C01")
    page.select_option("#d-grade", "gas:outburst")
    page.fill("#d-doc", "示例报字〔2026〕2号")
    page.locator("#decide button.primary").click()
    expect(page.locator(".notice").first).to_have_text(say("web.told.decided", "zh"))
    row = page.locator("#lines tr", has_text="瓦斯等级")
    expect(row.locator("td.effective")).to_contain_text("煤与瓦斯突出")
    expect(row.locator("td.effective .swatch")).to_have_class(re.compile("red"))


def odd_goaf(path: Path, shift: float) -> Path:
    """A goaf under column names that no table of aliases knows, and with no code of its own."""
    west, south, east, north = licence(MINE).bounds
    x, y = (west + east) / 2 + shift, (south + north) / 2
    row = {"ZZMC": "东部老空", "ZZMS": "85", "geometry": shapely.box(x, y, x + 0.003, y + 0.003)}
    gpd.GeoDataFrame([row], crs=4490).to_file(path, driver="GeoJSON")
    return path


def test_fields_are_mapped_by_form_and_an_object_is_known_again(
    own_site: Site, person: People, tmp_path: Path
) -> None:
    geologist = person(own_site, "wang")
    page = geologist.page
    page.set_input_files("#files", odd_goaf(tmp_path / "采空区一.geojson", 0))
    expect(page.locator("#moves")).to_be_visible(timeout=60_000)
    first = page.url
    page.locator("details.mapping summary").click()
    page.get_by_label("ZZMC").select_option("name")
    page.get_by_label("ZZMS").select_option("depth_m")
    page.locator("details.mapping button").click()
    page.wait_for_url(lambda url: "/uploads/" in url and url != first)
    expect(page.locator("#moves")).to_be_visible(timeout=60_000)
    page.locator("details.mapping summary").click()
    expect(page.get_by_label("ZZMS")).to_have_value("depth_m")
    page.locator("#moves button.primary").click()
    page.wait_for_url(re.compile("/surveys/"))
    regulator = person(own_site, "zhang")
    regulator.go("/inbox")
    item = regulator.page.locator("article", has_text="采空区一.geojson")
    item.locator("summary", has_text=say("web.survey.accept", "zh")).first.click()
    item.locator("details[open] [name=reason]").fill("资料齐全")
    item.locator("details[open] [name=document]").fill("示例审字〔2026〕21号")
    item.locator("details[open] button").click()
    regulator.page.wait_for_url(re.compile("/surveys/"))

    geologist.go("/uploads")
    page.set_input_files("#files", odd_goaf(tmp_path / "采空区二.geojson", 0.0003))
    expect(page.locator("#moves")).to_be_visible(timeout=60_000)
    expect(page.locator("#report")).to_contain_text("ZZMC → 名称")
    asked = page.locator("#matches tbody tr")
    expect(asked).to_contain_text("东部老空")
    expect(asked).to_contain_text("IoU 0.82")
    asked.get_by_role("button", name=say("web.match.yes", "zh")).click()
    expect(page.locator(".notice").first).to_have_text(say("web.told.same", "zh"))
    expect(page.locator("#matches .tag")).to_have_text(say("web.match.same", "zh"))
    page.locator("#moves button.primary").click()
    page.wait_for_url(re.compile("/surveys/"))


@pytest.mark.parametrize(("lang", "size"), [("zh", "desktop"), ("en", "phone")])
def test_a_folder_is_sent_and_says_what_moves_within_six_clicks(
    own_site: Site, person: People, tmp_path: Path, lang: str, size: str
) -> None:
    survey_zip(tmp_path)
    geologist = person(own_site, "wang", lang, size)
    page, clicks = geologist.page, geologist.count_clicks()
    with page.expect_file_chooser() as asked:
        page.locator("label[for=folder]").click()
    asked.value.set_files(tmp_path / "shp")
    page.wait_for_url(re.compile(r"/uploads/[0-9a-f-]{36}"))
    expect(page.locator("#moves .moves")).to_contain_text("LK-7", timeout=60_000)
    # Each candidate is drawn where it would fall, the mended ring as it was and as it is.
    expect(page.locator("[data-frame]")).to_have_count(3)
    page.wait_for_function("() => window.minerisk?.map.getSource('both')")
    page.locator("[data-both]").first.click()
    expect(page.locator("tr.chosen")).to_have_count(1)
    page.locator("#moves button.primary").click()
    page.wait_for_url(re.compile("/surveys/"))
    # A label passes its click on to the field it is for, which counts as one more here.
    assert len(clicks) <= 6, clicks


@pytest.mark.parametrize(("lang", "size"), BOTH)
def test_a_messy_zip_says_what_it_moves_within_six_clicks(
    site: Site, person: People, tmp_path: Path, lang: str, size: str
) -> None:
    """Without a .prj, in GBK, with a ring that crosses itself: the sentence is two clicks away."""
    geologist = person(site, "wang", lang, size)
    page, clicks = geologist.page, geologist.count_clicks()
    with page.expect_file_chooser() as asked:
        page.locator("label[for=files]").first.click()
    asked.value.set_files(survey_zip(tmp_path))
    page.wait_for_url(re.compile(r"/uploads/[0-9a-f-]{36}"))
    moves = page.locator("#moves .moves")
    expect(moves).to_contain_text("LK-7", timeout=60_000)
    expect(moves).to_contain_text("示例五号煤矿")
    # From what to what, and by which clause.
    expect(moves.locator(".grade").nth(1)).to_be_visible()
    assert len(clicks) <= 6, clicks


@pytest.mark.parametrize(("lang", "size"), BOTH)
def test_which_ponds_are_late_takes_one_click(
    site: Site, person: People, lang: str, size: str
) -> None:
    regulator = person(site, "zhang", lang, size)
    page, clicks = regulator.page, regulator.count_clicks()
    assert page.url.endswith("/advance")
    figure = page.locator(".figures a[href*='late=law']")
    count = int(figure.inner_text())
    assert count > 0
    figure.click()
    page.wait_for_url("**/ponds?late=law**")
    expect(page.locator("#list tbody tr")).to_have_count(count)
    assert len(clicks) == 1, clicks


@pytest.mark.parametrize(("lang", "size"), BOTH)
def test_why_a_mine_is_red_takes_two_clicks(
    site: Site, person: People, lang: str, size: str
) -> None:
    regulator = person(site, "zhang", lang, size)
    page, clicks = regulator.page, regulator.count_clicks()
    page.get_by_role("link", name=say("web.nav.map", lang), exact=True).first.click()
    page.wait_for_url("**/map**")
    regulator.map_drawn()
    west, south, east, north = licence("SL-C02").bounds
    at = page.evaluate(f"minerisk.map.project([{(west + east) / 2}, {(south + north) / 2}])")
    box = page.locator("#map canvas").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + at["x"], box["y"] + at["y"])
    expect(page.locator("#answer .why").first).to_contain_text("煤矿防治水细则")
    assert len(clicks) == 2, clicks


def test_a_correction_is_compared_feature_by_feature(
    own_site: Site, person: People, tmp_path: Path
) -> None:
    geologist = person(own_site, "wang")
    page = geologist.page
    page.set_input_files("#files", survey_zip(tmp_path))
    expect(page.locator("#moves")).to_be_visible(timeout=60_000)
    old = page.locator("#against option", has_text="05_").get_attribute("value")
    assert old
    page.select_option("#against", old)
    page.locator("#diff button").click()
    rows = page.locator("#diff tbody tr")
    expect(rows.filter(has_text="LK-7")).to_contain_text(say("web.diff.added", "zh"))
    expect(rows.filter(has_text="C02-G1")).to_contain_text(say("web.diff.gone", "zh"))
    # What was compared is what is offered to be replaced.
    assert page.locator("#supersedes").input_value() == old


def test_the_ending_of_a_neighbours_factor_is_told_where_it_lowered_a_grade(
    own_site: Site, person: People
) -> None:
    """C02-G1 is SL-C02's goaf; it made SL-C01 very complex."""
    first = person(own_site, "zhang")
    page = first.page
    first.go("/mines/SL-C02")
    goaf = page.locator("#e-target option", has_text="C02-G1").first.get_attribute("value")
    assert goaf
    page.select_option("#e-target", goaf)
    page.select_option("#e-kind", "treated")
    page.fill("#e-doc", "示例收字〔2026〕9号")
    page.fill("#e-reason", "老空水已疏放")
    page.locator("form[action$='/end'] button").click()
    second = person(own_site, "li")
    second.go("/inbox")
    second.page.check("#proposals [name=read]")
    second.page.locator("#proposals button[value=yes]").click()
    # The enterprise next door reads that it ended, how and by whom, on its own mine's page.
    own = person(own_site, "zhao")
    own.go("/mines/SL-C01")
    told = own.page.locator("main .why.sheet").filter(has_text=say("web.mine.nearby", "zh"))
    expect(told).to_contain_text("C02-G1")
    expect(told).to_contain_text("老空水已疏放")
    expect(told).to_contain_text("zhang 提出，li 确认")
