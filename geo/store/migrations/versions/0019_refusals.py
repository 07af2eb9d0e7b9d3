"""Why a proposal was refused, and encodings an organisation settled for its own sources.

Revision ID: 0019
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of what was refused before nobody was asked why.
    op.add_column("proposal", sa.Column("refusal", sa.Text(), nullable=True), schema="minerisk")
    table, check = "minerisk.remembered", "ck_remembered_kind"
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {check}")
    op.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT {check} CHECK (kind IN ('field', 'layer', 'encoding'))"
    )
