"""A county for the API's tests, and callers who are signed in to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from api.app import create_app
from geo.settings import Settings
from geo.store import accounts, cluster, decisions
from geo.store.engine import SYSTEM, Actor, connect, dispose
from tests.conftest import PASSWORDS, TODAY, filed, fresh_database, make_people
from tests.county import below_a_pond, boundary, panel, write

COUNTY = "api_county"


def _fill(settings: Settings, folder: Path) -> None:
    """File and accept two adjacent mines with plans, and a pond with a house below it."""
    people = make_people(settings)
    rows: list[tuple[list[Any], str]] = [
        ([boundary("A", "甲公司"), boundary("B", "乙公司", x=1)], "mine_boundary"),
        ([panel("A", "3101", x=0.6), panel("B", "3201", x=1.5)], "plan_item"),
        *((pond_rows, layer) for layer, pond_rows in below_a_pond("A", "甲公司").items()),
    ]
    for layer_rows, layer in rows:
        path = write(folder / f"{layer}.geojson", layer_rows)
        survey_id = filed(settings, path, people["wang"], layer=layer)
        with connect(settings, "worker", people["zhang"]) as conn:
            decisions.accept(conn, people["zhang"], survey_id, "ok", "doc", on=TODAY)


@pytest.fixture(scope="session")
def passwords(template: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Make the county once, as a database to be copied; returns who signs in with what."""
    folder = tmp_path_factory.mktemp("county")
    with fresh_database(template, folder) as made:
        _fill(made, folder)
        words = dict(PASSWORDS)
        dispose()
        admin = create_engine(
            cluster.Cluster(template).url("postgres", "postgres"), isolation_level="AUTOCOMMIT"
        )
        with admin.connect() as conn:
            source = make_url(str(made.database_url)).database
            conn.execute(text(f"CREATE DATABASE {COUNTY} TEMPLATE {source}"))
        admin.dispose()
    return words


@pytest.fixture
def settings(template: Settings, passwords: dict[str, str], tmp_path: Path) -> Iterator[Settings]:
    """Settings of a copy of the county: two adjacent mines with plans, accepted."""
    PASSWORDS.update(passwords)
    with fresh_database(template, tmp_path, COUNTY) as made:
        yield made


@pytest.fixture
def people(settings: Settings) -> dict[str, Actor]:
    """The people of the county."""
    with connect(settings, "worker", SYSTEM) as conn:
        return {login: accounts.actor_of(conn, login) for login in PASSWORDS}


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """The application on the test's own county."""
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
