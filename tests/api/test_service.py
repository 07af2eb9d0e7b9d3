"""The service on a real PostGIS: the whole line over HTTP, wrong files, tiles, and who may call what."""

import io
import json
import math
import re
import zipfile
from hashlib import sha256

import pytest

from geo.store import intake, objections, sendings
from geo.store.engine import SYSTEM, connect
from geo.survey.reading import ReadOptions
from tests.api.test_pages_matrix import attached
from tests.conftest import filed
from tests.county import SOUTH, WEST, boundary, goaf, rect, write

pytestmark = [pytest.mark.database, pytest.mark.slow]


def tile_at(lon, lat, z):
    """Return the tile that holds a place."""
    n = 2**z
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return {"x": str(int((lon + 180) / 360 * n)), "y": str(int(y * n))}


def send(client, settings, path, **form):
    with path.open("rb") as body:
        answer = client.post("/api/v1/uploads", files={"file": (path.name, body)}, data=form)
    assert answer.status_code == 202, answer.text
    # What the worker does with the queued job.
    intake.process_upload(settings, answer.json()["id"])
    return client.get(f"/api/v1/uploads/{answer.json()['id']}").json()


def test_the_whole_line_over_http(client_of, settings, tmp_path):
    wang, zhang = client_of("wang"), client_of("zhang")
    # A goaf drawn as a point is refused, and the report says so.
    spot = (goaf("B", "G2", x=1.2, water="无")[0], rect(1.2, 0.5, 0.1, 0.1).centroid)
    path = write(
        tmp_path / "g.geojson",
        [goaf("B", "G1", x=1.02, water="有", known="否", volume="不清"), spot],
    )
    found = send(wang, settings, path, layer="goaf")
    assert (found["state"], found["result"]["stored"], found["result"]["refused"]) == (
        "staged",
        1,
        1,
    )
    with connect(settings, "worker", SYSTEM) as conn:
        from sqlalchemy import text

        assert conn.scalar(text("SELECT count(*) FROM jobs.procrastinate_jobs")) == 1
    stream = wang.get(f"/api/v1/uploads/{found['id']}/events").text
    assert '"state": "staged"' in stream
    assert "refused" in wang.get(f"/api/v1/uploads/{found['id']}/report.csv").text
    assert wang.get(f"/api/v1/uploads/{found['id']}/places.gpkg").content[:6] == b"SQLite"
    survey = wang.post(f"/api/v1/uploads/{found['id']}/submit", json={}).json()["survey_id"]
    assert [s["id"] for s in zhang.get("/api/v1/inbox").json()] == [survey]
    body = {"reason": "ok", "document": "doc"}
    assert wang.post(f"/api/v1/surveys/{survey}/accept", json=body).status_code == 403
    moved = zhang.post(f"/api/v1/surveys/{survey}/accept", json=body).json()
    assert {"A", "B"} <= {m["mine_code"] for m in moved["moves"]}
    mine = client_of("zhao").get("/api/v1/mines/A").json()
    hydro = next(line for line in mine["lines"] if line["hazard"] == "hydro")
    assert hydro["effective"] == "very_complex"
    assert any("neighbour" in c["sentence"]["en"].lower() for c in mine["claims"])
    assert client_of("zhao").get("/api/v1/mines/B").status_code == 404
    # Before anything was known there was no mine to speak of.
    assert zhang.get("/api/v1/mines/A", params={"known_at": "2020-01-01"}).status_code == 404


def test_tiles_are_kept_by_their_etag_and_show_no_one_elses(client_of, settings):
    zhang, far = client_of("zhang"), client_of("far")
    url = "/api/v1/tiles/mines/12/{x}/{y}.mvt".format(**tile_at(WEST + 0.015, SOUTH + 0.01, 12))
    answer = zhang.get(url)
    assert answer.status_code == 200
    assert b"mine_code" in answer.content
    again = zhang.get(url, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert far.get(url).headers["etag"] != answer.headers["etag"]
    assert b"mine_code" not in far.get(url).content
    assert zhang.get("/api/v1/tiles/secrets/10/1/1.mvt").status_code == 404


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return out.getvalue()


WRONG = {
    "up.zip": zipped(**{"../x.shp": b"x", "../x.dbf": b"x"}),
    "root.zip": zipped(**{"/etc/x.shp": b"x"}),
    "nested.zip": zipped(**{"in.zip": zipped(a=b"b")}),
    "bomb.zip": zipped(**{"a.shp": b"\0" * 1}),
    "text.shp": b"this is a text file",
    "map.vrt": b"<OGRVRTDataSource/>",
    "cut.gpkg": b"SQLite format 3\0",
    "page.geojson": b"<html>not found</html>",
    "empty.zip": zipped(),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_gets_one_sentence_and_the_next_upload_works(
    client_of, settings, people, tmp_path, name
):
    wang = client_of("wang")
    path = tmp_path / name
    path.write_bytes(WRONG[name])
    before = wang.get("/api/v1/uploads").json()
    if name.endswith(".vrt"):
        # Its name is enough: it is not even taken.
        with path.open("rb") as body:
            answer = wang.post("/api/v1/uploads", files={"file": (name, body)})
        assert answer.status_code == 422
        assert wang.get("/api/v1/uploads").json() == before
        said = answer.json()["message"]
    else:
        found = send(wang, settings, path)
        assert found["state"] == "failed"
        said = found["problem"]["message"]
        for answer in (
            wang.post(f"/api/v1/uploads/{found['id']}/submit", json={}),
            wang.get(f"/api/v1/uploads/{found['id']}/preview"),
            wang.get(f"/api/v1/uploads/{found['id']}/report.csv"),
        ):
            assert answer.status_code == 422
            assert answer.json()["message"] == said
    assert len(said) > 15
    assert "Traceback" not in said
    assert "/tmp/" not in said
    good = write(tmp_path / "b.geojson", [boundary("C", "丙公司", x=3)])
    assert send(wang, settings, good, layer="mine_boundary")["state"] == "staged"


def test_an_unsafe_call_without_the_token_is_refused(client_of, people):
    client = client_of("zhang")
    del client.headers["x-csrf-token"]
    assert client.post("/api/v1/endings", json={}).status_code in (403, 422)
    assert client.delete("/api/v1/session").status_code == 403
    other = client_of("zhang")
    answer = other.delete("/api/v1/session", headers={"origin": "https://evil.example"})
    assert answer.status_code == 403


def test_wrong_passwords_are_slowed_down(client_of, people):
    client = client_of(None)
    codes = [
        client.post("/api/v1/session", json={"login": "zhang", "password": "x"}).status_code
        for _ in range(8)
    ]
    assert codes[:5] == [401] * 5
    assert 429 in codes


def test_headers_health_and_errors_without_a_trace(client_of, people):
    client = client_of(None)
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").status_code == 200
    answer = client.get("/api/v1/mines")
    assert answer.status_code == 401
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    zhang = client_of("zhang")
    assert zhang.get("/api/v1/surveys/not-a-uuid").status_code == 404
    assert zhang.get("/api/v1/surveys/00000000-0000-0000-0000-000000000000").status_code == 404


# What each role may do with a route: the statuses that are right for its own and for another's
# matter. "own" is mine A of 甲公司 and what wang filed; the other side is a stranger of the same role.
POND_OWN = {"zhang": 200, "admin": 200, "zhao": 200, "wang": 200, "else": 404}
# A survey unit reads no grades, and so no ledger.
LEDGER = {"wang": 403, "rival": 403, "else": 200}
SCREENS = {"zhang": 201, "admin": 403, "zhao": 403, "wang": 403, "else": 404}
OBJECTION = {"zhang": 200, "admin": 200, "zhao": 200, "else": 404}
POND_ACT = {"zhang": 201, "zhao": 403, "wang": 403, "admin": 403, "else": 404}
RULES = {
    "GET /api/v1/me": {"any": 200},
    "DELETE /api/v1/session": {"any": 204},
    "POST /api/v1/session": {"any": 422},
    "POST /api/v1/me/password": {"any": 422},
    "GET /api/v1/uploads": {"any": 200},
    "POST /api/v1/uploads": {"any": 422},
    "GET /api/v1/sendings": {"any": 200},
    "POST /api/v1/sendings": {"admin": 403, "any": 201},
    # Half a file is nobody's but its sender's: not the regulator's, not the administrator's.
    "GET /api/v1/sendings/{sending_id}": {"wang": 200, "else": 404},
    # Without the place the piece belongs to there is nothing to ask of anybody.
    "PATCH /api/v1/sendings/{sending_id}": {"any": 422},
    "POST /api/v1/sendings/{sending_id}/finish": {"wang": 409, "else": 404},
    "DELETE /api/v1/sendings/{sending_id}": {"wang": 204, "else": 404},
    "GET /api/v1/uploads/{upload_id}": {"wang": 200, "zhang": 200, "admin": 200, "else": 404},
    "GET /api/v1/uploads/{upload_id}/events": {
        "wang": 200,
        "zhang": 200,
        "admin": 200,
        "else": 404,
    },
    "GET /api/v1/uploads/{upload_id}/notes": {"wang": 200, "zhang": 200, "admin": 200, "else": 404},
    "GET /api/v1/uploads/{upload_id}/report.csv": {
        "wang": 200,
        "zhang": 200,
        "admin": 200,
        "else": 404,
    },
    "GET /api/v1/uploads/{upload_id}/places.gpkg": {
        "wang": 200,
        "zhang": 200,
        "admin": 200,
        "else": 404,
    },
    "GET /api/v1/uploads/{upload_id}/preview": {
        "wang": 200,
        "zhang": 200,
        "admin": 200,
        "else": 404,
    },
    "GET /api/v1/uploads/{upload_id}/matches": {
        "wang": 200,
        "zhang": 200,
        "admin": 200,
        "else": 404,
    },
    "POST /api/v1/uploads/{upload_id}/matches/{match_id}": {"any": 404},
    "POST /api/v1/uploads/{upload_id}/again": {
        "wang": 202,
        "zhang": 202,
        "admin": 403,
        "else": 404,
    },
    "POST /api/v1/uploads/{upload_id}/submit": {"wang": 201, "else": 404},
    "GET /api/v1/mines": {"any": 200},
    "GET /api/v1/mines/{code}": {"zhang": 200, "admin": 200, "zhao": 200, "else": 404},
    "GET /api/v1/mines/{code}/coverage": {"zhang": 200, "admin": 200, "zhao": 200, "else": 404},
    "GET /api/v1/mines/{code}/history": {"zhang": 200, "admin": 200, "zhao": 200, "else": 404},
    # Two mines with all figures low, and nothing decided by then.
    "GET /api/v1/mines/{code}/first-years": {
        "zhang": 200,
        "admin": 200,
        "zhao": 200,
        "else": 404,
    },
    # Without a working there is nothing to ask of anybody.
    "GET /api/v1/mines/{code}/if-moved": {"any": 422},
    "GET /api/v1/mines/{code}/notice.pdf": {"zhang": 409, "admin": 409, "zhao": 409, "else": 404},
    "POST /api/v1/mines/{code}/claims": {
        "zhang": 201,
        "zhao": 403,
        # Who filed the boundary sees it, and may decide nothing.
        "wang": 403,
        "admin": 403,
        "else": 404,
    },
    "GET /api/v1/grades": {"any": 200},
    "GET /api/v1/advance": {"any": 200},
    "POST /api/v1/endings": {"any": 422},
    "GET /api/v1/proposals": {"any": 200},
    "GET /api/v1/proposals/refused": {"any": 200},
    "POST /api/v1/proposals/{proposal_id}": {"zhang": 404, "far": 404, "else": 403},
    "GET /api/v1/surveys": {"any": 200},
    "GET /api/v1/inbox": {"any": 200},
    "GET /api/v1/redo": {"any": 200},
    "GET /api/v1/surveys/{survey_id}": {"wang": 200, "zhang": 200, "admin": 200, "else": 404},
    "POST /api/v1/surveys/{survey_id}/accept": {
        "zhang": 409,
        "wang": 403,
        "admin": 403,
        "else": 404,
    },
    "POST /api/v1/surveys/{survey_id}/return": {
        "zhang": 409,
        "wang": 403,
        "admin": 403,
        "else": 404,
    },
    "POST /api/v1/surveys/{survey_id}/revoke": {
        "zhang": 200,
        "wang": 403,
        "admin": 403,
        "else": 404,
    },
    "GET /api/v1/rules": {"any": 200},
    "GET /api/v1/rules/sets": {"any": 200},
    # None waits here; and rules are one for all mines, so that no other bureau adopts them.
    "GET /api/v1/rules/waiting": {"zhang": 409, "far": 409, "admin": 409, "else": 403},
    "POST /api/v1/rules/adopt": {"zhang": 409, "else": 403},
    "GET /api/v1/layers": {"any": 200},
    "GET /api/v1/layers/{name}/template": {"any": 200},
    "GET /api/v1/changes": {"admin": 200, "else": 403},
    "GET /api/v1/export/state": {"zhang": 200, "far": 200, "admin": 200, "else": 403},
    "GET /api/v1/export/log": {"admin": 200, "else": 403},
    "GET /api/v1/export/grades.xlsx": {"any": 200},
    "GET /api/v1/export/map.html": {"any": 200},
    "GET /api/v1/tiles/{layer}/{z}/{x}/{y}.mvt": {"any": 200},
    "GET /api/v1/ponds": {"any": 200},
    "GET /api/v1/ponds/board": {"any": 200},
    "GET /api/v1/ponds/board.xlsx": {"any": 200},
    "GET /api/v1/ponds/{code}": POND_OWN,
    "GET /api/v1/ponds/{code}/headtop": POND_OWN,
    "POST /api/v1/ponds/{code}/events": POND_ACT,
    # On record already.
    "POST /api/v1/ponds/{code}/events/papers": POND_ACT | {"zhang": 409},
    # There is no such event.
    "POST /api/v1/ponds/{code}/events/{key}/papers": POND_ACT | {"zhang": 404, "zhao": 404},
    "GET /api/v1/ponds/{code}/papers/{sha256}": OBJECTION,
    "GET /api/v1/mines/{code}/works": OBJECTION | {"wang": 403, "rival": 403},
    # There are no such works.
    "POST /api/v1/mines/{code}/works/papers": {"wang": 403, "admin": 403, "else": 404},
    "GET /api/v1/mines/{code}/papers/{sha256}": OBJECTION,
    "POST /api/v1/ponds/{code}/headtop": POND_ACT,
    "GET /api/v1/zones": {"any": 200},
    "GET /api/v1/terrains": {"any": 200},
    "GET /api/v1/terrains/outlines": {"any": 200},
    # The upload and the model they name are nobody's.
    "POST /api/v1/terrains": {"any": 404},
    "POST /api/v1/terrains/{terrain_id}/accept": {"any": 404},
    "POST /api/v1/terrains/{terrain_id}/return": {"any": 404},
    "POST /api/v1/terrains/{terrain_id}/revoke": {"any": 404},
    # There is no elevation model here: whoever may ask is told so.
    "POST /api/v1/siting": {"zhang": 409, "far": 409, "admin": 409, "else": 403},
    "POST /api/v1/siting/file": {"zhang": 200, "far": 200, "admin": 200, "else": 403},
    "POST /api/v1/siting/object": {"zhang": 409, "far": 409, "admin": 409, "else": 403},
    "GET /api/v1/boards": LEDGER,
    "GET /api/v1/boards/{board}": LEDGER,
    # Its measures resolve nothing that is unclear there.
    "POST /api/v1/mines/{code}/measures": {"wang": 403, "admin": 403, "else": 404},
    "GET /api/v1/crossings": LEDGER,
    "GET /api/v1/screening": {"zhang": 200, "far": 200, "admin": 200, "else": 403},
    "POST /api/v1/mines/{code}/screening/{finding_key}": SCREENS | {"zhang": 404},
    "POST /api/v1/mines/{code}/contracts": SCREENS,
    "POST /api/v1/mines/{code}/outputs": SCREENS,
    "GET /api/v1/ledger": LEDGER,
    "GET /api/v1/ledger/months": LEDGER,
    # Nothing was kept yet: whoever may ask is told so.
    "GET /api/v1/ledger/months/{month}": {"wang": 403, "rival": 403, "else": 404},
    "GET /api/v1/ledger/ledger.xlsx": LEDGER,
    "GET /api/v1/ledger/works.xlsx": LEDGER,
    "GET /api/v1/objections": {"any": 200},
    "GET /api/v1/objections/{objection_id}": OBJECTION,
    "GET /api/v1/objections/{objection_id}/files/{sha256}": OBJECTION,
    # Its own enterprise may object, and has one open already.
    "POST /api/v1/mines/{code}/objections": {
        "zhao": 409,
        "zhang": 403,
        "admin": 403,
        "wang": 403,
        "else": 404,
    },
    "POST /api/v1/objections/{objection_id}/answer": {
        "zhang": 200,
        "zhao": 403,
        "admin": 403,
        "else": 404,
    },
}
PEOPLE = ("zhang", "far", "wang", "rival", "zhao", "qian", "admin", None)
PDF = b"%PDF-1.7 x"
SECRET = re.compile(rb'"(?:mine_code|code)":\s*"A"')


def routes(app):
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            yield f"{method.upper()} {path}"


def test_every_route_by_role_and_by_whose(app, client_of, settings, people, tmp_path):
    path = write(tmp_path / "x.geojson", [goaf("A", "X", x=0.6, water="无")])
    upload_id = filed(settings, path, people["wang"], submit=False, layer="goaf")
    with connect(settings, "worker", people["wang"]) as conn:
        from sqlalchemy import text

        survey_id = conn.scalar(text("SELECT id FROM minerisk.survey ORDER BY filename LIMIT 1"))
        begun = sendings.begin(
            conn, people["wang"], "own.geojson", 9, ReadOptions(), settings=settings
        )
    told = set(routes(app))
    assert told == set(RULES), told ^ set(RULES)
    place = {"type": "Point", "coordinates": [112.59, 38.83]}
    bodies = {
        "ponds/{code}/events": {"kind": "operator_lost", "on": "2024-03-01", "document": "d"},
        "ponds/{code}/headtop": {
            "source": "site_check",
            "outcome": "no",
            "on": "2024-03-01",
            "document": "d",
        },
        "sendings": {"filename": "x.geojson", "size": 3},
        "siting/object": {"place": place},
        "siting": {"toe": place},
        "claims": {
            "hazard": "gas",
            "grade": "low",
            "source": "decision",
            "document": "d",
            "valid_from": "2024-01-01",
        },
        "accept": {"reason": "r", "document": "d"},
        "adopt": {"version": "0", "reason": "r", "document": "d"},
        "return": {"reason": "r", "document": "d"},
        "revoke": {"reason": "r", "document": "d"},
        "proposals": {"confirm": True},
        "matches": {"same": True},
        "submit": {},
        "again": {},
        "answer": {"outcome": "kept", "reason": "r", "document": "d"},
        "screening/": {"outcome": "asked", "reason": "r"},
        "contracts": {"survey_unit": "某院", "document": "d"},
        "measures": {
            "factor": "x",
            "measures": "m",
            "responsible": "p",
            "due": "2024-12-31",
        },
        "outputs": {"since": "2024-01-01", "until": "2024-12-31", "tonnes": 9, "document": "d"},
        "terrains": {"upload_id": "00000000-0000-0000-0000-000000000000"},
    }
    sent_file = tmp_path / "sent.pdf"
    sent_file.write_bytes(PDF)
    with connect(settings, "worker", people["zhao"]) as conn:
        objection_id = objections.object_to(
            conn, people["zhao"], settings, "A", "gas", "r", [("报告.pdf", sent_file)]
        )
    attached(settings, people["zhang"], sent_file)
    values = {
        "month": "2024-01",
        "finding_key": "0",
        "objection_id": str(objection_id),
        "sha256": sha256(PDF).hexdigest(),
        "upload_id": str(upload_id),
        "survey_id": str(survey_id),
        "sending_id": str(begun.id),
        "proposal_id": "00000000-0000-0000-0000-000000000000",
        "match_id": "00000000-0000-0000-0000-000000000000",
        "terrain_id": "00000000-0000-0000-0000-000000000000",
        "key": "none",
        "code": "A",
        "name": "goaf",
        "board": "unresolved",
        "layer": "mines",
        "z": "10",
        **tile_at(WEST + 0.015, SOUTH + 0.01, 10),
    }
    # Whoever has signed out is asked nothing more.
    last = ("/session", "DELETE", "submit", "revoke", "answer")
    order = sorted(RULES, key=lambda r: tuple(word in r for word in last))
    clients = {login: client_of(login) for login in PEOPLE}
    wrong = []
    for route in order:
        method, path = route.split(" ")
        body = next((b for word, b in bodies.items() if word in path), None)
        for login in sorted(PEOPLE, key=lambda p: p in ("zhang", "wang")):
            rule = RULES[route]
            expected = rule.get(login or "", rule.get("any", rule.get("else")))
            if login is None and route != "POST /api/v1/session":
                expected = 401
            sent = {"json": body} if body is not None else {}
            if path.endswith("/objections") and method == "POST":
                sent = {"data": {"hazard": "gas", "reason": "r"}}
            if path.endswith("/papers") and method == "POST":
                sent = {"data": {"works": "ZL-9", **bodies["ponds/{code}/events"]}}
            if path.endswith("/siting/file"):
                sent = {"files": {"file": ("坝.geojson", json.dumps(place))}}
            answer = clients[login].request(method, path.format(**values), **sent)
            if answer.status_code != expected:
                wrong.append((route, login, answer.status_code, expected, answer.text[:120]))
            stranger = login in ("far", "qian", "rival", None)
            if stranger and SECRET.search(answer.content):
                wrong.append((route, login, "leaks mine A"))
    assert not wrong, "\n".join(map(str, wrong))
