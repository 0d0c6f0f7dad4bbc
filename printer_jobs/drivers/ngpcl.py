r"""Markem-Imaje NGPCL: a job of one print per code, and the field read back before it counts.

Sources: a public server and an emulator; the protocol document v25 is confidential, only its title was seen, so
`documented` is False. TCP 21000 or 2000 by configuration. Forbidden in data: | { } ~

| bytes, each with CR behind it        | answer                                       | meaning                             |
| ------------------------------------ | -------------------------------------------- | ----------------------------------- |
| {~JS0\|job\|1\|field\|value\|}       | {~JS0\|} done, {~JS1\|} refused              | start job for one print             |
| {~FR\|field\|}                       | {~FC0\|field\|value\|}, {~FC1\|} unknown     | read a field back                   |
| {~DR\|}                              | {~DS0\|8 values\|state\|n\|}                 | state: PackML, 6 execute 4 idle 17 complete 2 stopped 9 aborted 11 held 5 suspended |
| anything else                        | {~NK1\|}                                     | unknown                             |

The printer accepts unknown fields silently: what it read back is compared with what was sent. Allocation 1 means that
nothing is printed twice; a job that is complete, or idle again, has printed.
"""  # noqa: E501

from typing import Final

from printer_jobs.drivers.link import Garbled, Link
from printer_jobs.drivers.printer import Busy, Capabilities, Fault, Label, LabelRefused, PrinterStatus
from printer_jobs.drivers.wording import Wording

PORT: Final = 21000
EXECUTE, DONE = 6, (4, 17)
STATE_FAULTS = {2: Fault.NOT_STARTED, 5: Fault.PAUSED, 11: Fault.PAUSED, 9: Fault.OTHER}
STATE_AT = 8  # of the parts behind DS0

CAPABILITIES = Capabilities(
    queue=1,
    queue_readable=False,
    print_event=True,  # by the state
    event_identified=False,
    resumable=False,
    longest_field=None,
    static_prefix=True,
    verified=False,
    documented=False,
)


class NgpclPrinter:
    """job: the stored job. field: the one in it for the code. prefix: what the job holds of it."""

    capabilities = CAPABILITIES

    def __init__(
        self,
        host: str,
        port: int = PORT,
        *,
        timeout_s: float = 1.0,
        job: str = "ONECODE",
        field: str = "CODE",
        prefix: str = "",
    ) -> None:
        self.job, self.field = job, field
        self._wording = Wording(prefix, None, forbidden="|{}~")
        self._link = Link(host, port, timeout_s=timeout_s)
        self._taken = self._printed = 0

    def connect(self) -> None:
        self._link.open()
        self._taken = self._printed = 0

    def begin(self) -> None:
        """Every code starts its own job."""

    def print(self, label: Label) -> None:
        text = self._wording.text(label)
        if self._state() == EXECUTE:
            raise Busy
        self._printed = self._taken
        if self._ask(f"JS0|{self.job}|1|{self.field}|{text}|")[0] != "JS0":
            raise LabelRefused(f"The printer has no job {self.job}: load it, or set job.")
        head, *parts = self._ask(f"FR|{self.field}|")
        if head != "FC0":
            raise LabelRefused(f"The job {self.job} has no field {self.field}: set field.")
        if parts[1:2] != [text]:
            raise self._link.garbled(f"{parts[1:2]} read back instead of {text}")
        self._taken += 1

    def status(self) -> PrinterStatus:
        self._link.forget()
        state = self._state(silence=True)
        if state is None:
            return PrinterStatus(frozenset({Fault.NOT_RESPONDING}), None)
        if state in DONE:
            self._printed = self._taken
        faults = {STATE_FAULTS[state]} if state in STATE_FAULTS else set()
        waiting = max(self._taken - self._printed, int(state == EXECUTE))
        return PrinterStatus(frozenset(faults), waiting, printed=self._printed)

    def close(self) -> None:
        self._link.close()

    def _state(self, *, silence: bool = False) -> int | None:
        answer = self._answer("DR|")
        if answer is None and silence:
            return None
        head, *parts = answer or [""]
        if head != "DS0" or len(parts) <= STATE_AT or not parts[STATE_AT].isdecimal():
            raise self._link.garbled(f"{'|'.join(answer or [])[:40] or 'nothing'} for its state")
        return int(parts[STATE_AT])

    def _ask(self, words: str) -> list[str]:
        answer = self._answer(words)
        if answer is None:
            raise self._link.garbled(f"nothing, to {words[:3]}")
        if answer[0] == "NK1":
            raise LabelRefused(f"The printer does not know the command {words[:2]}: check its model.")
        return answer

    def _answer(self, words: str) -> list[str] | None:
        self._link.send(b"{~" + words.encode("ascii") + b"}\r")
        frame = self._link.frame(_end)
        return None if frame is None else frame.decode("latin-1").strip("\r\n{}~").split("|")


def _end(heard: bytes) -> int | None:
    start = heard.lstrip(b"\r\n")
    if start and not b"{~".startswith(start[:2]):
        raise Garbled(repr(start[:40]))
    at = heard.find(b"}")
    return None if at < 0 else at + 1
