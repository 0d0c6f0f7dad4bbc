"""Where we may be told to send: the open internet over TLS, and nothing inside our own walls.

A name is looked up once and the connection goes to the address that was checked, so a name that changes its mind
between the check and the call (DNS rebinding) gains nothing.
"""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from foundation.errors import BadRequest

NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(BadRequest):
    """The address is malformed, not https, or leads to a private network."""

    type = "address-refused"


@dataclass(frozen=True, slots=True)
class Target:
    """host and port as written, and the address to connect to."""

    scheme: str
    host: str
    port: int
    address: str
    path: str


def check(url: str, *, private: bool) -> SplitResult:
    """What can be known of an address without asking anyone. Raises AddressRefused."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("This is not an address; write it as https://example.cn/path.") from None
    odd = any(not "\x21" <= char <= "\x7e" for char in url) or len(url) > 2000
    if odd or parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        raise AddressRefused("This is not an address; write it as https://example.cn/path.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise AddressRefused("Leave user, password and fragment out of the address.")
    if parts.scheme == "http" and not private:
        raise AddressRefused("The address must begin with https://.")
    if not private and _is_literal(parts.hostname) and not is_public(parts.hostname):
        raise AddressRefused("The address leads to a private network.")
    return parts


async def resolve(url: str, *, private: bool) -> Target:
    """Look the name up and refuse it unless every address is public. Raises AddressRefused, OSError."""
    parts = check(url, private=private)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(one[4][0]) for one in found]
    if not addresses or not (private or all(is_public(address) for address in addresses)):
        raise AddressRefused("The address leads to a private network.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, addresses[0], path)


def is_public(address: str) -> bool:
    """Whether an IP address is reachable on the open internet, also when an IPv4 one hides inside an IPv6 one."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if inner is None and parsed in NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return parsed.is_global and not parsed.is_multicast


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
