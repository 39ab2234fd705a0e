"""The journal's own shape: what one operation says of its records, as bytes.

An operation's entries are written before anything is sent; they hold enough to send the very same thing again, to find
out whether it was done, and to tell a person about it. Reports read them back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from syncd.core.model import FieldChange, Raw
from syncd.core.values import decode_image, encode_image


class Entry(NamedTuple):
    """One record of an operation.

    `names` and `values` are what is sent, in the receiving side's own field names; `changes` the same in a person's
    terms (ERPNext fieldnames, canonical values as text). `result` is "" while open, then done, refused, stale, gone
    or unknown.
    """

    external_id: str | None
    erpnext_name: str | None
    names: tuple[str, ...]
    values: tuple[Raw, ...]
    changes: tuple[FieldChange, ...] = ()
    stamp: Raw = None
    link: bool = False
    pair: int | None = None
    staged: int | None = None
    result: str = ""
    error: str = ""
    hint: str = ""
    request_id: str = ""
    action: str = ""
    """What is done to this record, where the operation's records differ; "" is the operation's own action."""
    origin: bytes | None = None
    """The other side's encoded image that the write was decided on: what becomes its baseline once it was done."""


def encode_entries(entries: Iterable[Entry]) -> bytes:
    """Entries as bytes; lossless for every kind of raw value."""
    return orjson.dumps(
        [
            [
                entry.external_id,
                entry.erpnext_name,
                entry.names,
                encode_image((entry.stamp, *entry.values)).decode(),
                [[change.field, change.old, change.new] for change in entry.changes],
                entry.link,
                entry.pair,
                entry.staged,
                entry.result,
                entry.error,
                entry.hint,
                entry.request_id,
                entry.action,
                None if entry.origin is None else entry.origin.decode(),
            ]
            for entry in entries
        ]
    )


def decode_entries(data: bytes) -> list[Entry]:
    """The entries that `encode_entries` wrote."""
    return [_decode(record) for record in orjson.loads(data)]


def _decode(record: list[Any]) -> Entry:
    external_id, name, names, image, changes, *rest, origin = record
    stamp, *values = decode_image(image.encode())
    link, pair, staged, result, error, hint, request_id, action = rest
    return Entry(
        external_id=external_id,
        erpnext_name=name,
        names=tuple(names),
        values=tuple(values),
        changes=tuple(FieldChange(field=field, old=old, new=new) for field, old, new in changes),
        stamp=stamp,
        link=link,
        pair=pair,
        staged=staged,
        result=result,
        error=error,
        hint=hint,
        request_id=request_id,
        action=action,
        origin=None if origin is None else origin.encode(),
    )
