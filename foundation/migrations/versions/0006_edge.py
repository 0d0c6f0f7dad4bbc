"""Tables of the edge: one-time codes, member sessions, staff."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE sign_in_codes (
    phone_index bytea PRIMARY KEY,
    code_hash   bytea NOT NULL,
    sent_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    tries_left  integer NOT NULL CONSTRAINT tries_are_not_negative CHECK (tries_left >= 0)
);

CREATE TABLE sessions (
    session_id uuid PRIMARY KEY,
    member_id  uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE INDEX sessions_revoked_idx ON sessions (revoked_at);
COMMENT ON INDEX sessions_revoked_idx IS 'the edge: sessions revoked lately';

CREATE INDEX sessions_member_idx ON sessions (member_id);
COMMENT ON INDEX sessions_member_idx IS 'sign out everywhere: the sessions of one member';

CREATE TABLE staff (
    name          text PRIMARY KEY,
    password_hash text NOT NULL,
    roles         text[] NOT NULL
        CONSTRAINT roles_are_known CHECK (roles <@ ARRAY['analyst', 'supervisor', 'marketer', 'producer', 'operator']),
    created_at    timestamptz NOT NULL,
    disabled_at   timestamptz,
    failures      integer NOT NULL DEFAULT 0,
    locked_until  timestamptz
);
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
