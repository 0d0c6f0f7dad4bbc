"""A symbol under the camera, measured: where its grid really lies, and how bright each module is. Pure.

| step | what                                                                                                   |
| ---- | ------------------------------------------------------------------------------------------------------ |
| 1    | the corners the reader found give a first map from modules to pixels (a homography)                    |
| 2    | along each row and column the places where the picture passes mid-grey, at every change of colour      |
| 3    | the map that fits these places best; twice, for the first search starts from rough corners             |
| 4    | what is left between found and ideal places is the non-uniformity of the grid, after print growth      |
| 5    | the picture in modules, PX pixels each, through a round aperture (ISO/IEC 15415, section 7.3)          |

Lengths are in modules (X), reflectances from 0 to 1.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Modules = NDArray[np.bool_]  # True is dark.
Real = NDArray[np.float64]
Point = tuple[float, float]

PX = 10  # Pixels a module in the picture the modules are measured in.
QUIET = 2  # Modules around the symbol in it; one is judged, the aperture reaches into the other.
STIFF = 1.0
ONE_LINE = (0.0,)
REACH, STEPS = 0.7, 29  # An edge is searched so far from its place, at so many points.


@dataclass(frozen=True, slots=True)
class Setup:
    """How the camera sees. aperture: diameter in modules. black, white: grey values of reflectance 0 and 1.

    calibrated: black and white were measured on a card; without, a grade is relative to this camera.
    """

    aperture: float = 0.8
    black: float = 0.0
    white: float = 255.0
    wavelength_nm: int | None = None
    angle: str = ""
    calibrated: bool = False


@dataclass(frozen=True, slots=True)
class Sampled:
    """reflectance: (n, n) of the modules. lowest, highest: in the symbol and one module of quiet zone around it.

    around: (n + 2, n + 2) the modules and one ring of quiet zone. pitch_x, pitch_y: pixels a module along both axes.
    grid: the largest distance of a crossing from its ideal place, in modules. growth: how much wider dark modules are
    than light ones (across, down), in modules.
    """

    around: Real
    lowest: float
    highest: float
    pitch_x: float
    pitch_y: float
    grid: float
    growth: tuple[float, float]

    @property
    def reflectance(self) -> Real:
        return self.around[1:-1, 1:-1]


def sample(grey: Picture, corners: tuple[Point, ...], nominal: Modules, setup: Setup) -> Sampled:
    """Measure one symbol. grey: (height, width). corners: of its outer edge in pixels, clockwise from the top left.

    nominal: (n, n) the modules as they should be.
    """
    n = len(nominal)
    square = np.array([(0, 0), (n, 0), (n, n), (0, n)], dtype=np.float32)
    to_pixels = cv2.getPerspectiveTransform(square, np.array(corners, dtype=np.float32)).astype(np.float64)
    image = grey.astype(np.float32)
    edges = _edges(nominal)
    for _ in range(2):
        found = _found(image, to_pixels, edges, lines=ONE_LINE)  # Hundreds of edges average out what one line misses.
        to_pixels = _fitted(to_pixels, edges, found)
    found = _followed(image, to_pixels, edges, _found(image, to_pixels, edges))
    drawn = _drawn(image, to_pixels, n, setup)
    inside = drawn[PX * (QUIET - 1) : -PX * (QUIET - 1), PX * (QUIET - 1) : -PX * (QUIET - 1)]
    pitch_x, pitch_y = _pitch(to_pixels, n)
    return Sampled(
        around=inside[PX // 2 :: PX, PX // 2 :: PX].astype(np.float64),
        lowest=float(inside.min()),
        highest=float(inside.max()),
        pitch_x=pitch_x,
        pitch_y=pitch_y,
        grid=_non_uniformity(to_pixels, edges, found, n),
        growth=found.growth,
    )


@dataclass(frozen=True, slots=True)
class _Edges:
    """Places where the colour changes: x and y in modules, whether across (along a row), +1 dark to light, -1 back."""

    x: Real
    y: Real
    across: Modules
    turn: Real


@dataclass(frozen=True, slots=True)
class _Found:
    """offset: how far from its place each edge was, in modules, without growth. good: where it was found at all."""

    offset: Real
    good: Modules
    growth: tuple[float, float]


def _edges(nominal: Modules) -> _Edges:
    """Of the symbol and the quiet zone around it."""
    padded = np.pad(nominal, 1).astype(np.int8)
    across, down = np.diff(padded[1:-1], axis=1), np.diff(padded[:, 1:-1], axis=0)
    rows, columns = np.nonzero(across)
    more_rows, more_columns = np.nonzero(down)
    return _Edges(
        x=np.concatenate([columns, more_columns + 0.5]),
        y=np.concatenate([rows + 0.5, more_rows]),
        across=np.concatenate([np.ones(len(rows), bool), np.zeros(len(more_rows), bool)]),
        turn=-np.concatenate([across[rows, columns], down[more_rows, more_columns]]).astype(np.float64),
    )


def _found(
    image: NDArray[np.float32],
    to_pixels: Real,
    edges: _Edges,
    near: Real | float = 0.0,
    lines: tuple[float, ...] = (-0.25, 0.0, 0.25),
) -> _Found:
    """Each edge, searched along its own direction in parallel lines that are averaged.

    near: how far from its place each is expected, in modules. lines: how far aside of its middle they run.
    """
    along = np.linspace(-REACH, REACH, STEPS)
    searched = np.broadcast_to(np.reshape(near, (-1, 1)) + along, (len(edges.x), STEPS))
    profile = np.zeros((len(edges.x), STEPS))
    for aside in lines:
        x = edges.x[:, None] + np.where(edges.across[:, None], searched, aside)
        y = edges.y[:, None] + np.where(edges.across[:, None], aside, searched)
        profile += _looked_up(image, to_pixels, x, y)
    profile = profile / len(lines) * edges.turn[:, None]  # Now every edge rises.
    # Mid-grey of its own neighbourhood, so that a shadow over half of the symbol moves no edge.
    low, high = profile[:, :4].mean(axis=1), profile[:, -4:].mean(axis=1)
    above = profile - ((low + high) / 2)[:, None]
    middle = STEPS // 2
    rises = (above[:, :-1] < 0) & (above[:, 1:] >= 0)
    away = np.where(rises, np.abs(np.arange(STEPS - 1) + 0.5 - middle), np.inf)
    at = away.argmin(axis=1)
    rows = np.arange(len(at))
    before, after = above[rows, at], above[rows, at + 1]
    contrast = high - low
    good = np.isfinite(away[rows, at]) & (contrast > 0.25 * np.median(contrast))
    share = np.where(after > before, -before / np.where(after > before, after - before, 1), 0.5)
    offset = near + along[0] + (at + share) * (along[1] - along[0])
    growth = []
    for across in (True, False):
        these = good & (edges.across == across)
        wide = float(np.mean((offset * edges.turn)[these])) if these.any() else 0.0
        offset = np.where(edges.across == across, offset - wide * edges.turn, offset)
        growth.append(2 * wide)
    return _Found(offset, good, (growth[0], growth[1]))


def _followed(image: NDArray[np.float32], to_pixels: Real, edges: _Edges, found: _Found) -> _Found:
    """Where the grid is bent, edges lie far from their places and others come near: search again from their neighbours.

    Once more for each step further a grade goes down, and not at all for the even grid that nearly every print has.
    """
    for _ in range(3):
        if np.quantile(np.abs(found.offset[found.good]), 0.98) < 0.2 if found.good.any() else True:
            break
        near = np.zeros(len(edges.x))
        for across in (True, False):
            axis = edges.across == across
            these = axis & found.good
            places = np.stack([edges.x, edges.y], axis=1)
            near[axis] = _nearby(places[axis], places[these], found.offset[these])
        found = _found(image, to_pixels, edges, near)
    return found


def _fitted(to_pixels: Real, edges: _Edges, found: _Found) -> Real:
    """A homography from where the edges should be to where they are, before the one there was.

    For a small correction H = I + D the offset along x is d0 x + d1 y + d2 - x (d6 x + d7 y), along y likewise: linear
    in D, so one least-squares solution serves both.
    """
    x, y = edges.x[found.good], edges.y[found.good]
    across, offset = edges.across[found.good], found.offset[found.good]
    if len(offset) < 8:
        return to_pixels
    zero, one = np.zeros_like(x), np.ones_like(x)
    own = np.where(across, x, y)
    rows = np.stack(
        [np.where(across, one, zero) * part for part in (x, y, one)]
        + [np.where(across, zero, one) * part for part in (x, y, one)]
        + [-own * x, -own * y],
        axis=1,
    )
    d = np.linalg.lstsq(rows, offset, rcond=None)[0]
    correction = np.eye(3) + np.array([[d[0], d[1], d[2]], [d[3], d[4], d[5]], [d[6], d[7], 0]])
    better: Real = to_pixels @ correction
    return better


def _non_uniformity(to_pixels: Real, edges: _Edges, found: _Found, n: int) -> float:
    """The largest distance of a grid crossing from an evenly spaced grid (ISO/IEC 15415, section 7.8.6), in modules.

    Ideal is the parallelogram that fits best, so a camera that looks aslant shows as non-uniformity. Where a crossing
    is, say the edges within one and a half modules of it.
    """
    good = found.good
    if not good.any():
        return 1.0
    grid = np.stack(np.meshgrid(np.arange(n + 1.0), np.arange(n + 1.0)), axis=-1).reshape(-1, 2)
    moved = np.zeros_like(grid)
    for axis, across in enumerate((True, False)):
        these = good & (edges.across == across)
        places = np.stack([edges.x[these], edges.y[these]], axis=1)
        moved[:, axis] = _nearby(grid, places, found.offset[these])
    real = _mapped(to_pixels, grid + moved)
    design = np.concatenate([grid, np.ones((len(grid), 1))], axis=1)
    ideal, *_ = np.linalg.lstsq(design, real, rcond=None)
    away = real - design @ ideal
    in_modules = away @ np.linalg.inv(ideal[:2])
    return float(np.hypot(in_modules[:, 0], in_modules[:, 1]).max())


def _nearby(at: Real, places: Real, values: Real) -> Real:
    """What the values within 1.5 modules of each point say of it; 0 where there are none.

    A plane through them, for at the rim of a symbol all neighbours lie on one side; stiff, so that few make no slope.
    """
    side = int(max(places.max(initial=0), at.max(initial=0))) + 3
    cell, centre = np.round(2 * places).astype(int), np.round(2 * at).astype(int)  # Edges lie on half modules.
    x, y, one = places[:, 0], places[:, 1], np.ones(len(places))
    weights = (one, x, y, x * x, x * y, y * y, values, x * values, y * values)
    sums = np.zeros((len(weights), len(at)))
    for nth, weight in enumerate(weights):
        field = np.zeros((2 * side, 2 * side))
        np.add.at(field, (cell[:, 1], cell[:, 0]), weight)
        field = cv2.boxFilter(field, -1, (7, 7), normalize=False, borderType=cv2.BORDER_CONSTANT)
        sums[nth] = field[centre[:, 1], centre[:, 0]]
    n, sx, sy, sxx, sxy, syy, sv, sxv, syv = sums
    # The same sums about each point itself, so that the plane's height there is the answer.
    dx, dy = at[:, 0], at[:, 1]
    mx, my, mxv, myv = sx - n * dx, sy - n * dy, sxv - dx * sv, syv - dy * sv
    mxx = sxx - 2 * dx * sx + n * dx * dx + STIFF
    mxy = sxy - dx * sy - dy * sx + n * dx * dy
    myy = syy - 2 * dy * sy + n * dy * dy + STIFF
    some = np.maximum(n, 1e-9)
    left = np.stack([np.stack([some, mx, my]), np.stack([mx, mxx, mxy]), np.stack([my, mxy, myy])]).transpose(2, 0, 1)
    right = np.stack([sv, mxv, myv], axis=1)[:, :, None]
    said: Real = np.where(n >= 0.5, np.linalg.solve(left, right)[:, 0, 0], 0.0)
    return said


def _pitch(to_pixels: Real, n: int) -> tuple[float, float]:
    """Pixels a module across and down, through the middle."""
    ends = np.array([(0, n / 2), (n, n / 2), (n / 2, 0), (n / 2, n)], dtype=np.float64)
    left, right, top, bottom = _mapped(to_pixels, ends)
    return float(np.hypot(*(right - left)) / n), float(np.hypot(*(bottom - top)) / n)


def _drawn(image: NDArray[np.float32], to_pixels: Real, n: int, setup: Setup) -> NDArray[np.float32]:
    """Reflectance of the symbol and its quiet zone, PX pixels a module, through the aperture."""
    size = (n + 2 * QUIET) * PX
    from_pixels = np.array([[1 / PX, 0, 0.5 / PX - QUIET], [0, 1 / PX, 0.5 / PX - QUIET], [0, 0, 1]])
    whole = to_pixels @ from_pixels
    # Pixel centres are at half pixels in the map, at whole ones in OpenCV.
    shift = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1.0]])
    straight = cv2.warpPerspective(
        image, shift @ whole, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    seen = cv2.filter2D(straight, -1, _aperture(setup.aperture), borderType=cv2.BORDER_REPLICATE)
    reflectance: NDArray[np.float32] = np.clip((seen - setup.black) / (setup.white - setup.black), 0, 1)
    return reflectance


@lru_cache(maxsize=8)
def _aperture(diameter: float) -> NDArray[np.float32]:
    """A disc whose pixels add up to 1."""
    reach = int(np.ceil(diameter * PX / 2))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(diameter * PX / 2 + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    whole: NDArray[np.float32] = disc / disc.sum()
    return whole


def _looked_up(image: NDArray[np.float32], to_pixels: Real, x: Real, y: Real) -> Real:
    """Grey values at places in modules, between pixels by their neighbours.

    Profiled: a matrix product over three columns took more than half of a grade; single precision is enough here.
    """
    h = to_pixels.astype(np.float32)
    x, y = x.astype(np.float32), y.astype(np.float32)
    scale = np.float32(1) / (h[2, 0] * x + h[2, 1] * y + h[2, 2])
    columns = (h[0, 0] * x + h[0, 1] * y + h[0, 2]) * scale - np.float32(0.5)
    rows = (h[1, 0] * x + h[1, 1] * y + h[1, 2]) * scale - np.float32(0.5)
    found: Real = cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float64)
    return found


def _mapped(homography: Real, points: Real) -> Real:
    whole = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ homography.T
    mapped: Real = whole[:, :2] / whole[:, 2:]
    return mapped
