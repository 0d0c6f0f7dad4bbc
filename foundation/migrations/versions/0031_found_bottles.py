"""Finds the checks in which a job's bottles were found, in whatever case."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

SQL = """
CREATE INDEX content_checks_items_idx ON content_checks USING gist (items);

COMMENT ON INDEX content_checks_items_idx IS 'Checks of other jobs that found bottles of this one';
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
