"""What the screens share: the open house, who is signed in, and reading without blocking the other screens."""

from collections.abc import Callable
from typing import TypeVar, cast

from nicegui import app, run

from console.words import Language, say
from foundation import clock
from foundation.database import ReadTx, Tx, reading, transaction
from scan_api import auth
from scan_api.house import House

R = TypeVar("R")

_house: list[House] = []


def open_with(house: House) -> None:
    """Called once, before the first screen."""
    _house[:] = [house]


def house() -> House:
    return _house[0]


async def read(work: Callable[[ReadTx], R]) -> R:
    """The result of `work` in a reading transaction on another thread."""

    def inside() -> R:
        with reading(_house[0].engine) as tx:
            return work(tx)

    return cast(R, await run.io_bound(inside))


async def write(work: Callable[[Tx], R]) -> R:
    """The same in a writing transaction: committed when it returns, rolled back when it raises."""

    def inside() -> R:
        with transaction(_house[0].engine) as tx:
            return work(tx)

    return cast(R, await run.io_bound(inside))


async def sign_in(name: str, password: str) -> bool:
    roles = await write(lambda tx: auth.check_staff(tx, name, password, now=clock.now()))
    if roles is None:
        return False
    app.storage.user["name"] = name
    return True


def sign_out() -> None:
    app.storage.user.pop("name", None)


def user() -> str | None:
    return cast("str | None", app.storage.user.get("name"))


def user_name() -> str:
    """Who is signed in; asked where a screen was shown, so somebody is."""
    name = user()
    assert name is not None
    return name


async def roles() -> frozenset[str]:
    """Asked anew for every screen, so a disabled name sees nothing more."""
    name = user()
    return frozenset() if name is None else await read(lambda tx: auth.roles_of(tx, name))


def language() -> Language:
    return cast(Language, app.storage.user.get("language", "zh"))


def switch_language() -> None:
    app.storage.user["language"] = "en" if language() == "zh" else "zh"


def t(key: str, **values: object) -> str:
    return say(key, language(), **values)
