"""Keys: the same ones from a Vault as from anywhere, kept when it is sealed; seen in no log, table or traceback."""

import io
import logging
import pickle
import traceback
from itertools import product

import httpx
import pytest

from codegen import keys, runs
from codegen.key_providers import KeyServiceDenied, KeyServiceDown, VaultKeyProvider, open_provider
from codegen.keys import EnvironmentKeyProvider, EpochKeys, FileKeyProvider, KeyRing, MasterKeyUnusable
from codegen.wire import Foreign, Forged, Genuine, decode, encode_many
from foundation.errors import BadRequest
from foundation.observability import configure_logging
from foundation.settings import Secret, Settings
from tests.codegen import vault
from tests.codegen.plant import build
from tests.codegen.presses import KEYS, MASTER, PROVIDER, RUNS, WINE

INFO = keys.label("tag", 1, 3)


@pytest.fixture
def service():
    with vault.running() as one:
        yield one


def provider(service, *, token=vault.TOKEN, address="", timeout_s=5.0):
    base = service.address.split("/transit")[0]
    client = httpx.Client(base_url=base, timeout=timeout_s)
    return VaultKeyProvider(address or service.address, Secret(token), client=client, pause_s=0.01)


# --- Vault ----------------------------------------------------------------------------------------------------------


def test_a_derived_key_is_asked_for_once(service):
    first = provider(service)
    made = first.derive(INFO, 32)
    assert (len(made), first.derive(INFO, 32), service.asked) == (32, made, 1)
    assert provider(service).derive(INFO, 32) == made, "the same in every process"
    assert first.derive(keys.label("tag", 2, 3), 32) != made != first.derive(keys.label("permute", 1, 3), 32)


def test_codes_are_issued_and_judged_with_keys_from_vault(service, tx, now):
    plant, held = build(tx, now), provider(service)
    tx.exec_driver_sql("UPDATE epochs SET key_witness = NULL")
    keys.witness(tx, held)
    ring = keys.load_ring(tx, held)
    code = next(runs.export(plant.run, ring))
    assert isinstance(decode(code, keys=ring, runs=runs.load_index(tx)), Genuine)
    service.sealed = True
    assert keys.load_ring(tx, held).epoch(plant.run.epoch), "a sealed Vault stops nothing that runs"
    with pytest.raises(KeyServiceDown, match="sealed; unseal it"):
        keys.new_epoch(tx, brand_id=plant.brand_id, provider=held, now=now)


def test_a_throttled_or_slow_vault_is_asked_again(service):
    service.faults = [429, 502, 429]
    assert len(provider(service).derive(INFO, 32)) == 32
    service.faults = ["slow"]
    assert len(provider(service, timeout_s=0.3).derive(INFO, 32)) == 32


@pytest.mark.parametrize(
    ("faults", "error", "says"),
    [
        ([429] * 9, KeyServiceDown, "answers 429"),
        ([500], KeyServiceDown, "answers 500"),
        ([403], KeyServiceDenied, r"refuses the key onecode \(403\)"),
        (["nonsense"], KeyServiceDown, "something else than an HMAC"),
    ],
)
def test_what_vault_refuses_is_one_sentence(service, faults, error, says):
    service.faults = faults
    held = provider(service)
    with pytest.raises(error, match=says) as caught:
        held.derive(INFO, 32)
    assert vault.TOKEN not in "".join(traceback.format_exception(caught.value))
    service.faults = []
    assert len(held.derive(INFO, 32)) == 32, "nothing wrong was remembered"


def test_a_wrong_token_or_name_is_denied_and_a_silent_vault_is_down(service):
    with pytest.raises(KeyServiceDenied, match="403"):
        provider(service, token="guess").derive(INFO, 32)
    with pytest.raises(KeyServiceDenied, match="404"):
        provider(service, address=service.address + "x").derive(INFO, 32)
    gone = provider(service, address="http://127.0.0.1:9/transit/onecode", timeout_s=0.2)
    gone._client = httpx.Client(base_url="http://127.0.0.1:9", timeout=0.2)
    with pytest.raises(KeyServiceDown, match="does not answer"):
        gone.derive(INFO, 32)


# --- which provider -------------------------------------------------------------------------------------------------


def test_the_settings_name_the_provider(tmp_path):
    def chosen(**more):
        return open_provider(Settings.from_environment({"ONECODE_DATA_DIR": str(tmp_path)} | more))

    assert isinstance(chosen(), FileKeyProvider)
    assert isinstance(chosen(ONECODE_MASTER_KEY=MASTER.hex()), EnvironmentKeyProvider)
    assert isinstance(chosen(ONECODE_MASTER_KEY=MASTER.hex(), ONECODE_KEY_PROVIDER="file"), FileKeyProvider)
    at = {"ONECODE_KEY_PROVIDER": "vault:https://vault:8200/transit/onecode", "ONECODE_VAULT_TOKEN": vault.TOKEN}
    held = chosen(**at)
    assert repr(held) == "VaultKeyProvider(https://vault:8200, onecode, token ***)"
    for wrong in (
        {"ONECODE_KEY_PROVIDER": "environment"},
        at | {"ONECODE_VAULT_TOKEN": ""},
        at | {"ONECODE_KEY_PROVIDER": "vault:vault"},
        at | {"ONECODE_KEY_PROVIDER": "vault:https://v/x"},
    ):
        with pytest.raises(MasterKeyUnusable, match="ONECODE_"):
            chosen(**wrong)
    with pytest.raises(BadRequest, match="ONECODE_KEY_PROVIDER must be"):
        chosen(ONECODE_KEY_PROVIDER="aws")


# --- brands are apart -----------------------------------------------------------------------------------------------


def test_a_brands_keys_make_no_code_of_another_brand():
    run = next(one for one in RUNS if one.gtin == WINE)
    code = encode_many([run.first], keys=KEYS, gtin=WINE, host=run.host)[0]
    assert isinstance(decode(code, keys=KEYS, runs=RUNS), Genuine)
    assert isinstance(decode(code.replace("WINE.EXAMPLE", "ID.BRAND.CN"), keys=KEYS, runs=RUNS), Forged)
    ours = EpochKeys.derive(PROVIDER, brand_id=1, number=run.epoch)  # The same number, derived for the other brand.
    forged = encode_many([run.first], keys=KeyRing({}, [ours]), gtin=WINE, host=run.host)[0]
    assert isinstance(decode(forged, keys=KEYS, runs=RUNS), Forged)
    alone = KeyRing({"id.brand.cn": 1}, [ours])
    assert isinstance(decode(code, keys=alone, runs=RUNS), Foreign)


# --- seen nowhere ---------------------------------------------------------------------------------------------------


def secrets():
    derived = [PROVIDER.derive(keys.label(purpose, 1, 3), 32) for purpose in ("permute", "tag")]
    return [form for key in (MASTER, *derived) for form in (key.hex(), repr(key), str(list(key)), str(key)[2:-1])]


def silent(text):
    return [secret for secret in secrets() if secret in text] == []


def test_no_key_shows_in_a_traceback_that_prints_locals(tmp_path):
    path = tmp_path / "master.key"
    path.write_text(MASTER.hex())
    path.chmod(0o600)
    works = [
        lambda held: held.derive(b"x", 100_000),
        lambda held: EpochKeys.derive(held, brand_id=1, number="\ud800"),
    ]
    for held, work in product((PROVIDER, FileKeyProvider(path)), works):
        with pytest.raises(ValueError, match=r"encode|derive|larger") as caught:
            work(held)
        told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        said = "".join(told.format())
        assert "info = b'x'" in said or "number = " in said, "locals are printed"
        assert silent(said)


def test_a_bad_master_key_is_not_repeated(tmp_path):
    path, bad = tmp_path / "master.key", MASTER.hex()[:-2]
    path.write_text(bad)
    path.chmod(0o600)
    for work in (lambda: FileKeyProvider(path), lambda: EnvironmentKeyProvider(Secret(bad))):
        with pytest.raises(MasterKeyUnusable) as caught:
            work()
        assert bad not in "".join(traceback.format_exception(caught.value))


def test_no_key_shows_in_repr_pickle_or_log():
    stream = io.StringIO()
    before = logging.getLogger().handlers[:]
    try:
        configure_logging("debug", stream=stream)
        for thing in (PROVIDER, KEYS, KEYS.live[0], KEYS.live[0].tag, Secret(MASTER.hex())):
            logging.getLogger("x").error("%r %s", thing, thing)
    finally:
        logging.getLogger().handlers[:] = before
    assert stream.getvalue()
    assert silent(stream.getvalue())
    for thing in (PROVIDER, KEYS, KEYS.live[0]):
        with pytest.raises(TypeError, match="process"):
            pickle.dumps(thing)


def test_no_key_shows_in_a_table(tx, now):
    build(tx, now)
    tables = tx.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars().all()
    for table in tables:
        for row in tx.exec_driver_sql(f"SELECT CAST(t AS text) FROM {table} t").scalars():
            assert silent(row), table


def test_a_new_epoch_knows_its_master_key_at_once(tx, now):
    plant = build(tx, now)
    keys.new_epoch(tx, brand_id=plant.brand_id, provider=PROVIDER, now=now)
    assert keys.witness(tx, PROVIDER) == 0
    with pytest.raises(keys.MasterKeyChanged):
        keys.load_ring(tx, EnvironmentKeyProvider(Secret("ff" * 32)))
