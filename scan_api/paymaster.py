"""Carries payouts to the channel: takes what is due, asks or sends without a transaction open, writes down the answer.

Between sending and recording anything may die: the payout is taken again after its lease, and asked about by its number
before anything is sent. Each answer is recorded in a transaction of its own, so a death costs one answer.
"""

import threading
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from foundation import clock
from foundation.database import ReadTx, reading, transaction
from foundation.errors import Unavailable
from foundation.observability import log
from foundation.settings import Settings
from loyalty import members, merging, payouts, reconciling, wechat_pay
from loyalty.expiry import BRAND_ZONE
from loyalty.members import MemberKeys
from loyalty.payouts import Due, Order, Told
from loyalty.reconciling import BillLine
from loyalty.wechat_pay import Merchant, WeChatPay

PAUSE_S = 1.0
BILL_HOUR = 10  # The channel has the bill of a day at this hour of the next.
BILL_PAUSE_S = 600.0
REMARK = "扫码红包"


class PayChannel(payouts.Channel, Protocol):
    def bill(self, day: date) -> list[BillLine]: ...


class Paymaster:
    def __init__(self, engine: Engine, channel: PayChannel, keys: MemberKeys, *, app_id: str) -> None:
        self._engine, self._channel, self._keys, self._app_id = engine, channel, keys, app_id
        self._bill_asked_at = float("-inf")

    def run(self, stop: threading.Event) -> None:
        """Pay until told to stop; a database that went away is tried again."""
        while not stop.is_set():
            worked = 0
            with suppress(SQLAlchemyError):
                worked = self.round(now=clock.now())
                self._reconcile_when_due(now=clock.now())
            if not worked:
                stop.wait(PAUSE_S)

    def round(self, *, now: datetime) -> int:
        """Carry what is due, once; how many payouts."""
        with transaction(self._engine) as tx:
            due = payouts.take(tx, now=now)
        for one in due:
            told = self._carry(one)
            with transaction(self._engine) as tx:
                payouts.record(tx, one, told, now=now)
        return len(due)

    def _carry(self, due: Due) -> Told:
        told = Told("absent") if due.is_new else self._channel.ask(due.order_no)
        if told.state != "absent":
            return told
        with reading(self._engine) as tx:
            to_whom = self._openid(tx, due.member_id)
        if to_whom is None:
            # What was never sent may be given up; what may be on its way is asked about again.
            return Told("cancelled" if due.is_new else "unknown", "nobody-to-pay-to")
        return self._channel.send(Order(due.order_no, due.amount_fen, to_whom, REMARK))

    def _openid(self, tx: ReadTx, member_id: UUID) -> str | None:
        """The member's id at our account: an openid is stored behind the account it belongs to."""
        known = members.values(tx, merging.resolve(tx, member_id), "wechat_openid", keys=self._keys)
        ours = (one.partition(":") for one in known)
        return next((openid for account, _, openid in ours if account == self._app_id), None)

    def _reconcile_when_due(self, *, now: datetime) -> None:
        local = now.astimezone(BRAND_ZONE)
        if local.hour >= BILL_HOUR and clock.monotonic_s() - self._bill_asked_at >= BILL_PAUSE_S:
            self._bill_asked_at = clock.monotonic_s()
            self.reconcile(local.date() - timedelta(days=1), now=now)

    def reconcile(self, day: date, *, now: datetime) -> None:
        """Compare the channel's bill of a day with our payouts, unless that was done before."""
        with reading(self._engine) as tx:
            if reconciling.is_reconciled(tx, day):
                return
        try:
            lines = self._channel.bill(day)
        except Unavailable as away:
            log(__name__).warning("the channel's bill is not to be had yet", day=day.isoformat(), said=away.detail)
            return
        with transaction(self._engine) as tx:
            reconciling.reconcile(tx, day, lines, now=now)


def open_channel(settings: Settings) -> WeChatPay | None:
    """WeChat Pay as configured; None: payouts wait. Raises BadRequest for a key that is none."""
    if not settings.wechat_pay_merchant:
        return None
    return WeChatPay(
        Merchant(
            url=settings.wechat_pay_api,
            app_id=settings.wechat_app_id,
            mchid=settings.wechat_pay_merchant,
            serial=settings.wechat_pay_serial,
            key=wechat_pay.private_key(settings.wechat_pay_key),
            v3_key=settings.wechat_pay_v3_key,
            platform_keys=settings.wechat_pay_platform_keys,
            notify_url=f"{settings.public_url}/v1/wechat-pay/notifications",
            scene=settings.wechat_pay_scene,
        )
    )
