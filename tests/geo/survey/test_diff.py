"""What a survey changes against the one it replaces, and where other frames would put it."""

import pytest
import shapely
from shapely.affinity import translate

from geo.crs import GEOGRAPHIC, transformer
from geo.survey.candidates import falls
from geo.survey.diff import differences

BOX = shapely.box(112.5, 38.8, 112.51, 38.81)


def row(key, code, shape=BOX, **attrs):
    return {
        "key": key,
        "layer": "goaf",
        "mine_code": "A",
        "attrs": {"code": code, **attrs},
        "geometry": shape,
    }


def test_added_gone_changed_and_the_same():
    moved = translate(BOX, 0.001)
    found = differences(
        [row("1", "G1"), row("2", "G2"), row("3", "G3", water="none")],
        [row("1", "G1"), row("4", "G3", moved, water="present"), row("5", "G5")],
    )
    assert found["same"] == 1
    told = {(r["name"], r["change"]): r for r in found["rows"]}
    assert set(told) == {("G2", "gone"), ("G3", "changed"), ("G5", "added")}
    changed = told["G3", "changed"]
    assert changed["fields"] == ["water"]
    # 0.001° of longitude at 38.8° N.
    assert changed["moved_m"] == pytest.approx(86.9, abs=0.5)
    assert changed["size_before"] == pytest.approx(changed["size_after"], rel=1e-3)
    assert told["G2", "gone"]["size_after"] is None


def test_two_of_one_name_are_not_matched_by_guess():
    found = differences([row("1", "G1"), row("2", "G1")], [row("3", "G1")])
    assert sorted(r["change"] for r in found["rows"]) == ["added", "gone", "gone"]


def test_the_day_of_fieldwork_alone_is_no_change_of_what_was_found():
    found = differences(
        [row("1", "G1", observed_on="2024-01-01")], [row("2", "G1", observed_on="2025-01-01")]
    )
    assert found["rows"][0]["fields"] == []
    assert found["rows"][0]["moved_m"] == 0


def test_a_candidate_zone_puts_the_same_numbers_a_zone_away():
    found = falls([BOX], 4546, [4547])
    x, y = shapely.get_coordinates(shapely.centroid(found[4547]))[0]
    # The next meridian is three degrees on.
    assert x == pytest.approx(115.505, abs=1e-6)
    assert y == pytest.approx(38.805, abs=1e-6)
    east, north = transformer(GEOGRAPHIC, 4546).transform(112.505, 38.805)
    assert transformer(4547, GEOGRAPHIC).transform(east, north) == pytest.approx((x, y), abs=1e-6)
    assert found[4546].equals(BOX)
