"""Every page, in both languages and both widths, with no serious fault of access; the map."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from geo.messages import say
from sample_data.make import licence
from tests.web.conftest import Person, Site

pytestmark = [pytest.mark.browser, pytest.mark.database, pytest.mark.slow]
People = Callable[..., Person]

PAGES = {
    "zhang": (
        "/advance",
        "/inbox",
        "/objections",
        "/ledger",
        "/screening",
        "/boards",
        "/boards/crossings",
        "/boards#unclear",
        "/boards/unresolved",
        "/mines",
        "/rules/waiting",
        "/password",
        "/boards/hat",
        "/map",
        "/surveys",
        "/uploads",
        "/mines/SL-C02",
        "/mines/SL-P01",
        "/ponds",
        "/ponds?late=law#list",
        "/ponds/SL-T04",
        "/ponds/SL-T10",
        "/terrains",
        "/siting",
        "/siting?toe=112.59,38.832&height=28",
    ),
    "wang": (
        *("/uploads", "/surveys", "/map", "/layers", "/rules", "/draw", "/draw?layer=plan_item"),
        "/draw?layer=survey_extent&mine=SL-C05",
    ),
    "zhao": (
        "/advance",
        "/map",
        "/boards",
        "/objections",
        "/ledger",
        "/surveys",
        "/uploads",
        "/mines/SL-C01",
        "/ponds",
        "/ponds/SL-T01",
        "/terrains",
    ),
    "admin": ("/advance", "/inbox", "/map", "/boards", "/surveys", "/ponds"),
}


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("login", PAGES)
def test_every_page_draws(
    site: Site,
    person: People,
    serious: Callable[[Page], list[str]],
    login: str,
    lang: str,
    size: str,
) -> None:
    someone = person(site, login, lang, size)
    page = someone.page
    # Both themes and both widths are checked for faults of access, each page in two of the four.
    theme = {("zh", "desktop"): "light", ("en", "phone"): "dark"}.get((lang, size))
    if theme:
        page.context.add_cookies([{"name": "minerisk_theme", "value": theme, "url": site.url}])
    faults = []
    for path in PAGES[login]:
        answer = someone.settled(path)
        assert answer is not None
        assert answer.status == 200, path
        # Nothing is read by scrolling sideways.
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, path
        assert page.locator("html").get_attribute("lang") == ("en" if lang == "en" else "zh-CN")
        assert page.locator("h1").count() == 1, path
        text = page.locator("body").inner_text()
        # Neither a code in place of a sentence, nor a value nobody filled in.
        assert not re.search(r"\bweb\.[a-z]|\{\w+\}|\bNone\b|\bnan\b|undefined", text), path
        if theme:
            faults += [(path, fault) for fault in serious(page)]
    assert faults == []


def test_the_first_page_says_who_drives_into_unclear_ground(site: Site, person: People) -> None:
    regulator = person(site, "zhang")
    assert regulator.page.url.endswith("/advance")
    row = regulator.page.locator("tr", has_text="SL-C06").first
    expect(row).to_contain_text(say("web.reaches.unsurveyed", "zh"))
    expect(row).to_contain_text(" m")
    row.get_by_role("link", name=say("web.on_map", "zh")).click()
    expect(regulator.page.locator("#answer")).to_contain_text("示例六号煤矿")
    regulator.map_drawn()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_map_draws_and_says_why(site: Site, person: People, lang: str) -> None:
    regulator = person(site, "zhang", lang)
    page = regulator.page
    regulator.go("/map")
    regulator.map_drawn()
    drawn = page.evaluate(
        """() => ['mines-fill', 'mines-mark', 'mines-name', 'unclear-fill', 'plan-fill',
        'factors-goaf'].map((layer) => minerisk.map.queryRenderedFeatures({layers: [layer]}).length)"""
    )
    assert all(n > 0 for n in drawn), drawn
    # Names are drawn with no glyph server: more colours than the paper and the patterns have.
    colours = page.evaluate(
        """() => {
          const from = minerisk.map.getCanvas();
          const pen = Object.assign(document.createElement('canvas'),
            {width: from.width, height: from.height}).getContext('2d');
          pen.drawImage(from, 0, 0);
          const all = new Set();
          const data = pen.getImageData(0, 0, from.width, from.height).data;
          for (let i = 0; i < data.length; i += 4) all.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
          return all.size;
        }"""
    )
    assert colours > 100
    west, south, east, north = licence("SL-C02").bounds
    at = page.evaluate(f"minerisk.map.project([{(west + east) / 2}, {(south + north) / 2}])")
    box = page.locator("#map canvas").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + at["x"], box["y"] + at["y"])
    answer = page.locator("#answer")
    expect(answer).to_contain_text("示例二号煤矿")
    expect(answer).to_contain_text("C02-G1")
    expect(answer).to_contain_text(say("web.js.map.also", lang))
    expect(answer.locator(".swatch.red").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(answer).to_be_hidden()
    assert "mine=" not in page.url


def test_every_state_of_the_map_is_a_link(site: Site, person: People) -> None:
    regulator = person(site, "zhang")
    page = regulator.page
    regulator.go("/map")
    regulator.map_drawn()
    page.select_option("#hazard", "hydro")
    page.select_option("#line", "determined")
    page.check("[name=layers][value=extents]")
    page.uncheck("[name=layers][value=unclear]")
    page.fill("#find", "SL-C05")
    page.locator("#found button").first.press("Enter")
    expect(page.locator("#answer")).to_contain_text("示例五号煤矿")
    regulator.map_drawn()
    page.wait_for_timeout(300)
    link = page.url
    for part in (
        "hazard=hydro",
        "line=determined",
        "layers=mines,plan,factors,water_lines,extents",
        "at=",
        "mine=SL-C05",
    ):
        assert part in link

    other = person(site, "li")
    other.page.goto(link)
    other.map_drawn()
    expect(other.page.locator("#answer")).to_contain_text("示例五号煤矿")
    assert other.page.locator("#hazard").input_value() == "hydro"
    assert other.page.locator("#line").input_value() == "determined"
    assert not other.page.is_checked("[name=layers][value=unclear]")
    place = "(({lng, lat}) => [lng.toFixed(4), lat.toFixed(4)])(minerisk.map.getCenter())"
    assert other.page.evaluate(place) == page.evaluate(place)


def test_the_lines_differ_and_each_colour_has_words(site: Site, person: People) -> None:
    """SL-C02 is declared medium; the goaf water makes it very complex."""
    regulator = person(site, "zhang")
    ask = regulator.page.request.get
    said = {}
    for line in ("determined", "proposed", "effective"):
        state = ask(f"{site.url}/map/state.json?hazard=hydro&line={line}").json()
        said[line] = next(
            (m["colour"], m["label"]) for m in state["mines"] if m["code"] == "SL-C02"
        )
    assert said == {
        "determined": ("yellow", "中等"),
        "proposed": ("red", "极复杂"),
        "effective": ("red", "极复杂"),
    }
    # A metal mine has no such hazard: it is left out, not painted as undetermined.
    assert not any(m["kind"] != "coal" for m in state["mines"])


def test_before_anything_was_known_nothing_is_shown(site: Site, person: People) -> None:
    regulator = person(site, "zhang")
    regulator.go("/map?as_of=2020-01-01")
    expect(regulator.page.locator("#waiting")).to_have_text(say("web.js.map.no_grades", "zh"))


def test_the_map_is_reached_by_keyboard_alone(site: Site, person: People) -> None:
    regulator = person(site, "zhang")
    page = regulator.page
    west, south, east, north = licence("SL-C02").bounds
    regulator.go(f"/map?at=14/{(south + north) / 2}/{(west + east) / 2}")
    regulator.map_drawn()
    page.locator("#map canvas").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).to_contain_text("示例二号煤矿")
    page.keyboard.press("Escape")
    before = page.evaluate("minerisk.map.getCenter().lng")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"minerisk.map.getCenter().lng > {before}")


def test_the_skip_link_comes_first(site: Site, person: People) -> None:
    someone = person(site, "zhang")
    someone.go("/surveys")
    someone.page.keyboard.press("Tab")
    assert someone.page.evaluate("document.activeElement.className") == "skip"


def test_the_choice_of_language_and_theme_is_kept(site: Site, person: People) -> None:
    someone = person(site, "zhang")
    someone.go("/map?hazard=gas")
    someone.map_drawn()
    someone.page.get_by_role("button", name="English").click()
    someone.map_drawn()
    assert "hazard=gas" in someone.page.url
    expect(someone.page.get_by_role("link", name="Risk map")).to_be_visible()
    someone.page.get_by_role("button", name="Dark").click()
    someone.map_drawn()
    assert someone.page.locator("html").get_attribute("data-theme") == "dark"


def test_a_survey_unit_is_told_what_it_may_see_of_a_mine(site: Site, person: People) -> None:
    unit = person(site, "wang")
    page = unit.page
    west, south, east, north = licence("SL-C02").bounds
    unit.go(f"/map?at=14/{(south + north) / 2}/{(west + east) / 2}")
    unit.map_drawn()
    page.locator("#map canvas").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#answer h2")).to_have_text("示例二号煤矿")
    expect(page.locator("#answer")).to_contain_text(say("web.map.no_grades", "zh"))
    assert page.locator("#answer h1, #answer header").count() == 0
    unit.watch.check()
    # The session is over by now: the way back in, and no page within the page.
    page.context.clear_cookies(name="minerisk_session")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    back = page.locator("#answer").get_by_role("link", name=say("web.js.map.sign_in", "zh"))
    expect(back).to_be_visible()
    assert page.locator("#answer form").count() == 0
    assert "mine%3DSL-C02" in (back.get_attribute("href") or "")
    # An answer of 401 is a thing the browser notes.
    unit.watch.faults[:] = [fault for fault in unit.watch.faults if "401" not in fault]


def test_an_enterprise_sees_its_own_mines_only(site: Site, person: People) -> None:
    own = person(site, "zhao")
    page = own.page
    state = page.request.get(f"{site.url}/map/state.json").json()
    assert {m["code"] for m in state["mines"]} == {"SL-C01", "SL-C02"}
    for path in ("/mines/SL-C03", "/map/mines/SL-C03"):
        assert page.request.get(f"{site.url}{path}").status == 404
    own.go("/mines/SL-C01")
    # Why its grade rose by the neighbour's goaf; it may declare, and neither decide nor end.
    expect(page.locator("#why-hydro")).to_contain_text("C02-G1")
    sources = page.locator("#d-source option")
    assert [one.get_attribute("value") for one in sources.all()] == ["declared"]
    expect(page.locator("form[action$='/end']")).to_have_count(0)
    for path in ("/surveys", "/inbox", "/advance"):
        own.go(path)
        assert "SL-C03" not in page.content()


def test_a_form_without_the_token_does_nothing(site: Site, person: People) -> None:
    regulator = person(site, "zhang")
    form = {
        "grade": "gas:outburst",
        "source": "decision",
        "document": "x",
        "valid_from": "2026-01-01",
    }
    for token in ({}, {"csrf": "wrong"}):
        answer = regulator.page.request.post(f"{site.url}/mines/SL-C01/decide", form=form | token)
        assert answer.status == 403
        assert say("web.error.form_old", "zh") in answer.text()
    regulator.go("/mines/SL-C01")
    expect(regulator.page.locator("#lines")).not_to_contain_text("突出")


def test_a_form_from_another_site_is_refused(site: Site, person: People) -> None:
    regulator = person(site, "zhang")
    token = regulator.page.locator("meta[name=csrf]").get_attribute("content")
    answer = regulator.page.request.post(
        f"{site.url}/sign-out",
        form={"csrf": token},
        headers={"Origin": "https://elsewhere.example"},
    )
    assert answer.status == 403


def test_a_stranger_is_sent_to_sign_in_and_back(site: Site, person: People) -> None:
    stranger = person(site)
    stranger.go("/mines/SL-C02?on=2026-01-01")
    page = stranger.page
    assert "/sign-in" in page.url
    page.fill("#login", "zhang")
    page.fill("#password", "wrong-password")
    page.press("#password", "Enter")
    expect(page.get_by_role("alert")).to_contain_text(say("web.error.sign_in", "zh"))
    # The refusal itself is an answer of 403, which the browser notes.
    stranger.watch.faults.clear()
    page.fill("#password", site.passwords["zhang"])
    page.press("#password", "Enter")
    page.wait_for_url("**/mines/SL-C02?on=2026-01-01")


def test_no_address_leads_elsewhere_after_sign_in(site: Site, person: People) -> None:
    someone = person(site)
    someone.go("/sign-in?next=//elsewhere.example/")
    someone.page.fill("#login", "zhang")
    someone.page.fill("#password", site.passwords["zhang"])
    someone.page.press("#password", "Enter")
    someone.page.wait_for_url(f"{site.url}/advance")


def test_a_page_that_is_not_there_says_what_to_do(site: Site, person: People) -> None:
    someone = person(site, "zhang")
    answer = someone.page.request.get(f"{site.url}/nowhere")
    assert answer.status == 404
    assert say("web.error.not_found_what", "zh") in answer.text()
    assert someone.page.request.get(f"{site.url}/mines/XX-99").status == 404
    assert someone.page.request.get(f"{site.url}/uploads/no-id").status == 404
    assert someone.page.request.get(f"{site.url}/map/state.json?as_of=xx").status == 422
    assert (
        "application/json"
        in someone.page.request.get(f"{site.url}/api/v1/nowhere").headers["content-type"]
    )


def test_served_files_do_not_leave_their_folder(site: Site, person: People) -> None:
    someone = person(site)
    for path in ("../pages.py", "..%2fpages.py", "%2e%2e/%2e%2e/pyproject.toml"):
        assert someone.page.request.get(f"{site.url}/static/x/{path}").status in (400, 404)


def test_paper_has_the_content_and_no_buttons(site: Site, person: People) -> None:
    regulator = person(site, "zhang")
    page = regulator.page
    page.emulate_media(media="print")
    regulator.go("/mines/SL-C02")
    expect(page.locator("#lines")).to_be_visible()
    assert page.locator("button:visible").count() == 0
    assert page.locator("nav:visible").count() == 0
    regulator.go("/map")
    regulator.map_drawn()
    expect(page.locator("#printed-what")).to_be_visible()
    for legend in page.locator(".legend").all():
        expect(legend).to_be_visible()


def test_on_a_phone_what_decides_comes_first_and_a_link_opens_the_rest(
    site: Site, person: People
) -> None:
    regulator = person(site, "zhang", "zh", "phone")
    page = regulator.page
    for path, first in (
        ("/advance", "#d90 table"),
        ("/mines/SL-C02", "#why-hydro .why"),
        ("/ledger", ".figures"),
    ):
        regulator.go(path)
        expect(page.locator(first).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollHeight") < 5 * 844, path
        # Open, nothing is wider than the screen either.
        page.evaluate("document.querySelectorAll('details').forEach((part) => part.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    # Neither a number of the page, nor a link to a form or a part of a part, leads to what is folded.
    regulator.go("/ledger")
    expect(page.locator("#kinds table")).not_to_be_visible()
    page.locator("main a[href='#kinds']").click()
    expect(page.locator("#kinds table")).to_be_visible()
    regulator.go("/mines/SL-C02#end")
    expect(page.locator("#end select").first).to_be_visible()
    # By hand and by keyboard; then the address names it, so that it can be sent.
    expect(page.locator("#documents table")).not_to_be_visible()
    page.locator("#documents summary").press("Enter")
    expect(page.locator("#documents table")).to_be_visible()
    assert page.url.endswith("#documents")
    page.emulate_media(media="print")
    expect(page.locator("#coverage table").first).to_be_visible()


def test_on_a_wide_screen_nothing_is_folded(site: Site, person: People) -> None:
    regulator = person(site, "zhang")
    for path in ("/advance", "/mines/SL-C02", "/ledger"):
        regulator.go(path)
        assert regulator.page.locator("details.part").count() > 2, path
        assert regulator.page.locator("details.part:not([open])").count() == 0, path


def test_security_headers_leave_no_room_for_inline_scripts(site: Site, person: People) -> None:
    someone = person(site)
    answer = someone.page.goto(f"{site.url}/sign-in")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert someone.page.locator("script:not([src]):not([type='application/json'])").count() == 0
    assert someone.page.locator("[style], [onclick]").count() == 0
