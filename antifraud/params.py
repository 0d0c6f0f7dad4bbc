"""The thresholds of judgement, as one value with a version. Error rates of the defaults: the docstrings of detectors.

A decision stores the version it was made with: the name of the set, a digest of its numbers and of the map, and one
of the detection rules in force.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from hashlib import sha256
from typing import Literal

from antifraud import regions
from antifraud.lab.fused import NO_RULES, Ruleset


@dataclass(frozen=True, slots=True)
class BatchParams:
    """What only the batch detectors read. Sources and error rates: their docstrings in antifraud/batch."""

    extra_people: float = 0.08  # distinct people a genuine scanned code meets beyond the first, before an SKU is known
    many_false: float = 2e-5  # flags per genuine scanned code, by people alone
    spread_false: float = 4e-3  # the same before dispersion is asked for
    copied: float = 1e-5  # of codes, before anything is seen
    single_share: float = 0.05
    gift_share: float = 0.05  # of moves that obey no diffusion
    roam_km2_day: float = 900.0
    near_km: float = 5.0  # how far from each other the buyers of one place scan
    victim_km: float = 20.0
    victim_p: float = 0.01
    victim_least: int = 3
    victim_replicates: int = 999
    mismatch_phones: int = 2

    sold_within_days: int = 540  # after shipping; what is scanned later was resold or kept
    home_scans: float = 200.0  # what the prior of a dealer's honest leak is worth, in scans
    flow_scans: float = 50.0  # and of where it leaks to
    day_scans: float = 400.0  # and of a day's leak against other days
    home_most: float = 0.5
    misrecorded_odd: float = 0.3  # of cartons whose printing neighbours all left in another delivery
    misrecorded_beside: float = 0.002  # of others, for each that stands where two deliveries meet
    dealer_null: float = 1e-3  # false flags a carton, at most
    dealer_alpha: float = 0.01
    dealer_fdr: float = 0.05
    confidence: float = 0.95
    task_cartons: int = 3
    rebate_least: float = 0.99
    rebate_cartons: int = 10
    flow_residual: float = 4.0
    flow_expected: float = 5.0
    unknown_route_cartons: int = 5

    pool_invalid: float = 0.25  # of the first tries of a pool, when a campaign runs through it
    pool_tries: int = 6  # how many tries of a phone are its first
    pool_memory: float = 200.0  # scans; what the prior of a pool's honest share is worth
    early_items: int = 3
    early_unrelated: float = 0.5  # people an item, from which on they do not know each other
    mix_20: int = 14
    mix_50: int = 32
    mix_days: float = 7.0  # for twenty; fifty have twice as long
    order_step: int = 24
    order_share: float = 0.5
    order_p: float = 1e-6
    order_least: int = 24
    reseal_share: float = 0.6
    reseal_within_s: float = 3600.0
    reseal_accounts: int = 3
    reseal_cartons: int = 3
    reseal_days: int = 2

    call_from: float = 0.8  # of the fused score of a person
    person_10min: int = 10
    person_day: int = 30
    person_cells_day: int = 3
    network_accounts_hour: int = 20
    device_accounts: int = 3
    device_accounts_high: int = 6
    device_days: float = 7.0
    payee_accounts: int = 2
    fix_accounts: int = 3
    lockstep_jaccard: float = 0.5
    lockstep_tuples: int = 3
    lockstep_accounts: int = 10
    lockstep_crowd: int = 200  # accounts at one place and time: a stadium, not a ring
    lockstep_exact_until: int = 100_000
    block_users: int = 10
    block_over_chance: float = 1.3
    block_shuffles: int = 3
    referral_depth: int = 3
    referral_star: int = 5
    breaker_ewma: float = 0.02
    breaker_tail: float = 1e-6
    breaker_least: int = 20
    breaker_warm_bins: int = 288


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
    pair_s: float = 600.0  # the two codes of one bottle, by one phone

    diverted: float = 0.02  # of cartons, before anything is seen
    out_of_home: float = 0.05  # of honest scans
    carton_notice: float = 0.5
    carton_task: float = 0.95  # On seeds 1 to 10 .9 gives a precision of .949, this one .960 and a recall of .870.

    batch: BatchParams = field(default_factory=BatchParams)
    rules: Ruleset = NO_RULES  # Detection rules as data; their version is part of this one.

    @cached_property
    def version(self) -> str:
        plain = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "rules"}
        numbers = json.dumps([plain | {"batch": asdict(self.batch)}, regions.version()], sort_keys=True)
        named = f"{self.name}-{sha256(numbers.encode()).hexdigest()[:10]}"
        return f"{named}-{self.rules.version}" if self.rules else named
