"""Whole files as geologists send them: every row in is a row stored or a row refused."""

import json
import struct
import warnings
import zipfile
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely

from geo.crs import local_zone
from geo.messages import catalogue, say
from geo.problems import Problem
from geo.survey.notes import to_csv, to_geopackage
from geo.survey.reading import ReadOptions, ReadResult, read_file

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "coal_mines_shanxi_gem.geojson"
HERE = (112.6, 38.8)
YUANPING = (112.28, 38.58, 113.08, 39.14)


def square(dx: float = 0.0, dy: float = 0.0, side: float = 0.01) -> shapely.Polygon:
    x, y = HERE[0] + dx, HERE[1] + dy
    return shapely.box(x, y, x + side, y + side)


def frame(rows: list[dict[str, Any]], shapes: list[Any], epsg: int = 4490) -> gpd.GeoDataFrame:
    made = gpd.GeoDataFrame(rows, geometry=shapes, crs=4490)
    return made if epsg == 4490 else made.set_crs(4490).to_crs(epsg)


def shapefile(folder: Path, stem: str, made: gpd.GeoDataFrame, encoding: str = "gb18030") -> Path:
    """Write a shapefile as MapGIS leaves it: GBK, no .cpg, no .prj, no language byte."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{stem}.shp"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyogrio.write_dataframe(made.set_crs(None, allow_override=True), path, encoding=encoding)
    (folder / f"{stem}.cpg").unlink(missing_ok=True)
    dbf = folder / f"{stem}.dbf"
    data = bytearray(dbf.read_bytes())
    data[29] = 0
    dbf.write_bytes(data)
    return path


def zipped(path: Path, folder: Path, inside: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in sorted(folder.iterdir()):
            archive.write(one, inside + one.name)
    return path


def read(path: Path, tmp_path: Path, **options: Any) -> ReadResult:
    workdir = tmp_path / "work"
    workdir.mkdir(exist_ok=True)
    found = read_file(path, ReadOptions(**options), workdir=workdir)
    assert not list(workdir.iterdir())
    for one in found.layers:
        assert one.rows == one.stored + one.refused
        rows = found.notes[
            (found.notes["source_name"] == one.source_name)
            & found.notes["row_no"].notna()
            & (found.notes["outcome"] != "warned")
        ]
        assert sorted(rows["row_no"]) == list(range(1, one.rows + 1))
        assert Counter(rows["outcome"])["mended"] == one.mended
        json.dumps(one.summary(), allow_nan=False)
    for note in found.notes.itertuples():
        for lang in ("zh", "en"):
            say(note.code, lang, **note.params)
    return found


def codes(found: ReadResult) -> dict[int, str]:
    rows = found.notes[found.notes["outcome"].isin(["refused", "mended"])]
    return dict(zip(rows["row_no"], rows["code"], strict=True))


def test_one_layer_of_a_zip_is_read_as_said_and_the_others_as_they_were(tmp_path: Path) -> None:
    rows = [{"code": "K1", "BZ": "东区"}]
    for stem in ("goaf", "fault"):
        shapefile(tmp_path / "in", stem, frame(rows, [square()], 4526))
    path = zipped(tmp_path / "x.zip", tmp_path / "in")
    settled = {"crs_of": {"goaf": 4525}, "mapping_of": {"goaf": {"BZ": "name"}}}
    found = {one.layer: one for one in read(path, tmp_path, **settled).layers}
    assert [found[name].crs and found[name].crs.epsg for name in ("goaf", "fault")] == [4525, 4526]
    assert found["goaf"].mapping["BZ"] == "name"
    assert "BZ" not in found["fault"].mapping
    # As the file says, though another was said for all.
    undone = read(path, tmp_path, crs=4525, crs_of={"fault": None})
    assert [one.crs and one.crs.epsg for one in undone.layers] == [4526, 4525]
    with pytest.raises(Problem) as refused:
        read(path, tmp_path, crs_of={"goaf": 99})
    assert refused.value.code == "reader.option.crs"


def test_one_layer_of_a_zip_is_read_in_another_encoding_and_the_others_as_they_were(
    tmp_path: Path,
) -> None:
    rows = [{"code": "K1", "name": "东翼老空区"}]
    for stem in ("goaf", "fault"):
        shapefile(tmp_path / "in", stem, frame(rows, [square()], 4526), encoding="GB18030")
    path = zipped(tmp_path / "x.zip", tmp_path / "in")

    def read_as(**said: Any) -> list[str | None]:
        return [one.encoding for one in read(path, tmp_path, **said).layers]

    # In the order of the archive: fault, goaf.
    assert read_as() == ["GB18030", "GB18030"]
    assert read_as(encoding_of={"goaf": "BIG5"}) == ["GB18030", "BIG5"]
    # As found out, though another was said for all.
    assert read_as(encoding="BIG5", encoding_of={"fault": None}) == ["GB18030", "BIG5"]
    with pytest.raises(Problem) as refused:
        read_as(encoding_of={"goaf": "klingon"})
    assert refused.value.code == "reader.encoding.unknown"
    # What its sender settled before goes for the source of that name, where it fits and stands.
    settled = {"remembered_encodings": {"goaf": "big5", "fault": "ascii"}}
    assert read_as(**settled) == ["GB18030", "BIG5"]
    assert read_as(**settled, encoding_of={"goaf": None}) == ["GB18030", "GB18030"]


def test_a_zip_from_mapgis(tmp_path: Path) -> None:
    made = frame(
        [
            {"采空区编号": "CK1", "矿井编号": "YP01", "煤层编号": "3号煤层", "积水情况": "有",
             "积水量(万m3)": "1.5", "埋深(m)": "70-80", "积水水位标高": "陡", "形成时间": "2015",
             "采空区底板标高": "812.5", "验证情况": "推断", "备注": "据老矿工回忆"},
            {"采空区编号": "CK2", "矿井编号": "YP01", "煤层编号": "5#", "积水情况": "不清",
             "积水量(万m3)": None, "埋深(m)": ">80", "积水水位标高": "900", "形成时间": "1998年",
             "采空区底板标高": None, "验证情况": "", "备注": ""},
        ],
        [square(), square(0.02)],
        4526,
    )  # fmt: skip
    shapefile(tmp_path / "in", "采空区_2024", made)
    path = zipped(tmp_path / "普查.zip", tmp_path / "in", "成果/")
    found = read(path, tmp_path)
    (one,) = found.layers
    assert (one.layer, one.source_name, one.rows, one.stored) == ("goaf", "采空区_2024", 2, 2)
    assert one.encoding == "GB18030"
    assert one.encoding_reason is not None
    assert one.encoding_reason["code"] == "reader.encoding.gb18030"
    assert one.crs is not None
    assert (one.crs.epsg, one.crs.assumed_datum) == (4526, True)
    # Names are cut at ten bytes of GBK: 采空区底板标高 arrives as 采空区底板.
    assert one.mapping["采空区底板"] == "floor_m"
    first, second = one.frame.to_dict("records")
    assert first["mine_code"] == "YP01"
    assert (first["seam"], second["seam"]) == ("3", "5")
    assert (first["water"], second["water"]) == ("present", "unknown")
    assert first["water_volume_m3"] == 15000.0
    assert first["depth_m"] == {"low": 70.0, "high": 80.0, "raw": "70-80"}
    assert second["depth_m"] == {"low": 80.0, "high": None, "raw": ">80"}
    assert first["water_level_m"] == {"low": None, "high": None, "raw": "陡"}
    assert first["formed_on"] == date(2015, 1, 1)
    assert (first["verification"], second["verification"]) == ("inferred", "inferred")
    assert first["floor_m"] == 812.5
    assert first["raw"]["备注"] == "据老矿工回忆"
    assert one.samples[0]["备注"] == "据老矿工回忆"
    assert shapely.hausdorff_distance(first["geometry"], square()) < 1e-7
    assert str(one.frame.crs) == "EPSG:4490"
    said = set(found.notes["code"])
    assert {"reader.layer.assumed_datum", "reader.layer.default", "reader.row.value"} <= said


@pytest.mark.parametrize("upper", [False, True])
def test_several_layers_mixed_case_and_mac_rubbish(tmp_path: Path, upper: bool) -> None:
    folder = tmp_path / "in"
    shapefile(folder, "goaf", frame([{"code": "A"}], [square()]))
    line = shapely.LineString([HERE, (HERE[0] + 0.01, HERE[1])])
    shapefile(folder, "fault", frame([{"code": "F"}], [line]))
    if upper:
        for one in list(folder.iterdir()):
            stem = one.stem.upper() if one.suffix == ".dbf" else one.stem
            one.rename(folder / f"{stem}{one.suffix.upper()}")
    path = zipped(tmp_path / "a.zip", folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/._goaf.shp", b"\x00\x05\x16\x07")
        archive.writestr("说明.txt", "看看")
    found = read(path, tmp_path)
    assert sorted(one.layer or "" for one in found.layers) == ["fault", "goaf"]
    ignored = found.notes[found.notes["code"] == "reader.file.ignored"]
    assert [params["name"] for params in ignored["params"]] == ["说明.txt"]


def test_names_in_a_zip_written_in_gbk_without_the_flag(tmp_path: Path) -> None:
    shapefile(tmp_path / "in", "x", frame([{"code": "A"}], [square()]))
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for one in sorted((tmp_path / "in").iterdir()):
            archive.writestr(f"QQQQQQ{one.suffix}", one.read_bytes())
    data = path.read_bytes().replace(b"QQQQQQ", "采空区".encode("gbk"))
    path.write_bytes(data)
    assert read(path, tmp_path).layers[0].source_name == "采空区"


@pytest.mark.parametrize("driver", ["GPKG", "GeoJSON"])
def test_other_formats(tmp_path: Path, driver: str) -> None:
    path = tmp_path / f"采空区.{driver.lower()}"
    made = frame([{"采空区编号": "甲", "煤层": "3"}], [square()])
    pyogrio.write_dataframe(made, path, layer="采空区", driver=driver)
    (one,) = read(path, tmp_path).layers
    assert (one.layer, one.stored) == ("goaf", 1)
    assert one.frame["code"].tolist() == ["甲"]
    assert one.crs is not None
    assert one.crs.epsg == 4490
    assert not one.crs.assumed_datum


def test_a_name_given_beside_the_bytes(tmp_path: Path) -> None:
    made = tmp_path / "采空区.geojson"
    pyogrio.write_dataframe(frame([{"code": "A"}], [square()]), made, driver="GeoJSON")
    kept = tmp_path / "0123abcd"
    made.rename(kept)
    found = read_file(kept, ReadOptions(), workdir=tmp_path, filename="采空区.geojson")
    assert (found.layers[0].source_name, found.layers[0].layer) == ("采空区", "goaf")


def test_an_empty_layer_says_looked_and_found_none(tmp_path: Path) -> None:
    made = frame([{"code": "A"}], [square()]).iloc[:0]
    path = shapefile(tmp_path / "in", "goaf", made)
    (one,) = read(path, tmp_path).layers
    assert (one.layer, one.rows, one.stored) == ("goaf", 0, 0)


def test_two_layers_of_one_name(tmp_path: Path) -> None:
    shapefile(tmp_path / "in", "goaf", frame([{"code": "A"}], [square()]))
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for folder in ("东", "西"):
            for one in (tmp_path / "in").iterdir():
                archive.write(one, f"{folder}/{one.name}")
    found = read(path, tmp_path)
    assert [one.source_name for one in found.layers] == ["goaf", "goaf (2)"]
    assert [one.layer for one in found.layers] == ["goaf", "goaf"]


def test_loose_parts(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "in", "goaf", frame([{"code": "A"}], [square()]))
    assert read(path, tmp_path).layers[0].stored == 1
    assert read(tmp_path / "in", tmp_path).layers[0].stored == 1


@pytest.mark.parametrize("broken", [False, True])
def test_a_missing_index_is_rebuilt(tmp_path: Path, broken: bool) -> None:
    path = shapefile(tmp_path / "in", "goaf", frame([{"code": "A"}], [square()]))
    index = path.with_suffix(".shx")
    if broken:
        index.write_bytes(index.read_bytes()[:-4])
    else:
        index.unlink()
    found = read(path, tmp_path)
    assert found.layers[0].stored == 1
    assert "reader.layer.shx" in set(found.notes["code"])


@pytest.mark.parametrize("epsg", [4490, 4546, 4547, 4525, 4526, 4497])
def test_proposals_land_where_they_should(tmp_path: Path, epsg: int) -> None:
    path = shapefile(tmp_path / "in", "goaf", frame([{"code": "A"}], [square()], epsg))
    (one,) = read(path, tmp_path, hint_lonlat=HERE).layers
    assert one.crs is not None
    assert (one.crs.epsg, one.crs.assumed_datum) == (epsg, True)
    assert shapely.hausdorff_distance(one.frame.geometry.iloc[0], square()) < 1e-7


def test_an_unprefixed_easting_without_a_place_is_asked(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "in", "goaf", frame([{"code": "A"}], [square()], 4547))
    (one,) = read(path, tmp_path).layers
    assert (one.stored, one.refused) == (0, 1)
    assert one.crs is not None
    assert one.crs.epsg is None
    assert 4547 in [c["epsg"] for c in one.crs.candidates]
    assert read(path, tmp_path, crs=4547).layers[0].stored == 1
    assert read(path, tmp_path, county_bbox=YUANPING).layers[0].stored == 1


def test_swapped_axes(tmp_path: Path) -> None:
    made = frame([{"code": "A"}], [square()], 4526)
    made.geometry = shapely.transform(made.geometry.values, lambda xy: xy[:, ::-1])
    (one,) = read(shapefile(tmp_path / "in", "goaf", made), tmp_path).layers
    assert one.crs is not None
    assert one.crs.swapped
    assert shapely.hausdorff_distance(one.frame.geometry.iloc[0], square()) < 1e-7


def test_xian_80_is_approximate_and_says_so(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "in", "goaf", frame([{"code": "A"}], [square()], 4526))
    found = read(path, tmp_path, crs=2362)
    assert found.layers[0].frame["error_m"].tolist() == [100.0]
    assert "reader.layer.approximate" in set(found.notes["code"])


@pytest.mark.parametrize(
    ("cpg", "encoding", "name", "reason"),
    [
        ("UTF-8", "utf-8", "UTF-8", "reader.encoding.cpg"),
        ("936", "gb18030", "GB18030", "reader.encoding.cpg"),
        (None, "utf-8", "UTF-8", "reader.encoding.utf8"),
        (None, "gb18030", "GB18030", "reader.encoding.gb18030"),
        # Labels that cannot be so: the tool's default, not the text's encoding.
        ("ISO-8859-1", "gb18030", "GB18030", "reader.encoding.passed_over"),
        ("UTF-8", "gb18030", "GB18030", "reader.encoding.passed_over"),
    ],
)
def test_encodings(tmp_path: Path, cpg: str | None, encoding: str, name: str, reason: str) -> None:
    made = frame([{"名称": "王家岭", "煤层": "三号"}], [square()])
    path = shapefile(tmp_path / "in", "goaf", made, encoding)
    if cpg:
        path.with_suffix(".cpg").write_text(cpg)
    (one,) = read(path, tmp_path).layers
    assert one.frame["name"].tolist() == ["王家岭"]
    assert one.encoding == name
    assert one.encoding_reason is not None
    assert one.encoding_reason["code"] == reason


def test_language_byte_and_override(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "in", "goaf", frame([{"名称": "王家岭"}], [square()]))
    dbf = path.with_suffix(".dbf")
    data = bytearray(dbf.read_bytes())
    data[29] = 0x4D
    dbf.write_bytes(data)
    (one,) = read(path, tmp_path).layers
    assert one.encoding_reason is not None
    assert one.encoding_reason["code"] == "reader.encoding.ldid"
    (one,) = read(path, tmp_path, encoding="big5", layer="goaf").layers
    assert one.encoding == "BIG5"
    assert "王家岭" not in one.samples[0].values()
    with pytest.raises(Problem, match="no encoding"):
        read(path, tmp_path, encoding="rot13")


def test_every_way_a_row_can_be_wrong(tmp_path: Path) -> None:
    x, y = HERE
    spike = shapely.Polygon(
        [(x, y), (x + 0.01, y), (x + 0.01, y + 0.01), (x + 0.0049, y + 0.01),
         (x + 0.0051, y + 0.0101), (x + 0.0051, y + 0.01), (x, y + 0.01)]
    )  # fmt: skip
    eight = shapely.Polygon([(x, y), (x + 0.01, y + 0.01), (x + 0.01, y), (x, y + 0.01)])
    flat = shapely.Polygon([(x, y), (x + 0.01, y), (x, y)])
    with np.errstate(invalid="ignore"):
        nan = shapely.Polygon([(x, y), (x + 0.01, y), (float("nan"), y + 0.01), (x, y)])
    shapes = [
        square(), None, shapely.Polygon(), square(), spike, eight, flat, nan,
        shapely.box(2, 48, 2.1, 48.1), shapely.Point(HERE),
        shapely.LineString([HERE, (x + 0.1, y)]), square(0.5, 3.0),
        shapely.GeometryCollection([shapely.Point(HERE), square(0.03)]),
        square(0.04),
    ]  # fmt: skip
    rows = [{"code": str(i), "depth_m": "5"} for i in range(len(shapes))]
    rows[3]["code"] = "0"
    assert not spike.is_valid
    path = tmp_path / "goaf.gpkg"
    pyogrio.write_dataframe(frame(rows, shapes), path, driver="GPKG", geometry_type="Unknown")
    found = read(path, tmp_path, county_bbox=YUANPING)
    assert codes(found) == {
        2: "reader.row.empty",
        3: "reader.row.empty",
        4: "reader.row.duplicate",
        5: "reader.row.mended",
        6: "reader.row.area_change",
        7: "reader.row.degenerate",
        8: "reader.row.not_finite",
        9: "reader.row.outside_china",
        10: "reader.row.kind_point",
        11: "reader.row.kind_line",
        13: "reader.row.kind_mixed",
    }
    (one,) = found.layers
    assert one.frame["row_no"].tolist() == [1, 5, 12, 14]
    assert one.frame.is_valid.all()
    notes = found.notes.set_index("row_no")
    assert notes.loc[4, "params"] == {"first": 1}
    assert 0 < notes.loc[5, "params"]["percent"] < 5
    assert notes.loc[5, "geometry"].distance(spike) < 1e-9
    far = found.notes[found.notes["code"] == "reader.row.outside_county"]
    assert far["row_no"].tolist() == [12]


def test_lines_and_points_are_checked_too(tmp_path: Path) -> None:
    x, y = HERE
    path = tmp_path / "断层.gpkg"
    shapes = [shapely.LineString([HERE, HERE]), shapely.LineString([HERE, (x + 0.01, y)])]
    pyogrio.write_dataframe(frame([{"code": "a"}, {"code": "b"}], shapes), path, driver="GPKG")
    assert codes(read(path, tmp_path)) == {1: "reader.row.degenerate"}
    path = tmp_path / "钻孔.gpkg"
    made = frame([{"孔号": "a", "封孔质量": "不良"}], [shapely.Point(HERE)])
    pyogrio.write_dataframe(made, path, driver="GPKG")
    (one,) = read(path, tmp_path).layers
    assert one.frame["sealing"].tolist() == ["poor"]


def test_a_ring_of_a_million_vertices(tmp_path: Path) -> None:
    angle = np.linspace(0, 2 * np.pi, 1_000_001)
    ring = np.column_stack([HERE[0] + 0.01 * np.cos(angle), HERE[1] + 0.01 * np.sin(angle)])
    path = tmp_path / "goaf.gpkg"
    shapes = [shapely.Polygon(ring), square()]
    pyogrio.write_dataframe(frame([{"code": "a"}, {"code": "b"}], shapes), path, driver="GPKG")
    assert codes(read(path, tmp_path)) == {1: "reader.row.vertices"}


def test_heights_are_dropped_and_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "goaf.gpkg"
    made = frame([{"code": "a"}], [shapely.force_3d(square(), 900.0)])
    pyogrio.write_dataframe(made, path, driver="GPKG")
    found = read(path, tmp_path)
    assert not found.layers[0].frame.geometry.iloc[0].has_z
    said = found.notes[found.notes["code"] == "reader.layer.z_dropped"]
    assert [params["rows"] for params in said["params"]] == [1]


def test_years_out_of_order_and_required_fields(tmp_path: Path) -> None:
    path = tmp_path / "采掘计划.gpkg"
    rows = [
        {"矿山编号": "M", "采掘类型": "工作面", "开始时间": "2026", "结束时间": "2025"},
        {"矿山编号": "M", "采掘类型": "工作面", "开始时间": "2025", "结束时间": "2025"},
        {"矿山编号": "M", "采掘类型": "飞船", "开始时间": "某年", "结束时间": None},
    ]
    pyogrio.write_dataframe(
        frame(rows, [square(), square(0.02), square(0.04)]), path, driver="GPKG"
    )
    found = read(path, tmp_path)
    assert codes(found) == {1: "reader.row.order"}
    kept = found.layers[0].frame.to_dict("records")
    assert (kept[0]["start"], kept[0]["end"]) == (date(2025, 1, 1), date(2025, 12, 31))
    assert (kept[1]["item"], kept[1]["start"]) == (None, None)
    strange = found.notes[found.notes["code"] == "reader.row.value"]
    assert {params["value"] for params in strange["params"]} == {"飞船", "某年"}
    path = tmp_path / "普查范围.gpkg"
    rows = [{"矿山编号": "M", "普查因素": "采空区、断层"}, {"矿山编号": "M", "普查因素": "仙女"}]
    pyogrio.write_dataframe(frame(rows, [square(), square(0.02)]), path, driver="GPKG")
    found = read(path, tmp_path)
    assert codes(found) == {2: "reader.row.required"}
    assert found.layers[0].frame["kinds"].tolist() == [["goaf", "fault"]]


def test_settings_of_the_sender(tmp_path: Path) -> None:
    path = shapefile(
        tmp_path / "in", "abc", frame([{"XX": "甲", "YY": "9", "code": "k"}], [square()])
    )
    found = read(path, tmp_path)
    assert found.layers[0].layer is None
    assert codes(found) == {1: "reader.row.no_layer"}
    (one,) = read(
        path,
        tmp_path,
        layers={"abc": "goaf"},
        mapping={"XX": "name", "YY": "depth_m", "code": ""},
        mine_code="M7",
    ).layers
    assert one.mapping == {"XX": "name", "YY": "depth_m"}
    record = one.frame.iloc[0]
    assert (record["name"], record["depth_m"], record["mine_code"]) == ("甲", 9.0, "M7")
    assert ReadOptions.model_validate_json(ReadOptions(crs=4526).model_dump_json()).crs == 4526
    for wrong in ({"layer": "moon"}, {"crs": 999999}, {"layer": "goaf", "mapping": {"XX": "moon"}}):
        with pytest.raises(Problem):
            read(path, tmp_path, **wrong)


def test_rows_marked_deleted_are_told(tmp_path: Path) -> None:
    made = frame([{"code": "a"}, {"code": "b"}], [square(), square(0.02)])
    path = shapefile(tmp_path / "in", "goaf", made)
    dbf = path.with_suffix(".dbf")
    data = bytearray(dbf.read_bytes())
    data[int.from_bytes(data[8:10], "little")] = ord("*")
    dbf.write_bytes(data)
    found = read(path, tmp_path)
    assert found.layers[0].frame["code"].tolist() == ["b"]
    said = found.notes[found.notes["code"] == "reader.layer.deleted"]
    assert [params["rows"] for params in said["params"]] == [1]


@pytest.mark.skipif(not REAL.exists(), reason="../shared/data is absent")
def test_the_real_boundaries_of_shanxi(tmp_path: Path) -> None:
    found = read(REAL, tmp_path)
    (one,) = found.layers
    assert (one.layer, one.rows, one.stored, one.refused) == ("mine_boundary", 342, 58, 284)
    assert set(codes(found).values()) == {"reader.row.kind_point"}
    assert one.frame["mine_code"].nunique() == 50
    assert one.frame["mine_name"].notna().all()
    assert set(one.frame["mine_kind"]) == {"coal"}
    assert "reader.row.same_mine" in set(found.notes["code"])
    assert one.frame.is_valid.all()


def test_a_mine_without_code_or_kind(tmp_path: Path) -> None:
    path = tmp_path / "矿界.gpkg"
    rows = [{"矿山名称": "王家岭煤矿"}, {"矿山名称": "白石露天采石场"}]
    pyogrio.write_dataframe(frame(rows, [square(), square(0.02)]), path, driver="GPKG")
    found = read(path, tmp_path)
    kept = found.layers[0].frame
    assert kept["mine_code"].tolist() == ["王家岭煤矿", "白石露天采石场"]
    assert kept["mine_kind"].tolist() == ["coal", "open_pit"]
    assert {"reader.row.code_from_name", "reader.row.kind_assumed_coal"} <= set(found.notes["code"])


def test_the_report_as_files(tmp_path: Path) -> None:
    path = tmp_path / "goaf.gpkg"
    made = frame([{"code": "=1+1"}, {"code": "b"}], [square(), shapely.box(2, 48, 2.1, 48.1)])
    pyogrio.write_dataframe(made, path, driver="GPKG")
    found = read(path, tmp_path)
    data = to_csv(found.notes)
    assert data.startswith(b"\xef\xbb\xbf")
    lines = data.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("图层,来源,行号,结果")
    assert any("拒收" in line and "国外" in line for line in lines)
    assert "refused" in to_csv(found.notes, "en").decode("utf-8-sig")
    to_geopackage(found.notes, tmp_path / "notes.gpkg")
    places = gpd.read_file(tmp_path / "notes.gpkg")
    assert len(places) == len(found.notes)
    assert places.geometry.notna().sum() == 2
    assert local_zone(places.geometry.dropna().iloc[0].x) == 4547


def test_every_sentence_the_reader_may_say_is_there() -> None:
    room = Path(__file__).resolve().parents[3] / "geo" / "survey"
    known = catalogue()
    for file in room.rglob("*.py"):
        for word in file.read_text("utf-8").split('"'):
            if word.startswith("reader.") and "{" not in word:
                assert word in known, (file.name, word)


@pytest.mark.slow
def test_of_many_polygons_none_is_lost(tmp_path: Path) -> None:
    count = 20_000
    at = np.arange(count)
    x, y = 112.3 + 0.001 * (at % 700), 38.6 + 0.001 * (at // 700)
    made = gpd.GeoDataFrame(
        {"code": at.astype(str), "埋深": at % 900 + 0.5, "煤层": "3号"},
        geometry=shapely.box(x, y, x + 0.0008, y + 0.0008),
        crs=4490,
    ).to_crs(4526)
    path = shapefile(tmp_path / "in", "goaf", made)
    (one,) = read_file(path, ReadOptions(), workdir=tmp_path).layers
    assert one.stored == count


def test_a_prj_in_gbk_without_a_code(tmp_path: Path) -> None:
    from tests.geo.survey.test_read_crs import label

    shapefile(tmp_path / "in", "采空区", frame([{"code": "A"}], [square()], 2362))
    (tmp_path / "in" / "采空区.prj").write_bytes(
        label("xian80", 114, 38500000, named="西安80").encode("gbk")
    )
    (one,) = read(zipped(tmp_path / "a.zip", tmp_path / "in"), tmp_path).layers
    assert one.crs is not None
    assert (one.crs.epsg, one.crs.assumed_datum, one.stored) == (2362, False, 1)
    assert one.crs.reason["params"]["declared"] == "投影平面直角"


@pytest.mark.parametrize("prefixed", [False, True])
def test_a_file_labelled_with_the_neighbouring_zone(tmp_path: Path, prefixed: bool) -> None:
    """It lands 260 km away; the zone that puts it into the county is proposed, and it is said."""
    true, told = (4526, 4525) if prefixed else (4547, 4546)
    made = frame([{"code": "A"}], [square()], true)
    if prefixed:
        made = made.set_geometry(made.translate(-1e6))
    path = tmp_path / "goaf.gpkg"
    pyogrio.write_dataframe(made.set_crs(told, allow_override=True), path, layer="goaf")
    (one,) = read(path, tmp_path, county_bbox=YUANPING).layers
    assert one.crs is not None
    assert (one.crs.epsg, one.crs.reason["code"]) == (true, "reader.crs.other_zone")
    assert shapely.hausdorff_distance(one.frame.geometry.iloc[0], square()) < 1e-8
    (obeyed,) = read(path, tmp_path, county_bbox=YUANPING, crs=told).layers
    assert obeyed.frame.geometry.iloc[0].distance(square()) > 2


def measured_shp(shape: shapely.Polygon, heights: bool) -> bytes:
    """A .shp of one polygon with measures (type 25), or with heights and measures (type 15)."""
    points = list(shape.exterior.coords)[::-1]
    n = len(points)
    box = struct.pack("<4d", *shape.bounds)
    body = struct.pack("<i", 15 if heights else 25) + box + struct.pack("<3i", 1, n, 0)
    body += b"".join(struct.pack("<2d", *point) for point in points)
    for value in (900.0, 7.0) if heights else (7.0,):
        body += struct.pack(f"<{n + 2}d", *[value] * (n + 2))
    record = struct.pack(">2i", 1, len(body) // 2) + body
    head = struct.pack(">7i", 9994, 0, 0, 0, 0, 0, (100 + len(record)) // 2)
    head += struct.pack("<2i", 1000, 15 if heights else 25) + box + struct.pack("<4d", 0, 0, 0, 0)
    return head + record


@pytest.mark.parametrize("heights", [False, True])
def test_heights_and_measures_are_dropped_and_said(tmp_path: Path, heights: bool) -> None:
    path = shapefile(tmp_path / "in", "goaf", frame([{"code": "A"}], [square()]))
    path.write_bytes(measured_shp(square(), heights))
    path.with_suffix(".shx").unlink()
    found = read(zipped(tmp_path / "a.zip", tmp_path / "in"), tmp_path)
    (one,) = found.layers
    assert one.stored == 1
    flat = one.frame.geometry.iloc[0]
    assert (flat.has_z, flat.has_m, flat.equals(square())) == (False, False, True)
    note = found.notes[found.notes["code"] == "reader.layer.z_dropped"].iloc[0]
    assert note["params"]["rows"] == 1


def test_polygons_and_multipolygons_in_one_layer(tmp_path: Path) -> None:
    shapes = [square(), shapely.MultiPolygon([square(0.02), square(0.04)])]
    path = tmp_path / "goaf.geojson"
    made = frame([{"code": "A"}, {"code": "B"}], shapes)
    pyogrio.write_dataframe(made, path, driver="GeoJSON")
    (one,) = read(path, tmp_path).layers
    assert [shape.geom_type for shape in one.frame.geometry] == ["Polygon", "MultiPolygon"]
    assert one.stored == 2
