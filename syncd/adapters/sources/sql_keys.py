"""Keys of a source's rows: one text for each id, and the id's parts back from the text.

A key is the parts of the id, percent-encoded and joined by `/` (contract, "Stamps of the source"). Only what would not
survive is encoded: `%` and `/`, control characters, `<` and `>` (the site takes them for markup), and blanks at the
ends (the site's database compares text without trailing blanks).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import product
from urllib.parse import unquote

from syncd.core.keys import MOST_CHARACTERS, encode_part, part_text
from syncd.core.model import Raw
from syncd.core.values import FieldType, Kind

_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", re.IGNORECASE)


_HEX = re.compile(r"([0-9a-f]{2})+")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _whole(text: str) -> Raw:
    if not _WHOLE.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _number(text: str) -> Raw:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return Decimal(text)


_STRICT: dict[Kind, Callable[[str], Raw]] = {
    Kind.INT: _whole,
    Kind.NUMBER: _number,
    Kind.BOOL: lambda text: text == "1",
    Kind.BYTES: bytes.fromhex,
    Kind.DATE: date.fromisoformat,
    Kind.DATETIME: datetime.fromisoformat,
    Kind.TIME: time.fromisoformat,
}
"""Parts of ids from their text, where a column keeps to its type. They raise ValueError for what is none."""


class KeyProblem(ValueError):  # noqa: N818 - it names what is wrong with an id, as the error texts do
    """An id that cannot stand for its row. `shown` is the id as far as it can be written."""

    def __init__(self, shown: str, reason: str) -> None:
        super().__init__(reason)
        self.shown = shown
        self.reason = reason


class KeyCodec:
    """Ids of one table as keys. `columns` names the id columns, `types` what they hold.

    `loose` is set for databases whose columns hold any kind of value (SQLite): a number may then be stored as text.
    `holds_nul` says whether text may hold the character NUL.
    """

    def __init__(
        self, columns: Sequence[str], types: Sequence[FieldType], *, loose: bool, holds_nul: bool = True
    ) -> None:
        self._columns = tuple(columns)
        self._types = tuple(types)
        self._loose = loose
        self._holds_nul = holds_nul

    def encode(self, parts: Sequence[Raw]) -> str:
        """The key of an id. Raises `KeyProblem` for one that is NULL, empty, or longer than 140 characters."""
        texts = []
        for column, part in zip(self._columns, parts, strict=True):
            if part is None or part in ("", b""):
                word = "NULL" if part is None else "empty"
                raise KeyProblem(
                    self.shown(parts), f"the id column {column!r} is {word}; a row needs an id to be told by"
                )
            text = part_text(part)
            try:
                text.encode("utf-8")
                texts.append(encode_part(text))
            except UnicodeEncodeError:
                raise KeyProblem(self.shown(parts), f"the id column {column!r} does not hold valid text") from None
        key = "/".join(texts)
        if len(key) > MOST_CHARACTERS:
            raise KeyProblem(
                key, f"the id has {len(key)} characters when written as a key; {MOST_CHARACTERS} is the most"
            )
        return key

    @property
    def unambiguous(self) -> bool:
        """Whether two keys never stand for one id: of the numbers 7.5 and 7.50 a database takes one for the other."""
        return self._loose or not any(
            kind.kind in (Kind.NUMBER, Kind.DATETIME, Kind.TIME) or kind.name.upper().startswith("CHAR")
            for kind in self._types
        )

    def shown(self, parts: Sequence[Raw]) -> str:
        """An id for people, even where it is no key."""
        return "/".join("NULL" if part is None else ascii(part_text(part))[1:-1] for part in parts)

    def decode(self, key: str) -> list[tuple[object, ...]]:
        """The ids that may stand behind a key, as values to bind; none where no row can have that key.

        The caller keeps of what it finds only rows whose own key is `key`.
        """
        texts = key.split("/")
        if len(texts) != len(self._columns) or not all(texts):
            return []
        try:
            plain = [unquote(text, errors="strict") for text in texts]
        except UnicodeDecodeError:
            return []
        choices = [self._candidates(text, kind) for text, kind in zip(plain, self._types, strict=True)]
        return list(product(*choices))

    def _candidates(self, text: str, field_type: FieldType) -> list[object]:
        if not self._loose:
            return self._strict(text, field_type)
        numbers = self._numbers(text)
        if not field_type.name:
            return [text, *numbers]
        if field_type.kind in (Kind.INT, Kind.NUMBER, Kind.BOOL):
            # SQLite would take '01' for 1 in such a column, and with it another row than the key's.
            return numbers or ([text] if not _like_number(text) else [])
        if field_type.kind is Kind.BYTES:
            return [text, bytes.fromhex(text)] if _HEX.fullmatch(text) else [text]
        return [text, *numbers] if field_type.kind is not Kind.TEXT else [text]

    def _strict(self, text: str, field_type: FieldType) -> list[object]:
        """A value of the column's own type: asked for anything else, such a database answers with an error."""
        if field_type.name == "UUID":
            return [text] if _UUID.fullmatch(text) else []
        reader = _STRICT.get(field_type.kind)
        if reader is None:
            return [text] if self._holds_nul or "\0" not in text else []
        try:
            value = reader(text)
        except ValueError:
            return []
        return [value] if part_text(value) == text else []

    def _numbers(self, text: str) -> list[object]:
        if _WHOLE.fullmatch(text):
            whole = int(text)
            return [whole] if -(2**63) <= whole < 2**63 else []
        if _NUMBER.fullmatch(text):
            number = float(text)
            return [number] if part_text(number) == text else []
        return []


def _like_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


__all__ = ["MOST_CHARACTERS", "KeyCodec", "KeyProblem", "encode_part"]
