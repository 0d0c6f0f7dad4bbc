"""A line's own file: which platform, printer, camera and gate it has. TOML, refused whole when a word in it is wrong.

    platform = "https://codes.example.cn"     or a folder: a memory stick with lease.json and ssccs.json
    key_file = "line-1.apikey"                what `onecode line enrol` printed; not for a folder
    folder   = "line-1"                       journals, leases and the station's own key; on this computer's disk
    pack_size = 24                            what the packer is set to; a job with another size is refused
    [printer]  protocol = "zpl"  address = "192.168.1.30:9100"
               options = { prefix = "…" }     as the protocol has them; allow_unverified, cases for a coder
    [camera]   folder = "pictures"            label-00000001.png, …
               address = "/dev/video0"        instead: a device, or http://… for a camera's stream
               module_px = 4.0                pixels a module; 5 and more are better
               region = [0, 0, 1000, 1000]    left, top, width, height that is looked at
               joined = true                  dots of an ink-jet coder, graded as ISO/IEC TR 29158
               graded = false                 reads only
               black, white, aperture, wavelength_nm, angle, calibrated     measured on a card; else grades are relative
    [gate]     kind = "list"                  no gate is wired: a person sorts by the journal
               kind = "plc"  address = "192.168.1.40:7700"
    [pace]     window, look_s, settle_s, patience_s, reject_limit, lowest_grade
    [ahead]    hours, per_hour, report_s, heartbeat_s, retry_s

Paths are beside the file.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from foundation.errors import BadRequest
from printer_jobs.cameras import open_camera
from printer_jobs.drivers.catalogue import BadPrinter, connect
from printer_jobs.drivers.printer import Printer
from printer_jobs.equipment import Eye, FolderEye, Gate, RejectShelf, Trouble
from printer_jobs.examiner import Optics
from printer_jobs.gates import PlcGate
from printer_jobs.http_platform import HttpPlatform
from printer_jobs.live_eye import LiveEye
from printer_jobs.office import Ahead
from printer_jobs.platform import FolderPlatform, Platform, PlatformRefuses
from printer_jobs.sampling import Setup
from printer_jobs.seal import open_seal
from printer_jobs.shift import Pace, Step
from printer_jobs.station import Station

PACE, AHEAD = Pace(), Ahead()


class BadLineFile(BadRequest):
    """The file of a line cannot be read, or a word in it is wrong."""

    type = "bad-line-file"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PrinterPart(_Part):
    protocol: str = "zpl"
    address: str = Field(min_length=1)
    options: dict[str, Any] = Field(default_factory=dict)


class CameraPart(_Part):
    folder: Path | None = None
    address: str | None = Field(default=None, min_length=1)
    module_px: float = Field(default=4.0, ge=1, le=100)
    region: tuple[int, int, int, int] | None = None
    joined: bool = False
    graded: bool = True
    black: float = Field(default=0.0, ge=0, le=255)
    white: float = Field(default=255.0, ge=0, le=255)
    aperture: float = Field(default=0.8, gt=0, le=2)
    wavelength_nm: int | None = Field(default=None, ge=300, le=1200)
    angle: str = Field(default="", max_length=10)
    calibrated: bool = False

    @model_validator(mode="after")
    def _one_camera(self) -> "CameraPart":
        if (self.folder is None) == (self.address is None):
            raise ValueError("name either folder or address")
        if self.white <= self.black:
            raise ValueError("white must be brighter than black")
        return self

    def optics(self) -> Optics:
        setup = Setup(self.aperture, self.black, self.white, self.wavelength_nm, self.angle, self.calibrated)
        return Optics(setup, self.module_px, self.region, self.joined, self.graded)


class GatePart(_Part):
    kind: Literal["list", "plc"] = "list"
    address: str = Field(default="", pattern=r"^([^:\s]+:[0-9]{1,5})?$")

    @model_validator(mode="after")
    def _reachable(self) -> "GatePart":
        if (self.kind == "plc") != bool(self.address):
            raise ValueError("a plc has an address, and a list has none")
        return self


class PacePart(_Part):
    window: int | None = Field(default=None, ge=1, le=10_000)
    look_s: float = Field(default=PACE.look_s, gt=0, le=10)
    settle_s: float = Field(default=PACE.settle_s, gt=0, le=600)
    patience_s: float = Field(default=PACE.patience_s, gt=0, le=86_400)
    reject_limit: int = Field(default=PACE.reject_limit, ge=1, le=1000)
    lowest_grade: float | None = Field(default=PACE.lowest_grade, ge=0, le=4)


class AheadPart(_Part):
    hours: float = Field(default=AHEAD.hours, ge=0, le=24 * 30)
    per_hour: int = Field(default=AHEAD.per_hour, ge=1, le=1_000_000)
    report_s: float = Field(default=AHEAD.report_s, ge=0, le=3600)
    heartbeat_s: float = Field(default=AHEAD.heartbeat_s, gt=0, le=3600)
    retry_s: float = Field(default=AHEAD.retry_s, gt=0, le=3600)


class LineFile(_Part):
    platform: str = Field(min_length=1)
    key_file: Path | None = None
    folder: Path
    pack_size: int | None = Field(default=None, ge=1)
    printer: PrinterPart
    camera: CameraPart
    gate: GatePart = GatePart()
    pace: PacePart = PacePart()
    ahead: AheadPart = AheadPart()


@dataclass(frozen=True, slots=True)
class ShutGate:
    """No gate is wired: nothing is let through by software, a person sorts by the station's list."""

    def allow(self, tag: int) -> None:
        """The list is the journal."""

    def trouble(self) -> Trouble | None:
        return None

    def close(self) -> None:
        """There is nothing to let go."""


def read(path: Path) -> LineFile:
    """Paths in it become absolute. Raises BadLineFile."""
    try:
        said = LineFile.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise BadLineFile(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadLineFile(f"{path} is no TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadLineFile(f"{path}: {where}: {first['msg']}.") from error
    beside = path.resolve().parent
    changes: dict[str, Any] = {"folder": beside / said.folder}
    if said.camera.folder is not None:
        changes["camera"] = said.camera.model_copy(update={"folder": beside / said.camera.folder})
    if said.key_file:
        changes["key_file"] = beside / said.key_file
    if not said.platform.startswith(("http://", "https://")):
        changes["platform"] = str(beside / said.platform)
    return said.model_copy(update=changes)


def open_platform(said: LineFile) -> HttpPlatform | FolderPlatform:
    """Raises BadLineFile."""
    if not said.platform.startswith(("http://", "https://")):
        return FolderPlatform(Path(said.platform))
    if said.key_file is None:
        raise BadLineFile("key_file is missing: put there what `onecode line enrol` printed at the office.")
    try:
        key = said.key_file.read_text().strip()
    except OSError as error:
        raise BadLineFile(f"key_file {said.key_file} cannot be read: {error.strerror}.") from error
    return HttpPlatform(said.platform, key)


def open_printer(said: PrinterPart) -> Printer:
    """Raises BadLineFile."""
    try:
        return connect(said.protocol, said.address, said.options)
    except BadPrinter as error:
        raise BadLineFile(f"printer: {error.detail}") from error


def open_eye(said: CameraPart, folder: Path) -> Eye:
    """folder: of the station; pictures of rejects are kept in it."""
    shelf = RejectShelf(folder / "rejects")
    if said.folder is not None:
        return FolderEye(said.folder, optics=said.optics(), shelf=shelf)
    assert said.address is not None
    return LiveEye(open_camera(said.address), said.optics(), shelf=shelf)


def open_gate(said: GatePart, station: str) -> Gate:
    if said.kind == "list":
        return ShutGate()
    host, _, port = said.address.rpartition(":")
    return PlcGate(host, int(port), station)


def open_station(
    name: str,
    said: LineFile,
    platform: Platform,
    on_step: Callable[[Step], object] = lambda _: None,
    halted: Callable[[], bool] = lambda: False,
) -> Station:
    """A station with a key of its own, registered where the platform can be reached. Raises BadLineFile, BadKey."""
    return Station(
        name,
        platform=platform,
        printer=open_printer(said.printer),
        eye=open_eye(said.camera, said.folder),
        gate=open_gate(said.gate, name),
        folder=said.folder,
        pace=Pace(**said.pace.model_dump()),
        ahead=Ahead(**said.ahead.model_dump()),
        seal=open_seal(said.folder),
        pack_size=said.pack_size,
        on_step=on_step,
        halted=halted,
    )


def introduce(name: str, said: LineFile, platform: HttpPlatform) -> None:
    """Register the station's public key. Raises PlatformAway, PlatformRefuses, BadKey."""
    called = platform.register(open_seal(said.folder).public)
    if called != name:
        raise PlatformRefuses(f"The key in {said.key_file} is of station {called}, not of {name}; use its own.")
