"""Tiles of low zooms without what is under a pixel, and polygons too small for an outline.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

from geo.store.migrate import sql_file

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

FUNCTIONS = (
    "tile_features(text[], text, int, int, int, bigint, date, date)",
    "tile_mines(int, int, int, bigint, date)",
    "tile_unclear(int, int, int, bigint)",
    "tile_zones(int, int, int, bigint)",
    "tile_paths(int, int, int, bigint)",
    "tile_encounters(int, int, int, bigint, date)",
)


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql_file("low_zooms.sql").replace("%", "%%"))
    op.execute("GRANT USAGE, CREATE ON SCHEMA minerisk TO minerisk_definer")
    for function in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION minerisk.{function} FROM PUBLIC")
        op.execute(f"ALTER FUNCTION minerisk.{function} OWNER TO minerisk_definer")
        op.execute(
            f"GRANT EXECUTE ON FUNCTION minerisk.{function} TO minerisk_app, minerisk_worker"
        )
    op.execute("REVOKE CREATE ON SCHEMA minerisk FROM minerisk_definer")
