"""Tables of tiers, referrals and check-ins, and of the events that are still to be followed."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from foundation.database import metadata
from loyalty.tables import instant

member_events = Table(
    "member_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("member_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("scan_id", Uuid),
    Column("item", BigInteger),
    Column("hold", Boolean, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("spend_fen", BigInteger, nullable=False),
    instant("at"),
    Column("brand_id", BigInteger),  # Of a scan: what the trade asks.
    Column("dealer_id", BigInteger),
    Column("sscc", Text),
    Index("member_events_member_idx", "member_id", "id"),
    CheckConstraint("kind IN ('scan', 'order', 'refund', 'check_in', 'activity')", name="member_events_kind_is_known"),
)

tier_schemes = Table(
    "tier_schemes",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("levels", JSONB, nullable=False),
    Column("period_days", Integer, nullable=False),
    Column("notice_days", Integer, nullable=False),
    Column("published_by", Text, nullable=False),
    Column("approved_by", Text, nullable=False),
    instant("in_force_from"),
    CheckConstraint("approved_by <> published_by", name="tier_schemes_are_approved_by_another"),
    CheckConstraint(
        "period_days BETWEEN 1 AND 3660 AND notice_days BETWEEN 0 AND period_days", name="tier_schemes_have_a_period"
    ),
)

tier_drafts = Table(
    "tier_drafts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("levels", JSONB, nullable=False),
    Column("period_days", Integer, nullable=False),
    Column("notice_days", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("drafted_by", Text, nullable=False),
    instant("drafted_at"),
    Column("ended_by", Text),
    instant("ended_at", nullable=True),
    CheckConstraint("state IN ('draft', 'published', 'dropped')", name="tier_drafts_state_is_known"),
    CheckConstraint("state <> 'published' OR ended_by <> drafted_by", name="tier_drafts_are_published_by_another"),
    CheckConstraint(
        "(state = 'draft') = (ended_by IS NULL) AND (ended_by IS NULL) = (ended_at IS NULL)",
        name="tier_drafts_are_ended_by_somebody",
    ),
    Index("tier_drafts_one", "state", unique=True, postgresql_where=text("state = 'draft'")),
)

member_tiers = Table(
    "member_tiers",
    metadata,
    Column("member_id", Uuid, primary_key=True),
    Column("tier", Text, nullable=False),
    Column("spend_fen", BigInteger, nullable=False),
    Column("scans", BigInteger, nullable=False),
    Column("activity", BigInteger, nullable=False),
    instant("since"),
    instant("until"),
    Column("floor_tier", Text),
    instant("floor_until", nullable=True),
    Column("floor_by", Text),
    Column("floor_reason", Text),
    instant("noticed_at", nullable=True),
    Index("member_tiers_until_idx", "until"),
    CheckConstraint("spend_fen >= 0 AND scans >= 0 AND activity >= 0", name="member_tiers_count_up"),
    CheckConstraint(
        "num_nulls(floor_tier, floor_until, floor_by, floor_reason) IN (0, 4)", name="member_tiers_floors_end"
    ),
)

tier_moves = Table(
    "tier_moves",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("member_id", Uuid, nullable=False),
    Column("from_tier", Text, nullable=False),
    Column("to_tier", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("metrics", JSONB, nullable=False),
    Column("scheme", Integer, nullable=False),
    instant("at"),
    Index("tier_moves_member_idx", "member_id", "id"),
)

segments = Table(
    "segments",
    metadata,
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("rule", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("drafted_by", Text, nullable=False),
    Column("approved_by", Text),
    instant("created_at"),
    PrimaryKeyConstraint("name", "version", name="segments_pkey"),
    Index("segments_one_in_force", "name", unique=True, postgresql_where=text("state = 'published'")),
    CheckConstraint("state IN ('draft', 'published', 'retired')", name="segments_state_is_known"),
    CheckConstraint(
        "(state = 'draft') <= (approved_by IS NULL) AND approved_by <> drafted_by",
        name="segments_are_approved_by_another",
    ),
)

member_notices = Table(
    "member_notices",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("member_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("about", Text, nullable=False),  # The month of the lots, or the coupon.
    Column("amount", BigInteger, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("state", Text, nullable=False),
    instant("created_at"),
    instant("told_at", nullable=True),
    UniqueConstraint("member_id", "kind", "about", name="member_notices_once"),
    Index("member_notices_waiting_idx", "id", postgresql_where=text("state = 'waiting'")),
    CheckConstraint("kind IN ('points', 'coupon')", name="member_notices_kind_is_known"),
    CheckConstraint("state IN ('waiting', 'sent', 'unwanted', 'unreachable')", name="member_notices_state_is_known"),
    CheckConstraint("(state = 'waiting') = (told_at IS NULL)", name="member_notices_are_told_once"),
)

referral_codes = Table(
    "referral_codes",
    metadata,
    Column("member_id", Uuid, primary_key=True),
    Column("code", Text, nullable=False),
    instant("created_at"),
    UniqueConstraint("code", name="referral_codes_code_key"),
)

referrals = Table(
    "referrals",
    metadata,
    Column("invited", Uuid, primary_key=True),
    Column("inviter", Uuid, nullable=False),
    Column("state", Text, nullable=False),
    instant("created_at"),
    instant("paid_at", nullable=True),
    Index("referrals_inviter_idx", "inviter"),
    CheckConstraint("state IN ('pending', 'paid')", name="referrals_state_is_known"),
    CheckConstraint("invited <> inviter", name="nobody_invites_themselves"),
    CheckConstraint("(state = 'paid') = (paid_at IS NOT NULL)", name="referrals_are_paid_once"),
)

check_ins = Table(
    "check_ins",
    metadata,
    Column("member_id", Uuid, nullable=False),
    Column("day", Date, nullable=False),
    Column("streak", Integer, nullable=False),
    Column("points", BigInteger, nullable=False),
    instant("at"),
    PrimaryKeyConstraint("member_id", "day", name="check_ins_pkey"),
    CheckConstraint("streak >= 1 AND points > 0", name="check_ins_begin_at_one"),
)
