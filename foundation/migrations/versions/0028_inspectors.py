"""Inspectors are staff of a role of their own: they see their tour and report what they found."""

from alembic import op

revision = "0028"
down_revision = "0025"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE staff DROP CONSTRAINT roles_are_known;
ALTER TABLE staff ADD CONSTRAINT roles_are_known CHECK (
    roles <@ ARRAY['analyst', 'supervisor', 'marketer', 'producer', 'operator', 'inspector']);
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
