"""Each brand's own words for the verdicts: a row where it changed them, else the house's, else those of `texts`.

The house's words, under brand 0, are also those for codes of nobody. Changes are audited.

A scan asks no table: each process keeps the words in memory and reads them again every few seconds.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Engine, delete, select
from sqlalchemy.dialects.postgresql import insert

from foundation import audit, clock
from foundation.database import ReadTx, Tx, reading
from foundation.errors import BadRequest
from scan_api import texts
from scan_api.tables import verdict_texts
from scan_api.texts import Language, Words

TITLE, TEXT = 40, 400  # Characters: a heading of two lines, and a paragraph one reads standing.
FRESH_S = 3.0
SUBJECT = "verdict-texts"
HOUSE = 0  # No brand: what every brand says that has no words of its own.
Key = tuple[int, str, Language]


class BadText(BadRequest):
    """Too long, empty, or not plain text."""

    type = "bad-text"


class Wording:
    """The words in force, shared by the threads of one process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changed: Mapping[Key, Words] = {}
        self._read_at: float | None = None

    def words(self, verdict: str, language: Language, brand_id: int | None = None) -> Words:
        own, house = (brand_id or HOUSE, verdict, language), (HOUSE, verdict, language)
        return self._changed.get(own) or self._changed.get(house) or texts.words(verdict, language)

    def work(self) -> None:
        """Read the table again, if what is in memory is no longer fresh."""
        if self._read_at is None or clock.monotonic_s() - self._read_at > FRESH_S:
            self.refresh()

    def refresh(self) -> None:
        """Read the table again, now."""
        with reading(self._engine) as tx:
            self._changed = changed(tx)
        self._read_at = clock.monotonic_s()


def changed(tx: ReadTx) -> dict[Key, Words]:
    """What is said in other words than those of the program."""
    rows = tx.execute(select(verdict_texts))
    return {(row.brand_id, row.verdict, row.language): Words(row.title, row.body) for row in rows}


def change(tx: Tx, key: Key, words: Words, *, by: str, now: datetime) -> None:
    """Say a verdict so from now on, in every process within seconds. Raises BadText."""
    brand_id, verdict, language = key
    said = _checked(verdict, words)
    before = changed(tx).get(key)
    row = {"title": said.title, "body": said.text, "changed_at": now, "changed_by": by}
    added = insert(verdict_texts).values(brand_id=brand_id, verdict=verdict, language=language, **row)
    tx.execute(added.on_conflict_do_update(index_elements=["brand_id", "verdict", "language"], set_=row))
    _audit(tx, "text.change", key, before, said, by, now)


def reset(tx: Tx, key: Key, *, by: str, now: datetime) -> None:
    """Back to the words said before this brand had its own; without a change nothing happens."""
    before = changed(tx).get(key)
    this = zip((verdict_texts.c.brand_id, verdict_texts.c.verdict, verdict_texts.c.language), key, strict=True)
    if tx.execute(delete(verdict_texts).where(*(column == value for column, value in this))).rowcount:
        _audit(tx, "text.reset", key, before, None, by, now)


def _checked(verdict: str, words: Words) -> Words:
    if verdict not in texts.VERDICTS:
        raise BadText(f"There is no verdict {verdict[:40]!r} to write about.")
    title, text = words.title.strip(), words.text.strip()
    for name, said, most in (("title", title, TITLE), ("text", text, TEXT)):
        if not 1 <= len(said) <= most:
            raise BadText(f"Write a {name} of 1 to {most} characters; this one has {len(said)}.")
        if not said.isprintable():
            raise BadText(f"Write the {name} as plain text in one line, without control characters.")
    return Words(title, text)


def _audit(
    tx: Tx, action: str, key: Key, before: Words | None, after: Words | None, by: str, now: datetime
) -> None:  # fmt: skip
    about = dict(zip(("brand_id", "verdict", "language"), key, strict=True))
    told = [{**about, **_said(words)} for words in (before, after)]
    audit.record(tx, actor=by, action=action, subject=SUBJECT, before=told[0], after=told[1], now=now)


def _said(words: Words | None) -> dict[str, str | None]:
    return {"title": words.title, "text": words.text} if words else {"title": None, "text": None}
