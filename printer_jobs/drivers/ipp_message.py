r"""IPP messages, RFC 8010: what goes in the body of an HTTP POST; pure.

| bytes                                              | meaning                                                      |
| -------------------------------------------------- | ------------------------------------------------------------ |
| 02 00, 2 operation or status, 4 request id         | the head                                                     |
| 01 operation, 02 job, 04 printer, 05 unsupported   | a group of attributes begins                                 |
| tag, 2 length, name, 2 length, value               | an attribute; with an empty name one more value of the last  |
| 03                                                 | the end; the document follows                                |
| tags 21 integer 23 enum                            | 4 bytes, signed                                              |
| tags 42 name 44 keyword 45 uri 47 charset 48 language 49 MIME type | text                                         |
"""

import struct
from dataclasses import dataclass

from printer_jobs.drivers.link import Garbled

OPERATION, JOB, END, PRINTER = 1, 2, 3, 4
FIRST_VALUE_TAG = 0x10
INTEGER, ENUM, NAME, KEYWORD, URI, CHARSET, LANGUAGE, MIME = 0x21, 0x23, 0x42, 0x44, 0x45, 0x47, 0x48, 0x49
NUMBERS = (INTEGER, ENUM)

Value = int | str
Attribute = tuple[int, str, list[Value]]
"""(tag, name, values)."""
Group = tuple[int, list[Attribute]]


@dataclass(frozen=True, slots=True)
class Message:
    """code: the operation of a request, the status of an answer."""

    code: int
    request: int
    groups: list[Group]
    document: bytes = b""

    def values(self, name: str) -> list[Value]:
        """Of the first attribute of that name in any group; none when it is missing."""
        named = (values for _, attributes in self.groups for _, one, values in attributes if one == name)
        return next(named, [])

    def each(self, group: int) -> list[dict[str, list[Value]]]:
        """The attributes of every group of that kind, one a job."""
        return [{name: values for _, name, values in attributes} for kind, attributes in self.groups if kind == group]


def encode(message: Message) -> bytes:
    parts = [struct.pack(">BBHI", 2, 0, message.code, message.request)]
    for kind, attributes in message.groups:
        parts.append(bytes([kind]))
        for tag, name, values in attributes:
            for at, value in enumerate(values):
                parts.append(bytes([tag]) + _sized(b"" if at else name.encode()) + _sized(_bytes(value)))
    return b"".join([*parts, bytes([END]), message.document])


def decode(data: bytes) -> Message:
    """Raises Garbled with the byte at which the message stops being one."""
    at = 8
    try:
        _, _, code, request = struct.unpack_from(">BBHI", data)
        groups: list[Group] = []
        while data[at] != END:
            tag = data[at]
            at += 1
            if tag < FIRST_VALUE_TAG:
                groups.append((tag, []))
                continue
            name, at = _take(data, at)
            value, at = _take(data, at)
            if name:
                groups[-1][1].append((tag, name.decode(), []))
            groups[-1][1][-1][2].append(_value(tag, value))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise Garbled(f"no IPP message at byte {at}") from error
    return Message(code, request, groups, data[at + 1 :])


def _bytes(value: Value) -> bytes:
    return struct.pack(">i", value) if isinstance(value, int) else value.encode()


def _value(tag: int, value: bytes) -> Value:
    if tag in NUMBERS:
        return int(struct.unpack(">i", value)[0])
    return value.decode("utf-8", "replace")


def _sized(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def _take(data: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from(">H", data, at)
    end = at + 2 + length
    if end > len(data):
        raise IndexError
    return data[at + 2 : end], end
