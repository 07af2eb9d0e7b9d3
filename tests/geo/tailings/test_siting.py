"""Every rule of siting says yes, no or undetermined, just below, at and above its figure."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import shapely

from geo.tailings.capture import captures
from geo.tailings.dem import prepare
from geo.tailings.siting import (
    Proposal,
    ask,
    bank_strip,
    nearest_admissible,
    siting_rules,
)
from geo.tailings.zone import no_build
from tests.geo.tailings.test_zone import houses, toe_across, valley

DEM = valley()
TOE = toe_across(DEM, 10)
PLAN = Proposal("new", TOE, height_m=40.0, volume_m3=2e6, one_step=True, replaces=("A",))
PONDS = pd.DataFrame(
    {
        "code": ["A", "B", "C"],
        "struck_off": [True, False, True],
        "used_for": [None, None, "X"],
    }
)


def said(plan: Proposal = PLAN, **layers: object) -> dict[str, tuple[str, str]]:
    answers = ask(plan, DEM, **layers)  # type: ignore[arg-type]
    for one in answers:
        assert "{" not in one.say("zh") + one.say("en")
    assert [one.rule for one in answers] == list(siting_rules())
    return {one.rule: (one.answer, one.basis) for one in answers}


def bank(metres: float, river_class: str) -> pd.DataFrame:
    """Return a bank line so far west of the toe."""
    (toe,) = DEM.local([TOE])
    west, south, _, north = toe.bounds
    x = west - metres
    line = shapely.LineString([(x, south - 50), (x, north + 50)])
    return pd.DataFrame(
        {"name": ["滹沱河"], "geometry": DEM.abroad([line]), "river_class": [river_class]}
    )


def looked_for(*kinds: str, ground: object = None) -> pd.DataFrame:
    """Return an extent around the toe in which somebody looked for some layers."""
    ground = ground or shapely.buffer(shapely.centroid(TOE), 0.1)
    return pd.DataFrame({"geometry": [ground], "kinds": [list(kinds)]})


UNDER = ("goaf", "ground_subsidence", "rock_movement")
BODY = shapely.buffer(shapely.centroid(TOE), 1e-3)
WHOLE = replace(PLAN, body=BODY)
NOTHING = pd.DataFrame({"name": [], "geometry": [], "kind": []})


def test_what_is_missing_leaves_a_rule_undetermined_never_allowed() -> None:
    answers = said(Proposal("new", TOE))
    assert {answer for answer, _ in answers.values()} == {"undetermined", "no"}
    assert answers["replacement"] == ("no", "none")


@pytest.mark.parametrize(
    ("metres", "river_class", "answer"),
    [
        (2999.9, "main_stem", "no"),
        (3000.0, "main_stem", "no"),
        (3000.1, "main_stem", "yes"),
        (999.9, "tributary", "no"),
        (1000.1, "tributary", "yes"),
        (10.0, "other", "yes"),
    ],
)
def test_the_bank_line_keeps_its_distance(metres: float, river_class: str, answer: str) -> None:
    banks = bank(metres, river_class)
    body = shapely.buffer(TOE, 1e-9)
    found = said(replace(PLAN, body=body), banks=banks)["bank"][0]
    assert found == answer
    # The toe alone says no as well as the pond does, and never says yes.
    alone = said(banks=banks)["bank"]
    assert alone == (("no", "near") if answer == "no" else ("undetermined", "no_body"))


def test_a_river_nobody_surveyed_is_never_far() -> None:
    away, near = bank(5000, "main_stem"), bank(500, "main_stem")
    assert said(WHOLE, banks=away)["bank"] == ("yes", "far")
    assert said(WHOLE, banks=away, bankless=("140922",))["bank"] == ("undetermined", "unsurveyed")
    assert said(WHOLE, banks=away, bankless=None)["bank"] == ("undetermined", "nowhere")
    # What is known to be near forbids, whoever surveyed no other river.
    assert said(WHOLE, banks=near, bankless=("140922",))["bank"] == ("no", "near")
    told = next(a for a in ask(WHOLE, DEM, banks=away, bankless=("140981",)) if a.rule == "bank")
    assert "原平市" in told.say("zh")
    assert "Yuanping" in told.say("en")


def test_a_rebuilding_that_raises_safety_is_excepted_from_the_bank() -> None:
    near = bank(500, "main_stem")
    rebuild = replace(PLAN, action="rebuild")
    assert said(rebuild, banks=near)["bank"] == ("undetermined", "purpose")
    assert said(replace(rebuild, raises_safety=True), banks=near)["bank"] == ("yes", "excepted")
    assert said(replace(rebuild, raises_safety=False), banks=near)["bank"] == ("no", "near")
    # The exception is for rebuilding alone.
    expand = replace(PLAN, action="expand", raises_safety=True)
    assert said(expand, banks=near)["bank"] == ("no", "near")


@pytest.mark.parametrize(("metres", "answer"), [(199.9, "yes"), (200.0, "yes"), (200.1, "no")])
def test_a_new_dam_is_at_most_200_m_high(metres: float, answer: str) -> None:
    assert said(replace(PLAN, height_m=metres))["height"][0] == answer


def test_a_rule_for_new_ponds_makes_a_question_of_an_expansion() -> None:
    assert said(replace(PLAN, action="expand", height_m=210.0))["height"] == (
        "undetermined",
        "over",
    )


@pytest.mark.parametrize(
    ("volume", "height", "one_step", "answer"),
    [
        (9.9e5, 29.0, False, "no"),  # grade 5
        (5e6, 45.0, False, "no"),  # grade 4
        (5e6, 45.0, True, "yes"),
        (5e6, 45.0, None, "undetermined"),
        (5e7, 80.0, False, "yes"),  # grade 3
        (None, 45.0, False, "undetermined"),
        (None, None, True, "yes"),
    ],
)
def test_small_ponds_are_dammed_in_one_step(
    volume: float | None, height: float | None, one_step: bool | None, answer: str
) -> None:
    plan = replace(PLAN, volume_m3=volume, height_m=height, one_step=one_step)
    assert said(plan)["one_step"][0] == answer


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("A",), ("yes", "good")),
        (("B",), ("no", "standing")),
        (("C",), ("no", "used")),
        (("A", "B"), ("no", "standing")),
        (("Z",), ("undetermined", "unknown")),
        (("Z", "C"), ("no", "used")),
        ((), ("no", "none")),
    ],
)
def test_a_pond_replaces_one_struck_off_and_each_counts_once(
    codes: tuple[str, ...], expected: tuple[str, str]
) -> None:
    assert said(replace(PLAN, replaces=codes), ponds=PONDS)["replacement"] == expected


@pytest.mark.parametrize(
    ("kind", "answer"),
    [("goaf", "no"), ("rock_movement", "no"), ("footprint", "undetermined"), ("other", "yes")],
)
def test_ground_over_workings_is_refused_or_asked(kind: str, answer: str) -> None:
    looked = looked_for(*UNDER)
    under = shapely.buffer(shapely.centroid(TOE), 1e-4)
    workings = pd.DataFrame({"name": ["3号采空区"], "geometry": [under], "kind": [kind]})
    assert said(WHOLE, workings=workings, extents=looked)["workings"][0] == answer
    far = shapely.affinity.translate(BODY, 0.05, 0)
    beside = workings.assign(geometry=[far])
    assert said(WHOLE, workings=beside, extents=looked)["workings"] == ("yes", "clear")
    moved = replace(PLAN, body=far)
    assert said(moved, workings=beside, extents=looked)["workings"][0] == answer


def test_workings_nobody_looked_for_are_not_clear() -> None:
    def asked(plan: Proposal, extents: pd.DataFrame | None) -> tuple[str, str]:
        return said(plan, workings=NOTHING, extents=extents)["workings"]

    assert asked(WHOLE, None) == ("undetermined", "unsurveyed")
    assert asked(WHOLE, looked_for("goaf", "ground_subsidence")) == ("undetermined", "unsurveyed")
    half = shapely.box(0, 0, shapely.centroid(TOE).x, 90)
    assert asked(WHOLE, looked_for(*UNDER, ground=half)) == ("undetermined", "unsurveyed")
    assert asked(WHOLE, looked_for(*UNDER)) == ("yes", "clear")
    # The pond's ground was not tested where nobody gave it, however well it is surveyed.
    assert asked(PLAN, looked_for(*UNDER)) == ("undetermined", "no_body")
    # Two surveys side by side cover what lies over both.
    both = pd.concat([looked_for(*UNDER, ground=half), looked_for(*UNDER, ground=shapely.box(shapely.centroid(TOE).x, 0, 180, 90))])  # fmt: skip
    assert asked(WHOLE, both.reset_index(drop=True)) == ("yes", "clear")


def test_no_pond_where_the_law_forbids_building() -> None:
    area = pd.DataFrame({"name": ["某自然保护区"], "geometry": [shapely.buffer(BODY, 1e-3)]})
    looked = looked_for("prohibited_area")
    assert said(PLAN, prohibited=area)["prohibited"] == ("no", "in")
    assert said(replace(PLAN, action="expand"), prohibited=area)["prohibited"][0] == "undetermined"
    far = area.assign(geometry=shapely.affinity.translate(area["geometry"].iloc[0], 0.05, 0))
    assert said(WHOLE, prohibited=far, extents=looked)["prohibited"] == ("yes", "clear")
    assert said(PLAN, prohibited=far, extents=looked)["prohibited"] == ("undetermined", "no_body")
    assert said(WHOLE, prohibited=far)["prohibited"] == ("undetermined", "unsurveyed")
    assert said(WHOLE)["prohibited"] == ("undetermined", "unsurveyed")
    # A pond may not stand on it with its ground alone, either.
    assert (
        said(replace(PLAN, body=far["geometry"].iloc[0]), prohibited=far)["prohibited"][0] == "no"
    )


def test_the_zone_forbids_and_the_nearest_ground_outside_is_named() -> None:
    terrain = prepare(DEM)
    found = captures(DEM, houses(DEM, (60, 30)))
    zone = no_build(terrain, found)
    both = {"terrain": terrain, "zone": zone}
    assert said(**both)["zone"] == ("no", "in")
    assert said(replace(PLAN, toe=toe_across(DEM, 95)), **both)["zone"] == (
        "undetermined",
        "undecided",
    )
    empty = no_build(terrain, captures(DEM, houses(DEM, (60, 30)).iloc[:0]))
    assert said(terrain=terrain, zone=empty)["zone"] == ("yes", "out")
    assert said(replace(PLAN, toe=shapely.Point(100, 30)), **both)["zone"] == (
        "undetermined",
        "no_terrain",
    )

    place = nearest_admissible(PLAN, terrain, empty)
    assert place is not None
    assert place[1] == 0
    walled = prepare(valley(width=161, wall=0.3))
    objects = houses(walled.dem, (60, 80))
    closed = no_build(walled, captures(walled.dem, objects))
    plan = replace(PLAN, toe=toe_across(walled.dem, 12))
    best = nearest_admissible(plan, walled, closed)
    assert best is not None
    (at,) = walled.dem.local([best[0]])
    col, row = ~walled.dem.transform @ (at.x, at.y)
    assert not closed.mask[int(row), int(col)]
    assert not closed.undecided[int(row), int(col)]
    free = np.flatnonzero(~(closed.mask | closed.undecided).ravel())
    (toe,) = walled.dem.local([plan.toe])
    away = shapely.distance(shapely.points(walled.dem.centres(free)), toe)
    assert best[1] == pytest.approx(away.min(), abs=25)  # from the toe's middle, which is nearly it
    everything = pd.DataFrame(
        {"name": ["岩移"], "geometry": [shapely.box(112, 38, 115, 40)], "kind": ["rock_movement"]}
    )
    assert nearest_admissible(plan, walled, closed, workings=everything) is None
    assert nearest_admissible(plan, walled, closed, prohibited=everything) is None


def test_ground_below_that_nobody_searched_for_people_is_not_free() -> None:
    terrain = prepare(DEM)
    nobody = captures(DEM, houses(DEM, (60, 30)).iloc[:0])
    looked = np.ones(DEM.shape, dtype=bool)
    clear = no_build(terrain, nobody, surveyed=looked)
    assert said(terrain=terrain, zone=clear)["zone"] == ("yes", "out")
    looked[25, 30] = False  # one cell, 450 m down the valley
    blind = no_build(terrain, nobody, surveyed=looked)
    assert said(terrain=terrain, zone=blind)["zone"] == ("undetermined", "unsurveyed")
    # Exactly the toes whose path would capture a house there, and no permission for them.
    house = no_build(terrain, captures(DEM, houses(DEM, (25, 30))))
    assert np.array_equal(blind.unsurveyed, house.mask)
    assert (blind.undecided >= blind.unsurveyed).all()


def test_no_clause_is_claimed_that_was_not_read() -> None:
    for rule in siting_rules().values():
        assert {"label", "standard", "clause", "in_force_from", "verified", "forbids"} <= set(rule)
        assert isinstance(rule["verified"], bool)


@pytest.mark.parametrize(("river_class", "metres"), [("main_stem", 3000.0), ("tributary", 1000.0)])
def test_the_drawn_strip_ends_where_the_rule_does(river_class: str, metres: float) -> None:
    line = shapely.LineString([(0, 0), (10_000, 0)])
    strip = bank_strip([line], [river_class])
    # What is drawn must say of a place what the rule says of it: inside up to the limit.
    for away, inside in ((metres - 1, True), (metres + 1, False)):
        assert strip.covers(shapely.Point(5_000, away)) is inside
        assert strip.covers(shapely.Point(5_000, -away)) is inside


def test_a_river_of_no_class_has_no_strip_and_strips_lie_over_each_other_once() -> None:
    line = shapely.LineString([(0, 0), (10_000, 0)])
    assert bank_strip([line], ["other"]).is_empty
    assert bank_strip([line], [None]).is_empty
    assert bank_strip([], []).is_empty
    both = bank_strip([line, line], ["tributary", "main_stem"])
    assert both.equals(bank_strip([line], ["main_stem"]))
