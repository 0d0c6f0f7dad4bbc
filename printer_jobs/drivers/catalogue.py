"""Every protocol a line can print with, by name: what it can prove, what it may be told, and the way to a printer.

A protocol whose maker's manual was not seen stays off until `allow_unverified` is given: its bytes come from other
people's drivers and logs, and a wrong byte on a fast line costs a shift.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from foundation.errors import BadRequest
from printer_jobs.drivers import codenet, file, hitachi, ipp, ngpcl, tspl, wsi, zipher, zpl
from printer_jobs.drivers.paired import PairedPrinter
from printer_jobs.drivers.printer import Capabilities, Printer

NEEDS_THE_MANUAL = {"linx": "Linx RCI", "rci": "Linx RCI"}


class BadPrinter(BadRequest):
    """A printer's protocol, address or options are wrong."""

    type = "bad-printer"


@dataclass(frozen=True, slots=True)
class Driver:
    """make: (host, port, **options), or (path, **options) where port is None. options: their types."""

    name: str
    capabilities: Capabilities
    make: Callable[..., Printer]
    port: int | None
    options: Mapping[str, type]


TIMEOUT: Mapping[str, type] = {"timeout_s": float}
CODER: Mapping[str, type] = {**TIMEOUT, "prefix": str}

DRIVERS: dict[str, Driver] = {
    "codenet": Driver("Codenet", codenet.CAPABILITIES, codenet.CodenetPrinter, codenet.PORT, {**CODER, "label": str}),
    "file": Driver("files", file.CAPABILITIES, file.FilePrinter, None, {"batch": int}),
    "hitachi": Driver("Hitachi", hitachi.CAPABILITIES, hitachi.HitachiPrinter, hitachi.PORT, CODER),
    "ipp": Driver("IPP", ipp.CAPABILITIES, ipp.IppPrinter, ipp.PORT, {**TIMEOUT, "path": str, "format": str}),
    "ngpcl": Driver("NGPCL", ngpcl.CAPABILITIES, ngpcl.NgpclPrinter, ngpcl.PORT, {**CODER, "job": str, "field": str}),
    "tspl": Driver("TSPL", tspl.CAPABILITIES, tspl.TsplPrinter, tspl.PORT, TIMEOUT),
    "wsi": Driver("WSI", wsi.CAPABILITIES, wsi.WsiPrinter, wsi.PORT, {**CODER, "message": str, "field": str}),
    "zipher": Driver(
        "Zipher text",
        zipher.CAPABILITIES,
        zipher.ZipherPrinter,
        zipher.PORT,
        {**CODER, "job": str, "field": str},
    ),
    "zpl": Driver("ZPL II", zpl.CAPABILITIES, zpl.ZplPrinter, zpl.PORT, {**TIMEOUT, "mask": int, "alerts": str}),
}


def driver(protocol: str) -> Driver:
    """Raises BadPrinter for a name that is none."""
    if protocol in NEEDS_THE_MANUAL:
        raise BadPrinter(f"{NEEDS_THE_MANUAL[protocol]} is not built in: it needs the maker's manual.")
    if protocol not in DRIVERS:
        raise BadPrinter(f"No printer speaks {protocol!r}; choose one of {', '.join(DRIVERS)}.")
    return DRIVERS[protocol]


def connect(protocol: str, address: str, options: Mapping[str, Any] | None = None) -> Printer:
    """A printer at `address` (host:port, or host alone for the protocol's usual port), not yet spoken to.

    options: as the driver's table has them; allow_unverified for one without its maker's manual; cases, the address of
    a ZPL printer for case labels beside a coder. The station opens the link. Raises BadPrinter naming what is wrong.
    """
    chosen, given = driver(protocol), dict(options or {})
    allowed = given.pop("allow_unverified", False)
    if not chosen.capabilities.documented and allowed is not True:
        raise BadPrinter(
            f"The {chosen.name} driver was written without the maker's manual and never tried on a printer;"
            " set allow_unverified = true if you will try it yourself."
        )
    cases = given.pop("cases", None)
    if cases is not None and (chosen.capabilities.case_labels or not isinstance(cases, str)):
        raise BadPrinter(
            f"The option cases is the address of a second printer for a coder; {protocol} takes no {cases!r}."
        )
    _check(protocol, chosen, given)
    printer = chosen.make(*_place(protocol, chosen, address), **given)
    return printer if cases is None else PairedPrinter(printer, connect("zpl", cases))


def _check(protocol: str, chosen: Driver, given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if name not in chosen.options:
            known = ", ".join(sorted([*chosen.options, "allow_unverified"]))
            raise BadPrinter(f"A {protocol} printer has no option {name!r}; it has {known}.")
        kind = chosen.options[name]
        fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
        if not fits or (isinstance(value, bool) and kind is not bool):
            raise BadPrinter(f"The option {name} of a {protocol} printer is a {kind.__name__}, not {value!r}.")


def _place(protocol: str, chosen: Driver, address: str) -> tuple[Any, ...]:
    if chosen.port is None:
        return (address,)
    host, colon, port = address.rpartition(":")
    if not colon:
        host, port = address, str(chosen.port)
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise BadPrinter(
            f"The address of a {protocol} printer is host:port, such as 10.0.0.5:{chosen.port}, not {address!r}."
        )
    return host, int(port)
