"""The journal's own shape: what one operation says of its records, as bytes.

An operation's entries are written before anything is sent and are never rewritten; they hold enough to send the very
same thing again, to find out whether it was done, and to tell a person about it. What became of each record is written
beside them, as results. Reports read both back.

    records   {"layouts": [[names, labels], …], "entries": [[external id, ERPNext name, layout, image, changes, link,
              pair, staged row, action, origin, docstatus, outcome], …]}
    results   [outcome, …]: one for each entry

An outcome is null (nothing to tell), the key of the record that was made (done), or [result, error, hint, request id].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import orjson

from syncd.core.model import FieldChange, Image, Raw, Rows
from syncd.core.row_texts import rows_told
from syncd.core.values import encode_image, read_image, show

Outcome: TypeAlias = str | list[str] | None

DONE = "done"


class Entry(NamedTuple):
    """One record of an operation.

    `names` and `values` are what is sent, in the receiving side's own field names; `labels` the ERPNext fieldnames of
    the same. `changes` are old and new in a person's terms; a creation leaves them out, they follow from its values.
    `result` is "" while open, then done, refused, stale, gone, unknown or abandoned.
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
    labels: tuple[str, ...] = ()
    docstatus: int = 0
    """What a creation or amendment makes: a draft (0) or a submitted document (1)."""


def encode_entries(entries: Iterable[Entry]) -> bytes:
    """Entries as bytes; lossless for every kind of raw value."""
    layouts: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
    encoded = [
        (
            entry.external_id,
            entry.erpnext_name,
            layouts.setdefault((entry.names, entry.labels), len(layouts)),
            orjson.Fragment(encode_image((entry.stamp, *entry.values))),
            [_change(change) for change in entry.changes],
            entry.link,
            entry.pair,
            entry.staged,
            entry.action,
            None if entry.origin is None else orjson.Fragment(entry.origin),
            entry.docstatus,
            _outcome(entry),
        )
        for entry in entries
    ]
    return orjson.dumps({"layouts": list(layouts), "entries": encoded})


def _change(change: FieldChange) -> list[object]:
    """[field, old, new], and true behind them where it is a conflict that was decided."""
    return [change.field, change.old, change.new, *([True] if change.decided else [])]


def encode_results(outcomes: Sequence[Outcome]) -> bytes:
    """What became of an operation's records, in the order of its entries."""
    return orjson.dumps(outcomes)


def outcome_of(entry: Entry) -> Outcome:
    """What became of one record, as `encode_results` takes it."""
    return _outcome(entry)


def _outcome(entry: Entry) -> Outcome:
    if not (entry.result or entry.error or entry.hint or entry.request_id):
        return None
    return [entry.result, entry.error, entry.hint, entry.request_id]


def decode_entries(records: bytes, results: bytes = b"") -> list[Entry]:
    """The entries that `encode_entries` wrote, with what became of them. Raises ValueError for any other bytes."""
    return [
        Entry(
            external_id=external_id,
            erpnext_name=name,
            names=tuple(names),
            values=image[1:],
            changes=tuple(
                FieldChange(field=field, old=old, new=new, decided=bool(decided))
                for field, old, new, *decided in changes
            ),
            stamp=image[0],
            link=link,
            pair=pair,
            staged=staged,
            result=outcome[0],
            error=outcome[1],
            hint=outcome[2],
            request_id=outcome[3],
            action=action,
            origin=None if origin is None else encode_image(read_image(origin)),
            labels=tuple(labels),
            docstatus=docstatus,
        )
        for external_id, name, (
            names,
            labels,
        ), image, changes, link, pair, staged, action, origin, docstatus, outcome in (_read(records, results))
    ]


def tell_entries(records: bytes, results: bytes = b"") -> list[dict[str, Any]]:
    """The entries as a report tells them: objects fit for JSON. Raises ValueError for bytes of another kind.

    Keys: external_id, erpnext_name, action, link, changes ({field, old, new}, and `decided` where it is a conflict that
    a policy decided), result, error, hint, request_id.
    """
    held, outcomes = _held(records, results)
    layouts = [(labels or names) for names, labels in held["layouts"]]
    told = []
    for entry, later in zip(held["entries"], outcomes, strict=True):
        external_id, name, layout, image, changes, link, _, _, action, _, _, written = entry
        outcome = later if later is not None else written
        if isinstance(outcome, str):  # the key of the record that was made
            external_id, name = external_id or outcome, name or outcome
            outcome = _MADE
        if changes:
            shown = [
                {"field": field, "old": old, "new": new, **({"decided": True} if decided else {})}
                for field, old, new, *decided in changes
            ]
        else:
            shown = [
                {"field": field, "old": None, "new": new}
                for label, value in zip(layouts[layout], image[1:], strict=True)
                for field, new in ([(label, value)] if value.__class__ in _PLAIN else _shown(label, value))
            ]
        result, error, hint, request_id = outcome or _NOTHING
        told.append(
            {
                "external_id": external_id,
                "erpnext_name": name,
                "action": action,
                "link": link,
                "changes": shown,
                "result": result,
                "error": error,
                "hint": hint,
                "request_id": request_id,
            }
        )
    return told


def _shown(label: str, held: Any) -> Iterable[tuple[str, object]]:
    """A value of an image that JSON has no form for, or a float, as a report shows it; rows of a table one by one."""
    value = read_image([held])[0]
    return rows_told(label, value) if isinstance(value, Rows) else [(label, show(value))]


_PLAIN = frozenset({str, int, bool, type(None)})

_Read: TypeAlias = tuple[Any, Any, list[list[str]], Image, Any, bool, Any, Any, str, Any, int, list[str]]


_MADE = [DONE, "", "", ""]
_NOTHING = ["", "", "", ""]


def _held(records: bytes, results: bytes) -> tuple[dict[str, Any], Sequence[Outcome]]:
    """What `encode_entries` wrote, parsed, and an outcome for each entry."""
    held = orjson.loads(records)
    if not isinstance(held, dict) or not {"layouts", "entries"} <= held.keys():
        raise ValueError("these are no entries of the journal")
    return held, orjson.loads(results) if results else [None] * len(held["entries"])


def _read(records: bytes, results: bytes) -> Iterator[_Read]:
    held, outcomes = _held(records, results)
    for entry, later in zip(held["entries"], outcomes, strict=True):
        external_id, name, layout, image, changes, link, pair, staged, action, origin, docstatus, outcome = entry
        outcome = later if later is not None else outcome
        if isinstance(outcome, str):  # the key of the record that was made
            external_id, name, outcome = external_id or outcome, name or outcome, _MADE
        known = held["layouts"][layout]
        values = read_image(image)
        told = outcome or _NOTHING
        yield external_id, name, known, values, changes, link, pair, staged, action, origin, docstatus, told
