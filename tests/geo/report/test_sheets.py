"""Sheets on paper: the printed map is at its scale, the section shows what has an elevation."""

import re
from datetime import date

import numpy as np
import openpyxl
import pytest
import rasterio
import shapely
from rasterio.transform import Affine

from geo.crs import GEOGRAPHIC, transformer
from geo.report import ground, map_sheet, sheet_drawing, sheet_signs
from geo.report.board_sheet import write_board
from geo.report.section import section, zone_heights
from geo.survey import formulae
from geo.tailings.dem import Dem

# A picture has no place of its own; its sheet has.
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

MIDDLE = (112.5, 38.8)
LOOK_AT = 20


def east_of(lon, lat, metres, zone):
    east, north = transformer(GEOGRAPHIC, zone).transform(lon, lat)
    return transformer(zone, GEOGRAPHIC).transform(east + metres, north)


@pytest.mark.parametrize("paper", list(map_sheet.PAPERS))
@pytest.mark.parametrize("landscape", [True, False])
def test_a_kilometre_on_the_ground_is_its_length_on_paper(paper, landscape):
    sheet = map_sheet.Sheet(*MIDDLE, 25000, paper, landscape)
    line = shapely.LineString([MIDDLE, east_of(*MIDDLE, 1000, sheet.zone)])
    (drawn,) = sheet_drawing.on_paper(sheet, [line])
    assert drawn.length == pytest.approx(40, abs=1e-4)
    width, height = sheet.frame
    x, y = shapely.get_coordinates(drawn)[0]
    # The middle of the view is the middle of the frame.
    assert (x, y) == pytest.approx((width / 2, height / 2), abs=1e-3)
    bar, text = sheet_drawing.bar(sheet)
    assert (bar, text) == (40.0, "1 km")


def test_the_bounds_hold_the_whole_frame():
    sheet = map_sheet.Sheet(*MIDDLE, 50000, "A3")
    west, south, east, north = sheet.bounds
    x, y = sheet.corner
    width, height = (side * 50 for side in sheet.frame)
    corners = [(x, y), (x + width, y), (x, y - height), (x + width, y - height)]
    for corner in corners:
        lon, lat = transformer(sheet.zone, GEOGRAPHIC).transform(*corner)
        assert west - 1e-9 <= lon <= east + 1e-9
        assert south - 1e-9 <= lat <= north + 1e-9


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_sheet_is_a_pdf_whatever_a_name_holds(lang):
    rude = '#let x = "\\" 示例 $ [ ] * `'
    box = shapely.box(112.49, 38.79, 112.51, 38.81)
    rows = [
        {"layer": layer, "mine_code": "A", "name": rude, "verification": "inferred",
         "state": "submitted", "geometry": shapely.to_geojson(box)}
        for layer in ("mine_boundary", "goaf", "unclear", "plan_item", "fault")
    ]  # fmt: skip
    mines = [{"code": "A", "name": rude, "label": rude, "colour": "red"}]
    body = map_sheet.pdf(
        map_sheet.Sheet(*MIDDLE, 25000), rows, mines, lang,
        title=rude, what=rude, version=3, by=rude, on=date(2026, 1, 1),
    )  # fmt: skip
    assert body.startswith(b"%PDF-")


def row(layer, shape, **more):
    return {"layer": layer, "mine_code": None, "name": None, "verification": "verified",
            "state": "accepted", "geometry": shapely.to_geojson(shape)} | more  # fmt: skip


EVERYTHING = [
    ("polygon", ("mine_boundary", "plan_item", "unclear", "survey_extent", "encounters", "goaf",
                 "aquifer", "gas_rich_area", "pond", "dam", "protected_object", "zone.no_build",
                 "zone.strip", "zone.bank")),
    ("line", ("plan_item", "fault", "fold", "drainage", "bank_line", "dam", "path",
              "surface_water", "protected_object")),
    ("point", ("borehole", "seal_wall", "protected_object", "pond", "encounters")),
]  # fmt: skip


def everything(sheet):
    west, south, east, north = sheet.bounds
    shapes = {
        "polygon": shapely.box(*MIDDLE, east, north),
        # Bent, so that a fill would close it to a wedge.
        "line": shapely.LineString([(west, south), MIDDLE, (east, south)]),
        "point": shapely.Point(MIDDLE),
    }
    rows = [row(layer, shapes[kind]) for kind, layers in EVERYTHING for layer in layers]
    marks = sheet_drawing.Marks(
        [{"name": "库", "label": "", "mark": f"{shape}-{shade}", "at": MIDDLE}
         for shape in ("top", "pond") for shade in sheet_signs.SHADES],
        MIDDLE, [MIDDLE, (112.51, 38.8), (112.51, 38.81)],
    )  # fmt: skip
    return rows, marks


def test_no_line_is_filled_and_the_legend_says_what_is_drawn_and_no_more():
    sheet = map_sheet.Sheet(*MIDDLE, 25000)
    rows, marks = everything(sheet)
    drawn = sheet_drawing.drawing(sheet, rows, [], marks)
    lines = [path for path in re.findall(r"<path d=[^>]*>", drawn.svg) if "Z" not in path]
    assert len(lines) > 10
    assert all('fill="none"' in path or 'fill="' not in path for path in lines)
    told = [key for keys, _ in sheet_signs.legend(drawn.keys, "zh") for key in keys]
    assert sorted(told) == sorted(drawn.keys)
    # A pond is no factor, nor a house below it.
    assert {"pond", "protected", "protected_point", "bank", "zone.bank", "path"} <= drawn.keys
    alone = sheet_drawing.drawing(
        sheet, [row("fold", shapely.LineString([MIDDLE, (112.6, 38.8)]))], []
    )
    assert alone.keys == {"line"}
    assert not alone.dashed
    assert "公顷" in "".join(text for *_, text, _ in drawn.words)
    words = {text for _, text in sheet_signs.legend(drawn.keys, "en")}
    assert {"fault", "borehole", "tailings pond", "survey extent"} <= words


@pytest.mark.parametrize(("paper", "landscape"), [("A4", False), ("A3", True)])
def test_a_sheet_of_everything_is_one_page(monkeypatch, paper, landscape):
    sheet = map_sheet.Sheet(*MIDDLE, 25000, paper, landscape)
    rows, marks = everything(sheet)
    pages = []
    compiled = map_sheet.typst.compile

    def look(main, **options):
        shown = compiled(main, format="png", ppi=LOOK_AT, **options)
        pages.extend(shown if isinstance(shown, list) else [shown])
        return b""

    monkeypatch.setattr(map_sheet.typst, "compile", look)
    map_sheet.pdf(sheet, rows, [], "en", title="t", what="w", version=3, by="b",
                  on=date(2026, 1, 1), marks=marks, ground=None if landscape else hills(sheet))  # fmt: skip
    assert len(pages) == 1


def hills(sheet):
    """Return the ground of a sheet: two models, the newer of them a hill in the older's middle."""
    west, north = sheet.corner
    rows, cols = np.mgrid[0:400, 0:400]
    z = (900 + rows + 40 * np.sin(cols / 30)).astype(np.float32)
    grid = Affine(30, 0, west - 1000, 0, -30, north + 1000)
    old = Dem(z, grid, sheet.zone)
    new = Dem(z[50:90, 50:90] + 500, grid @ Affine.translation(50, 50), sheet.zone)
    return ground.under(sheet, [ground.Heights(new, "新"), ground.Heights(old, "旧")])


def test_a_sheet_has_the_ground_pale_with_heights_that_no_name_covers():
    sheet = map_sheet.Sheet(*MIDDLE, 25000)
    laid = hills(sheet)
    assert laid.words == "新；旧"
    # The contours of the zoom that shows as much: 1 : 25,000 is finer than zoom 13.
    assert laid.step == 10
    with rasterio.MemoryFile(laid.picture) as file, file.open() as picture:
        rgba = picture.read()
    width, height = sheet.frame
    assert rgba.shape[1:] == (round(height / 0.2), round(width / 0.2))
    assert 0 < rgba[3].max() < 200
    assert any(float(text) > 1400 for *_, text, _ in laid.heights)
    assert all(0 < x < width and 0 < y < height for x, y, _, _ in laid.heights)
    where = shapely.box(*MIDDLE, 112.52, 38.82)
    mine = row("mine_boundary", where) | {"mine_code": "A"}
    painted = [{"code": "A", "name": "示例矿", "label": "红", "colour": "red"}]
    drawn = sheet_drawing.drawing(sheet, [mine], painted, ground=laid)
    assert "contour" in drawn.keys
    ((x, y, _, _),) = drawn.words
    assert drawn.heights
    assert not any(abs(a - x) < 5 and abs(b - y) < 2 for a, b, _, _ in drawn.heights)
    # Through what a mine is painted with the ground is seen.
    assert 'opacity=".75"' in drawn.svg
    assert 'opacity=".75"' not in sheet_drawing.drawing(sheet, [mine], painted).svg
    assert ground.under(map_sheet.Sheet(120.0, 40.0, 25000), []) is None


def test_a_large_model_is_kept_by_the_means_of_blocks():
    z = np.arange(36, dtype=np.float32).reshape(6, 6)
    small = ground.kept(Dem(z, Affine(30, 0, 5e5, 0, -30, 4.3e6), 4546), most=9)
    assert small.z.tolist() == [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5], [27.5, 29.5, 31.5]]
    assert small.cell == (60, 60)
    whole = ground.kept(Dem(z, Affine.identity(), 4546))
    assert whole.shape == (6, 6)


def test_without_a_chinese_font_it_says_so(monkeypatch):
    from geo.problems import Problem

    monkeypatch.setattr(map_sheet, "FONTS", ("No Such Font",))
    map_sheet.chinese_font.cache_clear()
    try:
        with pytest.raises(Problem) as told:
            map_sheet.pdf(
                map_sheet.Sheet(*MIDDLE, 25000), [], [], "zh",
                title="", what="", version=1, by="", on=date(2026, 1, 1),
            )  # fmt: skip
    finally:
        map_sheet.chinese_font.cache_clear()
    assert told.value.code == "report.sheet.no_font"


def panel(**attrs):
    box = shapely.box(112.500, 38.800, 112.506, 38.804)
    return {
        "layer": "plan_item",
        "attrs": {"item": "panel", "name": "3101", **attrs},
        "geometry": box,
    }


def goaf(**attrs):
    box = shapely.box(112.508, 38.800, 112.511, 38.804)
    return {"layer": "goaf", "attrs": {"code": "G1", **attrs}, "geometry": box}


def boxes(svg, kind):
    found = re.findall(
        rf'<rect class="{kind}" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', svg
    )
    return [tuple(map(float, one)) for one in found]


def test_the_fracture_zone_drawn_is_the_one_grading_reckons():
    (reckoned,) = formulae.fracture_zone([6.5], ["medium"], method=["top_coal_caving"])
    assert zone_heights(panel(height_m=6.5), "medium")[0] == pytest.approx(reckoned)
    assert reckoned > 95, "the table of sliced mining would say 50"
    sliced = zone_heights(panel(height_m=6.5, method="sliced"), "medium")[0]
    assert sliced == pytest.approx(formulae.fracture_zone([6.5], ["medium"], method=["sliced"])[0])
    assert zone_heights(panel(height_m=3.0), None)[0] == max(
        zone_heights(panel(height_m=3.0), one)[0] for one in ("hard", "medium", "soft")
    )
    assert zone_heights(panel(height_m=6.5), "very_soft") is None
    steep = {"mining_height_m": 2.0, "dip_deg": 60.0}
    assert zone_heights(goaf(**steep), "hard") is None
    # 100·2·50/(4.1·50+133)+8.4; no caving height holds for a steep seam
    assert zone_heights(goaf(**steep, stage_m=50.0), "hard") == (
        pytest.approx(37.986, abs=1e-3),
        None,
    )


def test_the_caving_zone_lies_within_the_fracture_zone():
    # 100·3/(4.7·3+19)+2.2 under 44.6
    reach, caved = zone_heights(panel(height_m=3.0), "medium")
    assert caved == pytest.approx(11.263, abs=1e-3)
    made = section(
        [panel(floor_m=820.0, height_m=3.0)], [], 4546, "zh", {"roof_rock_class": "medium"}
    )
    (_, outer, _, tall), (_, inner, _, low) = (
        boxes(made.svg, one)[0] for one in ("fractured", "caved")
    )
    assert outer < inner
    assert outer + tall == pytest.approx(inner + low, abs=0.2)
    assert low / tall == pytest.approx(caved / reach, abs=0.01)


def test_a_fracture_zone_is_drawn_over_mined_coal_alone():
    for item in ("roadway", "shaft"):
        made = section([panel(item=item, floor_m=820.0, height_m=3.5)], [], 4546, "zh")
        assert boxes(made.svg, "fractured") == []
        assert any("3101" in note for note in made.notes)
    stope = panel(floor_m=820.0, height_m=12.0)
    metal = section([stope], [], 4546, "zh", {"mine_kind": "metal_underground"})
    assert boxes(metal.svg, "fractured") == []
    assert not any("裂隙带" in note for note in metal.notes)
    soft = section([stope], [], 4546, "zh", {"mine_kind": "coal", "roof_rock_class": "soft"})
    assert any("软弱" in note for note in soft.notes)


def test_a_section_draws_what_has_an_elevation_and_names_what_has_none():
    made = section(
        [panel(floor_m=820.0, height_m=3.0)], [goaf(floor_m=860.0, mining_height_m=2.0)], 4546, "en"
    )
    ((px, py, pw, _),) = boxes(made.svg, "panel")
    ((gx, gy, _, gh),) = boxes(made.svg, "void")
    # The goaf's own zone stands on the goaf; the panel's is the one below it.
    (_, zy, _, zh) = max(boxes(made.svg, "fractured"), key=lambda one: one[1] + one[3])
    assert gx > px + pw, "the goaf lies east of the panel"
    assert gy + gh < py, "and above it"
    assert zy < gy < zy + zh, "within reach of the fracture zone"
    assert zy + zh == pytest.approx(py, abs=0.2)
    bare = section([panel(floor_m=820.0, height_m=3.0)], [goaf()], 4546, "en")
    assert boxes(bare.svg, "void") == []
    assert any("G1" in note for note in bare.notes)


def test_without_an_elevation_there_is_no_drawing_but_a_sentence():
    made = section([panel()], [goaf(floor_m=860.0)], 4546, "zh")
    assert made.svg is None
    assert made.notes


def test_a_name_in_a_section_is_text():
    made = section([panel(floor_m=820.0, height_m=3.0, code='<b>"&')], [], 4546, "en")
    assert "<b>" not in made.svg
    assert "&lt;b&gt;" in made.svg


def test_a_sheet_runs_no_formula_of_a_strangers(tmp_path):
    path = tmp_path / "b.xlsx"
    rows = [["=1+1", 3, date(2026, 1, 1)]]
    write_board(path, "名单", "说明", ["甲", "乙", "丙"], rows, date(2026, 1, 2), "zh")
    sheet = openpyxl.load_workbook(path).active
    assert sheet["A4"].value == "=1+1"
    assert sheet["A4"].data_type == "s"
    assert sheet["B4"].value == 3
