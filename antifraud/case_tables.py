"""Tables of the work on cases: labels, actions that end, moves that are undone, who works, who is known, who visits."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from antifraud.tables import INSTANT
from foundation.database import metadata

_STANDING = text("state IN ('proposed', 'active')")

case_labels = Table(
    "case_labels",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False),
    Column("pivot", Text, nullable=False),
    Column("scan_id", Uuid, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("case_id", BigInteger, ForeignKey("cases.id")),
    Column("weight", Double, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", INSTANT, nullable=False),
    CheckConstraint(
        "outcome IN ('confirmed_risk', 'valuable_alert', 'false_positive', 'inconclusive')",
        name="label_outcome_is_known",
    ),
    CheckConstraint("source IN ('case', 'appeal', 'inspection', 'audit')", name="label_source_is_known"),
    CheckConstraint("weight > 0", name="label_weight_is_positive"),
    Index("case_labels_once", "case_id", "code", "pivot", unique=True, postgresql_where=text("case_id IS NOT NULL")),
    Index("case_labels_code_idx", "code", "decided_at"),
)

case_actions = Table(
    "case_actions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("case_id", BigInteger, ForeignKey("cases.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("approved_by", Text),
    Column("at", INSTANT, nullable=False),
    Column("until", INSTANT, nullable=False),
    Column("undone_by", Text),
    Column("undone_at", INSTANT),
    Column("details", JSONB, nullable=False),
    CheckConstraint(
        "kind IN ('challenge', 'hold_points', 'freeze_codes', 'block_device', 'inspector_task', 'dealer_notice',"
        " 'rebate_hold')",
        name="case_action_kind_is_known",
    ),
    CheckConstraint(
        "state IN ('proposed', 'active', 'refused', 'expired', 'undone')", name="case_action_state_is_known"
    ),
    CheckConstraint("approved_by <> by", name="case_action_is_approved_by_another"),
    CheckConstraint("until > at", name="case_action_ends"),
    CheckConstraint(
        "(state = 'undone') = (undone_by IS NOT NULL AND undone_at IS NOT NULL)",
        name="case_action_undone_by_somebody",
    ),
    Index("case_actions_one_on_a_subject", "kind", "subject", unique=True, postgresql_where=_STANDING),
    Index("case_actions_case_idx", "case_id", "id"),
    Index("case_actions_until_idx", "until", "id", postgresql_where=_STANDING),
)

case_merges = Table(
    "case_merges",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("from_case", BigInteger, ForeignKey("cases.id"), nullable=False),
    Column("into_case", BigInteger, ForeignKey("cases.id"), nullable=False),
    Column("alert_ids", ARRAY(BigInteger), nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("undone_by", Text),
    Column("undone_at", INSTANT),
    CheckConstraint("from_case <> into_case", name="merged_into_another"),
    CheckConstraint("(undone_by IS NULL) = (undone_at IS NULL)", name="merge_undone_by_somebody"),
    Index("case_merges_once", "from_case", unique=True, postgresql_where=text("undone_at IS NULL")),
    Index("case_merges_into_idx", "into_case"),
)

bulk_moves = Table(
    "bulk_moves",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("undone_by", Text),
    Column("undone_at", INSTANT),
    CheckConstraint("kind IN ('decide', 'snooze', 'assign')", name="bulk_kind_is_known"),
    CheckConstraint("(undone_by IS NULL) = (undone_at IS NULL)", name="bulk_undone_by_somebody"),
)

bulk_cases = Table(
    "bulk_cases",
    metadata,
    Column("bulk_id", BigInteger, ForeignKey("bulk_moves.id"), primary_key=True),
    Column("case_id", BigInteger, ForeignKey("cases.id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    CheckConstraint("state IN ('waiting', 'moved', 'skipped', 'undone', 'left')", name="bulk_case_state_is_known"),
    Index("bulk_cases_waiting_idx", "bulk_id", "case_id", postgresql_where=text("state = 'waiting'")),
)

snooze_rules = Table(
    "snooze_rules",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False),
    Column("pivot_prefix", Text, nullable=False),
    Column("until", INSTANT, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("ended_by", Text),
    Column("ended_at", INSTANT),
    CheckConstraint("until > at", name="snooze_rule_ends"),
    CheckConstraint("(ended_by IS NULL) = (ended_at IS NULL)", name="snooze_rule_ended_by_somebody"),
    Index("snooze_rules_code_idx", "code", postgresql_where=text("ended_at IS NULL")),
)

case_people = Table(
    "case_people",
    metadata,
    Column("name", Text, primary_key=True),
    Column("most", Integer, nullable=False),
    Column("skills", JSONB, nullable=False),
    Column("is_away", Boolean, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", INSTANT, nullable=False),
    CheckConstraint("most > 0", name="somebody_takes_cases"),
)

case_slas = Table(
    "case_slas",
    metadata,
    Column("severity", SmallInteger, primary_key=True, autoincrement=False),
    Column("within_s", Integer, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", INSTANT, nullable=False),
    CheckConstraint("severity BETWEEN 0 AND 3", name="sla_severity_is_known"),
    CheckConstraint("within_s > 0", name="sla_leaves_time"),
)

known_good = Table(
    "known_good",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("approved_by", Text),
    Column("at", INSTANT, nullable=False),
    Column("until", INSTANT, nullable=False),
    Column("ended_by", Text),
    Column("ended_at", INSTANT),
    CheckConstraint("kind IN ('person', 'device', 'network', 'store', 'buyer', 'place')", name="known_kind_is_known"),
    CheckConstraint("state IN ('proposed', 'active', 'refused', 'ended', 'expired')", name="known_state_is_known"),
    CheckConstraint("approved_by <> by", name="known_good_is_approved_by_another"),
    CheckConstraint("state <> 'active' OR approved_by IS NOT NULL", name="known_good_once_approved"),
    CheckConstraint("until > at", name="known_good_ends"),
    Index("known_good_once", "subject", unique=True, postgresql_where=_STANDING),
    Index("known_good_until_idx", "until", "id", postgresql_where=_STANDING),
)

dealer_notices = Table(
    "dealer_notices",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("case_id", BigInteger, ForeignKey("cases.id"), nullable=False),
    Column("dealer_id", BigInteger, nullable=False),
    Column("region", Integer, nullable=False),
    Column("counts", JSONB, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("text", Text, nullable=False),
    Column("sent_by", Text, nullable=False),
    Column("sent_at", INSTANT, nullable=False),
    Column("deadline", INSTANT, nullable=False),
    Column("withdrawn_at", INSTANT),
    Column("reply", Text),
    Column("folder", Text),
    Column("documents", ARRAY(Text), nullable=False),
    Column("replied_by", Text),
    Column("replied_at", INSTANT),
    CheckConstraint("confidence BETWEEN 0 AND 1", name="notice_confidence_is_a_share"),
    CheckConstraint("deadline > sent_at", name="notice_leaves_time"),
    CheckConstraint(
        "(replied_at IS NULL) = (reply IS NULL) AND (replied_at IS NULL) = (replied_by IS NULL)",
        name="notice_reply_is_somebodys",
    ),
    Index("dealer_notices_dealer_idx", "dealer_id", "id"),
    Index("dealer_notices_case_idx", "case_id", "id"),
)

inspectors = Table(
    "inspectors",
    metadata,
    Column("name", Text, primary_key=True),
    Column("lat", Double, nullable=False),
    Column("lon", Double, nullable=False),
    Column("most_km", Double, nullable=False),
    Column("most_visits", Integer, nullable=False),
    Column("is_away", Boolean, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", INSTANT, nullable=False),
    CheckConstraint("lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180", name="inspector_is_somewhere"),
    CheckConstraint("most_km > 0 AND most_visits > 0", name="inspector_travels"),
)

inspections = Table(
    "inspections",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("day", Date, nullable=False),
    Column("inspector", Text, ForeignKey("inspectors.name"), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("cartons", ARRAY(Text), nullable=False),
    Column("lat", Double, nullable=False),
    Column("lon", Double, nullable=False),
    Column("bits", Double, nullable=False),
    Column("km", Double, nullable=False),
    Column("case_id", BigInteger, ForeignKey("cases.id")),
    Column("state", Text, nullable=False),
    Column("made_at", INSTANT, nullable=False),
    Column("found", Text),
    Column("inner_scan_id", Uuid),
    Column("folder", Text),
    Column("note", Text),
    Column("ended_by", Text),
    Column("ended_at", INSTANT),
    CheckConstraint("state IN ('open', 'done', 'withdrawn')", name="inspection_state_is_known"),
    CheckConstraint(
        "found IN ('diverted', 'at_home', 'copied', 'genuine', 'not_there')", name="inspection_finding_is_known"
    ),
    CheckConstraint("(state = 'done') = (found IS NOT NULL)", name="a_done_inspection_found_something"),
    CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="inspection_ends_once"),
    Index("inspections_one_open", "subject", unique=True, postgresql_where=text("state = 'open'")),
    Index("inspections_inspector_idx", "inspector", "day", "turn"),
)
