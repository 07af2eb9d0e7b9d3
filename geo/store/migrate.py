"""Bring a database to the present shape: roles, extensions, tables, policies, functions."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any

from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from geo.problems import Problem
from geo.settings import CHECKOUT, Settings
from geo.store.cluster import DATABASE, Cluster
from geo.store.engine import dispose, engine
from geo.store.secrets import role_passwords

LOGINS = ("minerisk_owner", "minerisk_app", "minerisk_worker")
OLDEST = {"postgresql": 150000, "postgis": (3, 3)}
# Any number, as long as everybody who migrates uses it.
_LOCK = 0x4D494752


@contextmanager
def _alone(conn: Connection) -> Iterator[None]:
    """Let one process at a time make what may be there already."""
    conn.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
    try:
        yield
    finally:
        conn.rollback()
        conn.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})


def sql_file(name: str) -> str:
    """Return the text of one of our .sql files."""
    return resources.files("geo.store").joinpath("sql", name).read_text("utf-8")


def grants(settings: Settings, database: str) -> list[str]:
    """Return the statements an administrator runs once for a database."""
    passwords = role_passwords(settings)
    made = [
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'minerisk_definer') "
        "THEN CREATE ROLE minerisk_definer NOLOGIN; END IF; END $$"
    ]
    for role in LOGINS:
        name, word = sql.Identifier(role), sql.Literal(passwords[role])
        made.append(
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') "
            f"THEN CREATE ROLE {role} LOGIN; END IF; END $$"
        )
        made.append(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, word).as_string(None))
    here = sql.Identifier(database).as_string(None)
    return [
        *made,
        "GRANT minerisk_definer TO minerisk_owner",
        f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {here} TO minerisk_owner",
        f"GRANT CONNECT ON DATABASE {here} TO minerisk_app, minerisk_worker",
        f"REVOKE CREATE, TEMPORARY ON DATABASE {here} FROM PUBLIC",
        "CREATE EXTENSION IF NOT EXISTS postgis",
        "CREATE EXTENSION IF NOT EXISTS btree_gist",
    ]


def _make_database(settings: Settings) -> None:
    """Create the private cluster's database, if it is not there."""
    if settings.database_url is not None:
        return
    admin = create_engine(
        Cluster(settings).url("postgres", "postgres"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as conn, _alone(conn):
        there = conn.scalar(text("SELECT 1 FROM pg_database WHERE datname = :n"), {"n": DATABASE})
        if not there:
            conn.execute(text(f"CREATE DATABASE {DATABASE}"))
    admin.dispose()


def _check_versions(conn: Connection) -> None:
    number = int(conn.scalar(text("SHOW server_version_num")) or 0)
    version = conn.scalar(
        text("SELECT default_version FROM pg_available_extensions WHERE name = 'postgis'")
    )
    parts = tuple(int(part) for part in (version or "0.0").split(".")[:2])
    if number < OLDEST["postgresql"] or parts < OLDEST["postgis"]:  # type: ignore[operator]
        raise Problem("cluster.too_old", postgresql=number // 10000, postgis=version or "—")


def config_for(conn: Connection | None = None) -> Config:
    """Return Alembic's configuration, bound to a connection where one is given."""
    config = Config(str(CHECKOUT / "alembic.ini"))
    config.set_main_option("script_location", str(CHECKOUT / "geo/store/migrations"))
    config.attributes["connection"] = conn
    return config


def migrate(settings: Settings) -> None:
    """Make roles and extensions as far as rights allow, then run the migrations as the owner.

    Raises
    ------
    Problem
        If the database does not answer, is too old, or the given account may not make roles.
    """
    try:
        _make_database(settings)
        with engine(settings, "admin").connect() as conn, _alone(conn):
            _prepare(settings, conn)
            _upgrade(settings)
    except OperationalError as error:
        raise Problem("cluster.unreachable", reason=_first_line(error)) from error
    dispose()


def _first_line(error: OperationalError) -> str:
    return str(error.orig).strip().split("\n", 1)[0]


def _prepare(settings: Settings, conn: Connection) -> None:
    _check_versions(conn)
    if _prepared(conn):
        return
    database = str(conn.scalar(text("SELECT current_database()")))
    try:
        for statement in grants(settings, database):
            conn.exec_driver_sql(statement.replace("%", "%%"))
        conn.commit()
    except ProgrammingError as error:
        raise Problem("cluster.no_rights") from error


def _upgrade(settings: Settings) -> None:
    with engine(settings, "owner").connect() as conn:
        for schema in ("minerisk", "staging"):
            conn.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        command.upgrade(config_for(conn), "head")
        conn.commit()


def _prepared(conn: Connection) -> bool:
    found = conn.execute(
        text("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'minerisk\\_%'")
    ).scalar_one()
    extensions = conn.execute(
        text("SELECT count(*) FROM pg_extension WHERE extname IN ('postgis', 'btree_gist')")
    ).scalar_one()
    return bool(found == len(LOGINS) + 1 and extensions == 2)


def at_head(conn: Connection) -> bool:
    """Tell whether the database has every migration."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    heads = set(ScriptDirectory.from_config(config_for()).get_heads())
    options: dict[str, Any] = {"version_table_schema": "minerisk"}
    return set(MigrationContext.configure(conn, opts=options).get_current_heads()) == heads
