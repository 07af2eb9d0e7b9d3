"""Papers: the files behind a pond's event or behind treatment works.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "paper",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("matter", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("actor_login", sa.Text(), nullable=False),
        sa.Column("district", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("owner_org", sa.Uuid(), nullable=True),
        sa.Column("survey_org", sa.Uuid(), nullable=True),
        sa.CheckConstraint("room IN ('pond_event', 'works')", name=op.f("ck_paper_room")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper")),
        sa.UniqueConstraint(
            "room", "code", "matter", "sha256", name=op.f("uq_paper_room_code_matter_sha256")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["minerisk.batch.id"],
            name=op.f("fk_paper_batch_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        schema="minerisk",
    )
    op.create_index(op.f("ix_paper_batch_id"), "paper", ["batch_id"], schema="minerisk")
    table = "minerisk.paper"
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
