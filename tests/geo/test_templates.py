"""Templates: what is filled into them is read back as the very fields."""

from datetime import date

import geopandas as gpd
import openpyxl
import pytest
import shapely

from geo.report.template import columns, write_template
from geo.survey.layers import layer, layers, map_fields
from geo.survey.reading import read_file

SHAPES = {
    "Polygon": shapely.box(112.8, 38.8, 112.81, 38.81),
    "LineString": shapely.LineString([(112.8, 38.8), (112.81, 38.81)]),
    "Point": shapely.Point(112.8, 38.8),
}
WORD = {"text": "甲", "seam": "3", "number": 12.5, "bool": "是", "date": date(2024, 5, 10)}


@pytest.mark.parametrize("name", list(layers()))
def test_every_field_of_every_layer_fits_a_dbf_and_is_found_again(name):
    found = columns(layer(name))
    assert set(found) == set(layer(name).fields)
    assert len(set(found.values())) == len(found)
    assert map_fields(found.values(), name) == {short: field for field, short in found.items()}


def word(field):
    if field.type in ("choice", "list"):
        value, words = next(iter(field.values.items()), ("3", ("3",)))
        return (words or (value,))[0]
    return WORD[field.type]


@pytest.mark.parametrize("ending", ["zip", "gpkg"])
@pytest.mark.parametrize("name", ["goaf", "mine_boundary", "collapse_column", "fold"])
def test_a_template_filled_in_is_read_whole(tmp_path, name, ending):
    one = layer(name)
    path = write_template(one, tmp_path / f"{name}.{ending}")
    source = f"zip://{path}" if ending == "zip" else path
    tables = gpd.list_layers(source)
    assert len(tables) == len(one.geometry)
    empty = gpd.read_file(source, layer=tables["name"][0])
    names = columns(one) if ending == "zip" else {field: field for field in one.fields}
    row = {names[field]: [word(spec)] for field, spec in one.fields.items()}
    assert list(empty.columns) == [*names.values(), "geometry"]
    shape = SHAPES[tables["geometry_type"][0]]
    filled = tmp_path / f"{name}-filled.gpkg"
    gpd.GeoDataFrame(row, geometry=[shape], crs=empty.crs).to_file(filled, layer=name)
    (read,) = read_file(filled, workdir=tmp_path).layers
    assert (read.layer, read.rows, read.refused) == (name, 1, 0)
    assert set(read.mapping.values()) == set(one.fields)


def test_the_sheet_of_corners_says_which_way_x_and_y_go(tmp_path):
    book = openpyxl.load_workbook(write_template(layer("goaf"), tmp_path / "采空区.xlsx"))
    corners = list(book["拐点坐标"].values)
    assert corners[0] == ("图形号", "圈号", "扣除", "点号", "X", "Y")
    north, east = corners[1][4:]
    assert 3_000_000 < north < 6_000_000
    assert str(int(east))[:2] == "37"
    assert any(row[2] == "扣除" for row in corners)
    assert [c for c in next(book["属性"].values) if c][1:] == [
        f.label.zh for f in layer("goaf").fields.values()
    ]
