"""Tables of the foundation: work for later, and the audit trail nobody may rewrite."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task       text NOT NULL,
    args       jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    due_at     timestamptz NOT NULL
);

CREATE INDEX outbox_due_idx ON outbox (due_at, id);

COMMENT ON INDEX outbox_due_idx IS 'the relay: rows that are due, oldest first';

CREATE TABLE audit_log (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL,
    actor   text NOT NULL,
    action  text NOT NULL,
    subject text NOT NULL,
    before  jsonb,
    after   jsonb
);

CREATE INDEX audit_log_subject_idx ON audit_log (subject, id);

COMMENT ON INDEX audit_log_subject_idx IS 'the history of one subject, in order';

CREATE TABLE audit_seals (
    last_id   bigint PRIMARY KEY,
    first_id  bigint NOT NULL,
    digest    bytea NOT NULL,
    sealed_at timestamptz NOT NULL
);

CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: add a row that corrects, do not rewrite', TG_TABLE_NAME;
END $$;

CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();

CREATE TRIGGER audit_seals_are_append_only BEFORE UPDATE OR DELETE ON audit_seals
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
