"""The camera while the line runs: labels come once each, in order, whatever the stream does."""

import struct
import zlib
from queue import SimpleQueue

import cv2
import numpy as np
import pytest

from foundation import clock
from printer_jobs.cameras import CameraAway, DeviceCamera, Frame, Presence, StreamCamera, drained, open_camera
from printer_jobs.equipment import RejectShelf
from printer_jobs.examiner import FrameFault, Optics
from printer_jobs.live_eye import LiveEye
from tests.printer_jobs.belt_camera import Part, belt, belt_camera, label

CODES = [f"HTTPS://C.CN/ABCDEFGH{at:08}" for at in range(8)]
OPTICS = Optics(module_px=6)


def tagged(*numbers):
    return [Part(label(CODES[number]), tag=number) for number in numbers]


def seen(eye, after=0, count=1):
    found = []
    until = clock.monotonic_s() + 10
    while len(found) < count and clock.monotonic_s() < until:
        found += eye.look(found[-1].tag if found else after, 0.5)
    return found


@pytest.fixture
def watching():
    eyes = []

    def watch(camera, **how):
        eyes.append(LiveEye(camera, OPTICS, **how))
        return eyes[-1]

    yield watch
    for eye in eyes:
        eye.close()


def test_a_camera_that_counts_triggers_is_believed(watching):
    with belt_camera(parts=tagged(1, 2, 3, 3, 2, 4)) as camera:
        found = seen(watching(StreamCamera(camera.url)), count=4)
        assert [(one.tag, one.texts) for one in found] == [(n, (CODES[n],)) for n in (1, 2, 3, 4)]
        assert all(one.grade >= 3 for one in found)


def test_one_that_only_shows_the_belt_gives_each_label_the_next_number(watching):
    standing = [[belt()] * 3 + [label(CODES[n])] * 4 for n in range(3)]
    with belt_camera(parts=[Part(one) for group in standing for one in group] + [Part(belt())]) as camera:
        eye = watching(StreamCamera(camera.url))
        eye.resume(41)
        found = seen(eye, after=41, count=3)
        assert [(one.tag, one.texts) for one in found] == [(42 + n, (CODES[n],)) for n in range(3)]
        assert eye.position() == 44
        assert eye.look(44, 0.05) == []


def test_a_cut_stream_is_opened_again(watching):
    with belt_camera(parts=tagged(1), hold=False) as camera:
        eye = watching(StreamCamera(camera.url))
        assert [one.tag for one in seen(eye)] == [1]
        camera.parts = tagged(2)
        assert [one.tag for one in seen(eye, after=1)] == [2]
        assert camera.visits >= 2


def test_a_camera_that_was_switched_off_counts_anew_and_the_line_stops_once(watching):
    with belt_camera(parts=[*tagged(*range(2, 5)), Part(label(CODES[1]), tag=1)]) as camera:
        eye = watching(StreamCamera(camera.url))
        found = seen(eye, count=4)
        assert [(one.tag, one.at_gate, one.texts) for one in found[2:]] == [(4, 4, (CODES[4],)), (5, 1, (CODES[1],))]
        assert eye.trouble().stops
        assert "label 1 after 4" in eye.trouble().sentence


def test_a_camera_that_counts_anew_between_two_runs_is_counted_on(watching):
    class Shown:
        def __init__(self):
            self.queue = SimpleQueue()

        def frames(self):
            while (number := self.queue.get()) is not None:
                yield Frame(label(CODES[number]), number)

    camera = Shown()
    eye = watching(camera)
    camera.queue.put(1)
    assert seen(eye)[0].tag == 1
    eye.resume(5000)
    for number in (1, 2, 3):
        camera.queue.put(number)
    assert [(one.tag, one.at_gate) for one in seen(eye, after=5000, count=2)] == [(5002, 2), (5003, 3)]
    assert eye.trouble() is None
    camera.queue.put(None)


def test_a_picture_that_lies_about_its_size_costs_that_picture(watching):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with belt_camera(parts=[Part(raw=bomb, tag=1), *tagged(2)]) as camera:
        found = seen(watching(StreamCamera(camera.url)), count=2)
        assert [(one.texts, one.fault) for one in found] == [((), FrameFault.NOT_A_PICTURE), ((CODES[2],), None)]


def test_frames_that_are_no_pictures_are_sights_of_nothing(watching):
    parts = [Part(raw=b"not a jpeg", tag=1), Part(np.zeros((300, 300), np.uint8), tag=2), *tagged(3)]
    with belt_camera(parts=parts) as camera:
        found = seen(watching(StreamCamera(camera.url)), count=3)
        assert [(one.texts, one.fault) for one in found] == [
            ((), FrameFault.NOT_A_PICTURE),
            ((), FrameFault.BLACK),
            ((CODES[3],), None),
        ]


def test_parts_without_a_length_end_where_the_next_begins():
    parts = [Part(label(CODES[n]), tag=n, length=False) for n in (1, 2)] + [Part(belt(), length=False)]
    with belt_camera(parts=parts) as camera:
        assert [frame.tag for frame in drained(StreamCamera(camera.url), 2)] == [1, 2]


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"status": 404}, "answered 404; correct the camera's address"),
        ({"content_type": "text/html"}, "sends text/html, not a stream"),
        ({"parts": [Part(raw=b"x" * 17 * 2**20)]}, "more than 16 MB; set a smaller one"),
        ({"hold": False}, "ended its stream"),
    ],
)
def test_what_is_no_camera_is_said_in_a_sentence(how, why):
    with belt_camera(**how) as camera, pytest.raises(CameraAway, match=why):
        drained(StreamCamera(camera.url), 1)


def test_a_camera_that_is_not_there(watching):
    with pytest.raises(CameraAway, match="cannot be reached; look at its network"):
        drained(open_camera("http://127.0.0.1:9/stream"), 1)
    with pytest.raises(CameraAway, match="no camera at /dev/video77"):
        drained(open_camera("/dev/video77"), 1)
    eye = watching(open_camera("http://127.0.0.1:9/stream"))
    assert eye.look(0, 0.3) == []
    assert "cannot be reached" in eye.trouble().sentence


def test_a_device_and_a_film_are_read_alike(tmp_path):
    film = str(tmp_path / "practice.avi")
    out = cv2.VideoWriter(film, cv2.VideoWriter_fourcc(*"MJPG"), 30, (400, 400), False)
    for frame in [belt(), label(CODES[1]), label(CODES[1])]:
        out.write(frame)
    out.release()
    frames = drained(DeviceCamera(film, width=400, height=400), 3)
    assert [frame.picture.shape for frame in frames] == [(400, 400)] * 3
    with pytest.raises(CameraAway, match="stopped; look at its cable"):
        drained(DeviceCamera(film), 4)


def test_a_label_is_taken_when_it_stands_and_once():
    presence = Presence()
    moving = [label(CODES[1], at=(x, 60)) for x in (0, 30, 60)]
    frames = [belt(), belt(), *moving, moving[-1], moving[-1], belt(), moving[-1], moving[-1]]
    assert [presence.seen(frame) for frame in frames] == [
        False, False, False, False, False, True, False, False, False, True,
    ]  # fmt: skip


def test_a_light_that_fails_slowly_is_learnt_and_one_that_fails_at_once_is_seen():
    presence = Presence()
    assert not any(presence.seen(np.full((400, 400), 120 - step // 4, np.uint8)) for step in range(200))
    assert [presence.seen(np.zeros((400, 400), np.uint8)) for _ in range(2)] == [False, True]


def test_pictures_of_rejects_are_kept_and_the_oldest_go(watching, tmp_path):
    shelf = RejectShelf(tmp_path / "rejects", most=2)
    with belt_camera(parts=tagged(1, 2, 3)) as camera:
        eye = watching(StreamCamera(camera.url), shelf=shelf)
        seen(eye, count=3)
        for tag in (1, 2, 3):
            eye.keep(tag, "NOREAD")
        eye.keep(99, "NOREAD")
    assert sorted(path.name for path in shelf.folder.iterdir()) == [
        "reject-00000002-NOREAD.png",
        "reject-00000003-NOREAD.png",
    ]
    assert RejectShelf(tmp_path / "rejects", most=2).keep(4, "LATE", belt()).exists()
    assert len(list(shelf.folder.iterdir())) == 2, "what an earlier run kept counts too"
