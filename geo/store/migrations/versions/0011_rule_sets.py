"""Rule sets as adopted: the newest is in force, and older ones can still be told.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLE = "minerisk.rule_set"


def upgrade() -> None:
    op.create_table(
        "rule_set",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.CheckConstraint("proposed_by <> confirmed_by", name=op.f("ck_rule_set_two_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_set")),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["minerisk.batch.id"],
            name=op.f("fk_rule_set_batch_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        schema="minerisk",
    )
    for name in ("batch_id", "version"):
        op.create_index(op.f(f"ix_rule_set_{name}"), "rule_set", [name], schema="minerisk")
    op.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY")
    # Rules are nobody's secret, but no identity means no rows here as well.
    op.execute(
        f"CREATE POLICY seen ON {TABLE} FOR SELECT TO minerisk_app "
        "USING (COALESCE(current_setting('minerisk.role', true), '') <> '')"
    )
    op.execute(
        f"CREATE POLICY served ON {TABLE} "
        "TO minerisk_worker, minerisk_owner, minerisk_definer USING (true) WITH CHECK (true)"
    )
    op.execute(f"GRANT SELECT ON {TABLE} TO minerisk_app, minerisk_definer")
    op.execute(f"GRANT SELECT, INSERT ON {TABLE} TO minerisk_worker")
    op.execute(
        f"CREATE TRIGGER added_to_only BEFORE UPDATE OR DELETE ON {TABLE} "
        "FOR EACH ROW EXECUTE FUNCTION minerisk.refuse_change()"
    )
    op.execute(
        f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION minerisk.refuse_change()"
    )
