"""One rule, four forms that may not disagree: random trees over random rows with NULLs, against the real PostgreSQL."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    insert,
    select,
)

from foundation.ids import seeded
from foundation.rules.ast import (
    All,
    Among,
    Any,
    Arithmetic,
    Between,
    Calendar,
    Compare,
    Contains,
    Declared,
    Exists,
    Fact,
    Kind,
    Literal,
    Not,
    StartsWith,
    Type,
    Vocabulary,
)
from foundation.rules.check import check
from foundation.rules.explain import decisive, trace
from foundation.rules.jsonform import from_json, to_json
from foundation.rules.parse import parse
from foundation.rules.python import predicate
from foundation.rules.sentence import sentence
from foundation.rules.sql import condition
from foundation.rules.text import text_of

NIGHT = datetime(2026, 5, 31, 16, 0, tzinfo=UTC)  # Midnight in Shanghai, and the last hours of a month elsewhere.
POOLS = {
    Kind.INT: [0, 1, -1, 7, 510100, 2**63 - 1, -(2**63)],
    Kind.DECIMAL: [Decimal(text) for text in ("0", "0.1", "1.00", "-1", "7.5", "99999999999999999999.999999")],
    Kind.STRING: ["", "a", "B", "ab", "Ä", "茶", "%", "_", "a\\", "06901234567892"],
    Kind.BOOL: [True, False],
    Kind.DATE: [date(2026, 5, 31), date(2026, 6, 1), date(1, 1, 1), date(9999, 12, 31)],
    Kind.INSTANT: [NIGHT, NIGHT - timedelta(microseconds=1), datetime(1990, 1, 1, tzinfo=UTC)],
}  # fmt: skip
COLUMNS = {
    "small": (Integer, Kind.INT),
    "big": (BigInteger, Kind.INT),
    "price": (Numeric, Kind.DECIMAL),
    "name": (Text, Kind.STRING),
    "other.name": (Text, Kind.STRING),
    "new": (Boolean, Kind.BOOL),
    "day": (Date, Kind.DATE),
    "at": (DateTime(timezone=True), Kind.INSTANT),
}
LISTS = {"numbers": (BigInteger, Kind.INT), "tags": (Text, Kind.STRING)}
VOCABULARY = Vocabulary(
    {name: Declared(Type(kind), name, name) for name, (_, kind) in COLUMNS.items()}
    | {name: Declared(Type(kind, many=True), name, name) for name, (_, kind) in LISTS.items()}
)
rows = Table(
    "rule_rows",
    MetaData(),
    Column("id", Integer, primary_key=True),
    *(Column(name, type_) for name, (type_, _) in COLUMNS.items()),
    *(Column(name, ARRAY(type_)) for name, (type_, _) in LISTS.items()),
    prefixes=["TEMPORARY"],
)


def value_of(kind: Kind) -> st.SearchStrategy:
    facts = st.sampled_from([Fact(name) for name, (_, of) in COLUMNS.items() if of is kind])
    literals = st.sampled_from(POOLS[kind]).map(lambda value: Literal(value, kind))
    if kind not in (Kind.INT, Kind.DECIMAL):
        return facts | literals
    calendars = st.one_of(
        st.builds(Calendar, st.sampled_from(["weekday", "month"]), st.deferred(lambda: VALUES[Kind.DATE])),
        st.builds(Calendar, st.sampled_from(["weekday", "month", "hour"]), st.deferred(lambda: VALUES[Kind.INSTANT])),
    )
    return st.recursive(
        facts | literals | calendars,
        lambda inner: st.builds(Arithmetic, st.sampled_from(["add", "subtract", "multiply"]), inner, inner),
        max_leaves=4,
    )


VALUES = {kind: value_of(kind) for kind in Kind}
NUMBER = VALUES[Kind.INT] | VALUES[Kind.DECIMAL]


def comparisons(values: st.SearchStrategy, kind: Kind) -> st.SearchStrategy:
    ops = ["eq", "ne"] if kind is Kind.BOOL else ["eq", "ne", "lt", "le", "gt", "ge"]
    listed = st.lists(st.sampled_from(POOLS[kind]), min_size=1, max_size=3).map(
        lambda found: tuple(Literal(value, kind) for value in found)
    )
    found = [st.builds(Compare, st.sampled_from(ops), values, values), st.builds(Among, values, listed, st.booleans())]
    if kind is not Kind.BOOL:
        found.append(st.builds(Between, values, values, values))
    return st.one_of(found)


LEAVES = st.one_of(
    *(comparisons(NUMBER if kind in (Kind.INT, Kind.DECIMAL) else VALUES[kind], kind) for kind in Kind),
    st.builds(Among, NUMBER, st.just(Fact("numbers")), st.booleans()),
    st.builds(Among, VALUES[Kind.STRING], st.just(Fact("tags")), st.booleans()),
    st.builds(Contains, st.just(Fact("numbers")), NUMBER),
    st.builds(Contains, VALUES[Kind.STRING] | st.just(Fact("tags")), VALUES[Kind.STRING]),
    st.builds(StartsWith, VALUES[Kind.STRING], VALUES[Kind.STRING]),
    st.sampled_from([*COLUMNS, *LISTS]).map(lambda name: Exists(Fact(name))),
    VALUES[Kind.BOOL],
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Any, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


def random_rows() -> list[dict[str, object]]:
    chance = seeded("rules")

    def maybe(kind: Kind, column: str) -> object:
        pool = [value for value in POOLS[kind] if column != "small" or abs(value) < 2**31]
        return None if chance.random() < 0.3 else chance.choice(pool)

    return [
        {"id": at}
        | {name: maybe(kind, name) for name, (_, kind) in COLUMNS.items()}
        | {
            name: None if chance.random() < 0.3 else [maybe(kind, name) for _ in range(chance.randrange(3))]
            for name, (_, kind) in LISTS.items()
        }
        for at in range(60)
    ]


def test_python_and_sql_agree_on_every_row(tx):
    known = random_rows()
    rows.create(tx)
    tx.execute(insert(rows), known)
    columns = {name: rows.c[name] for name in (*COLUMNS, *LISTS)}

    @settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(TREES)
    def agree(tree):
        check(tree, VOCABULARY)
        asked = condition(tree, columns, VOCABULARY)
        in_sql = dict(tx.execute(select(rows.c.id, asked)).all())
        ask = predicate(tree)
        assert in_sql == {row["id"]: ask(row) for row in known}, text_of(tree)

    agree()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(TREES)
def test_text_and_json_bring_the_tree_back(tree):
    # `a <= x <= b` and chains of `and` have one reading each, so what was written is what is read.
    assert from_json(json.loads(json.dumps(to_json(tree))), VOCABULARY) == tree
    assert parse(text_of(tree), VOCABULARY) == tree


@settings(max_examples=200, deadline=None, derandomize=True)
@given(TREES, st.sampled_from(random_rows()))
def test_the_explanation_never_disagrees_with_the_decision(tree, row):
    found = trace(tree, row)
    assert found.matched is predicate(tree)(row)
    assert list(decisive(found))
    assert sentence(tree, VOCABULARY, "zh")
    assert sentence(tree, VOCABULARY, "en")
