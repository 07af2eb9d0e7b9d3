"""What a survey unit settled about its files once is offered the next time, and said."""

from types import SimpleNamespace

import pytest
from sqlalchemy import select, text

from geo.store import intake, memory
from geo.store.engine import SYSTEM, connect
from geo.store.tables import remembered
from geo.survey.layers import fold, layers
from tests.conftest import TODAY, filed
from tests.county import rect, write

pytestmark = pytest.mark.database


def rows(n=0.1):
    return [({"ZZ1": "CK1", "ZZ2": "35", "备注": "x"}, rect(n, 0.4, 0.05, 0.05))]


def staged(settings, upload_id):
    with connect(settings, "worker", SYSTEM) as conn:
        found = intake.upload_status(conn, upload_id)
        notes = intake.upload_notes(conn, upload_id)
    return found["result"]["layers"][0], {note["code"]: note["params"] for note in notes}


def submitted(settings, upload_id, actor):
    with connect(settings, "worker", actor) as conn:
        return intake.submit(conn, actor, upload_id, on=TODAY)


def test_a_mapping_is_remembered_once_submitted(settings, people, tmp_path):
    first = write(tmp_path / "CKQ.geojson", rows())
    by_hand = {"mapping": {"ZZ1": "code", "ZZ2": "depth_m"}, "layer": "goaf"}
    tried = filed(settings, first, people["wang"], submit=False, **by_hand)
    second = write(tmp_path / "again.geojson", rows(0.2))
    # Only tried, it settles nothing.
    before, said = staged(
        settings, filed(settings, second, people["wang"], submit=False, layer="goaf")
    )
    assert "ZZ1" not in before["mapping"]
    assert "reader.layer.remembered" not in said
    submitted(settings, tried, people["wang"])
    after, said = staged(
        settings, filed(settings, second, people["wang"], submit=False, layer="goaf")
    )
    assert after["mapping"] == {"ZZ1": "code", "ZZ2": "depth_m"}
    assert "ZZ2 → 埋深" in said["reader.layer.remembered"]["pairs"]
    # Another layer type, another unit: nobody else's habits.
    for who, layer in (("wang", "fire_area"), ("rival", "goaf"), ("zhao", "goaf")):
        upload_id = filed(settings, second, people[who], submit=False, layer=layer)
        assert "ZZ1" not in staged(settings, upload_id)[0]["mapping"]
    # A person's word now goes before, and settles it anew.
    other = filed(
        settings,
        second,
        people["wang"],
        submit=False,
        layer="goaf",
        mapping_of={"again": {"ZZ1": "name", "ZZ2": ""}, "elsewhere": {"ZZ1": "seam"}},
    )
    assert staged(settings, other)[0]["mapping"] == {"ZZ1": "name"}
    submitted(settings, other, people["wang"])
    third = write(tmp_path / "third.geojson", rows(0.3))
    last, said = staged(
        settings, filed(settings, third, people["wang"], submit=False, layer="goaf")
    )
    assert last["mapping"] == {"ZZ1": "name"}
    assert "ZZ2 → —" in said["reader.layer.remembered"]["pairs"]


def test_the_type_of_a_source_is_remembered(settings, people, tmp_path):
    path = write(tmp_path / "K3-TC.geojson", rows())
    tried = filed(settings, path, people["wang"], submit=False, layers={"K3-TC": "goaf"})
    submitted(settings, tried, people["wang"])
    again = write(tmp_path / "k3_tc.geojson", rows(0.2))
    found, said = staged(settings, filed(settings, again, people["wang"], submit=False))
    assert (found["layer"], found["stored"]) == ("goaf", 1)
    assert said["reader.layer.remembered_type"]["type"] == layers()["goaf"].label.zh
    chosen = filed(settings, again, people["wang"], submit=False, layer="fire_area")
    assert staged(settings, chosen)[0]["layer"] == "fire_area"


def test_the_encoding_of_a_source_is_remembered_and_that_of_a_whole_file_is_not(settings, people):
    read = {"layer": "goaf", "mapping": {}, "samples": [], "encoding": "BIG5"}
    layers_ = [read | {"source_name": name} for name in ("K3-TC", "K4-TC")]
    sent = SimpleNamespace(result={"layers": layers_}, options={"encoding": "GB18030"})
    of = people["wang"].org_id
    with connect(settings, "worker", SYSTEM) as conn:
        assert memory.remember(conn, of, "wang", sent) == 0
        sent.options = {"encoding_of": {"K3-TC": "big5", "K4-TC": None}}
        assert memory.remember(conn, of, "wang", sent) == 1
        assert memory.recall(conn, of)["remembered_encodings"] == {fold("K3-TC"): "big5"}


def test_only_the_own_organisation_sees_what_it_settled(settings, people, tmp_path):
    path = write(tmp_path / "a.geojson", rows())
    by_hand = {"mapping": {"ZZ1": "code"}, "layer": "goaf"}
    submitted(
        settings, filed(settings, path, people["wang"], submit=False, **by_hand), people["wang"]
    )
    seen = {}
    for who in ("wang", "rival", "zhao", "zhang"):
        with connect(settings, "app", people[who]) as conn:
            seen[who] = len(list(conn.execute(select(remembered))))
    assert seen == {"wang": 1, "rival": 0, "zhao": 0, "zhang": 0}
    with connect(settings, "app") as conn:
        assert conn.scalar(text("SELECT count(*) FROM minerisk.remembered")) == 0
    with connect(settings, "worker", SYSTEM) as conn:
        assert memory.recall(conn, None) == {
            "remembered": {}, "remembered_layers": {}, "remembered_encodings": {},
        }  # fmt: skip
