"""Tables of the line: stations and their keys, jobs, leased blocks, reports, case numbers, rework. No row per item.

The constraint that keeps leases apart (EXCLUDE) is in the migration.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE, INT8RANGE, JSONB

from foundation.database import metadata


def _at(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _count(name: str) -> Column[object]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


stations = Table(
    "stations",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    _at("created_at"),
    _at("heard_at", nullable=True),
    Column("key_id", Uuid),
    Column("said", JSONB, nullable=False, server_default=text("'{}'")),
    UniqueConstraint("name"),
    UniqueConstraint("key_id"),
)

station_keys = Table(
    "station_keys",
    metadata,
    Column("station_id", BigInteger, ForeignKey("stations.id"), nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    _at("registered_at"),
    _at("retired_at", nullable=True),
    PrimaryKeyConstraint("station_id", "public_key"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("brand_id", BigInteger, ForeignKey("brands.id"), nullable=False),
    Column("run_id", BigInteger, ForeignKey("runs.id"), nullable=False),
    Column("cap_run_id", BigInteger, ForeignKey("runs.id")),
    Column("station_id", BigInteger, ForeignKey("stations.id"), nullable=False),
    Column("pack_size", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("head", Text),
    Column("discrepancy", Text),
    _count("paired"),
    _at("created_at"),
    _at("reported_at", nullable=True),
    _at("closed_at", nullable=True),
)

job_blocks = Table(
    "job_blocks",
    metadata,
    Column("job_id", BigInteger, ForeignKey("jobs.id"), nullable=False),
    Column("block", Integer, nullable=False),
    Column("leased", INT8RANGE, nullable=False),
    Column("kept", INT8RANGE, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("head", Text),
    Column("told", JSONB, nullable=False),
    *(_count(name) for name in ("commissioned", "scrapped", "sampled", "void", "returned")),
    Column("open", BigInteger, nullable=False),
    _count("cases"),
    _at("leased_at"),
    _at("expires_at"),
    PrimaryKeyConstraint("job_id", "block"),
)

job_reports = Table(
    "job_reports",
    metadata,
    Column("job_id", BigInteger, ForeignKey("jobs.id"), nullable=False),
    Column("block", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("head", Text, nullable=False),
    Column("news", JSONB, nullable=False),
    _at("received_at"),
    PrimaryKeyConstraint("job_id", "block", "sequence"),
)

job_cases = Table(
    "job_cases",
    metadata,
    Column("job_id", BigInteger, ForeignKey("jobs.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("sscc", Text, nullable=False),
    _at("created_at"),
    _at("packed_at", nullable=True),
    PrimaryKeyConstraint("job_id", "ordinal"),
    UniqueConstraint("sscc"),
)

station_minutes = Table(
    "station_minutes",
    metadata,
    Column("station_id", BigInteger, ForeignKey("stations.id"), nullable=False),
    _at("began_at"),
    _at("at"),
    Column("passed", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("graded", BigInteger, nullable=False),
    Column("grade_sum", Double, nullable=False),
    PrimaryKeyConstraint("station_id", "at", "began_at"),
)

unit_operations = Table(
    "unit_operations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("what", Text, nullable=False),
    Column("asked", JSONB, nullable=False),
    Column("answer", JSONB, nullable=False),
    Column("by", Text, nullable=False),
    _at("at"),
    _at("recorded_at"),
)

content_checks = Table(
    "content_checks",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("sscc", Text, ForeignKey("units.sscc"), nullable=False),
    Column("items", INT8MULTIRANGE, nullable=False),
    Column("by", Text, nullable=False),
    _at("at"),
    _at("recorded_at"),
    Index("content_checks_sscc_idx", "sscc", text("at DESC")),
    Index("content_checks_items_idx", "items", postgresql_using="gist"),
)

corrections = Table(
    "corrections",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("job_id", BigInteger, ForeignKey("jobs.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("contents", JSONB, nullable=False),
    Column("loose", JSONB, nullable=False),
    Column("evidence", ARRAY(BigInteger), nullable=False),
    Column("state", Text, nullable=False),
    _at("proposed_at"),
    Column("decided_by", Text),
    _at("decided_at", nullable=True),
    Column("reason", Text),
    UniqueConstraint("fingerprint"),
    Index("corrections_job_idx", "job_id", "id"),
    Index("corrections_open_idx", "id", postgresql_where=text("state = 'proposed'")),
)
