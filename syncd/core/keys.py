"""Keys of records of a source: the parts of an id, percent-encoded and joined by `/`.

Only what would not survive is encoded (contract, "Stamps of the source"): `%` and `/`, control characters, `<` and `>`
(the site takes them for markup), and blanks at the ends (the site's database compares text without trailing blanks).
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal

from syncd.core.model import Raw

MOST_CHARACTERS = 140
"""Most characters of a key: what ERPNext's Data field, which holds it, has room for."""

_UNSAFE = re.compile(r"[%/<>\x00-\x1f\x7f-\x9f\u2028\u2029]|^\s+|\s+$")

_ENCODED = re.compile(r"(?:%[0-9A-F]{2})+")


def _escape(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found.group().encode("utf-8"))


def encode_part(text: str) -> str:
    """One part of a key: percent-encoded where it must be, byte by byte of its UTF-8."""
    return _UNSAFE.sub(_escape, text)


def part_text(part: Raw) -> str:
    """One part of an id as text, before it is encoded."""
    if isinstance(part, str):
        return part
    if isinstance(part, bool):
        return str(int(part))
    if isinstance(part, bytes):
        return part.hex()
    if isinstance(part, Decimal):
        return format(part, "f")
    if isinstance(part, datetime | date | time):
        return part.isoformat()
    return str(part)


def decode_part(text: str) -> str:
    """The text that `encode_part` was given."""
    return _ENCODED.sub(lambda found: bytes.fromhex(found.group().replace("%", "")).decode("utf-8"), text)
