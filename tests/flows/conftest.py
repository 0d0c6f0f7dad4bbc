"""A world of its own for every story."""

from tests.support.world import world

__all__ = ["world"]
