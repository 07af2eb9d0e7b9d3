"""Tiles as of a day; counts per grid cell for low zooms.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from geo.store.migrate import sql_file

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

REPLACED = (
    "tile_mines(int, int, int, bigint)",
    "tile_features(text[], text, int, int, int, bigint)",
    "tile_gathered(text[], text, int, int, int, bigint)",
    "tile_encounters(int, int, int, bigint)",
    "tile_ponds(text[], text, int, int, int, bigint)",
    "features_in(text[], geometry, bigint)",
)
DEFINERS = (
    "features_in(text[], geometry, bigint, date, date)",
    "tile_mines(int, int, int, bigint, date)",
    "tile_features(text[], text, int, int, int, bigint, date, date)",
    "tile_gathered(text[], text, int, int, int, bigint, date, date)",
    "tile_ponds(text[], text, int, int, int, bigint, date, date)",
    "tile_encounters(int, int, int, bigint, date)",
)


def upgrade() -> None:
    op.create_table(
        "place_count",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("col", sa.Integer, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("layer", sa.Text, nullable=False),
        sa.Column("survey_id", sa.Uuid, nullable=False),
        sa.Column("since", sa.Date),
        sa.Column("district", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("owner_org", sa.Uuid),
        sa.Column("survey_org", sa.Uuid),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("sum_x", sa.Double, nullable=False),
        sa.Column("sum_y", sa.Double, nullable=False),
        sa.Column("one", sa.Uuid),
        schema="minerisk",
    )
    op.create_index("place_count_cell", "place_count", ["level", "col", "line"], schema="minerisk")
    # Its numbers would betray rows to whoever may not see them: only the definer reads it.
    op.execute("GRANT SELECT, INSERT ON minerisk.place_count TO minerisk_definer")
    for function in REPLACED:
        op.execute(f"DROP FUNCTION minerisk.{function}")
    op.get_bind().exec_driver_sql(sql_file("web.sql").replace("%", "%%"))
    op.execute("GRANT CREATE ON SCHEMA minerisk TO minerisk_definer")
    for function in DEFINERS:
        op.execute(f"REVOKE ALL ON FUNCTION minerisk.{function} FROM PUBLIC")
        op.execute(f"ALTER FUNCTION minerisk.{function} OWNER TO minerisk_definer")
        op.execute(
            f"GRANT EXECUTE ON FUNCTION minerisk.{function} TO minerisk_app, minerisk_worker"
        )
    op.execute("REVOKE ALL ON FUNCTION minerisk.count_places() FROM PUBLIC")
    op.execute("ALTER FUNCTION minerisk.count_places() OWNER TO minerisk_definer")
    op.execute("REVOKE CREATE ON SCHEMA minerisk FROM minerisk_definer")
    op.execute(
        "CREATE TRIGGER counted AFTER INSERT ON minerisk.feature "
        "REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT "
        "EXECUTE FUNCTION minerisk.count_places()"
    )
    # What is there already is counted by the trigger's own words, read from the table.
    body = sql_file("web.sql")
    begins = body.index("INSERT INTO minerisk.place_count")
    counting = body[begins : body.index(";", begins)]
    op.get_bind().exec_driver_sql(counting.replace("FROM fresh f", "FROM minerisk.feature f"))
