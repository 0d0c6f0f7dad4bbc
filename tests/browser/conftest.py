"""A running house for the screens (API and console as their own processes) and a Chromium to look at them with.

A missing Chromium fails the tests with a sentence: a screen nobody looked at is not a screen that works.
"""

import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from foundation.settings import Settings
from scan_api import supervisor
from scan_api.house import bring_up_to_date, open_house
from scan_api.supervisor import Program, Supervisor
from tests.browser.shop import Shop
from tests.support.warm import Warm

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync",
    "--disable-component-update",
)  # fmt: skip


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("There is no Chromium to look at the screens with; install it: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def shop(
    database_url: str, warm: Warm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Shop]]:
    """Opens a shop with the programs named: `shop("api", "console")`; `more` settings by keyword."""
    environment = {
        "ONECODE_DATABASE_URL": database_url,
        "ONECODE_DATA_DIR": str(tmp_path),
        "ONECODE_SMS": "folder",
        "ONECODE_PORT": str(_free_port()),
        "ONECODE_CONSOLE_PORT": str(_free_port()),
        "ONECODE_LOG_LEVEL": "warning",
    }
    settings = Settings.from_environment(environment)
    known = {
        "api": Program("api", warm.command("scan_api", "serve"), partial(_ready, settings.port)),
        "console": Program("console", warm.command("console"), partial(_ready, settings.console_port)),
    }
    with open_house(settings) as house:
        bring_up_to_date(house)

        def opened(*names: str, more: dict[str, str] | None = None) -> Shop:
            with monkeypatch.context() as outside:
                # NiceGUI behaves otherwise under pytest; the console must be the one people use.
                outside.delenv("PYTEST_CURRENT_TEST", raising=False)
                programs = Supervisor({**environment, **(more or {})}, _say)
            running.callback(programs.stop)
            for name in names:
                programs.start(known[name])
            return Shop.furnished(house)

        with ExitStack() as running:
            yield opened


def _say(name: str, line: str) -> None:
    sys.stdout.write(f"{name}: {line}\n")


def _ready(port: int) -> bool:
    return supervisor.listening("127.0.0.1", port)


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
