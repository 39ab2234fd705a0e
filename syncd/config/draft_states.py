"""A proposal for `[lifecycle]`: which values of a status column mean a draft, a submitted and a cancelled document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncd.config.draft_lines import Sample
from syncd.config.draft_names import STATE, normal
from syncd.core.values import Kind
from syncd.ports.endpoint import Schema

_DRAFT = frozenset({"draft", "new", "open", "pending", "cart", "quote", "created", "on_hold", "unconfirmed", "waiting"})
_SUBMITTED = frozenset(
    {
        *("submitted", "confirmed", "paid", "shipped", "completed", "complete", "done", "closed", "delivered", "sent"),
        *("invoiced", "approved", "processed", "processing", "posted", "booked", "final", "fulfilled", "accepted"),
        *("overdue", "unpaid", "partly_paid", "returned", "refunded"),
    }
)
_CANCELLED = frozenset(
    {"cancelled", "canceled", "void", "voided", "rejected", "aborted", "deleted", "storno", "failed"}
)
_MEANINGS = ((_DRAFT, "draft"), (_SUBMITTED, "submitted"), (_CANCELLED, "cancelled"))


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """A column that tells states, and the values that were found in it; `unknown` are those that nobody can place."""

    column: str
    draft: tuple[str, ...] = ()
    submitted: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def states_of(table: Schema, samples: Mapping[str, Sample]) -> States | None:
    """The column that most likely tells whether a document is submitted; None where none is called so."""
    named = {normal(name): name for name in reversed(list(table.fields))}
    column = next((named[word] for word in STATE if word in named and _may(table, named[word])), None)
    if column is None:
        return None
    found: dict[str, list[str]] = {"draft": [], "submitted": [], "cancelled": [], "unknown": []}
    sample = samples.get(column)
    for word in table.fields[column].type.options or (sample.choices if sample is not None else None) or ():
        meant = next((state for words, state in _MEANINGS if normal(word) in words), "unknown")
        found[meant].append(word)
    return States(column=column, **{state: tuple(words) for state, words in found.items()})


def _may(table: Schema, column: str) -> bool:
    return table.fields[column].type.kind in {Kind.TEXT, Kind.INT}
