"""Tables of what is given and taken by hand: a request with both names, and its lines with what became of each."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from foundation.database import metadata
from loyalty.tables import instant

hand_requests = Table(
    "hand_requests",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    instant("asked_at"),
    Column("ended_by", Text),
    instant("ended_at", nullable=True),
    Column("refusal", Text),
    CheckConstraint("kind IN ('points', 'coupon', 'rebate')", name="hand_requests_kind_is_known"),
    CheckConstraint("state IN ('asked', 'done', 'refused')", name="hand_requests_state_is_known"),
    CheckConstraint("state <> 'done' OR ended_by <> asked_by", name="hand_requests_are_done_by_another"),
    CheckConstraint(
        "(state = 'asked') = (ended_by IS NULL) AND (ended_by IS NULL) = (ended_at IS NULL)",
        name="hand_requests_are_ended_by_somebody",
    ),
    CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", name="hand_requests_are_refused_with_a_sentence"),
)
Index("hand_requests_waiting_idx", hand_requests.c.id, postgresql_where=text("state = 'asked'"))

hand_lines = Table(
    "hand_lines",
    metadata,
    Column("request_id", BigInteger, ForeignKey("hand_requests.id", name="hand_lines_request_id_fkey"), nullable=False),
    Column("nth", Integer, nullable=False),
    Column("owner_ref", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("terms", JSONB(none_as_null=True)),
    Column("outcome", Text, nullable=False),
    Column("made_id", Uuid),
    PrimaryKeyConstraint("request_id", "nth", name="hand_lines_pkey"),
    CheckConstraint("amount <> 0 OR terms IS NOT NULL", name="hand_lines_move_something"),
    CheckConstraint(
        "outcome IN ('waiting', 'done', 'too-few-points', 'erased', 'refused', 'returned')",
        name="hand_lines_outcome_is_known",
    ),
    CheckConstraint("(outcome IN ('done', 'returned')) = (made_id IS NOT NULL)", name="hand_lines_done_made_something"),
)
Index("hand_lines_owner_idx", hand_lines.c.owner_ref)
# Two requests for one dealer's balance would pay it twice.
Index(
    "hand_lines_one_rebate_waiting",
    hand_lines.c.owner_ref,
    unique=True,
    postgresql_where=text("outcome = 'waiting' AND owner_ref LIKE 'dealer:%'"),
)
