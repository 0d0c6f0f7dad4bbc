"""WeChat Pay as a separate small server: merchant transfers as documented, signatures checked, faults on demand.

What it pays stands in `bills` by the merchant's number; the same number with the same content is the same transfer,
with other content it is refused. It lives in its own process's thread and knows nothing of ours.
"""

import base64
import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

APP_ID, MCHID, SERIAL, V3_KEY = (
    "wx0123456789abcdef",
    "1900000001",
    "5157F09EFDC096DE",
    "0123456789abcdef0123456789abcdef",
)
PATH = "/v3/fund-app/mch-transfer/transfer-bills"
CHINA = timezone(timedelta(hours=8))
LEAST, MOST = 10, 20_000
HEADING = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,"
    "收支金额（元）,账户结余（元）,资金变更提交申请人,备注,业务凭证号"
)
MERCHANT_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Bill:
    number: str
    openid: str
    amount: int
    content: bytes
    state: str
    at: datetime
    name: str | None = None
    bill_no: str = field(default_factory=lambda: secrets.token_hex(12))


@dataclass
class WeChatPayServer:
    """faults: the next answers to `send`, one each.

    A code of the platform refuses; `lost`: accepted, and the line drops; `hangs`: accepted, and never answered;
    `forged`, `unsigned`: answered with a bad or no signature; `slow`: the answer comes after `slow_s`.
    confirm: whether a member has to agree first. keeps: fen in the merchant's account.
    """

    folder: Path
    port: int = 0
    confirm: bool = False
    keeps: int = 10**9
    day_limit: int = 10
    slow_s: float = 0.0
    faults: list[str] = field(default_factory=list)
    asking_faults: list[str] = field(default_factory=list)
    bills: dict[str, Bill] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refused_signatures: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    leave: threading.Event = field(default_factory=threading.Event)
    accepted: threading.Event = field(default_factory=threading.Event)
    key: RSAPrivateKey = field(init=False)
    serial: str = field(init=False)

    def __post_init__(self) -> None:
        self.rotate()
        pem = MERCHANT_KEY.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (self.folder / "merchant.key").write_bytes(pem)

    def rotate(self, *, publish: bool = True) -> None:
        """A new key signs from now on; published: its public half is in the folder the merchant trusts."""
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.serial = f"PUB_KEY_ID_{time.time_ns()}"
        if publish:
            self.publish()

    def publish(self) -> None:
        (self.folder / "keys").mkdir(exist_ok=True)
        pem = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (self.folder / "keys" / f"{self.serial}.pem").write_bytes(pem)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "ONECODE_WECHAT_APP_ID": APP_ID,
            "ONECODE_WECHAT_PAY_MERCHANT": MCHID,
            "ONECODE_WECHAT_PAY_SERIAL": SERIAL,
            "ONECODE_WECHAT_PAY_KEY": str(self.folder / "merchant.key"),
            "ONECODE_WECHAT_PAY_V3_KEY": V3_KEY,
            "ONECODE_WECHAT_PAY_PLATFORM_KEYS": str(self.folder / "keys"),
            "ONECODE_WECHAT_PAY_API": self.url,
        }

    def agree(self) -> None:
        """Every member who was asked to confirm does."""
        for bill in self.bills.values():
            if bill.state == "WAIT_USER_CONFIRM":
                bill.state = "SUCCESS"

    def paid(self) -> dict[str, int]:
        """number -> fen of what was paid out for good."""
        return {one.number: one.amount for one in self.bills.values() if one.state == "SUCCESS"}

    def signed(self, body: bytes) -> dict[str, str]:
        at, nonce = str(int(time.time())), secrets.token_hex(16)
        message = f"{at}\n{nonce}\n".encode() + body + b"\n"
        signature = self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return {
            "Wechatpay-Timestamp": at, "Wechatpay-Nonce": nonce, "Wechatpay-Serial": self.serial,
            "Wechatpay-Signature": base64.b64encode(signature).decode(),
        }  # fmt: skip

    def notification(self, number: str) -> tuple[dict[str, str], bytes]:
        """What the platform posts to the merchant when a transfer has ended."""
        bill, nonce = self.bills[number], secrets.token_hex(6)
        plain = json.dumps({"out_bill_no": number, "state": bill.state, "transfer_bill_no": bill.bill_no}).encode()
        sealed = AESGCM(V3_KEY.encode()).encrypt(nonce.encode(), plain, b"mch_payment")
        resource = {
            "algorithm": "AEAD_AES_256_GCM", "original_type": "mch_payment", "nonce": nonce,
            "ciphertext": base64.b64encode(sealed).decode(), "associated_data": "mch_payment",
        }  # fmt: skip
        body = json.dumps(
            {"id": secrets.token_hex(16), "event_type": "MCHTRANSFER.BILL.FINISHED", "resource": resource}
        )
        return self.signed(body.encode()), body.encode()

    def statement(self) -> bytes:
        """The fund bill: every transfer paid so far."""
        done = [one for one in self.bills.values() if one.state == "SUCCESS"]
        lines = [
            ",".join(
                f"`{cell}"
                for cell in (
                    f"{one.at:%Y-%m-%d %H:%M:%S}", one.bill_no, one.bill_no, "商家转账", "商家转账", "支出",
                    f"{one.amount / 100:.2f}", "1.00", MCHID, "红包", one.number,
                )
            )
            for one in done
        ]  # fmt: skip
        total = sum(one.amount for one in done) / 100
        sums = [
            "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额",
            f"`{len(done)},`0,`0.00,`{len(done)},`{total:.2f}",
        ]
        return "\r\n".join([HEADING, *lines, *sums, ""]).encode("utf-8-sig")


@contextmanager
def wechat_pay_server(folder: Path) -> Iterator[WeChatPayServer]:
    made = WeChatPayServer(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    made.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    made.leave.set()
    server.shutdown()
    server.server_close()


def _handler(made: WeChatPayServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not self._is_signed(body):
                self._fail(401, "SIGN_ERROR")
                return
            order = json.loads(body)
            made.sent.append(order["out_bill_no"])
            fault = made.faults.pop(0) if made.faults else ""
            if fault.isupper():
                self._fail({"SYSTEM_ERROR": 500, "FREQUENCY_LIMITED": 429, "NOT_ENOUGH": 403}.get(fault, 400), fault)
                return
            status, said = self._transfer(order, body)
            made.accepted.set()
            if fault == "hangs":
                made.leave.wait(30)
            elif fault == "slow":
                time.sleep(made.slow_s)
            if fault in ("lost", "hangs"):
                self.close_connection = True
                return
            self._say(status, said, signature=fault)

        def do_GET(self) -> None:
            if not self._is_signed(b""):
                self._fail(401, "SIGN_ERROR")
                return
            parts = urlsplit(self.path)
            if parts.path.startswith(f"{PATH}/out-bill-no/"):
                self._told(parts.path.rpartition("/")[2])
            elif parts.path == "/v3/bill/fundflowbill":
                assert parse_qs(parts.query)["account_type"] == ["BASIC"]
                digest = hashlib.sha1(made.statement()).hexdigest()
                url = f"{made.url}/v3/billdownload/file?token=1"
                self._say(200, {"hash_type": "SHA1", "hash_value": digest, "download_url": url})
            else:
                self._send(200, made.statement(), {})

        def _told(self, number: str) -> None:
            made.asked.append(number)
            fault = made.asking_faults.pop(0) if made.asking_faults else ""
            bill = made.bills.get(number)
            if fault.isupper():
                self._fail(500, fault)
            elif bill is None or fault == "forged":
                self._say(404, {"code": "NOT_FOUND", "message": "记录不存在"}, signature=fault)
            else:
                self._say(200, self._shown(bill), signature=fault)

        def _transfer(self, order: dict[str, Any], body: bytes) -> tuple[int, dict[str, Any]]:
            number, amount = order["out_bill_no"], order["transfer_amount"]
            if order["appid"] != APP_ID or not re.fullmatch("[0-9A-Za-z]{1,32}", number):
                return 400, {"code": "PARAM_ERROR", "message": "参数错误"}
            if not LEAST <= amount <= MOST or not order["transfer_scene_report_infos"]:
                return 400, {"code": "PARAM_ERROR", "message": "金额超限"}
            with made.lock:
                bill = made.bills.get(number)
                if bill is None:
                    today = [one for one in made.bills.values() if one.openid == order["openid"]]
                    if len(today) >= made.day_limit:
                        return 400, {"code": "INVALID_REQUEST", "message": "超过单日次数"}
                    if amount > made.keeps:
                        return 403, {"code": "NOT_ENOUGH", "message": "余额不足"}
                    made.keeps -= amount
                    state = "WAIT_USER_CONFIRM" if made.confirm else "SUCCESS"
                    name = self._opened(order.get("user_name"))
                    bill = Bill(number, order["openid"], amount, body, state, datetime.now(CHINA), name)
                    made.bills[number] = bill
                elif bill.content != body:
                    return 400, {"code": "INVALID_REQUEST", "message": "重入参数不一致"}
            said = self._shown(bill)
            return 200, {name: said[name] for name in ("out_bill_no", "transfer_bill_no", "create_time")} | {
                "state": "WAIT_USER_CONFIRM" if made.confirm else "PROCESSING",
                **({"package_info": f"package-of-{number}"} if made.confirm else {}),
            }

        def _opened(self, sealed: str | None) -> str | None:
            if sealed is None:
                return None
            assert self.headers["Wechatpay-Serial"] == made.serial
            oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
            return made.key.decrypt(base64.b64decode(sealed), oaep).decode()

        def _shown(self, bill: Bill) -> dict[str, Any]:
            return {
                "mch_id": MCHID, "out_bill_no": bill.number, "transfer_bill_no": bill.bill_no, "appid": APP_ID,
                "state": bill.state, "transfer_amount": bill.amount, "openid": bill.openid, "transfer_remark": "红包",
                "create_time": bill.at.isoformat(timespec="seconds"),
                "update_time": bill.at.isoformat(timespec="seconds"),
                **({"fail_reason": "ACCOUNT_FROZEN"} if bill.state == "FAIL" else {}),
            }  # fmt: skip

        def _is_signed(self, body: bytes) -> bool:
            scheme, _, rest = self.headers.get("Authorization", "").partition(" ")
            parts = dict(re.findall('([a-z_]+)="([^"]*)"', rest))
            message = f"{self.command}\n{self.path}\n{parts.get('timestamp')}\n{parts.get('nonce_str')}\n".encode()
            try:
                assert scheme == "WECHATPAY2-SHA256-RSA2048"
                assert (parts["mchid"], parts["serial_no"]) == (MCHID, SERIAL)
                assert abs(time.time() - int(parts["timestamp"])) < 300
                MERCHANT_KEY.public_key().verify(
                    base64.b64decode(parts["signature"]), message + body + b"\n", padding.PKCS1v15(), hashes.SHA256()
                )
            except (AssertionError, KeyError, ValueError, InvalidSignature):
                made.refused_signatures += 1
                return False
            return True

        def _fail(self, status: int, code: str) -> None:
            self._say(status, {"code": code, "message": "错误"})

        def _say(self, status: int, said: dict[str, Any], *, signature: str = "") -> None:
            body = json.dumps(said, ensure_ascii=False).encode()
            headers = made.signed(b"other" if signature == "forged" else body)
            self._send(status, body, {} if signature == "unsigned" else headers)

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
