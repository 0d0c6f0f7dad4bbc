"""The ladder of tiers: what each takes and gives, who stands on it, and the next one by two people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from console import desk, tier_builder
from console.campaigns import facts
from console.desk import t
from console.layout import screen, sheet, table
from console.rule_lab import bars
from foundation.database import ReadTx
from loyalty import ladders, tiers
from loyalty.ladders import Draft
from loyalty.tiers import Level, Scheme

COLUMNS = ("tier", "tier-needs", "tier-benefits", "tier-members")


@ui.page("/tiers")
async def tiers_page() -> None:
    async with screen("tiers") as roles:
        if not roles:
            return
        room = await desk.read(_room)
        scheme, counted = room.scheme, room.counted
        with sheet(t("tiers")):
            ui.label(t("tiers-why")).classes("quiet q-mb-sm")
            facts(
                ("version", str(scheme.version) if scheme.version else t("tier-template")),
                ("tier-period", t("days-said", days=scheme.period.days)),
                ("tier-notice", t("days-said", days=scheme.notice.days)),
            )
            table(COLUMNS, [_row(one, counted) for one in scheme.levels])
        with sheet(t("tier-members")):
            if counted:
                bars([_name(one) for one in scheme.levels], [counted.get(one.tier, 0) for one in scheme.levels],
                     t("tier-members"))  # fmt: skip
            else:
                ui.label(t("no-tier-members")).classes("quiet")
        if room.draft:
            with sheet(t("tier-draft")):
                tier_builder.waiting(room.draft, room.foreseen, counted)
        with sheet(t("tier-edit" if room.draft else "tier-new")):
            tier_builder.build(scheme, room.draft)


@dataclass(frozen=True, slots=True)
class Room:
    """foreseen: members by the draft's levels; empty without a draft."""

    scheme: Scheme
    counted: Mapping[str, int]
    draft: Draft | None
    foreseen: Mapping[str, int]


def _room(tx: ReadTx) -> Room:
    draft = ladders.current(tx)
    foreseen = ladders.foresee(tx, draft.levels) if draft else {}
    return Room(tiers.in_force(tx), tiers.counts(tx), draft, foreseen)


def _name(one: Level) -> str:
    return one.zh if desk.language() == "zh" else one.en


def _row(one: Level, counted: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": one.tier, "tier": _name(one), "tier-needs": tier_builder.needs_said(one.needs),
        "tier-benefits": tier_builder.benefits_said(one.benefits),
        "tier-members": f"{counted.get(one.tier, 0):,}",
    }  # fmt: skip
