"""A world of its own for every refusal."""

from tests.support.world import world

__all__ = ["world"]
