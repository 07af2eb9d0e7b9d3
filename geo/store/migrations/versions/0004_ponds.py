"""Tailings ponds: their life, elevation models, head-top verdicts and zones.

Revision ID: 0004
Revises: 0003
"""

import geoalchemy2
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from geo.store.migrate import sql_file

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ("pond", "pond_event", "terrain", "terrain_run", "head_top", "zone")
FUNCTIONS = (
    "newest_run(bigint)",
    "tile_zones(int, int, int, bigint)",
    "tile_paths(int, int, int, bigint)",
    "pond_features(text[], bigint)",
    "tile_ponds(text[], text, int, int, int, bigint)",
)


def _ownership() -> list[sa.Column]:
    return [
        sa.Column("district", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("owner_org", sa.Uuid(), nullable=True),
        sa.Column("survey_org", sa.Uuid(), nullable=True),
    ]


def _own(table: str) -> list:
    """Return id and batch, as every published table has them."""
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["minerisk.batch.id"],
            name=op.f(f"fk_{table}_batch_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
    ]


def _text(name: str, default: bool = False) -> sa.Column:
    return sa.Column(
        name, sa.Text(), nullable=False, server_default=sa.text("''") if default else None
    )


def _run(table: str, nullable: bool) -> list:
    return [
        sa.Column("run_id", sa.Uuid(), nullable=nullable),
        sa.ForeignKeyConstraint(
            ["run_id"], ["minerisk.terrain_run.id"], name=op.f(f"fk_{table}_run_id")
        ),
    ]


def _shapes(nullable: bool) -> list[sa.Column]:
    return [
        sa.Column(
            name,
            geoalchemy2.types.Geometry("GEOMETRY", srid=srid, spatial_index=False),
            nullable=nullable,
        )
        for name, srid in (("geom", 4490), ("geom_3857", 3857))
    ]


def _create(table: str, *columns, indexed: tuple[str, ...] = ()) -> None:
    op.create_table(table, *_own(table), *columns, *_ownership(), schema="minerisk")
    for name in ("batch_id", *indexed):
        op.create_index(op.f(f"ix_{table}_{name}"), table, [name], schema="minerisk")
    if table in ("head_top", "zone"):
        for name in ("geom", "geom_3857"):
            op.create_index(
                f"idx_{table}_{name}", table, [name], schema="minerisk", postgresql_using="gist"
            )


def _tables() -> None:
    _create(
        "pond",
        _text("code"),
        _text("name"),
        sa.Column("zone_epsg", sa.Integer(), nullable=False),
        sa.UniqueConstraint("code", name=op.f("uq_pond_code")),
    )
    _create(
        "pond_event",
        _text("key"),
        _text("pond_code"),
        sa.Column("on_date", sa.Date(), nullable=False),
        _text("kind"),
        _text("detail", True),
        _text("document", True),
        sa.Column("proven_only", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _text("actor_login"),
        sa.UniqueConstraint("key", name=op.f("uq_pond_event_key")),
        indexed=("pond_code",),
    )
    _create(
        "terrain",
        _text("sha256"),
        _text("filename"),
        _text("source"),
        sa.Column("dated", sa.Date(), nullable=False),
        sa.Column("error_m", sa.Double(), nullable=False),
        sa.Column("note", postgresql.JSONB(), nullable=False),
        sa.UniqueConstraint("sha256", name=op.f("uq_terrain_sha256")),
    )
    _create(
        "terrain_run",
        _text("key"),
        sa.Column("terrain_id", sa.Uuid(), nullable=False),
        sa.Column("summary", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["terrain_id"], ["minerisk.terrain.id"], name=op.f("fk_terrain_run_terrain_id")
        ),
    )
    _create(
        "head_top",
        _text("key"),
        *_run("head_top", True),
        _text("pond_code"),
        _text("source"),
        _text("outcome"),
        sa.Column("on_date", sa.Date(), nullable=False),
        _text("document", True),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        *_shapes(True),
        sa.CheckConstraint(
            "source IN ('official_list', 'evaluation', 'computed', 'site_check', 'decision')",
            name=op.f("ck_head_top_source"),
        ),
        sa.CheckConstraint(
            "outcome IN ('yes', 'suspected', 'no')", name=op.f("ck_head_top_outcome")
        ),
        indexed=("key", "run_id", "pond_code"),
    )
    _create(
        "zone",
        *_run("zone", False),
        _text("kind"),
        sa.Column("pond_code", sa.Text(), nullable=True),
        sa.Column("area_m2", sa.Double(), nullable=False),
        *_shapes(False),
        sa.CheckConstraint("kind IN ('no_build', 'strip')", name=op.f("ck_zone_kind")),
        indexed=("run_id", "pond_code"),
    )


def upgrade() -> None:
    _tables()
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
    op.get_bind().exec_driver_sql(sql_file("ponds.sql").replace("%", "%%"))
    op.execute("GRANT USAGE, CREATE ON SCHEMA minerisk TO minerisk_definer")
    for function in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION minerisk.{function} FROM PUBLIC")
        op.execute(f"ALTER FUNCTION minerisk.{function} OWNER TO minerisk_definer")
        op.execute(
            f"GRANT EXECUTE ON FUNCTION minerisk.{function} TO minerisk_app, minerisk_worker"
        )
    op.execute("REVOKE CREATE ON SCHEMA minerisk FROM minerisk_definer")
