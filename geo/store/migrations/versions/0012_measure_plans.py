"""Measure plans: who resolves an unclear factor, how and by when.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "measure_plan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("mine_code", sa.Text(), nullable=False),
        sa.Column("factor_key", sa.Text(), nullable=False),
        sa.Column("measures", sa.Text(), nullable=False),
        sa.Column("responsible", sa.Text(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("actor_login", sa.Text(), nullable=False),
        sa.Column("district", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("owner_org", sa.Uuid(), nullable=True),
        sa.Column("survey_org", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_measure_plan")),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["minerisk.batch.id"],
            name=op.f("fk_measure_plan_batch_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        schema="minerisk",
    )
    for name in ("batch_id", "mine_code"):
        op.create_index(op.f(f"ix_measure_plan_{name}"), "measure_plan", [name], schema="minerisk")
    table = "minerisk.measure_plan"
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
