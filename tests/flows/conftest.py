"""A world of its own for every story."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.support.world import World, world_on


@pytest.fixture
def world(database: Engine, tmp_path: Path) -> Iterator[World]:
    with world_on(database, tmp_path) as made:
        yield made
