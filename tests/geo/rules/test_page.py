"""What people read of the catalogue: the page is current, the words are whole, the commands answer."""

import json
import re
import shutil

import pytest
from typer.testing import CliRunner

from geo.cli import app, dictionary, files, grading, keeping, rules, serving  # noqa: F401
from geo.report.rules import covering, explain, page, rows_of, table
from geo.rules import national_rules
from geo.rules.catalogue import DATA
from geo.settings import CHECKOUT
from geo.survey.layers import layers

RULES = national_rules()


def run(*args, lang="zh"):
    return CliRunner().invoke(app, ["--lang", lang, *args])


@pytest.fixture(autouse=True)
def _own_language(monkeypatch):
    monkeypatch.setenv("MINERISK_LANG", "zh")


def test_the_page_in_the_docs_is_current():
    made = page(RULES, CHECKOUT / "tests")
    assert (CHECKOUT / "docs" / "rules.md").read_text("utf-8") == made, "run scripts/rules-page"


# Rules of words, not of figures, that no test names yet: only those drawn from the catalogue try them,
# which cannot find a word that is wrong there. A new rule is named by a test; this list only shrinks.
UNNAMED = """
combustion.class.stated combustion.ground_crack combustion.seal_wall dust.stated gas.grade.stated
hydro.abandoned_mine hydro.abandoned_shaft hydro.abandoned_shaft_water hydro.borehole
hydro.buried_channel hydro.collapse_column hydro.conducting_zone hydro.fissure
hydro.fracture_to_aquifer hydro.fracture_to_surface hydro.ground_crack hydro.ground_subsidence
hydro.recharge.2018 hydro.search_line.abandoned_mine hydro.seal_wall hydro.skylight
hydro.type.stated hydro.warning_line.abandoned_mine
hydro.warning_line hydro.water_control.2018 hydro.water_impact.2018 metal.abandoned_mine
metal.abandoned_mine_water metal.abandoned_shaft metal.fault metal.fire_area
metal.goaf_below_workings metal.goaf_drained metal.goaf_gap metal.ground_subsidence
metal.hydro_type.stated metal.treatment_works metal.untreated_goaf pit.goaf_under_slope
pit.subsidence rock_burst.fold roof.buried_channel
"""  # fmt: skip


def test_every_rule_stands_on_the_page_with_a_test():
    covered = covering(RULES, CHECKOUT / "tests")
    text = page(RULES, CHECKOUT / "tests")
    for rule in RULES.rules:
        assert f"`{rule.id}`" in text
        assert all((CHECKOUT / path).exists() for path in covered[rule.id])
    # Those of what is not clear are named together, by factor and kind of mine.
    bare = {i for i, named in covered.items() if not named and not i.startswith("survey.")}
    assert bare == set(UNNAMED.split())


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_no_rule_shows_a_bare_code(rule, lang):
    text = explain(rule, lang) + "".join(rows_of(rule, lang))
    text = text.replace(rule.id, "").replace(rule.superseded_by or rule.id, "")
    assert not re.search(r"\b[a-z]+_[a-z_0-9]+\b|\bmine\.|None|\{", text), text
    if lang == "zh":
        assert not re.search(r"(?<![A-Za-z])(eq|gt|le|true|false|unknown)(?![A-Za-z])", text), text


def test_check_says_the_version_and_tells_faults_by_file_and_line(tmp_path):
    found = run("rules", "check", "--json")
    assert found.exit_code == 0
    assert json.loads(found.stdout)["version"] == RULES.version
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    assert run("rules", "check", str(folder)).exit_code == 0
    path = folder / "dust.yaml"
    path.write_text(path.read_text("utf-8").replace("hazard: dust", "hazard: smoke", 1), "utf-8")
    found = run("rules", "check", str(folder))
    assert found.exit_code == 2
    assert re.search(r"dust\.yaml:1: .*smoke", found.output)
    assert run("rules", "check", str(tmp_path / "nowhere")).exit_code == 2


def test_a_county_folder_is_checked_against_the_national_catalogue(tmp_path):
    text = (DATA / "item13.yaml").read_text("utf-8")
    (tmp_path / "own.yaml").write_text(text.replace("gt: 800", "gt: 900"), "utf-8")
    found = run("rules", "check", str(tmp_path), "--county")
    assert found.exit_code == 2
    assert "own.yaml:2:" in found.output
    (tmp_path / "own.yaml").write_text(text.replace("gt: 800", "gt: 700"), "utf-8")
    assert run("rules", "check", str(tmp_path), "--county").exit_code == 0


def test_explain_and_table_speak_both_languages():
    assert "条款号未查得" in run("rules", "explain", "hydro.fracture_to_goaf").output
    assert "clause not found" in run("rules", "explain", "hydro.fracture_to_goaf", lang="en").output
    assert run("rules", "explain", "nope").exit_code == 2
    assert run("rules", "table", lang="en").stdout == table(RULES, "en")
    assert run("rules", "table", "--lang", "en").stdout == table(RULES, "en")


def test_layers_show_the_dictionary():
    found = json.loads(run("layers", "--json").stdout)
    assert {one["name"] for one in found} == set(layers())
    one = json.loads(run("layers", "goaf", "--json").stdout)
    volume = next(f for f in one["fields"] if f["name"] == "water_volume_m3")
    assert volume["unit"] == "m3"
    assert "积水量" in volume["aliases"]
    assert run("layers", "nope").exit_code == 2
    assert "褶曲类型" in run("layers", "fold").output
