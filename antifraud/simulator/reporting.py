"""From visits to the columns a detector reads, in the order of judgement; and the truth of each row beside them."""

import numpy as np
from numpy.typing import NDArray

from antifraud.columns import Outcome, Scans
from antifraud.simulator import phones
from antifraud.simulator.days import micros
from antifraud.simulator.geography import country
from antifraud.simulator.mishaps import recalled_from
from antifraud.simulator.parameters import Parameters, Sku
from antifraud.simulator.people import POOLS, Cast
from antifraud.simulator.records import Records, carton_on_record
from antifraud.simulator.streams import Dice, stream
from antifraud.simulator.supply import Supply
from antifraud.simulator.truth import TrueScans
from antifraud.simulator.visits import Cause, Visits

GUESSERS_POOL = POOLS + 1

Whole = NDArray[np.int64]
Flag = NDArray[np.bool_]


def report(
    parameters: Parameters, seed: int, supply: Supply, records: Records, cast: Cast, done: Visits
) -> tuple[Scans, TrueScans]:
    """Everything that arrived within the world's days, by the server's clock."""
    at = micros(done.day)
    rows = np.flatnonzero((done.day >= 0) & (done.day < parameters.days))
    rows = rows[np.argsort(at[rows], kind="stable")]
    done, at = done.take(rows), at[rows]
    people, dice = cast.people(), stream(seed, "phones")
    province = country().codes[people.region[done.who]] // 10_000
    network, mobile = phones.networks(dice, done, people, province)
    lat, lon, sigma, method, accuracy = phones.fixes(parameters.methods, dice, done, people, mobile)
    device, account = phones.devices(at, done, people), people.account[done.who]
    outcome = _outcome(parameters, seed, supply, done)
    claimed = _claimed(done, outcome, account)
    value = np.where(claimed, prizes(parameters.skus, stream(seed, "prizes"), supply, done.item), 0)
    scans = Scans(
        at=at, told=micros(done.told) + people.skew_us[done.who], item=done.item, outcome=outcome,
        claim_face=done.claim_face, claimed=claimed, value_fen=value, carton=_carton(supply, records, done),
        person=np.where(account != 0, account, device), account=account, device=device, network=network,
        pool=people.pool[done.who], payee=np.where(account != 0, people.payee[done.who], 0), lat=lat, lon=lon,
        sigma_km=sigma, method=method, accuracy_m=accuracy, environment=phones.environment(done, people, mobile),
    )  # fmt: skip
    stolen = np.where((done.cause >= Cause.COPY) & (done.cause != Cause.DIVERTED), value, 0)
    return scans, TrueScans(cause=done.cause.astype(np.uint8), attack=done.attack.astype(np.uint8), stolen_fen=stolen)


def _place(supply: Supply, item: Whole) -> Whole:
    """The true carton each item is in; meaningless for numbers that are none of ours."""
    return np.maximum(0, np.searchsorted(supply.first_item, item, side="right") - 1)


def _outcome(parameters: Parameters, seed: int, supply: Supply, done: Visits) -> NDArray[np.uint8]:
    """A valid code may not be active yet, or called back, or be one that was never printed."""
    carton, valid = _place(supply, done.item), done.outcome == Outcome.VALID
    recalled = done.day >= recalled_from(parameters, seed, supply)[carton]
    early = done.day < supply.packed[carton]
    said = np.where(valid & early, Outcome.NOT_ACTIVATED, np.where(valid & recalled, Outcome.INACTIVE, done.outcome))
    return np.where(valid & np.isin(done.item, supply.canaries), Outcome.CANARY, said).astype(np.uint8)


def _claimed(done: Visits, outcome: NDArray[np.uint8], account: Whole) -> Flag:
    """The first valid scan of the paying face by an account takes the item."""
    may = np.flatnonzero((outcome == Outcome.VALID) & done.claim_face & (account != 0))
    claimed = np.zeros(len(done), dtype=bool)
    claimed[may[np.unique(done.item[may], return_index=True)[1]]] = True
    return claimed


def prizes(skus: tuple[Sku, ...], dice: Dice, supply: Supply, item: Whole) -> Whole:
    """Fen under each cap: drawn once per item, whoever claims it."""
    last = int(supply.first_item[-1] + supply.count[-1] - supply.first_item[0])
    luck = dice.random(last)[np.clip(item - supply.first_item[0], 0, last - 1)]
    sku, fen = supply.sku[_place(supply, item)], np.zeros(len(item), dtype=np.int64)
    for at, one in enumerate(skus):
        until = np.cumsum([chance for _, chance in one.prizes])
        table = np.array([prize for prize, _ in one.prizes])
        rows = np.flatnonzero(sku == at)
        fen[rows] = table[np.minimum(np.searchsorted(until, luck[rows], side="right"), len(table) - 1)]
    return fen


def _carton(supply: Supply, records: Records, done: Visits) -> Whole:
    """As the records had it at that moment: none before it was packed."""
    known = carton_on_record(records, supply, done.item)
    return np.where(done.day >= supply.packed[_place(supply, done.item)], known, 0)
