"""Prefixes a brand hands to another resolver: the spelling of one, and which of them a GTIN stands under. Pure.

`/01/6901234*` means every GTIN with the GS1 prefix 6901234 behind its indicator digit, whatever that digit is. On such
an anchor hangs `gs1:handledBy` and nothing else: the address is the root of the resolver that knows more, and a request
goes there whole. GS1-Conformant Resolver 1.2.0, section 2.10.
"""

import re

from codegen.digital_link import DigitalLink

LINK_TYPE = "handledBy"
_SHORTEST, _LONGEST = 4, 12
_PREFIX = re.compile(rf"/?01/([0-9]{{{_SHORTEST},{_LONGEST}}})\*", re.ASCII)
_ROOT = re.compile(r"https://([a-z0-9.-]+)(:[0-9]{1,5})?(/[^?#]*)?", re.ASCII | re.IGNORECASE)


def prefix_of(anchor: str) -> str | None:
    """`6901234` of `/01/6901234*`; None for any other anchor."""
    found = _PREFIX.fullmatch(anchor.strip())
    return found[1] if found else None


def anchor_of(prefix: str) -> str:
    return f"/01/{prefix}*"


def anchors(link: DigitalLink) -> list[str]:
    """The prefixes its GTIN stands under, the longest first; none for another key."""
    ai, gtin = link.key
    if ai != "01":
        return []
    return [anchor_of(gtin[1 : 1 + length]) for length in range(_LONGEST, _SHORTEST - 1, -1)]


def host_of(root: str) -> str | None:
    """The host of a resolver's root in lower case; None for an address that is no root, such as one with a query."""
    found = _ROOT.fullmatch(root)
    return found[1].lower() if found else None


def address(root: str, link: DigitalLink) -> str:
    """The same request at the delegate, uncompressed and with its whole query."""
    return root.rstrip("/") + str(link).removeprefix(link.stem)
