"""A job whose bottles get caps printed by another plant."""

from alembic import op

revision = "0024"
down_revision = "0021"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE jobs ADD COLUMN cap_run_id bigint CONSTRAINT jobs_cap_run_id_fkey REFERENCES runs (id);
ALTER TABLE jobs ADD COLUMN paired bigint NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
