"""DXF, KML and KMZ as people send them."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from tests.geo.survey.test_read_files import HERE, codes, read, square

EAST, NORTH = Transformer.from_crs(4490, 4526, always_xy=True).transform(*HERE)


class Dxf:
    """Write just enough of a DXF: AutoCAD 2000, code page 936."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.handle = 0x20

    def entity(self, kind: str, layer: str, *pairs: tuple[int, Any], paper: bool = False) -> None:
        self.handle += 1
        head = [(0, kind), (5, f"{self.handle:X}"), (100, "AcDbEntity")]
        if paper:
            head.append((67, 1))
        for code, value in (*head, (8, layer), *pairs):
            self.lines += [f"{code:3d}", str(value)]

    def outline(
        self, layer: str, points: list[tuple[float, float]], closed: bool = True, **more: Any
    ) -> None:
        xy = [pair for x, y in points for pair in ((10, EAST + x), (20, NORTH + y))]
        flags = [(90, len(points)), (70, int(closed))]
        self.entity("LWPOLYLINE", layer, (100, "AcDbPolyline"), *flags, *xy, **more)

    def text(self, layer: str, words: str, x: float, y: float) -> None:
        at = ((10, EAST + x), (20, NORTH + y), (40, 2.5))
        self.entity("TEXT", layer, (100, "AcDbText"), *at, (1, words))

    def block(self, layer: str, name: str, x: float, y: float, **tags: str) -> None:
        at = ((10, EAST + x), (20, NORTH + y))
        self.entity("INSERT", layer, (100, "AcDbBlockReference"), (66, int(bool(tags))), (2, name), *at)  # fmt: skip
        for tag, value in tags.items():
            self.entity(
                "ATTRIB", layer, (100, "AcDbText"), *at, (40, 2.5), (1, value),
                (100, "AcDbAttribute"), (2, tag), (70, 0),
            )  # fmt: skip
        if tags:
            self.entity("SEQEND", layer)

    def write(self, path: Path, encoding: str = "gbk", bare: bool = False) -> Path:
        head = "  0\nSECTION\n  2\nHEADER\n  9\n$ACADVER\n  1\nAC1015\n  9\n$DWGCODEPAGE\n  3\nANSI_936\n  0\nENDSEC\n"
        blocks = "  0\nSECTION\n  2\nBLOCKS\n  0\nBLOCK\n  8\n0\n  2\nZK\n 70\n2\n 10\n0\n 20\n0\n 30\n0\n  3\nZK\n  0\nCIRCLE\n  8\n0\n 10\n0\n 20\n0\n 40\n1\n  0\nENDBLK\n  8\n0\n  0\nENDSEC\n"
        body = "\n".join(self.lines)
        before = "" if bare else head + blocks
        text = f"{before}  0\nSECTION\n  2\nENTITIES\n{body}\n  0\nENDSEC\n  0\nEOF\n"
        path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
        return path


BOX = [(0.0, 0.0), (100.0, 0.0), (100.0, 80.0), (0.0, 80.0)]


@pytest.mark.parametrize("encoding", ["gbk", "utf-8", "utf-8-sig"])
def test_a_drawing_from_autocad(tmp_path: Path, encoding: str) -> None:
    made = Dxf()
    made.outline("采空区", BOX)
    made.text("采空区", "CK1", 50, 40)
    made.text("采空区", "积水", 60, 40)
    made.text("采空区", "图例", 500, 500)
    made.outline("断层F1", [(0, 0), (200, 10), (300, 90)], closed=False)
    made.block("钻孔", "ZK", 20, 30, 孔号="ZK101", 孔深="312.5")
    made.block("钻孔", "ZK", 40, 30, 孔号="ZK102")
    made.outline("图框", [(-900, -900), (900, -900), (900, 900), (-900, 900)])
    made.outline("采空区", BOX, paper=True)
    made.entity("REGION", "采空区", (100, "AcDbModelerGeometry"))
    path = made.write(tmp_path / "采掘工程平面图.dxf", encoding)
    found = read(path, tmp_path)
    by = {one.source_name: one for one in found.layers}
    assert {n: (o.layer, o.rows, o.stored) for n, o in by.items()} == {
        "采空区": ("goaf", 1, 1),
        "断层F1": ("fault", 1, 1),
        "钻孔": ("borehole", 2, 2),
        # What a layer of no known name holds is asked, row by row, not dropped.
        "图框": (None, 1, 0),
    }
    (goaf,) = by["采空区"].frame.to_dict("records")
    assert goaf["name"] == "CK1 积水"
    assert goaf["raw"]["EntityHandle"] == "21"
    x, y = Transformer.from_crs(4526, 4490, always_xy=True).transform(
        *np.array([(EAST + a, NORTH + b) for a, b in BOX]).T
    )
    expected = shapely.Polygon(np.column_stack((x, y)))
    assert shapely.hausdorff_distance(goaf["geometry"], expected) < 1e-9
    assert by["采空区"].crs is not None
    assert (by["采空区"].crs.epsg, by["采空区"].crs.assumed_datum) == (4526, True)
    assert by["断层F1"].frame.geometry.iloc[0].geom_type == "LineString"
    assert by["钻孔"].frame["code"].tolist() == ["ZK101", "ZK102"]
    assert by["钻孔"].frame.geometry.iloc[0].geom_type == "Point"
    said = {note.code: note.params for note in found.notes.itertuples()}
    assert said["reader.layer.dxf_aside"]["rows"] == 3
    assert said["reader.layer.dxf_aside"]["paper"] == 1
    assert said["reader.layer.dxf_left"]["types"] == "REGION"
    # Once the sender says what the frame is, it is taken as that.
    again = read(path, tmp_path, layers={"图框": "mine_boundary"}, mine_code="M1")
    assert {o.source_name: o.stored for o in again.layers}["图框"] == 1


def test_an_outline_that_is_not_closed_is_refused(tmp_path: Path) -> None:
    made = Dxf()
    made.outline("goaf", BOX, closed=False)
    made.outline("goaf", [*BOX, BOX[0]], closed=False)
    found = read(made.write(tmp_path / "a.dxf"), tmp_path)
    assert codes(found) == {1: "reader.row.kind_line"}
    assert found.layers[0].stored == 1


@pytest.mark.parametrize("encoding", ["gbk", "utf-8", "utf-8-sig"])
def test_a_drawing_without_a_header(tmp_path: Path, encoding: str) -> None:
    made = Dxf()
    made.outline("采空区", BOX)
    made.text("采空区", "甲", 5, 5)
    (one,) = read(made.write(tmp_path / "a.dxf", encoding, bare=True), tmp_path).layers
    assert (one.layer, one.source_name) == ("goaf", "采空区")
    assert one.frame["name"].tolist() == ["甲"]


def test_names_spelled_out_by_autocad(tmp_path: Path) -> None:
    made = Dxf()
    made.outline("\\U+91C7\\U+7A7A\\U+533A", BOX)
    made.text("\\U+91C7\\U+7A7A\\U+533A", "\\U+7532", 5, 5)
    (one,) = read(made.write(tmp_path / "a.dxf", "ascii"), tmp_path).layers
    assert (one.layer, one.source_name) == ("goaf", "采空区")
    assert one.frame["name"].tolist() == ["甲"]


def test_a_drawing_in_a_zip_beside_a_word_document(tmp_path: Path) -> None:
    made = Dxf()
    made.outline("采空区", BOX)
    path = tmp_path / "a.zip"
    inner = tmp_path / "x.zip"
    with zipfile.ZipFile(inner, "w") as word:
        word.writestr("word/document.xml", "<x/>")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("图.dxf", made.write(tmp_path / "a.dxf").read_bytes())
        archive.writestr("报告.docx", inner.read_bytes())
    found = read(path, tmp_path)
    assert [one.layer for one in found.layers] == ["goaf"]
    ignored = found.notes[found.notes["code"] == "reader.file.ignored"]
    assert [params["name"] for params in ignored["params"]] == ["报告.docx"]


def ring(shape: shapely.Polygon) -> str:
    return " ".join(f"{x},{y},950" for x, y in shape.exterior.coords)


def placemark(name: str, inner: str, **data: str) -> str:
    said = "".join(f'<Data name="{k}"><value>{v}</value></Data>' for k, v in data.items())
    return f"<Placemark><name>{name}</name><ExtendedData>{said}</ExtendedData>{inner}</Placemark>"


def polygon(outer: shapely.Polygon, *holes: shapely.Polygon) -> str:
    def boundary(word: str, shape: shapely.Polygon) -> str:
        return f"<{word}><LinearRing><coordinates>{ring(shape)}</coordinates></LinearRing></{word}>"

    inner = "".join(boundary("innerBoundaryIs", hole) for hole in holes)
    return f"<Polygon>{boundary('outerBoundaryIs', outer)}{inner}</Polygon>"


def kml(*folders: tuple[str, str], prefix: str = "") -> bytes:
    body = "".join(f"<Folder><name>{n}</name>{inner}</Folder>" for n, inner in folders)
    space = "http://www.opengis.net/kml/2.2"
    text = f'<?xml version="1.0" encoding="UTF-8"?>{prefix}<kml xmlns="{space}"><Document><name>d</name>{body}</Document></kml>'
    return text.encode()


def two_folders() -> bytes:
    hole = square(0.002, 0.002, 0.002)
    both = f"<MultiGeometry>{polygon(square(0.03))}{polygon(square(0.05))}</MultiGeometry>"
    line = f"<LineString><coordinates>{HERE[0]},{HERE[1]} {HERE[0] + 0.01},{HERE[1]}</coordinates></LineString>"
    return kml(
        (
            "采空区",
            placemark("CK1", polygon(square(), hole), 煤层="3号", 积水情况="有")
            + placemark("CK2", both, 埋深="80")
            + placemark("CK3", ""),
        ),
        ("断层", placemark("F1", line, 落差="15")),
    )


@pytest.mark.parametrize("packed", [False, True])
def test_a_kml_and_a_kmz(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("普查.kmz" if packed else "普查.kml")
    if packed:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("doc.kml", two_folders())
            archive.writestr("files/icon.png", b"\x89PNG")
    else:
        path.write_bytes(two_folders())
    found = read(path, tmp_path)
    by = {one.layer: one for one in found.layers}
    assert {n: (o.source_name, o.rows, o.stored) for n, o in by.items()} == {
        "goaf": ("采空区", 3, 2),
        "fault": ("断层", 1, 1),
    }
    goaf = by["goaf"].frame
    assert goaf["name"].tolist() == ["CK1", "CK2"]
    assert (goaf["seam"].iloc[0], goaf["water"].iloc[0]) == ("3", "present")
    assert goaf["depth_m"].tolist()[1] == 80
    assert goaf.geometry.iloc[0].equals(square() - square(0.002, 0.002, 0.002))
    assert goaf.geometry.iloc[1].geom_type == "MultiPolygon"
    assert by["goaf"].crs is not None
    assert (by["goaf"].crs.epsg, by["goaf"].crs.assumed_datum) == (4326, False)
    assert codes(found)[3] == "reader.row.empty"
    # A column that only the other folder has is not this one's.
    assert "落差" not in by["goaf"].samples[0]


def test_a_kml_without_folders_is_named_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "采空区.kml"
    path.write_bytes(kml(("我的地点", placemark("CK1", polygon(square())))))
    (one,) = read(path, tmp_path).layers
    assert (one.source_name, one.layer) == ("采空区", "goaf")


def test_coordinates_of_a_kml_that_are_no_numbers(tmp_path: Path) -> None:
    path = tmp_path / "goaf.kml"
    bad = polygon(square()).replace("112.61,", "abc,")
    path.write_bytes(kml(("goaf", placemark("A", bad) + placemark("B", polygon(square())))))
    found = read(path, tmp_path)
    assert codes(found)[1] in ("reader.row.not_finite", "reader.row.unreadable")
    assert found.layers[0].stored == 1
