"""What the judgement of whole stretches remembers and says: its runs, its memory, dealers, flows, cartons, scores."""

from alembic import op

revision = "0022"
down_revision = "0027"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE night_runs (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    begun_at       timestamptz NOT NULL,
    ended_at       timestamptz,
    kind           text NOT NULL,
    until          timestamptz NOT NULL,
    scans          bigint NOT NULL,
    findings       integer NOT NULL,
    alerts         integer NOT NULL,
    took           jsonb NOT NULL,
    params_version text NOT NULL,
    state          text NOT NULL,
    error          text,
    CONSTRAINT night_runs_kind_is_known CHECK (kind IN ('near', 'nightly')),
    CONSTRAINT night_runs_state_is_known CHECK (state IN ('running', 'done', 'failed')),
    CONSTRAINT night_runs_failed_says_why CHECK ((state = 'failed') = (error IS NOT NULL)),
    CONSTRAINT night_runs_end_once CHECK ((state = 'running') = (ended_at IS NULL))
);
CREATE INDEX night_runs_kind_idx ON night_runs (kind, id);
COMMENT ON INDEX night_runs_kind_idx IS 'the last runs of a kind';

CREATE TABLE night_memory (
    name       text NOT NULL CONSTRAINT night_memory_pkey PRIMARY KEY,
    version    text NOT NULL,
    until      timestamptz NOT NULL,
    last_scan  uuid NOT NULL,
    state      bytea NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE dealer_meters (
    day       date NOT NULL,
    dealer_id bigint NOT NULL,
    region    integer NOT NULL,
    log_e     double precision NOT NULL,
    cartons   integer NOT NULL,
    diverted  double precision NOT NULL,
    listed    boolean NOT NULL,
    CONSTRAINT dealer_meters_pkey PRIMARY KEY (day, dealer_id, region)
);
CREATE INDEX dealer_meters_dealer_idx ON dealer_meters (dealer_id, day);
COMMENT ON INDEX dealer_meters_dealer_idx IS 'the evidence about one dealer over time, and the latest of each';

CREATE TABLE flows (
    day         date NOT NULL,
    from_region integer NOT NULL,
    to_region   integer NOT NULL,
    cartons     double precision NOT NULL,
    expected    double precision NOT NULL,
    llr         double precision NOT NULL,
    CONSTRAINT flows_pkey PRIMARY KEY (day, from_region, to_region)
);

CREATE TABLE carton_verdicts (
    sscc      text NOT NULL CONSTRAINT carton_verdicts_pkey PRIMARY KEY,
    dealer_id bigint,
    posterior double precision NOT NULL,
    target    integer NOT NULL,
    scans     integer NOT NULL,
    located   integer NOT NULL,
    mix       jsonb NOT NULL,
    judged_at timestamptz NOT NULL,
    CONSTRAINT carton_verdicts_posterior_is_a_share CHECK (posterior BETWEEN 0 AND 1)
);
CREATE INDEX carton_verdicts_dealer_idx ON carton_verdicts (dealer_id, posterior);
COMMENT ON INDEX carton_verdicts_dealer_idx IS 'the cartons of a dealer, the most suspicious first';

CREATE TABLE scores (
    pivot          text NOT NULL,
    kind           text NOT NULL,
    value          double precision NOT NULL,
    reasons        jsonb NOT NULL,
    params_version text NOT NULL,
    judged_at      timestamptz NOT NULL,
    CONSTRAINT scores_pkey PRIMARY KEY (pivot, kind),
    CONSTRAINT scores_kind_is_known CHECK (kind IN ('clone', 'harvest', 'diversion', 'abuse')),
    CONSTRAINT scores_value_is_a_share CHECK (value BETWEEN 0 AND 1)
);
CREATE INDEX scores_kind_idx ON scores (kind, value);
COMMENT ON INDEX scores_kind_idx IS 'the highest scores of a kind';
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
