"""Little address files in the two formats brands supply, written by their published layouts.

MaxMind DB file format 2.0: a search tree of 24-bit records, 16 zero bytes, a data section, metadata after its marker.
xdb 2.0 (ip2region): a header of 256 bytes, a vector index of 256 x 256 x 8, lines, segments of 14 bytes.
"""

import ipaddress
import struct
from pathlib import Path
from typing import Any

MARKER = b"\xab\xcd\xefMaxMind.com"
NODE = 24


def write_mmdb(path: Path, networks: dict[str, dict[str, Any]]) -> Path:
    """IPv4 networks, none inside another."""
    tree: list[list[Any]] = [[None, None]]
    data = b""
    for network, record in networks.items():
        parsed = ipaddress.ip_network(network)
        bits = f"{int(parsed.network_address):032b}"[: parsed.prefixlen]
        node = 0
        for bit in bits[:-1]:
            if tree[node][int(bit)] is None:
                tree.append([None, None])
                tree[node][int(bit)] = len(tree) - 1
            node = tree[node][int(bit)]
        tree[node][int(bits[-1])] = ("data", len(data))
        data += _encoded(record)
    packed = b"".join(_record(side, len(tree)) for node in tree for side in node)
    metadata = {
        "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1_767_225_600,
        "database_type": "Test-City", "description": {"en": "test"}, "ip_version": 4, "languages": ["en"],
        "node_count": len(tree), "record_size": NODE,
    }  # fmt: skip
    path.write_bytes(packed + bytes(16) + data + MARKER + _encoded(metadata))
    return path


def _record(side: Any, nodes: int) -> bytes:
    value = nodes if side is None else nodes + 16 + side[1] if isinstance(side, tuple) else side
    return int(value).to_bytes(3, "big")


def _encoded(value: Any) -> bytes:
    if isinstance(value, bool):
        return bytes([int(value), 7])  # An extended type: 7 more than the first byte says.
    if isinstance(value, str):
        return _control(2, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return _control(3, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        raw = value.to_bytes(4, "big").lstrip(b"\0")
        return _control(6, len(raw)) + raw
    if isinstance(value, list):
        return bytes([len(value), 4]) + b"".join(_encoded(one) for one in value)
    return _control(7, len(value)) + b"".join(_encoded(name) + _encoded(one) for name, one in value.items())


def _control(kind: int, size: int) -> bytes:
    return bytes([kind << 5 | size]) if size < 29 else bytes([kind << 5 | 29, size - 29])


def write_xdb(path: Path, segments: dict[tuple[str, str], str]) -> Path:
    """(first, last) of IPv4 -> line; by rising address, none over a border of two first bytes."""
    lines, placed = b"", []
    start = 256 + 256 * 256 * 8
    for (first, last), line in segments.items():
        placed.append((int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last)), len(lines), line.encode()))
        lines += line.encode()
    index, base = b"", start + len(lines)
    vector = bytearray(256 * 256 * 8)
    for first, last, offset, line in placed:
        here, slot = base + len(index), (first >> 16) * 8
        index += struct.pack("<IIHI", first, last, len(line), start + offset)
        begin = struct.unpack_from("<I", vector, slot)[0] or here
        struct.pack_into("<II", vector, slot, begin, here)
    header = struct.pack("<HHIIIHH", 3, 1, 1_767_225_600, base, base + len(index) - 14, 4, 4).ljust(256, b"\0")
    path.write_bytes(header + bytes(vector) + lines + index)
    return path
