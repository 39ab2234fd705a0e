"""What a CEL expression names, read from its text: columns, functions, bound names.

The library tells the roots of names (`source`), not what is selected from them, so the text is cut into tokens. It is
looked at only after the library has accepted its grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from syncd.core.kinds import InvalidValue

ROOT = "source"
"""The one variable of an expression: the columns of the source's record."""

LOOPS = frozenset({"all", "exists", "exists_one", "map", "filter"})
"""Macros that walk a list; their first argument names its entries."""

_TOKEN = re.compile(
    r"""
      (?P<blank>\s+|//[^\n]*)
    | (?P<text>
          (?:[rR][bB]|[bB][rR]|[rR]) (?:\"{3}.*?\"{3} | '{3}.*?'{3} | \"[^\"\n]*\" | '[^'\n]*')
        | [bB]? (?: \"{3}(?:\\.|.)*?\"{3} | '{3}(?:\\.|.)*?'{3} | \"(?:\\.|[^\"\\])*\" | '(?:\\.|[^'\\])*'))
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>[0-9][A-Za-z0-9_]*(?:\.[0-9][A-Za-z0-9_]*)?)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One token; `at` is its place in the text, from 0. `kind` is name, text, number or sign."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function that is called; `namespace` is what stands before its dot where that is a bare name (`math`)."""

    name: str
    namespace: str
    at: int


def tokens_of(text: str) -> tuple[Token, ...]:
    """The tokens of an expression without blanks and comments."""
    found = (Token(match.lastgroup or "", match[0], match.start()) for match in _TOKEN.finditer(text))
    return tuple(token for token in found if token.kind != "blank")


def place(text: str, at: int) -> str:
    """A place for people: `character 5`, in a text of several lines `line 2, character 5`."""
    before = text[:at].split("\n")
    column = f"character {len(before[-1]) + 1}"
    return f"line {len(before)}, {column}" if "\n" in text else column


def _sign(tokens: tuple[Token, ...], at: int, sign: str) -> bool:
    return 0 <= at < len(tokens) and tokens[at].kind == "sign" and tokens[at].text == sign


def _is_member(tokens: tuple[Token, ...], at: int) -> bool:
    """Whether the name at `at` is selected from something; `.name` with nothing before its dot is a root again."""
    if not _sign(tokens, at - 1, "."):
        return False
    before = tokens[at - 2] if at >= 2 else None
    return before is not None and (before.kind != "sign" or before.text in ")]}")


def columns_of(text: str, tokens: tuple[Token, ...], literal: Callable[[str], object]) -> tuple[str, ...]:
    """The columns that are named, each once, in the order of the text. `literal` reads a quoted name.

    Raises `InvalidValue` where `source` stands without a column: which ones are read must be known beforehand.
    """
    found: dict[str, None] = {}
    for at, token in enumerate(tokens):
        if token.kind != "name" or token.text != ROOT or _is_member(tokens, at):
            continue
        column = _column(tokens, at, literal)
        if column is None:
            raise InvalidValue(
                f"{place(text, token.at)}: {ROOT} stands without a column: name it, "
                f'like {ROOT}.first or {ROOT}["first name"]'
            )
        found[column] = None
    return tuple(found)


def _column(tokens: tuple[Token, ...], at: int, literal: Callable[[str], object]) -> str | None:
    following = tokens[at + 2] if at + 2 < len(tokens) else None
    if following is None:
        return None
    if _sign(tokens, at + 1, ".") and following.kind == "name" and not _sign(tokens, at + 3, "("):
        return following.text
    if _sign(tokens, at + 1, "[") and following.kind == "text" and _sign(tokens, at + 3, "]"):
        name = literal(following.text)
        return name if isinstance(name, str) else None
    return None


def calls_of(tokens: tuple[Token, ...]) -> Iterator[Call]:
    """The functions and macros that are called."""
    for at, token in enumerate(tokens):
        if token.kind != "name" or not _sign(tokens, at + 1, "("):
            continue
        named = _is_member(tokens, at) and tokens[at - 2].kind == "name" and not _is_member(tokens, at - 2)
        yield Call(token.text, tokens[at - 2].text if named else "", token.at)


def bound_names(tokens: tuple[Token, ...]) -> frozenset[str]:
    """The names that macros give to the entries of a list."""
    return frozenset(
        tokens[at + 2].text
        for at, token in enumerate(tokens[:-2])
        if token.text in LOOPS and _sign(tokens, at + 1, "(") and tokens[at + 2].kind == "name"
    )


def check_loops(text: str, tokens: tuple[Token, ...]) -> None:
    """Raises `InvalidValue` where a macro walks a list within another: its time grows with the power of the nesting."""
    inside: list[bool] = []
    for at, token in enumerate(tokens):
        if token.kind != "sign":
            continue
        if token.text in "([{":
            loop = token.text == "(" and tokens[at - 1].kind == "name" and tokens[at - 1].text in LOOPS and at > 0
            if loop and any(inside):
                raise InvalidValue(
                    f"{place(text, tokens[at - 1].at)}: {tokens[at - 1].text}() stands within another such function"
                )
            inside.append(loop)
        elif token.text in ")]}" and inside:
            inside.pop()


def with_presence(text: str, tokens: tuple[Token, ...]) -> str:
    """`text` with `has(source.x)` asking whether the column says something.

    A row of a table has all of its columns, so `has` of CEL would always be true. An empty text and NULL are the same
    (contract, "Same value").
    """
    made, done = [], 0
    for at, token in enumerate(tokens[:-5]):
        if token.text != "has" or token.kind != "name" or tokens[at + 2].text != ROOT:
            continue
        if _sign(tokens, at + 1, "(") and _sign(tokens, at + 3, ".") and _sign(tokens, at + 5, ")"):
            made.append(f'{text[done : token.at]}(!({ROOT}.{tokens[at + 4].text} in [null, ""]))')
            done = tokens[at + 5].at + 1
    return "".join(made) + text[done:]
