"""What the service says when it says no: one sentence, in the caller's language, and nothing else."""

import json
import time
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from structlog.testing import capture_logs

from api.app import create_app
from api.docs import METHODS, examples
from geo import clock
from geo.messages import catalogue
from geo.settings import settings as current
from geo.store import batches, cluster, mine_queries
from geo.store.engine import SYSTEM, connect
from tests.conftest import PASSWORDS
from tests.county import boundary, goaf, write

pytestmark = pytest.mark.database
NOBODY = "00000000-0000-0000-0000-000000000000"
SAID = {"hazard": "gas", "grade": "high", "source": "decision", "document": "d", "valid_from": "2024-01-01"}  # fmt: skip


def refused(answer, status, code=None):
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"code", "message", "params", "lang"}
    assert code is None or body["code"] == code
    assert "\n" not in body["message"]
    assert "Traceback" not in answer.text
    assert len(answer.headers["x-request-id"]) == 12
    return body


def test_a_refusal_speaks_the_callers_language(client_of):
    client = client_of(None)
    for headers, query, lang in (
        ({"accept-language": "en-GB,en;q=0.9"}, "", "en"),
        ({"accept-language": "fr, en;q=0.2, zh;q=0.8"}, "", "zh"),
        ({"accept-language": "fr"}, "", "zh"),
        ({"accept-language": "en;q=many"}, "", "en"),
        ({"accept-language": "zh"}, "?lang=en", "en"),
        ({"accept-language": "zh", "cookie": "minerisk_lang=en"}, "", "en"),
    ):
        body = refused(client.get(f"/api/v1/me{query}", headers=headers), 401, "api.sign_in")
        assert (body["lang"], body["message"]) == (lang, catalogue()["api.sign_in"][lang])


WRONG_FIELDS = [
    ({}, "api.field.missing", "hazard"),
    (SAID | {"more": 1}, "api.field.extra_forbidden", "more"),
    (SAID | {"source": "rumour"}, "api.field.literal_error", "source"),
    (SAID | {"valid_from": "yesterday"}, "api.field.date_from_datetime_parsing", "valid_from"),
    (SAID | {"valid_from": "0001-01-01"}, "api.field.greater_than_equal", "valid_from"),
    (SAID | {"valid_to": "2020-01-01"}, "api.ends_before", None),
    (SAID | {"document": "d" * 401}, "api.field.string_too_long", "document"),
    (SAID | {"document": "a\0b"}, "api.unfit", None),
    (SAID | {"hazard": 7}, "api.field.string_type", "hazard"),
    (SAID | {"hazard": "slope"}, "store.no_such_hazard", None),
    (SAID | {"grade": "worse"}, "store.no_such_grade", None),
    ([], "api.field.model_attributes_type", "body"),
]


def test_a_wrong_field_is_named_in_a_sentence_and_nothing_is_recorded(client_of, settings):
    zhang = client_of("zhang")
    with connect(settings, "worker", SYSTEM) as conn:
        before = batches.seq_at(conn, None)
    for sent, code, named in WRONG_FIELDS:
        body = refused(zhang.post("/api/v1/mines/A/claims", json=sent), 422, code)
        if named is not None:
            assert body["params"]["field"] == named
            assert named in body["message"]
    with connect(settings, "worker", SYSTEM) as conn:
        assert batches.seq_at(conn, None) == before


def test_a_body_that_is_no_json_is_told_so(client_of):
    zhang = client_of("zhang")
    headers = {"content-type": "application/json"}
    answer = zhang.post("/api/v1/mines/A/claims", content=b"{oh", headers=headers)
    refused(answer, 422, "api.field.json_invalid")


def test_what_is_not_there_is_404(client_of, people):
    zhang = client_of("zhang")
    for path in (
        "surveys/no-uuid",
        f"surveys/{NOBODY}",
        "uploads/1",
        f"uploads/{NOBODY}/events",
        "mines/nowhere",
        "tiles/mines/3/x/0.mvt",
        "tiles/mines/3/8/0.mvt",
        "tiles/mines/-1/0/0.mvt",
        f"tiles/mines/{10**30}/0/0.mvt",
        "tiles/feature/3/0/0.mvt",
        "no/such/route",
    ):
        refused(zhang.get(f"/api/v1/{path}"), 404)


def test_odd_queries_are_refused_not_failed(client_of):
    zhang = client_of("zhang")
    refused(zhang.get("/api/v1/mines/a%00b"), 422, "api.unfit")
    for query in (
        "valid_on=9999-12-31",
        "as_of=0001-01-01",
        "as_of=2024-13-01",
        "known_at=soon",
        "known_at=9999-12-31",
        "known_at=2024-09-01T08:00:00+08:00",
    ):
        refused(zhang.get(f"/api/v1/advance?{query}"), 422)
    assert zhang.get("/api/v1/advance?known_at=2024-09-01T08:00:00%2B08:00").json() == []
    refused(zhang.get(f"/api/v1/uploads/{NOBODY}/notes?offset=-1"), 422)
    refused(zhang.get(f"/api/v1/uploads/{NOBODY}/notes?limit=100000"), 422)
    refused(zhang.put("/api/v1/mines"), 405, "api.method")


def test_a_fault_of_ours_tells_its_number_and_nothing_else(app, client_of, people, monkeypatch):
    zhang = client_of("zhang")

    def broken(*_):
        raise RuntimeError("the secret is kept-to-ourselves")

    monkeypatch.setattr(mine_queries, "mines", broken)
    with capture_logs() as logged:
        answer = zhang.get("/api/v1/mines")
    body = refused(answer, 500, "api.fault")
    assert "kept-to-ourselves" not in answer.text
    assert body["params"]["id"] == answer.headers["x-request-id"]
    assert body["params"]["id"] in body["message"]
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    (fault,) = [line for line in logged if line["event"] == "fault"]
    assert "kept-to-ourselves" in str(fault["exc_info"])
    (line,) = [line for line in logged if line["event"] == "request"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/mines", 500)


def test_without_a_database_it_is_not_ready_and_says_so(app, client_of, settings, monkeypatch):
    zhang = client_of("zhang")
    gone = {role: url.set(query={"host": "/nowhere"}) for role, url in cluster.urls(settings).items()}  # fmt: skip
    monkeypatch.setattr("geo.store.engine.urls", lambda _: gone)
    assert zhang.get("/healthz").status_code == 200
    answer = zhang.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "not ready"})
    refused(zhang.get("/api/v1/mines"), 503, "api.no_database")


def test_ready_only_with_every_migration(app, settings):
    client = TestClient(app)
    assert client.get("/readyz").json() == {"status": "ready"}
    with connect(settings, "admin") as conn:
        conn.execute(text("UPDATE minerisk.alembic_version SET version_num = '0001'"))
    assert client.get("/readyz").status_code == 503


def test_what_is_too_large_is_refused_before_it_is_kept(client_of, settings, people, monkeypatch):
    monkeypatch.setenv("MINERISK_MAX_UPLOAD_BYTES", str(2 << 20))
    current.cache_clear()
    wang = client_of("wang")
    before = wang.get("/api/v1/uploads").json()
    body = refused(
        wang.post("/api/v1/uploads", files={"file": ("a.zip", b"\0" * (4 << 20))}),
        413,
        "store.too_large",
    )
    assert body["params"]["limit"] == 3
    # A little over the limit: the form passes, the file does not.
    refused(wang.post("/api/v1/uploads", files={"file": ("a.zip", b"\0" * ((2 << 20) + 1))}), 413)

    # Sent in pieces, with no length told beforehand.
    def pieces():
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
        for _ in range(5):
            yield b"\0" * (1 << 20)
        yield b"\r\n--x--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=x"}
    refused(wang.post("/api/v1/uploads", content=pieces(), headers=headers), 413)
    # JSON is never that large, and from nobody nothing large is taken at all.
    refused(wang.post("/api/v1/endings", content=b" " * (2 << 20)), 413)
    for sent in ({"content": pieces()}, {"content": b"\0" * (2 << 20)}):
        refused(client_of(None).post("/api/v1/uploads", headers=headers, **sent), 401)
    refused(wang.post("/api/v1/uploads", files={"file": ("a.zip", b"")}), 422, "store.empty_file")
    assert wang.get("/api/v1/uploads").json() == before
    assert not [p for p in settings.raw_files.rglob("*") if p.is_file()]


def test_how_a_file_is_to_be_read_is_checked(client_of, people):
    wang = client_of("wang")
    file = {"file": ("a.geojson", b"{}")}
    before = wang.get("/api/v1/uploads").json()
    for form, field in (
        ({"crs": "Xian"}, "crs"),
        ({"mapping": "not json"}, "mapping"),
        ({"mapping": "[1]"}, "mapping"),
    ):
        body = refused(wang.post("/api/v1/uploads", files=file, data=form), 422)
        assert body["params"]["field"] == field
    refused(wang.post("/api/v1/uploads", data={"layer": "goaf"}), 422, "api.field.missing")
    refused(client_of("admin").post("/api/v1/uploads", files=file), 403, "store.not_allowed")
    assert wang.get("/api/v1/uploads").json() == before


def test_the_cookie_is_out_of_reach_and_a_new_password_ends_every_session(client_of, monkeypatch):
    monkeypatch.setenv("MINERISK_SECURE_COOKIE", "true")
    current.cache_clear()
    client = client_of(None)
    sent = {"login": "wang", "password": PASSWORDS["wang"]}
    answer = client.post("/api/v1/session", json=sent)
    cookie = answer.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=lax", "secure"))
    assert "max-age" in answer.headers["strict-transport-security"]
    monkeypatch.setenv("MINERISK_SECURE_COOKIE", "false")
    current.cache_clear()
    here, there = client_of("wang"), client_of("wang")
    path = "/api/v1/me/password"
    refused(here.post(path, json={"present": "wrong", "fresh": "a" * 12}), 403, "accounts.wrong")
    short = {"present": PASSWORDS["wang"], "fresh": "short"}
    refused(here.post(path, json=short), 422, "accounts.short_password")
    assert there.get("/api/v1/me").json()["role"] == "geologist"
    fresh = {"present": PASSWORDS["wang"], "fresh": "another long one"}
    assert here.post(path, json=fresh).status_code == 204
    refused(there.get("/api/v1/me"), 401)
    PASSWORDS["wang"] = "another long one"
    assert client_of("wang").get("/api/v1/me").status_code == 200


def test_a_session_ends_when_signed_out(client_of, people):
    wang = client_of("wang")
    token = wang.cookies["minerisk_session"]
    assert wang.delete("/api/v1/session").status_code == 204
    wang.cookies.set("minerisk_session", token)
    refused(wang.get("/api/v1/me"), 401)


def test_too_many_wrong_passwords_say_how_long_to_wait(client_of, people):
    client = client_of(None)
    sent = {"login": "zhang", "password": "x"}
    answers = [client.post("/api/v1/session", json=sent) for _ in range(8)]
    slowed = next(a for a in answers if a.status_code == 429)
    assert int(slowed.headers["retry-after"]) >= 1
    refused(slowed, 429, "accounts.wait")


def test_the_times_asked_for_are_kept(client_of, settings):
    zhang = client_of("zhang")
    time.sleep(0.05)
    before = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    assert zhang.post("/api/v1/mines/A/claims", json=SAID).status_code == 201

    def gas(**when):
        lines = zhang.get("/api/v1/mines/A", params=when).json()["lines"]
        return next(line["effective"] for line in lines if line["hazard"] == "gas")

    assert gas() == "high"
    assert gas(known_at=before) == "low"
    assert gas(valid_on="2023-12-31") == "low"
    assert gas(valid_on="2024-01-01") == "high"
    # A bare day is known to its end, so that today's decision counts today.
    today = clock.today().isoformat()
    assert gas(known_at=today) == "high"
    assert zhang.get("/api/v1/mines", params={"as_of": "2020-01-01"}).json() == []
    assert zhang.get("/api/v1/surveys", params={"known_at": "2020-01-01"}).json() == []
    rows = zhang.get("/api/v1/grades", params={"known_at": before, "valid_on": today}).json()
    assert {r["effective"] for r in rows if r["hazard"] == "gas"} == {"low"}
    assert zhang.get("/api/v1/advance", params={"known_at": "2020-01-01"}).json() == []
    assert zhang.get("/api/v1/advance").json()


def test_exports_come_whole(client_of):
    admin, zhao, far = client_of("admin"), client_of("zhao"), client_of("far")
    state = admin.get("/api/v1/export/state").text.splitlines()
    assert {json.loads(line)["type"] for line in state} >= {"state", "mine", "claim"}
    log = [json.loads(line) for line in admin.get("/api/v1/export/log").text.splitlines()]
    assert {row["table"] for row in log} >= {"batch", "survey", "feature", "mine_state"}
    links = [row["seq"] for row in log if row["table"] == "batch"]
    assert links == list(range(1, len(links) + 1))
    assert len(links) > 4
    # Somebody else's county is empty, not forbidden.
    theirs = far.get("/api/v1/export/state").text.splitlines()
    assert [json.loads(line)["type"] for line in theirs] == ["state"]
    sheet = zhao.get("/api/v1/export/grades.xlsx")
    assert sheet.content[:2] == b"PK"
    page = zhao.get("/api/v1/export/map.html", params={"lang": "en"}).text
    assert "A矿" in page
    assert "B矿" not in page


def test_large_answers_are_packed(client_of):
    answer = client_of("zhang").get("/api/v1/mines")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "no-store"


def test_a_weak_or_listed_tag_is_known(client_of):
    zhang = client_of("zhang")
    url = "/api/v1/tiles/mines/8/208/98.mvt"
    tag = zhang.get(url).headers["etag"]
    for said in (f"W/{tag}", f'"other", {tag}'):
        assert zhang.get(url, headers={"if-none-match": said}).status_code == 304
    assert zhang.get(url, headers={"if-none-match": '"other"'}).status_code == 200
    assert zhang.get(url).headers["cache-control"].startswith("private")
    assert zhang.post("/api/v1/mines/A/claims", json=SAID).status_code == 201
    assert zhang.get(url, headers={"if-none-match": tag}).status_code == 200


def test_only_what_one_sees_can_be_replaced_or_cited(client_of, settings, tmp_path, file, people):
    wang, rival = client_of("wang"), client_of("rival")
    survey = wang.get("/api/v1/surveys").json()[0]["id"]
    path = write(tmp_path / "r.geojson", [boundary("C", "丙公司", x=3)])
    upload = file(path, people["rival"], submit=False, layer="mine_boundary")
    submit = f"/api/v1/uploads/{upload}/submit"
    refused(rival.post(submit, json={"supersedes": survey}), 404)
    refused(rival.post(submit, json={"supersedes": NOBODY}), 404)
    assert rival.get(f"/api/v1/uploads/{upload}").json()["state"] == "staged"
    ending = {"target_kind": "factor", "target_key": "0" * 64, "kind": "error", "reason": "r", "document": "d"}  # fmt: skip
    refused(client_of("zhao").post("/api/v1/endings", json=ending), 403)
    zhang = client_of("zhang")
    refused(zhang.post("/api/v1/endings", json=ending), 404)
    refused(zhang.post("/api/v1/endings", json=ending | {"cites_survey": NOBODY}), 404)


def test_an_accepted_survey_is_previewed_no_more(client_of, settings, tmp_path, file, people):
    wang, zhang = client_of("wang"), client_of("zhang")
    path = write(tmp_path / "g.geojson", [goaf("A", "G1", x=0.6, water="有", known="否", volume="不清")])  # fmt: skip
    upload = file(path, people["wang"], submit=False, layer="goaf")
    preview = f"/api/v1/uploads/{upload}/preview"
    first = wang.get(preview).json()
    assert [(m["mine_code"], m["after"]) for m in first] == [("A", "very_complex")]
    assert zhang.get(preview).json() == first
    survey = wang.post(f"/api/v1/uploads/{upload}/submit", json={}).json()["survey_id"]
    assert zhang.get(preview).json() == first
    body = {"reason": "ok", "document": "doc"}
    assert zhang.post(f"/api/v1/surveys/{survey}/accept", json=body).json()["state"] == "accepted"
    refused(zhang.get(preview), 409, "store.wrong_state")
    refused(zhang.post(f"/api/v1/surveys/{survey}/accept", json=body), 409)


def test_every_route_is_described_with_an_example(app):
    described = 0
    for path, methods in app.openapi()["paths"].items():
        for method in METHODS:
            if method not in methods:
                continue
            operation = methods[method]
            assert operation["summary"], path
            assert operation["description"], path
            assert operation["tags"], path
            code = next(c for c in operation["responses"] if c.startswith("2"))
            for media, body in operation["responses"][code].get("content", {}).items():
                binary = media not in ("application/json", "text/csv", "text/event-stream", "application/x-ndjson")  # fmt: skip
                assert binary or "example" in body, (path, media)
            assert "422" not in operation["responses"]
            described += 1
    assert described > 30
    names = {o["operationId"] for m in app.openapi()["paths"].values() for o in m.values()}
    assert set(examples()) <= names


def test_the_description_is_read_with_no_internet_and_no_script():
    client = TestClient(create_app())
    page = client.get("/api/docs").text
    assert "<script" not in page
    assert "style=" not in page
    assert "//" not in page.replace("<!doctype html>", "").split("<main")[0]
    for path in client.get("/api/v1/openapi.json").json()["paths"]:
        assert path in page
