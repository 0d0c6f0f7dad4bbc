"""FF1, CMAC and HKDF against the published samples; then our fast versions against the plain ones."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st

from codegen.keys import hkdf
from codegen.permute import Permutation
from codegen.tag import TagKey
from tests.codegen import reference_token as plain

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
FF1_KEY = "2B7E151628AED2A6ABF7158809CF4F3C EF4359D8D580AA4F 7F036D6F04FC6A94"
TEN, LONG = "39383736353433323130", "3737373770717273373737"
CMAC_MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
CMAC_128 = "2b7e151628aed2a6abf7158809cf4f3c"
CMAC_256 = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"


@pytest.mark.parametrize(
    ("sample", "key_bytes", "radix", "tweak", "clear", "hidden"),
    [
        (1, 16, 10, "", "0123456789", "2433477484"),
        (2, 16, 10, TEN, "0123456789", "6124200773"),
        (3, 16, 36, LONG, "0123456789abcdefghi", "a9tv40mll9kdu509eum"),
        (4, 24, 10, "", "0123456789", "2830668132"),
        (5, 24, 10, TEN, "0123456789", "2496655549"),
        (6, 24, 36, LONG, "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"),
        (7, 32, 10, "", "0123456789", "6657667009"),
        (8, 32, 10, TEN, "0123456789", "1001623463"),
        (9, 32, 36, LONG, "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
    ],
)
def test_the_plain_ff1_gives_nists_samples(sample, key_bytes, radix, tweak, clear, hidden):
    key, tweak = bytes.fromhex(FF1_KEY)[:key_bytes], bytes.fromhex(tweak)
    found = plain.ff1(key, radix, tweak, [DIGITS.index(digit) for digit in clear])
    assert "".join(DIGITS[digit] for digit in found) == hidden
    assert plain.ff1(key, radix, tweak, found, decrypt=True) == [DIGITS.index(digit) for digit in clear]


@pytest.mark.parametrize(
    ("key", "length", "tag"),
    [
        (CMAC_128, 0, "bb1d6929e95937287fa37d129b756746"),
        (CMAC_128, 16, "070a16b46b4d4144f79bdd9dd04a287c"),
        (CMAC_128, 40, "dfa66747de9ae63030ca32611497c827"),
        (CMAC_128, 64, "51f0bebf7e3b9d92fc49741779363cfe"),
        (CMAC_256, 16, "28a7023f452e8f82bd4bf28d8c37c35c"),
    ],
)
def test_the_plain_cmac_gives_the_samples_of_rfc_4493_and_sp_800_38b(key, length, tag):
    assert plain.cmac(bytes.fromhex(key), CMAC_MESSAGE[:length]).hex() == tag


def test_hkdf_gives_the_third_sample_of_rfc_5869():
    wanted = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    assert plain.hkdf(b"\x0b" * 22, b"", 42).hex() == wanted
    assert hkdf(b"\x0b" * 22, b"", 42).hex() == wanted


keys = st.binary(min_size=32, max_size=32)
indices = st.integers(0, (1 << 36) - 1)


@given(keys, st.lists(indices, min_size=1, max_size=20), st.integers(0, (1 << 32) - 1))
def test_the_fast_permutation_is_ff1(key, numbers, tweak):
    permutation, array = Permutation(key), np.array(numbers, dtype=np.uint64)
    hidden = permutation.hide(array, np.uint64(tweak))
    slow = plain.ff1(key, 2, tweak.to_bytes(4, "big"), plain.digits_of(numbers[0], 2, 36))
    assert int(hidden[0]) == plain.number_of(slow, 2)
    assert permutation.reveal(hidden, np.uint64(tweak)).tolist() == numbers
    assert [permutation.reveal_one(int(one), tweak) for one in hidden] == numbers


def test_a_tweak_for_each_row_is_the_same_as_one_for_all():
    permutation, array = Permutation(bytes(16)), np.arange(50, dtype=np.uint64)
    tweaks = np.arange(50, dtype=np.uint64) % np.uint64(3)
    together = permutation.hide(array, tweaks)
    for tweak in range(3):
        mine = tweaks == tweak
        assert together[mine].tolist() == permutation.hide(array[mine], np.uint64(tweak)).tolist()


def test_the_permutation_never_gives_two_items_one_number():
    hidden = Permutation(b"k" * 32).hide(np.arange(200_000, dtype=np.uint64), np.uint64(5))
    assert len(np.unique(hidden)) == 200_000
    assert int(hidden.max()) < 1 << 36
    assert not np.array_equal(np.sort(hidden), hidden)


@given(
    st.sampled_from([16, 32]).flatmap(lambda n: st.binary(min_size=n, max_size=n)), st.binary(min_size=16, max_size=16)
)
def test_the_fast_tag_is_cmac(key, block):
    library = CMAC(algorithms.AES(key))
    library.update(block)
    wanted = library.finalize()
    words = np.frombuffer(block, dtype=">u8").astype(np.uint64).reshape(1, 2)
    assert int(TagKey(key).tag(words)[0]).to_bytes(8, "big") == wanted[:8] == plain.cmac(key, block)[:8]
