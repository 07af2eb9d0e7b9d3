"""The whole line on a real PostGIS: files in, grades with reasons out, and what must never happen."""

import math
from datetime import date, timedelta
from pathlib import Path

import pyogrio
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from geo.problems import Problem
from geo.store import (
    audit,
    batches,
    decisions,
    export,
    intake,
    map_reads,
    mine_evidence,
    mine_queries,
    preview,
    survey_queries,
    tiles,
)
from geo.store.engine import SYSTEM, connect, engine
from geo.store.grading import regrade
from geo.store.publish import lock, publishing
from tests.conftest import SHARED, TODAY, file_two_mines, filed, fresh_database, make_people
from tests.county import HIGH, SOUTH, WEST, WIDE, extent, goaf, write

pytestmark = pytest.mark.database


@pytest.fixture
def base(two_mines):
    """Two adjacent coal mines with plans, accepted; returns what files and accepts more."""
    return two_mines


def effective(settings, code, hazard, on=TODAY, known=None):
    with connect(settings, "worker", SYSTEM) as conn:
        found = mine_evidence.mine(conn, code, on, known)
    return next(line for line in found["lines"] if line["hazard"] == hazard)["effective"]


def state(settings):
    with connect(settings, "worker", SYSTEM) as conn:
        return list(export.export_state(conn, TODAY))


def test_a_neighbours_goaf_raises_the_grade_and_says_why(base, settings, people):
    assert effective(settings, "A", "hydro") == "simple"
    _, said = base([goaf("B", "G1", x=1.02, water="有", known="否", volume="不清")], "goaf")
    moved = {
        (m["mine_code"], m["before"], m["after"]) for m in said["moves"] if m["hazard"] == "hydro"
    }
    assert ("A", "simple", "very_complex") in moved
    with connect(settings, "app", people["zhao"]) as conn:
        found = mine_evidence.mine(conn, "A", TODAY)
        # The enterprise reads why, and never the neighbour's own row.
        assert mine_evidence.mine(conn, "B", TODAY) is None
        seen = conn.execute(text("SELECT DISTINCT mine_code FROM minerisk.feature")).scalars()
        assert set(seen) == {"A"}
        # A working shows from the day it is within the horizon; so does the licence.
        early = date(TODAY.year - 20, 1, 1)
        assert [len(mine_queries.workings(conn, "A", None, day)) for day in (TODAY, early)] == [
            1,
            0,
        ]
        assert mine_queries.licence(conn, "A", TODAY)["mine_kind"] == "coal"
    why = "\n".join(found["why"]["zh"])
    assert "邻矿" in why
    assert "G1" in why
    assert "表2-1" in why


def test_lines_of_old_goaf_water_are_drawn_only_for_who_sees_the_goaf(base, settings, people, tmp_path):  # fmt: skip
    base(
        [goaf("B", "G1", x=1.02, water="有", volume="500"), goaf("B", "G2", x=1.3, water="无")],
        "goaf",
    )
    # The tile of zoom 12 in which the goaf lies.
    lon, lat = WEST + 1.04 * WIDE, math.radians(SOUTH + 0.42 * HIGH)
    down = (1 - math.asinh(math.tan(lat)) / math.pi) / 2
    place = (12, int((lon + 180) / 360 * 4096), int(down * 4096))
    box = (WEST, SOUTH, WEST + 2 * WIDE, SOUTH + HIGH)

    def lines(login, on=TODAY):
        with connect(settings, "app", people[login]) as conn:
            known = batches.seq_at(conn, None)
            (tmp_path / "t.mvt").write_bytes(tiles.tile(conn, "water_lines", *place, known, on))
            drawn = map_reads.shapes(conn, box, ["water_lines"], (), known, on)
        return {row["layer"] for row in drawn} - {"mine_boundary"}

    three = {"water_line", "search_line", "warning_line"}
    # The regulator and the goaf's own enterprise; not the neighbour that it threatens.
    for login, wanted in (("zhang", three), ("qian", three), ("zhao", set()), ("far", set())):
        assert lines(login) == wanted, login
        body = (tmp_path / "t.mvt").read_bytes()
        assert bool(body) == bool(wanted), login
        if wanted:
            drawn = pyogrio.read_dataframe(f"MVT:{tmp_path / 't.mvt'}", layer="water_lines")
            assert set(drawn["layer"]) <= three
            assert set(drawn["name"]) == {"G1"}
    # The day before it was found there was no such line.
    assert lines("zhang", date(2024, 5, 9)) == set()


def test_only_submitted_counts_for_nothing_but_is_seen(base, tmp_path, settings, people, file):
    path = write(
        tmp_path / "g.geojson", [goaf("A", "G1", x=0.6, water="有", known="否", volume="不清")]
    )
    survey_id = file(path, people["wang"], layer="goaf")
    assert effective(settings, "A", "hydro") == "simple"
    with connect(settings, "worker", people["zhang"]) as conn:
        assert any(
            c["status"] == "provisional" for c in mine_evidence.mine(conn, "A", TODAY)["claims"]
        )
        decisions.return_(conn, people["zhang"], survey_id, "请补充", on=TODAY)
        assert not any(
            c["status"] == "provisional" for c in mine_evidence.mine(conn, "A", TODAY)["claims"]
        )


def test_a_preview_changes_nothing_and_tells_what_acceptance_does(
    base, tmp_path, settings, people, file, monkeypatch
):
    path = write(
        tmp_path / "g.geojson", [goaf("A", "G1", x=0.6, water="有", known="否", volume="不清")]
    )
    upload_id = file(path, people["zhao"], submit=False, layer="goaf")
    before = state(settings)
    with connect(settings, "worker", people["zhao"]) as conn:
        moves = preview.preview(conn, upload_id, on=TODAY)
    assert [(m["mine_code"], m["hazard"], m["after"]) for m in moves] == [
        ("A", "hydro", "very_complex")
    ]
    assert moves[0]["why"]["en"]
    assert state(settings) == before

    # Nobody's publication waits for it, and it is reckoned once.
    def twice(*args):
        raise AssertionError("reckoned again")

    with connect(settings, "worker", SYSTEM) as other:
        lock(other)
        monkeypatch.setattr(preview, "would_move", twice)
        with connect(settings, "worker", people["zhao"], snapshot=True) as conn:
            assert preview.kept(conn, upload_id, on=TODAY) == moves
            assert preview.preview(conn, upload_id, on=TODAY) == moves
            assert preview.kept(conn, upload_id, on=date(2020, 1, 1)) is None
        monkeypatch.undo()
        with connect(settings, "worker", people["zhao"], snapshot=True) as conn:
            other_day = preview.preview(conn, upload_id, on=TODAY + timedelta(days=1))
            assert [move["after"] for move in other_day] == ["very_complex"]
        with connect(settings, "worker", people["qian"], snapshot=True) as conn:
            # Kept for all, shown to whom it concerns.
            assert preview.preview(conn, upload_id, on=TODAY) == []
    with connect(settings, "worker", people["zhao"]) as conn:
        survey_id = intake.submit(conn, people["zhao"], upload_id, on=TODAY)
    with connect(settings, "worker", people["zhang"]) as conn:
        assert preview.preview(conn, upload_id, on=TODAY) == moves
        said = decisions.accept(conn, people["zhang"], survey_id, "ok", "doc", on=TODAY)
    told = [{k: m[k] for k in ("mine_code", "hazard", "before", "after")} for m in said["moves"]]
    assert told == [{k: m[k] for k in told[0]} for m in moves]


def test_the_order_of_files_never_shows_in_the_state(template, tmp_path):
    files = [
        ([goaf("A", "G1", x=0.6, water="有", known="否", volume="不清")], "goaf"),
        ([goaf("B", "G2", x=1.02, water="有", volume="300")], "goaf"),
        ([extent("A", "采空区,断层")], "survey_extent"),
    ]
    states = []
    for name, order in (("forward", files), ("backward", files[::-1])):
        folder = tmp_path / name
        folder.mkdir()
        with fresh_database(template, folder) as made:
            accepted = file_two_mines(made, make_people(made), folder)
            for rows, layer in order:
                accepted(rows, layer)
            states.append("\n".join(state(made)))
    assert states[0] == states[1]
    assert "very_complex" in states[0]


def test_incremental_equals_full(base, settings):
    base([goaf("B", "G1", x=1.02, water="有", known="否", volume="不清")], "goaf")
    base([extent("A", "采空区,断层")], "survey_extent")
    partial = state(settings)
    with (
        connect(settings, "worker", SYSTEM) as conn,
        publishing(conn, SYSTEM, "regrade", TODAY) as made,
    ):
        changes = regrade(made, None)
    assert (changes.claims_added, changes.claims_ended, changes.moves) == (0, 0, [])
    assert state(settings) == partial


def test_no_grade_falls_without_a_second_person(base, settings, people, tmp_path, file):
    first, _ = base([goaf("A", "G1", x=0.6, water="有", known="否", volume="不清")], "goaf")
    assert effective(settings, "A", "hydro") == "very_complex"
    path = write(tmp_path / "g2.geojson", [goaf("A", "G1", x=0.6, water="无")])
    upload_id = file(path, people["wang"], submit=False, layer="goaf")
    with connect(settings, "worker", people["wang"]) as conn:
        second = intake.submit(conn, people["wang"], upload_id, supersedes=first, on=TODAY)
    with connect(settings, "worker", people["zhang"]) as conn:
        said = decisions.accept(conn, people["zhang"], second, "ok", "doc", on=TODAY)
    assert said["state"] == "needs_second"
    assert effective(settings, "A", "hydro") == "very_complex"
    with (
        connect(settings, "worker", people["zhang"]) as conn,
        pytest.raises(Problem, match="second"),
    ):
        decisions.settle(conn, people["zhang"], said["proposal"], True, on=TODAY)
    with connect(settings, "worker", people["li"]) as conn:
        decisions.settle(conn, people["li"], said["proposal"], True, on=TODAY)
    assert effective(settings, "A", "hydro") == "simple"
    # Revoked (L17): the old survey stands again, and with it the grade.
    with connect(settings, "worker", people["li"]) as conn:
        decisions.revoke(conn, people["li"], second, "虚假", "撤1号", on=TODAY)
    assert effective(settings, "A", "hydro") == "very_complex"


def test_a_revoked_survey_covers_nothing_and_still_raises(base, settings, people):
    survey_id, _ = base([goaf("A", "G1", x=0.6, water="有", known="否", volume="不清")], "goaf")
    covered, _ = base([extent("A", "采空区")], "survey_extent")

    def goaf_state():
        with connect(settings, "worker", SYSTEM) as conn:
            rows = mine_evidence.mine(conn, "A", TODAY)["coverage"]
        return {r["state"] for r in rows if r["kind"] == "goaf" and r["extent"] == "footprint"}

    assert goaf_state() == {"clear"}
    with connect(settings, "worker", people["zhang"]) as conn:
        decisions.revoke(conn, people["zhang"], covered, "虚假", "撤1号", on=TODAY)
    with connect(settings, "worker", people["zhang"]) as conn:
        decisions.revoke(conn, people["zhang"], survey_id, "虚假", "撤2号", on=TODAY)
    assert goaf_state() == {"unsurveyed"}
    assert effective(settings, "A", "hydro") == "very_complex"
    with connect(settings, "worker", SYSTEM) as conn:
        assert any(c["status"] == "held" for c in mine_evidence.mine(conn, "A", TODAY)["claims"])


def test_a_treated_goaf_ends_by_two_persons_and_history_keeps_it(base, settings, people):
    base([goaf("A", "G1", x=0.6, water="有", known="否", volume="不清")], "goaf")
    with connect(settings, "worker", people["zhang"]) as conn:
        claims = mine_evidence.mine(conn, "A", TODAY)["claims"]
        factor = next(c["factor_key"] for c in claims if c["grade"] == "very_complex")
        seq_before, _ = audit.head(conn)
        wanted = decisions.propose_ending(
            conn, people["zhang"], "factor", factor, "treated", "已疏放充填", "验1号"
        )
    with connect(settings, "worker", people["li"]) as conn:
        decisions.settle(conn, people["li"], wanted, True, on=TODAY)
    assert effective(settings, "A", "hydro") == "simple"
    with connect(settings, "worker", SYSTEM) as conn:
        then = conn.scalar(
            text("SELECT recorded_at FROM minerisk.batch WHERE seq = :s"), {"s": seq_before}
        )
        assert audit.verify(conn).fault is None
    assert effective(settings, "A", "hydro", known=then) == "very_complex"


def test_an_enterprise_cannot_decide_or_end_its_own(base, settings, people):
    with connect(settings, "worker", people["zhao"]) as conn:
        with pytest.raises(Problem) as caught:
            decisions.assert_claim(conn, people["zhao"], "A", "gas", "low", "decision", "x", TODAY)
        assert caught.value.http_status == 403
        claim = mine_evidence.mine(conn, "A", TODAY)["claims"][0]["key"]
        with pytest.raises(Problem):
            decisions.propose_ending(conn, people["zhao"], "claim", claim, "error", "r", "d")


def test_a_declaration_and_an_appraisal_disagree_and_the_higher_prevails(base, settings, people):
    with connect(settings, "worker", people["zhang"]) as conn:
        decisions.assert_claim(
            conn, people["zhang"], "A", "gas", "high", "appraisal", "鉴1号",
            date(2023, 1, 1), valid_to=date(2024, 1, 1), on=TODAY,
        )  # fmt: skip
    with connect(settings, "worker", SYSTEM) as conn:
        line = next(
            x for x in mine_evidence.mine(conn, "A", TODAY)["lines"] if x["hazard"] == "gas"
        )
    # Out of date stays in force, and says so (L3).
    assert (line["determined"], line["effective"], line["overdue"]) == ("high", "high", True)
    assert effective(settings, "A", "gas", on=date(2022, 6, 1)) == "low"


def test_the_same_file_twice_is_one_survey(base, settings, people, tmp_path, file):
    path = write(tmp_path / "g.geojson", [goaf("A", "G1", x=0.6, water="无")])
    one = file(path, people["wang"], layer="goaf")
    assert file(path, people["wang"], layer="goaf") == one


def test_history_is_only_added_to(base, settings):
    for role in ("app", "worker", "owner", "admin"):
        for act in (
            "UPDATE minerisk.claim SET grade = NULL",
            "DELETE FROM minerisk.batch",
            "TRUNCATE minerisk.batch CASCADE",
        ):
            with engine(settings, role).connect() as conn, pytest.raises(DBAPIError):
                conn.execute(text(act))


def test_the_chain_tells_of_a_row_changed_behind_its_back(base, settings):
    with connect(settings, "worker", SYSTEM) as conn:
        assert audit.verify(conn).fault is None
    with engine(settings, "admin").connect() as conn:
        conn.execute(text("SET session_replication_role = replica"))
        conn.execute(
            text("UPDATE minerisk.feature SET error_m = error_m + 1 WHERE layer = 'plan_item'")
        )
        conn.commit()
    with connect(settings, "worker", SYSTEM) as conn:
        found = audit.verify(conn)
    assert found.fault == "rows"


def test_who_is_nobody_sees_nothing_and_pooled_identities_do_not_leak(base, settings, people):
    count = text("SELECT count(*) FROM minerisk.feature")
    with connect(settings, "app") as conn:
        assert conn.scalar(count) == 0
    for _ in range(5):
        with connect(settings, "app", people["zhao"]) as conn:
            assert set(conn.scalars(text("SELECT mine_code FROM minerisk.feature"))) == {"A"}
        with connect(settings, "app", people["far"]) as conn:
            assert conn.scalar(count) == 0
            conn.rollback()


def test_a_file_that_cannot_be_read_leaves_nothing_and_the_next_one_works(
    base, settings, people, tmp_path, file
):
    bad = Path(tmp_path / "bad.shp")
    bad.write_text("this is no shapefile")
    upload_id = file(bad, people["wang"], submit=False)
    with connect(settings, "app", people["wang"]) as conn:
        status = intake.upload_status(conn, upload_id)
        assert status["state"] == "failed"
        assert Problem(status["problem"]["code"], **status["problem"]["params"]).say("zh")
        assert conn.scalar(text("SELECT count(*) FROM staging.staged_feature")) == 0
    base([goaf("A", "G1", x=0.6, water="无")], "goaf")


REAL = SHARED / "coal_mines_shanxi_gem.geojson"


@pytest.mark.skipif(not REAL.exists(), reason="../shared/data is absent")
def test_real_boundaries_go_through_the_whole_door(settings, people):
    survey_id = filed(settings, REAL, people["wang"])
    with connect(settings, "worker", people["zhang"]) as conn:
        said = decisions.accept(conn, people["zhang"], survey_id, "ok", "doc", on=TODAY)
    assert said["state"] == "accepted"
    with connect(settings, "app", people["zhang"]) as conn:
        report = survey_queries.survey(conn, survey_id)["report"]
        assert (report["rows"], report["stored"], report["refused"]) == (342, 58, 284)
        mines = mine_queries.mines(conn, TODAY)
    assert len(mines) == 50
    # Nobody surveyed or graded them: unclear, and undetermined, never low.
    assert all(mine["unclear"] for mine in mines)
    assert not any(line["effective"] for mine in mines for line in mine["lines"])
    with connect(settings, "worker", SYSTEM) as conn:
        drawn = conn.scalar(text("SELECT sum(ST_Area(geom::geography)) FROM minerisk.feature"))
    # A mine is some square kilometres, not hectares nor counties.
    assert 1e6 < drawn / 50 < 2e8
