"""Objections: put on record by the mine's own enterprise, decided by its regulator, seen by no other."""

import os
import zipfile

import pytest
from sqlalchemy import text

from geo import attachments
from geo.doctor import examine
from geo.problems import Problem
from geo.store import audit, decisions, mine_evidence, objections
from geo.store.engine import SYSTEM, connect
from tests.conftest import TODAY
from tests.county import goaf
from tests.geo.store.test_line import effective

pytestmark = pytest.mark.database

PDF = b"%PDF-1.7 \xe5\xbc\x82\xe8\xae\xae"


@pytest.fixture
def base(settings, two_mines):
    """Two mines; a wet goaf has made mine A very complex."""
    two_mines([goaf("A", "G1", x=0.6, water="有", known="否", volume="不清")], "goaf")
    assert effective(settings, "A", "hydro") == "very_complex"


@pytest.fixture
def act(base, settings, people):
    def done(what, *given, by, **more):
        with connect(settings, "worker", people[by]) as conn:
            return what(conn, people[by], *given, on=TODAY, **more)

    return done


@pytest.fixture
def paper(tmp_path):
    path = tmp_path / "sent"
    path.write_bytes(PDF)
    return ("水文地质报告.pdf", path)


@pytest.fixture
def filed(act, settings, paper):
    return act(
        objections.object_to, settings, "A", "hydro", "已疏放", [paper], wanted="simple", by="zhao"
    )


def seen(settings, people, login):
    with connect(settings, "app", people[login]) as conn:
        return objections.objections(conn)


def test_an_objection_is_on_record_and_suspends_nothing(filed, settings, people):
    (row,) = seen(settings, people, "zhao")
    assert (row["id"], row["state"], row["grade"], row["wanted"]) == (filed, "open", "very_complex", "simple")  # fmt: skip
    assert effective(settings, "A", "hydro") == "very_complex"
    with connect(settings, "worker", SYSTEM) as conn:
        assert audit.verify(conn).fault is None
        assert mine_evidence.mine(conn, "A", TODAY)["history"][0]["kind"] == "objection"
    with connect(settings, "app", people["zhao"]) as conn:
        entry, path = objections.attachment(conn, settings, filed, row["attachments"][0]["sha256"])
    # Old bytes that no record names are swept; these are named.
    os.utime(path, (0, 0))
    examine(settings, mend=True)
    assert (entry["name"], path.read_bytes()) == ("水文地质报告.pdf", PDF)


def test_only_those_whose_it_is_see_it_and_its_files(filed, settings, people):
    sha256 = seen(settings, people, "zhao")[0]["attachments"][0]["sha256"]
    for login in people:
        with connect(settings, "app", people[login]) as conn:
            found = objections.attachment(conn, settings, filed, sha256)
            rows = objections.objections(conn) + objections.objections(conn, "A")
        may = login in ("zhao", "zhang", "li", "admin")
        assert (bool(found), bool(rows)) == (may, may), login
        with connect(settings, "app", people[login]) as conn:
            counted = conn.scalar(text("SELECT count(*) FROM minerisk.objection"))
        assert counted == may


def test_only_the_mines_own_enterprise_objects(act, settings):
    for by, status in (
        ("qian", 404),
        ("zhang", 403),
        ("wang", 403),
        ("rival", 404),
        ("far", 404),
        ("admin", 403),
    ):
        with pytest.raises(Problem) as refused:
            act(objections.object_to, settings, "A", "hydro", "不服", by=by)
        assert refused.value.http_status == status, by


def test_one_objection_to_a_grade_at_a_time(filed, act, settings):
    with pytest.raises(Problem) as refused:
        act(objections.object_to, settings, "A", "hydro", "还是不服", by="zhao")
    assert refused.value.code == "objections.open"
    act(objections.object_to, settings, "A", "gas", "另一项", by="zhao")


def test_returned_with_remarks_it_may_be_raised_again(filed, act, settings, people):
    with pytest.raises(Problem) as refused:
        act(objections.answer, filed, "returned", " ", by="zhang")
    assert refused.value.code == "store.remark_wanted"
    act(objections.answer, filed, "returned", "请补充疏放水记录", by="zhang")
    (row,) = seen(settings, people, "zhao")
    assert (row["state"], row["answer"]["reason"]) == ("returned", "请补充疏放水记录")
    act(objections.object_to, settings, "A", "hydro", "补充记录", by="zhao")


def test_a_changed_grade_is_a_floor_and_lowers_nothing(filed, act, settings, people):
    said = act(objections.answer, filed, "changed", "核实", "调字1号", grade="medium", by="zhang")
    # The goaf still stands: the highest line prevails, and the answer says so.
    assert said["effective"] == "very_complex"
    with connect(settings, "app", people["zhao"]) as conn:
        found = mine_evidence.mine(conn, "A", TODAY)
        (row,) = objections.objections(conn)
    line = next(x for x in found["lines"] if x["hazard"] == "hydro")
    assert (line["decided"], line["effective"]) == ("medium", "very_complex")
    assert (row["state"], row["answer"]["grade"]) == ("changed", "medium")
    assert found["history"][0]["kind"] == "objection_answer"
    assert not any(x["hazard"] == "hydro" for x in found["history"][0]["changes"])


def test_a_changed_grade_may_raise_at_once(act, settings):
    made = act(objections.object_to, settings, "A", "gas", "应为高", by="zhao")
    said = act(objections.answer, made, "changed", "属实", "调字2号", grade="high", by="zhang")
    assert said["effective"] == effective(settings, "A", "gas") == "high"


def test_only_the_districts_regulator_decides_and_once(filed, act):
    for by, status in (("far", 404), ("zhao", 403), ("qian", 404), ("wang", 404), ("admin", 403)):
        with pytest.raises(Problem) as refused:
            act(objections.answer, filed, "kept", "r", "d", by=by)
        assert refused.value.http_status == status, by
    with pytest.raises(Problem) as refused:
        act(objections.answer, filed, "kept", "依据充分", "", by="zhang")
    assert refused.value.code == "store.reason_wanted"
    act(objections.answer, filed, "kept", "依据充分", "维字1号", by="zhang")
    with pytest.raises(Problem) as refused:
        act(objections.answer, filed, "changed", "r", "d", grade="medium", by="li")
    assert refused.value.code == "store.settled"


def test_what_was_known_before_the_answer_stays_so(filed, act, settings, people):
    with connect(settings, "worker", SYSTEM) as conn:
        before = conn.scalar(text("SELECT max(recorded_at) FROM minerisk.batch"))
    act(objections.answer, filed, "kept", "依据充分", "维字1号", by="zhang")
    with connect(settings, "app", people["zhao"]) as conn:
        assert objections.objections(conn, known_at=before)[0]["state"] == "open"
        assert objections.objections(conn)[0]["state"] == "kept"


def _docx(path, *more):
    with zipfile.ZipFile(path, "w") as packed:
        for name in ("[Content_Types].xml", "word/document.xml", *more):
            packed.writestr(name, "x")
    return path


def test_no_programme_comes_in_under_a_documents_name(tmp_path):
    plain = tmp_path / "x"
    for name, content, code in (
        ("a.exe", b"MZ\x90", "attachments.kind"),
        ("a.pdf", b"MZ\x90", "attachments.kind"),
        ("a.html", b"<script>", "attachments.kind"),
        ("a.svg", b"<svg>", "attachments.kind"),
        ("a.docx", b"PK\x03\x04 no zip", "attachments.kind"),
        ("a.pdf", b"", "store.empty_file"),
        ("../../etc/a.pdf", PDF, "reader.name.climbs"),
    ):
        plain.write_bytes(content)
        with pytest.raises(Problem) as refused:
            attachments.check(name, plain)
        assert refused.value.code == code, name
    attachments.check("a.docx", _docx(tmp_path / "good"))
    with pytest.raises(Problem) as refused:
        attachments.check("a.xlsx", tmp_path / "good")
    assert refused.value.code == "attachments.kind"
    with pytest.raises(Problem) as refused:
        attachments.check("a.docx", _docx(tmp_path / "macro", "word/vbaProject.bin"))
    assert refused.value.code == "attachments.macro"
    with plain.open("wb") as large:
        large.write(PDF)
        large.truncate((attachments.limits().mib << 20) + 1)
    with pytest.raises(Problem) as refused:
        attachments.check("a.pdf", plain)
    assert refused.value.http_status == 413


def test_refused_files_leave_no_objection(act, settings, people, tmp_path):
    bad = tmp_path / "bad"
    bad.write_bytes(b"MZ")
    with pytest.raises(Problem):
        act(objections.object_to, settings, "A", "hydro", "r", [("x.pdf", bad)], by="zhao")
    assert seen(settings, people, "zhao") == []


def test_a_decided_grade_is_told_by_its_document_once(filed, act):
    act(decisions.assert_claim, "A", "hydro", "medium", "decision", "调字1号", TODAY, by="zhang")
    with pytest.raises(Problem) as refused:
        act(objections.answer, filed, "changed", "r", "调字1号", grade="medium", by="zhang")
    assert refused.value.code == "store.said_before"
