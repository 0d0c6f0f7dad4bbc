"""The paper under one or more heads: every label that ever came out, numbered as a photocell would count it.

Labels are numbered from 1 in the order they leave a head; a `tag` is that number. Two machines on one belt
(a coder for the items, a label printer for the cases) share one paper and so one count.
"""

import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import cv2

from printer_jobs.virtual.label import Format
from printer_jobs.virtual.picture import Picture

KEPT_IN_MEMORY = 500


@dataclass(frozen=True, slots=True)
class Printed:
    """texts: what was really on the label, smudged or not; the test's truth, not the camera's."""

    tag: int
    texts: tuple[str, ...]
    picture: Picture


class Paper:
    """out: a folder for pictures as label-<tag>.png; counting goes on over a restart, so a tag names one label."""

    def __init__(self, out: Path | None = None) -> None:
        self.out = out
        self.printed: deque[Printed] = deque(maxlen=KEPT_IN_MEMORY)
        self.texts: list[str] = []  # every symbol that ever reached paper, in order
        self._changed, self._closed = threading.Condition(), False
        self.tag = self._last_tag()

    def eject(self, label: Format, picture: Picture) -> None:
        with self._changed:
            tag = self.tag + 1
            if self.out is not None:
                _save(self.out, tag, picture)
            self.tag = tag
            self.printed.append(Printed(tag, label.texts, picture))
            self.texts.extend(label.texts)
            self._changed.notify_all()

    def since(self, tag: int, timeout_s: float) -> list[Printed]:
        """Labels after `tag`, waiting for the first of them up to the timeout."""
        with self._changed:
            self._changed.wait_for(lambda: self.tag > tag or self._closed, timeout_s)
            return [printed for printed in self.printed if printed.tag > tag]

    def wait_for(self, tag: int, timeout_s: float) -> bool:
        """Until that many labels have left the heads."""
        with self._changed:
            return self._changed.wait_for(lambda: self.tag >= tag, timeout_s)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _last_tag(self) -> int:
        if self.out is None:
            return 0
        self.out.mkdir(parents=True, exist_ok=True)
        return max((int(path.stem.split("-")[1]) for path in self.out.glob("label-*.png")), default=0)


def _save(folder: Path, tag: int, picture: Picture) -> None:
    """Whole or not at all: the camera may look at any moment."""
    ok, png = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_BILEVEL, 1])
    if not ok:
        raise OSError(f"The picture of label {tag} could not be written as PNG.")
    half = folder / f".label-{tag:08}.part"
    half.write_bytes(png.tobytes())
    half.rename(folder / f"label-{tag:08}.png")
