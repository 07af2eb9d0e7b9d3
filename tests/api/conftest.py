"""A served county for the API's tests, and callers who are signed in to it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from geo.settings import Settings
from geo.store import decisions
from geo.store.engine import Actor, connect
from tests.conftest import PASSWORDS, TODAY, filed
from tests.county import boundary, panel, write


@pytest.fixture
def app(settings: Settings, people: dict[str, Actor]) -> FastAPI:
    """The application on the test's own database, which has people and nothing else."""
    return create_app()


@pytest.fixture
def client_of(app: FastAPI) -> Callable[[str | None], TestClient]:
    """Return a caller, signed in as somebody or as nobody."""

    def made(login: str | None) -> TestClient:
        client = TestClient(app, headers={"accept-language": "en"})
        if login is not None:
            sent = {"login": login, "password": PASSWORDS[login]}
            answer = client.post("/api/v1/session", json=sent)
            assert answer.status_code == 201, answer.text
            client.headers["x-csrf-token"] = answer.json()["csrf"]
        return client

    return made


@pytest.fixture
def county(settings: Settings, people: dict[str, Actor], tmp_path: Path) -> None:
    """Two adjacent mines with plans, accepted."""
    rows: list[tuple[list[Any], str]] = [
        ([boundary("A", "甲公司"), boundary("B", "乙公司", x=1)], "mine_boundary"),
        ([panel("A", "3101", x=0.6), panel("B", "3201", x=1.5)], "plan_item"),
    ]
    for layer_rows, layer in rows:
        path = write(tmp_path / f"{layer}.geojson", layer_rows)
        survey_id = filed(settings, path, people["wang"], layer=layer)
        with connect(settings, "worker", people["zhang"]) as conn:
            decisions.accept(conn, people["zhang"], survey_id, "ok", "doc", on=TODAY)
