"""What a virtual printer is asked to put on paper, whatever language asked for it. Places and sizes in dots."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class QrField:
    """mask: 0-7 of ISO/IEC 18004."""

    x: int
    y: int
    magnification: int
    level: str
    mask: int
    text: str


@dataclass(frozen=True, slots=True)
class BarField:
    """Code 128. gs1: FNC1 leads and `text` is an element string with its AIs in parentheses."""

    x: int
    y: int
    module: int
    height: int
    gs1: bool
    text: str


@dataclass(frozen=True, slots=True)
class TextField:
    x: int
    y: int
    height: int
    text: str


@dataclass(frozen=True, slots=True)
class BoxField:
    x: int
    y: int
    width: int
    height: int
    border: int


@dataclass(frozen=True, slots=True)
class GraphicField:
    """dots: (height, width), True is black. text: of the symbol they show, empty where they show none."""

    x: int
    y: int
    dots: NDArray[np.bool_]
    text: str


Field = QrField | BarField | TextField | BoxField | GraphicField


@dataclass(frozen=True, slots=True)
class Format:
    """One label to print `copies` times."""

    width: int
    length: int
    copies: int
    fields: tuple[Field, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """What a camera can read on it."""
        symbols = (field for field in self.fields if isinstance(field, QrField | BarField | GraphicField))
        return tuple(field.text for field in symbols if field.text)


class Unprintable(ValueError):
    """A label asks for what no printer could print."""


def code_alone(text: str, *, magnification: int = 5) -> Format:
    """What a coder puts on a product: the symbol with its white border, 3-M, and nothing else."""
    side = (29 + 2 * 4) * magnification
    return Format(side, side, 1, (QrField(4 * magnification, 4 * magnification, magnification, "M", 7, text),))
