"""The API as typed calls. Generated from the contract by `make client`: change the routes, not this file."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict
from urllib.parse import quote

from scan_api.client.transport import Transport


class AcknowledgementIn(TypedDict):
    by: str


class AcknowledgementOut(TypedDict):
    not_to_print: list[int]


class ActIn(TypedDict):
    """subject: item:…, sscc:…, run:…, device:…, address:…, member:… or dealer:<id>:<region>, as the kind takes
    it."""

    kind: Literal[
        "challenge", "hold_points", "freeze_codes", "block_device", "inspector_task", "dealer_notice", "rebate_hold"
    ]
    subject: str
    until: str
    reason: str
    inspector: NotRequired[str | None]


class ActionOut(TypedDict):
    id: int
    case_id: int
    kind: str
    subject: str
    state: Literal["proposed", "active", "refused", "expired", "undone"]
    reason: str
    by: str
    approved_by: str | None
    at: str
    until: str
    undone_by: str | None
    undone_at: str | None


class AgeOut(TypedDict):
    guardian_needed: bool


class Agreement(TypedDict):
    """wording: what the guardian read, word for word."""

    agrees: bool
    wording: str


class AlertOut(TypedDict):
    id: int
    raised_at: str
    code: str
    severity: Literal["info", "medium", "high", "critical"]
    pivot: str
    scan_id: str
    details: dict[str, Any]


class AlertsIn(TypedDict):
    alerts: list[int]
    reason: str


class AnswerIn(TypedDict):
    device: str
    token: str
    answer: str


class AppealIn(TypedDict):
    """photo, receipt: JPEG, PNG or WebP of at most 2 MB each, in base64. device: as in the scan."""

    device: str
    photo: str
    receipt: str


class AppealOut(TypedDict):
    """points: what an accepted appeal paid or released. scan_id: of another scan where the same pack was
    appealed."""

    scan_id: str
    state: Literal["open", "accepted", "declined"]
    raised_at: str
    due_at: str
    points: int


class ArrivalOut(TypedDict):
    """misdirected: sent to another dealer. unsent: no delivery on record. missing: of the same delivery, still
    out."""

    id: int
    dealer_id: int
    document: str
    received_at: str
    units: list[ArrivedUnitOut]
    misdirected: list[ArrivedUnitOut]
    unsent: list[ArrivedUnitOut]
    missing: list[str]


class ArrivedUnitOut(TypedDict):
    """sent_to: the dealer it was last sent to, null where there is no delivery of it."""

    sscc: str
    sent_to: int | None
    document: str | None


class AskedOut(TypedDict):
    """A campaign that was asked; result: one stable word, says: the same for the member."""

    campaign: BothOut
    result: str
    says: BothOut
    points: int


class AssignIn(TypedDict):
    to: str


class BirthYear(TypedDict):
    born_in: int


class BirthdayIn(TypedDict):
    """lunar: month and day are of the lunar calendar; the birthday in a leap month is that of the plain month."""

    month: int
    day: int
    lunar: NotRequired[bool]


class BirthdayOut(TypedDict):
    month: int
    day: int
    lunar: bool


class BlockIn(TypedDict):
    """count: items wanted; fewer come where the run has no more in one piece."""

    count: int


class BothOut(TypedDict):
    zh: str
    en: str


class BreachOut(TypedDict):
    case_id: int
    pivot: str
    severity: Literal["info", "medium", "high", "critical"]
    assignee: str | None
    due_at: str
    overdue_s: int


class BulkIn(TypedDict):
    """outcome of decide, until of snooze, to of assign."""

    cases: FilterIn
    kind: Literal["decide", "snooze", "assign"]
    outcome: NotRequired[Literal["confirmed_risk", "valuable_alert", "false_positive", "inconclusive"] | None]
    until: NotRequired[str | None]
    to: NotRequired[str | None]
    reason: str


class BulkOut(TypedDict):
    """counts: cases by waiting, moved, skipped, undone, left."""

    id: int
    kind: Literal["decide", "snooze", "assign"]
    reason: str
    by: str
    at: str
    undone_by: str | None
    counts: dict[str, int]
    left_alone: list[LeftOut]


class BuyerIn(TypedDict):
    """member, the member's id, or phone, the number they sign in with."""

    member: NotRequired[str | None]
    phone: NotRequired[str | None]


class CaseNumberOut(TypedDict):
    """digsig: AI 8030 over the number, for the label's QR code; `onecode verify` checks it without a network."""

    sscc: str
    digsig: str


class CaseOut(TypedDict):
    id: int
    pivot: str
    state: Literal["pending", "investigating", "closed"]
    severity: Literal["info", "medium", "high", "critical"]
    codes: list[str]
    alerts: int
    opened_at: str
    due_at: str
    assignee: str | None
    snoozed_until: str | None
    outcome: str | None
    reason: str | None
    closed_by: str | None
    closed_at: str | None


class CasesIn(TypedDict):
    """The case numbers wanted, counted from 0."""

    first: int
    count: int


class CasesOut(TypedDict):
    numbers: list[CaseNumberOut]


class ChallengeOut(TypedDict):
    """kind hashcash: find an `answer` such that SHA-256 of `token:answer` begins with `bits` zero bits."""

    kind: str
    token: str
    bits: int
    expires_at: str


class CheckInOut(TypedDict):
    points: int
    streak: int
    already: bool


class CodeIn(TypedDict):
    code: str


class CodeWanted(TypedDict):
    phone: str
    device: NotRequired[str | None]


class ConsentIn(TypedDict):
    granted: bool


class ConsentOut(TypedDict):
    channel: Literal["sms", "wechat"]
    granted: bool
    wording: str


class CouponTermsIn(TypedDict):
    """off_fen or percent: what it takes off; from_fen: from which amount on; days: how long it lives."""

    kind: str
    days: int
    off_fen: NotRequired[int | None]
    percent: NotRequired[int | None]
    from_fen: NotRequired[int | None]


class DealerOut(TypedDict):
    """regions: prefectures it may sell in now, by their six-digit code."""

    id: int
    brand_id: int
    name: str
    regions: list[int]


class DecideIn(TypedDict):
    """actions: what follows at once for points and codes; those that end are under /actions."""

    outcome: Literal["confirmed_risk", "valuable_alert", "false_positive", "inconclusive"]
    reason: str
    actions: NotRequired[list[Literal["release-points", "void-points", "freeze-codes", "void-codes", "accept-appeal"]]]
    product: NotRequired[str | None]


class DeliveryOut(TypedDict):
    id: int
    message_id: str
    kind: str
    subject: str
    happened_at: str
    state: Literal["waiting", "delivered", "dead"]
    tries: int
    due_at: str
    last_status: int | None
    last_said: str | None
    delivered_at: str | None


class DeviceIn(TypedDict):
    device: str


class DownloadOut(TypedDict):
    download_id: str
    name: str
    bytes: int
    sha256: str
    until: str


class EndpointIn(TypedDict):
    name: str
    url: str
    kinds: list[str]


class EndpointMade(TypedDict):
    """secret: shown this once."""

    id: int
    name: str
    url: str
    kinds: list[str]
    created_at: str
    created_by: str
    disabled_at: str | None
    secret: str


class EndpointOut(TypedDict):
    id: int
    name: str
    url: str
    kinds: list[str]
    created_at: str
    created_by: str
    disabled_at: str | None


class FileOut(TypedDict):
    """A case with what belongs to it; the newest 200 alerts."""

    case: CaseOut
    alerts: list[AlertOut]
    actions: list[ActionOut]
    merges: list[MergeOut]
    labels: list[LabelOut]
    notices: list[NoticeSentOut]


class FilterIn(TypedDict):
    """severity: at least. pivot: how it begins."""

    severity: NotRequired[Literal["info", "medium", "high", "critical"]]
    code: NotRequired[str | None]
    pivot: NotRequired[str | None]
    assignee: NotRequired[str | None]
    snoozed: NotRequired[bool]


class FirstScanOut(TypedDict):
    at: str
    place: dict[str, str] | None


class FoundIn(TypedDict):
    """photos: JPEG, PNG or WebP of at most 2 MB each, in base64. inner_scan_id: of the scan of a code under a
    cap."""

    found: Literal["diverted", "at_home", "copied", "genuine", "not_there"]
    note: NotRequired[str]
    inner_scan_id: NotRequired[str | None]
    photos: NotRequired[list[str]]


class HeardOut(TypedDict):
    """sequence: the last journal line heard of. discrepancy: what does not add up."""

    sequence: int
    state: str
    discrepancy: str | None


class HeartbeatIn(TypedDict):
    passed: int
    rejected: int
    reserved: int
    faults: list[str]
    stopped: str | None
    minutes: NotRequired[MinutesIn | None]


class InspectionOut(TypedDict):
    """turn: its place in the tour; km: of the whole tour; bits: what a look is expected to settle."""

    id: int
    day: str
    inspector: str
    turn: int
    subject: str
    cartons: list[str]
    lat: float
    lon: float
    bits: float
    km: float
    case_id: int | None
    state: Literal["open", "done", "withdrawn"]
    found: Literal["diverted", "at_home", "copied", "genuine", "not_there"] | None
    note: str | None
    ended_at: str | None


class Invitation(TypedDict):
    code: str


class KnownIn(TypedDict):
    kind: Literal["person", "device", "network", "store", "buyer", "place"]
    subject: str
    until: str
    reason: str


class KnownOut(TypedDict):
    id: int
    kind: str
    subject: str
    state: Literal["proposed", "active", "refused", "ended", "expired"]
    reason: str
    by: str
    approved_by: str | None
    until: str


class LabelOut(TypedDict):
    code: str
    pivot: str
    outcome: Literal["confirmed_risk", "valuable_alert", "false_positive", "inconclusive"]
    source: Literal["case", "appeal", "inspection", "audit"]
    weight: float


class LeaseOut(TypedDict):
    """The codes are `prefix` and each of `serials`, for the items from `first` on."""

    job: int
    station: str
    first: int
    prefix: str
    serials: list[str]
    pack_size: int
    host: str
    gtin: str
    name: str
    note: str
    block: int
    blocks: int
    expires_at: str | None
    caps: str


class LeftOut(TypedDict):
    case_id: int
    why: str


class LineJobOut(TypedDict):
    id: int
    gtin: str
    product_zh: str
    product_en: str
    count: int
    open: int
    pack_size: int
    state: str


class LinkIn(TypedDict):
    """`of`: a Digital Link or its path. `run_id`, or `first_item` and `end_item`, narrow the link to some items."""

    brand_id: int
    of: str
    link_type: str
    href: str
    title: str
    language: NotRequired[str | None]
    mime: NotRequired[str | None]
    default: NotRequired[bool]
    run_id: NotRequired[int | None]
    first_item: NotRequired[int | None]
    end_item: NotRequired[int | None]
    valid_from: NotRequired[str | None]
    valid_until: NotRequired[str | None]


class LinkOut(TypedDict):
    id: int
    brand_id: int
    anchor: str
    first_item: int | None
    end_item: int | None
    link_type: str
    href: str
    title: str
    language: str | None
    mime: str | None
    default: bool
    valid_from: str
    valid_until: str | None
    added_by: str
    withdrawn_at: str | None


class LocationIn(TypedDict):
    lat: float
    lon: float
    accuracy_m: float
    method: Literal["gps", "fuzzy", "wifi", "ip_fixed", "ip_mobile"]
    crs: NotRequired[Literal["wgs84", "gcj02"]]


class MeOut(TypedDict):
    """partner None: the caller works for nobody. people: for the owner, otherwise the caller alone."""

    partner: PartnerOut | None
    role: Literal["owner", "assistant"] | None
    is_bound: bool
    people: list[PersonOut]


class MergeIn(TypedDict):
    """cases: what is merged into this one."""

    cases: list[int]
    reason: str


class MergeOut(TypedDict):
    id: int
    from_case: int
    into_case: int
    by: str
    at: str
    undone_by: str | None


class MessageOut(TypedDict):
    title: str
    text: str


class MinuteIn(TypedDict):
    """Labels of one minute. grade_sum: over the `graded` ones, 4 for A to 0 for F."""

    at: str
    passed: int
    rejected: int
    graded: int
    grade_sum: float


class MinutesIn(TypedDict):
    """began: of the station's run. minutes: the oldest first."""

    began: str
    minutes: list[MinuteIn]


class MonthOut(TypedDict):
    """Fen. due_at: when what waits is paid; None while a person has to decide."""

    month: str
    accrued: int
    matured: int
    waiting: int
    withheld: int
    withdrawn: int
    due_at: str | None


class MoveIn(TypedDict):
    """reason: for pause and resume, a sentence that is kept."""

    move: Literal["publish", "pause", "resume", "reveal"]
    reason: NotRequired[str]


class MyScanOut(TypedDict):
    """appeal: the state of its appeal; may_appeal: the member may still raise one."""

    scan_id: str
    at: str
    verdict: str
    product: BothOut | None
    points: int
    state: Literal["credited", "held", "none"]
    appeal: Literal["open", "accepted", "declined"] | None
    may_appeal: bool


class Name(TypedDict):
    zh: str
    en: str


class NextOut(TypedDict):
    """For one more scan of the same code by the same phone: to claim after signing in, or to say where."""

    scan_id: str
    ticket: str


class NextTierOut(TypedDict):
    name: Name
    at: int


class NoticeOut(TypedDict):
    """cartons, sure (of them), scans: what the file holds; confidence: 0 to 1, of its cartons on average."""

    id: int
    region: Place
    cartons: int
    sure: int
    scans: int
    confidence: float
    text: str
    sent_at: str
    deadline: str
    reply: str | None
    replied_at: str | None
    documents: int


class NoticeSentOut(TypedDict):
    id: int
    dealer_id: int
    deadline: str
    confidence: float
    reply: str | None
    replied_at: str | None
    documents: int


class OpeningIn(TypedDict):
    """id: a UUID of the caller's; the same again answers the same. text: the label as it was scanned, or its
    digits."""

    id: str
    text: str
    device: str


class OpeningOut(TypedDict):
    """reason: why it was refused; unpaid: why an opened case brought no points. One stable word each, or empty."""

    id: str
    sscc: str
    state: Literal["opened", "refused"]
    reason: str
    points: int
    assistant_points: int
    unpaid: str
    at: str


class OperationIn(TypedDict):
    """id: chosen by the handheld, the same when it sends again. Everything scanned is sent as it was read."""

    id: str
    what: Literal[
        "pack",
        "pack-levels",
        "take-out",
        "replace",
        "sample",
        "open",
        "merge",
        "relabel",
        "close",
        "reopen",
        "undo",
        "check",
    ]
    at: NotRequired[str | None]
    unit: NotRequired[str | None]
    codes: NotRequired[list[str]]
    units: NotRequired[list[str]]
    level: NotRequired[Literal["bundle", "case", "layer", "pallet"]]
    pack_size: NotRequired[int | None]
    short: NotRequired[bool]
    new: NotRequired[str | None]
    reason: NotRequired[str]
    scanned: NotRequired[str]


class OperationOut(TypedDict):
    """Done, or nothing at all: `refused` says why. changed: bottles and units that moved."""

    unit: str | None
    done: bool
    changed: int
    refused: list[UnitRefusalOut]


class OrderFileOut(TypedDict):
    orders: int


class PairIn(TypedDict):
    """cap: its code, without what all caps of the job begin with."""

    item: int
    cap: str


class PairedOut(TypedDict):
    """paired: bottles of these that have their caps now. refused: pairs that cannot be, each in a sentence."""

    paired: int
    refused: list[str]


class PairsIn(TypedDict):
    seen: list[PairIn]


class PaperIn(TypedDict):
    """units: SSCCs of cases and pallets as they stand there; what lies in them goes with them."""

    dealer_id: int
    document: str
    units: list[str]


class PartnerIn(TypedDict):
    """dealer_id: the dealer's number; region: one of the dealer's."""

    kind: NotRequired[Literal["store", "dealer"]]
    dealer_id: int
    code: str
    name: str
    region: int


class PartnerOut(TypedDict):
    """reason: why it was refused or closed."""

    id: int
    kind: Literal["store", "dealer"]
    dealer_id: int
    code: str
    name: str
    region: Place
    state: Literal["pending", "approved", "refused", "closed"]
    reason: str | None


class PersonOut(TypedDict):
    """phone: masked; None after it was erased."""

    id: int
    role: Literal["owner", "assistant"]
    state: Literal["asked", "bound"]
    phone: str | None
    since: str | None
    is_me: bool


class Place(TypedDict):
    code: int
    zh: str
    en: str


class PoolIn(TypedDict):
    """prizes: the first of the list is prize 1. minute_fen, hour_fen: what may be paid before the breaker trips."""

    brand_id: int
    name_zh: str
    name_en: str
    gtins: NotRequired[list[str]]
    prizes: list[PoolPrizeIn]
    disclosure: dict[str, Any]
    out_of: int
    starts_at: str
    ends_at: str
    minute_fen: int
    hour_fen: int


class PoolOut(TypedDict):
    """commitment: hexadecimal, from the announcement on. held_reason: why payouts wait."""

    id: int
    brand_id: int
    name: dict[str, str]
    state: Literal["draft", "published", "revealed"]
    starts_at: str
    ends_at: str
    out_of: int
    draws: int
    commitment: str | None
    held_reason: str | None
    drafted_by: str
    approved_by: str | None
    prizes: list[PoolPrizeOut]


class PoolPrizeIn(TypedDict):
    """amount: fen of a red packet, or points. quantity null: it never runs out. weight: of out_of, its chance."""

    kind: Literal["red_packet", "coupon", "goods", "points", "nothing"]
    name_zh: str
    name_en: str
    weight: int
    amount: NotRequired[int]
    value_fen: NotRequired[int]
    quantity: NotRequired[int | None]
    coupon: NotRequired[CouponTermsIn | None]


class PoolPrizeOut(TypedDict):
    place: int
    kind: str
    name: dict[str, str]
    amount: int
    weight: int
    quantity: int | None
    remaining: int | None


class PreviewOut(TypedDict):
    cases: int
    by_severity: dict[str, int]
    by_code: dict[str, int]


class PrizeOut(TypedDict):
    """amount_fen: of a red packet; points: of points. held: a person must look first."""

    win_id: str
    pool: int
    nth: int
    kind: Literal["red_packet", "coupon", "goods", "points", "nothing"]
    name: dict[str, str]
    state: Literal["won", "held", "lost"]
    amount_fen: NotRequired[int | None]
    points: NotRequired[int | None]


class ProductOut(TypedDict):
    gtin: str
    zh: str
    en: str


class PurchaseIn(TypedDict):
    """paid_fen: after discounts and what was paid in points. gtins: the basket."""

    member: NotRequired[str | None]
    phone: NotRequired[str | None]
    placed_at: str
    paid_fen: int
    channel: NotRequired[str]
    gtins: NotRequired[list[str]]


class PurchaseOut(TypedDict):
    """state: credited, held or none; reason: one stable word, such as no-campaign."""

    order_id: str
    points: int
    state: str
    reason: str


class QuestionIn(TypedDict):
    """correlation_id comes back with the answer."""

    text: str
    gtin: NotRequired[str | None]
    expires_on: NotRequired[str | None]
    correlation_id: NotRequired[str | None]


class ReasonIn(TypedDict):
    reason: str


class RebatesOut(TypedDict):
    matured_fen: int
    months: list[MonthOut]
    withheld: list[WithheldOut]


class ReceiptOut(TypedDict):
    """reason: one stable word. asked: in the order in which they were asked; none where no campaign was on."""

    scan_id: str
    points: int
    state: Literal["credited", "held", "none"]
    reason: str
    asked: list[AskedOut]


class RedemptionIn(TypedDict):
    """id: a UUID of the caller's; the same again answers the same."""

    reward_id: int
    id: str


class RedemptionOut(TypedDict):
    id: str
    reward_id: int
    name: Name
    points: int
    cash_fen: int
    delivery_fen: int
    state: Literal["requested", "confirmed", "shipped", "delivered", "refused", "cancelled", "returned"]
    reason: str
    coupon_code: str | None
    carrier: str | None
    tracking: str | None
    at: str


class ReferralOut(TypedDict):
    code: str
    invited: int
    points: int


class RefundIn(TypedDict):
    amount_fen: int


class RefundOut(TypedDict):
    """points: what was taken back for this part."""

    order_id: str
    refund_id: str
    points: int


class RefusalOut(TypedDict):
    first: int
    end: int
    reason: str


class ReplayIn(TypedDict):
    """messages: the ids to send again; empty: every dead one."""

    messages: NotRequired[list[int]]


class Replayed(TypedDict):
    waiting: int


class ReplyIn(TypedDict):
    """documents: pictures of papers, JPEG, PNG or WebP of at most 2 MB each, in base64."""

    text: str
    documents: NotRequired[list[str]]


class RewardLine(TypedDict):
    at: str
    amount: int
    zh: str
    en: str


class RewardOfferOut(TypedDict):
    """points, delivery_fen: at the prices of the member's tier. left None: no stock to run out of."""

    id: int
    kind: str
    name: Name
    points: int
    cash_fen: int
    delivery_fen: int
    left: int | None
    why_not: str | None


class RewardOut(TypedDict):
    """prize: only where a pool was drawn from."""

    points: int
    state: Literal["credited", "held", "none", "sign_in"]
    reason: str
    prize: NotRequired[PrizeOut | None]


class RewardsOut(TypedDict):
    """points: the store's; mine: the caller's own share as an assistant."""

    points: int
    mine: int
    lines: list[RewardLine]
    my_lines: list[RewardLine]


class ScanIn(TypedDict):
    """text: the code, by whoever reads symbols; ticket: what our own page holds instead of it. One of the two."""

    text: NotRequired[str | None]
    ticket: NotRequired[str | None]
    device: str
    location: NotRequired[LocationIn | None]
    claim: NotRequired[bool]
    hints: NotRequired[list[Literal["emulator", "hooked"]]]


class ScanLine(TypedDict):
    scan_id: str
    received_at: str
    verdict: str
    reasons: list[str]
    item: int | None
    face: int | None
    gtin: str | None
    sscc: str | None
    dealer_id: int | None
    member_id: str | None
    region: int | None
    lat: float | None
    lon: float | None
    sigma_km: float | None
    method: str | None
    claim: bool
    reward_points: int
    reward_state: str
    params_version: str


class ScanOut(TypedDict):
    """next: only for a scan that came by ticket."""

    scan_id: str
    verdict: Literal[
        "genuine", "genuine_again", "claimed", "not_active", "void", "recalled", "expired", "suspicious", "unknown"
    ]
    reward: RewardOut
    product: ProductOut | None
    first_scan: FirstScanOut | None
    message: MessageOut
    next: NotRequired[NextOut | None]


class ScanPage(TypedDict):
    """next_cursor: where to read on, also when nothing more is ready yet; complete: nothing more is ready yet."""

    scans: list[ScanLine]
    next_cursor: str
    complete: bool


class ScannedOut(TypedDict):
    """item, or unit; inside: the units it lies in, innermost first."""

    item: int | None
    unit: str | None
    inside: list[str]


class ScrapIn(TypedDict):
    """Codes, item numbers, places in the run, or ranges FIRST-LAST."""

    by: str
    lines: list[str]


class ScrapOut(TypedDict):
    scrapped: int
    refused: list[RefusalOut]


class SecretOut(TypedDict):
    secret: str


class SessionOut(TypedDict):
    session_id: str
    via: str
    browser: str
    created_at: str
    expires_at: str
    here: bool


class ShipmentOut(TypedDict):
    id: int
    dealer_id: int
    document: str
    units: list[str]
    shipped_at: str


class SignIn(TypedDict):
    phone: str
    code: str


class SnoozeIn(TypedDict):
    until: str
    reason: str


class SnoozeRuleIn(TypedDict):
    """code: a reason; pivot: how it begins, such as dealer:7:"""

    code: str
    pivot: str
    until: str
    reason: str


class SnoozeRuleOut(TypedDict):
    id: int
    code: str
    pivot_prefix: str
    until: str
    reason: str
    by: str


class StationKeyIn(TypedDict):
    """public_key: Ed25519, 32 bytes in hexadecimal."""

    public_key: str


class StationOut(TypedDict):
    station: str


class StepOut(TypedDict):
    what: Literal["made", "checked", "shipped"]
    on: str
    where: BothOut | None
    who: BothOut | None


class StoreCaseOut(TypedDict):
    """why_not: None, or one stable word."""

    sscc: str
    why_not: str | None


class StoreCasesIn(TypedDict):
    code: str
    units: list[str]


class StoryOut(TypedDict):
    product: BothOut
    brand: str
    lot: str | None
    best_before: str | None
    steps: list[StepOut]


class TierOut(TypedDict):
    tier: Name
    qualifying: int
    benefits: list[str]
    until: str | None
    next: NextTierOut | None


class Token(TypedDict):
    token: str


class TradeDealerOut(TypedDict):
    id: int
    name: str
    regions: list[Place]


class UnitOut(TypedDict):
    """items: bottles in it, however deep. units: what lies directly in it. inside: what it lies in, innermost
    first."""

    sscc: str
    level: Literal["bundle", "case", "layer", "pallet"]
    state: Literal["open", "closed", "retired"]
    replaced_by: str | None
    items: int
    units: list[str]
    inside: list[str]
    label_checked_at: str | None


class UnitRefusalOut(TypedDict):
    """what: a unit; item: a bottle. says: what to do, in a sentence."""

    what: str | None
    item: int | None
    reason: str
    unit: str | None
    says: str


class VerifiedOut(TypedDict):
    verified: bool
    reasons: list[
        Literal[
            "No_match_GTIN_Serial",
            "No_match_GTIN_Serial_Expiry",
            "Not_for_re-distribution",
            "Recalled",
            "Expired",
            "Suspect",
        ]
    ]
    gtin: str | None
    correlation_id: str | None


class WeChatSignIn(TypedDict):
    code: str
    state: str


class WithheldOut(TypedDict):
    region: Place
    reason: str
    since: str
    until: str


class WonOut(TypedDict):
    """package: what the page hands to WeChat so that the member can confirm a payout; null when there is none."""

    win_id: str
    pool: int
    nth: int
    kind: Literal["red_packet", "coupon", "goods", "points"]
    name: dict[str, str]
    amount: int
    state: Literal["won", "held", "waiting", "paying", "paid", "voided", "failed"]
    drawn_at: str
    package: str | None
    coupon_code: str | None


class Client(Transport):
    """One method an operation; see the documentation of each path."""

    def scans_put_scan(self, scan_id: str, body: ScanIn) -> ScanOut:
        """Judge a scan. Sending the same scan again returns the same verdict."""
        answer: ScanOut = self.call("PUT", f"/v1/scans/{quote(str(scan_id), safe='')}", body=body)
        return answer

    def health_live(self) -> dict[str, str]:
        """The process answers; a database that is away is no reason to restart it."""
        answer: dict[str, str] = self.call("GET", "/health/live")
        return answer

    def health_ready(self) -> dict[str, str]:
        """The database answers and stands at this program's schema."""
        answer: dict[str, str] = self.call("GET", "/health/ready")
        return answer

    def challenges_pose(self, body: DeviceIn) -> ChallengeOut:
        """A challenge for this phone."""
        answer: ChallengeOut = self.call("POST", "/v1/challenges", body=body)
        return answer

    def challenges_answer(self, body: AnswerIn) -> None:
        """Reopen the door to this phone, and to the member signed in on it."""
        self.call("POST", "/v1/challenges/answers", body=body)

    def sign_in_send_code(self, body: CodeWanted) -> None:
        """Send a one-time code to a phone; it works for five minutes, five tries, once."""
        self.call("POST", "/v1/sign-in/codes", body=body)

    def sign_in_sign_in(self, body: SignIn) -> Token:
        """Exchange the code for a bearer token; a new number becomes a new member."""
        answer: Token = self.call("POST", "/v1/sign-in", body=body)
        return answer

    def sign_in_sign_out(self) -> None:
        """End this session everywhere it is used."""
        self.call("DELETE", "/v1/sign-in")

    def sign_in_sign_in_with_wechat(self, body: WeChatSignIn) -> Token:
        """Exchange what came back from WeChat for a bearer token, in the browser that began."""
        answer: Token = self.call("POST", "/v1/sign-in/wechat", body=body)
        return answer

    def members_my_wallet(self) -> dict[str, Any]:
        """Points available, pending and reserved, and the latest movements."""
        answer: dict[str, Any] = self.call("GET", "/v1/me/wallet")
        return answer

    def members_my_sessions(self) -> list[SessionOut]:
        """Where this member is signed in, newest first."""
        answer: list[SessionOut] = self.call("GET", "/v1/me/sessions")
        return answer

    def members_end_other_sessions(self) -> None:
        """End every session of this member but the one that asks."""
        self.call("DELETE", "/v1/me/sessions")

    def members_end_session(self, session_id: str) -> None:
        """End one session of this member; ending it again changes nothing."""
        self.call("DELETE", f"/v1/me/sessions/{quote(str(session_id), safe='')}")

    def members_say_birth_year(self, body: BirthYear) -> AgeOut:
        """Keep the year of birth. A child gets no points and no advertising until a guardian agrees."""
        answer: AgeOut = self.call("PUT", "/v1/me/birth-year", body=body)
        return answer

    def members_guardian(self, body: Agreement) -> AgeOut:
        """A guardian agrees, or no longer does."""
        answer: AgeOut = self.call("PUT", "/v1/me/guardian", body=body)
        return answer

    def members_get_birthday(self) -> BirthdayOut | None:
        """The birthday you told, or null."""
        answer: BirthdayOut | None = self.call("GET", "/v1/me/birthday")
        return answer

    def members_put_birthday(self, body: BirthdayIn) -> BirthdayOut:
        """Keep the day you celebrate, by either calendar. One told shortly before brings nothing this year."""
        answer: BirthdayOut = self.call("PUT", "/v1/me/birthday", body=body)
        return answer

    def privacy_my_consents(self) -> list[ConsentOut]:
        """What the member may agree to, in the words they would agree to, and whether they do."""
        answer: list[ConsentOut] = self.call("GET", "/v1/me/consents")
        return answer

    def privacy_put_consent(self, channel: Literal["sms", "wechat"], body: ConsentIn) -> ConsentOut:
        """Agree, or no longer agree; the wording shown in this language is kept with it."""
        answer: ConsentOut = self.call("PUT", f"/v1/me/consents/{quote(str(channel), safe='')}", body=body)
        return answer

    def privacy_my_data(self) -> dict[str, Any]:
        """Everything held about the member."""
        answer: dict[str, Any] = self.call("GET", "/v1/me/export")
        return answer

    def privacy_erase_me(self) -> dict[str, Any]:
        """Sever the person from the points, for good: the receipt says what went and what stayed. Ends every
        session."""
        answer: dict[str, Any] = self.call("DELETE", "/v1/me")
        return answer

    def story_get_story(self, scan_id: str, *, device: str | None = None) -> StoryOut:
        """Where and when the pack was made, checked and shipped; for the phone that scanned it, and genuine
        packs only."""
        answer: StoryOut = self.call("GET", f"/v1/scans/{quote(str(scan_id), safe='')}/story", query={"device": device})
        return answer

    def story_my_scans(self, *, before: str | None = None) -> list[MyScanOut]:
        """Your own scans, newest first; `before` is the last scan_id of the page before."""
        answer: list[MyScanOut] = self.call("GET", "/v1/me/scans", query={"before": before})
        return answer

    def story_my_receipt(self, scan_id: str) -> ReceiptOut:
        """Why a scan of yours brought what it brought: the campaigns that were asked, which paid, why others did
        not."""
        answer: ReceiptOut = self.call("GET", f"/v1/me/scans/{quote(str(scan_id), safe='')}/receipt")
        return answer

    def appeals_put_appeal(self, scan_id: str, body: AppealIn) -> AppealOut:
        """Ask a person to look at a refused scan of yours. Sent again, or of the same pack: the appeal as it
        stands."""
        answer: AppealOut = self.call("PUT", f"/v1/appeals/{quote(str(scan_id), safe='')}", body=body)
        return answer

    def appeals_get_appeal(self, scan_id: str) -> AppealOut:
        """What came of your appeal."""
        answer: AppealOut = self.call("GET", f"/v1/appeals/{quote(str(scan_id), safe='')}")
        return answer

    def prizes_get_pool(self, pool_id: int) -> dict[str, Any]:
        """The announcement of a pool with its commitment; after its end the seed and every draw, for `prizes
        verify`."""
        answer: dict[str, Any] = self.call("GET", f"/v1/prizes/{quote(str(pool_id), safe='')}")
        return answer

    def prizes_my_prizes(self) -> list[WonOut]:
        """What you won, newest first."""
        answer: list[WonOut] = self.call("GET", "/v1/me/prizes")
        return answer

    def prizes_collect(self, win_id: str) -> None:
        """Ask for a red packet that waits; one on its way is left alone, so asking again changes nothing."""
        self.call("POST", f"/v1/me/prizes/{quote(str(win_id), safe='')}/collect")

    def prizes_hear(self) -> None:
        """WeChat Pay says that a payout has ended: it is asked about at once, and its answer is what counts."""
        self.call("POST", "/v1/wechat-pay/notifications")

    def pools_list_pools(self) -> list[PoolOut]:
        """Every pool, newest first, with what is left in it."""
        answer: list[PoolOut] = self.call("GET", "/v1/pools")
        return answer

    def pools_draft(self, key: str, body: PoolIn) -> PoolOut:
        """A pool nobody can draw from yet; the same key again is the same pool, or the same refusal."""
        answer: PoolOut = self.call("PUT", f"/v1/pools/drafts/{quote(str(key), safe='')}", body=body)
        return answer

    def pools_change(self, pool_id: int, key: str, body: PoolIn) -> PoolOut:
        """Write a draft anew. What was announced does not change any more, for or against anybody."""
        answer: PoolOut = self.call(
            "PUT", f"/v1/pools/{quote(str(pool_id), safe='')}/changes/{quote(str(key), safe='')}", body=body
        )
        return answer

    def pools_move(self, pool_id: int, key: str, body: MoveIn) -> PoolOut:
        """Announce a pool with its commitment, stop and resume its payouts, or reveal its seed after the end. By
        people."""
        answer: PoolOut = self.call(
            "PUT", f"/v1/pools/{quote(str(pool_id), safe='')}/moves/{quote(str(key), safe='')}", body=body
        )
        return answer

    def rewards_check_in(self) -> CheckInOut:
        """The daily check-in; a second one on the same day answers what the first got."""
        answer: CheckInOut = self.call("POST", "/v1/me/check-in")
        return answer

    def rewards_my_referral(self) -> ReferralOut:
        """The member's own invitation code, and what it brought."""
        answer: ReferralOut = self.call("GET", "/v1/me/referral")
        return answer

    def rewards_accept_referral(self, body: Invitation) -> None:
        """The member was invited by whoever has this code; both get points after the first paid scan."""
        self.call("POST", "/v1/me/referral", body=body)

    def rewards_catalogue(self) -> list[RewardOfferOut]:
        """The catalogue as this member sees it."""
        answer: list[RewardOfferOut] = self.call("GET", "/v1/rewards")
        return answer

    def rewards_my_redemptions(self) -> list[RedemptionOut]:
        """What this member redeemed, newest first."""
        answer: list[RedemptionOut] = self.call("GET", "/v1/me/redemptions")
        return answer

    def rewards_redeem(self, body: RedemptionIn) -> RedemptionOut:
        """Redeem a reward. A refusal is an answer, with its reason, and stays one under this id."""
        answer: RedemptionOut = self.call("POST", "/v1/me/redemptions", body=body)
        return answer

    def rewards_my_tier(self) -> TierOut:
        """The tier, what counts for it, and the next one."""
        answer: TierOut = self.call("GET", "/v1/me/tier")
        return answer

    def orders_put_order(self, order_id: str, body: PurchaseIn) -> PurchaseOut:
        """A purchase earns by the campaigns in force when it was made. The same again: what it earned then."""
        answer: PurchaseOut = self.call("PUT", f"/v1/orders/{quote(str(order_id), safe='')}", body=body)
        return answer

    def orders_put_refund(self, order_id: str, refund_id: str, body: RefundIn) -> RefundOut:
        """A part of an order was given back, and its points with it; the parts together are the whole."""
        answer: RefundOut = self.call(
            "PUT", f"/v1/orders/{quote(str(order_id), safe='')}/refunds/{quote(str(refund_id), safe='')}", body=body
        )
        return answer

    def orders_put_file(self, key: str) -> OrderFileOut:
        """A CSV of orders, all of it or nothing; a refusal names the row and the column and is remembered under
        the key."""
        answer: OrderFileOut = self.call("PUT", f"/v1/order-files/{quote(str(key), safe='')}")
        return answer

    def orders_put_answer(self, survey: str, body: BuyerIn) -> Any:
        """A member finished a survey: its campaigns pay them soon, once a survey however often it is told."""
        answer: Any = self.call("PUT", f"/v1/surveys/{quote(str(survey), safe='')}/answers", body=body)
        return answer

    def trade_dealer(self, dealer_id: int) -> TradeDealerOut:
        """A dealer by number, with the regions a store of theirs may stand in."""
        answer: TradeDealerOut = self.call("GET", f"/v1/trade/dealers/{quote(str(dealer_id), safe='')}")
        return answer

    def trade_register(self, body: PartnerIn) -> PartnerOut:
        """Ask the brand to let a store or dealer in; the caller is its owner. The same again answers the same."""
        answer: PartnerOut = self.call("POST", "/v1/trade/partners", body=body)
        return answer

    def trade_me(self) -> MeOut:
        """For whom the caller works, in which role, and beside whom."""
        answer: MeOut = self.call("GET", "/v1/trade/me")
        return answer

    def trade_join(self, body: CodeIn) -> MeOut:
        """Ask to work for a store or dealer, by its code; its owner decides."""
        answer: MeOut = self.call("POST", "/v1/trade/people", body=body)
        return answer

    def trade_take_on(self, person_id: int) -> None:
        """The owner takes somebody on who asked."""
        self.call("PUT", f"/v1/trade/people/{quote(str(person_id), safe='')}")

    def trade_let_go(self, person_id: int) -> None:
        """The owner lets somebody go, or the caller leaves."""
        self.call("DELETE", f"/v1/trade/people/{quote(str(person_id), safe='')}")

    def trade_open_case(self, body: OpeningIn) -> OpeningOut:
        """Open a case for the caller's store, once a case. A refusal is an answer, and stays one under this id."""
        answer: OpeningOut = self.call("POST", "/v1/trade/openings", body=body)
        return answer

    def trade_rewards(self) -> RewardsOut:
        """The store's points and the caller's own share, with every movement, newest first."""
        answer: RewardsOut = self.call("GET", "/v1/trade/rewards")
        return answer

    def trade_my_rebates(self) -> RebatesOut:
        """A dealer's rebates by month, and what is withheld, why and until when."""
        answer: RebatesOut = self.call("GET", "/v1/trade/rebates")
        return answer

    def trade_my_notices(self) -> list[NoticeOut]:
        """What the brand asks a dealer to explain: in numbers, with its confidence, and until when."""
        answer: list[NoticeOut] = self.call("GET", "/v1/trade/notices")
        return answer

    def trade_reply_to_notice(self, notice_id: int, body: ReplyIn) -> NoticeOut:
        """The dealer's answer, once, with pictures of papers; kept with the case as evidence."""
        answer: NoticeOut = self.call("POST", f"/v1/trade/notices/{quote(str(notice_id), safe='')}/reply", body=body)
        return answer

    def trade_deliver(self, body: StoreCasesIn) -> list[StoreCaseOut]:
        """Cases a dealer brought to a store: what is sold from them is that store's. Each is answered for
        itself."""
        answer: list[StoreCaseOut] = self.call("POST", "/v1/trade/store-cases", body=body)
        return answer

    def exports_scans(self, *, cursor: str | None = None, limit: int | None = None) -> ScanPage:
        """Scans in the order they were received, each once. As lines, the cursor is in the header Onecode-Next-
        Cursor."""
        answer: ScanPage = self.call("GET", "/v1/exports/scans", query={"cursor": cursor, "limit": limit})
        return answer

    def partners_verify(self, body: QuestionIn) -> VerifiedOut:
        """Yes or no, and reason codes as in GS1 Lightweight Messaging. Records nothing on the item."""
        answer: VerifiedOut = self.call("POST", "/v1/partners/verify", body=body)
        return answer

    def webhooks_endpoints(self) -> list[EndpointOut]:
        """Every endpoint."""
        answer: list[EndpointOut] = self.call("GET", "/v1/webhooks")
        return answer

    def webhooks_add(self, body: EndpointIn) -> EndpointMade:
        """A new endpoint; its secret is in this answer and nowhere else."""
        answer: EndpointMade = self.call("POST", "/v1/webhooks", body=body)
        return answer

    def webhooks_rotate(self, endpoint_id: int) -> SecretOut:
        """A new secret; the old one signs beside it for a day."""
        answer: SecretOut = self.call("POST", f"/v1/webhooks/{quote(str(endpoint_id), safe='')}/secret")
        return answer

    def webhooks_disable(self, endpoint_id: int) -> EndpointOut:
        """Send nothing more to an endpoint; disabling it again changes nothing."""
        answer: EndpointOut = self.call("DELETE", f"/v1/webhooks/{quote(str(endpoint_id), safe='')}")
        return answer

    def webhooks_messages(
        self,
        endpoint_id: int,
        *,
        state: Literal["waiting", "delivered", "dead"] | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[DeliveryOut]:
        """The latest messages, newest first; the next page is `before` the last one's id."""
        answer: list[DeliveryOut] = self.call(
            "GET",
            f"/v1/webhooks/{quote(str(endpoint_id), safe='')}/messages",
            query={"state": state, "before": before, "limit": limit},
        )
        return answer

    def webhooks_replay(self, endpoint_id: int, body: ReplayIn) -> Replayed:
        """Send messages again."""
        answer: Replayed = self.call("POST", f"/v1/webhooks/{quote(str(endpoint_id), safe='')}/replay", body=body)
        return answer

    def packages_begin_download(self, package_id: int) -> DownloadOut:
        """Begin a download; it is counted now."""
        answer: DownloadOut = self.call("POST", f"/v1/packages/{quote(str(package_id), safe='')}/downloads")
        return answer

    def packages_fetch(self, download_id: str) -> None:
        """The encrypted file, whole or the range asked for."""
        self.call("GET", f"/v1/package-downloads/{quote(str(download_id), safe='')}")

    def packages_manifest(self, package_id: int) -> Any:
        """The signed manifest, for `onecode package verify`."""
        answer: Any = self.call("GET", f"/v1/packages/{quote(str(package_id), safe='')}/manifest")
        return answer

    def packages_acknowledge(self, package_id: int, body: AcknowledgementIn) -> AcknowledgementOut:
        """Say that the package was opened and counted."""
        answer: AcknowledgementOut = self.call(
            "POST", f"/v1/packages/{quote(str(package_id), safe='')}/acknowledgement", body=body
        )
        return answer

    def packages_return_scrap(self, package_id: int, body: ScrapIn) -> ScrapOut:
        """Return the scrap list, at once or in parts. A line that names no code refuses the whole list."""
        answer: ScrapOut = self.call("POST", f"/v1/packages/{quote(str(package_id), safe='')}/scrap", body=body)
        return answer

    def line_station_jobs(self) -> list[LineJobOut]:
        """The calling station's jobs that are not closed, oldest first."""
        answer: list[LineJobOut] = self.call("GET", "/v1/line/jobs")
        return answer

    def line_block(self, job_id: int, block: int) -> LeaseOut:
        """A block the job has."""
        answer: LeaseOut = self.call(
            "GET", f"/v1/line/jobs/{quote(str(job_id), safe='')}/blocks/{quote(str(block), safe='')}"
        )
        return answer

    def line_next_block(self, job_id: int, block: int, body: BlockIn) -> LeaseOut:
        """The block after the job's last, leased now; one it has already comes as it is."""
        answer: LeaseOut = self.call(
            "PUT", f"/v1/line/jobs/{quote(str(job_id), safe='')}/blocks/{quote(str(block), safe='')}", body=body
        )
        return answer

    def line_case_numbers(self, job_id: int, body: CasesIn) -> CasesOut:
        """Numbers for case labels, signed; the same however often asked, at most 200 at once."""
        answer: CasesOut = self.call("PUT", f"/v1/line/jobs/{quote(str(job_id), safe='')}/cases", body=body)
        return answer

    def line_report(self, job_id: int, body: dict[str, Any]) -> HeardOut:
        """Take over what is new in the folded journal of one block."""
        answer: HeardOut = self.call("PUT", f"/v1/line/jobs/{quote(str(job_id), safe='')}/report", body=body)
        return answer

    def line_pair(self, job_id: int, body: PairsIn) -> PairedOut:
        """Which caps the camera saw on which bottles; the same again changes nothing."""
        answer: PairedOut = self.call("PUT", f"/v1/line/jobs/{quote(str(job_id), safe='')}/pairs", body=body)
        return answer

    def line_heartbeat(self, job_id: int, body: HeartbeatIn) -> StationOut:
        """How the line is, for screens; nothing is decided by it."""
        answer: StationOut = self.call("PUT", f"/v1/line/jobs/{quote(str(job_id), safe='')}/heartbeat", body=body)
        return answer

    def line_register_key(self, body: StationKeyIn) -> StationOut:
        """The key this station signs its record with; only the first after it was enrolled counts."""
        answer: StationOut = self.call("PUT", "/v1/line/key", body=body)
        return answer

    def links_get_links(self, *, brand_id: int | None = None) -> list[LinkOut]:
        """Links, newest first, withdrawn ones too."""
        answer: list[LinkOut] = self.call("GET", "/v1/links", query={"brand_id": brand_id})
        return answer

    def links_post_link(self, body: LinkIn) -> LinkOut:
        """Hang a link on a key, a lot, or the items of a run."""
        answer: LinkOut = self.call("POST", "/v1/links", body=body)
        return answer

    def links_delete_link(self, link_id: int) -> None:
        """Take a link down; it stays on record."""
        self.call("DELETE", f"/v1/links/{quote(str(link_id), safe='')}")

    def units_operate(self, body: OperationIn) -> OperationOut:
        """Pack, take out, replace, sample, open, merge, relabel, close, reopen, undo: once for every id."""
        answer: OperationOut = self.call("POST", "/v1/units/operations", body=body)
        return answer

    def units_made_out(self, *, text: str | None = None) -> ScannedOut:
        """What a text that was read is, and what it lies in."""
        answer: ScannedOut = self.call("GET", "/v1/units/scanned", query={"text": text})
        return answer

    def units_show(self, sscc: str) -> UnitOut:
        """A unit as it is now."""
        answer: UnitOut = self.call("GET", f"/v1/units/{quote(str(sscc), safe='')}")
        return answer

    def units_print_label(self, sscc: str, *, form: Literal["png", "zpl"] | None = None) -> None:
        """Its signed label, for a screen or for a label printer."""
        self.call("GET", f"/v1/units/{quote(str(sscc), safe='')}/label", query={"form": form})

    def deliveries_list_dealers(self, *, brand_id: int | None = None) -> list[DealerOut]:
        """Every dealer with the regions in force now, by name."""
        answer: list[DealerOut] = self.call("GET", "/v1/dealers", query={"brand_id": brand_id})
        return answer

    def deliveries_ship(self, body: PaperIn) -> ShipmentOut:
        """Send cases and pallets to a dealer. The same document with the same units changes nothing."""
        answer: ShipmentOut = self.call("POST", "/v1/deliveries", body=body)
        return answer

    def deliveries_receive(self, body: PaperIn) -> ArrivalOut:
        """Take down what came in at a dealer's gate, and say what should not be there and what is still missing."""
        answer: ArrivalOut = self.call("POST", "/v1/arrivals", body=body)
        return answer

    def cases_list_cases(
        self,
        *,
        severity: Literal["info", "medium", "high", "critical"] | None = None,
        code: str | None = None,
        pivot: str | None = None,
        assignee: str | None = None,
        snoozed: bool | None = None,
        limit: int | None = None,
    ) -> list[CaseOut]:
        """What is open, the earliest due first."""
        answer: list[CaseOut] = self.call(
            "GET",
            "/v1/cases",
            query={
                "severity": severity,
                "code": code,
                "pivot": pivot,
                "assignee": assignee,
                "snoozed": snoozed,
                "limit": limit,
            },
        )
        return answer

    def cases_list_overdue(self) -> list[BreachOut]:
        """What should have been looked at, the longest overdue first."""
        answer: list[BreachOut] = self.call("GET", "/v1/cases/overdue")
        return answer

    def cases_list_proposals(self) -> list[ActionOut]:
        """Actions that wait for a second person."""
        answer: list[ActionOut] = self.call("GET", "/v1/cases/actions")
        return answer

    def cases_approve_action(self, action_id: int) -> ActionOut:
        """The second person agrees, and it takes effect."""
        answer: ActionOut = self.call("POST", f"/v1/cases/actions/{quote(str(action_id), safe='')}/approve")
        return answer

    def cases_refuse_action(self, action_id: int, body: ReasonIn) -> ActionOut:
        """The second person disagrees; nothing happens."""
        answer: ActionOut = self.call("POST", f"/v1/cases/actions/{quote(str(action_id), safe='')}/refuse", body=body)
        return answer

    def cases_undo_action(self, action_id: int, body: ReasonIn) -> ActionOut:
        """Take back exactly what it did, or withdraw a proposal."""
        answer: ActionOut = self.call("POST", f"/v1/cases/actions/{quote(str(action_id), safe='')}/undo", body=body)
        return answer

    def cases_undo_merge(self, merge_id: int, body: ReasonIn) -> CaseOut:
        """Give a merged case its alerts back."""
        answer: CaseOut = self.call("POST", f"/v1/cases/merges/{quote(str(merge_id), safe='')}/undo", body=body)
        return answer

    def cases_preview_bulk(self, body: FilterIn) -> PreviewOut:
        """What a filter finds now, before anything is moved."""
        answer: PreviewOut = self.call("POST", "/v1/cases/bulk/preview", body=body)
        return answer

    def cases_begin_bulk(self, body: BulkIn) -> BulkOut:
        """Move everything a filter finds; the worker moves it in chunks, and it is undone as a whole within a
        day."""
        answer: BulkOut = self.call("POST", "/v1/cases/bulk", body=body)
        return answer

    def cases_get_bulk(self, bulk_id: int) -> BulkOut:
        """How far it is, and which cases were left alone."""
        answer: BulkOut = self.call("GET", f"/v1/cases/bulk/{quote(str(bulk_id), safe='')}")
        return answer

    def cases_undo_bulk(self, bulk_id: int, body: ReasonIn) -> BulkOut:
        """Restore every case that is as the move left it."""
        answer: BulkOut = self.call("POST", f"/v1/cases/bulk/{quote(str(bulk_id), safe='')}/undo", body=body)
        return answer

    def cases_list_snoozes(self) -> list[SnoozeRuleOut]:
        """Rules that sleep, the next to end first."""
        answer: list[SnoozeRuleOut] = self.call("GET", "/v1/cases/snoozes")
        return answer

    def cases_add_snooze(self, body: SnoozeRuleIn) -> SnoozeRuleOut:
        """Let what a rule raises about these pivots call nobody for a while."""
        answer: SnoozeRuleOut = self.call("POST", "/v1/cases/snoozes", body=body)
        return answer

    def cases_end_snooze(self, rule_id: int, body: ReasonIn) -> SnoozeRuleOut:
        """Wake what it put to sleep."""
        answer: SnoozeRuleOut = self.call("POST", f"/v1/cases/snoozes/{quote(str(rule_id), safe='')}/end", body=body)
        return answer

    def cases_list_known_good(self) -> list[KnownOut]:
        """What holds or waits for a second person, the next to end first."""
        answer: list[KnownOut] = self.call("GET", "/v1/cases/known-good")
        return answer

    def cases_propose_known_good(self, body: KnownIn) -> KnownOut:
        """Propose that somebody or somewhere is known to be good for a while."""
        answer: KnownOut = self.call("POST", "/v1/cases/known-good", body=body)
        return answer

    def cases_approve_known_good(self, entry_id: int) -> KnownOut:
        """Another person agrees, and it holds."""
        answer: KnownOut = self.call("POST", f"/v1/cases/known-good/{quote(str(entry_id), safe='')}/approve")
        return answer

    def cases_end_known_good(self, entry_id: int, body: ReasonIn) -> KnownOut:
        """Withdraw trust, at once."""
        answer: KnownOut = self.call("POST", f"/v1/cases/known-good/{quote(str(entry_id), safe='')}/end", body=body)
        return answer

    def cases_get_case(self, case_id: int) -> FileOut:
        """The whole file of a case."""
        answer: FileOut = self.call("GET", f"/v1/cases/{quote(str(case_id), safe='')}")
        return answer

    def cases_take_case(self, case_id: int) -> CaseOut:
        """Investigate it: yours for half an hour, and longer while you work on it."""
        answer: CaseOut = self.call("POST", f"/v1/cases/{quote(str(case_id), safe='')}/take")
        return answer

    def cases_release_case(self, case_id: int) -> CaseOut:
        """Back into the queue."""
        answer: CaseOut = self.call("POST", f"/v1/cases/{quote(str(case_id), safe='')}/release")
        return answer

    def cases_assign_case(self, case_id: int, body: AssignIn) -> CaseOut:
        """Give it to a named person, whoever holds it."""
        answer: CaseOut = self.call("POST", f"/v1/cases/{quote(str(case_id), safe='')}/assign", body=body)
        return answer

    def cases_snooze_case(self, case_id: int, body: SnoozeIn) -> CaseOut:
        """Out of the queue until then, ninety days at most."""
        answer: CaseOut = self.call("POST", f"/v1/cases/{quote(str(case_id), safe='')}/snooze", body=body)
        return answer

    def cases_decide_case(self, case_id: int, body: DecideIn) -> CaseOut:
        """Close the case you investigate, and do what follows for points and codes."""
        answer: CaseOut = self.call("POST", f"/v1/cases/{quote(str(case_id), safe='')}/decide", body=body)
        return answer

    def cases_reopen_case(self, case_id: int, body: ReasonIn) -> CaseOut:
        """Take a closed case up again; what it taught the rules is taken back."""
        answer: CaseOut = self.call("POST", f"/v1/cases/{quote(str(case_id), safe='')}/reopen", body=body)
        return answer

    def cases_merge_cases(self, case_id: int, body: MergeIn) -> list[MergeOut]:
        """Merge other cases into this one."""
        answer: list[MergeOut] = self.call("POST", f"/v1/cases/{quote(str(case_id), safe='')}/merges", body=body)
        return answer

    def cases_split_case(self, case_id: int, body: AlertsIn) -> CaseOut:
        """A case of their own for some of its alerts."""
        answer: CaseOut = self.call("POST", f"/v1/cases/{quote(str(case_id), safe='')}/splits", body=body)
        return answer

    def cases_attach_alerts(self, case_id: int, body: AlertsIn) -> CaseOut:
        """Alerts from anywhere into this case."""
        answer: CaseOut = self.call("POST", f"/v1/cases/{quote(str(case_id), safe='')}/alerts", body=body)
        return answer

    def cases_act_on_case(self, case_id: int, body: ActIn) -> ActionOut:
        """Act on a subject for a while; what is hard is proposed and waits for a second person."""
        answer: ActionOut = self.call("POST", f"/v1/cases/{quote(str(case_id), safe='')}/actions", body=body)
        return answer

    def inspections_list_inspections(self, *, day: str | None = None) -> list[InspectionOut]:
        """An inspector's own tour of a day, today unless said, and what is open from before; a system sees
        everybody's."""
        answer: list[InspectionOut] = self.call("GET", "/v1/inspections", query={"day": day})
        return answer

    def inspections_put_result(self, inspection_id: int, body: FoundIn) -> InspectionOut:
        """What was found there, once; the same again answers the same."""
        answer: InspectionOut = self.call(
            "PUT", f"/v1/inspections/{quote(str(inspection_id), safe='')}/result", body=body
        )
        return answer

    def epcis_post_capture(self) -> Any:
        """Take a document, all of it or nothing. An event that was taken before changes nothing."""
        answer: Any = self.call("POST", "/epcis/capture")
        return answer

    def epcis_get_capture(self, capture_id: str) -> Any:
        """What became of a capture. A refused one was answered at once and is not kept."""
        answer: Any = self.call("GET", f"/epcis/capture/{quote(str(capture_id), safe='')}")
        return answer

    def epcis_get_events(
        self,
        *,
        GE_eventTime: str | None = None,
        LT_eventTime: str | None = None,
        EQ_bizStep: list[str] | None = None,
        EQ_action: list[str] | None = None,
        eventType: list[str] | None = None,
        MATCH_anyEPC: str | None = None,
        MATCH_epc: str | None = None,
        perPage: int | None = None,
        nextPageToken: str | None = None,
    ) -> None:
        """Events, the oldest first; the Link header leads to the next page."""
        self.call(
            "GET",
            "/epcis/events",
            query={
                "GE_eventTime": GE_eventTime,
                "LT_eventTime": LT_eventTime,
                "EQ_bizStep": EQ_bizStep,
                "EQ_action": EQ_action,
                "eventType": eventType,
                "MATCH_anyEPC": MATCH_anyEPC,
                "MATCH_epc": MATCH_epc,
                "perPage": perPage,
                "nextPageToken": nextPageToken,
            },
        )
