"""Code packages across database and disk: generate, find and delete the file. No FastAPI.

The file is written outside any transaction, for twenty million codes take half a minute; the statement that says
`generated` decides whose file becomes the package's. Killed in between, the package is still approved: generate again.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from codegen import keys as keyring
from codegen import manifests, package_files, packages, runs
from codegen.package_files import ENDINGS, Order, Written
from codegen.packages import Package
from foundation import clock, ids
from foundation.database import ReadTx, reading, transaction
from foundation.errors import Unavailable
from scan_api.house import House

YOUNG = timedelta(days=1)


class PackageFileMissing(Unavailable):
    """The file is not on this machine's disk; point ONECODE_DATA_DIR at the folder it was generated in."""

    type = "package-file-missing"


def generate(
    house: House, package_id: int, *, by: str, progress: Callable[[int, int], None] = lambda *_: None
) -> Package:
    """Write an approved package's file and manifest. Raises PackageElsewhere, CannotEncrypt, NoReceiverKey."""
    now = clock.now()
    # (1) What goes in? The canaries are issued here, the same ones if it is asked again.
    with transaction(house.engine) as tx:
        order = packages.prepare(tx, package_id, provider=house.keys, by=by, now=now)
        ring = keyring.load_ring(tx, house.keys)
        about = _about(tx, package_id, order, now)
    # (2) Write it where nobody looks yet.
    folder, name = _folder(house), f"package-{package_id}" + _ending(order)
    draft = folder / f"{name}.{ids.token_urlsafe(6)}.part"
    try:
        written = package_files.write(draft, order, ring, progress=lambda done: progress(done, order.n_lines))
        manifest = manifests.sign(about | _sizes(order, name, written), house.keys)
        # (3) One of two that generated at once gets its file in; the other learns that it came too late.
        with transaction(house.engine) as tx:
            found = packages.generated(tx, package_id, manifest=manifest, by=by, now=clock.now())
            draft.replace(folder / name)
    finally:
        draft.unlink(missing_ok=True)
    return found


def file_of(house: House, package: Package) -> Path:
    """Raises PackageFileMissing."""
    path = _folder(house) / package.file_name
    if not package.file_name or not path.is_file():
        raise PackageFileMissing(f"The file of package {package.id} is not on this machine; ask the brand.")
    return path


def discard(house: House, package: Package) -> None:
    """Delete the file of a package that ended."""
    if package.file_name:
        (_folder(house) / package.file_name).unlink(missing_ok=True)


def sweep(house: House, *, now: datetime) -> int:
    """Delete the files of packages that ended, and the drafts a kill left behind; how many files went.

    A file nobody names is left alone for a day: somebody may be writing it, or be about to say that it is theirs.
    """
    young = (now - YOUNG).timestamp()
    found = [path for path in _folder(house).iterdir() if path.is_file()]
    with reading(house.engine) as tx:
        known = packages.files(tx, [path.name for path in found])
    gone = [path for path in found if not known.get(path.name, path.stat().st_mtime >= young)]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def manifest_text(package: Package) -> bytes:
    """The manifest as a file for the receiver."""
    return json.dumps(package.manifest, ensure_ascii=False, indent=2).encode() + b"\n"


def _folder(house: House) -> Path:
    folder = house.settings.data_dir / "packages"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _ending(order: Order) -> str:
    return ENDINGS[order.form] + ENDINGS[order.compression] + ENDINGS[order.keys[0].method]


def _about(tx: ReadTx, package_id: int, order: Order, now: datetime) -> dict[str, Any]:
    listed = next(one for one in runs.list_runs(tx, brand_id=order.run.brand_id) if one.run.id == order.run.id)
    run, package = order.run, packages.get(tx, package_id)
    return {
        "package": package_id,
        "order": listed.order_id,
        "run": run.id,
        "product": {"gtin": run.gtin, "zh": run.product_zh, "en": run.product_en},
        "receiver": package.receiver,
        "face": order.face.name.lower(),
        "range": {"first": order.first - run.first + 1, "last": order.end - run.first},
        "count": order.end - order.first,
        "created": now.isoformat(),
    }


def _sizes(order: Order, name: str, written: Written) -> dict[str, Any]:
    return {
        "codes": {
            "form": order.form, "lines": order.n_lines, "bytes": written.codes_bytes, "sha256": written.codes_sha256,
        },
        "file": {
            "name": name, "compression": order.compression, "encryption": order.keys[0].method,
            "recipients": [key.fingerprint for key in order.keys],
            "bytes": written.file_bytes, "sha256": written.file_sha256,
        },
    }  # fmt: skip
