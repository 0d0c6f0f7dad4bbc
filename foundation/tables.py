"""Tables of the foundation: work for later, facts to be told, the audit trail, and limits on callers."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from foundation.database import metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("task", Text, nullable=False),
    Column("args", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Index("outbox_due_idx", "due_at", "id"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Index("audit_log_subject_idx", "subject", "id"),
)

audit_seals = Table(
    "audit_seals",
    metadata,
    Column("last_id", BigInteger, primary_key=True, autoincrement=False),
    Column("first_id", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("sealed_at", DateTime(timezone=True), nullable=False),
)

facts = Table(
    "facts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    comment="What happened and others may be told; a row waits here until it is handed to its listeners",
)

limits = Table(
    "limits",
    metadata,
    Column("key", Text, primary_key=True),
    Column("state", JSONB, nullable=False),
    Column("marked_until", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("limits_marked_idx", "marked_until", postgresql_where=text("marked_until IS NOT NULL")),
    Index("limits_expires_idx", "expires_at"),
    prefixes=["UNLOGGED"],
    comment="What callers did lately; lost in a crash, which forgives everyone",
)
