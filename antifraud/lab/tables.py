"""Tables of the lab: rules and their versions, runs over history, days beside live, limits of the gate."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from antifraud.tables import INSTANT
from foundation.database import metadata

lab_rules = Table(
    "lab_rules",
    metadata,
    Column("slug", Text, primary_key=True),  # Chosen by people, the same in every environment.
    Column("kind", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    CheckConstraint("kind IN ('rule', 'params')", name="lab_rule_kind_is_known"),
)

lab_versions = Table(
    "lab_versions",
    metadata,
    Column("slug", Text, ForeignKey("lab_rules.slug", name="lab_versions_slug_fkey"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("why", Text, nullable=False),
    Column("drafted_by", Text, nullable=False),
    Column("drafted_at", INSTANT, nullable=False),
    Column("state", Text, nullable=False),
    Column("shadow_from", INSTANT),
    Column("shadow_until", INSTANT),
    Column("live_from", INSTANT),
    Column("published_by", Text),
    Column("replaces", Integer),
    Column("muted_until", INSTANT),
    Column("ended_at", INSTANT),
    Column("ended_why", Text),
    Column("asked_by", Text),
    Column("asked_at", INSTANT),
    Column("refused_by", Text),
    Column("refused_why", Text),
    PrimaryKeyConstraint("slug", "version", name="lab_versions_pkey"),
    CheckConstraint("version > 0", name="lab_version_counts_from_one"),
    CheckConstraint(
        "state IN ('draft', 'shadow', 'live', 'rolled_back', 'retired')", name="lab_version_state_is_known"
    ),
    CheckConstraint("published_by <> drafted_by", name="lab_version_is_published_by_another"),
    CheckConstraint(
        "state <> 'live' OR (published_by IS NOT NULL AND live_from IS NOT NULL)",
        name="lab_version_live_was_published",
    ),
    CheckConstraint(
        "(shadow_from IS NULL) = (shadow_until IS NULL) AND shadow_until > shadow_from"
        " AND (state <> 'shadow' OR shadow_until IS NOT NULL)",
        name="lab_version_shadow_ends",
    ),
    CheckConstraint(
        "(state IN ('rolled_back', 'retired')) <= (ended_at IS NOT NULL AND ended_why IS NOT NULL)",
        name="lab_version_end_has_a_reason",
    ),
    CheckConstraint("(asked_by IS NULL) = (asked_at IS NULL)", name="lab_version_ask_has_a_name"),
    CheckConstraint("(refused_by IS NULL) = (refused_why IS NULL)", name="lab_version_refusal_has_a_reason"),
    CheckConstraint("published_by <> asked_by", name="lab_version_asker_does_not_publish"),
    Index("lab_versions_one_live", "slug", unique=True, postgresql_where=text("state = 'live'")),
    Index("lab_versions_one_shadow", "slug", unique=True, postgresql_where=text("state = 'shadow'")),
    comment="What a rule says, append-only; where it stands in its life, moved by guarded statements",
)


def _version(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["slug", "version"], ["lab_versions.slug", "lab_versions.version"], name=f"{table}_version_fkey"
    )


lab_runs = Table(
    "lab_runs",
    metadata,
    Column("id", Uuid, primary_key=True),  # Chosen by who asks: asked twice, it runs once.
    Column("kind", Text, nullable=False),
    Column("slug", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("since", INSTANT, nullable=False),
    Column("until", INSTANT, nullable=False),
    Column("state", Text, nullable=False),
    Column("cursor_at", INSTANT, nullable=False),
    Column("cursor_id", Uuid, nullable=False),
    Column("progress", JSONB, nullable=False),
    Column("report", JSONB(none_as_null=True)),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", INSTANT, nullable=False),
    Column("ended_at", INSTANT),
    Column("failure", Text),
    _version("lab_runs"),
    CheckConstraint("kind IN ('backtest', 'adversaries')", name="lab_run_kind_is_known"),
    CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name="lab_run_state_is_known"),
    CheckConstraint("until > since", name="lab_run_covers_some_time"),
    CheckConstraint("(state = 'done') = (report IS NOT NULL)", name="lab_run_done_has_a_report"),
    CheckConstraint("(state = 'failed') = (failure IS NOT NULL)", name="lab_run_failed_says_why"),
    Index("lab_runs_version_idx", "slug", "version", "kind", "asked_at"),
    comment="Runs of a version over history or against adversaries; a back-test goes on from its cursor",
)

_RUN = ForeignKey("lab_runs.id", name="lab_people_run_id_fkey", ondelete="CASCADE")
lab_people = Table(
    "lab_people",
    metadata,
    Column(
        "run_id", Uuid, ForeignKey("lab_runs.id", name="lab_people_run_id_fkey", ondelete="CASCADE"), nullable=False
    ),
    Column("person", Text, nullable=False),
    Column("bad", Boolean, nullable=False),
    PrimaryKeyConstraint("run_id", "person", name="lab_people_pkey"),
    comment="Whom a back-test touched, by the digest evidence knows them by; bad: a decided case says so",
)

lab_days = Table(
    "lab_days",
    metadata,
    Column("slug", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("day", Date, nullable=False),
    Column("state", Text, nullable=False),
    Column("scans", BigInteger, nullable=False),
    Column("hits", BigInteger, nullable=False),
    Column("fresh", BigInteger, nullable=False),
    Column("actions", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("added", BigInteger),  # Null on days before anybody compared.
    Column("dropped", BigInteger),
    PrimaryKeyConstraint("slug", "version", "day", "state", name="lab_days_pkey"),
    _version("lab_days"),
    CheckConstraint("state IN ('shadow', 'live')", name="lab_day_state_is_known"),
    CheckConstraint(
        "0 <= hits AND hits <= scans AND 0 <= fresh AND fresh <= hits AND 0 <= actions AND actions <= hits"
        " AND 0 <= failed AND failed <= scans",
        name="lab_day_counts_add_up",
    ),
    CheckConstraint(
        "(added IS NULL) = (dropped IS NULL) AND 0 <= added AND added <= hits AND 0 <= dropped"
        " AND added + dropped <= scans",
        name="lab_day_differs_by_its_scans",
    ),
    comment="What a version said of a day of scans, in shadow or live; fresh: nothing else had spoken against it",
)

lab_samples = Table(
    "lab_samples",
    metadata,
    Column("slug", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("day", Date, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("scan_id", Uuid, nullable=False),
    Column("fresh", Boolean, nullable=False),
    PrimaryKeyConstraint("slug", "version", "scan_id", name="lab_samples_pkey"),
    _version("lab_samples"),
    comment="A few hits of every day; turn: by lot, the lowest are kept",
)

lab_feed = Table(
    "lab_feed",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", INSTANT, nullable=False),
    Column("scan_id", Uuid, nullable=False),
    comment="Up to and with which scan the lab has read the log",
)

lab_limits = Table(
    "lab_limits",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Double, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", INSTANT, nullable=False),
    CheckConstraint("value >= 0", name="lab_limit_is_not_negative"),
    comment="Limits of the publish gate that somebody changed; the others stand in the program",
)
