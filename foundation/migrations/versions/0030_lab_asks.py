"""A version of a rule waits for a second person, who publishes or refuses; a day says how far it agrees with live."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE lab_versions
    ADD COLUMN asked_by    text,
    ADD COLUMN asked_at    timestamptz,
    ADD COLUMN refused_by  text,
    ADD COLUMN refused_why text,
    ADD CONSTRAINT lab_version_ask_has_a_name CHECK ((asked_by IS NULL) = (asked_at IS NULL)),
    ADD CONSTRAINT lab_version_refusal_has_a_reason CHECK ((refused_by IS NULL) = (refused_why IS NULL)),
    ADD CONSTRAINT lab_version_asker_does_not_publish CHECK (published_by <> asked_by);

-- Days counted before this have neither: nobody compared.
ALTER TABLE lab_days
    ADD COLUMN added   bigint,
    ADD COLUMN dropped bigint,
    ADD CONSTRAINT lab_day_differs_by_its_scans CHECK (
        (added IS NULL) = (dropped IS NULL) AND 0 <= added AND added <= hits AND 0 <= dropped
        AND added + dropped <= scans);
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
