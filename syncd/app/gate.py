"""What stands between deciding and writing: an ordinary run lets everything through, a plan notes or checks it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from syncd.core.links import LinkTarget
from syncd.ports.records import Staged

if TYPE_CHECKING:
    from syncd.app.births import Birth
    from syncd.app.cases import Case
    from syncd.app.context import Pass


class Gate:
    """The gate of an ordinary run: everything that was decided is carried out."""

    def rows(self, run: Pass, rows: Sequence[Staged]) -> Sequence[Staged]:  # noqa: ARG002 - other gates ask the pass
        """Those of `rows`, which have no partner, that may be decided on; the others stay as they are."""
        return rows

    def births(self, run: Pass, births: list[Birth]) -> list[Birth]:  # noqa: ARG002
        """Those of the creations decided on that are sent."""
        return births

    def cases(self, run: Pass, page: Sequence[Case]) -> Sequence[Case]:  # noqa: ARG002
        """Those of the pairs decided on that are carried out; of the others nothing is stored either."""
        return page

    def target(self, target: LinkTarget) -> LinkTarget:
        """What a link leads to, as it is to be written."""
        return target

    def close(self, run: Pass) -> None:
        """The pass has done what it could."""


OPEN = Gate()
