"""The station's book: what is in it is true, what is torn off never happened, what is damaged is refused."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from printer_jobs.journal import Journal, JournalBusy, JournalCorrupt
from printer_jobs.serials import SERIAL_STATE, IllegalRecord, Mark, Serials, SerialState, fold

LEASE = (1000, 1010)


def open_journal(path, **changes):
    return Journal(path, **({"job": "7", "station": "line 1", "lease": LEASE} | changes))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "journal"
    journal = open_journal(path)
    journal.append(["SENT", 1000, 1003])
    journal.append(["SEEN", 1, 1000, None, "PASS"], ["SEEN", 2, None, None, "NOREAD"])
    journal.append(["VOID", 1001, 1002, "never seen"])
    journal.close()
    return path


def test_a_restart_finds_every_number_where_it_was(path):
    journal = open_journal(path)
    assert journal.torn is None
    assert [journal.serials.mark(n).name for n in range(1000, 1004)] == ["PASSED", "VOID", "SENT", "RESERVED"]
    assert (journal.serials.queue, journal.serials.next_reserved(), journal.serials.last_tag) == ([1002], 1003, 2)


def test_every_length_of_torn_tail_is_cut_and_the_rest_kept(path):
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for length in range(last + 1, len(whole)):
        path.write_bytes(whole[:length])
        journal = open_journal(path)
        assert (journal.torn.at, journal.torn.length) == (last, length - last)
        assert journal.serials.mark(1001) is Mark.SENT
        journal.append(["VOID", 1001, 1002, "never seen"])
        journal.close()
        assert path.read_bytes() == whole


def test_a_page_that_never_came_is_a_torn_tail(path):
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    path.write_bytes(whole[: last + 5] + b"\0" * (len(whole) - last - 6) + b"\n")
    assert open_journal(path).torn.at == last


def test_any_flipped_bit_is_refused_with_its_place(path):
    whole = path.read_bytes()
    lines = [0, *(at + 1 for at, byte in enumerate(whole) if byte == ord("\n"))]
    for at in range(len(whole) - 1):  # The very last newline flipped is a torn tail.
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(JournalCorrupt) as refused:
            open_journal(path)
        assert refused.value.at == max(start for start in lines if start <= at)


def test_a_line_taken_out_of_the_middle_is_refused(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))
    with pytest.raises(JournalCorrupt, match="line 1 is missing"):
        open_journal(path)


def test_another_jobs_journal_is_refused(path):
    with pytest.raises(JournalCorrupt, match="belongs to job 7"):
        open_journal(path, job="8")


def test_one_printer_has_one_writer(path):
    first = open_journal(path)
    with pytest.raises(JournalBusy):
        open_journal(path)
    first.close()
    open_journal(path).close()


def test_a_block_is_one_line_even_when_it_ends_badly(path):
    journal = open_journal(path)
    before = journal.sequence
    with pytest.raises(IllegalRecord):
        journal.append(["SENT", 1003, 1004], ["SENT", 1003, 1004])
    assert journal.sequence == before + 1
    journal.close()
    assert open_journal(path).serials.mark(1003) is Mark.SENT


STEPS = [
    # record, what becomes of it
    (["SENT", 1001, 1002], "out of order"),
    (["SENT", 1000, 1011], "outside the lease"),
    (["SENT", 1000, 1004], "ok"),
    (["SENT", 1000, 1001], "sent twice"),
    (["SEEN", 1, 1000, 4, "PASS"], "ok"),
    (["SEEN", 1, 1001, 4, "PASS"], "the tag was used"),
    (["SEEN", 2, 1000, 4, "PASS"], "passed twice"),
    (["SEEN", 2, 1005, 4, "PASS"], "never sent"),
    (["SEEN", 2, 1001, 4, "PASS"], "ok"),
    (["PRINTED", 1002, 1004], "ok"),
    (["UNKNOWN", 1002, 1004], "ok"),
    (["SENT", 1002, 1003], "an unknown number is never sent again"),
    (["VOID", 1002, 1003, "never seen"], "ok"),
    (["SEEN", 3, 1002, 4, "PASS"], "void"),
    (["CASE", "369012340000000017", [[1000, 1003]]], "holds a void number"),
    (["CASE", "369012340000000017", [[1000, 1002]]], "ok"),
    (["SCRAPPED", 1000, 1001, "torn"], "in a case"),
    (["CASE", "369012340000000024", [[1000, 1001]]], "in another case"),
    (["CASE_VOID", "369012340000000017", "unread"], "ok"),
    (["CASE", "369012340000000017", [[1000, 1002]]], "a case number is never printed twice"),
    (["CASE", "369012340000000024", [[1000, 1002]]], "ok"),
    (["PACKED", "369012340000000024"], "ok"),
    (["RETURNED", 1003, 1010], "1003 was sent"),
    (["RETURNED", 1004, 1009], "not to the end"),
    (["RETURNED", 1004, 1010], "ok"),
    (["SEEN", 3, 1003, 4, "PASS"], "ok"),
    (["SAMPLED", 1003, 1004, "laboratory"], "ok"),
    (["SENT", 1004, 1005], "returned"),
    (["GUESSED", 1004], "no such record"),
]


def test_the_life_of_a_lease_step_by_step():
    serials = Serials()
    serials.apply(["RESERVED", *LEASE])
    for record, outcome in STEPS:
        before = fold(serials)
        if outcome == "ok":
            serials.apply(record)
        else:
            with pytest.raises(IllegalRecord):
                serials.apply(record)
            assert fold(serials) == before, outcome
    balance = serials.balance()
    assert balance.proven
    assert (balance.leased, balance.commissioned, balance.sampled, balance.void, balance.returned) == (10, 2, 1, 1, 6)


def test_the_states_have_their_names_on_the_wire():
    assert SERIAL_STATE[Mark.PASSED] is SerialState.COMMISSIONED == 7
    assert SERIAL_STATE[Mark.SCRAPPED] is SerialState.LABEL_SCRAPPED == 6
    assert set(SERIAL_STATE) == set(Mark)


MODEL = {  # what a number may become, by the word of the record
    "SENT": ({"RESERVED"}, "SENT"),
    "PRINTED": ({"SENT"}, "PRINTED"),
    "UNKNOWN": ({"SENT", "PRINTED"}, "UNKNOWN"),
    "VOID": ({"SENT", "PRINTED", "UNKNOWN"}, "VOID"),
    "SCRAPPED": ({"SENT", "PRINTED", "UNKNOWN", "PASSED"}, "SCRAPPED"),
    "SEEN": ({"SENT", "PRINTED", "UNKNOWN"}, "PASSED"),
}
walks = st.lists(st.tuples(st.sampled_from(sorted(MODEL)), st.integers(-1, 10), st.integers(1, 3)), max_size=60)


@settings(max_examples=60, deadline=None)
@given(walks)
def test_a_random_walk_agrees_with_a_small_model_and_survives_replay(tmp_path_factory, walk):
    path = tmp_path_factory.mktemp("walk") / "journal"
    journal, model = open_journal(path), dict.fromkeys(range(*LEASE), "RESERVED")
    for tag, (kind, offset, length) in enumerate(walk, start=1):
        span = range(LEASE[0] + offset, LEASE[0] + offset + (1 if kind == "SEEN" else length))
        sources, target = MODEL[kind]
        legal = all(model.get(n) in sources for n in span)
        if kind == "SENT":
            legal = legal and all(model[n] != "RESERVED" for n in range(LEASE[0], span.start))
        why = ["test"] if kind in ("VOID", "SCRAPPED") else []
        seen = ["SEEN", tag, span.start, None, "PASS"]
        record = seen if kind == "SEEN" else [kind, span.start, span.stop, *why]
        if legal:
            journal.append(record)
            model |= dict.fromkeys(span, target)
        else:
            with pytest.raises(IllegalRecord):
                journal.append(record)
    journal.close()
    replayed = open_journal(path)
    assert {n: replayed.serials.mark(n).name for n in model} == model
    assert json.loads(json.dumps(fold(replayed.serials))) == json.loads(json.dumps(fold(journal.serials)))
    balance = replayed.serials.balance()
    assert balance.leased == 10 == balance.open + balance.commissioned + balance.scrapped + balance.void
    replayed.close()
