"""P2: QR symbols a second on one core beside segno, and print-ready PDF with Chinese text, read back by poppler.

Both sides make the same version, level and mask, and their modules are compared. Symbols are packed bits; the PDF is
codes, symbols, words, pages and compression, on disk.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import segno

from benchmarks import forgeries, proof
from codegen import qr, qr_masks, templates, wire
from codegen.imposition import Imposition
from codegen.label_run import LabelRun
from codegen.run_symbol import SymbolWish
from codegen.runs import Listed
from codegen.sheets import Sheets

SYMBOLS, AUTO_SYMBOLS, SEGNO_SYMBOLS, SHEET_CODES, READ_PAGES = 1_000_000, 40_000, 300, 400_000, 40
TEMPLATE = {
    "size_mm": [40, 20],
    "dpi": 600,
    "symbol": {"kind": "qr", "at_mm": [2, 2.5], "modules": 29, "module_dots": 10},
    "texts": [
        {"text": "{product_zh}", "at_mm": [17, 2], "width_mm": 22, "height_mm": 3},
        {"text": "扫码辨真伪 No. {index}", "at_mm": [17, 6], "width_mm": 22, "height_mm": 2.2},
        {"text": "{grouped}", "at_mm": [17, 14], "width_mm": 22, "height_mm": 2},
    ],
}


def run() -> dict[str, Any]:
    """Figures of one run on one core; rates per second."""
    ring, _, runs = forgeries.keys()
    run = runs.get(1)
    assert run is not None
    start = wire.prefix(gtin=run.gtin, host=run.host)
    symbol = SymbolWish().settle(start, 20)
    assert symbol.mask is not None
    encoder = symbol.encoder(start, 20)
    texts = qr.sample_texts(start, 20, SYMBOLS)
    ours = _rate(SYMBOLS, lambda: _in_blocks(encoder, texts, symbol.mask or 0))
    auto = _rate(AUTO_SYMBOLS, lambda: qr_masks.encode_best(encoder, texts[:AUTO_SYMBOLS]))
    some = [bytes(text).decode() for text in texts[:SEGNO_SYMBOLS]]
    kind: dict[str, Any] = {"error": "M", "version": symbol.version, "mask": symbol.mask, "boost_error": False}
    theirs = _rate(SEGNO_SYMBOLS, lambda: [segno.make_qr(text, **kind) for text in some])
    drawn = encoder.modules(encoder.encode(texts[:SEGNO_SYMBOLS], symbol.mask))
    same = all(
        np.array_equal(np.array([list(row) for row in segno.make_qr(text, **kind).matrix], dtype=np.bool_), modules)
        for text, modules in zip(some, drawn, strict=True)
    )
    listed = Listed(run, "bench", symbol, datetime(2026, 1, 1, tzinfo=UTC), None)
    return {
        "symbols_per_s": round(ours),
        "symbols_own_mask_per_s": round(auto),
        "segno_per_s": round(theirs),
        "ratio_to_segno": round(ours / theirs),
        "same_modules": same,
        **_sheets(listed, ring),
    }


def _in_blocks(encoder: qr.Encoder, texts: qr.Letters, mask: int) -> None:
    """As a press takes them; a million symbols at once would measure the memory."""
    for at in range(0, len(texts), 65_536):
        encoder.encode(texts[at : at + 65_536], mask)


def _sheets(listed: Listed, ring: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="oc-bench-") as folder:
        layout = templates.parse(json.dumps(TEMPLATE).encode(), folder=Path(folder))
        plan = Imposition(layout, 0, SHEET_CODES, lanes=6, repeats=12).check()
        sheets, path = Sheets(LabelRun(layout, listed, ring).check(), plan), Path(folder) / "sheets.pdf"
        rates = [_rate(SHEET_CODES, lambda n=n: _write(sheets, path, n)) for n in (1, os.cpu_count() or 1)]  # type: ignore[misc]
        step = plan.pages // READ_PAGES
        wanted, found = 0, 0
        for page in range(1, plan.pages + 1, step):
            places = plan.places(page - 1)
            codes = {bytes(code).decode() for code in sheets.labels.codes(places[places >= 0])}
            wanted += len(codes)
            found += len(codes & set(proof.decoded(path, first=page, last=page)))
        return {
            "pdf_codes_per_s": round(rates[0]),
            "pdf_codes_per_s_all_cores": round(rates[1]),
            "pdf_bytes_per_code": round(path.stat().st_size / SHEET_CODES),
            "read_back": wanted,
            "share_decoded": found / wanted,
        }


def _write(sheets: Sheets, path: Path, workers: int) -> None:
    with path.open("wb") as file:
        sheets.write(file, range(sheets.imposition.pages), workers=workers)
        file.flush()
        os.fsync(file.fileno())


def _rate(number: int, work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return number / (time.perf_counter() - begun)


if __name__ == "__main__":
    print(json.dumps(run()))
