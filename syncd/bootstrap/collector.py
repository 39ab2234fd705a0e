"""The cyclic garbage collector, set for runs over many records."""

from __future__ import annotations

import gc

YOUNG = 50_000
"""Objects made before the youngest are looked through (CPython's own figure: some hundreds to thousands)."""
OLD = 20
"""Collections of one generation before the next older one is looked through."""


def relax_collector() -> None:
    """Look for cycles less often, and never among what is there already.

    A run makes rows by the million and hardly any cycle; with CPython's own settings a quarter of a first contact was
    spent looking for them. Rows are freed by reference counting all the same, so memory stays flat.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLD, OLD)
