"""Empty files to fill in: a shapefile zip, a GeoPackage, or an Excel sheet of corner points."""

import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from geo.problems import Problem
from geo.survey.layers import DBF_NAME_BYTES, Field, Layer, map_fields

ENDINGS = (".zip", ".gpkg", ".xlsx")
_TYPES = {"polygon": "Polygon", "line": "LineString", "point": "Point"}
# One ring to a number; a ring with 扣除 is cut out of the polygon before it.
CORNERS = ("图形号", "圈号", "扣除", "点号", "X", "Y")


def columns(one: Layer) -> dict[str, str]:
    """Return {canonical field: name in a .dbf}: ten bytes of ASCII that are read back as the field.

    The canonical name where ten bytes of it mean no other field, else the first alias that fits.
    """
    found = {}
    for name, field in one.fields.items():
        for spoken in (name, *field.aliases):
            short = spoken[:DBF_NAME_BYTES] if spoken == name else spoken
            fits = short.isascii() and len(short) <= DBF_NAME_BYTES and " " not in short
            if fits and map_fields([short], one) == {short: name}:
                found[name] = short
                break
        else:
            raise ValueError(f"{one.name}.{name} has no name that fits into a .dbf")
    return found


def _table(one: Layer, names: dict[str, str]) -> Any:
    import pyarrow as pa

    types = {"number": pa.float64(), "date": pa.date32()}
    fields = [
        pa.field(names[name], types.get(field.type, pa.string()))
        for name, field in one.fields.items()
    ]
    return pa.table(
        {field.name: pa.array([], field.type) for field in [*fields, pa.field("wkb", pa.binary())]}
    )


def _write(path: Path, layer_name: str, one: Layer, kind: str, names: dict[str, str]) -> None:
    import pyogrio

    pyogrio.write_arrow(
        _table(one, names),
        path,
        layer=layer_name,
        driver="GPKG" if path.suffix == ".gpkg" else "ESRI Shapefile",
        geometry_name="wkb",
        geometry_type=_TYPES[kind],
        crs="EPSG:4490",
        append=path.exists(),
    )


def _layer_name(one: Layer, kind: str) -> str:
    return one.name if len(one.geometry) == 1 else f"{one.name}_{kind}"


def _help(field: Field, lang: str) -> str:
    words = " / ".join(words[0] if words else value for value, words in field.values.items())
    return " ".join(part for part in (field.unit or "", words) if part)


def _sheet(path: Path, one: Layer, lang: str) -> None:
    from openpyxl import Workbook
    from openpyxl.styles import Font, PatternFill

    book = Workbook()
    corners = book.active
    corners.title = "拐点坐标"
    corners.append([*CORNERS])
    # X is north and Y is east with the zone before it, as licences print them.
    corners.append([1, 1, "", 1, 4306200.00, 37656000.00])
    corners.append([1, 1, "", 2, 4306200.00, 37656500.00])
    corners.append([1, 1, "", 3, 4305700.00, 37656500.00])
    corners.append([1, 2, "扣除", 1, 4306000.00, 37656200.00])
    corners.append([1, 2, "扣除", 2, 4306000.00, 37656300.00])
    corners.append([1, 2, "扣除", 3, 4305900.00, 37656300.00])
    attributes = book.create_sheet("属性")
    attributes.append(["图形号", *(field.label.zh for field in one.fields.values())])
    attributes.append([1, *("" for _ in one.fields)])
    notes = book.create_sheet("填写说明")
    for line in (
        f"{one.label.zh} / {one.label.en}",
        "X 为北坐标（纵坐标）；Y 为东坐标（横坐标），含带号：37656000 的 37 是3度带带号。",
        "坐标系：2000国家大地坐标系；每个图形一个图形号，外圈在前，扣除的圈在“扣除”栏填“扣除”。",
        "拐点坐标页的示例行请删除后再填。",
        "X is north, Y is east with its zone; rings marked 扣除 are holes. Delete the sample rows.",
    ):
        notes.append([line])
    notes.append([])
    notes.append(["字段", "Field", "类型", "单位或可填的词", "必填"])
    for field in one.fields.values():
        notes.append(
            [
                field.label.zh,
                field.label.en,
                field.type,
                _help(field, lang),
                "是" if field.required else "",
            ]
        )
    for sheet in book.worksheets:
        sheet.freeze_panes = "A2"
        for cell in sheet[1]:
            cell.font = Font(bold=True)
            cell.fill = PatternFill("solid", fgColor="DDE6EE")
        for column in "ABCDEF":
            sheet.column_dimensions[column].width = 16
    book.save(path)


def write_template(one: Layer, path: Path, lang: str = "zh") -> Path:
    """Write an empty file of a layer type, of the kind its ending asks for.

    Parameters
    ----------
    one : Layer
        The layer type; one shapefile or table per geometry kind it may hold.
    path : Path
        Ends with .zip (shapefiles), .gpkg or .xlsx (corner points).
    lang : str
        Language of the hints.

    Raises
    ------
    Problem
        ``layers.ending`` for another ending.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise Problem("layers.ending", file=path.name, endings=", ".join(ENDINGS))
    if ending == ".xlsx":
        _sheet(path, one, lang)
        return path
    with TemporaryDirectory() as room:
        folder = Path(room)
        if ending == ".gpkg":
            made = folder / "made.gpkg"
            names = {name: name for name in one.fields}
            for kind in one.geometry:
                _write(made, _layer_name(one, kind), one, kind, names)
            path.write_bytes(made.read_bytes())
            return path
        names = columns(one)
        for kind in one.geometry:
            name = _layer_name(one, kind)
            _write(folder / f"{name}.shp", name, one, kind, names)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in sorted(folder.iterdir()):
                archive.write(part, part.name)
    return path
