"""What a batch finding becomes: an alert about somebody with a name, once, and again only when it weighs more.

Detectors know people, phones and networks by numbers; a finding's own scans say who that is. What was told before is
read from the alerts themselves, in-line ones too: a finding is news when nothing of its code and pivot was told, when
it is graver, when a dealer is listed or graded higher, or when its evidence doubled. So a posterior that moves by a
hair tells nobody anything, and history judged again tells nothing twice.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text

from antifraud.alerts import raise_alerts
from antifraud.batch.fusion import features, score
from antifraud.batch.proof import BatchFinding
from antifraud.event_reader import number
from antifraud.findings import Alert, Reason, Severity, Value
from antifraud.signals import network, storable
from foundation.database import ReadTx, Tx

__all__ = ["Named", "named", "news", "store_scores", "tell"]

IN_LINE = frozenset({"PKG_LEAK"})  # Told when the scan came, with the package it leaked from.
PEOPLE = frozenset({"person", "account", "ring", "payee"})
GRADES = {"": 0, "notice": 1, "task": 2, "rebate": 3}


@dataclass(frozen=True, slots=True)
class Named:
    """A finding with the name of its pivot, the scans that prove it, and the scan, carton and dealer it is shown on."""

    reason: Reason
    severity: Severity
    pivot: str
    scan_id: UUID
    item: int | None
    sscc: str | None
    dealer_id: int | None

    @property
    def key(self) -> tuple[str, str, str]:
        """What is told once: of a dealer each carton by itself."""
        return self.pivot, self.reason.code, str(self.reason.values.get("sscc") or "")

    def alert(self, params_version: str) -> Alert:
        return Alert(
            self.reason, self.severity, self.pivot, self.scan_id, self.item, self.sscc, self.dealer_id, params_version
        )


def named(
    tx: ReadTx, findings: Sequence[BatchFinding], ids: Mapping[int, UUID], names: Mapping[int, str], last: UUID
) -> list[Named]:
    """The findings for people. ids: of the rows they name; names: of accounts without scans; last: scan judged last."""
    seen = {row.scan_id: row for row in tx.execute(_SEEN, {"ids": sorted(set(ids.values()))})}
    cartons = {f"{one.cartons[0]:018d}" for one in findings if one.cartons and not one.scans}
    latest = {row.sscc: row for row in tx.execute(_LATEST, {"ssccs": sorted(cartons)})} if cartons else {}
    answer = []
    for one in findings:
        if one.code in IN_LINE:
            continue
        rows = [seen[ids[row]] for row in one.scans if ids.get(row) in seen]
        if not rows and one.cartons and (found := latest.get(f"{one.cartons[0]:018d}")) is not None:
            rows = [found]
        answer.append(_named(one, rows, names, last))
    return answer


_COLUMNS = "scan_id, item, sscc, dealer_id, device, address, member_id, pool"
_SEEN = text(f"SELECT {_COLUMNS} FROM scans WHERE scan_id = ANY (:ids)")  # noqa: S608 names of our own columns
_LATEST = text(
    f"SELECT DISTINCT ON (sscc) {_COLUMNS} FROM scans WHERE sscc = ANY (:ssccs)"  # noqa: S608
    " ORDER BY sscc, received_at DESC, scan_id DESC"
)


def _named(one: BatchFinding, rows: Sequence[Row[Any]], names: Mapping[int, str], last: UUID) -> Named:
    kind, _, which = one.pivot.partition(":")
    pivot = _pivot(kind, which, one, rows, names)
    shown = rows[-1] if rows else None
    sscc = f"{one.cartons[0]:018d}" if one.cartons and kind in ("dealer", "carton") else None
    item = int(which) if kind == "item" else None
    if kind == "item" and shown is not None:
        sscc = shown.sscc
    dealer = int(which.partition(":")[0]) if kind == "dealer" else (shown.dealer_id if shown and sscc else None)
    reason = replace(one.finding.reason, values=_values(one, rows, sscc))
    return Named(reason, one.finding.severity, pivot, shown.scan_id if shown else last, item, sscc, dealer)


def _pivot(kind: str, which: str, one: BatchFinding, rows: Sequence[Row[Any]], names: Mapping[int, str]) -> str:
    """As cases are about: item:, sscc:, dealer:<id>:<region>, member:, device:, address:, run:, shipment:, region:,
    pool:<operator|browser|entry>.
    """
    if kind == "pool":
        return next((f"pool:{row.pool}" for row in rows if number("pool", row.pool or "") == int(which)), one.pivot)
    if kind == "carton":
        return f"sscc:{int(which):018d}"
    if kind == "dealer":
        return one.pivot if ":" in which else f"{one.pivot}:{one.values.get('region') or 0}"
    if kind == "block" and one.code != "ABU_DENSE_BLOCK":
        return f"item:{rows[-1].item}" if rows else one.pivot
    if kind in PEOPLE or kind in ("device", "network", "address", "block"):
        return _who(kind, int(which), rows, names)
    return one.pivot


def _who(kind: str, which: int, rows: Sequence[Row[Any]], names: Mapping[int, str]) -> str:
    """Whoever of the finding's scans has this number; a number nobody of them has stays one."""
    for row in reversed(rows):
        if row.member_id is not None and number("member", str(row.member_id)) == which:
            return f"member:{row.member_id}"
        if number("device", storable(row.device)) == which:
            return f"device:{storable(row.device)}"
        if number("network", network(row.address)) == which:
            return f"address:{storable(network(row.address))}"
    return names.get(which, f"{kind}:{which}")


def _values(one: BatchFinding, rows: Sequence[Row[Any]], sscc: str | None) -> Mapping[str, Value]:
    """Cartons by their eighteen digits; proof: the scans, which the case shows."""
    values = dict(one.values)
    for name in ("sscc", "carton"):
        if name in values and one.cartons:
            values[name] = sscc or f"{one.cartons[0]:018d}"
    return values | {"proof": [str(row.scan_id) for row in rows]}


def news(tx: ReadTx, findings: Iterable[Named]) -> list[Named]:
    """Those that say more than was told, the last of each kind and pivot, in their order."""
    last = {one.key: one for one in findings}
    if not last:
        return []
    pivots, codes, ssccs = (sorted({key[place] for key in last}) for place in range(3))
    rows = tx.execute(_TOLD, {"pivots": pivots, "codes": codes, "ssccs": ssccs})
    told = {(row.pivot, row.code, row.sscc): row for row in rows}
    return [one for key, one in last.items() if _is_news(one, told.get(key))]


_TOLD = text("""
SELECT pivot, code, coalesce(details ->> 'sscc', '') AS sscc, max(severity) AS severity,
    max(contribution) AS contribution, bool_or(coalesce(details ->> 'listed', '') = 'true') AS listed,
    array_agg(DISTINCT coalesce(details ->> 'grade', '')) AS grades
FROM alerts
WHERE pivot = ANY (:pivots) AND code = ANY (:codes) AND coalesce(details ->> 'sscc', '') = ANY (:ssccs)
GROUP BY 1, 2, 3
""")


def _is_news(one: Named, told: Row[Any] | None) -> bool:
    if told is None:
        return True
    values = one.reason.values
    graded = max(GRADES.get(grade, 0) for grade in told.grades)
    return bool(
        int(one.severity) > told.severity
        or (values.get("listed") and not told.listed)
        or GRADES.get(str(values.get("grade") or ""), 0) > graded
        or _doublings(one.reason.contribution) > _doublings(told.contribution)
    )


def _doublings(nats: float) -> int:
    return math.floor(math.log2(1 + max(0.0, nats)))


def tell(tx: Tx, findings: Sequence[Named], *, params_version: str, now: datetime) -> int:
    """Raise what is news. Returns how many alerts that made."""
    fresh = news(tx, findings)
    raise_alerts(tx, [one.alert(params_version) for one in fresh], now=now)
    return len(fresh)


def store_scores(tx: Tx, findings: Sequence[Named], *, params_version: str, now: datetime) -> None:
    """The fused scores of the touched pivots, from everything that was ever told of them. Call after `tell`."""
    reasons: dict[str, list[Reason]] = {}
    for one in findings:
        reasons.setdefault(one.pivot, []).append(one.reason)
    if not reasons:
        return
    for row in tx.execute(_EVER_TOLD, {"pivots": sorted(reasons)}):
        reasons[row.pivot].append(Reason(row.code, {}, row.contribution))
    rows = [
        {"pivot": pivot, "kind": one.kind, "value": one.value,
         "reasons": [{"code": code, "part": part} for code, part in one.reasons]}
        for pivot in sorted(reasons) if features(reasons[pivot])
        for one in score(reasons[pivot]) if one.reasons
    ]  # fmt: skip
    if rows:
        tx.execute(_SCORED, {"rows": orjson.dumps(rows).decode(), "params": params_version, "now": now})


_EVER_TOLD = text(
    "SELECT pivot, code, max(contribution) AS contribution FROM alerts WHERE pivot = ANY (:pivots) GROUP BY 1, 2"
)
_SCORED = text("""
INSERT INTO scores (pivot, kind, value, reasons, params_version, judged_at)
SELECT pivot, kind, value, reasons, :params, :now
FROM json_to_recordset(CAST(:rows AS json)) AS r (pivot text, kind text, value double precision, reasons jsonb)
ORDER BY pivot, kind
ON CONFLICT (pivot, kind) DO UPDATE SET value = excluded.value, reasons = excluded.reasons,
    params_version = excluded.params_version, judged_at = excluded.judged_at
""")
