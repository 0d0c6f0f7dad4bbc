"""Appeals of packs whose code names no item: the refused scan is the evidence. One appeal a pack and person."""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE appeals ALTER COLUMN item DROP NOT NULL;
-- What the person holds: item:<number>, or code:<hash of the text>. NULL: unreadable, or from before this was kept.
ALTER TABLE appeals ADD COLUMN pack text;
-- The product a reviewer saw on the photos of a pack whose code names none.
ALTER TABLE appeals ADD COLUMN gtin text;
CREATE UNIQUE INDEX appeals_one_a_pack ON appeals (member_id, pack) WHERE state <> 'declined';
COMMENT ON INDEX appeals_one_a_pack IS 'a pack scanned twice is appealed once by the same person';
ALTER TABLE appeals ADD CONSTRAINT an_accepted_appeal_has_a_product
    CHECK (state <> 'accepted' OR item IS NOT NULL OR gtin IS NOT NULL);
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
