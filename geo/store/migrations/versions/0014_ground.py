"""What was stated of an elevation model may be stated anew; ground is seen by all its regulators.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

from geo.store.migrate import sql_file

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# A strip tells of one pond: its rows stay with whoever sees the pond.
SEEN = {
    "terrain": "minerisk.ground_of(district)",
    "terrain_run": "minerisk.ground_of(district)",
    "zone": "pond_code IS NULL AND minerisk.ground_of(district)",
}


def upgrade() -> None:
    op.drop_constraint(op.f("uq_terrain_sha256"), "terrain", schema="minerisk", type_="unique")
    op.get_bind().exec_driver_sql(sql_file("ground.sql").replace("%", "%%"))
    for table, shown in SEEN.items():
        op.execute(
            f"CREATE POLICY ground ON minerisk.{table} FOR SELECT TO minerisk_app USING ({shown})"
        )
