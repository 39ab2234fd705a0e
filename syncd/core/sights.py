"""What both sides hold of one record, and what a decision on it looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from syncd.core.mapping import CompiledMapping
from syncd.core.merge_fields import Newest, Problem
from syncd.core.model import FieldConflict, Image, Pair, Raw, Side, Write
from syncd.core.values import parse_stamp


class Verdict(Enum):
    """What is to be done with one record."""

    SETTLE = "settle"
    """Nothing to write: both sides agree, the baseline moves."""
    WRITE = "write"
    HOLD = "hold"
    FAIL = "fail"
    END = "end"
    PAUSE = "pause"
    UNMATCHED = "unmatched"


class Presence(Enum):
    """Whether a side has the record."""

    PRESENT = "present"
    DELETED = "deleted"
    OUT = "out"
    """It is there, but no longer fits the mapping's filters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One side of a record as it stands now. `values` is its last known image where it is gone."""

    values: Image
    stamp: Raw = None
    presence: Presence = Presence.PRESENT
    partner: str | None = None
    ours: bool = False
    """A document that syncd itself left in another state than both sides agreed on: a transition that was cut short."""
    mine: bool = False
    """Syncd itself edited the record last, as far as its side tells."""
    undated: bool = False
    """Its last edit moved no stamp, or none since it was held: the stamp says nothing about that edit."""


LINK = "link"
"""Kind of the conflict of a record that links to a held one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done with one record. `writes` come in their order: ERPNext's first, it is the stricter side."""

    verdict: Verdict
    writes: tuple[Write, ...] = ()
    conflicts: tuple[FieldConflict, ...] = ()
    decided: tuple[FieldConflict, ...] = ()
    problems: tuple[Problem, ...] = ()
    kind: str = ""
    text: str = ""
    ends: bool = False
    """The pair ends once the writes are done."""
    state: FieldConflict | None = None
    """For a transition: the question that it becomes where ERPNext refuses it, and only a person can decide."""
    owed: frozenset[str] = frozenset()
    """Changes that do not flow now (the document is, or gets, cancelled): their baselines stay, so that they count
    again if it is ever amended."""

    @property
    def waiting(self) -> bool:
        """Whether it fails only because what it links to is not there yet."""
        return bool(self.problems) and all(problem.link is not None for problem in self.problems)


def refusal(problems: Sequence[Problem]) -> Decision:
    """What problems come to: nothing is written. Where all that stands in the way is a held record that it links to,
    the record is held as well, and released with it."""
    held = [problem for problem in problems if problem.link is not None and problem.link.held]
    if held and all(problem.link is not None for problem in problems):
        text = "; ".join(f"{problem.field}: {problem.reason}" for problem in held)
        return Decision(verdict=Verdict.HOLD, kind=LINK, problems=tuple(problems), text=text)
    return Decision(verdict=Verdict.FAIL, problems=tuple(problems), text=problem_text(problems))


def newest_of(mapping: CompiledMapping, erpnext: Sight, source: Sight) -> Newest:
    """Which side was edited last by somebody else than syncd, as far as stamps tell."""
    for side, sight in ((Side.ERPNEXT, erpnext), (Side.SOURCE, source)):
        if sight.undated:
            return Newest(None, f"the last edit in {place_of(side)} moved no stamp, so nobody knows when it was made")
    return newest_side(mapping, erpnext.stamp, source.stamp)


def newest_side(mapping: CompiledMapping, erpnext: Raw, source: Raw) -> Newest:
    """Which side carries the later stamp, as aware times (contract, "`newest`")."""
    left = parse_stamp(erpnext, mapping.erpnext_zone)
    right = parse_stamp(source, mapping.source_zone)
    if left is None or right is None:
        missing = "ERPNext" if left is None else "the source"
        return Newest(None, f"{missing} gives no stamp for this record, so neither side is known to be newer")
    if left.ambiguous or right.ambiguous:
        return Newest(None, "a stamp falls into the hour that is repeated when daylight saving time ends")
    if left.at == right.at:
        return Newest(None, "both stamps are equal")
    return Newest(Side.ERPNEXT if left.at > right.at else Side.SOURCE)


def wants_link(mapping: CompiledMapping, pair: Pair, side: Side) -> bool:
    """Whether the partner's id is still to be written into the record on `side`.

    A document that carries the id of a row which has another one by now is given that one, whoever made it: another row
    may get the old id, and the old id in the document would count as a deleted row after `state rebuild`.
    """
    if side is Side.ERPNEXT:
        spec = mapping.spec
        wanted = spec.writes_external_id or (pair.renumbered and spec.renews_external_id)
        return wanted and not pair.linked_erpnext and pair.external_id is not None
    return mapping.spec.erpnext_name is not None and not pair.linked_source and pair.erpnext_name is not None


def problem_text(problems: Sequence[Problem]) -> str:
    """Problems as one text for people."""
    return "; ".join(
        f"{problem.field}: {problem.reason} "
        f"(in the value that {'a person chose' if problem.side is None else f'{place_of(problem.side)} holds'})"
        for problem in problems
    )


def place_of(side: Side) -> str:
    """A side as texts call it."""
    return "ERPNext" if side is Side.ERPNEXT else "the source"
