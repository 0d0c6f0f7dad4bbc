"""What a code names: an item, the face of it that was printed, and the profile of the text. Pure.

An item number is `epoch << 36 | index`: below 2^60, so a bigint, and the items of one run are consecutive.
"""

from enum import IntEnum
from typing import NewType

ItemNumber = NewType("ItemNumber", int)

INDEX_BITS = 36
EPOCH_BITS = 24
INDICES = 1 << INDEX_BITS
EPOCHS = 1 << EPOCH_BITS


class Face(IntEnum):
    """OUTER is public: trace and verify. INNER hides under a cap or scratch layer: it claims."""

    OUTER = 0
    INNER = 1


class Profile(IntEnum):
    """STANDARD is a GS1 Digital Link with 20 characters; COMPACT a short path with 16, for caps."""

    STANDARD = 0
    COMPACT = 1


def item_number(epoch: int, index: int) -> ItemNumber:
    return ItemNumber(epoch << INDEX_BITS | index)


def epoch_of(item: int) -> int:
    return item >> INDEX_BITS


def tweak(profile: Profile, face: Face, epoch: int) -> int:
    """The permutation's 4-byte tweak: profile (bits 2-3) and face (bits 0-1) in the first byte, then the epoch."""
    return (profile << 2 | face) << EPOCH_BITS | epoch
