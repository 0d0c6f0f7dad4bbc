"""What a batch of scans costs the database: no more than six statements, however many scans and whatever they find."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event

from antifraud.decision import Params
from antifraud.location import from_report
from antifraud.signals import Attempt
from foundation import clock, ids
from foundation.database import Lane, transaction
from loyalty import members
from scan_api.codebook import Codebook
from scan_api.scanning import handle_scans
from tests.support.pools import announce
from tests.support.world import CITIES

MOST = 6


def attempt(text: str, member: UUID | None, city: str) -> Attempt:
    now, (lat, lon) = clock.now(), CITIES[city]
    return Attempt(
        ids.uuid7(now), text, f"phone-of-{member}", "203.0.113.7", member, from_report(lat, lon, 15, "gps"), True, now
    )


@pytest.fixture
def judge(world):
    """Judges a batch; returns the verdicts and how many statements it took."""
    codebook, lane, seen = Codebook(world.house.keys), Lane(world.house.engine), []
    event.listen(
        world.house.engine,
        "before_cursor_execute",
        lambda *call: seen.append(call[2]) if call[0].info.get("judge") else None,
    )

    def judged(attempts):
        with lane.transaction() as tx:
            tx.info["judge"] = True  # The API's own threads read now and then.
            seen.clear()
            results = handle_scans(tx, attempts, codebook=codebook, params=Params(), now=clock.now())
            return [one.answer["verdict"] for one in results], list(seen)

    yield judged
    lane.close()


def people(world, how_many):
    keys = members.MemberKeys(sealing=bytes(32), finding=bytes(range(32)))
    with transaction(world.house.engine) as tx:
        return [
            members.find_or_create(tx, phone=f"+8613900{n:06}", keys=keys, now=clock.now()) for n in range(how_many)
        ]


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_batch_costs_six_statements_whatever_its_size(world, judge, size):
    buyers, bottles = people(world, 8), world.factory.make_case(size + 1)
    judge([attempt(bottles[-1].text, buyers[0], "Chengdu")])  # Campaigns, keys and the lease are known from now on.
    said, statements = judge([attempt(one.text, buyers[n % 8], "Chengdu") for n, one in enumerate(bottles[:size])])
    assert said == ["genuine"] * size
    assert len(statements) <= MOST, "\n".join(" ".join(one.split())[:150] for one in statements)


def test_alerts_held_points_and_forgeries_cost_no_more(world, judge):
    buyers, bottles = people(world, 8), world.factory.make_case(9)
    judge([attempt(bottles[-1].text, buyers[0], "Chengdu")])
    judge([attempt(one.text, None, "Chengdu") for one in bottles[:8]])
    copies = [attempt(one.text, buyers[n], "Urumqi") for n, one in enumerate(bottles[:8])]
    forged = [attempt(one.forged(), buyers[n], "Guangzhou") for n, one in enumerate(bottles[:8])]
    said, statements = judge([scan for pair in zip(copies, forged, strict=True) for scan in pair])
    assert said == ["suspicious", "unknown"] * 8
    assert len(statements) <= MOST, "\n".join(" ".join(one.split())[:150] for one in statements)
    assert len(world.cases(code="CLN")) == 8


def test_a_prize_pool_costs_one_statement_more(world, judge):
    announce(world, ends_at=clock.now() + timedelta(hours=1))
    buyers, bottles = people(world, 8), world.factory.make_case(65)
    judge([attempt(bottles[-1].text, buyers[0], "Chengdu")])
    said, statements = judge([attempt(one.text, buyers[n % 8], "Chengdu") for n, one in enumerate(bottles[:64])])
    assert said == ["genuine"] * 64
    assert len(statements) <= MOST + 1, "\n".join(" ".join(one.split())[:150] for one in statements)
    assert sum("FOR NO KEY UPDATE OF p, z" in one for one in statements) == 1
