"""Tables of points and people.

A transfer carries its source, its target and one positive amount: it sums to zero by its shape, so no trigger has to
add anything up on the scan path. The view `entries` shows it as the two signed entries of a textbook. `after` and
`version` are those of the balance row on that side, NULL where the kind has none; two unique indexes over
(account, version) make one gapless chain per account. There are no foreign keys from transfers to accounts: each
would lock the one issuer row a thousand times a second; `check_invariants` looks instead.
Amounts are whole minor units of the row's asset.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
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
from sqlalchemy.dialects.postgresql import JSONB

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
        "kind IN ('member', 'member_pending', 'member_reserved', 'trade', 'issuer', 'budget', 'redeemed', 'expired', "
        "'recovered', 'written_off', 'adjustment')",
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
    Index(
        "transfers_source_idx",
        "source_id",
        "source_version",
        unique=True,
        postgresql_where=text("source_version IS NOT NULL"),
    ),
    Index(
        "transfers_target_idx",
        "target_id",
        "target_version",
        unique=True,
        postgresql_where=text("target_version IS NOT NULL"),
    ),
    Index("transfers_reverses_idx", "reverses", postgresql_where=text("reverses IS NOT NULL")),
    CheckConstraint("amount > 0", name="transfers_move_something"),
    CheckConstraint("source_id <> target_id", name="transfers_go_somewhere"),
    CheckConstraint(
        "kind IN ('award', 'burn', 'adjust', 'hold', 'settle', 'release', 'void', 'expire', 'reverse', 'return', "
        "'write_off')",
        name="transfers_kind_is_known",
    ),
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
    Column("account_id", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("granted", BigInteger, nullable=False),  # Net of what leases gave back.
    instant("created_at"),
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
    PrimaryKeyConstraint("id", "version", name="campaigns_pkey"),
    CheckConstraint("state IN ('draft', 'published', 'retired')", name="campaigns_state_is_known"),
    CheckConstraint("points > 0", name="campaigns_give_something"),
    CheckConstraint("ends_at > starts_at", name="campaigns_end_after_they_start"),
    CheckConstraint("(state = 'draft') = (in_force_from IS NULL)", name="campaigns_in_force_once_published"),
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
