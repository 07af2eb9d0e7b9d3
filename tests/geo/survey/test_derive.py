"""Grades: what always holds, and what the clauses say at their limits."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.crs import to_metric
from geo.hazards import hazards
from geo.rules import Rules, national_rules
from geo.rules.tighten import cases
from geo.survey.claims import claims as claims_of
from geo.survey.derive import derive
from geo.survey.judging import judge
from geo.survey.layers import layers, stated
from geo.survey.lines import in_force, lines, moves
from geo.survey.why import paragraph, sentence
from tests.geo.survey.worlds import FACTORS_DRAWN, ITEMS_DRAWN, factor, item, mine, rect, world

RULES = national_rules()
ON = date(2024, 9, 1)
MINES = [mine(i) for i in range(4)]
BOUNDED = settings(max_examples=25, deadline=None, print_blob=True)


def effective(w, on=ON):
    found = lines(derive(w, RULES).claims, w.mines, on)
    return {(r.mine_code, r.hazard): r.effective for r in found.itertuples()}


def rank(hazard, grade):
    return -1 if grade is None else hazards()[hazard].rank(grade)


def same(a, b):
    return a.claims["key"].tolist() == b.claims["key"].tolist() and (
        a.encounters["key"].tolist() == b.encounters["key"].tolist()
    )


@BOUNDED
@given(FACTORS_DRAWN, ITEMS_DRAWN, st.randoms(use_true_random=False))
def test_the_order_of_rows_never_matters(factors, items, shuffler):
    mines, shuffled, turned = MINES[:], factors[:], items[:]
    for rows in (mines, shuffled, turned):
        shuffler.shuffle(rows)
    assert same(
        derive(world(MINES, items, factors), RULES), derive(world(mines, turned, shuffled), RULES)
    )


@BOUNDED
@given(FACTORS_DRAWN, ITEMS_DRAWN, st.randoms(use_true_random=False))
def test_the_order_of_rules_never_matters(factors, items, shuffler):
    turned = list(RULES.rules)
    shuffler.shuffle(turned)
    w = world(MINES, items, factors)
    # Made anew: a copy would keep what the first has looked up.
    other_rules = Rules(rules=tuple(turned), parameters=RULES.parameters)
    one, other = derive(w, RULES), derive(w, other_rules)
    assert same(one, other)
    told = [lines(found.claims, w.mines, ON).to_dict("records") for found in (one, other)]
    assert told[0] == told[1]


@settings(max_examples=10, deadline=None, print_blob=True)
@given(FACTORS_DRAWN, ITEMS_DRAWN)
def test_threads_at_once_never_matter(factors, items):
    w = world(MINES, items, factors)
    codes = [m["mine_code"] for m in MINES]
    with ThreadPoolExecutor(len(codes)) as pool:
        parts = list(pool.map(lambda code: derive(w, RULES, [code]), codes))
    whole = derive(w, RULES)
    assert sorted(pd.concat([p.claims for p in parts])["key"]) == whole.claims["key"].tolist()
    shapes = {k: g.wkb for p in parts for k, g in zip(p.encounters["key"], p.encounters.geometry, strict=True)}  # fmt: skip
    assert shapes == {k: g.wkb for k, g in zip(whole.encounters["key"], whole.encounters.geometry, strict=True)}  # fmt: skip


@BOUNDED
@given(FACTORS_DRAWN, ITEMS_DRAWN, st.integers(1, 3))
def test_splitting_the_mines_never_matters(factors, items, cut):
    w = world(MINES, items, factors)
    codes = [m["mine_code"] for m in MINES]
    parts = [derive(w, RULES, codes[:cut]), derive(w, RULES, codes[cut:])]
    whole = derive(w, RULES)
    assert sorted(pd.concat([p.claims for p in parts])["key"]) == whole.claims["key"].tolist()
    assert (
        sorted(pd.concat([p.encounters for p in parts])["key"]) == whole.encounters["key"].tolist()
    )


@BOUNDED
@given(FACTORS_DRAWN, ITEMS_DRAWN, st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_licences_out_of_reach_need_not_be_loaded(factors, items, owners):
    # Whose a factor is and where it lies are two things: its owner's licence may be far from both.
    owned = [f | {"mine_code": f"M{owners[n % 4]}"} for n, f in enumerate(factors)]
    zones = {one["mine_code"]: one["zone_epsg"] for one in MINES}
    whole = derive(world(MINES, items, owned), RULES).encounters
    for i, one in enumerate(MINES):
        near = replace(world(MINES[max(0, i - 1) : i + 2], items, owned), zones=zones)
        found = derive(near, RULES, [one["mine_code"]]).encounters
        wanted = whole[whole["mine_code"] == one["mine_code"]]
        assert found["key"].tolist() == wanted["key"].tolist()
        assert [g.wkb for g in found.geometry] == [g.wkb for g in wanted.geometry]


@BOUNDED
@given(FACTORS_DRAWN, ITEMS_DRAWN, st.integers(0, 5), st.integers(2020, 2030))
def test_a_factor_added_never_lowers_a_grade(factors, items, left_out, year):
    fewer = factors[:left_out] + factors[left_out + 1 :]
    on = date(year, 6, 1)
    before, after = (
        effective(world(MINES, items, fewer), on),
        effective(world(MINES, items, factors), on),
    )
    assert all(rank(key[1], after[key]) >= rank(key[1], grade) for key, grade in before.items())


@BOUNDED
@given(
    FACTORS_DRAWN,
    st.lists(
        st.tuples(
            st.sampled_from(["low", "high", "outburst"]), st.sampled_from(["appraisal", "decision"])
        ),
        max_size=4,
        unique=True,
    ),
)
def test_a_claim_added_never_lowers_and_none_caps(factors, said):
    rows = [
        {
            "key": f"k{i}",
            "mine_code": "M0",
            "hazard": "gas",
            "grade": g,
            "source": s,
            "document": "d",
            "valid_from": date(2020, 1, 1),
        }
        for i, (g, s) in enumerate(said)
    ]
    last = -1
    for n in range(len(rows) + 1):
        now = rank("gas", effective(world(MINES, [], factors, said=rows[:n]))[("M0", "gas")])
        assert now >= last
        last = now


@BOUNDED
@given(FACTORS_DRAWN, ITEMS_DRAWN, st.integers(0, 3000))
def test_time_alone_never_lowers(factors, items, days):
    claims = derive(world(MINES, items, factors), RULES).claims
    mines = world(MINES).mines
    # Rules that another replaced ended on 2018-08-31: what stands after that only grows.
    early = lines(claims, mines, date(2018, 9, 1))
    late = lines(claims, mines, date.fromordinal(date(2018, 9, 1).toordinal() + days))
    for a, b in zip(early.itertuples(), late.itertuples(), strict=True):
        assert rank(a.hazard, b.effective) >= rank(a.hazard, a.effective)


def _limits():
    for rule in RULES.rules:
        for row in rule.rows:
            when = row.when
            if rule.extent == "mine" and hasattr(when, "attr"):
                for op in ("gt", "le", "ge", "lt"):
                    limit = getattr(when, op)
                    if limit is not None:
                        yield rule, row, op, when.attr, limit


@pytest.mark.parametrize(
    ("rule", "row", "op", "attr", "limit"),
    list(_limits()),
    ids=lambda v: getattr(v, "id", None) or str(v)[:20],
)
def test_each_limit_just_below_at_and_above(rule, row, op, attr, limit):
    held = {
        "gt": (False, False, True), "ge": (False, True, True),
        "lt": (True, False, False), "le": (True, True, False),
    }[op]  # fmt: skip
    for value, expected in zip((limit - 1e-6, limit, limit + 1e-6), held, strict=True):
        assert row.when.evaluate({attr: value}).value is expected


def test_gas_one_limit_exceeded_is_high_the_worked_example():
    # 9.5 m³/t and 45 m³/min: the relative emission passes, the absolute does not.
    w = world([mine(0, attrs={"gas_relative_m3t": 9.5, "gas_absolute_m3min": 45})])
    assert effective(w)[("M0", "gas")] == "high"


def test_low_gas_needs_all_four_known():
    bare = mine(0)
    for name in ("gas_grade", "gas_face_m3min"):
        del bare["attrs"][name]
    found = lines(derive(world([bare]), RULES).claims, world([bare]).mines, ON)
    gas = found[found["hazard"] == "gas"].iloc[0]
    assert gas["effective"] is None
    assert "mine.gas_face_m3min" in gas["undetermined"]


def test_no_claim_is_not_low():
    empty = mine(0)
    empty["attrs"] = {}
    assert set(effective(world([empty])).values()) == {None}


UNKNOWN = {"low": None, "high": None, "raw": "不清"}
KNOWN = {"water_extent_known": True, "water_volume_m3": 500.0}
NOT_KNOWN = {"water_extent_known": False, "water_volume_m3": UNKNOWN}


@pytest.mark.parametrize(
    ("attrs", "grade"),
    [
        ({"water": "none"}, "simple"),
        ({"water": "present", "water_extent_known": True, "water_volume_m3": 500.0}, "medium"),
        ({"water": "present", "water_extent_known": False, "water_volume_m3": 500.0}, "complex"),
        ({"water": "present", "water_extent_known": True, "water_volume_m3": UNKNOWN}, "complex"),
        (
            {"water": "present", "water_extent_known": False, "water_volume_m3": UNKNOWN},
            "very_complex",
        ),
        ({"water": "present", "water_place_known": False, **KNOWN}, "complex"),
        ({"water": "present", "water_place_known": True, **KNOWN}, "medium"),
        ({"water": "present", "water_place_known": True, **NOT_KNOWN}, "complex"),
        ({"water": "present", "water_place_known": False, **NOT_KNOWN}, "very_complex"),
    ],
)
def test_old_goaf_water_by_table_2_1(attrs, grade):
    w = world([mine(0)], [item(0, 0.3)], [factor(0, 0.35, attrs=attrs)])
    assert effective(w)[("M0", "hydro")] == grade


def test_a_missing_attribute_is_not_below_and_is_named():
    w = world([mine(0)], [item(0, 0.3)], [factor(0, 0.35, attrs={"water": "present"})])
    found = lines(derive(w, RULES).claims, w.mines, ON)
    hydro = found[found["hazard"] == "hydro"].iloc[0]
    assert hydro["effective"] == "medium"
    assert hydro["not_below"]
    assert hydro["undetermined"] == ["water_extent_known", "water_place_known", "water_volume_m3"]


def test_a_cell_that_says_not_clear_is_as_missing_as_an_empty_one_and_the_sentence_says_so():
    def told(attrs):
        w = world([mine(0)], [item(0, 0.3)], [factor(0, 0.35, attrs=attrs)])
        found = derive(w, RULES).claims
        hydro = lines(found, w.mines, ON).query("hazard == 'hydro'").iloc[0]
        open_ = found[found["outcome"] == "undetermined"]
        open_ = open_[open_["rule_id"] == "hydro.old_goaf_water.2018"].iloc[0]
        return hydro, sentence(open_, RULES, "zh")

    for attrs in ({"water": "unknown", "water_place_known": True, **KNOWN}, {"water": "unknown"}):
        said, words = told(attrs)
        empty, none = told({k: v for k, v in attrs.items() if k != "water"})
        assert (said["effective"], said["not_below"]) == ("simple", True)
        assert said["undetermined"] == empty["undetermined"]
        assert "积水情况（填报为不清）" in words
        assert "积水情况" in none
        assert "填报" not in none


VAGUE = [
    (rule, name, word)
    for rule in RULES.rules
    for name, field in layers().get(rule.applies.factor, layers()["mine_boundary"]).fields.items()
    for word in (field.not_clear if name in rule.attrs else ())
]


@pytest.mark.parametrize(("rule", "name", "word"), VAGUE, ids=[f"{r.id}-{n}" for r, n, _ in VAGUE])
def test_no_rule_is_milder_for_not_clear_than_for_an_empty_cell(rule, name, word):
    def said(values):
        found = list(judge(rule, stated(rule.applies.factor, values)))
        highest = max((rank(rule.applies.hazard, grade) for _, grade, _ in found), default=-2)
        return highest, len(found)

    for values in cases(rule):
        assert said(values | {name: word}) >= said(values | {name: None}), values


def test_the_table_of_2009_speaks_for_its_own_time():
    attrs = {"water": "present", "water_extent_known": False, "water_volume_m3": UNKNOWN}
    w = world([mine(0)], [item(0, 0.3)], [factor(0, 0.35, attrs=attrs)])
    assert effective(w, date(2017, 1, 1))[("M0", "hydro")] == "complex"
    assert effective(w, date(2018, 9, 1))[("M0", "hydro")] == "very_complex"


def test_a_neighbours_outburst_in_the_same_seam_is_managed_as_outburst():
    next_door = factor(1, 0.02, "gas_rich_area", attrs={"outburst": True, "seam": "3"})
    w = world(MINES[:2], [item(0, 0.75), item(1, 0.3)], [next_door])
    found = derive(w, RULES)
    assert effective(w)[("M0", "gas")] == "outburst"
    kinds = set(found.claims.loc[found.claims["mine_code"] == "M0", "outcome"])
    assert {"manage_as", "duty"} <= kinds
    other = factor(1, 0.02, "gas_rich_area", attrs={"outburst": True, "seam": "9"})
    assert (
        effective(world(MINES[:2], [item(0, 0.75), item(1, 0.3)], [other]))[("M0", "gas")] == "low"
    )


@pytest.mark.parametrize(
    ("licensed", "planned", "lies", "found"),
    [
        # Art. 210 (3): what the mine works, wherever in its field; the licence names seams, the plan may.
        (["3"], "3", "3", "outburst"),
        (["3", "9"], "3", "9", "outburst"),
        ([], "3", "3", "outburst"),
        (["3"], "9", "9", "outburst"),
        (["3"], "3", "9", "low"),
        # Nobody said that seam 9 is not worked: not known, so neither said nor denied.
        ([], "3", "9", "low"),
    ],
)
def test_an_outburst_in_a_seam_of_the_field_binds_however_far_from_the_plan(
    licensed, planned, lies, found
):
    # The plan ends at 0.3 of the licence, the area begins just beyond it: some 1.8 km away.
    near = factor(1, 0.02, "gas_rich_area", attrs={"outburst": True, "seam": lies})
    own = mine(0, attrs={"seams": licensed})
    w = world([own, mine(1)], [item(0, 0.1, seam=planned), item(1, 0.7)], [near])
    said = derive(w, RULES).claims
    said = said[(said["mine_code"] == "M0") & (said["rule_id"] == "gas.outburst_area")]
    assert effective(w)[("M0", "gas")] == found
    unknown = not licensed and planned != lies
    assert list(said["outcome"]) == (
        ["manage_as"] if found == "outburst" else ["undetermined"] if unknown else []
    )
    burst = factor(1, 0.02, "rock_burst_area", attrs={"index_w": 0.6, "seam": lies})
    w = world([own, mine(1)], [item(0, 0.1, seam=planned), item(1, 0.7)], [burst])
    assert (effective(w).get(("M0", "rock_burst")) == "medium") is (found == "outburst")


@pytest.mark.parametrize(
    ("theirs", "seams", "asked"),
    [
        # Art. 210 (3) and 331 (3): the seam next door, at any distance; a grade names no seam, so it asks.
        ({"gas_grade": "outburst"}, ["3"], {"gas.outburst_neighbour"}),
        ({"rock_burst_grade": "weak"}, ["3", "9"], {"rock_burst.burst_neighbour"}),
        ({"gas_grade": "outburst", "rock_burst_grade": "none"}, [], {"gas.outburst_neighbour"}),
        ({"gas_grade": "outburst", "rock_burst_grade": "strong"}, ["9"], set()),
        ({"gas_grade": "high"}, ["3"], set()),
    ],
)
def test_a_mine_next_door_that_is_prone_asks_whether_its_seam_is_worked_here(theirs, seams, asked):
    w = world(
        [mine(0), mine(1, attrs=theirs | {"seams": seams}), mine(3, attrs=theirs)], [item(0, 0.1)]
    )
    said = derive(w, RULES).claims
    told = said[said["rule_id"].isin(["gas.outburst_neighbour", "rock_burst.burst_neighbour"])]
    assert set(told["outcome"]) <= {"question"}
    # Mine 3 lies a mine's width away from any other.
    assert set(zip(told["mine_code"], told["rule_id"], strict=True)) == {
        ("M0", one) for one in asked
    }
    assert effective(w)[("M0", "gas")] == "low"
    for claim in told.itertuples():
        assert "邻矿" in sentence(claim, RULES, "zh")
        assert "M1" in sentence(claim, RULES, "zh")
    text = "\n".join(paragraph("M0", lines(said, w.mines, ON), said, RULES, "zh"))
    assert ("须核实" in text) is bool(asked)


def test_a_plan_that_is_only_submitted_tells_of_no_seam():
    near = factor(1, 0.02, "gas_rich_area", attrs={"outburst": True, "seam": "9"})
    own = mine(0, attrs={"seams": ["3"]})
    w = world([own, mine(1)], [item(0, 0.1, seam="9", status="provisional")], [near])
    assert effective(w)[("M0", "gas")] == "low"


def test_a_pair_across_the_zone_edge_is_measured_once():
    # M1 is measured in the zone of 111°, M2 in that of 114°: one distance, whoever asks.
    w = world(MINES[1:3], [item(1, 0.7), item(2, 0.1)], [factor(2, 0.01), factor(1, 0.94)])
    found = derive(w, RULES).encounters
    fields = found[(found["extent"] == "field") & ~found["own"].astype(bool)]
    by_mine = {r.mine_code: r.distance_m for r in fields.itertuples() if r.layer == "mine_boundary"}
    assert by_mine["M1"] == by_mine["M2"]


@pytest.mark.parametrize(("error", "sensitive"), [(0.0, False), (400.0, True)])
def test_a_verdict_within_the_error_is_sensitive(error, sensitive):
    # Some 650 m from the licence: outside the surroundings unless the error is counted (L12).
    far = factor(0, -0.30, size=0.05, mine_code=None, error_m=error)
    found = derive(world([mine(0)], [item(0, 0.3)], [far]), RULES).encounters
    met = found[found["layer"] == "goaf"]
    assert (len(met) > 0) is sensitive
    assert met["sensitive"].all()


# A panel's side lies 2.61 km along a licence's width of 0.03°; one hundredth of that is 26 m.
@pytest.mark.parametrize(
    ("rule_id", "layer", "x", "error", "sensitive"),
    [
        ("hydro.fault_pillar", "fault", 0.505, 0.0, False),  # 13 m beside the panel, 20 m are due
        ("hydro.fault_pillar", "fault", 0.505, 3.0, False),
        ("hydro.fault_pillar", "fault", 0.505, 10.0, True),
        ("hydro.search_line", "goaf", 0.505, 3.0, False),  # 30 m from a goaf that is verified
        ("hydro.search_line", "goaf", 0.505, 20.0, True),
        ("hydro.old_goaf_water.2018", "goaf", 0.505, 20.0, False),  # it tests only the field
        ("hydro.fracture_to_goaf", "goaf", 0.4, 20.0, False),  # deep inside: no error parts them
        ("hydro.fracture_to_goaf", "goaf", 0.48, 90.0, True),
    ],
)
def test_a_verdict_is_sensitive_where_the_limit_that_its_rule_tests_lies_within_the_error(
    rule_id, layer, x, error, sensitive
):
    attrs = {"water": "present", "conductive": "yes", "water_pressure_mpa": 0.1, "floor_m": 815.0}
    near = factor(0, x, layer, attrs=attrs, error_m=error)
    plan = [item(0, 0.3, floor_m=800.0, height_m=3.0)]
    own = mine(0, attrs={"coal_tensile_mpa": 1.0, "roof_rock_class": "hard"})
    found = derive(world([own], plan, [near]), RULES).claims
    (said,) = found[(found["rule_id"] == rule_id) & found["outcome"].isin(["precaution", "grade_floor"])].itertuples()  # fmt: skip
    assert said.evidence["sensitive"] is sensitive
    assert ("误差±" in sentence(said, RULES, "zh").replace("位置误差±", "")) is sensitive


def test_what_is_met_only_within_the_error_is_met_for_rules_without_surroundings_too():
    # L12: measured less the error. The water lies 13 m beside the panel, good to 20 m.
    beside = factor(0, 0.505, "surface_water", attrs={}, error_m=20.0)
    found = derive(world([mine(0)], [item(0, 0.3)], [beside]), RULES).claims
    (asked,) = found[found["rule_id"] == "hydro.surface_water"].itertuples()
    # From 2026 the plan falls short and the whole field is asked, which the water does lie in.
    assert asked.valid_from <= ON


def test_provisional_never_counts_but_warns_and_held_counts():
    attrs = {
        "water": "present",
        "water_extent_known": False,
        "water_volume_m3": UNKNOWN,
        "drained": False,
    }

    def hydro(status):
        w = world(MINES[:2], [item(0, 0.75)], [factor(1, 0.02, attrs=attrs, status=status)])
        found = lines(derive(w, RULES).claims, w.mines, ON)
        return found[(found["mine_code"] == "M0") & (found["hazard"] == "hydro")].iloc[0]

    assert hydro("provisional")["effective"] == "simple"
    assert hydro("provisional")["warnings"]
    assert hydro("held")["effective"] == "very_complex"


def test_an_item_counts_from_five_years_before_its_start():
    later = item(0, 0.3, date(2031, 7, 1), date(2035, 1, 1))
    now = item(0, 0.7, date(2024, 1, 1), date(2035, 1, 1))
    burst = factor(0, 0.35, "rock_burst_area", attrs={"index_w": 0.8, "seam": "3"}, size=0.02)
    w = world([mine(0)], [now, later], [burst])
    assert effective(w, date(2026, 6, 30))[("M0", "rock_burst")] is None
    assert effective(w, date(2026, 7, 1))[("M0", "rock_burst")] == "strong"


def test_an_ending_takes_a_factor_out_and_the_grade_with_it():
    attrs = {"water": "present", "water_extent_known": False, "water_volume_m3": UNKNOWN}
    wet = factor(0, 0.35, attrs=attrs)
    ended = [
        {"target_kind": "factor", "target_key": wet["key"], "kind": "treated", "effective_on": ON}
    ]
    before = world([mine(0)], [item(0, 0.3)], [wet])
    after = world([mine(0)], [item(0, 0.3)], [wet], ended=ended)
    assert effective(after)[("M0", "hydro")] == "simple"
    moved = moves(
        lines(derive(before, RULES).claims, before.mines, ON),
        lines(derive(after, RULES).claims, after.mines, ON),
    )
    assert moved[["hazard", "before", "after"]].values.tolist() == [
        ["hydro", "very_complex", "simple"]
    ]


def test_the_paragraph_says_grade_factor_distance_clause_and_certainty():
    attrs = {
        "code": "G7",
        "water": "present",
        "water_extent_known": False,
        "water_volume_m3": UNKNOWN,
    }
    w = world(MINES[:2], [item(0, 0.75)], [factor(1, 0.02, attrs=attrs)])
    claims = derive(w, RULES).claims
    text = "\n".join(paragraph("M0", lines(claims, w.mines, ON), claims, RULES, "zh"))
    for word in ("极复杂", "邻矿", "G7", "米", "表2-1", "未核对", "就高不就低"):
        assert word in text
    assert "very complex" in "\n".join(
        paragraph("M0", lines(claims, w.mines, ON), claims, RULES, "en")
    )


def test_the_paragraph_says_how_much_of_a_factor_lies_in_the_working():
    wet = {
        "code": "G7",
        "water": "present",
        "water_extent_known": False,
        "water_volume_m3": UNKNOWN,
    }
    # Panel from 0.3 to 0.5: a third of the goaf, and half of the fault, which runs through its edge.
    goaf = factor(0, 0.48, attrs=wet, size=0.06)
    edge = shapely.LineString([rect(x, 0.45, 0.001, 0.001).centroid for x in (0.4, 0.6)])
    fault = factor(0, 0, "fault", attrs={"code": "F3", "conductive": "yes"}, geometry=edge)
    w = world([mine(0)], [item(0, 0.3)], [goaf, fault])
    claims = derive(w, RULES).claims
    panel, thing, line = to_metric(
        np.array([w.plan.geometry[0], goaf["geometry"], edge], dtype=object), 4546
    )
    area, length = (
        round(of(panel & one)) for of, one in ((shapely.area, thing), (shapely.length, line))
    )
    assert min(area, length) > 100
    for lang, words in (("zh", ("重叠{}平方米", "{}米在内")), ("en", ("by {} m²", "{} m of it"))):
        told = [
            sentence(claim, RULES, lang) for claim in claims.itertuples() if claim.encounter_key
        ]
        for word, size, name in zip(words, (area, length), ("G7", "F3"), strict=True):
            assert any(name in text and word.format(size) in text for text in told), (word, size)


def test_the_paragraph_names_what_is_missing_what_is_due_and_what_is_overdue():
    wet = [factor(0, x, attrs={"code": f"G{x}", "water": "present"}, verification="unclear") for x in (0.35, 0.42)]  # fmt: skip
    lapsed = {
        "key": "a", "mine_code": "M0", "hazard": "hydro", "grade": "simple", "source": "appraisal",
        "seam": None, "document": "1号", "valid_from": date(2020, 1, 1), "valid_to": date(2023, 1, 1),
    }  # fmt: skip
    w = world([mine(0)], [item(0, 0.3)], wet, said=[lapsed])
    claims = in_force(derive(w, RULES).claims, ON)
    told = {
        lang: next(t for t in paragraph("M0", lines(claims, w.mines, ON), claims, RULES, lang) if word in t)
        for lang, word in (("zh", "水文地质类型"), ("en", "ydrogeology type"))
    }  # fmt: skip
    for lang, words in {
        "zh": ("积水范围是否清楚", "不低于", "2023-01-01到期", "应办事项", "须立即查明", "立即（该文未规定天数）",
               "防范措施", "探水线", "另有1处"),
        "en": ("Extent of water known", "not below", "ran out on 2023-01-01", "Duties", "at once",
               "Precautions", "search line", "1 more"),
    }.items():  # fmt: skip
        for word in words:
            assert word in told[lang], (word, told[lang])
    # Each rule once, however many places it speaks of.
    assert told["zh"].count("探水线，须先探放水") == 1


def test_claims_hold_all_a_sentence_needs():
    w = world([mine(0)], [item(0, 0.3)], [factor(0, 0.35)])
    found = derive(w, RULES)
    again = claims_of(w, found.encounters, RULES)
    assert again["key"].tolist() == found.claims["key"].tolist()


def test_a_paragraph_has_no_figure_without_a_unit_and_no_gap_where_nothing_is_known():
    burst = factor(0, 0.4, "rock_burst_area", attrs={"index_w": 0.8, "seam": "3"}, error_m=5.0)
    w = world([mine(0)], [item(0, 0.3)], [burst])
    found = derive(w, RULES)
    of_mine = lines(found.claims, w.mines, ON)
    for lang, unit, starts, nothing in (
        ("zh", "10 m³/min", "2024-01-01起采", "未定不等于低"),
        ("en", "10 m³/min", "starts 2024-01-01", "undetermined is not low"),
    ):
        text = "\n".join(paragraph("M0", of_mine, found.claims, RULES, lang))
        assert unit in text
        assert starts in text
        # A hazard of which nothing is known says so, and is not listed as four unknowns.
        assert text.count(nothing) == sum(
            row.determined is None and row.proposed is None and row.decided is None
            for row in of_mine.itertuples()
        )
        # What lies within is not so many metres away; a floor at the lowest class is no floor.
        assert "0.0米" not in text
        assert "0.0 m" not in text
        assert "不低于“低瓦斯”" not in text
        assert "at least “low gas”" not in text
        assert "—" not in text
