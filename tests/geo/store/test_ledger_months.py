"""The ledger by month: kept as it stood, reckoned anew to the same rows, and works sent back by Excel."""

from datetime import date, timedelta

import openpyxl
import pytest
from sqlalchemy import text

from geo import clock
from geo.report.ledger import write_works_form, write_xlsx
from geo.rules import national_rules
from geo.store import audit, decisions, findings, intake, ledger_months
from geo.store.engine import SYSTEM, connect
from geo.store.jobs import sweep_once
from geo.survey.ledger import LEDGER, WORKS
from tests.conftest import TODAY, filed
from tests.county import goaf

pytestmark = pytest.mark.database

NEXT = (clock.today().replace(day=1) + timedelta(days=32)).replace(day=1)
MONTH = f"{NEXT - timedelta(days=1):%Y-%m}"


@pytest.fixture
def base(two_mines):
    """Two mines; a wet goaf of A lies near B as well."""
    two_mines([goaf("A", "G1", x=0.94, water="有", volume="300")], "goaf")
    return two_mines


def reckoned(settings, codes, on=TODAY):
    with connect(settings, "worker", SYSTEM) as conn:
        return findings.ledger(conn, codes, on)


def test_a_month_is_kept_once_it_is_over_and_stays_as_it_was(base, settings, people):
    with connect(settings, "worker", SYSTEM) as conn:
        # The month that runs is not over.
        assert ledger_months.keep_due(conn, NEXT - timedelta(days=1)) == []
        assert ledger_months.keep_due(conn, NEXT) == [MONTH]
        assert ledger_months.keep_due(conn, NEXT) == []
    live = reckoned(settings, ["A", "B"], NEXT - timedelta(days=1))
    base([goaf("A", "G2", x=0.7, water="无")], "goaf")
    with connect(settings, "app", people["zhang"]) as conn:
        found = ledger_months.kept(conn, MONTH)
        (listed,) = ledger_months.months(conn)
    assert {row["code"] for row in found["rows"]} == {"G1"}
    assert (found["kinds"], found["places"], found["total"]) == (
        live["kinds"],
        live["places"],
        live["total"],
    )
    assert [row["number"] for row in found["rows"]] == list(range(1, len(found["rows"]) + 1))
    assert listed["known_seq"] == found["known_seq"]
    assert {row["code"] for row in reckoned(settings, ["A", "B"])["rows"]} == {"G1", "G2"}
    with connect(settings, "worker", SYSTEM) as conn:
        # What came after changes nothing of what the facts of then give.
        assert ledger_months.differing(conn, MONTH) == []
        assert audit.verify(conn).fault is None


def test_a_kept_row_that_was_tampered_with_shows(base, settings):
    with connect(settings, "worker", SYSTEM) as conn:
        ledger_months.keep_due(conn, NEXT)
    from geo.store.engine import engine

    with engine(settings, "admin").begin() as conn:
        conn.execute(text("ALTER TABLE minerisk.ledger_month DISABLE TRIGGER ALL"))
        conn.execute(text("UPDATE minerisk.ledger_month SET rows = '[]' WHERE mine_code = 'A'"))
        conn.execute(text("ALTER TABLE minerisk.ledger_month ENABLE TRIGGER ALL"))
    with connect(settings, "worker", SYSTEM) as conn:
        assert ledger_months.differing(conn, MONTH) == ["A"]
        assert audit.verify(conn).fault == "rows"


def test_the_worker_keeps_it_and_each_sees_their_own(base, settings, people):
    sweep_once(settings, NEXT)
    seen = {}
    for login in people:
        with connect(settings, "app", people[login]) as conn:
            found = ledger_months.kept(conn, MONTH)
        seen[login] = {row["mine_code"] for row in found["rows"]} if found else None
    assert seen["zhang"] == seen["admin"] == {"A", "B"}
    assert (seen["zhao"], seen["qian"]) == ({"A"}, {"B"})
    assert seen["far"] is None
    assert seen["wang"] is None


def test_what_was_found_or_ended_later_is_not_on_the_ledger_of_a_day(base, settings):
    # The goaf was observed on 2024-05-10.
    assert reckoned(settings, ["A"], date(2024, 5, 9))["rows"] == []
    (row,) = reckoned(settings, ["A"], date(2024, 5, 10))["rows"]
    assert row["code"] == "G1"


def _filled(path, data, **values):
    """Fill the form in as an engineer does, and delete the rows of other mines."""
    write_works_form(path, data)
    book = openpyxl.load_workbook(path)
    sheet = book.active
    heads = [one.value for one in sheet[1]]
    for name, value in values.items():
        sheet.cell(2, heads.index(name) + 1, value)
    while sheet.max_row > 2:
        sheet.delete_rows(3)
    book.save(path)
    return path


def test_works_go_out_and_come_back_by_excel_as_any_file(base, settings, people, tmp_path):
    form = _filled(
        tmp_path / "治理工程.xlsx", reckoned(settings, ["A"]),
        编号="ZL-1", 工程措施="疏放水", 投资=120, 责任人="某矿", 治理期限="2024-08-31", 开工日期="2024-06-01",
        治理进展="治理中",
    )  # fmt: skip
    survey_id = filed(settings, form, people["zhao"], layer="treatment_works")
    with connect(settings, "worker", people["zhang"]) as conn:
        decisions.accept(conn, people["zhang"], survey_id, "ok", "doc", on=TODAY)
    data = reckoned(settings, ["A"])
    (work,) = data["works"]
    assert (work["code"], work["target_code"], work["budget"]) == ("ZL-1", "G1", 120)
    # One day after the deadline.
    assert work["days_late"] == (TODAY - date(2024, 8, 31)).days
    row = next(r for r in data["rows"] if r["code"] == "G1")
    assert (row["funds"], row["responsible"], row["state"]) == (120, "某矿", "under_way")
    assert data["overdue"] == [row["number"]]
    # Sent out again, it carries what is on record.
    write_works_form(tmp_path / "again.xlsx", data)
    sheet = openpyxl.load_workbook(tmp_path / "again.xlsx").active
    heads = [one.value for one in sheet[1]]
    (line,) = [one for one in sheet.iter_rows(min_row=2, values_only=True) if "G1" in one]
    assert line[heads.index("责任人")] == "某矿"
    assert line[heads.index("治理期限")] == "2024-08-31"
    # Sent back as it is, it says the same.
    survey_id = filed(settings, tmp_path / "again.xlsx", people["zhao"], layer="treatment_works")
    with connect(settings, "worker", people["zhang"]) as conn:
        decisions.accept(conn, people["zhang"], survey_id, "ok", "doc", on=TODAY)
    again = reckoned(settings, ["A"])
    assert (again["works"], again["rows"]) == (data["works"], data["rows"])


def test_a_wrong_cell_of_the_form_is_told_by_row_and_field(base, settings, people, tmp_path):
    form = _filled(
        tmp_path / "治理工程.xlsx", reckoned(settings, ["A"]), 编号="ZL-1", 治理期限="下个月", 投资="很多"
    )  # fmt: skip
    upload_id = filed(settings, form, people["zhao"], submit=False, layer="treatment_works")
    with connect(settings, "worker", SYSTEM) as conn:
        found = intake.upload_status(conn, upload_id)
        told = intake.upload_notes(conn, upload_id)
    assert found["result"]["rows"] == found["result"]["stored"] + found["result"]["refused"]
    said = str(told)
    assert "下个月" in said
    assert "很多" in said


def test_the_book_has_every_column_and_both_counts(base, settings, tmp_path):
    data = reckoned(settings, ["A", "B"])
    data["rows"][0]["responsible"] = "=1+1"
    write_xlsx(tmp_path / "l.xlsx", data, national_rules(), "zh")
    rows, works, counts = openpyxl.load_workbook(tmp_path / "l.xlsx").worksheets
    assert rows.max_column == len(LEDGER) - 1
    assert works.max_column == len(WORKS)
    # What somebody typed is a text, whatever it begins with.
    assert not any(one.data_type == "f" for row in rows.iter_rows() for one in row)
    assert rows.print_title_rows == "$1:$3"
    assert rows.page_setup.orientation == "landscape"
    table = [[one.value for one in row] for row in counts.iter_rows()]
    by_name = {row[0].strip("　"): row[1:3] for row in table if row[0] and row[1] is not None}
    # One goaf, met by both mines.
    assert by_name["山西省"] == by_name["原平市"] == [1, 2]
    assert by_name["A矿"] == by_name["B矿"] == [1, 1]
    assert by_name["甲公司"] == [1, 1]
