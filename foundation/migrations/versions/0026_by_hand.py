"""What is given and taken by hand, by two people: points, coupons, and the rebates that are paid."""

from alembic import op

revision = "0026"
down_revision = "0018"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE hand_requests (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL,
    why        text NOT NULL,
    reference  text NOT NULL,
    state      text NOT NULL,
    asked_by   text NOT NULL,
    asked_at   timestamptz NOT NULL,
    ended_by   text,
    ended_at   timestamptz,
    refusal    text,
    CONSTRAINT hand_requests_kind_is_known CHECK (kind IN ('points', 'coupon', 'rebate')),
    CONSTRAINT hand_requests_state_is_known CHECK (state IN ('asked', 'done', 'refused')),
    CONSTRAINT hand_requests_are_done_by_another CHECK (state <> 'done' OR ended_by <> asked_by),
    CONSTRAINT hand_requests_are_ended_by_somebody CHECK (
        (state = 'asked') = (ended_by IS NULL) AND (ended_by IS NULL) = (ended_at IS NULL)),
    CONSTRAINT hand_requests_are_refused_with_a_sentence CHECK ((state = 'refused') = (refusal IS NOT NULL))
);

CREATE INDEX hand_requests_waiting_idx ON hand_requests (id) WHERE state = 'asked';
COMMENT ON INDEX hand_requests_waiting_idx IS 'what waits for a second person';

CREATE TABLE hand_lines (
    request_id bigint NOT NULL CONSTRAINT hand_lines_request_id_fkey REFERENCES hand_requests (id),
    nth        integer NOT NULL,
    owner_ref  text NOT NULL,
    amount     bigint NOT NULL,
    terms      jsonb,
    outcome    text NOT NULL,
    made_id    uuid,
    CONSTRAINT hand_lines_pkey PRIMARY KEY (request_id, nth),
    CONSTRAINT hand_lines_move_something CHECK (amount <> 0 OR terms IS NOT NULL),
    CONSTRAINT hand_lines_outcome_is_known CHECK (
        outcome IN ('waiting', 'done', 'too-few-points', 'erased', 'refused', 'returned')),
    CONSTRAINT hand_lines_done_made_something CHECK ((outcome IN ('done', 'returned')) = (made_id IS NOT NULL))
);

CREATE INDEX hand_lines_owner_idx ON hand_lines (owner_ref);
COMMENT ON INDEX hand_lines_owner_idx IS 'what one member or dealer was given by hand';
CREATE UNIQUE INDEX hand_lines_one_rebate_waiting ON hand_lines (owner_ref)
    WHERE outcome = 'waiting' AND owner_ref LIKE 'dealer:%';
COMMENT ON INDEX hand_lines_one_rebate_waiting IS 'two requests for one dealer would pay it twice';
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
