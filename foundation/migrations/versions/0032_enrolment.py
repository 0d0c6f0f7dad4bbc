"""A store or dealer may be enrolled by staff for its owner; then somebody else approves it."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE trade_partners ADD COLUMN enrolled_by text;
ALTER TABLE trade_partners ADD CONSTRAINT trade_partners_are_approved_by_another
    CHECK (state <> 'approved' OR enrolled_by IS NULL OR enrolled_by <> decided_by);
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
