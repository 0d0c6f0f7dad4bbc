"""What stands beside the belt: a camera that reads, a gate that rejects unless told otherwise.

A tag is the number the trigger photocell gives each label, from 1, never twice. The camera keeps what it
saw, so a station that was down asks for everything after the last tag it wrote down.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from codegen import reader
from printer_jobs.examiner import Examined, FrameFault, Optics, examine
from printer_jobs.grading import Grade

Picture = NDArray[np.uint8]
Read = Callable[[Picture], Sequence[str]]
"""The texts of every symbol on a picture; none when nothing can be read."""

PICTURE_NAME = "label-{tag:08}.png"
POLL_S = 0.002


@dataclass(frozen=True, slots=True)
class Sight:
    """One label under the camera. texts: every symbol read on it, none = unreadable.

    grade: 4 (A) to 0 (F), None where none is given; detail: how it came about. fault: what is wrong with the frame.
    counted: the trigger's own number, where it began to count anew and the tag goes on: what the gate knows it by.
    """

    tag: int
    texts: tuple[str, ...]
    grade: float | None = None
    detail: Grade | None = None
    fault: FrameFault | None = None
    counted: int | None = None

    @classmethod
    def of(cls, tag: int, found: Examined, *, counted: int | None = None) -> "Sight":
        grade = float(found.grade.overall) if found.grade else None
        return cls(tag, found.texts, grade, found.grade, found.fault, counted)

    @property
    def at_gate(self) -> int:
        """The number the gate knows its product by."""
        return self.tag if self.counted is None else self.counted


@dataclass(frozen=True, slots=True)
class Trouble:
    """sentence: what to do. stops: the line stops now; otherwise nothing new is printed, and it stops if it lasts.

    why: a word of `advice.STOPS`, for a line that stops now.
    """

    sentence: str
    stops: bool = False
    why: str = "GATE"


class Eye(Protocol):
    def position(self) -> int:
        """The newest tag so far; 0 before the first."""

    def look(self, after: int, timeout_s: float) -> list[Sight]:
        """What was seen after tag `after`, in order; waits for the first up to the timeout."""

    def resume(self, after: int) -> None:
        """The journal knows tags up to this one; a camera that does not count triggers goes on from there."""

    def keep(self, tag: int, why: str) -> None:
        """Keep the picture of a rejected label where people find it; nothing happens if it is gone."""

    def trouble(self) -> Trouble | None:
        """Why the camera shows nothing; None while it does."""

    def close(self) -> None:
        """Let the camera go."""


class Gate(Protocol):
    def allow(self, tag: int) -> None:
        """Let this label's product through. A tag never named is rejected: silence must not ship."""

    def trouble(self) -> Trouble | None:
        """Why the gate cannot be trusted; None while it can."""

    def close(self) -> None:
        """Let the gate go; it rejects then."""


def read_texts(picture: Picture) -> tuple[str, ...]:
    """The ladder of readers; each text once."""
    return tuple(dict.fromkeys(reading.text for reading in reader.read(picture)))


class RejectShelf:
    """Pictures of rejected labels in a folder, the newest `most` of them."""

    def __init__(self, folder: Path, *, most: int = 2_000) -> None:
        self.folder, self._most = folder, most
        folder.mkdir(parents=True, exist_ok=True)
        self._kept = deque(sorted(folder.glob("reject-*.png")))

    def keep(self, tag: int, why: str, picture: Picture) -> Path:
        """As reject-<tag>-<why>.png, whole or not at all."""
        path = self.folder / f"reject-{tag:08}-{why}.png"
        half = path.with_suffix(".part")
        half.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
        half.replace(path)
        self._kept.append(path)
        while len(self._kept) > self._most:
            self._kept.popleft().unlink(missing_ok=True)
        return path


class FolderEye:
    """A camera that leaves its pictures in a folder as label-<tag>.png, numbered without gaps."""

    def __init__(
        self, folder: Path, *, read: Read = read_texts, optics: Optics | None = None, shelf: RejectShelf | None = None
    ) -> None:
        """optics: grade what is read, and say what is wrong with a frame; without, `read` alone."""
        self.folder, self._read, self._optics, self._shelf = folder, read, optics, shelf

    def position(self) -> int:
        return max((int(path.stem.split("-")[1]) for path in self.folder.glob("label-*.png")), default=0)

    def look(self, after: int, timeout_s: float) -> list[Sight]:
        deadline = time.monotonic() + timeout_s
        while not (tags := self._tags(after)) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return [self._sight(tag) for tag in tags]

    def _sight(self, tag: int) -> Sight:
        if self._optics is None:
            return Sight(tag, tuple(self._read(self._picture(tag))))
        return Sight.of(tag, examine(self._picture_or_none(tag), self._optics))

    def resume(self, after: int) -> None:
        """Pictures carry their tags."""

    def close(self) -> None:
        """There is nothing to let go."""

    def keep(self, tag: int, why: str) -> None:
        picture = self._picture_or_none(tag) if self._shelf is not None else None
        if picture is not None and self._shelf is not None:
            self._shelf.keep(tag, why, picture)

    def trouble(self) -> Trouble | None:
        if self.folder.is_dir():
            return None
        return Trouble(f"The camera's folder {self.folder} is not there; look at the camera's computer.")

    def _tags(self, after: int, most: int = 64) -> list[int]:
        tags: list[int] = []
        while len(tags) < most and (self.folder / PICTURE_NAME.format(tag=after + 1 + len(tags))).exists():
            tags.append(after + 1 + len(tags))
        return tags

    def _picture(self, tag: int) -> Picture:
        picture = self._picture_or_none(tag)
        if picture is None:
            raise OSError(f"The camera's picture {PICTURE_NAME.format(tag=tag)} in {self.folder} cannot be opened.")
        return picture

    def _picture_or_none(self, tag: int) -> Picture | None:
        picture = cv2.imread(str(self.folder / PICTURE_NAME.format(tag=tag)), cv2.IMREAD_GRAYSCALE)
        return None if picture is None else np.asarray(picture, dtype=np.uint8)
