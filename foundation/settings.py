"""Settings, read once from ONECODE_* variables and then frozen.

| variable              | meaning                                                                    |
| --------------------- | -------------------------------------------------------------------------- |
| ONECODE_DATABASE_URL  | PostgreSQL to use; empty: the embedded one under the data folder           |
| ONECODE_BROKER_URL    | Celery broker (redis://, amqp://); empty: the same PostgreSQL              |
| ONECODE_DATA_DIR      | folder of the embedded database, keys and pictures; `.onecode`             |
| ONECODE_MASTER_KEY    | 32 bytes in hex all other keys derive from; empty: a key file in the data folder |
| ONECODE_KEY_PROVIDER  | `file`, `environment`, `vault:https://HOST:8200/MOUNT/NAME`; empty: as just said   |
| ONECODE_VAULT_TOKEN   | token for a Vault that holds the master key                                |
| ONECODE_HOST          | address to listen on; `127.0.0.1`                                          |
| ONECODE_PORT          | port of the API and consumer page; 8000                                    |
| ONECODE_CONSOLE_PORT  | port of the console; 8001                                                  |
| ONECODE_PRINTER_PORT  | port of the demo's virtual printer; 9100                                   |
| ONECODE_TIME_ZONE     | the brand's time zone; Asia/Shanghai                                       |
| ONECODE_TRUSTED_PROXIES | how many proxies in front may name the caller in X-Forwarded-For; 0      |
| ONECODE_SMS           | how one-time codes are sent: `folder` (for demos), `aliyun`, or empty: not at all |
| ONECODE_SMS_URL       | address of the gateway; https://dysmsapi.aliyuncs.com/                      |
| ONECODE_SMS_KEY_ID    | access key id at the gateway                                               |
| ONECODE_SMS_KEY       | access key secret at the gateway                                           |
| ONECODE_SMS_SIGNATURE | signature (签名) the gateway approved                                       |
| ONECODE_SMS_TEMPLATE  | code of the approved template, which has one variable, `code`              |
| ONECODE_SMS_NOTICE_TEMPLATE | code of the template for what lapses, with `what` and `day`; empty: not sent |
| ONECODE_WECHAT_APP_ID | official account for signing in; empty: no WeChat sign-in                  |
| ONECODE_WECHAT_SECRET | its AppSecret                                                              |
| ONECODE_WECHAT_OPEN   | where browsers are sent; https://open.weixin.qq.com                         |
| ONECODE_WECHAT_API    | where codes are exchanged; https://api.weixin.qq.com                        |
| ONECODE_WECHAT_PAY_MERCHANT | merchant number (mchid) that pays red packets; empty: they wait       |
| ONECODE_WECHAT_PAY_SERIAL | serial number of the merchant's certificate                            |
| ONECODE_WECHAT_PAY_KEY | file with the merchant's private key, PEM                                 |
| ONECODE_WECHAT_PAY_V3_KEY | the APIv3 key, 32 characters                                           |
| ONECODE_WECHAT_PAY_PLATFORM_KEYS | folder of WeChat Pay's public keys, each named SERIAL.pem       |
| ONECODE_WECHAT_PAY_SCENE | transfer scene (转账场景) WeChat Pay approved; 1000                      |
| ONECODE_WECHAT_PAY_API | where payouts are sent; https://api.mch.weixin.qq.com                     |
| ONECODE_PUBLIC_URL    | how the outside reaches us, for coming back from WeChat; empty: as the request says |
| ONECODE_LIMITS_URL    | where limits on callers are kept (redis://); empty: PostgreSQL             |
| ONECODE_WEBHOOKS_PRIVATE | `allow` lets webhooks go to private addresses; empty: refused           |
| ONECODE_ADDRESS_FILES | mmdb and xdb files about network addresses, between `:`, trusted in that order |
| ONECODE_EPCIS_MAX_MB  | most megabytes of one EPCIS document, 1 to 64; 8                           |
| ONECODE_EPCIS_EVENTS  | most events of one EPCIS document; 10000                                   |
| ONECODE_EPCIS_EPCS    | most EPCs that one EPCIS document names; 200000                            |
| ONECODE_OTLP_ENDPOINT | where traces go (OTLP over HTTP); empty: no traces                         |
| ONECODE_WORKER_METRICS_PORT | where the worker shows its metrics (Prometheus); 0: nowhere          |
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
    key_provider: str
    vault_token: Secret
    host: str
    port: int
    console_port: int
    printer_port: int
    time_zone: str
    trusted_proxies: int
    sms: str
    sms_url: str
    sms_key_id: str
    sms_key: Secret
    sms_signature: str
    sms_template: str
    sms_notice_template: str
    wechat_app_id: str
    wechat_secret: Secret
    wechat_open: str
    wechat_api: str
    wechat_pay_merchant: str
    wechat_pay_serial: str
    wechat_pay_key: Path
    wechat_pay_v3_key: Secret
    wechat_pay_platform_keys: Path
    wechat_pay_scene: str
    wechat_pay_api: str
    public_url: str
    limits_url: Secret
    webhooks_private: bool
    address_files: tuple[Path, ...]
    epcis_max_mb: int
    epcis_events: int
    epcis_epcs: int
    otlp_endpoint: str
    worker_metrics_port: int
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
            key_provider=_key_provider(env.get("ONECODE_KEY_PROVIDER", "")),
            vault_token=Secret(env.get("ONECODE_VAULT_TOKEN", "")),
            host=env.get("ONECODE_HOST", "127.0.0.1"),
            port=_port(env, "ONECODE_PORT", 8000),
            console_port=_port(env, "ONECODE_CONSOLE_PORT", 8001),
            printer_port=_port(env, "ONECODE_PRINTER_PORT", 9100),
            time_zone=_zone(env.get("ONECODE_TIME_ZONE", "Asia/Shanghai")),
            trusted_proxies=_whole(env, "ONECODE_TRUSTED_PROXIES", 0, 0, 8),
            sms=_one_of(env, "ONECODE_SMS", "folder", "aliyun"),
            sms_url=_address(env, "ONECODE_SMS_URL", "https://dysmsapi.aliyuncs.com/"),
            sms_key_id=env.get("ONECODE_SMS_KEY_ID", ""),
            sms_key=Secret(env.get("ONECODE_SMS_KEY", "")),
            sms_signature=env.get("ONECODE_SMS_SIGNATURE", ""),
            sms_template=env.get("ONECODE_SMS_TEMPLATE", ""),
            sms_notice_template=env.get("ONECODE_SMS_NOTICE_TEMPLATE", ""),
            wechat_app_id=env.get("ONECODE_WECHAT_APP_ID", ""),
            wechat_secret=Secret(env.get("ONECODE_WECHAT_SECRET", "")),
            wechat_open=_address(env, "ONECODE_WECHAT_OPEN", "https://open.weixin.qq.com"),
            wechat_api=_address(env, "ONECODE_WECHAT_API", "https://api.weixin.qq.com"),
            wechat_pay_merchant=env.get("ONECODE_WECHAT_PAY_MERCHANT", ""),
            wechat_pay_serial=env.get("ONECODE_WECHAT_PAY_SERIAL", ""),
            wechat_pay_key=Path(env.get("ONECODE_WECHAT_PAY_KEY", "")),
            wechat_pay_v3_key=Secret(_v3_key(env.get("ONECODE_WECHAT_PAY_V3_KEY", ""))),
            wechat_pay_platform_keys=Path(env.get("ONECODE_WECHAT_PAY_PLATFORM_KEYS", "")),
            wechat_pay_scene=env.get("ONECODE_WECHAT_PAY_SCENE", "1000"),
            wechat_pay_api=_address(env, "ONECODE_WECHAT_PAY_API", "https://api.mch.weixin.qq.com"),
            public_url=_address(env, "ONECODE_PUBLIC_URL", ""),
            limits_url=Secret(env.get("ONECODE_LIMITS_URL", "")),
            webhooks_private=_one_of(env, "ONECODE_WEBHOOKS_PRIVATE", "allow") == "allow",
            address_files=tuple(Path(one) for one in env.get("ONECODE_ADDRESS_FILES", "").split(os.pathsep) if one),
            epcis_max_mb=_whole(env, "ONECODE_EPCIS_MAX_MB", 8, 1, 64),
            epcis_events=_whole(env, "ONECODE_EPCIS_EVENTS", 10_000, 1, 1_000_000),
            epcis_epcs=_whole(env, "ONECODE_EPCIS_EPCS", 200_000, 1, 10_000_000),
            otlp_endpoint=_address(env, "ONECODE_OTLP_ENDPOINT", ""),
            worker_metrics_port=_port(env, "ONECODE_WORKER_METRICS_PORT", 0),
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


def _v3_key(text: str) -> str:
    if text and len(text.encode()) != 32:
        raise BadRequest("ONECODE_WECHAT_PAY_V3_KEY must be 32 characters.")
    return text


def _key_provider(name: str) -> str:
    if name not in ("", "file", "environment") and not name.startswith("vault:"):
        raise BadRequest(f"ONECODE_KEY_PROVIDER must be file, environment or vault:https://..., not {name[:40]!r}.")
    return name


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


def _one_of(env: Mapping[str, str], name: str, *known: str) -> str:
    value = env.get(name, "")
    if value not in ("", *known):
        raise BadRequest(f"{name} must be {', '.join(known)} or empty, not {value!r}.")
    return value


def _address(env: Mapping[str, str], name: str, default: str) -> str:
    value = env.get(name, default)
    if value and not value.startswith(("https://", "http://")):
        raise BadRequest(f"{name} must begin with https:// or http://, not {value!r}.")
    return value.rstrip("/")
