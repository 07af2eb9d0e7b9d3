"""Every page and form, by role and by whose: a route without a rule here fails."""

import re
from hashlib import sha256

import pytest
from sqlalchemy import text

from geo.store import objections, papers
from geo.store.authority import mine_row, owner_of
from geo.store.engine import SYSTEM, connect
from geo.store.pond_objects import pond_row
from geo.store.publish import publishing
from tests.conftest import TODAY, filed
from tests.county import goaf, write
from web import pages

pytestmark = [pytest.mark.database, pytest.mark.slow]

PEOPLE = ("zhang", "far", "wang", "rival", "zhao", "qian", "admin", None)
NOBODY = "00000000-0000-0000-0000-000000000000"
SENT = {"wang": 200, "zhang": 200, "admin": 200, "else": 404}
GRADED = {"zhang": 200, "admin": 200, "zhao": 200, "else": 404}
# A survey unit reads no grades, so it has no boards; a stranger's are there and empty.
BOARDS = {"wang": 404, "rival": 404, "else": 200}
ASKERS = {"zhang": 200, "far": 200, "admin": 200, "else": 404}
SCREENS = {"zhang": 303, "admin": 403, "zhao": 403, "wang": 403, "else": 404}
OPEN = {"else": 200, None: 200}
# Who sent the file the pond came in reads it too, and may record nothing.
POND = {"zhang": 200, "admin": 200, "zhao": 200, "wang": 200, "else": 404}
POND_ACT = {"zhang": 303, "admin": 403, "zhao": 403, "wang": 403, "else": 404}
# With the session's token: 303 is done and sent on, 404 is not yours to see, 403 not yours to do.
RULES = {
    "GET /": {"else": 303},
    "GET /advance": BOARDS,
    "GET /boards": BOARDS,
    "GET /boards/{name}": BOARDS,
    "GET /boards/{name}/count": BOARDS,
    "GET /boards/{name}.xlsx": BOARDS,
    # The form names a factor that is not unclear.
    "POST /measures": {"admin": 403, "wang": 403, "else": 404},
    "GET /lists/{which}.xlsx": {"else": 200},
    "GET /map": {"else": 200},
    "GET /map/state.json": {"else": 200},
    "GET /map/find.json": {"else": 200},
    "GET /relief/{key}/{z}/{x}/{y}.png": {"else": 200},
    "GET /relief/{key}/{z}.json": {"else": 200},
    "GET /draw": {"admin": 403, "else": 200},
    "GET /draw/shapes.json": {"admin": 403, "else": 200},
    # The form names no corners.
    "POST /draw": {"admin": 403, "else": 422},
    # Who filed the boundary sees it, and is told that its grades are not theirs to see.
    "GET /map/mines/{code}": {**GRADED, "wang": 200},
    "GET /map/print.pdf": {"else": 200},
    "GET /mines": BOARDS,
    "GET /mines.xlsx": BOARDS,
    "GET /mines/{code}": GRADED,
    "GET /layers": {"else": 200},
    "GET /rules": {"else": 200},
    "GET /rules/waiting": ASKERS,
    # Rules are one for all mines; none waits here.
    "POST /rules/adopt": {"zhang": 409, "else": 403},
    "GET /ponds": {"else": 200},
    "GET /ponds/board.xlsx": {"else": 200},
    "GET /terrains": {"else": 200},
    # The form names no file, nor one that is an elevation model, nor a model that is there.
    "POST /terrains": {"else": 422},
    "POST /terrains/sent/{upload_id}/again": {"else": 404},
    "POST /terrains/sent/{upload_id}/submit": {"else": 404},
    "POST /terrains/{terrain_id}/accept": {"else": 404},
    "POST /terrains/{terrain_id}/return": {"else": 404},
    "POST /terrains/{terrain_id}/revoke": {"else": 404},
    "GET /ponds/{code}": POND,
    # As the event it came with: who sent the pond's file reads neither.
    "GET /ponds/{code}/papers/{sha256}": GRADED,
    "GET /map/ponds/{code}": POND,
    "GET /siting": {"zhang": 200, "far": 200, "admin": 200, "else": 404},
    "POST /ponds/{code}/events": POND_ACT,
    "POST /ponds/{code}/headtop": POND_ACT,
    # There is no such event.
    "POST /ponds/{code}/papers": POND_ACT | {"zhang": 404, "zhao": 404},
    "GET /uploads": {"else": 200},
    "GET /uploads/{upload_id}": SENT,
    "GET /surveys": {"else": 200},
    "GET /surveys/{survey_id}": SENT,
    "GET /surveys/{survey_id}/moves": SENT,
    "GET /inbox": {"else": 200},
    "GET /sign-in": {"else": 303, None: 200},
    "GET /static/{stamp}/{path}": OPEN,
    "GET /{path}": {"else": 404, None: 404},
    "POST /sign-in": {"else": 403, None: 403},
    "GET /password": {"else": 200},
    # The form names no password.
    "POST /password": {"else": 422},
    "POST /prefer": {"else": 303, None: 303},
    "POST /sign-out": {"else": 303},
    "POST /uploads": {"else": 422},
    "POST /uploads/{upload_id}/again": {"wang": 303, "zhang": 303, "admin": 403, "else": 404},
    # The form names a source that this file has not.
    "POST /uploads/{upload_id}/mapping": {"else": 404},
    "POST /uploads/{upload_id}/matches/{match_id}": {"else": 404},
    "POST /uploads/{upload_id}/submit": {"wang": 303, "else": 404},
    # Accepted already: whose it is to decide is told so.
    "POST /surveys/{survey_id}/accept": {"zhang": 409, "wang": 403, "admin": 403, "else": 404},
    "POST /surveys/{survey_id}/return": {"zhang": 409, "wang": 403, "admin": 403, "else": 404},
    "POST /surveys/{survey_id}/revoke": {"zhang": 303, "wang": 403, "admin": 403, "else": 404},
    "POST /proposals/{proposal_id}": {"else": 404},
    # Who filed the boundary sees it, and may decide nothing.
    "POST /mines/{code}/decide": {
        "zhang": 303,
        "admin": 403,
        "zhao": 403,
        "wang": 403,
        "else": 404,
    },
    "POST /mines/{code}/end": {"else": 404},
    # Two mines with all figures low, and nothing decided by then.
    "GET /mines/{code}/notice.pdf": {"zhang": 409, "admin": 409, "zhao": 409, "else": 404},
    "GET /screening": ASKERS,
    # The form names a finding that does not stand.
    "POST /mines/{code}/screening": {"admin": 403, "zhao": 403, "wang": 403, "else": 404},
    "POST /screening/contracts": SCREENS,
    "POST /screening/outputs": SCREENS,
    "GET /ledger": BOARDS,
    "GET /ledger.xlsx": BOARDS,
    "GET /ledger/works.xlsx": BOARDS,
    # The form names works that are not there.
    "POST /works/papers": {"admin": 403, "wang": 403, "else": 404},
    "GET /mines/{code}/papers/{sha256}": GRADED,
    "GET /objections": BOARDS,
    "GET /objections/{objection_id}": GRADED,
    "GET /objections/{objection_id}/files/{sha256}": GRADED,
    # Its own enterprise may object, and has one open already.
    "POST /mines/{code}/objections": {
        "zhao": 409,
        "zhang": 403,
        "admin": 403,
        "wang": 403,
        "else": 404,
    },
    "POST /objections/{objection_id}/answer": {
        "zhang": 303,
        "admin": 403,
        "zhao": 403,
        "else": 404,
    },
}
FORM = {
    "reason": "r",
    "document": "d",
    "grade": "gas:high",
    "source": "decision",
    "valid_from": "2024-01-01",
    "confirm": "yes",
    "read": "yes",
    "kind": "treated",
    "target": "factor:0",
    "next": "/map",
    "lang": "zh",
    "same": "yes",
    "on": "2024-03-01",
    "outcome": "no",
}
PDF = b"%PDF-1.7 x"
# Where a form of one route says otherwise.
FORMS = {
    "POST /ponds/{code}/events": {"kind": "operator_lost"},
    "POST /ponds/{code}/headtop": {"source": "site_check"},
    "POST /ponds/{code}/papers": {"event": "none"},
    "POST /works/papers": {"works": "A ZL-9"},
    "POST /measures": {"target": "A x", "measures": "m", "responsible": "p", "due": "2024-12-31"},
    "POST /objections/{objection_id}/answer": {"outcome": "kept"},
    "POST /mines/{code}/screening": {"outcome": "asked", "finding": "0"},
    "POST /screening/contracts": {"mine": "A", "survey_unit": "某院"},
    "POST /screening/outputs": {
        "mine": "A",
        "tonnes": "1000",
        "since": "2024-01-01",
        "until": "2024-12-31",
    },
}  # fmt: skip
QUERY = {
    "/draw/shapes.json": "?west=112.4&south=38.7&east=112.6&north=38.9",
    "/map/print.pdf": "?lon=112.495&lat=38.81&scale=50000&layers=mines,ponds,zones"
    "&pin=112.49,38.8&measure=112.49,38.8;112.5,38.8&district=14&base=ground",
    "/map/find.json": "?q=A",
}


def attached(settings, actor, path):
    """Put one paper behind an event of pond A and one behind works of mine A."""
    with (
        connect(settings, "worker", actor) as conn,
        publishing(conn, actor, "papers", TODAY, {}) as made,
    ):
        kept = papers.Sent(settings, [("报告.pdf", path)]).keep()
        for room, row in ((papers.EVENT, pond_row(conn, "A")), (papers.WORKS, mine_row(conn, "A"))):
            papers.record(made, room, "A", "x", kept, actor.login, owner_of(row))


def routes(app):
    """Yield the routes that are no part of the API's own description."""
    own = [route for route in app.routes if hasattr(route, "methods")]
    pending, known = [*own, *pages.router.routes], set(app.openapi()["paths"])
    while pending:
        route = pending.pop()
        pending += list(getattr(getattr(route, "original_router", None), "routes", ()))
        path = getattr(route, "path", "")
        if not getattr(route, "methods", None) or path in known or path.startswith("/api/"):
            continue
        plain = path.replace(":path", "")
        for method in set(route.methods) - {"HEAD", "OPTIONS"}:
            yield f"{method} {plain}"


def test_every_page_by_role_and_by_whose(app, client_of, settings, people, tmp_path):
    found = {r for r in routes(app) if not r.endswith(("/healthz", "/readyz"))}
    assert found == set(RULES), found ^ set(RULES)
    path = write(tmp_path / "x.geojson", [goaf("A", "X", x=0.6, water="无")])
    upload_id = filed(settings, path, people["wang"], submit=False, layer="goaf")
    with connect(settings, "worker", SYSTEM) as conn:
        survey_id = conn.scalar(text("SELECT id FROM minerisk.survey ORDER BY filename LIMIT 1"))
    sent = tmp_path / "sent.pdf"
    sent.write_bytes(PDF)
    with connect(settings, "worker", people["zhao"]) as conn:
        objection_id = objections.object_to(
            conn, people["zhao"], settings, "A", "gas", "r", [("报告.pdf", sent)]
        )
    attached(settings, people["zhang"], sent)
    values = {
        "objection_id": objection_id, "sha256": sha256(PDF).hexdigest(),
        "upload_id": upload_id, "survey_id": survey_id, "proposal_id": NOBODY, "code": "A",
        "terrain_id": NOBODY,
        "match_id": NOBODY, "key": "none", "z": 9, "x": 1, "y": 1,
        "name": "hat", "which": "surveys", "stamp": "x", "path": "css/minerisk.css",
    }  # fmt: skip
    order = sorted(
        RULES, key=lambda r: ("sign-out" in r, "submit" in r, "revoke" in r, "answer" in r, r)
    )
    clients = {login: client_of(login) for login in PEOPLE}
    wrong = []
    for route in order:
        method, path = route.split(" ")
        address = path.format(**values) + QUERY.get(path, "")
        if route == "GET /{path}":
            address = "/nowhere"
        for login in sorted(PEOPLE, key=lambda p: p in ("zhang", "wang")):
            client, rule = clients[login], RULES[route]
            expected = rule.get(login, rule.get("else"))
            if login is None:
                # Sent to sign in: as a page is, and as a form is.
                expected = rule.get(None, 303)
            kept = {"follow_redirects": False}
            # Wrong passwords are counted by login.
            form = FORM | {"login": f"no-{login}", "password": "x"} | FORMS.get(route, {})
            if method == "POST":
                bare = client.post(address, data=form, **kept)
                if login and path not in ("/prefer", "/sign-in"):
                    assert bare.status_code == 403, (route, login, "without the token")
                token = client.headers.get("x-csrf-token", "")
                answer = client.post(address, data=form | {"csrf": token}, **kept)
            else:
                answer = client.get(address, **kept)
            if login is None and None not in rule:
                assert answer.headers.get("location", "").startswith("/sign-in"), (route, login)
            if answer.status_code != expected:
                wrong.append((route, login, answer.status_code, expected))
            if login in ("far", "qian", "rival", None) and "A矿" in answer.text:
                wrong.append((route, login, "leaks mine A"))
    assert not wrong, "\n".join(map(str, wrong))


def test_no_page_carries_a_script_or_a_style_of_its_own(client_of):
    client = client_of("zhang")
    for path in (
        *("/sign-in", "/advance", "/map", "/boards", "/mines/A", "/inbox", "/nowhere"),
        *("/ponds", "/ponds/A", "/siting", "/layers", "/rules", "/rules/waiting"),
    ):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        for directive in ("script-src 'self'", "style-src 'self'", "object-src 'none'"):
            assert directive in policy
        page = answer.text
        for tag in re.findall(r"<script\b[^>]*>", page):
            assert "src=" in tag or 'type="application/json"' in tag, (path, tag)
        assert not re.search(r"<[^>]+\s(on[a-z]+|style)=", page), path
        assert "<style" not in page
        assert "javascript:" not in page
