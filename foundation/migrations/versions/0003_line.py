"""Tables of the line: stations, jobs, reports, case numbers."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE stations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    heard_at timestamptz,
    CONSTRAINT stations_name_key UNIQUE (name)
);

-- One lease of one run for one station. `leased` never changes; `kept` is what it still holds after a return.
-- `told` is the last folded journal that was taken over, under its sequence and head.
CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id bigint NOT NULL REFERENCES brands (id),
    run_id bigint NOT NULL REFERENCES runs (id),
    station_id bigint NOT NULL REFERENCES stations (id),
    leased int8range NOT NULL,
    kept int8range NOT NULL,
    pack_size integer NOT NULL,
    state text NOT NULL,
    sequence bigint NOT NULL,
    head text,
    told jsonb NOT NULL,
    discrepancy text,
    created_at timestamptz NOT NULL,
    reported_at timestamptz,
    closed_at timestamptz,
    CONSTRAINT a_lease_holds_items CHECK (NOT isempty(leased)),
    CONSTRAINT what_is_kept_was_leased CHECK (kept <@ leased),
    CONSTRAINT a_case_holds_at_least_one_item CHECK (pack_size > 0),
    CONSTRAINT job_state_is_known CHECK (state IN ('leased', 'running', 'finished', 'closed')),
    CONSTRAINT a_closed_job_has_its_hour CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    CONSTRAINT an_item_is_leased_to_one_station_at_a_time EXCLUDE USING gist (kept WITH &&)
);

CREATE INDEX jobs_run_id_idx ON jobs (run_id);

COMMENT ON INDEX jobs_run_id_idx IS 'create: what of a run is leased already';

CREATE INDEX jobs_station_id_idx ON jobs (station_id, id);

COMMENT ON INDEX jobs_station_id_idx IS 'list_stations: the newest job of each station';

-- What each report added, once: the record of verification after each code was applied.
CREATE TABLE job_reports (
    job_id bigint NOT NULL REFERENCES jobs (id),
    sequence bigint NOT NULL,
    head text NOT NULL,
    news jsonb NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT job_reports_pkey PRIMARY KEY (job_id, sequence)
);

-- Case numbers given to a job; asking for the same ordinal again gives the same number.
CREATE TABLE job_cases (
    job_id bigint NOT NULL REFERENCES jobs (id),
    ordinal integer NOT NULL,
    sscc text NOT NULL,
    created_at timestamptz NOT NULL,
    packed_at timestamptz,
    CONSTRAINT job_cases_pkey PRIMARY KEY (job_id, ordinal),
    CONSTRAINT job_cases_sscc_key UNIQUE (sscc),
    CONSTRAINT a_sscc_has_18_digits CHECK (sscc ~ '^[0-9]{18}$')
)
"""


def upgrade() -> None:
    for statement in SQL.split(";\n\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
