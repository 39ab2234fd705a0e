"""The life of a pair: the table has a row for everything, and says what runs really do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import orjson
import pytest

from syncd.adapters.sources.memory import MemoryOptions
from syncd.adapters.store import open_store
from syncd.app.rebuild import Rebuilder
from syncd.app.reviving import revive
from syncd.core.model import PairState, Side
from syncd.core.pair_life import LIFE, MEANINGS, NEW, STATES, Event, next_state
from syncd.core.spec import Create, SourceDeleted
from syncd.errors import GoneError, HeldError, RefusedError, StaleError, UnknownOutcomeError, UsageError
from tests.app.documents import Documents
from tests.app.harness import NAME, STORE, Killed, World, lost_once, spec

AGREED, HELD, FAILED, PAUSED, ENDED, UNFINISHED = PairState
LIVE = (AGREED, HELD, FAILED, PAUSED, UNFINISHED)


def test_every_state_has_one_row_for_every_event() -> None:
    counted = {
        (state, event): sum(row.event is event and state in row.states for row in LIFE)
        for state, event in product(STATES, Event)
    }
    assert len(counted) == len(STATES) * len(Event) == 140
    assert {key: count for key, count in counted.items() if count != 1} == {}
    assert set(MEANINGS) == set(STATES)


def test_ended_stays_ended_unless_a_person_revives_it() -> None:
    assert {event for event in Event if next_state(ENDED, event).to is not ENDED} == {Event.REVIVED}


def test_a_record_gets_a_pair_only_by_meeting_or_being_given_a_partner() -> None:
    assert {event for event in Event if next_state(NEW, event).to is not NEW} == {
        Event.MATCHED,
        Event.CREATED,
        Event.HELD_BACK,
    }


def test_every_state_is_reached_and_left() -> None:
    reached = {row.to for row in LIFE for state in row.states if state is not row.to}
    left = {state for row in LIFE for state in row.states if state is not row.to}
    assert reached == set(STATES) == left | ({NEW} - left)


def test_every_row_says_why() -> None:
    assert [row for row in LIFE if not row.why] == []


# Runs -----------------------------------------------------------------------------------------------------------------


def fits(values: Any) -> bool:
    return not values.get("archived")


class Life:
    """A world with a few pairs that agree, and one that a test puts into a state: its document and its row."""

    document: str
    row: str

    def __init__(self, folder: Path, **changes: Any) -> None:
        naming = lambda _values, number: f"CUST-{number:05d}"  # noqa: E731 - named like the option
        self.folder = folder
        self.world = World(
            folder,
            spec(**changes),
            erpnext=MemoryOptions(fits=fits, naming=naming),
            source=MemoryOptions(fits=fits),
        )
        self.document, self.row = self.world.agreed(6)[0]

    def state(self) -> PairState | None:
        """The state of the pair; None where there is none."""
        held = self.world.store.pairs(NAME, after=0, limit=1000, live=False)
        found = [pair.state for pair, _ in held if self.row == pair.external_id or self.document == pair.erpnext_name]
        return found[0] if found else NEW


def become_new(life: Life) -> None:
    """A row without a partner, and no document of its own."""
    life.world.remap(create=Create.NONE)
    life.row = life.world.source.insert(name="Alone", vat="ALONE", url="u")
    life.document = "none"
    life.world.run()


def become_agreed(life: Life) -> None:
    assert life.document in life.world.erpnext.records


def become_held(life: Life) -> None:
    life.world.erpnext.edit(life.document, customer_name="Here")
    life.world.source.edit(life.row, name="There")
    life.world.run()


def become_failed(life: Life) -> None:
    life.world.erpnext.options.check = lambda values: "no" if values.get("customer_name") == "Bad" else ""
    life.world.source.edit(life.row, name="Bad")
    life.world.run()


def become_paused(life: Life) -> None:
    life.world.source.edit(life.row, archived=1)
    life.world.run(full=True)


def become_ended(life: Life) -> None:
    life.world.source.change(life.row, deleted=True)
    life.world.run(full=True)


def become_unfinished(life: Life) -> None:
    """Adopted, and the process was gone before the id was written."""
    life.row = life.world.source.insert(name="Met", vat="MET", url="u")
    life.document = life.world.erpnext.insert(customer_name="Met", tax_id="MET", website="u")

    def die(method: str, _writes: Any) -> None:
        if method == "apply":
            raise Killed("before the id was written")

    life.world.erpnext.before = die
    with pytest.raises(Killed):
        life.world.run()
    life.world.restart()


BECOME: dict[PairState | None, Callable[[Life], None]] = {
    NEW: become_new,
    AGREED: become_agreed,
    HELD: become_held,
    FAILED: become_failed,
    PAUSED: become_paused,
    ENDED: become_ended,
    UNFINISHED: become_unfinished,
}


def matched(life: Life) -> None:
    """Seen in the middle of the run: in its end an adopted pair has been decided on as well."""
    life.document = life.world.erpnext.insert(customer_name="Alone", tax_id="ALONE", website="u")

    def die(method: str, _writes: Any) -> None:
        if method == "apply":
            raise Killed("right after it was adopted")

    life.world.erpnext.before = die
    with pytest.raises(Killed):
        life.world.run(full=True)
    life.world.restart()


def created(life: Life) -> None:
    life.world.remap(create=Create.BOTH)


def changed(life: Life) -> None:
    if life.state() is FAILED:
        life.world.source.edit(life.row, name="Good")
    elif life.state() is UNFINISHED:
        life.world.source.edit(life.row, url=None)
    else:
        life.world.source.edit(life.row, url="changed.example")


def conflict(life: Life) -> None:
    life.world.erpnext.edit(life.document, website="here.example")
    life.world.source.edit(life.row, url="there.example")


def moot(life: Life) -> None:
    life.world.erpnext.edit(life.document, customer_name="Same", website="same.example")
    life.world.source.edit(life.row, name="Same", url="same.example")


def decided_by_a_person(life: Life) -> None:
    open_ones = life.world.conflicts()
    life.world.store.resolve([(each, orjson.dumps({"take": "source"})) for each in open_ones])


def deleted(life: Life) -> None:
    life.world.source.delete(life.row)


def both_deleted(life: Life) -> None:
    life.world.source.delete(life.row)
    life.world.erpnext.delete(life.document)


def deleted_and_edited(life: Life) -> None:
    life.world.erpnext.edit(life.document, customer_name="Edited")
    life.world.source.delete(life.row)


def left(life: Life) -> None:
    side, key = (life.world.source, life.row) if life.state() in {NEW, PAUSED} else (life.world.erpnext, life.document)
    side.edit(key, archived=1)


def back(life: Life) -> None:
    life.world.source.edit(life.row, archived=0)


def renamed(life: Life) -> None:
    if life.state() is UNFINISHED:
        life.world.erpnext.change(life.document, partner=life.row)
    life.world.erpnext.rename(life.document, "ACME")
    life.document = "ACME"


def name_reused(life: Life) -> None:
    life.world.erpnext.delete(life.document)
    life.world.erpnext.insert(life.document, customer_name="Else", tax_id="ELSE", website="else.example")
    life.document = "none"


def broken(error: BaseException) -> Callable[[Life], None]:
    """The next write into ERPNext ends so; there is one: a decision, or an edit of the source."""

    def happen(life: Life) -> None:
        if life.state() is HELD:
            decided_by_a_person(life)
        elif life.state() is not UNFINISHED:
            life.world.source.edit(life.row, name="Once more")
        method = "create" if life.state() is NEW else "apply"
        if method == "create":
            life.world.remap(create=Create.BOTH)
        life.world.erpnext.before = lost_once(error, method)

    return happen


def revived(life: Life) -> None:
    if life.state() is ENDED:
        life.world.source.change(life.row, deleted=False)
    revive(life.world.store, NAME, life.row, side=Side.SOURCE, anew=False, wait=0.0)


HAPPEN: dict[Event, Callable[[Life], None]] = {
    Event.MATCHED: matched,
    Event.CREATED: created,
    Event.CHANGED: changed,
    Event.CONFLICT: conflict,
    Event.MOOT: moot,
    Event.DECIDED: decided_by_a_person,
    Event.DELETED: deleted,
    Event.BOTH_DELETED: both_deleted,
    Event.DELETED_AND_EDITED: deleted_and_edited,
    Event.LEFT: left,
    Event.BACK: back,
    Event.RENAMED: renamed,
    Event.NAME_REUSED: name_reused,
    Event.REFUSED: broken(RefusedError("it was refused")),
    Event.HELD_BACK: broken(HeldError("a person has to decide")),
    Event.UNKNOWN: broken(UnknownOutcomeError("the answer was lost")),
    Event.OVERTAKEN: broken(StaleError("somebody was there first")),
}
ONE_SIDED = {Event.CONFLICT, Event.MOOT, Event.BOTH_DELETED, Event.DELETED_AND_EDITED, Event.RENAMED, Event.NAME_REUSED}
"""Events that need a document; a record without a partner has none here."""


def scenarios() -> Iterator[Any]:
    """Every state and event that this world can bring together."""
    for state, event in product(STATES, HAPPEN):
        if state is NEW and event in ONE_SIDED | {Event.OVERTAKEN, Event.HELD_BACK}:
            continue
        if state is not NEW and event is Event.MATCHED:
            continue
        name = "new" if state is NEW else state.name.lower()
        yield pytest.param(state, event, id=f"{name}-{event.name.lower()}")


@pytest.mark.parametrize(("state", "event"), list(scenarios()))
def test_a_run_leaves_the_pair_as_the_table_says(tmp_path: Path, state: PairState | None, event: Event) -> None:
    taken = {"source_deleted": SourceDeleted.DELETE} if event is Event.DELETED_AND_EDITED else {}
    life = Life(tmp_path, **taken)
    try:
        BECOME[state](life)
        if state is ENDED and event is Event.DELETED_AND_EDITED:
            life.world.erpnext.insert(life.document, customer_name="Name 1", tax_id="VAT1", website="u1")
        assert life.state() is state
        HAPPEN[event](life)
        if event is not Event.MATCHED:
            result = life.world.run(full=True)
            assert result.mappings[NAME].error is None
        expected = next_state(state, event).to
        assert life.state() is expected
        if expected is not NEW and life.state() is AGREED:
            assert life.world.conflicts() == []
    finally:
        life.world.close()


@pytest.mark.parametrize("state", [NEW, *LIVE])
def test_only_what_has_ended_is_revived(tmp_path: Path, state: PairState | None) -> None:
    life = Life(tmp_path)
    BECOME[state](life)
    with pytest.raises(UsageError, match="no ended pair"):
        revived(life)
    assert life.state() is next_state(state, Event.REVIVED).to
    life.world.close()


def test_a_revived_pair_is_unfinished_until_the_next_run(tmp_path: Path) -> None:
    life = Life(tmp_path)
    become_ended(life)
    revived(life)
    assert life.state() is next_state(ENDED, Event.REVIVED).to is UNFINISHED
    life.world.run()
    assert life.state() is AGREED
    life.world.close()


def rebuilt(life: Life) -> PairState | None:
    """The state of the pair in a store that was rebuilt from both sides."""
    life.world.store.close()
    folder = life.folder / "rebuilt"
    folder.mkdir()
    life.world.store = open_store(STORE, clock=life.world.clock, directory=folder)
    life.world.unwatch()
    life.world.clock.sleep(1.0)
    rebuilder = Rebuilder(store=life.world.store, open_mapping=life.world.bound, clock=life.world.clock)
    found = rebuilder.rebuild([NAME], life.world.options, "rebuild", stop=life.world.stop)
    assert found[NAME].error is None
    return life.state()


@pytest.mark.parametrize("state", [NEW, *LIVE, ENDED])
def test_a_rebuild_finds_the_pair_again_as_the_table_says(tmp_path: Path, state: PairState | None) -> None:
    life = Life(tmp_path)
    BECOME[state](life)
    if state is ENDED:
        life.world.source.delete(life.row)
    assert rebuilt(life) is next_state(state, Event.REBUILT).to
    life.world.close()


@pytest.mark.parametrize("state", [AGREED, HELD, FAILED, PAUSED])
def test_a_pair_goes_on_with_the_amendment(tmp_path: Path, state: PairState) -> None:
    world = Documents(tmp_path)
    world.erpnext.options.fits = world.source.options.fits = fits
    world.made("paid", title="Another")
    document, row = world.made("paid")
    if state is HELD:
        world.erpnext.edit(document, remarks="here")
        world.source.edit(row, note="there")
    elif state is FAILED:
        world.erpnext.options.check = lambda values: "no" if values.get("remarks") == "Bad" else ""
        world.source.edit(row, note="Bad")
    elif state is PAUSED:
        world.source.edit(row, archived=1)
    world.run(full=True)
    assert the_state(world, row) is state
    world.erpnext.cancel(document)
    amended = world.erpnext.amend(document)
    world.run(full=True)
    assert world.pairs()[row] == amended
    assert the_state(world, row) is next_state(state, Event.AMENDED).to
    world.close()


def the_state(world: World, row: str) -> PairState:
    held = world.store.pairs(NAME, after=0, limit=1000, live=False)
    return next(pair.state for pair, _ in held if pair.external_id == row)


def test_a_submission_that_is_refused_at_birth_is_held_as_a_draft(tmp_path: Path) -> None:
    world = Documents(tmp_path)
    world.erpnext.options.refuse_submit = lambda _values: "the books are closed"
    world.erpnext.options.refusal = HeldError
    row = world.order("paid")
    world.run()
    assert the_state(world, row) is next_state(NEW, Event.HELD_BACK).to is HELD
    assert list(world.standing.values()) == [0]
    world.close()


def test_a_record_that_is_gone_at_the_write_is_looked_at_again(tmp_path: Path) -> None:
    """Gone under our hands: overtaken by a deletion, which the same run finds."""
    life = Life(tmp_path)
    life.world.source.edit(life.row, name="Once more")
    life.world.erpnext.before = lost_once(GoneError("it is gone"), "apply")
    life.world.run()
    assert life.state() is next_state(AGREED, Event.OVERTAKEN).to
    life.world.close()
