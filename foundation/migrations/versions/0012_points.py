"""Points, second part: assets, transfers by month, caps, receipts, standings, orders, seals, approval of campaigns."""

from alembic import op

revision = "0012"
down_revision = "0009"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE assets (
    name          text PRIMARY KEY,
    unit_zh       text NOT NULL,
    unit_en       text NOT NULL,
    first_account bigint NOT NULL,
    CONSTRAINT assets_have_six_system_accounts UNIQUE (first_account),
    CONSTRAINT assets_stay_below_the_members CHECK (first_account BETWEEN 1 AND 994)
);

INSERT INTO assets (name, unit_zh, unit_en, first_account)
VALUES ('points', '积分', 'points', 1), ('growth', '成长值', 'growth', 7), ('cash_fen', '分', 'fen', 13),
       ('coupon', '张券', 'coupons', 19);

INSERT INTO accounts (id, kind, asset, owner_ref, created_at)
SELECT a.first_account + place - 1, kind, a.name, '', now()
FROM assets a, unnest(ARRAY['issuer', 'redeemed', 'expired', 'recovered', 'written_off', 'adjustment'])
     WITH ORDINALITY AS k (kind, place)
WHERE a.first_account > 12;

DROP VIEW entries;

ALTER TABLE transfers RENAME TO transfers_unpartitioned;
ALTER INDEX transfers_pkey RENAME TO transfers_unpartitioned_pkey;
DROP INDEX transfers_source_idx;
DROP INDEX transfers_target_idx;
DROP INDEX transfers_reverses_idx;

CREATE TABLE transfers (
    id             uuid NOT NULL,
    kind           text NOT NULL,
    asset          text NOT NULL,
    amount         bigint NOT NULL,
    source_id      bigint NOT NULL,
    target_id      bigint NOT NULL,
    source_after   bigint,
    source_version bigint,
    target_after   bigint,
    target_version bigint,
    correlation_id uuid,
    reverses       uuid,
    hold_id        uuid,
    campaign_id    bigint,
    rule_version   integer,
    reason         text NOT NULL,
    event_at       timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    CONSTRAINT transfers_pkey PRIMARY KEY (id),
    CONSTRAINT transfers_move_something CHECK (amount > 0),
    CONSTRAINT transfers_go_somewhere CHECK (source_id <> target_id),
    CONSTRAINT transfers_kind_is_known CHECK (kind IN ('award', 'burn', 'adjust', 'hold', 'settle', 'release', 'void',
        'expire', 'reverse', 'return', 'write_off'))
) PARTITION BY RANGE (id);

COMMENT ON TABLE transfers IS 'Append-only; one partition a month by the time inside the id';

CREATE TABLE transfers_other PARTITION OF transfers DEFAULT;

INSERT INTO transfers SELECT * FROM transfers_unpartitioned;

DROP TABLE transfers_unpartitioned;

CREATE INDEX transfers_source_idx ON transfers (source_id, source_version) WHERE source_version IS NOT NULL;

COMMENT ON INDEX transfers_source_idx IS 'history of an account, newest first';

CREATE INDEX transfers_target_idx ON transfers (target_id, target_version) WHERE target_version IS NOT NULL;

COMMENT ON INDEX transfers_target_idx IS 'history of an account, newest first';

CREATE INDEX transfers_reverses_idx ON transfers (reverses) WHERE reverses IS NOT NULL;

COMMENT ON INDEX transfers_reverses_idx IS 'what undid a transfer';

CREATE INDEX transfers_correlation_idx ON transfers (correlation_id) WHERE correlation_id IS NOT NULL;

COMMENT ON INDEX transfers_correlation_idx IS 'what a scan or an order moved: lineage, refunds';

CREATE TRIGGER transfers_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

CREATE TRIGGER transfers_other_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers_other
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

CREATE VIEW entries AS
SELECT id AS transfer_id, source_id AS account_id, asset, -amount AS amount, source_after AS after,
       source_version AS version FROM transfers
UNION ALL
SELECT id, target_id, asset, amount, target_after, target_version FROM transfers;

CREATE TABLE transfer_seals (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_id   uuid NOT NULL,
    until_id  uuid NOT NULL,
    transfers bigint NOT NULL,
    digest    bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT transfer_seals_go_forward CHECK (until_id > from_id)
);

COMMENT ON TABLE transfer_seals IS 'Transfers from_id <= id < until_id, chained: digest covers the seal before';

CREATE TRIGGER transfer_seals_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer_seals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

CREATE TABLE receipts (
    id         uuid NOT NULL,
    trigger    text NOT NULL,
    member_id  uuid NOT NULL,
    item       bigint,
    at         timestamptz NOT NULL,
    points     bigint NOT NULL,
    state      text NOT NULL,
    outcome    jsonb NOT NULL,
    facts      jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT receipts_pkey PRIMARY KEY (id)
) PARTITION BY RANGE (id);

COMMENT ON TABLE receipts IS 'What each scan, order or occasion earned and why, with the facts the rules saw';

CREATE TABLE receipts_other PARTITION OF receipts DEFAULT;

CREATE INDEX receipts_at_idx ON receipts (trigger, at);

COMMENT ON INDEX receipts_at_idx IS 'replay of a period through a draft';

CREATE TRIGGER receipts_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON receipts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

CREATE TRIGGER receipts_other_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON receipts_other
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

CREATE TABLE member_standings (
    member_id   uuid PRIMARY KEY,
    scans       bigint NOT NULL,
    streak_days integer NOT NULL,
    last_on     date,
    tier        text,
    segments    text[] NOT NULL,
    CONSTRAINT standings_count_up CHECK (scans >= 0 AND streak_days >= 0)
) WITH (fillfactor = 70);

COMMENT ON TABLE member_standings IS 'What earn rules ask of a member, read under the lock of its row';

CREATE TABLE cap_counters (
    campaign_id bigint NOT NULL,
    cap         text NOT NULL,
    subject     text NOT NULL,
    period      text NOT NULL,
    used        bigint NOT NULL,
    CONSTRAINT cap_counters_pkey PRIMARY KEY (campaign_id, cap, subject, period),
    CONSTRAINT cap_counters_count_up CHECK (used >= 0)
) WITH (fillfactor = 70);

ALTER TABLE budgets ALTER COLUMN account_id DROP NOT NULL;
ALTER TABLE budgets ADD COLUMN purpose text;

CREATE UNIQUE INDEX budgets_purpose_idx ON budgets (purpose) WHERE purpose IS NOT NULL;

COMMENT ON INDEX budgets_purpose_idx IS 'the allowance of a cap that everyone shares';

ALTER TABLE budgets ADD CONSTRAINT budgets_move_points_or_count CHECK ((account_id IS NULL) = (purpose IS NOT NULL));

ALTER TABLE campaigns ADD COLUMN trigger text NOT NULL DEFAULT 'scan';
ALTER TABLE campaigns ADD COLUMN award jsonb;
ALTER TABLE campaigns ADD COLUMN stacking text NOT NULL DEFAULT 'base';
ALTER TABLE campaigns ADD COLUMN exclusion_group text;
ALTER TABLE campaigns ADD COLUMN stops boolean NOT NULL DEFAULT false;
ALTER TABLE campaigns ADD COLUMN caps jsonb NOT NULL DEFAULT '[]';
ALTER TABLE campaigns ADD COLUMN drafted_by text;
ALTER TABLE campaigns ADD COLUMN submitted_by text;
ALTER TABLE campaigns ADD COLUMN approved_by text;
ALTER TABLE campaigns ADD COLUMN commitment bytea;
ALTER TABLE campaigns ALTER COLUMN trigger DROP DEFAULT, ALTER COLUMN stacking DROP DEFAULT,
    ALTER COLUMN stops DROP DEFAULT, ALTER COLUMN caps DROP DEFAULT;

ALTER TABLE campaigns DROP CONSTRAINT campaigns_state_is_known;
ALTER TABLE campaigns DROP CONSTRAINT campaigns_in_force_once_published;
ALTER TABLE campaigns ADD CONSTRAINT campaigns_state_is_known
    CHECK (state IN ('draft', 'submitted', 'published', 'retired'));
ALTER TABLE campaigns ADD CONSTRAINT campaigns_in_force_once_published
    CHECK ((state IN ('draft', 'submitted')) = (in_force_from IS NULL));
ALTER TABLE campaigns ADD CONSTRAINT campaigns_trigger_is_known
    CHECK (trigger IN ('scan', 'order', 'birthday', 'survey'));
ALTER TABLE campaigns ADD CONSTRAINT campaigns_stacking_is_known
    CHECK (stacking IN ('base', 'multiplier', 'bonus'));
ALTER TABLE campaigns ADD CONSTRAINT campaigns_are_approved_by_another
    CHECK (approved_by IS NULL OR approved_by <> submitted_by AND approved_by IS DISTINCT FROM drafted_by);

DROP TRIGGER published_campaigns_are_immutable ON campaigns;

CREATE TRIGGER published_campaigns_are_immutable BEFORE UPDATE OR DELETE ON campaigns
    FOR EACH ROW WHEN (OLD.state IN ('published', 'retired')) EXECUTE FUNCTION refuse_changing_a_published_campaign();

ALTER TABLE members ADD COLUMN birth_month integer;
ALTER TABLE members ADD COLUMN birth_day integer;
ALTER TABLE members ADD COLUMN birth_lunar boolean;
ALTER TABLE members ADD COLUMN birthday_said_at timestamptz;
ALTER TABLE members ADD CONSTRAINT birthdays_are_days CHECK (
    num_nulls(birth_month, birth_day, birth_lunar, birthday_said_at) IN (0, 4)
    AND birth_month BETWEEN 1 AND 12 AND birth_day BETWEEN 1 AND 31);

CREATE INDEX members_birthday_idx ON members (birth_lunar, birth_month, birth_day) WHERE birth_month IS NOT NULL;

COMMENT ON INDEX members_birthday_idx IS 'whose birthday is today';

CREATE TABLE orders (
    id             text PRIMARY KEY,
    member_id      uuid NOT NULL,
    correlation_id uuid NOT NULL,
    placed_at      timestamptz NOT NULL,
    paid_fen       bigint NOT NULL,
    refunded_fen   bigint NOT NULL,
    channel        text NOT NULL,
    gtins          jsonb NOT NULL,
    input_hash     bytea NOT NULL,
    created_at     timestamptz NOT NULL,
    CONSTRAINT orders_are_refunded_within_what_was_paid CHECK (refunded_fen BETWEEN 0 AND paid_fen AND paid_fen > 0)
);

CREATE INDEX orders_member_idx ON orders (member_id, placed_at);

COMMENT ON INDEX orders_member_idx IS 'what a member bought';

CREATE TABLE order_refunds (
    id         text PRIMARY KEY,
    order_id   text NOT NULL,
    amount_fen bigint NOT NULL,
    points     bigint NOT NULL,
    at         timestamptz NOT NULL,
    CONSTRAINT order_refunds_give_something_back CHECK (amount_fen > 0 AND points >= 0),
    CONSTRAINT order_refunds_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders (id)
);

CREATE INDEX order_refunds_order_idx ON order_refunds (order_id);

COMMENT ON INDEX order_refunds_order_idx IS 'what of an order was given back';
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
