"""The catalogue with its redemptions and coupons; tiers, referrals and check-ins."""

from alembic import op

revision = "0019"
down_revision = "0016"
branch_labels = None
depends_on = None

REWARDS = """
CREATE TABLE rewards (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL,
    name_zh      text NOT NULL,
    name_en      text NOT NULL,
    points       bigint NOT NULL,
    cash_fen     bigint NOT NULL,
    stock        bigint,
    remaining    bigint,
    per_member   integer NOT NULL,
    period       text NOT NULL,
    tiers        text[] NOT NULL,
    coupon       jsonb,
    state        text NOT NULL,
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz,
    drafted_by   text NOT NULL,
    approved_by  text,
    created_at   timestamptz NOT NULL,
    CONSTRAINT rewards_kind_is_known CHECK (kind IN ('goods', 'coupon', 'service')),
    CONSTRAINT rewards_state_is_known CHECK (state IN ('draft', 'published', 'withdrawn')),
    CONSTRAINT rewards_period_is_known CHECK (period IN ('day', 'week', 'month', 'year', 'ever')),
    CONSTRAINT rewards_cost_something CHECK (points >= 0 AND cash_fen >= 0 AND points + cash_fen > 0),
    CONSTRAINT rewards_stock_never_below_zero CHECK (remaining BETWEEN 0 AND stock
        AND (stock IS NULL) = (remaining IS NULL)),
    CONSTRAINT rewards_limit_is_a_count CHECK (per_member >= 0),
    CONSTRAINT rewards_coupons_have_terms CHECK ((kind = 'coupon') = (coupon IS NOT NULL)),
    CONSTRAINT rewards_are_approved_by_another CHECK (approved_by <> drafted_by)
);

CREATE TABLE reward_uses (
    reward_id bigint NOT NULL,
    member_id uuid NOT NULL,
    period    text NOT NULL,
    used      integer NOT NULL,
    CONSTRAINT reward_uses_pkey PRIMARY KEY (reward_id, member_id, period),
    CONSTRAINT reward_uses_count_up CHECK (used >= 0)
);

CREATE TABLE redemptions (
    id           uuid PRIMARY KEY,
    reward_id    bigint NOT NULL CONSTRAINT redemptions_reward_id_fkey REFERENCES rewards (id),
    member_id    uuid NOT NULL,
    period       text NOT NULL,
    points       bigint NOT NULL,
    cash_fen     bigint NOT NULL,
    state        text NOT NULL,
    reason       text NOT NULL,
    hold_id      uuid,
    transfer_id  uuid,
    coupon_id    uuid,
    carrier      text,
    tracking     text,
    lapses_at    timestamptz,
    created_at   timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    CONSTRAINT redemptions_state_is_known CHECK (state IN ('requested', 'confirmed', 'shipped', 'delivered', 'refused',
        'cancelled', 'returned')),
    CONSTRAINT redemptions_say_why_not CHECK ((state = 'refused') = (reason <> ''))
);

CREATE INDEX redemptions_member_idx ON redemptions (member_id, id);
COMMENT ON INDEX redemptions_member_idx IS 'what a member redeemed';
CREATE INDEX redemptions_open_idx ON redemptions (created_at)
    WHERE state IN ('requested', 'confirmed', 'shipped');
COMMENT ON INDEX redemptions_open_idx IS 'the desk: what is to be handed over; the sweep: what lapses';

CREATE TABLE coupons (
    id         uuid PRIMARY KEY,
    code_hash  bytea NOT NULL CONSTRAINT coupons_code_hash_key UNIQUE,
    member_id  uuid NOT NULL,
    terms      jsonb NOT NULL,
    state      text NOT NULL,
    source     text NOT NULL CONSTRAINT coupons_once_per_source UNIQUE,
    used_at    timestamptz,
    used_by    text,
    document   text,
    expires_at timestamptz NOT NULL,
    noticed_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT coupons_state_is_known CHECK (state IN ('issued', 'used', 'expired', 'void')),
    CONSTRAINT coupons_are_used_once CHECK ((state = 'used') = (used_at IS NOT NULL AND used_by IS NOT NULL))
);

CREATE INDEX coupons_member_idx ON coupons (member_id, id);
COMMENT ON INDEX coupons_member_idx IS 'the coupons of a member';
CREATE INDEX coupons_expiring_idx ON coupons (expires_at) WHERE state = 'issued';
COMMENT ON INDEX coupons_expiring_idx IS 'the sweep: notices before, expiry after';
"""

STANDING = """
CREATE TABLE member_events (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    member_id uuid NOT NULL,
    kind      text NOT NULL,
    scan_id   uuid,
    item      bigint,
    hold      boolean NOT NULL,
    points    bigint NOT NULL,
    spend_fen bigint NOT NULL,
    at        timestamptz NOT NULL,
    CONSTRAINT member_events_kind_is_known CHECK (kind IN ('scan', 'order', 'check_in', 'activity'))
);

CREATE INDEX member_events_member_idx ON member_events (member_id, id);
COMMENT ON INDEX member_events_member_idx IS 'what a member who looks at the tier has not been credited with yet';

CREATE TABLE tier_schemes (
    version      integer PRIMARY KEY,
    levels       jsonb NOT NULL,
    period_days  integer NOT NULL,
    notice_days  integer NOT NULL,
    published_by text NOT NULL,
    approved_by  text NOT NULL,
    in_force_from timestamptz NOT NULL,
    CONSTRAINT tier_schemes_are_approved_by_another CHECK (approved_by <> published_by),
    CONSTRAINT tier_schemes_have_a_period CHECK (
        period_days BETWEEN 1 AND 3660 AND notice_days BETWEEN 0 AND period_days)
);

CREATE TABLE member_tiers (
    member_id    uuid PRIMARY KEY,
    tier         text NOT NULL,
    spend_fen    bigint NOT NULL,
    scans        bigint NOT NULL,
    activity     bigint NOT NULL,
    since        timestamptz NOT NULL,
    until        timestamptz NOT NULL,
    floor_tier   text,
    floor_until  timestamptz,
    floor_by     text,
    floor_reason text,
    noticed_at   timestamptz,
    CONSTRAINT member_tiers_count_up CHECK (spend_fen >= 0 AND scans >= 0 AND activity >= 0),
    CONSTRAINT member_tiers_floors_end CHECK (num_nulls(floor_tier, floor_until, floor_by, floor_reason) IN (0, 4))
);

CREATE INDEX member_tiers_until_idx ON member_tiers (until);
COMMENT ON INDEX member_tiers_until_idx IS 'the sweep: periods that end, and notices before';

CREATE TABLE tier_moves (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    member_id uuid NOT NULL,
    from_tier text NOT NULL,
    to_tier   text NOT NULL,
    reason    text NOT NULL,
    metrics   jsonb NOT NULL,
    scheme    integer NOT NULL,
    at        timestamptz NOT NULL
);

CREATE INDEX tier_moves_member_idx ON tier_moves (member_id, id);
COMMENT ON INDEX tier_moves_member_idx IS 'how a member came to the tier';
CREATE TRIGGER tier_moves_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tier_moves
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

CREATE TABLE referral_codes (
    member_id  uuid PRIMARY KEY,
    code       text NOT NULL CONSTRAINT referral_codes_code_key UNIQUE,
    created_at timestamptz NOT NULL
);

CREATE TABLE referrals (
    invited    uuid PRIMARY KEY,
    inviter    uuid NOT NULL,
    state      text NOT NULL,
    created_at timestamptz NOT NULL,
    paid_at    timestamptz,
    CONSTRAINT referrals_state_is_known CHECK (state IN ('pending', 'paid')),
    CONSTRAINT nobody_invites_themselves CHECK (invited <> inviter),
    CONSTRAINT referrals_are_paid_once CHECK ((state = 'paid') = (paid_at IS NOT NULL))
);

CREATE INDEX referrals_inviter_idx ON referrals (inviter);
COMMENT ON INDEX referrals_inviter_idx IS 'whom a member invited';

CREATE TABLE check_ins (
    member_id uuid NOT NULL,
    day       date NOT NULL,
    streak    integer NOT NULL,
    points    bigint NOT NULL,
    at        timestamptz NOT NULL,
    CONSTRAINT check_ins_pkey PRIMARY KEY (member_id, day),
    CONSTRAINT check_ins_begin_at_one CHECK (streak >= 1 AND points > 0)
);
"""


def upgrade() -> None:
    op.execute(REWARDS)
    op.execute(STANDING)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
