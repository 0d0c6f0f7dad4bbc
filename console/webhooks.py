"""Webhooks: where other systems are told, what they did not hear, and sending it again."""

from functools import partial
from typing import Any

from nicegui import ui

from console import desk
from console.desk import t
from console.layout import local, screen, sheet, table
from foundation import clock
from foundation.database import ReadTx
from foundation.errors import NotFound
from scan_api import webhooks
from scan_api.webhooks import Endpoint

SHOWN = 100


@ui.page("/webhooks")
async def endpoints_page() -> None:
    async with screen("webhooks") as roles:
        if not roles:
            return
        rows = [row | {"state": t(row["state"])} for row in await desk.read(_endpoints)]
        with sheet(t("webhooks")):
            if not rows:
                ui.label(t("no-webhooks")).classes("quiet")
                return
            table(("id", "system", "url", "events", "state"), rows, opens="/webhooks/")


@ui.page("/webhooks/{endpoint_id}")
async def endpoint_page(endpoint_id: int) -> None:
    async with screen("webhooks") as roles:
        if not roles:
            return
        endpoint, messages = await desk.read(partial(_endpoint, endpoint_id=endpoint_id))
        dead = sum(row["state"] == "message-dead" for row in messages)
        messages = [row | {"state": t(row["state"])} for row in messages]
        with sheet(endpoint.name):
            ui.label(endpoint.url).classes("quiet").style("overflow-wrap: anywhere")
            if dead:
                again = ui.button(t("send-again", count=dead), on_click=partial(_replay, endpoint_id))
                again.props("unelevated no-caps").classes("q-mt-md")
        with sheet(t("messages")):
            if messages:
                table(("id", "event", "about", "state", "tries", "answer", "time"), messages, page=20)
            else:
                ui.label(t("no-messages")).classes("quiet")


async def _replay(endpoint_id: int) -> None:
    by, now = desk.user_name(), clock.now()
    if "supervisor" not in await desk.roles():
        ui.notify(t("no-role"), type="negative")
        return
    sent = await desk.write(lambda tx: webhooks.replay(tx, endpoint_id, by=by, now=now))
    ui.notify(t("sent-again", count=sent), type="positive")
    ui.navigate.reload()


def _endpoints(tx: ReadTx) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "system": one.name,
            "url": one.url,
            "events": ", ".join(one.kinds),
            "state": "off" if one.disabled_at else "on",
        }
        for one in webhooks.endpoints(tx)
    ]


def _endpoint(tx: ReadTx, *, endpoint_id: int) -> tuple[Endpoint, list[dict[str, Any]]]:
    endpoint = next((one for one in webhooks.endpoints(tx) if one.id == endpoint_id), None)
    if endpoint is None:
        raise NotFound("There is no such webhook endpoint.")
    rows = [
        {
            "id": one.id,
            "event": one.kind,
            "about": one.subject,
            "state": f"message-{one.state}",
            "tries": one.tries,
            "answer": " ".join(str(part) for part in (one.last_status, one.last_said) if part),
            "time": local(one.delivered_at or one.due_at),
        }
        for one in webhooks.messages(tx, endpoint_id, limit=SHOWN)
    ]
    return endpoint, rows
