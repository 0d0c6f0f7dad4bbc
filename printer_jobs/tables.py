"""Tables of the line: stations, jobs, what stations reported, case numbers given out. No row per item.

The constraint that keeps leases apart (EXCLUDE) is in the migration.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import INT8RANGE, JSONB

from foundation.database import metadata


def _at(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


stations = Table(
    "stations",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    _at("created_at"),
    _at("heard_at", nullable=True),
    UniqueConstraint("name"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("brand_id", BigInteger, ForeignKey("brands.id"), nullable=False),
    Column("run_id", BigInteger, ForeignKey("runs.id"), nullable=False),
    Column("station_id", BigInteger, ForeignKey("stations.id"), nullable=False),
    Column("leased", INT8RANGE, nullable=False),
    Column("kept", INT8RANGE, nullable=False),
    Column("pack_size", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("head", Text),
    Column("told", JSONB, nullable=False),
    Column("discrepancy", Text),
    _at("created_at"),
    _at("reported_at", nullable=True),
    _at("closed_at", nullable=True),
)

job_reports = Table(
    "job_reports",
    metadata,
    Column("job_id", BigInteger, ForeignKey("jobs.id"), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("head", Text, nullable=False),
    Column("news", JSONB, nullable=False),
    _at("received_at"),
    PrimaryKeyConstraint("job_id", "sequence"),
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
