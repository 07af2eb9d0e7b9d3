"""Screening with what it needs on record, answered by a person, and read by nobody it asks about."""

from datetime import date

import pytest

from geo.problems import Problem
from geo.store import audit, batches, decisions, intake, mine_queries, screening
from geo.store.engine import SYSTEM, connect
from geo.store.findings import crossings
from tests.conftest import TODAY, filed
from tests.county import boundary, extent, goaf, panel, rect, write

pytestmark = pytest.mark.database
# The extent of the county's survey: fieldwork from 2024-03-01 to 2024-05-01 by 某院.
UNIT = "某院"


@pytest.fixture
def base(two_mines):
    two_mines([extent("A", "采空区")], "survey_extent")
    return two_mines


@pytest.fixture
def act(base, settings, people):
    def done(what, *given, by="zhang"):
        with connect(settings, "worker", people[by]) as conn:
            return what(conn, people[by], *given, on=TODAY)

    return done


def found(settings, check, codes=("A", "B"), known=None):
    with connect(settings, "worker", SYSTEM) as conn:
        rows = screening.findings(conn, list(codes), known)
    return [row for row in rows if row["check"] == check]


def test_fieldwork_outside_the_contract_is_asked_about_once_there_is_one(act, settings):
    assert found(settings, "outside_contract") == []
    act(screening.record_contract, "A", UNIT, date(2024, 3, 11), date(2024, 6, 1), "合同1号")
    (asked,) = found(settings, "outside_contract")
    # Ten days before it began.
    assert (asked["measure"], asked["unit"]) == (10.0, "d")
    assert asked["survey"]["survey_unit"] == UNIT
    # An extension that covers it ends the question.
    act(screening.record_contract, "A", UNIT, date(2024, 2, 1), None, "补充协议")
    assert found(settings, "outside_contract") == []


def test_a_survey_that_repeats_the_one_it_replaces_is_asked_about(base, settings, people, tmp_path):
    rows = [goaf("A", "G1", x=0.6, water="无"), goaf("A", "G2", x=0.7, water="无")]
    first, _ = base(rows, "goaf")
    assert found(settings, "copied") == []
    # Every word the same but one row: another file, said to be another survey.
    path = write(tmp_path / "again.geojson", [*rows, goaf("A", "G3", x=0.8, water="无")])
    upload_id = filed(settings, path, people["wang"], submit=False, layer="goaf")
    with connect(settings, "worker", people["wang"]) as conn:
        second = intake.submit(conn, people["wang"], upload_id, supersedes=first, on=TODAY)
    (asked,) = found(settings, "copied")
    assert (asked["survey"]["id"], asked["other_survey"]["id"]) == (second, first)
    with connect(settings, "worker", people["zhang"]) as conn:
        decisions.accept(conn, people["zhang"], second, "ok", "doc", on=TODAY)
    (asked,) = found(settings, "copied")
    assert (asked["survey"]["id"], asked["other_survey"]["id"]) == (second, first)
    assert (asked["measure"], asked["unit"]) == (2.0, "factors")


def test_output_with_no_new_goaf_is_asked_about_and_a_corrected_figure_counts(act, settings):
    year = (date(2023, 1, 1), date(2023, 12, 31))
    act(screening.record_output, "A", *year, 900000.0, "年报")
    (asked,) = found(settings, "too_little_void")
    assert asked["evidence"]["output_t"] == 900000.0
    act(screening.record_output, "A", *year, 500000.0, "更正")
    (asked,) = found(settings, "too_little_void")
    assert asked["evidence"]["output_t"] == 500000.0
    for bad in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(Problem) as refused:
            act(screening.record_output, "A", *year, bad, "d")
        assert refused.value.code == "screening.tonnes"


def test_an_answer_stands_beside_its_finding_and_moves_no_grade(act, settings, people):
    act(screening.record_output, "A", date(2023, 1, 1), date(2023, 12, 31), 900000.0, "年报")
    (asked,) = found(settings, "too_little_void")
    with connect(settings, "worker", SYSTEM) as conn:
        before = mine_queries.mines(conn, TODAY)
        known = batches.seq_at(conn, None)
    act(screening.answer, "A", asked["key"], "asked", "已发函")
    act(screening.answer, "A", asked["key"], "explained", "全年掘进，无采煤")
    (now,) = found(settings, "too_little_void")
    assert now["state"] == "explained"
    assert [one["outcome"] for one in now["answers"]] == ["explained", "asked"]
    (then,) = found(settings, "too_little_void", known=known)
    assert then["state"] == "open"
    with connect(settings, "worker", SYSTEM) as conn:
        assert mine_queries.mines(conn, TODAY) == before
        assert audit.verify(conn).fault is None
    with pytest.raises(Problem) as refused:
        act(screening.answer, "A", "no such finding", "asked", "r")
    assert refused.value.http_status == 404


def test_nobody_it_asks_about_reads_the_answers(act, settings, people):
    from sqlalchemy import text

    act(screening.record_output, "A", date(2023, 1, 1), date(2023, 12, 31), 900000.0, "年报")
    (asked,) = found(settings, "too_little_void")
    act(screening.answer, "A", asked["key"], "doubtful", "转复核")
    for login in people:
        with connect(settings, "app", people[login]) as conn:
            seen = conn.scalar(text("SELECT count(*) FROM minerisk.screening_answer"))
        assert seen == (login in ("zhang", "li", "admin")), login


def test_only_the_districts_regulator_records_and_answers(act):
    for by, status in (("far", 404), ("zhao", 403), ("qian", 404), ("wang", 403), ("admin", 403)):
        for what in (
            (screening.record_contract, "A", UNIT, None, None, "d"),
            (screening.record_output, "A", TODAY, TODAY, 1.0, "d"),
            (screening.answer, "A", "k", "asked", "r"),
        ):
            with pytest.raises(Problem) as refused:
                act(*what, by=by)
            assert refused.value.http_status == status, (by, what[0])


def test_crossings_are_as_known_then(base, settings, people, tmp_path):
    def beyond(known=None):
        with connect(settings, "worker", SYSTEM) as conn:
            return [(r["mine_code"], r["what"]) for r in crossings(conn, ["A", "B"], TODAY, known)]

    assert beyond() == []
    with connect(settings, "worker", SYSTEM) as conn:
        known = batches.seq_at(conn, None)
    path = write(tmp_path / "p.geojson", [panel("A", "3199", x=0.9)])
    survey_id = filed(settings, path, people["wang"], layer="plan_item")
    with connect(settings, "worker", people["zhang"]) as conn:
        decisions.accept(conn, people["zhang"], survey_id, "ok", "doc", on=TODAY)
    assert beyond() == [("A", "plan")]
    assert beyond(known) == []
    # A licence from 2025 with all that ground judges no panel of 2024: the one of its day does.
    row, _ = boundary("A", "甲公司")
    wide = [(row | {"有效期起": day}, rect(0, 0, width, 1)) for day, width in (("2015-01-01", 1), ("2025-01-01", 1.2))]  # fmt: skip
    base(wide[:1], "mine_boundary")
    base(wide[1:], "mine_boundary")
    with connect(settings, "worker", SYSTEM) as conn:
        (row,) = [r for r in crossings(conn, ["A"], TODAY) if r["what"] == "plan"]
    assert (row["standing"], row["other_mine"]) == ("in_force", "B")


def test_a_goaf_in_the_time_accounts_for_output(base, act, settings):
    row, shape = goaf("A", "G1", x=0.6, water="无")
    base([(row | {"形成时间": "2023-06-01", "采高": 3.0}, shape)], "goaf")
    act(screening.record_output, "A", date(2023, 1, 1), date(2023, 12, 31), 1000.0, "年报")
    assert found(settings, "too_little_void") == []
