"""A virtual printer as a process of its own: labels sent to the port become pictures.

python -m printer_jobs.virtual zpl --port 9100 --out labels/
"""

import argparse
import threading
from contextlib import suppress
from pathlib import Path

from printer_jobs.drivers.catalogue import DRIVERS
from printer_jobs.virtual.catalogue import MACHINES, start
from printer_jobs.virtual.machine import Mishaps


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A virtual printer: labels sent to the port become pictures.")
    parser.add_argument("protocol", choices=sorted(MACHINES))
    parser.add_argument("--port", type=int, help="the protocol's usual one if not given; 0 = any")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds a label")
    chosen = parser.parse_args(arguments)
    port = (DRIVERS[chosen.protocol].port or 0) if chosen.port is None else chosen.port
    mishaps = Mishaps()
    mishaps.delay_s = chosen.delay
    try:
        printer = start(chosen.protocol, port=port, out=chosen.out, mishaps=mishaps)
    except OSError as error:
        print(f"Port {port} cannot be opened: {error.strerror}. Choose another with --port.")  # noqa: T201
        return 1
    with printer:
        print(f"Printing what arrives on {printer.address} into {chosen.out}. Ctrl-C stops.", flush=True)  # noqa: T201
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
