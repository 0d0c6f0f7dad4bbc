"""The next ladder of tiers as a draft that another person publishes."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE tier_drafts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    levels      jsonb NOT NULL,
    period_days integer NOT NULL,
    notice_days integer NOT NULL,
    state       text NOT NULL,
    drafted_by  text NOT NULL,
    drafted_at  timestamptz NOT NULL,
    ended_by    text,
    ended_at    timestamptz,
    CONSTRAINT tier_drafts_state_is_known CHECK (state IN ('draft', 'published', 'dropped')),
    CONSTRAINT tier_drafts_are_published_by_another CHECK (state <> 'published' OR ended_by <> drafted_by),
    CONSTRAINT tier_drafts_are_ended_by_somebody CHECK (
        (state = 'draft') = (ended_by IS NULL) AND (ended_by IS NULL) = (ended_at IS NULL))
);

CREATE UNIQUE INDEX tier_drafts_one ON tier_drafts (state) WHERE state = 'draft';
COMMENT ON INDEX tier_drafts_one IS 'one draft at a time';
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    op.execute("DROP TABLE tier_drafts")
