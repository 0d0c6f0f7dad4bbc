"""Every virtual printer by the name of its protocol.

with start("zpl") as printer:
    connect("zpl", printer.address, printer.options)
"""

from pathlib import Path

from printer_jobs.drivers.catalogue import BadPrinter
from printer_jobs.virtual.codenet import VirtualCodenetPrinter
from printer_jobs.virtual.file import VirtualFilePrinter
from printer_jobs.virtual.hitachi import VirtualHitachiPrinter
from printer_jobs.virtual.ipp import VirtualIppPrinter
from printer_jobs.virtual.machine import Machine, Mishaps
from printer_jobs.virtual.ngpcl import VirtualNgpclPrinter
from printer_jobs.virtual.paper import Paper
from printer_jobs.virtual.tspl import VirtualTsplPrinter
from printer_jobs.virtual.wsi import VirtualWsiPrinter
from printer_jobs.virtual.zipher import VirtualZipherPrinter
from printer_jobs.virtual.zpl import VirtualZplPrinter

MACHINES: dict[str, type[Machine]] = {
    machine.protocol: machine
    for machine in (
        VirtualCodenetPrinter,
        VirtualFilePrinter,
        VirtualHitachiPrinter,
        VirtualIppPrinter,
        VirtualNgpclPrinter,
        VirtualTsplPrinter,
        VirtualWsiPrinter,
        VirtualZipherPrinter,
        VirtualZplPrinter,
    )
}


def start(
    protocol: str,
    *,
    port: int = 0,
    out: Path | None = None,
    mishaps: Mishaps | None = None,
    paper: Paper | None = None,
) -> Machine:
    """A running printer, to be used as a context manager or closed.

    `.address` and `.options` are what `drivers.catalogue.connect` takes, `.texts` all it ever printed, `.since` its
    labels as pictures, `.mishaps` and `.fail(fault)` what goes wrong. port: 0 = any. out: a folder for the pictures.
    Raises BadPrinter for an unknown name, OSError for a port that is taken.
    """
    if protocol not in MACHINES:
        raise BadPrinter(f"There is no virtual {protocol!r} printer; choose one of {', '.join(MACHINES)}.")
    return MACHINES[protocol](port=port, out=out, mishaps=mishaps, paper=paper)
