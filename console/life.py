"""What happened, in words: to an item (issued, packed, shipped, scanned), and what people did with a case."""

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from antifraud import regions
from codegen.items import Event
from console import desk
from console.desk import t
from console.layout import local, sheet
from foundation.audit import Entry

# What a person compares, in this order; the rest of an event's facts are numbers of the machine.
SHOWN = ("run_id", "order_id", "from", "dealer", "document", "sscc", "region", "device", "member_id", "reason", "by")


def draw_timeline(events: list[Event]) -> None:
    with sheet(t("timeline")):
        if not events:
            ui.label(t("no-item")).classes("quiet")
            return
        with ui.timeline(side="right"):
            for event in events:
                ui.timeline_entry(title=t(f"event-{event.what}"), subtitle=local(event.at), body=_said(event.facts))


def _said(facts: Mapping[str, Any]) -> str:
    return " · ".join(_fact(name, facts[name]) for name in SHOWN if facts.get(name))


def _fact(name: str, value: Any) -> str:
    match name:
        case "reason" | "document":
            return str(value)
        case "region":
            return regions.name(value, desk.language())
        case "from":
            return t(str(value))
        case "device" | "member_id":
            return f"{t(name)} …{str(value)[-6:]}"
        case _:
            return f"{t(name)} {value}"


def draw_history(lines: list[Entry]) -> None:
    with sheet(t("history")):
        if not lines:
            ui.label(t("no-history")).classes("quiet")
        for line in lines:
            ui.label(f"{local(line.at)} · {line.actor} · {t(line.action)}").classes("quiet")
            if line.action == "case.note":
                ui.label(line.after["text"])
