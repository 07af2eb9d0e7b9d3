"""A county may look further below its ponds and count more, never less (L23, L24)."""

from pathlib import Path
from typing import Any

import pytest
import shapely

from geo.rules import load_rules
from geo.rules.catalogue import DATA, CatalogueError
from geo.store.pond_ground import on_ground
from geo.survey import own_classes
from geo.survey.layers import layer
from geo.survey.values import choice
from geo.tailings.county import CountyPonds, county_ponds
from geo.tailings.parameters import terrain_rules
from geo.tailings.protected import counts
from geo.tailings.tiles import prepared
from tests.geo.tailings.test_zone import toe_across, valley

NATIONAL = county_ponds(None)


def county(folder: Path, text: str) -> CountyPonds:
    (folder / "ponds.yaml").write_text(text, "utf-8")
    return county_ponds(folder)


def test_without_a_word_of_the_county_the_national_figures_stand(tmp_path: Path) -> None:
    assert NATIONAL.capture == terrain_rules()["capture"]
    assert county_ponds(tmp_path) == NATIONAL
    assert county(tmp_path, "# nothing yet\n") == NATIONAL


OWN = "classes:\n  solar_farm: {label: {zh: 光伏电站, en: Solar farm}, words: [光伏场], document: 县1号}\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("capture:\n  width_m: 99.9\n", r"ponds\.yaml:2: width_m 99\.9 would loosen"),
        ("capture: {height_m: 9}\n", r"ponds\.yaml:1: height_m 9 would loosen"),
        ("capture: {height_m: .nan}\n", "height_m nan"),
        ("capture: {point_radius_m: 1}\n", "point_radius_m"),
        ("counts:\n- dwelling\n", r"ponds\.yaml:2: dwelling is none of village_track"),
        ("shown: [dwelling]\n", "shown"),
        ("capture: {width_m: ", "ponds.yaml:"),
        (OWN.replace("solar_farm", "school"), r"ponds\.yaml:2: school is a national class"),
        (OWN.replace("光伏场", "村道"), r"ponds\.yaml:2: 村道 already means village_track"),
        (OWN.replace("光伏场", "中 学"), "already means school"),
        (OWN.replace(", document: 县1号", ""), r"ponds\.yaml:\d: classes\.solar_farm\.document"),
        (OWN.replace("solar_farm", "Solar-Farm"), "Solar-Farm"),
    ],
)
def test_what_would_protect_less_is_refused_by_its_line(
    tmp_path: Path, text: str, fault: str
) -> None:
    with pytest.raises(CatalogueError, match=fault):
        county(tmp_path, text)


def test_a_county_adds_a_class_of_its_own_that_surveys_may_name_and_that_counts(
    tmp_path: Path,
) -> None:
    found = county(tmp_path, OWN)
    assert list(found.classes) == ["solar_farm"]
    assert own_classes.read(tmp_path) == dict(found.classes)
    national = layer("protected_object")
    wider = own_classes.with_classes(national, found.classes)
    values = wider.fields["object_class"].values
    assert values["solar_farm"] == ("光伏电站", "光伏场")
    assert {name: values[name] for name in national.fields["object_class"].values} == dict(
        national.fields["object_class"].values
    )
    assert choice("光伏场", wider.fields["object_class"]) == ("solar_farm", True)
    assert counts({"object_class": "solar_farm"}, found.counts)
    # What is not understood is told by its line, and meanwhile adds nothing.
    for broken in ("classes: [1", "classes: [1]\n", "classes: {a: {words: []}}\n", "x\n"):
        (tmp_path / "ponds.yaml").write_text(broken, "utf-8")
        assert own_classes.read(tmp_path) == {}


def test_the_rules_of_a_county_lie_beside_what_it_sets_of_its_ponds(tmp_path: Path) -> None:
    county(tmp_path, "capture: {width_m: 100}\n")
    assert load_rules(DATA, tmp_path).parameters == load_rules(DATA).parameters


def test_a_county_that_looks_further_takes_more_into_the_zone(tmp_path: Path) -> None:
    dem = valley(width=161, wall=0.3)
    (track,) = dem.abroad([shapely.centroid(dem.local([toe_across(dem, 60)])[0])])
    row: dict[str, Any] = {
        "layer": "protected_object", "key": "a", "geometry": track, "error_m": 1.0,
        "attrs": {"object_class": "village_track"},
    }  # fmt: skip
    house = {**row, "attrs": {"object_class": "dwelling"}}

    def mask(one: dict[str, Any], of: CountyPonds) -> Any:
        return prepared(dem, on_ground([one], of)).zone.mask

    further = county(tmp_path, "capture: {width_m: 300, height_m: 30}\n")
    assert mask(house, further).sum() > mask(house, NATIONAL).sum() > 0
    assert not (mask(house, NATIONAL) & ~mask(house, further)).any()
    counting = county(tmp_path, "counts: [village_track]\n")
    assert not mask(row, NATIONAL).any()
    assert (mask(row, counting) == mask(house, NATIONAL)).all()
