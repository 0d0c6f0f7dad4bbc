"""What was found in opened cases, and the corrections it proves."""

from alembic import op

revision = "0021"
down_revision = "0014"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE content_checks (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sscc        text NOT NULL CONSTRAINT content_checks_sscc_fkey REFERENCES units (sscc),
    items       int8multirange NOT NULL,
    by          text NOT NULL,
    at          timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT a_check_found_something CHECK (NOT isempty(items))
);

CREATE INDEX content_checks_sscc_idx ON content_checks (sscc, at DESC);

COMMENT ON INDEX content_checks_sscc_idx IS 'The latest check of each case of a job';

CREATE TABLE corrections (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fingerprint text NOT NULL CONSTRAINT corrections_fingerprint_key UNIQUE,
    job_id      bigint NOT NULL CONSTRAINT corrections_job_id_fkey REFERENCES jobs (id),
    kind        text NOT NULL,
    "offset"    bigint NOT NULL,
    contents    jsonb NOT NULL,
    loose       jsonb NOT NULL,
    evidence    bigint[] NOT NULL,
    state       text NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by  text,
    decided_at  timestamptz,
    reason      text,
    CONSTRAINT correction_kind_is_known CHECK (kind IN ('shifted', 'swapped')),
    CONSTRAINT correction_state_is_known CHECK (state IN ('proposed', 'superseded', 'accepted', 'refused')),
    CONSTRAINT a_decided_correction_has_a_person CHECK ((state IN ('accepted', 'refused')) = (decided_by IS NOT NULL))
);

CREATE INDEX corrections_job_idx ON corrections (job_id, id);

COMMENT ON INDEX corrections_job_idx IS 'Proposals of a job, to supersede those that new evidence replaces';

CREATE INDEX corrections_open_idx ON corrections (id) WHERE state = 'proposed';

COMMENT ON INDEX corrections_open_idx IS 'Corrections that wait for a person';
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
