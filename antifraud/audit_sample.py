"""The random audit sample: a few first scans nobody was alerted to, looked at all the same, so that recall is known.

A scan is drawn when SHA-256(salt | scan id) falls below its share; the salt is the brand's, so nobody outside can tell
which are. Drawn again, the sample is the same. The alert keeps the probability: its label speaks for 1 / probability
scans. These cases are a queue of their own, `audit:`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from antifraud.alerts import raise_alerts
from antifraud.findings import Alert, Reason, Severity
from foundation.database import Tx

CODE = "AUD_SAMPLE"
PIVOT = "audit:"
SHARE = 0.005
_LOCK = 0x6175646974  # "audit": two draws at once would raise an alert each.


def draw(
    tx: Tx, gtins: Sequence[str], *, salt: bytes, since: datetime, until: datetime, share: float = SHARE, now: datetime
) -> int:
    """Open the audit cases of the brand's scans received in [since, until); how many. Those drawn before stay one."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    asked = {"gtins": list(gtins), "salt": salt, "since": since, "until": until, "below": int(share * 2**32)}
    drawn = [_alert(row, share) for row in tx.execute(_DRAW, asked)]
    raise_alerts(tx, drawn, now=now)
    return len(drawn)


_DRAW = text("""
SELECT s.scan_id, s.item, s.sscc, s.dealer_id, s.params_version FROM scans s
WHERE s.received_at >= :since AND s.received_at < :until AND s.gtin = ANY(:gtins) AND s.verdict = 'genuine'
  AND ('x' || encode(substr(sha256(CAST(:salt AS bytea) || convert_to(s.scan_id::text, 'UTF8')), 1, 4), 'hex'))
      ::bit(32)::bigint < :below
  AND NOT EXISTS (SELECT FROM alerts a WHERE a.scan_id = s.scan_id)
ORDER BY s.scan_id
""")


def _alert(row: Row[Any], share: float) -> Alert:
    reason = Reason(CODE, {"probability": share}, 0.0)
    return Alert(
        reason, Severity.MEDIUM, f"{PIVOT}{row.scan_id}", row.scan_id, row.item, row.sscc, row.dealer_id,
        row.params_version,
    )  # fmt: skip
