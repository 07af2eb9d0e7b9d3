"""Layer types: the names strangers use are found, the names of our grades are those of the law."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.hazards import hazards
from geo.store.tiles import FACTORS
from geo.survey.claims import DECLARED
from geo.survey.layers import (
    factors,
    fold,
    guess_layer,
    layer,
    layers,
    map_fields,
    pond_layers,
    sought,
)
from geo.survey.values import several

# The notice of 2021, in its own words and order.
FIFTEEN = {
    "goaf": "采空区",
    "abandoned_shaft": "废弃老窑（井筒）",
    "borehole": "封闭不良钻孔",
    "fault": "断层",
    "fissure": "裂隙",
    "fold": "褶曲",
    "collapse_column": "陷落柱",
    "gas_rich_area": "瓦斯富集区",
    "rock_burst_area": "冲击危险性",
    "water_conducting_zone": "导水裂缝带",
    "surface_water": "地表水体",
    "aquifer": "地下含水体",
    "fire_area": "井下火区",
    "buried_channel": "古河床冲刷带",
    "skylight": "天窗等不良地质体",
}


def test_the_fifteen_factors_of_the_notice_are_layers() -> None:
    assert {name: layer(name).listed["coal"].item for name in sought("coal")} == FIFTEEN


def test_what_76_says_of_goafs_shafts_and_works_is_sought_in_metal_mines() -> None:
    assert {"goaf", "abandoned_mine", "abandoned_shaft", "treatment_works"} <= set(
        sought("metal_underground")
    )


def test_an_item_nobody_read_is_not_verified() -> None:
    for one in layers().values():
        for listed in one.listed.values():
            assert listed.item is not None or not listed.verified, one.name


def test_every_factor_says_how_sure_it_is_and_how_far_treated() -> None:
    for name in factors():
        assert {"verification", "treatment_state", "observed_on", "detection_method"} <= set(
            layer(name).fields
        ), name


def test_what_bears_on_ponds_is_no_factor_of_a_mine() -> None:
    assert {
        "pond",
        "dam",
        "protected_object",
        "drainage",
        "bank_line",
        "monitoring_reading",
        "prohibited_area",
        "rock_movement",
    } == set(pond_layers())
    assert not set(pond_layers()) & set(factors())


def test_every_factor_is_on_the_map() -> None:
    assert factors() == FACTORS


# KA/T 22.2 chapter 5, 5.1.2 and 5.8.1 a) to h): what must be said of a goaf.
def test_a_goaf_has_every_field_of_chapter_5() -> None:
    assert {
        "formed_on", "depth_m", "area_m2", "mining_height_m", "seam", "method", "recovery",
        "roof_control", "pillars", "water_area_m2", "water_level_m", "water_volume_m3",
        "water_quality", "fire", "fire_temperature_c", "gas", "gas_composition", "suspended_roof",
        "suspended_roof_m2", "subsidence", "cracks", "seals", "detection_method", "reliability",
        "verification", "verification_result",
    } <= set(layer("goaf").fields)  # fmt: skip


def test_all_factors_in_an_extent_means_every_factor_of_the_lists() -> None:
    kinds = layer("survey_extent").fields["kinds"]
    found, clear = several("全部", kinds)
    assert clear
    assert set(found) == {n for k in ("coal", "metal_underground", "open_pit") for n in sought(k)}
    assert several("褶曲、天窗、废弃井筒", kinds) == (["fold", "skylight", "abandoned_shaft"], True)


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
        ("采空区治理工程", [], "treatment_works"),
        ("废弃老窑井筒", [], "abandoned_shaft"),
        ("周边废弃矿井", [], "abandoned_mine"),
        ("导水裂缝带", [], "water_conducting_zone"),
        ("地裂缝", [], "ground_crack"),
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
        ("某县饮用水水源保护区", [], "prohibited_area"),
        ("铁矿岩移范围", [], "rock_movement"),
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
