"""Questions whether a row is an object known already; what an organisation settled before.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "staged_match",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("feature_id", sa.Uuid(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("bound", sa.Double(), nullable=False),
        sa.Column("same_seam", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("district", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("owner_org", sa.Uuid(), nullable=True),
        sa.Column("survey_org", sa.Uuid(), nullable=True),
        sa.CheckConstraint("measure IN ('iou', 'hausdorff')", name=op.f("ck_staged_match_measure")),
        sa.CheckConstraint(
            "state IN ('open', 'same', 'other')", name=op.f("ck_staged_match_state")
        ),
        sa.ForeignKeyConstraint(
            ["upload_id"],
            ["staging.upload.id"],
            name=op.f("fk_staged_match_upload_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staged_match")),
        sa.UniqueConstraint(
            "upload_id",
            "layer",
            "row_no",
            "object_id",
            name=op.f("uq_staged_match_upload_id_layer_row_no_object_id"),
        ),
        schema="staging",
    )
    op.create_index(
        op.f("ix_staged_match_upload_id"), "staged_match", ["upload_id"], schema="staging"
    )
    op.create_table(
        "remembered",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("layer", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column(
            "set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint("kind IN ('field', 'layer')", name=op.f("ck_remembered_kind")),
        sa.ForeignKeyConstraint(
            ["org_id"], ["minerisk.organisation.id"], name=op.f("fk_remembered_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remembered")),
        sa.UniqueConstraint(
            "org_id", "kind", "layer", "name", name=op.f("uq_remembered_org_id_kind_layer_name")
        ),
        schema="minerisk",
    )
    for table in ("staging.staged_match", "minerisk.remembered"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY served ON {table} "
            "TO minerisk_worker, minerisk_owner, minerisk_definer USING (true) WITH CHECK (true)"
        )
        op.execute(f"GRANT SELECT ON {table} TO minerisk_app, minerisk_definer")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO minerisk_worker")
    # The object's own policy speaks within: of another's object nobody learns by its likeness.
    op.execute(
        "CREATE POLICY seen ON staging.staged_match FOR SELECT TO minerisk_app USING ("
        "minerisk.visible(district, owner_org, survey_org) AND EXISTS ("
        "SELECT FROM minerisk.feature f WHERE f.id = staged_match.feature_id))"
    )
    op.execute(
        "CREATE POLICY seen ON minerisk.remembered FOR SELECT TO minerisk_app USING ("
        "org_id = NULLIF(current_setting('minerisk.org', true), '')::uuid)"
    )
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA minerisk, staging TO minerisk_worker")
