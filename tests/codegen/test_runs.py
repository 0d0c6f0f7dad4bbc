"""Issuing: a range of numbers per order, exactly once, refused in one sentence where it cannot be."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import text

from codegen import brands, keys, run_symbol, runs, spans
from codegen.gs1 import WrongCheckDigit
from codegen.identity import INDICES, Face, Profile, item_number
from codegen.qr import DoesNotFit, UnknownLevel
from codegen.qr_masks import BadMask, mask_for
from codegen.wire import Forged, Genuine, Unissued, decode, decode_many, prefix
from tests.codegen.plant import build, committed, race
from tests.codegen.presses import PROVIDER, TEA, WINE


def order(plant, tx, count=100, order_id="PO-2", gtin=TEA, **more):
    return runs.issue(tx, brand_id=plant.brand_id, gtin=gtin, count=count, order_id=order_id, now=plant.now, **more)


def test_a_run_owns_the_next_numbers_and_no_row_per_code(tx, now):
    plant = build(tx, now)
    assert plant.run.first == item_number(plant.run.epoch, 0)
    second = order(plant, tx, 1_000_000_000, profile=Profile.COMPACT, inner=True, produced_on=date(2026, 6, 1))
    assert second.first == plant.run.end
    assert (second.count, second.claim_face, second.product_zh) == (1_000_000_000, Face.INNER, "云雾绿茶")
    index = runs.load_index(tx)
    assert index.find(plant.run.end - 1) == plant.run
    assert index.find(second.first) == index.find(second.end - 1) == index.get(second.id) == second
    assert index.find(second.end) is index.find(plant.run.first - 1) is None
    assert [listed.run for listed in runs.list_runs(tx)] == [second, plant.run]
    assert [listed.symbol.version for listed in runs.list_runs(tx)] == [2, 3]


def test_a_long_host_needs_a_larger_symbol(tx, now):
    plant = build(tx, now, host="a-rather-long-host.brand.example.cn")
    assert runs.list_runs(tx)[0].symbol.version == 4
    longest = ".".join(["a" * 31, "b" * 31])
    assert build_brand(tx, now, longest).host == longest
    for host in (longest + "c", "", "-a.cn", "a..cn", "a_b.cn", "a.cn/x", "茶.cn", "a.cn:80"):
        with pytest.raises(brands.BadHost):
            build_brand(tx, now, host)
    assert plant.run.host == "a-rather-long-host.brand.example.cn"


def build_brand(tx, now, host):
    return runs.add_brand(tx, name=f"brand at {host}", host=host, now=now)


def test_brand_and_product_names_are_kept_apart(tx, now):
    plant = build(tx, now)
    for name, host in (("Cloud Mist", "other.cn"), ("Other", "ID.BRAND.CN")):
        with pytest.raises(brands.BrandExists):
            runs.add_brand(tx, name=name, host=host, now=now)
    same = {"brand_id": plant.brand_id, "gtin": TEA[1:], "name_zh": "云雾绿茶", "name_en": "Cloud mist tea", "now": now}
    assert runs.add_product(tx, **same) == TEA
    with pytest.raises(brands.ProductExists, match="云雾绿茶"):
        runs.add_product(tx, **same | {"name_zh": "红茶"})
    with pytest.raises(WrongCheckDigit):
        runs.add_product(tx, **same | {"gtin": TEA[:-1] + "3"})
    with pytest.raises(keys.UnknownBrand):
        runs.add_product(tx, **same | {"brand_id": 999})


def test_the_same_order_is_the_same_run_and_other_content_is_refused(tx, now):
    plant = build(tx, now)
    expires = now + timedelta(days=365)
    made = order(plant, tx, 100, expires_at=expires)
    assert order(plant, tx, 100, expires_at=expires) == made
    for other in ({"count": 101}, {"inner": True}, {"profile": Profile.COMPACT}, {"produced_on": date(2026, 1, 1)}):
        with pytest.raises(runs.OrderReused, match="PO-2"):
            order(plant, tx, **{"count": 100, "expires_at": expires} | other)
    assert len(runs.load_index(tx)) == 2


def test_the_symbol_is_settled_with_the_order_and_stored(tx, now):
    plant = build(tx, now)
    start = prefix(gtin=TEA, host=plant.run.host)
    ours = runs.find_run(tx, plant.run.id).symbol
    assert ours == runs.RunSymbol(3, "M", mask_for(start, 20, version=3))
    wishes = {
        "PO-2": (runs.SymbolWish(level="q"), runs.RunSymbol(4, "Q", mask_for(start, 20, version=4, level="Q"))),
        "PO-3": (runs.SymbolWish(version=5, level="H", mask=6), runs.RunSymbol(5, "H", 6)),
        "PO-4": (runs.SymbolWish(mask="auto"), runs.RunSymbol(3, "M", None)),
    }
    for order_id, (wish, stored) in wishes.items():
        made = order(plant, tx, order_id=order_id, symbol=wish)
        assert runs.find_run(tx, made.id).symbol == stored
        assert order(plant, tx, order_id=order_id, symbol=wish) == made
        with pytest.raises(runs.OrderReused):
            order(plant, tx, order_id=order_id, symbol=runs.SymbolWish(level="L"))
    with pytest.raises(runs.UnknownRun):
        runs.find_run(tx, 999_999)


def test_a_symbol_that_cannot_hold_the_code_is_refused_and_says_which_would(tx, now):
    plant = build(tx, now, host="a-rather-long-host.brand.example.cn")
    for wish, error, says in (
        (runs.SymbolWish(version=3), DoesNotFit, "85 characters does not fit QR version 3-M; use version 4 to 10"),
        (runs.SymbolWish(version=4, level="H"), DoesNotFit, "use version 7"),
        (runs.SymbolWish(level="X"), UnknownLevel, "use L, M, Q or H"),
        (runs.SymbolWish(mask=8), BadMask, "use 0 to 7"),
    ):
        with pytest.raises(error, match=says):
            order(plant, tx, symbol=wish)
    assert order(plant, tx).first == plant.run.end


@pytest.mark.parametrize("typed", ["8", "-1", "x"])
def test_a_mask_that_is_none_is_named(typed):
    with pytest.raises(BadMask, match=typed):
        run_symbol.wish(mask=typed)
    assert [run_symbol.wish(mask=mask).mask for mask in ("", "auto", "7")] == [None, "auto", 7]


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"count": 0}, runs.BadCount, "at least one item, not 0"),
        ({"count": -5}, runs.BadCount, "not -5"),
        ({"gtin": TEA[:-1] + "3"}, WrongCheckDigit, "must be 2"),
        ({"gtin": WINE}, runs.UnknownProduct, WINE),
        ({"order_id": "  "}, runs.BadOrder, "1 to 200"),
        ({"expires_at": datetime(2027, 1, 1)}, runs.BadOrder, "time zone"),  # noqa: DTZ001
        ({"count": INDICES + 1}, runs.EpochFull, "split"),
        ({"count": INDICES - 9_999}, runs.EpochFull, "68,719,466,736 numbers left"),
    ],
)
def test_what_cannot_be_issued_says_why_and_takes_no_number(tx, now, wrong, error, says):
    plant = build(tx, now)
    with pytest.raises(error, match=says):
        order(plant, tx, **wrong)
    assert order(plant, tx).first == plant.run.end


def test_the_last_number_of_an_epoch_can_be_issued(tx, now):
    plant = build(tx, now)
    rest = order(plant, tx, INDICES - 10_000)
    assert rest.end == item_number(plant.run.epoch + 1, 0)
    with pytest.raises(runs.EpochFull, match="has 0 numbers left") as caught:
        order(plant, tx, 1, "PO-3")
    assert caught.value.members == {"remaining": 0}
    epoch = keys.new_epoch(tx, brand_id=plant.brand_id, now=now)
    assert order(plant, tx, 1, "PO-3").first == item_number(epoch, 0)


def test_exported_codes_are_genuine_and_nothing_else_is(tx, now):
    plant = build(tx, now, inner=True)
    run = order(plant, tx, 70_000, inner=True)
    ring, index = keys.load_ring(tx, PROVIDER), runs.load_index(tx)
    outer = list(runs.export(run, ring))
    inner = list(runs.export(run, ring, Face.INNER))
    assert len(set(outer + inner)) == 140_000
    for face, texts in ((Face.OUTER, outer), (Face.INNER, inner)):
        tokens = decode_many(texts[:100] + texts[-100:], keys=ring, runs=index)
        wanted = [*range(run.first, run.first + 100), *range(run.end - 100, run.end)]
        assert tokens == [Genuine(item, face, Profile.STANDARD, TEA, run) for item in wanted]
    assert isinstance(decode(outer[0], keys=ring, runs=runs.RunIndex([plant.run])), Unissued)


def test_a_run_without_inner_faces_exports_none(tx, now):
    plant = build(tx, now)
    with pytest.raises(runs.NoInnerFace):
        next(runs.export(plant.run, keys.load_ring(tx, PROVIDER), Face.INNER))


def test_a_closed_run_commissions_nothing_more(tx, now):
    plant = build(tx, now)
    plant.commission(tx, (0, 10))
    runs.close(tx, plant.run.id, now)
    runs.close(tx, plant.run.id, now + timedelta(days=1))
    assert runs.list_runs(tx)[0].closed_at == now
    refused = plant.commission(tx, (5, 20)).refused
    assert refused == (spans.Refusal(plant.run.first + 5, plant.run.first + 20, "run-closed"),)
    with pytest.raises(runs.UnknownRun):
        runs.close(tx, 999_999, now)


# --- keys -----------------------------------------------------------------------------------------------------------


def test_the_first_epoch_of_a_brand_remembers_its_master_key(tx, now):
    runs.add_brand(tx, name="B", host="b.cn", provider=PROVIDER, now=now)
    assert keys.witness(tx, PROVIDER) == 0, "nothing was left to be written down"
    with pytest.raises(keys.MasterKeyChanged):
        keys.load_ring(tx, keys.EnvironmentKeyProvider(keys.Secret("cd" * 32)))


def test_rotation_keeps_old_codes_and_retiring_ends_them(tx, now):
    plant = build(tx, now)
    old = next(runs.export(plant.run, keys.load_ring(tx, PROVIDER)))
    epoch = keys.new_epoch(tx, brand_id=plant.brand_id, now=now)
    assert keys.witness(tx, PROVIDER) == 1
    assert keys.witness(tx, PROVIDER) == 0
    run = order(plant, tx)
    assert run.epoch == epoch
    ring, index = keys.load_ring(tx, PROVIDER), runs.load_index(tx)
    new = next(runs.export(run, ring))
    assert [type(t) for t in decode_many([old, new], keys=ring, runs=index)] == [Genuine, Genuine]
    keys.retire(tx, plant.run.epoch, now=now)
    ring = keys.load_ring(tx, PROVIDER)
    assert [type(t) for t in decode_many([old, new], keys=ring, runs=index)] == [Forged, Genuine]
    with pytest.raises(keys.LastEpoch):
        keys.retire(tx, epoch, now=now)
    with pytest.raises(keys.UnknownEpoch):
        keys.retire(tx, 9_999, now=now)


def test_another_master_key_is_noticed_before_it_calls_everything_forged(tx, now):
    build(tx, now)
    other = keys.EnvironmentKeyProvider(keys.Secret("ff" * 32))
    with pytest.raises(keys.MasterKeyChanged, match="restore the old one"):
        keys.load_ring(tx, other)


def test_a_key_file_is_made_once_and_kept_private(tmp_path):
    path = tmp_path / "deep" / "master.key"
    made = keys.FileKeyProvider.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.FileKeyProvider.create(path).derive(b"x", 32) == made.derive(b"x", 32) != made.derive(b"y", 32)
    assert list(path.parent.iterdir()) == [path]
    path.chmod(0o640)
    with pytest.raises(keys.MasterKeyUnusable, match="chmod 600"):
        keys.FileKeyProvider(path)
    path.chmod(0o600)
    path.write_text("12")
    with pytest.raises(keys.MasterKeyUnusable, match="64 hexadecimal"):
        keys.FileKeyProvider(path)
    with pytest.raises(keys.MasterKeyUnusable, match="cannot be read"):
        keys.FileKeyProvider(tmp_path / "none")


# --- races ----------------------------------------------------------------------------------------------------------


def test_two_issues_of_one_order_make_one_run(database, now):
    with committed(database, now) as plant:
        answers = race(database, *[lambda tx: order(plant, tx)] * 6)
        assert len(set(answers)) == 1
        with database.connect() as connection:
            assert connection.execute(text("SELECT count(*), sum(next_index) FROM runs, epochs")).one() == (2, 20_200)


def test_two_issues_of_one_order_with_other_content_make_one_run(database, now):
    with committed(database, now) as plant:
        answers = race(database, *[lambda tx, n=n: order(plant, tx, n) for n in (10, 20)])
        assert sorted(type(answer).__name__ for answer in answers) == ["OrderReused", "Run"]


def test_issues_of_different_orders_never_share_a_number(database, now):
    with committed(database, now) as plant:
        made = race(database, *[lambda tx, n=n: order(plant, tx, n + 1, f"PO-{n + 2}") for n in range(8)])
        made.sort(key=lambda run: run.first)
        assert made[0].first == plant.run.end
        assert all(before.end == after.first for before, after in pairwise(made))


def test_two_new_brands_of_one_name_make_one(database, now):
    answers = race(database, *[lambda tx: runs.add_brand(tx, name="A", host="a.cn", now=now)] * 4)
    assert sorted(type(answer).__name__ for answer in answers) == ["Brand", *["BrandExists"] * 3]
