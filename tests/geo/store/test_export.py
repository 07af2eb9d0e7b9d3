"""Replay gives the same state, and the log holds every published row in recorded order."""

import json

import pytest
from sqlalchemy import text

from geo.store import export
from geo.store.decisions import return_
from geo.store.engine import SYSTEM, connect
from geo.store.publish import CHAINED
from tests.conftest import TODAY, file_two_mines, fresh_database, make_people
from tests.county import extent, goaf
from tests.geo.store.test_decisions import WET, Office
from tests.geo.store.test_line import state

pytestmark = pytest.mark.database


def story(office):
    """Act through files and decisions of every kind."""
    wet = office.accepted([goaf("A", "G1", x=0.6, **WET)], "goaf")
    office.accepted([extent("A", "采空区,断层")], "survey_extent")
    office.end("factor", office.key_of(wet), "treated")
    false = office.accepted([goaf("B", "G2", x=1.02, **WET)], "goaf")
    office.revoke(false)
    returned = office.submit([goaf("B", "G3", x=1.4, **WET)], "goaf")
    office.act(return_, returned, "请补充")
    office.submit([goaf("B", "G4", x=1.6, water="无")], "goaf")


def test_replaying_files_and_decisions_gives_the_same_state(template, tmp_path):
    states = []
    for name in ("first", "again"):
        folder = tmp_path / name
        folder.mkdir()
        with fresh_database(template, folder) as made:
            people = make_people(made)
            story(Office(made, people, folder, file_two_mines(made, people, folder)))
            states.append(state(made))
            rows = [json.loads(line) for line in states[-1]]
    assert states[0] == states[1]
    assert states[0][1:] == sorted(states[0][1:])
    assert {row["type"] for row in rows} == {"state", "mine", "claim", "encounter"}
    assert {row["status"] for row in rows if row["type"] == "claim"} == {
        "in_force",
        "held",
        "provisional",
    }
    # Keyed by content: no serial, no id, no time of recording.
    assert not {"id", "batch_id", "seq", "recorded_at"} & {name for row in rows for name in row}


def test_the_log_holds_every_published_row_in_recorded_order(settings, people, tmp_path, two_mines):
    story(Office(settings, people, tmp_path, two_mines))
    with connect(settings, "worker", SYSTEM) as conn:
        lines = list(export.export_log(conn))
        count = sum(conn.scalar(text(f"SELECT count(*) FROM {t.schema}.{t.name}")) for t in CHAINED)
        assert list(export.export_log(conn)) == lines
        assert list(export.export_state(conn, TODAY))
    rows = [json.loads(line) for line in lines]
    links = [row for row in rows if row["table"] == "batch"]
    assert [link["seq"] for link in links] == list(range(1, len(links) + 1))
    assert len(rows) == count + len(links)
    times = [link["recorded_at"] for link in links]
    assert times == sorted(times)
