"""Webhooks by API: endpoints, their secrets, what became of each message, and sending again."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from foundation import clock
from foundation.database import reading, transaction
from foundation.errors import BadRequest, NotFound, NotSignedIn, TooMany
from scan_api import webhooks
from scan_api.addresses import AddressRefused
from scan_api.api_keys import ApiKey, ScopeMissing
from scan_api.callers import key_with
from scan_api.edge import Edge, TheEdge
from scan_api.problems import problems
from scan_api.webhooks import Endpoint, Message, Secrets

router = APIRouter(prefix="/v1/webhooks", tags=["systems"])

MayManage = Annotated[ApiKey, Depends(key_with("webhooks:manage"))]
EndpointId = Annotated[int, Path(ge=1, le=2**63 - 1)]
REFUSALS = (NotSignedIn, ScopeMissing, NotFound, TooMany)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EndpointIn(_Strict):
    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$")
    url: str = Field(min_length=1, max_length=2000)
    kinds: list[str] = Field(min_length=1, max_length=50)


class ReplayIn(_Strict):
    """messages: the ids to send again; empty: every dead one."""

    messages: list[Annotated[int, Field(ge=1, le=2**63 - 1)]] = Field(default_factory=list, max_length=1000)


class EndpointOut(BaseModel):
    id: int
    name: str
    url: str
    kinds: list[str]
    created_at: AwareDatetime
    created_by: str
    disabled_at: AwareDatetime | None

    @staticmethod
    def of(one: Endpoint) -> "EndpointOut":
        return EndpointOut(**{name: getattr(one, name) for name in EndpointOut.model_fields} | {"kinds": [*one.kinds]})


class EndpointMade(EndpointOut):
    """secret: shown this once."""

    secret: str


class SecretOut(BaseModel):
    secret: str


class DeliveryOut(BaseModel):
    id: int
    message_id: UUID
    kind: str
    subject: str
    happened_at: AwareDatetime
    state: Literal["waiting", "delivered", "dead"]
    tries: int
    due_at: AwareDatetime
    last_status: int | None
    last_said: str | None
    delivered_at: AwareDatetime | None


class Replayed(BaseModel):
    waiting: int


@router.post("", status_code=201, responses=problems(BadRequest, AddressRefused, NotSignedIn, ScopeMissing, TooMany))
async def add(body: EndpointIn, key: MayManage, edge: TheEdge) -> EndpointMade:
    """A new endpoint; its secret is in this answer and nowhere else."""
    made, secret = await asyncio.to_thread(_add, edge, body, key)
    return EndpointMade(**EndpointOut.of(made).model_dump(), secret=secret)


@router.get("", responses=problems(NotSignedIn, ScopeMissing, TooMany))
async def endpoints(_: MayManage, edge: TheEdge) -> list[EndpointOut]:
    """Every endpoint."""
    return await asyncio.to_thread(_endpoints, edge)


@router.post("/{endpoint_id}/secret", responses=problems(*REFUSALS))
async def rotate(endpoint_id: EndpointId, key: MayManage, edge: TheEdge) -> SecretOut:
    """A new secret; the old one signs beside it for a day."""
    return SecretOut(secret=await asyncio.to_thread(_rotate, edge, endpoint_id, key))


@router.delete("/{endpoint_id}", responses=problems(*REFUSALS))
async def disable(endpoint_id: EndpointId, key: MayManage, edge: TheEdge) -> EndpointOut:
    """Send nothing more to an endpoint; disabling it again changes nothing."""
    return await asyncio.to_thread(_disable, edge, endpoint_id, key)


@router.get("/{endpoint_id}/messages", responses=problems(*REFUSALS))
async def messages(
    endpoint_id: EndpointId,
    _: MayManage,
    edge: TheEdge,
    state: Annotated[Literal["waiting", "delivered", "dead"] | None, Query()] = None,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[DeliveryOut]:
    """The latest messages, newest first; the next page is `before` the last one's id."""
    found = await asyncio.to_thread(_messages, edge, endpoint_id, state, before, limit)
    return [DeliveryOut(**{name: getattr(one, name) for name in DeliveryOut.model_fields}) for one in found]


@router.post("/{endpoint_id}/replay", responses=problems(*REFUSALS))
async def replay(endpoint_id: EndpointId, body: ReplayIn, key: MayManage, edge: TheEdge) -> Replayed:
    """Send messages again."""
    return Replayed(waiting=await asyncio.to_thread(_replay, edge, endpoint_id, body, key))


def secrets_of(edge: Edge) -> Secrets:
    return Secrets(edge.house.purpose_key("webhook secrets"))


def _add(edge: Edge, body: EndpointIn, key: ApiKey) -> tuple[Endpoint, str]:
    with transaction(edge.house.engine) as tx:
        return webhooks.add(
            tx, name=body.name, url=body.url, kinds=body.kinds, private=edge.house.settings.webhooks_private,
            secrets=secrets_of(edge), by=key.hint, now=clock.now(),
        )  # fmt: skip


def _endpoints(edge: Edge) -> list[EndpointOut]:
    with reading(edge.house.engine) as tx:
        return [EndpointOut.of(one) for one in webhooks.endpoints(tx)]


def _rotate(edge: Edge, endpoint_id: int, key: ApiKey) -> str:
    with transaction(edge.house.engine) as tx:
        return webhooks.rotate(tx, endpoint_id, secrets=secrets_of(edge), by=key.hint, now=clock.now())


def _disable(edge: Edge, endpoint_id: int, key: ApiKey) -> EndpointOut:
    with transaction(edge.house.engine) as tx:
        return EndpointOut.of(webhooks.disable(tx, endpoint_id, by=key.hint, now=clock.now()))


def _messages(edge: Edge, endpoint_id: int, state: str | None, before: int | None, limit: int) -> list[Message]:
    with reading(edge.house.engine) as tx:
        return webhooks.messages(tx, endpoint_id, state=state, before=before, limit=limit)


def _replay(edge: Edge, endpoint_id: int, body: ReplayIn, key: ApiKey) -> int:
    with transaction(edge.house.engine) as tx:
        return webhooks.replay(tx, endpoint_id, message_ids=body.messages, by=key.hint, now=clock.now())
