"""Elevation models are sent, accepted, returned and revoked; a run may say that none is left.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "terrain_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("terrain_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("document", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("actor_login", sa.Text(), nullable=False),
        sa.Column("district", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("owner_org", sa.Uuid(), nullable=True),
        sa.Column("survey_org", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state IN ('submitted', 'accepted', 'returned', 'revoked')",
            name=op.f("ck_terrain_event_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terrain_event")),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["minerisk.batch.id"],
            name=op.f("fk_terrain_event_batch_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["terrain_id"], ["minerisk.terrain.id"], name=op.f("fk_terrain_event_terrain_id")
        ),
        schema="minerisk",
    )
    for column in ("batch_id", "terrain_id"):
        name = op.f(f"ix_terrain_event_{column}")
        op.create_index(name, "terrain_event", [column], schema="minerisk")
    table = "minerisk.terrain_event"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    # As the model it speaks of: its sender's, and the regulators' of its ground.
    for name, shown in (
        ("seen", "minerisk.visible(district, owner_org, survey_org)"),
        ("ground", "minerisk.ground_of(district)"),
    ):
        op.execute(f"CREATE POLICY {name} ON {table} FOR SELECT TO minerisk_app USING ({shown})")
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
    op.alter_column("terrain_run", "terrain_id", nullable=True, schema="minerisk")
    op.add_column("upload", sa.Column("terrain_id", sa.Uuid(), nullable=True), schema="staging")
