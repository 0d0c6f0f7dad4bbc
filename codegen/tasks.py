"""What code packages do by themselves: nobody acknowledged one in time, or one looks strange, and a person is told."""

from datetime import datetime

from codegen import package_log, packages
from foundation.background import every
from foundation.database import Tx


@every(60, "packages.expire")
def expire(tx: Tx, *, now: datetime) -> None:
    packages.expire(tx, now=now)


@every(300, "packages.warn")
def warn(tx: Tx, *, now: datetime) -> None:
    package_log.warn(tx, now=now)
