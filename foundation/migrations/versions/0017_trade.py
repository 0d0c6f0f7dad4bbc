"""The trade: partners and their people, terms, opened cases, sales, withheld rebates; events know case and dealer."""

from alembic import op

revision = "0017"
down_revision = "0024"
branch_labels = None
depends_on = None

ACCOUNTS = """
ALTER TABLE accounts DROP CONSTRAINT accounts_kind_is_known, ADD CONSTRAINT accounts_kind_is_known CHECK (
    kind IN ('member', 'member_pending', 'member_reserved', 'trade', 'trade_pending', 'issuer', 'budget', 'redeemed',
        'expired', 'recovered', 'written_off', 'adjustment'));

ALTER TABLE member_events ADD COLUMN brand_id bigint, ADD COLUMN dealer_id bigint, ADD COLUMN sscc text;
"""

PARTNERS = """
CREATE TABLE trade_partners (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL,
    dealer_id  bigint NOT NULL,
    code       text NOT NULL,
    name       text NOT NULL,
    region     integer NOT NULL,
    state      text NOT NULL,
    decided_by text,
    reason     text,
    decided_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT trade_partners_kind_is_known CHECK (kind IN ('store', 'dealer')),
    CONSTRAINT trade_partners_state_is_known CHECK (state IN ('pending', 'approved', 'refused', 'closed')),
    CONSTRAINT trade_partners_are_decided_by_somebody CHECK ((state = 'pending') = (decided_by IS NULL)
        AND (decided_by IS NULL) = (decided_at IS NULL))
);

CREATE UNIQUE INDEX trade_partners_code_idx ON trade_partners (code) WHERE state <> 'refused';
COMMENT ON INDEX trade_partners_code_idx IS 'one partner a code; who is asked for by code';

CREATE TABLE trade_people (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner_id bigint NOT NULL CONSTRAINT trade_people_partner_id_fkey REFERENCES trade_partners (id),
    member_id  uuid NOT NULL,
    role       text NOT NULL,
    state      text NOT NULL,
    ended_by   text,
    asked_at   timestamptz NOT NULL,
    since      timestamptz,
    until      timestamptz,
    CONSTRAINT trade_people_role_is_known CHECK (role IN ('owner', 'assistant')),
    CONSTRAINT trade_people_state_is_known CHECK (state IN ('asked', 'bound', 'ended')),
    CONSTRAINT trade_people_are_bound_from_and_until CHECK ((state = 'asked') <= (since IS NULL)
        AND (state = 'bound') <= (since IS NOT NULL) AND (state = 'ended') = (until IS NOT NULL))
);

CREATE UNIQUE INDEX trade_people_one_at_a_time ON trade_people (member_id) WHERE state <> 'ended';
COMMENT ON INDEX trade_people_one_at_a_time IS 'one partner a person; for whom a member works';
CREATE INDEX trade_people_partner_idx ON trade_people (partner_id, member_id);
COMMENT ON INDEX trade_people_partner_idx IS 'who works for a partner; whether a buyer did when buying';

-- The id comes from the numbers of campaigns, so that transfers and caps can name either.
CREATE TABLE trade_terms (
    id                bigint PRIMARY KEY,
    brand_id          bigint NOT NULL,
    state             text NOT NULL,
    case_points       bigint NOT NULL,
    sale_points       bigint NOT NULL,
    assistant_percent integer NOT NULL,
    store_day_points  bigint NOT NULL,
    case_rebate_fen   bigint NOT NULL,
    sale_rebate_fen   bigint NOT NULL,
    mature_days       integer NOT NULL,
    points_budget_id  bigint NOT NULL,
    rebate_budget_id  bigint NOT NULL,
    drafted_by        text NOT NULL,
    approved_by       text,
    in_force_from     timestamptz,
    in_force_until    timestamptz,
    created_at        timestamptz NOT NULL,
    CONSTRAINT trade_terms_state_is_known CHECK (state IN ('draft', 'published', 'retired')),
    CONSTRAINT trade_terms_promise_no_less_than_nothing CHECK (least(case_points, sale_points, store_day_points,
        case_rebate_fen, sale_rebate_fen, mature_days) >= 0 AND assistant_percent BETWEEN 0 AND 100),
    CONSTRAINT trade_terms_are_approved_by_another CHECK ((state = 'draft') = (approved_by IS NULL)
        AND (state = 'draft') = (in_force_from IS NULL) AND approved_by <> drafted_by),
    CONSTRAINT trade_terms_end_when_retired CHECK ((state = 'retired') = (in_force_until IS NOT NULL))
);

CREATE UNIQUE INDEX trade_terms_one_in_force ON trade_terms (brand_id) WHERE state = 'published';
COMMENT ON INDEX trade_terms_one_in_force IS 'at most one version in force a brand';
"""

GOODS = """
CREATE TABLE case_openings (
    id               uuid PRIMARY KEY,
    partner_id       bigint NOT NULL,
    member_id        uuid NOT NULL,
    sscc             text NOT NULL,
    device           text NOT NULL,
    state            text NOT NULL,
    reason           text NOT NULL,
    dealer_id        bigint,
    points           bigint NOT NULL,
    assistant_points bigint NOT NULL,
    rebate_fen       bigint NOT NULL,
    unpaid           text NOT NULL,
    at               timestamptz NOT NULL,
    CONSTRAINT case_openings_state_is_known CHECK (state IN ('asked', 'opened', 'refused')),
    CONSTRAINT case_openings_say_why_not CHECK ((state = 'refused') = (reason <> '')),
    CONSTRAINT case_openings_pay_no_less_than_nothing CHECK (least(points, assistant_points, rebate_fen) >= 0)
);

CREATE INDEX case_openings_sscc_idx ON case_openings (sscc);
COMMENT ON INDEX case_openings_sscc_idx IS 'who opened a case, and who tried';
CREATE INDEX case_openings_partner_idx ON case_openings (partner_id, id);
COMMENT ON INDEX case_openings_partner_idx IS 'what a store opened; the devices of its people';

-- The case a store has, and every unit in it: a bottle knows the innermost one it lay in.
CREATE TABLE shop_units (
    sscc       text PRIMARY KEY,
    case_sscc  text NOT NULL,
    partner_id bigint NOT NULL,
    how        text NOT NULL,
    opened_by  uuid,
    since      timestamptz NOT NULL,
    CONSTRAINT shop_units_came_somehow CHECK (how IN ('delivered', 'opened')),
    CONSTRAINT shop_units_are_opened_by_somebody CHECK ((how = 'opened') = (opened_by IS NOT NULL))
);

CREATE INDEX shop_units_case_idx ON shop_units (case_sscc);
COMMENT ON INDEX shop_units_case_idx IS 'the units of a case that is opened after it was delivered';

CREATE TABLE sales (
    item             bigint PRIMARY KEY,
    scan_id          uuid NOT NULL,
    buyer            uuid NOT NULL,
    brand_id         bigint NOT NULL,
    dealer_id        bigint,
    sscc             text NOT NULL,
    state            text NOT NULL,
    partner_id       bigint,
    points           bigint NOT NULL,
    assistant_points bigint NOT NULL,
    rebate_fen       bigint NOT NULL,
    unpaid           text NOT NULL,
    at               timestamptz NOT NULL,
    CONSTRAINT sales_state_is_known CHECK (state IN ('waiting', 'counted')),
    CONSTRAINT sales_pay_no_less_than_nothing CHECK (least(points, assistant_points, rebate_fen) >= 0)
);

CREATE INDEX sales_waiting_idx ON sales (item) WHERE state = 'waiting';
COMMENT ON INDEX sales_waiting_idx IS 'the sweep: sales nobody was rewarded for yet';
CREATE INDEX sales_scan_idx ON sales (scan_id);
COMMENT ON INDEX sales_scan_idx IS 'from a point to the case and the store';
CREATE INDEX sales_partner_idx ON sales (partner_id, at) WHERE partner_id IS NOT NULL;
COMMENT ON INDEX sales_partner_idx IS 'what a store sold';

CREATE TABLE withholdings (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id        bigint NOT NULL,
    region           integer NOT NULL,
    case_id          bigint NOT NULL,
    state            text NOT NULL,
    reason           text NOT NULL,
    proposed_by      text NOT NULL,
    proposed_at      timestamptz NOT NULL,
    approved_by      text,
    approved_at      timestamptz,
    lapses_at        timestamptz NOT NULL,
    release_asked_by text,
    release_reason   text,
    ended_by         text,
    ended_at         timestamptz,
    CONSTRAINT withholdings_state_is_known CHECK (
        state IN ('proposed', 'held', 'releasing', 'released', 'lapsed', 'dropped')),
    CONSTRAINT withholdings_are_approved_by_another CHECK (approved_by <> proposed_by),
    CONSTRAINT withholdings_are_released_by_another CHECK (
        state <> 'released' OR (release_asked_by IS NOT NULL AND ended_by <> release_asked_by)),
    CONSTRAINT withholdings_end_once CHECK ((state IN ('released', 'lapsed', 'dropped')) = (ended_at IS NOT NULL)),
    CONSTRAINT withholdings_hold_once_approved CHECK (
        state NOT IN ('held', 'releasing', 'released') OR approved_by IS NOT NULL)
);

CREATE UNIQUE INDEX withholdings_one_at_a_time ON withholdings (dealer_id, region)
    WHERE state IN ('proposed', 'held', 'releasing');
COMMENT ON INDEX withholdings_one_at_a_time IS 'one withholding a dealer and target; whether a dealer has one';
"""


def upgrade() -> None:
    op.execute(ACCOUNTS)
    op.execute(PARTNERS)
    op.execute(GOODS)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
