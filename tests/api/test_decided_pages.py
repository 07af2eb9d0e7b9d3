"""Pages of what is decided and found: crossings, ledger, screening, and files of an objection."""

import io
import re
from datetime import date, timedelta
from html import unescape

import openpyxl
import pytest

from geo import attachments, clock
from geo.messages import say
from geo.report.grades import write_xlsx
from geo.rules import national_rules
from geo.store import decisions, ledger_months, objections
from geo.store.engine import SYSTEM, connect
from geo.survey.why import field_name
from tests.conftest import TODAY, filed
from tests.county import goaf, panel, write
from tests.geo.store.test_rule_sets import OWN, install

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


def words_of(page):
    """Return what stands between the tags of a page: a token in one may well read G7."""
    return re.sub("<[^>]*>", "", page)


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
    # Its number comes after the page, for it takes longer.
    boards = zhang.get("/boards").text
    assert 'hx-get="/boards/crossings/count"' in boards
    assert say("web.foot.printed", "zh", on=clock.today()) in boards
    assert re.sub("<[^>]*>|\\s", "", zhang.get("/boards/crossings/count").text) == "1"
    # Both times are asked for apart: nothing of it was known before it was filed.
    before = {"known_at": (TODAY - timedelta(days=1)).isoformat(), "on": date.today().isoformat()}
    assert "3199" not in words_of(zhang.get("/boards/crossings", params=before).text)
    first = zhang.get("/boards", params=before).text
    assert f'value="{before["known_at"]}"' in first
    assert f"/boards/crossings?on={before['on']}&amp;known_at={before['known_at']}" in first
    # Its own enterprise is asked, the neighbour's is not told.
    assert "3199" in client_of("zhao").get("/boards/crossings").text
    assert "3199" not in words_of(client_of("qian").get("/boards/crossings").text)


def test_an_unclear_factor_is_resolved_by_a_plan_with_a_person_and_a_day(accepted, client_of):
    row, place = goaf("A", "G7", x=0.7, water="不清")
    guessed, beside = goaf("A", "G8", x=0.8, water="无")
    accepted(
        [({**row, "验证状态": "不清"}, place), ({**guessed, "验证状态": "推断"}, beside)], "goaf"
    )
    zhao, zhang, qian = client_of("zhao"), client_of("zhang"), client_of("qian")
    page = zhang.get("/boards/unresolved").text
    assert say("web.measure.none", "zh") in page
    assert "G7" in page
    assert "G8" not in words_of(page)
    assert "G8" in zhang.get("/boards/inferred").text
    assert "G7" not in words_of(qian.get("/boards/unresolved").text)
    target = page.split('<option value="A ', 1)[1].split('"', 1)[0]
    plan = {"target": f"A {target}", "measures": "钻探两孔", "responsible": "王工"}

    def sent(client, **more):
        form = plan | {"csrf": client.headers["x-csrf-token"]} | more
        return client.post("/measures", data=form, follow_redirects=False).status_code

    assert sent(zhao, due="") == 422
    assert sent(qian, due="2024-10-01") == 404
    assert sent(zhao, due="2024-10-01") == 303
    for client in (zhao, zhang):
        rows = book(client.get("/boards/unresolved.xlsx")).active.iter_rows(values_only=True)
        (told,) = [one for one in rows if "钻探两孔" in one]
        assert "王工" in told
    filed = book(zhang.get("/lists/surveys.xlsx")).active.iter_rows(values_only=True)
    assert any("goaf.geojson" in one for one in filed)
    assert "goaf" not in str(
        list(book(qian.get("/lists/surveys.xlsx")).active.iter_rows(values_only=True))
    )
    for name in ("submissions", "proposals", "objections"):
        assert book(zhang.get(f"/lists/{name}.xlsx")).active.max_row == 3
    # Its day is past, and it is unclear still.
    assert say("web.board.late.measure", "zh") in zhang.get("/boards/late").text
    assert say("layer.goaf", "zh") in zhang.get("/boards/unsurveyed").text
    for name in ("unsurveyed", "inferred", "unresolved", "supply"):
        assert f"/boards/{name}" in zhang.get("/boards").text


def test_the_register_lists_mines_with_their_lines_as_asked(client_of):
    zhang, zhao = client_of("zhang"), client_of("zhao")
    page = zhang.get("/mines?hazard=gas&sort=name").text
    assert "A矿" in page
    assert "B矿" in page
    gas = say("web.line.determined", "zh")
    assert f"{gas} 低瓦斯" in " ".join(page.split())
    assert "/mines.xlsx?hazard=gas&amp;sort=name" in page
    assert "/api/v1/export/map.html" in page
    rows = list(book(zhang.get("/mines.xlsx?q=a矿&hazard=gas")).active.iter_rows(values_only=True))
    assert [row[0] for row in rows[3:]] == ["A"]
    assert "B矿" not in zhang.get("/mines?q=A矿").text
    assert "B矿" not in zhao.get("/mines").text
    assert say("web.mines.none_such", "zh") in zhang.get("/mines?kind=open_pit").text


def test_the_sheet_of_grades_says_what_is_missing_in_words(tmp_path):
    line = dict.fromkeys(("determined", "proposed", "decided", "effective"))
    row = line | {"mine_code": "A", "mine_name": "A矿", "hazard": "gas", "not_below": False}
    path = tmp_path / "grades.xlsx"
    write_xlsx(path, [row | {"undetermined": ["mine.gas_relative_m3t"]}], TODAY, "zh")
    said = openpyxl.load_workbook(path).active["I4"].value
    assert said == field_name("mine.gas_relative_m3t", "zh")
    assert "gas_relative" not in said


def test_rules_that_wait_are_compared_and_adopted_on_a_page(
    client_of, settings, monkeypatch, tmp_path
):
    zhang, zhao = client_of("zhang"), client_of("zhao")
    for client in (zhang, zhao):
        client.cookies.set("minerisk_lang", "zh")
    page = zhang.get("/rules").text
    assert national_rules().version[:12] in page
    assert say("web.rules.waits", "zh") not in page
    install(monkeypatch, tmp_path / "rules", OWN)
    assert say("web.rules.waits", "zh") in zhao.get("/rules").text
    assert 'href="/rules/waiting"' in zhang.get("/rules").text
    assert 'href="/rules/waiting"' not in zhao.get("/rules").text
    page = zhang.get("/rules/waiting").text
    assert OWN["message"]["zh"] in page
    assert "高瓦斯" in page
    version = re.search(r'name="version" value="(\w+)"', page)[1]
    token = zhang.headers["x-csrf-token"]
    form = {"version": version, "reason": "更严", "document": "县规1号", "csrf": token}
    page = zhang.post("/rules/adopt", data=form).text
    assert "县规1号" in page
    assert 'id="county.heading"' in page
    # Back again: grades would fall, so a second person finds it in the inbox, as it was proposed.
    install(monkeypatch, tmp_path / "rules")
    version = re.search(r'name="version" value="(\w+)"', zhang.get("/rules/waiting").text)[1]
    page = zhang.post("/rules/adopt", data=form | {"version": version, "document": "县规2号"}).text
    assert say("web.told.needs_second", "zh") in page
    page = client_of("li").get("/inbox").text
    assert "县规2号" in page
    assert version[:12] in page
    # Files that do not hold together stop no page.
    install(monkeypatch, tmp_path / "rules", OWN | {"extent": "nowhere"})
    assert "own.yaml:" in zhang.get("/rules").text
    assert zhang.get("/rules/waiting").status_code == 200
    assert zhang.get("/mines/A").status_code == 200


def test_accepted_works_lead_from_the_board_and_the_ledger_to_the_form_that_proposes_their_ending(accepted, client_of):  # fmt: skip
    wet, shape = goaf("A", "G9", x=0.6, water="有", known="否", volume="不清")
    accepted([(wet, shape)], "goaf")
    works = {"矿山编号": "A", "治理工程编号": "ZL-9", "治理对象编号": "G9", "工程措施": "疏放水"}
    zhang = client_of("zhang")
    accepted([(works, shape.centroid)], "treatment_works")
    assert "G9" not in words_of(zhang.get("/boards/lapse").text)
    accepted([(works | {"开工日期": "2024-06-01", "验收日期": "2024-08-01"}, shape.centroid)], "treatment_works")  # fmt: skip
    page = zhang.get("/boards/lapse").text
    assert say("web.board.lapse.treated", "zh") in page
    (link, *_) = re.findall(r'href="(/mines/A[?]end=factor[^"]*)"', page)
    assert re.search(r'value="factor:[0-9a-f]+" selected', zhang.get(unescape(link)).text)
    assert "/mines/A?end=factor" in zhang.get("/ledger").text
    # The enterprise reads that its treatment is accepted; it ends nothing itself.
    zhao = client_of("zhao")
    assert say("ledger.state.accepted", "zh") in zhao.get("/ledger").text
    assert "end=factor" not in zhao.get("/boards/lapse").text + zhao.get("/ledger").text


def test_papers_of_works_stay_with_them_and_go_to_whoever_reads_the_mine(accepted, client_of):
    wet, shape = goaf("A", "G9", x=0.6, water="有", known="否", volume="不清")
    accepted([(wet, shape)], "goaf")
    works = {"矿山编号": "A", "治理工程编号": "ZL-9", "治理对象编号": "G9", "工程措施": "疏放水"}
    accepted([(works, shape.centroid)], "treatment_works")
    zhao, zhang, qian = client_of("zhao"), client_of("zhang"), client_of("qian")
    for at in ("/ledger", "/mines/A"):
        assert 'value="A ZL-9"' in zhao.get(at).text
    sent = {"files": ("验收报告.pdf", b"%PDF-1.7 works")}

    def attach(client, works="A ZL-9", files=sent):
        form = {"csrf": client.headers["x-csrf-token"], "works": works, "next": "/mines/A#works"}
        return client.post("/works/papers", data=form, files=files, follow_redirects=False)

    assert attach(zhao, "A ZL-8").status_code == 404
    assert attach(zhao, "B ZL-9").status_code == 404
    assert attach(qian).status_code == 404
    assert attach(zhao, files=None).status_code == 422
    done = attach(zhao)
    assert (done.status_code, done.headers["location"]) == (303, "/mines/A#works")
    # The regulator adds another by the service; the same once more is told so.
    both = [("files", ("验收报告.pdf", b"%PDF-1.7 works")), ("files", ("图.png", b"\x89PNG\r\n\x1a\n1"))]  # fmt: skip
    at = "/api/v1/mines/A/works"
    assert zhang.post(f"{at}/papers", data={"works": "ZL-9"}, files=both).json()["papers"] == 1
    again = zhang.post(f"{at}/papers", data={"works": "ZL-9"}, files=both)
    assert (again.status_code, again.json()["code"]) == (409, "papers.known")
    # Sent anew with their acceptance, the works have their papers still.
    accepted([(works | {"开工日期": "2024-06-01", "验收日期": "2024-08-01"}, shape.centroid)], "treatment_works")  # fmt: skip
    (row,) = zhang.get(at, params={"known_at": clock.today().isoformat()}).json()[-1:]
    assert [paper["name"] for paper in row["papers"]] == ["验收报告.pdf", "图.png"]
    (told,) = [w for w in zhang.get("/api/v1/ledger").json()["works"] if w["accepted_on"]]
    assert told["papers"] == row["papers"]
    file = f"/mines/A/papers/{row['papers'][0]['sha256']}"
    for page in (zhao.get("/ledger").text, zhang.get("/mines/A").text):
        assert f'href="{file}"' in page
    for base in ("", "/api/v1"):
        answer = zhang.get(base + file)
        assert answer.content == b"%PDF-1.7 works"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert qian.get(base + file).status_code == 404
    history = zhang.get("/api/v1/mines/A/history").json()
    assert [one["kind"] for one in history].count("papers") == 2


def test_an_events_paper_comes_with_its_form_and_is_listed_beside_it(client_of):
    zhang = client_of("zhang")
    assert 'enctype="multipart/form-data"' in zhang.get("/ponds/A").text
    form = {"csrf": zhang.headers["x-csrf-token"], "kind": "operator_lost", "on": "2024-03-01"}
    large = b"%PDF-" + b"x" * (2 << 20)
    files = {"files": ("认定.pdf", large)}
    assert zhang.post("/ponds/A/events", data=form, files=files).status_code == 200
    (paper,) = zhang.get("/api/v1/ponds/A").json()["events"][-1]["papers"]
    file = f"/ponds/A/papers/{paper['sha256']}"
    assert f'href="{file}"' in zhang.get("/ponds/A").text
    assert zhang.get(file).content == large
    # What came in late is added to the event, and the page says so.
    late = zhang.get("/ponds/A")
    assert say("web.paper.added_later", "zh") not in late.text
    key = zhang.get("/api/v1/ponds/A").json()["events"][-1]["key"]
    form = {"csrf": zhang.headers["x-csrf-token"], "event": key}
    for _ in range(2):
        answer = zhang.post("/ponds/A/papers", data=form, files={"files": ("补.pdf", b"%PDF-2")})
    assert say("papers.known", "zh") in answer.text
    assert zhang.get("/ponds/A").text.count(say("web.paper.added_later", "zh")) == 1
    more = {"files": ("再补.pdf", b"%PDF-3")}
    answer = zhang.post(f"/api/v1/ponds/A/events/{key}/papers", files=more)
    assert answer.json() == {"event": key, "papers": 1}
    # As JSON an event has no files with it, and needs no room for them.
    assert zhang.post("/api/v1/ponds/A/events", content=large).status_code == 413


def test_the_ledger_of_a_month_is_shown_as_it_was_kept(accepted, client_of, settings):
    accepted([goaf("A", "G1", x=0.94, water="无")], "goaf")
    over = (clock.today().replace(day=1) + timedelta(days=32)).replace(day=1)
    with connect(settings, "worker", SYSTEM) as conn:
        (month,) = ledger_months.keep_due(conn, over)
    accepted([goaf("A", "G2", x=0.7, water="无")], "goaf")
    zhang, qian = client_of("zhang"), client_of("qian")
    now, kept = (zhang.get(at).text for at in ("/ledger", f"/ledger?month={month}"))
    assert "G2" in now
    assert "G2" not in words_of(kept)
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
