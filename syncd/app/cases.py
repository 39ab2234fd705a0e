"""One pair with what both sides hold of it, and what was decided: what the run hands on from deciding to executing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncd.core.model import Action, Image, Pair, Row, Side
from syncd.core.plan import Decision, Sight
from syncd.core.values import digest, encode_image
from syncd.ports.state import ConflictRecord, Staged, Work

NOTHING: Mapping[Side, Image] = {}
TRANSITIONS = frozenset({Action.SUBMIT, Action.CANCEL, Action.AMEND})


@dataclass(frozen=True, slots=True)
class Case:
    """One pair, what both sides hold of it, and what is to be done. `pair` carries rebased baselines."""

    pair: Pair
    work: Work
    sights: dict[Side, Sight]
    decision: Decision
    conflict: ConflictRecord | None = None
    """The conflict that is open on it."""
    asked: Mapping[Side, Row] = field(default_factory=dict)
    """Records that were not staged and had to be asked for."""

    def staged(self) -> list[int]:
        """Ids of its staged rows."""
        return [row.id for row in (self.work.erpnext, self.work.source) if row is not None]

    def mark(self, stored: Mapping[Side, Image] = NOTHING) -> bytes:
        """A digest of what both sides hold (`stored`, where they were written since) and of what a person decided:
        another one means a change, and that what was refused may be tried again."""
        erpnext, source = (stored.get(side, self.sights[side].values) for side in (Side.ERPNEXT, Side.SOURCE))
        decided = self.conflict.resolution if self.conflict is not None else None
        return digest(encode_image(erpnext + source) + (decided or b""))

    def moved(self) -> bool:
        """Whether a side carries another stamp than the pair has recorded."""
        return any(self.work.pair.stamp(side) != self.sights[side].stamp for side in Side)

    def row(self, side: Side) -> Staged | None:
        """Its staged row of `side`."""
        return staged_row(self.work, side)


def staged_row(work: Work, side: Side) -> Staged | None:
    """The staged row of a pair on `side`."""
    return work.erpnext if side is Side.ERPNEXT else work.source
