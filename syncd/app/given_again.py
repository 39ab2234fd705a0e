"""Names that ERPNext gave again, while the row of the deleted document carries them still.

ERPNext gives the number of a newest document that was deleted to the next one. A table in which `erpnext_name` is
unique then refuses the name to the row of that next one, as long as the row of the deleted one carries it. The state
knows that this one's pair let the name go: it is taken out of the row, and the refused write can be sent again.
"""

from __future__ import annotations

from collections.abc import Sequence

from syncd.app.context import Pass
from syncd.core.journal import DONE, Entry, encode_entries, encode_results
from syncd.core.model import Action, Pair, PairState, Row, Side, Write
from syncd.ports.endpoint import Done
from syncd.ports.records import Operation, OperationState


def free_given_again(run: Pass, refused: Sequence[Write]) -> set[str]:
    """Take the ERPNext names that `refused` would write into the source out of rows whose pairs let them go.

    Returns the names that are free now. A row of a pair that lives on under its name, or of no pair, keeps what it
    says: only a person can tell what that means.
    """
    carriers = _carriers(run, refused)
    if not carriers:
        return set()
    writes = [
        Write(
            action=Action.LINK,
            side=Side.SOURCE,
            key=row.key,
            partner=None,
            values={},
            stamp=row.stamp,
            expected=row.values,
            link=True,
        )
        for _, row in carriers
    ]
    operation = Operation(
        key=run.next_operation(),
        mapping=run.mapping.name,
        run=run.run,
        side=Side.SOURCE,
        action=Action.LINK,
        records=encode_entries(
            Entry(external_id=row.key, erpnext_name=None, names=(), values=(), stamp=row.stamp, link=True, pair=pair.id)
            for pair, row in carriers
        ),
        count=len(carriers),
        sent=run.clock.now(),
    )
    with run.store.transaction(run.lease) as tx:
        tx.journal([operation])
    results = dict(run.endpoints[Side.SOURCE].apply(writes))
    freed = {row.partner for at, (_, row) in enumerate(carriers) if isinstance(results.get(at), Done) and row.partner}
    outcomes = [
        [DONE, "", "", ""] if isinstance(result, Done) else ["refused", result.error.message, result.error.hint, ""]
        for result in (results[at] for at in range(len(carriers)))
    ]
    with run.store.transaction(run.lease) as tx:
        tx.finish([(operation.key, OperationState.DONE, "", encode_results(outcomes))])
    run.counts.linked += len(freed)
    run.noticed = run.noticed or bool(freed)
    return freed


def _carriers(run: Pass, refused: Sequence[Write]) -> list[tuple[Pair, Row]]:
    """Rows that carry a name which `refused` gives to others, with their pairs, which let it go."""
    own = {write.key for write in refused}
    names = [write.partner for write in refused if write.partner]
    rows = [row for row in run.endpoints[Side.SOURCE].find(names) if row.key not in own] if names else []
    known = run.store.known(run.mapping.name, Side.SOURCE, [row.key for row in rows], [None] * len(rows))
    ids = {row.key: entry.pair for row, entry in zip(rows, known, strict=True) if entry and entry.pair}
    pairs = {pair.id: pair for pair, _ in run.store.pairs_by_id(run.mapping.name, list(ids.values()))}
    found = [(pairs[ids[row.key]], row) for row in rows if ids.get(row.key) in pairs]
    return [(pair, row) for pair, row in found if pair.state is PairState.ENDED or pair.erpnext_name is None]
