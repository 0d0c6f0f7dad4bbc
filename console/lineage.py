"""Where points came from: transfer, rule version, campaign, item, case and dealer; and which rules were asked."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from nicegui import ui

from codegen import items
from codegen.items import Event
from console import desk
from console.campaign_builder import rule_said
from console.campaigns import facts
from console.desk import t
from console.layout import screen, sheet, table
from console.life import draw_timeline
from foundation.database import ReadTx
from loyalty import campaigns, lineage, receipts
from loyalty.campaigns import Campaign
from loyalty.lineage import Lineage
from loyalty.receipts import Receipt
from loyalty.wallet import said


@ui.page("/lineage/{transfer_id}")
async def lineage_page(transfer_id: UUID) -> None:
    async with screen("members") as roles:
        if not roles:
            return
        one, receipt, life, version = await desk.read(lambda tx: _file(tx, transfer_id))
        reason = said(one.kind, one.reason)[desk.language() == "en"]
        with sheet(f"{reason} · {one.amount:,} {t('unit-points')}"):
            facts(
                ("transfer", str(one.transfer_id)),
                ("trigger", t(f"trigger-{one.trigger}") if one.trigger else "—"),
                ("campaign", f"{_name(version)} · {t('version')} {version.version}" if version else "—"),
                ("run_id", str(one.run_id or "—")),
                ("gtin", one.gtin or "—"),
                ("dealer", str(one.dealer_id or "—")),
                ("taken-back", f"{one.reversed:,}"),
                ("undoes", str(one.reverses or "—")),
            )
            if version is not None:
                ui.label(t("rule-means")).classes("quiet q-mt-md")
                ui.label(rule_said(version.rule)).classes("text-weight-medium")
            with ui.row().classes("gap-4 q-mt-sm"):
                if version is not None:
                    ui.link(t("campaign-open"), f"/campaign/{version.id}").classes("text-primary")
                if one.owner:
                    ui.link(t("member-open"), f"/member/{one.owner}").classes("text-primary")
        _lots(one)
        if receipt is not None:
            with sheet(t("rules-tried")):
                _tried(receipt)
        if one.item is not None:
            draw_timeline(life)


def _file(tx: ReadTx, transfer_id: UUID) -> tuple[Lineage, Receipt | None, list[Event], Campaign | None]:
    one = lineage.lineage(tx, transfer_id)
    receipt = receipts.receipts_of(tx, [one.correlation_id]).get(one.correlation_id) if one.correlation_id else None
    life = items.history(tx, one.item) if one.item is not None else []
    every = campaigns.versions(tx, one.campaign_id) if one.campaign_id is not None else []
    return one, receipt, life, next((it for it in every if it.version == one.rule_version), None)


def _name(one: Campaign) -> str:
    return one.name_zh if desk.language() == "zh" else one.name_en


def _lots(one: Lineage) -> None:
    """A spending leads on to the credits it drew on."""
    if one.lots:
        with sheet(t("drawn-on")):
            rows = [{"id": str(lot), "transfer": f"…{str(lot)[-12:]}", "points": f"{many:,}"} for lot, many in one.lots]
            table(("transfer", "points"), rows, opens="/lineage/", page=10)


def _tried(receipt: Receipt) -> None:
    for asked in receipt.tried:
        ui.label(f"{t('campaign')} {asked['campaign']} · {t('version')} {asked['version']} · {_outcome(asked)}")
    if not receipt.tried:
        ui.label(t("no-rules-tried")).classes("quiet")


def _outcome(asked: Mapping[str, Any]) -> str:
    """Which rule paid how much, and why the others did not."""
    paid = f" {asked['paid']:+,}" if asked["result"] == "paid" else ""
    return t(f"tried-{asked['result']}") + paid
