"""WeChat Pay's merchant transfer (商家转账, APIv3): what is sent, how it is signed, what is believed.

| call    | request                                                            | answer                            |
| ------- | ------------------------------------------------------------------ | --------------------------------- |
| send    | POST /v3/fund-app/mch-transfer/transfer-bills                       | state, package_info               |
| ask     | GET  /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{number}  | state, transfer_amount            |
| bill    | GET  /v3/bill/fundflowbill?bill_date&account_type=BASIC, and a URL  | CSV, whose SHA-1 the first gave   |
| told us | POST to our notify_url                                              | AES-256-GCM under the APIv3 key   |

A request is signed SHA256-RSA2048 over method, path?query, time, nonce and body, each ended by a line feed, with the
merchant's key; an answer and a notification over time, nonce and body with a key of the platform, named by its serial.
What is not signed so is not believed, whatever its status says: a forged NOT_FOUND would make us pay again. The
platform changes its keys; those we trust are the PEM files of a folder, named by their serial, and are read again when
an unknown serial appears.
"""

import base64
import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from foundation import clock, ids
from foundation.errors import BadRequest, NotSignedIn, Unavailable
from foundation.settings import Secret
from loyalty.expiry import BRAND_ZONE
from loyalty.payouts import Order, Told
from loyalty.reconciling import BillLine

SCHEME = "WECHATPAY2-SHA256-RSA2048"
BILLS = "/v3/fund-app/mch-transfer/transfer-bills"
TIMEOUT_S = 15.0
SKEW_S = 300  # As the platform allows itself.
LARGEST = 64 * 1024
STATES = {
    "ACCEPTED": "accepted", "PROCESSING": "accepted", "TRANSFERING": "accepted", "CANCELING": "accepted",
    "WAIT_USER_CONFIRM": "confirming", "SUCCESS": "paid", "FAIL": "failed", "CANCELLED": "cancelled",
}  # fmt: skip
# The same words would be refused again: a person has to look. Whatever else went wrong is asked about by number.
REFUSALS = frozenset({"PARAM_ERROR", "INVALID_REQUEST", "NO_AUTH", "SIGN_ERROR", "APPID_MCHID_NOT_MATCH"})
NO_BILL = "NO_STATEMENT_EXIST"


class NotFromWeChat(NotSignedIn):
    """The signature is missing, too old, or not by a key of the platform that we trust."""

    type = "not-from-wechat"


class BillAway(Unavailable):
    """The channel's bill of a day cannot be had, or is not whole."""

    type = "bill-away"


class Answer(NamedTuple):
    status: int
    said: Mapping[str, Any]

    @property
    def code(self) -> str:
        return str(self.said.get("code", self.status))


@dataclass(frozen=True, slots=True)
class Merchant:
    """Who pays. serial: of the merchant's certificate; scene: the transfer scene the platform approved."""

    url: str
    app_id: str
    mchid: str
    serial: str
    key: RSAPrivateKey = field(repr=False)
    v3_key: Secret
    platform_keys: Path
    notify_url: str
    scene: str

    def sign(self, message: bytes) -> str:
        return base64.b64encode(self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


class WeChatPay:
    """The channel of payouts. Safe to share between threads."""

    def __init__(self, merchant: Merchant, *, timeout_s: float = TIMEOUT_S) -> None:
        self._merchant = merchant
        self._trusted = _read_keys(merchant.platform_keys)
        # trust_env off: nobody between us and the platform.
        self._http = httpx.Client(timeout=timeout_s, follow_redirects=False, trust_env=False)

    def send(self, order: Order) -> Told:
        headers = {}
        body: dict[str, object] = {
            "appid": self._merchant.app_id, "out_bill_no": order.order_no, "transfer_scene_id": self._merchant.scene,
            "openid": order.to_whom, "transfer_amount": order.amount_fen, "transfer_remark": order.remark[:32],
            "notify_url": self._merchant.notify_url,
            "transfer_scene_report_infos": [
                {"info_type": "活动名称", "info_content": order.remark[:32]},
                {"info_type": "奖励说明", "info_content": order.remark[:32]},
            ],
        }  # fmt: skip
        if order.name is not None:
            serial, key = self._newest()
            headers["Wechatpay-Serial"] = serial
            body["user_name"] = _encrypted(order.name, key)
        return self._told(self._call("POST", BILLS, body, headers), order.order_no)

    def ask(self, order_no: str) -> Told:
        answer = self._call("GET", f"{BILLS}/out-bill-no/{quote(order_no, safe='')}")
        if answer is not None and answer.status == HTTPStatus.NOT_FOUND and answer.code == "NOT_FOUND":
            return Told("absent", answer.code)
        return self._told(answer, order_no)

    def bill(self, day: date) -> list[BillLine]:
        """What the channel says it paid out on a day. Raises BillAway."""
        answer = self._call("GET", f"/v3/bill/fundflowbill?bill_date={day.isoformat()}&account_type=BASIC")
        if answer is not None and answer.code == NO_BILL:
            return []
        if answer is None or answer.status != HTTPStatus.OK:
            raise BillAway(f"The channel gives no bill of {day} just now: {answer.code if answer else 'no answer'}.")
        url = str(answer.said.get("download_url", ""))
        if not url.startswith(self._merchant.url + "/"):
            raise BillAway("The channel's bill is said to be at a host that is not the channel's.")
        raw = self._fetch(url.removeprefix(self._merchant.url))
        if hashlib.sha1(raw, usedforsecurity=False).hexdigest() != answer.said.get("hash_value"):
            raise BillAway(f"The bill of {day} did not arrive whole.")
        return read_bill(raw)

    def notified(self, headers: Mapping[str, str], body: bytes) -> str:
        """The order number a notification is about. Raises NotFromWeChat, BadRequest."""
        if not self._is_signed(headers, body):
            raise NotFromWeChat("This notification is not signed by a key of the platform.")
        try:
            sealed = json.loads(body)["resource"]
            opened = AESGCM(self._merchant.v3_key.reveal().encode()).decrypt(
                sealed["nonce"].encode(), base64.b64decode(sealed["ciphertext"]), sealed["associated_data"].encode()
            )
            return str(json.loads(opened)["out_bill_no"])
        except (ValueError, KeyError, TypeError, AttributeError, InvalidTag) as error:
            raise BadRequest("This notification does not hold a transfer.") from error

    def close(self) -> None:
        self._http.close()

    def _told(self, answer: Answer | None, order_no: str) -> Told:
        if answer is None:
            return Told("unknown", "no-answer")
        said = answer.said
        if answer.status != HTTPStatus.OK:
            return Told("refused" if answer.code in REFUSALS else "unknown", answer.code)
        if said.get("out_bill_no") != order_no:
            return Told("unknown", "another-number")
        return Told(
            STATES.get(str(said.get("state")), "unknown"),
            str(said.get("fail_reason") or said.get("state")),
            _text(said, "transfer_bill_no"), _text(said, "package_info"), _whole(said, "transfer_amount"),
            _instant(said.get("update_time")),
        )  # fmt: skip

    def _call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer | None:
        """None: no answer, or none that is signed."""
        content = json.dumps(body, ensure_ascii=False).encode() if body is not None else b""
        sent = {"accept": "application/json", "content-type": "application/json", "user-agent": "onecode/1"}
        sent |= {"authorization": self._authorization(method, path, content)} | dict(headers or {})
        try:
            with self._http.stream(method, self._merchant.url + path, content=content, headers=sent) as got:
                raw = _beginning(got)
            said = json.loads(raw) if self._is_signed(got.headers, raw) else None
        except (httpx.HTTPError, ValueError):
            return None
        return Answer(got.status_code, said) if isinstance(said, dict) else None

    def _fetch(self, path: str) -> bytes:
        try:
            got = self._http.get(
                self._merchant.url + path, headers={"authorization": self._authorization("GET", path, b"")}
            )
        except httpx.HTTPError as error:
            raise BillAway("The channel's bill cannot be fetched just now.") from error
        return got.content

    def _authorization(self, method: str, path: str, body: bytes) -> str:
        at, nonce = str(int(clock.now().timestamp())), ids.random_bytes(16).hex()
        signature = self._merchant.sign(b"%s\n%s\n%s\n%s\n%s\n" % (
            method.encode(), path.encode(), at.encode(), nonce.encode(), body,
        ))  # fmt: skip
        parts = {
            "mchid": self._merchant.mchid, "nonce_str": nonce, "signature": signature, "timestamp": at,
            "serial_no": self._merchant.serial,
        }  # fmt: skip
        return f"{SCHEME} " + ",".join(f'{name}="{value}"' for name, value in parts.items())

    def _is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        at, nonce = headers.get("wechatpay-timestamp", ""), headers.get("wechatpay-nonce", "")
        serial, signature = headers.get("wechatpay-serial", ""), headers.get("wechatpay-signature", "")
        if serial not in self._trusted:
            self._trusted = _read_keys(self._merchant.platform_keys)  # Rotated since.
        if serial not in self._trusted or not at.isdecimal() or abs(clock.now().timestamp() - int(at)) > SKEW_S:
            return False
        message = b"%s\n%s\n%s\n" % (at.encode(), nonce.encode(), body)
        try:
            self._trusted[serial].verify(
                base64.b64decode(signature, validate=True), message, padding.PKCS1v15(), hashes.SHA256()
            )
        except (InvalidSignature, ValueError):
            return False
        return True

    def _newest(self) -> tuple[str, RSAPublicKey]:
        """The platform's key to encrypt to: the last by name, as its serials are given out."""
        if not self._trusted:
            raise BadRequest(f"There is no public key of WeChat Pay in {self._merchant.platform_keys}.")
        return max(self._trusted.items(), key=lambda one: one[0])


def read_bill(raw: bytes) -> list[BillLine]:
    """The outgoing transfers of a fund bill (资金账单). Raises BillAway naming the line.

    A heading, a line a movement with a backtick before each value, a heading of the sums, the sums.
    """
    rows = [
        [cell.strip().removeprefix("`") for cell in row] for row in csv.reader(io.StringIO(raw.decode("utf-8-sig")))
    ]
    rows = [row for row in rows if row]
    ends = next((at for at, row in enumerate(rows) if row[0] == "资金流水总笔数"), None)
    if ends is None or ends + 1 >= len(rows) or int(rows[ends + 1][0]) != ends - 1:
        raise BillAway("The bill ends before its sums, or has another number of lines than they say.")
    lines = []
    for at, row in enumerate(rows[1:ends], 2):
        found = dict(zip(rows[0], row, strict=False))
        try:
            if found["收支类型"] == "支出" and "转账" in found["业务类型"]:
                moved_at = datetime.strptime(found["记账时间"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=BRAND_ZONE)
                lines.append(BillLine(found["业务凭证号"], int(Decimal(found["收支金额（元）"]) * 100), moved_at))
        except (KeyError, ValueError, InvalidOperation) as error:
            raise BillAway(f"Line {at} of the bill cannot be read: {error}.") from error
    return lines


def private_key(path: Path) -> RSAPrivateKey:
    """Raises BadRequest when the file is no RSA key in PEM."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise BadRequest(f"{path} holds no private key in PEM.") from error
    if not isinstance(key, RSAPrivateKey):
        raise BadRequest(f"{path} holds a key that is not RSA.")
    return key


def _read_keys(folder: Path) -> dict[str, RSAPublicKey]:
    keys = {path.stem: serialization.load_pem_public_key(path.read_bytes()) for path in sorted(folder.glob("*.pem"))}
    return {serial: key for serial, key in keys.items() if isinstance(key, RSAPublicKey)}


def _encrypted(text: str, key: RSAPublicKey) -> str:
    """RSAES-OAEP with SHA-1, as the platform demands."""
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303
    return base64.b64encode(key.encrypt(text.encode(), oaep)).decode()


def _beginning(answer: httpx.Response) -> bytes:
    read = b""
    for part in answer.iter_bytes():
        read += part
        if len(read) > LARGEST:
            raise ValueError("too long")
    return read


def _text(said: Mapping[str, Any], name: str) -> str | None:
    return str(said[name]) if said.get(name) else None


def _whole(said: Mapping[str, Any], name: str) -> int | None:
    value = said.get(name)
    return value if isinstance(value, int) else None


def _instant(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else None
