"""What two persons, a revocation or a replacement may do to grades, and what they may not."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from geo.problems import Problem
from geo.store import batches, decisions, intake, mine_evidence, survey_queries
from geo.store.engine import SYSTEM, connect, engine
from geo.store.grading import regrade
from geo.store.publish import publishing
from geo.store.tables import mine, proposal, survey
from tests.conftest import TODAY, file_two_mines, filed, fresh_database, make_people
from tests.county import boundary, goaf, rect, write
from tests.geo.store.test_line import effective, state

pytestmark = pytest.mark.database

WET = {"water": "有", "known": "否", "volume": "不清"}


@pytest.fixture
def office(settings, people, tmp_path, two_mines):
    """The county's two mines, and the acts of its people in one word each."""
    return Office(settings, people, tmp_path, two_mines)


class Office:
    def __init__(self, settings, people, folder, base):
        self.settings, self.people, self.folder = settings, people, folder
        self.count = 0
        self.base = base

    def submit(self, rows, layer, by="wang", supersedes=None):
        self.count += 1
        path = write(self.folder / f"act-{self.count}.geojson", rows)
        upload_id = filed(self.settings, path, self.people[by], submit=False, layer=layer)
        with connect(self.settings, "worker", self.people[by]) as conn:
            return intake.submit(conn, self.people[by], upload_id, supersedes=supersedes, on=TODAY)

    def act(self, what, *given, by="zhang", **more):
        with connect(self.settings, "worker", self.people[by]) as conn:
            return what(conn, self.people[by], *given, on=TODAY, **more)

    def accept(self, survey_id, by="zhang"):
        return self.act(decisions.accept, survey_id, "ok", "doc", by=by)

    def accepted(self, *given, **more):
        survey_id = self.submit(*given, **more)
        assert self.accept(survey_id)["state"] == "accepted"
        return survey_id

    def revoke(self, survey_id):
        return self.act(decisions.revoke, survey_id, "虚假", "撤1号")

    def propose(self, target, key, kind, cites=None):
        with connect(self.settings, "worker", self.people["zhang"]) as conn:
            return decisions.propose_ending(
                conn, self.people["zhang"], target, key, kind, "r", "d", cites_survey=cites
            )

    def end(self, *given, **more):
        waiting = self.propose(*given, **more)
        return self.act(decisions.settle, waiting, True, by="li")

    def state_of(self, survey_id):
        with connect(self.settings, "worker", SYSTEM) as conn:
            return survey_queries.survey(conn, survey_id)["state"]

    def grade(self, code, hazard="hydro", on=TODAY):
        return effective(self.settings, code, hazard, on)

    def key_of(self, survey_id, layer="goaf"):
        with connect(self.settings, "worker", SYSTEM) as conn:
            return conn.scalar(
                text("SELECT key FROM minerisk.feature WHERE survey_id = :s AND layer = :l"),
                {"s": survey_id, "l": layer},
            )

    def full_run_changes(self):
        with (
            connect(self.settings, "worker", SYSTEM) as conn,
            publishing(conn, SYSTEM, "regrade", TODAY) as made,
        ):
            found = regrade(made, None)
        return found.claims_added, found.claims_ended, found.moves


def burst(index, observed="2024-05-10"):
    """Return a rock-burst area over 1 km from A's panel: it counts once the field is the footprint."""
    row = {"code": "R1", "mine_code": "A", "seam": "3", "index_w": index, "observed_on": observed}
    return row, rect(0.02, 0.4, 0.03, 0.05)


def test_a_grade_to_come_is_not_lowered_by_one_person(office):
    first = office.accepted([burst(0.8)], "rock_burst_area")
    ahead = date(2026, 6, 1)
    assert (office.grade("A", "rock_burst"), office.grade("A", "rock_burst", ahead)) == (
        None,
        "strong",
    )
    second = office.submit([burst(0.1)], "rock_burst_area", supersedes=first)
    said = office.accept(second)
    assert said["state"] == "needs_second"
    assert [(m["after"], m["on"]) for m in said["moves"]] == [("none", "2026-01-01")]
    assert office.grade("A", "rock_burst", ahead) == "strong"
    # Asked twice it stands on the list once.
    assert office.accept(second)["proposal"] == said["proposal"]
    assert office.act(decisions.settle, said["proposal"], True, by="li")["state"] == "accepted"
    assert office.grade("A", "rock_burst", ahead) == "none"
    with connect(office.settings, "worker", SYSTEM) as conn:
        note = batches.changes(conn, 1)[0]["note"]
    assert (note["proposed_by"], note["confirmed_by"]) == ("zhang", "li")


def test_what_was_agreed_is_lowered_and_no_more(office):
    first = office.accepted([goaf("A", "G1", x=0.94, **WET)], "goaf")
    other = office.accepted([goaf("B", "G2", x=1.5, **WET)], "goaf")
    second = office.submit([goaf("A", "G1", x=0.94, water="无")], "goaf", supersedes=first)
    said = office.accept(second)
    assert {m["mine_code"] for m in said["moves"]} == {"A"}
    # Meanwhile B's own goaf is filled: now G1 alone holds B's grade up.
    office.end("factor", office.key_of(other), "treated")
    assert office.grade("B") == "very_complex"
    with pytest.raises(Problem, match="more grades"):
        office.act(decisions.settle, said["proposal"], True, by="li")
    assert (office.grade("A"), office.grade("B")) == ("very_complex", "very_complex")


def test_returning_a_survey_closes_what_waits_about_it(office):
    first = office.accepted([goaf("A", "G1", x=0.6, **WET)], "goaf")
    second = office.submit([goaf("A", "G1", x=0.6, water="无")], "goaf", supersedes=first)
    waiting = office.accept(second)["proposal"]
    office.act(decisions.return_, second, "请补充")
    with connect(office.settings, "worker", SYSTEM) as conn:
        found = conn.execute(select(proposal).where(proposal.c.id == waiting)).one()
    # Whoever proposed to accept it reads the remark it was returned with.
    assert (found.state, found.refusal) == ("refused", "请补充")
    with pytest.raises(Problem) as caught:
        office.act(decisions.settle, waiting, True, by="li")
    assert caught.value.code == "store.settled"


def test_who_is_accepted_first_does_not_decide_what_is_replaced(template, tmp_path):
    found = []
    for name in ("old first", "new first"):
        folder = tmp_path / name
        folder.mkdir()
        with fresh_database(template, folder) as made:
            people = make_people(made)
            office = Office(made, people, folder, file_two_mines(made, people, folder))
            old = office.submit([goaf("A", "G1", x=0.6, water="无")], "goaf")
            new = office.submit([goaf("A", "G1", x=0.6, **WET)], "goaf", supersedes=old)
            for one in (old, new) if name == "old first" else (new, old):
                assert office.accept(one)["state"] == "accepted"
            found.append((office.state_of(old), office.state_of(new), state(made)))
    assert found[0] == found[1]
    assert found[0][:2] == ("superseded", "accepted")


def test_a_survey_stands_again_only_when_nothing_honest_replaces_it(office):
    old = office.accepted([goaf("A", "G1", x=0.6, water="无")], "goaf")
    one = office.accepted([goaf("A", "G1", x=0.61, **WET)], "goaf", supersedes=old)
    two = office.accepted([goaf("A", "G1", x=0.62, **WET)], "goaf", supersedes=old)
    office.revoke(one)
    assert office.state_of(old) == "superseded"
    office.revoke(two)
    assert office.state_of(old) == "accepted"
    with connect(office.settings, "worker", SYSTEM) as conn:
        assert {s["id"] for s in survey_queries.redo(conn)} == {one, two}
        assert {s["id"] for s in mine_evidence.mine(conn, "A", TODAY)["redo"]} == {one, two}
        assert survey_queries.redo(conn, "B") == []


def test_a_revocation_voids_the_endings_that_cited_it_in_every_mine_they_reached(office):
    wet = office.accepted([goaf("B", "G1", x=1.02, **WET)], "goaf")
    check = office.accepted([goaf("B", "G9", x=1.8, water="无")], "goaf")
    office.end("factor", office.key_of(wet), "treated", cites=check)
    assert (office.grade("A"), office.grade("B")) == ("simple", "simple")
    said = office.revoke(check)
    assert (office.grade("A"), office.grade("B")) == ("very_complex", "very_complex")
    assert {s["id"] for s in said["check"]} >= {wet}
    assert office.full_run_changes() == (0, 0, [])


def test_a_revocation_lists_no_survey_of_another_district(office):
    own = office.submit([goaf("A", "G1", x=0.6, water="无")], "goaf")
    false = office.accepted([goaf("A", "G2", x=0.7, water="无")], "goaf")
    with engine(office.settings, "admin").connect() as conn:
        # The same unit's work for a mine of another province.
        conn.execute(
            text(
                "INSERT INTO minerisk.survey (id, batch_id, key, filename, sha256, layers, report, "
                "survey_unit, district) SELECT gen_random_uuid(), batch_id, 'far', 'far.zip', '', "
                "'[]', '{}', survey_unit, '150000' FROM minerisk.survey WHERE id = :id"
            ),
            {"id": false},
        )
        conn.commit()
    said = office.revoke(false)["check"]
    assert own in {s["id"] for s in said}
    assert "far.zip" not in {s["filename"] for s in said}


def test_a_verdict_within_its_error_ends_only_by_a_better_measurement(office):
    # Some 570 m west of the licence, good to 100 m: met for the surroundings of 500 m.
    rough, _ = office.base([goaf("A", "G1", x=-0.27, **WET)], "goaf", error_m=100.0)
    assert office.grade("A") == "very_complex"
    with connect(office.settings, "worker", SYSTEM) as conn:
        found = mine_evidence.mine(conn, "A", TODAY)
    key = next(c["key"] for c in found["claims"] if c["grade"] == "very_complex" and c["sensitive"])
    fine, _ = office.base([goaf("A", "G2", x=0.1, water="无")], "goaf", error_m=5.0)
    for kind, cites in (("error", None), ("superseded", None), ("error", rough)):
        with pytest.raises(Problem) as caught:
            office.propose("claim", key, kind, cites=cites)
        assert caught.value.code == "store.sensitive"
    office.end("claim", key, "error", cites=fine)
    assert office.grade("A") == "simple"


def test_what_a_revoked_survey_raised_ends_only_citing_an_accepted_one(office):
    false = office.accepted([goaf("A", "G1", x=0.6, **WET)], "goaf")
    key = office.key_of(false)
    with pytest.raises(Problem) as caught:
        office.propose("factor", key, "released")
    assert caught.value.code == "store.not_held"
    office.revoke(false)
    assert office.grade("A") == "very_complex"
    fresh = office.submit([goaf("A", "G1", x=0.6, water="无")], "goaf", supersedes=false)
    for kind, cites, code in (
        ("treated", None, "store.held_needs_survey"),
        ("released", None, "store.held_needs_survey"),
        ("released", fresh, "store.cited_not_accepted"),
    ):
        with pytest.raises(Problem) as caught:
            office.propose("factor", key, kind, cites=cites)
        assert caught.value.code == code
    office.accept(fresh)
    assert office.grade("A") == "very_complex"
    with connect(office.settings, "worker", SYSTEM) as conn:
        survey_key = conn.scalar(select(survey.c.key).where(survey.c.id == false))
        assert survey_queries.redo(conn) == []
    office.end("survey", survey_key, "released", cites=fresh)
    assert office.grade("A") == "simple"
    assert office.full_run_changes() == (0, 0, [])
    # And if that one was false too, all stands again.
    office.revoke(fresh)
    assert office.grade("A") == "very_complex"


def test_what_was_treated_did_hold_until_then(office):
    wet = office.accepted([goaf("A", "G1", x=0.6, **WET)], "goaf")
    office.end("factor", office.key_of(wet), "treated")
    assert office.grade("A") == "simple"
    assert office.grade("A", on=TODAY - timedelta(days=1)) == "very_complex"


def test_a_factor_of_no_mine_that_none_meets_is_ended_by_its_district(office):
    # Nobody's, some 25 km from every licence.
    row, place = goaf("A", "G7", x=9.0, **WET)
    far = office.accepted([({**row, "矿山编号": None}, place)], "goaf")
    key = office.key_of(far)
    with pytest.raises(Problem) as caught, connect(office.settings, "worker", office.people["far"]) as conn:  # fmt: skip
        decisions.propose_ending(conn, office.people["far"], "factor", key, "treated", "r", "d")
    assert caught.value.code == "store.not_found"
    said = office.end("factor", key, "treated")
    assert said["state"] == "confirmed"
    assert office.full_run_changes() == (0, 0, [])
    with pytest.raises(Problem) as caught:
        office.propose("factor", "0" * 64, "treated")
    assert caught.value.code == "store.not_found"


def test_an_error_never_held(office):
    wet = office.accepted([goaf("A", "G1", x=0.6, **WET)], "goaf")
    office.end("factor", office.key_of(wet), "error")
    assert office.grade("A", on=TODAY - timedelta(days=1)) == "simple"


def test_a_mine_whose_boundary_was_false_is_still_graded(office):
    with connect(office.settings, "worker", SYSTEM) as conn:
        drawn: UUID = conn.scalar(
            text("SELECT survey_id FROM minerisk.feature WHERE layer = 'mine_boundary' LIMIT 1")
        )
    office.revoke(drawn)
    office.accepted([goaf("B", "G1", x=1.02, **WET)], "goaf")
    assert office.grade("A") == "very_complex"
    assert office.full_run_changes() == (0, 0, [])


def test_only_acceptance_makes_a_mine(office):
    def mines():
        with connect(office.settings, "worker", SYSTEM) as conn:
            rows = conn.execute(select(mine.c.code, mine.c.owner_org))
            return {row.code: row.owner_org for row in rows}

    grab = office.submit([boundary("C", "乙公司", x=3)], "mine_boundary", by="qian")
    assert "C" not in mines()
    office.act(decisions.return_, grab, "并非该矿")
    assert "C" not in mines()
    office.accepted([boundary("C", "甲公司", x=3)], "mine_boundary")
    assert mines()["C"] == office.people["zhao"].org_id


def test_nobody_replaces_what_they_may_not_see(office):
    theirs = office.accepted([goaf("A", "G1", x=0.6, **WET)], "goaf")
    with pytest.raises(Problem) as caught:
        office.submit([goaf("A", "G1", x=0.6, water="无")], "goaf", by="rival", supersedes=theirs)
    assert caught.value.code == "store.supersedes_unknown"


def test_a_survey_over_two_districts_is_not_one_regulators_to_accept(office):
    row, shape = boundary("C", "甲公司", x=3)
    far = ({**row, "行政区划": "150000"}, shape)
    survey_id = office.submit([boundary("D", "甲公司", x=5), far], "mine_boundary")
    for by in ("zhang", "far"):
        with pytest.raises(Problem):
            office.accept(survey_id, by=by)
    assert office.state_of(survey_id) == "submitted"
