"""Tables of scans."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SQL = ""


def upgrade() -> None:
    for statement in SQL.split(";\n\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
