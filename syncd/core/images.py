"""Images and single raw values as bytes or text, without loss, and the digest of an image.

An image is a JSON list. What JSON has (null, true, integers of 64 bits, finite floats, text) stands in it as it is;
every other kind, child tables among them, is a list `[tag, …]`. No raw value is a list itself, so text can never be
taken for a tagged value, and the common row costs one call of orjson.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import orjson

from syncd.core.model import Baseline, Image, Missing, Raw, Rows, TableRow, Unreadable

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_NONE = b'["m"]'
"""Stands in a baseline for a field that has not agreed yet. No text can look like it: JSON escapes its quotes."""
_MARK = "="
"""First character of a stamp's text that is JSON and not the text itself."""


def _tag_float(value: float) -> list[str | int]:
    return ["f", repr(value)]


def _tag_moment(value: datetime) -> list[str | int]:
    # isoformat() drops the fold, which tells the two halves of a repeated hour apart.
    return ["t", value.isoformat(), 1] if value.fold and value.tzinfo is None else ["t", value.isoformat()]


def _tag_clock(value: time) -> list[str | int]:
    return ["c", value.isoformat(), 1] if value.fold else ["c", value.isoformat()]


def _tag_span(value: timedelta) -> list[str | int]:
    return ["p", value.days, value.seconds, value.microseconds]


def _tag_rows(value: Rows) -> list[Any]:
    rows = [[row.name, [held if _fits(held) else _tag(held) for held in row.values]] for row in value.rows]
    return ["r", rows, value.ties] if value.ties else ["r", rows]


def _tag(value: Any) -> list[Any]:
    """A value that orjson has no form for, as a tagged list. Raises TypeError for what is no raw value."""
    tagger = _TAGGERS.get(value.__class__)
    if tagger is not None:
        return tagger(value)
    for kind, tagger in _TAGGERS.items():
        if isinstance(value, kind):
            return tagger(value)
    raise TypeError(f"{type(value).__name__} is not a kind of raw value")


_TAGGERS: dict[type, Callable[[Any], list[Any]]] = {
    Decimal: lambda value: ["d", str(value)],
    datetime: _tag_moment,
    date: lambda value: ["y", value.isoformat()],
    time: _tag_clock,
    timedelta: _tag_span,
    bytes: lambda value: ["b", b64encode(value).decode("ascii")],
    int: lambda value: ["i", str(value)],
    float: _tag_float,
    str: lambda value: ["s", b64encode(value.encode("utf-8", "surrogatepass")).decode("ascii")],
    Rows: _tag_rows,
    Unreadable: lambda value: ["u", value.reason],
}


def _moment(parts: list[Any]) -> datetime:
    value = datetime.fromisoformat(parts[1])
    return value.replace(fold=1) if len(parts) > 2 else value


def _clock(parts: list[Any]) -> time:
    value = time.fromisoformat(parts[1])
    return value.replace(fold=1) if len(parts) > 2 else value


def _rows(parts: list[Any]) -> Rows:
    ties = tuple((own, other) for own, other in parts[2]) if len(parts) > 2 else ()
    return Rows(tuple(TableRow(name, read_image(values)) for name, values in parts[1]), ties)


_UNTAGGERS: dict[str, Callable[[list[Any]], Raw]] = {
    "d": lambda parts: Decimal(parts[1]),
    "t": _moment,
    "y": lambda parts: date.fromisoformat(parts[1]),
    "c": _clock,
    "p": lambda parts: timedelta(days=parts[1], seconds=parts[2], microseconds=parts[3]),
    "b": lambda parts: b64decode(parts[1]),
    "i": lambda parts: int(parts[1]),
    "f": lambda parts: float(parts[1]),
    "s": lambda parts: b64decode(parts[1]).decode("utf-8", "surrogatepass"),
    "r": _rows,
    "u": lambda parts: Unreadable(parts[1]),
}


def _fits(value: Raw) -> bool:
    """Whether orjson writes `value` in a form that reads back as the same value."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    if isinstance(value, str):
        return _is_unicode(value)
    return value is None


def without_ties(values: Sequence[Raw]) -> Image:
    """An image as a side shows it: what a baseline knows beyond that, the ties of its rows, is left out."""
    return tuple(Rows(value.rows) if isinstance(value, Rows) else value for value in values)


def _is_unicode(text: str) -> bool:
    """Whether `text` holds no half of a surrogate pair, which UTF-8 has no form for."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _encode_slowly(values: Sequence[Raw]) -> bytes:
    return orjson.dumps([value if _fits(value) else _tag(value) for value in values], option=_OPTIONS)


def encode_image(values: Sequence[Raw]) -> bytes:
    """Raw values as bytes that `decode_image` turns back into equal values of the same kinds.

    A datetime keeps its offset, not the name of its zone. Raises TypeError for what is no raw value.
    """
    try:
        encoded = orjson.dumps(list(values), _tag, _OPTIONS)
    except TypeError:
        # An integer beyond 64 bits or text with half a surrogate pair, neither of which orjson writes.
        return _encode_slowly(values)
    # orjson writes NaN and infinities as null; where no null is written, there are none.
    if b"null" in encoded and any(value.__class__ is float and not math.isfinite(value) for value in values):
        return _encode_slowly(values)
    return encoded


def decode_image(data: bytes) -> Image:
    """The values that `encode_image` was given. Raises ValueError for bytes that are no image."""
    held = orjson.loads(data)
    if not isinstance(held, list):
        raise ValueError("an image is a JSON list")
    return tuple(held) if data.find(b"[", 1) < 0 else read_image(held)


def read_image(held: Sequence[Any]) -> Image:
    """The image in a JSON list that was parsed already, as part of something larger."""
    return tuple([_untag(value) if value.__class__ is list else value for value in held])


def _untag(parts: list[Any]) -> Raw:
    try:
        return _UNTAGGERS[parts[0]](parts)
    except (KeyError, IndexError, TypeError, ArithmeticError) as error:
        raise ValueError(f"an image holds a value of no known kind: {parts!r}") from error


def encode_baseline(values: Baseline) -> bytes:
    """A baseline as bytes: an image, with a mark where a field has not agreed yet."""
    if Missing.MISSING not in values:
        return encode_image([value for value in values if not isinstance(value, Missing)])
    parts = (_NONE if isinstance(value, Missing) else encode_image((value,))[1:-1] for value in values)
    return b"[" + b",".join(parts) + b"]"


def decode_baseline(data: bytes) -> Baseline:
    """The baseline that `encode_baseline` was given. Raises ValueError for bytes that are none."""
    if _NONE not in data:
        return decode_image(data)
    return tuple(Missing.MISSING if value == ["m"] else read_image([value])[0] for value in orjson.loads(data))


def decode_baselines(data: Sequence[bytes]) -> list[Baseline]:
    """Many baselines at once. Raises ValueError where one is none."""
    held = orjson.loads(b"[" + b",".join(data) + b"]")
    return [
        tuple(values) if encoded.find(b"[", 1) < 0 else decode_baseline(encoded)
        for encoded, values in zip(data, held, strict=True)
    ]


def digest(encoded: bytes) -> bytes:
    """16 bytes (BLAKE2b) that stand for an encoded image."""
    return blake2b(encoded, digest_size=16).digest()


def encode_raw(raw: Raw) -> str:
    """One raw value as text, for stamps. Text stays as it is, unless it begins with `=` or holds a NUL."""
    if raw.__class__ is str and raw.isascii() and raw[:1] != _MARK and "\x00" not in raw:
        return raw
    if isinstance(raw, str) and not raw.startswith(_MARK) and "\x00" not in raw and _fits(raw):
        return raw
    return _MARK + encode_image((raw,))[1:-1].decode("utf-8")


def decode_raw(text: str) -> Raw:
    """The value that `encode_raw` was given. Raises ValueError for text that it did not write."""
    if not text.startswith(_MARK):
        return text
    values = decode_image(b"[" + text[1:].encode("utf-8") + b"]")
    if len(values) != 1:
        raise ValueError(f"a stamp is one value: {text!r}")
    return values[0]
