"""Policies, triggers, definer functions and the job queue.

Revision ID: 0002
Revises: 0001
"""

from alembic import op
from procrastinate.schema import SchemaManager

from geo.store.migrate import sql_file

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Written out, not imported: a migration says what was, whatever the tables become.
APPEND_ONLY = (
    "batch",
    "survey",
    "survey_event",
    "mine",
    "feature",
    "encounter",
    "encounter_end",
    "assertion",
    "claim",
    "claim_end",
    "ending",
    "mine_state",
    "unclear_ground",
    "parameter",
)
OWNED = (
    "minerisk.survey",
    "minerisk.survey_event",
    "minerisk.mine",
    "minerisk.feature",
    "minerisk.encounter",
    "minerisk.encounter_end",
    "minerisk.assertion",
    "minerisk.claim",
    "minerisk.claim_end",
    "minerisk.ending",
    "minerisk.mine_state",
    "minerisk.unclear_ground",
    "minerisk.proposal",
    "staging.upload",
    "staging.staged_feature",
    "staging.staged_note",
)
PEOPLE = ("organisation", "app_user", "web_session", "login_attempt", "contract")
FUNCTIONS = (
    "contracted(text)",
    "features_in(text[], geometry, bigint)",
    "mine_summaries(bigint)",
    "tile_mines(int, int, int, bigint)",
    "tile_features(text[], text, int, int, int, bigint)",
    "tile_gathered(text[], text, int, int, int, bigint)",
    "tile_unclear(int, int, int, bigint)",
    "tile_encounters(int, int, int, bigint)",
)


def upgrade() -> None:
    for name in ("visible.sql", "append_only.sql", "tile.sql"):
        # Sent as it stands: SQLAlchemy would read "::" and ":name" as its own.
        op.get_bind().exec_driver_sql(sql_file(name).replace("%", "%%"))
    op.execute("GRANT USAGE ON SCHEMA minerisk, staging TO minerisk_app, minerisk_worker")
    op.execute("GRANT USAGE, CREATE ON SCHEMA minerisk TO minerisk_definer")
    for table in OWNED:
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
    op.execute(
        "CREATE POLICY contracted ON minerisk.mine FOR SELECT TO minerisk_app "
        "USING (minerisk.contracted(code))"
    )
    op.execute(
        "CREATE POLICY contracted ON minerisk.feature FOR SELECT TO minerisk_app "
        "USING (layer = 'mine_boundary' AND minerisk.contracted(mine_code))"
    )
    for name in APPEND_ONLY:
        op.execute(f"GRANT SELECT, INSERT ON minerisk.{name} TO minerisk_worker")
        op.execute(
            f"CREATE TRIGGER added_to_only BEFORE UPDATE OR DELETE ON minerisk.{name} "
            "FOR EACH ROW EXECUTE FUNCTION minerisk.refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON minerisk.{name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION minerisk.refuse_change()"
        )
    op.execute(
        "GRANT SELECT ON minerisk.batch, minerisk.parameter TO minerisk_app, minerisk_definer"
    )
    op.execute("GRANT SELECT ON minerisk.contract TO minerisk_definer")
    op.execute("GRANT SELECT ON minerisk.alembic_version TO minerisk_app, minerisk_worker")
    op.execute("GRANT SELECT, INSERT, UPDATE ON minerisk.proposal TO minerisk_worker")
    for name in PEOPLE:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON minerisk.{name} TO minerisk_worker")
    op.execute("GRANT SELECT ON minerisk.organisation TO minerisk_app")
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA staging TO minerisk_worker"
    )
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA minerisk, staging TO minerisk_worker")
    for function in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION minerisk.{function} FROM PUBLIC")
        op.execute(f"ALTER FUNCTION minerisk.{function} OWNER TO minerisk_definer")
        op.execute(
            f"GRANT EXECUTE ON FUNCTION minerisk.{function} TO minerisk_app, minerisk_worker"
        )
    op.execute("REVOKE CREATE ON SCHEMA minerisk FROM minerisk_definer")
    op.execute("CREATE SCHEMA jobs")
    op.execute("SET LOCAL search_path = jobs, public")
    op.get_bind().exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
    op.execute("SET LOCAL search_path = public")
    op.execute("GRANT USAGE ON SCHEMA jobs TO minerisk_worker")
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA jobs TO minerisk_worker"
    )
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA jobs TO minerisk_worker")
    op.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs TO minerisk_worker")
