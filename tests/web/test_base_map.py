"""The ground under the map without any network; a map from outside only where it is asked for."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect

from geo.messages import say
from geo.report.relief import png
from geo.settings import Settings
from geo.store import relief_tiles
from tests.web.conftest import Person, Site, copied, served
from tests.web.forked import Parents

pytestmark = [pytest.mark.browser, pytest.mark.database, pytest.mark.slow]
People = Callable[..., Person]
# The sample's own model.
AT = "at=12.5/38.815/112.605"
PIXELS = """async ([lon, lat, n]) => {
  await new Promise((done) => { minerisk.map.once('idle', done); minerisk.map.triggerRepaint(); });
  const canvas = minerisk.map.getCanvas();
  const copy = document.createElement('canvas');
  [copy.width, copy.height] = [canvas.width, canvas.height];
  const pen = copy.getContext('2d');
  pen.drawImage(canvas, 0, 0);
  const at = minerisk.map.project([lon, lat]);
  const ratio = canvas.width / canvas.clientWidth;
  const data = pen.getImageData((at.x - n) * ratio, (at.y - n) * ratio, 2 * n, 2 * n).data;
  return new Set(Array.from({length: data.length / 4}, (_, i) => data.slice(4 * i, 4 * i + 3).join())).size;
}"""


def drawn_ground(person: Person) -> None:
    """Wait until the worker has drawn the ground."""
    page = person.page
    for _ in range(60):
        person.go(f"/map?{AT}&layers=plan")
        if page.locator("#map[data-ground]").count():
            break
        page.wait_for_timeout(1000)
    person.map_drawn()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_ground_is_switched_on_and_stands_in_the_address(
    site: Site, person: People, theme: str
) -> None:
    regulator = person(site, "zhang")
    page = regulator.page
    page.context.add_cookies([{"name": "minerisk_theme", "value": theme, "url": site.url}])
    drawn_ground(regulator)
    # Off by default: bare paper, with a line of the grid at most.
    bare = page.evaluate(PIXELS, [112.601, 38.811, 60])
    assert "base=" not in page.url
    page.select_option("#base", "ground")
    assert "base=ground" in page.url
    regulator.map_drawn()
    assert page.evaluate(PIXELS, [112.601, 38.811, 60]) > bare + 20
    # Contours have their heights, drawn with no glyph server.
    page.wait_for_function(
        "() => minerisk.map.queryRenderedFeatures({layers: ['base-heights']})"
        ".some((one) => Number(one.properties.text) % 10 === 0)"
    )
    expect(page.locator(".maplibregl-ctrl-attrib")).to_contain_text(
        say("web.base.credit", "zh", source="", dated="").strip()
    )
    # A link to the view has it on; switched off it is gone.
    page.reload()
    regulator.map_drawn()
    assert page.locator("#base").input_value() == "ground"
    assert page.evaluate("Boolean(minerisk.map.getLayer('base-0'))")
    page.select_option("#base", "")
    regulator.map_drawn()
    assert page.evaluate(PIXELS, [112.601, 38.811, 60]) <= bare + 2


def test_everybody_signed_in_may_see_the_ground_and_nobody_else(site: Site, person: People) -> None:
    geologist = person(site, "wang")
    drawn_ground(geologist)
    told = geologist.page.evaluate("JSON.parse(document.getElementById('map').dataset.ground)")
    west, south, _, _ = told["bounds"]
    assert west == pytest.approx(112.56, abs=0.01)
    assert south == pytest.approx(38.78, abs=0.01)
    key = told["tiles"][0].split("/")[2]
    stranger = person(site)
    path = f"{site.url}/relief/{key}/9/416/195.png"
    assert geologist.page.request.get(path).headers["content-type"] == "image/png"
    answer = stranger.page.request.get(path, max_redirects=0)
    assert answer.status == 303
    # Beyond the ground: an empty picture, and no way out of the folder.
    beyond = geologist.page.request.get(f"{site.url}/relief/{key}/9/1/1.png")
    assert beyond.body() == relief_tiles.EMPTY
    outside = geologist.page.request.get(f"{site.url}/relief/..%2f..%2fsecrets/9/1/1.png")
    assert b"PNG" in outside.body() or outside.status == 404


class Painter(BaseHTTPRequestHandler):
    """Somebody else's map: one loud colour."""

    def do_GET(self) -> None:
        import numpy as np

        body = png(np.full((256, 256, 4), (10, 200, 30, 255), np.uint8))
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: object) -> None:
        """Say nothing."""


@contextmanager
def elsewhere() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Painter)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_map_from_outside_is_asked_only_when_it_is_switched_on(
    template: Settings, county: Settings, parents: Parents, tmp_path: Path, person: People,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    source = str(county.database_url).rsplit("/", 1)[1].split("?")[0]
    with elsewhere() as other, copied(template, source, tmp_path) as made:
        (made.local / "demo-signins.json").write_bytes(
            (county.local / "demo-signins.json").read_bytes()
        )
        monkeypatch.setenv("MINERISK_ONLINE_MAP", other + "/{z}/{x}/{y}.png")
        monkeypatch.setenv("MINERISK_ONLINE_MAP_CREDIT", "<b>示例图</b>")
        with served(parents, made, tmp_path) as there:
            regulator = person(there, "zhang")
            page = regulator.page
            answer = page.goto(f"{there.url}/map?{AT}")
            assert answer is not None
            policy = answer.headers["content-security-policy"]
            assert re.search(rf"connect-src 'self' {re.escape(other)};", policy)
            assert policy.count(other) == 2
            regulator.map_drawn()
            # Allowed is not asked.
            assert other not in regulator.watch.hosts
            page.select_option("#base", "online")
            regulator.map_drawn()
            assert other in regulator.watch.hosts
            # Whose map it is, as words and never as markup.
            expect(page.locator(".maplibregl-ctrl-attrib")).to_contain_text("<b>示例图</b>")
            regulator.watch.hosts.discard(other)


def test_by_default_no_map_from_outside_is_offered(site: Site, person: People) -> None:
    regulator = person(site, "zhang")
    answer = regulator.page.goto(f"{site.url}/map")
    assert answer is not None
    assert "http" not in answer.headers["content-security-policy"]
    assert regulator.page.locator("#base option[value=online]").count() == 0


@pytest.mark.parametrize(
    "address",
    [
        "ftp://x/{z}",
        "https://a b/{z}",
        "https://x;script-src *//{z}/{x}/{y}",
        "javascript:alert(1)",
    ],
)
def test_an_address_that_would_bend_the_policy_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="online_map"):
        Settings(online_map=address)
