"""The lab of the judgement: detection rules and thresholds as versions, their runs, their days, their limits."""

from alembic import op

revision = "0025"
down_revision = "0023"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE lab_rules (
    slug       text PRIMARY KEY,
    kind       text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT lab_rule_kind_is_known CHECK (kind IN ('rule', 'params'))
);

CREATE TABLE lab_versions (
    slug         text NOT NULL CONSTRAINT lab_versions_slug_fkey REFERENCES lab_rules (slug),
    version      integer NOT NULL,
    body         jsonb NOT NULL,
    why          text NOT NULL,
    drafted_by   text NOT NULL,
    drafted_at   timestamptz NOT NULL,
    state        text NOT NULL,
    shadow_from  timestamptz,
    shadow_until timestamptz,
    live_from    timestamptz,
    published_by text,
    replaces     integer,
    muted_until  timestamptz,
    ended_at     timestamptz,
    ended_why    text,
    CONSTRAINT lab_versions_pkey PRIMARY KEY (slug, version),
    CONSTRAINT lab_version_counts_from_one CHECK (version > 0),
    CONSTRAINT lab_version_state_is_known CHECK (state IN ('draft', 'shadow', 'live', 'rolled_back', 'retired')),
    CONSTRAINT lab_version_is_published_by_another CHECK (published_by <> drafted_by),
    CONSTRAINT lab_version_live_was_published CHECK (
        state <> 'live' OR (published_by IS NOT NULL AND live_from IS NOT NULL)),
    CONSTRAINT lab_version_shadow_ends CHECK (
        (shadow_from IS NULL) = (shadow_until IS NULL) AND shadow_until > shadow_from
        AND (state <> 'shadow' OR shadow_until IS NOT NULL)),
    CONSTRAINT lab_version_end_has_a_reason CHECK (
        (state IN ('rolled_back', 'retired')) <= (ended_at IS NOT NULL AND ended_why IS NOT NULL))
);

CREATE UNIQUE INDEX lab_versions_one_live ON lab_versions (slug) WHERE state = 'live';
COMMENT ON INDEX lab_versions_one_live IS 'of a rule one version counts; of two who publish at once one does';
CREATE UNIQUE INDEX lab_versions_one_shadow ON lab_versions (slug) WHERE state = 'shadow';
COMMENT ON INDEX lab_versions_one_shadow IS 'of a rule one version runs beside live';

CREATE FUNCTION refuse_changing_a_lab_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.slug, NEW.version, NEW.body, NEW.why, NEW.drafted_by, NEW.drafted_at)
       IS DISTINCT FROM (OLD.slug, OLD.version, OLD.body, OLD.why, OLD.drafted_by, OLD.drafted_at) THEN
        RAISE EXCEPTION 'version % of rule % is written: draft a new version instead', OLD.version, OLD.slug;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER lab_versions_are_append_only BEFORE UPDATE OR DELETE ON lab_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_changing_a_lab_version();

CREATE TABLE lab_runs (
    id        uuid PRIMARY KEY,
    kind      text NOT NULL,
    slug      text NOT NULL,
    version   integer NOT NULL,
    since     timestamptz NOT NULL,
    until     timestamptz NOT NULL,
    state     text NOT NULL,
    cursor_at timestamptz NOT NULL,
    cursor_id uuid NOT NULL,
    progress  jsonb NOT NULL,
    report    jsonb,
    asked_by  text NOT NULL,
    asked_at  timestamptz NOT NULL,
    ended_at  timestamptz,
    failure   text,
    CONSTRAINT lab_runs_version_fkey FOREIGN KEY (slug, version) REFERENCES lab_versions (slug, version),
    CONSTRAINT lab_run_kind_is_known CHECK (kind IN ('backtest', 'adversaries')),
    CONSTRAINT lab_run_state_is_known CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    CONSTRAINT lab_run_covers_some_time CHECK (until > since),
    CONSTRAINT lab_run_done_has_a_report CHECK ((state = 'done') = (report IS NOT NULL)),
    CONSTRAINT lab_run_failed_says_why CHECK ((state = 'failed') = (failure IS NOT NULL))
);

CREATE INDEX lab_runs_version_idx ON lab_runs (slug, version, kind, asked_at);
COMMENT ON INDEX lab_runs_version_idx IS 'the newest run of a version, for its page and the gate';

CREATE TABLE lab_people (
    run_id uuid NOT NULL CONSTRAINT lab_people_run_id_fkey REFERENCES lab_runs (id) ON DELETE CASCADE,
    person text NOT NULL,
    bad    boolean NOT NULL,
    CONSTRAINT lab_people_pkey PRIMARY KEY (run_id, person)
);

CREATE TABLE lab_days (
    slug    text NOT NULL,
    version integer NOT NULL,
    day     date NOT NULL,
    state   text NOT NULL,
    scans   bigint NOT NULL,
    hits    bigint NOT NULL,
    fresh   bigint NOT NULL,
    actions bigint NOT NULL,
    failed  bigint NOT NULL,
    points  bigint NOT NULL,
    CONSTRAINT lab_days_pkey PRIMARY KEY (slug, version, day, state),
    CONSTRAINT lab_days_version_fkey FOREIGN KEY (slug, version) REFERENCES lab_versions (slug, version),
    CONSTRAINT lab_day_state_is_known CHECK (state IN ('shadow', 'live')),
    CONSTRAINT lab_day_counts_add_up CHECK (
        0 <= hits AND hits <= scans AND 0 <= fresh AND fresh <= hits AND 0 <= actions AND actions <= hits
        AND 0 <= failed AND failed <= scans)
);

CREATE TABLE lab_samples (
    slug    text NOT NULL,
    version integer NOT NULL,
    day     date NOT NULL,
    turn    integer NOT NULL,
    scan_id uuid NOT NULL,
    fresh   boolean NOT NULL,
    CONSTRAINT lab_samples_pkey PRIMARY KEY (slug, version, scan_id),
    CONSTRAINT lab_samples_version_fkey FOREIGN KEY (slug, version) REFERENCES lab_versions (slug, version)
);

CREATE TABLE lab_feed (
    name    text PRIMARY KEY,
    at      timestamptz NOT NULL,
    scan_id uuid NOT NULL
);

CREATE TABLE lab_limits (
    name       text PRIMARY KEY,
    value      double precision NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT lab_limit_is_not_negative CHECK (value >= 0)
);

COMMENT ON TABLE lab_versions IS
    'What a rule says, append-only; where it stands in its life, moved by guarded statements';
COMMENT ON TABLE lab_runs IS
    'Runs of a version over history or against adversaries; a back-test goes on from its cursor';
COMMENT ON TABLE lab_people IS
    'Whom a back-test touched, by the digest evidence knows them by; bad: a decided case says so';
COMMENT ON TABLE lab_days IS
    'What a version said of a day of scans, in shadow or live; fresh: nothing else had spoken against it';
COMMENT ON TABLE lab_samples IS
    'A few hits of every day; turn: by lot, the lowest are kept';
COMMENT ON TABLE lab_feed IS
    'Up to and with which scan the lab has read the log';
COMMENT ON TABLE lab_limits IS
    'Limits of the publish gate that somebody changed; the others stand in the program';
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
