"""Everything the page of a case shows, read in one transaction."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from antifraud import alerts, case_actions, case_moves, cases, dealer_notices, rule_health, scan_log
from antifraud.action_effects import Action
from antifraud.alerts import Raised
from antifraud.carton_view import Cell, cells
from antifraud.case_moves import Merge
from antifraud.case_scans import scans_of
from antifraud.cases import Case
from antifraud.considerations import Consideration, consider
from antifraud.dealer_notices import Notice
from antifraud.regions import Language
from antifraud.rule_health import Decided
from antifraud.scan_log import Scan
from antifraud.similar import Similar, similar
from codegen import hierarchy, items, runs, shipments
from codegen.items import Event
from codegen.shipments import Dealer, Delivery
from console import desk
from foundation.audit import Entry
from foundation.database import ReadTx
from foundation.errors import NotFound, Problem
from scan_api import appeals, photos, reviewing
from scan_api.appeals import Appeal
from scan_api.photos import Album
from scan_api.reviewing import Involved

CARTONS = 4  # Shown cell by cell; of a case with more, those with the most scans.
CELLS = 120  # Of a carton; what holds more is a pallet, and told by its scans.


@dataclass(frozen=True, slots=True)
class Carton:
    """dealer: who got it last, None when nobody did."""

    sscc: str
    cells: Sequence[Cell]
    dealer: Dealer | None
    more: int


@dataclass(frozen=True, slots=True)
class File:
    case: Case
    history: Sequence[Entry]
    dealers: Mapping[int, str]
    raised: Sequence[Raised]
    scans: Sequence[Scan]
    events: Sequence[Event]
    involved: Involved
    photos: Mapping[str, str]
    authorised: Collection[int]
    cartons: Sequence[Carton]
    alike: Sequence[Similar]
    considered: Sequence[Consideration]
    decided: Mapping[str, Decided]
    acts: Sequence[Action]
    merges: Sequence[Merge]
    notices: Sequence[Notice]
    products: Mapping[str, str]  # Name by GTIN, where an appeal of a code that names no item waits for one.


def read(tx: ReadTx, case_id: int, lang: Language) -> File:
    """Raises NoSuchCase."""
    about, raised = cases.case(tx, case_id), alerts.of_case(tx, case_id)
    seen = scans_of(tx, about.pivot, raised)
    concerned = sorted({alert.item for alert in raised if alert.item is not None})
    dealers = shipments.dealers(tx)
    reached = reviewing.involved(tx, case_id)
    accused = {alert.dealer_id for alert in raised if alert.dealer_id is not None}
    authorised = {region for dealer in dealers if dealer.id in accused for region in dealer.regions}
    ssccs = _ssccs(raised, seen)
    deliveries = shipments.deliveries_of(tx, ssccs)
    return File(
        case=about,
        history=cases.history(tx, case_id),
        dealers={dealer.id: dealer.name for dealer in dealers},
        raised=raised,
        scans=seen[::-1],
        events=items.history(tx, concerned[0]) if concerned else [],
        involved=reached,
        photos=_album(appeals.of_pivot(tx, about.pivot)),
        authorised=authorised,
        cartons=[_carton(tx, sscc, deliveries, dealers) for sscc in ssccs[:CARTONS]],
        alike=similar(tx, case_id, raised, seen),
        considered=consider(seen, authorised, dealers=len({one.dealer_id for one in deliveries}), lang=lang),
        decided=rule_health.decided(tx, sorted(about.codes)),
        acts=case_actions.of_case(tx, case_id),
        merges=case_moves.merges_of(tx, case_id),
        notices=dealer_notices.of_case(tx, case_id),
        products=_products(tx, lang) if any(one.item is None for one in reached.appeals) else {},
    )


def _products(tx: ReadTx, lang: Language) -> dict[str, str]:
    """Those codes were ever issued for: no other can be in a consumer's hand."""
    found = {run.gtin: run.product_zh if lang == "zh" else run.product_en for run in runs.load_index(tx)}
    return dict(sorted(found.items(), key=lambda one: one[1]))


def _ssccs(raised: Sequence[Raised], seen: Sequence[Scan]) -> list[str]:
    """Cartons, the one with the most scans first; those alerts name are among them even without."""
    counts = dict.fromkeys((alert.sscc for alert in raised if alert.sscc), 0)
    for scan in seen:
        if scan.sscc:
            counts[scan.sscc] = counts.get(scan.sscc, 0) + 1
    return sorted(counts, key=lambda sscc: (-counts[sscc], sscc))


def _carton(tx: ReadTx, sscc: str, deliveries: Sequence[Delivery], dealers: Sequence[Dealer]) -> Carton:
    held: list[int] = []
    with suppress(Problem):  # A carton the line never packed on record is told by its scans alone.
        _, ranges = hierarchy.everything_in(tx, sscc)
        held = list(chain.from_iterable(range(low, high) for low, high in ranges))
    last = next((one.dealer_id for one in reversed(deliveries) if one.sscc == sscc), None)
    dealer = next((one for one in dealers if one.id == last), None)
    found = cells(held[:CELLS], scan_log.of_sscc(tx, sscc), dealer.regions if dealer else ())
    return Carton(sscc, found[:CELLS], dealer, max(len(held), len(found)) - len(found[:CELLS]))


def _album(appeal: Appeal | None) -> dict[str, str]:
    """name -> picture; what was deleted since is left out."""
    if appeal is None or appeal.folder is None:
        return {}
    album = Album(desk.house().settings.data_dir, desk.house().purpose_key(photos.PURPOSE))
    found = {}
    for name in appeals.NAMES:
        with suppress(NotFound):
            found[name] = photos.data_uri(album.read(appeal.folder, name))
    return found
