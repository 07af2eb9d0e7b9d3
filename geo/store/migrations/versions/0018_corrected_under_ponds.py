"""What a correction replaced lies under no pond any more.

Revision ID: 0018
Revises: 0016
"""

from alembic import op

from geo.store.migrate import sql_file

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

FUNCTION = "minerisk.pond_features(text[], bigint)"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql_file("pond_rows.sql").replace("%", "%%"))
    op.execute("GRANT USAGE, CREATE ON SCHEMA minerisk TO minerisk_definer")
    op.execute(f"REVOKE ALL ON FUNCTION {FUNCTION} FROM PUBLIC")
    op.execute(f"ALTER FUNCTION {FUNCTION} OWNER TO minerisk_definer")
    op.execute(f"GRANT EXECUTE ON FUNCTION {FUNCTION} TO minerisk_app, minerisk_worker")
    op.execute("REVOKE CREATE ON SCHEMA minerisk FROM minerisk_definer")
