"""The thresholds of judgement, as one value with a version. Error rates of the defaults: the docstrings of detectors.

A decision stores the version it was made with: the name of the set, and a digest of its numbers and of the map.
"""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from typing import Literal

from antifraud import regions


@dataclass(frozen=True)
class Params:
    """name: what people call this set. Speeds in km/h, distances in km, shares and probabilities in 0..1.

    logistics says how far the brand's own records may be trusted when an item surfaces early:
    "partial" some items are packed and shipped on record; "packing" all are packed on record;
    "shipping" all are packed, and every carton leaves through a scanned gate.
    """

    name: str = "default"

    users_many: int = 5
    users_spread: int = 3
    spread_overlap: float = 0.05
    travel_from_km: float = 300.0
    ground_kmh: float = 350.0  # the fastest train
    air_kmh: float = 900.0
    travel_slack_s: float = 600.0

    logistics: Literal["partial", "packing", "shipping"] = "partial"
    honest_invalid: float = 0.03
    guesser_invalid: float = 0.99
    enumeration_alpha: float = 1e-6
    enumeration_beta: float = 0.01
    enumeration_memory_s: float = 86_400.0
    block_s: float = 86_400.0

    diverted: float = 0.02  # of cartons, before anything is seen
    out_of_home: float = 0.05  # of honest scans
    carton_notice: float = 0.5
    carton_task: float = 0.9

    @cached_property
    def version(self) -> str:
        numbers = json.dumps([asdict(self), regions.version()], sort_keys=True)
        return f"{self.name}-{sha256(numbers.encode()).hexdigest()[:10]}"
