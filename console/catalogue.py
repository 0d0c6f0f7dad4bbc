"""The catalogue: what points buy, for whom, how much of it is left; written by one person, offered by another."""

from typing import Any

from nicegui import ui

from console import desk, refusals, steps, typed
from console.campaigns import facts
from console.desk import t
from console.layout import local, screen, sheet, table
from foundation import clock
from foundation.database import Tx
from foundation.errors import BadRequest
from loyalty import coupons, rewards, tiers
from loyalty.rewards import Reward, Terms

ROLE = "marketer"
COLUMNS = ("reward", "reward-kind", "price", "stock-left", "state", "ends")
TONES = {"draft": "grey-7", "published": "green-8", "withdrawn": "grey-5"}


@ui.page("/catalogue")
async def catalogue_page() -> None:
    async with screen("catalogue") as roles:
        if not roles:
            return
        found = await desk.read(rewards.list_rewards)
        with sheet(t("catalogue")):
            if found:
                table(COLUMNS, [_row(one) for one in found], opens="/reward/", page=20)
            else:
                ui.label(t("no-rewards")).classes("quiet")
        with sheet(t("reward-new")):
            await _build(None)


def _row(one: Reward) -> dict[str, Any]:
    return {
        "id": one.id,
        "reward": name_of(one),
        "reward-kind": t(f"reward-{one.kind}"),
        "price": price_of(one.points, one.cash_fen),
        "stock-left": "∞" if one.remaining is None else f"{one.remaining:,} / {one.stock:,}",
        "state": t(f"reward-{one.state}"),
        "ends": local(one.ends_at),
    }


def name_of(one: Reward) -> str:
    return one.name_zh if desk.language() == "zh" else one.name_en


def price_of(points: int, cash_fen: int) -> str:
    parts = [t("points-said", points=f"{points:,}")] * bool(points) + [typed.yuan(cash_fen)] * bool(cash_fen)
    return " + ".join(parts)


@ui.page("/reward/{reward_id}")
async def reward_page(reward_id: int) -> None:
    async with screen("catalogue") as roles:
        if not roles:
            return
        one = await desk.read(lambda tx: rewards.get(tx, reward_id))
        with sheet(name_of(one)):
            ui.badge(t(f"reward-{one.state}"), color=TONES[one.state]).props("rounded").classes("q-mb-sm")
            facts(
                ("reward-kind", t(f"reward-{one.kind}")),
                ("price", price_of(one.points, one.cash_fen)),
                ("stock-left", _row(one)["stock-left"]),
                ("per-member-limit", f"{one.per_member} / {t(f'window-{one.period}')}" if one.per_member else "—"),
                ("tier-gate", "、".join(one.tiers) or t("every-tier")),
                ("starts", local(one.starts_at, "%Y-%m-%d %H:%M")),
                ("ends", local(one.ends_at, "%Y-%m-%d %H:%M")),
                ("drafted-by", one.drafted_by),
                ("approved-by", one.approved_by or "—"),
            )
            ui.separator().classes("q-my-md")
            _steps(one)
        if one.state == "draft":
            with sheet(t("reward-edit")):
                await _build(one)


def _steps(one: Reward) -> None:
    by, says = desk.user_name(), refusals.notice()
    with ui.row().classes("w-full items-end gap-3"):
        if one.state == "draft" and one.drafted_by == by:
            ui.label(t("needs-another")).classes("quiet")
        elif one.state == "draft":
            steps.button("reward-publish", says, ROLE, lambda tx: rewards.publish(tx, one.id, by=by, now=clock.now()))
        if one.remaining is not None and one.state != "withdrawn":
            more = typed.number("restock-by", least=1)
            steps.button(
                "restock", says, ROLE,
                lambda tx: rewards.restock(tx, one.id, typed.whole(more.value, "stock"), by=by, now=clock.now()),
                look="outline",
            )  # fmt: skip
        if one.state == "published":
            steps.button(
                "reward-withdraw", says, ROLE, lambda tx: rewards.withdraw(tx, one.id, by=by, now=clock.now()),
                look="outline color=negative",
            )  # fmt: skip


async def _build(one: Reward | None) -> None:
    by, scheme = desk.user_name(), await desk.read(tiers.in_force)
    with ui.row().classes("w-full gap-3"):
        kind = typed.choice("reward-kind", [*rewards.KINDS], one.kind if one else "goods", prefix="reward-")
        name_zh = typed.field("name-zh", one.name_zh if one else "", wide=True)
        name_en = typed.field("name-en", one.name_en if one else "", wide=True)
    with ui.row().classes("w-full gap-3 q-mt-sm"):
        points = typed.number("price-points", one.points if one else 100)
        cash = typed.field("price-cash", f"{one.cash_fen / 100:.2f}" if one and one.cash_fen else "")
        stock = typed.number("stock", one.stock if one else None)
        per_member = typed.number("per-member-limit", one.per_member if one else 0)
        period = typed.choice("per-period", [*rewards.PERIODS], one.period if one else "ever", prefix="window-")
    with ui.row().classes("w-full gap-3 q-mt-sm"):
        names = {level.tier: level.zh if desk.language() == "zh" else level.en for level in scheme.levels}
        gate = ui.select(names, value=[*one.tiers] if one else [], multiple=True, label=t("tier-gate"))
        gate.props("outlined dense use-chips").style("flex: 1 1 12rem")
        starts = typed.instant("starts", one.starts_at if one else clock.now())
        ends = typed.instant("ends", one.ends_at if one else None)
    with ui.row().classes("w-full gap-3 q-mt-sm").bind_visibility_from(kind, "value", value="coupon"):
        gives = Gives(one.coupon if one and one.coupon else {})
    says = refusals.notice()

    def save(tx: Tx) -> Reward:
        begin = typed.read_instant(starts.value, "starts")
        if begin is None:
            raise BadRequest("Say when the reward is first offered.")
        terms = Terms(
            kind.value, (name_zh.value or "").strip(), (name_en.value or "").strip(),
            typed.whole(points.value or 0, "points"), begin, cash_fen=typed.fen(cash.value, "cash"),
            stock=None if stock.value is None else typed.whole(stock.value, "stock"),
            per_member=typed.whole(per_member.value or 0, "limit"), period=period.value, tiers=gate.value,
            coupon=gives.terms() if kind.value == "coupon" else None, ends_at=typed.read_instant(ends.value, "ends"),
        )  # fmt: skip
        if one is None:
            return rewards.draft_terms(tx, terms, by=by, now=clock.now())
        return rewards.amend(tx, one.id, terms, by=by, now=clock.now())

    steps.button("save-draft", says, ROLE, save, then=steps.to("/reward/")).classes("q-mt-sm")


class Gives:
    """What a coupon takes off, as fields."""

    def __init__(self, terms: Any) -> None:
        self.kind = typed.choice("coupon-kind", [*coupons.KINDS], terms.get("kind", "fixed"), prefix="coupon-")
        self.off = typed.field("coupon-off", f"{terms['off_fen'] / 100:.2f}" if "off_fen" in terms else "")
        self.percent = typed.number("coupon-percent", terms.get("percent"), least=1)
        self.least = typed.field("coupon-from", f"{terms['from_fen'] / 100:.2f}" if "from_fen" in terms else "")
        self.days = typed.number("coupon-days", terms.get("days", 30), least=1)

    def terms(self) -> dict[str, Any]:
        """Only what was filled in. Raises BadRequest."""
        found: dict[str, Any] = {"kind": self.kind.value, "days": typed.whole(self.days.value, "days")}
        if off := typed.fen(self.off.value, "off"):
            found["off_fen"] = off
        if self.percent.value is not None:
            found["percent"] = typed.whole(self.percent.value, "percent")
        if least := typed.fen(self.least.value, "from"):
            found["from_fen"] = least
        return found
