"""The rule catalogue: it loads, it covers what it must, and its errors name file and line."""

import shutil

import pytest
import yaml

from geo.rules import Rules, load_rules, national_rules
from geo.rules.catalogue import DATA, CatalogueError
from geo.survey.layers import sought


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
        (lambda rules: rules[1].update(clause=None), "without a clause"),
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


def test_the_order_of_rules_is_no_other_version():
    rules = national_rules()
    turned = Rules(rules=tuple(reversed(rules.rules)), parameters=rules.parameters)
    assert turned.version == rules.version


def test_a_change_of_any_figure_is_another_version(tmp_path):
    folder = spoil(tmp_path, lambda rules: rules[0]["rows"][0]["when"]["any"][0].update(gt=11))
    assert load_rules(folder).version != national_rules().version


def county(tmp_path, rules=(), figures=None):
    folder = tmp_path / "county"
    folder.mkdir()
    (folder / "own.yaml").write_text(yaml.safe_dump(list(rules), allow_unicode=True), "utf-8")
    if figures:
        (folder / "parameters.yaml").write_text(yaml.safe_dump(figures), "utf-8")
    return folder


def national(rule_id):
    for path in DATA.glob("*.yaml"):
        for entry in yaml.safe_load(path.read_text("utf-8")):
            if isinstance(entry, dict) and entry.get("id") == rule_id:
                return entry
    raise KeyError(rule_id)


UNTIL = {"zh": "查清为止", "en": "until it is clear"}


def limit_of(entry, row, value):
    (op,) = {"gt", "le", "lt", "ge"} & set(entry["rows"][row]["when"])
    entry["rows"][row]["when"][op] = value


@pytest.mark.parametrize(
    ("rule_id", "change"),
    [
        ("hydro.inrush.2018", lambda r: (limit_of(r, 2, 50), limit_of(r, 3, 50))),
        ("hydro.inrush.2018", lambda r: limit_of(r, 2, 50)),
        ("rock_burst.index", lambda r: limit_of(r, 0, 0.7)),
        ("hydro.boundary_pillar", lambda r: limit_of(r, 0, 60)),
        ("item13.levels", lambda r: limit_of(r, 0, 3)),
        ("hydro.surface_water", lambda r: r["rows"][0].update(outcome="precaution")),
        ("hydro.surface_water", lambda r: r.update(surroundings=True)),
        ("combustion.fire_area", lambda r: r["rows"][0].update(when={"attr": "active", "in": [True, False]})),
        ("gas.four_limits", lambda r: r["rows"][0]["when"]["any"][3].update(gt=4)),
        ("hydro.flooded_neighbour", lambda r: r["rows"][0].pop("until") and r["rows"][0].update(outcome="grade_floor")),
        ("item13.depth", lambda r: r["rows"][0].update(appraise=True)),
    ],
)  # fmt: skip
def test_a_county_may_tighten(tmp_path, rule_id, change):
    entry = national(rule_id)
    change(entry)
    rules = load_rules(DATA, county(tmp_path, [entry]))
    assert rules.version != national_rules().version
    assert len(rules.rules) == len(national_rules().rules)


@pytest.mark.parametrize(
    ("rule_id", "change", "said"),
    [
        ("hydro.inrush.2018", lambda r: limit_of(r, 2, 61), "mine.q3_m3h = 61"),
        ("hydro.inrush.2018", lambda r: r["rows"].pop(0), "would loosen"),
        ("hydro.inrush.2018", lambda r: r.update(missing="silent"), "mine.q3_m3h = None"),
        ("rock_burst.index", lambda r: limit_of(r, 0, 0.76), "would loosen"),
        ("hydro.boundary_pillar", lambda r: limit_of(r, 0, 39.9), "would loosen"),
        ("item13.levels", lambda r: r["rows"][0].update(when={"attr": "mine.levels_at_once", "gt": 4}), "= 4"),
        ("gas.four_limits", lambda r: r["rows"].reverse() or r["rows"][1]["when"]["any"].pop(), "would loosen"),
        ("hydro.flooded_neighbour", lambda r: r["rows"][0].update(grade="medium"), "would loosen"),
        ("hydro.flooded_neighbour", lambda r: r.update(surroundings=False), "extent"),
        ("hydro.unit_inflow.2018", lambda r: r.update(in_force_to="2030-01-01"), "end earlier"),
        ("hydro.unit_inflow.2018", lambda r: r.update(in_force_from="2030-01-01"), "later"),
        ("metal.goaf_water", lambda r: r["applies"].update(hazard="ground_pressure"), "hazard"),
        ("hydro.aquifer", lambda r: r["rows"][0].update(outcome="manage_as", until=UNTIL), "would loosen"),
        ("hydro.conductive_fault", lambda r: r["rows"][0].update(outcome="duty"), "would loosen"),
        ("item13.depth", lambda r: r["rows"][0].update(outcome="precaution"), "would loosen"),
        ("item13.depth", lambda r: r["rows"][0].update(outcome="grade_floor", grade="high"), "would loosen"),
        ("metal.goaf_volume", lambda r: r["rows"][0].pop("appraise"), "would loosen"),
    ],
)  # fmt: skip
def test_a_county_may_not_loosen(tmp_path, rule_id, change, said):
    entry = national(rule_id)
    change(entry)
    with pytest.raises(CatalogueError, match=r"own\.yaml:1:") as caught:
        load_rules(DATA, county(tmp_path, [entry]))
    assert said in str(caught.value)


def test_a_county_may_add_a_rule_and_look_further_but_not_nearer(tmp_path):
    own = national("item13.depth") | {"id": "county.depth", "clause": None}
    own["rows"] = [{"when": {"attr": "mine.depth_m", "gt": 600}, "outcome": "duty"}]
    figure = {"surroundings_m": {"value": 800, "unit": "m", "standard": "县规定", "verified": False, "label": {"zh": "周边", "en": "around"}}}  # fmt: skip
    rules = load_rules(DATA, county(tmp_path, [own], figure))
    assert rules.one("county.depth").rows[0].when.gt == 600
    assert rules.parameters.surroundings_m.value == 800
    assert rules.reach_m == 800
    figure["surroundings_m"]["value"] = 499
    (tmp_path / "two").mkdir()
    with pytest.raises(CatalogueError, match=r"parameters\.yaml:\d+: surroundings_m 499"):
        load_rules(DATA, county(tmp_path / "two", [own], figure))


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [("boundary_pillar_m", 60, "hydro.boundary_pillar"), ("search_line_m", 200, "hydro.search_line")],
)  # fmt: skip
def test_a_figure_that_would_change_no_verdict_is_refused_with_the_rule_that_would(
    tmp_path, name, value, rule
):
    figure = {name: {"value": value, "unit": "m", "standard": "县规定", "verified": False, "label": {"zh": "距离", "en": "distance"}}}  # fmt: skip
    with pytest.raises(CatalogueError, match=rf"parameters\.yaml:\d+: {name} .*{rule} instead"):
        load_rules(DATA, county(tmp_path, [], figure))
    assert national_rules().one(rule)


def test_a_countys_folder_that_is_not_there_is_a_fault(tmp_path):
    with pytest.raises(CatalogueError, match="no such folder"):
        load_rules(DATA, tmp_path / "nowhere")


def test_a_fault_names_the_very_line(tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    path = folder / "dust.yaml"
    lines = path.read_text("utf-8").splitlines()
    at = next(i for i, line in enumerate(lines) if "dust_flame_mm, le" in line)
    lines[at] = lines[at].replace("grade: none", "grade: nothing").replace("le: 0", "le: low")
    path.write_text("\n".join(lines), "utf-8")
    with pytest.raises(CatalogueError, match=rf"dust\.yaml:{at + 1}: .*valid number"):
        load_rules(folder)
    path.write_text("- id: [\n", "utf-8")
    with pytest.raises(CatalogueError, match=r"dust\.yaml:\d+"):
        load_rules(folder)


@pytest.mark.parametrize("name", ["q3_m3h", "mine.nothing", "index_w"])
def test_an_attribute_nobody_fills_in_is_a_fault(tmp_path, name):
    entry = national("hydro.inrush.2018") | {"id": "county.new"}
    entry["rows"] = [{"when": {"attr": name, "gt": 1}, "outcome": "duty"}]
    with pytest.raises(CatalogueError, match=f"mine has no attribute {name}"):
        load_rules(DATA, county(tmp_path, [entry]))


def test_every_factor_that_is_sought_has_a_rule_for_what_is_not_clear():
    rules = national_rules()
    for kind in ("coal", "metal_underground", "open_pit"):
        for name in sought(kind):
            assert rules.one(f"survey.{name}.{kind}").applies.factor == name


def test_both_tables_stand_one_after_the_other():
    rules = national_rules()
    old = [r for r in rules.rules if r.superseded_by is not None]
    assert len(old) == 7
    for rule in old:
        new = rules.one(rule.superseded_by)
        assert (new.in_force_from - rule.in_force_to).days == 1
