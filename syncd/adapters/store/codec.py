"""Between rows of the tables and the plain data of the port: pairs and staged rows, and what both codecs share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Table

from syncd.adapters.store import tables
from syncd.core.model import Pair, PairState, Raw, Side
from syncd.core.values import decode_baseline, decode_raw, encode_raw
from syncd.ports.state import AgreedPair, NewPair, Staged, StagedState

Tuple = tuple[Any, ...]

SIDES = {Side.ERPNEXT: 0, Side.SOURCE: 1}
_SIDE_OF = {number: side for side, number in SIDES.items()}
_STAGED_STATES = {state.value: state for state in StagedState}
PAIR_STATES = {state.value: state for state in PairState}
NO_MATCH = bytes(16)
"""Stands for "the rule does not apply" among match digests; no digest is all zeros but by a chance of 2 to the -128."""
MATCH_SIZE = len(NO_MATCH)


def table(model: type[tables.StoreTable]) -> Table:
    """The table of a model."""
    held: Table = model.__table__  # type: ignore[attr-defined]
    return held


PAIRS = table(tables.Pairs)
STAGED = table(tables.StagedRows)
MAPPINGS = table(tables.Mappings)
LAYOUTS = table(tables.Layouts)
LEASES = table(tables.Leases)


def stamp_text(stamp: Raw) -> str | None:
    """A stamp as it is stored."""
    return None if stamp is None else encode_raw(stamp)


def stamp_of(text: str | None) -> Raw:
    """A stored stamp."""
    return None if text is None else decode_raw(text)


def moment_text(moment: datetime | None) -> str | None:
    """An aware time as text that sorts as time does, in UTC, to the microsecond. ValueError for a naive one."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} says no zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def moment_of(text: str | None) -> datetime | None:
    """A stored time, aware, in UTC."""
    return None if text is None else datetime.fromisoformat(text)


def pack_match(match: Sequence[bytes | None]) -> bytes | None:
    """Match digests of 16 bytes (`values.digest`) one after another; None where no rule applies."""
    if None not in match:
        packed = b"".join(match)  # type: ignore[arg-type]
    elif any(match):
        packed = b"".join([NO_MATCH if digest is None else digest for digest in match])
    else:
        return None
    if not packed:
        return None
    if len(packed) != MATCH_SIZE * len(match):
        raise ValueError("a match digest has 16 bytes")
    return packed


def unpack_match(packed: bytes | None) -> tuple[bytes | None, ...]:
    """What `pack_match` was given; () where no rule applied."""
    if packed is None:
        return ()
    parts = [packed[start : start + MATCH_SIZE] for start in range(0, len(packed), MATCH_SIZE)]
    return tuple([None if part == NO_MATCH else part for part in parts])


STAGED_COLUMNS = (
    "mapping_id",
    "side",
    "key",
    "state",
    "docstatus",
    "deleted",
    "pair",
    "partner",
    "stamp",
    "creation",
    "editor",
    "digest",
    "match",
    "image",
)
STAGED_READ = ", ".join(("id", *STAGED_COLUMNS[1:]))


def staged_tuple(mapping_id: int, row: Staged) -> Tuple:
    """`STAGED_COLUMNS` of a row. Rows of a pair carry no match digests: they are not matched any more."""
    return (
        mapping_id,
        0 if row.side is Side.ERPNEXT else 1,
        row.key,
        int(row.state),
        row.docstatus,
        row.deleted,
        row.pair,
        row.partner or None,
        stamp_text(row.stamp),
        row.creation,
        row.editor,
        row.digest,
        pack_match(row.match) if row.pair is None else None,
        row.image,
    )


def staged_of(row: Sequence[Any]) -> Staged:
    """A staged row from `STAGED_READ`."""
    (number, side, key, state, docstatus, deleted, pair, partner, stamp, creation, editor, digest, match, image) = row
    return Staged(
        id=number,
        side=_SIDE_OF[side],
        key=key,
        pair=pair,
        state=_STAGED_STATES[state],
        stamp=stamp_of(stamp),
        image=image,
        digest=digest,
        partner=partner,
        creation=creation,
        editor=editor,
        deleted=bool(deleted),
        docstatus=docstatus,
        match=unpack_match(match),
    )


PAIR_CONTENT = (
    "layout",
    "state",
    "docstatus",
    "linked_erpnext",
    "linked_source",
    "erpnext_name",
    "external_id",
    "creation",
    "erpnext_stamp",
    "source_stamp",
    "differs",
    "erpnext_seen",
    "source_seen",
    "erpnext_image",
    "source_image",
)
PAIR_READ = (
    "id, layout, state, docstatus, linked_erpnext, linked_source, erpnext_name, external_id, creation, "
    "erpnext_stamp, source_stamp, differs, erpnext_image, source_image"
)
AGREED_READ = "id, external_id, erpnext_name, erpnext_seen, source_seen, erpnext_image, source_image, differs"


def pair_tuple(pair: NewPair, layout: int) -> Tuple:
    """`PAIR_CONTENT` of a pair."""
    return (
        layout,
        int(pair.state),
        pair.docstatus,
        pair.linked_erpnext,
        pair.linked_source,
        pair.erpnext_name,
        pair.external_id,
        pair.creation,
        stamp_text(pair.erpnext_stamp),
        stamp_text(pair.source_stamp),
        names_text(pair.differs) if pair.differs else None,
        pair.erpnext_seen,
        pair.source_seen,
        pair.erpnext_image,
        pair.source_image,
    )


def pair_of(row: Sequence[Any]) -> tuple[Pair, int]:
    """(pair, layout) from `PAIR_READ`."""
    (number, layout, state, docstatus, linked_erpnext, linked_source, name, external_id, creation, *rest) = row
    erpnext_stamp, source_stamp, differs, erpnext, source = rest
    pair = Pair(
        id=number,
        erpnext_name=name,
        external_id=external_id,
        state=PAIR_STATES[state],
        creation=creation,
        erpnext_stamp=stamp_of(erpnext_stamp),
        source_stamp=stamp_of(source_stamp),
        erpnext=None if erpnext is None else decode_baseline(erpnext),
        source=None if source is None else decode_baseline(source),
        linked_erpnext=bool(linked_erpnext),
        linked_source=bool(linked_source),
        docstatus=docstatus,
        differs=names_of(differs) if differs else (),
    )
    return pair, layout


def agreed_of(row: Sequence[Any]) -> AgreedPair:
    """An agreed pair from `AGREED_READ`."""
    number, external_id, name, erpnext_seen, source_seen, erpnext, source, differs = row
    known = names_of(differs) if differs else ()
    return AgreedPair(number, external_id, name, erpnext_seen, source_seen, erpnext, source, known)


def names_text(names: Iterable[str]) -> str:
    """A list of names as JSON."""
    return orjson.dumps(list(names)).decode()


def names_of(text: str) -> tuple[str, ...]:
    """The names in a JSON list."""
    return tuple(orjson.loads(text))
