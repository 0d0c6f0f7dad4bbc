"""What the resolver says of a Digital Link: which link is meant, and all of them as a linkset (RFC 9264). No FastAPI.

GS1-Conformant Resolver 1.2.0: without a link type the default; with one, the links of that type at the most specific
level that has any, those in the reader's language before the others; several that fit equally are a choice.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from codegen import delegates, links
from codegen.digital_link import DigitalLink
from codegen.links import VOCABULARY, Level, Link
from foundation.database import ReadTx
from foundation.errors import NotFound

CONTEXT = "https://ref.gs1.org/standards/resolver/linkset-context"
LINKSET = "application/linkset+json"


class NothingHangsHere(NotFound):
    """Neither a product of ours nor a link; or another resolver answers."""

    type = "nothing-hangs-here"


def linkset(root: str, levels: Sequence[Level], *, page: bool, name: str) -> dict[str, Any]:
    """The links of every level, each anchored at the uncompressed link. `page`: our own page is a default too."""
    return {"linkset": [_context(root, levels[at:], page=page, name=name) for at in range(len(levels))]}


def chosen(levels: Sequence[Level], link_type: str, languages: Sequence[str], mimes: Sequence[str]) -> list[Link]:
    """The links of a type that fit best, at the most specific level that has any; [] if none has."""
    for level in levels:
        fitting = [link for link in level.links if link.link_type == link_type]
        if fitting:
            best = min(_distance(link, languages, mimes) for link in fitting)
            return [link for link in fitting if _distance(link, languages, mimes) == best]
    return []


def default_of(levels: Sequence[Level], *, page: bool) -> Link | None:
    """The default of the most specific level that has one; without our own page, the first link there is."""
    for level in levels:
        if level.default is not None:
            return level.default
    return None if page else next((link for level in levels for link in level.links), None)


def with_query(href: str, query: str) -> str:
    """The target with the query of the request passed on; linkType was for us."""
    pairs = "&".join(pair for pair in query.split("&") if pair and pair.partition("=")[0] != "linkType")
    return href + (("&" if "?" in href else "?") + pairs if pairs else "")


def languages_of(header: str | None) -> list[str]:
    """Language tags of an Accept-Language header, the preferred first."""
    return _ranked(header)


def mimes_of(header: str | None) -> list[str]:
    """Media types of an Accept header, the preferred first; ranges with * say nothing about a link."""
    return [one for one in _ranked(header) if "*" not in one]


def _ranked(header: str | None) -> list[str]:
    found = list[tuple[float, str]]()
    for part in (header or "").lower().split(","):
        name, _, rest = part.strip().partition(";")
        try:
            weight = float(rest.strip().removeprefix("q=")) if rest.strip().startswith("q=") else 1.0
        except ValueError:
            weight = 0.0
        if name and weight > 0:
            found.append((-weight, name.strip()))
    return [name for _, name in sorted(found, key=lambda pair: pair[0])]


def _distance(link: Link, languages: Sequence[str], mimes: Sequence[str]) -> tuple[int, int]:
    """How far a link is from what was asked: media type first, then language; one that names none fits everybody."""
    far = len(mimes) + 1
    mime = 0 if not mimes else far if link.mime is None else mimes.index(link.mime) if link.mime in mimes else far + 1
    wanted = [tag.partition("-")[0] for tag in languages]
    spoken = None if link.language is None else link.language.lower().partition("-")[0]
    if not wanted:
        return mime, 0
    return mime, wanted.index(spoken) if spoken in wanted else len(wanted) + (spoken is not None)


def _context(root: str, levels: Sequence[Level], *, page: bool, name: str) -> dict[str, Any]:
    anchor = root + levels[0].path
    context: dict[str, Any] = {"anchor": anchor, "itemDescription": name} if name else {"anchor": anchor}
    default = default_of(levels, page=page)
    # Exactly one, with a title and nothing else.
    target = {"href": anchor, "title": name or "Verify"} if default is None else _target(default, bare=True)
    context[VOCABULARY + "defaultLink"] = [target]
    for link in levels[0].links:
        context.setdefault(VOCABULARY + link.link_type, []).append(_target(link))
    return context


def _target(link: Link, *, bare: bool = False) -> dict[str, Any]:
    target: dict[str, Any] = {"href": link.href, "title": link.title}
    if link.mime is not None and not bare:
        target["type"] = link.mime
    if link.language is not None and not bare:
        target["hreflang"] = [link.language]
    return target


def uncompressed(root: str, link: DigitalLink) -> str:
    """The link under our own root, attributes and other pairs kept."""
    return root + str(link).removeprefix(link.stem)


def preview(tx: ReadTx, link: DigitalLink, *, now: datetime) -> dict[str, Any]:
    """What a program is told of a link, for whoever hangs them. Raises NothingHangsHere."""
    levels, ours = links.walk(tx, link, item=None, now=now), links.is_ours(tx, link)
    other = None if ours or any(level.links for level in levels) else links.delegate(tx, link, now=now)
    if other is not None:
        raise NothingHangsHere(f"Another resolver answers for it: {delegates.address(other.href, link)}")
    if not ours and not any(level.links for level in levels):
        raise NothingHangsHere(f"Nothing is known here of AI {link.key[0]} {link.key[1]}.")
    return linkset(link.stem, levels, page=ours, name="")
