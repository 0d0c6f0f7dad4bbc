"""What a coder is sent of a label: the code, or its end when the template in the printer holds the beginning."""

from dataclasses import dataclass

from printer_jobs.drivers.printer import ItemLabel, Label, LabelRefused


@dataclass(frozen=True, slots=True)
class Wording:
    """prefix: the fixed beginning that the template holds. longest: characters in the field, None = no limit.

    forbidden: letters that mean something else in the protocol.
    """

    prefix: str
    longest: int | None
    forbidden: str = ""

    def text(self, label: Label) -> str:
        """Printable ASCII. Raises LabelRefused, before a byte has left."""
        if not isinstance(label, ItemLabel):
            raise LabelRefused("A coder prints no case labels: give the line a label printer for its cases.")
        if not label.code.startswith(self.prefix):
            raise LabelRefused(f"The code {label.code} does not begin with {self.prefix}: correct the option prefix.")
        text = label.code.removeprefix(self.prefix)
        if self.longest is not None and len(text) > self.longest:
            raise LabelRefused(
                f"{len(text)} characters do not fit the printer's field of {self.longest}: put the fixed beginning of"
                " the code into the printer's template and name it in the option prefix."
            )
        for at, letter in enumerate(text):
            if letter in self.forbidden or not " " <= letter <= "~":
                raise LabelRefused(f"The letter {letter!r} at {at + 1} of {text} cannot be sent to this printer.")
        return text
