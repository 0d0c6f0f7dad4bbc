"""What a plant gets opens with its own tools and holds every code once; keys that are none, files that were touched."""

import json
import subprocess
from datetime import UTC, datetime

import pyrage
import pytest

from codegen import canaries, keys, manifests, package_files, packages, receivers, runs
from codegen.identity import Face, Profile
from codegen.wire import Genuine, decode_many
from tests.codegen import plants
from tests.codegen.plant import build
from tests.codegen.presses import PROVIDER, TEA

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PRESSES = {"rsa": plants.cms(NOW), "ec": plants.cms(NOW, curve=True), "age": plants.age()}


def ordered(tx, plant, press, *, name="Plant", first=1, last=None, **form):
    receiver = receivers.register(
        tx, brand_id=plant.brand_id, name=name, key=receivers.read_key(press.public, now=plant.now), by="Li",
        now=plant.now,
    )  # fmt: skip
    run = form.pop("run", plant.run)
    asked = packages.request(
        tx, run=run, receiver=receiver, by="Li", first=first, last=last, now=plant.now, **form
    )  # fmt: skip
    packages.approve(tx, asked.id, by="Wang", now=plant.now)
    return asked.id, packages.prepare(tx, asked.id, provider=PROVIDER, by="Wang", now=plant.now)


@pytest.mark.parametrize(
    ("press", "form", "compression"), [("rsa", "text", "zstd"), ("ec", "csv", "gzip"), ("age", "text", "gzip")]
)
def test_a_plant_opens_its_package_and_finds_every_code_once(tx, now, tmp_path, press, form, compression):
    plant = build(tx, now)
    _, order = ordered(tx, plant, PRESSES[press], first=11, form=form, compression=compression)
    heard = []
    ring, index = keys.load_ring(tx, PROVIDER), runs.load_index(tx)
    path = tmp_path / ("p" + "".join(package_files.ENDINGS[word] for word in (form, compression, order.keys[0].method)))
    written = package_files.write(path, order, ring, progress=heard.append)
    assert path.stat().st_size == written.file_bytes
    text = PRESSES[press].opens(path, tmp_path)
    assert len(text) == written.codes_bytes
    lines = text.decode().splitlines()
    if form == "csv":
        assert lines.pop(0) == "line,code"
        assert [int(line.split(",")[0]) for line in lines] == list(range(1, len(lines) + 1))
        lines = [line.split(",")[1] for line in lines]
    assert heard == [len(lines)] == [order.n_lines]
    tokens = decode_many(lines, keys=ring, runs=index)
    assert all(isinstance(token, Genuine) for token in tokens)
    ours = [token.item for at, token in enumerate(tokens, 1) if at not in order.lines]
    assert ours == list(range(plant.run.first + 10, plant.run.end))
    strange = [tokens[at - 1].item for at in order.lines]
    assert strange == list(range(order.canaries.first, order.canaries.end))
    assert len({len(line) for line in lines}) == 1, "nothing in its look gives a canary away"
    stranger = plants.age() if press == "age" else plants.cms(NOW, curve=True)
    with pytest.raises((pyrage.DecryptError, subprocess.CalledProcessError)):
        stranger.opens(path, tmp_path)


def test_inner_codes_of_a_compact_run_can_be_packed(tx, now, tmp_path):
    plant = build(tx, now)
    run = runs.issue(
        tx, brand_id=plant.brand_id, gtin=TEA, count=70_000, order_id="caps", profile=Profile.COMPACT, inner=True,
        lot="L7", now=now,
    )  # fmt: skip
    _, order = ordered(tx, plant, PRESSES["age"], run=run, face=Face.INNER)
    assert order.canaries.lot == "L7"
    path = tmp_path / "p.txt.zst.age"
    package_files.write(path, order, keys.load_ring(tx, PROVIDER))
    lines = PRESSES["age"].opens(path, tmp_path).decode().splitlines()
    tokens = decode_many(lines, keys=keys.load_ring(tx, PROVIDER), runs=runs.load_index(tx))
    assert {(token.face, token.profile) for token in tokens} == {(Face.INNER, Profile.COMPACT)}
    assert len({token.item for token in tokens}) == 70_000 + canaries.CANARIES


def test_a_package_for_two_keys_opens_with_either(tx, now, tmp_path):
    plant, second = build(tx, now), plants.cms(NOW, curve=True)
    receivers.register(
        tx, brand_id=plant.brand_id, name="Plant", key=receivers.read_key(second.public, now=now), by="Li", now=now
    )
    _, order = ordered(tx, plant, PRESSES["rsa"], last=100)
    assert len(order.keys) == 2
    path = tmp_path / "p.txt.zst.cms"
    package_files.write(path, order, keys.load_ring(tx, PROVIDER))
    assert PRESSES["rsa"].opens(path, tmp_path) == second.opens(path, tmp_path)


def test_each_hand_over_has_canaries_of_its_own(tx, now):
    plant = build(tx, now)
    (_, one), (_, two) = (
        ordered(tx, plant, PRESSES["age"], name=name, first=first, last=first + 4999)
        for name, first in (("A", 1), ("B", 5001))
    )
    assert one.canaries != two.canaries
    known = canaries.load(tx)
    assert {known[item].receiver for item in range(one.canaries.first, one.canaries.end)} == {"A"}
    assert {known[item].receiver for item in range(two.canaries.first, two.canaries.end)} == {"B"}
    assert [found.receiver for found in canaries.among(known, [plant.run.first, two.canaries.first])] == ["B"]
    assert [listed.run for listed in runs.list_runs(tx)] == [plant.run], "canaries are no orders"


@pytest.mark.parametrize("press", ["rsa", "age"])
def test_a_full_disk_leaves_nothing(tx, now, tmp_path, press):
    plant = build(tx, now)
    _, order = ordered(tx, plant, PRESSES[press])
    path = tmp_path / "p"
    path.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space"):
        package_files.write(path, order, keys.load_ring(tx, PROVIDER))
    assert list(tmp_path.iterdir()) in ([], [tmp_path / "plant.pem"])


def test_a_missing_openssl_is_said(tx, now, tmp_path, monkeypatch):
    plant = build(tx, now)
    _, order = ordered(tx, plant, PRESSES["rsa"], last=10)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(package_files.CannotEncrypt, match="openssl is not installed"):
        package_files.write(tmp_path / "p", order, keys.load_ring(tx, PROVIDER))
    assert list(tmp_path.iterdir()) == []


# --- keys that are none ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "empty"),
        ("hello there", "11 characters of something else"),
        (PRESSES["rsa"].secret, "a private key, which must stay with its owner"),
        (PRESSES["age"].secret, "a private key"),
        ("ssh-ed25519 AAAA plant", "an SSH key"),
        ("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----", "a PEM block of kind 'PUBLIC KEY'"),
        (PRESSES["rsa"].public[:300], "cut or damaged"),
        (PRESSES["age"].public[:-3], "not whole"),
        (PRESSES["age"].public[:-1] + ("q" if PRESSES["age"].public[-1] != "q" else "p"), "not whole"),
        (plants.small_certificate(NOW), "1024 bits"),
        (plants.expired_certificate(NOW), "valid from 2026-05-02 to 2026-05-12 only"),
        (plants.ed25519_certificate(NOW), "of kind Ed25519"),
    ],
    ids=[
        "nothing", "words", "private PEM", "age identity", "SSH", "bare PEM", "cut certificate", "cut recipient",
        "mistyped recipient", "short RSA", "expired", "signing only",
    ],
)  # fmt: skip
def test_a_key_that_is_not_one_is_refused_with_what_was_found(given, says):
    with pytest.raises(receivers.NotAPublicKey, match=says) as caught:
        receivers.read_key(given, now=NOW)
    assert PRESSES["rsa"].secret[40:80] not in caught.value.detail


# --- the manifest ---------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(tmp_path):
    file = tmp_path / "package-1.txt.zst.age"
    file.write_bytes(b"sealed" * 100)
    content = {
        "package": 1,
        "count": 10,
        "file": {"name": file.name, "bytes": 600, "sha256": manifests.digest(file)},
        "codes": {"lines": 15, "sha256": "00" * 32},
    }
    return file, manifests.sign(content, PROVIDER)


def faults(file, manifest, key=None, **more):
    checking = manifests.read_public_key(key or manifests.public_key(PROVIDER))
    return [
        fault.at for fault in manifests.check(file, manifests.read(json.dumps(manifest).encode()), checking, **more)
    ]


def test_a_whole_package_has_no_fault(sent, tmp_path):
    file, manifest = sent
    assert faults(file, manifest) == []
    codes = tmp_path / "codes.txt"
    codes.write_text("others")
    assert faults(file, manifest, codes=codes) == ["codes"]


def test_a_touched_package_is_told_at_what(sent):
    file, manifest = sent
    whole = file.read_bytes()
    for body, wrong in ((whole[:-1], "size"), (whole + b"x", "size"), (b"S" + whole[1:], "hash"), (b"", "size")):
        file.write_bytes(body)
        assert faults(file, manifest) == [wrong]
    file.write_bytes(whole)
    other = manifests.public_key(keys.EnvironmentKeyProvider(keys.Secret("ab" * 32)))
    assert faults(file, manifest, other) == ["signature"]
    for altered in (
        manifest | {"count": 11},
        manifest | {"extra": 1},
        manifest | {"signature": ""},
        manifest | {"signature": 7},
        {name: value for name, value in manifest.items() if name != "signature"},
        manifest | {"count": 1 << 60},
    ):
        assert faults(file, altered) == ["signature"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "line 1, column 1"),
        (b'{"format": "onecode package 1",', "column 32"),
        (b"\xff", "byte 0"),
        (b"[]", "not of format"),
        (b'{"format": "onecode package 2"}', "not of format"),
        (b'{"format": "onecode package 1"}', "no file.bytes"),
        (b'{"format": "onecode package 1", "file": {"bytes": true}}', "no file.bytes"),
        (b"[" * 100_000, "nested|not whole"),
    ],
)
def test_a_manifest_that_is_none_says_where(text, says):
    with pytest.raises(manifests.NotAManifest, match=says):
        manifests.read(text)


@pytest.mark.parametrize("key", ["", "ed25519:", "ed25519:!!", "ed25519:" + "A" * 42, "rsa:" + "A" * 43, "A" * 43])
def test_a_public_key_that_is_none_is_refused(key):
    with pytest.raises(manifests.NotASigningKey, match="onecode keys public"):
        manifests.read_public_key(key)
