"""The work on cases: labels, reversible actions and moves, people and times, known-good lists, notices, inspections."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE case_labels (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code       text NOT NULL,
    pivot      text NOT NULL,
    scan_id    uuid NOT NULL,
    outcome    text NOT NULL,
    source     text NOT NULL,
    case_id    bigint CONSTRAINT case_labels_case_id_fkey REFERENCES cases (id),
    weight     double precision NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL,
    CONSTRAINT label_outcome_is_known CHECK (
        outcome IN ('confirmed_risk', 'valuable_alert', 'false_positive', 'inconclusive')),
    CONSTRAINT label_source_is_known CHECK (source IN ('case', 'appeal', 'inspection', 'audit')),
    CONSTRAINT label_weight_is_positive CHECK (weight > 0)
);

CREATE UNIQUE INDEX case_labels_once ON case_labels (case_id, code, pivot) WHERE case_id IS NOT NULL;
COMMENT ON INDEX case_labels_once IS 'a case says one thing of a code and a pivot';
CREATE INDEX case_labels_code_idx ON case_labels (code, decided_at);
COMMENT ON INDEX case_labels_code_idx IS 'whoever measures a rule: its labels of a time';

CREATE TABLE case_actions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id     bigint NOT NULL CONSTRAINT case_actions_case_id_fkey REFERENCES cases (id),
    kind        text NOT NULL,
    subject     text NOT NULL,
    state       text NOT NULL,
    reason      text NOT NULL,
    by          text NOT NULL,
    approved_by text,
    at          timestamptz NOT NULL,
    until       timestamptz NOT NULL,
    undone_by   text,
    undone_at   timestamptz,
    details     jsonb NOT NULL,
    CONSTRAINT case_action_kind_is_known CHECK (kind IN (
        'challenge', 'hold_points', 'freeze_codes', 'block_device', 'inspector_task', 'dealer_notice', 'rebate_hold')),
    CONSTRAINT case_action_state_is_known CHECK (state IN ('proposed', 'active', 'refused', 'expired', 'undone')),
    CONSTRAINT case_action_is_approved_by_another CHECK (approved_by <> by),
    CONSTRAINT case_action_ends CHECK (until > at),
    CONSTRAINT case_action_undone_by_somebody CHECK (
        (state = 'undone') = (undone_by IS NOT NULL AND undone_at IS NOT NULL))
);

CREATE UNIQUE INDEX case_actions_one_on_a_subject ON case_actions (kind, subject)
    WHERE state IN ('proposed', 'active');
COMMENT ON INDEX case_actions_one_on_a_subject IS 'a subject is acted on once at a time';
CREATE INDEX case_actions_case_idx ON case_actions (case_id, id);
COMMENT ON INDEX case_actions_case_idx IS 'the actions of a case';
CREATE INDEX case_actions_until_idx ON case_actions (until, id) WHERE state IN ('proposed', 'active');
COMMENT ON INDEX case_actions_until_idx IS 'the chore: what ends now';
"""

WORK = """
ALTER TABLE cases ADD COLUMN overdue_told_at timestamptz;
ALTER TABLE cases DROP CONSTRAINT case_outcome_is_known;
ALTER TABLE cases ADD CONSTRAINT case_outcome_is_known CHECK (
    outcome IN ('confirmed_risk', 'valuable_alert', 'false_positive', 'inconclusive', 'merged'));

CREATE TABLE case_merges (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_case bigint NOT NULL CONSTRAINT case_merges_from_case_fkey REFERENCES cases (id),
    into_case bigint NOT NULL CONSTRAINT case_merges_into_case_fkey REFERENCES cases (id),
    alert_ids bigint[] NOT NULL,
    reason    text NOT NULL,
    by        text NOT NULL,
    at        timestamptz NOT NULL,
    undone_by text,
    undone_at timestamptz,
    CONSTRAINT merged_into_another CHECK (from_case <> into_case),
    CONSTRAINT merge_undone_by_somebody CHECK ((undone_by IS NULL) = (undone_at IS NULL))
);
CREATE UNIQUE INDEX case_merges_once ON case_merges (from_case) WHERE undone_at IS NULL;
COMMENT ON INDEX case_merges_once IS 'a case is merged into one other; where to';
CREATE INDEX case_merges_into_idx ON case_merges (into_case);
COMMENT ON INDEX case_merges_into_idx IS 'what was merged into a case';

CREATE TABLE bulk_moves (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind      text NOT NULL,
    details   jsonb NOT NULL,
    reason    text NOT NULL,
    by        text NOT NULL,
    at        timestamptz NOT NULL,
    undone_by text,
    undone_at timestamptz,
    CONSTRAINT bulk_kind_is_known CHECK (kind IN ('decide', 'snooze', 'assign')),
    CONSTRAINT bulk_undone_by_somebody CHECK ((undone_by IS NULL) = (undone_at IS NULL))
);

CREATE TABLE bulk_cases (
    bulk_id bigint CONSTRAINT bulk_cases_bulk_id_fkey REFERENCES bulk_moves (id),
    case_id bigint CONSTRAINT bulk_cases_case_id_fkey REFERENCES cases (id),
    state   text NOT NULL,
    why     text NOT NULL,
    before  jsonb,
    after   jsonb,
    PRIMARY KEY (bulk_id, case_id),
    CONSTRAINT bulk_case_state_is_known CHECK (state IN ('waiting', 'moved', 'skipped', 'undone', 'left'))
);
CREATE INDEX bulk_cases_waiting_idx ON bulk_cases (bulk_id, case_id) WHERE state = 'waiting';
COMMENT ON INDEX bulk_cases_waiting_idx IS 'the next cases of a bulk move';

CREATE TABLE snooze_rules (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code         text NOT NULL,
    pivot_prefix text NOT NULL,
    until        timestamptz NOT NULL,
    reason       text NOT NULL,
    by           text NOT NULL,
    at           timestamptz NOT NULL,
    ended_by     text,
    ended_at     timestamptz,
    CONSTRAINT snooze_rule_ends CHECK (until > at),
    CONSTRAINT snooze_rule_ended_by_somebody CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);
CREATE INDEX snooze_rules_code_idx ON snooze_rules (code) WHERE ended_at IS NULL;
COMMENT ON INDEX snooze_rules_code_idx IS 'a case that opens: is it asleep';

CREATE TABLE case_people (
    name    text PRIMARY KEY,
    most    integer NOT NULL,
    skills  jsonb NOT NULL,
    is_away boolean NOT NULL,
    set_by  text NOT NULL,
    set_at  timestamptz NOT NULL,
    CONSTRAINT somebody_takes_cases CHECK (most > 0)
);

CREATE TABLE case_slas (
    severity smallint PRIMARY KEY,
    within_s integer NOT NULL,
    set_by   text NOT NULL,
    set_at   timestamptz NOT NULL,
    CONSTRAINT sla_severity_is_known CHECK (severity BETWEEN 0 AND 3),
    CONSTRAINT sla_leaves_time CHECK (within_s > 0)
);

-- Short names: the statement that records scans calls them, and a long statement is parsed anew each time.
CREATE FUNCTION case_due(case_severity smallint, opened timestamptz, usual timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT opened + within_s * interval '1 second' FROM case_slas s
                     WHERE s.severity = case_severity), usual)
$$;

-- Until when a case sleeps: as long as every one of its codes does; null when one of them is awake.
CREATE FUNCTION case_asleep(case_codes text[], case_pivot text, opened timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN bool_and(u.until IS NOT NULL) THEN min(u.until) END
    FROM unnest(case_codes) AS c (code) CROSS JOIN LATERAL (
        SELECT max(r.until) AS until FROM snooze_rules r
        WHERE r.code = c.code AND r.ended_at IS NULL AND r.until > opened AND starts_with(case_pivot, r.pivot_prefix)
    ) AS u
$$;
"""

TRUST = """
CREATE TABLE known_good (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL,
    subject     text NOT NULL,
    state       text NOT NULL,
    reason      text NOT NULL,
    by          text NOT NULL,
    approved_by text,
    at          timestamptz NOT NULL,
    until       timestamptz NOT NULL,
    ended_by    text,
    ended_at    timestamptz,
    CONSTRAINT known_kind_is_known CHECK (kind IN ('person', 'device', 'network', 'store', 'buyer', 'place')),
    CONSTRAINT known_state_is_known CHECK (state IN ('proposed', 'active', 'refused', 'ended', 'expired')),
    CONSTRAINT known_good_is_approved_by_another CHECK (approved_by <> by),
    CONSTRAINT known_good_once_approved CHECK (state <> 'active' OR approved_by IS NOT NULL),
    CONSTRAINT known_good_ends CHECK (until > at)
);
CREATE UNIQUE INDEX known_good_once ON known_good (subject) WHERE state IN ('proposed', 'active');
COMMENT ON INDEX known_good_once IS 'a subject is known once at a time';
CREATE INDEX known_good_until_idx ON known_good (until, id) WHERE state IN ('proposed', 'active');
COMMENT ON INDEX known_good_until_idx IS 'the chore: what ends now';

CREATE TABLE dealer_notices (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id      bigint NOT NULL CONSTRAINT dealer_notices_case_id_fkey REFERENCES cases (id),
    dealer_id    bigint NOT NULL,
    region       integer NOT NULL,
    counts       jsonb NOT NULL,
    confidence   double precision NOT NULL,
    text         text NOT NULL,
    sent_by      text NOT NULL,
    sent_at      timestamptz NOT NULL,
    deadline     timestamptz NOT NULL,
    withdrawn_at timestamptz,
    reply        text,
    folder       text,
    documents    text[] NOT NULL,
    replied_by   text,
    replied_at   timestamptz,
    CONSTRAINT notice_confidence_is_a_share CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT notice_leaves_time CHECK (deadline > sent_at),
    CONSTRAINT notice_reply_is_somebodys CHECK (
        (replied_at IS NULL) = (reply IS NULL) AND (replied_at IS NULL) = (replied_by IS NULL))
);
CREATE INDEX dealer_notices_dealer_idx ON dealer_notices (dealer_id, id);
COMMENT ON INDEX dealer_notices_dealer_idx IS 'what a dealer was told';
CREATE INDEX dealer_notices_case_idx ON dealer_notices (case_id, id);
COMMENT ON INDEX dealer_notices_case_idx IS 'the notices of a case';

CREATE TABLE inspectors (
    name        text PRIMARY KEY,
    lat         double precision NOT NULL,
    lon         double precision NOT NULL,
    most_km     double precision NOT NULL,
    most_visits integer NOT NULL,
    is_away     boolean NOT NULL,
    set_by      text NOT NULL,
    set_at      timestamptz NOT NULL,
    CONSTRAINT inspector_is_somewhere CHECK (lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180),
    CONSTRAINT inspector_travels CHECK (most_km > 0 AND most_visits > 0)
);

CREATE TABLE inspections (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day           date NOT NULL,
    inspector     text NOT NULL CONSTRAINT inspections_inspector_fkey REFERENCES inspectors (name),
    turn          integer NOT NULL,
    subject       text NOT NULL,
    cartons       text[] NOT NULL,
    lat           double precision NOT NULL,
    lon           double precision NOT NULL,
    bits          double precision NOT NULL,
    km            double precision NOT NULL,
    case_id       bigint CONSTRAINT inspections_case_id_fkey REFERENCES cases (id),
    state         text NOT NULL,
    made_at       timestamptz NOT NULL,
    found         text,
    inner_scan_id uuid,
    folder        text,
    note          text,
    ended_by      text,
    ended_at      timestamptz,
    CONSTRAINT inspection_state_is_known CHECK (state IN ('open', 'done', 'withdrawn')),
    CONSTRAINT inspection_finding_is_known CHECK (
        found IN ('diverted', 'at_home', 'copied', 'genuine', 'not_there')),
    CONSTRAINT a_done_inspection_found_something CHECK ((state = 'done') = (found IS NOT NULL)),
    CONSTRAINT inspection_ends_once CHECK ((state = 'open') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX inspections_one_open ON inspections (subject) WHERE state = 'open';
COMMENT ON INDEX inspections_one_open IS 'a place is visited once at a time';
CREATE INDEX inspections_inspector_idx ON inspections (inspector, day, turn);
COMMENT ON INDEX inspections_inspector_idx IS 'the tour of an inspector';
"""


def upgrade() -> None:
    op.execute(SQL)
    op.execute(WORK)
    op.execute(TRUST)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
