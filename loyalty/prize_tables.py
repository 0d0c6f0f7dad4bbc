"""Tables of prizes and payouts: amounts in fen or points, by the prize's kind."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from foundation.database import metadata
from loyalty.tables import instant

legal_limits = Table(
    "legal_limits",
    metadata,
    Column("name", Text, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("value", BigInteger, nullable=False),
    Column("unit", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("checked_on", Date, nullable=False),
    PrimaryKeyConstraint("name", "valid_from", name="legal_limits_pkey"),
)

prize_pools = Table(
    "prize_pools",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("brand_id", BigInteger, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("gtins", ARRAY(Text), nullable=False),
    Column("disclosure", JSONB, nullable=False),
    instant("starts_at"),
    instant("ends_at"),
    Column("minute_fen", BigInteger, nullable=False),
    Column("hour_fen", BigInteger, nullable=False),
    Column("out_of", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("commitment", LargeBinary),
    Column("seed", LargeBinary),
    Column("draws", BigInteger, nullable=False),
    Column("held_reason", Text),
    instant("held_at", nullable=True),
    instant("resumed_at", nullable=True),
    Column("drafted_by", Text, nullable=False),
    Column("approved_by", Text),
    instant("published_at", nullable=True),
    instant("created_at"),
    CheckConstraint("state IN ('draft', 'published', 'revealed')", name="prize_pools_state_is_known"),
    CheckConstraint("ends_at > starts_at", name="prize_pools_end_after_they_start"),
    CheckConstraint("approved_by <> drafted_by", name="prize_pools_are_approved_by_another"),
    CheckConstraint(
        "(state = 'draft') = (commitment IS NULL) "
        "AND (state = 'draft') = (published_at IS NULL) AND published_at <= starts_at",
        name="prize_pools_commit_before_they_start",
    ),
    CheckConstraint("(state = 'revealed') = (seed IS NOT NULL)", name="prize_pools_reveal_at_the_end"),
    CheckConstraint("(held_reason IS NULL) = (held_at IS NULL)", name="prize_pools_hold_for_a_reason"),
    CheckConstraint("out_of > 0", name="prize_pools_have_chances"),
    CheckConstraint("minute_fen > 0 AND hour_fen >= minute_fen", name="prize_pools_can_pay"),
    CheckConstraint("draws >= 0", name="prize_pools_count_up"),
)

prizes = Table(
    "prizes",
    metadata,
    Column("pool_id", BigInteger, ForeignKey("prize_pools.id", name="prizes_pool_id_fkey"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("value_fen", BigInteger, nullable=False),
    Column("weight", BigInteger, nullable=False),
    Column("quantity", BigInteger),
    Column("remaining", BigInteger),
    Column("coupon", JSONB(none_as_null=True)),
    PrimaryKeyConstraint("pool_id", "place", name="prizes_pkey"),
    CheckConstraint("kind IN ('red_packet', 'coupon', 'goods', 'points', 'nothing')", name="prizes_kind_is_known"),
    CheckConstraint("weight > 0 AND amount >= 0 AND value_fen >= 0", name="prizes_have_a_chance"),
    CheckConstraint("quantity IS NOT NULL OR kind IN ('points', 'nothing')", name="prizes_worth_money_are_counted"),
    CheckConstraint(
        "remaining BETWEEN 0 AND quantity AND (quantity IS NULL) = (remaining IS NULL)",
        name="prizes_never_beyond_their_count",
    ),
)

prize_draws = Table(
    "prize_draws",
    metadata,
    Column("pool_id", BigInteger, nullable=False),
    Column("item", BigInteger, nullable=False),
    Column("nth", BigInteger, nullable=False),
    Column("place", Integer, nullable=False),
    Column("redrawn", Integer, nullable=False),
    Column("win_id", Uuid, nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("scan_id", Uuid, nullable=False),
    Column("hold", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    instant("drawn_at"),
    instant("settled_at", nullable=True),
    Index("prize_draws_open_idx", "drawn_at", postgresql_where=text("state = 'won' AND NOT hold")),
    Index("prize_draws_held_idx", "scan_id", postgresql_where=text("state = 'won' AND hold")),
    Index("prize_draws_member_idx", "member_id", "win_id"),
    PrimaryKeyConstraint("pool_id", "item", name="prize_draws_pkey"),
    UniqueConstraint("pool_id", "nth", name="prize_draws_once_each"),
    UniqueConstraint("win_id", name="prize_draws_win_id_key"),
    CheckConstraint(
        "state IN ('won', 'waiting', 'paying', 'paid', 'lost', 'voided', 'failed')", name="prize_draws_state_is_known"
    ),
)

payouts = Table(
    "payouts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_no", Text, nullable=False),
    Column("win_id", Uuid, nullable=False),
    Column("pool_id", BigInteger, nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("day", Date, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    instant("due_at"),
    Column("said", Text, nullable=False),
    Column("package", Text),
    Column("bill_no", Text),
    Column("transfer_id", Uuid),
    instant("paid_at", nullable=True),
    instant("reconciled_at", nullable=True),
    instant("created_at"),
    instant("sent_at", nullable=True),
    instant("decided_at", nullable=True),
    Index(
        "payouts_one_alive_idx", "win_id", unique=True, postgresql_where=text("state NOT IN ('failed', 'cancelled')")
    ),
    Index("payouts_paid_idx", "paid_at", postgresql_where=text("paid_at IS NOT NULL")),
    Index(
        "payouts_due_idx",
        "due_at",
        postgresql_where=text("state IN ('queued', 'sending', 'unknown', 'accepted', 'confirming')"),
    ),
    Index("payouts_day_idx", "day", "member_id"),
    Index("payouts_sent_idx", "pool_id", "sent_at", postgresql_where=text("sent_at IS NOT NULL")),
    UniqueConstraint("order_no", name="payouts_order_no_key"),
    UniqueConstraint("transfer_id", name="payouts_transfer_id_key"),
    CheckConstraint(
        "state IN ('queued', 'sending', 'unknown', 'accepted', 'confirming', 'paid', 'failed', 'cancelled', 'person')",
        name="payouts_state_is_known",
    ),
    CheckConstraint("amount_fen > 0", name="payouts_pay_something"),
    CheckConstraint(
        "(state = 'paid') = (transfer_id IS NOT NULL) AND (state = 'paid') = (paid_at IS NOT NULL)",
        name="payouts_paid_are_one_transfer",
    ),
    CheckConstraint(
        "(state IN ('paid', 'failed', 'cancelled')) = (decided_at IS NOT NULL)", name="payouts_are_decided_once"
    ),
)

payout_bills = Table(
    "payout_bills",
    metadata,
    Column("day", Date, primary_key=True),
    Column("lines", BigInteger, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("findings", BigInteger, nullable=False),
    instant("reconciled_at"),
)

payout_findings = Table(
    "payout_findings",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("day", Date, nullable=False),
    Column("order_no", Text, nullable=False),
    Column("says", Text, nullable=False),
    instant("at"),
    UniqueConstraint("day", "order_no", "says", name="payout_findings_once"),
)
