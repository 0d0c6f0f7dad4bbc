"""Signing in with WeChat: web authorisation of an official account (网页授权), as the open platform documents it.

    1  browser -> us        GET  /v1/sign-in/wechat                     a state, bound to this browser by a cookie
    2  browser -> WeChat    GET  {open}/connect/oauth2/authorize?appid&redirect_uri&response_type=code&scope&state
    3  WeChat -> browser -> us   ?code&state                            a GET, so nothing happens: on to the page
    4  page -> us           POST /v1/sign-in/wechat {code, state}       the state is used up, then
    5  us -> WeChat         GET  {api}/sns/oauth2/access_token?appid&secret&code&grant_type   openid, perhaps unionid

A code works once, for five minutes. What WeChat answers is JSON whatever its content type; an error is an errcode with
status 200. The access token is not kept: who it is, is all we ask (scope snsapi_base).
"""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx
from sqlalchemy import delete, insert

from foundation import ids
from foundation.database import Tx
from foundation.errors import BadRequest, NotSignedIn, TooMany, Unavailable
from foundation.settings import Secret, Settings
from loyalty.members import Identifier
from scan_api.tables import wechat_states

STATE_LIFE = timedelta(minutes=10)
TIMEOUT_S = 5.0
# A path of this site: no host behind "//" or a backslash, no line break into a header, no fragment of its own.
LOCAL_PATH = re.compile(r'/(?:[^\x00-\x20\x7f-\U0010ffff\\#"/][^\x00-\x20\x7f-\U0010ffff\\#"]{0,510})?')
LARGEST = 64 * 1024
# errcodes of the open platform: those about the code are the caller's, the rest are ours or theirs.
BAD_CODE = frozenset({40029, 40163, 41008, 42003})  # invalid, been used, missing, timed out
LIMITED = frozenset({45009, 45011})  # a day's and a minute's quota
BUSY = -1


class WeChatNotConfigured(Unavailable):
    type = "wechat-not-configured"


class WeChatAway(Unavailable):
    """WeChat does not answer, or answers what it should not."""

    type = "wechat-away"


class WeChatBusy(TooMany):
    """WeChat limits how often it may be asked."""

    type = "wechat-busy"


class WrongWeChatCode(NotSignedIn):
    """The code was used, is too old, or was not made for us."""

    type = "wrong-wechat-code"


class WrongState(BadRequest):
    """The sign-in was begun in another browser, was finished before, or took too long."""

    type = "wrong-state"


class WeChat(Protocol):
    def authorize_url(self, redirect_uri: str, state: str) -> str: ...

    def exchange(self, code: str) -> list[Identifier]:
        """Who gave the code: unionid first where there is one. Raises WrongWeChatCode, WeChatBusy, WeChatAway."""


class NoWeChat:
    def authorize_url(self, redirect_uri: str, state: str) -> str:  # noqa: ARG002
        raise WeChatNotConfigured("WeChat sign-in is not set up here; set ONECODE_WECHAT_APP_ID.")

    def exchange(self, code: str) -> list[Identifier]:  # noqa: ARG002
        raise WeChatNotConfigured("WeChat sign-in is not set up here; set ONECODE_WECHAT_APP_ID.")


@dataclass(frozen=True, slots=True)
class OfficialAccount:
    app_id: str
    secret: Secret
    open_url: str
    api_url: str

    def authorize_url(self, redirect_uri: str, state: str) -> str:
        # The order of the parameters and the fragment are WeChat's; its client refuses others.
        asked = {"appid": self.app_id, "redirect_uri": redirect_uri, "response_type": "code", "scope": "snsapi_base"}
        return f"{self.open_url}/connect/oauth2/authorize?{urlencode(asked | {'state': state})}#wechat_redirect"

    def exchange(self, code: str) -> list[Identifier]:
        said = self._ask(
            "/sns/oauth2/access_token",
            {"appid": self.app_id, "secret": self.secret.reveal(), "code": code, "grant_type": "authorization_code"},
        )
        openid, unionid = said.get("openid"), said.get("unionid")
        if not isinstance(openid, str) or not openid:
            raise WeChatAway("WeChat's answer names nobody; try again.", retry_after_s=5)
        if said.get("is_snapshotuser") == 1:
            # A page opened as a snapshot (快照页) has a made-up openid: points would go to nobody.
            raise WrongWeChatCode("Open the full page in WeChat to sign in.")
        # An openid is the account's own name for a person; only the union id is the same across our accounts.
        own = Identifier("wechat_openid", f"{self.app_id}:{openid}")
        return [Identifier("wechat_unionid", unionid), own] if isinstance(unionid, str) and unionid else [own]

    def _ask(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        try:
            with httpx.Client(timeout=TIMEOUT_S, follow_redirects=False) as http:
                answer = http.get(self.api_url + path, params=query)
                said = json.loads(answer.content[:LARGEST]) if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError):
            said = None  # The error's own text holds the address, and the address holds the secret.
        if not isinstance(said, dict):
            raise WeChatAway("WeChat does not answer just now; try again.", retry_after_s=5)
        return _checked(said)


def _checked(said: dict[str, Any]) -> dict[str, Any]:
    errcode = said.get("errcode", 0)
    if errcode in BAD_CODE:
        raise WrongWeChatCode("This WeChat sign-in was used or is too old; begin again.")
    if errcode in LIMITED:
        raise WeChatBusy("WeChat is asked too often just now; try again in a minute.", retry_after_s=60)
    if errcode:
        raise WeChatAway(f"WeChat refused with code {int(errcode)}; try again.", retry_after_s=5)
    return said


def open_wechat(settings: Settings) -> WeChat:
    if not settings.wechat_app_id:
        return NoWeChat()
    return OfficialAccount(
        settings.wechat_app_id, settings.wechat_secret, settings.wechat_open, settings.wechat_api
    )  # fmt: skip


def begin(tx: Tx, *, back_to: str, now: datetime) -> tuple[str, str]:
    """(state, browser): the state goes through WeChat, the browser's half stays in its cookie.

    Raises BadRequest when `back_to` leaves this site.
    """
    if not LOCAL_PATH.fullmatch(back_to):
        raise BadRequest("back_to must be a path of this site, such as /wallet.")
    state, browser = ids.random_bytes(16).hex(), ids.token_urlsafe(24)
    tx.execute(
        insert(wechat_states).values(
            state_hash=_hash(state), browser_hash=_hash(browser), back_to=back_to, expires_at=now + STATE_LIFE
        )
    )
    return state, browser


def finish(tx: Tx, state: str, browser: str, *, now: datetime) -> bool:
    """Use the state up; whether it was this browser's. Commit either way: a stolen state is dead after one try."""
    row = tx.execute(
        delete(wechat_states).where(wechat_states.c.state_hash == _hash(state)).returning(wechat_states)
    ).first()
    return row is not None and row.expires_at > now and hmac.compare_digest(row.browser_hash, _hash(browser))


def back_to(tx: Tx, state: str) -> str:
    """Where the browser wanted to be. Raises WrongState."""
    found = tx.execute(wechat_states.select().where(wechat_states.c.state_hash == _hash(state))).first()
    if found is None:
        raise WrongState("This sign-in was finished before or took too long; begin again.")
    return str(found.back_to)


def sweep(tx: Tx, *, now: datetime) -> int:
    """Forget sign-ins nobody came back from; how many."""
    return tx.execute(delete(wechat_states).where(wechat_states.c.expires_at <= now)).rowcount


def _hash(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "replace")).digest()
