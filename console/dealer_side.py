"""What a dealer was told about a case, and what it answered: beside the evidence, before anything costs it money."""

from nicegui import ui

from antifraud.dealer_notices import Notice
from console.case_file import File
from console.desk import t
from console.layout import local, sheet


def draw_notices(file: File) -> None:
    if not file.notices:
        return
    with sheet(t("notices")):
        for one in file.notices:
            _draw(one)


def _draw(one: Notice) -> None:
    with ui.column().classes("gap-0 q-mb-md w-full").style("overflow-wrap: anywhere"):
        ui.label(one.text)
        counts = {"cartons": 0, "scans": 0} | one.counts
        ui.label(
            t("notice-counts", cartons=counts["cartons"], scans=counts["scans"], confidence=f"{one.confidence:.1%}")
        ).classes("quiet")
        ui.label(t("notice-sent", by=one.sent_by, at=local(one.sent_at), deadline=local(one.deadline))).classes("quiet")
        if one.withdrawn_at:
            ui.label(t("notice-withdrawn")).classes("quiet")
        elif one.reply is None:
            ui.label(t("notice-unanswered")).classes("quiet")
        else:
            ui.label(t("notice-reply", by=one.replied_by, at=local(one.replied_at))).classes(
                "text-weight-medium q-mt-sm"
            )
            ui.label(one.reply)
            if one.documents:
                ui.label(t("notice-documents", many=len(one.documents))).classes("quiet")
