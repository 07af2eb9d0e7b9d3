"""What is one's own: what became of what one sent, and the password."""

import pytest

from geo.messages import say
from geo.store import decisions, survey_queries
from geo.store.engine import SYSTEM, connect
from tests.conftest import PASSWORDS, TODAY, filed
from tests.county import goaf, write
from web import uploads

pytestmark = pytest.mark.database


def test_the_sender_is_told_what_came_back_and_the_reviewer_what_would_move(
    client_of, settings, people, tmp_path, monkeypatch
):
    wang, zhang = client_of("wang"), client_of("zhang")
    monkeypatch.setattr(uploads, "UPLOADS", 2)
    path = write(tmp_path / "一号老空.geojson", [goaf("A", "G9", x=0.94, water="有", known="否")])
    survey_id = filed(settings, path, people["wang"], layer="goaf")
    with connect(settings, "worker", SYSTEM) as conn:
        upload_id = survey_queries.upload_of(conn, survey_id)
    # Two newer ones push it off the first page of the list; it is on the next.
    for n in range(2):
        other = write(tmp_path / f"{n}.geojson", [goaf("A", f"N{n}", x=0.6, water="无")])
        filed(settings, other, people["wang"], submit=False, layer="goaf")
    assert path.name not in wang.get("/uploads").text
    assert path.name in wang.get("/uploads?offset=2").text
    assert "G9" in zhang.get(f"/surveys/{survey_id}").text.split('class="moves"')[1]

    waiting = wang.get(f"/uploads/{upload_id}").text
    assert say("web.upload.submitted", "zh") in waiting
    with connect(settings, "worker", people["zhang"]) as conn:
        decisions.return_(conn, people["zhang"], survey_id, "积水范围请补测", on=TODAY)
    told = wang.get(f"/uploads/{upload_id}").text
    assert "积水范围请补测" in told
    assert say("web.upload.submitted", "zh") not in told
    first = wang.get("/uploads").text
    assert "积水范围请补测" in first
    assert say("web.uploads.back", "zh", n="").rstrip(" 份") in first
    assert "积水范围请补测" not in client_of("rival").get("/uploads").text
    # Corrected and sent again under its name, it is answered; what was accepted of late is told.
    write(path, [goaf("A", "G9", x=0.94, water="有", known="是")])
    again = filed(settings, path, people["wang"], layer="goaf")
    assert "积水范围请补测" not in wang.get("/uploads").text
    with connect(settings, "worker", people["zhang"]) as conn:
        decisions.accept(conn, people["zhang"], again, "齐全", "示例审字1号", on=TODAY)
    assert "齐全" in wang.get("/uploads").text


def test_one_changes_ones_password_on_a_page(client_of):
    zhang = client_of("zhang")
    form = {"csrf": zhang.headers["x-csrf-token"], "fresh": "a-new-one-2026"}
    twice = zhang.post("/password", data=form | {"present": PASSWORDS["zhang"], "again": "x"})
    assert say("web.error.password_twice", "zh") in twice.text
    wrong = zhang.post("/password", data=form | {"present": "no", "again": form["fresh"]})
    assert wrong.status_code == 403
    assert say("accounts.wrong", "zh") in wrong.text
    right = form | {"present": PASSWORDS["zhang"], "again": form["fresh"]}
    assert say("web.told.password", "zh") in zhang.post("/password", data=right).text
    assert zhang.get("/advance", follow_redirects=False).status_code == 303
    asked = {"login": "zhang", "password": form["fresh"]}
    assert zhang.post("/api/v1/session", json=asked).status_code == 201
