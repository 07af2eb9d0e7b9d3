"""Cells as people fill them in."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.survey.layers import layer
from geo.survey.values import boolean, choice, day, number, seam, several, text, unit_scale

GOAF = layer("goaf").fields
EXTENT = layer("survey_extent").fields


def span(low: float | None, high: float | None, raw: str) -> dict[str, Any]:
    return {"low": low, "high": high, "raw": raw}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (12, 12.0),
        ("80", 80.0),
        ("５０", 50.0),
        ("1,200", 1200.0),
        ("-35", -35.0),
        ("1.5km", 1500.0),
        ("80 米", 80.0),
        (">80", span(80, None, ">80")),
        ("≥0.5km", span(500, None, "≥0.5km")),
        ("80以上", span(80, None, "80以上")),
        ("不足20", span(None, 20, "不足20")),
        ("70-80", span(70, 80, "70-80")),
        ("3～5米", span(3, 5, "3～5米")),
        ("-35~-20", span(-35, -20, "-35~-20")),
        ("80-70", span(70, 80, "80-70")),
        ("50±5", span(45, 55, "50±5")),
        ("约80", span(80, 80, "约80")),
    ],
)
def test_numbers_in_metres(cell: Any, expected: Any) -> None:
    assert number(cell, "m") == (expected, True)


@pytest.mark.parametrize("cell", ["陡", "8,5", "80-", "80%", "12加仑"])
def test_what_is_no_number_keeps_its_words(cell: str) -> None:
    assert number(cell, "m") == (span(None, None, cell), False)


def test_a_quantity_said_to_be_unknown_is_said() -> None:
    assert number("不清", "m3") == (span(None, None, "不清"), True)


@pytest.mark.parametrize("cell", ["", "  ", "/", "—", "无数据", None, float("nan")])
def test_nothing_said(cell: Any) -> None:
    for read in (number, day, boolean, text, seam):
        assert read(cell) == (None, True)


def test_unit_beside_the_number_goes_before_the_columns() -> None:
    field = GOAF["water_volume_m3"]
    scale, strange = unit_scale("积水量(万m3)", field)
    assert (scale, strange) == (1e4, "")
    assert number("1.5", field.unit, scale) == (15000.0, True)
    assert number("1.5万m3", field.unit, scale) == (15000.0, True)
    assert number("300m3", field.unit, scale) == (300.0, True)
    assert number("2-3", field.unit, scale) == (span(20000, 30000, "2-3"), True)


def test_unit_of_a_column_cut_open_and_a_strange_one() -> None:
    assert unit_scale("积水量(万m", GOAF["water_volume_m3"]) == (1e4, "")
    assert unit_scale("积水量(加仑)", GOAF["water_volume_m3"]) == (1.0, "加仑")
    assert unit_scale("积水量", GOAF["water_volume_m3"]) == (1.0, "")


@given(st.floats(-1e6, 1e6, allow_nan=False), st.floats(-1e6, 1e6, allow_nan=False))
def test_any_range_is_ordered(a: float, b: float) -> None:
    a, b = round(a, 3), round(b, 3)
    for sign in ("~", "-", "至"):
        found, understood = number(f"{a}{sign}{b}", "m")
        assert understood
        assert found["low"] == pytest.approx(min(a, b))
        assert found["high"] == pytest.approx(max(a, b))


@given(st.text(max_size=30))
def test_no_text_breaks_a_reader(cell: str) -> None:
    for read in (number, day, boolean, text, seam):
        read(cell)
    choice(cell, GOAF["water"])
    several(cell, EXTENT["kinds"])
    unit_scale(cell, GOAF["depth_m"])


@pytest.mark.parametrize(
    ("cell", "first", "last"),
    [
        ("2024", date(2024, 1, 1), date(2024, 12, 31)),
        (2024, date(2024, 1, 1), date(2024, 12, 31)),
        ("2024年2月", date(2024, 2, 1), date(2024, 2, 29)),
        ("202402", date(2024, 2, 1), date(2024, 2, 29)),
        ("20240305", date(2024, 3, 5), date(2024, 3, 5)),
        ("2024/3/5", date(2024, 3, 5), date(2024, 3, 5)),
        ("2024年3月5日", date(2024, 3, 5), date(2024, 3, 5)),
        ("2020-12-10 00:00:00", date(2020, 12, 10), date(2020, 12, 10)),
        ("2010-2015", date(2010, 1, 1), date(2015, 12, 31)),
    ],
)
def test_dates(cell: Any, first: date, last: date) -> None:
    assert day(cell) == (first, True)
    assert day(cell, end=True) == (last, True)


@pytest.mark.parametrize("cell", ["2024-02-30", "20241301", "民国三年", "0024", 5])
def test_no_dates(cell: Any) -> None:
    assert day(cell) == (None, False)


def test_not_known_is_not_no() -> None:
    assert boolean("否") == (False, True)
    assert boolean("不清") == (None, True)
    assert boolean("不清", GOAF["water_extent_known"]) == (False, True)
    assert boolean("嗯") == (None, False)
    assert choice("不清", GOAF["water"]) == ("unknown", True)
    assert choice("无", GOAF["water"]) == ("none", True)
    assert choice("", GOAF["water"]) == (None, True)


def test_a_part_of_a_word_is_not_the_word() -> None:
    assert choice("部分已验证", GOAF["verification"]) == (None, False)
    assert choice("未查明", GOAF["verification"]) == ("unclear", True)
    assert choice("物探推断（三维地震）", GOAF["verification"]) == ("inferred", True)


@pytest.mark.parametrize("cell", ["3号煤层", "3#", "No.3", "3", 3, 3.0, "第3号煤", "３号"])
def test_one_seam_by_many_names(cell: Any) -> None:
    assert seam(cell) == ("3", True)


def test_lists() -> None:
    assert several("采空区、断层，陷落柱", EXTENT["kinds"]) == (
        ["goaf", "fault", "collapse_column"],
        True,
    )
    # "All" is all a survey of a mine looks for, not what one of ponds does.
    kinds = EXTENT["kinds"]
    mining = [kind for kind in kinds.values if kind not in kinds.beside]
    assert several("全部", kinds) == (mining, True)
    assert "protected_object" in kinds.beside
    assert several("采空区 鬼", EXTENT["kinds"]) == (["goaf"], False)
    assert several('["goaf", "fault"]', EXTENT["kinds"]) == (["goaf", "fault"], True)
    assert several("2、3、9+10号煤层", EXTENT["seams"]) == (["2", "3", "9+10"], True)
