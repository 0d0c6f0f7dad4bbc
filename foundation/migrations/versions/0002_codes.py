"""Tables of codes."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQL = ""


def upgrade() -> None:
    for statement in SQL.split(";\n\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
