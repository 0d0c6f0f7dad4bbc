"""Everything that sleeps, in one list, the next to wake first: rules that put cases to sleep, and single cases."""

from functools import partial

from nicegui import ui

from antifraud import snoozes
from antifraud.reasons import SENTENCES
from antifraud.snoozes import Asleep, Rule
from console import acting, desk, naming, questions
from console.desk import t
from console.layout import local, screen, sheet, table
from foundation import clock
from foundation.database import ReadTx

COLUMNS = ("case", "what", "until", "who", "reason-given")


@ui.page("/snoozes")
async def snoozes_page() -> None:
    async with screen("snoozes") as roles:
        if not roles:
            return
        rules, asleep, dealers = await desk.read(_list)
        with sheet(t("sleeping-rules")):
            ui.label(t("sleeping-why")).classes("quiet q-mb-sm")
            for rule in rules:
                _rule(rule)
            if not rules:
                ui.label(t("sleeping-none")).classes("quiet")
            ui.button(t("sleeping-add"), on_click=_add).props("no-caps outline dense").classes("q-mt-sm")
        with sheet(t("sleeping-cases")):
            if not asleep:
                ui.label(t("sleeping-no-cases")).classes("quiet")
                return
            rows = [
                {
                    "id": one.case_id, "case": f"#{one.case_id} {naming.about(one.pivot, dealers)}",
                    "what": "、".join(naming.reason(code) for code in one.codes), "until": local(one.until),
                    "who": one.by or t("by-a-rule"), "reason-given": one.reason,
                }
                for one in asleep
            ]  # fmt: skip
            table(COLUMNS, rows, opens="/case/", page=25).props("dense")


def _list(tx: ReadTx) -> tuple[list[Rule], list[Asleep], dict[int, str]]:
    now = clock.now()
    return snoozes.rules(tx, now=now), snoozes.asleep(tx, now=now), naming.dealers(tx)


def _rule(rule: Rule) -> None:
    with ui.row().classes("items-center gap-2 w-full"):
        ui.label(f"{naming.reason(rule.code)} · {rule.pivot_prefix}…").classes("text-weight-medium")
        ui.label(t("sleeping-said", until=local(rule.until), by=rule.by, reason=rule.reason)).classes("quiet")
        ui.button(t("sleeping-end"), on_click=lambda: _end(rule)).props("no-caps dense flat")


async def _add() -> None:
    with ui.dialog() as dialog, ui.card().style("min-width: min(30rem, 92vw)"):
        ui.label(t("sleeping-add")).classes("heading")
        codes = {code: t(code) for code in sorted(SENTENCES)}
        code = ui.select(codes, value="DIV_CARTON_TASK", label=t("reason-code"), with_input=True)
        prefix = ui.input(t("sleeping-prefix"), placeholder="dealer:7:")
        chosen = ui.radio({one: t(f"while-{one}") for one in questions.WHILES}, value="7d").props("inline dense")
        why = ui.input(t("reason")).props("maxlength=500")
        for one in (code, prefix, why):
            one.props("outlined dense").classes("w-full")
        with ui.row().classes("gap-2"):
            ui.button(t("sleeping-add"), on_click=lambda: questions.submit(dialog, why)).props("no-caps unelevated")
            ui.button(t("not-now"), on_click=lambda: dialog.submit(None)).props("no-caps flat")
    if await dialog:
        now = clock.now()
        work = partial(
            snoozes.add, code=code.value, pivot_prefix=(prefix.value or "").strip(),
            until=questions.until(chosen.value, now), by=desk.user_name(), reason=(why.value or "").strip(), now=now,
        )  # fmt: skip
        if await acting.acted(work) is not None:
            ui.navigate.reload()


async def _end(rule: Rule) -> None:
    why = await questions.reason(t("sleeping-end"), button=t("sleeping-end"))
    if why is not None:
        work = partial(snoozes.end, rule_id=rule.id, by=desk.user_name(), reason=why, now=clock.now())
        if await acting.acted(work) is not None:
            ui.navigate.reload()
