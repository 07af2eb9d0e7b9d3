"""Drawn on the map, or typed corner by corner: a draft, a preview, a submission, an acceptance."""

import json
import re
from collections.abc import Callable

import pytest
import shapely
from playwright.sync_api import Page, expect

from geo.messages import say
from geo.survey import drawn
from sample_data.make import licence
from tests.web.conftest import Person, Site

pytestmark = [pytest.mark.browser, pytest.mark.database, pytest.mark.slow]
People = Callable[..., Person]
MINE = "SL-C05"
# Where the first corner lies on the map.
GROUND = """async () => {
  const data = await minerisk.map.getSource('draft').getData();
  return data.features.find((f) => f.properties.role === 'corner').geometry.coordinates;
}"""


def middle(code: str) -> tuple[float, float]:
    west, south, east, north = licence(code).bounds
    return (west + east) / 2, (south + north) / 2


def ready(who: Person, path: str) -> Page:
    who.go(path)
    who.map_drawn()
    return who.page


def click_at(page: Page, place: tuple[float, float], **how: object) -> None:
    at = page.evaluate("(place) => minerisk.map.project(place)", list(place))
    box = page.locator("#draw-map canvas").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + at["x"], box["y"] + at["y"])


def typed(page: Page) -> list[list[tuple[float, float]]]:
    zone = int(page.locator("#zone").input_value())
    return drawn.corners(page.locator("#corners").input_value(), zone)


def accepted(regulator: Person, name: str, lang: str) -> None:
    page = regulator.page
    regulator.go("/inbox")
    item = page.locator("article", has_text=name).first
    item.locator("summary", has_text=say("web.survey.accept", lang)).first.click()
    item.locator("details[open] [name=reason]").fill("资料齐全")
    item.locator("details[open] [name=document]").fill("示例审字〔2026〕31号")
    item.locator("details[open] button").click()
    page.wait_for_url(re.compile("/surveys/"))


@pytest.mark.parametrize(("lang", "size"), [("zh", "desktop"), ("en", "phone")])
def test_a_goaf_is_drawn_corrected_and_accepted(
    own_site: Site, person: People, lang: str, size: str
) -> None:
    geologist = person(own_site, "wang", lang, size)
    lon, lat = middle(MINE)
    page = ready(geologist, f"/draw?layer=goaf&mine={MINE}&at=15/{lat}/{lon}")
    # One square by pointing; one corner too many is taken back.
    step = 0.0012
    places = [(lon, lat), (lon + step, lat), (lon + step, lat + step), (lon, lat + step)]
    page.uncheck("#snap")
    for place in [*places, (lon - step, lat)]:
        click_at(page, place)
    assert len(typed(page)[0]) == 5
    page.locator("#undo").click()
    (ring,) = typed(page)
    assert len(ring) == 4
    for code, value in (("code", "HZ-1"), ("seam", "3")):
        page.fill(f"[name='f.{code}']", value)
    page.fill("#error_m", "5")
    page.locator("#fields summary").click()
    page.select_option("[name='f.water']", "present")
    page.select_option("[name='f.water_extent_known']", "no")
    page.fill("[name='f.water_volume_m3']", "不清")
    page.select_option("[name='f.verification']", "verified")
    page.locator("#draw button.primary").click()
    page.wait_for_url(re.compile(r"/uploads/[0-9a-f-]{36}"))
    expect(page.locator("#moves")).to_be_visible(timeout=60_000)
    expect(page.locator("#moves .moves")).to_contain_text("HZ-1")
    page.locator("#moves button.primary").click()
    page.wait_for_url(re.compile("/surveys/"))
    regulator = person(own_site, "zhang", lang)
    accepted(regulator, "HZ-1", lang)
    answer = page.request.get(
        f"{own_site.url}/draw/shapes.json?west={lon - 0.01}&south={lat - 0.01}"
        f"&east={lon + 0.01}&north={lat + 0.01}"
    ).json()
    (first,) = [one for one in answer["shapes"] if one["text"].endswith("HZ-1")]
    assert first["correctable"]
    # Where it was set: within what a pixel is at that zoom.
    outline = shapely.from_geojson(json.dumps(first["geometry"]))
    square = shapely.box(lon, lat, lon + step, lat + step)
    assert outline.symmetric_difference(square).area < square.area * 0.1

    # Corrected by typing, with the keyboard alone: one corner moved ten metres north.
    page = ready(geologist, f"/draw?feature={first['id']}&at=15/{lat}/{lon}")
    expect(page.locator(".notice").first).to_contain_text("HZ-1")
    assert page.locator("#error_m").input_value() == "5"
    lines = page.locator("#corners").input_value().splitlines()
    north, east = (float(one) for one in lines[2].split())
    lines[2] = f"{north + 10:.3f} {east:.3f}"
    page.locator("#corners").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("\n".join(lines))
    page.locator("#error_m").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/uploads/[0-9a-f-]{36}"))
    expect(page.locator("#corrected")).to_contain_text("HZ-1", timeout=60_000)
    expect(page.locator("#corrected")).to_contain_text(say("web.diff.moved", lang, m="10.0"))
    page.locator("#moves button.primary").click()
    page.wait_for_url(re.compile("/surveys/"))
    survey = page.url
    accepted(regulator, "HZ-1", lang)
    page.goto(survey)
    expect(page.locator(".tag").first).to_have_text(say("web.survey_state.accepted", lang))
    # One of that name is left, and it is the corrected one.
    answer = page.request.get(
        f"{own_site.url}/draw/shapes.json?west={lon - 0.01}&south={lat - 0.01}"
        f"&east={lon + 0.01}&north={lat + 0.01}"
    ).json()
    (second,) = [one for one in answer["shapes"] if one["text"].endswith("HZ-1")]
    assert second["id"] != first["id"]
    # The first version says that another has taken its place.
    geologist.go(f"/draw?feature={first['id']}")
    expect(page.locator("main")).to_contain_text(
        say("store.corrected_already", lang, object="HZ-1")
    )
    geologist.watch.faults[:] = [f for f in geologist.watch.faults if "409" not in f]


def test_a_corner_snaps_to_the_very_corner_of_a_licence(site: Site, person: People) -> None:
    geologist = person(site, "wang")
    _, _, east, north = licence(MINE).bounds
    page = ready(geologist, f"/draw?layer=goaf&at=14/{north}/{east}")
    page.wait_for_function("() => document.getElementById('draw-map').dataset.shapes > 0")
    near = (east - 0.0002, north - 0.0001)
    click_at(page, near)
    ((corner,),) = typed(page)
    zone = int(page.locator("#zone").input_value())
    _, wanted = drawn.text_of(licence(MINE), zone)
    best = min(
        (abs(corner[0] - n) + abs(corner[1] - e), n, e)
        for ring in drawn.corners(wanted, zone)
        for n, e in ring
    )
    # To the millimetre, as corners are written; without snapping it is metres away.
    assert best[0] < 0.005, best
    expect(page.locator("#snapped")).to_contain_text(say("layer.mine_boundary", "zh"))
    page.locator("#clear").click()
    page.uncheck("#snap")
    click_at(page, near)
    ((other,),) = typed(page)
    assert abs(other[0] - corner[0]) + abs(other[1] - corner[1]) > 1


def test_a_corner_is_dragged_pulled_out_and_removed(site: Site, person: People) -> None:
    geologist = person(site, "wang")
    lon, lat = middle(MINE)
    page = ready(geologist, f"/draw?layer=fault&at=15/{lat}/{lon}")
    page.uncheck("#snap")
    places = [(lon - 0.003, lat), (lon + 0.003, lat)]
    for place in places:
        click_at(page, place)
    before = typed(page)[0]
    page.wait_for_function("() => minerisk.map.loaded()")
    box = page.locator("#draw-map canvas").bounding_box()
    assert box is not None
    # The small dot between two corners makes a third.
    start = page.evaluate("(p) => minerisk.map.project(p)", [lon, lat])
    x, y = box["x"] + start["x"], box["y"] + start["y"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 60, steps=4)
    page.mouse.up()
    after = typed(page)[0]
    assert len(after) == 3
    assert (after[0], after[2]) == (before[0], before[1])
    assert after[1][0] > before[0][0]
    # It is chosen; Delete on the map takes it out, undo brings it back.
    page.locator("#draw-map canvas").focus()
    page.keyboard.press("Delete")
    assert typed(page)[0] == before
    page.keyboard.press("Control+z")
    assert typed(page)[0] == after
    # By keyboard alone: Enter takes the middle of the map.
    page.keyboard.press("Enter")
    assert len(typed(page)[0]) == 4
    # Another zone: the same ground, other figures.
    place = page.evaluate(GROUND)
    zone = page.locator("#zone").input_value()
    page.select_option("#zone", "37" if zone == "38" else "38")
    figures = typed(page)[0]
    assert figures[0] != after[0]
    assert page.evaluate(GROUND) == pytest.approx(place, abs=1e-7)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_was_typed_wrong_is_told_and_kept(site: Site, person: People, lang: str) -> None:
    geologist = person(site, "wang", lang)
    page = ready(geologist, "/draw?layer=survey_extent")
    page.fill("#corners", "37543000 4296000\n37543100 4296000\n37543100 4296100")
    page.fill("#error_m", "1")
    page.locator("[name='f.kinds'][value=goaf]").check()
    page.fill("[name='f.mine_code']", MINE)
    page.locator("#draw button.primary").click()
    expect(page.get_by_role("alert")).to_contain_text(
        say("drawn.swapped", lang, line=1, text="37543000 4296000")
    )
    assert page.locator("#corners").input_value().startswith("37543000 4296000")
    assert page.locator("[name='f.kinds'][value=goaf]").is_checked()
    assert page.locator("[name='f.mine_code']").input_value() == MINE
    geologist.watch.faults[:] = [f for f in geologist.watch.faults if "422" not in f]


def test_an_object_on_the_map_leads_to_its_correction(site: Site, person: People) -> None:
    geologist = person(site, "wang")
    lon, lat = middle("SL-C02")
    page = ready(geologist, f"/map?at=14/{lat}/{lon}")
    link = page.locator("#to-draw")
    link.click()
    page.wait_for_url("**/draw?at=14**")
    geologist.map_drawn()
    page.wait_for_function("() => document.getElementById('pick').options.length > 1")
    page.select_option("#pick", index=1)
    chosen = page.locator("#pick").input_value()
    page.locator("#choose button").click()
    page.wait_for_url(f"**/draw?feature={chosen}")
    assert typed(page)
