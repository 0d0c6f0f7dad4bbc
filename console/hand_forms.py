"""What is asked for by hand: for one member or a list of them, points or a coupon; nothing moves yet."""

from uuid import UUID

from nicegui import ui
from nicegui.events import UploadEventArguments

from console import desk, refusals, steps, typed
from console.catalogue import Gives
from console.desk import t
from foundation import clock
from foundation.database import ReadTx, Tx
from foundation.errors import BadRequest, NotFound
from loyalty import by_hand, hand_files, members
from loyalty.by_hand import Request
from loyalty.hand_files import MOST_BYTES, Listed
from loyalty.members import MemberKeys

ROLE = "marketer"
POINTS, COUPON = "points", "coupon"


def drawn(member: str) -> None:
    """member: who the form is for when it opens; empty for nobody yet."""
    by, keys = desk.user_name(), MemberKeys.derive(desk.house().purpose_key)
    with ui.row().classes("w-full items-end gap-3"):
        kind = ui.toggle({one: t(f"hand-{one}") for one in (POINTS, COUPON)}, value=POINTS).props("no-caps unelevated")
    people = People(member, keys)
    with ui.row().classes("w-full items-end gap-3 q-mt-sm").bind_visibility_from(kind, "value", value=POINTS):
        points = typed.number("hand-how-many", None, least=-by_hand.MOST_POINTS)
    with ui.row().classes("w-full items-end gap-3 q-mt-sm").bind_visibility_from(kind, "value", value=COUPON):
        gives = Gives({})
    with ui.row().classes("w-full items-end gap-3 q-mt-sm"):
        why, reference = typed.field("hand-why", wide=True), typed.field("hand-reference")
    says = refusals.notice()

    def ask(tx: Tx) -> Request:
        about, now = (why.value or "", reference.value or ""), clock.now()
        listed = people.listed(tx)
        if kind.value == COUPON:
            who = [one.member_id for one in listed]
            return by_hand.ask_coupons(tx, who, gives.terms(), why=about[0], reference=about[1], by=by, now=now)
        each = [(one.member_id, one.points or typed.whole(points.value, "points")) for one in listed]
        return by_hand.ask_points(tx, each, why=about[0], reference=about[1], by=by, now=now)

    steps.button("hand-ask", says, ROLE, ask, then=steps.to("/by-hand/")).classes("q-mt-sm")


class People:
    """One member in a field, or a list from a file; the file is read as soon as it is chosen."""

    def __init__(self, member: str, keys: MemberKeys) -> None:
        self._keys, self._list = keys, list[Listed]()
        with ui.row().classes("w-full items-center gap-3 q-mt-sm"):
            self._one = typed.field("phone-or-id", member, wide=True)
            self._file = ui.upload(
                label=t("hand-list"), auto_upload=True, max_file_size=MOST_BYTES, on_upload=self._arrived,
                on_rejected=self._too_large,
            ).props('accept=".csv,text/csv" flat bordered')  # fmt: skip
            self._file.style("max-width: 100%")
        self._says = refusals.notice()
        with ui.row().classes("items-center gap-3") as self._read:
            self._said = ui.label().classes("text-positive").props('role="status"')
            ui.button(t("hand-list-drop"), on_click=self._dropped).props("no-caps flat dense")
        self._read.set_visibility(False)

    def listed(self, tx: ReadTx) -> list[Listed]:
        """Raises BadRequest, NotFound."""
        return self._list or [Listed(0, find(tx, self._one.value or "", self._keys), 0)]

    async def _arrived(self, event: UploadEventArguments) -> None:
        content = await event.file.read()
        self._dropped()
        found: list[Listed] = []
        if await refusals.tried(
            self._says, ROLE, lambda tx: found.extend(hand_files.read(tx, content, keys=self._keys))
        ):
            self._list = found
            self._one.set_visibility(False)
            total = sum(one.points for one in found)
            self._said.set_text(t("hand-list-read", count=f"{len(found):,}", points=f"{total:+,}"))
            self._read.set_visibility(True)

    def _too_large(self) -> None:
        self._says.set_text(t("hand-list-large", most=MOST_BYTES >> 20))
        self._says.set_visibility(True)

    def _dropped(self) -> None:
        self._list = []
        self._says.set_visibility(False)
        self._one.set_visibility(True)
        self._read.set_visibility(False)
        self._file.reset()


def find(tx: ReadTx, text: str, keys: MemberKeys) -> UUID:
    """By id, else by the keyed hash of a phone number: no list of numbers is searched. Raises NotFound, BadRequest."""
    if not text.strip():
        raise BadRequest("Give the member's phone number or id, or a list.")
    try:
        return members.known(tx, UUID(text.strip())).id
    except ValueError:
        found = members.find(tx, "phone", keys.index("phone", members.e164(text)))
    if found is None:
        raise NotFound("No member has this phone number.")
    return found
