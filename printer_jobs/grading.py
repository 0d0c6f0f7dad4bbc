"""The grade of a printed QR or Data Matrix symbol, parameter by parameter. Pure.

ISO/IEC 15415:2011 (GB/T 23704-2017); thresholds for grades 4, 3, 2, 1, below is 0. The overall grade is the lowest.

| parameter | formula                                                                  | 4    | 3    | 2    | 1    |
| --------- | ------------------------------------------------------------------------ | ---- | ---- | ---- | ---- |
| DECODE    | the reference decode reads it                                            | yes  |      |      |      |
| SC        | symbol contrast Rmax - Rmin, one module of quiet zone included           | 0.70 | 0.55 | 0.40 | 0.20 |
| MOD       | modulation 2 |R - GT| / SC of a module, GT = (Rmax + Rmin) / 2           | 0.50 | 0.40 | 0.30 | 0.20 |
| RM        | reflectance margin: as MOD, and 0 for a module of the wrong colour       | 0.50 | 0.40 | 0.30 | 0.20 |
| FPD       | fixed pattern damage, of the worst segment                               | below                     |
| AN        | axial non-uniformity |X - Y| / ((X + Y) / 2)                             | 0.06 | 0.08 | 0.10 | 0.12 |
| GN        | grid non-uniformity: a crossing's largest distance from its place, in X  | 0.38 | 0.50 | 0.63 | 0.75 |
| UEC       | unused error correction 1 - 2t / (d - p), worst block                    | 0.62 | 0.50 | 0.37 | 0.25 |
| FORMAT    | QR: format information (from version 7: version information too)         | below                     |

MOD, RM: at each level L a codeword whose worst module is below L counts as an error; these errors have a UEC grade; the
grade is the highest min(L, that grade). FPD, FORMAT: a module is damaged at level L if it has the wrong colour or
a modulation below L; the damage of a segment has a grade; the highest min(L, that grade) counts, and the worst segment.

| damaged modules                 | 4 | 3    | 2    | 1    |
| ------------------------------- | - | ---- | ---- | ---- |
| finder, format, version: number | 0 | 1    | 2    | 3    |
| timing: share                   | 0 | 7 %  | 11 % | 14 % |
| alignment: share                | 0 | 10 % | 20 % | 30 % |

Data Matrix (ISO/IEC 16022, annex M): segments L1, L2 (the legs), Q1, Q2 (their quiet zones) and the worse clock track
with the solid area beside it. FPD is the worst of them, or the grade of their mean, if that is lower.

| of a Data Matrix                                                        | 4      | 3    | 2    | 1    |
| ----------------------------------------------------------------------- | ------ | ---- | ---- | ---- |
| leg, quiet zone: share of damaged modules, at most                      | 0      | 9 %  | 13 % | 17 % |
| clock track, solid area: share of damaged modules, below                | 10 %   | 15 % | 20 % | 25 % |
| clock track, solid area: regularity, of any five in a row               | <= 2 damaged | |      |      |
| transition ratio max(0, Ts - 1) / Tc, below; changes of colour along    | 0.06   | 0.08 | 0.10 | 0.12 |
| the solid area and along the clock track, by the global threshold       |        |      |      |      |
| mean of the five segments, at least                                     | 4      | 3.5  | 3.0  | 2.5  |

The damage tables, p and the clock's tests are from memory of ISO/IEC 18004 and 16022 and from what public verifiers say
of them, not compared with a bought copy. Print growth is reported and
not graded (2011). Direct marks (ISO/IEC TR 29158): contrast is (ML - MD) / ML with 0.30, 0.25, 0.20, 0.15, and
modulation is taken from the means of light and dark modules instead of the extremes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from codegen import datamatrix_layout
from codegen.qr_layout import NONE, Block, Layout, Place, blocks, layout
from printer_jobs.sampling import Modules, Real, Sampled, Setup

Standard = Literal["15415", "29158"]
Damage = dict[int, NDArray[np.bool_]]  # Level -> (n + 2, n + 2) damaged modules, a ring of quiet zone around.
Codewords = NDArray[np.int32]  # (n, n) the number of each module's codeword, NONE elsewhere.
CONTRAST = (0.70, 0.55, 0.40, 0.20)
CELL_CONTRAST = (0.30, 0.25, 0.20, 0.15)
MODULATION = (0.50, 0.40, 0.30, 0.20)
AXIAL = (0.06, 0.08, 0.10, 0.12)
GRID = (0.38, 0.50, 0.63, 0.75)
UNUSED = (0.62, 0.50, 0.37, 0.25)
FEW_MODULES = (0, 1, 2, 3)
TIMING_SHARE = (0.0, 0.07, 0.11, 0.14)
ALIGNMENT_SHARE = (0.0, 0.10, 0.20, 0.30)
LEG_SHARE = (0.0, 0.09, 0.13, 0.17)
CLOCK_SHARE = (0.10, 0.15, 0.20, 0.25)
TRANSITIONS = (0.06, 0.08, 0.10, 0.12)
IN_A_ROW, MOST_IN_A_ROW = 5, 2
MEAN_OF_SEGMENTS = (4.0, 3.5, 3.0, 2.5)
LETTERS = "FDCBA"
GROWTH_ROOM = 0.15  # A dark module may take 0.35 to 0.65 of a dark and light pair: nominal 0.5, either way.


@dataclass(frozen=True, slots=True)
class Parameter:
    """value: by the formula; None where there is only a grade."""

    name: str
    grade: int
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Grade:
    """overall: 4 (A) to 0 (F), the lowest parameter. growth: of dark modules, across and down; 1 is too much."""

    overall: int
    parameters: tuple[Parameter, ...]
    growth: tuple[float, float]
    setup: Setup
    standard: Standard

    def of(self, name: str) -> Parameter:
        return next(one for one in self.parameters if one.name == name)

    @property
    def letter(self) -> str:
        return LETTERS[self.overall]

    @property
    def label(self) -> str:
        """grade/aperture/wavelength/angle, called relative when the camera was not measured against a card."""
        if not self.setup.calibrated:
            return f"{self.overall:.1f} relative"
        wave = self.setup.wavelength_nm or ""
        return f"{self.overall:.1f}/{round(self.setup.aperture * 10):02}/{wave}/{self.setup.angle}"


def grade_qr(
    sampled: Sampled, nominal: Modules, *, version: int, level: str, setup: Setup, standard: Standard = "15415"
) -> Grade:
    """Grade a symbol that was read. nominal: (n, n) modules as they should be; level: of error correction, L to H."""
    where = layout(version)

    def fixed(damaged: Damage) -> tuple[Parameter, ...]:
        worst = min(_pattern(damaged, places, name) for name, places in _fixed(where))
        return Parameter("FPD", worst), Parameter("FORMAT", _format(where, damaged))

    return _grade(sampled, nominal, where.codeword, blocks(version, level), fixed, setup, standard)


def grade_data_matrix(sampled: Sampled, nominal: Modules, *, setup: Setup, standard: Standard = "15415") -> Grade:
    """Grade a square symbol of one data region that was read. nominal: (n, n) modules as they should be."""
    where = datamatrix_layout.layout(len(nominal))

    def fixed(damaged: Damage) -> tuple[Parameter, ...]:
        legs = [where.segments[name] for name in ("L1", "L2", "Q1", "Q2")]
        grades = [_best_level(damaged, places, LEG_SHARE, share=True) for places in legs]
        dark = damaged[0] ^ np.pad(nominal, 1)
        sides = [(where.segments[f"C{side}"], where.segments[f"S{side}"]) for side in (1, 2)]
        grades.append(min(_clock(damaged, dark, track, solid) for track, solid in sides))
        return (Parameter("FPD", min(*grades, _at_least(sum(grades) / len(grades), MEAN_OF_SEGMENTS))),)

    return _grade(sampled, nominal, where.codeword, datamatrix_layout.blocks(len(nominal)), fixed, setup, standard)


def _grade(
    sampled: Sampled, nominal: Modules, codeword: Codewords, parts: Sequence[Block],
    fixed: Callable[[Damage], tuple[Parameter, ...]], setup: Setup, standard: Standard,
) -> Grade:  # fmt: skip
    """fixed: the parameters of the symbology's own patterns."""
    tone = _tone(sampled, nominal, standard)
    wrong = tone.dark != np.pad(nominal, 1)
    margin = np.where(wrong, 0.0, tone.modulation)
    contrast = Parameter("SC" if standard == "15415" else "CC", _at_least(tone.contrast, tone.steps), tone.contrast)
    axial = abs(sampled.pitch_x - sampled.pitch_y) / ((sampled.pitch_x + sampled.pitch_y) / 2)
    unused = _unused(codeword, parts, wrong[1:-1, 1:-1])
    damaged = {step: wrong | (tone.modulation < MODULATION[4 - step]) for step in (4, 3, 2, 1)} | {0: wrong}
    parameters = (
        Parameter("DECODE", 4),
        contrast,
        Parameter("MOD", _by_codewords(codeword, parts, tone.modulation), float(tone.modulation[1:-1, 1:-1].min())),
        Parameter("RM", _by_codewords(codeword, parts, margin), float(margin[1:-1, 1:-1].min())),
        Parameter("AN", _at_most(axial, AXIAL), axial),
        Parameter("GN", _at_most(sampled.grid, GRID), sampled.grid),
        Parameter("UEC", _at_least(unused, UNUSED), unused),
        *fixed(damaged),
    )
    across, down = (wide / 2 / GROWTH_ROOM for wide in sampled.growth)
    return Grade(min(one.grade for one in parameters), parameters, (across, down), setup, standard)


def unread(setup: Setup, standard: Standard = "15415") -> Grade:
    """Of a symbol nobody could read."""
    return Grade(0, (Parameter("DECODE", 0),), (0.0, 0.0), setup, standard)


@dataclass(frozen=True, slots=True)
class _Tone:
    """What the brightness says. dark, modulation: (n + 2, n + 2), a ring of quiet zone around."""

    contrast: float
    steps: tuple[float, ...]
    dark: Modules
    modulation: Real


def _tone(sampled: Sampled, nominal: Modules, standard: Standard) -> _Tone:
    if standard == "15415":
        contrast = sampled.highest - sampled.lowest
        middle = (sampled.highest + sampled.lowest) / 2
        modulation = 2 * np.abs(sampled.around - middle) / contrast if contrast > 0 else np.zeros_like(sampled.around)
        return _Tone(contrast, CONTRAST, sampled.around < middle, modulation)
    light, dark = (float(sampled.reflectance[where].mean()) for where in (~nominal, nominal))
    middle = (light + dark) / 2
    contrast = (light - dark) / light if light > 0 else 0.0
    if light <= dark:
        return _Tone(0.0, CELL_CONTRAST, sampled.around < middle, np.zeros_like(sampled.around))
    apart = np.where(
        sampled.around >= middle,
        (sampled.around - middle) / (light - middle),
        (middle - sampled.around) / (middle - dark),
    )
    return _Tone(contrast, CELL_CONTRAST, sampled.around < middle, apart)


def _at_least(value: float, steps: Sequence[float]) -> int:
    return next((4 - nth for nth, step in enumerate(steps) if value >= step - 1e-9), 0)


def _at_most(value: float, steps: Sequence[float]) -> int:
    return next((4 - nth for nth, step in enumerate(steps) if value <= step + 1e-9), 0)


def _below(value: float, steps: Sequence[float]) -> int:
    return next((4 - nth for nth, step in enumerate(steps) if value < step - 1e-9), 0)


def _unused(codeword: Codewords, parts: Sequence[Block], wrong: Modules) -> float:
    """Unused error correction of the worst block, with the codewords of `wrong` modules as errors."""
    bad = set(codeword[wrong & (codeword != NONE)].tolist())
    worst = 1.0
    for part in parts:
        errors = sum(at in bad for at in part.codewords)
        worst = min(worst, 1 - 2 * errors / (part.correction - part.misdecode))
    return max(0.0, worst)


def _by_codewords(codeword: Codewords, parts: Sequence[Block], modulation: Real) -> int:
    """The highest min(level, UEC grade of the codewords below the level)."""
    inside = modulation[1:-1, 1:-1]
    return max(
        min(step, _at_least(_unused(codeword, parts, inside < MODULATION[4 - step] - 1e-9), UNUSED))
        for step in (4, 3, 2, 1)
    )


def _fixed(where: Layout) -> list[tuple[str, tuple[Place, ...]]]:
    return [(name, where.segments[name]) for name in ("A1", "A2", "A3", "B1", "B2", "C") if where.segments[name]]


def _pattern(damaged: Damage, places: tuple[Place, ...], name: str) -> int:
    steps: Sequence[float] = {"A": FEW_MODULES, "B": TIMING_SHARE, "C": ALIGNMENT_SHARE}[name[0]]
    return _best_level(damaged, places, steps, share=name[0] != "A")


def _format(where: Layout, damaged: Damage) -> int:
    """The better of the two copies; of version information too, where there is some."""
    kinds = [kind for kind in ("format", "version") if f"{kind}1" in where.segments]
    return min(
        max(_best_level(damaged, where.segments[f"{kind}{copy}"], FEW_MODULES, share=False) for copy in (1, 2))
        for kind in kinds
    )


def _clock(damaged: Damage, dark: Modules, track: tuple[Place, ...], solid: tuple[Place, ...]) -> int:
    """One clock track and the solid area beside it: the transition ratio, and the damage of each."""
    ratio = max(0, _changes(dark, solid) - 1) / max(1, _changes(dark, track))
    return min(_below(ratio, TRANSITIONS), _regular(damaged, track), _regular(damaged, solid))


def _changes(dark: Modules, places: tuple[Place, ...]) -> int:
    return int(np.count_nonzero(np.diff(dark[_at(places)])))


def _regular(damaged: Damage, places: tuple[Place, ...]) -> int:
    """The highest min(level, damage grade); 0 where too many of five in a row are damaged."""
    best = 0
    for step in (4, 3, 2, 1):
        bad = damaged[step][_at(places)].astype(int)
        bunched = np.convolve(bad, np.ones(IN_A_ROW, dtype=int)).max() > MOST_IN_A_ROW
        best = max(best, 0 if bunched else min(step, _below(float(bad.mean()), CLOCK_SHARE)))
    return best


def _at(places: tuple[Place, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    rows, columns = (np.array(side, dtype=np.intp) + 1 for side in zip(*places, strict=True))
    return rows, columns


def _best_level(damaged: Damage, places: tuple[Place, ...], steps: Sequence[float], *, share: bool) -> int:
    best = 0
    for step in (4, 3, 2, 1):
        count = float(damaged[step][_at(places)].sum())
        best = max(best, min(step, _at_most(count / len(places) if share else count, steps)))
    return best
