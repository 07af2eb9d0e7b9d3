"""Coverage and footprint: where nobody looked, and who drives into it (L8-L13)."""

import random
from dataclasses import replace
from datetime import date

import pytest
import shapely

from geo.rules import national_rules
from geo.survey.advance import advance, due
from geo.survey.advance import reached as words
from geo.survey.assess import assess
from geo.survey.coverage import coverage, unclear_mines
from geo.survey.coverage import states as coverage_states
from geo.survey.derive import derive
from geo.survey.footprint import enters_on, footprint, workings
from geo.survey.layers import sought
from geo.survey.world import ENDINGS, EXTENTS, plain, spatial
from tests.geo.survey.worlds import factor, item, mine, rect, world

RULES = national_rules()
ON = date(2024, 9, 1)
KINDS = sought("coal")


def extent(geometry, kinds=KINDS, **more):
    return {
        "key": "e", "mine_code": "M0", "kinds": kinds, "seams": (), "methods": ("geophysics",),
        "fieldwork_start": date(2024, 3, 1), "valid_until": date(2030, 1, 1), "status": "in_force",
        "survey_key": "s", "geometry": geometry,
    } | more  # fmt: skip


WIDE = rect(-0.5, -0.6, 2, 2.2)


def states(w, on=ON, extent_kind="footprint", horizon=5):
    found = coverage(w, RULES, on)
    found = found[(found["extent"] == extent_kind) & (found["horizon"] == horizon)]
    return dict(zip(found["kind"], found["state"], strict=True))


def test_without_an_extent_nothing_is_covered_whatever_was_found():
    w = world([mine(0)], [item(0, 0.3)], [factor(0, 0.1)])
    assert set(states(w).values()) == {"unsurveyed"}


def test_an_extent_covers_the_kinds_it_names():
    found = states(world([mine(0)], [item(0, 0.3)], extents=[extent(WIDE, ("goaf",))]))
    assert found["goaf"] == "clear"
    assert found["fault"] == "unsurveyed"


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"status": "held"}, "unsurveyed"),
        ({"status": "provisional"}, "unsurveyed"),
        ({"valid_until": date(2024, 8, 31)}, "unsurveyed"),
        ({"valid_until": ON}, "clear"),
        ({"seams": ("9",)}, "unsurveyed"),
        ({"seams": ("3",)}, "clear"),
    ],
)
def test_what_gives_no_coverage(change, state):
    w = world([mine(0)], [item(0, 0.3)], extents=[extent(WIDE, **change)])
    assert states(w)["goaf"] == state


def test_half_covered_is_incomplete_and_the_share_is_right():
    w = world([mine(0)], [item(0, 0.3)], extents=[extent(rect(-0.5, -0.6, 0.9, 2.2))])
    found = coverage(w, RULES, ON, (5,))
    row = found[(found["extent"] == "footprint") & (found["kind"] == "goaf")].iloc[0]
    assert row["state"] == "incomplete"
    assert row["share"] == pytest.approx(row["covered_m2"] / row["area_m2"], abs=1e-6)
    assert 0.4 < row["share"] < 0.6


@pytest.mark.parametrize("seen", ["inferred", "unclear"])
def test_what_is_not_verified_keeps_the_ground_open(seen):
    w = world([mine(0)], [item(0, 0.3)], [factor(0, 0.35, verification=seen)], [extent(WIDE)])
    assert states(w)["goaf"] == seen
    assert unclear_mines(coverage(w, RULES, ON)) == ["M0"]


@pytest.mark.parametrize("seed", range(8))
def test_open_ground_is_valid_in_degrees_too_and_can_be_united(seed):
    # Many panels nearly on each other leave slivers; moved to degrees, their sides may cross.
    rng = random.Random(seed)
    plan = [item(0, 0.6 + rng.uniform(0, 0.05)) for _ in range(25)]
    half = [
        extent(rect(-0.4, -0.5, rng.uniform(0.9, 1.8), 2.0), ("goaf",), key=str(i))
        for i in range(2)
    ]
    found = coverage(world([mine(0)], plan, extents=half), RULES, ON)
    assert found.geometry.is_valid.all()
    assert shapely.union_all(found.geometry.to_numpy()).is_valid


@pytest.mark.parametrize(
    ("error", "state"),
    [({}, "clear"), ({"accuracy_m": 5.0}, "clear"), ({"error_m": 100.0}, "incomplete"),
     ({"accuracy_m": 100.0, "error_m": 5.0}, "incomplete")],
)  # fmt: skip
def test_an_extent_covers_less_by_its_own_error_and_not_between_its_sheets(error, state):
    # The panel's surroundings end some 50 m inside two sheets of one survey that share a side.
    sheets = [
        extent(rect(0.09, -0.2, 0.31, 1.4), key="e1", **error),
        extent(rect(0.40, -0.2, 0.31, 1.4), key="e2", **error),
    ]
    w = world([mine(0)], [item(0, 0.3)], extents=sheets)
    assert states(w)["goaf"] == state


def test_horizons_grow_with_the_years():
    plan = [
        item(0, 0.0, date(2024, 1, 1), date(2031, 1, 1)),
        item(0, 0.7, date(2027, 1, 1), date(2031, 1, 1)),
    ]
    w = world([mine(0)], plan)
    areas = [footprint(workings(w, "M0"), ON, years)[0].area for years in range(1, 6)]
    assert areas == sorted(areas)
    assert areas[1] < areas[2]  # 2027-01-01 lies within three years of 2024-09-01, not within two


@pytest.mark.parametrize(
    ("plan", "status"),
    [
        ([], "plan_missing"),
        ([item(0, 0.3, end=date(2029, 8, 31))], "plan_short"),
        ([item(0, 0.3, end=date(2029, 9, 1))], "ok"),
        ([item(0, 0.3, finished=True)], "plan_missing"),
        ([item(0, 0.3, status="provisional")], "plan_missing"),
    ],
)
def test_without_a_plan_that_reaches_the_footprint_is_the_whole_field(plan, status):
    w = world([mine(0)], plan)
    shape, found, _ = footprint(workings(w, "M0"), ON, 5)
    assert found == status
    assert (shape.area > 5e6) is (status != "ok")


def test_planned_and_unfinished_still_counts_long_after():
    old = item(0, 0.0, date(2015, 1, 1), date(2016, 1, 1))
    w = world([mine(0)], [old | {"seam": "9"}, item(0, 0.7)])
    assert footprint(workings(w, "M0"), ON, 1)[2] == ["3", "9"]


def test_a_leap_day_has_a_day_five_years_before():
    assert enters_on(date(2028, 2, 29), 5) == date(2023, 3, 1)
    assert enters_on(None, 5) is None


def test_advance_names_the_face_the_day_and_the_ground():
    soon = item(0, 0.3, date(2024, 11, 1), date(2031, 1, 1))
    later = item(0, 0.7, date(2025, 3, 1), date(2031, 1, 1))
    beyond = item(0, 0.0, date(2026, 1, 1), date(2031, 1, 1))
    w = world([mine(0)], [soon, later, beyond], extents=[extent(WIDE, ("goaf",))])
    rows = advance(w, derive(w, RULES), coverage(w, RULES, ON), RULES, ["M0"])
    listed = due(rows, ON)
    assert [(r["name"], r["bucket"], r["days"]) for r in listed if r["reason"] == "unsurveyed"] == [
        ("P0-0.3", 90, 61),
        ("P0-0.7", 365, 181),
    ]
    assert "fault" in listed[0]["kinds"]
    assert "goaf" not in listed[0]["kinds"]


def reached(w, reasons):
    rows = due(advance(w, derive(w, RULES), coverage(w, RULES, ON), RULES, ["M0"]), ON)
    return [row for row in rows if row["reason"] in reasons]


WET = {"water": "present", "drained": False, "code": "G1"}


def test_every_working_that_reaches_a_line_is_told_whatever_it_is_called():
    soon = item(0, 0.3, date(2024, 10, 1), name=None)
    nearer = item(0, 0.32, date(2025, 5, 1), name=None, geometry=rect(0.32, 0.3, 0.2, 0.3))
    far = item(0, 0.0, date(2024, 10, 1), name=None, geometry=rect(0, 0, 0.01, 0.01))
    goaf = factor(0, 0.51, attrs=WET)
    w = world([mine(0, attrs={"enterprise": "某公司"})], [soon, nearer, far], [goaf])
    rows = reached(w, ("search_line",))
    assert [(r["item_key"], r["days"]) for r in rows] == [(soon["key"], 30), (nearer["key"], 242)]
    assert rows[0]["distance_m"] > rows[1]["distance_m"]
    assert {(r["object"], r["owner"]) for r in rows} == {("G1", "某公司")}
    (only,) = rows[0]["factors"]
    assert (only["kind"], only["object"], only["own"]) == ("goaf", "G1", True)
    assert words(rows[0], "zh") == "采空区 G1（本矿）"


def test_what_is_unclear_ahead_is_named_and_a_neighbours_is_told_by_the_mines_own_evidence():
    own = factor(0, 0.52, attrs={"code": "G1"}, verification="unclear")
    other = factor(1, -0.48, attrs={"code": "G7"}, verification="unclear")
    w = world([mine(0), mine(1)], [item(0, 0.3)], [own, other], [extent(WIDE)])
    (row,) = reached(w, ("unclear",))
    found = [(f["object"], f["own"]) for f in row["factors"]]
    assert sorted(found) == [("G1", True), ("G7", False)]
    assert row["distance_m"] == row["factors"][0]["distance_m"] <= row["factors"][1]["distance_m"]
    assert row["object"] == row["factors"][0]["object"]
    assert "邻矿或矿外" in words(row, "zh")
    assert words(row, "en", 1).endswith("and 1 more")
    # Of ground that nobody surveyed there is nothing to name.
    (bare,) = reached(replace(w, extents=spatial(EXTENTS, [])), ("unsurveyed",))
    assert bare["factors"] == []
    assert "采空区" in words(bare, "zh")


def test_a_line_that_a_person_ended_is_reached_no_more():
    w = world([mine(0)], [item(0, 0.3)], [factor(0, 0.51, attrs=WET)])
    found = derive(w, RULES).claims
    found = found[found["rule_id"] == "hydro.search_line"]
    ended = [{"target_kind": "claim", "target_key": key, "kind": "treated"} for key in found["key"]]
    assert reached(w, ("search_line",))
    assert not reached(replace(w, endings=plain(ENDINGS, ended)), ("search_line",))


@pytest.mark.parametrize("drained", [False, True])
def test_an_undrained_goaf_in_the_way_is_told(drained):
    attrs = WET | {"drained": drained}
    metal = world(
        [mine(0, kind="metal_underground")], [item(0, 0.3)], [factor(0, 0.35, attrs=attrs)]
    )
    above = attrs | {"floor_m": 820.0, "mining_height_m": 3.0, "seam": "2"}
    coal = world(
        [mine(0, attrs={"roof_rock_class": "medium"})],
        [item(0, 0.3, floor_m=800.0, height_m=3.0)],
        [factor(0, 0.35, attrs=above)],
    )
    for w in (metal, coal):
        found = reached(w, ("goaf",))
        assert [(r["kinds"], r["distance_m"]) for r in found] == (
            [] if drained else [(["goaf"], 0)]
        )


def test_what_an_ending_took_out_is_ahead_of_nobody():
    w = world([mine(0)], [item(0, 0.3)], [factor(0, 0.35, verification="unclear")], [extent(WIDE)])
    ended = [
        {"target_kind": "factor", "target_key": w.factors.iloc[0]["key"], "kind": "treated"},
    ]
    assert assess(w, RULES, ["M0"], ON).ahead
    done = assess(replace(w, endings=plain(ENDINGS, ended)), RULES, ["M0"], ON)
    assert not done.ahead
    assert set(done.ground["state"]) == {"clear"}


def by_seam(seam, plan_seams=("3", "9")):
    plan = [item(0, 0.3 * i, seam=name) for i, name in enumerate(plan_seams)]
    attrs = {"water": "none", "seam": seam}
    found = coverage(
        world(
            [mine(0)], plan, [factor(0, 0.1, attrs=attrs, verification="unclear")], [extent(WIDE)]
        ),
        RULES,
        ON,
        (5,),
    )
    near = found[(found["extent"] == "footprint") & (found["kind"] == "goaf")]
    return dict(zip(near["seam"], near["state"], strict=True))


def test_what_is_unclear_in_one_seam_marks_that_seam():
    assert by_seam("3") == {"3": "unclear", "9": "clear"}
    # Where it is not known in which, or in none that is worked, each is in doubt.
    assert by_seam(None) == by_seam("5") == {"3": "unclear", "9": "unclear"}


def test_unsurveyed_ground_with_a_known_unclear_factor_has_both_duties():
    w = world([mine(0)], [item(0, 0.3)], [factor(0, 0.35, verification="unclear")])
    found = coverage(w, RULES, ON, (5,))
    row = found[(found["extent"] == "footprint") & (found["kind"] == "goaf")].iloc[0]
    assert row["state"] == "unsurveyed"
    assert coverage_states(row, 1.0) == ["unsurveyed", "unclear"]
    half = extent(rect(-0.5, -0.6, 0.9, 2.2))
    found = coverage(replace(w, extents=spatial(EXTENTS, [half])), RULES, ON, (5,))
    row = found[(found["extent"] == "footprint") & (found["kind"] == "goaf")].iloc[0]
    assert coverage_states(row, 1.0) == ["unclear", "incomplete"]
