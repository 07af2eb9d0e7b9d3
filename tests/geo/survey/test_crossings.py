"""Crossings: asked in plan, elevation and seam, of the licence in force when it was worked."""

import random
from datetime import date

import pytest

from geo.rules import national_rules
from geo.survey.crossings import LICENCES, counted, crossings
from geo.survey.world import spatial
from tests.geo.survey.worlds import factor, item, mine, rect, world

RULES = national_rules()
LICENCE = {
    "licence_from": "2015-01-01", "licence_until": "2030-12-31", "seams": ["3"],
    "elevation_min_m": 700.0, "elevation_max_m": 900.0,
}  # fmt: skip
IN = {"floor_m": 800.0, "height_m": 3.0}


def found(*, items=(), factors=(), mines=None, earlier=(), **attrs):
    w = world(mines or [mine(0, attrs=LICENCE | attrs)], items, factors)
    return crossings(w, RULES, earlier=spatial(LICENCES, earlier)).to_dict("records")


def test_a_working_inside_its_licence_is_no_finding():
    assert found(items=[item(0, 0.3, **IN)]) == []


def test_a_panel_over_the_line_is_asked_about_with_area_and_distance():
    (row,) = found(items=[item(0, 0.9, **IN)])
    # 0.10 of a licence 0.03° wide lies outside, 0.3 of 0.02° high: some 260 m × 666 m.
    assert (row["what"], row["standing"], row["sensitive"]) == ("plan", "in_force", False)
    assert row["outside_m2"] == pytest.approx(260.5 * 666, rel=0.01)
    assert row["beyond_m"] == pytest.approx(260.5, rel=0.01)


def test_within_the_error_it_is_sensitive():
    (row,) = found(items=[item(0, 0.9, **IN, error_m=300.0)])
    assert row["sensitive"]


@pytest.mark.parametrize(
    ("formed", "standing"),
    [
        ("2020-01-01", "in_force"),
        ("2014-12-31", "older_than_licence"),
        ("2015-01-01", "in_force"),
        ("2031-01-01", "after_licence"),
        (None, "clue"),
    ],
)
def test_an_outside_goaf_is_judged_by_the_licence_of_its_day(formed, standing):
    goaf = factor(0, 0.98, attrs={"seam": "3", "formed_on": formed, "code": "G1"})
    (row,) = found(factors=[goaf])
    assert (row["what"], row["standing"], row["name"]) == ("plan", standing, "G1")


def version(geometry, **attrs):
    return {"mine_code": "M0", "attrs": LICENCE | attrs, "geometry": geometry}


@pytest.mark.parametrize(
    ("formed", "standing"),
    [
        # The first licence, 2005 to 2014, had all of it; the second, from 2015, gave a part back.
        ("2004-12-31", None),
        ("2010-01-01", None),
        ("2014-12-31", None),
        ("2015-01-01", "in_force"),
    ],
)
def test_a_working_is_compared_with_the_polygon_of_its_day(formed, standing):
    first = version(rect(0, 0, 1.1, 1), licence_from="2005-01-01", licence_until=None)
    goaf = factor(0, 0.98, attrs={"seam": "3", "formed_on": formed, "code": "G1"})
    rows = found(factors=[goaf], earlier=[first])
    assert [row["standing"] for row in rows] == ([] if standing is None else [standing])


def test_what_the_first_licence_left_out_was_crossed_before_the_second_took_it_in():
    first = version(rect(0, 0, 0.5, 1), licence_from="2005-01-01", licence_until="2013-12-31",
                    licence_no="C1", seams=["4"], elevation_max_m=801.0)  # fmt: skip

    def what(formed):
        goaf = factor(0, 0.7, attrs={"seam": "3", "formed_on": formed, "floor_m": 800.0, "mining_height_m": 3.0})  # fmt: skip
        return [(r["what"], r["standing"], r["evidence"].get("licence_no")) for r in found(factors=[goaf], earlier=[first])]  # fmt: skip

    kinds = ("elevation", "plan", "seam")
    assert sorted(what("2010-01-01")) == [(kind, "in_force", "C1") for kind in kinds]
    assert sorted(what("2014-06-01")) == [(kind, "after_licence", "C1") for kind in kinds]
    assert sorted(what("2004-06-01")) == [(kind, "older_than_licence", "C1") for kind in kinds]
    assert what("2016-01-01") == []
    # Two versions of one licence: the one received later counts, here the one that stands.
    same = first | {"attrs": first["attrs"] | {"licence_from": LICENCE["licence_from"]}}
    goaf = factor(0, 0.7, attrs={"formed_on": "2016-01-01"})
    assert found(factors=[goaf], earlier=[same]) == []


def test_a_panel_in_a_neighbours_licence_names_the_neighbour():
    mines = [mine(i, attrs=LICENCE) for i in range(2)]
    (row,) = found(items=[item(0, 0.9, **IN)], mines=mines)
    assert (row["what"], row["mine_code"], row["other_mine"]) == ("plan", "M0", "M1")
    # Worked before the neighbour had that ground.
    before = version(rect(1.5, 0, 0.5, 1), licence_from="2005-01-01", licence_until="2014-12-31")
    goaf = factor(0, 1.1, attrs={"formed_on": "2010-01-01"})
    rows = found(factors=[goaf], mines=mines, earlier=[before | {"mine_code": "M1"}])
    assert [(r["what"], r["other_mine"]) for r in rows] == [("plan", None)]


@pytest.mark.parametrize(
    ("low", "sensitive"), [(1.0, True), (4.0, True), (4.1, False)]
)  # fmt: skip
def test_an_elevation_stated_as_a_range_may_leave_it_open(low, sensitive):
    height = {"low": low, "high": 6.0, "raw": f"{low}-6"}
    goaf = factor(0, 0.3, attrs={"floor_m": 896.0, "mining_height_m": height}, error_m=100.0)
    (row,) = found(factors=[goaf])
    assert (row["what"], row["beyond_m"], row["sensitive"]) == ("elevation", 2.0, sensitive)
    assert row["error_m"] == round(6.0 - low, 3)


def test_a_licence_without_a_date_gives_a_clue_only():
    goaf = factor(0, 0.98, attrs={"formed_on": "2020-01-01"})
    (row,) = found(factors=[goaf], licence_from=None)
    assert row["standing"] == "clue"


@pytest.mark.parametrize(
    ("floor", "height", "beyond"),
    [(897.0, 3.0, None), (897.1, 3.0, 0.1), (700.0, 3.0, None), (699.9, 3.0, 0.1), (None, 3.0, None), (900.5, None, 0.5)],
)  # fmt: skip
def test_elevation_above_and_below_to_the_decimetre(floor, height, beyond):
    rows = found(items=[item(0, 0.3, floor_m=floor, height_m=height)])
    assert [r["beyond_m"] for r in rows] == ([] if beyond is None else [beyond])
    assert all(r["what"] == "elevation" for r in rows)


def test_a_seam_that_was_not_approved():
    (row,) = found(items=[item(0, 0.3, **IN, seam="5")])
    assert (row["what"], row["evidence"]) == ("seam", {"seam": "5", "approved": ["3"]})
    assert found(items=[item(0, 0.3, **IN, seam=None)]) == []


def test_licences_over_each_other_are_told_to_both_once():
    wide = rect(0.9, 0, 1.1, 1)
    mines = [mine(0, attrs=LICENCE), mine(1, attrs=LICENCE, geometry=wide)]
    rows = found(mines=mines)
    assert [(r["mine_code"], r["other_mine"], r["what"]) for r in rows] == [
        ("M0", "M1", "licences"),
        ("M1", "M0", "licences"),
    ]
    assert rows[0]["outside_m2"] == rows[1]["outside_m2"]
    apart = [mines[0], mine(1, attrs=LICENCE | {"elevation_min_m": 900.0, "elevation_max_m": 1000.0}, geometry=wide)]  # fmt: skip
    assert found(mines=apart) == []


def test_neighbours_that_touch_do_not_overlap():
    assert found(mines=[mine(0), mine(1), mine(2)]) == []


def test_provisional_surveys_accuse_nobody_and_order_never_matters():
    goafs = [factor(0, x, attrs={"formed_on": "2020-01-01"}) for x in (0.96, 0.97, 0.98, 0.2)]
    w = world([mine(0, attrs=LICENCE)], [item(0, 0.9, **IN)], goafs)
    random.Random(7).shuffle(goafs)
    again = crossings(world([mine(0, attrs=LICENCE)], [item(0, 0.9, **IN)], goafs), RULES)
    assert crossings(w, RULES)["key"].tolist() == again["key"].tolist()
    assert counted(again) == {"plan": 4, "elevation": 0, "seam": 0, "licences": 0}
    quiet = [g | {"status": "provisional"} for g in goafs]
    assert len(crossings(world([mine(0, attrs=LICENCE)], [], quiet), RULES)) == 0


def test_days_are_days():
    assert isinstance(found(items=[item(0, 0.9, **IN)])[0]["worked_on"], date)
