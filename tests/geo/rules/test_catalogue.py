"""The rule catalogue: it loads, it covers what it must, and its errors name file and line."""

import shutil

import pytest
import yaml

from geo.rules import load_rules, national_rules
from geo.rules.catalogue import DATA, CatalogueError


def test_every_kind_of_outcome_and_hazard_asked_for_is_there():
    rules = national_rules().rules
    assert len(rules) >= 12
    assert {row.outcome for r in rules for row in r.rows} == {
        "grade_floor", "manage_as", "duty", "precaution", "question",
    }  # fmt: skip
    assert {"gas", "hydro", "rock_burst", "combustion", "ground_pressure"} <= {
        r.applies.hazard for r in rules
    }


def test_what_was_not_verified_says_so():
    for rule in national_rules().rules:
        assert rule.standard
        if rule.clause is None:
            assert not rule.verified


def spoil(tmp_path, change):
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    rules = yaml.safe_load((folder / "gas.yaml").read_text("utf-8"))
    change(rules)
    (folder / "gas.yaml").write_text(yaml.safe_dump(rules, allow_unicode=True), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rules: rules[0].pop("standard"), "standard"),
        (lambda rules: rules[0]["rows"][0].update(grade="huge"), "no grade huge"),
        (lambda rules: rules[1]["rows"][0].pop("until"), "until"),
        (lambda rules: rules[0].update(threshold=3), "threshold"),
        (lambda rules: rules[1].update(verified=True), "without a clause"),
        (lambda rules: rules.append(rules[0]), "twice"),
        (
            lambda rules: rules[0]["rows"][0]["when"].update(any=[{"attr": "q", "gt": 1, "lt": 2}]),
            "one comparison",
        ),
    ],
)
def test_a_fault_is_told_by_file_and_line(tmp_path, change, said):
    with pytest.raises(CatalogueError, match=r"gas\.yaml:\d+:") as caught:
        load_rules(spoil(tmp_path, change))
    assert said in str(caught.value)


def test_a_change_of_any_figure_is_another_version(tmp_path):
    folder = spoil(tmp_path, lambda rules: rules[0]["rows"][0]["when"]["any"][0].update(gt=11))
    assert load_rules(folder).version != national_rules().version
