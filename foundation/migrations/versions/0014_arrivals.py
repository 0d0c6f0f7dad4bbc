"""What dealers say came in at their gates."""

from alembic import op

revision = "0014"
down_revision = "0019"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE arrivals (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dealer_id   bigint NOT NULL CONSTRAINT arrivals_dealer_id_fkey REFERENCES dealers (id),
    document    text NOT NULL,
    received_at timestamptz NOT NULL,
    received_by text NOT NULL,
    CONSTRAINT arrivals_dealer_id_document_key UNIQUE (dealer_id, document)
);

CREATE INDEX arrivals_received_at_idx ON arrivals (received_at, id);

COMMENT ON INDEX arrivals_received_at_idx IS 'EPCIS query: receiving in order of time';

CREATE TABLE arrival_units (
    sscc           text NOT NULL CONSTRAINT arrival_units_sscc_fkey REFERENCES units (sscc),
    arrival_id     bigint NOT NULL CONSTRAINT arrival_units_arrival_id_fkey REFERENCES arrivals (id),
    outermost_sscc text NOT NULL CONSTRAINT arrival_units_outermost_sscc_fkey REFERENCES units (sscc),
    shipment_id    bigint CONSTRAINT arrival_units_shipment_id_fkey REFERENCES shipments (id),
    CONSTRAINT arrival_units_pkey PRIMARY KEY (sscc, arrival_id)
);

CREATE INDEX arrival_units_arrival_id_idx ON arrival_units (arrival_id);

COMMENT ON INDEX arrival_units_arrival_id_idx IS 'The units of one arrival';
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
