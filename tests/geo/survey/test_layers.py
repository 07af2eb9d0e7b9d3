"""Layer types: the names strangers use are found, the names of our grades are those of the law."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.hazards import hazards
from geo.survey.claims import DECLARED
from geo.survey.layers import fold, guess_layer, layer, layers, map_fields

BRIEF = {
    "mine_boundary", "plan_item", "survey_extent", "goaf", "fault", "collapse_column", "borehole",
    "surface_water", "aquifer", "gas_rich_area", "rock_burst_area", "fire_area",
    "pond", "dam", "protected_object", "drainage", "bank_line",
}  # fmt: skip


def test_every_layer_is_there() -> None:
    assert set(layers()) == BRIEF


def test_every_field_speaks_chinese() -> None:
    for one in layers().values():
        for name, field in one.fields.items():
            spoken = (field.label.zh, *field.aliases)
            assert any(re.search("[\u4e00-\u9fff]", word) for word in spoken), (one.name, name)


def test_every_label_maps_to_its_own_field() -> None:
    for one in layers().values():
        for name, field in one.fields.items():
            assert map_fields([field.label.zh], one) == {field.label.zh: name}, (one.name, name)
            assert map_fields([name], one) == {name: name}


def test_declared_grades_are_the_hazards_own_codes() -> None:
    fields = layer("mine_boundary").fields
    for name, hazard in DECLARED.items():
        codes = set(hazards()[hazard].grades)
        assert set(fields[name].values) == codes, name


def test_survey_kinds_are_layers() -> None:
    assert set(layer("survey_extent").fields["kinds"].values) < set(layers())


@pytest.mark.parametrize(
    ("source", "columns", "expected"),
    [
        ("2024年采空区普查", [], "goaf"),
        ("MD01-普查范围", [], "survey_extent"),
        ("coal_mines_shanxi_gem", ["GEM Mine ID"], "mine_boundary"),
        ("断层(推断)", [], "fault"),
        ("zk", [], "borehole"),
        ("bazk_report", [], None),
        ("Export_Output", ["断层编号", "落差", "倾角", "导水性"], "fault"),
        ("data", ["a", "b"], None),
        ("示例县尾矿库", [], "pond"),
        ("尾矿库坝脚线", [], "dam"),
        ("初期坝", [], "dam"),
        ("下游居民点_2026", [], "protected_object"),
        ("Export_Output", ["尾矿库名称", "总库容", "总坝高", "筑坝方式"], "pond"),
        ("涵洞", [], "drainage"),
        ("黄河干流岸线", [], "bank_line"),
        ("水库", [], "surface_water"),
    ],
)
def test_guess(source: str, columns: list[str], expected: str | None) -> None:
    assert guess_layer(source, columns) == expected


def test_names_cut_at_ten_bytes_of_gbk() -> None:
    whole = "采空区底板标高"
    cut = whole.encode("gbk")[:10].decode("gbk")
    assert map_fields([cut], "goaf") == {cut: "floor_m"}


def test_cut_in_the_middle_of_a_character() -> None:
    cut = "q3突水量最大".encode("gbk")[:9].decode("gbk", "replace")
    assert cut.endswith("\ufffd")
    assert map_fields(["采空区X".encode("gbk")[:5].decode("gbk", "replace")], "goaf") == {}
    assert fold(cut) == "q3突水量"


def test_a_cut_that_could_be_two_fields_is_left_alone() -> None:
    # 积水位置是否清楚 and 积水位置清楚 are one field; 计划开始时间 / 计划结束时间 stay apart.
    columns = [name.encode("gbk")[:10].decode("gbk") for name in ("计划开始时间", "计划结束时间")]
    assert map_fields(columns, "plan_item") == {columns[0]: "start", columns[1]: "end"}
    assert map_fields(["采煤面瓦斯"], "mine_boundary") == {"采煤面瓦斯": "gas_face_m3min"}
    assert map_fields(["煤与瓦斯突"], "mine_boundary") == {}


def test_two_columns_for_one_field_the_nearer_wins() -> None:
    assert map_fields(["矿井编号", "mine_code"], "goaf") == {"mine_code": "mine_code"}
    assert map_fields(["mine_code", "矿井编号"], "goaf") == {"mine_code": "mine_code"}


@given(st.sampled_from(["积水量", "mine_code", "Seam", "煤层"]), st.data())
def test_folding(alias: str, data: st.DataObject) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in alias)
    typed = data.draw(st.sampled_from([alias.upper(), wide, f" {alias} ", f"{alias}（m3）", alias]))
    assert map_fields([typed], "goaf").get(typed) == map_fields([alias], "goaf")[alias]
