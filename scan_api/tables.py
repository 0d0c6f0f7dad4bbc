"""Tables of the edge: who may sign in, and who has; the systems that call us and those we call; the consumer page."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from foundation.database import metadata

sign_in_codes = Table(
    "sign_in_codes",
    metadata,
    Column("phone_index", LargeBinary, primary_key=True),
    Column("code_hash", LargeBinary, nullable=False),
    Column("sent_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("tries_left", Integer, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", Uuid, primary_key=True),
    Column("member_id", Uuid, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    Column("via", Text, nullable=False, server_default="phone"),
    Column("browser", Text, nullable=False, server_default=""),
    Index("sessions_revoked_idx", "revoked_at"),
    Index("sessions_member_idx", "member_id"),
)

staff = Table(
    "staff",
    metadata,
    Column("name", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("disabled_at", DateTime(timezone=True)),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("locked_until", DateTime(timezone=True)),
)

wechat_states = Table(
    "wechat_states",
    metadata,
    Column("state_hash", LargeBinary, primary_key=True),
    Column("browser_hash", LargeBinary, nullable=False),
    Column("back_to", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("wechat_states_expires_idx", "expires_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True)),
)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("kinds", ARRAY(Text), nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("old_secret", LargeBinary),
    Column("old_until", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("disabled_at", DateTime(timezone=True)),
)

webhook_messages = Table(
    "webhook_messages",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("endpoint_id", BigInteger, ForeignKey("webhook_endpoints.id"), nullable=False),
    Column("message_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("happened_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("last_status", Integer),
    Column("last_said", Text),
    Column("delivered_at", DateTime(timezone=True)),
    Index("webhook_messages_waiting_idx", "endpoint_id", "subject", "id", postgresql_where=text("state = 'waiting'")),
    Index("webhook_messages_recent_idx", "endpoint_id", text("id DESC")),
)

verdict_texts = Table(
    "verdict_texts",
    metadata,
    Column("brand_id", BigInteger, primary_key=True, autoincrement=False),
    Column("verdict", Text, primary_key=True),
    Column("language", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("changed_by", Text, nullable=False),
)

story_settings = Table(
    "story_settings",
    metadata,
    Column("brand_id", BigInteger, primary_key=True, autoincrement=False),
    Column("names_dealers", Boolean, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("changed_by", Text, nullable=False),
)

appeals = Table(
    "appeals",
    metadata,
    Column("scan_id", Uuid, primary_key=True),
    Column("member_id", Uuid),
    Column("item", BigInteger),
    Column("verdict", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("folder", Text),
    Column("raised_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("decided_at", DateTime(timezone=True)),
    Column("decided_by", Text),
    Column("points", BigInteger, nullable=False, server_default="0"),
    Column("pack", Text),
    Column("gtin", Text),
    Index("appeals_member_idx", "member_id"),
    Index("appeals_one_a_pack", "member_id", "pack", unique=True, postgresql_where=text("state <> 'declined'")),
)
