"""A street of people with phones: every scan they make is judged, in order, on what was remembered before."""

import json
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from antifraud import location
from antifraud.decision import Decision, Params, decide
from antifraud.evidence import Evidence
from antifraud.signals import Attempt, Facts
from codegen.identity import Face, ItemNumber, Profile
from codegen.items import ItemState
from codegen.run_index import Run
from codegen.wire import Forged, Genuine

SPACE = UUID(int=0)
CITIES = {
    "Chengdu": (30.657, 104.0657), "Mianyang": (31.4675, 104.6796), "Shanghai": (31.2397, 121.4998),
    "Beijing": (39.9087, 116.3975), "Guangzhou": (23.1066, 113.3245), "Urumqi": (43.8256, 87.6168),
    "Xi'an": (34.2610, 108.9420), "Tokyo": (35.68, 139.76),
}  # fmt: skip
SICHUAN_DEALER = frozenset({510100, 510700})  # Chengdu and Mianyang


def member(name: str) -> UUID:
    return uuid5(SPACE, name)


class Street:
    """scan() answers with a Decision. Items are commissioned, packed in `sscc` and shipped to a dealer in Sichuan."""

    def __init__(self, now: datetime, params: Params) -> None:
        self.now, self.params, self.evidence = now, params, Evidence()
        self.claimed: dict[int, UUID] = {}
        self.seen: set[int] = set()
        self.scans = 0

    def run(self, **how) -> Run:
        standard = {
            "id": 5, "brand_id": 1, "epoch": 1, "gtin": "06901234567892", "profile": Profile.STANDARD, "host": "X",
            "first": ItemNumber(1 << 36), "count": 1 << 30, "claim_face": Face.OUTER, "produced_on": None,
            "expires_at": None, "product_zh": "茶", "product_en": "tea",
        }  # fmt: skip
        return Run(**standard | how)

    def state(self, item: int, **how) -> ItemState:
        standard = {
            "commissioned": True, "sscc": f"{item // 24:018}", "dealer_id": 3, "shipped_at": self.now,
            "authorised": SICHUAN_DEALER, "claimed_by": self.claimed.get(item),
            "first_seen_at": self.now if item in self.seen else None,
        }  # fmt: skip
        return ItemState(ItemNumber(item), **standard | how)

    def facts(self, who, token, state, *, city="Chengdu", method="gps", at_h=0.0, text="text", **how) -> Facts:
        self.scans += 1
        lat, lon = CITIES[city] if city else (None, None)
        phone, signed_in = how.pop("phone", f"{who}'s phone"), how.pop("signed_in", True)
        attempt = Attempt(
            uuid5(SPACE, str(self.scans)), text, phone, how.pop("address", f"2001:db8:{self.scans:x}::1"),
            member(who) if signed_in else None, location.from_report(lat, lon, None, method), how.pop("claim", True),
            self.now + timedelta(hours=at_h),
        )  # fmt: skip
        assert not how
        return Facts(attempt, token, state)

    def judge(self, facts: Facts) -> Decision:
        decision = decide(self.evidence, facts, params=self.params, now=facts.attempt.at)
        if decision.takes:
            self.claimed[facts.item] = facts.attempt.member_id
        if decision.first_seen:
            self.seen.add(facts.item)
        self.between_batches()
        return decision

    def between_batches(self) -> None:
        """What the database does to the rows, and a new batch that remembers nothing else."""
        rows = {subject: json.loads(json.dumps(row, sort_keys=True)) for subject, row in self.evidence.rows.items()}
        self.evidence = Evidence(rows, frozenset(rows))

    def scan(self, who: str, item: int = 48, *, face=Face.OUTER, state=None, run=None, **how) -> Decision:
        run = run or self.run()
        token = Genuine(ItemNumber(item), face, run.profile, run.gtin, run)
        return self.judge(self.facts(who, token, state or self.state(item), **how))

    def guess(self, who: str, text: str, *, token=None, **how) -> Decision:
        return self.judge(self.facts(who, token or Forged(), None, text=text, **how))


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]
