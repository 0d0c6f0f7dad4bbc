"""Tables of codes: brands and keys, runs, spans, units, shipments, items."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQL = """
-- Who owns codes: a brand answers at one host.
CREATE TABLE brands (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    host text NOT NULL,
    company_prefix text,
    next_sscc bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    CONSTRAINT brands_name_key UNIQUE (name),
    CONSTRAINT brands_host_key UNIQUE (host),
    CONSTRAINT host_is_lower_case CHECK (host = lower(host)),
    CONSTRAINT company_prefix_is_4_to_12_digits CHECK (company_prefix ~ '^[0-9]{4,12}$')
);

-- The age of a brand's keys; next_index is where its next run begins.
CREATE TABLE epochs (
    number bigint GENERATED ALWAYS AS IDENTITY (START 1 MAXVALUE 16777215) PRIMARY KEY,
    brand_id bigint NOT NULL REFERENCES brands (id),
    next_index bigint NOT NULL,
    key_witness text,
    created_at timestamptz NOT NULL,
    retired_at timestamptz,
    CONSTRAINT an_epoch_has_36_bits_of_items CHECK (next_index BETWEEN 0 AND 68719476736)
);

CREATE INDEX epochs_brand_id_idx ON epochs (brand_id, number);

COMMENT ON INDEX epochs_brand_id_idx IS 'issue: the newest live epoch of a brand';

CREATE TABLE products (
    gtin text PRIMARY KEY,
    brand_id bigint NOT NULL REFERENCES brands (id),
    name_zh text NOT NULL,
    name_en text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT gtin_is_14_digits CHECK (gtin ~ '^[0-9]{14}$')
);

-- One production order: a range of item numbers, no row per code.
CREATE TABLE runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id bigint NOT NULL REFERENCES brands (id),
    epoch bigint NOT NULL REFERENCES epochs (number),
    gtin text NOT NULL REFERENCES products (gtin),
    order_id text NOT NULL,
    items int8range NOT NULL,
    profile smallint NOT NULL,
    claim_face smallint NOT NULL,
    host text NOT NULL,
    qr_version smallint NOT NULL,
    produced_on date,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    closed_at timestamptz,
    CONSTRAINT runs_brand_id_order_id_key UNIQUE (brand_id, order_id),
    CONSTRAINT profile_is_known CHECK (profile IN (0, 1)),
    CONSTRAINT claim_face_is_known CHECK (claim_face IN (0, 1)),
    CONSTRAINT a_run_lies_in_its_epoch CHECK (
        NOT isempty(items) AND lower(items) >> 36 = epoch AND (upper(items) - 1) >> 36 = epoch
    ),
    CONSTRAINT an_item_is_issued_once EXCLUDE USING gist (items WITH &&)
);

CREATE INDEX runs_start_idx ON runs (lower(items));

COMMENT ON INDEX runs_start_idx IS 'scan: the one run that may own an item, ten times faster than GiST';

-- What is true of ranges of items. Commissioned and scrapped are for ever; the others may be lifted.
CREATE TABLE spans (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES runs (id),
    state text NOT NULL,
    items int8range NOT NULL,
    reason text NOT NULL,
    by text NOT NULL,
    began_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    lifted_at timestamptz,
    lifted_by text,
    lifted_reason text,
    CONSTRAINT state_is_known CHECK (state IN ('commissioned', 'scrapped', 'voided', 'recalled', 'held')),
    CONSTRAINT a_span_is_not_empty CHECK (NOT isempty(items)),
    CONSTRAINT a_span_names_who_lifted_it CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)),
    CONSTRAINT commissioned_and_scrapped_stay CHECK (
        lifted_at IS NULL OR state NOT IN ('commissioned', 'scrapped')
    ),
    CONSTRAINT an_item_is_commissioned_once EXCLUDE USING gist (items WITH &&) WHERE (state = 'commissioned'),
    CONSTRAINT an_item_is_scrapped_once EXCLUDE USING gist (items WITH &&) WHERE (state = 'scrapped'),
    CONSTRAINT an_item_is_voided_once EXCLUDE USING gist (items WITH &&)
        WHERE (state = 'voided' AND lifted_at IS NULL),
    CONSTRAINT an_item_is_recalled_once EXCLUDE USING gist (items WITH &&)
        WHERE (state = 'recalled' AND lifted_at IS NULL),
    CONSTRAINT an_item_is_held_once EXCLUDE USING gist (items WITH &&)
        WHERE (state = 'held' AND lifted_at IS NULL)
);

CREATE INDEX spans_items_idx ON spans USING gist (items);

COMMENT ON INDEX spans_items_idx IS 'what stands in the way of a range; the timeline of an item';

CREATE INDEX spans_start_idx ON spans (state, lower(items)) WHERE lifted_at IS NULL;

COMMENT ON INDEX spans_start_idx IS 'scan: the one span of a state that may hold an item, ten times faster than GiST';

CREATE INDEX spans_run_id_idx ON spans (run_id, state);

COMMENT ON INDEX spans_run_id_idx IS 'screens: the states of one run';

CREATE TABLE units (
    sscc text PRIMARY KEY,
    brand_id bigint NOT NULL REFERENCES brands (id),
    level text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT sscc_is_18_digits CHECK (sscc ~ '^[0-9]{18}$'),
    CONSTRAINT level_is_known CHECK (level IN ('case', 'pallet'))
);

CREATE TABLE unit_contents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sscc text NOT NULL REFERENCES units (sscc),
    items int8range NOT NULL,
    packed_by text NOT NULL,
    packed_at timestamptz NOT NULL,
    unpacked_at timestamptz,
    unpacked_by text,
    CONSTRAINT contents_are_not_empty CHECK (NOT isempty(items)),
    CONSTRAINT an_item_lies_in_one_unit EXCLUDE USING gist (items WITH &&) WHERE (unpacked_at IS NULL)
);

CREATE INDEX unit_contents_start_idx ON unit_contents (lower(items)) WHERE unpacked_at IS NULL;

COMMENT ON INDEX unit_contents_start_idx IS 'scan: the one unit that may hold an item, ten times faster than GiST';

CREATE INDEX unit_contents_before_idx ON unit_contents USING gist (items) WHERE unpacked_at IS NOT NULL;

COMMENT ON INDEX unit_contents_before_idx IS 'the timeline of an item: where it lay before';

CREATE INDEX unit_contents_sscc_idx ON unit_contents (sscc);

COMMENT ON INDEX unit_contents_sscc_idx IS 'what is in a case or pallet';

CREATE TABLE unit_parents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sscc text NOT NULL REFERENCES units (sscc),
    parent_sscc text NOT NULL REFERENCES units (sscc),
    packed_by text NOT NULL,
    packed_at timestamptz NOT NULL,
    unpacked_at timestamptz,
    unpacked_by text,
    CONSTRAINT a_unit_is_not_its_own_parent CHECK (sscc <> parent_sscc)
);

CREATE UNIQUE INDEX a_unit_lies_in_one_parent ON unit_parents (sscc) WHERE unpacked_at IS NULL;

COMMENT ON INDEX a_unit_lies_in_one_parent IS 'the pallet a case lies on now';

CREATE INDEX unit_parents_parent_sscc_idx ON unit_parents (parent_sscc) WHERE unpacked_at IS NULL;

COMMENT ON INDEX unit_parents_parent_sscc_idx IS 'the cases on a pallet';

CREATE TABLE dealers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id bigint NOT NULL REFERENCES brands (id),
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT dealers_brand_id_name_key UNIQUE (brand_id, name)
);

CREATE TABLE dealer_regions (
    dealer_id bigint NOT NULL REFERENCES dealers (id),
    region integer NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    CONSTRAINT dealer_regions_pkey PRIMARY KEY (dealer_id, region, valid_from),
    CONSTRAINT region_is_an_adcode CHECK (region BETWEEN 110000 AND 829999),
    CONSTRAINT a_region_ends_after_it_begins CHECK (valid_to > valid_from)
);

CREATE TABLE shipments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id bigint NOT NULL REFERENCES dealers (id),
    document text NOT NULL,
    shipped_at timestamptz NOT NULL,
    CONSTRAINT shipments_dealer_id_document_key UNIQUE (dealer_id, document)
);

-- One row per case as well as per pallet, so that a case taken off its pallet still says where it went.
CREATE TABLE shipment_units (
    sscc text NOT NULL REFERENCES units (sscc),
    shipment_id bigint NOT NULL REFERENCES shipments (id),
    outermost_sscc text NOT NULL REFERENCES units (sscc),
    CONSTRAINT shipment_units_pkey PRIMARY KEY (sscc, shipment_id)
);

CREATE INDEX shipment_units_shipment_id_idx ON shipment_units (shipment_id);

COMMENT ON INDEX shipment_units_shipment_id_idx IS 'the units of one delivery';

-- A row only once the item was scanned.
CREATE TABLE items (
    item bigint PRIMARY KEY,
    first_seen_at timestamptz NOT NULL,
    first_seen_region integer,
    first_seen_device text
);

CREATE TABLE claims (
    item bigint NOT NULL,
    face smallint NOT NULL,
    kind text NOT NULL,
    member_id uuid NOT NULL,
    scan_id uuid NOT NULL,
    claimed_at timestamptz NOT NULL,
    CONSTRAINT claims_pkey PRIMARY KEY (item, face, kind),
    CONSTRAINT face_is_known CHECK (face IN (0, 1))
);

CREATE INDEX claims_member_id_idx ON claims (member_id, claimed_at);

COMMENT ON INDEX claims_member_id_idx IS 'what a member has claimed';
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
