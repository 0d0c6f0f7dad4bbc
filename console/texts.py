"""The brand's words: what a phone shows for each verdict, with its limits and its look; what a story names."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from nicegui import ui

from codegen import brands
from console import desk, refusals
from console.desk import t
from console.layout import screen, sheet
from foundation import clock
from foundation.database import ReadTx
from foundation.errors import Problem
from scan_api import story, texts, verdict_texts
from scan_api.texts import Language, Words
from scan_api.verdict_texts import HOUSE, TEXT, TITLE, Key

_TONES = {"genuine": "#0b6e54", "genuine_again": "#0b6e54", "not_active": "#8a5700", "suspicious": "#8a5700",
          "claimed": "#8a5700"}  # fmt: skip
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@ui.page("/texts")
async def texts_page(brand: int = HOUSE) -> None:
    async with screen("texts") as roles:
        if not roles:
            return
        changed, makers = await desk.read(_said)
        whose = {HOUSE: t("every-brand")} | {brand_id: name for brand_id, name, _ in makers}
        with sheet(t("texts")):
            ui.label(t("texts-why")).classes("quiet")
            picked = ui.select(whose, value=brand if brand in whose else HOUSE, label=t("brand")).props(
                "outlined dense"
            )
            picked.classes("w-64").on_value_change(lambda event: ui.navigate.to(f"/texts?brand={event.value}"))
        for verdict in texts.VERDICTS:
            with sheet(t(verdict)):
                if verdict == "unknown":
                    ui.label(t("unknown-why")).classes("quiet")
                with ui.row().classes("w-full gap-4"):
                    for language in LANGUAGES:
                        _editor((int(picked.value), verdict, language), changed)
        with sheet(t("story")):
            ui.label(t("story-why")).classes("quiet")
            for brand_id, name, named in makers:
                ui.switch(name, value=named, on_change=partial(_name_dealers, brand_id))


def _said(tx: ReadTx) -> tuple[Mapping[Key, Words], list[tuple[int, str, bool]]]:
    makers = [(one.id, one.name, story.names_dealers(tx, one.id)) for one in brands.list_brands(tx)]
    return verdict_texts.changed(tx), makers


def _editor(key: Key, changed: Mapping[Key, Words]) -> None:
    """Two fields, what the phone will show of them, and two buttons."""
    _, verdict, language = key
    now = changed.get(key) or changed.get((HOUSE, verdict, language)) or texts.words(verdict, language)
    with ui.column().classes("col-12 col-md gap-2").style("min-width: min(18rem, 100%); flex: 1"):
        title = ui.input(t(f"title-{language}"), value=now.title).props(f"outlined dense counter maxlength={TITLE}")
        text = ui.textarea(t(f"text-{language}"), value=now.text).props(f"outlined autogrow counter maxlength={TEXT}")
        for one in (title, text):
            one.classes("w-full")
        with ui.element("div").classes("sheet").style(f"border-top: 5px solid {_TONES.get(verdict, '#b3261e')}"):
            ui.label().bind_text_from(title, "value").classes("text-h6").style("overflow-wrap: anywhere")
            ui.label().bind_text_from(text, "value").style("overflow-wrap: anywhere")
        with ui.row().classes("gap-2"):
            ui.button(t("save"), on_click=lambda: _change(key, title, text)).props("no-caps unelevated")
            if key in changed:
                ui.button(t("reset"), on_click=lambda: _reset(key)).props("no-caps flat")


async def _change(key: Key, title: ui.input, text: ui.textarea) -> None:
    words, by = Words(title.value or "", " ".join((text.value or "").split("\n"))), desk.user_name()
    await _tried(lambda tx: verdict_texts.change(tx, key, words, by=by, now=clock.now()))


async def _reset(key: Key) -> None:
    by = desk.user_name()
    await _tried(lambda tx: verdict_texts.reset(tx, key, by=by, now=clock.now()))


async def _name_dealers(brand_id: int, event: Any) -> None:
    by, named = desk.user_name(), bool(event.value)
    await _tried(lambda tx: story.name_dealers(tx, brand_id, named=named, by=by, now=clock.now()))


async def _tried(work: Any) -> None:
    """Do it if this person still may; a refusal is one sentence on the screen."""
    if not {"marketer", "supervisor"} & await desk.roles():
        ui.notify(t("no-role"), type="negative")
        return
    try:
        await desk.write(work)
    except Problem as problem:
        ui.notify(refusals.sentence(problem), type="warning", multi_line=True)
    else:
        ui.notify(t("saved"), type="positive")
        ui.navigate.reload()
