"""A camera over the belt while the line runs: every label that stands there is examined as it comes.

Frames are examined in a thread of their own; what was seen waits, in the order of the tags, until the station asks. The
pictures of the latest labels stay in memory for a moment, so that those of rejects can be kept for people.

A camera that was switched off counts its triggers from the beginning again. Tags never fall, so it is then counted on
from the newest one, and its own number goes to the gate; a line that was running stops first, for a person must see
that the gate counts with it. A frame nothing can be made of costs that frame.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import closing
from typing import Any, cast

import cv2

from foundation import clock
from foundation.observability import log
from printer_jobs.cameras import Camera, CameraAway, Frame, Presence
from printer_jobs.equipment import RejectShelf, Sight, Trouble
from printer_jobs.examiner import Examined, Optics, examine
from printer_jobs.sampling import Picture

WAITING = 10_000  # Labels seen and not asked for; a station that sleeps so long has stopped.
LATEST = 64
REOPEN_S = 1.0


class LiveEye:
    """As any eye. `said`: why the camera shows nothing now; None while it does."""

    def __init__(
        self,
        camera: Camera,
        optics: Optics,
        *,
        shelf: RejectShelf | None = None,
        on_frame: Callable[[Frame], object] = lambda _: None,
    ) -> None:
        self._camera, self._optics, self._shelf, self._on_frame = camera, optics, shelf, on_frame
        self._presence = Presence()
        self._sights: deque[Sight] = deque(maxlen=WAITING)
        self._latest: OrderedDict[int, Picture | None] = OrderedDict()
        self._newest = 0
        self._anew = 0  # Tags are the camera's numbers and so many more.
        self._fell: str | None = None
        self._counts = False  # It has shown a number in this run.
        self._news = threading.Condition()
        self._stop = threading.Event()
        self.said: str | None = None
        self._thread = threading.Thread(target=self._watch, name="eye", daemon=True)
        self._thread.start()

    def position(self) -> int:
        with self._news:
            return self._newest

    def look(self, after: int, timeout_s: float) -> list[Sight]:
        deadline = clock.monotonic_s() + timeout_s
        with self._news:
            while not (found := [sight for sight in self._sights if sight.tag > after]):
                if (left := deadline - clock.monotonic_s()) <= 0:
                    return []
                self._news.wait(left)
            while self._sights and self._sights[0].tag <= after:
                self._sights.popleft()
            return found

    def resume(self, after: int) -> None:
        with self._news:
            self._newest = max(self._newest, after)
            self._counts = False  # What it showed before somebody pressed START says nothing of the run.

    def keep(self, tag: int, why: str) -> None:
        """Keep the picture of a rejected label; nothing happens without a shelf or when the picture is gone."""
        picture = self._latest.get(tag)
        if picture is not None and self._shelf is not None:
            self._shelf.keep(tag, why, picture)

    def trouble(self) -> Trouble | None:
        if self._fell is not None:
            return Trouble(self._fell, stops=True, why="COUNT")
        return Trouble(self.said) if self.said is not None else None

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                with closing(cast(Any, self._camera.frames())) as frames:
                    for frame in frames:
                        if self._stop.is_set():
                            return
                        self._take(frame)
            except CameraAway as away:
                if self.said != str(away):
                    log(__name__).warning("the camera is away", why=str(away))
                self.said = str(away)
            self._stop.wait(REOPEN_S)

    def _take(self, frame: Frame) -> None:
        self.said = None
        self._on_frame(frame)
        tag = self._numbered(frame.tag) if frame.tag is not None else self._counted(frame)
        if tag is None or tag <= self._newest:
            return  # Nothing new stands there; or a trigger's number came again, and the first look counts.
        sight = Sight.of(tag, self._examined(frame), counted=frame.tag if self._anew else None)
        with self._news:
            self._newest = tag
            self._sights.append(sight)
            self._latest[tag] = frame.picture
            while len(self._latest) > LATEST:
                self._latest.popitem(last=False)
            self._news.notify_all()

    def _examined(self, frame: Frame) -> Examined:
        try:
            return examine(frame.picture, self._optics)
        except (cv2.error, ValueError, MemoryError) as error:
            log(__name__).warning("a frame could not be examined", error=str(error))
            return examine(None, self._optics)

    def _numbered(self, number: int) -> int:
        """The tag of the camera's number. One that fell and was not seen lately is of a camera that counts anew."""
        tag = number + self._anew
        if tag == self._newest or (tag < self._newest and tag in self._latest):
            return tag
        if tag > self._newest:
            self._counts = True
            return tag
        with self._news:
            self._anew = self._newest
            if self._counts:
                self._fell = (
                    f"The camera counts from the beginning again: label {number} after {self._newest}. Empty the belt"
                    " up to the gate and see that the gate counts with it."
                )
            self._counts = True
        return number + self._anew

    def _counted(self, frame: Frame) -> int | None:
        there = frame.picture is not None and self._presence.seen(frame.picture)
        return self._newest + 1 if there else None
