"""Tables of scans: evidence, the scan log, alerts, cases."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE evidence (
    subject    text PRIMARY KEY,
    state      jsonb NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 80);

COMMENT ON TABLE evidence IS 'What is known of an item:, device:, address: or sscc: once something happened to it';

CREATE INDEX evidence_actors_idx ON evidence (updated_at) WHERE subject < 'item:';

COMMENT ON INDEX evidence_actors_idx IS 'the sweep: phones and networks nobody heard of again';

CREATE TABLE scans (
    scan_id        uuid NOT NULL,
    input_hash     bytea NOT NULL,
    received_at    timestamptz NOT NULL,
    text           text NOT NULL,
    verdict        text NOT NULL,
    reasons        text[] NOT NULL,
    item           bigint,
    face           smallint,
    gtin           text,
    sscc           text,
    dealer_id      bigint,
    device         text NOT NULL,
    address        text NOT NULL,
    member_id      uuid,
    lat            double precision,
    lon            double precision,
    sigma_km       double precision,
    method         text,
    region         integer,
    claim          boolean NOT NULL,
    reward_points  bigint NOT NULL,
    reward_state   text NOT NULL,
    answer         jsonb NOT NULL,
    params_version text NOT NULL,
    features       jsonb NOT NULL,
    contributions  jsonb NOT NULL,
    CONSTRAINT scans_pkey PRIMARY KEY (scan_id)
) PARTITION BY RANGE (scan_id);

COMMENT ON TABLE scans IS 'Every scan ever seen, refused ones too; one partition a month by the time inside the id';

CREATE INDEX scans_item_idx ON scans (item, received_at) WHERE item IS NOT NULL;

COMMENT ON INDEX scans_item_idx IS 'the life of an item: its scans in order';

CREATE INDEX scans_sscc_idx ON scans (sscc, received_at) WHERE sscc IS NOT NULL;

COMMENT ON INDEX scans_sscc_idx IS 'the map of a carton: scans of its items';

CREATE INDEX scans_member_idx ON scans (member_id, scan_id DESC) WHERE member_id IS NOT NULL;

COMMENT ON INDEX scans_member_idx IS 'the scans of a member, newest first, page by page';

CREATE INDEX scans_address_idx ON scans (address, received_at);

COMMENT ON INDEX scans_address_idx IS 'what else came from a network address';

CREATE INDEX scans_received_idx ON scans USING brin (received_at);

COMMENT ON INDEX scans_received_idx IS 'totals per verdict and hour of the last days';

CREATE TABLE cases (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pivot         text NOT NULL,
    state         text NOT NULL,
    severity      smallint NOT NULL,
    codes         text[] NOT NULL,
    alerts        integer NOT NULL,
    opened_at     timestamptz NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    due_at        timestamptz NOT NULL,
    assignee      text,
    leased_until  timestamptz,
    snoozed_until timestamptz,
    outcome       text,
    reason        text,
    actions       jsonb,
    closed_by     text,
    closed_at     timestamptz,
    CONSTRAINT case_state_is_known CHECK (state IN ('pending', 'investigating', 'closed')),
    CONSTRAINT case_severity_is_known CHECK (severity BETWEEN 0 AND 3),
    CONSTRAINT case_outcome_is_known
        CHECK (outcome IN ('confirmed_risk', 'valuable_alert', 'false_positive', 'inconclusive')),
    CONSTRAINT closed_case_has_an_outcome
        CHECK ((state = 'closed') = (outcome IS NOT NULL AND closed_by IS NOT NULL AND closed_at IS NOT NULL)),
    CONSTRAINT somebody_investigates CHECK (state = 'pending' OR assignee IS NOT NULL),
    CONSTRAINT a_lease_has_a_holder CHECK (leased_until IS NULL OR assignee IS NOT NULL),
    CONSTRAINT a_case_has_alerts CHECK (alerts > 0)
);

CREATE UNIQUE INDEX one_open_case_per_pivot ON cases (pivot) WHERE state <> 'closed';

COMMENT ON INDEX one_open_case_per_pivot IS 'alerts of one pivot meet in one case, however many arrive at once';

CREATE INDEX cases_due_idx ON cases (due_at, id) WHERE state <> 'closed';

COMMENT ON INDEX cases_due_idx IS 'the work queue: oldest due first';

CREATE INDEX cases_closed_idx ON cases (closed_at, id) WHERE state = 'closed';

COMMENT ON INDEX cases_closed_idx IS 'outcomes of a period, for the quality of rules';

CREATE TABLE alerts (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id        bigint REFERENCES cases (id),
    raised_at      timestamptz NOT NULL,
    code           text NOT NULL,
    severity       smallint NOT NULL,
    pivot          text NOT NULL,
    scan_id        uuid NOT NULL,
    item           bigint,
    sscc           text,
    dealer_id      bigint,
    details        jsonb NOT NULL,
    contribution   double precision NOT NULL,
    params_version text NOT NULL,
    CONSTRAINT alert_severity_is_known CHECK (severity BETWEEN 0 AND 3)
);

CREATE INDEX alerts_case_idx ON alerts (case_id, id);

COMMENT ON INDEX alerts_case_idx IS 'the alerts of a case, in order';

CREATE INDEX alerts_pivot_idx ON alerts (pivot, id);

COMMENT ON INDEX alerts_pivot_idx IS 'notices about a pivot that opened no case';

CREATE INDEX alerts_scan_idx ON alerts (scan_id);

COMMENT ON INDEX alerts_scan_idx IS 'what a scan raised, for its page and for holds'
"""


def upgrade() -> None:
    for statement in SQL.split(";\n\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
