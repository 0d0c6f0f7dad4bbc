"""Limits are tested on both stores."""

from tests.support.redis_server import redis_url

__all__ = ["redis_url"]
