"""The scans a case is about: those its alerts were raised on, and the others of the same items and cartons."""

from collections.abc import Sequence
from uuid import UUID

from antifraud import scan_log
from antifraud.alerts import Raised
from antifraud.scan_log import Scan
from foundation.database import ReadTx

ITEMS = 20  # Of a case with more, the first are told whole.
PROOF = 500


def scans_of(tx: ReadTx, pivot: str, raised: Sequence[Raised]) -> list[Scan]:
    """Oldest first, in the order of judgement."""
    found: dict[UUID, Scan] = {scan.scan_id: scan for scan in scan_log.by_ids(tx, _raised_on(raised))}
    for item in sorted({alert.item for alert in raised if alert.item is not None})[:ITEMS]:
        found |= {scan.scan_id: scan for scan in scan_log.of_item(tx, item)}
    if not pivot.startswith("item:"):  # The case of a copied code is about one item, not about its neighbours.
        for sscc in sorted({alert.sscc for alert in raised if alert.sscc}):
            found |= {scan.scan_id: scan for scan in scan_log.of_sscc(tx, sscc)}
    return sorted(found.values(), key=lambda scan: (scan.received_at, scan.scan_id))


def _raised_on(raised: Sequence[Raised]) -> list[UUID]:
    """And, of the batch detectors' alerts, the scans their details name as proof: at most PROOF of a case."""
    proof = [UUID(one) for alert in raised for one in alert.details.get("proof") or ()]
    return [alert.scan_id for alert in raised if alert.scan_id is not None] + proof[:PROOF]
