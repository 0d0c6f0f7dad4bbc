"""Campaigns: what runs and what is left of it; one campaign with its rule in words, its cost, its approval."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from nicegui import ui

from console import desk, refusals, rule_lab, steps
from console.campaign_builder import build, rule_said
from console.desk import t
from console.layout import local, screen, sheet, table
from foundation import clock
from foundation.database import ReadTx
from loyalty import burning, campaigns
from loyalty.awards import Award
from loyalty.burning import Burn
from loyalty.campaigns import Campaign
from loyalty.caps import Cap
from scan_api.codebook import Codebook

ROLE = "marketer"
COLUMNS = ("campaign", "state", "award", "budget-left", "starts", "ends", "version")
TONES = {"draft": "grey-7", "submitted": "amber-9", "published": "green-8", "retired": "grey-5"}
_BAR = """<q-td :props="props" style="min-width: 9rem">
  <q-linear-progress :value="props.row.share" rounded size="10px" color="primary" track-color="grey-4" />
  <span class="quiet">{{ props.value }}</span></q-td>"""


@ui.page("/campaigns")
async def campaigns_page() -> None:
    async with screen("campaigns") as roles:
        if not roles:
            return
        found, burns = await desk.read(_room)
        with sheet(t("campaigns")):
            if found:
                drawn = table(COLUMNS, [_row(every, burns) for every in found], opens="/campaign/", page=20)
                drawn.add_slot("body-cell-budget-left", _BAR)
            else:
                ui.label(t("no-campaigns")).classes("quiet")
        with sheet(t("campaign-new")):
            build(None, None)


def _room(tx: ReadTx) -> tuple[list[list[Campaign]], Mapping[int, Burn]]:
    """Each campaign with its versions, newest first."""
    found: dict[int, list[Campaign]] = {}
    for one in campaigns.list_campaigns(tx):
        found.setdefault(one.id, []).append(one)
    return list(found.values()), {one.budget_id: one for one in burning.budgets(tx)}


def _row(every: list[Campaign], burns: Mapping[int, Burn]) -> dict[str, Any]:
    """What is in force, and beside its state that of a version being written."""
    live = next((one for one in every if one.state == "published"), every[0])
    one, burn = live, burns[live.budget_id]
    return {
        "id": one.id,
        "campaign": name_of(one),
        "state": " · ".join(dict.fromkeys(t(state_of(it)) for it in (live, every[0]))),
        "award": award_said(one.award),
        "budget-left": f"{burn.left:,} / {burn.total:,}",
        "share": burn.left / burn.total,
        "starts": local(one.starts_at),
        "ends": local(one.ends_at),
        "version": one.version,
    }


def name_of(one: Campaign) -> str:
    return one.name_zh if desk.language() == "zh" else one.name_en


def state_of(one: Campaign) -> str:
    """What people call it: published before its start is scheduled, published after its end is over."""
    now = clock.now()
    if one.state == "published" and one.starts_at > now:
        return "campaign-scheduled"
    if one.state == "published" and one.ends_at is not None and one.ends_at <= now:
        return "campaign-over"
    return f"campaign-{one.state}"


def award_said(award: Award) -> str:
    steps_said = "，".join(f"{at:,}→{gives}" for at, gives in award.steps)
    return t(f"award-said-{award.kind}", factor=award.factor, by=award.by, steps=steps_said)


def cap_said(cap: Cap) -> str:
    return t(
        "cap-said", per=t(f"per-{cap.per}"), window=t(f"window-{cap.window}"), most=f"{cap.most:,}",
        unit=t(f"unit-{cap.unit}"),
    )  # fmt: skip


@ui.page("/campaign/{campaign_id}")
async def campaign_page(campaign_id: int) -> None:
    async with screen("campaigns") as roles:
        if not roles:
            return
        every, burns = await desk.read(
            lambda tx: (campaigns.versions(tx, campaign_id), {one.budget_id: one for one in burning.budgets(tx)})
        )
        one = every[-1]
        burn = burns[one.budget_id]
        with sheet(f"{name_of(one)} · {t('version')} {one.version}"):
            _facts(one, burn)
            _sentence(one)
            ui.separator().classes("q-my-md")
            _steps(one, is_live=any(it.state == "published" for it in every))
        with sheet(t("lab")):
            rule_lab.ask(one, burn)
        if one.state == "draft":
            with sheet(t("campaign-edit")):
                build(one, burn)
        if len(every) > 1:
            with sheet(t("versions")):
                table(
                    ("version", "state", "award", "rule", "drafted-by", "approved-by"), [_version(it) for it in every]
                )


def _facts(one: Campaign, burn: Burn) -> None:
    ui.badge(t(state_of(one)), color=TONES[one.state]).props("rounded").classes("q-mb-sm")
    facts(
        ("award", award_said(one.award)),
        ("trigger", t(f"trigger-{one.trigger}")),
        ("stacking", t(f"stacking-{one.stacking}")),
        ("caps", "；".join(cap_said(cap) for cap in one.caps) or "—"),
        ("starts", local(one.starts_at, "%Y-%m-%d %H:%M")),
        ("ends", local(one.ends_at, "%Y-%m-%d %H:%M")),
        ("drafted-by", one.drafted_by or t("program")),
        ("submitted-by", one.submitted_by or "—"),
        ("approved-by", one.approved_by or "—"),
    )
    ui.label(t("budget-left-said", left=f"{burn.left:,}", total=f"{burn.total:,}")).classes("quiet q-mt-md")
    ui.linear_progress(value=burn.left / burn.total, show_value=False, size="12px").props("rounded")


def facts(*said: tuple[str, str]) -> None:
    """Words and values beside each other, as many in a row as there is room."""
    with ui.row().classes("w-full gap-6"):
        for word, value in said:
            with ui.column().classes("gap-0").style("max-width: 100%"):
                ui.label(t(word)).classes("quiet")
                ui.label(value).style("overflow-wrap: anywhere")


def _sentence(one: Campaign) -> None:
    ui.label(t("rule-means")).classes("quiet q-mt-md")
    ui.label(rule_said(one.rule)).classes("text-weight-medium").mark("sentence")
    ui.label(one.rule_text).style("font-family: monospace; overflow-wrap: anywhere").classes("quiet")


def _steps(one: Campaign, *, is_live: bool) -> None:
    """is_live: a version is in force, this one or one before; it can be stopped whatever is being written."""
    by, says = desk.user_name(), refusals.notice()
    step: Callable[..., Any] = partial(steps.button, says=says, role=ROLE)
    with ui.row().classes("w-full items-end gap-3"):
        match one.state:
            case "draft":
                step("submit", work=lambda tx: campaigns.submit(tx, one.id, one.version, by=by, now=clock.now()))
            case "submitted":
                _approve(one, says)
            case "published" | "retired":
                step("next-version", work=lambda tx: campaigns.revise(tx, one.id, by=by, now=clock.now()))
    if is_live:
        with ui.row().classes("w-full items-end gap-3 q-mt-sm"):
            steps.with_reason(
                "campaign-end", says, ROLE,
                lambda tx, why: campaigns.end(tx, one.id, by=by, reason=why, now=clock.now()),
            )  # fmt: skip


def _approve(one: Campaign, says: ui.label) -> None:
    """Who wrote or submitted it reads that another person is needed; the domain refuses them all the same."""
    by, seeds = desk.user_name(), Codebook(desk.house().keys).campaign_seed
    if by in (one.drafted_by, one.submitted_by):
        ui.label(t("needs-another")).classes("quiet")
    else:
        steps.button(
            "approve-campaign", says, ROLE,
            lambda tx: campaigns.approve(tx, one.id, one.version, by=by, seeds=seeds, now=clock.now()),
        )  # fmt: skip
    steps.with_reason(
        "send-back", says, ROLE,
        lambda tx, why: campaigns.send_back(tx, one.id, one.version, by=by, reason=why, now=clock.now()),
    )  # fmt: skip


def _version(one: Campaign) -> dict[str, Any]:
    return {
        "id": one.version, "version": one.version, "state": t(state_of(one)), "award": award_said(one.award),
        "rule": one.rule_text, "drafted-by": one.drafted_by or t("program"), "approved-by": one.approved_by or "—",
    }  # fmt: skip
