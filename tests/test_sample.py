"""The sample county: same bytes every time, true Chinese names, and the answers worked by hand."""

import json
import stat
from pathlib import Path

import pytest
import yaml
from sqlalchemy import text

from geo import sample
from geo.store import audit, mine_evidence, pond_page
from geo.store.engine import SYSTEM, connect
from sample_data import make

ANSWERS = yaml.safe_load((make.HERE / "answers.yaml").read_text("utf-8"))
ON = ANSWERS["day"]


def test_the_files_are_made_by_the_script_byte_for_byte():
    for name, data in make.files().items():
        assert (make.HERE / name).read_bytes() == data, name


@pytest.fixture(scope="module")
def loaded(template, tmp_path_factory):
    from tests.conftest import fresh_database

    with fresh_database(template, tmp_path_factory.mktemp("sample")) as made:
        assert sample.load(made, ON)
        yield made


@pytest.mark.database
@pytest.mark.parametrize("code", ANSWERS["mines"])
def test_the_answer_worked_by_hand(loaded, code):
    answer = ANSWERS["mines"][code]
    with connect(loaded, "worker", SYSTEM) as conn:
        found = mine_evidence.mine(conn, code, ON)
    lines = {line["hazard"]: line for line in found["lines"]}
    for hazard, wanted in answer["lines"].items():
        assert {name: lines[hazard][name] for name in wanted} == wanted, hazard
    assert found["unclear"] is answer["unclear"]
    met = {e["evidence"]["attrs"].get("code") for e in found["encounters"]}
    assert set(answer["met"]) <= met
    assert {h for h, line in lines.items() if line["overdue"]} == set(answer.get("overdue", ()))
    assert set(answer["rules"]) <= {c["rule_id"] for c in found["claims"]}


@pytest.mark.database
@pytest.mark.parametrize("code", ANSWERS["ponds"])
def test_the_pond_worked_by_hand(loaded, code):
    answer = ANSWERS["ponds"][code]
    with connect(loaded, "worker", SYSTEM) as conn:
        found = pond_page.pond(conn, code, ON)
    assert (found["state"], found["who"]) == (answer["state"], answer["who"])
    assert found["upcoming"] is answer["upcoming"]
    assert {k: found["head_top"][k] for k in ("outcome", "by")} == answer["head_top"]
    duties = {o["code"]: {"due": o["due"], "late": o["days_late"]} for o in found["obligations"]}
    assert duties == answer["obligations"]
    met = found["computed"]["evidence"]["met"]
    assert {m["name"] for m in met if m["captured"]} == set(answer["met"])
    assert {m["name"] for m in met if m["circle"] and not m["captured"]} == set(
        answer["only_in_circle"]
    )
    assert {m["name"] for m in met if m["captured"] and not m["circle"]} == set(
        answer.get("beyond_circle", ())
    )
    by_hand = {
        m["name"]: {"path_m": m["path_m"], "lateral_m": pytest.approx(m["lateral_m"], abs=0.01)}
        for m in met
        if m["captured"]
    }
    assert by_hand == answer["met_m"]
    outcomes = {r["code"]: r["outcome"] for r in found["requirements"]}
    assert outcomes == answer["requirements"]


def test_the_answers_hold_a_pond_the_circle_misses_and_one_it_wrongly_takes():
    ponds = ANSWERS["ponds"].values()
    # Head-top by the path alone: whoever draws a circle would build a school below it.
    assert any(p["head_top"]["outcome"] == "yes" and p.get("beyond_circle") for p in ponds)
    # By the circle alone: whoever draws one would move a village for nothing.
    assert any(p["head_top"]["outcome"] == "no" and p["only_in_circle"] for p in ponds)


@pytest.mark.database
def test_nothing_is_lost_between_file_and_store(loaded):
    with connect(loaded, "worker", SYSTEM) as conn:
        rows = conn.execute(
            text(
                "SELECT s.filename, s.report, count(f.id) AS stored FROM minerisk.survey s "
                "LEFT JOIN minerisk.feature f ON f.survey_id = s.id GROUP BY s.id"
            )
        ).all()
        names = set(conn.scalars(text("SELECT attrs ->> 'mine_name' FROM minerisk.feature")))
        assert audit.verify(conn).fault is None
    assert len(rows) == len(sample.manifest()["files"])
    for row in rows:
        assert row.report["rows"] == row.report["stored"] + row.report["refused"], row.filename
        assert row.report["stored"] == row.stored, row.filename
    assert {"示例一号煤矿", "示例露天铁矿"} <= names


@pytest.mark.database
def test_a_second_load_loads_nothing_and_the_signins_are_private(loaded):
    assert not sample.load(loaded, ON)
    path = Path(sample.signins(loaded))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(json.loads(path.read_text())) == {u["login"] for u in sample.manifest()["users"]}
