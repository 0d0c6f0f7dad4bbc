"""`onecode check`: the clocks of this host and of the database agree, or the sentence says by how much they do not."""

from datetime import timedelta

import pytest

from foundation import clock
from scan_api.commands.upkeep import broken
from tests.support.world import open_house


@pytest.mark.parametrize(
    ("off", "said"),
    [
        (0, []),
        (5, ["this host's clock is 5.0 s ahead of the database's; set both by NTP to within a second"]),
        (-90, ["this host's clock is 90.0 s behind the database's; set both by NTP to within a second"]),
    ],
)
def test_clocks_that_differ_are_named(database, tmp_path, monkeypatch, off, said):
    house, right = open_house(database, tmp_path), clock.now
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: right() + timedelta(seconds=off))
        assert broken(house) == said
