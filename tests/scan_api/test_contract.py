"""The whole API against its own contract: whatever is sent, no server error, and answers are what OpenAPI says.

`ONECODE_EXAMPLES=500` makes the run longer by hand.
"""

import os
from dataclasses import dataclass

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from foundation import clock, database, ids
from foundation.database import transaction
from scan_api import api_keys
from scan_api.app import make_app
from tests.conftest import _create
from tests.support.server import served
from tests.support.world import Item, World, open_house

EXAMPLES = int(os.environ.get("ONECODE_EXAMPLES", "12"))


# The contract needs no house: routes are declared before anybody opens one.
schema = schemathesis.openapi.from_dict(make_app(None).openapi())


@dataclass
class Running:
    """One world for all operations, behind a real server, with a member, a key for everything, and three bottles."""

    url: str
    items: list[Item]
    member: str
    key: str

    def headers(self, operation, turn):
        """Mostly the right credentials; now and then the wrong ones, or none."""
        right, wrong = (
            (self.key, self.member)
            if {"systems", "links", "epcis", "deliveries", "cases", "inspections"} & set(operation.tags)
            else (self.member, self.key)
        )
        chosen = (right, right, right, wrong, None)[turn % 5]
        return {"Authorization": f"Bearer {chosen}"} if chosen else {}


@pytest.fixture(scope="module")
def running(server, template, tmp_path_factory):
    _create(server, "contract", template)
    engine = database.engine(server.url("contract"), pool=20)
    house = open_house(engine, tmp_path_factory.mktemp("contract"))
    app = make_app(house)
    with served(app) as url, httpx.Client(base_url=url) as http:
        world = World(house, http)
        items, li = world.factory.make_case(3), world.phone("Li")
        with transaction(engine) as tx:
            _, key = api_keys.issue(tx, name="all", scopes=api_keys.SCOPES, days=1, by="test", now=clock.now())
        yield Running(url, items, li.token, key)
    engine.dispose()


_turn = iter(range(10**9))


# Signing out would end the one session all others use.
@schema.exclude(path="/v1/sign-in", method="DELETE").parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def test_nothing_that_can_be_sent_is_a_server_error(case, running):
    turn = next(_turn)
    # Generated UUIDs are of another time; every other scan gets an id and a text that reach the judge.
    if case.operation.path == "/v1/scans/{scan_id}" and turn % 2:
        case.path_parameters["scan_id"] = str(ids.uuid7(clock.now()))
        if isinstance(case.body, dict) and "text" in case.body and turn % 4 == 1:
            case.body["text"] = running.items[turn % 3].text
    headers = running.headers(case.operation, turn)
    response = case.call(base_url=running.url, headers=headers, allow_redirects=False)
    if response.status_code == 503:
        assert response.json()["type"].endswith(("wechat-not-configured", "sms-not-configured"))
        return
    case.validate_response(
        response,
        headers=headers,
        checks=[
            checks.not_a_server_error,
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_schema_conformance,
        ],
    )
