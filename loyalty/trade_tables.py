"""Tables of the trade: partners and their people, terms, opened cases, sales, and rebates that are withheld.

dealer_id and brand_id are codegen's numbers; whoever joins both packages asks there.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)

from foundation.database import metadata
from loyalty.tables import instant

trade_partners = Table(
    "trade_partners",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("dealer_id", BigInteger, nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("region", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("decided_by", Text),
    Column("reason", Text),
    instant("decided_at", nullable=True),
    instant("created_at"),
    Column("enrolled_by", Text),
    Index("trade_partners_code_idx", "code", unique=True, postgresql_where=text("state <> 'refused'")),
    CheckConstraint("kind IN ('store', 'dealer')", name="trade_partners_kind_is_known"),
    CheckConstraint("state IN ('pending', 'approved', 'refused', 'closed')", name="trade_partners_state_is_known"),
    CheckConstraint(
        "(state = 'pending') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)",
        name="trade_partners_are_decided_by_somebody",
    ),
    CheckConstraint(
        "state <> 'approved' OR enrolled_by IS NULL OR enrolled_by <> decided_by",
        name="trade_partners_are_approved_by_another",
    ),
)

trade_people = Table(
    "trade_people",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column(
        "partner_id", BigInteger, ForeignKey("trade_partners.id", name="trade_people_partner_id_fkey"), nullable=False
    ),
    Column("member_id", Uuid, nullable=False),
    Column("role", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("ended_by", Text),
    instant("asked_at"),
    instant("since", nullable=True),
    instant("until", nullable=True),
    Index("trade_people_one_at_a_time", "member_id", unique=True, postgresql_where=text("state <> 'ended'")),
    Index("trade_people_partner_idx", "partner_id", "member_id"),
    CheckConstraint("role IN ('owner', 'assistant')", name="trade_people_role_is_known"),
    CheckConstraint("state IN ('asked', 'bound', 'ended')", name="trade_people_state_is_known"),
    CheckConstraint(
        "(state = 'asked') <= (since IS NULL) AND (state = 'bound') <= (since IS NOT NULL)"
        " AND (state = 'ended') = (until IS NOT NULL)",
        name="trade_people_are_bound_from_and_until",
    ),
)

trade_terms = Table(
    "trade_terms",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("brand_id", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("case_points", BigInteger, nullable=False),
    Column("sale_points", BigInteger, nullable=False),
    Column("assistant_percent", Integer, nullable=False),
    Column("store_day_points", BigInteger, nullable=False),
    Column("case_rebate_fen", BigInteger, nullable=False),
    Column("sale_rebate_fen", BigInteger, nullable=False),
    Column("mature_days", Integer, nullable=False),
    Column("points_budget_id", BigInteger, nullable=False),
    Column("rebate_budget_id", BigInteger, nullable=False),
    Column("drafted_by", Text, nullable=False),
    Column("approved_by", Text),
    instant("in_force_from", nullable=True),
    instant("in_force_until", nullable=True),
    instant("created_at"),
    Index("trade_terms_one_in_force", "brand_id", unique=True, postgresql_where=text("state = 'published'")),
    CheckConstraint("state IN ('draft', 'published', 'retired')", name="trade_terms_state_is_known"),
    CheckConstraint(
        "least(case_points, sale_points, store_day_points, case_rebate_fen, sale_rebate_fen, mature_days) >= 0"
        " AND assistant_percent BETWEEN 0 AND 100",
        name="trade_terms_promise_no_less_than_nothing",
    ),
    CheckConstraint(
        "(state = 'draft') = (approved_by IS NULL) AND (state = 'draft') = (in_force_from IS NULL)"
        " AND approved_by <> drafted_by",
        name="trade_terms_are_approved_by_another",
    ),
    CheckConstraint("(state = 'retired') = (in_force_until IS NOT NULL)", name="trade_terms_end_when_retired"),
)

case_openings = Table(
    "case_openings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("partner_id", BigInteger, nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("sscc", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("dealer_id", BigInteger),
    Column("points", BigInteger, nullable=False),
    Column("assistant_points", BigInteger, nullable=False),
    Column("rebate_fen", BigInteger, nullable=False),
    Column("unpaid", Text, nullable=False),
    instant("at"),
    Index("case_openings_sscc_idx", "sscc"),
    Index("case_openings_partner_idx", "partner_id", "id"),
    CheckConstraint("state IN ('asked', 'opened', 'refused')", name="case_openings_state_is_known"),
    CheckConstraint("(state = 'refused') = (reason <> '')", name="case_openings_say_why_not"),
    CheckConstraint("least(points, assistant_points, rebate_fen) >= 0", name="case_openings_pay_no_less_than_nothing"),
)

shop_units = Table(
    "shop_units",
    metadata,
    Column("sscc", Text, primary_key=True),
    Column("case_sscc", Text, nullable=False),
    Column("partner_id", BigInteger, nullable=False),
    Column("how", Text, nullable=False),
    Column("opened_by", Uuid),
    instant("since"),
    Index("shop_units_case_idx", "case_sscc"),
    CheckConstraint("how IN ('delivered', 'opened')", name="shop_units_came_somehow"),
    CheckConstraint("(how = 'opened') = (opened_by IS NOT NULL)", name="shop_units_are_opened_by_somebody"),
)

sales = Table(
    "sales",
    metadata,
    Column("item", BigInteger, primary_key=True, autoincrement=False),
    Column("scan_id", Uuid, nullable=False),
    Column("buyer", Uuid, nullable=False),
    Column("brand_id", BigInteger, nullable=False),
    Column("dealer_id", BigInteger),
    Column("sscc", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("partner_id", BigInteger),
    Column("points", BigInteger, nullable=False),
    Column("assistant_points", BigInteger, nullable=False),
    Column("rebate_fen", BigInteger, nullable=False),
    Column("unpaid", Text, nullable=False),
    instant("at"),
    Index("sales_waiting_idx", "item", postgresql_where=text("state = 'waiting'")),
    Index("sales_scan_idx", "scan_id"),
    Index("sales_partner_idx", "partner_id", "at", postgresql_where=text("partner_id IS NOT NULL")),
    CheckConstraint("state IN ('waiting', 'counted')", name="sales_state_is_known"),
    CheckConstraint("least(points, assistant_points, rebate_fen) >= 0", name="sales_pay_no_less_than_nothing"),
)

withholdings = Table(
    "withholdings",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("dealer_id", BigInteger, nullable=False),
    Column("region", Integer, nullable=False),
    Column("case_id", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    instant("proposed_at"),
    Column("approved_by", Text),
    instant("approved_at", nullable=True),
    instant("lapses_at"),
    Column("release_asked_by", Text),
    Column("release_reason", Text),
    Column("ended_by", Text),
    instant("ended_at", nullable=True),
    Index(
        "withholdings_one_at_a_time", "dealer_id", "region", unique=True,
        postgresql_where=text("state IN ('proposed', 'held', 'releasing')"),
    ),
    CheckConstraint(
        "state IN ('proposed', 'held', 'releasing', 'released', 'lapsed', 'dropped')",
        name="withholdings_state_is_known",
    ),
    CheckConstraint("approved_by <> proposed_by", name="withholdings_are_approved_by_another"),
    CheckConstraint(
        "state <> 'released' OR (release_asked_by IS NOT NULL AND ended_by <> release_asked_by)",
        name="withholdings_are_released_by_another",
    ),
    CheckConstraint(
        "(state IN ('released', 'lapsed', 'dropped')) = (ended_at IS NOT NULL)", name="withholdings_end_once"
    ),
    CheckConstraint(
        "state NOT IN ('held', 'releasing', 'released') OR approved_by IS NOT NULL",
        name="withholdings_hold_once_approved",
    ),
)  # fmt: skip
