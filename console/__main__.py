"""`python -m console`: the console as its own process, because its pages live on the server."""

from nicegui import ui
from nicegui.storage import Storage

from console import (
    bulk,
    case_page,
    corrections,
    dealer_board,
    desk,
    flow_map,
    lab_draft,
    lab_quality,
    lab_room,
    layout,
    line,
    links,
    marketing,
    packages,
    production,
    queue,
    rebates,
    recall,
    rework,
    rule_board,
    scan_page,
    snoozed,
    texts,
    trade,
    webhooks,
)
from foundation.observability import configure_logging
from foundation.settings import Settings
from scan_api.house import open_house
from scan_api.supervisor import require_free

SCREENS = (
    layout,
    queue,
    case_page,
    bulk,
    snoozed,
    dealer_board,
    flow_map,
    rule_board,
    lab_room,
    lab_draft,
    lab_quality,
    scan_page,
    rework,
    corrections,
    production,
    recall,
    packages,
    line,
    trade,
    rebates,
    texts,
    links,
    marketing,
    webhooks,
)  # Importing them registers their pages.


def main() -> None:
    settings = Settings.from_environment()
    require_free(settings.host, settings.console_port, "ONECODE_CONSOLE_PORT")
    configure_logging(settings.log_level)
    with open_house(settings) as house:
        desk.open_with(house)
        Storage.path = settings.data_dir / "console"  # Who is signed in outlives a restart, beside the other data.
        ui.run(
            host=settings.host,
            port=settings.console_port,
            title="onecode",
            favicon="🍶",
            show=False,
            reload=False,
            show_welcome_message=False,
            storage_secret=house.purpose_key("console session").hex(),
            uvicorn_logging_level="warning",
        )


if __name__ in {"__main__", "__mp_main__"}:
    main()
