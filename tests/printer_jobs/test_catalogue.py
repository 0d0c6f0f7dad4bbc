"""Printers by the name of their protocol: what is offered, and the sentence for what is not."""

import pytest

from printer_jobs.drivers.catalogue import DRIVERS, BadPrinter, connect
from printer_jobs.drivers.printer import ItemLabel
from printer_jobs.virtual.catalogue import MACHINES, start

WRONG = [
    # protocol, address, options, what the sentence names
    ("zlp", "10.0.0.5", {}, "No printer speaks 'zlp'; choose one of "),
    ("linx", "10.0.0.5", {}, "needs the maker's manual"),
    ("zpl", "10.0.0.5", {"dpi": 300}, "no option 'dpi'; it has alerts, allow_unverified, mask"),
    ("zpl", "10.0.0.5", {"mask": "3"}, "option mask of a zpl printer is a int, not '3'"),
    ("zpl", "10.0.0.5", {"mask": True}, "option mask of a zpl printer is a int, not True"),
    ("zpl", "10.0.0.5:99999", {}, "such as 10.0.0.5:9100, not '10.0.0.5:99999'"),
    ("zpl", ":9100", {}, "not ':9100'"),
]


@pytest.mark.parametrize(("protocol", "address", "options", "words"), WRONG)
def test_a_wrong_printer_is_refused_in_one_sentence(protocol, address, options, words):
    with pytest.raises(BadPrinter) as refusal:
        connect(protocol, address, options)
    assert words in refusal.value.detail


def test_a_driver_without_the_makers_manual_is_off_until_allowed():
    for protocol, driver in DRIVERS.items():
        address = "/tmp" if driver.port is None else "10.0.0.5"
        if driver.capabilities.documented:
            assert connect(protocol, address).capabilities == driver.capabilities
            continue
        with pytest.raises(BadPrinter, match="allow_unverified"):
            connect(protocol, address)
        assert not connect(protocol, address, {"allow_unverified": True}).capabilities.verified


@pytest.mark.parametrize("protocol", sorted(MACHINES))
def test_each_virtual_printer_prints_for_its_driver(protocol):
    with start(protocol) as machine:
        printer = connect(protocol, machine.address, machine.options)
        printer.connect()
        printer.begin()
        code = "HTTPS://ID.BRAND.CN/01/06901234567892/21/0123456789ABCDEFGHJK"
        printer.print(ItemLabel(code, "茶", index=1))
        printer.status()
        assert machine.wait_for(1)
        printer.close()
        assert machine.texts == [code]


def test_a_virtual_printer_nobody_made():
    with pytest.raises(BadPrinter, match="no virtual 'zlp' printer"):
        start("zlp")
