"""Tables of the code. What is true of many items is an int8range of item numbers; an item has a row once scanned.

The constraints that keep ranges apart (EXCLUDE) are in the migration, next to the sentence each of them says.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE, INT8RANGE, JSONB

from foundation.database import metadata


def _at(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


brands = Table(
    "brands",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("company_prefix", Text),
    Column("next_sscc", BigInteger, nullable=False, server_default="0"),
    _at("created_at"),
    UniqueConstraint("name"),
    UniqueConstraint("host"),
)

epochs = Table(
    "epochs",
    metadata,
    Column("number", BigInteger, Identity(always=True, start=1, maxvalue=(1 << 24) - 1), primary_key=True),
    Column("brand_id", BigInteger, ForeignKey("brands.id"), nullable=False),
    Column("next_index", BigInteger, nullable=False),
    Column("key_witness", Text),
    _at("created_at"),
    _at("retired_at", nullable=True),
)

products = Table(
    "products",
    metadata,
    Column("gtin", Text, primary_key=True),
    Column("brand_id", BigInteger, ForeignKey("brands.id"), nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    _at("created_at"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("brand_id", BigInteger, ForeignKey("brands.id"), nullable=False),
    Column("epoch", BigInteger, ForeignKey("epochs.number"), nullable=False),
    Column("gtin", Text, ForeignKey("products.gtin"), nullable=False),
    Column("order_id", Text, nullable=False),
    Column("items", INT8RANGE, nullable=False),
    Column("profile", SmallInteger, nullable=False),
    Column("claim_face", SmallInteger, nullable=False),
    Column("host", Text, nullable=False),
    Column("qr_version", SmallInteger, nullable=False),
    Column("qr_level", Text, nullable=False, server_default="M"),
    Column("mask", SmallInteger),
    Column("produced_on", Date),
    Column("lot", Text),
    _at("expires_at", nullable=True),
    _at("created_at"),
    _at("closed_at", nullable=True),
    UniqueConstraint("brand_id", "order_id"),
)

spans = Table(
    "spans",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("run_id", BigInteger, ForeignKey("runs.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("items", INT8RANGE, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    _at("began_at"),
    _at("last_at"),
    _at("lifted_at", nullable=True),
    Column("lifted_by", Text),
    Column("lifted_reason", Text),
)

units = Table(
    "units",
    metadata,
    Column("sscc", Text, primary_key=True),
    Column("brand_id", BigInteger, ForeignKey("brands.id"), nullable=False),
    Column("level", Text, nullable=False),
    _at("created_at"),
    Column("state", Text, nullable=False, server_default="open"),
    Column("replaced_by", Text, ForeignKey("units.sscc")),
    _at("label_checked_at", nullable=True),
)

unit_states = Table(
    "unit_states",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("sscc", Text, ForeignKey("units.sscc"), nullable=False),
    Column("state", Text, nullable=False),
    _at("began_at"),
    Column("by", Text, nullable=False),
)

code_pairs = Table(
    "code_pairs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("caps", INT8RANGE, nullable=False),
    Column("bodies", INT8RANGE, nullable=False),
    Column("paired_by", Text, nullable=False),
    _at("paired_at"),
    _at("undone_at", nullable=True),
    Column("undone_by", Text),
    Column("undone_reason", Text),
)

unit_contents = Table(
    "unit_contents",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("sscc", Text, ForeignKey("units.sscc"), nullable=False),
    Column("items", INT8RANGE, nullable=False),
    Column("packed_by", Text, nullable=False),
    _at("packed_at"),
    _at("unpacked_at", nullable=True),
    Column("unpacked_by", Text),
    Column("sampled", Boolean, nullable=False, server_default="false"),
)

unit_parents = Table(
    "unit_parents",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("sscc", Text, ForeignKey("units.sscc"), nullable=False),
    Column("parent_sscc", Text, ForeignKey("units.sscc"), nullable=False),
    Column("packed_by", Text, nullable=False),
    _at("packed_at"),
    _at("unpacked_at", nullable=True),
    Column("unpacked_by", Text),
)

dealers = Table(
    "dealers",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("brand_id", BigInteger, ForeignKey("brands.id"), nullable=False),
    Column("name", Text, nullable=False),
    _at("created_at"),
    UniqueConstraint("brand_id", "name"),
)

dealer_regions = Table(
    "dealer_regions",
    metadata,
    Column("dealer_id", BigInteger, ForeignKey("dealers.id"), nullable=False),
    Column("region", Integer, nullable=False),
    _at("valid_from"),
    _at("valid_to", nullable=True),
    PrimaryKeyConstraint("dealer_id", "region", "valid_from"),
)

shipments = Table(
    "shipments",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("dealer_id", BigInteger, ForeignKey("dealers.id"), nullable=False),
    Column("document", Text, nullable=False),
    _at("shipped_at"),
    UniqueConstraint("dealer_id", "document"),
)

shipment_units = Table(
    "shipment_units",
    metadata,
    Column("sscc", Text, ForeignKey("units.sscc"), nullable=False),
    Column("shipment_id", BigInteger, ForeignKey("shipments.id"), nullable=False),
    Column("outermost_sscc", Text, ForeignKey("units.sscc"), nullable=False),
    PrimaryKeyConstraint("sscc", "shipment_id"),
)

arrivals = Table(
    "arrivals",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("dealer_id", BigInteger, ForeignKey("dealers.id"), nullable=False),
    Column("document", Text, nullable=False),
    _at("received_at"),
    Column("received_by", Text, nullable=False),
    UniqueConstraint("dealer_id", "document"),
)

arrival_units = Table(
    "arrival_units",
    metadata,
    Column("sscc", Text, ForeignKey("units.sscc"), nullable=False),
    Column("arrival_id", BigInteger, ForeignKey("arrivals.id"), nullable=False),
    Column("outermost_sscc", Text, ForeignKey("units.sscc"), nullable=False),
    Column("shipment_id", BigInteger, ForeignKey("shipments.id")),  # the latest at that time, to whomever
    PrimaryKeyConstraint("sscc", "arrival_id"),
)

items = Table(
    "items",
    metadata,
    Column("item", BigInteger, primary_key=True, autoincrement=False),
    _at("first_seen_at"),
    Column("first_seen_region", Integer),
    Column("first_seen_device", Text),
)

claims = Table(
    "claims",
    metadata,
    Column("item", BigInteger, nullable=False),
    Column("face", SmallInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("scan_id", Uuid, nullable=False),
    _at("claimed_at"),
    PrimaryKeyConstraint("item", "face", "kind"),
)

receivers = Table(
    "receivers",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("brand_id", BigInteger, ForeignKey("brands.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("registered_by", Text, nullable=False),
    _at("registered_at"),
    UniqueConstraint("brand_id", "name"),
)

receiver_keys = Table(
    "receiver_keys",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("receiver_id", BigInteger, ForeignKey("receivers.id"), nullable=False),
    Column("method", Text, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("registered_by", Text, nullable=False),
    _at("registered_at"),
    _at("withdrawn_at", nullable=True),
    Column("withdrawn_by", Text),
    UniqueConstraint("receiver_id", "fingerprint"),
)

packages = Table(
    "packages",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("run_id", BigInteger, ForeignKey("runs.id"), nullable=False),
    Column("receiver_id", BigInteger, ForeignKey("receivers.id"), nullable=False),
    Column("items", INT8RANGE, nullable=False),
    Column("face", SmallInteger, nullable=False),
    Column("form", Text, nullable=False),
    Column("compression", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    _at("requested_at"),
    Column("approved_by", Text),
    _at("approved_at", nullable=True),
    Column("generated_by", Text),
    _at("generated_at", nullable=True),
    Column("canary_run", BigInteger, ForeignKey("runs.id")),
    Column("canary_lines", ARRAY(BigInteger)),
    Column("manifest", JSONB),
    Column("handed_to", Text),
    Column("handed_over_by", Text),
    _at("handed_over_at", nullable=True),
    Column("token_hash", LargeBinary),
    _at("expires_at", nullable=True),
    Column("download_limit", Integer, nullable=False, server_default="0"),
    Column("downloads", Integer, nullable=False, server_default="0"),
    Column("acknowledged_by", Text),
    _at("acknowledged_at", nullable=True),
    Column("ended_by", Text),
    _at("ended_at", nullable=True),
    Column("ended_reason", Text),
)

package_access = Table(
    "package_access",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("package_id", BigInteger, ForeignKey("packages.id"), nullable=False),
    _at("at"),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("download_id", Uuid),
    Column("detail", Text, nullable=False, server_default=""),
)

package_warnings = Table(
    "package_warnings",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("package_id", BigInteger, ForeignKey("packages.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("about", Text, nullable=False, server_default=""),
    _at("raised_at"),
    _at("settled_at", nullable=True),
    Column("settled_by", Text),
    UniqueConstraint("package_id", "kind", "about"),
)

links = Table(
    "links",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("brand_id", BigInteger, ForeignKey("brands.id"), nullable=False),
    Column("anchor", Text, nullable=False),
    Column("items", INT8RANGE),
    Column("link_type", Text, nullable=False),
    Column("href", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("language", Text),
    Column("mime", Text),
    Column("is_default", Boolean, nullable=False),
    _at("valid_from"),
    _at("valid_until", nullable=True),
    Column("added_by", Text, nullable=False),
    _at("added_at"),
    _at("withdrawn_at", nullable=True),
    Column("withdrawn_by", Text),
)

epcis_captures = Table(
    "epcis_captures",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("captured_by", Text, nullable=False),
    _at("captured_at"),
    Column("n_events", Integer, nullable=False),
    Column("n_known", Integer, nullable=False),
)

epcis_events = Table(
    "epcis_events",
    metadata,
    Column("event_hash", Text, primary_key=True),
    Column("capture_id", Uuid, ForeignKey("epcis_captures.id"), nullable=False),
    _at("event_time"),
    _at("record_time"),
    Column("type", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("biz_step", Text),
    Column("disposition", Text),
    Column("items", INT8MULTIRANGE, nullable=False),
    Column("units", ARRAY(Text), nullable=False),
    Column("parent", Text),
    Column("shipment_id", BigInteger, ForeignKey("shipments.id")),
    Column("document", JSONB, nullable=False),
)
