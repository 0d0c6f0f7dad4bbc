"""Deciding a case: with one key and a sentence, or with the form and what follows for points and codes; and undoing it.

A decision somebody just made themselves is undone with one key: the case is theirs again. What was done to points or
codes with it stays, and the screen says so: those have steps of their own.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import get_args

from nicegui import ui

from antifraud import cases
from antifraud.cases import LEASE, OUTCOMES, Case, CaseMoved, Outcome
from console import acting, desk, questions
from console.case_file import File
from console.desk import t
from console.layout import local, sheet
from foundation import clock
from foundation.database import Tx
from scan_api import reviewing
from scan_api.codebook import Codebook
from scan_api.reviewing import Action, Involved

UNDO = timedelta(minutes=10)


def draw_decision(file: File, roles: frozenset[str]) -> None:
    case = file.case
    with sheet(t("decision")):
        ui.label(t("reached", holds=len(file.involved.holds), items=len(file.involved.items))).classes("quiet q-mb-sm")
        if case.state != "closed":
            ui.label(t("keys-case")).classes("quiet q-mb-sm gt-xs")
        if case.state == "closed":
            _closed(case)
        elif case.assignee != desk.user():
            ui.label(t("take-first")).classes("q-mb-sm")
            ui.button(t("take"), on_click=lambda: take(case.id)).props("no-caps unelevated")
        else:
            _form(case, file.involved, file.products, roles)
            if case.leased_until is not None:
                ui.timer(LEASE.total_seconds() / 3, lambda: keep(case.id))


def _closed(case: Case) -> None:
    ui.label(f"{t('decided')}: {t(case.outcome or '')}").classes("text-weight-medium")
    ui.label(f"{case.closed_by} · {local(case.closed_at)}").classes("quiet")
    ui.label(case.reason or "")
    if case.actions:
        ui.label(t("undo-keeps")).classes("quiet q-mt-sm")
    word = "undo" if _fresh(case) else "reopen"
    ui.button(t(word), on_click=lambda: undo(case)).props("no-caps outline dense").classes("q-mt-sm")


def _fresh(case: Case) -> bool:
    return case.closed_by == desk.user() and case.closed_at is not None and clock.now() - case.closed_at < UNDO


def _form(case: Case, reached: Involved, products: Mapping[str, str], roles: frozenset[str]) -> None:
    outcome = ui.radio({name: f"{t(name)}" for name in OUTCOMES}).props("dense")
    ui.separator().classes("q-my-sm")
    offered = [one for one in get_args(Action) if one != "accept-appeal" or reached.appeals]
    boxes = {action: ui.checkbox(t(action)).props("dense") for action in offered}
    if "supervisor" not in roles:
        boxes["void-codes"].disable()
    product = ui.select(dict(products), label=t("appeal-product"), with_input=True).props("outlined dense")
    product.classes("w-full q-mt-sm").set_visibility(bool(products))
    reason = ui.textarea(t("reason")).props("outlined autogrow").classes("w-full q-my-sm")

    async def decide() -> None:
        actions = [action for action, box in boxes.items() if box.value]
        missing = _missing(outcome.value, actions, reason.value or "")
        if not missing and products and "accept-appeal" in actions and product.value is None:
            missing = "appeal-product-needed"
        if missing:
            ui.notify(t(missing), type="warning")
            return
        await _decided(case.id, outcome.value, actions, reason.value, roles, product=product.value)

    with ui.row().classes("gap-2"):
        ui.button(t("decide"), on_click=decide).props("no-caps unelevated")
        ui.button(t("release"), on_click=lambda: release(case.id)).props("no-caps flat")
        ui.button(t("snooze"), on_click=lambda: snooze(case)).props("no-caps flat")


def _missing(outcome: str | None, actions: list[Action], reason: str) -> str | None:
    """What the form lacks, in the language of the screen; the rules themselves are `reviewing`'s."""
    if outcome is None:
        return "choose-outcome"
    if any(pair <= set(actions) for pair in reviewing.CONTRADICTIONS):
        return "contradiction"
    return None if reason.strip() else "reason-needed"


async def one_key(case: Case, outcome: Outcome, roles: frozenset[str]) -> None:
    """Take it if nobody has, and decide, with a sentence: points and codes stay as they are."""
    if case.state == "closed":
        ui.notify(t("already-decided"))
        return
    why = await questions.reason(t("decide-as", outcome=t(outcome)), button=t("decide"), ready=_reasons(outcome))
    if why is not None:
        await _decided(case.id, outcome, [], why, roles, taking=case.assignee != desk.user())


def _reasons(outcome: Outcome) -> list[str]:
    return [t(f"because-{outcome}-{number}") for number in (1, 2, 3)]


async def _decided(
    case_id: int, outcome: Outcome, actions: list[Action], reason: str, roles: frozenset[str], *, taking: bool = False,
    product: str | None = None,
) -> None:  # fmt: skip
    by, seeds = desk.user_name(), Codebook(desk.house().keys).campaign_seed

    def work(tx: Tx) -> Case:
        now = clock.now()
        if taking:
            cases.take(tx, case_id, by=by, now=now)
        return reviewing.settle_case(
            tx, case_id, outcome, actions=actions, by=by, roles=roles, reason=reason, seeds=seeds,
            product=product, now=now,
        )  # fmt: skip

    await _then_reload(await acting.acted(work))


async def undo(case: Case) -> None:
    """Take a decided case up again: at once when it was just decided by this person, with a reason otherwise."""
    if case.state != "closed":
        return
    why: str | None = t("undone")
    if not _fresh(case):
        why = await questions.reason(t("reopen-why"), button=t("reopen"))
    if why is not None:
        work = partial(cases.reopen, case_id=case.id, by=desk.user_name(), reason=why, now=clock.now())
        await _then_reload(await acting.acted(work))


async def take(case_id: int) -> None:
    work = partial(cases.take, case_id=case_id, by=desk.user_name(), now=clock.now())
    await _then_reload(await acting.acted(work))


async def snooze(case: Case) -> None:
    """Out of the queue until then."""
    answer = await questions.snooze(1)
    if answer is not None:
        until, why = answer
        work = partial(
            cases.snooze, case_id=case.id, until=until, by=desk.user_name(), reason=why, now=clock.now()
        )  # fmt: skip
        await _then_reload(await acting.acted(work))


async def keep(case_id: int) -> None:
    """A page that stays open keeps the case: another lease, as long as nobody took it over."""
    by = desk.user_name()
    with suppress(CaseMoved):
        await desk.write(lambda tx: cases.renew(tx, case_id, by=by, now=clock.now()))


async def release(case_id: int) -> None:
    work = partial(cases.release, case_id=case_id, by=desk.user_name(), now=clock.now())
    await _then_reload(await acting.acted(work))


async def _then_reload(done: Case | None) -> None:
    if done is not None:
        ui.navigate.reload()
