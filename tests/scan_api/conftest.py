"""A world of its own for every refusal."""

from tests.support.redis_server import redis_url
from tests.support.world import world

__all__ = ["redis_url", "world"]
