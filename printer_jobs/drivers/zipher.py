r"""Zipher text protocol of Videojet CLARiTY thermal coders, serialization commands: every record carries our index.

Sources: service manuals and public drivers; the protocol manual itself is the maker's secret and was not seen, so
`documented` is False. General knowledge to be tried on a printer: TCP port 3002, the escape of `|` in data (none is
ever sent), the meaning of SRC while a record is in the head, the highest index.

| bytes, each with CR at the end         | answer                              | meaning                                     |
| -------------------------------------- | ----------------------------------- | ------------------------------------------- |
| (empty)                                |                                     | a leading CR resets the printer's parser    |
| GST                                    | STS\|overall\|error\|job\|batch\|total\| | overall 0 shut 1 starting 2 closing 3 running 4 off line; error 0 none 1 warnings 2 faults |
| GFT                                    | FLT\|n\|(code\|clearable\|text)*    | the faults                                  |
| SST\|3\| SST\|4\|                      | ACK                                 | go running, go off line                     |
| SEL\|job\|                             | ACK or ERR                          | choose the template                         |
| GJF\|job\|                             | JFL\|n\|field\|…\|                  | its fields                                  |
| SHO\|field\|                           | ACK                                 | the field a record fills                    |
| SCB                                    | ACK                                 | empty the buffer                            |
| SMR\|n\| SGM                           | ACK; SGM\|n\|                       | most records in the buffer                  |
| SID\|index\|value\|                    | ACK or ERR                          | one record under the host's index           |
| SLR                                    | SLR\|n\|                            | index printed last                          |
| SNI                                    | SNI\|n\|                            | index to be printed next                    |
| SRC                                    | SRC\|n\|                            | records in the buffer                       |
| asynchronous: PRS PRC STS ERS OUT QSZ JOB |                                  | passed over: SLR says more                  |

The start sequence contains SCB, so it runs once a job and never on a mere reconnect: SLR, SNI and SRC tell where the
printer is, and what waits is left to be printed.
"""  # noqa: E501

from typing import Final

from printer_jobs.drivers.link import Link
from printer_jobs.drivers.printer import Busy, Capabilities, Fault, ItemLabel, Label, LabelRefused, PrinterStatus
from printer_jobs.drivers.wording import Wording

PORT: Final = 3002
RUNNING, OFF_LINE = "3", "4"
FAULTS = "2"
HIGH_WATER = 150
EVENTS = {"PRS", "PRC", "STS", "ERS", "OUT", "QSZ", "JOB"}
FAULT_WORDS = {
    "RIBBON": Fault.RIBBON_OUT,
    "LABEL": Fault.PAPER_OUT,
    "PAPER": Fault.PAPER_OUT,
    "HEAD": Fault.HEAD_OPEN,
    "COVER": Fault.HEAD_OPEN,
}

CAPABILITIES = Capabilities(
    queue=HIGH_WATER,
    queue_readable=True,
    print_event=True,
    event_identified=True,
    resumable=True,
    longest_field=None,
    static_prefix=True,
    verified=False,
    documented=False,
)


class ZipherPrinter:
    """job: the template in the printer. field: the one in it for the code. prefix: what the template holds of it."""

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
        self._wording = Wording(prefix, None, forbidden="|")
        self._link = Link(host, port, timeout_s=timeout_s)

    def connect(self) -> None:
        self._link.open()
        self._link.send(b"\r")

    def begin(self) -> None:
        self._order(f"SST|{OFF_LINE}|", "The printer does not go off line: stop it by hand.")
        self._order(f"SEL|{self.job}|", f"The printer has no template {self.job}: load it or set job.")
        fields = self._ask(f"GJF|{self.job}|", "JFL")[1:]
        if self.field not in fields:
            raise LabelRefused(f"The template {self.job} has no field {self.field}: it has {', '.join(fields)}.")
        self._order(f"SHO|{self.field}|", f"The printer takes no serials for {self.field}: check its licence.")
        self._order("SCB", "The printer does not empty its buffer: empty it by hand.")
        self._order(f"SMR|{HIGH_WATER}|", f"The printer has no room for {HIGH_WATER} records: check its memory.")
        self._order(f"SST|{RUNNING}|", "The printer does not start: clear its faults.")

    def print(self, label: Label) -> None:
        text = self._wording.text(label)
        assert isinstance(label, ItemLabel)
        if self._obeys(f"SID|{label.index}|{text}|"):
            return
        if self._number("SRC") >= self._number("SGM"):
            raise Busy
        raise LabelRefused(f"The printer refuses record {label.index}: check that its job is {self.job}.")

    def status(self) -> PrinterStatus:
        silent = PrinterStatus(faults=frozenset({Fault.NOT_RESPONDING}), waiting=None)
        answer = self._answer("GST", "STS")
        if answer is None:
            return silent
        overall, error = (*answer, "", "")[:2]
        end, held = self._end_of_buffer()
        last = self._number("SLR")  # Asked last: what was printed meanwhile only takes from what waits.
        faults = self._faults() if error == FAULTS else set()
        if overall != RUNNING and not faults:
            faults.add(Fault.NOT_STARTED)
        # Of what waits, the first may be in the head already: gone from the buffer and not yet printed.
        in_order = not held or 0 <= end - last <= held + 1
        return PrinterStatus(
            faults=frozenset(faults),
            waiting=end - last if held and in_order else held,
            buffer_full=held >= HIGH_WATER,
            upto=last if in_order else None,
        )

    def close(self) -> None:
        self._link.close()

    def _end_of_buffer(self) -> tuple[int, int]:
        """The index of the last record and the number of records. SNI must not move while SRC is asked."""
        following = self._number("SNI")
        for _ in range(5):
            held, again = self._number("SRC"), self._number("SNI")
            if again == following:
                break
            following = again
        return following + held - 1, held

    def _faults(self) -> set[Fault]:
        texts = " ".join(self._ask("GFT", "FLT")[1:]).upper()
        return {fault for word, fault in FAULT_WORDS.items() if word in texts} or {Fault.OTHER}

    def _order(self, words: str, refusal: str) -> None:
        if not self._obeys(words):
            raise LabelRefused(refusal)

    def _obeys(self, words: str) -> bool:
        """Whether the answer was ACK; ERR is the other. Raises LinkLost for silence: was it heard?"""
        return self._ask(words, "ACK", "ERR")[0] == "ACK"

    def _number(self, name: str) -> int:
        (text, *_) = (*self._ask(name, name), "")
        if not text.isdecimal():
            raise self._link.garbled(f"{text!r} is no number for {name}")
        return int(text)

    def _ask(self, words: str, *heads: str) -> list[str]:
        answer = self._answer(words, *heads)
        if answer is None:
            raise self._link.garbled(f"nothing, to {words.split('|')[0]}")
        return answer

    def _answer(self, words: str, *heads: str) -> list[str] | None:
        """The parts of the answer behind its head, or the head itself of a bare one; None for silence."""
        self._link.send(words.encode("ascii") + b"\r")
        while (frame := self._link.frame(_end)) is not None:
            head, *parts = frame.decode("latin-1").rstrip("\r").split("|")
            if head in heads:
                return parts[:-1] if parts else [head]
            if head not in EVENTS:
                raise self._link.garbled(f"{frame[:40]!r} to {words.split('|')[0]}")
        return None


def _end(heard: bytes) -> int | None:
    at = heard.find(b"\r")
    return None if at < 0 else at + 1
