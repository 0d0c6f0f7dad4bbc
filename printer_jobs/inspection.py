"""What a label under the camera means for the numbers that were sent; pure.

| read                               | verdict     | what becomes of it                                        | line  |
| ---------------------------------- | ----------- | --------------------------------------------------------- | ----- |
| a sent number                      | PASS        | commissioned; those sent before it are given up           | runs  |
| nothing                            | NOREAD      | one of the numbers next in line was unreadable            | runs  |
| letters that are no code           | MISREAD     | as nothing: a smudge sometimes passes a bar code's check  | runs  |
| several symbols that disagree      | SEVERAL     | rejected                                                  | runs  |
| a sent number, printed too poorly  | LOW_GRADE   | scrapped: it reads here, and will not in a shop           | runs  |
| a number already void or scrapped  | LATE        | rejected; it came after it was given up                   | runs  |
| a number that passed before        | DUPLICATE   | rejected: somebody copies labels                          | stops |
| a number of the lease, never sent  | NEVER_SENT  | rejected: somebody else prints them                       | stops |
| another code                       | FOREIGN     | rejected: another job's labels are on the roll            | stops |
| a case label that was sent         | CASE        | the case is packed                                        | runs  |
| a sent number and no cap           | NO_CAP      | scrapped: nobody could join them later                    | runs  |
| a sent number and a cap seen before| DUPLICATE   | rejected: somebody copies caps                            | stops |
| a sent number and a foreign code   | FOREIGN     | rejected: another cap                                     | stops |

The last three where the job's bottles get caps printed elsewhere: the camera sees both codes, and what it saw together
belongs together.

A printer keeps its order, so a label that is read settles all before it that came from the same printer.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from codegen import rangeset
from printer_jobs.equipment import Sight
from printer_jobs.leases import Leases
from printer_jobs.serials import MISREAD, NOREAD, OPEN, PASS, Mark, Record, Serials

GS1_SSCC = re.compile(r"(?:\]C1)?(?:\(00\)|00)(\d{18})")
LINK_SSCC = re.compile(r"HTTPS?://[^/]+/00/(\d{18})(?:\?8030=[\w-]{86})?", re.IGNORECASE | re.ASCII)
# A web address or a GS1 element string: somebody meant it to be read. Code 128 alone has a check of 1 in 103.
LOOKS_LIKE_A_CODE = re.compile(r"(?:https?://|\(\d{2,4}\)).+", re.IGNORECASE | re.DOTALL)
UNREADABLE, NEVER_SEEN, POOR, NO_CAP = "unreadable", "never seen", "printed too poorly", "no cap was read"


@dataclass(frozen=True, slots=True)
class Judgement:
    """records: what to write down. item, sscc: whose label it was, where known. stop: why the line must not go on."""

    verdict: str
    records: tuple[Record, ...]
    item: int | None = None
    sscc: str | None = None
    stop: str | None = None

    @property
    def passes(self) -> bool:
        return self.verdict in (PASS, "CASE")


def judge(
    serials: Serials, leases: Leases, sight: Sight, *, one_order: bool = True, lowest: float | None = None
) -> Judgement:
    """Compare what was read with what was sent. one_order: items and case labels come from one printer.

    lowest: the grade a label of an item must have where it has one.
    """
    said = {sscc_of(text) or text for text in sight.texts}  # A case label says its number twice: bars and QR.
    if not said:
        return _rejected(sight, NOREAD)
    if leases.caps and said == set(sight.texts):
        return _judge_capped(serials, leases, sight, said, one_order, lowest)
    if len(said) > 1:
        return _rejected(sight, "SEVERAL")
    text = said.pop()
    if text in sight.texts:
        return _graded(_judge_item(serials, leases, sight, text, one_order), sight, lowest)
    return _judge_case(serials, sight, text, one_order)


def _judge_capped(
    serials: Serials, leases: Leases, sight: Sight, said: set[str], one_order: bool, lowest: float | None
) -> Judgement:
    """A bottle with a cap printed elsewhere: one number of ours, and one code of the caps' run."""
    bodies = sorted(text for text in said if leases.item_of(text) is not None)
    caps = sorted(said.difference(bodies))
    if len(bodies) > 1 or len(caps) > 1:
        return _rejected(sight, "SEVERAL")
    if not bodies:  # A cap alone says that the bottle under it could not be read.
        ours = caps[0].startswith(leases.caps)
        return _rejected(sight, NOREAD) if ours else _judge_item(serials, leases, sight, caps[0], one_order)
    judged = _graded(_judge_item(serials, leases, sight, bodies[0], one_order), sight, lowest)
    if not judged.passes or judged.item is None:
        return judged
    if not caps or (not caps[0].startswith(leases.caps) and not LOOKS_LIKE_A_CODE.match(caps[0])):
        seen = ["SEEN", sight.tag, judged.item, sight.grade, "NO_CAP"]
        scrapped = ["SCRAPPED", judged.item, judged.item + 1, NO_CAP]
        return Judgement("NO_CAP", (*judged.records[:-1], seen, scrapped), item=judged.item)
    cap = caps[0].removeprefix(leases.caps)
    if not caps[0].startswith(leases.caps):
        return _rejected(sight, "FOREIGN", stop=f"The cap reads {caps[0][:80]}, which is not of the caps' run")
    if cap in serials.capped:
        return _rejected(sight, "DUPLICATE", stop=f"Cap {cap} was seen before: it is copied")
    return Judgement(PASS, (*judged.records[:-1], [*judged.records[-1], cap]), item=judged.item)


def give_up(serials: Serials, entries: Iterable[int | str]) -> list[Record]:
    """Numbers that will not be seen any more: as many as labels were unreadable are scrapped, the others void."""
    records: list[Record] = []
    scrapped: list[int] = []
    void: list[int] = []
    unread = serials.unread
    for entry in entries:
        why = UNREADABLE if unread > 0 else NEVER_SEEN
        unread -= 1
        if isinstance(entry, str):
            records.append(["CASE_VOID", entry, why])
        else:
            (scrapped if why is UNREADABLE else void).append(entry)
    records += [["SCRAPPED", low, high, UNREADABLE] for low, high in rangeset.of(scrapped)]
    records += [["VOID", low, high, NEVER_SEEN] for low, high in rangeset.of(void)]
    return records


def sscc_of(text: str) -> str | None:
    """The 18 digits of a GS1-128 with AI 00, with or without parentheses or symbology identifier, or of a link."""
    found = GS1_SSCC.fullmatch(text.strip()) or LINK_SSCC.fullmatch(text.strip())
    return found[1] if found else None


def _judge_item(serials: Serials, leases: Leases, sight: Sight, text: str, one_order: bool) -> Judgement:
    item = leases.item_of(text)
    if item is None and not LOOKS_LIKE_A_CODE.match(text):
        return _rejected(sight, MISREAD)
    if item is None:
        return _rejected(sight, "FOREIGN", stop=f"The label reads {text[:80]}, which is not of this job")
    match serials.mark(item):
        case mark if mark in OPEN:
            seen = ["SEEN", sight.tag, item, sight.grade, PASS]
            return Judgement(PASS, (*_skipped(serials, item, one_order), seen), item=item)
        case Mark.SCRAPPED | Mark.VOID:
            return _rejected(sight, "LATE", item=item)
        case Mark.PASSED | Mark.SAMPLED:
            return _rejected(sight, "DUPLICATE", item=item, stop=f"Number {item} was seen before: its label is copied")
        case _:
            stop = f"Number {item} was never sent to this printer, yet its label came"
            return _rejected(sight, "NEVER_SENT", item=item, stop=stop)


def _graded(judged: Judgement, sight: Sight, lowest: float | None) -> Judgement:
    if not judged.passes or lowest is None or sight.grade is None or sight.grade >= lowest:
        return judged
    item = judged.item
    assert item is not None
    seen = ["SEEN", sight.tag, item, sight.grade, "LOW_GRADE"]
    return Judgement("LOW_GRADE", (*judged.records[:-1], seen, ["SCRAPPED", item, item + 1, POOR]), item=item)


def _judge_case(serials: Serials, sight: Sight, sscc: str, one_order: bool) -> Judgement:
    if sscc in serials.cases:
        seen = ["SEEN", sight.tag, None, sight.grade, "CASE"]
        return Judgement("CASE", (*_skipped(serials, sscc, one_order), seen, ["PACKED", sscc]), sscc=sscc)
    if sscc in serials.packed:
        return _rejected(sight, "DUPLICATE", sscc=sscc, stop=f"Case label {sscc} was seen before: it is copied")
    if sscc in serials.void_cases:
        return _rejected(sight, "LATE", sscc=sscc)
    return _rejected(sight, "FOREIGN", sscc=sscc, stop=f"Case label {sscc} is not of this job")


def _skipped(serials: Serials, entry: int | str, one_order: bool) -> list[Record]:
    """Two printers keep an order each: an item then settles only items, a case label only case labels."""
    before = serials.queue[: serials.queue.index(entry)]
    return give_up(serials, [one for one in before if one_order or isinstance(one, str) == isinstance(entry, str)])


def _rejected(
    sight: Sight, verdict: str, *, item: int | None = None, sscc: str | None = None, stop: str | None = None
) -> Judgement:
    return Judgement(verdict, (["SEEN", sight.tag, item, sight.grade, verdict],), item=item, sscc=sscc, stop=stop)
