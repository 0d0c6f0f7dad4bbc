"""Stations by network: their keys, what they say, and jobs of several blocks, each reported on its own."""

from alembic import op

revision = "0015"
down_revision = "0011"
branch_labels = None
depends_on = None

SQL = """
-- key_id: the API key the station calls with. said: its last sign of life, for screens.
ALTER TABLE stations
    ADD COLUMN key_id uuid,
    ADD COLUMN said jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT stations_key_id_key UNIQUE (key_id);

-- The public half of the key a station signs its record with; an older one still verifies older records.
CREATE TABLE station_keys (
    station_id bigint NOT NULL REFERENCES stations (id),
    public_key bytea NOT NULL,
    registered_at timestamptz NOT NULL,
    retired_at timestamptz,
    CONSTRAINT station_keys_pkey PRIMARY KEY (station_id, public_key),
    CONSTRAINT an_ed25519_public_key_has_32_bytes CHECK (octet_length(public_key) = 32)
);

CREATE UNIQUE INDEX a_station_signs_with_one_key_at_a_time ON station_keys (station_id) WHERE retired_at IS NULL;

COMMENT ON INDEX a_station_signs_with_one_key_at_a_time IS 'register: two keys at once would be two stations';

-- One lease of one run for one station. `leased` never changes; `kept` is what it still holds after a return.
-- `told` is the last folded story of the block that was taken over, under the journal's sequence and head.
-- An expired block is not given to others: only its station knows what was printed, and returns the rest.
CREATE TABLE job_blocks (
    job_id bigint NOT NULL REFERENCES jobs (id),
    block integer NOT NULL,
    leased int8range NOT NULL,
    kept int8range NOT NULL,
    sequence bigint NOT NULL,
    head text,
    told jsonb NOT NULL,
    commissioned bigint NOT NULL DEFAULT 0,
    scrapped bigint NOT NULL DEFAULT 0,
    sampled bigint NOT NULL DEFAULT 0,
    void bigint NOT NULL DEFAULT 0,
    returned bigint NOT NULL DEFAULT 0,
    open bigint NOT NULL,
    cases bigint NOT NULL DEFAULT 0,
    leased_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT every_item_of_a_block_has_one_fate CHECK (
        commissioned + scrapped + sampled + void + returned + open = upper(leased) - lower(leased)
    ),
    CONSTRAINT no_fate_has_fewer_than_no_items CHECK (
        least(commissioned, scrapped, sampled, void, returned, open, cases) >= 0
    ),
    CONSTRAINT job_blocks_pkey PRIMARY KEY (job_id, block),
    CONSTRAINT a_block_holds_items CHECK (NOT isempty(leased)),
    CONSTRAINT what_a_block_keeps_was_leased CHECK (kept <@ leased),
    CONSTRAINT blocks_are_counted_from_0 CHECK (block >= 0),
    CONSTRAINT an_item_is_in_one_block_at_a_time EXCLUDE USING gist (kept WITH &&)
);

CREATE FUNCTION pg_temp.items_of(ranges jsonb) RETURNS bigint LANGUAGE sql AS
    $$SELECT coalesce(sum((pair ->> 1)::bigint - (pair ->> 0)::bigint), 0)::bigint
      FROM jsonb_array_elements(coalesce(ranges, '[]')) AS pair$$;

CREATE FUNCTION pg_temp.items_why(reasons jsonb) RETURNS bigint LANGUAGE sql AS
    $$SELECT coalesce(sum(pg_temp.items_of(told -> 'items')), 0)::bigint
      FROM jsonb_array_elements(coalesce(reasons, '[]')) AS told$$;

INSERT INTO job_blocks (job_id, block, leased, kept, sequence, head, told, commissioned, scrapped, sampled, void,
                        returned, open, cases, leased_at, expires_at)
SELECT id, 0, leased, kept, sequence, head, told,
       pg_temp.items_of(told -> 'commissioned') - pg_temp.items_why(told -> 'sampled'),
       pg_temp.items_why(told -> 'scrapped'), pg_temp.items_why(told -> 'sampled'), pg_temp.items_why(told -> 'void'),
       pg_temp.items_of(told -> 'returned'),
       coalesce((told ->> 'open')::bigint, upper(leased) - lower(leased)),
       jsonb_array_length(coalesce(told -> 'packed', '[]')), created_at, created_at + interval '30 days'
FROM jobs;

ALTER TABLE jobs DROP COLUMN leased, DROP COLUMN kept, DROP COLUMN told;

ALTER TABLE job_reports ADD COLUMN block integer NOT NULL DEFAULT 0;

ALTER TABLE job_reports ALTER COLUMN block DROP DEFAULT;

ALTER TABLE job_reports DROP CONSTRAINT job_reports_pkey;

ALTER TABLE job_reports ADD CONSTRAINT job_reports_pkey PRIMARY KEY (job_id, block, sequence)
"""


def upgrade() -> None:
    for statement in SQL.split(";\n\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
