"""What stands beside the belt: a camera that reads, a gate that rejects unless told otherwise.

A tag is the number the trigger photocell gives each label, from 1, never twice. The camera keeps what it
saw, so a station that was down asks for everything after the last tag it wrote down.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from codegen import reader

Picture = NDArray[np.uint8]
Read = Callable[[Picture], Sequence[str]]
"""The texts of every symbol on a picture; none when nothing can be read."""

PICTURE_NAME = "label-{tag:08}.png"
POLL_S = 0.002


@dataclass(frozen=True, slots=True)
class Sight:
    """One label under the camera. texts: every symbol read on it, none = unreadable.

    grade: a relative scan grade 4..0 where the camera gives one, None where it does not.
    """

    tag: int
    texts: tuple[str, ...]
    grade: float | None = None


class Eye(Protocol):
    def position(self) -> int:
        """The newest tag so far; 0 before the first."""

    def look(self, after: int, timeout_s: float) -> list[Sight]:
        """What was seen after tag `after`, in order; waits for the first up to the timeout."""


class Gate(Protocol):
    def allow(self, tag: int) -> None:
        """Let this label's product through. A tag never named is rejected: silence must not ship."""


def read_texts(picture: Picture) -> tuple[str, ...]:
    """The ladder of readers; each text once."""
    return tuple(dict.fromkeys(reading.text for reading in reader.read(picture)))


class FolderEye:
    """A camera that leaves its pictures in a folder as label-<tag>.png, numbered without gaps."""

    def __init__(self, folder: Path, *, read: Read = read_texts) -> None:
        self.folder, self._read = folder, read

    def position(self) -> int:
        return max((int(path.stem.split("-")[1]) for path in self.folder.glob("label-*.png")), default=0)

    def look(self, after: int, timeout_s: float) -> list[Sight]:
        deadline = time.monotonic() + timeout_s
        while not (tags := self._tags(after)) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return [Sight(tag, tuple(self._read(self._picture(tag)))) for tag in tags]

    def _tags(self, after: int, most: int = 64) -> list[int]:
        tags: list[int] = []
        while len(tags) < most and (self.folder / PICTURE_NAME.format(tag=after + 1 + len(tags))).exists():
            tags.append(after + 1 + len(tags))
        return tags

    def _picture(self, tag: int) -> Picture:
        path = self.folder / PICTURE_NAME.format(tag=tag)
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if picture is None:
            raise OSError(f"The camera's picture {path} cannot be opened.")
        return np.asarray(picture, dtype=np.uint8)
