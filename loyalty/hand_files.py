"""A list of members out of an office program: CSV, UTF-8, header `member,points` or `member`; all of it or nothing.

member: the id their page shows, or a phone number. points: whole, negative to take. A member stands in it once: a list
pasted twice would pay twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from foundation.database import ReadTx
from foundation.errors import BadRequest
from loyalty import members
from loyalty.by_hand import MOST_LINES, MOST_POINTS
from loyalty.csv_rows import rows_of
from loyalty.members import MemberKeys

MOST_BYTES = 1 << 20
HEADERS = (("member", "points"), ("member",))


class BadHandFile(BadRequest):
    """A row of the list cannot be taken, so none was."""

    type = "bad-hand-file"


@dataclass(frozen=True, slots=True)
class Listed:
    """points: 0 where the file has no such column. row: as an office program counts, the header being 1."""

    row: int
    member_id: UUID
    points: int


@dataclass(frozen=True, slots=True)
class _Cells:
    row: int
    member: str
    points: int


def read(tx: ReadTx, content: bytes, *, keys: MemberKeys) -> list[Listed]:
    """Raises BadHandFile naming the row; two queries whatever the length."""
    found = list(_rows(content))
    if not found:
        raise BadHandFile("Row 2: the list is empty; put a member into it.")
    ids = [_id(one) for one in found]
    indexes = [
        keys.index("phone", _phone(one)) if known is None else None for one, known in zip(found, ids, strict=True)
    ]
    by_phone = members.find_all(tx, "phone", [index for index in indexes if index is not None])
    listed = [
        Listed(one.row, _known(one, known or by_phone.get(index or b"")), one.points)
        for one, known, index in zip(found, ids, indexes, strict=True)
    ]
    _all_there(tx, listed)
    return listed


def _rows(content: bytes) -> Iterator[_Cells]:
    if len(content) > MOST_BYTES:
        raise BadHandFile(f"The file is larger than {MOST_BYTES >> 20} MB; split it.")
    rows = rows_of(content, BadHandFile)
    header = tuple(cell.strip() for cell in next(rows, (1, []))[1])
    if header not in HEADERS:
        raise BadHandFile("Row 1: let the header be member,points, or member alone for coupons.")
    for number, cells in rows:
        if number > MOST_LINES + 1:
            raise BadHandFile(f"Row {number}: put at most {MOST_LINES:,} members into one list.")
        yield _cells(number, cells, len(header))


def _cells(number: int, cells: Sequence[str], columns: int) -> _Cells:
    if len(cells) != columns:
        raise BadHandFile(f"Row {number}: it has {len(cells)} columns instead of {columns}.")
    points = _points(number, cells[1].strip()) if columns > 1 else 0
    return _Cells(number, cells[0].strip().removeprefix("'"), points)


def _points(number: int, cell: str) -> int:
    digits = cell.removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9 and 0 < int(digits) <= MOST_POINTS):
        raise BadHandFile(f"Row {number}, points: give a whole number up to {MOST_POINTS:,}, negative to take.")
    return int(cell)


def _id(one: _Cells) -> UUID | None:
    try:
        return UUID(one.member)
    except ValueError:
        return None


def _phone(one: _Cells) -> str:
    try:
        return members.e164(one.member)
    except BadRequest:
        raise BadHandFile(f"Row {one.row}, member: give the member's id or phone number.") from None


def _known(one: _Cells, found: UUID | None) -> UUID:
    if found is None:
        raise BadHandFile(f"Row {one.row}, member: no member has this phone number.")
    return found


def _all_there(tx: ReadTx, listed: Sequence[Listed]) -> None:
    """Everybody is somebody today, and once."""
    today, seen = members.today(tx, [one.member_id for one in listed]), dict[UUID, int]()
    for one in listed:
        who = today.get(one.member_id)
        if who is None:
            raise BadHandFile(f"Row {one.row}, member: there is no such member any more, or there never was.")
        if who in seen:
            raise BadHandFile(f"Row {one.row}, member: the same member is in row {seen[who]} already.")
        seen[who] = one.row
