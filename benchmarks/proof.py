"""A second opinion on a PDF: poppler draws its pages, and every symbol on them is read."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from codegen import reader


def decoded(pdf: Path, *, first: int = 1, last: int = 1, dpi: int = 300) -> list[str]:
    """Texts of every symbol on these pages, which count from 1. Needs Debian's poppler-utils.

    Where there are QR symbols nothing else is looked for: Code 128 has a check of 1 in 103, and once in many pages it
    reads six digits out of rows of modules.
    """
    texts: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        pages = ["-f", str(first), "-l", str(last), "-r", str(dpi), "-gray", "-q"]
        subprocess.run(["pdftoppm", *pages, str(pdf), f"{folder}/page"], check=True)
        for page in sorted(Path(folder).iterdir()):
            with Image.open(page) as drawn:
                page_grey = np.asarray(drawn.convert("L"), dtype=np.uint8)
                every = reader.read(page_grey, qr_first=True)
                texts += [one.text for one in [one for one in every if one.details is not None] or every]
    return texts
