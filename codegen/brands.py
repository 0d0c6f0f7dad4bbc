"""Brands and their products: who answers at which host, and what a GTIN is called."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text

from codegen import gs1
from codegen.keys import KeyProvider, UnknownBrand, new_epoch
from codegen.tables import brands, products
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, Conflict, NotFound

MAX_HOST = 63
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII)
_COMPANY_PREFIX = re.compile(r"[0-9]{4,12}", re.ASCII)


class BadHost(BadRequest):
    """The host cannot stand in a code."""

    type = "bad-host"


class BadCompanyPrefix(BadRequest):
    type = "bad-company-prefix"


class BrandExists(Conflict):
    type = "brand-exists"


class UnknownProduct(NotFound):
    type = "unknown-product"


class ProductExists(Conflict):
    """The GTIN is taken, by another brand or under another name."""

    type = "product-exists"


@dataclass(frozen=True, slots=True)
class Brand:
    id: int
    name: str
    host: str
    company_prefix: str | None


def add_brand(
    tx: Tx,
    *,
    name: str,
    host: str,
    now: datetime,
    company_prefix: str | None = None,
    provider: KeyProvider | None = None,
) -> Brand:
    """A brand with its first key epoch. `company_prefix` is GS1's, for SSCCs.

    provider: writes down at once which master key the epoch has; without one, `keys.witness` must follow.
    Raises BadHost, BadCompanyPrefix, BrandExists.
    """
    plain = host.strip().lower()
    if len(plain) > MAX_HOST or not _HOST.fullmatch(plain):
        raise BadHost(f"{host!r} cannot be printed; use a host name of at most {MAX_HOST} letters, digits, . and -.")
    if company_prefix is not None and not _COMPANY_PREFIX.fullmatch(company_prefix):
        raise BadCompanyPrefix(f"{company_prefix!r} is no GS1 company prefix; it has 4 to 12 digits.")
    taken = tx.execute(select(brands.c.name).where((brands.c.name == name) | (brands.c.host == plain))).scalar()
    made = (
        taken is None
        and tx.execute(
            text(
                "INSERT INTO brands (name, host, company_prefix, created_at) VALUES (:name, :host, :prefix, :now)"
                " ON CONFLICT DO NOTHING RETURNING id"
            ),
            {"name": name, "host": plain, "prefix": company_prefix, "now": now},
        ).scalar()
    )
    if not made:
        raise BrandExists(f"A brand named {name!r} or at {plain} exists; choose another name and host.")
    new_epoch(tx, brand_id=int(made), now=now, provider=provider)
    return Brand(int(made), name, plain, company_prefix)


def list_brands(tx: ReadTx) -> list[Brand]:
    return [Brand(row.id, row.name, row.host, row.company_prefix) for row in tx.execute(select(brands).order_by("id"))]


def of_product(tx: ReadTx, gtin: str) -> Brand:
    """The brand that sells a product. Raises NotAGtin, WrongCheckDigit, UnknownProduct."""
    number = gs1.gtin14(gtin)
    row = tx.execute(
        select(brands).join(products, products.c.brand_id == brands.c.id).where(products.c.gtin == number)
    ).first()
    if row is None:
        raise UnknownProduct(f"There is no product {number}; add it to its brand first.", gtin=number)
    return Brand(row.id, row.name, row.host, row.company_prefix)


def add_product(tx: Tx, *, brand_id: int, gtin: str, name_zh: str, name_en: str, now: datetime) -> str:
    """A product under its GTIN, which comes back as 14 digits; the same again changes nothing.

    Raises NotAGtin, WrongCheckDigit, UnknownBrand, ProductExists.
    """
    number = gs1.gtin14(gtin)
    if tx.execute(select(brands.c.id).where(brands.c.id == brand_id)).first() is None:
        raise UnknownBrand(f"There is no brand {brand_id}.", brand_id=brand_id)
    content = {"brand_id": brand_id, "name_zh": name_zh, "name_en": name_en}
    tx.execute(
        text(
            "INSERT INTO products (gtin, brand_id, name_zh, name_en, created_at)"
            " VALUES (:gtin, :brand_id, :name_zh, :name_en, :now) ON CONFLICT DO NOTHING"
        ),
        {"gtin": number, "now": now, **content},
    )
    found = tx.execute(select(products).where(products.c.gtin == number)).one()
    if {name: getattr(found, name) for name in content} != content:
        raise ProductExists(f"GTIN {number} exists as {found.name_zh!r}; a GTIN has one brand and one name.")
    return number
