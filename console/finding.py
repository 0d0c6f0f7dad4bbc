"""What somebody typed into a search: the number of a case, a carton, a bottle or its code, or a dealer's name."""

import re

from antifraud.case_queue import Found
from codegen import shipments
from codegen.identity import item_number
from codegen.wire import Genuine
from console import desk
from foundation.database import ReadTx
from scan_api.codebook import Codebook

_CASE, _SSCC, _BOTTLE = re.compile(r"#?(\d{1,12})"), re.compile(r"(?:\(00\)|00)?(\d{18})"), re.compile(r"(\d+)-(\d+)")
CODE_LEAST = 16  # Characters of the shortest code.


def understand(tx: ReadTx, typed: str) -> Found:
    """Everything the text may mean. Nothing it may mean finds nothing."""
    asked = typed.strip()
    if sscc := _SSCC.fullmatch(asked.replace(" ", "")):
        return Found(sscc=sscc[1])
    if case := _CASE.fullmatch(asked):
        return Found(case_id=int(case[1]))
    if bottle := _BOTTLE.fullmatch(asked):
        return Found(items=[item_number(int(bottle[1]), int(bottle[2]) - 1)])
    if len(asked) >= CODE_LEAST:
        (token,) = Codebook(desk.house().keys).decode_many(tx, [asked])
        if isinstance(token, Genuine):
            return Found(items=[int(token.item)])
    named = [dealer.id for dealer in shipments.dealers(tx) if asked.lower() in dealer.name.lower()]
    return Found(dealers=named)
