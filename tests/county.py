"""Small files for tests: two adjacent mines, their plans, goafs and extents, as GeoJSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geo.crs import from_metric
from sample_data import ponds

WEST, SOUTH, WIDE, HIGH = 112.48, 38.80, 0.03, 0.02


def rect(x: float, y: float, dx: float, dy: float) -> shapely.Polygon:
    """Return a rectangle in units of a licence's width and height."""
    a, b = WEST + x * WIDE, SOUTH + y * HIGH
    return shapely.box(a, b, a + dx * WIDE, b + dy * HIGH)


def boundary(code: str, enterprise: str, x: float = 0.0) -> tuple[dict[str, Any], Any]:
    """Return a coal mine with all its figures low."""
    row = {
        "矿山编号": code, "矿山名称": f"{code}矿", "矿山类型": "煤矿", "企业名称": enterprise,
        "行政区划": "140981", "批采煤层": "3", "瓦斯等级": "低瓦斯", "水文地质类型": "简单",
        "单位涌水量": 0.05, "正常涌水量": 100, "最大涌水量": 200, "突水量": 20,
        "相对瓦斯涌出量": 3, "绝对瓦斯涌出量": 10, "掘进面瓦斯涌出量": 1, "采煤面瓦斯涌出量": 2,
    }  # fmt: skip
    return row, rect(x, 0, 1, 1)


def panel(code: str, name: str, x: float, start: str = "2024-01-01", end: str = "2030-12-31") -> tuple[dict[str, Any], Any]:  # fmt: skip
    """Return a plan item."""
    row = {"矿山编号": code, "类型": "工作面", "工作面名称": name, "煤层": "3", "开始日期": start, "结束日期": end}  # fmt: skip
    return row, rect(x, 0.3, 0.25, 0.3)


def goaf(code: str, number: str, x: float, *, water: str, known: str = "是", volume: str = "") -> tuple[dict[str, Any], Any]:  # fmt: skip
    """Return a goaf of seam 3."""
    row = {
        "编号": number, "矿山编号": code, "煤层": "3", "积水": water, "积水范围清": known,
        "积水量": volume, "验证状态": "已验证", "普查日期": "2024-05-10",
    }  # fmt: skip
    return row, rect(x, 0.4, 0.05, 0.05)


def extent(code: str, kinds: str, x: float = 0.0) -> tuple[dict[str, Any], Any]:
    """Return a survey extent over a licence and its surroundings."""
    row = {
        "矿山编号": code, "普查因素": kinds, "普查方法": "物探,钻探", "开始日期": "2024-03-01",
        "结束日期": "2024-05-01", "普查单位": "某院", "有效期至": "2034-05-01",
    }  # fmt: skip
    return row, rect(x - 0.4, -0.5, 1.8, 2.0)


def below_a_pond(code: str, enterprise: str) -> dict[str, list[tuple[dict[str, Any], Any]]]:
    """Return a pond, its toe line and a house under it by layer, where the sample has terrain."""

    def degrees(shape: Any) -> Any:
        (moved,) = from_metric(np.array([shape], dtype=object), ponds.EPSG)
        return moved

    figures = ponds.PONDS["SL-T01"][3]
    area = next(shape for row, shape in ponds.ponds() if row["编号"] == "SL-T01")
    toe = next(shape for row, shape in ponds.dams() if row["所属库"] == "SL-T01")
    row, house = ponds.objects()[0]
    pond = {
        "编号": code,
        "名称": f"{code}库",
        "企业名称": enterprise,
        "行政区划": "140981",
    } | figures
    return {
        "pond": [(pond, degrees(area))],
        "dam": [({"坝号": f"{code}-D", "所属库": code, "类别": "初期坝"}, degrees(toe))],
        "protected_object": [(row, degrees(house))],
    }


def write(path: Path, rows: list[tuple[dict[str, Any], Any]]) -> Path:
    """Write rows as GeoJSON."""
    features = [
        {"type": "Feature", "properties": row, "geometry": json.loads(shapely.to_geojson(shape))}
        for row, shape in rows
    ]
    collection = {"type": "FeatureCollection", "name": path.stem, "features": features}
    path.write_text(json.dumps(collection, ensure_ascii=False), "utf-8")
    return path
