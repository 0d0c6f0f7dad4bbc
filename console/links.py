"""Links of a brand: where its products, lots and cases lead besides the consumer page; and what a program is told."""

import json
from functools import partial
from typing import Any

from nicegui import ui

from codegen import brands, digital_link, links
from codegen.brands import Brand
from codegen.links import Link, NewLink
from console import desk, refusals
from console.desk import t
from console.layout import local, screen, sheet, table
from foundation import clock
from foundation.database import ReadTx
from foundation.errors import Problem
from scan_api import linksets

ROLE = "marketer"
COLUMNS = ("id", "link-of", "link-type", "link-title", "language", "link-href", "state")


@ui.page("/links")
async def links_page(brand: int | None = None) -> None:
    async with screen("links") as roles:
        if not roles:
            return
        makers = await desk.read(brands.list_brands)
        if not makers:
            ui.label(t("no-brands")).classes("sheet")
            return
        chosen = next((one for one in makers if one.id == brand), makers[0])
        found = await desk.read(lambda tx: links.list_links(tx, brand_id=chosen.id))
        with sheet(t("links")):
            ui.label(t("links-why")).classes("quiet q-mb-sm")
            picked = ui.select({one.id: one.name for one in makers}, value=chosen.id, label=t("brand"))
            picked.props("outlined dense").classes("w-64")
            picked.on_value_change(lambda event: ui.navigate.to(f"/links?brand={event.value}"))
            if found:
                table(COLUMNS, [_row(one) for one in found], opens="/link/", page=20)
            else:
                ui.label(t("no-links")).classes("quiet q-mt-md")
        with sheet(t("link-add")):
            _add(chosen)
        with sheet(t("link-preview")):
            _preview(chosen)


@ui.page("/link/{link_id}")
async def link_page(link_id: int) -> None:
    async with screen("links") as roles:
        if not roles:
            return
        link = await desk.read(lambda tx: links.get(tx, link_id))
        with sheet(f"{t('link')} {link.id} · {link.title}"):
            _facts(link)
            if link.withdrawn_at is None:
                _withdraw(link)


def _row(link: Link) -> dict[str, Any]:
    narrowed = f" ({link.items[1] - link.items[0]:,} {t('codes')})" if link.items else ""
    return {
        "id": link.id, "link-of": link.anchor + narrowed, "link-type": f"gs1:{link.link_type}",
        "link-title": link.title, "language": link.language or "—", "link-href": link.href, "state": t(_state(link)),
    }  # fmt: skip


def _state(link: Link) -> str:
    if link.withdrawn_at is not None:
        return "link-withdrawn"
    if link.valid_until is not None and link.valid_until <= clock.now():
        return "link-ended"
    return "link-default" if link.default else "link-live"


def _facts(link: Link) -> None:
    row = _row(link)
    for word, value in (
        *((name, str(row[name])) for name in COLUMNS[1:]),
        ("link-from", f"{local(link.valid_from, '%Y-%m-%d %H:%M')} · {link.added_by}"),
        ("link-until", local(link.valid_until, "%Y-%m-%d %H:%M")),
        ("link-withdrawn", local(link.withdrawn_at, "%Y-%m-%d %H:%M")),
    ):
        with ui.row().classes("w-full no-wrap gap-3"):
            ui.label(t(word)).classes("quiet").style("flex: 0 0 7rem")
            ui.label(value).style("overflow-wrap: anywhere; min-width: 0")


def _withdraw(link: Link) -> None:
    says = refusals.notice()

    async def press() -> None:
        by = desk.user_name()
        if await refusals.tried(says, ROLE, lambda tx: links.withdraw(tx, link.id, by=by, now=clock.now())):
            ui.navigate.to(f"/links?brand={link.brand_id}")

    button = ui.button(t("link-withdraw"), on_click=press).props("no-caps outline color=negative")
    button.classes("q-mt-md")


def _add(brand: Brand) -> None:
    with ui.row().classes("w-full gap-3"):
        of = ui.input(t("link-of"), placeholder="/01/06901234567892").style("flex: 1 1 16rem")
        kind = ui.select(sorted(links.TYPES), label=t("link-type"), value="pip", with_input=True)
        href = ui.input(t("link-href"), placeholder="https://").style("flex: 1 1 16rem")
        title = ui.input(t("link-title")).style("flex: 1 1 12rem")
        language = ui.input(t("language"), placeholder="zh").style("flex: 0 1 7rem")
        run = ui.number(t("link-run"), min=1, format="%d").style("flex: 0 1 9rem")
        for one in (of, kind, href, title, language, run):
            one.props("outlined dense")
    default = ui.checkbox(t("link-as-default")).classes("w-full")
    says = refusals.notice()

    async def press() -> None:
        new = NewLink(
            (of.value or "").strip(), str(kind.value), (href.value or "").strip(), (title.value or "").strip(),
            language=(language.value or "").strip() or None, default=bool(default.value),
            run_id=int(run.value) if run.value else None,
        )  # fmt: skip
        by = desk.user_name()
        if await refusals.tried(says, ROLE, lambda tx: links.add(tx, brand.id, new, by=by, now=clock.now())):
            ui.navigate.reload()

    ui.button(t("link-add"), on_click=press).props("no-caps unelevated").classes("q-mt-sm")


def _preview(brand: Brand) -> None:
    """What `linkType=linkset` answers, before a phone asks."""
    ui.label(t("link-preview-why")).classes("quiet")
    says = refusals.notice()
    with ui.row().classes("w-full items-end gap-3"):
        asked = ui.input(t("link-asked"), placeholder=f"https://{brand.host}/01/…").props("outlined dense")
        asked.style("flex: 1 1 16rem")
    shown = ui.code("", language="json").classes("w-full")
    shown.set_visibility(False)

    async def press() -> None:
        says.set_visibility(False)
        shown.set_visibility(False)
        text = (asked.value or "").strip()
        try:
            said = await desk.read(partial(_linkset, text=f"https://{brand.host}{text}" if text[:1] == "/" else text))
        except Problem as problem:
            refusals.show(says, problem)
            return
        shown.set_content(json.dumps(said, ensure_ascii=False, indent=2))
        shown.set_visibility(True)

    ui.button(t("link-show"), on_click=press).props("no-caps outline").classes("q-mt-sm")


def _linkset(tx: ReadTx, *, text: str) -> dict[str, Any]:
    return linksets.preview(tx, digital_link.parse(text), now=clock.now())
