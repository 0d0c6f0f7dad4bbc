"""Members: found by phone number or id, and all we know of one on a page; every look is on record."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from nicegui import ui

from antifraud import regions, scan_log
from antifraud.scan_log import Scan
from console import desk, hand_forms, refusals, typed
from console.campaigns import facts
from console.coupons import said as coupon_said
from console.desk import t
from console.layout import local, screen, sheet, table
from console.redemptions import row_of
from console.spreadsheets import table_of
from foundation import audit, clock
from foundation.database import Tx
from foundation.errors import BadRequest, Problem
from loyalty import coupons, members, rewards, statements, tiers, wallet, wins
from loyalty.coupons import Coupon
from loyalty.expiry import BRAND_ZONE
from loyalty.members import Known, MemberKeys
from loyalty.rewards import Redemption, Reward
from loyalty.tiers import Standing
from loyalty.wallet import Movement, Wallet
from loyalty.wins import Won
from scan_api import auth
from scan_api.auth import SignedIn

MOVEMENTS = 200
STATEMENT_DAYS = 90


@ui.page("/members")
async def members_page() -> None:
    async with screen("members") as roles:
        if not roles:
            return
        with sheet(t("members")):
            ui.label(t("members-why")).classes("quiet q-mb-sm")
            _search()
            many = await desk.read(members.count)
            ui.label(t("members-count", count=f"{many:,}")).classes("quiet q-mt-md")


def _search() -> None:
    by, keys = desk.user_name(), MemberKeys.derive(desk.house().purpose_key)
    with ui.row().classes("w-full items-center gap-3"):
        asked = typed.field("phone-or-id", wide=True)
        pressed = ui.button(t("find")).props("no-caps unelevated")
    says = refusals.notice()

    def find(tx: Tx) -> UUID:
        found = hand_forms.find(tx, asked.value or "", keys)
        audit.record(tx, actor=by, action="member.find", subject=f"member:{found}", now=clock.now())
        return found

    async def press() -> None:
        says.set_visibility(False)
        try:
            ui.navigate.to(f"/member/{await desk.write(find)}")
        except Problem as problem:
            refusals.show(says, problem)

    pressed.on_click(press)
    asked.on("keydown.enter", press)


@dataclass(frozen=True, slots=True)
class File:
    """Everything the page shows, read at one moment."""

    known: Known
    wallet: Wallet
    standing: Standing
    movements: list[Movement]
    scans: list[Scan]
    wins: list[Won]
    redemptions: list[Redemption]
    offered: dict[int, Reward]
    coupons: list[Coupon]
    sessions: list[SignedIn]
    consents: list[dict[str, object]]


@ui.page("/member/{member_id}")
async def member_page(member_id: UUID, before: str = "") -> None:
    async with screen("members") as roles:
        if not roles:
            return
        by = desk.user_name()
        one = await desk.write(lambda tx: _opened(tx, member_id, UUID(before) if before else None, by))
        with sheet(_name(one.known)):
            _head(one)
            if one.known.erased_at is None:
                ui.link(t("hand-give"), f"/by-hand?member={one.known.id}").classes("text-primary")
        with sheet(t("movements")):
            _movements(one)
            _statement(member_id)
        with sheet(t("scans")):
            _list(("time", "verdict", "place", "device", "points"), [_scan(scan) for scan in one.scans], "no-scans")
        with sheet(t("prizes")):
            _list(("prize", "prize-kind", "worth", "state", "time"), [_won(won) for won in one.wins], "no-prizes")
        with sheet(t("redemptions")):
            rows = [row_of(it, one.offered, {}) for it in one.redemptions]
            _list(("reward", "price", "state", "tracking", "time"), rows, "no-redemptions", opens="/redemption/")
        with sheet(t("coupons")):
            for coupon in one.coupons:
                ui.label(coupon_said(coupon))
            if not one.coupons:
                ui.label(t("no-coupons")).classes("quiet")
        with sheet(t("sessions")):
            _list(("via", "browser", "since", "expires"), [_session(it) for it in one.sessions], "no-sessions")


def _opened(tx: Tx, member_id: UUID, before: UUID | None, by: str) -> File:
    """Looking is an access like any other."""
    now = clock.now()
    known = members.known(tx, member_id)
    audit.record(tx, actor=by, action="member.view", subject=f"member:{member_id}", now=now)
    return File(
        known, wallet.balance(tx, member_id, now=now), tiers.standing(tx, member_id),
        wallet.history(tx, member_id, limit=MOVEMENTS, before=before), scan_log.of_member(tx, member_id),
        wins.of_member(tx, member_id), rewards.of_member(tx, member_id),
        {one.id: one for one in rewards.list_rewards(tx)}, coupons.of_member(tx, member_id),
        auth.sessions_of(tx, member_id, now=now), wallet.consents_of(tx, member_id),
    )  # fmt: skip


def _name(known: Known) -> str:
    shown = " · ".join(mask for _, mask in known.identifiers)
    return shown or t("member-erased" if known.erased_at else "member-nameless")


def _head(one: File) -> None:
    level, ahead = one.standing.level, one.standing.next
    chinese = desk.language() == "zh"
    if one.known.merged_into is not None:
        ui.label(t("member-merged"))
        ui.link(str(one.known.merged_into), f"/member/{one.known.merged_into}").classes("text-primary")
    with ui.row().classes("w-full gap-6"):
        for word, value in (
            ("points-available", one.wallet.available), ("points-pending", one.wallet.pending),
            ("points-reserved", one.wallet.reserved), ("growth", one.standing.qualifying),
        ):  # fmt: skip
            with ui.column().classes("gap-0"):
                ui.label(f"{value:,}").classes("figure").mark(word)
                ui.label(t(word)).classes("quiet")
    ui.separator().classes("q-my-md")
    facts(
        ("member-id", str(one.known.id)),
        ("since", local(one.known.since, "%Y-%m-%d")),
        ("tier", level.zh if chinese else level.en),
        ("tier-until", local(one.standing.until, "%Y-%m-%d")),
        ("tier-next", f"{ahead[0].zh if chinese else ahead[0].en} · {ahead[1]:,}" if ahead else "—"),
        ("consents", "；".join(_consent(it) for it in one.consents) or "—"),
    )


def _consent(one: dict[str, Any]) -> str:
    return f"{one['purpose']}/{one['channel']} {'✓' if one['granted'] else '✕'}"


def _list(keys: tuple[str, ...], rows: list[dict[str, Any]], none: str, *, opens: str = "") -> None:
    if rows:
        table(keys, rows, opens=opens, page=10).props("dense")
    else:
        ui.label(t(none)).classes("quiet")


def _movements(one: File) -> None:
    """Every row leads back to where its points came from."""
    chinese = desk.language() == "zh"
    rows = [
        {"id": str(it.transfer_id), "why": it.reason_zh if chinese else it.reason_en, "points": f"{it.points:+,}",
         "after": f"{it.after:,}" + (f" {t('pending-points')}" if it.is_pending else ""), "time": local(it.at)}
        for it in one.movements
    ]  # fmt: skip
    _list(("why", "points", "after", "time"), rows, "no-movements", opens="/lineage/")
    if len(rows) == MOVEMENTS:
        ui.link(t("older"), f"/member/{one.known.id}?before={rows[-1]['id']}").classes("text-primary")


def _statement(member_id: UUID) -> None:
    today, says = clock.now().astimezone(BRAND_ZONE).date(), refusals.notice()
    with ui.row().classes("w-full items-center gap-3 q-mt-md"):
        first, last = typed.day("since", today - timedelta(days=STATEMENT_DAYS)), typed.day("until", today)

        async def press() -> None:
            try:
                begin, end = typed.read_day(first.value, "since"), typed.read_day(last.value, "until")
                found = await desk.read(lambda tx: statements.statement(tx, member_id, first=begin, last=end))
            except BadRequest as problem:
                refusals.show(says, problem)
                return
            rows = ((it.at.isoformat(), it.kind, it.reason_zh, it.points, it.after) for it in found.lines)
            content = table_of(("at", "kind", "reason", "points", "after"), rows)
            ui.download.content(content, f"statement-{begin}-{end}.csv", "text/csv")

        ui.button(t("statement-csv"), on_click=press).props("no-caps outline dense")


def _scan(one: Scan) -> dict[str, Any]:
    return {
        "id": str(one.scan_id), "time": local(one.received_at, "%m-%d %H:%M:%S"), "verdict": t(one.verdict),
        "place": regions.name(one.region, desk.language()) if one.region else "—", "device": f"…{one.device[-6:]}",
        "points": f"{one.reward_points:+,}" if one.reward_points else "—",
    }  # fmt: skip


def _won(one: Won) -> dict[str, Any]:
    worth = typed.yuan(one.amount) if one.kind == "red_packet" else f"{one.amount:,}"
    return {
        "id": str(one.win_id), "prize": one.name_zh if desk.language() == "zh" else one.name_en,
        "prize-kind": t(f"prize-{one.kind}"), "worth": worth if one.amount else "—", "state": t(f"win-{one.state}"),
        "time": local(one.drawn_at),
    }  # fmt: skip


def _session(one: SignedIn) -> dict[str, Any]:
    return {
        "id": str(one.session_id), "via": t(f"via-{one.via}"), "browser": one.browser or "—",
        "since": local(one.created_at), "expires": local(one.expires_at),
    }  # fmt: skip
