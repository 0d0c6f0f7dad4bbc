"""The sentence a rule means, in Chinese and English, for the people who approve it and the members it pays."""

from typing import Literal as OneOf

from foundation.rules.ast import (
    All,
    Among,
    Any,
    Arithmetic,
    Between,
    Calendar,
    Compare,
    Condition,
    Contains,
    Exists,
    Fact,
    Kind,
    Literal,
    Node,
    Not,
    StartsWith,
    Vocabulary,
)
from foundation.rules.text import ARITHMETIC

Language = OneOf["zh", "en"]
COMPARED = {
    "zh": {"eq": "是", "ne": "不是", "lt": "小于", "le": "不大于", "gt": "大于", "ge": "不小于"},
    "en": {"eq": "is", "ne": "is not", "lt": "is below", "le": "is at most", "gt": "is above", "ge": "is at least"},
}
CALENDAR = {
    "zh": {"weekday": "{0}是星期几（1至7）", "month": "{0}的月份", "hour": "{0}的钟点"},
    "en": {"weekday": "the weekday (1 to 7) of {0}", "month": "the month of {0}", "hour": "the hour of {0}"},
}
WORDS = {
    "zh": {
        "all": "，并且",
        "any": "，或者",
        "group": "（{0}）",
        "not": "并非（{0}）",
        "between": "{0}在{1}到{2}之间",
        "in": "{0}属于{1}",
        "not_in": "{0}不属于{1}",
        "contains": "{0}包含{1}",
        "starts_with": "{0}以{1}开头",
        "exists": "有{0}",
        "compare": "{0}{1}{2}",
        "comma": "、",
        "quote": "“{0}”",
        "true": "真",
        "false": "假",
    },
    "en": {
        "all": ", and ",
        "any": ", or ",
        "group": "({0})",
        "not": "not ({0})",
        "between": "{0} is between {1} and {2}",
        "in": "{0} is one of {1}",
        "not_in": "{0} is none of {1}",
        "contains": "{0} contains {1}",
        "starts_with": "{0} starts with {1}",
        "exists": "{0} is known",
        "compare": "{0} {1} {2}",
        "comma": ", ",
        "quote": '"{0}"',
        "true": "true",
        "false": "false",
    },
}


def sentence(condition: Condition, vocabulary: Vocabulary, language: Language) -> str:
    """One sentence without its full stop, facts called by the names the vocabulary gives them."""
    return Speaker(vocabulary, language).say(condition)


class Speaker:
    def __init__(self, vocabulary: Vocabulary, language: Language) -> None:
        self.vocabulary, self.language, self.words = vocabulary, language, WORDS[language]

    def say(self, node: Node) -> str:
        match node:
            case All(of=parts) | Any(of=parts):
                joint = self.words["all" if isinstance(node, All) else "any"]
                return joint.join(self.grouped(part) for part in parts)
            case Not(of=part):
                return self.fill("not", part)
            case Compare(op=op, left=left, right=right):
                return self.words["compare"].format(self.say(left), COMPARED[self.language][op], self.say(right))
            case Between(value=value, low=low, high=high):
                return self.fill("between", value, low, high)
            case Among(value=value, choices=choices, absent=absent):
                return self.words["not_in" if absent else "in"].format(self.say(value), self.listed(choices))
            case Contains(whole=whole, part=piece):
                return self.fill("contains", whole, piece)
            case StartsWith(whole=whole, part=piece):
                return self.fill("starts_with", whole, piece)
            case Exists(fact=fact):
                return self.fill("exists", fact)
            case Arithmetic(op=op, left=left, right=right):
                return f"({self.say(left)} {ARITHMETIC[op]} {self.say(right)})"
            case Calendar(part=part_name, of=of):
                return CALENDAR[self.language][part_name].format(self.say(of))
            case Fact(name=name):
                return getattr(self.vocabulary[name], self.language)  # type: ignore[no-any-return]
            case Literal():
                return self.literal(node)

    def grouped(self, part: Node) -> str:
        return self.fill("group", part) if isinstance(part, All | Any) else self.say(part)

    def fill(self, word: str, *parts: Node) -> str:
        return self.words[word].format(*(self.say(part) for part in parts))

    def listed(self, choices: tuple[Literal, ...] | Fact) -> str:
        if isinstance(choices, Fact):
            return self.say(choices)
        return self.words["comma"].join(self.literal(choice) for choice in choices)

    def literal(self, literal: Literal) -> str:
        match literal.kind:
            case Kind.STRING:
                return self.words["quote"].format(literal.value)
            case Kind.BOOL:
                return self.words["true" if literal.value else "false"]
            case Kind.DECIMAL:
                return format(literal.value, "f")
            case Kind.INSTANT:
                return f"{literal.value:%Y-%m-%d %H:%M %z}"
        return str(literal.value)
