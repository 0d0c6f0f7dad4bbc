"""The story of a pack, for whoever holds a genuine one: made, checked, shipped; from what happened to the item.

Days, not times; provinces, not towns; no numbers of items, cases, orders or documents: nothing from which a competitor
could count. The dealer is named only where the brand says so. Told to the phone that scanned, or to its member.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from antifraud import regions, scan_log
from antifraud.scan_log import Scan
from codegen import brands, items, runs, shipments
from codegen.items import Event
from codegen.run_index import Run
from foundation import audit
from foundation.database import ReadTx, Tx
from foundation.errors import NotFound
from scan_api.tables import story_settings

TOLD = frozenset({"genuine", "genuine_again", "claimed"})
Both = Mapping[str, str]


class NoStory(NotFound):
    """The scan is not there, not the caller's, or not of a genuine item; which is not told."""

    type = "no-story"


@dataclass(frozen=True, slots=True)
class Step:
    """what: made, checked or shipped; on: the brand's calendar day; where and who in Chinese and English, or None."""

    what: str
    on: date
    where: Both | None = None
    who: Both | None = None


@dataclass(frozen=True, slots=True)
class Story:
    product: Both
    brand: str
    lot: str | None
    best_before: date | None
    steps: tuple[Step, ...]


def tell(tx: ReadTx, scan_id: UUID, *, member_id: UUID | None, device: str, zone: ZoneInfo) -> Story:
    """Raises NoStory."""
    found = scan_log.by_ids(tx, [scan_id])
    if not found or not _may_hear(found[0], member_id, device):
        raise NoStory("There is no story to tell of this scan.")
    item = found[0].item
    run = runs.load_index(tx).find(item) if item is not None else None
    if item is None or run is None:
        raise NoStory("There is no story to tell of this scan.")
    brand = next(one for one in brands.list_brands(tx) if one.id == run.brand_id)
    return Story(
        product={"zh": run.product_zh, "en": run.product_en},
        brand=brand.name,
        lot=run.lot,
        best_before=run.expires_at.astimezone(zone).date() if run.expires_at else None,
        steps=_steps(tx, run, items.history(tx, int(item)), zone),
    )


def _may_hear(scan: Scan, member_id: UUID | None, device: str) -> bool:
    mine = scan.device == device or (member_id is not None and scan.member_id == member_id)
    return mine and scan.verdict in TOLD


def _steps(tx: ReadTx, run: Run, history: list[Event], zone: ZoneInfo) -> tuple[Step, ...]:
    """In the order things happen on the way to a shop; of several shipments the last is the one that got here."""
    happened = {event.what: event for event in history}  # The latest of each kind.
    checked, shipped = happened.get("commissioned"), happened.get("shipped")
    steps = [Step("made", run.produced_on)] if run.produced_on else []
    if checked:
        steps.append(Step("checked", checked.at.astimezone(zone).date()))
    if shipped:
        steps.append(_shipped(tx, run, shipped, zone))
    return tuple(steps)


def _shipped(tx: ReadTx, run: Run, event: Event, zone: ZoneInfo) -> Step:
    facts: Mapping[str, Any] = event.facts
    dealer = next(one for one in shipments.dealers(tx) if one.id == facts["dealer_id"])
    provinces = sorted({regions.province_of(region) for region in dealer.regions})
    where = {language: "、".join(regions.name(one, language) for one in provinces) for language in ("zh",)}
    where |= {"en": ", ".join(regions.name(one, "en") for one in provinces)}
    who = {"zh": dealer.name, "en": dealer.name} if names_dealers(tx, run.brand_id) else None
    return Step("shipped", event.at.astimezone(zone).date(), where if 0 < len(provinces) <= 3 else None, who)


def names_dealers(tx: ReadTx, brand_id: int) -> bool:
    this = select(story_settings.c.names_dealers).where(story_settings.c.brand_id == brand_id)
    return bool(tx.execute(this).scalar())


def name_dealers(tx: Tx, brand_id: int, *, named: bool, by: str, now: datetime) -> None:
    """Whether stories of this brand's packs name the dealer from now on. Audited."""
    before = names_dealers(tx, brand_id)
    row = {"names_dealers": named, "changed_at": now, "changed_by": by}
    added = insert(story_settings).values(brand_id=brand_id, **row)
    tx.execute(added.on_conflict_do_update(index_elements=["brand_id"], set_=row))
    told = {"names_dealers": before}, {"names_dealers": named}
    audit.record(
        tx, actor=by, action="story.change", subject=f"brand:{brand_id}", before=told[0], after=told[1], now=now
    )
