"""What is done about a case while it is open: actions that end by themselves, and can be undone before."""

from collections.abc import Sequence
from functools import partial

from nicegui import ui

from antifraud import case_actions
from antifraud.action_effects import EFFECTS, Action
from antifraud.signals import network, storable
from codegen import hierarchy
from console import acting, desk, naming, questions
from console.case_file import File
from console.desk import t
from console.layout import local, sheet
from foundation import clock
from foundation.database import Tx

SHOWN = 8  # Subjects of a kind that are offered; the others are found by their own case.
ABOUT = {
    "challenge": ("device", "address", "member"),
    "block_device": ("device", "address", "member"),
    "hold_points": ("device", "address", "member", "item", "sscc"),
    "freeze_codes": ("item", "sscc"),
    "dealer_notice": ("dealer",),
    "rebate_hold": ("dealer",),
}
TONES = {"proposed": "amber-9", "active": "primary", "expired": "grey-6", "undone": "grey-6", "refused": "grey-6"}


def draw_acts(file: File) -> None:
    with sheet(t("acts")):
        if not file.acts:
            ui.label(t("acts-none")).classes("quiet")
        for one in reversed(file.acts):
            _draw(one, file)
        if file.case.state != "closed":
            ui.button(t("act-take"), on_click=lambda: _ask(file)).props("no-caps outline dense").classes("q-mt-sm")


def _draw(one: Action, file: File) -> None:
    with ui.column().classes("gap-0 q-mb-sm w-full"):
        with ui.row().classes("items-center gap-2"):
            ui.badge(t(f"act-is-{one.state}"), color=TONES[one.state]).props("rounded")
            ui.label(f"{t(f'act-{one.kind}')} · {naming.about(one.subject, file.dealers)}").classes(
                "text-weight-medium"
            )
        said = t("act-said", by=one.by, until=local(one.until))
        second = f" · {t('act-agreed', by=one.approved_by)}" if one.approved_by else ""
        ui.label(f"{said}{second} · {one.reason}").classes("quiet")
        if one.state in case_actions.STANDING and one.until > clock.now():
            with ui.row().classes("gap-2"):
                if one.state == "proposed" and one.by != desk.user():
                    ui.button(t("step-approve"), on_click=lambda: _approve(one)).props("no-caps dense unelevated")
                    ui.button(t("step-refuse"), on_click=lambda: _refuse(one)).props("no-caps dense flat")
                elif one.state == "proposed":
                    ui.label(t("needs-another")).classes("quiet")
                ui.button(t("act-undo"), on_click=lambda: _undo(one)).props("no-caps dense flat")


def subjects(file: File) -> list[str]:
    """What an action can be about, as `device:…`, the most scanned first."""
    counts: dict[str, int] = {}
    for scan in file.scans:
        named = {"device": storable(scan.device), "address": storable(network(scan.address)), "item": scan.item,
                 "member": scan.member_id, "sscc": scan.sscc}  # fmt: skip
        for kind, name in named.items():
            if name is not None:
                counts[f"{kind}:{name}"] = counts.get(f"{kind}:{name}", 0) + 1
    ranked = sorted(counts, key=lambda subject: (-counts[subject], subject))
    kept = [one for kind in ("device", "address", "member", "item", "sscc")
            for one in [one for one in ranked if one.startswith(f"{kind}:")][:SHOWN]]  # fmt: skip
    return [*kept, *([file.case.pivot] if file.case.pivot.startswith("dealer:") else [])]


async def _ask(file: File) -> None:
    """Which action, on what, until when and why."""
    offered, kinds = subjects(file), [kind for kind in ABOUT if kind in EFFECTS]
    fits = {
        kind: [one for one in offered if one.startswith(tuple(f"{about}:" for about in ABOUT[kind]))] for kind in kinds
    }
    kinds = [kind for kind in kinds if fits[kind]]
    if not kinds:
        ui.notify(t("act-nothing"))
        return

    def named(kind: str) -> dict[str, str]:
        return {one: naming.about(one, file.dealers) for one in fits[kind]}

    with ui.dialog() as dialog, ui.card().style("min-width: min(30rem, 92vw)"):
        ui.label(t("act-take")).classes("heading")
        kind = ui.select({one: t(f"act-{one}") for one in kinds}, value=kinds[0], label=t("act-kind"))
        about = ui.select(named(kinds[0]), value=fits[kinds[0]][0], label=t("act-about"))
        kind.on_value_change(lambda event: about.set_options(named(event.value), value=fits[event.value][0]))
        for one in (kind, about):
            one.props("outlined dense").classes("w-full")
        chosen = ui.radio({one: t(f"while-{one}") for one in questions.WHILES}, value="7d").props("inline dense")
        why = ui.input(t("reason")).props("outlined dense maxlength=500").classes("w-full")
        with ui.row().classes("gap-2"):
            ui.button(t("act-take"), on_click=lambda: questions.submit(dialog, why)).props("no-caps unelevated")
            ui.button(t("not-now"), on_click=lambda: dialog.submit(None)).props("no-caps flat")
    if not await dialog:
        return
    by, now = desk.user_name(), clock.now()
    until, reason = questions.until(chosen.value, now), (why.value or "").strip()

    def work(tx: Tx) -> Action:
        subject = str(about.value)
        if kind.value == "freeze_codes":
            return case_actions.freeze(
                tx, file.case.id, subject, items_of(tx, subject), until=until, by=by, reason=reason, now=now
            )
        return case_actions.act(tx, file.case.id, kind.value, subject, until=until, by=by, reason=reason, now=now)

    _reload(await acting.acted(work))


def items_of(tx: Tx, subject: str) -> Sequence[tuple[int, int]]:
    """The item numbers a bottle or a carton stands for, as ranges."""
    kind, _, name = subject.partition(":")
    return [(int(name), int(name) + 1)] if kind == "item" else hierarchy.everything_in(tx, name)[1]


async def _approve(one: Action) -> None:
    _reload(await acting.acted(partial(case_actions.approve, action_id=one.id, by=desk.user_name(), now=clock.now())))


async def _refuse(one: Action) -> None:
    why = await questions.reason(t("step-refuse"), button=t("step-refuse"))
    if why is not None:
        work = partial(case_actions.refuse, action_id=one.id, by=desk.user_name(), reason=why, now=clock.now())
        _reload(await acting.acted(work))


async def _undo(one: Action) -> None:
    why = await questions.reason(t("act-undo"), button=t("act-undo"))
    if why is not None:
        work = partial(case_actions.undo, action_id=one.id, by=desk.user_name(), reason=why, now=clock.now())
        _reload(await acting.acted(work))


def _reload(done: Action | None) -> None:
    if done is not None:
        ui.navigate.reload()
