"""Files on their way in pieces; the strip along the rivers among the zones.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sending",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("mark", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("options", JSONB(), nullable=False),
        sa.Column("received", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "touched_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("district", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("owner_org", sa.Uuid(), nullable=True),
        sa.Column("survey_org", sa.Uuid(), nullable=True),
        sa.CheckConstraint("received BETWEEN 0 AND size", name=op.f("ck_sending_received")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sending")),
        schema="staging",
    )
    op.create_index(op.f("ix_sending_created_by"), "sending", ["created_by"], schema="staging")
    op.drop_constraint(op.f("ck_zone_kind"), "zone", schema="minerisk")
    op.create_check_constraint(
        op.f("ck_zone_kind"), "zone", "kind IN ('no_build', 'strip', 'bank')", schema="minerisk"
    )
    op.execute("ALTER TABLE staging.sending ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE staging.sending FORCE ROW LEVEL SECURITY")
    # Half a file is nobody's business but its sender's.
    op.execute(
        "CREATE POLICY seen ON staging.sending FOR SELECT TO minerisk_app USING ("
        "created_by = NULLIF(current_setting('minerisk.user', true), '')::uuid)"
    )
    op.execute(
        "CREATE POLICY served ON staging.sending "
        "TO minerisk_worker, minerisk_owner, minerisk_definer USING (true) WITH CHECK (true)"
    )
    op.execute("GRANT SELECT ON staging.sending TO minerisk_app, minerisk_definer")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON staging.sending TO minerisk_worker")
