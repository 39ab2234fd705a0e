"""What a person decided about a held record, as the state store keeps it.

`{"take": "erpnext"|"source"}` or `{"set": {fieldname: value}}`. A decision holds for the very question it was made on:
the conflict's kind, fields and values. Where the record moved before a run carried it out, it stays beside the new
question as `{"moved": …}`, so that the person is told; it is never carried out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import orjson

from syncd.core.mapping import CompiledMapping
from syncd.core.merge import Choice, effective_direction
from syncd.core.model import Raw, Side
from syncd.core.values import InvalidValue, coerce, show
from syncd.errors import UsageError

_MARK = 12
"""Characters of a question's mark: a person may have to compare two of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """A decision. `moved`: the record moved since, and it was not carried out."""

    choice: Choice
    moved: bool = False

    @property
    def text(self) -> str:
        """In the words of the command: `take source`, `set tax_id=DE9, email=`."""
        if self.choice.take is not None:
            return f"take {self.choice.take.value}"
        given = self.choice.values.items()
        return "set " + ", ".join(f"{field}={'' if value is None else show(value)}" for field, value in given)


def encode_resolution(choice: Choice) -> bytes:
    """A decision that waits for the next run."""
    return orjson.dumps({"take": choice.take.value} if choice.take is not None else {"set": dict(choice.values)})


def decode_resolution(resolution: bytes) -> Resolution:
    """A stored decision. Raises `UsageError` for what is none."""
    data = orjson.loads(resolution)
    moved = "moved" in data
    decided = data["moved"] if moved else data
    if "take" in decided:
        return Resolution(choice=Choice(take=Side(decided["take"])), moved=moved)
    if "set" in decided:
        return Resolution(choice=Choice(values=dict(decided["set"])), moved=moved)
    raise UsageError(
        f"a resolution says neither take nor set: {resolution.decode()}",
        hint="Resolve the conflict again with `syncd conflicts resolve`.",
    )


def as_moved(resolution: bytes) -> bytes:
    """The stored decision once its question is another one; harmless when repeated."""
    data = orjson.loads(resolution)
    return resolution if "moved" in data else orjson.dumps({"moved": data})


def question_mark(mapping: str, kind: str, key: str | None, fields: bytes) -> str:
    """A short mark of what a person was shown: another one means that the record moved since.

    `key` is the record's external id, else its ERPNext name; `fields` the conflict's, as they are stored.
    """
    parts = (mapping, kind, key or "", fields.decode())
    return sha256("\x00".join(parts).encode()).hexdigest()[:_MARK]


def unfit_values(mapping: CompiledMapping, values: Mapping[str, Raw]) -> dict[str, str]:
    """Why values that a person chose, by ERPNext fieldname and in ERPNext's terms, cannot be held by either side.

    What ERPNext alone can tell (the target of a link, its own validations) is not looked at.
    """
    reasons: dict[str, str] = {}
    for entry in mapping.fields:
        if entry.name not in values:
            continue
        try:
            value = coerce(entry.read(Side.ERPNEXT, values[entry.name]), entry.erpnext_type)
            if entry.spec.link is None and effective_direction(mapping, entry).reaches(Side.SOURCE):
                entry.convert(value, Side.SOURCE)
        except InvalidValue as error:
            reasons[entry.name] = error.reason
    return reasons
