"""The sample's tailings ponds: a 30 m elevation model, ten ponds, what lies below them.

A river runs east; tributaries 900 m apart come down to it from north and south, with a fall of 6 %
along the thread and 40 % at the sides. The northern ones are straight along a column of cells, so
that a path from a toe is counted by hand: 33 steps of 30 m make 990 m, the 34th is beyond 1 km.
"""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from shapely import LineString, Point, Polygon

Row = dict[str, Any]
EPSG = 4547
CELL = 30.0
ROWS, COLS = 270, 260
# North-west corner of the model, metres of the zone.
WEST, NORTH = 375_000.0, 4_303_200.0
RIVER_ROW = 134
FIRST_COL, APART = 25, 30
SEED = 20240308
# What the model is said to be; the reader asks for it.
SOURCE, DATED, ERROR_M = "示例测绘院 30 m DEM", "2024-03-01", 3.0

# code, name, tributary (north +, south −), state it is to show, figures
PONDS: dict[str, tuple[str, int, str, Row]] = {
    "SL-T01": ("示例一号尾矿库", 3, "示例煤业有限公司", {"库型": "山谷型", "筑坝方式": "上游式", "排放方式": "湿排", "全库容(万m3)": 82.0, "现状坝高": 28.0, "总库容(万m3)": 120.0, "总坝高": 36.0, "现状标高": 1046.0, "最终标高": 1047.5, "上升速率": 2.0, "安全度": "正常库", "防洪标准": 100.0, "洪水位超高": 0.6, "洪水位干滩": 62.0, "评价日期": "2023-05-10", "在线监测": "已建成", "标准化": "二级", "头顶库": "是", "投用日期": "2012-06-01"}),
    "SL-T02": ("示例二号尾矿库", 4, "示例矿业有限公司", {"库型": "山谷型", "筑坝方式": "一次性筑坝", "排放方式": "干排", "总库容(万m3)": 60.0, "总坝高": 25.0, "防洪标准": 100.0}),
    "SL-T03": ("示例三号尾矿库", 1, "示例矿业有限公司", {"库型": "山谷型", "筑坝方式": "上游式", "排放方式": "湿排", "全库容(万m3)": 45.0, "现状坝高": 22.0, "总库容(万m3)": 90.0, "总坝高": 29.0, "安全度": "正常库", "防洪标准": 100.0, "实测干滩": 110.0, "评价日期": "2021-08-20", "投用日期": "2010-04-01"}),
    "SL-T04": ("示例四号尾矿库", 5, "示例矿业有限公司", {"库型": "山谷型", "筑坝方式": "上游式", "排放方式": "湿排", "全库容(万m3)": 98.0, "现状坝高": 33.0, "总库容(万m3)": 98.0, "总坝高": 33.0, "安全度": "病库", "防洪标准": 100.0, "洪水位超高": 0.5, "洪水位干滩": 44.0, "评价日期": "2022-06-30", "投用日期": "2006-09-01"}),
    "SL-T05": ("示例五号尾矿库", 6, "示例矿业有限公司", {"库型": "山谷型", "筑坝方式": "中线式", "排放方式": "湿排", "全库容(万m3)": 900.0, "现状坝高": 58.0, "总库容(万m3)": 1600.0, "总坝高": 74.0, "安全度": "正常库", "防洪标准": 500.0, "洪水位超高": 0.9, "洪水位干滩": 61.0, "评价日期": "2023-10-15", "在线监测": "部分", "标准化": "三级", "投用日期": "2009-03-01"}),
    "SL-T06": ("示例六号尾矿库", -1, "示例煤业有限公司", {"库型": "傍山型", "筑坝方式": "上游式", "排放方式": "湿排", "全库容(万m3)": 30.0, "现状坝高": 18.0, "总库容(万m3)": 40.0, "总坝高": 20.0, "安全度": "正常库", "评价日期": "2024-01-20", "投用日期": "2005-05-01"}),
    "SL-T07": ("示例七号尾矿库", -2, "", {"库型": "山谷型", "筑坝方式": "上游式", "排放方式": "湿排", "全库容(万m3)": 55.0, "现状坝高": 24.0, "总库容(万m3)": 70.0, "总坝高": 28.0, "安全度": "险库"}),
    "SL-T08": ("示例八号尾矿库", -3, "示例矿业有限公司", {"库型": "山谷型", "筑坝方式": "一次性筑坝", "排放方式": "湿排", "全库容(万m3)": 8.5, "现状坝高": 9.0, "总库容(万m3)": 8.5, "总坝高": 9.0, "安全度": "正常库", "投用日期": "2014-07-01"}),
    "SL-T09": ("示例九号尾矿库", -4, "示例矿业有限公司", {"库型": "山谷型", "筑坝方式": "上游式", "排放方式": "湿排", "全库容(万m3)": 210.0, "现状坝高": 34.0, "总库容(万m3)": 300.0, "总坝高": 44.0, "安全度": "正常库", "投用日期": "2003-10-01"}),
    "SL-T10": ("示例十号尾矿库", -5, "示例矿业有限公司", {"库型": "傍山型", "筑坝方式": "上游式", "排放方式": "湿排", "全库容(万m3)": 25.0, "现状坝高": 15.0, "总库容(万m3)": 25.0, "总坝高": 15.0, "安全度": "正常库", "投用日期": "1998-01-01"}),
}  # fmt: skip
# Metres from the river to the toe, up the thread: 66 cells.
TOE = 1980.0


def _thread_col(tributary: int) -> int:
    return FIRST_COL + APART * (abs(tributary) - 1)


def _bend(tributary: int, up: NDArray[np.float64] | float) -> Any:
    """Return by how much a thread leaves its column; the northern ones are straight."""
    return 0.0 if tributary > 0 else 75.0 * np.sin(np.asarray(up) / 330.0 + abs(tributary))


def place(tributary: int, up: float, beside: float = 0.0) -> tuple[float, float]:
    """Return metres of the zone for a place in a tributary's valley.

    Parameters
    ----------
    tributary : int
        From the west, 1 first; negative for those of the south.
    up : float
        Metres from the river, along the column.
    beside : float
        Metres to the east of the thread.
    """
    x = WEST + (_thread_col(tributary) + 0.5) * CELL + float(_bend(tributary, up)) + beside
    river = NORTH - (RIVER_ROW + 0.5) * CELL
    return x, river + (up if tributary > 0 else -up)


def heights() -> NDArray[np.float32]:
    """Return the elevation model, m, north first, rounded to 0.1 m."""
    rng = np.random.default_rng(SEED)
    x = (np.arange(COLS) + 0.5) * CELL
    rows = np.arange(ROWS)
    up = np.abs(RIVER_ROW - rows) * CELL
    ground = np.empty((ROWS, COLS))
    for sign, band in ((1, rows <= RIVER_ROW), (-1, rows > RIVER_ROW)):
        beside = np.full((int(band.sum()), COLS), np.inf)
        for tributary in range(1, 10):
            thread = (_thread_col(tributary) + 0.5) * CELL + _bend(sign * tributary, up[band])
            beside = np.minimum(
                beside, np.abs(x[None, :] - np.broadcast_to(thread, (int(band.sum()),))[:, None])
            )
        d = up[band][:, None]
        ground[band] = np.minimum(0.06 * d + 0.4 * beside, 0.5 * d)
        # Slopes are rough, threads and toes are not.
        ground[band] += _rough(rng, int(band.sum())) * np.clip(beside / 150.0 - 0.6, 0, 1)
    ground += 930.0 - 0.004 * x[None, :]
    return np.round(ground, 1).astype(np.float32)


def _rough(rng: np.random.Generator, rows: int) -> NDArray[np.float64]:
    """Return smooth noise of some metres: a sum of waves of many lengths and directions."""
    y, x = np.mgrid[0:rows, 0:COLS] * CELL
    found = np.zeros((rows, COLS))
    for length in np.geomspace(180, 2200, 14):
        turn, phase = rng.uniform(0, 2 * np.pi, 2)
        found += (
            length
            / 300
            * np.sin(2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) / length + phase)
        )
    return found


def dem() -> bytes:
    """Return the elevation model as GeoTIFF."""
    with MemoryFile() as file:
        with file.open(
            driver="GTiff", width=COLS, height=ROWS, count=1, dtype="float32", crs=EPSG,
            transform=from_origin(WEST, NORTH, CELL, CELL), nodata=-9999.0, compress="DEFLATE",
            predictor=3, zlevel=9, tiled=True, blockxsize=256, blockysize=256,
        ) as out:  # fmt: skip
            out.write(heights(), 1)
        return bytes(file.read())


def _line(tributary: int, up: float, half: float) -> LineString:
    """Return a toe line across a valley."""
    return LineString([place(tributary, up, -half), place(tributary, up, half)])


def ponds() -> list[tuple[Row, Polygon]]:
    """Return the ponds' areas, behind their dams."""
    made = []
    for code, (name, tributary, owner, figures) in PONDS.items():
        ring = [place(tributary, TOE + 60, -110), place(tributary, TOE + 60, 110), place(tributary, TOE + 300, 130), place(tributary, TOE + 480, 60), place(tributary, TOE + 480, -60), place(tributary, TOE + 300, -130)]  # fmt: skip
        row: Row = {"编号": code, "名称": name, "企业名称": owner, "行政区划": "140981", "核查日期": "2024-04-01", "坝座数": 2.0 if code == "SL-T05" else 1.0}  # fmt: skip
        made.append((row | figures, Polygon(ring)))
    return made


def dams() -> list[tuple[Row, LineString]]:
    """Return the toe lines: one starter dam each, and a saddle dam of number five."""
    made = [
        (
            {"坝号": f"{code}-D1", "所属库": code, "类别": "一次性筑坝" if figures["筑坝方式"] == "一次性筑坝" else "初期坝", "测量日期": "2023-10-20"},
            _line(tributary, TOE, 75.0),
        )
        for code, (_, tributary, _, figures) in PONDS.items()
    ]  # fmt: skip
    # Over the eastern ridge, on the slope of the next valley, which has no pond of its own.
    x, y = place(7, TOE + 120, -240)
    saddle = LineString([(x, y - 60), (x, y + 60)])
    made.append(
        (
            {"坝号": "SL-T05-D2", "所属库": "SL-T05", "类别": "副坝", "测量日期": "2023-10-20"},
            saddle,
        )
    )
    return made


def objects() -> list[tuple[Row, shapely.Geometry]]:
    """Return what lies below; names say by which pond it is met, or why by none."""
    seen = {"普查日期": "2024-04-10"}
    return [
        ({"编号": "B01", "名称": "甲家沟住户", "类别": "住户", "人数": 4.0} | seen, Point(place(3, TOE - 600, 40))),
        ({"编号": "B02", "名称": "乙家湾", "类别": "村庄", "人数": 86.0} | seen, Point(place(4, TOE - 1300, 30)).buffer(60, quad_segs=4)),
        ({"编号": "B03", "名称": "丙家村", "类别": "村庄", "人数": 120.0} | seen, Point(place(2, TOE - 180)).buffer(45, quad_segs=4)),
        ({"编号": "B04", "名称": "丁家住户", "类别": "民房"} | seen, Point(place(5, TOE - 1060))),
        ({"编号": "B05", "名称": "示例小学", "类别": "学校", "人数": 210.0} | seen, Point(place(7, TOE - 300, 20)).buffer(30, quad_segs=4)),
        ({"编号": "B06", "名称": "三号库值班房", "类别": "值班房", "是否自有": "是", "所属库": "SL-T03"} | seen, Point(place(1, TOE - 90, 60))),
        ({"编号": "B07", "名称": "示例河村", "类别": "村庄", "人数": 340.0} | seen, Point(place(4, 60, 400)).buffer(90, quad_segs=4)),
    ]  # fmt: skip


def drainage() -> list[tuple[Row, LineString]]:
    """Return the culvert under the road at the mouth of the fourth valley."""
    return [({"编号": "H01", "名称": "示例路涵洞", "类别": "涵洞", "深度": 3.0}, LineString([place(4, 240), place(4, 150)]))]  # fmt: skip


def banks() -> list[tuple[Row, LineString]]:
    """Return the bank line of the river."""
    y = place(1, 30)[1]
    return [({"编号": "A01", "河名": "示例河", "类别": "重要支流"}, LineString([(WEST, y), (WEST + COLS * CELL, y)]))]  # fmt: skip


def searched() -> list[tuple[Row, Polygon]]:
    """Return the extent of the survey below and around the ponds: the whole model and a rim."""
    row = {
        "普查因素": "下游保护对象,法定禁建区,岩移范围", "普查方法": "调查访问", "开始日期": "2024-03-01",
        "结束日期": "2024-04-20", "普查单位": "示例地质勘查院", "精度": 5.0, "有效期至": "2034-04-20",
    }  # fmt: skip
    south = NORTH - ROWS * CELL
    return [(row, shapely.box(WEST - 90, south - 90, WEST + COLS * CELL + 90, NORTH + 90))]


def prohibited() -> list[tuple[Row, Polygon]]:
    """Return an area in which the law forbids building, above the last valley of the north."""
    ring = [place(8, 2700, -350), place(8, 2700, 350), place(8, 3500, 350), place(8, 3500, -350)]
    return [
        ({"编号": "J01", "区域名称": "示例水源保护区", "类别": "饮用水水源保护区"}, Polygon(ring))
    ]
