"""Where a GS1 Digital Link leads: links that a brand hangs on a key, a lot, or a range of items.

An anchor is the path of a canonical Digital Link without its serial: `/01/06901234567892`, `/01/.../10/LOT7`,
`/00/369012340000000017`. A link may be narrowed to the items of a run or of a range; a serial of ours tells its item
without a query, so one row serves a billion serials. Links are never changed: withdrawn ones stay on record.

A request walks up: its whole path first, then every path with qualifiers left out, the more specific first. A GTIN
prefix may be handed to another resolver (`delegates.py`).
"""

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any
from urllib.parse import quote

from sqlalchemy import Row, select, text

from codegen import delegates, digital_link, hierarchy
from codegen.brands import Brand, list_brands
from codegen.digital_link import DigitalLink
from codegen.keys import UnknownBrand
from codegen.runs import UnknownRun
from codegen.tables import links as link_table
from codegen.tables import products
from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, NotFound

VOCABULARY = "https://gs1.org/voc/"
_VOCABULARIES = ("gs1:", VOCABULARY, "http://gs1.org/voc/", "https://ref.gs1.org/voc/", "https://www.gs1.org/voc/")
# The link types of the GS1 Web Vocabulary, without defaultLink, which a flag says.
_TYPES = """
activityIdeas allergenInfo appDownload brandHomepageClinical brandHomepagePatient careersInfo
certificationInfo consumerHandlingStorageInfo dpp epcis epil eventsInfo faqs handledBy hasRetailers
homepage ingredientsInfo instructions jws leaveReview locationInfo logisticsInfo loyaltyProgram
masterData menuInfo nutritionalInfo openingHoursInfo paymentLink pip productSustainabilityInfo
promotion purchaseSuppliesOrAccessories quickStartGuide recallStatus recipeInfo registerProduct
registryEntry relatedImage relatedVideo reservations review safetyInfo scheduleTime serviceInfo
smartLabel smpc socialMedia statisticInfo subscribe support sustainabilityInfo traceability tutorial
userAgreement verificationService whatsInTheBox
"""
TYPES = frozenset(_TYPES.split())
_HREF = re.compile(r"https://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[^\s\"<>\\^`{|}?#]*)?(\?[^\s\"<>#]*)?", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)
_MIME = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+", re.ASCII)
MAX_HREF = 2000


class BadLink(BadRequest):
    """A part of the link is unusable; the sentence says which."""

    type = "bad-link"


class UnknownLink(NotFound):
    type = "unknown-link"


@dataclass(frozen=True, slots=True)
class NewLink:
    """`of`: a Digital Link or its path, without serial. `run_id` narrows it to a run's items, `items` to some.

    `/01/6901234*` hands a prefix to another resolver: gs1:handledBy, and `href` is its root.
    """

    of: str
    link_type: str
    href: str
    title: str
    language: str | None = None
    mime: str | None = None
    default: bool = False
    run_id: int | None = None
    items: tuple[int, int] | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """`items`: None when it holds for everything under its anchor."""

    id: int
    brand_id: int
    anchor: str
    items: tuple[int, int] | None
    link_type: str
    href: str
    title: str
    language: str | None
    mime: str | None
    default: bool
    valid_from: datetime
    valid_until: datetime | None
    added_by: str
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Level:
    """One step of the walk up: the path of a Digital Link, and what hangs there for the item asked about."""

    path: str
    links: tuple[Link, ...]

    @property
    def default(self) -> Link | None:
        """A default of the very item comes before one of all."""
        found = [link for link in self.links if link.default]
        return min(found, key=lambda link: link.items is None, default=None)


def type_of(name: str) -> str | None:
    """`pip` for gs1:pip and its full addresses; None for what is no link type of GS1."""
    for vocabulary in _VOCABULARIES:
        if name.startswith(vocabulary):
            short = name.removeprefix(vocabulary)
            return short if short in TYPES or short == "defaultLink" else None
    return None


def add(tx: Tx, brand_id: int, new: NewLink, *, by: str, now: datetime) -> Link:
    """Hang a link. A new default takes over from the one before. Raises BadLink, UnknownBrand, UnknownRun."""
    brand = next((one for one in list_brands(tx) if one.id == brand_id), None)
    if brand is None:
        raise UnknownBrand(f"There is no brand {brand_id}.", brand_id=brand_id)
    link_type, began = _checked(new), new.valid_from or now
    prefix = delegates.prefix_of(new.of)
    if prefix is not None:
        anchor, items = delegates.anchor_of(prefix), None
        _require_delegate(tx, brand, new, prefix, link_type)
    else:
        anchor, key, value = _anchor(new.of)
        items = _items(tx, brand_id, new, key, value)
        _require_own(tx, brand, key, value)
    if new.valid_until is not None and new.valid_until <= began:
        raise BadLink("The link would end before it begins.")
    # Two that add a default at one anchor take turns here.
    tx.execute(text("SELECT 1 FROM brands WHERE id = :brand FOR NO KEY UPDATE"), {"brand": brand_id})
    if new.default:
        tx.execute(text(_DEMOTE), {"anchor": anchor, **_ends(items)})
    made = tx.execute(
        text(_INSERT),
        {
            "brand": brand_id, "anchor": anchor, "type": link_type, **_ends(items),
            "href": new.href, "title": new.title.strip(), "language": new.language, "mime": new.mime,
            "default": new.default, "from": began, "until": new.valid_until, "by": by, "now": now,
        },
    ).scalar_one()  # fmt: skip
    after = {"anchor": anchor, "type": link_type, "href": new.href, "default": new.default}
    audit.record(tx, actor=by, action="link.add", subject=f"link:{made}", after=after, now=now)
    return _link(tx.execute(text(f"{_SELECT} WHERE id = :id"), {"id": made}).one())


def withdraw(tx: Tx, link_id: int, *, by: str, now: datetime) -> None:
    """Take a link down; again changes nothing. Raises UnknownLink."""
    row = tx.execute(select(link_table.c.withdrawn_at).where(link_table.c.id == link_id).with_for_update()).first()
    if row is None:
        raise UnknownLink(f"There is no link {link_id}.", link_id=link_id)
    if row.withdrawn_at is None:
        tx.execute(
            text("UPDATE links SET withdrawn_at = :now, withdrawn_by = :by WHERE id = :id"),
            {"id": link_id, "by": by, "now": now},
        )
        audit.record(tx, actor=by, action="link.withdraw", subject=f"link:{link_id}", now=now)


def get(tx: ReadTx, link_id: int) -> Link:
    """Raises UnknownLink."""
    row = tx.execute(text(f"{_SELECT} WHERE id = :id"), {"id": link_id}).first()
    if row is None:
        raise UnknownLink(f"There is no link {link_id}.", link_id=link_id)
    return _link(row)


def list_links(tx: ReadTx, *, brand_id: int | None = None, limit: int = 500) -> list[Link]:
    """The links of a brand, or of all, newest first; withdrawn ones too."""
    rows = tx.execute(
        text(f"{_SELECT} WHERE CAST(:brand AS bigint) IS NULL OR brand_id = :brand ORDER BY id DESC LIMIT :limit"),
        {"brand": brand_id, "limit": limit},
    )
    return [_link(row) for row in rows]


def walk(tx: ReadTx, link: DigitalLink, *, item: int | None, now: datetime) -> list[Level]:
    """The levels at which something hangs, the most specific first; the request's own path always leads the list."""
    paths = _paths(link)
    rows = tx.execute(
        text(
            f"{_SELECT} WHERE anchor = ANY (CAST(:anchors AS text[])) AND withdrawn_at IS NULL AND valid_from <= :now"
            " AND (valid_until IS NULL OR valid_until > :now)"
            " AND (items IS NULL OR items @> CAST(:item AS bigint)) ORDER BY items IS NULL, id"
        ),
        {"anchors": paths, "item": item, "now": now},
    )
    found = [_link(row) for row in rows]
    # What is narrowed to items is as specific as the request itself, wherever it is anchored.
    mine = tuple(one for one in found if one.items is not None or one.anchor == paths[0])
    rest = [(path, tuple(one for one in found if one.items is None and one.anchor == path)) for path in paths[1:]]
    return [Level(paths[0], mine), *(Level(path, hanging) for path, hanging in rest if hanging or path == paths[-1])]


def delegate(tx: ReadTx, link: DigitalLink, *, now: datetime) -> Link | None:
    """Who answers for the prefix of its GTIN, the longest prefix first; None: nobody else."""
    paths = delegates.anchors(link)
    rows = tx.execute(
        text(
            f"{_SELECT} WHERE anchor = ANY (CAST(:anchors AS text[])) AND withdrawn_at IS NULL AND valid_from <= :now"
            " AND (valid_until IS NULL OR valid_until > :now) ORDER BY length(anchor) DESC, id DESC LIMIT 1"
        ),
        {"anchors": paths, "now": now},
    )
    row = rows.first() if paths else None
    return None if row is None else _link(row)


def is_ours(tx: ReadTx, link: DigitalLink) -> bool:
    """Whether the key is a product or a logistic unit of ours, links or none."""
    ai, value = link.key
    if ai == "01":
        return tx.execute(select(products.c.gtin).where(products.c.gtin == value)).first() is not None
    if ai == "00":
        try:
            hierarchy.contents(tx, value)
        except hierarchy.UnknownUnit:
            return False
        return True
    return False


def _paths(link: DigitalLink) -> list[str]:
    """Every path with qualifiers left out, the longest first, the rightmost qualifier given up last."""
    found = list[str]()
    for kept in range(len(link.qualifiers), -1, -1):
        for chosen in sorted(combinations(range(len(link.qualifiers)), kept), reverse=True):
            pairs = (link.key, *(link.qualifiers[at] for at in chosen))
            found.append("".join(f"/{ai}/{quote(value, safe='')}" for ai, value in pairs))
    return found


def _anchor(of: str) -> tuple[str, str, str]:
    """(path, key AI, key value) of what a link hangs on."""
    link = digital_link.parse(of if "://" in of else digital_link.CANONICAL_STEM + "/" + of.strip().lstrip("/"))
    if link.attributes:
        raise BadLink("A link hangs on what identifies a thing; leave the part after the question mark away.")
    return link.path, *link.key


def _items(tx: ReadTx, brand_id: int, new: NewLink, key: str, value: str) -> tuple[int, int] | None:
    """The range the link is narrowed to: of one run of the brand's, and of the anchor's product."""
    if new.run_id is None and new.items is None:
        return None
    low, high = new.items or (0, 1)
    row = tx.execute(
        text(
            "SELECT gtin, lower(items) AS low, upper(items) AS high FROM runs WHERE brand_id = :brand AND"
            " (id = :run OR CAST(:run AS bigint) IS NULL AND items @> int8range(:low, :high))"
        ),
        {"brand": brand_id, "run": new.run_id, "low": low, "high": max(low, high)},
    ).first()
    if row is None or low >= high:
        raise UnknownRun(f"The brand has no run {new.run_id or f'with the items {low} to {high}'}.")
    if (key, value) != ("01", row.gtin):
        raise BadLink(f"Those items are of product {row.gtin}; hang the link on /01/{row.gtin}.")
    return new.items or (row.low, row.high)


def _ends(items: tuple[int, int] | None) -> dict[str, int | None]:
    return {"low": items[0], "high": items[1]} if items else {"low": None, "high": None}


def _require_own(tx: ReadTx, brand: Brand, key: str, value: str) -> None:
    """A brand speaks for its own products, units and numbers only."""
    owner: int | None = None
    if key == "01":
        owner = tx.execute(select(products.c.brand_id).where(products.c.gtin == value)).scalar()
    elif key == "00":
        owner = tx.execute(text("SELECT brand_id FROM units WHERE sscc = :sscc"), {"sscc": value}).scalar()
    # The prefix stands behind an extension, indicator or zero digit in these keys, and first in all others.
    company = value[1:] if key in ("00", "8003", "8006") else value
    own_prefix = brand.company_prefix is not None and key != "01" and company.startswith(brand.company_prefix)
    if owner == brand.id or (owner is None and own_prefix):
        return
    raise BadLink(f"AI {key} {value} is not of brand {brand.name!r}.")


def _require_delegate(tx: ReadTx, brand: Brand, new: NewLink, prefix: str, link_type: str) -> None:
    """A brand hands on what GS1 gave it, to a resolver that is none of ours: two that send on would never answer."""
    if link_type != delegates.LINK_TYPE or new.default or new.run_id is not None or new.items is not None:
        raise BadLink(f"Only gs1:{delegates.LINK_TYPE} hangs on a prefix, for all of it and not as default.")
    if brand.company_prefix is None or not prefix.startswith(brand.company_prefix):
        raise BadLink(f"The prefix {prefix} is not of brand {brand.name!r}.")
    host = delegates.host_of(new.href)
    if host is None or host in {one.host for one in list_brands(tx)}:
        raise BadLink(f"{new.href[:80]} is not the root of another resolver, such as https://id.example.com.")


def _checked(new: NewLink) -> str:
    link_type = type_of(new.link_type if ":" in new.link_type else f"gs1:{new.link_type}")
    if link_type is None or link_type == "defaultLink":
        raise BadLink(f"{new.link_type!r} is no link type of GS1; use one such as gs1:pip or gs1:traceability.")
    if len(new.href) > MAX_HREF or not _HREF.fullmatch(new.href):
        raise BadLink("A link leads to an address that begins with https://, without blanks, fragment or user name.")
    if not 0 < len(new.title.strip()) <= 200:
        raise BadLink("A link needs a title of 1 to 200 characters; it is what people choose by.")
    if new.language is not None and not _LANGUAGE.fullmatch(new.language):
        raise BadLink(f"{new.language!r} is no language tag; use one such as zh or en-GB.")
    if new.mime is not None and not _MIME.fullmatch(new.mime):
        raise BadLink(f"{new.mime!r} is no media type; use one such as text/html.")
    return link_type


def _link(row: Row[Any]) -> Link:
    items = None if row.low is None else (row.low, row.high)
    return Link(
        row.id, row.brand_id, row.anchor, items, row.link_type, row.href, row.title, row.language, row.mime,
        row.is_default, row.valid_from, row.valid_until, row.added_by, row.withdrawn_at,
    )  # fmt: skip


_SELECT = "SELECT *, lower(items) AS low, upper(items) AS high FROM links"
_DEMOTE = """
UPDATE links SET is_default = false
WHERE is_default AND withdrawn_at IS NULL AND (
    CAST(:low AS bigint) IS NULL AND items IS NULL AND anchor = :anchor
    OR CAST(:low AS bigint) IS NOT NULL AND items && int8range(CAST(:low AS bigint), CAST(:high AS bigint)))
"""
_INSERT = """
INSERT INTO links (brand_id, anchor, items, link_type, href, title, language, mime, is_default, valid_from, valid_until,
                   added_by, added_at)
VALUES (:brand, :anchor,
        CASE WHEN CAST(:low AS bigint) IS NOT NULL THEN int8range(CAST(:low AS bigint), CAST(:high AS bigint)) END,
        :type, :href, :title, :language, :mime, :default, :from, :until, :by, :now)
RETURNING id
"""
