"""Corrections: a row drawn anew stands in place of one on record.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

from geo.store.migrate import sql_file

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

FUNCTIONS = (
    "replaced(bigint)",
    "features_in(text[], geometry, bigint, date, date)",
    "tile_gathered(text[], text, int, int, int, bigint, date, date)",
)


def upgrade() -> None:
    op.create_table(
        "correction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("feature_id", sa.Uuid(), nullable=False),
        sa.Column("replaces", sa.Uuid(), nullable=False),
        sa.Column("district", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("owner_org", sa.Uuid(), nullable=True),
        sa.Column("survey_org", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["minerisk.batch.id"],
            name=op.f("fk_correction_batch_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"minerisk.{target}.id"], name=op.f(f"fk_correction_{column}")
            )
            for column, target in (
                ("survey_id", "survey"),
                ("feature_id", "feature"),
                ("replaces", "feature"),
            )
        ),
        schema="minerisk",
    )
    for name in ("batch_id", "survey_id", "replaces"):
        op.create_index(op.f(f"ix_correction_{name}"), "correction", [name], schema="minerisk")
    table = "minerisk.correction"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY seen ON {table} FOR SELECT TO minerisk_app "
        "USING (minerisk.visible(district, owner_org, survey_org))"
    )
    op.execute(
        f"CREATE POLICY served ON {table} "
        "TO minerisk_worker, minerisk_owner, minerisk_definer USING (true) WITH CHECK (true)"
    )
    op.execute(f"GRANT SELECT ON {table} TO minerisk_app, minerisk_definer")
    op.execute(f"GRANT SELECT, INSERT ON {table} TO minerisk_worker")
    op.execute(
        f"CREATE TRIGGER added_to_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION minerisk.refuse_change()"
    )
    op.execute(
        f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION minerisk.refuse_change()"
    )
    op.get_bind().exec_driver_sql(sql_file("corrections.sql").replace("%", "%%"))
    op.execute("GRANT USAGE, CREATE ON SCHEMA minerisk TO minerisk_definer")
    for function in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION minerisk.{function} FROM PUBLIC")
        op.execute(f"ALTER FUNCTION minerisk.{function} OWNER TO minerisk_definer")
        op.execute(
            f"GRANT EXECUTE ON FUNCTION minerisk.{function} TO minerisk_app, minerisk_worker"
        )
    op.execute("REVOKE CREATE ON SCHEMA minerisk FROM minerisk_definer")
