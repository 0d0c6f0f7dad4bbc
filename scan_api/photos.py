"""Photos of an appeal: what a phone sent, looked at, drawn anew, and sealed where no address leads.

A picture is believed only after it was decoded. It is drawn anew as JPEG without what a phone writes into it (place,
time, owner), at most 1600 pixels a side, and sealed with AES-256-GCM, bound to its name. Staff read it in the case.
"""

import base64
import io
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fsspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from PIL import Image, ImageOps, UnidentifiedImageError

from foundation.errors import BadRequest, NotFound
from foundation.ids import random_bytes

MOST_BYTES = 2 * 1024 * 1024
MOST_BASE64 = (MOST_BYTES + 2) // 3 * 4  # Characters, as it travels.
MOST_PIXELS = 40_000_000  # Twice a good phone's; a bomb of a few kilobytes has billions.
SIDE = 1600
KINDS = ("JPEG", "PNG", "WEBP")
NONCE = 12
FOLDER = re.compile(r"[0-9a-f]{32}")  # A UUIDv7, which says when it was made.
PURPOSE = "appeal photos"  # Of the key they are sealed with.


class BadPhoto(BadRequest):
    """The bytes are no picture of a known kind, or too many."""

    type = "bad-photo"


def redrawn(raw: bytes, name: str) -> bytes:
    """The picture as plain JPEG. name: which of the photos, for the sentence. Raises BadPhoto."""
    if len(raw) > MOST_BYTES:
        raise BadPhoto(f"The {name} has more than 2 MB; send a smaller picture.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(raw), formats=KINDS) as picture:
                return _jpeg(picture, name)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError,
            Image.DecompressionBombWarning) as error:  # fmt: skip
        raise BadPhoto(f"The {name} is no picture; send a JPEG, PNG or WebP.") from error


def _jpeg(picture: Image.Image, name: str) -> bytes:
    if picture.width * picture.height > MOST_PIXELS:
        raise BadPhoto(f"The {name} has more than 40 megapixels; send a smaller picture.")
    upright = ImageOps.exif_transpose(picture).convert("RGB")
    upright.thumbnail((SIDE, SIDE))
    plain = Image.new("RGB", upright.size)
    plain.paste(upright)
    out = io.BytesIO()
    plain.save(out, "JPEG", quality=82)
    return out.getvalue()


class Album:
    """Sealed photos under `<data folder>/appeals/<folder>/<name>`."""

    def __init__(self, data_dir: Path, key: bytes) -> None:
        self._files: Any = fsspec.filesystem("file", auto_mkdir=True)
        self._root, self._key = str(data_dir / "appeals"), key

    def keep(self, folder: str, photos: Mapping[str, bytes]) -> None:
        """Write what `redrawn` made."""
        for name, jpeg in photos.items():
            nonce = random_bytes(NONCE)
            sealed = nonce + AESGCM(self._key).encrypt(nonce, jpeg, f"{folder}/{name}".encode())
            with self._files.open(f"{self._root}/{folder}/{name}", "wb") as out:
                out.write(sealed)

    def read(self, folder: str, name: str) -> bytes:
        """JPEG. Raises NotFound for what is gone or was changed."""
        try:
            with self._files.open(f"{self._root}/{folder}/{name}", "rb") as kept:
                sealed = kept.read()
            return AESGCM(self._key).decrypt(sealed[:NONCE], sealed[NONCE:], f"{folder}/{name}".encode())
        except (FileNotFoundError, InvalidTag, ValueError) as error:
            raise NotFound("This photo is no longer there.") from error

    def drop(self, folder: str) -> None:
        """Delete a folder; nothing happens where there is none."""
        if self._files.exists(f"{self._root}/{folder}"):
            self._files.rm(f"{self._root}/{folder}", recursive=True)

    def folders(self) -> list[str]:
        """Every folder there is; what is not named as ours is left alone."""
        if not self._files.exists(self._root):
            return []
        names = (Path(path).name for path in self._files.ls(self._root, detail=False))
        return sorted(name for name in names if FOLDER.fullmatch(name))


def data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
