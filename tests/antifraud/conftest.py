import pytest

from antifraud.decision import Params
from tests.antifraud.street import Street


@pytest.fixture
def street(now) -> Street:
    return Street(now, Params())
