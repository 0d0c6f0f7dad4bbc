r"""IPP over HTTP, port 631: one job a label, named by our index, so that a printer can be asked for it again.

Source: RFC 8011; tried on CUPS's own ippeveprinter. A printer forgets finished jobs after a while: of those it says
nothing any more, and what is finished behind them is taken to mean that they are finished too.

| number                           | meaning                                                                              |
| -------------------------------- | ------------------------------------------------------------------------------------ |
| 0002 000A 000B                   | operations Print-Job, Get-Jobs, Get-Printer-Attributes                               |
| below 0100                       | status: done                                                                         |
| 0506 0507                        | status: not accepting jobs, busy: nothing was taken                                  |
| job-state 3 4 5 6                | pending, held, processing, stopped: waits                                            |
| job-state 7 8                    | canceled, aborted: will never be printed                                             |
| job-state 9                      | completed: the printer is done with the job, which proves no readable label          |
| printer-state 5                  | stopped; printer-state-reasons say why                                               |
"""  # noqa: E501

import io
from dataclasses import asdict
from typing import Final

import httpx
from PIL import Image

from codegen import case_labels, symbols
from printer_jobs.drivers import zpl
from printer_jobs.drivers.ipp_message import (
    CHARSET,
    INTEGER,
    JOB,
    KEYWORD,
    LANGUAGE,
    MIME,
    NAME,
    OPERATION,
    URI,
    Attribute,
    Message,
    decode,
    encode,
)
from printer_jobs.drivers.link import Garbled
from printer_jobs.drivers.printer import (
    Busy,
    Capabilities,
    CaseLabel,
    Fault,
    ItemLabel,
    Label,
    LabelRefused,
    LinkLost,
    PrinterStatus,
)

PORT: Final = 631
PRINT_JOB, GET_JOBS, GET_PRINTER_ATTRIBUTES = 0x0002, 0x000A, 0x000B
NOT_ACCEPTING, BUSY, REFUSED = 0x0506, 0x0507, 0x0100
STOPPED, DROPPED, COMPLETED = 5, (7, 8), 9
FINAL = (*DROPPED, COMPLETED)
ITEM, CASE = "onecode-", "onecode-case-"
ZPL, PDF = "application/vnd.zebra-zpl", "application/pdf"
REMEMBERED_JOBS = 200
REASONS = {
    "media-empty": Fault.PAPER_OUT,
    "media-needed": Fault.PAPER_OUT,
    "media-jam": Fault.JAM,
    "cover-open": Fault.HEAD_OPEN,
    "door-open": Fault.HEAD_OPEN,
    "marker-supply-empty": Fault.RIBBON_OUT,
    "paused": Fault.PAUSED,
}

CAPABILITIES = Capabilities(
    queue=4,
    queue_readable=True,
    print_event=True,
    event_identified=True,
    resumable=True,
    longest_field=None,
    static_prefix=False,
    verified=False,
    documented=True,
    case_labels=True,
)


class IppPrinter:
    """path: of the printer on its host. format: the MIME type labels are sent in, ZPL or PDF."""

    capabilities = CAPABILITIES

    def __init__(
        self, host: str, port: int = PORT, *, timeout_s: float = 2.0, path: str = "/ipp/print", format: str = ZPL
    ) -> None:
        self.name, self.format = f"{host}:{port}", format
        self.url, self.uri = f"http://{host}:{port}{path}", f"ipp://{host}:{port}{path}"
        self._client, self.timeout_s = httpx.Client(), timeout_s
        self._request = 0
        self._jobs: dict[str, int] = {}  # name to state, of every job of ours the printer was seen to hold

    def connect(self) -> None:
        self.close()
        self._client = httpx.Client(timeout=self.timeout_s, trust_env=False)
        self._ask(GET_PRINTER_ATTRIBUTES)

    def begin(self) -> None:
        self._jobs.clear()

    def print(self, label: Label) -> None:
        name = f"{ITEM}{label.index}" if isinstance(label, ItemLabel) else f"{CASE}{label.sscc}"
        about: list[Attribute] = [(NAME, "job-name", [name]), (MIME, "document-format", [self.format])]
        answer = self._ask(PRINT_JOB, *about, document=document_of(label, self.format))
        if answer.code in (NOT_ACCEPTING, BUSY):
            raise Busy
        if answer.code >= REFUSED:
            code = f"{answer.code:04x}"
            raise LabelRefused(f"The printer refuses the job with IPP status {code}: check the option format.")
        self._jobs[name] = 3

    def status(self) -> PrinterStatus:
        try:
            printer = self._ask(GET_PRINTER_ATTRIBUTES)
            for which in ("completed", "not-completed"):  # In this order a job that moves is seen at least once.
                self._remember(which)
        except _Silent:
            return PrinterStatus(frozenset({Fault.NOT_RESPONDING}), None)
        items = sorted((int(name.removeprefix(ITEM)), state) for name, state in self._jobs.items() if CASE not in name)
        unfinished = [index for index, state in items if state not in FINAL]
        upto = unfinished[0] - 1 if unfinished else items[-1][0] if items else None
        return PrinterStatus(
            faults=_faults(printer),
            waiting=sum(state not in FINAL for state in self._jobs.values()),
            upto=upto,
            dropped=frozenset(index for index, state in items if state in DROPPED),
        )

    def close(self) -> None:
        self._client.close()

    def _remember(self, which: str) -> None:
        wanted: list[Attribute] = [
            (INTEGER, "limit", [REMEMBERED_JOBS]),
            (KEYWORD, "requested-attributes", ["job-name", "job-state"]),
            (KEYWORD, "which-jobs", [which]),
        ]
        for job in self._ask(GET_JOBS, *wanted).each(JOB):
            name, state = job.get("job-name", [""])[0], job.get("job-state", [0])[0]
            if (
                isinstance(name, str)
                and isinstance(state, int)
                and _is_ours(name)
                and self._jobs.get(name) not in FINAL
            ):
                self._jobs[name] = state

    def _ask(self, operation: int, *about: Attribute, document: bytes = b"") -> Message:
        self._request += 1
        head: list[Attribute] = [
            (CHARSET, "attributes-charset", ["utf-8"]),
            (LANGUAGE, "attributes-natural-language", ["en"]),
            (URI, "printer-uri", [self.uri]),
            (NAME, "requesting-user-name", ["onecode"]),
        ]
        body = encode(Message(operation, self._request, [(OPERATION, [*head, *about])], document))
        try:
            answer = self._client.post(self.url, content=body, headers={"Content-Type": "application/ipp"})
            if answer.status_code != httpx.codes.OK:
                raise Garbled(f"HTTP {answer.status_code}")
            message = decode(answer.content)
        except httpx.TimeoutException as error:
            raise _Silent(f"The printer at {self.name} answered what its protocol does not allow: nothing.") from error
        except (Garbled, httpx.RemoteProtocolError) as error:
            raise LinkLost(f"The printer at {self.name} answered what its protocol does not allow: {error}.") from error
        except httpx.HTTPError as error:
            raise LinkLost(f"No connection to the printer at {self.name}: {error}.") from error
        if message.request != self._request:
            raise LinkLost(f"The printer at {self.name} answered another question.")
        return message


class _Silent(LinkLost):
    """No answer in time: what was asked for may have been done."""


def document_of(label: Label, mime: str) -> bytes:
    """The label in one of the two formats. Raises LabelRefused for another."""
    if mime == ZPL:
        return zpl.format_of(label)
    if mime != PDF:
        raise LabelRefused(f"Labels are sent as {ZPL} or {PDF}, not as {mime}: correct the option format.")
    match label:
        case ItemLabel(code=code, name=name, note=note):
            return _pdf(symbols.label_picture(code, name=name, note=note))
        case CaseLabel():
            return _pdf(case_labels.picture(**asdict(label)))


def _pdf(picture: symbols.Picture) -> bytes:
    """One page at the picture's own 12 dots to the millimetre."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PDF", resolution=12 * 25.4)
    return out.getvalue()


def _is_ours(name: str) -> bool:
    return name.startswith(CASE) or (name.startswith(ITEM) and name.removeprefix(ITEM).isdecimal())


def _faults(printer: Message) -> frozenset[Fault]:
    reasons = {str(reason).removesuffix("-error") for reason in printer.values("printer-state-reasons")}
    faults = {fault for reason, fault in REASONS.items() if reason in reasons}
    if printer.values("printer-state") == [STOPPED] and not faults:
        faults.add(Fault.OTHER)
    return frozenset(faults)
