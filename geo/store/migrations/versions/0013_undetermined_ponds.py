"""A head-top verdict may be undetermined, and ground of a zone undecided.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

CHECKS = (
    ("head_top", "outcome", ("yes", "suspected", "undetermined", "no")),
    ("zone", "kind", ("no_build", "undecided", "bank", "strip")),
)


def upgrade() -> None:
    for table, column, values in CHECKS:
        name = op.f(f"ck_{table}_{column}")
        listed = ", ".join(f"'{value}'" for value in values)
        op.drop_constraint(name, table, schema="minerisk", type_="check")
        op.create_check_constraint(name, table, f"{column} IN ({listed})", schema="minerisk")
