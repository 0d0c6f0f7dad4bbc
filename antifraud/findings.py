"""What a detector says about one scan, and the words a person and a program know it by. Pure.

A finding that names a pivot calls a person: it becomes an alert, and alerts of one pivot meet in one case. Codes are
stable for ever; `antifraud.reasons` has their sentences.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

Value = str | int | float | bool | None | list[str] | Mapping[str, int]


class Severity(IntEnum):
    """INFO is for the file and opens no case."""

    INFO = 0
    MEDIUM = 1
    HIGH = 2
    CRITICAL = 3


@dataclass(frozen=True, slots=True)
class Reason:
    """code; the measured values and the thresholds they met; contribution: evidence in nats, above 0 for risk."""

    code: str
    values: Mapping[str, Value]
    contribution: float


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason, how grave it is, whom it concerns, and whether the reward waits for a person."""

    reason: Reason
    severity: Severity
    pivot: str | None = None
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """A finding that calls a person, with the scan it was seen on."""

    reason: Reason
    severity: Severity
    pivot: str
    scan_id: UUID
    item: int | None
    sscc: str | None
    dealer_id: int | None
    params_version: str
