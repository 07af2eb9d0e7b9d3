"""Make the sample county: files as geologists really send them, the same bytes every time.

Everything here is made up. The county (示例县) lies over the edge of two 3-degree zones (112.5° E), so
that its files arrive in both. Run ``python -m sample_data.make`` to write the archives anew.
"""

import io
import json
import struct
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import geopandas as gpd
import shapely
from shapely import Polygon, box

from sample_data import ponds

HERE = Path(__file__).resolve().parent
STAMP = (2024, 3, 8, 8, 0, 0)
Row = dict[str, Any]

# code, name, kind, west, south, declared grades and figures
W, H = 0.034, 0.022
MINES: dict[str, tuple[str, str, float, float, Row]] = {
    "SL-C01": ("示例一号煤矿", "煤矿", 112.461, 38.790, {"瓦斯等级": "低瓦斯", "水文地质类型": "简单", "冲击地压": "无", "自燃倾向性": "Ⅲ类", "煤尘爆炸性": "有", "单位涌水量": 0.08, "正常涌水量": 120, "最大涌水量": 210, "突水量": 30, "相对瓦斯涌出量": 4.2, "绝对瓦斯涌出量": 18, "掘进面瓦斯涌出量": 1.1, "采煤面瓦斯涌出量": 2.4, "埋深": 320}),
    "SL-C02": ("示例二号煤矿", "煤矿", 112.495, 38.790, {"瓦斯等级": "低瓦斯", "水文地质类型": "中等", "冲击地压": "无", "自燃倾向性": "Ⅱ类", "煤尘爆炸性": "有", "单位涌水量": 0.4, "正常涌水量": 200, "最大涌水量": 320, "突水量": 80, "相对瓦斯涌出量": 9.5, "绝对瓦斯涌出量": 45, "掘进面瓦斯涌出量": 2.0, "采煤面瓦斯涌出量": 4.0, "埋深": 350}),
    "SL-C03": ("示例三号煤矿", "煤矿", 112.600, 38.900, {"瓦斯等级": "低瓦斯", "水文地质类型": "中等", "冲击地压": "弱", "自燃倾向性": "Ⅱ类", "煤尘爆炸性": "有", "单位涌水量": 0.5, "正常涌水量": 240, "最大涌水量": 400, "突水量": 90, "相对瓦斯涌出量": 7.0, "绝对瓦斯涌出量": 30, "掘进面瓦斯涌出量": 2.2, "采煤面瓦斯涌出量": 3.9, "埋深": 460}),
    "SL-C04": ("示例四号煤矿", "煤矿", 112.634, 38.900, {"瓦斯等级": "突出", "水文地质类型": "中等", "冲击地压": "中等", "自燃倾向性": "Ⅰ类", "煤尘爆炸性": "有", "单位涌水量": 0.6, "正常涌水量": 260, "最大涌水量": 420, "突水量": 100, "相对瓦斯涌出量": 14.0, "绝对瓦斯涌出量": 52, "掘进面瓦斯涌出量": 3.4, "采煤面瓦斯涌出量": 6.1, "埋深": 510}),
    "SL-C05": ("示例五号煤矿", "煤矿", 112.360, 38.700, {"瓦斯等级": "低瓦斯", "水文地质类型": "简单", "冲击地压": "无", "自燃倾向性": "Ⅲ类", "煤尘爆炸性": "无", "单位涌水量": 0.1, "正常涌水量": 180, "最大涌水量": 300, "突水量": 60, "相对瓦斯涌出量": 3.0, "绝对瓦斯涌出量": 12, "掘进面瓦斯涌出量": 0.8, "采煤面瓦斯涌出量": 1.5, "埋深": 280}),
    "SL-C06": ("示例六号煤矿", "煤矿", 112.750, 38.720, {"瓦斯等级": "高瓦斯", "水文地质类型": "中等", "冲击地压": "无", "自燃倾向性": "Ⅱ类", "煤尘爆炸性": "有", "单位涌水量": 0.3, "正常涌水量": 190, "最大涌水量": 310, "突水量": 70, "相对瓦斯涌出量": 11.0, "绝对瓦斯涌出量": 36, "掘进面瓦斯涌出量": 2.6, "采煤面瓦斯涌出量": 4.4, "埋深": 380}),
    "SL-M01": ("示例一号铁矿", "地下矿山", 112.850, 38.850, {"地压等级": "低"}),
    "SL-M02": ("示例二号铁矿", "地下矿山", 112.900, 38.950, {"地压等级": "中"}),
    "SL-M03": ("示例铝土矿", "地下矿山", 112.310, 38.950, {"地压等级": "低"}),
    "SL-M04": ("示例金矿", "地下矿山", 112.486, 39.020, {"地压等级": "低"}),
    "SL-P01": ("示例露天石灰石矿", "露天矿山", 112.950, 38.650, {"边坡等级": "低"}),
    "SL-P02": ("示例露天铁矿", "露天矿山", 112.700, 39.050, {"边坡等级": "中"}),
}  # fmt: skip
OWNERS = {"SL-C01": "示例煤业有限公司", "SL-C02": "示例煤业有限公司", "SL-C03": "示例东山煤业有限公司", "SL-C04": "示例东山煤业有限公司"}  # fmt: skip


def licence(code: str) -> Polygon:
    """Return a mine's licence area, degrees."""
    _, _, west, south, _ = MINES[code]
    return box(west, south, west + W, south + H)


def part(code: str, x: float, y: float, dx: float, dy: float) -> Polygon:
    """Return a rectangle inside a licence, by fractions of its width and height."""
    _, _, west, south, _ = MINES[code]
    return box(west + x * W, south + y * H, west + (x + dx) * W, south + (y + dy) * H)


def line(code: str, *points: tuple[float, float]) -> shapely.LineString:
    """Return a line through fractions of a licence's width and height."""
    _, _, west, south, _ = MINES[code]
    return shapely.LineString([(west + x * W, south + y * H) for x, y in points])


def bow_tie(code: str, x: float, y: float) -> Polygon:
    """Return a ring that crosses itself in a small corner, as a slip of the hand leaves it."""
    _, _, west, south, _ = MINES[code]
    a, b = west + x * W, south + y * H
    dx, dy = 0.06 * W, 0.06 * H
    return Polygon(
        [(a, b), (a + dx, b), (a + dx, b + dy), (a + 0.02 * dx, b + dy), (a, b + 0.98 * dy),
         (a + 0.02 * dx, b + 0.98 * dy), (a, b + dy)]
    )  # fmt: skip


def shapefile(
    name: str,
    rows: list[tuple[Row, shapely.Geometry]],
    epsg: int,
    *,
    prj: bool,
    datum: int = 4490,
) -> dict[str, bytes]:
    """Return the parts of a shapefile in GBK without a .cpg, dated as the county's order.

    Parameters
    ----------
    name : str
        Chinese base name.
    rows : list of (attributes, geometry)
        Geometry in degrees.
    epsg : int
        Frame of the coordinates written.
    prj : bool
        Whether a .prj is sent along.
    """
    # A .dbf field name holds ten bytes: in GBK that cuts a Chinese name after the fifth character.
    cut = [{k.encode("gbk")[:10].decode("gbk", "ignore"): v for k, v in r.items()} for r, _ in rows]
    frame = gpd.GeoDataFrame(cut, geometry=[g for _, g in rows], crs=datum).to_crs(epsg)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.shp"
        frame.to_file(path, driver="ESRI Shapefile", encoding="GBK", engine="pyogrio")
        parts = {
            ending: (Path(folder) / f"a{ending}").read_bytes()
            for ending in (".shp", ".shx", ".dbf", ".prj")
        }
    table = bytearray(parts[".dbf"])
    table[1:4] = struct.pack("3B", STAMP[0] - 1900, STAMP[1], STAMP[2])
    table[29] = 0  # no language driver: the reader must find GBK by itself
    parts[".dbf"] = bytes(table)
    if not prj:
        del parts[".prj"]
    return {f"{name}{ending}": data for ending, data in parts.items()}


def archive(*sets: dict[str, bytes]) -> bytes:
    """Return a zip with fixed times."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for files in sets:
            for name, data in files.items():
                info = zipfile.ZipInfo(name, STAMP)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.create_system = 0
                packed.writestr(info, data)
    return out.getvalue()


def boundaries(kind: str) -> list[tuple[Row, shapely.Geometry]]:
    """Return the licence areas of one kind of mine."""
    rows = []
    for code, (name, mine_kind, _, _, more) in MINES.items():
        if mine_kind != kind:
            continue
        base: Row = {
            "矿山编号": code,
            "矿山名称": name,
            "矿山类型": mine_kind,
            "企业名称": OWNERS.get(code, f"{name}有限公司"),
            "行政区划": "140981",
            "发证日期": "2019-05-01",
            "有效期止": "2034-04-30",
        }
        if kind == "煤矿":
            base["批采煤层"] = "3,9"
        rows.append((base | more, licence(code)))
    return rows


def panel(code: str, name: str, start: str, end: str, x: float, y: float, dx: float = 0.2, dy: float = 0.25, seam: str = "3", item: str = "工作面") -> tuple[Row, Polygon]:  # fmt: skip
    """Return a plan item."""
    row = {
        "矿山编号": code,
        "类型": item,
        "工作面名称": name,
        "煤层": seam,
        "开始日期": start,
        "结束日期": end,
        "底板标高": 820.0,
        "采高": 3.2,
    }
    return row, part(code, x, y, dx, dy)


PLANS_WEST = [
    panel("SL-C01", "3101", "2024-01-01", "2025-06-30", 0.10, 0.20),
    panel("SL-C01", "3102", "2025-07-01", "2027-12-31", 0.45, 0.20),
    panel("SL-C01", "3103", "2028-01-01", "2030-12-31", 0.75, 0.20),
    panel("SL-C02", "3201", "2024-06-01", "2026-12-31", 0.40, 0.30),
    panel("SL-C02", "3202", "2027-01-01", "2030-12-31", 0.70, 0.30),
    panel("SL-M03", "K1中段", "2024-01-01", "2030-12-31", 0.30, 0.30, item="采场", seam=""),
    panel("SL-M04", "V1中段", "2024-01-01", "2030-12-31", 0.30, 0.30, item="采场", seam=""),
]
PLANS_EAST = [
    panel("SL-C03", "3301", "2024-03-01", "2026-12-31", 0.72, 0.30),
    panel("SL-C03", "3302", "2027-01-01", "2030-12-31", 0.30, 0.30),
    panel("SL-C04", "3401", "2024-01-01", "2030-12-31", 0.30, 0.30),
    panel("SL-C06", "3601", "2024-01-01", "2026-06-30", 0.30, 0.30),
    panel("SL-M01", "850中段", "2024-01-01", "2030-12-31", 0.30, 0.30, item="采场", seam=""),
    panel("SL-M02", "900中段", "2024-01-01", "2030-12-31", 0.30, 0.30, item="采场", seam=""),
    panel("SL-P01", "一期", "2024-01-01", "2030-12-31", 0.20, 0.20, 0.5, 0.5, "", "采区"),
    panel("SL-P02", "一期", "2024-01-01", "2030-12-31", 0.20, 0.20, 0.5, 0.5, "", "采区"),
]
ALL = "全部"
METAL = "全部"


def extent(code: str, kinds: str, geometry: shapely.Geometry, unit: str = "示例地质勘查院") -> tuple[Row, shapely.Geometry]:  # fmt: skip
    """Return a survey extent."""
    row = {
        "矿山编号": code,
        "普查因素": kinds,
        "普查方法": "调查访问,物探,钻探",
        "开始日期": "2024-03-15",
        "结束日期": "2024-05-20",
        "普查单位": unit,
        "精度": 5.0,
        "有效期至": "2034-05-20",
    }
    return row, geometry


def around(code: str) -> Polygon:
    """Return a licence with more than its surroundings (some 600 m)."""
    west, south, east, north = licence(code).bounds
    return box(west - 0.008, south - 0.006, east + 0.008, north + 0.006)


def goaf(code: str, number: str, geometry: shapely.Geometry, **more: Any) -> tuple[Row, shapely.Geometry]:  # fmt: skip
    """Return a goaf of seam 3."""
    row: Row = {
        "编号": number,
        "矿山编号": code,
        "名称": f"{number}采空区",
        "煤层": "3",
        "形成时间": "2012-06-01",
        "采高": "3.1",
        "积水": "无",
        "积水范围清": "是",
        "积水量": "",
        "验证状态": "已验证",
        "普查日期": "2024-05-10",
        "倾角": "缓",
    }
    return row | more, geometry


def fault(code: str, number: str, geometry: shapely.Geometry, conductive: str, state: str = "已验证") -> tuple[Row, shapely.Geometry]:  # fmt: skip
    """Return a fault."""
    row = {
        "编号": number,
        "矿山编号": code,
        "断层名称": number,
        "断层性质": "正断层",
        "落差": "15-20",
        "倾角": ">70",
        "导水性": conductive,
        "验证状态": state,
        "普查日期": "2024-05-10",
    }
    return row, geometry


def files() -> dict[str, bytes]:
    """Return every file of the sample by name."""
    made: dict[str, bytes] = {}
    made["01_煤矿矿界.zip"] = archive(
        shapefile("煤矿矿区范围", boundaries("煤矿"), 4526, prj=False)
    )
    made["02_非煤矿界.zip"] = archive(
        shapefile("非煤矿区范围_地下", boundaries("地下矿山"), 4547, prj=True),
        shapefile("非煤矿区范围_露天", boundaries("露天矿山"), 4547, prj=True),
    )
    roadway = {"矿山编号": "SL-C01", "类型": "巷道", "工作面名称": "3103运输巷", "煤层": "3", "开始日期": "2025-01-01", "结束日期": "2027-12-31", "宽度": 5.0}  # fmt: skip
    made["03_采掘计划_西部.zip"] = archive(
        shapefile("采掘计划_西部", PLANS_WEST, 4525, prj=False),
        shapefile("采掘计划_巷道", [(roadway, line("SL-C01", (0.1, 0.15), (0.9, 0.15)))], 4525, prj=False),
    )  # fmt: skip
    made["04_采掘计划_东部.zip"] = archive(shapefile("采掘计划_东部", PLANS_EAST, 4526, prj=True))
    made["05_一二号煤矿普查.zip"] = archive(
        shapefile(
            "普查范围",
            [
                extent("SL-C01", ALL, around("SL-C01")),
                extent("SL-C02", "采空区,断层", part("SL-C02", 0.0, 0.0, 0.5, 1.0)),
            ],
            4526,
            prj=False,
        ),
        shapefile(
            "采空区",
            [
                goaf("SL-C01", "C01-G1", part("SL-C01", 0.05, 0.70, 0.2, 0.15)),
                goaf("SL-C02", "C02-G1", part("SL-C02", 0.01, 0.22, 0.12, 0.2), 积水="有", 积水范围清="否", 积水量="不清"),
                goaf("SL-C02", "C02-G2", bow_tie("SL-C02", 0.6, 0.7), 积水="有", 积水量=">3000"),
                goaf("SL-C02", "C02-G3", part("SL-C02", 0.2, 0.8, 0.0, 0.0), 积水="无"),
            ],
            4526,
            prj=False,
        ),
        shapefile(
            "断层",
            [
                fault("SL-C01", "F1", line("SL-C01", (0.2, 0.9), (0.5, 0.75)), "否"),
                fault("SL-C02", "F2", line("SL-C02", (0.5, 0.1), (0.6, 0.9)), "是", "推断"),
            ],
            4526,
            prj=False,
        ),
        shapefile(
            "陷落柱",
            [({"编号": "X1", "矿山编号": "SL-C02", "名称": "X1陷落柱", "导水性": "不明", "验证状态": "推断", "普查日期": "2024-05-10"}, part("SL-C02", 0.8, 0.6, 0.03, 0.04))],
            4526,
            prj=False,
        ),
        shapefile(
            "钻孔",
            [({"编号": "ZK1", "矿山编号": "SL-C02", "名称": "ZK1", "封孔质量": "不良", "孔深": 420.0, "验证状态": "已验证", "普查日期": "2024-05-10"}, part("SL-C02", 0.5, 0.45, 0.01, 0.01).centroid)],
            4526,
            prj=False,
        ),
    )  # fmt: skip
    made["06_三四号煤矿普查.gpkg"] = _package()
    made["07_冲击危险区.geojson"] = _geojson()
    made["08_铁矿普查_六度带.zip"] = archive(
        shapefile(
            "采空区",
            [
                _void("SL-M01", "M01-G1", part("SL-M01", 0.35, 0.35, 0.1, 0.1), "未治理", ">80"),
                _void("SL-M01", "M01-G2", part("SL-M01", 0.05, 0.05, 0.1, 0.1), "已充填", "70-80"),
                _void("SL-M03", "M03-G1", bow_tie("SL-M03", 0.6, 0.2), "未治理", "12"),
            ],
            4497,
            prj=False,
        ),
        shapefile("普查范围", [extent("SL-M01", METAL, around("SL-M01"))], 4497, prj=False),
    )
    made["09_二号铁矿普查_虚假.zip"] = archive(
        shapefile("普查范围", [extent("SL-M02", METAL, around("SL-M02"), "示例快测公司")], 4526, prj=False)
    )  # fmt: skip
    made["10_六号煤矿采空区_待审.zip"] = archive(
        shapefile(
            "采空区",
            [goaf("SL-C06", "C06-G1", part("SL-C06", 0.35, 0.35, 0.1, 0.1), 积水="有", 积水范围清="否", 积水量="不清")],
            4526,
            prj=True,
        )
    )  # fmt: skip
    made["11_露天矿普查_退回.zip"] = archive(
        shapefile("普查范围", [extent("SL-P01", "采空区,断层,地表水体", part("SL-P01", 0.2, 0.2, 0.3, 0.3))], 4526, prj=True)
    )  # fmt: skip
    made["12_尾矿库.zip"] = archive(
        shapefile("尾矿库", ponds.ponds(), ponds.EPSG, prj=True, datum=ponds.EPSG),
        shapefile("尾矿坝坝脚线", ponds.dams(), ponds.EPSG, prj=True, datum=ponds.EPSG),
    )
    made["13_下游保护对象.zip"] = archive(
        shapefile(
            "下游保护对象_点", _of(ponds.objects(), "Point"), ponds.EPSG, prj=True, datum=ponds.EPSG
        ),
        shapefile(
            "下游保护对象_面",
            _of(ponds.objects(), "Polygon"),
            ponds.EPSG,
            prj=True,
            datum=ponds.EPSG,
        ),
        shapefile("涵洞", ponds.drainage(), ponds.EPSG, prj=True, datum=ponds.EPSG),
        shapefile("河流岸线", ponds.banks(), ponds.EPSG, prj=True, datum=ponds.EPSG),
        shapefile("法定禁建区", ponds.prohibited(), ponds.EPSG, prj=True, datum=ponds.EPSG),
        shapefile("普查范围", ponds.searched(), ponds.EPSG, prj=True, datum=ponds.EPSG),
    )
    made["14_示例县地形_30m.tif"] = ponds.dem()
    return made


def _of(rows: list[tuple[Row, shapely.Geometry]], kind: str) -> list[tuple[Row, shapely.Geometry]]:
    """Return the rows of one kind of geometry: a shapefile holds no other."""
    return [(row, shape) for row, shape in rows if shape.geom_type == kind]


def _void(code: str, number: str, geometry: shapely.Geometry, treatment: str, height: str) -> tuple[Row, shapely.Geometry]:  # fmt: skip
    row = {
        "编号": number,
        "矿山编号": code,
        "名称": f"{number}采空区",
        "空区高度": height,
        "治理状态": treatment,
        "积水": "无",
        "验证状态": "已验证",
        "普查日期": "2024-05-12",
    }
    return row, geometry


def _package() -> bytes:
    """Return a GeoPackage in CGCS2000 / 3-degree CM 114E."""
    # fmt: off
    gas = [
        ({"编号": "W1", "矿山编号": "SL-C04", "煤层": "3", "瓦斯含量": 9.6, "瓦斯压力": 0.9, "突出": "是", "验证状态": "已验证", "普查日期": "2024-05-15"}, part("SL-C04", 0.02, 0.30, 0.15, 0.25)),
        ({"编号": "W2", "矿山编号": "SL-C03", "煤层": "3", "瓦斯含量": 6.1, "瓦斯压力": 0.4, "突出": "否", "验证状态": "推断", "普查日期": "2024-05-15"}, part("SL-C03", 0.30, 0.70, 0.1, 0.1)),
    ]
    extents = [
        extent("SL-C03", ALL, around("SL-C03")),
        extent("SL-C04", ALL, around("SL-C04")),
    ]
    seen = {"验证状态": "已验证", "普查日期": "2024-05-15"}
    water = [({"编号": "S1", "名称": "示例水库", "水体类型": "水库", "水量": 120000.0} | seen, part("SL-C06", 0.35, 0.4, 0.2, 0.2))]
    aquifer = [({"编号": "H1", "名称": "奥灰含水层", "含水层类型": "岩溶", "单位涌水量": 1.2} | seen, part("SL-C04", 0.2, 0.1, 0.6, 0.8))]
    fire = [({"编号": "B1", "矿山编号": "SL-C05", "煤层": "3", "温度": 86.0, "是否活动": "是"} | seen, part("SL-C05", 0.4, 0.4, 0.1, 0.1))]
    # Seen by geophysics inside a panel of the plan, and not made clear: no grade follows, a duty does.
    column = [({"编号": "X2", "矿山编号": "SL-C03", "名称": "X2疑似陷落柱", "导水性": "不明", "验证状态": "不清", "普查日期": "2024-05-15"}, part("SL-C03", 0.42, 0.40, 0.03, 0.04))]
    # fmt: on
    layers = {
        "瓦斯富集区": gas,
        "普查范围": extents,
        "地表水体": water,
        "含水层": aquifer,
        "火区": fire,
        "陷落柱": column,
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.gpkg"
        for name, rows in layers.items():
            frame = gpd.GeoDataFrame(
                [r for r, _ in rows], geometry=[g for _, g in rows], crs=4490
            ).to_crs(4547)
            frame.to_file(path, layer=name, driver="GPKG", engine="pyogrio")
        return _fixed_times(path)


def _fixed_times(path: Path) -> bytes:
    """Set the times a GeoPackage keeps of its making to the sample's own."""
    import sqlite3

    stamp = "2024-03-08T08:00:00.000Z"
    with sqlite3.connect(path) as conn:
        conn.execute("UPDATE gpkg_contents SET last_change = ?", (stamp,))
        conn.commit()
        conn.execute("VACUUM")
    conn.close()
    return path.read_bytes()


def _geojson() -> bytes:
    """Return the rock-burst areas in degrees."""
    rows = [
        ({"编号": "R1", "矿山编号": "SL-C04", "煤层": "3", "冲击危险指数": 0.62, "冲击倾向性": "弱", "验证状态": "已验证", "普查日期": "2024-05-18"}, part("SL-C04", 0.35, 0.35, 0.1, 0.1)),
        ({"编号": "R2", "矿山编号": "SL-C03", "煤层": "3", "冲击危险指数": 0.25, "冲击倾向性": "无", "验证状态": "已验证", "普查日期": "2024-05-18"}, part("SL-C03", 0.75, 0.35, 0.1, 0.1)),
    ]  # fmt: skip
    found = {
        "type": "FeatureCollection",
        "name": "冲击地压区",
        "features": [
            {"type": "Feature", "properties": r, "geometry": json.loads(shapely.to_geojson(g))}
            for r, g in rows
        ],
    }
    return json.dumps(found, ensure_ascii=False, indent=1).encode()


def main(folder: Path = HERE) -> None:
    """Write every file of the sample into `folder`."""
    for name, data in files().items():
        (folder / name).write_bytes(data)
        sys.stdout.write(f"{name}  {len(data)} bytes\n")


if __name__ == "__main__":
    main()
