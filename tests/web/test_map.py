"""The map asked closely: time, filters, places, metres, paper."""

import re
from collections.abc import Callable
from itertools import pairwise
from math import hypot

import pytest
import shapely
from playwright.sync_api import expect

from geo.crs import GEOGRAPHIC, local_zone, transformer
from geo.messages import say
from sample_data.make import licence
from tests.web.conftest import Person, Site

pytestmark = [pytest.mark.browser, pytest.mark.database, pytest.mark.slow]
People = Callable[..., Person]
C02 = licence("SL-C02").bounds
AT = f"at=13/{(C02[1] + C02[3]) / 2}/{(C02[0] + C02[2]) / 2}"
DRAWN = "(layer) => minerisk.map.queryRenderedFeatures({layers: [layer]}).length"


def metric(places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    move = transformer(GEOGRAPHIC, local_zone(places[0][0])).transform
    return [move(*place) for place in places]


def test_the_day_asked_about_is_that_of_the_ground_as_well(site: Site, person: People) -> None:
    """The goafs were found on 2024-05-10; the panel 3202 starts in 2027."""
    regulator = person(site, "zhang")
    page = regulator.page
    seen = {}
    for day in ("2024-05-09", "2024-05-10"):
        regulator.go(f"/map?{AT}&as_of={day}&known=now")
        regulator.map_drawn()
        seen[day] = page.evaluate(DRAWN, "factors-goaf")
        for kind in ("water", "search", "warning"):
            lines = page.evaluate(DRAWN, f"water_lines-{kind}")
            assert bool(lines) == bool(seen[day]), kind
        assert page.evaluate(DRAWN, "plan-fill") > 0
    assert seen["2024-05-09"] == 0
    assert seen["2024-05-10"] > 0
    # As known then: nothing had been filed yet.
    regulator.go(f"/map?{AT}&as_of=2024-05-10")
    expect(page.locator("#waiting")).to_have_text(say("web.js.map.no_grades", "zh"))
    regulator.map_drawn()
    assert page.evaluate(DRAWN, "factors-goaf") == 0


def test_the_slider_changes_the_day_and_the_address(site: Site, person: People) -> None:
    regulator = person(site, "zhang")
    page = regulator.page
    regulator.go("/map")
    regulator.map_drawn()
    page.locator("#slide").focus()
    with page.expect_response(re.compile("state.json")):
        page.keyboard.press("ArrowRight")
    assert re.search(r"as_of=\d{4}-\d\d-\d\d", page.url)
    with page.expect_response(re.compile("state.json")):
        page.locator("#to-today").click()
    assert "as_of" not in page.url


def test_filters_narrow_the_mines_and_stand_in_the_address(site: Site, person: People) -> None:
    regulator = person(site, "zhang")
    page = regulator.page
    regulator.go("/map")
    regulator.map_drawn()
    with page.expect_response(re.compile("state.json")):
        page.select_option("#kind", "open_pit")
    expect(page.locator("#filtered")).to_have_text(say("web.js.map.filtered", "zh", n=2, of=12))
    # The ground of the others goes with their colours; in another district so do the ponds.
    assert "SL-C01" not in str(page.evaluate("minerisk.map.getFilter('plan-fill')"))
    assert "mine_code" in str(page.evaluate("minerisk.map.getFilter('unclear-fill')"))
    assert "pond_code" not in str(page.evaluate("minerisk.map.getFilter('ponds-fill')"))
    elsewhere = page.request.get(f"{site.url}/map/state.json?district=15").json()
    assert elsewhere["only"] == elsewhere["only_ponds"] == elsewhere["ponds"] == []
    with page.expect_response(re.compile("state.json")):
        page.select_option("#kind", "")
    page.wait_for_function(
        "() => !JSON.stringify(minerisk.map.getFilter('plan-fill')).includes('mine_code')"
    )
    with page.expect_response(re.compile("state.json")):
        page.select_option("#source", "neighbour")
    expect(page.locator("#filtered")).to_be_visible()
    assert "source=neighbour" in page.url
    # SL-C01 is very complex by the goaf next door.
    ask = page.request.get(f"{site.url}/map/state.json?source=neighbour&hazard=hydro").json()
    assert "SL-C01" in {mine["code"] for mine in ask["mines"]}
    assert "SL-C02" not in {mine["code"] for mine in ask["mines"]}
    with page.expect_response(re.compile("state.json")):
        page.select_option("#source", "appraisal")
    other = person(site, "li")
    other.page.goto(page.url)
    other.map_drawn()
    assert other.page.locator("#source").input_value() == "appraisal"
    with other.page.expect_response(re.compile("state.json")):
        other.page.select_option("#kind", "open_pit")
    expect(other.page.locator("#waiting")).to_have_text(say("web.js.map.none_pass", "zh"))


def test_far_out_a_mark_stands_for_the_mines_around_it(site: Site, person: People) -> None:
    regulator = person(site, "zhang")
    page = regulator.page
    regulator.go("/map?at=4/38.8/112.6")
    regulator.map_drawn()
    mines = page.request.get(f"{site.url}/map/state.json").json()["mines"]
    marks = page.evaluate(
        """() => ['mines-gathered', 'mines-mark'].flatMap((layer) =>
        minerisk.map.queryRenderedFeatures({layers: [layer]})).map((mark) => mark.properties)"""
    )
    assert sum(mark.get("point_count", 1) for mark in marks) == len(mines) == 12
    assert len(marks) < 4
    # Unknown is never low: grey stands before blue.
    gravest = ["red", "orange", "yellow", "grey", "blue"]
    assert min(mark["order"] for mark in marks) == min(gravest.index(m["colour"]) for m in mines)
    unknown = sum(mine["colour"] == "grey" for mine in mines)
    assert sum(mark.get("unknown", mark.get("colour") == "grey") for mark in marks) == unknown
    # Pressing one comes nearer, until they stand apart.
    place = page.evaluate(
        """() => { const [mark] = minerisk.map.queryRenderedFeatures({layers: ['mines-gathered']});
        return minerisk.map.project(mark.geometry.coordinates); }"""
    )
    box = page.locator("#map canvas").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + place["x"], box["y"] + place["y"])
    page.wait_for_function("() => minerisk.map.getZoom() > 5")
    expect(page.locator("#answer")).to_be_hidden()


def test_one_kind_of_factor_alone_is_drawn(site: Site, person: People) -> None:
    regulator = person(site, "zhang")
    regulator.go(f"/map?{AT}&kinds=fault")
    regulator.map_drawn()
    page = regulator.page
    assert page.evaluate(DRAWN, "factors-goaf") == 0
    assert page.evaluate(DRAWN, "factors-guessed") > 0


def test_a_place_is_found_by_its_coordinates_and_a_factor_by_its_code(
    site: Site, person: People
) -> None:
    regulator = person(site, "zhang")
    page = regulator.page
    regulator.go("/map")
    regulator.map_drawn()
    lon, lat = 112.512, 38.801
    east, north = transformer(GEOGRAPHIC, 4525).transform(lon, lat)
    page.fill("#find", f"X={north:.2f} Y={east:.2f}")
    page.locator("#found button").first.click()
    page.wait_for_function(f"Math.abs(minerisk.map.getCenter().lng - {lon}) < 1e-4")
    pin = re.search(r"pin=([\d.]+),([\d.]+)", page.url)
    assert pin is not None
    assert (float(pin[1]), float(pin[2])) == pytest.approx((lon, lat), abs=1e-6)
    page.fill("#find", "C02-G2")
    page.locator("#found button", has_text="C02-G2").click()
    page.wait_for_function("() => minerisk.map.getZoom() > 13")
    page.fill("#find", "nothing of that name")
    expect(page.locator("#found")).to_contain_text(say("web.js.map.not_found", "zh"))


def test_nobody_finds_what_is_anothers(site: Site, person: People) -> None:
    own = person(site, "zhao")
    ask = own.page.request.get
    assert ask(f"{site.url}/map/find.json?q=SL-C03").json()["found"] == []
    assert ask(f"{site.url}/map/find.json?q=SL-C01").json()["found"] != []
    # A wildcard of the database's is a character like any other.
    assert ask(f"{site.url}/map/find.json?q=%25").json()["found"] == []


def test_metres_are_those_of_the_store(site: Site, person: People) -> None:
    places = [(112.40, 38.80), (112.50, 38.80), (112.50, 38.90)]
    asked = ";".join(f"{lon},{lat}" for lon, lat in places)
    regulator = person(site, "zhang")
    page = regulator.page
    regulator.go(f"/map?measure={asked}&at=11/38.85/112.45")
    regulator.map_drawn()
    points = metric(places)
    length = sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points))
    area = shapely.Polygon(points).area
    said = page.locator("#measured").inner_text()
    assert f"{length / 1000:.2f} km" in said
    assert f"{area / 10000:.2f}" in said
    # The bar is as long as it says.
    bar = page.locator(".scale-bar")
    box, frame = bar.bounding_box(), page.locator("#map").bounding_box()
    assert box is not None
    assert frame is not None
    ends = [
        page.evaluate(f"minerisk.map.unproject([{x}, {frame['height'] / 2}]).toArray()")
        for x in (0, box["width"])
    ]
    a, b = metric([tuple(end) for end in ends])
    stated = float(bar.get_attribute("data-metres") or 0)
    assert hypot(b[0] - a[0], b[1] - a[1]) == pytest.approx(stated, rel=0.01)
    page.keyboard.press("Escape")
    expect(page.locator("#measured")).to_be_hidden()
    assert "measure" not in page.url
    # By hand, too.
    page.locator("#measure").click()
    where = page.locator("#map canvas").bounding_box()
    assert where is not None
    for x in (300, 500):
        page.mouse.click(where["x"] + x, where["y"] + 300)
    expect(page.locator("#measured")).to_contain_text("km")
    expect(page.locator("#answer")).to_be_hidden()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_any_view_prints_to_a_sheet(site: Site, person: People, lang: str) -> None:
    regulator = person(site, "zhang", lang)
    page = regulator.page
    regulator.go(f"/map?{AT}&hazard=hydro&layers=mines,factors")
    regulator.map_drawn()
    page.locator("#paper summary").click()
    asked = page.evaluate(
        """() => {
          const data = new FormData(document.getElementById('sheet'));
          return '/map/print.pdf?' + new URLSearchParams(data);
        }"""
    )
    for part in ("hazard=hydro", "layers=mines%2Cfactors", "paper=A4", "scale="):
        assert part in asked
    answer = page.request.get(f"{site.url}{asked}&turned=portrait&paper=A3")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.body().startswith(b"%PDF-")


def test_the_evidence_map_shows_the_ground_of_the_day_asked_about(
    site: Site, person: People
) -> None:
    regulator = person(site, "zhang")
    page = regulator.page
    with page.expect_request(re.compile(r"tiles/factors/.*valid_on=2024-05-09")):
        regulator.go("/mines/SL-C01?on=2024-05-09")
    regulator.map_drawn()
