"""The real line behind the operator's page: its file, its station, its journals."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from printer_jobs import line_file, record
from printer_jobs.line_file import LineFile
from printer_jobs.platform import FolderPlatform
from printer_jobs.seal import open_seal
from printer_jobs.shift import Step
from printer_jobs.shift_report import Account, Language
from printer_jobs.station import Summary
from scan_api.line_desk import Job


class StationFloor:
    """Jobs from the platform, run by the station of a line's file. folder_job: of a memory stick, which names none."""

    def __init__(self, station: str, said: LineFile, folder_job: int | None = None) -> None:
        self._station, self._said, self._folder_job = station, said, folder_job
        self._names: dict[int, Job] = {}

    def jobs(self) -> Sequence[Job]:
        if self._folder_job is not None:
            return [Job(self._folder_job, f"#{self._folder_job}", f"#{self._folder_job}")]
        platform = line_file.open_platform(self._said)
        assert not isinstance(platform, FolderPlatform), "a memory stick comes with the number of its job"
        try:
            line_file.introduce(self._station, self._said, platform)
            found = [Job(one["id"], one["product_zh"], one["product_en"], one["open"]) for one in platform.jobs()]
        finally:
            platform.close()
        self._names |= {one.id: one for one in found}
        return found

    def run(self, job: int, on_step: Callable[[Step], object], halted: Callable[[], bool]) -> Summary:
        platform = line_file.open_platform(self._said)
        with closing(line_file.open_station(self._station, self._said, platform, on_step, halted=halted)) as station:
            return station.run(job)

    def account(self, job: int, language: Language) -> Account | None:
        name = self._names.get(job)
        product = "" if name is None else name.product_zh if language == "zh" else name.product_en
        return account_of(self._said.folder, job, product)


def account_of(folder: Path, job: int, product: str) -> Account | None:
    """From the journal in a station's folder, against its own key; None before there is one."""
    try:
        found = record.audit(folder / f"job-{job}.journal", [open_seal(folder).public])
    except record.NoRecord:
        return None
    if found.balance is None:
        return None
    return Account(job, product, found.balance, f"{found.lines} / {found.signed_to + 1}")
