"""How sure a share is. Pure."""

from statistics import NormalDist


def wilson(hits: float, of: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """The two-sided Wilson score interval of a share; (0, 1) of nothing. Wilson 1927."""
    if of <= 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = hits / of
    middle = share + z * z / (2 * of)
    half = z * float((share * (1 - share) / of + z * z / (4 * of * of)) ** 0.5)
    return max(0.0, (middle - half) / (1 + z * z / of)), min(1.0, (middle + half) / (1 + z * z / of))
