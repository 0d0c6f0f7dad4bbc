"""The token: the vectors, a second implementation, and what must never be accepted."""

import json
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.identity import Face, Profile, item_number
from codegen.keys import KeyRing, UnknownEpoch
from codegen.wire import Foreign, Forged, Genuine, Malformed, decode, decode_many, encode_many, encode_rows
from codegen.written import Written, read
from tests.codegen import make_vectors
from tests.codegen import reference_token as plain
from tests.codegen.presses import BRANDS, EPOCHS, KEYS, MASTER, RUNS, TEA, WATER

VECTORS = json.loads(make_vectors.PATH.read_text("utf-8"))
PRINTABLE = "".join(chr(code) for code in range(32, 127)) + "\n茶Ａｏıſ\u212a"


def test_the_vectors_are_what_the_code_makes_today():
    assert make_vectors.write() == make_vectors.PATH.read_text("utf-8")


@pytest.mark.parametrize("row", VECTORS["genuine"], ids=lambda row: row["desc"])
def test_genuine_codes(row):
    face, profile = Face[row["face"].upper()], Profile[row["profile"].upper()]
    token = decode(row["text"], keys=KEYS, runs=RUNS)
    assert token == Genuine(row["item"], face, profile, row["gtin"], RUNS.find(row["item"]))
    brand = EPOCHS[row["item"] >> 36]
    host = next(host for host, owner in BRANDS.items() if owner == brand)
    assert row["text"] == plain.url(
        MASTER, brand=brand, host=host, item=row["item"], gtin=row["gtin"], face=face, profile=profile
    )


@pytest.mark.parametrize("row", VECTORS["forgiven"], ids=lambda row: row["desc"])
def test_forgiven_spellings(row):
    token = decode(row["text"], keys=KEYS, runs=RUNS)
    assert isinstance(token, Genuine)
    assert token == decode(row["same_as"], keys=KEYS, runs=RUNS)


ALL_TEXTS = [row["text"] for kind in ("genuine", "forgiven", "refused") for row in VECTORS[kind]]
PIECES = [
    "/",
    "//",
    "?",
    "#",
    "-",
    " ",
    ":",
    ":80",
    ".",
    "01/",
    "/21/",
    "HTTPS://",
    "http://",
    "U",
    "O",
    "l",
    "\u3000",
    "Ａ",
    "\n",
]


def parted(text):
    """What the product reads, as the reference says it."""
    found = read(text)
    if not isinstance(found, Written):
        return None
    return found.host, found.gtin, int(found.profile), found.value


@pytest.mark.parametrize("text", ALL_TEXTS)
def test_a_second_reader_reads_the_vectors_alike(text):
    assert plain.parts(text) == parted(text)


@given(st.data())
def test_a_second_reader_reads_whatever_becomes_of_a_code_alike(data):
    text = data.draw(st.sampled_from(ALL_TEXTS))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(text)))
        gone = data.draw(st.integers(0, 3))
        text = text[:at] + data.draw(st.sampled_from(PIECES) | st.text(PRINTABLE, max_size=3)) + text[at + gone :]
    assert plain.parts(text) == parted(text)


@pytest.mark.parametrize("row", VECTORS["genuine"], ids=lambda row: row["desc"])
def test_a_second_judge_believes_a_genuine_serial_and_none_beside_it(row):
    number, epoch = plain.parts(row["text"])[3], row["item"] >> 36
    about = {"brand": EPOCHS[epoch], "epoch": epoch, "profile": Profile[row["profile"].upper()], "gtin": row["gtin"]}
    assert plain.judged(MASTER, **about, number=number) == (row["item"], Face[row["face"].upper()])
    assert plain.judged(MASTER, **about, number=number ^ 1) is None
    assert (
        plain.judged(MASTER, **about | {"gtin": "09506000134352" if row["gtin"] == TEA else TEA}, number=number) is None
    )


VERDICTS = {  # Written by hand, so that a change of mind in the code cannot rewrite what is refused.
    "last character changed": "forged", "the tag of another item": "forged", "moved to another product": "forged",
    "moved to another brand's host": "forged", "compact, last character changed": "forged",
    "a retired epoch": "forged", "good tag for a product the run is not of": "forged",
    "good tag, never issued: stolen key": "unissued",
    "good tag on a face this run does not print: stolen key": "unissued",
    "good tag in a profile the run does not print: stolen key": "unissued",
    "somebody else's link": "foreign", "somebody else's link to nothing in particular": "foreign",
}  # fmt: skip


@pytest.mark.parametrize("row", VECTORS["refused"], ids=lambda row: row["desc"])
def test_refused_texts(row):
    assert row["verdict"] == VERDICTS.get(row["desc"], "malformed")
    token = decode(row["text"], keys=KEYS, runs=RUNS)
    assert type(token).__name__.lower() == row["verdict"]
    assert {name: getattr(token, name) for name in ("item", "host", "reason", "at") if name in row} == {
        name: row[name] for name in ("item", "host", "reason", "at") if name in row
    }


def test_malformed_says_what_and_where():
    url = VECTORS["genuine"][0]["text"]
    assert decode("", keys=KEYS, runs=RUNS) == Malformed("empty", 0)
    assert decode(f"  {url[:-2]}U{url[-1]}", keys=KEYS, runs=RUNS) == Malformed("character", 2 + 59)
    assert decode(url.replace(TEA, TEA[:-1] + "3"), keys=KEYS, runs=RUNS) == Malformed("check-digit", 36)
    assert decode("ftp" + url[5:], keys=KEYS, runs=RUNS) == Malformed("scheme", 0)
    assert decode("HELLO", keys=KEYS, runs=RUNS) == Malformed("length", 0)
    assert decode("Https://Example.COM./x", keys=KEYS, runs=RUNS) == Foreign("example.com")


runs = st.sampled_from([run for run in RUNS if run.epoch != 16_777_215])


@given(runs.flatmap(lambda run: st.tuples(st.just(run), st.integers(0, run.count - 1), st.sampled_from(Face))))
def test_every_code_of_a_run_reads_back(drawn):
    run, offset, face = drawn
    face = min(face, run.claim_face)
    text = one(run, run.first + offset, face)
    assert decode(text, keys=KEYS, runs=RUNS) == Genuine(run.first + offset, face, run.profile, run.gtin, run)
    assert text == plain.url(
        MASTER,
        brand=run.brand_id,
        host=run.host,
        item=run.first + offset,
        gtin=run.gtin,
        face=face,
        profile=run.profile,
    )


@given(st.sampled_from(VECTORS["genuine"]), st.data())
def test_no_changed_character_passes(row, data):
    """A changed character is refused unless it is another spelling of the same one."""
    text = row["text"]
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(PRINTABLE))
    changed = text[:at] + other + text[at + 1 :]
    if spelling(changed) != spelling(text):
        assert not isinstance(decode(changed, keys=KEYS, runs=RUNS), Genuine), changed


def test_no_single_changed_character_of_a_whole_code_passes():
    for row in VECTORS["genuine"]:
        text = row["text"]
        changed = [
            text[:at] + other + text[at + 1 :]
            for at in range(len(text))
            for other in PRINTABLE
            if spelling(text[:at] + other + text[at + 1 :]) != spelling(text)
        ]
        tokens = decode_many(changed, keys=KEYS, runs=RUNS)
        assert [text for text, token in zip(changed, tokens, strict=True) if isinstance(token, Genuine)] == []


@given(st.text(max_size=200) | st.text(PRINTABLE + "/:.?#", max_size=80))
def test_decoding_never_raises(text):
    for candidate in (text, "https://id.brand.cn/" + text, f"https://id.brand.cn/01/{TEA}/21/{text}"):
        assert not isinstance(decode(candidate, keys=KEYS, runs=RUNS), Genuine)


@given(st.permutations([row["text"] for row in VECTORS["genuine"] + VECTORS["forgiven"] + VECTORS["refused"]]))
def test_a_batch_answers_in_order_as_one_by_one(texts):
    assert decode_many(texts, keys=KEYS, runs=RUNS) == [decode(text, keys=KEYS, runs=RUNS) for text in texts]


def test_a_retired_epoch_neither_makes_nor_passes():
    run = RUNS.find(item_number(16_777_215, 3))
    with pytest.raises(UnknownEpoch, match="is not live"):
        one(run, run.first, Face.OUTER)
    alive = KeyRing(BRANDS, KEYS._every.values())
    text = one(run, run.first, Face.OUTER, keys=alive)
    assert isinstance(decode(text, keys=alive, runs=RUNS), Genuine)
    assert decode(text, keys=KEYS, runs=RUNS) == Forged()


def test_faces_of_one_item_share_nothing_visible():
    run = RUNS.find(item_number(4, 7))
    outer, inner = one(run, run.first, Face.OUTER)[-20:], one(run, run.first, Face.INNER)[-20:]
    assert outer[:7] != inner[:7]
    assert outer[7:] != inner[7:]


def test_rows_are_the_strings_with_an_ending():
    run = RUNS.find(item_number(4, 5_000))
    items = np.arange(run.first, run.first + 1000, dtype=np.uint64)
    rows = encode_rows(items, keys=KEYS, gtin=WATER, host=run.host, profile=Profile.COMPACT, ending=b"\r\n")
    texts = encode_many(items, keys=KEYS, gtin=WATER, host=run.host, profile=Profile.COMPACT)
    assert rows.tobytes().decode().split("\r\n")[:-1] == texts
    assert len(set(texts)) == 1000


def test_items_of_two_epochs_are_not_one_order():
    items = np.array([item_number(3, 0), item_number(4, 0)], dtype=np.uint64)
    with pytest.raises(ValueError, match="several epochs"):
        encode_many(items, keys=KEYS, gtin=TEA, host="id.brand.cn")
    assert encode_many(items[:0], keys=KEYS, gtin=TEA, host="id.brand.cn") == []


def test_threads_share_keys_without_mixing_answers():
    texts = [row["text"] for row in VECTORS["genuine"]] * 20
    wanted, wrong = decode_many(texts, keys=KEYS, runs=RUNS), []
    barrier = threading.Barrier(6)

    def judge() -> None:
        barrier.wait()
        for _ in range(30):
            if decode_many(texts, keys=KEYS, runs=RUNS) != wanted:
                wrong.append(1)

    threads = [threading.Thread(target=judge) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def one(run, item, face, keys=KEYS) -> str:
    items = np.array([item], dtype=np.uint64)
    return encode_many(items, keys=keys, gtin=run.gtin, host=run.host, face=face, profile=run.profile)[0]


def spelling(text: str) -> str:
    """What all allowed spellings of a code have in common."""
    narrow = "".join(chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else c for c in text)
    upper = "".join(c.upper() if c.isascii() else c for c in narrow)
    head, _, tail = upper.rpartition("/")
    return head + "/" + tail.replace("O", "0").replace("I", "1").replace("L", "1")
