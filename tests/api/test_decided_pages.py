"""Pages of what is decided and found: crossings, ledger, screening, and files of an objection."""

import io
from datetime import timedelta

import openpyxl
import pytest

from geo import attachments, clock
from geo.messages import say
from geo.store import decisions, ledger_months, objections
from geo.store.engine import SYSTEM, connect
from tests.conftest import TODAY, filed
from tests.county import goaf, panel, write

pytestmark = pytest.mark.database


@pytest.fixture
def accepted(settings, people, tmp_path):
    def done(rows, layer):
        path = write(tmp_path / f"{layer}.geojson", rows)
        survey_id = filed(settings, path, people["wang"], layer=layer)
        with connect(settings, "worker", people["zhang"]) as conn:
            decisions.accept(conn, people["zhang"], survey_id, "ok", "doc", on=TODAY)

    return done


def book(answer):
    assert answer.status_code == 200
    return openpyxl.load_workbook(io.BytesIO(answer.content))


def test_a_working_beyond_its_licence_is_on_the_board_and_in_its_sheet(accepted, client_of):
    accepted([panel("A", "3199", x=0.9)], "plan_item")
    zhang = client_of("zhang")
    page = zhang.get("/boards/crossings").text
    row = next(part for part in page.split("<tr>") if "3199" in part)
    assert say("crossing.what.plan", "zh") in row
    assert say("crossing.standing.in_force", "zh") in row
    (cells,) = [
        one
        for one in book(zhang.get("/boards/crossings.xlsx")).active.iter_rows(values_only=True)
        if "A" in one
    ]
    assert say("crossing.what.plan", "zh") in cells
    assert [r["what"] for r in zhang.get("/api/v1/crossings").json()] == ["plan"]
    # Its own enterprise is asked, the neighbour's is not told.
    assert "3199" in client_of("zhao").get("/boards/crossings").text
    assert "3199" not in client_of("qian").get("/boards/crossings").text


def test_the_ledger_of_a_month_is_shown_as_it_was_kept(accepted, client_of, settings):
    accepted([goaf("A", "G1", x=0.94, water="无")], "goaf")
    over = (clock.today().replace(day=1) + timedelta(days=32)).replace(day=1)
    with connect(settings, "worker", SYSTEM) as conn:
        (month,) = ledger_months.keep_due(conn, over)
    accepted([goaf("A", "G2", x=0.7, water="无")], "goaf")
    zhang, qian = client_of("zhang"), client_of("qian")
    now, kept = (zhang.get(at).text for at in ("/ledger", f"/ledger?month={month}"))
    assert "G2" in now
    assert "G2" not in kept
    assert "G1" in kept
    rows = book(zhang.get(f"/ledger.xlsx?month={month}")).worksheets[0]
    assert [row[4] for row in rows.iter_rows(min_row=4, values_only=True) if row[0] in (1, 2)] == ["G1", "G1"]  # fmt: skip
    # The neighbour reads its own exposure and no other mine's.
    assert {row["mine_code"] for row in qian.get("/api/v1/ledger").json()["rows"]} == {"B"}
    assert zhang.get("/ledger?month=1999-01").status_code == 404
    assert zhang.get("/ledger?month=rubbish").status_code == 404
    assert qian.get("/ledger?mine=A").status_code == 404
    form = book(zhang.get("/ledger/works.xlsx?mine=A")).active
    assert {row[3] for row in form.iter_rows(min_row=2, values_only=True)} == {"G1", "G2"}


def test_a_finding_is_answered_by_form(client_of):
    zhang = client_of("zhang")
    token = {"csrf": zhang.headers["x-csrf-token"]}
    known = {"since": "2023-01-01", "until": "2023-12-31", "tonnes": "900,000", "document": "年报"}
    zhang.post("/screening/outputs", data=token | known | {"mine": "A"})
    (asked,) = zhang.get("/api/v1/screening").json()
    form = {"finding": asked["key"], "outcome": "explained", "reason": "全年掘进"}
    page = zhang.post("/mines/A/screening", data=token | form).text
    assert "全年掘进" in page
    assert say("web.screening.state.explained", "zh") in page
    bad = zhang.post("/screening/outputs", data=token | known | {"mine": "A", "tonnes": "many"})
    assert say("screening.tonnes", "zh") in bad.text


def test_a_file_is_handed_back_to_be_saved_and_runs_nothing(client_of, settings, people, tmp_path):
    sent = tmp_path / "x"
    sent.write_bytes(b"%PDF-1.7 <script>")
    name = '报告";x=.pdf'
    with connect(settings, "worker", people["zhao"]) as conn:
        made = objections.object_to(conn, people["zhao"], settings, "A", "gas", "r", [(name, sent)])
    (file,) = client_of("zhao").get(f"/api/v1/objections/{made}").json()["attachments"]
    for at in ("/api/v1", ""):
        answer = client_of("zhang").get(f"{at}/objections/{made}/files/{file['sha256']}")
        assert answer.content == sent.read_bytes()
        assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
        assert '"' not in answer.headers["content-disposition"]
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_large_file_is_taken_and_a_larger_one_is_told(client_of):
    zhao = client_of("zhao")
    limit = attachments.limits().mib << 20
    form = {"hazard": "gas", "reason": "r"}
    large = b"%PDF-" + b"x" * (limit - 5)
    over = zhao.post("/api/v1/mines/A/objections", data=form, files={"files": ("a.pdf", large + b"x")})  # fmt: skip
    assert (over.status_code, over.json()["code"]) == (413, "attachments.too_large")
    assert zhao.get("/api/v1/objections").json() == []
    taken = zhao.post("/api/v1/mines/A/objections", data=form, files={"files": ("a.pdf", large)})
    assert taken.status_code == 201
    many = [("files", (f"{n}.pdf", b"%PDF-")) for n in range(attachments.limits().files + 1)]
    crowd = zhao.post("/api/v1/mines/A/objections", data={**form, "hazard": "hydro"}, files=many)
    assert crowd.json()["code"] == "attachments.too_many"
