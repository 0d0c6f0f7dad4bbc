"""A prize pool as a form: prizes with their weights, what the law wants said, and how much may be paid at once.

A draft is written once: who wants another copies it. The odds are checked as they are typed.
"""

from datetime import timedelta
from typing import Any

from nicegui import ui

from codegen import brands
from console import desk, refusals, steps, typed
from console.desk import t
from foundation import clock
from foundation.database import Tx
from foundation.errors import BadRequest
from loyalty import prizes
from loyalty.draws import Prize
from loyalty.prizes import Content, Pool

ROLE = "marketer"
SOON, LASTS = timedelta(hours=1), timedelta(days=30)
MINUTE_FEN, HOUR_FEN = 100_00, 1000_00
OUT_OF = 1_000_000


async def build(like: Pool | None) -> None:
    """An empty form, or one filled with another pool's words and prizes."""
    makers = await desk.read(brands.list_brands)
    if not makers:
        ui.label(t("no-brands")).classes("quiet")
        return
    by, now = desk.user_name(), clock.now()
    with ui.row().classes("w-full gap-3"):
        brand = ui.select({one.id: one.name for one in makers}, value=makers[0].id, label=t("brand"))
        brand.props("outlined dense").style("flex: 1 1 9rem")
        name_zh = typed.field("name-zh", like.name_zh if like else "", wide=True)
        name_en = typed.field("name-en", like.name_en if like else "", wide=True)
    with ui.row().classes("w-full gap-3 q-mt-sm"):
        starts, ends = typed.instant("starts", now + SOON), typed.instant("ends", now + LASTS)
        minute = typed.field("pool-minute", f"{(like.minute_fen if like else MINUTE_FEN) / 100:.2f}")
        hour = typed.field("pool-hour", f"{(like.hour_fen if like else HOUR_FEN) / 100:.2f}")
        gtins = typed.field("pool-gtins", " ".join(sorted(like.gtins)) if like else "")
    table = _Prizes(like)
    with ui.row().classes("w-full gap-3 q-mt-sm"):
        said = {name: _words(name, like) for name in prizes.DISCLOSED}
    says = refusals.notice()

    def save(tx: Tx) -> Pool:
        begin, end = typed.read_instant(starts.value, "starts"), typed.read_instant(ends.value, "ends")
        if begin is None or end is None:
            raise BadRequest("Say when the pool starts and when it ends.")
        return prizes.draft(
            tx,
            Content(
                brand_id=brand.value,
                name_zh=(name_zh.value or "").strip(),
                name_en=(name_en.value or "").strip(),
                gtins=(gtins.value or "").split(),
                prizes=table.read(),
                out_of=typed.whole(table.out_of.value, "out of"),
                disclosure={name: one.value or "" for name, one in said.items()},
                starts_at=begin,
                ends_at=end,
                minute_fen=typed.fen(minute.value, "minute"),
                hour_fen=typed.fen(hour.value, "hour"),
            ),
            by=by,
            now=clock.now(),
        )

    steps.button("save-draft", says, ROLE, save, then=steps.to("/pool/")).classes("q-mt-sm")


def _words(name: str, like: Pool | None) -> ui.textarea:
    made = ui.textarea(t(f"say-{name}"), value=like.disclosure.get(name, "") if like else "")
    return made.props("outlined dense autogrow stack-label").style("flex: 1 1 14rem")


class _Prizes:
    """The rows of prizes as typed, and what their weights add up to."""

    def __init__(self, like: Pool | None) -> None:
        self.rows: list[dict[str, Any]] = [_row(one) for one in like.prizes] if like else [_new(), _nothing()]
        with ui.column().classes("w-full gap-3 q-mt-md"):
            self._draw()
        with ui.row().classes("w-full items-center gap-3"):
            self.out_of = typed.number("out-of", like.out_of if like else OUT_OF, least=1)
            self.out_of.on_value_change(self._weigh)
            self.sum = ui.label().classes("quiet").props('aria-live="polite"')
        self._weigh()

    def read(self) -> list[Prize]:
        return [_prize(place, row) for place, row in enumerate(self.rows, 1)]

    @ui.refreshable_method
    def _draw(self) -> None:
        for at, row in enumerate(self.rows):
            with ui.row().classes("w-full items-center gap-3"):
                typed.choice("prize-kind", [*prizes.KINDS], row["kind"], prefix="prize-").bind_value(row, "kind")
                typed.field("name-zh", row["name_zh"]).bind_value(row, "name_zh")
                typed.field("name-en", row["name_en"]).bind_value(row, "name_en")
                typed.field("prize-gives", row["gives"]).bind_value(row, "gives")
                typed.field("prize-worth", row["worth"]).bind_value(row, "worth")
                typed.number("prize-weight", row["weight"]).bind_value(row, "weight").on_value_change(self._weigh)
                typed.number("prize-quantity", row["quantity"]).bind_value(row, "quantity")
                drop = ui.button(icon="close", on_click=lambda at=at: self._drop(at)).props("flat dense round")
                drop.props["aria-label"] = t("prize-drop")
        ui.button(t("prize-add"), on_click=self._add).props("flat dense no-caps icon=add")

    def _add(self) -> None:
        self.rows.insert(-1, _new())
        self._draw.refresh()

    def _drop(self, at: int) -> None:
        del self.rows[at]
        self._draw.refresh()
        self._weigh()

    def _weigh(self) -> None:
        given, out_of = sum(row["weight"] or 0 for row in self.rows), self.out_of.value or 0
        self.sum.set_text(t("weights-said", given=f"{given:,.0f}", out_of=f"{out_of:,.0f}"))
        self.sum.classes(replace="quiet" if given == out_of else "text-negative")


def _new() -> dict[str, Any]:
    return {
        "kind": "red_packet", "name_zh": "", "name_en": "", "gives": "1.00", "worth": "", "weight": 1000,
        "quantity": 1000,
    }  # fmt: skip


def _nothing() -> dict[str, Any]:
    return _new() | {
        "kind": "nothing", "name_zh": "谢谢参与", "name_en": "Better luck next time", "gives": "",
        "weight": OUT_OF - 1000, "quantity": None,
    }  # fmt: skip


def _row(one: Prize) -> dict[str, Any]:
    gives = f"{one.amount / 100:.2f}" if one.kind == "red_packet" else str(one.amount or "")
    return {
        "kind": one.kind, "name_zh": one.name_zh, "name_en": one.name_en, "gives": gives,
        "worth": f"{one.value_fen / 100:.2f}" if one.value_fen else "", "weight": one.weight, "quantity": one.quantity,
    }  # fmt: skip


def _prize(place: int, row: dict[str, Any]) -> Prize:
    """gives: yuan of a red packet, points, or nothing. Raises BadRequest naming the prize."""
    kind, gives, what = row["kind"], (row["gives"] or "").strip(), f"prize {place}"
    if kind == "points" and not gives.isdecimal():
        raise BadRequest(f"{what}: give a whole number of points.")
    amount = typed.fen(gives, what) if kind == "red_packet" else int(gives) if kind == "points" else 0
    worth = typed.fen(row["worth"], what) or (amount if kind == "red_packet" else 0)
    quantity = None if row["quantity"] is None else typed.whole(row["quantity"], what)
    names = (row["name_zh"] or "").strip(), (row["name_en"] or "").strip()
    return Prize(place, kind, *names, amount, worth, typed.whole(row["weight"], what), quantity)
