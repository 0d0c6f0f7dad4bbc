"""Refunds that are followed, segments and their gates, notices before points lapse, coupons that are won."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE member_events DROP CONSTRAINT member_events_kind_is_known,
    ADD CONSTRAINT member_events_kind_is_known CHECK (kind IN ('scan', 'order', 'refund', 'check_in', 'activity'));

ALTER TABLE rewards ADD COLUMN segments text[] NOT NULL DEFAULT '{}';
ALTER TABLE rewards ALTER COLUMN segments DROP DEFAULT;
ALTER TABLE rewards ADD COLUMN delivery_fen bigint NOT NULL DEFAULT 0
    CONSTRAINT rewards_delivery_is_an_amount CHECK (delivery_fen >= 0);
ALTER TABLE rewards ALTER COLUMN delivery_fen DROP DEFAULT;
ALTER TABLE redemptions ADD COLUMN delivery_fen bigint NOT NULL DEFAULT 0;
ALTER TABLE redemptions ALTER COLUMN delivery_fen DROP DEFAULT;
ALTER TABLE prizes ADD COLUMN coupon jsonb;

CREATE TABLE segments (
    name          text NOT NULL,
    version       integer NOT NULL,
    name_zh       text NOT NULL,
    name_en       text NOT NULL,
    rule          jsonb NOT NULL,
    state         text NOT NULL,
    drafted_by    text NOT NULL,
    approved_by   text,
    created_at    timestamptz NOT NULL,
    CONSTRAINT segments_pkey PRIMARY KEY (name, version),
    CONSTRAINT segments_state_is_known CHECK (state IN ('draft', 'published', 'retired')),
    CONSTRAINT segments_are_approved_by_another CHECK (
        (state = 'draft') <= (approved_by IS NULL) AND approved_by <> drafted_by)
);

CREATE UNIQUE INDEX segments_one_in_force ON segments (name) WHERE state = 'published';
COMMENT ON INDEX segments_one_in_force IS 'at most one version of a segment is kept up';

CREATE TABLE member_notices (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    member_id  uuid NOT NULL,
    kind       text NOT NULL,
    about      text NOT NULL,
    amount     bigint NOT NULL,
    due_on     date NOT NULL,
    state      text NOT NULL,
    created_at timestamptz NOT NULL,
    told_at    timestamptz,
    CONSTRAINT member_notices_once UNIQUE (member_id, kind, about),
    CONSTRAINT member_notices_kind_is_known CHECK (kind IN ('points', 'coupon')),
    CONSTRAINT member_notices_state_is_known CHECK (state IN ('waiting', 'sent', 'unwanted', 'unreachable')),
    CONSTRAINT member_notices_are_told_once CHECK ((state = 'waiting') = (told_at IS NULL))
);

CREATE INDEX member_notices_waiting_idx ON member_notices (id) WHERE state = 'waiting';
COMMENT ON INDEX member_notices_waiting_idx IS 'whoever sends: what is to be said';
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
