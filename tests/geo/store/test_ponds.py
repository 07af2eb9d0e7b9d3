"""Ponds in the store: through the same door, seen by their own, their life recorded and refused."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date as d
from datetime import timedelta
from hashlib import sha256
from types import SimpleNamespace

import numpy as np
import openpyxl
import pytest
import rasterio
import shapely
from rasterio.transform import Affine
from rasterio.windows import Window
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from geo import sample
from geo.crs import from_metric
from geo.doctor import examine
from geo.problems import Problem
from geo.report.ponds import write_ponds_xlsx
from geo.store import (
    accounts,
    audit,
    decisions,
    head_top_runs,
    map_reads,
    mine_evidence,
    papers,
    pond_ground,
    pond_page,
    pond_queries,
    pond_zones,
    sites,
    terrain_queries,
)
from geo.store.engine import SYSTEM, connect, engine
from geo.store.head_top_runs import compute
from geo.store.pond_events import add_papers, record_event
from geo.store.pond_facts import life_of, may_have_changed, readable_life, standing_events
from geo.store.pond_objects import say_head_top
from geo.store.terrains import opened_taken, take_dem
from geo.store.tiles import data_version, tile
from geo.tailings import model
from geo.tailings.closure import Event
from geo.tailings.life import life_rules
from geo.tailings.parameters import terrain_rules
from geo.tailings.siting import Proposal
from sample_data import ponds as drawn
from sample_data.make import HERE
from tests.conftest import filed, fresh_database
from tests.county import write

pytestmark = [pytest.mark.database, pytest.mark.slow]
ON = d(2024, 9, 1)
MODEL = HERE / "14_示例县地形_30m.tif"


@pytest.fixture(scope="module")
def county(template, tmp_path_factory):
    with fresh_database(template, tmp_path_factory.mktemp("ponds")) as made:
        sample.load(made, ON)
        yield made


def seen(settings, login, on=ON):
    with connect(settings, "worker", SYSTEM) as conn:
        actor = accounts.actor_of(conn, login)
    with connect(settings, "app", actor) as conn:
        return {p["code"]: p for p in pond_queries.ponds(conn, on)}


STATES = {
    "SL-T01": "in_use", "SL-T02": "building", "SL-T03": "idle", "SL-T04": "must_close",
    "SL-T05": "raising", "SL-T06": "closure_design", "SL-T07": "closure_works",
    "SL-T08": "closure_acceptance", "SL-T09": "remining", "SL-T10": "deregistered",
}  # fmt: skip


def test_the_county_has_a_pond_of_each_state(county):
    # Ten ponds for twelve states: none whose tailings are gone, and none of which nothing is known.
    assert set(STATES.values()) == set(life_rules()["states"]) - {"removed", "unknown"}
    assert {code: p["state"] for code, p in seen(county, "zhang").items()} == STATES


def test_numbers_cut_off_their_unit_are_still_read_in_it(county):
    # The .dbf cuts 全库容(万m3) at ten bytes.
    assert seen(county, "zhang")["SL-T05"]["grade"]["design"] == 3


@pytest.mark.parametrize(
    ("login", "codes"),
    [("zhang", set(STATES)), ("admin", set(STATES)), ("wang", set(STATES)),
     ("zhao", {"SL-T01", "SL-T06"}), ("qian", set())],
)  # fmt: skip
def test_who_sees_which_pond(county, login, codes):
    assert set(seen(county, login)) == codes
    with connect(county, "worker", SYSTEM) as conn:
        actor = accounts.actor_of(conn, login)
    with connect(county, "app", actor) as conn:
        for code in STATES:
            found = pond_page.pond(conn, code, ON)
            assert (found is not None) is (code in codes)
            if found and login == "zhao":
                # Its whole life is its own to read, though the survey it came in is not.
                assert found["events"] or code == "SL-T01"


def test_nobody_sees_nothing(county):
    with connect(county, "app") as conn:
        assert pond_queries.ponds(conn, ON) == []


@pytest.fixture
def own(template, tmp_path, county):
    source = str(county.database_url).rsplit("/", 1)[1].split("?")[0]
    with fresh_database(template, tmp_path, source) as made:
        # The elevation model's bytes rest beside the database.
        shutil.copytree(county.raw_files, made.raw_files)
        yield made


def recorded(settings, login, *args, **kwargs):
    with connect(settings, "worker", SYSTEM) as conn:
        actor = accounts.actor_of(conn, login)
    with connect(settings, "worker", actor) as conn:
        return record_event(conn, actor, *args, on=ON, **kwargs)


def added(settings, login, code, key, sent):
    actor = actor_of(settings, login)
    with connect(settings, "worker", actor) as conn:
        return add_papers(conn, actor, code, key, sent, on=ON)


def surveyed(**attrs):
    return {"attrs": {"observed_on": "2024-04-01", **attrs}, "since": None}


FULL = {"elevation_m": 100.0, "final_elevation_m": 100.0}


def test_the_elevation_a_survey_measures_is_a_trigger_or_a_question():
    in_use = surveyed(commissioned_on="2015-05-01", **FULL)
    found, trouble = life_of(in_use, [], ON)
    (trigger,) = found.closure.triggers
    assert (trigger.code, trigger.fact_on) == ("final_elevation", d(2024, 4, 1))
    assert trigger.not_later_than
    assert trouble is None
    assert not life_of(in_use, [], d(2024, 3, 1))[0].closure.triggers
    lower = surveyed(commissioned_on="2015-05-01", **FULL | {"elevation_m": 99.9})
    assert not life_of(lower, [], ON)[0].closure.triggers
    # After an approved raise the survey may go by the final elevation of old.
    raised = [Event(d(2024, 1, 5), "raise_approved", "", "扩1号")]
    found, _ = life_of(in_use, raised, ON)
    assert (found.state, found.closure.triggers) == ("raising", ())
    assert found.questions == ("elevation_reached:2024-04-01",)
    # A raise approved since voids it.
    raised = [Event(d(2024, 5, 5), "raise_approved", "", "扩1号")]
    assert not life_of(in_use, raised, ON)[0].closure.triggers
    # A reversal stands or falls with the survey it answered; the pond stays readable.
    reversed_ = [Event(d(2024, 6, 1), "trigger_reversed", "final_elevation", "复1号")]
    assert life_of(in_use, reversed_, ON)[0].state == "in_use"
    with pytest.raises(Problem):
        life_of(lower, reversed_, ON)
    found, trouble = readable_life(lower, reversed_, ON)
    assert (found.state, trouble.code) == ("in_use", "tailings.impossible_move")


def test_a_survey_restarts_no_pond_and_a_discharge_without_papers_is_a_token_one():
    stopped = [Event(d(2020, 1, 1), "stopped")]
    found, _ = life_of(surveyed(last_discharge_on="2022-12-31"), stopped, ON)
    assert found.state == "must_close"
    assert found.questions == ("surveyed_discharge:2022-12-31",)
    row = SimpleNamespace(
        on_date=d(2022, 1, 1), kind="discharge", detail="", document=" ", proven_only=False, key="k"
    )
    assert [e.kind for e in standing_events([row])] == ["token_discharge"]


def test_an_event_moves_the_pond_and_the_chain_holds(own):
    recorded(own, "zhang", "SL-T06", "works_started", d(2024, 8, 20))
    assert seen(own, "zhang")["SL-T06"]["state"] == "closure_works"
    # Asked about the day before, it was not yet so.
    assert seen(own, "zhang", d(2024, 8, 19))["SL-T06"]["state"] == "closure_design"
    with connect(own, "worker", SYSTEM) as conn:
        assert audit.verify(conn).fault is None


@pytest.mark.parametrize(
    ("login", "event", "status", "word"),
    [("zhang", ("SL-T04", "works_started", d(2024, 8, 1)), 422, "must close"),
     ("zhang", ("SL-T10", "discharge", d(2024, 8, 1), "", "准1号"), 422, "deregistered"),
     ("zhang", ("SL-T01", "nonsense", d(2024, 8, 1)), 422, "nonsense"),
     ("zhang", ("SL-T01", "stopped", d(2024, 9, 2)), 422, "not come"),
     ("zhang", ("SL-T99", "stopped", d(2024, 8, 1)), 404, "SL-T99"),
     ("zhang", ("SL-T04", "final_elevation", d(2023, 6, 1)), 409, "record"),
     ("zhang", ("SL-T04", "extension_approved", d(2024, 5, 1), "六个月", "延1号"), 422, "months"),
     ("zhang", ("SL-T01", "discharge", d(2024, 8, 1)), 422, "document"),
     ("zhang", ("SL-T01", "last_discharge", d(2024, 8, 1)), 422, "survey"),
     ("zhao", ("SL-T01", "works_started", d(2024, 8, 1)), 403, ""),
     ("zhao", ("SL-T03", "discharge_ended", d(2024, 8, 1)), 404, ""),
     ("wang", ("SL-T01", "stopped", d(2024, 8, 1)), 403, ""),
     ("admin", ("SL-T01", "stopped", d(2024, 8, 1)), 403, "")],
)  # fmt: skip
def test_what_cannot_be_recorded_and_by_whom(own, login, event, status, word):
    before = seen(own, "zhang")
    said = dict(zip(("detail", "document"), event[3:], strict=False))
    with pytest.raises(Problem) as refused:
        recorded(own, login, *event[:3], **said)
    assert refused.value.http_status == status
    assert word.lower() in refused.value.say("en").lower()
    assert seen(own, "zhang") == before


def settled(settings, login, proposal, confirm=True, reason=""):
    actor = actor_of(settings, login)
    with connect(settings, "worker", actor) as conn:
        return decisions.settle(conn, actor, proposal, confirm, reason, on=ON)


@pytest.fixture
def paper(own, tmp_path):
    """A paper as it comes with an event, its digest, and who is handed it."""
    path = tmp_path / "sent"
    path.write_bytes(b"%PDF-1.7 approval")
    sent, digest = papers.Sent(own, [("批复.pdf", path)]), sha256(path.read_bytes()).hexdigest()

    def has(login, code):
        with connect(own, "app", actor_of(own, login)) as conn:
            return papers.found(conn, own, papers.EVENT, code, digest)

    return SimpleNamespace(sent=sent, has=has, digest=digest, body=path.read_bytes())


def test_an_events_papers_are_on_record_with_it_and_go_to_whom_it_is_shown(own, paper, tmp_path):
    recorded(own, "zhao", "SL-T01", "discharge_ended", d(2024, 8, 1), sent=paper.sent)
    with connect(own, "app", actor_of(own, "zhao")) as conn:
        (event,) = [e for e in pond_page.pond(conn, "SL-T01", ON)["events"] if e["papers"]]
    (row,) = event["papers"]
    assert (event["kind"], row["name"], row["actor_login"]) == (
        "discharge_ended",
        "批复.pdf",
        "zhao",
    )
    entry, path = paper.has("zhao", "SL-T01")
    assert (entry["sha256"], path.read_bytes()) == (row["sha256"], paper.body)
    for login in ("zhang", "admin"):
        assert paper.has(login, "SL-T01"), login
    # A neighbour, a survey unit, and by another pond's name: nobody is told that it is there.
    for login, code in (("qian", "SL-T01"), ("wang", "SL-T01"), ("zhang", "SL-T02")):
        assert paper.has(login, code) is None, login
    # Old bytes that a record names are not swept, and what is on record is of the chain.
    os.utime(path, (0, 0))
    examine(own, mend=True)
    assert path.is_file()
    with engine(own, "owner").connect() as conn, pytest.raises(DBAPIError, match="only added to"):
        conn.execute(text("DELETE FROM minerisk.paper"))
    with connect(own, "worker", SYSTEM) as conn:
        assert audit.verify(conn).fault is None
    # What came in late is added beside it, and told apart; nothing on record is changed by it.
    late = tmp_path / "late"
    late.write_bytes(b"%PDF-1.7 late")
    more = papers.Sent(own, [("补交.pdf", late)])
    for login, status in (("qian", 404), ("wang", 403), ("admin", 403)):
        with pytest.raises(Problem) as refused:
            added(own, login, "SL-T01", event["key"], more)
        assert refused.value.http_status == status, login
    assert added(own, "zhao", "SL-T01", event["key"], more) == 1
    for key, code in ((event["key"], "papers.known"), ("none", "papers.no_event")):
        with pytest.raises(Problem) as refused:
            added(own, "zhang", "SL-T01", key, more)
        assert refused.value.code == code
    with connect(own, "app", actor_of(own, "zhao")) as conn:
        (event,) = [e for e in pond_page.pond(conn, "SL-T01", ON)["events"] if e["papers"]]
    told = [(one["name"], one["added_later"]) for one in event["papers"]]
    assert told == [("批复.pdf", False), ("补交.pdf", True)]
    with connect(own, "worker", SYSTEM) as conn:
        assert audit.verify(conn).fault is None
    # What may not be attached is refused, and the event with it.
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"MZ")
    with pytest.raises(Problem) as refused:
        recorded(
            own, "zhang", "SL-T01", "operator_lost", d(2024, 8, 1),
            sent=papers.Sent(own, [("a.exe", wrong)]),
        )  # fmt: skip
    assert refused.value.code == "attachments.kind"
    assert seen(own, "zhang")["SL-T01"]["who"] != "county_government"


def test_the_second_person_reads_the_papers_before_the_event_is_on_record(own, paper):
    event = ("SL-T08", "deregistered", d(2024, 8, 20))
    told = recorded(own, "zhang", *event, document="销8号", sent=paper.sent)
    with connect(own, "app", actor_of(own, "li")) as conn:
        (waiting,) = pond_page.pond(conn, "SL-T08", ON)["waiting"]
    assert [one["sha256"] for one in waiting["papers"]] == [paper.digest]
    _, path = paper.has("li", "SL-T08")
    os.utime(path, (0, 0))
    examine(own, mend=True)
    assert paper.has("qian", "SL-T08") is None
    settled(own, "li", told["proposal"])
    with connect(own, "app", actor_of(own, "li")) as conn:
        (row,) = pond_page.pond(conn, "SL-T08", ON)["events"][-1]["papers"]
    assert (row["name"], row["actor_login"]) == ("批复.pdf", "zhang")
    assert paper.has("li", "SL-T08")


def test_a_pond_is_struck_off_by_two_persons_and_by_no_one_alone(own):
    told = recorded(own, "zhang", "SL-T08", "deregistered", d(2024, 8, 20), document="销8号")
    assert (told["state"], told["key"]) == ("needs_second", None)
    assert seen(own, "zhang")["SL-T08"]["state"] == "closure_acceptance"
    with connect(own, "app", actor_of(own, "zhang")) as conn:
        (waiting,) = pond_page.pond(conn, "SL-T08", ON)["waiting"]
    assert (waiting["kind"], waiting["proposed_by"]) == ("deregistered", "zhang")
    # Saying it twice makes one matter of it.
    again = recorded(own, "zhang", "SL-T08", "deregistered", d(2024, 8, 20), document="销8号")
    assert again["proposal"] == told["proposal"]
    for login, status in (("zhang", 409), ("zhao", 404), ("admin", 403)):
        with pytest.raises(Problem) as refused:
            settled(own, login, told["proposal"])
        assert refused.value.http_status == status, login
    assert settled(own, "li", told["proposal"])["state"] == "recorded"
    found = seen(own, "zhang")["SL-T08"]
    assert (found["state"], found["counted"]) == ("deregistered", False)
    with connect(own, "worker", SYSTEM) as conn:
        assert may_have_changed(conn, ON)
    assert compute(own, ON)["ponds"] == 10
    with connect(own, "app", actor_of(own, "zhang")) as conn:
        strips = {z["pond_code"] for z in pond_zones.zones(conn) if z["kind"] == "strip"}
        one = pond_page.pond(conn, "SL-T08", ON)
    # Who lies below is still told; new houses are banned there no more.
    assert strips == set(STATES) - {"SL-T08", "SL-T10"}
    assert one["strip"] is None
    assert one["computed"]["evidence"]["rests_on"] == "2024-04-01"
    with connect(own, "app", actor_of(own, "zhang")) as conn:
        one = pond_page.pond(conn, "SL-T08", ON)
    last = one["events"][-1]
    assert (last["actor_login"], last["confirmed_by"]) == ("zhang", "li")
    assert one["waiting"] == []
    with pytest.raises(Problem):
        settled(own, "li", told["proposal"])
    with connect(own, "worker", SYSTEM) as conn:
        assert audit.verify(conn).fault is None


def test_a_refused_deregistration_leaves_the_pond_on_the_register(own):
    told = recorded(own, "zhang", "SL-T08", "deregistered", d(2024, 8, 20), document="销8号")
    with pytest.raises(Problem) as wordless:
        settled(own, "li", told["proposal"], False, " ")
    assert wordless.value.code == "store.refusal_wanted"
    assert settled(own, "li", told["proposal"], False, "缺验收结论")["state"] == "refused"
    assert seen(own, "zhang")["SL-T08"]["state"] == "closure_acceptance"
    # Whoever sees the pond reads why, until it is proposed anew.
    with connect(own, "app", actor_of(own, "zhang")) as conn:
        (no,) = pond_page.pond(conn, "SL-T08", ON)["refused"]
    assert (no["kind"], no["settled_by"], no["refusal"]) == ("deregistered", "li", "缺验收结论")
    recorded(own, "zhang", "SL-T08", "deregistered", d(2024, 8, 20), document="销8号")
    with connect(own, "app", actor_of(own, "zhang")) as conn:
        assert pond_page.pond(conn, "SL-T08", ON)["refused"] == []


def test_what_two_saw_must_still_be_so_when_the_second_confirms(own):
    told = recorded(own, "zhang", "SL-T08", "deregistered", d(2024, 8, 20), document="销8号")
    recorded(own, "zhang", "SL-T08", "acceptance_failed", d(2024, 8, 10), document="验8号")
    with pytest.raises(Problem) as moved:
        settled(own, "li", told["proposal"])
    assert moved.value.code == "tailings.impossible_move"
    assert seen(own, "zhang")["SL-T08"]["state"] == "closure_works"


def test_a_trigger_is_reversed_by_two_and_an_impossible_one_is_not_even_proposed(own):
    told = recorded(
        own, "zhang", "SL-T04", "trigger_reversed", d(2024, 8, 1),
        detail="final_elevation", document="复核4号",
    )  # fmt: skip
    assert told["state"] == "needs_second"
    settled(own, "li", told["proposal"])
    assert seen(own, "zhang")["SL-T04"]["obligations"] == []
    with pytest.raises(Problem) as refused:
        recorded(
            own, "zhang", "SL-T04", "trigger_reversed", d(2024, 8, 2), detail="idle", document="x"
        )
    assert refused.value.code == "tailings.impossible_move"


def test_an_enterprise_reports_what_burdens_it(own):
    recorded(own, "zhao", "SL-T01", "discharge_ended", d(2024, 8, 1))
    assert seen(own, "zhao")["SL-T01"]["state"] == "must_close"


def test_an_event_recorded_by_mistake_is_taken_back_and_stays_on_record(own):
    key = recorded(own, "zhang", "SL-T01", "operator_lost", d(2024, 8, 1))["key"]
    assert seen(own, "zhang")["SL-T01"]["who"] == "county_government"
    told = recorded(
        own, "zhang", "SL-T01", "annulled", d(2024, 8, 2), detail=key, document="更正1号"
    )
    # Without it nobody would have to close: that takes two.
    assert told["state"] == "needs_second"
    assert seen(own, "zhang")["SL-T01"]["who"] == "county_government"
    settled(own, "li", told["proposal"])
    assert seen(own, "zhang")["SL-T01"]["state"] == "in_use"
    with connect(own, "worker", SYSTEM) as conn:
        events = pond_page.pond(conn, "SL-T01", ON)["events"]
    assert [(e["kind"], e["annulled"]) for e in events] == [
        ("operator_lost", True),
        ("annulled", False),
    ]


def degrees(shape):
    return from_metric(np.array([shape], dtype=object), drawn.EPSG)[0]


def actor_of(settings, login):
    with connect(settings, "worker", SYSTEM) as conn:
        return accounts.actor_of(conn, login)


def test_a_new_house_below_makes_a_pond_head_top_once_accepted(own, tmp_path):
    assert compute(own, ON) is None  # nothing changed since the sample was loaded
    house = degrees(shapely.Point(drawn.place(1, drawn.TOE - 500, 20)))
    path = write(tmp_path / "b.geojson", [({"编号": "N1", "名称": "新房", "类别": "住户"}, house)])
    survey = filed(own, path, actor_of(own, "wang"), layer="protected_object")
    zhang = actor_of(own, "zhang")
    assert compute(own, ON) is None  # only submitted
    with connect(own, "worker", zhang) as conn:
        decisions.accept(conn, zhang, survey, "ok", "doc", on=ON)
        assert may_have_changed(conn, ON)
    assert compute(own, ON)["outcomes"]["yes"] == 4
    assert seen(own, "zhang")["SL-T03"]["head_top"]["outcome"] == "yes"
    with connect(own, "worker", SYSTEM) as conn:
        assert not may_have_changed(conn, ON)
        assert audit.verify(conn).fault is None


def test_yes_prevails_and_the_computer_strikes_nobody_off(own):
    zhang = actor_of(own, "zhang")

    def say(code, source, outcome, day):
        with connect(own, "worker", zhang) as conn:
            say_head_top(conn, zhang, code, source, outcome, f"{source}号", day, on=ON)
        return seen(own, "zhang")[code]["head_top"]["outcome"]

    assert say("SL-T02", "evaluation", "yes", d(2024, 4, 1)) == "yes"
    assert say("SL-T02", "site_check", "no", d(2024, 5, 1)) == "yes"
    # A later word of the same source replaces it.
    assert say("SL-T02", "evaluation", "no", d(2024, 6, 1)) == "no"
    with pytest.raises(Problem):
        say("SL-T02", "computed", "no", d(2024, 6, 1))
    with pytest.raises(Problem):
        say("SL-T02", "site_check", "no", d(2024, 9, 2))


def test_an_enterprise_sees_its_own_path_and_strip_only(county):
    zhao, qian, zhang = (actor_of(county, login) for login in ("zhao", "qian", "zhang"))
    n = 2**11
    place = {"z": 11, "x": int((112.59 + 180) / 360 * n), "y": 784}
    bodies = {}
    for actor in (zhao, qian, zhang):
        with connect(county, "app", actor) as conn:
            version = data_version(conn)
            bodies[actor.login] = b"".join(
                tile(conn, layer, 11, place["x"] + dx, y, version)
                for layer in ("paths", "zones", "ponds")
                for dx in (-1, 0, 1)
                for y in range(780, 790)
            )
            zones = pond_zones.zones(conn)
            box = (112.0, 38.0, 113.5, 39.5)
            printed = {
                row["layer"]
                for row in map_reads.shapes(conn, box, ["zones"], [], version, d.today())
            }
        # What the map shows, its sheet prints.
        printed = {"zone.prohibited" if one == "prohibited_area" else one for one in printed}
        assert {f"zone.{zone['kind']}" for zone in zones} == {
            name for name in printed if name.startswith("zone.")
        }
        assert ("path" in printed) is (actor.login != "qian")
        codes = {zone["pond_code"] for zone in zones if zone["kind"] == "strip"}
        kinds = {zone["kind"] for zone in zones}
        assert codes == {"zhao": {"SL-T01", "SL-T06"}, "qian": set(), "zhang": set(STATES) - {"SL-T10"}}[actor.login]  # fmt: skip
        for kind in ("no_build", "bank"):
            assert (kind in kinds) is (actor.login == "zhang")
    assert b"SL-T01" in bodies["zhao"]
    assert b"SL-T03" not in bodies["zhao"]
    assert b"SL-T" not in bodies["qian"]
    assert b"SL-T03" in bodies["zhang"]


def test_the_siting_of_a_place_by_every_rule(county):
    toe = degrees(shapely.Point(drawn.place(3, drawn.TOE - 300)))
    plan = Proposal("new", toe, None, 28.0, 600_000.0, True, ("SL-T10",))
    found = sites.site(county, plan, ON)
    answers = {one["rule"]: one["answer"] for one in found["answers"]}
    assert found["verdict"] == "no"
    # A house lies 300 m below; number ten is struck off and may be replaced once.
    assert answers["zone"] == "no"
    assert answers["replacement"] == "yes"
    assert found["nearest"]["metres"] > 0
    assert found["path"]["type"] == "MultiLineString"
    for one in found["answers"]:
        assert one["sentence"]["zh"]
        assert one["sentence"]["en"]


def test_an_area_the_law_forbids_is_a_zone_with_its_name_and_no_place_for_a_pond(county):
    inside = degrees(shapely.Point(drawn.place(8, 3000)))
    found = sites.site(county, Proposal("new", inside), ON)
    answers = {one["rule"]: one for one in found["answers"]}
    assert answers["prohibited"]["answer"] == "no"
    assert "示例水源保护区" in answers["prohibited"]["sentence"]["zh"]
    # Beside it the survey looked and found none; under it nobody looked for goafs.
    beside = degrees(shapely.box(*(v for at in ((7, 3000), (7, 3060)) for v in drawn.place(*at))).buffer(5))  # fmt: skip
    clear = sites.site(county, Proposal("new", beside.boundary, beside), ON)
    said = {one["rule"]: one for one in clear["answers"]}
    assert said["prohibited"]["answer"] == "yes"
    # This county has a bank line of its own; of the next nobody surveyed one.
    assert said["bank"]["answer"] == "yes"
    next_door = county.model_copy(update={"district": "140922"})
    there = {o["rule"]: o for o in sites.site(next_door, Proposal("new", beside.boundary, beside), ON)["answers"]}  # fmt: skip
    assert there["bank"]["answer"] == "undetermined"
    assert "140922" in there["bank"]["sentence"]["zh"]
    assert said["workings"]["answer"] == "undetermined"
    assert "采空区" in said["workings"]["sentence"]["zh"]
    assert "岩体移动" not in said["workings"]["sentence"]["zh"]
    with connect(county, "app", actor_of(county, "zhang")) as conn:
        zones = pond_zones.as_geojson(pond_zones.zones(conn))["features"]
    named = [z["properties"] for z in zones if z["properties"]["kind"] == "prohibited"]
    assert [one["name"] for one in named] == ["示例水源保护区"]
    # 700 m wide and 800 m long.
    assert named[0]["area_m2"] == pytest.approx(560_000, rel=1e-3)


def test_where_no_survey_looked_for_people_no_pond_is_known_to_be_free_of_them(own):
    zhang = actor_of(own, "zhang")
    assert compute(own, ON) is None
    before = seen(own, "zhang")
    assert before["SL-T03"]["head_top"]["outcome"] == "no"
    # The extent runs out: what it covered is ground nobody surveyed. Which day it is the place says,
    # not the database.
    late = d(2034, 4, 21)
    with connect(own, "worker", SYSTEM) as conn:
        assert not may_have_changed(conn, late - timedelta(days=1))
        assert may_have_changed(conn, late)
    summary = compute(own, late)
    assert summary["outcomes"] == {"yes": 3, "suspected": 0, "undetermined": 7, "no": 0}
    found = seen(own, "zhang")
    assert found["SL-T03"]["head_top"] | {"said": None} == {
        "outcome": "undetermined", "by": [], "counts": False, "said": None,
    }  # fmt: skip
    with connect(own, "app", zhang) as conn:
        reasons = pond_page.pond(conn, "SL-T03", ON)["computed"]["evidence"]["reasons"]
        areas = {z["kind"]: z["area_m2"] for z in pond_zones.zones(conn)}
    assert reasons == ["unsurveyed"]
    # Nothing of it is free ground: what is not in the zone is undecided, to the last cell.
    assert areas["no_build"] + areas["undecided"] == drawn.ROWS * drawn.COLS * drawn.CELL**2
    toe = degrees(shapely.Point(drawn.place(-8, 2400)))
    (zone,) = (o for o in sites.site(own, Proposal("new", toe), late)["answers"] if o["rule"] == "zone")  # fmt: skip
    assert zone["answer"] == "undetermined"
    # A person who went there may say no, and is believed.
    with connect(own, "worker", zhang) as conn:
        say_head_top(conn, zhang, "SL-T03", "site_check", "no", "核1号", ON, on=ON)
    assert seen(own, "zhang")["SL-T03"]["head_top"]["outcome"] == "no"


def test_a_model_without_error_is_not_taken(own):
    zhang = actor_of(own, "zhang")
    for error in (0.0, -1.0):
        stated = model.Stated("x", ON, error)
        with connect(own, "worker", zhang) as conn, pytest.raises(Problem) as refused:
            take_dem(conn, own, zhang, [MODEL], stated, ON)
        assert refused.value.code == "terrain.dem.no_error"


def test_a_struck_off_pond_is_used_for_one_new_pond_only(own):
    key = recorded(
        own, "zhang", "SL-T10", "replaced_by", d(2024, 8, 1), detail="SL-T20", document="批1号"
    )["key"]
    toe = degrees(shapely.Point(drawn.place(-8, 2400)))

    def replacement():
        found = sites.site(own, Proposal("new", toe, replaces=("SL-T10",)), ON)
        return {o["rule"]: o["answer"] for o in found["answers"]}["replacement"]

    assert replacement() == "no"
    recorded(own, "zhang", "SL-T10", "annulled", d(2024, 8, 2), detail=key, document="更1号")
    assert replacement() == "yes"


def test_which_ponds_a_new_building_would_make_head_top(county):
    def met(shape):
        return [one["code"] for one in sites.below(county, degrees(shapely.Point(shape)))]

    assert met(drawn.place(1, drawn.TOE - 500, 20)) == ["SL-T03"]
    assert met(drawn.place(1, drawn.TOE - 500, 400)) == []
    # Number ten is struck off: no house makes it head-top any more, and no strip lies below it.
    assert met(drawn.place(-5, drawn.TOE - 500, 20)) == []


def test_a_dam_of_no_pond_is_refused_by_its_row(own, tmp_path):
    line = degrees(shapely.LineString([drawn.place(8, 600, -60), drawn.place(8, 600, 60)]))
    path = write(tmp_path / "d.geojson", [({"坝号": "D9", "所属库": "XX", "类别": "初期坝"}, line)])
    upload = filed(own, path, actor_of(own, "wang"), submit=False, layer="dam")
    from geo.store import intake

    with connect(own, "worker", SYSTEM) as conn:
        found = intake.upload_status(conn, upload)
        (note,) = intake.upload_notes(conn, upload, 0, 9)
    assert (found["result"]["stored"], found["result"]["refused"]) == (0, 1)
    assert note["code"] == "store.dam_of_unknown_pond"


def test_houses_numbered_alike_by_two_surveys_both_count(own, tmp_path):
    zhang = actor_of(own, "zhang")
    for name, where in (("甲", drawn.place(1, drawn.TOE - 500)), ("乙", drawn.place(-1, drawn.TOE - 300))):  # fmt: skip
        house = degrees(shapely.Point(where))
        path = write(tmp_path / f"{name}.geojson", [({"编号": "1", "名称": name, "类别": "住户"}, house)])  # fmt: skip
        survey = filed(own, path, actor_of(own, "wang"), layer="protected_object")
        with connect(own, "worker", zhang) as conn:
            decisions.accept(conn, zhang, survey, "ok", "doc", on=ON)
    assert compute(own, ON)["outcomes"]["yes"] == 5


def test_a_pond_drawn_in_two_rows_is_one_pond_of_both(own, tmp_path):
    zhang = actor_of(own, "zhang")
    row = {"编号": "SL-T30", "名称": "两片库", "行政区划": "140981"}
    areas = [degrees(shapely.box(x, 4_297_000, x + 100, 4_297_100)) for x in (377_000, 377_300)]
    path = write(tmp_path / "p.geojson", [(row | {"备注": str(i)}, a) for i, a in enumerate(areas)])
    survey = filed(own, path, actor_of(own, "wang"), layer="pond")
    with connect(own, "worker", zhang) as conn:
        decisions.accept(conn, zhang, survey, "ok", "doc", on=ON)
        found = pond_page.pond(conn, "SL-T30", ON)
    assert len(found["geometry"]["coordinates"]) == 2
    assert found["state"] == "unknown"
    assert [q.split(":")[0] for q in found["questions"]] == ["no_history"]


def read_off(own, tmp_path, name, readings):
    """Send readings of one point of SL-T01 (day of August 2024, value) and have them accepted."""
    zhang = actor_of(own, "zhang")
    spot = degrees(shapely.Point(drawn.place(3, drawn.TOE + 60)))
    said = {"测点编号": "W1", "所属尾矿库编号": "SL-T01", "监测项目": "坝体位移", "蓝色": 10,
            "黄色": 20, "橙色": 30, "红色": 40, "监测间隔": 7}  # fmt: skip
    rows = [
        (said | {"监测日期": f"2024-08-{day:02}", "监测值": value}, spot) for day, value in readings
    ]
    path = write(tmp_path / f"{name}.geojson", rows)
    survey = filed(own, path, actor_of(own, "wang"), layer="monitoring_reading")
    with connect(own, "worker", zhang) as conn:
        decisions.accept(conn, zhang, survey, "ok", "doc", on=ON)


def test_readings_raise_an_alarm_that_only_a_person_lowers(own, tmp_path):
    # Its enterprise reads that nothing was ever sent, and since when that is missed.
    assert seen(own, "zhao")["SL-T01"]["unheard"] == {"since": d(2021, 9, 1), "days": 1096}
    read_off(own, tmp_path, "a", [(1, 5), (2, 35), (3, 12)])
    found = seen(own, "zhang", d(2024, 8, 3))["SL-T01"]["monitoring"]
    assert found["level"] == "orange"
    assert "beach" in found["unwatched"]
    # What its kind must watch and nobody read is missed, until it is struck off.
    one = seen(own, "zhang", d(2024, 8, 3))["SL-T01"]
    assert one["unread"] == list(found["unwatched"])
    assert one["unheard"] is None
    # The sheet that is filed says what the page says.
    write_ponds_xlsx(tmp_path / "b.xlsx", [one, seen(own, "zhang")["SL-T04"]], ON, "zh")
    sheet = openpyxl.load_workbook(tmp_path / "b.xlsx").active
    partly, never = ([cell.value for cell in row[-3:]] for row in sheet.iter_rows(min_row=4))
    assert "橙色预警" in partly[0]
    assert "干滩长度" in partly[2]
    assert "2021-09-01" in never[0]
    assert "坝体位移" in never[2]
    with pytest.raises(Problem) as refused:
        recorded(
            own, "zhang", "SL-T01", "alarm_lowered", d(2024, 8, 4), detail="W1", document="解1号"
        )
    assert refused.value.code == "store.alarm_not_calm"
    # A second file goes on where the first ended.
    read_off(own, tmp_path, "b", [(4, 11), (5, 8)])
    assert seen(own, "zhang", d(2024, 8, 5))["SL-T01"]["monitoring"]["level"] == "orange"
    recorded(own, "zhang", "SL-T01", "alarm_lowered", d(2024, 8, 6), detail="W1", document="解1号")
    after = seen(own, "zhao", d(2024, 8, 6))["SL-T01"]["monitoring"]
    assert after["level"] == "blue"
    never = {code for code, one in seen(own, "zhang").items() if one["unheard"]}
    assert never == set(STATES) - {"SL-T01", "SL-T02", "SL-T10"}
    assert not after["silent"]
    # Nobody has read since 5 August: on 1 September that is 20 days after the seventh.
    silent = seen(own, "zhang", ON)["SL-T01"]["monitoring"]["items"][0]["points"][0]
    assert silent["silent_days"] == (ON - d(2024, 8, 5)).days - 7
    with pytest.raises(Problem) as unknown:
        recorded(
            own, "zhang", "SL-T01", "alarm_lowered", d(2024, 8, 7), detail="W9", document="解1号"
        )
    assert unknown.value.code == "store.no_such_point"


def over_the_plan(conn):
    """Return a coal mine and the ground of a face of its plan."""
    row = conn.execute(
        text(
            "SELECT f.mine_code, ST_AsBinary(f.geom) AS wkb FROM minerisk.feature f "
            "JOIN minerisk.mine m ON m.code = f.mine_code AND m.kind = 'coal' "
            "WHERE f.layer = 'plan_item' AND ST_Dimension(f.geom) = 2 "
            "AND f.attrs ->> 'finished' IS DISTINCT FROM 'true' "
            "AND CAST(f.attrs ->> 'start' AS date) <= '2025-01-01' ORDER BY f.key LIMIT 1"
        )
    ).one()
    return row.mine_code, shapely.from_wkb(bytes(row.wkb))


@pytest.mark.parametrize(("discharge", "water"), [("湿排", True), ("干排", False)])
def test_a_pond_over_a_mine_is_told_of_and_its_pool_is_water_above_the_mine(
    own, tmp_path, discharge, water
):
    zhang = actor_of(own, "zhang")
    with connect(own, "worker", SYSTEM) as conn:
        code, face = over_the_plan(conn)
    row = {"编号": "SL-T40", "名称": "压矿库", "行政区划": "140981", "排放方式": discharge}
    path = write(tmp_path / "p.geojson", [(row, shapely.buffer(shapely.centroid(face), 0.0005))])
    survey = filed(own, path, actor_of(own, "wang"), layer="pond")

    def waters():
        with connect(own, "app", zhang) as conn:
            found = mine_evidence.mine(conn, code, ON)
        return [
            e for e in found["encounters"]
            if e["evidence"]["attrs"].get("code") == "SL-T40" and e["status"] == "in_force"
        ]  # fmt: skip

    assert waters() == []
    with connect(own, "worker", zhang) as conn:
        decisions.accept(conn, zhang, survey, "ok", "doc", on=ON)
    assert bool(waters()) is water
    # Wet or dry, it lies over what is to be mined, and the board lists it.
    found = seen(own, "zhang")
    assert code in {one["mine_code"] for one in found["SL-T40"]["under"]}
    assert {one["kind"] for one in found["SL-T40"]["under"]} >= {"footprint"}
    assert found["SL-T01"]["under"] == []
    with connect(own, "worker", SYSTEM) as conn:
        assert audit.verify(conn).fault is None


SAID = model.Stated("示例数据", d(2024, 3, 1), 3.0)


def taken(settings, files, stated, login="zhang", district=None):
    actor = actor_of(settings, login)
    actor = actor if district is None else replace(actor, district=district)
    with connect(settings, "worker", actor) as conn:
        return take_dem(conn, settings, actor, files, stated, ON)


def models(settings):
    with connect(settings, "worker", SYSTEM) as conn:
        return [facts.taken for facts in pond_ground.grounds(conn, ON)]


def outcomes(settings):
    return {code: one["head_top"]["outcome"] for code, one in seen(settings, "zhang").items()}


def cut(folder, name, cols, **more):
    """Write some columns of the sample's model as a sheet of its own."""
    with rasterio.open(MODEL) as file:
        first, last = (int(file.width * share) for share in cols)
        window = Window(first, 0, last - first, file.height)
        said = {**file.profile, "width": window.width, "transform": file.window_transform(window)}
        path = folder / name
        with rasterio.open(path, "w", **{**said, **more}) as made:
            made.write(file.read(window=window))
    return path


def test_what_was_stated_of_a_model_is_corrected_and_an_older_one_taken_again(own, tmp_path):
    (before,) = models(own)
    assert taken(own, [MODEL], before.stated) == before.id
    said = replace(before.stated, error_m=7.5, source="省测绘院")
    again = taken(own, [MODEL], said)
    (now,) = models(own)
    assert (now.id, now.stated) == (again, said)
    assert compute(own, ON) is not None
    with connect(own, "app", actor_of(own, "zhang")) as conn:
        told = pond_page.pond(conn, "SL-T04", ON)["terrain"]
    assert (told["source"], told["error_m"]) == ("省测绘院", 7.5)
    back = taken(own, [MODEL], before.stated)
    assert back not in (before.id, again)
    assert [(one.id, one.stated) for one in models(own)] == [(back, before.stated)]
    with connect(own, "app", actor_of(own, "zhang")) as conn:
        listed = terrain_queries.models(conn)
    assert [(one["id"], one["state"]) for one in listed] == [
        (back, "waits"),
        (again, "in_force"),
        (before.id, "replaced"),
    ]
    assert listed[0]["error_m"] == before.stated.error_m
    assert 60 < listed[0]["area_km2"] < 63.2
    with connect(own, "worker", SYSTEM) as conn:
        assert audit.verify(conn).fault is None


def test_the_sheets_of_a_model_are_one_model(own, tmp_path):
    before = outcomes(own)
    files = [cut(tmp_path, "西.tif", (0, 0.45)), cut(tmp_path, "东.tif", (0.45, 1))]
    taken(own, files, models(own)[0].stated)
    (now,) = models(own)
    assert now.filename == "西.tif、东.tif"
    assert compute(own, ON)["ponds"] == 10
    assert outcomes(own) == before
    assert next(f for f in examine(own) if f["code"] == "doctor.files")["good"]


def test_a_grid_brings_its_coordinate_system_with_it(own, tmp_path):
    path = cut(tmp_path, "地形.asc", (0, 1), driver="AAIGrid", dtype="float32")
    assert path.with_suffix(".prj").is_file()
    taken(own, [path], SAID)
    path.with_suffix(".prj").unlink()
    (now,) = models(own)
    with opened_taken(own, now) as read:
        assert read.shape == pond_ground.grid_of(now).shape


def test_a_neighbours_model_leaves_the_ponds_on_ours_as_they_were(own, tmp_path):
    before, kinds = outcomes(own), [zone["kind"] for zone in shown(own, "zhang")]
    with rasterio.open(MODEL) as file:
        place, wide = file.transform, file.width
    # As large, and only its western edge on ours.
    far = place @ Affine.translation(wide - 40, 0)
    path = cut(tmp_path, "邻县.tif", (0, 1), transform=far)
    taken(own, [path], SAID, district="140999")
    assert [one.filename for one in models(own)] == ["邻县.tif", MODEL.name]
    assert compute(own, ON)["ponds"] == 10
    assert outcomes(own) == before
    assert {zone["kind"] for zone in shown(own, "zhang")} == set(kinds)


def shown(settings, login, **more):
    actor = replace(actor_of(settings, login), **more)
    with connect(settings, "app", actor) as conn:
        return pond_zones.zones(conn)


def test_ground_is_shown_to_the_regulators_of_all_counties_it_is_of(county):
    def kinds(login, **more):
        return [z["kind"] for z in shown(county, login, **more) if z["kind"] != "prohibited"]

    ground = [kind for kind in kinds("zhang") if kind != "strip"]
    assert {"no_build", "bank"} <= set(ground)
    # Of a county within: the ground it lies in, and of ponds only its own.
    within = replace(actor_of(county, "zhang"), district="14098101")
    assert kinds("zhang", district=within.district) == ground
    assert kinds("zhang", district="1405") == []
    assert set(kinds("zhao")) <= {"strip"}
    lon, _ = degrees(shapely.Point(drawn.place(1, drawn.TOE - 500, 20))).coords[0]
    x = int((lon + 180) / 360 * 2**11)
    with connect(county, "app", within) as conn:
        version = data_version(conn)
        body = b"".join(tile(conn, "zones", 11, x, y, version) for y in range(780, 790))
    assert b"no_build" in body
    assert b"SL-T" not in body


def test_the_district_of_ground_holds_all_that_lies_on_it():
    def run(of, *rows):
        facts = SimpleNamespace(
            taken=SimpleNamespace(district=of),
            own=lambda layer: [{"district": row} for row in rows if layer == "pond"],
        )
        return facts, None, [], []

    assert head_top_runs._district([run("140981")]) == "140981"
    assert head_top_runs._district([run("140981", "140981", "140922")]) == "1409"
    assert head_top_runs._district([run("14", "140981")]) == "14"
    assert head_top_runs._district([run("140981"), run("610802")]) == ""


def test_a_question_of_a_place_reads_its_window_and_not_the_model(own, monkeypatch):
    """A province's model must not come into the server because somebody asks about one valley."""
    rules = terrain_rules()["tiles"]
    monkeypatch.setitem(rules, "cells", 50)
    monkeypatch.setitem(rules, "halo_cells", 40)
    read, at_once, most_at_once = [], [], []
    real = model.heights

    def told(source, rows, cols):
        read.append((rows.stop - rows.start) * (cols.stop - cols.start))
        at_once.append(None)
        most_at_once.append(len(at_once))
        try:
            return real(source, rows, cols)
        finally:
            at_once.pop()

    monkeypatch.setattr(model, "heights", told)
    with connect(own, "worker", SYSTEM) as conn:
        rows, cols = pond_ground.grid_of(pond_ground.grounds(conn, ON)[0].taken).shape
    # A tile, the ground around it, and three cells more for the weights of the outermost.
    most = (50 + 2 * 40 + 2 * 3) ** 2
    assert most < rows * cols / 3
    summary = compute(own, ON)
    assert max(read) <= most
    assert len(read) > rows * cols // most

    def answers(tail):
        toe = degrees(shapely.Point(drawn.place(3, drawn.TOE - tail)))
        found = sites.site(own, Proposal("new", toe, replaces=("SL-T10",)), ON)
        (zone,) = (one for one in found["answers"] if one["rule"] == "zone")
        return toe, zone["answer"]

    with connect(own, "worker", SYSTEM) as conn:
        kept = shapely.union_all(
            [
                shapely.geometry.shape(z["geometry"])
                for z in pond_zones.zones(conn)
                if z["kind"] == "no_build"
            ]
        )
    assert summary["zone_m2"] > 0
    read.clear()
    toe, answer = answers(300)
    assert 0 < sum(read) <= most
    # The map's zone and the answer come from one window.
    assert (answer == "no") == kept.contains(toe) is True
    read.clear()
    answers(310)
    assert read == []
    # Two who ask of two valleys at once wait for each other.
    toes = [degrees(shapely.Point(drawn.place(n, drawn.TOE - 300))) for n in (1, -2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda toe: sites.site(own, Proposal("new", toe), ON), toes))
    assert len(read) == 2
    assert max(most_at_once) == 1
    read.clear()
    # A house far from every pond is answered without any ground.
    assert sites.below(own, degrees(shapely.Point(drawn.place(40, 0)))) == []
    assert read == []
    assert [
        one["code"]
        for one in sites.below(own, degrees(shapely.Point(drawn.place(1, drawn.TOE - 500, 20))))
    ] == ["SL-T03"]
    assert all(one <= most for one in read)
