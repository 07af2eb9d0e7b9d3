"""Alembic's door: runs migrations as the owner, or compares the tables for `alembic check`."""

from typing import Any

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import Connection

from geo.settings import settings
from geo.store.engine import engine
from geo.store.tables import metadata

OURS = ("minerisk", "staging")


def ours(name: str | None, kind: str, parents: Any) -> bool:
    """Leave PostGIS's and the job queue's own schemas alone."""
    return name in OURS if kind == "schema" else True


def run(conn: Connection) -> None:
    context.configure(
        connection=conn,
        target_metadata=metadata,
        include_schemas=True,
        include_name=ours,
        include_object=alembic_helpers.include_object,
        process_revision_directives=alembic_helpers.writer,
        render_item=alembic_helpers.render_item,
        version_table_schema="minerisk",
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with engine(settings(), "owner").connect() as connection:
        run(connection)
        connection.commit()
