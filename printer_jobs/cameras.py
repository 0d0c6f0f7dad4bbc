"""Cameras that show the belt now, and what makes a frame a label: pictures from a device or a stream, each with a tag.

A camera that counts triggers itself (a photocell's number comes with each picture) is believed. For one that only
shows the belt, `Presence` finds the moment a label stands before it. A camera that goes away is opened again, for as
long as the station runs: nothing passes the gate meanwhile, because nothing is allowed through.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol, cast

import cv2
import httpx
import numpy as np
from numpy.typing import NDArray

from printer_jobs.examiner import decoded
from printer_jobs.sampling import Picture

MOST_BYTES = 16 * 1024 * 1024  # Of one frame in a stream.
TAG_HEADER = "x-tag"  # The trigger's number, where the camera counts them.
CONNECT_S = 5.0
SILENCE_S = 10.0
SMALL = (48, 48)


class CameraAway(ConnectionError):
    """The camera shows nothing: not there, not reachable, or not a camera. The message says what to look at."""


@dataclass(frozen=True, slots=True)
class Frame:
    """tag: the trigger's own number, None where nobody counted. picture: grey; None for bytes that are no picture."""

    picture: Picture | None
    tag: int | None = None


class Camera(Protocol):
    """Frames in the order they were taken, until it is closed. Raises CameraAway when it stops showing any."""

    def frames(self) -> Iterator[Frame]: ...


class DeviceCamera:
    """A V4L2 device by its path (/dev/video0), or a film for practice."""

    def __init__(self, device: str, *, width: int | None = None, height: int | None = None) -> None:
        self.device, self._size = device, (width, height)

    def frames(self) -> Iterator[Frame]:
        capture = cv2.VideoCapture(self.device)
        for name, value in zip((cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT), self._size, strict=True):
            if value is not None:
                capture.set(name, value)
        try:
            if not capture.isOpened():
                raise CameraAway(f"There is no camera at {self.device}; look at its cable, or name another device.")
            while True:
                there, picture = capture.read()
                if not there:
                    raise CameraAway(f"The camera at {self.device} stopped; look at its cable.")
                yield Frame(cast(Picture, cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)))
        finally:
            capture.release()


class StreamCamera:
    """Motion JPEG over HTTP (multipart/x-mixed-replace), as network cameras send it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def frames(self) -> Iterator[Frame]:
        limits = httpx.Timeout(SILENCE_S, connect=CONNECT_S)
        try:
            with httpx.Client(timeout=limits) as http, http.stream("GET", self.url) as answer:
                if answer.status_code != 200:
                    raise CameraAway(f"{self.url} answered {answer.status_code}; correct the camera's address.")
                yield from _parts(answer, self.url)
        except httpx.HTTPError as error:
            raise CameraAway(f"The camera at {self.url} cannot be reached; look at its network.") from error
        raise CameraAway(f"The camera at {self.url} ended its stream.")


def _parts(answer: httpx.Response, url: str) -> Iterator[Frame]:
    kind = answer.headers.get("content-type", "")
    if not kind.startswith("multipart/") or "boundary=" not in kind:
        raise CameraAway(f"{url} sends {kind[:40] or 'nothing named'}, not a stream of pictures; correct its address.")
    boundary = b"--" + kind.partition("boundary=")[2].strip().strip('"').removeprefix("--").encode()
    kept = bytearray()
    for chunk in answer.iter_bytes():
        kept += chunk
        while (frame := _part(kept, boundary)) is not None:
            yield frame
        if len(kept) > MOST_BYTES:
            raise CameraAway(f"A picture from {url} has more than {MOST_BYTES // 2**20} MB; set a smaller one.")


def _part(kept: bytearray, boundary: bytes) -> Frame | None:
    """The first whole part, taken out of what was received; None while none is whole."""
    start = kept.find(boundary)
    head_ends = kept.find(b"\r\n\r\n", start)
    if start < 0 or head_ends < 0:
        return None
    headers = _headers(bytes(kept[start + len(boundary) : head_ends]))
    body, length = head_ends + 4, headers.get("content-length", "")
    # Some cameras send no length: then the part ends where the next begins.
    end = body + int(length) if length.isdigit() else kept.find(b"\r\n" + boundary, body)
    if end < body or end > len(kept):
        return None
    raw, tag = bytes(kept[body:end]), headers.get(TAG_HEADER, "")
    del kept[:end]
    return Frame(decoded(raw), int(tag) if tag.isdigit() else None)


def _headers(raw: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in raw.decode("latin-1").split("\r\n"))
    return {name.strip().lower(): value.strip() for name, colon, value in lines if colon}


class Presence:
    """Whether a label has just come to stand before the camera; one answer a label.

    The belt without a label is learnt while nothing stands there. A label is there when the frame differs from the
    belt, and it stands when two frames in a row are alike; a moving one is blurred and waits.
    """

    def __init__(self, *, differs: float = 10.0, still: float = 4.0) -> None:
        """differs, still: mean distance in grey values."""
        self._differs, self._still = differs, still
        self._belt: NDArray[Any] | None = None
        self._before: NDArray[Any] | None = None
        self._taken = False

    def seen(self, picture: Picture) -> bool:
        now = cv2.resize(picture, SMALL, interpolation=cv2.INTER_AREA).astype(np.float32)
        belt = now if self._belt is None else self._belt
        before, self._before = now if self._before is None else self._before, now
        if float(np.abs(now - belt).mean()) < self._differs:
            self._taken = False
            self._belt = belt * 0.9 + now * 0.1
            return False
        stands = float(np.abs(now - before).mean()) < self._still
        first, self._taken = stands and not self._taken, self._taken or stands
        return first


def open_camera(address: str) -> Camera:
    """http(s)://… is a stream, everything else a device."""
    return StreamCamera(address) if address.startswith(("http://", "https://")) else DeviceCamera(address)


def drained(camera: Camera, most: int) -> list[Frame]:
    """The first frames, then the camera is let go: to look whether it is set right."""
    found: list[Frame] = []
    with closing(cast(Any, camera.frames())) as frames:
        for frame in frames:
            found.append(frame)
            if len(found) == most:
                break
    return found
