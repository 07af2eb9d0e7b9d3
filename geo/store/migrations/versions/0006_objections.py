"""Objections of enterprises against grades, and what was decided of them.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("objection", "objection_answer")


def _shared(table: str) -> list:
    return [
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("district", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("owner_org", sa.Uuid(), nullable=True),
        sa.Column("survey_org", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["minerisk.batch.id"],
            name=op.f(f"fk_{table}_batch_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
    ]


def upgrade() -> None:
    op.create_table(
        "objection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mine_code", sa.Text(), nullable=False),
        sa.Column("hazard", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=True),
        sa.Column("wanted", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attachments", postgresql.JSONB(), nullable=False),
        sa.Column("actor_login", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objection")),
        *_shared("objection"),
        schema="minerisk",
    )
    op.create_table(
        "objection_answer",
        sa.Column("objection_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("actor_login", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('kept', 'changed', 'returned')", name=op.f("ck_objection_answer_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["objection_id"],
            ["minerisk.objection.id"],
            name=op.f("fk_objection_answer_objection_id"),
        ),
        sa.PrimaryKeyConstraint("objection_id", name=op.f("pk_objection_answer")),
        *_shared("objection_answer"),
        schema="minerisk",
    )
    op.create_index(op.f("ix_objection_mine_code"), "objection", ["mine_code"], schema="minerisk")
    for name in TABLES:
        table = f"minerisk.{name}"
        op.create_index(op.f(f"ix_{name}_batch_id"), name, ["batch_id"], schema="minerisk")
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
