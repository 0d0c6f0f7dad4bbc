"""Lists of members: ids and phone numbers alike, and a wrong row is named while nothing of the list is taken."""

from uuid import UUID

import pytest
from sqlalchemy import update

from loyalty import hand_files, members
from loyalty.hand_files import MOST_BYTES, BadHandFile
from loyalty.members import MemberKeys
from loyalty.tables import members as people

KEYS = MemberKeys.derive(lambda purpose: purpose.encode().ljust(32, b"."))


def member(tx, now, digit):
    return members.find_or_create(tx, phone=f"1380013800{digit}", keys=KEYS, now=now)


def read(tx, text):
    return hand_files.read(tx, text if isinstance(text, bytes) else text.encode(), keys=KEYS)


def test_ids_and_phone_numbers_name_members(tx, now):
    li, wu = member(tx, now, 1), member(tx, now, 2)
    text = f"\ufeffmember,points\r\n{li},50\r\n'+86 138 0013 8002,-7\r\n"
    assert [(one.row, one.member_id, one.points) for one in read(tx, text)] == [(2, li, 50), (3, wu, -7)]
    assert [(one.member_id, one.points) for one in read(tx, "member\n13800138002\n")] == [(wu, 0)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"member,points\n\xd5\xc5,5\n", "Row 2: save the file as UTF-8"),
        (b"", "Row 1: let the header be"),
        (b"name,points\nLi,5\n", "Row 1: let the header be"),
        (b"member,points\n", "Row 2: the list is empty"),
        (b"member,points\n13800138001\n", "Row 2: it has 1 columns instead of 2"),
        (b"member,points\n13800138001,5\n13800138001,5\n", "Row 3, member: the same member is in row 2"),
        (b"member,points\nLi Lei,5\n", "Row 2, member: give the member's id or phone"),
        (b"member,points\n13800138009,5\n", "Row 2, member: no member has this phone"),
        (b"member,points\n13800138001,1.5\n", "Row 2, points: give a whole number"),
        (b"member,points\n13800138001,0\n", "Row 2, points: give a whole number"),
        (b"member,points\n13800138001,9999999\n", "Row 2, points: give a whole number"),
        ("member,points\n13800138001,５\n".encode(), "Row 2, points: give a whole number"),
        (b'member,points\n"13800138001,5\n', "this is no CSV"),
        (b"x" * (MOST_BYTES + 1), "larger than 1 MB"),
        (b"member\n" + b"13800138001\n" * 10_001, "Row 10002: put at most 10,000"),
        (f"member,points\n{UUID(int=9)},5\n".encode(), "Row 2, member: there is no such member"),
    ],
)
def test_a_wrong_row_is_named(tx, now, text, says):
    member(tx, now, 1)
    with pytest.raises(BadHandFile, match=says):
        read(tx, text)


def test_a_member_listed_by_two_names_is_one(tx, now):
    li, wu, gone = (member(tx, now, digit) for digit in (1, 2, 3))
    tx.execute(update(people).where(people.c.id == wu).values(merged_into=li))
    tx.execute(update(people).where(people.c.id == gone).values(erased_at=now))
    with pytest.raises(BadHandFile, match="Row 3, member: the same member is in row 2"):
        read(tx, f"member\n{li}\n{wu}\n")
    with pytest.raises(BadHandFile, match="no such member"):
        read(tx, f"member\n{gone}\n")
