"""The API as typed calls. Generated from the contract by `make client`: change the routes, not this file."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict
from urllib.parse import quote

from scan_api.client.transport import Transport


class AcknowledgementIn(TypedDict):
    by: str


class AcknowledgementOut(TypedDict):
    not_to_print: list[int]


class AgeOut(TypedDict):
    guardian_needed: bool


class Agreement(TypedDict):
    """wording: what the guardian read, word for word."""

    agrees: bool
    wording: str


class AnswerIn(TypedDict):
    device: str
    token: str
    answer: str


class BirthYear(TypedDict):
    born_in: int


class ChallengeOut(TypedDict):
    """kind hashcash: find an `answer` such that SHA-256 of `token:answer` begins with `bits` zero bits."""

    kind: str
    token: str
    bits: int
    expires_at: str


class CodeWanted(TypedDict):
    phone: str
    device: NotRequired[str | None]


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


class FirstScanOut(TypedDict):
    at: str
    place: dict[str, str] | None


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


class MessageOut(TypedDict):
    title: str
    text: str


class ProductOut(TypedDict):
    gtin: str
    zh: str
    en: str


class QuestionIn(TypedDict):
    """correlation_id comes back with the answer."""

    text: str
    gtin: NotRequired[str | None]
    expires_on: NotRequired[str | None]
    correlation_id: NotRequired[str | None]


class RefusalOut(TypedDict):
    first: int
    end: int
    reason: str


class ReplayIn(TypedDict):
    """messages: the ids to send again; empty: every dead one."""

    messages: NotRequired[list[int]]


class Replayed(TypedDict):
    waiting: int


class RewardOut(TypedDict):
    points: int
    state: Literal["credited", "held", "none", "sign_in"]
    reason: str


class ScanIn(TypedDict):
    text: str
    device: str
    location: NotRequired[LocationIn | None]
    claim: NotRequired[bool]


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
    scan_id: str
    verdict: Literal[
        "genuine", "genuine_again", "claimed", "not_active", "void", "recalled", "expired", "suspicious", "unknown"
    ]
    reward: RewardOut
    product: ProductOut | None
    first_scan: FirstScanOut | None
    message: MessageOut


class ScanPage(TypedDict):
    """next_cursor: where to read on, also when nothing more is ready yet; complete: nothing more is ready yet."""

    scans: list[ScanLine]
    next_cursor: str
    complete: bool


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


class SignIn(TypedDict):
    phone: str
    code: str


class Token(TypedDict):
    token: str


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
    ) -> Any:
        """Events, the oldest first; the Link header leads to the next page."""
        answer: Any = self.call(
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
        return answer
