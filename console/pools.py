"""Prize pools: what is left, at which odds, what was promised before the start and how anyone checks it afterwards."""

from typing import Any

from nicegui import ui

from console import desk, refusals, steps, typed
from console.campaigns import facts
from console.desk import t
from console.layout import local, screen, sheet, table
from console.pool_builder import build
from foundation import clock
from loyalty import prizes
from loyalty.draws import Prize
from loyalty.prizes import Pool
from scan_api.codebook import Codebook

ROLE = "marketer"
COLUMNS = ("pool", "state", "starts", "ends", "draws", "prizes-left")
PRIZES = ("prize-place", "prize", "prize-kind", "worth", "chance", "prizes-left")
TONES = {"draft": "grey-7", "published": "green-8", "revealed": "blue-8"}


@ui.page("/pools")
async def pools_page(copy: int | None = None) -> None:
    async with screen("pools") as roles:
        if not roles:
            return
        found = await desk.read(prizes.list_pools)
        with sheet(t("pools")):
            if found:
                table(COLUMNS, [_row(one) for one in found], opens="/pool/", page=20)
            else:
                ui.label(t("no-pools")).classes("quiet")
        with sheet(t("pool-new")):
            await build(next((one for one in found if one.id == copy), None))


def _row(one: Pool) -> dict[str, Any]:
    counted = [prize for prize in one.prizes if prize.quantity is not None]
    left, all_ = sum(one.remaining.values()), sum(prize.quantity or 0 for prize in counted)
    return {
        "id": one.id,
        "pool": name_of(one),
        "state": t("pool-held" if one.held_reason else f"pool-{one.state}"),
        "starts": local(one.starts_at),
        "ends": local(one.ends_at),
        "draws": f"{one.draws:,}",
        "prizes-left": f"{left:,} / {all_:,}",
    }


def name_of(one: Pool | Prize) -> str:
    return one.name_zh if desk.language() == "zh" else one.name_en


@ui.page("/pool/{pool_id}")
async def pool_page(pool_id: int) -> None:
    async with screen("pools") as roles:
        if not roles:
            return
        one = await desk.read(lambda tx: prizes.get(tx, pool_id))
        with sheet(name_of(one)):
            _standing(one)
            ui.separator().classes("q-my-md")
            _steps(one)
        with sheet(t("prizes")):
            table(PRIZES, [_prize(one, prize) for prize in one.prizes])
        with sheet(t("disclosure")):
            for name in prizes.DISCLOSED:
                ui.label(t(f"say-{name}")).classes("quiet q-mt-sm")
                ui.label(one.disclosure.get(name, "")).style("overflow-wrap: anywhere")


def _standing(one: Pool) -> None:
    ui.badge(t(f"pool-{one.state}"), color=TONES[one.state]).props("rounded").classes("q-mb-sm")
    facts(
        ("starts", local(one.starts_at, "%Y-%m-%d %H:%M:%S")),
        ("ends", local(one.ends_at, "%Y-%m-%d %H:%M:%S")),
        ("pool-products", "、".join(sorted(one.gtins)) or t("every-product")),
        ("draws", f"{one.draws:,}"),
        ("pool-minute", typed.yuan(one.minute_fen)),
        ("pool-hour", typed.yuan(one.hour_fen)),
        ("drafted-by", one.drafted_by),
        ("approved-by", one.approved_by or "—"),
    )
    if one.commitment is not None:
        ui.label(t("commitment")).classes("quiet q-mt-md")
        ui.label(one.commitment.hex()).style("font-family: monospace; overflow-wrap: anywhere").mark("commitment")
        here = desk.house().settings
        address = f"{here.public_url or f'http://{here.host}:{here.port}'}/v1/prizes/{one.id}"
        ui.link(address, address, new_tab=True).style("overflow-wrap: anywhere")
        ui.label(t("pool-verify")).classes("quiet")


def _steps(one: Pool) -> None:
    by, says = desk.user_name(), refusals.notice()
    seeds = Codebook(desk.house().keys).pool_seed
    if one.held_reason:
        ui.label(t("breaker-tripped", reason=one.held_reason)).classes("text-negative").props('role="status"')
    elif one.state != "draft":
        ui.label(t("breaker-holds")).classes("quiet")
    with ui.row().classes("w-full items-end gap-3"):
        if one.state == "draft" and one.drafted_by == by:
            ui.label(t("needs-another")).classes("quiet")
        elif one.state == "draft":
            steps.button(
                "pool-publish", says, ROLE, lambda tx: prizes.publish(tx, one.id, seeds=seeds, by=by, now=clock.now())
            )
        if one.state == "published" and one.ends_at <= clock.now():
            steps.button(
                "pool-reveal", says, ROLE, lambda tx: prizes.reveal(tx, one.id, seeds=seeds, by=by, now=clock.now())
            )
        if one.held_reason:
            steps.with_reason(
                "pool-resume", says, ROLE,
                lambda tx, why: prizes.resume(tx, one.id, by=by, reason=why, now=clock.now()),
            )  # fmt: skip
        elif one.state != "draft":
            steps.with_reason(
                "pool-pause", says, ROLE, lambda tx, why: prizes.pause(tx, one.id, by=by, reason=why, now=clock.now())
            )
        ui.link(t("pool-copy"), f"/pools?copy={one.id}").classes("text-primary")


def _prize(pool: Pool, one: Prize) -> dict[str, Any]:
    left = "∞" if one.quantity is None else f"{pool.remaining[one.place]:,} / {one.quantity:,}"
    fen = max(one.value_fen, one.amount)
    worth = f"{one.amount:,}" if one.kind == "points" else typed.yuan(fen) if fen else "—"
    return {
        "id": one.place, "prize-place": one.place, "prize": name_of(one), "prize-kind": t(f"prize-{one.kind}"),
        "worth": worth, "chance": f"{100 * one.weight / pool.out_of:.6g}%", "prizes-left": left,
    }  # fmt: skip
