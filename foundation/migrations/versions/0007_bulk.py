"""The symbol of a run, whole: level and mask beside the version, so that any symbol can be made again bit for bit."""

from alembic import op

revision = "0007"
down_revision = "0008"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE runs
    ADD COLUMN qr_level text NOT NULL DEFAULT 'M' CONSTRAINT qr_level_is_known CHECK (qr_level IN ('L', 'M', 'Q', 'H')),
    ADD COLUMN mask smallint CONSTRAINT mask_is_known CHECK (mask BETWEEN 0 AND 7);

-- A mask of null: each symbol has its own of lowest penalty.
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
