"""What a page holds instead of the code: good once, for a quarter of an hour, for whoever was answered first."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest

from foundation import clock, ids
from scan_api import tickets
from scan_api.tickets import TicketElsewhere, TicketNotGood

KEY = bytes(range(32))


def opened_page(world, item) -> tuple[str, dict[str, Any]]:
    """The page the camera opens, and what it holds for its script."""
    said = world.http.get(f"/01/06901234567892/21/{item.text[-20:]}", headers={"Accept": "text/html"}).text
    found = dict(re.findall(r'data-(ticket|scan)="([^"]*)"', said))
    return said, {name: html.unescape(value) for name, value in found.items()}


def put(world, phone, scan_id, ticket, **more):
    body = {"ticket": ticket, "device": phone.device, **more}
    return world.http.put(f"/v1/scans/{scan_id}", json=body, headers=phone.headers)


def apart_from_next(said):
    return {name: value for name, value in said.items() if name != "next"}


def test_a_ticket_opens_with_its_own_scan_id_and_says_the_code(now):
    ticket = tickets.issue("HTTPS://X/ABC 茶", key=KEY, now=now)
    assert tickets.opened(ticket.sealed, ticket.scan_id, "phone", key=KEY, now=now) == "HTTPS://X/ABC 茶"
    assert "ABC" not in ticket.sealed
    assert ticket.sealed not in repr(ticket)
    with pytest.raises(TicketElsewhere):
        tickets.opened(ticket.sealed, ids.uuid7(now), "phone", key=KEY, now=now)


def test_a_ticket_for_one_phone_is_nothing_on_another(now):
    ticket = tickets.issue("ABC", key=KEY, now=now, device="mine")
    assert tickets.opened(ticket.sealed, ticket.scan_id, "mine", key=KEY, now=now) == "ABC"
    with pytest.raises(TicketElsewhere):
        tickets.opened(ticket.sealed, ticket.scan_id, "yours", key=KEY, now=now)


def test_a_ticket_ends_after_a_quarter_of_an_hour(now):
    ticket = tickets.issue("ABC", key=KEY, now=now)
    late = now + tickets.LIFE
    assert tickets.opened(ticket.sealed, ticket.scan_id, "p", key=KEY, now=late - timedelta(seconds=1)) == "ABC"
    with pytest.raises(TicketNotGood):
        tickets.opened(ticket.sealed, ticket.scan_id, "p", key=KEY, now=late)


@pytest.mark.parametrize("spoilt", ["", "A", "AAAA", "x" * 200, "-_" * 50])
def test_a_made_up_ticket_is_refused(spoilt, now):
    with pytest.raises(TicketNotGood):
        tickets.opened(spoilt, ids.uuid7(now), "p", key=KEY, now=now)


def test_every_bit_of_a_ticket_counts(now):
    ticket = tickets.issue("ABC", key=KEY, now=now)
    for at in range(len(ticket.sealed) - 1):  # The last character may carry bits that mean nothing.
        other = "A" if ticket.sealed[at] != "A" else "B"
        with pytest.raises(TicketNotGood):
            tickets.opened(ticket.sealed[:at] + other + ticket.sealed[at + 1 :], ticket.scan_id, "p", key=KEY, now=now)


def test_the_longest_code_fits_into_a_ticket(now):
    ticket = tickets.issue("😀" * tickets.MOST_TEXT, key=KEY, now=now)
    assert len(ticket.sealed) <= tickets.MOST
    assert tickets.opened(ticket.sealed, ticket.scan_id, "p", key=KEY, now=now) == "😀" * tickets.MOST_TEXT


def test_the_page_carries_a_ticket_and_no_code(world):
    item = world.factory.make_item()
    page, held = opened_page(world, item)
    assert item.text[-20:] not in page
    assert set(held) == {"ticket", "scan"}


def test_a_ticket_is_one_scan_of_one_phone(world):
    item, li, wang = world.factory.make_item(), world.phone("Li", signed_in=False), world.phone("Wang")
    _, held = opened_page(world, item)
    first = put(world, li, held["scan"], held["ticket"])
    assert (first.status_code, first.json()["verdict"]) == (200, "genuine")
    again = put(world, li, held["scan"], held["ticket"])
    assert apart_from_next(again.json()) == apart_from_next(first.json())
    copied = put(world, wang, held["scan"], held["ticket"], claim=True)
    assert (copied.status_code, copied.json()["type"].rsplit(":", 1)[-1]) == (409, "scan-id-reused")
    assert len(world.scans()) == 1


def test_the_claim_after_a_sign_in_goes_by_the_ticket_of_the_answer(world):
    item, li, wang = world.factory.make_item(), world.phone("Li", signed_in=False), world.phone("Wang")
    _, held = opened_page(world, item)
    following = put(world, li, held["scan"], held["ticket"]).json()["next"]
    stolen = put(world, wang, following["scan_id"], following["ticket"], claim=True)
    assert (stolen.status_code, stolen.json()["type"].rsplit(":", 1)[-1]) == (409, "ticket-elsewhere")
    li.sign_in()
    assert put(world, li, following["scan_id"], following["ticket"], claim=True).json()["reward"]["state"] == "credited"
    assert li.wallet()["available"] == 10


def test_text_or_ticket_and_not_both(world):
    li, scan_id = world.phone("Li", signed_in=False), ids.uuid7(clock.now())
    for body in ({}, {"text": "ABC", "ticket": "ABC"}):
        said = world.http.put(f"/v1/scans/{scan_id}", json={"device": li.device, **body})
        assert said.status_code == 422
        assert "Send either text" in said.text
    said = put(world, li, scan_id, "made-up")
    assert (said.status_code, said.json()["type"].rsplit(":", 1)[-1]) == (400, "ticket-not-good")


def test_whoever_reads_symbols_needs_no_ticket_and_gets_none(world):
    said = world.phone("Li").scan(world.factory.make_item())
    assert said.credited
    assert "next" not in said.body
