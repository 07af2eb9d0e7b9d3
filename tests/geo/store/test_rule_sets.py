"""Adopting rules: grades follow the set on record, whatever the files say by now (L3)."""

from datetime import timedelta

import pytest
import yaml

from geo import settings as module
from geo.problems import Problem
from geo.rules import Rules, load_rules, national_rules
from geo.rules.catalogue import DATA
from geo.store import adoption, audit, batches, decisions, export, mine_evidence, rule_sets
from geo.store.boards import Boards
from geo.store.engine import SYSTEM, connect
from geo.store.grading import new_day
from tests.conftest import TODAY
from tests.county import goaf
from tests.geo.store.test_decisions import WET, Office

OWN = {
    "id": "county.heading", "extent": "mine", "standard": "县规定", "clause": None,
    "in_force_from": None, "verified": False,
    "applies": {"kinds": ["coal"], "hazard": "gas", "factor": "mine"},
    "rows": [{"when": {"attr": "mine.gas_heading_m3min", "gt": 0.9}, "outcome": "grade_floor", "grade": "high"}],
    "message": {"zh": "掘进面瓦斯涌出量超过县定限值", "en": "gas at a heading exceeds the county's limit"},
}  # fmt: skip


def install(monkeypatch, folder, *rules):
    """Make the installation's files those of a county with rules of its own; of none without."""
    if rules:
        folder.mkdir(exist_ok=True)
        (folder / "own.yaml").write_text(yaml.safe_dump(list(rules), allow_unicode=True), "utf-8")
        monkeypatch.setenv("MINERISK_COUNTY_RULES", str(folder))
    else:
        monkeypatch.delenv("MINERISK_COUNTY_RULES", raising=False)
    module.settings.cache_clear()


def test_a_set_read_back_from_the_record_is_the_same_set(tmp_path):
    (tmp_path / "own.yaml").write_text(yaml.safe_dump([OWN]), "utf-8")
    for rules in (national_rules(), load_rules(DATA, tmp_path)):
        content = rules.model_dump(mode="json", by_alias=True, exclude_unset=True)
        assert Rules.model_validate(content).version == rules.version


@pytest.fixture
def office(settings, people, tmp_path, two_mines):
    """The county's two mines, and the acts of its people in one word each."""
    return Office(settings, people, tmp_path, two_mines)


@pytest.mark.database
def test_a_set_is_adopted_by_one_where_it_lowers_none_and_by_two_where_it_does(
    office, monkeypatch, tmp_path
):
    def asked(what, *given, **more):
        with connect(office.settings, "worker", SYSTEM) as conn:
            return what(conn, *given, **more)

    def refused(code, what, *given, **more):
        with pytest.raises(Problem) as caught:
            office.act(what, *given, **more)
        assert caught.value.code == code

    (first,) = asked(rule_sets.kept)
    assert (first["version"], first["effective_on"]) == (national_rules().version, TODAY)
    # Before the first set on record the first is all that is known; to nobody there is none.
    assert asked(rule_sets.in_force, 0).version == first["version"]
    with connect(office.settings, "app") as conn:
        assert rule_sets.kept(conn) == []
    refused("rules.none_waits", adoption.adopt, "r", "d")
    # Changed files change nothing, and stop nothing.
    install(monkeypatch, tmp_path / "county", OWN)
    waits = asked(rule_sets.waiting)
    assert waits.one("county.heading")
    assert office.grade("A", "gas") == "low"
    office.accepted([goaf("B", "G1", x=1.02, **WET)], "goaf")
    assert office.full_run_changes() == (0, 0, [])
    for login, code in (("wang", "store.not_allowed"), ("far", "rules.of_all")):
        refused(code, adoption.adopt, "r", "d", by=login)
    refused("rules.another_waits", adoption.adopt, "r", "d", version="0" * 64)
    said = office.act(adoption.adopt, "更严", "县规1号", version=waits.version)
    assert (said["state"], {(m["mine_code"], m["after"]) for m in said["moves"]}) == (
        "adopted",
        {("A", "high"), ("B", "high")},
    )
    assert office.grade("A", "gas") == "high"
    assert asked(rule_sets.waiting) is None
    raised = asked(batches.seq_at, None)

    # Without the county's rule grades would fall: it stands, and told, until two persons agree.
    install(monkeypatch, tmp_path / "county")
    assert asked(rule_sets.in_force).version == waits.version
    tomorrow = TODAY + timedelta(days=1)
    assert asked(new_day, tomorrow).moves == []
    state = asked(lambda c: list(export.export_state(c, TODAY)))
    said = office.act(adoption.adopt, "撤销县规", "县规2号")
    assert said["state"] == "needs_second"
    assert {(m["mine_code"], m["before"], m["after"]) for m in said["moves"]} == {
        ("A", "high", "low"),
        ("B", "high", "low"),
    }
    assert asked(lambda c: list(export.export_state(c, TODAY))) == state
    refused("store.second_person", decisions.settle, said["proposal"], True)
    confirmed = office.act(decisions.settle, said["proposal"], True, by="li")
    assert confirmed["state"] == "adopted"
    assert office.grade("A", "gas") == "low"
    newest = asked(rule_sets.kept)[0]
    assert (newest["proposed_by"], newest["confirmed_by"]) == ("zhang", "li")
    assert newest["version"] == national_rules().version

    # What the older set said is told by it: then, on an earlier day, and on the boards.
    with connect(office.settings, "worker", SYSTEM) as conn:
        when = next(b["recorded_at"] for b in batches.changes(conn) if b["seq"] == raised)
        for found in (
            mine_evidence.mine(conn, "A", TODAY, when),
            mine_evidence.mine(conn, "A", TODAY - timedelta(days=1)),
        ):
            (claim,) = [c for c in found["claims"] if c["rule_id"] == "county.heading"]
            assert OWN["message"]["zh"] in claim["sentence"]["zh"]
        then = Boards(conn, TODAY, when)
        (board,) = [r for r in then.hat if r["mine_code"] == "A" and r["hazard"] == "gas"]
        assert OWN["message"]["zh"] in board["why"]["zh"]
        assert rule_sets.in_force(conn, raised).version == waits.version
        assert audit.verify(conn).fault is None
        kinds = conn.exec_driver_sql("SELECT DISTINCT kind FROM minerisk.claim_end").scalars().all()
    assert "rules_adopted" in kinds
