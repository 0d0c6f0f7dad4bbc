"""What passed a line's camera minute by minute, for the plant's view."""

from alembic import op

revision = "0020"
down_revision = "0013"
branch_labels = None
depends_on = None

SQL = """
-- began_at: of the station's run, whose minutes count from its own beginning. grade_sum: of `graded` labels, 4 = A.
CREATE TABLE station_minutes (
    station_id bigint NOT NULL REFERENCES stations (id),
    began_at   timestamptz NOT NULL,
    at         timestamptz NOT NULL,
    passed     bigint NOT NULL,
    rejected   bigint NOT NULL,
    graded     bigint NOT NULL,
    grade_sum  double precision NOT NULL,
    CONSTRAINT station_minutes_pkey PRIMARY KEY (station_id, at, began_at),
    CONSTRAINT counts_of_a_minute_are_not_negative CHECK (least(passed, rejected, graded) >= 0),
    CONSTRAINT a_mean_grade_lies_between_0_and_4 CHECK (grade_sum BETWEEN 0 AND 4 * graded)
);
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    op.execute("DROP TABLE station_minutes")
