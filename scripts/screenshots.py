"""Draw the pictures of the README and the guides, from a sample county of its own."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typst
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.served import served

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
DESK, PHONE = (1440, 900), (390, 844)
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]
SHEET = (
    "/map/print.pdf?lon=112.505&lat=38.801&scale=25000"
    "&layers=mines,unclear,plan,factors,ponds,zones"
)
PENDING = "10_六号煤矿采空区_待审.zip"


@contextmanager
def county() -> Iterator[tuple[str, dict[str, str]]]:
    """Start Minerisk on data of its own; yields the address and the sign-ins."""
    with tempfile.TemporaryDirectory(prefix="minerisk-docs-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103 -- the cluster's own account must enter
        local = Path(folder) / "local"
        with served(local, up_s=300, down_s=60) as url:
            yield url, json.loads((local / "demo-signins.json").read_text("utf-8"))


class Camera:
    """Somebody signed in, who takes pictures."""

    def __init__(
        self,
        browser: Browser,
        url: str,
        login: str,
        password: str,
        size: tuple[int, int] = DESK,
        **cookies: str,
    ) -> None:
        self.url = url
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale="zh-CN", reduced_motion="reduce"
        )
        context.add_cookies(
            [
                {"name": f"minerisk_{name}", "value": value, "url": url}
                for name, value in cookies.items()
            ]
        )
        self.page: Page = context.new_page()
        self.page.goto(f"{url}/sign-in")
        self.page.fill("#login", login)
        self.page.fill("#password", password)
        self.page.press("#password", "Enter")
        self.page.wait_for_url(lambda found: "sign-in" not in found)

    def take(self, name: str, path: str | None = None, *, chart: bool = False) -> None:
        """Write docs/`name`.png of a page, once its map is drawn."""
        if path is not None:
            self.page.goto(f"{self.url}{path}", wait_until="networkidle")
        if chart:
            self.page.wait_for_function("() => window.minerisk && minerisk.map.loaded()")
        self.page.wait_for_load_state("networkidle")
        self.page.screenshot(path=DOCS / f"{name}.png")


def paper(who: Camera, url: str, name: str, path: str, size: tuple[int, int]) -> None:
    """Write docs/`name`.png: the first page of a PDF of `size` in mm, as a browser shows it."""
    body = who.page.request.get(f"{url}{path}").body()
    wide, high = size
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "page.pdf"
        made.write_bytes(body)
        # typst takes a page of a PDF as an image, and gives it as PNG.
        (Path(folder) / "page.typ").write_text(
            f"#set page(width: {wide}mm, height: {high}mm, margin: 0mm)\n"
            '#image("page.pdf", width: 100%)'
        )
        drawn = DOCS / f"{name}.png"
        typst.compile(Path(folder) / "page.typ", output=drawn, format="png", ppi=100)


def main() -> None:
    """Take every picture."""
    DOCS.mkdir(exist_ok=True)
    chromium = shutil.which("chromium")
    with county() as (url, words), sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=FLAGS)
        regulator = Camera(browser, url, "zhang", words["zhang"])
        regulator.take("advance", "/advance")
        regulator.take("map", "/map", chart=True)
        regulator.take("why", "/map?mine=SL-C02", chart=True)
        regulator.take("mine", "/mines/SL-C02", chart=True)
        regulator.take("inbox", "/inbox")
        regulator.take("boards", "/boards")
        regulator.page.goto(f"{url}/mines/SL-C02")
        regulator.page.locator("#section").screenshot(path=DOCS / "section.png")
        paper(regulator, url, "sheet", SHEET, (297, 210))
        paper(regulator, url, "notice", "/mines/SL-C02/notice.pdf", (210, 297))
        regulator.take("ponds", "/ponds")
        regulator.take("ledger", "/ledger")
        Camera(browser, url, "admin", words["admin"]).take("administrator", "/advance")
        english = Camera(browser, url, "zhang", words["zhang"], lang="en", theme="dark")
        english.take("map-en-dark", "/map", chart=True)
        phone = Camera(browser, url, "zhang", words["zhang"], PHONE)
        phone.take("why-phone", "/map?mine=SL-C02", chart=True)
        geologist = Camera(browser, url, "wang", words["wang"])
        page = geologist.page
        geologist.take("draw", "/draw?at=14/38.801/112.505", chart=True)
        geologist.page.goto(f"{url}/uploads")
        page.set_input_files("#files", ROOT / "sample_data" / PENDING)
        page.wait_for_url(re.compile(r"/uploads/[0-9a-f-]{36}"))
        page.wait_for_selector("#moves", timeout=60_000)
        geologist.take("upload")
        browser.close()


if __name__ == "__main__":
    main()
