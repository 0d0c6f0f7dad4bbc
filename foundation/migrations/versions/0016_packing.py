"""Packing at five levels, states of units, caps paired with bodies, what handhelds did."""

from alembic import op

revision = "0016"
down_revision = "0020"
branch_labels = None
depends_on = None

SQL = """
-- replaced_by: the label that took over from a retired one. label_checked_at: when its label was last read back.
ALTER TABLE units
    DROP CONSTRAINT level_is_known,
    ADD COLUMN state text NOT NULL DEFAULT 'open',
    ADD COLUMN replaced_by text REFERENCES units (sscc),
    ADD COLUMN label_checked_at timestamptz,
    ADD CONSTRAINT level_is_known CHECK (level IN ('bundle', 'case', 'layer', 'pallet')),
    ADD CONSTRAINT a_unit_is_open_closed_or_retired CHECK (state IN ('open', 'closed', 'retired')),
    ADD CONSTRAINT only_a_retired_unit_is_replaced CHECK (replaced_by IS NULL OR state = 'retired'),
    ADD CONSTRAINT a_unit_does_not_replace_itself CHECK (replaced_by <> sscc);

-- Since when a unit is open, closed or retired; a unit without a row has been open since it began.
CREATE TABLE unit_states (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sscc text NOT NULL REFERENCES units (sscc),
    state text NOT NULL,
    began_at timestamptz NOT NULL,
    by text NOT NULL,
    CONSTRAINT a_unit_becomes_open_closed_or_retired CHECK (state IN ('open', 'closed', 'retired'))
);

CREATE INDEX unit_states_sscc_idx ON unit_states (sscc, began_at);

COMMENT ON INDEX unit_states_sscc_idx IS 'whether a unit was closed when a late event happened';

-- sampled: what left the unit went to a laboratory (EPCIS: inspecting).
ALTER TABLE unit_contents ADD COLUMN sampled boolean NOT NULL DEFAULT false;

CREATE INDEX unit_contents_packed_by_idx ON unit_contents (packed_by, packed_at) WHERE unpacked_at IS NULL;

COMMENT ON INDEX unit_contents_packed_by_idx IS 'undo: the last pack of a station';

CREATE INDEX unit_parents_packed_by_idx ON unit_parents (packed_by, packed_at) WHERE unpacked_at IS NULL;

COMMENT ON INDEX unit_parents_packed_by_idx IS 'undo: the last pack of a station';

CREATE INDEX unit_parents_before_idx ON unit_parents (sscc, packed_at);

COMMENT ON INDEX unit_parents_before_idx IS 'a late event: what the unit lay in at that time';

-- A cap printed by one plant on a bottle printed by another, seen by one camera. body = cap + a constant in a range.
CREATE TABLE code_pairs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    caps int8range NOT NULL,
    bodies int8range NOT NULL,
    paired_by text NOT NULL,
    paired_at timestamptz NOT NULL,
    undone_at timestamptz,
    undone_by text,
    undone_reason text,
    CONSTRAINT there_is_one_cap_to_a_body CHECK (
        NOT isempty(caps) AND upper(caps) - lower(caps) = upper(bodies) - lower(bodies)
    ),
    CONSTRAINT a_code_is_not_its_own_cap CHECK (NOT caps && bodies),
    CONSTRAINT an_undone_pair_names_who_undid_it CHECK ((undone_at IS NULL) = (undone_by IS NULL)),
    CONSTRAINT a_cap_is_on_one_body EXCLUDE USING gist (caps WITH &&) WHERE (undone_at IS NULL),
    CONSTRAINT a_body_has_one_cap EXCLUDE USING gist (bodies WITH &&) WHERE (undone_at IS NULL)
);

CREATE INDEX code_pairs_start_idx ON code_pairs (lower(caps)) WHERE undone_at IS NULL;

COMMENT ON INDEX code_pairs_start_idx IS 'scan: the one pair that may hold a cap, ten times faster than GiST';

-- What a handheld or station asked to be done, under the id it chose; only what was done is kept.
CREATE TABLE unit_operations (
    id uuid PRIMARY KEY,
    what text NOT NULL,
    asked jsonb NOT NULL,
    answer jsonb NOT NULL,
    by text NOT NULL,
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
