"""Elevation models through the door: sent, accepted, returned, revoked; and what follows of each."""

import shutil
import zipfile
from datetime import date as d

import pytest
import rasterio
from rasterio.windows import Window
from sqlalchemy import func, select

from geo.problems import Problem
from geo.store import (
    accounts,
    audit,
    batches,
    decisions,
    districts,
    intake,
    pond_facts,
    pond_page,
    pond_zones,
    terrain_decisions,
    terrain_files,
    terrain_queries,
)
from geo.store.engine import SYSTEM, connect
from geo.store.head_top_runs import compute
from geo.store.pond_facts import may_have_changed
from geo.store.tables import terrain
from geo.store.terrain_sent import submit_model
from geo.store.terrains import take_dem
from geo.survey.reading.result import Statement
from geo.tailings.model import Stated
from sample_data.make import HERE
from tests.conftest import PASSWORDS, PEOPLED, filed, fresh_database
from tests.county import below_a_pond, write

pytestmark = pytest.mark.database
ON = d(2024, 9, 1)
MODEL = HERE / "14_示例县地形_30m.tif"
SAID = Statement(source="省测绘院", dated=d(2024, 5, 1), error_m=3.0)


@pytest.fixture(scope="module")
def judged(template, peopled, tmp_path_factory):
    """A pond with a house under it, on the sample's model, and judged."""
    PASSWORDS.update(peopled)
    folder = tmp_path_factory.mktemp("judged")
    with fresh_database(template, folder, PEOPLED) as made:
        zhang = actor(made, "zhang")
        for layer, rows in below_a_pond("A", "甲公司").items():
            path = write(folder / f"{layer}.geojson", rows)
            survey_id = filed(made, path, actor(made, "wang"), layer=layer)
            with connect(made, "worker", zhang) as conn:
                decisions.accept(conn, zhang, survey_id, "ok", "doc", on=ON)
        with connect(made, "worker", zhang) as conn:
            take_dem(conn, made, zhang, [MODEL], Stated("示例", d(2024, 3, 1), 3.0), ON)
        assert compute(made, ON)["outcomes"]["yes"] == 1
        yield made


@pytest.fixture
def own(template, tmp_path, judged):
    source = str(judged.database_url).rsplit("/", 1)[1].split("?")[0]
    with fresh_database(template, tmp_path, source) as made:
        # The elevation model's bytes rest beside the database.
        shutil.copytree(judged.raw_files, made.raw_files)
        yield made


def actor(settings, login):
    with connect(settings, "worker", SYSTEM) as conn:
        return accounts.actor_of(conn, login)


def sheet(folder, name, cols, *, base=MODEL):
    """Write some columns of the sample's model as a file of its own."""
    with rasterio.open(base) as file:
        first, last = (int(file.width * share) for share in cols)
        window = Window(first, 0, last - first, file.height)
        said = {**file.profile, "width": window.width, "transform": file.window_transform(window)}
        with rasterio.open(folder / name, "w", **said) as made:
            made.write(file.read(window=window))
    return folder / name


def packed(folder, *files, name="高程.zip"):
    path = folder / name
    with zipfile.ZipFile(path, "w") as made:
        for one in files:
            made.write(one, f"图幅/{one.name}")
        made.writestr("图幅/附注.md", "x")
    return path


def read(settings, path, login="wang", said=SAID, **options):
    """Send a model and have it read; returns the upload's id and what became of it."""
    by = actor(settings, login)
    wanted = intake.ReadOptions(terrain=said, **options)
    with connect(settings, "worker", by) as conn:
        upload_id = intake.register_upload(
            conn, by, path.name, path, wanted, settings=settings, enqueue=False
        )
    intake.process_upload(settings, upload_id)
    with connect(settings, "app", by) as conn:
        return upload_id, intake.upload_status(conn, upload_id)


def submitted(settings, path, login="wang", said=SAID):
    upload_id, found = read(settings, path, login, said)
    assert found["state"] == "staged", found["problem"]
    by = actor(settings, login)
    with connect(settings, "worker", by) as conn:
        return submit_model(conn, by, upload_id, on=ON)


def act(settings, login, what, model, *said):
    by = actor(settings, login)
    with connect(settings, "worker", by) as conn:
        return what(conn, by, model, *(said or ("核实", "核字1号")), on=ON)


def settled(settings, login, proposal):
    by = actor(settings, login)
    with connect(settings, "worker", by) as conn:
        return decisions.settle(conn, by, proposal, True, on=ON)


def states(settings, login="zhang"):
    with connect(settings, "app", actor(settings, login)) as conn:
        return {one["id"]: one for one in terrain_queries.models(conn)}


def verdict(settings):
    """Return what was computed of the pond; the official list has it, whatever the ground says."""
    with connect(settings, "app", actor(settings, "zhang")) as conn:
        return pond_page.pond(conn, "A", ON)["computed"]["outcome"]


def test_what_cannot_be_a_model_fails_in_one_sentence_and_leaves_nothing(
    settings, people, tmp_path
):
    broken = tmp_path / "坏.tif"
    broken.write_bytes(b"II*\x00" + b"x" * 200)
    named = tmp_path / "假.tif"
    named.write_bytes(b"no model at all")
    text = tmp_path / "说明.txt"
    text.write_text("x")
    good = sheet(tmp_path, "西.tif", (0, 0.5))
    for path, code in (
        (broken, "reader.child.unreadable"),
        (named, "terrain.dem.kind"),
        (packed(tmp_path, good, named), "terrain.dem.kind"),
        (packed(tmp_path, text, name="无.zip"), "terrain.dem.no_sheet"),
    ):
        upload_id, found = read(settings, path)
        assert (found["state"], found["problem"]["code"]) == ("failed", code), path.name
        assert Problem(code, **found["problem"]["params"]).say("zh")
        wang = actor(settings, "wang")
        with connect(settings, "worker", wang) as conn, pytest.raises(Problem) as refused:
            submit_model(conn, wang, upload_id)
        assert refused.value.code == "store.not_staged"
    assert states(settings) == {}


def test_an_enterprise_sends_no_model_and_the_administrator_nothing(settings, people):
    for login in ("zhao", "admin"):
        with pytest.raises(Problem) as refused:
            read(settings, MODEL, login)
        assert refused.value.http_status == 403


def test_a_model_is_sent_in_sheets_returned_with_remarks_and_sent_again(own, tmp_path):
    files = [sheet(tmp_path, "西.tif", (0, 0.5)), sheet(tmp_path, "东.tif", (0.5, 1))]
    upload_id, found = read(own, packed(tmp_path, *files))
    told = found["result"]["terrain"]
    assert (told["filename"], told["ignored"]) == ("西.tif、东.tif", ["附注.md"])
    # What was unpacked is kept from the sweep as long as it waits, and after.
    with connect(own, "worker", SYSTEM) as conn:
        named = terrain_files.kept_digests(conn)
    assert {file[0] for one in told["note"]["sheets"] for file in one} <= named
    wang = actor(own, "wang")
    with connect(own, "worker", wang) as conn:
        model = submit_model(conn, wang, upload_id, on=ON)
        assert submit_model(conn, wang, upload_id, on=ON) == model
    # It counts for nothing yet, and is its sender's and the regulator's to see.
    assert states(own)[model]["state"] == "submitted"
    assert states(own, "wang")[model]["state"] == "submitted"
    assert model not in states(own, "zhao")
    with connect(own, "worker", SYSTEM) as conn:
        assert not may_have_changed(conn, ON)
    assert compute(own, ON) is None
    for login, status in (("wang", 403), ("admin", 403), ("zhao", 404)):
        with pytest.raises(Problem) as refused:
            act(own, login, terrain_decisions.accept, model)
        assert refused.value.http_status == status, login
    act(own, "zhang", terrain_decisions.return_, model, "缺西南角")
    back = states(own, "wang")[model]
    assert (back["state"], back["said"]["reason"], back["said"]["by"]) == ("returned", "缺西南角", "zhang")  # fmt: skip
    with pytest.raises(Problem) as refused:
        act(own, "zhang", terrain_decisions.accept, model)
    assert refused.value.code == "store.wrong_state"
    # Sent again it is another matter.
    assert submitted(own, packed(tmp_path, *files)) != model
    assert verdict(own) == "yes"
    with connect(own, "worker", SYSTEM) as conn:
        assert audit.verify(conn).fault is None


def test_a_model_is_looked_over_where_its_ground_lies(own, tmp_path, monkeypatch):
    # Whoever sends it, what stands on record there is asked, seen by them or not.
    with connect(own, "worker", actor(own, "wang")) as conn:
        assert {row["district"] for row in districts.placed(conn)} == {"140981"}
        stand = [{**row, "district": "140922"} for row in districts.placed(conn)]
    monkeypatch.setattr(districts, "placed", lambda conn: stand)
    model = submitted(own, MODEL)
    assert states(own, "wang")[model]["district"] == "140922"
    assert model not in states(own, "zhang")
    with pytest.raises(Problem) as refused:
        act(own, "zhang", terrain_decisions.accept, model)
    assert refused.value.http_status == 404


def test_what_was_reckoned_by_other_rules_is_reckoned_anew(own, monkeypatch):
    with connect(own, "worker", SYSTEM) as conn:
        assert not may_have_changed(conn, ON)
        monkeypatch.setattr(pond_facts, "reckoned_key", lambda: "another")
        assert may_have_changed(conn, ON)


def test_what_may_take_a_verdict_away_waits_for_a_second_person(own, tmp_path, monkeypatch):
    assert verdict(own) == "yes"
    (first,) = states(own)
    model = submitted(own, MODEL)
    with monkeypatch.context() as patch:
        # As if no pond that counts were judged anew: the zone, drawn on other ground, takes two.
        patch.setattr(terrain_decisions, "rejudged", lambda *asked: [])
        bare = act(own, "zhang", terrain_decisions.accept, model)
    assert (bare["state"], bare["ponds"]) == ("needs_second", [])
    assert bare["zone_km2"] > 0
    with connect(own, "worker", actor(own, "li")) as conn:
        decisions.settle(conn, actor(own, "li"), bare["proposal"], False, on=ON, reason="再看")
    told = act(own, "zhang", terrain_decisions.accept, model)
    assert told["state"] == "needs_second"
    assert (told["ponds"], told["zone_km2"]) == (["A"], bare["zone_km2"])
    assert states(own)[model]["state"] == "submitted"
    with pytest.raises(Problem) as refused:
        settled(own, "zhang", told["proposal"])
    assert refused.value.code == "store.second_person"
    assert settled(own, "li", told["proposal"])["state"] == "accepted"
    assert states(own)[model]["state"] == "waits"
    with connect(own, "worker", SYSTEM) as conn:
        assert may_have_changed(conn, ON)
        seq = batches.seq_at(conn, None)
    assert compute(own, ON) is not None
    now = states(own)
    assert (now[model]["state"], now[first]["state"]) == ("in_force", "replaced")
    assert now[model]["answers"]["km2"] == pytest.approx(now[model]["area_km2"])
    assert now[model]["ponds"] == ["A"]
    assert verdict(own) == "yes"
    # One after the other is withdrawn: the older answers again, and then nothing does.
    for one in (model, first):
        with monkeypatch.context() as patch:
            if one == model:
                # As if no pond that counts were judged on it: the zone alone takes two.
                patch.setattr(terrain_decisions, "rejudged", lambda *asked: [])
            told = act(own, "zhang", terrain_decisions.revoke, one, "弄虚作假", "撤字1号")
            assert told["state"] == "needs_second"
            assert told["ponds"] == ([] if one == model else ["A"])
            assert told["zone_km2"] > 0
            assert states(own)[one]["state"] == "in_force"
            assert settled(own, "li", told["proposal"])["state"] == "revoked"
        with connect(own, "worker", SYSTEM) as conn:
            assert may_have_changed(conn, ON)
        assert compute(own, ON) is not None
        if one == model:
            assert states(own)[first]["state"] == "in_force"
            assert verdict(own) == "yes"
    assert {one["state"] for one in states(own).values()} == {"revoked"}
    assert compute(own, ON) is None
    # Nobody becomes free of people below by that: it is not known.
    assert verdict(own) == "undetermined"
    with connect(own, "app", actor(own, "zhang")) as conn:
        one = pond_page.pond(conn, "A", ON)
        assert one["computed"]["evidence"]["reasons"] == ["no_model"]
        assert (one["strip"], one["terrain"]) == (None, None)
        assert {z["kind"] for z in pond_zones.zones(conn)} <= {"prohibited"}
        # What was known then still is what was known then.
        then = conn.scalar(select(func.minerisk.newest_run(seq - 1)))
        assert pond_zones.run_summary(conn, seq - 1)["models"][0]["filename"] == MODEL.name
        assert then is not None
    with connect(own, "worker", SYSTEM) as conn:
        assert not may_have_changed(conn, ON)
        assert conn.scalar(select(func.count()).select_from(terrain)) == 2
        assert audit.verify(conn).fault is None
