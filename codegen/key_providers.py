"""Where the master key lives: a file, the environment, or a HashiCorp Vault that never lets it out.

| ONECODE_KEY_PROVIDER          | the master key is                                                              |
| ----------------------------- | ------------------------------------------------------------------------------ |
| `file`                        | `keys/master.key` in the data folder, readable by its owner only               |
| `environment`                 | ONECODE_MASTER_KEY                                                             |
| `vault:https://HOST:8200/transit/NAME` | a transit key in Vault; ONECODE_VAULT_TOKEN may use its `hmac`        |
| empty                         | environment when ONECODE_MASTER_KEY is set, else file                          |

Vault: POST /v1/<mount>/hmac/<name>/sha2-256 with {"input": base64(info), "key_version": 1}; the answer's
data.hmac is `vault:v1:<base64>`, 32 bytes, which HKDF expands for the label. The version is pinned: after `rotate` in
Vault the first version still makes the keys of old codes. A derived key is asked for once and then kept in memory, so
a Vault that is sealed later stops nothing but new epochs.
"""

import base64
import binascii
import threading
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx

from codegen.keys import EnvironmentKeyProvider, FileKeyProvider, KeyProvider, MasterKeyUnusable, hkdf
from foundation.errors import BadRequest, Unavailable
from foundation.settings import Secret, Settings

KEY_VERSION = 1
TRIES, PAUSE_S, TIMEOUT_S = 4, 0.2, 3.0
_AGAIN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})


class KeyServiceDown(Unavailable):
    """The key service is sealed, throttles, or does not answer; nothing was done."""

    type = "key-service-down"


class KeyServiceDenied(BadRequest):
    """The token may not use the key, or there is no such key."""

    type = "key-service-denied"


class VaultKeyProvider:
    """Derives keys from a transit key of HashiCorp Vault. Shared by threads; refuses to be pickled."""

    def __init__(self, address: str, token: Secret, *, client: httpx.Client | None = None, pause_s: float = PAUSE_S):
        parts = urlsplit(address)
        mount, _, name = parts.path.strip("/").rpartition("/")
        if parts.scheme not in ("http", "https") or not parts.hostname or not mount or not name:
            raise MasterKeyUnusable("ONECODE_KEY_PROVIDER must be vault:https://HOST:8200/MOUNT/NAME.")
        if not token:
            raise MasterKeyUnusable("ONECODE_VAULT_TOKEN is empty; give a token that may use the key's hmac.")
        self._where = f"{parts.scheme}://{parts.netloc}"
        self._path, self._name = f"/v1/{mount}/hmac/{name}/sha2-256", name
        self._token, self._pause_s = token, pause_s
        self._client = client or httpx.Client(base_url=self._where, timeout=TIMEOUT_S)
        self._known: dict[tuple[bytes, int], bytes] = {}
        self._lock, self._wait = threading.Lock(), threading.Event()

    def derive(self, info: bytes, length: int) -> bytes:
        """Raises KeyServiceDown, KeyServiceDenied; never with the key or the token in it."""
        with self._lock:
            if (info, length) not in self._known:
                self._known[info, length] = hkdf(self._hmac(info), info, length)
            return self._known[info, length]

    def __repr__(self) -> str:
        return f"VaultKeyProvider({self._where}, {self._name}, token ***)"

    def __reduce__(self) -> str:
        raise TypeError("a key provider stays in its process")

    def _hmac(self, info: bytes) -> bytes:
        answer = self._ask({"input": base64.b64encode(info).decode(), "key_version": KEY_VERSION})
        head, _, body = answer.partition(f"vault:v{KEY_VERSION}:")
        try:
            made = base64.b64decode(body, validate=True) if not head else b""
        except (binascii.Error, ValueError):
            made = b""
        if len(made) != 32:
            raise KeyServiceDown(f"Vault at {self._where} answered something else than an HMAC; check its address.")
        return made

    def _ask(self, body: dict[str, object]) -> str:
        said = "does not answer"
        for attempt in range(TRIES):
            if attempt:
                self._wait.wait(self._pause_s * 2 ** (attempt - 1))
            try:
                got = self._client.post(self._path, json=body, headers={"X-Vault-Token": self._token.reveal()})
            except httpx.HTTPError:
                continue  # Not chained: the request inside the error carries the token.
            if got.status_code == HTTPStatus.OK:
                return _hmac_of(got)
            said = f"answers {got.status_code}"
            if got.status_code not in _AGAIN:
                self._refuse(got.status_code)
        raise KeyServiceDown(f"Vault at {self._where} {said}; try again.", retry_after_s=5) from None

    def _refuse(self, status: int) -> None:
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise KeyServiceDown(f"Vault at {self._where} is sealed; unseal it.", retry_after_s=30)
        if status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST):
            raise KeyServiceDenied(
                f"Vault at {self._where} refuses the key {self._name} ({status}); check token, policy and name."
            )
        raise KeyServiceDown(f"Vault at {self._where} answers {status}.", retry_after_s=5)


def _hmac_of(got: httpx.Response) -> str:
    try:
        return str(got.json()["data"]["hmac"])
    except (ValueError, KeyError, TypeError):
        return ""


def open_provider(settings: Settings) -> KeyProvider:
    """The provider the settings name. Raises MasterKeyUnusable."""
    chosen = settings.key_provider or ("environment" if settings.master_key else "file")
    if chosen == "environment":
        if not settings.master_key:
            raise MasterKeyUnusable("ONECODE_MASTER_KEY is empty; give it, or choose another ONECODE_KEY_PROVIDER.")
        return EnvironmentKeyProvider(settings.master_key)
    if chosen.startswith("vault:"):
        return VaultKeyProvider(chosen.removeprefix("vault:"), settings.vault_token)
    return FileKeyProvider.create(settings.data_dir / "keys" / "master.key")
