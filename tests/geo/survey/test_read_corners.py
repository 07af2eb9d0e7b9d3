"""Corner points in CSV and Excel: X north, Y east, rings by number, holes by 扣除."""

import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import shapely
from pyproj import Transformer

from geo.problems import Problem
from geo.survey.layers import layers
from geo.survey.reading import ReadOptions, read_file
from geo.survey.reading.corners import assemble, head_of, number_of
from tests.geo.survey.test_read_files import HERE, codes, read, square

EAST, NORTH = (round(v) for v in Transformer.from_crs(4490, 4526, always_xy=True).transform(*HERE))
SQUARE = [(0, 0), (0, 100), (80, 100), (80, 0)]
HOLE = [(20, 20), (20, 40), (40, 40), (40, 20)]


def table(*lines: str) -> list[list[str | None]]:
    return [[cell.strip() or None for cell in line.split(",")] for line in lines]


def corners(points: list[tuple[float, float]], *before: Any, **shift: float) -> list[list[Any]]:
    """Rows of a table: what stands before, the number of the point, X north, Y east."""
    dx = shift.get("dx", 0)
    return [
        [*before, f"J{n}", NORTH + north, EAST + east + dx]
        for n, (north, east) in enumerate(points, start=1)
    ]


def workbook(path: Path, **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def metric(found: Any) -> list[Any]:
    move = Transformer.from_crs(4490, 4526, always_xy=True).transform
    return [shapely.transform(one, move, interleaved=False) for one in found.frame.geometry]


def test_a_workbook_with_a_title_rings_and_a_hole(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["采空区拐点坐标表（CGCS2000）"],
        ["采空区编号", "煤层", "形成时间", "圈号", "点号", "X坐标(m)", "Y坐标(m)", "扣除"],
    ]
    made = [
        *corners(SQUARE, "CK1", "3号", datetime.datetime(2015, 3, 1), 1),
        *corners(HOLE, None, None, None, 2),
        *corners(SQUARE, None, None, None, 3, dx=200),
        *corners(SQUARE, "CK2", "5", None, 1, dx=400),
    ]
    for row in made[4:8]:
        row.append("扣除")
    path = workbook(tmp_path / "普查.xlsx", 采空区=rows + made, 说明=[["填表人", "王"]], 空表=[])
    found = read(path, tmp_path)
    (one,) = found.layers
    assert (one.source_name, one.layer, one.rows, one.stored) == ("采空区", "goaf", 2, 2)
    assert one.frame["code"].tolist() == ["CK1", "CK2"]
    assert one.frame["seam"].tolist() == ["3", "5"]
    assert one.frame["formed_on"].tolist() == [datetime.date(2015, 3, 1), None]
    first, second = metric(one)
    assert first.geom_type == "MultiPolygon"
    assert first.area == pytest.approx(2 * 8000 - 400, rel=1e-6)
    assert second.area == pytest.approx(8000, rel=1e-6)
    assert second.bounds[0] == pytest.approx(EAST + 400, abs=1e-4)
    assert one.crs is not None
    assert (one.crs.epsg, one.crs.swapped, one.crs.assumed_datum) == (4526, False, True)
    assert "reader.corners.no_head" in set(found.notes["code"])
    assert one.frame["raw"].iloc[0]["表中行"] == "3-14"


@pytest.mark.parametrize("encoding", ["gbk", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_a_csv(tmp_path: Path, encoding: str, separator: str) -> None:
    rows = [["编号", "点号", "X", "Y"], *corners(SQUARE, "甲1"), *corners(SQUARE, "乙2", dx=300)]
    path = tmp_path / "采空区.csv"
    path.write_text("\n".join(separator.join(map(str, row)) for row in rows), encoding)
    (one,) = read(path, tmp_path).layers
    assert (one.layer, one.stored) == ("goaf", 2)
    assert one.frame["code"].tolist() == ["甲1", "乙2"]
    assert one.encoding == {"gbk": "GB18030", "utf-8-sig": "UTF-8", "utf-16": "UTF-16"}[encoding]


def test_degrees_minutes_and_seconds(tmp_path: Path) -> None:
    path = tmp_path / "goaf.csv"
    path.write_text(
        "点号,经度,纬度\n1,112°36′0″,38°48'0\"\n2,112.61,38.8\n3,112度36分36秒,38°48′36.0″\n",
        "utf-8",
    )
    (one,) = read(path, tmp_path).layers
    expected = shapely.Polygon([(112.6, 38.8), (112.61, 38.8), (112.61, 38.81)])
    assert shapely.hausdorff_distance(one.frame.geometry.iloc[0], expected) < 1e-9


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("38421000.5", 38421000.5), (" 38,421,000 ", 38421000.0), ("４２９６０００", 4296000.0),
        ("112°30′", 112.5), ("陡", None), ("nan", None), ("1e999", None), (None, None),
    ],
)  # fmt: skip
def test_numbers(text: str | None, value: float | None) -> None:
    assert number_of(text) == value


def shapes(*lines: str, layer: str = "goaf") -> Any:
    rows = table(*lines)
    head = head_of(rows)
    assert head is not None
    return assemble(rows, head, layers()[layer])


def test_what_parts_rings() -> None:
    ring = ["1,0,0", "2,0,9", "3,9,9"]
    by_number = shapes("点号,X,Y", *ring, *ring)
    assert len(by_number.shapes) == 2
    by_closing = shapes("X,Y", "0,0", "0,9", "9,9", "0,0", "20,20", "20,29", "29,29", "20,20")
    assert [one.area for one in by_closing.shapes] == [40.5, 40.5]
    by_blank = shapes("X,Y", "0,0", "0,9", "9,9", ",", "20,20", "20,29", "29,29")
    assert len(by_blank.shapes) == 2
    closed_and_numbered = shapes("点号,X,Y", *ring, "1,0,0", "1,20,20", "2,20,29", "3,29,29")
    assert len(closed_and_numbered.shapes) == 2


def test_a_hole_lies_in_the_ring_around_it() -> None:
    two = [
        "1,0,0,",
        "2,0,50,",
        "3,50,50,",
        "4,50,0,",
        "1,0,100,",
        "2,0,150,",
        "3,50,150,",
        "4,50,100,",
    ]
    hole = ["1,10,110,扣除", "2,10,120,扣除", "3,20,120,扣除"]
    found = shapes("点号,X,Y,扣除", *two, *hole)
    assert [one.area for one in found.shapes] == [2500, 2450]
    astray = shapes("点号,X,Y,扣除", *two, "1,500,500,是", "2,500,510,是", "3,510,510,是")
    assert [word.code for word in astray.refused.values()] == ["reader.row.hole_outside"]
    assert len(astray.shapes) == 3


def test_lines_and_points() -> None:
    line = shapes("编号,X,Y", "F1,0,0", ",5,9", "F2,1,1", ",2,2", layer="fault")
    assert [one.geom_type for one in line.shapes] == ["LineString", "LineString"]
    assert line.shapes[0].coords[1] == (9, 5)
    point = shapes("孔号,X,Y", "ZK1,0,0", "ZK2,5,9", layer="borehole")
    assert [(one.x, one.y) for one in point.shapes] == [(0, 0), (9, 5)]
    assert point.cells["孔号"] == ["ZK1", "ZK2"]


def test_what_is_wrong_is_said_with_its_line(tmp_path: Path) -> None:
    rows = [
        ["编号", "点号", "X", "Y"],
        *corners(SQUARE, "A"),
        *corners(SQUARE[:2], "B"),
        *corners(SQUARE, "C", dx=300),
    ]
    rows[8][2] = "见图"
    path = workbook(tmp_path / "goaf.xlsx", goaf=rows)
    found = read(path, tmp_path)
    assert codes(found) == {2: "reader.row.few_corners", 3: "reader.row.corner"}
    note = found.notes[found.notes["code"] == "reader.row.corner"].iloc[0]
    assert note["params"] == {"at": 9, "value": "见图"}


def test_x_and_y_exchanged_is_found(tmp_path: Path) -> None:
    rows = [["X", "Y"], *([y, x] for _, x, y in corners(SQUARE))]
    found = read(workbook(tmp_path / "goaf.xlsx", goaf=rows), tmp_path)
    assert found.layers[0].crs is not None
    assert (found.layers[0].crs.epsg, found.layers[0].crs.swapped) == (4526, True)
    assert found.layers[0].stored == 1


def test_a_table_without_corners(tmp_path: Path) -> None:
    for path in (
        workbook(tmp_path / "a.xlsx", 表=[["名称", "数量"], ["甲", 1]]),
        tmp_path / "a.csv",
    ):
        if path.suffix == ".csv":
            path.write_text("名称,数量\n甲,1\n", "utf-8")
        with pytest.raises(Problem) as caught:
            read_file(path, ReadOptions(), workdir=tmp_path)
        assert caught.value.code == "reader.corners.no_head"


def test_the_chosen_layer_goes_before_the_name(tmp_path: Path) -> None:
    rows = [["编号", "X", "Y"], *([f"ZK{n}", x, y] for n, (_, x, y) in enumerate(corners(SQUARE)))]
    (one,) = read(workbook(tmp_path / "表1.xlsx", Sheet1=rows), tmp_path, layer="borehole").layers
    assert (one.layer, one.stored) == ("borehole", 4)
    assert one.frame.geometry.iloc[0].distance(square()) < 0.001
