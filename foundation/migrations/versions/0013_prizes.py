"""Prizes: legal limits as data, pools that do not change once announced, draws, payouts and what does not match."""

from alembic import op

revision = "0013"
down_revision = "0015"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE legal_limits (
    name       text NOT NULL,
    valid_from date NOT NULL,
    value      bigint NOT NULL,
    unit       text NOT NULL,
    source     text NOT NULL,
    checked_on date NOT NULL,
    CONSTRAINT legal_limits_pkey PRIMARY KEY (name, valid_from)
);

INSERT INTO legal_limits (name, valid_from, value, unit, source, checked_on) VALUES
    ('top_prize', '2020-12-01', 5000000, 'fen', '规范促销行为暂行规定 第十七条', '2026-06-01'),
    ('payout_least', '2025-01-15', 10, 'fen', '微信支付 商家转账', '2026-06-01'),
    ('payout_most', '2025-01-15', 20000, 'fen', '微信支付 商家转账', '2026-06-01'),
    ('payout_member_day', '2025-01-15', 100000, 'fen', '微信支付 现金红包 4011974053', '2026-06-01'),
    ('payout_member_day_count', '2025-01-15', 10, 'payouts', '微信支付 现金红包 4011974053', '2026-06-01'),
    ('payout_merchant_day', '2025-01-15', 100000000, 'fen', '微信支付 现金红包 4011974053', '2026-06-01'),
    ('payout_rate', '2025-01-15', 30, 'payouts a second', '微信支付 现金红包 4011974053', '2026-06-01');

CREATE TABLE prize_pools (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id     bigint NOT NULL,
    name_zh      text NOT NULL,
    name_en      text NOT NULL,
    gtins        text[] NOT NULL,
    disclosure   jsonb NOT NULL,
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    minute_fen   bigint NOT NULL,
    hour_fen     bigint NOT NULL,
    out_of       bigint NOT NULL,
    state        text NOT NULL,
    commitment   bytea,
    seed         bytea,
    draws        bigint NOT NULL,
    held_reason  text,
    held_at      timestamptz,
    resumed_at   timestamptz,
    drafted_by   text NOT NULL,
    approved_by  text,
    published_at timestamptz,
    created_at   timestamptz NOT NULL,
    CONSTRAINT prize_pools_state_is_known CHECK (state IN ('draft', 'published', 'revealed')),
    CONSTRAINT prize_pools_end_after_they_start CHECK (ends_at > starts_at),
    CONSTRAINT prize_pools_are_approved_by_another CHECK (approved_by <> drafted_by),
    CONSTRAINT prize_pools_commit_before_they_start CHECK (
        (state = 'draft') = (commitment IS NULL) AND (state = 'draft') = (published_at IS NULL)
        AND published_at <= starts_at),
    CONSTRAINT prize_pools_reveal_at_the_end CHECK ((state = 'revealed') = (seed IS NOT NULL)),
    CONSTRAINT prize_pools_hold_for_a_reason CHECK ((held_reason IS NULL) = (held_at IS NULL)),
    CONSTRAINT prize_pools_have_chances CHECK (out_of > 0),
    CONSTRAINT prize_pools_can_pay CHECK (minute_fen > 0 AND hour_fen >= minute_fen),
    CONSTRAINT prize_pools_count_up CHECK (draws >= 0)
);

CREATE TABLE prizes (
    pool_id      bigint NOT NULL CONSTRAINT prizes_pool_id_fkey REFERENCES prize_pools (id),
    place        integer NOT NULL,
    kind         text NOT NULL,
    name_zh      text NOT NULL,
    name_en      text NOT NULL,
    amount       bigint NOT NULL,
    value_fen    bigint NOT NULL,
    weight       bigint NOT NULL,
    quantity     bigint,
    remaining    bigint,
    CONSTRAINT prizes_pkey PRIMARY KEY (pool_id, place),
    CONSTRAINT prizes_kind_is_known CHECK (kind IN ('red_packet', 'coupon', 'goods', 'points', 'nothing')),
    CONSTRAINT prizes_have_a_chance CHECK (weight > 0 AND amount >= 0 AND value_fen >= 0),
    CONSTRAINT prizes_worth_money_are_counted CHECK (quantity IS NOT NULL OR kind IN ('points', 'nothing')),
    CONSTRAINT prizes_never_beyond_their_count CHECK (remaining BETWEEN 0 AND quantity
        AND (quantity IS NULL) = (remaining IS NULL))
);

CREATE FUNCTION refuse_changing_prizes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    runs constant text[] := '{state,seed,draws,held_reason,held_at,resumed_at}';
BEGIN
    IF TG_TABLE_NAME = 'prize_pools' THEN
        IF TG_OP = 'DELETE' OR NEW.state = 'draft' OR (to_jsonb(NEW) - runs) <> (to_jsonb(OLD) - runs)
           OR NEW.draws < OLD.draws OR (OLD.state = 'revealed'
               AND (NEW.state <> OLD.state OR NEW.seed <> OLD.seed OR NEW.draws <> OLD.draws)) THEN
            RAISE EXCEPTION 'prize pool % was announced: nothing of it changes any more', OLD.id;
        END IF;
        RETURN NEW;
    END IF;
    IF (SELECT state FROM prize_pools WHERE id = coalesce(OLD.pool_id, NEW.pool_id)) <> 'draft' THEN
        IF TG_OP <> 'UPDATE' OR (to_jsonb(NEW) - 'remaining') <> (to_jsonb(OLD) - 'remaining')
           OR NEW.remaining > OLD.remaining THEN
            RAISE EXCEPTION 'prize pool % was announced: its prizes do not change', coalesce(OLD.pool_id, NEW.pool_id);
        END IF;
    END IF;
    RETURN coalesce(NEW, OLD);
END $$;

CREATE FUNCTION refuse_unsound_pools() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    chances numeric; endless boolean;
BEGIN
    SELECT sum(weight), bool_or(quantity IS NULL) INTO chances, endless FROM prizes WHERE pool_id = NEW.id;
    IF chances IS DISTINCT FROM NEW.out_of OR NOT endless THEN
        RAISE EXCEPTION 'prize pool %: its chances add up to % of %, and one prize must never run out',
            NEW.id, chances, NEW.out_of;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER announced_pools_are_sound BEFORE UPDATE ON prize_pools
    FOR EACH ROW WHEN (OLD.state = 'draft' AND NEW.state <> 'draft') EXECUTE FUNCTION refuse_unsound_pools();
CREATE TRIGGER announced_pools_do_not_change BEFORE UPDATE OR DELETE ON prize_pools
    FOR EACH ROW WHEN (OLD.state <> 'draft') EXECUTE FUNCTION refuse_changing_prizes();
CREATE TRIGGER announced_prizes_do_not_change BEFORE INSERT OR UPDATE OR DELETE ON prizes
    FOR EACH ROW EXECUTE FUNCTION refuse_changing_prizes();

CREATE TABLE prize_draws (
    pool_id    bigint NOT NULL,
    item       bigint NOT NULL,
    nth        bigint NOT NULL,
    place      integer NOT NULL,
    redrawn    integer NOT NULL,
    win_id     uuid NOT NULL,
    member_id  uuid NOT NULL,
    scan_id    uuid NOT NULL,
    hold       boolean NOT NULL,
    state      text NOT NULL,
    reason     text NOT NULL,
    drawn_at   timestamptz NOT NULL,
    settled_at timestamptz,
    CONSTRAINT prize_draws_pkey PRIMARY KEY (pool_id, item),
    CONSTRAINT prize_draws_once_each UNIQUE (pool_id, nth),
    CONSTRAINT prize_draws_win_id_key UNIQUE (win_id),
    CONSTRAINT prize_draws_state_is_known CHECK (
        state IN ('won', 'waiting', 'paying', 'paid', 'lost', 'voided', 'failed'))
);

CREATE INDEX prize_draws_open_idx ON prize_draws (drawn_at) WHERE state = 'won' AND NOT hold;
COMMENT ON INDEX prize_draws_open_idx IS 'the sweep: prizes to be handed over';
CREATE INDEX prize_draws_held_idx ON prize_draws (scan_id) WHERE state = 'won' AND hold;
COMMENT ON INDEX prize_draws_held_idx IS 'the prizes that wait for a decision on their scan';
CREATE INDEX prize_draws_member_idx ON prize_draws (member_id, win_id);
COMMENT ON INDEX prize_draws_member_idx IS 'what a member won';

CREATE TABLE payouts (
    id          uuid PRIMARY KEY,
    order_no    text NOT NULL CONSTRAINT payouts_order_no_key UNIQUE,
    win_id      uuid NOT NULL,
    pool_id     bigint NOT NULL,
    member_id   uuid NOT NULL,
    amount_fen  bigint NOT NULL,
    day         date NOT NULL,
    state       text NOT NULL,
    tries       integer NOT NULL,
    due_at      timestamptz NOT NULL,
    said        text NOT NULL,
    package     text,
    bill_no     text,
    transfer_id uuid CONSTRAINT payouts_transfer_id_key UNIQUE,
    paid_at     timestamptz,
    reconciled_at timestamptz,
    created_at  timestamptz NOT NULL,
    sent_at     timestamptz,
    decided_at  timestamptz,
    CONSTRAINT payouts_state_is_known CHECK (state IN ('queued', 'sending', 'unknown', 'accepted', 'confirming', 'paid',
        'failed', 'cancelled', 'person')),
    CONSTRAINT payouts_pay_something CHECK (amount_fen > 0),
    CONSTRAINT payouts_paid_are_one_transfer CHECK (
        (state = 'paid') = (transfer_id IS NOT NULL) AND (state = 'paid') = (paid_at IS NOT NULL)),
    CONSTRAINT payouts_are_decided_once CHECK ((state IN ('paid', 'failed', 'cancelled')) = (decided_at IS NOT NULL))
);

CREATE UNIQUE INDEX payouts_one_alive_idx ON payouts (win_id) WHERE state NOT IN ('failed', 'cancelled');
COMMENT ON INDEX payouts_one_alive_idx IS 'a win is never paid twice';
CREATE INDEX payouts_due_idx ON payouts (due_at)
    WHERE state IN ('queued', 'sending', 'unknown', 'accepted', 'confirming');
COMMENT ON INDEX payouts_due_idx IS 'what to send or ask about next';
CREATE INDEX payouts_day_idx ON payouts (day, member_id);
COMMENT ON INDEX payouts_day_idx IS 'the limits of a day';
CREATE INDEX payouts_sent_idx ON payouts (pool_id, sent_at) WHERE sent_at IS NOT NULL;
COMMENT ON INDEX payouts_sent_idx IS 'the circuit breaker: what a pool paid of late';

CREATE INDEX payouts_paid_idx ON payouts (paid_at) WHERE paid_at IS NOT NULL;
COMMENT ON INDEX payouts_paid_idx IS 'reconciliation: what a day paid';

CREATE TABLE payout_bills (
    day           date PRIMARY KEY,
    lines         bigint NOT NULL,
    amount_fen    bigint NOT NULL,
    findings      bigint NOT NULL,
    reconciled_at timestamptz NOT NULL
);

CREATE TABLE payout_findings (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day      date NOT NULL,
    order_no text NOT NULL,
    says     text NOT NULL,
    at       timestamptz NOT NULL,
    CONSTRAINT payout_findings_once UNIQUE (day, order_no, says)
);
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
