"""A log of scans to try rules on, written as the scan path writes it."""

from datetime import datetime, timedelta
from itertools import count
from uuid import UUID, uuid5

import pytest
from sqlalchemy import text

from antifraud import scan_log
from antifraud.lab import backtest, gate, shadow, versions
from antifraud.scan_log import Scan
from foundation.ids import uuid7_floor
from tests.antifraud.street import SPACE, member

RULE = {"name_zh": "夜间领奖", "name_en": "Claims at night", "score": "abuse", "weight": 1.5, "why": "caps at night"}


class History:
    """scan() adds one to the log; `code` is what live judgement said of it."""

    def __init__(self, tx, now: datetime) -> None:
        self.tx, self.now, self._turns = tx, now, count(1)
        scan_log.ensure_partitions(tx, now)

    def scan(self, who="Li", *, at: datetime, people=1, points=10, reasons=(), item=None, **how) -> UUID:
        turn = next(self._turns)
        scan_id = UUID(int=uuid7_floor(at).int + turn)
        features = {"people": people, "places": 1, "method": "gps"} | how.pop("features", {})
        usual = {
            "input_hash": b"", "text": "text", "verdict": "genuine", "item": item or 1000 + turn, "face": 0,
            "gtin": "06901234567892", "sscc": None, "dealer_id": 3, "device": f"{who}'s phone",
            "address": "2001:db8::1",
            "member_id": member(who), "method": "gps", "region": 510100, "claim": True, "reward_points": points,
            "reward_state": "credited" if points else "none", "answer": {"reward": {"points": points}},
            "params_version": "default-1",
        }  # fmt: skip
        row = usual | {"scan_id": scan_id, "received_at": at, "reasons": list(reasons), "features": features} | how
        scan_log.record(self.tx, [Scan(**row, contributions=dict.fromkeys(reasons, 1.0))])
        return scan_id

    def label(self, scan_id: UUID, outcome: str, *, code="RULE_MANY", source="case", weight=1.0, pivot=None) -> None:
        row = {"code": code, "pivot": pivot or f"scan:{scan_id}", "scan_id": scan_id, "outcome": outcome,
               "source": source, "weight": weight, "at": self.now}  # fmt: skip
        self.tx.execute(text(
            "INSERT INTO case_labels (code, pivot, scan_id, outcome, source, weight, decided_by, decided_at)"
            " VALUES (:code, :pivot, :scan_id, :outcome, :source, :weight, 'chen', :at)"
        ), row)  # fmt: skip

    def draft(self, slug="many", rule="people >= 3", *, by="li", **effect) -> versions.Version:
        return versions.draft_rule(self.tx, slug, text=rule, by=by, now=self.now, **RULE | effect)

    def backtest(self, one: versions.Version, *, days=20, limit=4000) -> backtest.Run:
        run_id = uuid5(SPACE, f"{one.slug}-{one.version}-{days}")
        since = self.now - timedelta(days=days)
        backtest.ask(self.tx, run_id, one.slug, one.version, since=since, until=self.now, by="li", now=self.now)
        while backtest.go_on(self.tx, run_id, now=self.now, limit=limit):
            pass
        return backtest.get(self.tx, run_id)

    def missing(self, one: versions.Version, by="wang") -> list[str]:
        return [check.name for check in gate.checks(self.tx, one, by=by) if not check.passed]

    def beside_live(self, now: datetime) -> int:
        return shadow.go_on(self.tx, now=now)


@pytest.fixture
def history(tx, now) -> History:
    return History(tx, now)
