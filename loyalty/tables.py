"""Tables of points and people.

A transfer carries its source, its target and one positive amount: it sums to zero by its shape, so no trigger has to
add anything up on the scan path. The view `entries` shows it as the two signed entries of a textbook. `after` and
`version` are those of the balance row on that side, NULL where the kind has none; the guarded update of that row makes
one gapless chain per account, and `check_invariants` looks whether it is (a unique index cannot span the months). There
are no foreign keys from transfers to accounts: each would lock the one issuer row a thousand times a second.
Amounts are whole minor units of the row's asset.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from foundation.database import metadata


def instant(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


accounts = Table(
    "accounts",
    metadata,
    Column("id", BigInteger, Identity(start=1000), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("owner_ref", Text, nullable=False),
    instant("created_at"),
    UniqueConstraint("owner_ref", "kind", "asset", name="accounts_one_per_owner"),
    CheckConstraint(
        "kind IN ('member', 'member_pending', 'member_reserved', 'trade', 'trade_pending', 'issuer', 'budget', "
        "'redeemed', 'expired', 'recovered', 'written_off', 'adjustment')",
        name="accounts_kind_is_known",
    ),
)

balances = Table(
    "balances",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("available", BigInteger, nullable=False),
    Column("floor", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("available >= floor", name="not_overdrawn"),
)

assets = Table(
    "assets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("unit_zh", Text, nullable=False),
    Column("unit_en", Text, nullable=False),
    Column("first_account", BigInteger, nullable=False),
    UniqueConstraint("first_account", name="assets_have_six_system_accounts"),
    CheckConstraint("first_account BETWEEN 1 AND 994", name="assets_stay_below_the_members"),
)

transfers = Table(
    "transfers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("source_id", BigInteger, nullable=False),
    Column("target_id", BigInteger, nullable=False),
    Column("source_after", BigInteger),
    Column("source_version", BigInteger),
    Column("target_after", BigInteger),
    Column("target_version", BigInteger),
    Column("correlation_id", Uuid),
    Column("reverses", Uuid),
    Column("hold_id", Uuid),
    Column("campaign_id", BigInteger),
    Column("rule_version", Integer),
    Column("reason", Text, nullable=False),
    instant("event_at"),
    instant("created_at"),
    Index("transfers_source_idx", "source_id", "source_version", postgresql_where=text("source_version IS NOT NULL")),
    Index("transfers_target_idx", "target_id", "target_version", postgresql_where=text("target_version IS NOT NULL")),
    Index("transfers_reverses_idx", "reverses", postgresql_where=text("reverses IS NOT NULL")),
    Index("transfers_correlation_idx", "correlation_id", postgresql_where=text("correlation_id IS NOT NULL")),
    CheckConstraint("amount > 0", name="transfers_move_something"),
    CheckConstraint("source_id <> target_id", name="transfers_go_somewhere"),
    CheckConstraint(
        "kind IN ('award', 'burn', 'adjust', 'hold', 'settle', 'release', 'void', 'expire', 'reverse', 'return', "
        "'write_off')",
        name="transfers_kind_is_known",
    ),
    comment="Append-only; one partition a month by the time inside the id",
    postgresql_partition_by="RANGE (id)",
)

transfer_seals = Table(
    "transfer_seals",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("from_id", Uuid, nullable=False),
    Column("until_id", Uuid, nullable=False),
    Column("transfers", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    instant("sealed_at"),
    CheckConstraint("until_id > from_id", name="transfer_seals_go_forward"),
    comment="Transfers from_id <= id < until_id, chained: digest covers the seal before",
)

receipts = Table(
    "receipts",
    metadata,
    Column("id", Uuid, primary_key=True),  # Of the scan, or made for the order or occasion.
    Column("trigger", Text, nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("item", BigInteger),
    instant("at"),
    Column("points", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("outcome", JSONB, nullable=False),
    Column("facts", JSONB, nullable=False),
    instant("created_at"),
    Index("receipts_at_idx", "trigger", "at"),
    comment="What each scan, order or occasion earned and why, with the facts the rules saw",
    postgresql_partition_by="RANGE (id)",
)

member_standings = Table(
    "member_standings",
    metadata,
    Column("member_id", Uuid, primary_key=True),
    Column("scans", BigInteger, nullable=False),
    Column("streak_days", Integer, nullable=False),
    Column("last_on", Date),
    Column("tier", Text),
    Column("segments", ARRAY(Text), nullable=False),
    CheckConstraint("scans >= 0 AND streak_days >= 0", name="standings_count_up"),
    comment="What earn rules ask of a member, read under the lock of its row",
)

cap_counters = Table(
    "cap_counters",
    metadata,
    Column("campaign_id", BigInteger, nullable=False),
    Column("cap", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("used", BigInteger, nullable=False),
    PrimaryKeyConstraint("campaign_id", "cap", "subject", "period", name="cap_counters_pkey"),
    CheckConstraint("used >= 0", name="cap_counters_count_up"),
)

lots = Table(
    "lots",
    metadata,
    Column("id", Uuid, primary_key=True),  # Of the transfer that made the lot.
    Column("account_id", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("remaining", BigInteger, nullable=False),
    instant("expires_at", nullable=True),
    instant("created_at"),
    Index(
        "lots_burn_order_idx",
        "account_id",
        "expires_at",
        "created_at",
        "id",
        postgresql_where=text("remaining > 0"),
    ),
    Index("lots_due_idx", "expires_at", postgresql_where=text("remaining > 0 AND expires_at IS NOT NULL")),
    CheckConstraint("remaining BETWEEN 0 AND amount AND amount > 0", name="lots_remain_within_their_amount"),
)

lot_uses = Table(
    "lot_uses",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("transfer_id", Uuid, nullable=False),
    Column("lot_id", Uuid, nullable=False),
    Column("amount", BigInteger, nullable=False),  # Negative: given back to the lot.
    Index("lot_uses_transfer_idx", "transfer_id"),
    Index("lot_uses_lot_idx", "lot_id"),
    CheckConstraint("amount <> 0", name="lot_uses_use_something"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("scope", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("input_hash", LargeBinary, nullable=False),
    Column("outcome", JSONB),
    Column("transfer_id", Uuid),
    instant("created_at"),
    PrimaryKeyConstraint("scope", "key", name="idempotency_pkey"),
)

reversibles = Table(
    "reversibles",
    metadata,
    Column("transfer_id", Uuid, primary_key=True),
    Column("remaining", BigInteger, nullable=False),
    CheckConstraint("remaining >= 0", name="not_reversed_beyond_the_amount"),
)

holds = Table(
    "holds",
    metadata,
    Column("id", Uuid, primary_key=True),  # Of the transfer that made the hold.
    Column("direction", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("owner_ref", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("posted", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    instant("mature_at", nullable=True),  # NULL: a person decides.
    instant("lapses_at", nullable=True),
    Column("expiry", Text, nullable=False),  # Of the lot a posted earn hold makes.
    Column("reason", Text, nullable=False),
    Column("correlation_id", Uuid),
    Column("campaign_id", BigInteger),
    Column("rule_version", Integer),
    Column("decided_reason", Text),
    instant("decided_at", nullable=True),
    instant("created_at"),
    Index("holds_correlation_idx", "correlation_id", postgresql_where=text("correlation_id IS NOT NULL")),
    Index("holds_owner_idx", "owner_ref", postgresql_where=text("state = 'open'")),
    Index("holds_mature_idx", "mature_at", postgresql_where=text("state = 'open' AND mature_at IS NOT NULL")),
    Index("holds_lapse_idx", "lapses_at", postgresql_where=text("state = 'open' AND lapses_at IS NOT NULL")),
    CheckConstraint("direction IN ('earn', 'spend')", name="holds_direction_is_known"),
    CheckConstraint("state IN ('open', 'posted', 'voided', 'lapsed')", name="holds_state_is_known"),
    CheckConstraint("amount > 0 AND posted BETWEEN 0 AND amount", name="holds_post_within_their_amount"),
    CheckConstraint("(state = 'posted') = (posted > 0)", name="holds_post_when_posted"),
    CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="holds_are_decided_once"),
)

budgets = Table(
    "budgets",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("account_id", BigInteger),  # NULL: it counts what a cap everyone shares lets through.
    Column("total", BigInteger, nullable=False),
    Column("granted", BigInteger, nullable=False),  # Net of what leases gave back.
    instant("created_at"),
    Column("purpose", Text),
    Index("budgets_purpose_idx", "purpose", unique=True, postgresql_where=text("purpose IS NOT NULL")),
    CheckConstraint("(account_id IS NULL) = (purpose IS NOT NULL)", name="budgets_move_points_or_count"),
    CheckConstraint("granted BETWEEN 0 AND total", name="budget_not_overspent"),
)

budget_leases = Table(
    "budget_leases",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("budget_id", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),  # Net of what it gave back when it closed.
    Column("remaining", BigInteger, nullable=False),
    Column("open", Boolean, nullable=False),
    instant("expires_at"),
    Index("budget_leases_open_idx", "budget_id", "owner", unique=True, postgresql_where=text("open")),
    CheckConstraint("remaining BETWEEN 0 AND amount", name="lease_not_overspent"),
    CheckConstraint("open OR remaining = 0", name="closed_leases_keep_nothing"),
)

campaign_ids = Sequence("campaign_ids", metadata=metadata)

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("rule", JSONB, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("budget_id", BigInteger, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("expiry", Text, nullable=False),
    instant("starts_at"),
    instant("ends_at", nullable=True),
    instant("in_force_from", nullable=True),
    instant("in_force_until", nullable=True),
    instant("created_at"),
    Column("trigger", Text, nullable=False),
    Column("award", JSONB),  # NULL: `points`, as they are.
    Column("stacking", Text, nullable=False),
    Column("exclusion_group", Text),
    Column("stops", Boolean, nullable=False),
    Column("caps", JSONB, nullable=False),
    Column("drafted_by", Text),  # NULL people: the program itself, as in the demo.
    Column("submitted_by", Text),
    Column("approved_by", Text),
    Column("commitment", LargeBinary),  # Of random awards: SHA-256 of the seed, shown before the start.
    PrimaryKeyConstraint("id", "version", name="campaigns_pkey"),
    CheckConstraint("state IN ('draft', 'submitted', 'published', 'retired')", name="campaigns_state_is_known"),
    CheckConstraint("trigger IN ('scan', 'order', 'birthday', 'survey')", name="campaigns_trigger_is_known"),
    CheckConstraint("stacking IN ('base', 'multiplier', 'bonus')", name="campaigns_stacking_is_known"),
    CheckConstraint(
        "approved_by IS NULL OR approved_by <> submitted_by AND approved_by IS DISTINCT FROM drafted_by",
        name="campaigns_are_approved_by_another",
    ),
    CheckConstraint("points > 0", name="campaigns_give_something"),
    CheckConstraint("ends_at > starts_at", name="campaigns_end_after_they_start"),
    CheckConstraint(
        "(state IN ('draft', 'submitted')) = (in_force_from IS NULL)", name="campaigns_in_force_once_published"
    ),
)

members = Table(
    "members",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text),
    instant("created_at"),
    instant("erased_at", nullable=True),
    Column("born_in", Integer),
    instant("guardian_agreed_at", nullable=True),
    Column("merged_into", Uuid, ForeignKey("members.id")),
    Index("members_young_idx", "born_in", postgresql_where=text("born_in IS NOT NULL AND guardian_agreed_at IS NULL")),
    CheckConstraint("born_in BETWEEN 1900 AND 2200", name="born_in_a_believable_year"),
    Index("members_merged_idx", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
    Column("birth_month", Integer),
    Column("birth_day", Integer),
    Column("birth_lunar", Boolean),
    instant("birthday_said_at", nullable=True),
    CheckConstraint(
        "num_nulls(birth_month, birth_day, birth_lunar, birthday_said_at) IN (0, 4)"
        " AND birth_month BETWEEN 1 AND 12 AND birth_day BETWEEN 1 AND 31",
        name="birthdays_are_days",
    ),
    Index(
        "members_birthday_idx",
        "birth_lunar",
        "birth_month",
        "birth_day",
        postgresql_where=text("birth_month IS NOT NULL"),
    ),
)

member_identifiers = Table(
    "member_identifiers",
    metadata,
    Column("kind", Text, nullable=False),
    Column("blind_index", LargeBinary, nullable=False),
    Column("member_id", Uuid, ForeignKey("members.id", deferrable=True, initially="DEFERRED"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("mask", Text, nullable=False),
    instant("created_at"),
    PrimaryKeyConstraint("kind", "blind_index", name="member_identifiers_pkey"),
    Index("member_identifiers_member_idx", "member_id"),
)

consents = Table(
    "consents",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("member_id", Uuid, ForeignKey("members.id"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("granted", Boolean, nullable=False),
    Column("wording", Text, nullable=False),
    Column("wording_hash", LargeBinary, nullable=False),
    instant("at"),
    Index("consents_member_idx", "member_id", "purpose", "channel", "id"),
)

orders = Table(
    "orders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("member_id", Uuid, nullable=False),
    Column("correlation_id", Uuid, nullable=False),  # Of its receipt and transfers.
    instant("placed_at"),
    Column("paid_fen", BigInteger, nullable=False),
    Column("refunded_fen", BigInteger, nullable=False),
    Column("channel", Text, nullable=False),
    Column("gtins", JSONB, nullable=False),
    Column("input_hash", LargeBinary, nullable=False),
    instant("created_at"),
    Index("orders_member_idx", "member_id", "placed_at"),
    CheckConstraint(
        "refunded_fen BETWEEN 0 AND paid_fen AND paid_fen > 0", name="orders_are_refunded_within_what_was_paid"
    ),
)

order_refunds = Table(
    "order_refunds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.id"), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("points", BigInteger, nullable=False),
    instant("at"),
    Index("order_refunds_order_idx", "order_id"),
    CheckConstraint("amount_fen > 0 AND points >= 0", name="order_refunds_give_something_back"),
)
