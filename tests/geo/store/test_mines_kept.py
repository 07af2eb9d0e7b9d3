"""The mines kept in memory: the same answer, and nobody else's."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest

from benchmarks.tiles import fill
from geo.store import mine_queries, mines_kept
from geo.store.engine import SYSTEM, Actor, connect

pytestmark = pytest.mark.database
DAY = date(2024, 9, 1)
READER = Actor(login="zhang", role="regulator", district="1409")


def test_mines_are_reckoned_once_for_whoever_sees_the_same(settings, monkeypatch):
    reckoned = []

    def reckon(conn, on, known_at):
        who = conn.get_execution_options()["actor"]
        reckoned.append(who)
        return [{"code": who.login}]

    monkeypatch.setattr(mine_queries, "mines", reckon)

    def ask(actor, on=DAY, known=None):
        before = len(reckoned)
        with connect(settings, "app", actor) as conn:
            answer = mines_kept.mines(conn, on, known)
        return answer, len(reckoned) - before

    assert ask(READER) == ([{"code": "zhang"}], 1)
    assert ask(READER) == ([{"code": "zhang"}], 0)
    assert ask(replace(READER, login="li")) == ([{"code": "zhang"}], 0)
    # Other eyes, another day: an answer of their own.
    for other in (
        replace(READER, login="wang", district="14"),
        replace(READER, login="qian", role="administrator"),
        replace(READER, login="zhao", role="enterprise", org_id=uuid4()),
        replace(READER, login="sun", role="enterprise", org_id=uuid4()),
    ):
        assert ask(other) == ([{"code": other.login}], 1)
    assert ask(READER, DAY + timedelta(days=1))[1] == 1
    # Contracts, which change what a survey unit sees, are in no batch.
    unit = replace(READER, role="geologist", org_id=uuid4())
    assert [ask(unit)[1], ask(unit)[1]] == [1, 1]
    with connect(settings, "worker", SYSTEM) as conn:
        fill(conn, 1)
    assert [ask(READER)[1], ask(READER)[1]] == [1, 0]
    # What was known before the batch is still what it was.
    assert ask(READER, known=date(2020, 1, 1)) == ([{"code": "zhang"}], 0)
    for days in range(2, 12):
        ask(READER, DAY + timedelta(days=days))
    assert ask(READER)[1] == 1
    assert len(mines_kept._kept) <= 8
