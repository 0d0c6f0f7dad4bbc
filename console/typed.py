"""What a person types becomes a value: instants on the brand's clock, yuan, pairs of numbers; or a sentence why not."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from nicegui import ui

from console.desk import t
from console.layout import local
from foundation.errors import BadRequest
from loyalty.expiry import BRAND_ZONE

MOST_FEN = 10**11


def field(word: str, value: str = "", *, wide: bool = False) -> ui.input:
    made = ui.input(t(word), value=value).props("outlined dense stack-label")
    return made.style(f"flex: 1 1 {'16rem' if wide else '8rem'}")


def number(word: str, value: int | None = None, *, least: int = 0) -> ui.number:
    made = ui.number(t(word), value=value, min=least, format="%d").props("outlined dense stack-label")
    return made.style("flex: 1 1 6rem")


def choice(word: str, names: list[str], value: str, *, prefix: str) -> ui.select:
    """One of the names, shown by the words for `prefix` + name."""
    made = ui.select({name: t(f"{prefix}{name}") for name in names}, value=value, label=t(word))
    return made.props("outlined dense").style("flex: 1 1 9rem")


def instant(word: str, value: datetime | None = None) -> ui.input:
    """The browser's own field for a day and a time, to the second, on the brand's clock."""
    shown = local(value, "%Y-%m-%dT%H:%M:%S") if value else ""
    return (
        ui.input(t(word), value=shown)
        .props("outlined dense stack-label type=datetime-local step=1")
        .style("flex: 1 1 13rem")
    )


def day(word: str, value: date) -> ui.input:
    made = ui.input(t(word), value=value.isoformat()).props("outlined dense stack-label type=date")
    return made.style("flex: 1 1 9rem")


def read_instant(text: str | None, what: str) -> datetime | None:
    """None for an empty field. Raises BadRequest."""
    if not (text or "").strip():
        return None
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=BRAND_ZONE)
    except ValueError:
        raise BadRequest(f"{what}: give a day and a time.") from None


def read_day(text: str | None, what: str) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        raise BadRequest(f"{what}: give a day.") from None


def whole(value: float | None, what: str) -> int:
    """Raises BadRequest for nothing and for parts of one."""
    if value is None or value != int(value):
        raise BadRequest(f"{what}: give a whole number.")
    return int(value)


def fen(text: str | None, what: str) -> int:
    """Yuan with at most two decimals; an empty field is 0. Raises BadRequest."""
    try:
        found = Decimal((text or "0").strip() or "0") * 100
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found != int(found) or not 0 <= found <= MOST_FEN:
        raise BadRequest(f"{what}: write yuan with at most two decimals, such as 12.50.")
    return int(found)


def pairs(text: str | None, what: str) -> list[tuple[int, str]]:
    """`1=5, 10=50` as [(1, "5"), (10, "50")]. Raises BadRequest."""
    found = []
    for one in (text or "").replace("，", ",").replace("；", ",").split(","):
        before, equals, after = one.partition("=")
        if not equals or not before.strip().isdecimal() or not after.strip():
            raise BadRequest(f"{what}: write pairs such as 1=5, 10=50; {one.strip()!r} is none.")
        found.append((int(before), after.strip()))
    return found


def yuan(amount_fen: int) -> str:
    return f"¥{amount_fen / 100:,.2f}"
