"""The symbol of a run: version, level and mask, settled with the order and stored, so that all of it can be made again.

A mask of its own for each symbol is what ISO/IEC 18004 asks of an encoder; one mask for the run reads as well
everywhere, because the format bits name it, and is made sixty times as fast. It is that of lowest mean penalty.
"""

from dataclasses import dataclass
from typing import Literal

from codegen import qr, qr_masks
from codegen.qr import Encoder, Letters, Words


@dataclass(frozen=True, slots=True)
class RunSymbol:
    """What is printed. mask None: each symbol has its own of lowest penalty."""

    version: int
    level: str
    mask: int | None

    def encoder(self, prefix: str, letters: int) -> Encoder:
        return qr.encoder(prefix, letters, version=self.version, level=self.level)

    def draw(self, encoder: Encoder, texts: Letters) -> Words:
        """(n, words) packed symbols of (n, characters) texts."""
        if self.mask is None:
            return qr_masks.encode_best(encoder, texts)[0]
        return encoder.encode(texts, self.mask)


@dataclass(frozen=True, slots=True)
class SymbolWish:
    """What an order says of its symbol. None: ours to choose; the mask "auto": each symbol its own."""

    version: int | None = None
    level: str = "M"
    mask: int | Literal["auto"] | None = None

    def settle(self, prefix: str, letters: int) -> RunSymbol:
        """Raises UnknownLevel, BadMask, and DoesNotFit, which names the version the text would need."""
        level = qr.check_level(self.level)
        needed = qr.version_for(len(prefix) + letters, level)
        version = self.version or needed
        if not needed <= version <= qr.MAX_VERSION:
            raise qr.DoesNotFit(
                f"A code of {len(prefix) + letters} characters does not fit QR version {version}-{level};"
                f" use version {needed} to {qr.MAX_VERSION}, a shorter host or the compact profile."
            )
        if self.mask == "auto":
            return RunSymbol(version, level, None)
        mask = self.mask
        if mask is None:
            mask = qr_masks.mask_for(prefix, letters, version=version, level=level)
        return RunSymbol(version, level, qr_masks.check_mask(mask))

    def allows(self, made: RunSymbol) -> bool:
        """Whether an order with this wish may be the one that made the run."""
        wished = made.mask if self.mask is None else None if self.mask == "auto" else self.mask
        return self.version in (None, made.version) and self.level.upper() == made.level and wished == made.mask


def wish(*, version: int | None = None, level: str = "M", mask: str = "") -> SymbolWish:
    """The wish as typed; mask: empty, auto, or 0 to 7. Raises UnknownLevel, BadMask."""
    typed: int | Literal["auto"] | None
    if mask == "auto":
        typed = "auto"
    elif not mask:
        typed = None
    elif mask.isdecimal():
        typed = qr_masks.check_mask(int(mask))
    else:
        raise qr_masks.BadMask(f"There is no mask {mask!r}; use 0 to 7, or auto for each symbol its own.")
    return SymbolWish(version, qr.check_level(level), typed)
