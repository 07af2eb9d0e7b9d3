"""Tables of the store, as SQLAlchemy Core metadata.

Two schemas: ``minerisk`` holds what has been published and is append-only where marked so;
``staging`` holds what is being read and may be thrown away. Geometry rests in CGCS2000
(EPSG:4490, axis order x, y); ``geom_3857`` exists only to draw.

Every row that belongs to somebody carries ``district``, ``owner_org`` and ``survey_org``, copied
when the row is written, so that one predicate, ``minerisk.visible(district, owner_org,
survey_org)``, decides who sees it without a join.
"""

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import DATERANGE, JSONB

metadata = MetaData(
    schema="minerisk",
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    },
)

ROLES = ("administrator", "regulator", "geologist", "enterprise")
MINE_KINDS = ("coal", "metal_underground", "open_pit")
HEAD_TOP_SOURCES = ("official_list", "evaluation", "computed", "site_check", "decision")
HEAD_TOP_OUTCOMES = ("yes", "suspected", "undetermined", "no")
ZONES = ("no_build", "undecided", "bank", "strip")
SCREENING_OUTCOMES = ("asked", "explained", "incomplete", "doubtful")
OBJECTION_OUTCOMES = ("kept", "changed", "returned")
PAPER_ROOMS = ("pond_event", "works")
SURVEY_STATES = ("submitted", "accepted", "returned", "superseded", "revoked")
TERRAIN_STATES = ("submitted", "accepted", "returned", "revoked")


def _one_of(column: str, values: tuple[str, ...], name: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


def _ownership() -> list[Column]:
    return [
        Column("district", Text, nullable=False, server_default=text("''")),
        Column("owner_org", Uuid),
        Column("survey_org", Uuid),
    ]


def _batch() -> Column:
    return Column(
        "batch_id",
        Uuid,
        ForeignKey("minerisk.batch.id", deferrable=True, initially="DEFERRED"),
        nullable=False,
        index=True,
    )


# --- people -------------------------------------------------------------------------------------

organisation = Table(
    "organisation",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("district", Text, nullable=False, server_default=text("''")),
    _one_of("kind", ("bureau", "survey_unit", "enterprise"), "kind"),
)

app_user = Table(
    "app_user",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("login", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("org_id", Uuid, ForeignKey(organisation.c.id), nullable=False),
    Column("district", Text, nullable=False, server_default=text("''")),
    Column("password_hash", Text, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    _one_of("role", ROLES, "role"),
)

# The cookie holds a random token; only its SHA-256 rests here.
web_session = Table(
    "web_session",
    metadata,
    Column("token_sha256", Text, primary_key=True),
    Column("user_id", Uuid, ForeignKey(app_user.c.id), nullable=False, index=True),
    Column("csrf", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)

login_attempt = Table(
    "login_attempt",
    metadata,
    Column("login", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
)

# Which mines a survey unit works for: it may read their boundaries.
contract = Table(
    "contract",
    metadata,
    Column("org_id", Uuid, ForeignKey(organisation.c.id), primary_key=True),
    Column("mine_code", Text, primary_key=True),
)

# --- the chain of batches (append-only) ---------------------------------------------------------

batch = Table(
    "batch",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("seq", BigInteger, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("actor_id", Uuid),
    Column("actor_login", Text, nullable=False),
    Column("note", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("digest", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
)

# --- surveys ------------------------------------------------------------------------------------

# One file as submitted: all its layers share one life (L16). Append-only; its state is the last
# row of survey_event.
survey = Table(
    "survey",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("key", Text, nullable=False, unique=True),
    Column("filename", Text, nullable=False),
    Column("sha256", Text, nullable=False, index=True),
    Column("layers", JSONB, nullable=False),
    Column("report", JSONB, nullable=False),
    Column("mine_code", Text),
    Column("survey_unit", Text, nullable=False, server_default=text("''")),
    Column("supersedes", Uuid),
    Column("submitted_by", Uuid),
    *_ownership(),
)

survey_event = Table(
    "survey_event",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _batch(),
    Column("survey_id", Uuid, ForeignKey(survey.c.id), nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("document", Text, nullable=False, server_default=text("''")),
    Column("actor_login", Text, nullable=False),
    _one_of("state", SURVEY_STATES, "state"),
    *_ownership(),
)

# --- objects and their versions -----------------------------------------------------------------

# The lasting identity of a mine. zone_epsg is the 3-degree zone its metres are taken in.
mine = Table(
    "mine",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("zone_epsg", Integer, nullable=False),
    _one_of("kind", MINE_KINDS, "kind"),
    *_ownership(),
)

# Every accepted or submitted row of every layer, mine boundaries and plan items included.
feature = Table(
    "feature",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("object_id", Uuid, nullable=False, index=True),
    Column("survey_id", Uuid, ForeignKey(survey.c.id), nullable=False, index=True),
    Column("key", Text, nullable=False, index=True),
    Column("layer", Text, nullable=False),
    Column("mine_code", Text, index=True),
    Column("row_no", Integer, nullable=False),
    Column("code", Text),
    Column("attrs", JSONB, nullable=False),
    Column("raw", JSONB, nullable=False),
    Column("error_m", Double, nullable=False),
    Column("valid", DATERANGE, nullable=False),
    Column("geom", Geometry("GEOMETRY", srid=4490, spatial_index=True), nullable=False),
    Column("geom_3857", Geometry("GEOMETRY", srid=3857, spatial_index=True), nullable=False),
    *_ownership(),
)

# A row drawn anew in place of one on record (`replaces`): it takes that one's place once its survey
# is accepted, and gives it back where that survey is revoked.
correction = Table(
    "correction",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("survey_id", Uuid, ForeignKey(survey.c.id), nullable=False, index=True),
    Column("feature_id", Uuid, ForeignKey(feature.c.id), nullable=False),
    Column("replaces", Uuid, ForeignKey(feature.c.id), nullable=False, index=True),
    *_ownership(),
)

# How many features stand in a grid cell, per survey and owner: what low zooms draw. Kept by a
# trigger on `feature`; derived, so no part of the chain. Only the definer functions read it.
place_count = Table(
    "place_count",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("level", SmallInteger, nullable=False),
    Column("col", Integer, nullable=False),
    Column("line", Integer, nullable=False),
    Column("layer", Text, nullable=False),
    Column("survey_id", Uuid, nullable=False),
    Column("since", Date),
    *_ownership(),
    Column("count", Integer, nullable=False),
    Column("sum_x", Double, nullable=False),
    Column("sum_y", Double, nullable=False),
    Column("one", Uuid),
    Index("place_count_cell", "level", "col", "line"),
)

# --- encounters, claims, endings (append-only) --------------------------------------------------

encounter = Table(
    "encounter",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("key", Text, nullable=False, index=True),
    Column("mine_code", Text, nullable=False, index=True),
    Column("factor_key", Text, nullable=False),
    Column("layer", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("valid", DATERANGE, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("geom", Geometry("GEOMETRY", srid=4490, spatial_index=True)),
    Column("geom_3857", Geometry("GEOMETRY", srid=3857, spatial_index=True)),
    *_ownership(),
)

encounter_end = Table(
    "encounter_end",
    metadata,
    Column("encounter_id", Uuid, ForeignKey(encounter.c.id), primary_key=True),
    _batch(),
    *_ownership(),
)

# What a person or a rule says of one hazard of one mine. source: declared, appraisal, decision
# (entered) or survey, neighbour (derived by a rule). status: in_force, provisional, held.
claim = Table(
    "claim",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("key", Text, nullable=False, index=True),
    Column("mine_code", Text, nullable=False, index=True),
    Column("hazard", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("grade", Text),
    Column("source", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("seam", Text),
    Column("rule_id", Text),
    Column("document", Text),
    Column("encounter_key", Text),
    Column("survey_id", Uuid),
    Column("valid", DATERANGE, nullable=False),
    Column("evidence", JSONB, nullable=False),
    *_ownership(),
    Index("claim_mine_valid", "mine_code", "valid", postgresql_using="gist"),
)

# What a person said of a mine: a declaration, an appraisal, a decision (L2, L3).
assertion = Table(
    "assertion",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("key", Text, nullable=False, unique=True),
    Column("mine_code", Text, nullable=False, index=True),
    Column("hazard", Text, nullable=False),
    Column("grade", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("seam", Text),
    Column("document", Text, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    _one_of("source", ("declared", "appraisal", "decision"), "source"),
    *_ownership(),
)

claim_end = Table(
    "claim_end",
    metadata,
    Column("claim_id", Uuid, ForeignKey(claim.c.id), primary_key=True),
    _batch(),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    *_ownership(),
)

# A regulator's ending of a claim, a factor or held claims (L3), with the second person who
# confirmed it. It counts while no survey it cites is revoked (L17).
ending = Table(
    "ending",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("target_kind", Text, nullable=False),
    Column("target_key", Text, nullable=False, index=True),
    Column("mine_code", Text),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("cites_survey", Uuid),
    Column("proposed_by", Text, nullable=False),
    Column("confirmed_by", Text, nullable=False),
    Column("effective_on", Date, nullable=False),
    _one_of("target_kind", ("claim", "factor", "plan_item", "survey"), "target_kind"),
    _one_of(
        "kind",
        ("superseded", "treated", "finished", "rules_adopted", "error", "released"),
        "kind",
    ),
    CheckConstraint("proposed_by <> confirmed_by", name="two_persons"),
    *_ownership(),
)

# What waits for a second person. state moves once, from open to confirmed or refused; the batch
# that carried it out keeps the permanent record.
proposal = Table(
    "proposal",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("action", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("mine_code", Text),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("settled_by", Text),
    Column("settled_at", DateTime(timezone=True)),
    # Why it was refused; of what was refused in older days nobody was asked.
    Column("refusal", Text),
    _one_of("state", ("open", "confirmed", "refused"), "state"),
    *_ownership(),
)

# What an enterprise holds against the grade of one hazard of its mine; `grade` is the effective one
# it read. Attachments: file name, SHA-256 and size of bytes kept as uploads' are.
objection = Table(
    "objection",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("mine_code", Text, nullable=False, index=True),
    Column("hazard", Text, nullable=False),
    Column("grade", Text),
    Column("wanted", Text),
    Column("reason", Text, nullable=False),
    Column("attachments", JSONB, nullable=False),
    Column("actor_login", Text, nullable=False),
    *_ownership(),
)

# What the regulator decided of an objection, once: the grade stays, a grade is decided, or it is
# returned with remarks.
objection_answer = Table(
    "objection_answer",
    metadata,
    Column("objection_id", Uuid, ForeignKey(objection.c.id), primary_key=True),
    _batch(),
    Column("outcome", Text, nullable=False),
    Column("grade", Text),
    Column("reason", Text, nullable=False),
    Column("document", Text, nullable=False, server_default=text("''")),
    Column("actor_login", Text, nullable=False),
    _one_of("outcome", OBJECTION_OUTCOMES, "outcome"),
    *_ownership(),
)

# When a survey unit was to work in a mine (L18); either end may be open.
survey_contract = Table(
    "survey_contract",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("mine_code", Text, nullable=False, index=True),
    Column("survey_unit", Text, nullable=False),
    Column("begins", Date),
    Column("ends", Date),
    Column("document", Text, nullable=False, server_default=text("''")),
    Column("actor_login", Text, nullable=False),
    *_ownership(),
)

# Tonnes a mine reported for a time.
mine_output = Table(
    "mine_output",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("mine_code", Text, nullable=False, index=True),
    Column("since", Date, nullable=False),
    Column("until", Date, nullable=False),
    Column("tonnes", Double, nullable=False),
    Column("document", Text, nullable=False, server_default=text("''")),
    Column("actor_login", Text, nullable=False),
    *_ownership(),
)

# What a person made of a finding of screening; the newest stands. It changes no grade, and has no
# owner: a question about a survey is the regulator's.
# Who resolves an unclear factor, how and by when (L9); the newest of a mine and factor counts.
measure_plan = Table(
    "measure_plan",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("mine_code", Text, nullable=False, index=True),
    Column("factor_key", Text, nullable=False),
    Column("measures", Text, nullable=False),
    Column("responsible", Text, nullable=False),
    Column("due", Date, nullable=False),
    Column("actor_login", Text, nullable=False),
    *_ownership(),
)

screening_answer = Table(
    "screening_answer",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("mine_code", Text, nullable=False, index=True),
    Column("finding_key", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("document", Text, nullable=False, server_default=text("''")),
    Column("actor_login", Text, nullable=False),
    _one_of("outcome", SCREENING_OUTCOMES, "outcome"),
    *_ownership(),
)

# A mine's ledger at the end of a month (L19), as reckoned from the facts known at `known_seq` by
# the rules of version `rules`: kept as it was filed, and reckoned anew to the same rows.
ledger_month = Table(
    "ledger_month",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("mine_code", Text, nullable=False, index=True),
    Column("month", Text, nullable=False),
    Column("on_date", Date, nullable=False),
    Column("known_seq", BigInteger, nullable=False),
    Column("rules", Text, nullable=False),
    Column("rows", JSONB, nullable=False),
    Column("works", JSONB, nullable=False),
    Column("enterprise", Text, nullable=False),
    UniqueConstraint("month", "mine_code"),
    *_ownership(),
)

# The state of a mine after each batch that touched it: lines per hazard, coverage, unclear
# ground. The newest row at or before known_at is the state known then.
mine_state = Table(
    "mine_state",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _batch(),
    Column("mine_code", Text, nullable=False, index=True),
    Column("on_date", Date, nullable=False),
    Column("lines", JSONB, nullable=False),
    Column("coverage", JSONB, nullable=False),
    Column("summary", JSONB, nullable=False),
    *_ownership(),
)

# Ground in a mine's footprint that nobody surveyed, drawn hatched; written with each mine_state.
unclear_ground = Table(
    "unclear_ground",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _batch(),
    Column("mine_code", Text, nullable=False, index=True),
    Column("kinds", JSONB, nullable=False),
    Column("geom", Geometry("GEOMETRY", srid=4490, spatial_index=True), nullable=False),
    Column("geom_3857", Geometry("GEOMETRY", srid=3857, spatial_index=True), nullable=False),
    *_ownership(),
)

# --- staging ------------------------------------------------------------------------------------

# state: queued, reading, staged, failed, submitted. progress: {"stage", "done", "total"}.
upload = Table(
    "upload",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("filename", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("options", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("progress", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("problem", JSONB),
    Column("result", JSONB),
    Column("survey_id", Uuid),
    # What an elevation model was submitted as.
    Column("terrain_id", Uuid),
    Column("created_by", Uuid),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("heartbeat_at", DateTime(timezone=True)),
    _one_of("state", ("queued", "reading", "staged", "failed", "submitted"), "state"),
    *_ownership(),
    schema="staging",
)

# A file that comes in pieces: how much of it is there. Its sender alone sees it.
sending = Table(
    "sending",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("filename", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text),
    Column("mark", Text, nullable=False, server_default=text("''")),
    Column("options", JSONB, nullable=False),
    Column("received", BigInteger, nullable=False, server_default=text("0")),
    Column("created_by", Uuid, index=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("touched_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("received BETWEEN 0 AND size", name="received"),
    *_ownership(),
    schema="staging",
)

staged_feature = Table(
    "staged_feature",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column(
        "upload_id",
        Uuid,
        ForeignKey("staging.upload.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("layer", Text, nullable=False),
    Column("row_no", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("mine_code", Text),
    Column("code", Text),
    Column("attrs", JSONB, nullable=False),
    Column("raw", JSONB, nullable=False),
    Column("error_m", Double, nullable=False),
    Column("valid", DATERANGE, nullable=False),
    Column("geom", Geometry("GEOMETRY", srid=4490, spatial_index=False), nullable=False),
    UniqueConstraint("upload_id", "layer", "row_no"),
    *_ownership(),
    schema="staging",
)

# One line of the row report: what happened to a row, and where.
staged_note = Table(
    "staged_note",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column(
        "upload_id",
        Uuid,
        ForeignKey("staging.upload.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("layer", Text, nullable=False),
    Column("row_no", Integer),
    Column("outcome", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("params", JSONB, nullable=False),
    Column("geom", Geometry("GEOMETRY", srid=4490, spatial_index=False)),
    _one_of("outcome", ("stored", "mended", "refused", "warned"), "outcome"),
    *_ownership(),
    schema="staging",
)

# A row that looks like an object that is known: a question to a person. state moves once. It is
# seen by whoever may see both the upload and that object.
staged_match = Table(
    "staged_match",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column(
        "upload_id",
        Uuid,
        ForeignKey("staging.upload.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("layer", Text, nullable=False),
    Column("row_no", Integer, nullable=False),
    Column("object_id", Uuid, nullable=False),
    Column("feature_id", Uuid, nullable=False),
    Column("measure", Text, nullable=False),
    Column("value", Double, nullable=False),
    Column("bound", Double, nullable=False),
    Column("same_seam", Boolean, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    Column("settled_by", Text),
    Column("settled_at", DateTime(timezone=True)),
    UniqueConstraint("upload_id", "layer", "row_no", "object_id"),
    _one_of("measure", ("iou", "hausdorff"), "measure"),
    _one_of("state", ("open", "same", "other"), "state"),
    *_ownership(),
    schema="staging",
)

# --- what an organisation settled about its own files -------------------------------------------

# A column or source name that somebody set by hand and submitted: taken so the next time, and said.
remembered = Table(
    "remembered",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("org_id", Uuid, ForeignKey(organisation.c.id), nullable=False),
    Column("kind", Text, nullable=False),
    Column("layer", Text, nullable=False, server_default=text("''")),
    Column("name", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("org_id", "kind", "layer", "name"),
    _one_of("kind", ("field", "layer", "encoding"), "kind"),
)

# --- what all grades are reckoned by ------------------------------------------------------------

# A rule set as adopted, whole: the newest is in force, and what an older one said can still be
# told. One that lowers a grade names a second person (L3); one that lowers none need not.
rule_set = Table(
    "rule_set",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("version", Text, nullable=False, index=True),
    Column("content", JSONB, nullable=False),
    Column("reason", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("confirmed_by", Text),
    Column("effective_on", Date, nullable=False),
    CheckConstraint("proposed_by <> confirmed_by", name="two_persons"),
)

parameter = Table(
    "parameter",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _batch(),
    Column("name", Text, nullable=False),
    Column("value", JSONB, nullable=False),
    Column("district", Text, nullable=False, server_default=text("''")),
)

# --- tailings ponds -----------------------------------------------------------------------------

# The lasting identity of a pond, made by the acceptance of the first survey that names it.
pond = Table(
    "pond",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("zone_epsg", Integer, nullable=False),
    *_ownership(),
)

# One dated fact or decision of a pond's life (L20-L22); its state is a function of these.
pond_event = Table(
    "pond_event",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("key", Text, nullable=False, unique=True),
    Column("pond_code", Text, nullable=False, index=True),
    Column("on_date", Date, nullable=False),
    Column("kind", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=text("''")),
    Column("document", Text, nullable=False, server_default=text("''")),
    Column("proven_only", Boolean, nullable=False, server_default=text("false")),
    Column("actor_login", Text, nullable=False),
    *_ownership(),
)

# A file behind an act: of a pond's event (`code` is the pond's, `matter` the event's key), or of
# treatment works (the mine's, and what the works are called). Its bytes are kept as uploads' are.
paper = Table(
    "paper",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("room", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("matter", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("actor_login", Text, nullable=False),
    UniqueConstraint("room", "code", "matter", "sha256"),
    _one_of("room", PAPER_ROOMS, "room"),
    *_ownership(),
)

# What was stated of an elevation model: its bytes rest beside the raw files, under their digest
# (`note.sheets`). Other words on the same files are a row of their own.
terrain = Table(
    "terrain",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("sha256", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("dated", Date, nullable=False),
    Column("error_m", Double, nullable=False),
    Column("note", JSONB, nullable=False),
    *_ownership(),
)

# What became of a model that was sent; one taken on record at the machine needs no such word, and
# counts as accepted when it was recorded.
terrain_event = Table(
    "terrain_event",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _batch(),
    Column("terrain_id", Uuid, ForeignKey(terrain.c.id), nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("document", Text, nullable=False, server_default=text("''")),
    Column("actor_login", Text, nullable=False),
    _one_of("state", TERRAIN_STATES, "state"),
    *_ownership(),
)

# One computation of head-top verdicts and zones: of which facts (`key`), and what came out. Without
# a model it says that none is left.
terrain_run = Table(
    "terrain_run",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("key", Text, nullable=False),
    Column("terrain_id", Uuid, ForeignKey(terrain.c.id)),
    Column("summary", JSONB, nullable=False),
    *_ownership(),
)

# What one source says of a pond being head-top (L23). Computed rows belong to a run, and only the
# newest run's count; what persons said stays.
head_top = Table(
    "head_top",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("key", Text, nullable=False, index=True),
    Column("run_id", Uuid, ForeignKey(terrain_run.c.id), index=True),
    Column("pond_code", Text, nullable=False, index=True),
    Column("source", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("on_date", Date, nullable=False),
    Column("document", Text, nullable=False, server_default=text("''")),
    Column("evidence", JSONB, nullable=False),
    Column("geom", Geometry("GEOMETRY", srid=4490, spatial_index=True)),
    Column("geom_3857", Geometry("GEOMETRY", srid=3857, spatial_index=True)),
    _one_of("source", HEAD_TOP_SOURCES, "source"),
    _one_of("outcome", HEAD_TOP_OUTCOMES, "outcome"),
    *_ownership(),
)

# Ground for drawing and export; verdicts use cells. no_build: no toe of a new dam (L25); undecided:
# nobody can tell yet; strip: the mirror, what lies below one pond.
zone = Table(
    "zone",
    metadata,
    Column("id", Uuid, primary_key=True),
    _batch(),
    Column("run_id", Uuid, ForeignKey(terrain_run.c.id), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("pond_code", Text, index=True),
    Column("area_m2", Double, nullable=False),
    Column("geom", Geometry("GEOMETRY", srid=4490, spatial_index=True), nullable=False),
    Column("geom_3857", Geometry("GEOMETRY", srid=3857, spatial_index=True), nullable=False),
    _one_of("kind", ZONES, "kind"),
    *_ownership(),
)

APPEND_ONLY = (
    batch,
    survey,
    survey_event,
    mine,
    feature,
    correction,
    encounter,
    encounter_end,
    assertion,
    claim,
    claim_end,
    ending,
    mine_state,
    unclear_ground,
    parameter,
    rule_set,
    pond,
    pond_event,
    terrain,
    terrain_event,
    terrain_run,
    head_top,
    zone,
    objection,
    objection_answer,
    ledger_month,
    survey_contract,
    mine_output,
    screening_answer,
    measure_plan,
    paper,
)
PROTECTED = (
    *(t for t in APPEND_ONLY if "owner_org" in t.c),
    upload,
    sending,
    staged_feature,
    staged_match,
    staged_note,
    proposal,
)

__all__ = ["APPEND_ONLY", "PROTECTED", "metadata"]
