"""How a scan came: what newcomers of one campaign share, and hints that no person holds the phone."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE scans ADD COLUMN pool text, ADD COLUMN hints smallint NOT NULL DEFAULT 0;
COMMENT ON COLUMN scans.pool IS 'operator|browser|entry: what newcomers of one campaign share';
COMMENT ON COLUMN scans.hints IS 'bits of antifraud.columns.Environment: weights, none of them blocks by itself';
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
