"""Hostile and broken drawings, placemarks and workbooks: refused by one sentence, nothing left."""

import io
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest

from geo.survey.limits import limits
from geo.survey.reading import parent, read_file
from tests.geo.survey.test_read_corners import SQUARE, corners, workbook
from tests.geo.survey.test_read_drawings import BOX, Dxf, kml, placemark, polygon
from tests.geo.survey.test_read_files import square
from tests.geo.survey.test_read_wrong_input import own_rooms, pack, refused

__all__ = ["own_rooms"]

LAUGHS = (
    '<!DOCTYPE kml [<!ENTITY a "ha">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]>"
)
OUTSIDE = '<!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
AWAY = '<!DOCTYPE kml SYSTEM "http://127.0.0.1:9/kml.dtd">'


def good_kml() -> bytes:
    return kml(("goaf", placemark("A", polygon(square()))))


def book() -> dict[str, bytes]:
    made = openpyxl.Workbook()
    for row in [["X", "Y"], *(row[1:] for row in corners(SQUARE))]:
        made.active.append(row)
    kept = io.BytesIO()
    made.save(kept)
    with zipfile.ZipFile(kept) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("prefix", [LAUGHS, OUTSIDE, AWAY])
@pytest.mark.parametrize("packed", [False, True])
def test_document_types_in_a_kml(tmp_path: Path, prefix: str, packed: bool) -> None:
    inner = placemark("&x;" if prefix == OUTSIDE else "&i;", polygon(square()))
    data = kml(("goaf", inner), prefix=prefix)
    path = tmp_path / "goaf.kml"
    path.write_bytes(data)
    if packed:
        path = pack(tmp_path / "goaf.kmz", {"doc.kml": data})
    assert refused(path, tmp_path).code == "reader.child.unreadable"


@pytest.mark.parametrize(
    "data",
    [
        b"<kml></kml",
        good_kml()[:-40],
        b"\x00\x01\x02",
        b"<a>" * 100 + b"</a>" * 100,
        b"not xml",
        good_kml().decode().encode("utf-16")[:200],
    ],
)
def test_a_kml_that_is_not_sound(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "goaf.kml"
    path.write_bytes(data)
    assert refused(path, tmp_path).code == "reader.child.unreadable"


def test_a_kml_without_placemarks(tmp_path: Path) -> None:
    path = tmp_path / "goaf.kml"
    path.write_bytes(kml(("goaf", "")))
    assert refused(path, tmp_path).code == "reader.kind.no_layer"


def test_too_many_placemarks_or_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "goaf.kml"
    path.write_bytes(kml(("goaf", placemark("A", polygon(square())) * 12)))
    monkeypatch.setitem(limits(), "rows", 11)
    assert refused(path, tmp_path).code == "reader.child.too_many"
    monkeypatch.setitem(limits(), "rows", 100)
    monkeypatch.setitem(limits(), "columns", 20)
    path.write_bytes(kml(("goaf", placemark("A", "", **{f"c{n}": "1" for n in range(21)}))))
    assert refused(path, tmp_path).code == "reader.child.too_many"


@pytest.mark.parametrize("suffix", [".kmz", ".xlsx"])
def test_archives_that_swell(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"goaf{suffix}"
    inside = "doc.kml" if suffix == ".kmz" else "xl/workbook.xml"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(inside, "w") as out,
    ):
        for _ in range(64):
            out.write(b" " * (1 << 20))
    assert path.stat().st_size < 100_000
    assert refused(path, tmp_path).code == "reader.zip.bomb"


@pytest.mark.parametrize("suffix", [".kmz", ".xlsx"])
def test_archives_that_climb_or_hide_archives(tmp_path: Path, suffix: str) -> None:
    parts = {"doc.kml": good_kml()} if suffix == ".kmz" else book()
    assert (
        refused(pack(tmp_path / f"a{suffix}", {**parts, "../x.xml": b"<x/>"}), tmp_path).code
        == "reader.name.climbs"
    )
    nested = pack(tmp_path / f"b{suffix}", {**parts, "in.zip": b"PK\x03\x04"})
    assert refused(nested, tmp_path).code == "reader.zip.nested"
    cut = pack(tmp_path / f"c{suffix}", parts)
    cut.write_bytes(cut.read_bytes()[:-300])
    assert refused(cut, tmp_path).code == "reader.zip.broken"
    many = limits()["archive"]["entries"]
    full = pack(tmp_path / f"d{suffix}", {**parts, **{f"{n}.xml": b"" for n in range(many)}})
    assert refused(full, tmp_path).code == "reader.zip.entries"


def test_a_workbook_that_lies_about_its_sizes(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.xlsx", {**book(), "xl/sharedStrings.xml": bytes(32 << 20)})
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 32 << 20), struct.pack("<I", 10)))
    assert refused(path, tmp_path).code in ("reader.zip.bomb", "reader.zip.broken")


@pytest.mark.parametrize("code", ["utf-8", "utf-16"])
@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml"])
def test_document_types_in_a_workbook(tmp_path: Path, part: str, code: str) -> None:
    parts = book()
    text = parts[part].decode()
    _, _, body = text.partition("?>") if text.startswith("<?xml") else ("", "", text)
    laughs = LAUGHS.replace("DOCTYPE kml", "DOCTYPE worksheet")
    parts[part] = f'<?xml version="1.0" encoding="{code}"?>{laughs}{body}'.encode(code)
    assert refused(pack(tmp_path / "a.xlsx", parts), tmp_path).code == "reader.child.unreadable"


@pytest.mark.parametrize("what", ["workbook", "csv"])
def test_a_giant_cell(tmp_path: Path, what: str) -> None:
    rows = [["X", "Y", "备注"], *(row[1:] for row in corners(SQUARE))]
    rows[1].append("x" * 40_000)
    if what == "workbook":
        parts = book()
        sheet = "xl/worksheets/sheet1.xml"
        giant = f'<c r="C2" t="inlineStr"><is><t>{"x" * 40_000}</t></is></c></row>'
        parts[sheet] = parts[sheet].replace(b"</row>", giant.encode(), 1)
        path = pack(tmp_path / "goaf.xlsx", parts)
    else:
        path = tmp_path / "goaf.csv"
        path.write_text("\n".join(",".join(map(str, row)) for row in rows), "utf-8")
    assert refused(path, tmp_path).code == "reader.child.unreadable"


def test_a_sheet_of_too_many_rows_or_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook(tmp_path / "goaf.xlsx", a=[["X", "Y"], *[[1, 2]] * 60], b=[[1, 2]] * 60)
    monkeypatch.setitem(limits(), "rows", 100)
    assert refused(path, tmp_path).code == "reader.child.too_many"
    # A far cell says the sheet is wide; every cell up to it would be made.
    wide = workbook(tmp_path / "wide.xlsx", a=[["X", "Y", *[None] * 600, "Z"]])
    assert refused(wide, tmp_path).code == "reader.child.too_many"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.xlsx", b"not a zip", "reader.kind.mismatch"),
        ("a.xlsx", b"", "reader.kind.empty"),
        ("a.csv", b"\x00\x01\x02\xff", "reader.corners.no_head"),
        ("a.dxf", b"not a drawing", "reader.kind.mismatch"),
        ("a.dxf", b"AutoCAD Binary DXF\r\n\x1a\x00", "reader.kind.binary_dxf"),
        ("a.dwg", b"AC1032\x00\x00", "reader.kind.save_as"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "reader.kind.save_as"),
        ("a.wp", b"WMAP`D22", "reader.kind.save_as"),
    ],
)
def test_other_files(tmp_path: Path, name: str, data: bytes, code: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert refused(path, tmp_path).code == code


def compound(*names: str) -> bytes:
    """Return the first bytes of an Office 97 file with a directory of these names."""
    listed = b"".join(one.encode("utf-16-le").ljust(128, b"\x00") for one in ("Root Entry", *names))
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\x00") + listed


@pytest.mark.parametrize(
    ("name", "data", "code", "what"),
    [
        ("goaf.shp", compound("WordDocument"), "document", "Word 97 (.doc)"),
        ("报告.doc", compound("1Table", "WordDocument"), "document", "Word 97 (.doc)"),
        ("goaf.dbf", compound("Workbook"), "save_as", "Excel 97 (.xls)"),
        ("goaf.csv", compound("Book"), "save_as", "Excel 97 (.xls)"),
        ("goaf.shp", "word/document.xml", "document", "Word (.docx)"),
        ("报告.docx", "word/document.xml", "document", "Word (.docx)"),
        ("goaf.shp", "xl/workbook.xml", "save_as", "Excel"),
        ("goaf.shp", b"AC1032\x00\x00" + bytes(100), "save_as", "AutoCAD DWG"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_another_program_wrote_is_named(
    tmp_path: Path, name: str, data: bytes | str, code: str, what: str, packed: bool
) -> None:
    path = tmp_path / name
    if isinstance(data, str):
        pack(path, {"[Content_Types].xml": b"<x/>", data: b"<x/>"})
    else:
        path.write_bytes(data)
    if packed and name.startswith("goaf"):
        path = pack(tmp_path / "a.zip", {name: path.read_bytes(), "说明.txt": b"x"})
    found = refused(path, tmp_path)
    assert (found.code, found.params["what"]) == (f"reader.kind.{code}", what)
    assert found.params["name"] == name


def test_a_shape_that_is_none_is_not_asked_for_its_table(tmp_path: Path) -> None:
    path = tmp_path / "goaf.shp"
    path.write_bytes(b"code,name\n1,2\n" * 20)
    assert refused(path, tmp_path).code == "reader.kind.mismatch"


def test_a_workbook_of_another_program(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.xlsx", {"word/document.xml": b"<x/>"})
    assert refused(path, tmp_path).code == "reader.kind.mismatch"


def test_a_drawing_cut_short(tmp_path: Path) -> None:
    made = Dxf()
    for _ in range(50):
        made.outline("goaf", BOX)
    whole = made.write(tmp_path / "goaf.dxf")
    data = whole.read_bytes()
    whole.write_bytes(data[: len(data) // 2])
    assert refused(whole, tmp_path).code == "reader.part.cut"


def test_a_drawing_with_a_block_within_itself(tmp_path: Path) -> None:
    made = Dxf()
    made.outline("goaf", BOX)
    made.block("borehole", "ZK", 1, 1)
    path = made.write(tmp_path / "a.dxf")
    # The block sets itself, a hundred times: unrolled it would never end.
    more = b"".join(
        b"  0\r\nINSERT\r\n  8\r\n0\r\n  2\r\nZK\r\n 10\r\n1\r\n 20\r\n1\r\n" for _ in range(100)
    )
    path.write_bytes(path.read_bytes().replace(b"  0\r\nENDBLK", more + b"  0\r\nENDBLK"))
    found = read_file(path, workdir=tmp_path)
    assert {one.layer: one.stored for one in found.layers} == {"goaf": 1, "borehole": 1}


def test_a_drawing_of_too_many_entities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Dxf()
    for _ in range(12):
        made.outline("goaf", BOX)
    monkeypatch.setitem(limits(), "rows", 11)
    assert refused(made.write(tmp_path / "a.dxf"), tmp_path).code == "reader.child.too_many"


@pytest.mark.parametrize(
    "said",
    [
        {"columns": ["a"]},
        {"columns": 5},
        {"sheets": []},
        {"sheets": ["a"], "entities": {"x": "many"}},
        {},
    ],
)
@pytest.mark.parametrize("suffix", ["kml", "csv", "dxf"])
def test_a_child_that_lies_about_its_answer_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, said: dict[str, Any]
) -> None:
    table = pa.table({"sheet": [7], "cells": [["X"]], "shape": [b"x"]})

    def lie(task: dict[str, Any], folder: Path, name: str, out: int) -> dict[str, Any]:
        with (
            os.fdopen(out, "wb", closefd=False) as sink,
            pa.ipc.new_stream(sink, table.schema) as to,
        ):
            to.write_table(table)
        return {"sent": 1, "stated": 1, **said}

    monkeypatch.setattr(parent, "_run", lie)
    made = Dxf()
    made.outline("goaf", BOX)
    path = made.write(tmp_path / "a.dxf").rename(tmp_path / f"a.{suffix}")
    if suffix != "dxf":
        path.write_text("X,Y\n1,2\n")
    assert refused(path, tmp_path).code == "reader.child.died"
