"""Ponds in the store: through the same door, seen by their own, their life recorded and refused."""

from datetime import date as d

import pytest

from geo import sample
from geo.problems import Problem
from geo.store import accounts, audit, pond_queries
from geo.store.engine import SYSTEM, connect
from geo.store.pond_objects import record_event
from tests.conftest import fresh_database

pytestmark = pytest.mark.database
ON = d(2024, 9, 1)


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
            found = pond_queries.pond(conn, code, ON)
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
        yield made


def recorded(settings, login, *args, **kwargs):
    with connect(settings, "worker", SYSTEM) as conn:
        actor = accounts.actor_of(conn, login)
    with connect(settings, "worker", actor) as conn:
        return record_event(conn, actor, *args, on=ON, **kwargs)


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
     ("zhang", ("SL-T10", "discharge", d(2024, 8, 1)), 422, "deregistered"),
     ("zhang", ("SL-T01", "nonsense", d(2024, 8, 1)), 422, "nonsense"),
     ("zhang", ("SL-T01", "stopped", d(2024, 9, 2)), 422, "not come"),
     ("zhang", ("SL-T99", "stopped", d(2024, 8, 1)), 404, "SL-T99"),
     ("zhang", ("SL-T04", "final_elevation", d(2023, 6, 1)), 409, "record"),
     ("zhao", ("SL-T01", "works_started", d(2024, 8, 1)), 404, ""),
     ("zhao", ("SL-T03", "discharge_ended", d(2024, 8, 1)), 404, ""),
     ("wang", ("SL-T01", "stopped", d(2024, 8, 1)), 403, ""),
     ("admin", ("SL-T01", "stopped", d(2024, 8, 1)), 403, "")],
)  # fmt: skip
def test_what_cannot_be_recorded_and_by_whom(own, login, event, status, word):
    before = seen(own, "zhang")
    with pytest.raises(Problem) as refused:
        recorded(own, login, *event)
    assert refused.value.http_status == status
    assert word.lower() in refused.value.say("en").lower()
    assert seen(own, "zhang") == before


def test_an_enterprise_reports_what_burdens_it(own):
    recorded(own, "zhao", "SL-T01", "discharge_ended", d(2024, 8, 1))
    assert seen(own, "zhao")["SL-T01"]["state"] == "must_close"


def test_an_event_recorded_by_mistake_is_taken_back_and_stays_on_record(own):
    key = recorded(own, "zhang", "SL-T01", "operator_lost", d(2024, 8, 1))
    assert seen(own, "zhang")["SL-T01"]["who"] == "county_government"
    recorded(own, "zhang", "SL-T01", "annulled", d(2024, 8, 2), detail=key, document="更正1号")
    assert seen(own, "zhang")["SL-T01"]["state"] == "in_use"
    with connect(own, "worker", SYSTEM) as conn:
        events = pond_queries.pond(conn, "SL-T01", ON)["events"]
    assert [(e["kind"], e["annulled"]) for e in events] == [
        ("operator_lost", True),
        ("annulled", False),
    ]
