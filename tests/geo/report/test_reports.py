"""The two files a bureau takes away: the Excel sheet, and the map that opens with no internet."""

import re
from pathlib import Path

import openpyxl
import pytest

from geo.hazards import colour_label, grade_name
from geo.report.grades import write_xlsx
from geo.report.offline_map import write_map
from geo.store import decisions, mine_queries
from geo.store.engine import connect
from tests.conftest import TODAY
from tests.county import boundary, goaf, panel, write
from web import vendor

pytestmark = pytest.mark.database


@pytest.fixture
def county(tmp_path, settings, people, file):
    """Two coal mines; B's goaf of unknown water raises both."""
    for rows, layer in (
        ([boundary("A", "甲公司"), boundary("B", "乙公司<b>", x=1)], "mine_boundary"),
        ([panel("A", "3101", x=0.6), panel("B", "3201", x=1.5)], "plan_item"),
        ([goaf("B", "G1", x=1.02, water="有", known="否", volume="不清")], "goaf"),
    ):
        path = write(tmp_path / f"{layer}.geojson", rows)
        survey_id = file(path, people["wang"], layer=layer)
        with connect(settings, "worker", people["zhang"]) as conn:
            decisions.accept(conn, people["zhang"], survey_id, "ok", "doc", on=TODAY)
    return settings


def sheet_rows(path: Path) -> list[tuple]:
    return list(openpyxl.load_workbook(path).active.iter_rows(values_only=True))


def test_the_sheet_holds_the_four_lines_of_every_hazard(county, people, tmp_path):
    with connect(county, "app", people["zhang"]) as conn:
        rows = mine_queries.grades(conn, TODAY)
    write_xlsx(tmp_path / "等级.xlsx", rows, TODAY, "zh")
    title, _, heads, *lines = sheet_rows(tmp_path / "等级.xlsx")
    assert "2024-09-01" in title[0]
    assert heads[:7] == ("矿山编号", "矿山名称", "灾害", "现定", "建议", "认定", "执行")
    assert len(lines) == len(rows) > 12
    hydro = next(row for row in lines if row[0] == "A" and row[2] == "水文地质类型")
    worst = grade_name("hydro", "very_complex", "zh")
    assert (hydro[3], hydro[4], hydro[6]) == ("简单", worst, worst)
    # What nobody claimed is said to be undetermined, and never left blank.
    roof = next(row for row in lines if row[0] == "A" and row[6] == "未定")
    assert all(cell for cell in roof[3:7])


def test_the_effective_grade_has_its_colour_beside_its_words(county, people, tmp_path):
    with connect(county, "app", people["zhang"]) as conn:
        rows = mine_queries.grades(conn, TODAY)
    write_xlsx(tmp_path / "grades.xlsx", rows, TODAY, "en")
    sheet = openpyxl.load_workbook(tmp_path / "grades.xlsx").active
    shades = {
        (row[0].value, row[2].value): row[6].fill.start_color.rgb[-6:]
        for row in sheet.iter_rows(min_row=4)
    }
    by_hazard = {hazard for mine, hazard in shades if mine == "A"}
    assert shades[("A", next(h for h in by_hazard if "ydro" in h))] == "E88A86"


def test_a_reader_files_only_what_they_may_see(county, people, tmp_path):
    with connect(county, "app", people["zhao"]) as conn:
        write_xlsx(tmp_path / "own.xlsx", mine_queries.grades(conn, TODAY), TODAY, "zh")
        vendor.install()
        assert write_map(conn, tmp_path / "own.html", TODAY, "zh") == 1
    assert {row[0] for row in sheet_rows(tmp_path / "own.xlsx")[3:]} == {"A"}
    assert "乙公司" not in (tmp_path / "own.html").read_text("utf-8")


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_map_opens_with_no_internet_and_says_why(browser, county, people, tmp_path, lang):
    vendor.install()
    page_file = tmp_path / "图.html"
    with connect(county, "app", people["zhang"]) as conn:
        assert write_map(conn, page_file, TODAY, lang) == 2
    text = page_file.read_text("utf-8")
    assert not re.search(r'(?:src|srcset)="(?:https?:)?//', text)
    assert not re.search(r'<link[^>]+href="(?:https?:)?//', text)
    assert not re.search(r"url\([\"']?(?:https?:)?//", text)

    asked, faults = [], []
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 800})
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.goto(page_file.as_uri())
    shapes = page.locator("path.leaflet-interactive")
    assert shapes.count() == 2
    # Both mines are in the window, coloured, with their names and the colour's word.
    red = colour_label("red", lang)
    for shape in shapes.all():
        box = shape.bounding_box()
        assert 0 < box["x"] < 1200
        assert box["width"] > 40
        assert shape.get_attribute("fill") == "#d9403b"
    assert page.locator(".leaflet-tooltip", has_text=red).count() == 2
    assert page.locator(".minerisk-legend").is_visible()
    # The mines touch, so that one label gives way to the other.
    page.wait_for_timeout(600)
    assert page.locator(".minerisk-label:visible").count() >= 1
    boxes = [label.bounding_box() for label in page.locator(".minerisk-label:visible").all()]
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert abs(a["y"] - b["y"]) >= b["height"] or abs(a["x"] - b["x"]) >= b["width"]
    shapes.first.click(force=True)
    popup = page.locator(".leaflet-popup-content")
    popup.wait_for()
    assert grade_name("hydro", "very_complex", lang) in popup.inner_text()
    context.close()
    assert faults == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_without_the_web_parts_it_says_what_to_run(county, people, tmp_path, monkeypatch):
    from geo.problems import Problem
    from geo.report import offline_map

    monkeypatch.setattr(offline_map, "LEAFLET", tmp_path / "none")
    with (
        connect(county, "app", people["zhang"]) as conn,
        pytest.raises(Problem, match=r"scripts/start"),
    ):
        write_map(conn, tmp_path / "x.html", TODAY, "en")
    assert not (tmp_path / "x.html").exists()
