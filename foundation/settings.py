"""Settings, read once from ONECODE_* variables and then frozen.

| variable              | meaning                                                                    |
| --------------------- | -------------------------------------------------------------------------- |
| ONECODE_DATABASE_URL  | PostgreSQL to use; empty: the embedded one under the data folder           |
| ONECODE_BROKER_URL    | Celery broker (redis://, amqp://); empty: the same PostgreSQL              |
| ONECODE_DATA_DIR      | folder of the embedded database, keys and pictures; `.onecode`             |
| ONECODE_MASTER_KEY    | 32 bytes in hex all other keys derive from; empty: a key file in the data folder |
| ONECODE_HOST          | address to listen on; `127.0.0.1`                                          |
| ONECODE_PORT          | port of the API and consumer page; 8000                                    |
| ONECODE_CONSOLE_PORT  | port of the console; 8001                                                  |
| ONECODE_PRINTER_PORT  | port of the demo's virtual printer; 9100                                   |
| ONECODE_TIME_ZONE     | the brand's time zone; Asia/Shanghai                                       |
| ONECODE_TRUSTED_PROXIES | how many proxies in front may name the caller in X-Forwarded-For; 0      |
| ONECODE_SMS           | how one-time codes are sent: `folder` (data folder; for demos), or empty: not at all |
| ONECODE_LOG_LEVEL     | debug, info, warning, error; info                                          |
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from foundation.errors import BadRequest


class Secret:
    """A value that prints as ***; `reveal()` is easy to search for."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***" if self._value else "(none)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)


@dataclass(frozen=True, slots=True)
class Settings:
    database_url: Secret
    broker_url: Secret
    data_dir: Path
    master_key: Secret
    host: str
    port: int
    console_port: int
    printer_port: int
    time_zone: str
    trusted_proxies: int
    sms: str
    log_level: str

    @staticmethod
    def from_environment(environment: Mapping[str, str] | None = None) -> "Settings":
        """Read and check every variable. Raises BadRequest naming the variable that is wrong."""
        env = os.environ if environment is None else environment
        return Settings(
            database_url=Secret(_driver(env.get("ONECODE_DATABASE_URL", ""))),
            broker_url=Secret(env.get("ONECODE_BROKER_URL", "")),
            data_dir=Path(env.get("ONECODE_DATA_DIR", ".onecode")).absolute(),
            master_key=Secret(_master_key(env.get("ONECODE_MASTER_KEY", ""))),
            host=env.get("ONECODE_HOST", "127.0.0.1"),
            port=_port(env, "ONECODE_PORT", 8000),
            console_port=_port(env, "ONECODE_CONSOLE_PORT", 8001),
            printer_port=_port(env, "ONECODE_PRINTER_PORT", 9100),
            time_zone=_zone(env.get("ONECODE_TIME_ZONE", "Asia/Shanghai")),
            trusted_proxies=_whole(env, "ONECODE_TRUSTED_PROXIES", 0, 0, 8),
            sms=_sms(env.get("ONECODE_SMS", "")),
            log_level=_level(env.get("ONECODE_LOG_LEVEL", "info")),
        )

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def _driver(url: str) -> str:
    """Accept the address as PostgreSQL's own tools write it; name psycopg for SQLAlchemy."""
    for plain in ("postgresql://", "postgres://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url.removeprefix(plain)
    if url and not url.startswith("postgresql+psycopg://"):
        raise BadRequest("ONECODE_DATABASE_URL must begin with postgresql://; no other database is supported.")
    return url


def _master_key(text: str) -> str:
    if text and (len(text) != 64 or set(text.lower()) - set("0123456789abcdef")):
        raise BadRequest("ONECODE_MASTER_KEY must be 64 hexadecimal digits (32 bytes).")
    return text


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    return _whole(env, name, default, 0, 65535)


def _whole(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = env.get(name, str(default))
    if not text.isdecimal() or not least <= int(text) <= most:
        raise BadRequest(f"{name} must be a whole number from {least} to {most}, not {text!r}.")
    return int(text)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadRequest(f"ONECODE_TIME_ZONE {name!r} is not a time zone; use a name such as Asia/Shanghai.") from error
    return name


def _level(name: str) -> str:
    if name.lower() not in ("debug", "info", "warning", "error"):
        raise BadRequest(f"ONECODE_LOG_LEVEL must be debug, info, warning or error, not {name!r}.")
    return name.lower()


def _sms(name: str) -> str:
    if name not in ("", "folder"):
        raise BadRequest(f"ONECODE_SMS must be folder or empty, not {name!r}.")
    return name
