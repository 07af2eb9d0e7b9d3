"""The description of the API says what the API does: every route has an example, and it is true."""

import json
from datetime import timedelta
from typing import Any

import pytest

from api.docs import METHODS, examples
from geo import clock
from geo.store import intake, ledger_months
from geo.store.engine import SYSTEM, connect
from geo.store.head_top_runs import compute
from geo.store.terrains import take_dem
from geo.tailings.model import Stated
from sample_data import make
from tests.conftest import TODAY, filed
from tests.county import goaf, rect, write
from tests.geo.store.test_rule_sets import OWN, install

pytestmark = pytest.mark.database

# What a record holds there is its own: a rule's evidence, a row's attributes.
FREE = ("evidence", "params", "note", "mapping", "geometry", "body", "report", "parameters", "samples", "listed", "values", "label", "place", "effect", "names")  # fmt: skip


def walk(client_of, settings, people, tmp_path, monkeypatch) -> dict[str, Any]:
    """Call every route that answers with JSON, as its example does; return the answers by name."""
    zhang, li, wang, admin = (client_of(name) for name in ("zhang", "li", "wang", "admin"))
    said: dict[str, Any] = {}

    def keep(name, answer):
        assert answer.status_code < 300, (name, answer.text)
        said[name] = answer.json()
        return said[name]

    base = "/api/v1"
    from tests.conftest import PASSWORDS

    keep(
        "sign_in",
        zhang.post(f"{base}/session", json={"login": "zhang", "password": PASSWORDS["zhang"]}),
    )
    zhang.headers["x-csrf-token"] = said["sign_in"]["csrf"]
    keep("me", zhang.get(f"{base}/me"))
    spot = (goaf("B", "G2", x=1.2, water="无")[0], rect(1.2, 0.5, 0.1, 0.1).centroid)
    row, place = goaf("B", "G1", x=1.02, water="有", known="否", volume="不清")
    wet = (row | {"验证状态": "不清"}, place)
    path = write(tmp_path / "g.geojson", [wet, spot])
    with path.open("rb") as body:
        sent = keep(
            "send",
            wang.post(f"{base}/uploads", files={"file": (path.name, body)}, data={"layer": "goaf"}),
        )
    intake.process_upload(settings, sent["id"])
    upload = f"{base}/uploads/{sent['id']}"
    keep("upload", wang.get(upload))
    keep("uploads", wang.get(f"{base}/uploads"))
    keep("report", wang.get(f"{upload}/notes"))
    keep("preview", wang.get(f"{upload}/preview"))
    keep("again", wang.post(f"{upload}/again", json={"layer": "goaf", "encoding": "GB18030"}))
    whole = path.read_bytes()
    sending = {"filename": "large.geojson", "size": len(whole), "layer": "goaf"}
    begun = keep("begin_sending", wang.post(f"{base}/sendings", json=sending))
    keep("sendings", wang.get(f"{base}/sendings"))
    piece = f"{base}/sendings/{begun['id']}"
    keep("add_piece", wang.patch(f"{piece}?offset=0", content=whole))
    keep("sending", wang.get(piece))
    keep("finish_sending", wang.post(f"{piece}/finish"))
    survey = keep("submit", wang.post(f"{upload}/submit", json={}))["survey_id"]
    keep("inbox", zhang.get(f"{base}/inbox"))
    review = {"reason": "ok", "document": "doc"}
    keep("accept", zhang.post(f"{base}/surveys/{survey}/accept", json=review))
    keep("survey", zhang.get(f"{base}/surveys/{survey}"))
    keep("boards", zhang.get(f"{base}/boards"))
    doubt, *_ = keep("board_rows", zhang.get(f"{base}/boards/unresolved"))
    measures = {"factor": doubt["factor_key"], "measures": "钻探", "responsible": "王工"}
    planned = measures | {"due": "2024-12-31"}
    keep("plan_measures", zhang.post(f"{base}/mines/{doubt['mine_code']}/measures", json=planned))
    keep("surveys", zhang.get(f"{base}/surveys"))
    nameless, shape_ = goaf("B", "", x=1.021, water="无")
    path = write(tmp_path / "again.geojson", [(nameless, shape_)])
    with path.open("rb") as body:
        twin = wang.post(
            f"{base}/uploads", files={"file": (path.name, body)}, data={"layer": "goaf"}
        ).json()["id"]
    intake.process_upload(settings, twin)
    (question,) = keep("questions", wang.get(f"{base}/uploads/{twin}/matches"))
    asked = f"{base}/uploads/{twin}/matches/{question['id']}"
    keep("answer", wang.post(asked, json={"same": True}))
    assert client_of("rival").post(asked, json={"same": True}).status_code == 404
    claim = {
        "hazard": "gas",
        "grade": "high",
        "source": "decision",
        "document": "d",
        "valid_from": "2024-01-01",
    }
    keep("say", zhang.post(f"{base}/mines/A/claims", json=claim))
    for name in ("mines", "grades", "advance"):
        keep(name, zhang.get(f"{base}/{name}"))
    keep("mine", zhang.get(f"{base}/mines/A"))
    keep("first_years", zhang.get(f"{base}/mines/A/first-years"))
    keep("if_moved", zhang.get(f"{base}/mines/A/if-moved", params={"working": "3101"}))
    factor = next(c["factor_key"] for c in said["mine"]["claims"] if c["factor_key"])
    ending = {
        "target_kind": "factor",
        "target_key": factor,
        "kind": "treated",
        "reason": "r",
        "document": "d",
    }
    unfit = zhang.post(f"{base}/endings", json=ending).json()["proposal"]
    no = {"confirm": False, "reason": "附件缺验收结论"}
    assert li.post(f"{base}/proposals/{unfit}", json=no).status_code == 200
    keep("refused", zhang.get(f"{base}/proposals/refused"))
    made = keep("end", zhang.post(f"{base}/endings", json=ending))["proposal"]
    keep("proposals", zhang.get(f"{base}/proposals"))
    keep("settle", li.post(f"{base}/proposals/{made}", json={"confirm": True}))
    zhao = client_of("zhao")
    made = keep(
        "object_to",
        zhao.post(
            f"{base}/mines/A/objections",
            data={"hazard": "gas", "reason": "已重新鉴定", "wanted": "low"},
            files={"files": ("鉴定报告.pdf", b"%PDF-1.7 x")},
        ),
    )["objection"]
    decided = {"outcome": "changed", "grade": "high", "reason": "r", "document": "d2"}
    keep("decide_objection", zhang.post(f"{base}/objections/{made}/answer", json=decided))
    keep("objection", zhao.get(f"{base}/objections/{made}"))
    keep("objections_seen", zhao.get(f"{base}/objections"))
    works = {"矿山编号": "A", "治理工程编号": "ZL-1", "治理对象编号": "G1", "工程措施": "疏放水"}
    path = write(tmp_path / "w.geojson", [(works, rect(0.6, 0.5, 0.1, 0.1).centroid)])
    sent_works = filed(settings, path, people["wang"], layer="treatment_works")
    zhang.post(f"{base}/surveys/{sent_works}/accept", json=review)
    paper = {"files": ("验收报告.pdf", b"%PDF-1.7 y")}
    at = f"{base}/mines/A/works"
    keep("attach_to_works", zhao.post(f"{at}/papers", data={"works": "ZL-1"}, files=paper))
    keep("works_of_mine", zhang.get(at))
    keep("crossings", zhang.get(f"{base}/crossings"))
    contract = {"survey_unit": "某院", "begins": "2024-01-01", "document": "d"}
    keep("contract", zhang.post(f"{base}/mines/A/contracts", json=contract))
    output = {"since": "2020-01-01", "until": "2020-12-31", "tonnes": 9000, "document": "d"}
    keep("reported", zhang.post(f"{base}/mines/A/outputs", json=output))
    (asked,) = zhang.get(f"{base}/screening").json()
    answered = {"outcome": "explained", "reason": "r"}
    at = f"{base}/mines/A/screening/{asked['key']}"
    keep("consider", zhang.post(at, json=answered))
    keep("screened", zhang.get(f"{base}/screening"))
    keep("ledger", zhang.get(f"{base}/ledger"))
    with connect(settings, "worker", SYSTEM) as conn:
        over = (clock.today().replace(day=1) + timedelta(days=32)).replace(day=1)
        (month,) = ledger_months.keep_due(conn, over)
    keep("ledger_months_kept", zhang.get(f"{base}/ledger/months"))
    keep("ledger_month", zhang.get(f"{base}/ledger/months/{month}"))
    keep("revoke", zhang.post(f"{base}/surveys/{survey}/revoke", json=review))
    keep("redo", zhang.get(f"{base}/redo"))
    keep("coverage", zhang.get(f"{base}/mines/A/coverage"))
    keep("history", zhang.get(f"{base}/mines/A/history"))
    path = write(tmp_path / "h.geojson", [goaf("A", "G9", x=0.1, water="无")])
    with path.open("rb") as body:
        other = wang.post(
            f"{base}/uploads", files={"file": (path.name, body)}, data={"layer": "goaf"}
        ).json()["id"]
    intake.process_upload(settings, other)
    survey = wang.post(f"{base}/uploads/{other}/submit", json={}).json()["survey_id"]
    keep("return_", zhang.post(f"{base}/surveys/{survey}/return", json=review))
    keep("changes", admin.get(f"{base}/changes"))
    keep("rules", zhang.get(f"{base}/rules"))
    install(monkeypatch, tmp_path / "rules", OWN)
    waits = keep("rules_adopted", zhang.get(f"{base}/rules/sets"))["waiting"]
    keep("rules_waiting", zhang.get(f"{base}/rules/waiting"))
    keep("adopt_rules", zhang.post(f"{base}/rules/adopt", json={"version": waits, **review}))
    keep("layers", zhang.get(f"{base}/layers"))
    said |= walk_ponds(zhang, settings, people, keep)
    walk_models(wang, zhang, settings, keep)
    return said


def walk_models(wang, zhang, settings, keep) -> None:
    """Send the sample's elevation model anew, and have it reviewed."""
    base = "/api/v1"
    said = {"terrain": json.dumps({"source": "省院", "dated": "2024-05-01", "error_m": 2})}
    with (make.HERE / "14_示例县地形_30m.tif").open("rb") as body:
        sent = wang.post(f"{base}/uploads", files={"file": ("dem.tif", body)}, data=said).json()
    intake.process_upload(settings, sent["id"])
    (first,) = zhang.get(f"{base}/terrains").json()
    review = {"reason": "r", "document": "d"}
    not_a_survey = wang.post(f"{base}/uploads/{sent['id']}/submit", json={})
    assert not_a_survey.json()["code"] == "store.is_model"
    model = keep("submit_terrain", wang.post(f"{base}/terrains", json={"upload_id": sent["id"]}))
    at = f"{base}/terrains/{model['id']}"
    keep("accept_terrain", zhang.post(f"{at}/accept", json=review))
    keep("return_terrain", zhang.post(f"{at}/return", json=review))
    keep("revoke_terrain", zhang.post(f"{base}/terrains/{first['id']}/revoke", json=review))


def walk_ponds(zhang, settings, people, keep) -> dict[str, Any]:
    """Call the routes of ponds, on the sample's elevation model."""
    base = "/api/v1"
    stated = Stated("某测绘院", TODAY, 3.0)
    with connect(settings, "worker", people["zhang"]) as conn:
        path = make.HERE / "14_示例县地形_30m.tif"
        take_dem(conn, settings, people["zhang"], [path], stated, TODAY)
    compute(settings, TODAY)
    event = {"kind": "final_elevation", "on": "2024-03-01", "document": "d"}
    word = {"source": "site_check", "outcome": "yes", "on": "2024-03-01", "document": "d"}
    place = {"type": "Point", "coordinates": [112.5899, 38.8300]}
    lost = {"kind": "operator_lost", "on": "2024-03-01", "document": "d"}
    paper = {"files": ("认定.pdf", b"%PDF-1.7 z")}
    happened = keep(
        "happened_with_papers",
        zhang.post(f"{base}/ponds/A/events/papers", data=lost, files=paper),
    )
    more = {"files": ("补.pdf", b"%PDF-1.7 y")}
    return {
        "happened_with_papers": happened,
        "add_to_event": keep(
            "add_to_event",
            zhang.post(f"{base}/ponds/A/events/{happened['key']}/papers", files=more),
        ),
        "happened": keep("happened", zhang.post(f"{base}/ponds/A/events", json=event)),
        "say_headtop": keep("say_headtop", zhang.post(f"{base}/ponds/A/headtop", json=word)),
        "ponds": keep("ponds", zhang.get(f"{base}/ponds")),
        "ponds_board": keep("ponds_board", zhang.get(f"{base}/ponds/board")),
        "pond": keep("pond", zhang.get(f"{base}/ponds/A")),
        "headtop": keep("headtop", zhang.get(f"{base}/ponds/A/headtop")),
        "zones": keep("zones", zhang.get(f"{base}/zones")),
        "terrains": keep("terrains", zhang.get(f"{base}/terrains")),
        "outlines": keep("outlines", zhang.get(f"{base}/terrains/outlines")),
        "siting": keep("siting", zhang.post(f"{base}/siting", json={"toe": place})),
        "siting_file": keep(
            "siting_file",
            zhang.post(f"{base}/siting/file", files={"file": ("坝.geojson", json.dumps(place))}),
        ),
        "siting_object": keep(
            "siting_object", zhang.post(f"{base}/siting/object", json={"place": place})
        ),
    }


def shape(value: Any) -> Any:
    """Return the names in an answer, whatever the values; a list is as its first item."""
    if isinstance(value, dict):
        return {k: None if k in FREE else shape(v) for k, v in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None


def same(told: Any, real: Any, at: str) -> list[str]:
    """Return where an example and an answer name different things."""
    if isinstance(told, dict) and isinstance(real, dict):
        odd = [f"{at}.{name}" for name in set(told) ^ set(real)]
        return odd + [w for n in set(told) & set(real) for w in same(told[n], real[n], f"{at}.{n}")]
    if isinstance(told, list) and isinstance(real, list) and told and real:
        return same(told[0], real[0], f"{at}[]")
    return []


def test_every_example_is_as_the_answer(app, client_of, settings, people, tmp_path, monkeypatch):
    real = walk(client_of, settings, people, tmp_path, monkeypatch)
    json_routes = {
        operation["operationId"]
        for methods in app.openapi()["paths"].values()
        for method, operation in methods.items()
        if method in METHODS
        for code, answer in operation["responses"].items()
        if code.startswith("2") and "application/json" in answer.get("content", {})
    }
    assert set(real) == json_routes
    odd = [
        word
        for name in sorted(json_routes)
        for word in same(shape(examples()[name]), shape(real[name]), name)
    ]
    assert odd == []
