"""Tables for other systems and for the door: limits, facts told to others, webhooks, API keys, WeChat, guardians."""

from alembic import op

revision = "0010"
down_revision = "0006"
branch_labels = None
depends_on = None

SQL = """
CREATE UNLOGGED TABLE limits (
    key        text PRIMARY KEY,
    state      jsonb NOT NULL,
    marked_until timestamptz,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 70);

COMMENT ON TABLE limits IS 'What callers did lately; lost in a crash, which forgives everyone';

CREATE INDEX limits_marked_idx ON limits (marked_until) WHERE marked_until IS NOT NULL;
COMMENT ON INDEX limits_marked_idx IS 'every API process, each half second: who is refused at the door';

CREATE INDEX limits_expires_idx ON limits (expires_at);
COMMENT ON INDEX limits_expires_idx IS 'the sweep: what may be forgotten';

CREATE TABLE facts (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind    text NOT NULL,
    subject text NOT NULL,
    body    jsonb NOT NULL,
    at      timestamptz NOT NULL
);

COMMENT ON TABLE facts IS 'What happened and others may be told; a row waits here until it is handed to its listeners';

CREATE TABLE webhook_endpoints (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL,
    url           text NOT NULL,
    kinds         text[] NOT NULL CONSTRAINT an_endpoint_listens_to_something CHECK (cardinality(kinds) > 0),
    secret        bytea NOT NULL,
    old_secret    bytea,
    old_until     timestamptz,
    created_at    timestamptz NOT NULL,
    created_by    text NOT NULL,
    disabled_at   timestamptz,
    CONSTRAINT an_old_secret_has_an_end CHECK ((old_secret IS NULL) = (old_until IS NULL))
);

CREATE TABLE webhook_messages (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id  bigint NOT NULL CONSTRAINT webhook_messages_endpoint_id_fkey REFERENCES webhook_endpoints (id),
    message_id   uuid NOT NULL,
    kind         text NOT NULL,
    subject      text NOT NULL,
    body         jsonb NOT NULL,
    happened_at  timestamptz NOT NULL,
    state        text NOT NULL CONSTRAINT message_state_is_known CHECK (state IN ('waiting', 'delivered', 'dead')),
    tries        integer NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL,
    last_status  integer,
    last_said    text,
    delivered_at timestamptz
);

CREATE INDEX webhook_messages_waiting_idx ON webhook_messages (endpoint_id, subject, id) WHERE state = 'waiting';
COMMENT ON INDEX webhook_messages_waiting_idx IS 'the sender: the first waiting message of each subject';

CREATE INDEX webhook_messages_recent_idx ON webhook_messages (endpoint_id, id DESC);
COMMENT ON INDEX webhook_messages_recent_idx IS 'the console and the API: the latest messages of an endpoint';

CREATE TABLE api_keys (
    id           uuid PRIMARY KEY,
    name         text NOT NULL,
    hint         text NOT NULL,
    secret_hash  bytea NOT NULL,
    scopes       text[] NOT NULL CONSTRAINT a_key_opens_something CHECK (cardinality(scopes) > 0),
    created_at   timestamptz NOT NULL,
    created_by   text NOT NULL,
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    last_used_at timestamptz
);

CREATE TABLE wechat_states (
    state_hash   bytea PRIMARY KEY,
    browser_hash bytea NOT NULL,
    back_to      text NOT NULL,
    expires_at   timestamptz NOT NULL
);

CREATE INDEX wechat_states_expires_idx ON wechat_states (expires_at);
COMMENT ON INDEX wechat_states_expires_idx IS 'the sweep: sign-ins nobody came back from';

ALTER TABLE sessions ADD COLUMN via text NOT NULL DEFAULT 'phone';
ALTER TABLE sessions ADD COLUMN browser text NOT NULL DEFAULT '';

ALTER TABLE members ADD COLUMN born_in integer
    CONSTRAINT born_in_a_believable_year CHECK (born_in BETWEEN 1900 AND 2200);
ALTER TABLE members ADD COLUMN guardian_agreed_at timestamptz;
ALTER TABLE members ADD COLUMN merged_into uuid CONSTRAINT members_merged_into_fkey REFERENCES members (id);

CREATE INDEX members_young_idx ON members (born_in) WHERE born_in IS NOT NULL AND guardian_agreed_at IS NULL;
COMMENT ON INDEX members_young_idx IS 'the door: children no guardian has agreed for';

CREATE INDEX members_merged_idx ON members (merged_into) WHERE merged_into IS NOT NULL;
COMMENT ON INDEX members_merged_idx IS 'the earlier selves of a member';
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
