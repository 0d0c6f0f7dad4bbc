"""Code packages: receivers and their keys, the life of a package, who came near it, what looks wrong; lots of runs."""

from alembic import op

revision = "0008"
down_revision = "0010"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE runs ADD COLUMN lot text CONSTRAINT lot_is_a_gs1_batch CHECK (length(lot) BETWEEN 1 AND 20);

CREATE INDEX runs_lot_idx ON runs (brand_id, lot) WHERE lot IS NOT NULL;

COMMENT ON INDEX runs_lot_idx IS 'recall: the runs of one lot';

-- A printing plant that gets codes from a brand.
CREATE TABLE receivers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_id bigint NOT NULL REFERENCES brands (id),
    name text NOT NULL,
    registered_by text NOT NULL,
    registered_at timestamptz NOT NULL,
    CONSTRAINT receivers_brand_id_name_key UNIQUE (brand_id, name)
);

-- Its public keys: an X.509 certificate for CMS, or an age recipient. Never a private one.
CREATE TABLE receiver_keys (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    receiver_id bigint NOT NULL REFERENCES receivers (id),
    method text NOT NULL,
    public_key text NOT NULL,
    fingerprint text NOT NULL,
    registered_by text NOT NULL,
    registered_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by text,
    CONSTRAINT receiver_keys_receiver_id_fingerprint_key UNIQUE (receiver_id, fingerprint),
    CONSTRAINT method_is_known CHECK (method IN ('cms', 'age')),
    CONSTRAINT a_public_key_is_public CHECK (public_key !~* 'PRIVATE KEY|SECRET-KEY')
);

-- One hand-over of a range of codes to one receiver.
CREATE TABLE packages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES runs (id),
    receiver_id bigint NOT NULL REFERENCES receivers (id),
    items int8range NOT NULL,
    face smallint NOT NULL,
    form text NOT NULL,
    compression text NOT NULL,
    method text NOT NULL,
    state text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    approved_by text,
    approved_at timestamptz,
    generated_by text,
    generated_at timestamptz,
    canary_run bigint REFERENCES runs (id),
    canary_lines bigint[],
    manifest jsonb,
    handed_to text,
    handed_over_by text,
    handed_over_at timestamptz,
    token_hash bytea,
    expires_at timestamptz,
    download_limit integer NOT NULL DEFAULT 0,
    downloads integer NOT NULL DEFAULT 0,
    acknowledged_by text,
    acknowledged_at timestamptz,
    ended_by text,
    ended_at timestamptz,
    ended_reason text,
    CONSTRAINT state_is_known CHECK (state IN (
        'requested', 'approved', 'generated', 'handed_over', 'acknowledged', 'closed', 'refused', 'revoked', 'expired'
    )),
    CONSTRAINT method_is_known CHECK (method IN ('cms', 'age')),
    CONSTRAINT form_is_known CHECK (form IN ('text', 'csv')),
    CONSTRAINT compression_is_known CHECK (compression IN ('zstd', 'gzip')),
    CONSTRAINT face_is_known CHECK (face IN (0, 1)),
    CONSTRAINT a_package_is_not_empty CHECK (NOT isempty(items)),
    CONSTRAINT another_person_approves CHECK (approved_by <> requested_by),
    CONSTRAINT downloads_stay_within_the_limit CHECK (downloads BETWEEN 0 AND download_limit),
    CONSTRAINT an_outer_code_goes_to_one_receiver EXCLUDE USING gist (items WITH &&)
        WHERE (face = 0 AND (state NOT IN ('refused', 'revoked', 'expired') OR downloads > 0)),
    CONSTRAINT an_inner_code_goes_to_one_receiver EXCLUDE USING gist (items WITH &&)
        WHERE (face = 1 AND (state NOT IN ('refused', 'revoked', 'expired') OR downloads > 0))
);

CREATE INDEX packages_open_idx ON packages (state, expires_at) WHERE state IN ('handed_over', 'acknowledged');

COMMENT ON INDEX packages_open_idx IS 'sweep: packages out there that may be late or expired';

CREATE UNIQUE INDEX packages_canary_run_idx ON packages (canary_run) WHERE canary_run IS NOT NULL;

COMMENT ON INDEX packages_canary_run_idx IS 'scan: whose canaries these are; lists of runs leave them out';

-- Everybody who came near a package, let in or not.
CREATE TABLE package_access (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    package_id bigint NOT NULL REFERENCES packages (id),
    at timestamptz NOT NULL,
    who text NOT NULL,
    action text NOT NULL,
    address text NOT NULL,
    download_id uuid,
    detail text NOT NULL DEFAULT '',
    CONSTRAINT action_is_known CHECK (action IN (
        'view', 'download', 'download-resumed', 'download-failed', 'manifest', 'acknowledge', 'acknowledge-failed',
        'scrap', 'scrap-failed'
    ))
);

CREATE INDEX package_access_package_id_idx ON package_access (package_id, id);

COMMENT ON INDEX package_access_package_id_idx IS 'who came near one package, in order';

CREATE UNIQUE INDEX package_access_download_id_idx ON package_access (download_id) WHERE action = 'download';

COMMENT ON INDEX package_access_download_id_idx IS 'a download that goes on where the line broke';

CREATE TRIGGER package_access_is_append_only BEFORE UPDATE OR DELETE ON package_access
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();

CREATE TABLE package_warnings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    package_id bigint NOT NULL REFERENCES packages (id),
    kind text NOT NULL,
    about text NOT NULL DEFAULT '',
    raised_at timestamptz NOT NULL,
    settled_at timestamptz,
    settled_by text,
    CONSTRAINT package_warnings_package_id_kind_about_key UNIQUE (package_id, kind, about),
    CONSTRAINT kind_is_known CHECK (kind IN ('not-acknowledged', 'not-activated', 'new-place'))
);
"""


def upgrade() -> None:
    op.execute(SQL)


def downgrade() -> None:
    raise RuntimeError("Migrations go forward only: restore a backup to go back.")
