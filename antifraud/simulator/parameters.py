"""What the world is made of, each number with its basis: published, or an assumption that a sweep must question.

Sweep by `dataclasses.replace(Parameters(), scan_rate=0.5)`. Shares and rates are in 0..1, distances in km, durations in
days unless the name says otherwise, money in fen.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sku:
    """One product. scan_rate: of its packs; extra_people: mean number of further people who scan a scanned code.

    joint: chance that a pack was bought together with the one before it in the carton. rerouted: share of packs that
    are given away or sent on to any prefecture. two_faces: a public code outside, and the one that pays under the cap.
    prizes: (fen, probability) of what a claim pays. carton_share: of the cartons made.
    """

    name: str
    per_carton: int
    carton_share: float
    scan_rate: float
    extra_people: float
    joint: float
    rerouted: float
    prizes: tuple[tuple[int, float], ...]
    two_faces: bool = False
    liquor: bool = False


# Scan rates: published by vendors and biased upward (Eastroc above 40 %, copycats below 5 %; 18 to 52 % with a scene
# bonus). Extra people, joint purchases and rerouting: assumptions.
DRINK_PRIZES = ((30, 0.9), (88, 0.09), (188, 0.0099), (8888, 0.0001))
LIQUOR_PRIZES = ((300, 0.8), (880, 0.19), (8800, 0.01))
SKUS = (
    Sku("energy drink 500 ml", 24, 0.30, 0.35, 0.08, 0.25, 0.02, DRINK_PRIZES),
    Sku("cold tea 500 ml", 24, 0.16, 0.35, 0.08, 0.25, 0.02, DRINK_PRIZES),
    Sku("soy sauce 800 ml", 12, 0.14, 0.30, 0.08, 0.05, 0.02, ((50, 1.0),)),
    Sku("infant formula 900 g", 6, 0.12, 0.50, 0.10, 0.20, 0.04, ((200, 1.0),)),
    Sku("spirit 500 ml", 6, 0.17, 0.50, 0.25, 0.35, 0.10, LIQUOR_PRIZES, two_faces=True, liquor=True),
    Sku("aged spirit, gift box", 6, 0.11, 0.50, 0.25, 0.35, 0.10, LIQUOR_PRIZES, two_faces=True, liquor=True),
)


@dataclass(frozen=True, slots=True)
class Methods:
    """How phones are located. Shares: an assumption, under WeChat's published restriction of precise location."""

    gps: float = 0.45
    fuzzy: float = 0.25
    denied: float = 0.03  # Of all phones: nothing at all; the rest of 1 - gps - fuzzy is placed by its address.
    gps_median_m: tuple[float, float] = (7.0, 13.0)  # Published, PLOS ONE 0219890.
    gps_tail: float = 0.01  # Fixes of a radio cell, 0.5 to 5 km (published); their share is an assumption.
    gps_tail_km: tuple[float, float] = (0.5, 5.0)
    fuzzy_median_km: float = 3.0  # Assumption: WeChat documents no radius.
    fuzzy_log_sd: float = 0.6
    ip_fixed_median_km: tuple[float, float] = (3.0, 16.0)  # Published, arXiv 2605.21937; so is the next.
    ip_fixed_log_sd: float = 1.3
    ip_mobile_median_km: tuple[float, float] = (179.0, 207.0)
    ip_mobile_log_sd: float = 1.0


@dataclass(frozen=True, slots=True)
class Parameters:
    """One world. scale 1.0: 1.5 million packs in 100,000 cartons, 200 dealers, 20,000 stores, 400,000 people."""

    scale: float = 1.0
    days: int = 120  # What the calendar and the attacks are laid out for.
    cartons: int = 100_000
    dealers: int = 200
    stores: int = 20_000
    people: int = 400_000
    skus: tuple[Sku, ...] = SKUS
    methods: Methods = Methods()

    scan_rate: float = 1.0  # Multiplies every product's own; sweep it.
    out_of_home: float = 0.05  # h. 64.5 bn trips in 2024 are 12.5 % of people a day (published); to scans: assumption.
    out_of_home_sd: float = 0.015  # Between honest dealers. Assumption, decisive: sweep it.
    holiday_factor: float = 2.4  # Assumption; National Day x 1.7, its peak x 1.9 (published).
    signed_in: float = 0.92  # Assumption: WeChat knows nearly everybody.
    repeat_stop: float = 0.8  # Geometric: chance that a person's scan of a code is the last. Assumption.
    wrong_code: float = 0.03  # Of honest scans: dirt and typing. Assumption, 1 to 8 %.
    duplicate: float = 0.004  # Of honest scans: a phone off line sends it again under a new id. Assumption.
    skewed_clock: float = 0.01  # Phones wrong by more than ten minutes. Assumption.

    wrong_dealer: float = 0.01  # Cartons recorded to another dealer's shipment. With the next, published: DSCSA, 2 %.
    wrong_parent: float = 0.01  # Cartons whose packs are recorded in another carton of the same run.
    unrecorded: float = 0.005  # Shipments that left no record. Assumption; DSCSA saw event files err up to 10 %.
    store_scans: float = 0.4  # Of cartons. Assumption.
    recalled: float = 0.002  # Of cartons: their lot is called back half way. Assumption.

    pack_to_ship: float = 3.0  # Means of exponential delays; assumptions all.
    transit: float = 2.0
    on_shelf: float = 12.0
    to_opening: float = 1.0

    referral_share: float = 0.05  # Of signed-in people: brought by another. Assumption.
    referral_bonus_fen: int = 500

    def count(self, full: int, least: int = 1) -> int:
        """How many of what there are `full` at scale 1."""
        return max(least, round(full * self.scale))
