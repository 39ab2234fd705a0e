"""Comparison of text as MariaDB's utf8mb4_unicode_ci does it.

Upper and lower case, accents and trailing blanks do not count; characters beyond U+FFFF are all equal to one another
(the collation gives each of them the same weight); control characters count for nothing. Punctuation sorts before
digits, digits before letters. Used for `=`, `<`, `like`, unique indices and the order of names alike, so that paging
by (modified, name) never skips or repeats a document.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_EXPANSIONS = {"ß": "SS", "ẞ": "SS", "æ": "AE", "Æ": "AE", "œ": "OE", "Œ": "OE", "ø": "O", "Ø": "O", "ł": "L", "Ł": "L"}
_PUNCTUATION = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
_ORDER = {ord(char): chr(0x21 + position) for position, char in enumerate(_PUNCTUATION)}
_ORDER.update({ord("\t"): chr(1), ord("\n"): chr(2), ord("\r"): chr(3)})
_ORDER.update({ord(digit): chr(0x50 + int(digit)) for digit in "0123456789"})
_ORDER.update({ord(letter): chr(0x60 + position) for position, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")})
_IGNORED = re.compile("[\x00-\x08\x0e-\x1f\x7f\xad\u200b-\u200f\u2060\ufeff]")
_HIRAGANA_SHIFT = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}


def _spell_out(text: str) -> str:
    """Upper case without accents, each character beyond U+FFFF as U+FFFD."""
    pieces = []
    for char in unicodedata.normalize("NFKD", text):
        if char > "\uffff":
            pieces.append("\ufffd")
        elif char in _EXPANSIONS:
            pieces.append(_EXPANSIONS[char])
        elif not unicodedata.category(char).startswith("M"):
            pieces.append(char.upper())
    return "".join(pieces).translate(_HIRAGANA_SHIFT)


def fold(text: str) -> str:
    """The text with all that does not count taken out, trailing blanks included; not yet in the order of sorting."""
    if not text.isascii():
        text = _spell_out(text)
    return _IGNORED.sub("", text).upper().rstrip(" ")


@lru_cache(maxsize=50_000)
def sort_key(text: str) -> str:
    """What two texts are compared by: equal keys, equal texts."""
    return fold(text).translate(_ORDER)


def collate(left: str, right: str) -> int:
    """-1, 0 or 1, for SQLite."""
    if left == right:
        return 0
    left_key, right_key = sort_key(left), sort_key(right)
    return (left_key > right_key) - (left_key < right_key)


@lru_cache(maxsize=512)
def _pattern(pattern: str) -> re.Pattern[str]:
    wild = {"%": ".*", "_": "."}
    pieces = [wild.get(piece) or re.escape(fold_for_like(piece)) for piece in re.split("([%_])", pattern)]
    return re.compile("".join(pieces), re.DOTALL)


@lru_cache(maxsize=20_000)
def fold_for_like(text: str) -> str:
    """As `fold`, but trailing blanks count, as they do in `like`."""
    if not text.isascii():
        text = _spell_out(text)
    return _IGNORED.sub("", text).upper()


def like(pattern: object, value: object) -> bool | None:
    """SQL `value LIKE pattern`: `%` is any text, `_` one character, nothing escapes them."""
    if pattern is None or value is None:
        return None
    return _pattern(str(pattern)).fullmatch(fold_for_like(str(value))) is not None
