"""Alibaba Cloud's short messages: SendSms of the 2017-05-25 API, signed as its RPC style asks.

| step | what                                                                                                  |
| ---- | ----------------------------------------------------------------------------------------------------- |
| 1    | every parameter but Signature, sorted by name, each name and value percent-encoded (RFC 3986)          |
| 2    | StringToSign = "POST&%2F&" + encode(those, joined as a query)                                         |
| 3    | Signature = base64(HMAC-SHA1(key = AccessKeySecret + "&", StringToSign))                              |

SignatureNonce makes each request single-use: a repeated one is refused by the gateway, so a retry after a time-out
cannot send a second message under the same nonce. Error codes: OK; isv.BUSINESS_LIMIT_CONTROL too many to a number;
isv.AMOUNT_NOT_ENOUGH and isv.OUT_OF_SERVICE no money; isv.MOBILE_NUMBER_ILLEGAL no such number; Throttling.* ours.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

import httpx

from foundation import clock
from foundation.errors import Problem
from foundation.observability import log
from foundation.settings import Secret
from scan_api.sender import SmsAway, SmsBusy, SmsNotConfigured, SmsNotice, SmsRefused

TIMEOUT_S = 5.0
WHAT = {"points": "{amount} 积分", "coupon": "一张优惠券"}  # The template's `what`.
LARGEST = 64 * 1024
REFUSED = frozenset({"isv.MOBILE_NUMBER_ILLEGAL", "isv.MOBILE_COUNT_OVER_LIMIT"})


@dataclass(frozen=True, slots=True)
class AliyunSender:
    url: str
    key_id: str
    key: Secret
    signature: str
    template: str
    notice_template: str = ""

    def send(self, phone: str, code: str, *, message_id: str) -> None:
        self._deliver(self.request(phone, self.template, {"code": code}, nonce=message_id, now=clock.now()))

    def notify(self, phone: str, notice: SmsNotice, *, message_id: str) -> None:
        if not self.notice_template:
            raise SmsNotConfigured("Notices need a template of their own; set ONECODE_SMS_NOTICE_TEMPLATE.")
        words = {"what": WHAT[notice.kind].format(amount=notice.amount), "day": notice.last_day}
        self._deliver(self.request(phone, self.notice_template, words, nonce=message_id, now=clock.now()))

    def _deliver(self, asked: Mapping[str, str]) -> None:
        verdict = self._post(asked) or self._post(asked) or "no-answer"
        if verdict in ("OK", "SignatureNonceUsed"):
            return  # Used: the first try of this very message arrived, and its answer was lost.
        log(__name__).warning("text message not sent", gateway="aliyun", said=verdict[:60])
        raise _problem(verdict)

    def _post(self, asked: Mapping[str, str]) -> str | None:
        """The gateway's Code; None when it gave no answer one could read."""
        try:
            with httpx.Client(timeout=TIMEOUT_S, follow_redirects=False) as http:
                said = json.loads(http.post(self.url, data=dict(asked)).content[:LARGEST])
        except (httpx.HTTPError, ValueError):
            return None
        return str(said.get("Code", "unknown")) if isinstance(said, dict) else None

    def request(
        self, phone: str, template: str, words: Mapping[str, str], *, nonce: str, now: datetime
    ) -> dict[str, str]:
        """The form to post, signed."""
        asked = {
            "AccessKeyId": self.key_id,
            "Action": "SendSms",
            "Format": "JSON",
            "OutId": nonce,
            "PhoneNumbers": phone.removeprefix("+86").removeprefix("+"),
            "RegionId": "cn-hangzhou",
            "SignName": self.signature,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureNonce": nonce,
            "SignatureVersion": "1.0",
            "TemplateCode": template,
            "TemplateParam": json.dumps(dict(words), ensure_ascii=False),
            "Timestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Version": "2017-05-25",
        }
        return asked | {"Signature": sign("POST", asked, self.key)}


def sign(method: str, parameters: Mapping[str, str], key: Secret) -> str:
    """Base64 of the HMAC-SHA1 over the canonical request; `Signature` itself is left out."""
    pairs = sorted((name, value) for name, value in parameters.items() if name != "Signature")
    query = "&".join(f"{_encode(name)}={_encode(value)}" for name, value in pairs)
    text = f"{method}&{_encode('/')}&{_encode(query)}"
    digest = hmac.digest(f"{key.reveal()}&".encode(), text.encode(), hashlib.sha1)
    return base64.b64encode(digest).decode()


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")


def _problem(verdict: str) -> Problem:
    if verdict in REFUSED:
        return SmsRefused("No message can be sent to this number; use another.")
    if verdict == "isv.BUSINESS_LIMIT_CONTROL":
        return SmsBusy("Too many messages went to this number; try again later.", retry_after_s=3600)
    return SmsAway("The message could not be sent just now; try again in a moment.", retry_after_s=30)
