"""Reading a feed to its end, and hearing a webhook: what every integration writes first."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from scan_api.client.api import Client, ScanPage

TOLERANCE = timedelta(minutes=5)


def scan_pages(client: Client, *, cursor: str | None = None, limit: int = 1000) -> Iterator[ScanPage]:
    """Pages of scans until nothing more is ready. Keep the last page's `next_cursor` and begin there next time."""
    complete = False
    while not complete:
        page = client.exports_scans(cursor=cursor, limit=limit)
        cursor, complete = page["next_cursor"], page["complete"]
        yield page


def is_ours(headers: Mapping[str, str], body: bytes, secret: str, *, now: datetime) -> bool:
    """Whether a webhook message was signed with `secret` (whsec_…) within five minutes of `now`.

    headers: by lower-case name. Keep `webhook-id` to notice a message that comes twice.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        age = abs(now.timestamp() - int(timestamp))
    except (binascii.Error, ValueError):
        return False
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    wanted = "v1," + base64.b64encode(digest).decode()
    signatures = headers.get("webhook-signature", "").split(" ")
    return age <= TOLERANCE.total_seconds() and any(
        hmac.compare_digest(wanted.encode(), one.encode()) for one in signatures
    )
