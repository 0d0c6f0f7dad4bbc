"""Links of a brand for the resolver: list, add, withdraw. Marketers, supervisors, keys with `links:manage`."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from codegen import links
from codegen.digital_link import BadElement, NotADigitalLink
from codegen.keys import UnknownBrand
from codegen.links import BadLink, Link, NewLink, UnknownLink
from codegen.runs import UnknownRun
from foundation import clock
from foundation.database import reading, transaction
from foundation.errors import BadRequest, NotAllowed, NotSignedIn, TooMany
from scan_api.edge import TheEdge
from scan_api.problems import problems
from scan_api.staff import Caller, staff_or_key

router = APIRouter(prefix="/v1/links", tags=["links"])
TheMarketer = Annotated[Caller, Depends(staff_or_key("marketer", scope="links:manage"))]


class LinkIn(BaseModel):
    """`of`: a Digital Link or its path. `run_id`, or `first_item` and `end_item`, narrow the link to some items."""

    model_config = ConfigDict(extra="forbid")

    brand_id: int = Field(ge=1, lt=2**63)
    of: str = Field(max_length=500)
    link_type: str = Field(max_length=100, examples=["gs1:pip"])
    href: str = Field(max_length=links.MAX_HREF)
    title: str = Field(max_length=200)
    language: str | None = None
    mime: str | None = None
    default: bool = False
    run_id: int | None = None
    first_item: int | None = Field(None, ge=0, lt=1 << 60)
    end_item: int | None = Field(None, ge=0, lt=1 << 60)
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def new(self) -> NewLink:
        if (self.first_item is None) != (self.end_item is None):
            raise BadLink("Give both first_item and end_item, or neither.")
        if any(at is not None and at.tzinfo is None for at in (self.valid_from, self.valid_until)):
            raise BadLink("valid_from and valid_until need a time zone.")
        items = None if self.first_item is None or self.end_item is None else (self.first_item, self.end_item)
        return NewLink(
            self.of, self.link_type, self.href, self.title, self.language, self.mime, self.default, self.run_id, items,
            self.valid_from, self.valid_until,
        )  # fmt: skip


class LinkOut(BaseModel):
    id: int
    brand_id: int
    anchor: str
    first_item: int | None
    end_item: int | None
    link_type: str
    href: str
    title: str
    language: str | None
    mime: str | None
    default: bool
    valid_from: datetime
    valid_until: datetime | None
    added_by: str
    withdrawn_at: datetime | None

    @staticmethod
    def of(link: Link) -> dict[str, Any]:
        first, end = link.items or (None, None)
        said = {name: getattr(link, name) for name in LinkOut.model_fields if hasattr(link, name)}
        return said | {"first_item": first, "end_item": end, "link_type": f"gs1:{link.link_type}"}


@router.get("", response_model=list[LinkOut], responses=problems(NotSignedIn, NotAllowed, TooMany))
def get_links(
    edge: TheEdge, _: TheMarketer, brand_id: Annotated[int | None, Query(ge=1, lt=2**63)] = None
) -> list[dict[str, Any]]:
    """Links, newest first, withdrawn ones too."""
    with reading(edge.house.engine) as tx:
        return [LinkOut.of(link) for link in links.list_links(tx, brand_id=brand_id)]


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=LinkOut,
    responses=problems(
        BadLink, NotADigitalLink, BadElement, BadRequest, UnknownBrand, UnknownRun, NotSignedIn, NotAllowed, TooMany
    ),
)
def post_link(body: LinkIn, edge: TheEdge, caller: TheMarketer) -> dict[str, Any]:
    """Hang a link on a key, a lot, or the items of a run."""
    with transaction(edge.house.engine) as tx:
        return LinkOut.of(links.add(tx, body.brand_id, body.new(), by=caller.name, now=clock.now()))


@router.delete(
    "/{link_id}", status_code=HTTPStatus.NO_CONTENT, responses=problems(UnknownLink, NotSignedIn, NotAllowed, TooMany)
)
def delete_link(link_id: int, edge: TheEdge, caller: TheMarketer) -> None:
    """Take a link down; it stays on record."""
    with transaction(edge.house.engine) as tx:
        links.withdraw(tx, link_id, by=caller.name, now=clock.now())
