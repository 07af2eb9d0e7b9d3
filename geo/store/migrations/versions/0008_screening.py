"""What screening needs (contracts, output) and what a person makes of each finding.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = ("survey_contract", "mine_output", "screening_answer")


def _create(table: str, *columns: sa.Column) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("mine_code", sa.Text(), nullable=False),
        *columns,
        sa.Column("document", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("actor_login", sa.Text(), nullable=False),
        sa.Column("district", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("owner_org", sa.Uuid(), nullable=True),
        sa.Column("survey_org", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["minerisk.batch.id"],
            name=op.f(f"fk_{table}_batch_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        schema="minerisk",
    )
    for name in ("batch_id", "mine_code"):
        op.create_index(op.f(f"ix_{table}_{name}"), table, [name], schema="minerisk")


def upgrade() -> None:
    _create(
        "survey_contract",
        sa.Column("survey_unit", sa.Text(), nullable=False),
        sa.Column("begins", sa.Date(), nullable=True),
        sa.Column("ends", sa.Date(), nullable=True),
    )
    _create(
        "mine_output",
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("tonnes", sa.Double(), nullable=False),
    )
    _create(
        "screening_answer",
        sa.Column("finding_key", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_screening_answer_outcome"),
        "screening_answer",
        "outcome IN ('asked', 'explained', 'incomplete', 'doubtful')",
        schema="minerisk",
    )
    for name in TABLES:
        table = f"minerisk.{name}"
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
