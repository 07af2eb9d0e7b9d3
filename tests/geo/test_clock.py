"""Days and hours are those of the place, whatever the server's own zone is."""

import datetime as dt
import re
import time
from collections.abc import Iterator

import pytest

from geo import clock
from geo.report.board_sheet import _value
from geo.settings import CHECKOUT
from web.translate import when

# Half past eight in the evening by Greenwich is the next morning in China.
EVENING = dt.datetime(2026, 1, 1, 20, 30, tzinfo=dt.UTC)


@pytest.fixture(params=["UTC", "America/New_York"], autouse=True)
def elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server in another zone."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


def test_pages_and_sheets_show_the_hour_of_the_place() -> None:
    assert ">2026-01-02 04:30<" in when(EVENING)
    assert ">2026-01-02 04:30<" in when(EVENING.isoformat())
    assert _value(EVENING) == dt.datetime(2026, 1, 2, 4, 30)


def test_today_is_the_day_of_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: clock.local(EVENING))
    assert clock.today() == dt.date(2026, 1, 2)


def test_nobody_asks_the_server_what_day_it_is() -> None:
    asked = re.compile(r"\bdate\.today\(\)|\.astimezone\(\)|(\b|_)at\.date\(\)")
    found = [
        path.name
        for room in ("geo", "api", "web")
        for path in sorted((CHECKOUT / room).rglob("*.py"))
        if "node_modules" not in path.parts and asked.search(path.read_text("utf-8"))
    ]
    assert not found
