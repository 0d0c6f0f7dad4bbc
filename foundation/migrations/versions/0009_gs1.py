"""GS1: links that the resolver answers with, and the EPCIS events that partners captured."""

from alembic import op

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None

SQL = """
-- A link hangs on a key, a lot or a range of items, never on a stored serial: a billion serials are one row.
CREATE TABLE links (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id bigint NOT NULL REFERENCES brands (id),
    anchor text NOT NULL,
    items int8range,
    link_type text NOT NULL,
    href text NOT NULL,
    title text NOT NULL,
    language text,
    mime text,
    is_default boolean NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_until timestamptz,
    added_by text NOT NULL,
    added_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by text,
    CONSTRAINT a_link_goes_to_https CHECK (href LIKE 'https://%'),
    CONSTRAINT a_link_ends_after_it_begins CHECK (valid_until > valid_from),
    CONSTRAINT items_of_a_link_are_not_empty CHECK (NOT isempty(items)),
    CONSTRAINT a_withdrawal_names_who_did_it CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT an_item_has_one_default_link EXCLUDE USING gist (items WITH &&)
        WHERE (is_default AND items IS NOT NULL AND withdrawn_at IS NULL)
);

CREATE UNIQUE INDEX an_anchor_has_one_default_link ON links (anchor)
    WHERE is_default AND items IS NULL AND withdrawn_at IS NULL;

COMMENT ON INDEX an_anchor_has_one_default_link IS 'resolver: where a key or lot leads when nothing more is asked';

CREATE INDEX links_anchor_idx ON links (anchor) WHERE withdrawn_at IS NULL;

COMMENT ON INDEX links_anchor_idx IS 'resolver: the links of a key and of each of its levels';

CREATE INDEX links_brand_id_idx ON links (brand_id, id);

COMMENT ON INDEX links_brand_id_idx IS 'screens: the links of a brand';

CREATE TABLE epcis_captures (
    id uuid PRIMARY KEY,
    captured_by text NOT NULL,
    captured_at timestamptz NOT NULL,
    n_events integer NOT NULL,
    n_known integer NOT NULL,
    CONSTRAINT known_events_are_some_of_all CHECK (n_known BETWEEN 0 AND n_events)
);

-- One row an event, however many items it names; the hash of what it says is its identity.
CREATE TABLE epcis_events (
    event_hash text PRIMARY KEY,
    capture_id uuid NOT NULL REFERENCES epcis_captures (id),
    event_time timestamptz NOT NULL,
    record_time timestamptz NOT NULL,
    type text NOT NULL,
    action text NOT NULL,
    biz_step text,
    disposition text,
    items int8multirange NOT NULL,
    units text[] NOT NULL,
    parent text,
    shipment_id bigint REFERENCES shipments (id),
    document jsonb NOT NULL
);

CREATE INDEX epcis_events_time_idx ON epcis_events (event_time, event_hash);

COMMENT ON INDEX epcis_events_time_idx IS 'EPCIS query: events in order of time, page by page';

CREATE INDEX epcis_events_items_idx ON epcis_events USING gist (items);

COMMENT ON INDEX epcis_events_items_idx IS 'EPCIS query: what partners observed of one item';

CREATE INDEX epcis_events_units_idx ON epcis_events USING gin (units);

COMMENT ON INDEX epcis_events_units_idx IS 'EPCIS query: what partners observed of one case or pallet';

CREATE INDEX epcis_events_shipment_id_idx ON epcis_events (shipment_id) WHERE shipment_id IS NOT NULL;

COMMENT ON INDEX epcis_events_shipment_id_idx IS 'EPCIS query: deliveries that a captured event tells already';

CREATE INDEX spans_last_at_idx ON spans (last_at, id);

COMMENT ON INDEX spans_last_at_idx IS 'EPCIS query: commissioning and decommissioning in order of time';

CREATE INDEX unit_contents_packed_at_idx ON unit_contents (packed_at, id);

COMMENT ON INDEX unit_contents_packed_at_idx IS 'EPCIS query: packing in order of time';

CREATE INDEX unit_parents_packed_at_idx ON unit_parents (packed_at, id);

COMMENT ON INDEX unit_parents_packed_at_idx IS 'EPCIS query: palletising in order of time';

CREATE INDEX shipments_shipped_at_idx ON shipments (shipped_at, id);

COMMENT ON INDEX shipments_shipped_at_idx IS 'EPCIS query: deliveries in order of time';
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
