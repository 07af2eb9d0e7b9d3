"""Screening asks where it should, with its measure, and is silent where it must be."""

from datetime import date

import numpy as np
import pytest
import shapely
from shapely import affinity

from geo.crs import from_metric, to_metric
from geo.rules import national_rules
from geo.survey.copies import Filed
from geo.survey.coverage import coverage
from geo.survey.layers import sought
from geo.survey.screening import Contract, Output, screening
from tests.geo.survey.worlds import HIGH, SOUTH, WEST, WIDE, factor, mine, rect, world

RULES = national_rules()
STAR = shapely.Polygon(
    [(WEST + (0.3 + dx) * WIDE, SOUTH + (0.4 + dy) * HIGH)
     for dx, dy in ((0, 0), (0.1, 0.01), (0.12, 0.07), (0.09, 0.12), (0.04, 0.11), (0.01, 0.08), (-0.01, 0.03))]
)  # fmt: skip


def extent(code="M0", survey="s", geometry=None, **more):
    return {
        "key": f"e-{code}-{survey}", "mine_code": code, "kinds": sought("coal"), "seams": (),
        "methods": ("geophysics",), "fieldwork_start": date(2024, 3, 1),
        "fieldwork_end": date(2024, 5, 1), "survey_unit": "某院", "survey_key": survey,
        "status": "in_force", "geometry": geometry or rect(-1, -1, 3, 3),
    } | more  # fmt: skip


def as_filed(w, received=(), **more):
    spans = {}
    for row in w.extents.itertuples():
        span = (row.fieldwork_start, row.fieldwork_end)
        spans[row.survey_key] = spans.get(row.survey_key, frozenset()) | {span}
    return Filed(w.factors, spans, {key: n for n, key in enumerate(received)}, **more)


def checks(w, filed=None, **more):
    found = screening(w, RULES, filed or as_filed(w), **more)
    return [(r.check, r.survey_key, r.mine_code, r.measure) for r in found.itertuples()]


def old(survey, level, seen=None, **more):
    return factor(0, 0.3, attrs={"water": "present", "water_level_m": level}, survey_key=survey, observed_on=seen, **more)  # fmt: skip


@pytest.mark.parametrize(
    ("level", "seen", "asked"),
    [(812.3, None, True), (812.4, None, False), (None, date(2021, 5, 1), True), (None, date(2024, 4, 1), False)],
)  # fmt: skip
def test_the_same_shape_is_asked_about_only_with_the_same_level_or_date(level, seen, asked):
    first, second = old("a", 812.3, date(2021, 5, 1)), old("b", level, seen)
    extents = [
        extent(survey="a", fieldwork_start=date(2021, 3, 1), fieldwork_end=date(2021, 6, 1)),
        extent(survey="b"),
    ]
    found = checks(world([mine(0)], [], [first, second], extents))
    assert found == ([("copied", "b", "M0", 1.0)] if asked else [])


def test_two_files_of_one_fieldwork_are_no_copy():
    rows = [old("a", 812.3), old("b", 812.3)]
    assert checks(world([mine(0)], [], rows, [extent(survey="a"), extent(survey="b")])) == []


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_the_later_by_fieldwork_is_asked_about_whatever_the_surveys_are_called(first, second):
    # The same in every word, as the one that took the other's place repeats it.
    rows = [old(key, 812.3, date(2021, 5, 1), key="k", status=status)
            for key, status in ((first, "superseded"), (second, "in_force"))]  # fmt: skip
    extents = [
        extent(survey=first, fieldwork_start=date(2021, 3, 1), fieldwork_end=date(2021, 6, 1)),
        extent(survey=second),
    ]
    for order in (rows, rows[::-1]):
        assert checks(world([mine(0)], [], order, extents)) == [("copied", second, "M0", 1.0)]


@pytest.mark.parametrize(
    ("seen", "replaces", "asked"),
    [
        # Nobody states fieldwork: another day of observation, or the other's place, claims it.
        (date(2024, 4, 1), {}, True),
        (date(2021, 5, 1), {}, False),
        (date(2021, 5, 1), {"a": "b"}, True),
        (date(2021, 5, 1), {"a": "x", "x": "b"}, True),
    ],
)
def test_without_extents_the_day_or_the_place_taken_tells_new_fieldwork(seen, replaces, asked):
    rows = [old("b", 812.3, date(2021, 5, 1)), old("a", 812.3, seen)]
    w = world([mine(0)], [], rows)
    found = checks(w, as_filed(w, received=("b", "a"), replaces=replaces))
    assert found == ([("copied", "a", "M0", 1.0)] if asked else [])


def test_a_survey_that_was_replaced_itself_is_asked_about_no_more():
    rows = [old("a", 812.3, date(2021, 5, 1)), old("b", 812.3, date(2024, 4, 1), status="superseded")]  # fmt: skip
    assert checks(world([mine(0)], [], rows)) == []


def test_one_shape_in_two_mines_at_two_places():
    (metric,) = to_metric(np.array([STAR]), 4546)
    (moved,) = from_metric(np.array([affinity.translate(metric, 2600, 55)]), 4546)
    rows = [
        factor(0, 0.3, geometry=STAR, survey_key="a"),
        factor(1, 0.3, geometry=moved, survey_key="b"),
    ]
    mines = [mine(0), mine(1)]
    assert checks(world(mines, [], rows)) == [("one_shape", "b", "M1", 7.0)]
    other = affinity.scale(moved, 1.001, 1)
    assert checks(world(mines, [], [rows[0], rows[1] | {"geometry": other}])) == []
    both = [rows[0], rows[0] | {"mine_code": "M1", "key": "k", "survey_key": "b"}]
    assert checks(world(mines, [], both)) == []  # one object that both report


def test_rectangles_are_common():
    rows = [factor(0, 0.3, survey_key="a"), factor(1, 0.3, survey_key="b")]
    assert checks(world([mine(0), mine(1)], [], rows)) == []


def test_too_little_void_for_the_coal_reported():
    attrs = {"formed_on": "2023-06-01", "mining_height_m": 3.0, "recovery": 0.9}
    goaf = factor(0, 0.3, attrs=attrs)
    w = world([mine(0)], [], [goaf])

    def reported(tonnes, year=2023):
        return [Output("M0", date(year, 1, 1), date(year, 12, 31), tonnes)]

    # 0.05 of 0.03° by 0.05 of 0.02°: 130.3 m × 111.0 m × 3 m × 1.35 × 0.9 = 52 700 t.
    assert checks(w, outputs=reported(100_000.0)) == []
    (found,) = checks(w, outputs=reported(110_000.0))
    assert found[:3] == ("too_little_void", "s", "M0")
    assert found[3] == pytest.approx(0.479, abs=0.003)
    (found,) = checks(w, outputs=reported(1.0, 2024))
    assert found[3] == 0.0


def test_a_flooded_goaf_at_the_boundary_that_the_neighbour_knows_not():
    wet = factor(1, 0.01, attrs={"water": "present"}, survey_key="b")
    ground = extent(survey="a", geometry=rect(-1, -1, 3, 3))
    mines = [mine(0), mine(1)]
    (found,) = checks(world(mines, [], [wet], [ground]))
    assert found[:3] == ("contradicted", "a", "M0")
    assert found[3] == pytest.approx(26.0, abs=0.5)  # 0.01 of 0.03°
    # It lies outside where they looked, or their survey has it too: nothing to ask.
    narrow = extent(survey="a", geometry=rect(-1, -1, 2, 3))
    assert "contradicted" not in [c[0] for c in checks(world(mines, [], [wet], [narrow]))]
    too = factor(0, 1.02, attrs={"water": "present"}, survey_key="a")
    assert "contradicted" not in [c[0] for c in checks(world(mines, [], [wet, too], [ground]))]


@pytest.mark.parametrize(
    ("begins", "ends", "days"),
    [(date(2024, 3, 1), date(2024, 5, 1), None), (date(2024, 3, 2), None, 1.0), (None, date(2024, 4, 1), 30.0), (None, None, None)],
)  # fmt: skip
def test_fieldwork_outside_the_contract(begins, ends, days):
    contract = Contract("某院", "M0", begins, ends)
    found = checks(world([mine(0)], [], [], [extent()]), contracts=[contract])
    assert found == ([] if days is None else [("outside_contract", "s", "M0", days)])


def test_an_extent_without_surroundings_is_incomplete():
    w = world([mine(0)], [], [], [extent(geometry=rect(0, 0, 1, 1))])
    (found,) = checks(w)
    assert found == ("without_surroundings", "s", "M0", 1.0)
    assert len(coverage(w, RULES, date(2024, 9, 1)))
    assert checks(world([mine(0)], [], [], [extent()])) == []
