"""What the worker does by the clock that touches more than tables: files, and the phones of members.

A file goes only after the row that named it is gone, in a transaction of its own: whatever a kill leaves behind is a
file nobody names, and the next round finds it.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from antifraud import audit_sample, dealer_notices, inspection
from codegen import brands, runs
from foundation.database import Tx, reading, transaction
from foundation.ids import uuid7_time
from loyalty import handing, members, notices
from loyalty.members import MemberKeys
from loyalty.notices import Notice
from scan_api import appeals, packaging, photos
from scan_api.gateways import open_sender
from scan_api.house import House
from scan_api.photos import Album
from scan_api.sender import Sender, SmsAway, SmsBusy, SmsNotConfigured, SmsNotice, SmsRefused

MARKETING = "marketing"  # The consent under which members are written to.
PHOTOS_KEPT = timedelta(days=180)  # After the decision: as long as a refusal is argued about (PIPL article 19).
AUDITED_BACK = timedelta(hours=2)
SETTLED = timedelta(minutes=1)  # A batch that is late to commit is in the next look.
YOUNG = timedelta(days=1)  # A folder this young may still get its row.


@dataclass(frozen=True, slots=True)
class Chore:
    name: str
    every_s: float
    work: Callable[[House, datetime], int]


def sweep_photos(house: House, now: datetime) -> int:
    """Delete the photos of appeals decided long ago, and those no appeal names; how many folders went."""
    album = Album(house.settings.data_dir, house.purpose_key(photos.PURPOSE))
    with transaction(house.engine) as tx:
        appeals.let_photos_go(tx, decided_before=now - PHOTOS_KEPT)
    kept_since = now - YOUNG
    old = [folder for folder in album.folders() if uuid7_time(UUID(folder)) < kept_since]
    with reading(house.engine) as tx:
        named = appeals.folders(tx, old) | dealer_notices.folders(tx, old) | inspection.folders(tx, old)
    gone = [folder for folder in old if folder not in named]
    for folder in gone:
        album.drop(folder)
    return len(gone)


def sweep_packages(house: House, now: datetime) -> int:
    """Delete the files of packages that were revoked or expired, and half-written ones; how many files went."""
    return packaging.sweep(house, now=now)


def draw_audits(house: House, now: datetime) -> int:
    """Open the cases of the random audit sample; how many. A worker that was away looks two hours back."""
    secret, drawn = house.purpose_key("audit sample"), 0
    with transaction(house.engine) as tx:
        for brand in brands.list_brands(tx):
            gtins = sorted({one.run.gtin for one in runs.list_runs(tx, brand_id=brand.id)})
            salt = hmac.digest(secret, str(brand.id).encode(), hashlib.sha256)
            until = now - SETTLED
            drawn += audit_sample.draw(tx, gtins, salt=salt, since=until - AUDITED_BACK, until=until, now=now)
    return drawn


def issue_coupons(house: House, now: datetime) -> int:
    """Make the coupons that were won; how many. Their codes need the house's key."""
    with transaction(house.engine) as tx:
        return handing.issue_coupons(tx, key=house.purpose_key("coupons"), now=now)


def send_notices(house: House, now: datetime) -> int:
    """Tell members who agreed to text messages what of theirs lapses; how many were told.

    A crash before the commit sends the same message again under the same id, which the gateway knows.
    """
    sender, keys, told = open_sender(house.settings), MemberKeys.derive(house.purpose_key), 0
    with transaction(house.engine) as tx:
        for one in notices.waiting(tx):
            state = _send(tx, one, sender, keys)
            if state is None:
                break  # The gateway is away: whatever waits goes on waiting.
            notices.told(tx, one.id, state, now=now)
            told += state == "sent"
    return told


def _send(tx: Tx, one: Notice, sender: Sender, keys: MemberKeys) -> str | None:
    if not members.has_consented(tx, one.member_id, purpose=MARKETING, channel="sms"):
        return "unwanted"
    numbers = members.values(tx, one.member_id, "phone", keys=keys)
    if not numbers:
        return "unreachable"
    try:
        words = SmsNotice(one.kind, one.amount, one.due_on.isoformat())
        sender.notify(numbers[0], words, message_id=f"notice-{one.id}")
    except SmsRefused:
        return "unreachable"
    except (SmsAway, SmsBusy, SmsNotConfigured):
        return None
    return "sent"


CHORES = (
    Chore("appeals.sweep_photos", 3600, sweep_photos),
    Chore("cases.draw_audits", 600, draw_audits),
    Chore("packages.sweep_files", 300, sweep_packages),
    Chore("members.send_notices", 60, send_notices),
    Chore("prizes.issue_coupons", 5, issue_coupons),
)
