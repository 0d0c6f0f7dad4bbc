"""Orders from the shop's system as a file: all of it or nothing, and a refusal names the row and the column."""

from nicegui import ui
from nicegui.events import UploadEventArguments

from console import desk, refusals
from console.desk import t
from console.layout import screen, sheet
from foundation import audit, clock
from foundation.database import Tx
from loyalty import orders

ROLE = "marketer"
MOST_BYTES = 256 << 20


@ui.page("/orders")
async def orders_page() -> None:
    async with screen("orders") as roles:
        if not roles:
            return
        with sheet(t("orders")):
            ui.label(t("orders-why")).classes("quiet")
            ui.label(",".join(orders.COLUMNS)).style("font-family: monospace; overflow-wrap: anywhere")
            _upload()


def _upload() -> None:
    by = desk.user_name()
    says, done = refusals.notice(), ui.label().classes("text-positive").props('role="status"')

    async def arrived(event: UploadEventArguments) -> None:
        done.set_text("")
        says.set_visibility(False)
        content, name = await event.file.read(), event.file.name
        taken: list[int] = []
        if await refusals.tried(says, ROLE, lambda tx: taken.append(_import(tx, content, name, by))):
            done.set_text(t("orders-done", count=f"{taken[0]:,}"))
        field.reset()

    def too_large() -> None:
        says.set_text(t("orders-too-large", most=MOST_BYTES >> 20))
        says.set_visibility(True)

    field = ui.upload(
        label=t("orders-choose"), auto_upload=True, max_file_size=MOST_BYTES, on_upload=arrived, on_rejected=too_large
    )
    field.props('accept=".csv,text/csv" flat bordered').classes("q-mt-md").style("max-width: 100%")


def _import(tx: Tx, content: bytes, name: str, by: str) -> int:
    now = clock.now()
    count = orders.import_csv(tx, content, now=now)
    audit.record(tx, actor=by, action="orders.import", subject="orders", after={"file": name, "orders": count}, now=now)
    return count
