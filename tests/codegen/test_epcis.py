"""The identity of an EPCIS event: published hashes, and the same event however it is written."""

import hashlib

import pytest

from codegen.epcis_hash import canonical_key, event_id, instant, pre_hash

# Both are printed in the documentation of a public implementation of CBV 2.0.
UNPACKING = {
    "type": "AggregationEvent",
    "eventTime": "2020-06-08T18:11:16Z",
    "eventTimeZoneOffset": "+02:00",
    "parentID": "urn:epc:id:sgtin:952001.1012345.22222223333",
    "childEPCs": ["urn:epc:id:sgtin:952000.0112346.10000001001"],
    "action": "DELETE",
    "bizStep": "unpacking",
    "disposition": "in_progress",
    "persistentDisposition": {"set": ["completeness_verified"], "unset": ["completeness_inferred"]},
    "readPoint": {"id": "urn:epc:id:sgln:952999.999999.0"},
    "bizLocation": {"id": "urn:epc:id:sgln:952999.999999.0"},
}
PUBLISHED = "ni:///sha-256;2615bc5627c3b3611e3df868aca2312882370ee78af44bcc20433ec028ebfc99?ver=CBV2.0"
DEPARTING = {
    "type": "ObjectEvent",
    "eventTime": "2020-03-04T11:00:30.000+01:00",
    "recordTime": "2020-03-04T11:00:30.999+01:00",
    "eventTimeZoneOffset": "+01:00",
    "epcList": ["urn:epc:id:sgtin:4012345.011111.987", "https://x.cn/01/04012345111118/10/L/21/12?17=261231"],
    "action": "OBSERVE",
    "bizStep": "urn:epcglobal:cbv:bizstep:departing",
    "quantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.011111.L7", "quantity": 12.50, "uom": "KGM"}],
    "bizTransactionList": [{"type": "po", "bizTransaction": "urn:epc:id:gdti:4012345.11111.123"}],
    "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00000"}],
    "ex:b": {"ex:d": "2", "ex:c": ["3", "1"]},
    "ex:a": "0",
}
SAID = (
    "eventType=ObjectEventeventTime=2020-03-04T10:00:30.000ZeventTimeZoneOffset=+01:00epcList"
    "epc=https://id.gs1.org/01/04012345111118/21/12epc=https://id.gs1.org/01/04012345111118/21/987quantityList"
    "quantityElementepcClass=https://id.gs1.org/01/04012345111118/10/L7quantity=12.5uom=KGMaction=OBSERVE"
    "bizStep=https://ref.gs1.org/cbv/BizStep-departingbizTransactionListtype=https://ref.gs1.org/cbv/BTT-po"
    "bizTransaction=https://id.gs1.org/253/4012345111118123sourceListtype=https://ref.gs1.org/cbv/SDT-owning_party"
    "source=https://id.gs1.org/417/4012345000009{https://ns.example.com/}a=0{https://ns.example.com/}b"
    "{https://ns.example.com/}c=1{https://ns.example.com/}c=3{https://ns.example.com/}d=2"
)
PREFIXES = {"ex": "https://ns.example.com/"}


def test_a_published_event_has_its_published_hash():
    assert event_id(UNPACKING) == PUBLISHED


def test_the_string_behind_the_hash_follows_the_standards_order():
    assert pre_hash(DEPARTING, PREFIXES) == SAID
    assert hashlib.sha256(SAID.encode()).hexdigest() in event_id(DEPARTING, PREFIXES)


@pytest.mark.parametrize(
    "change",
    [
        {"eventID": "urn:uuid:1"},
        {"recordTime": "2031-01-01T00:00:00Z"},
        {"eventTime": "2020-06-08T20:11:16.0000+02:00"},
        {"parentID": "https://shop.cn/x/01/19520010123455/22/2A/10/L/21/22222223333?17=261231"},
        {"bizStep": "https://ref.gs1.org/cbv/BizStep-unpacking"},
        {"disposition": "urn:epcglobal:cbv:disp:in_progress"},
        {"bizLocation": {"id": "https://id.gs1.org/414/9529999999993"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_spelling_of_the_same_event_is_the_same_event(change):
    assert event_id(dict(reversed((UNPACKING | change).items()))) == PUBLISHED


@pytest.mark.parametrize(
    "change",
    [
        {"eventTime": "2020-06-08T18:11:16.001Z"},
        {"eventTimeZoneOffset": "+01:00"},
        {"action": "ADD"},
        {"bizStep": "packing"},
        {"childEPCs": []},
        {"childEPCs": ["urn:epc:id:sgtin:952000.0112346.10000001002"]},
        {"ex:note": "x"},
    ],
    ids=str,
)
def test_another_event_has_another_hash(change):
    assert event_id(UNPACKING | change) != PUBLISHED


@pytest.mark.parametrize(
    ("uri", "canonical"),
    [
        ("urn:epc:id:sscc:4012345.0000000111", "https://id.gs1.org/00/040123450000001112"),
        ("urn:epc:id:sgln:4012345.00011.987", "https://id.gs1.org/414/4012345000115/254/987"),
        ("urn:epc:id:sgtin:4012345.011111.a%2Fb", "https://id.gs1.org/01/04012345111118/21/a%2Fb"),
        ("urn:epc:id:giai:4000001.111", "https://id.gs1.org/8004/4000001111"),
        ("urn:epc:id:sgtin:4012345.0111111.1", "urn:epc:id:sgtin:4012345.0111111.1"),
        ("https://example.org/anything", "https://example.org/anything"),
        ("geo:47.5,11.1", "geo:47.5,11.1"),
    ],
)
def test_keys_become_canonical_links(uri, canonical):
    assert canonical_key(uri) == canonical


def test_instants_are_rounded_to_the_millisecond():
    assert instant("2020-03-04T11:00:30.9995+01:00") == "2020-03-04T10:00:31.000Z"
    with pytest.raises(ValueError, match="no time zone"):
        instant("2020-03-04T11:00:30")
