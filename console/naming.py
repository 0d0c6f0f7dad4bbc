"""What a case is about, in words: pivots, places, methods and values as a person says them."""

from collections.abc import Mapping
from typing import Any

from antifraud import regions
from antifraud.scan_log import Scan
from codegen import identity, shipments
from console import desk
from console.desk import t
from foundation.database import ReadTx

WRITTEN = "RULE_"
NUMBER = 12  # Longer names are cut to their last eight characters, which a person compares.
KINDS = (
    "item", "sscc", "dealer", "device", "address", "person", "account", "ring", "block", "run", "package", "epoch",
    "budget", "hold", "appeal", "audit",
)  # fmt: skip


def dealers(tx: ReadTx) -> dict[int, str]:
    return {dealer.id: dealer.name for dealer in shipments.dealers(tx)}


def about(pivot: str, named: Mapping[int, str]) -> str:
    """`sscc:369…` and the like in words, with a number shortened to what a person compares."""
    kind, _, which = pivot.partition(":")
    if kind == "dealer":
        dealer, _, region = which.partition(":")
        return f"{named.get(int(dealer), dealer)} → {place(int(region))}" if region else named.get(int(dealer), dealer)
    if kind == "item":
        return f"{t(kind)} {item(int(which))}"
    if kind == "pool":  # operator|browser|entry, whole: its beginning says most.
        return f"{t('way-in')} {which.replace('|', ' · ')}"
    return f"{t(kind)} …{which[-8:]}" if len(which) > NUMBER else f"{t(kind)} {which}"


def reason(code: str) -> str:
    """A rule that people wrote has no word of its own and is called by its name."""
    said = t(code)
    written = said == code and code.startswith(WRITTEN)
    return f"{t('RULE')} {code.removeprefix(WRITTEN).lower().replace('_', '-')}" if written else said


def item(number: int) -> str:
    """Epoch and place in it, counted from 1."""
    epoch = identity.epoch_of(number)
    return f"{epoch}-{number - identity.item_number(epoch, 0) + 1}"


def place(region: int | None) -> str:
    return regions.name(region, desk.language()) if region else "—"


def method(scan: Scan) -> str:
    if scan.method is None or scan.sigma_km is None:
        return "—"
    error = f"{scan.sigma_km:.0f} km" if scan.sigma_km >= 1 else f"{1000 * scan.sigma_km:.0f} m"
    return f"{t(scan.method)} ±{error}"


def values(found: Mapping[str, Any]) -> dict[str, Any]:
    """The values of an alert with its verdict as a person says it; shares and regions are said by the sentence."""
    return {**found} | ({"verdict": t(str(found["verdict"]))} if "verdict" in found else {})
