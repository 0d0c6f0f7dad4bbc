"""Orders, refunds, files of orders, occasions: each rewarded once, taken back in proportion, refused whole."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert

from foundation.errors import Conflict
from loyalty import calendar, campaigns, occasions, orders, wallet
from loyalty.campaigns import Terms
from loyalty.invariants import check_invariants
from loyalty.orders import BadOrderFile, Order, OrderReused
from loyalty.tables import members

LI = UUID(int=1)
HEADER = ",".join(orders.COLUMNS)


def campaign(tx, now, trigger, award):
    terms = Terms("活动", "Campaign", "true", award, now, trigger=trigger)
    made = campaigns.draft_terms(tx, terms, budget_points=100_000, by=None, now=now)
    campaigns.publish(tx, made.id, 1, now=now)


@pytest.fixture
def per_yuan(tx, now):
    campaign(tx, now, "order", {"kind": "per_yuan", "slices": [[0, "1"]]})
    yield
    assert check_invariants(tx) == []


def test_an_order_earns_a_point_a_yuan_once_and_refunds_add_up_to_the_whole(tx, now, per_yuan):
    order = Order("o1", LI, now, 10_050, "shop", ("06901234567892",))
    for _ in range(2):
        [award] = orders.place(tx, [order], now=now)
        assert (award.points, award.reason) == (100, "order")
    with pytest.raises(OrderReused):
        orders.place(tx, [Order("o1", LI, now, 10_051)], now=now)
    taken = [orders.refund(tx, "o1", f"r{at}", 3_350, now=now) for at in (1, 2, 3)]
    assert (taken, orders.refund(tx, "o1", "r2", 3_350, now=now)) == ([33, 33, 34], 33)
    assert wallet.balance(tx, LI, now=now).available == 0
    with pytest.raises(Conflict):
        orders.refund(tx, "o1", "r4", 1, now=now)
    with pytest.raises(Conflict):
        orders.refund(tx, "o1", "r2", 1, now=now)


def joined(tx, now, *who):
    tx.execute(insert(members), [{"id": one, "created_at": now} for one in who])


def test_a_file_is_placed_whole_and_again_changes_nothing(tx, now, per_yuan):
    joined(tx, now, *(UUID(int=at) for at in (1, 2, 3)))
    rows = [f"o{at},{UUID(int=1 + at % 3)},2026-06-01T13:00:00,12.5,shop,1 2" for at in range(2_500)]
    content = "\n".join([HEADER, *rows]).encode("utf-8-sig")
    assert [orders.import_csv(tx, content, now=now) for _ in range(2)] == [2_500, 2_500]
    assert sum(wallet.balance(tx, UUID(int=at), now=now).available for at in (1, 2, 3)) == 2_500 * 12


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (f"x,{LI},2026-06-01,1.999,,", "Row 3, paid_yuan"),
        (f"x,{LI},2026-06-01,-1,,", "Row 3, paid_yuan"),
        (f"x,{LI},2026-06-01,0,,", "Row 3, paid_fen"),
        (f"x,{LI},2026-06-01,1e9,,", "Row 3, paid_yuan"),
        (f"x,{LI},yesterday,1,,", "Row 3, placed_at"),
        ("x,Li,2026-06-01,1,,", "Row 3, member"),
        (f",{LI},2026-06-01,1,,", "Row 3, order_id"),
        (f"a,{LI},2026-06-01,1,,", "Row 3, order_id: 'a' is in row 2"),
        (f"x,{LI},2026-06-01,1,,abc", "Row 3, gtins"),
        ("x", "Row 3: it has 1 columns"),
        (f'x,{LI},2026-06-01,1,"oops" no,', "Row 3: this is no CSV"),
    ],
)
def test_a_bad_row_refuses_the_whole_file_and_is_named(tx, now, per_yuan, row, says):
    content = f"{HEADER}\na,{LI},2026-06-01,1,,\n{row}\n".encode()
    with pytest.raises(BadOrderFile, match=says):
        orders.import_csv(tx, content, now=now)
    assert wallet.balance(tx, LI, now=now).available == 0


def test_a_stranger_and_somebody_erased_earn_nothing_and_are_named(tx, now, per_yuan):
    joined(tx, now, LI)
    tx.execute(insert(members).values(id=UUID(int=78), created_at=now, erased_at=now))
    rows = [f"o{at},{LI},2026-06-01,1,," for at in range(3)]
    for who in (UUID(int=77), UUID(int=78)):
        content = "\n".join([HEADER, *rows, f"x,{who},2026-06-01,1,,"]).encode()
        with pytest.raises(BadOrderFile, match="Row 5, member: nobody"), tx.begin_nested():
            orders.import_csv(tx, content, now=now)
    assert wallet.balance(tx, LI, now=now).available == 0


def test_another_encoding_and_another_header_are_named(tx, now):
    with pytest.raises(BadOrderFile, match="Row 2: save the file as UTF-8"):
        orders.import_csv(tx, f"{HEADER}\n茶".encode("gb18030"), now=now)
    with pytest.raises(BadOrderFile, match="Row 1: let the header be"):
        orders.import_csv(tx, b"id,member\n", now=now)


def test_a_birthday_is_rewarded_once_a_year_and_a_survey_once(tx, now):
    campaign(tx, now, "birthday", {"kind": "fixed", "points": 88})
    campaign(tx, now, "survey", {"kind": "fixed", "points": 20})
    born = datetime(2027, 6, 1, 9, tzinfo=now.tzinfo)
    for at in (1, 2, 3):
        tx.execute(insert(members).values(id=UUID(int=at), created_at=now))
    calendar.say_birthday(tx, LI, month=6, day=1, lunar=False, now=now)
    calendar.say_birthday(tx, UUID(int=2), month=4, day=27, lunar=True, now=now)  # 1 June 2027 by the lunar calendar.
    calendar.say_birthday(tx, UUID(int=3), month=6, day=1, lunar=False, now=born - timedelta(days=5))
    assert [occasions.reward_birthdays(tx, now=born) for _ in range(2)] == [2, 0]
    assert occasions.reward_birthdays(tx, now=born.replace(year=2028)) == 2  # Li again, and the third one.
    for _ in range(2):
        assert occasions.reward_survey(tx, LI, "taste", now=born).points == 20
    assert wallet.balance(tx, LI, now=born).available == 2 * 88 + 20
    assert wallet.balance(tx, UUID(int=3), now=born).available == 88
    assert check_invariants(tx) == []
