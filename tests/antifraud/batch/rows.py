"""Scans as columns from a few words, and many of them from a seeded generator."""

from itertools import pairwise

import numpy as np

from antifraud.columns import METHODS, Cartons, Dealers, Outcome, Scans, StoreScans

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
START = 1_700_000_000_000_000  # microseconds; a Tuesday
CITIES = {
    "Chengdu": (30.657, 104.0657), "Mianyang": (31.4675, 104.6796), "Shanghai": (31.2397, 121.4998),
    "Beijing": (39.9087, 116.3975), "Guangzhou": (23.1066, 113.3245), "Urumqi": (43.8256, 87.6168),
    "nowhere": (np.nan, np.nan), "0,0": (0.0, 0.0),
}  # fmt: skip
STANDARD = {
    "at": START, "told": 0, "item": 1, "outcome": int(Outcome.VALID), "claim_face": True, "claimed": False,
    "value_fen": 0, "carton": 0, "person": 1, "account": 0, "device": 0, "network": 0, "pool": 0, "payee": 0,
    "lat": np.nan, "lon": np.nan, "sigma_km": 0.0085, "method": METHODS.index("gps"), "accuracy_m": 12.0,
    "environment": 0,
}  # fmt: skip
TYPES = {"outcome": np.uint8, "method": np.uint8, "environment": np.uint8, "claim_face": bool, "claimed": bool}
REALS = {"lat", "lon", "sigma_km", "accuracy_m"}


def scans(*rows, **common) -> Scans:
    """rows: dicts of columns; city and method by name, h: hours after START. In order of time."""
    full = [STANDARD | _said(common | row) for row in rows]
    full.sort(key=lambda row: row["at"])
    return Scans(**{
        name: np.array([row[name] for row in full], dtype=TYPES.get(name, np.float64 if name in REALS else np.int64))
        for name in STANDARD
    })  # fmt: skip


def _said(row):
    row = dict(row)
    if city := row.pop("city", None):
        row["lat"], row["lon"] = CITIES[city]
    if "h" in row:
        row["at"] = START + round(row.pop("h") * HOUR)
    if isinstance(row.get("method"), str):
        row["method"] = METHODS.index(row["method"])
    if "person" in row:  # One phone and one account a person, unless told.
        row = {"account": row["person"], "device": row["person"]} | row
    return row


def columns(n: int, **given) -> Scans:
    """n scans from whole columns; what is not given is standard."""
    made = {name: np.full(n, value, dtype=TYPES.get(name, np.float64 if name in REALS else np.int64))
            for name, value in STANDARD.items()}  # fmt: skip
    made["at"] = START + np.arange(n) * MINUTE
    return Scans(**made | given)


def cartons(*rows, **common) -> Cartons:
    standard = {"carton": 1, "run": 1, "sku": 1, "dealer": 1, "shipment": 1, "first_item": 0, "count": 24,
                "packed_at": START - 2 * DAY, "shipped_at": START - DAY}  # fmt: skip
    full = sorted((standard | common | row for row in rows or ({},)), key=lambda row: row["carton"])
    return Cartons(**{name: np.array([row[name] for row in full], dtype=np.int64) for name in standard})


def stores(*rows) -> StoreScans:
    whole, real = ("at", "carton", "store"), ("lat", "lon")
    made = {name: np.array([row[name] for row in rows], dtype=np.int64) for name in whole}
    return StoreScans(**made | {name: np.array([row[name] for row in rows], dtype=np.float64) for name in real})


def dealers(**territory) -> Dealers:
    """d1=frozenset(...): where dealer 1 may sell, for ever."""
    return Dealers({int(name[1:]): ((0, 0, regions),) for name, regions in territory.items()})


def batches(rng, rows: Scans) -> list[Scans]:
    """The same scans in pieces of any sizes."""
    cuts = np.sort(rng.integers(0, len(rows) + 1, size=int(rng.integers(0, 6))))
    edges = [0, *cuts.tolist(), len(rows)]
    return [rows.take(slice(a, b)) for a, b in pairwise(edges)]
