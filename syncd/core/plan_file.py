"""A plan as bytes: what `syncd plan --out` writes and `syncd reconcile --plan` carries out, and nothing else.

The file is JSON with a line for each record, so that people and `diff` can read it, and ends with a seal over all that
stands before it: a file that was cut off or edited is refused, never carried out in part. Values stand in it as
`values.encode_image` writes them; a key that nobody knows yet is `{"new": "(customer 17, new)"}`, the rows of a child
table are `{"rows": [[name, [value, …]], …]}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from syncd.core.links import NewKey
from syncd.core.model import Action, Raw, Rows, Side, TableRow, Write
from syncd.core.values import decode_image, digest, encode_image

PLAN_FILE_SCHEMA = "syncd.plan-file/1"
_SEAL = b'\n],"seal":"'
_END = b'"}\n'


class PlanFileError(ValueError):
    """The bytes are no plan that can be carried out. The text says why, as the end of a sentence about the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWrite:
    """One write of a plan. `values` are the receiving side's; `NewKey` where a key is not known yet."""

    side: Side
    action: Action
    values: Mapping[str, Raw] = field(default_factory=dict)
    link: bool = False
    docstatus: int = 0
    forced: bool = False

    @classmethod
    def of(cls, write: Write) -> PlannedWrite:
        """What a plan says of a write: everything but whose it is, and on what version."""
        return cls(
            side=write.side,
            action=write.action,
            values=write.values,
            link=write.link,
            docstatus=write.docstatus,
            forced=write.forced,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """What is decided on one record at once. `mark` is a digest of what both sides held (`Case.mark`), for a
    creation of the record that it is made from; None where it follows from an earlier step. Without `writes` the pair
    ends."""

    mark: bytes | None
    writes: tuple[PlannedWrite, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRecord:
    """All that a plan does to one record, named as it was before. `made`: the keys that its partners are to get."""

    mapping: str
    external_id: str | None
    erpnext_name: str | None
    steps: tuple[PlannedStep, ...]
    made: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMapping:
    """What a plan was made for: a mapping's name, the fingerprint of its content, and the places of both sides."""

    name: str
    fingerprint: str
    erpnext: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """The content of a plan's file. `version` is syncd's; `made` is aware."""

    version: str
    made: datetime
    full: bool
    mappings: tuple[PlannedMapping, ...]
    records: tuple[PlannedRecord, ...]


def encode_plan(plan: PlanFile) -> bytes:
    """The file's content."""
    head = {
        "schema": PLAN_FILE_SCHEMA,
        "syncd": plan.version,
        "made": plan.made.isoformat(),
        "full": plan.full,
        "mappings": [
            {"mapping": each.name, "fingerprint": each.fingerprint, "erpnext": each.erpnext, "source": each.source}
            for each in plan.mappings
        ],
    }
    lines = b",".join(b"\n" + _record_line(record) for record in plan.records)
    body = orjson.dumps(head)[:-1] + b',"records":[' + lines
    return body + _SEAL + digest(body).hex().encode() + _END


def decode_plan(data: bytes) -> PlanFile:
    """The plan that `encode_plan` was given. Raises `PlanFileError` for any other bytes."""
    if not data.startswith(b'{"schema":"syncd.plan-file/'):
        raise PlanFileError("is no plan that `syncd plan --out` wrote")
    if not data.startswith(b'{"schema":"' + PLAN_FILE_SCHEMA.encode() + b'"'):
        raise PlanFileError("was written in another format, by another version of syncd")
    body, seal, rest = data.rpartition(_SEAL)
    if not seal or not rest.endswith(_END):
        raise PlanFileError("is cut off: its end is not there")
    if rest != digest(body).hex().encode() + _END:
        raise PlanFileError("was changed after it was written")
    try:
        held = orjson.loads(data)
        return PlanFile(
            version=held["syncd"],
            made=datetime.fromisoformat(held["made"]),
            full=held["full"],
            mappings=tuple(
                PlannedMapping(
                    name=each["mapping"],
                    fingerprint=each["fingerprint"],
                    erpnext=each["erpnext"],
                    source=each["source"],
                )
                for each in held["mappings"]
            ),
            records=tuple(_record(each) for each in held["records"]),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise PlanFileError(f"cannot be read ({error})") from error


def _record_line(record: PlannedRecord) -> bytes:
    return orjson.dumps(
        {
            "mapping": record.mapping,
            "external_id": record.external_id,
            "erpnext_name": record.erpnext_name,
            "made": record.made,
            "steps": [
                {
                    "mark": None if step.mark is None else step.mark.hex(),
                    "writes": [_write_object(write) for write in step.writes],
                }
                for step in record.steps
            ],
        }
    )


def _write_object(write: PlannedWrite) -> dict[str, object]:
    told: dict[str, object] = {
        "side": write.side.value,
        "action": write.action.value,
        "values": {name: _told(value) for name, value in write.values.items()},
    }
    optional = {"link": write.link, "docstatus": write.docstatus, "forced": write.forced}
    return told | {name: value for name, value in optional.items() if value}


def _told(value: Raw) -> object:
    if isinstance(value, NewKey):
        return {"new": str(value)}
    if isinstance(value, Rows):
        return {"rows": [[row.name, [_told(each) for each in row.values]] for row in value.rows]}
    return orjson.Fragment(encode_image((value,))[1:-1])


def _record(held: Mapping[str, Any]) -> PlannedRecord:
    return PlannedRecord(
        mapping=held["mapping"],
        external_id=held["external_id"],
        erpnext_name=held["erpnext_name"],
        made=tuple(held["made"]),
        steps=tuple(
            PlannedStep(
                mark=None if step["mark"] is None else bytes.fromhex(step["mark"]),
                writes=tuple(_write(write) for write in step["writes"]),
            )
            for step in held["steps"]
        ),
    )


def _write(held: Mapping[str, Any]) -> PlannedWrite:
    return PlannedWrite(
        side=Side(held["side"]),
        action=Action(held["action"]),
        values={name: _raw(value) for name, value in held["values"].items()},
        link=held.get("link", False),
        docstatus=held.get("docstatus", 0),
        forced=held.get("forced", False),
    )


def _raw(told: Any) -> Raw:
    if isinstance(told, dict) and "new" in told:
        return NewKey(told["new"])
    if isinstance(told, dict):
        return Rows(tuple(TableRow(name, tuple(_raw(each) for each in values)) for name, values in told["rows"]))
    return decode_image(orjson.dumps([told]))[0]


def by_key(records: Iterable[PlannedRecord]) -> dict[tuple[str, str | None, str | None], PlannedRecord]:
    """Records by (mapping, external id, ERPNext name)."""
    return {(each.mapping, each.external_id, each.erpnext_name): each for each in records}
