"""The life of a pair, as one pure table: what each event makes of a pair in each state (design.md, "Life of a pair").

An event is what a run meets; the state is what it leaves behind. Where something is to be written the row says what
comes of it when the write is taken: whatever else may become of a write are events of their own. Every state has a row
for every event, and one only (a test counts them); docs/pairs.md is made from them, and tests hold them against runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from syncd.core.model import PairState

NEW: Final = None
"""The state of a record that has no pair."""
AGREED, HELD, FAILED, PAUSED, ENDED, UNFINISHED = PairState
STATES: Final = (NEW, *PairState)

MEANINGS: Final[Mapping[PairState | None, str]] = {
    NEW: "a record without a partner: it waits for one, or gets none",
    AGREED: "both sides agreed last time; it is looked at when one of them moves",
    HELD: "a person has to decide; nothing of it is written until then",
    FAILED: "a write was refused or broken; tried again when something changes, or at every run if it may pass",
    PAUSED: "a record left the mapping's filters; nothing of it is written until it is back",
    ENDED: "a partner is gone for good; kept, so that the record is never created again",
    UNFINISHED: "tied, but not agreed yet (just adopted, an id or a second write owed); looked at in every run",
}


class Event(Enum):
    """What a run meets. The value is what people call it."""

    MATCHED = "its partner is found, by an id that one of them carries or by a match rule"
    CREATED = "its partner is made"
    CHANGED = "one side changed, and the other takes it"
    CONFLICT = "both sides changed it differently, and no policy decides"
    MOOT = "both sides hold the same"
    DECIDED = "a person decided what is held"
    DELETED = "one side deleted its record"
    BOTH_DELETED = "both sides deleted it"
    DELETED_AND_EDITED = "one side deleted its record, the policy takes the other away, and that was edited"
    LEFT = "a record left the filters, and is still there"
    BACK = "it fits the filters again"
    RENAMED = "a record is found under another name"
    AMENDED = "its document was cancelled, and amended by a person"
    NAME_REUSED = "its document is gone, and another one bears its name"
    REFUSED = "a write is refused, or breaks"
    HELD_BACK = "a write is refused that only a person can decide on"
    UNKNOWN = "nobody knows whether a write was done"
    OVERTAKEN = "somebody edited the record while it was to be written"
    REVIVED = "a person revives it"
    REBUILT = "the state was lost and is rebuilt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What `event` makes of a pair in one of `states`. `to` is the state it is left in."""

    event: Event
    states: tuple[PairState | None, ...]
    to: PairState | None
    why: str


def _row(event: Event, states: tuple[PairState | None, ...] | PairState | None, to: PairState | None, why: str) -> Row:
    return Row(event=event, states=states if isinstance(states, tuple) else (states,), to=to, why=why)


def _stays(event: Event, states: tuple[PairState | None, ...], why: str) -> tuple[Row, ...]:
    return tuple(_row(event, state, state, why) for state in states)


_LIVE = (AGREED, HELD, FAILED, PAUSED, UNFINISHED)
_SETTLED = (AGREED, HELD, FAILED, PAUSED)
_OPEN = (AGREED, HELD, FAILED, UNFINISHED)
_ALONE = "there is nothing on the other side to hold it against"
_OVER = "an ended pair is not looked at any more"
_PAUSING = "nothing is written while it is paused"
_GOES_ON = "looked at in every run: it agrees unless something else stands against it"

_MEETING = (
    _row(Event.MATCHED, NEW, UNFINISHED, "tied, and compared as at first contact in the same run"),
    *_stays(Event.MATCHED, _LIVE, "it has a partner; a second record that claims it is held as a copy"),
    *_stays(Event.MATCHED, (ENDED,), "the record of an ended pair is nobody's partner until a person revives it"),
    _row(Event.CREATED, NEW, AGREED, "what was made is read back and is the baseline; an id that is owed: unfinished"),
    *_stays(Event.CREATED, _SETTLED, "nothing is created for a record that has a partner"),
    _row(Event.CREATED, UNFINISHED, AGREED, _GOES_ON),
    *_stays(Event.CREATED, (ENDED,), "never created again"),
)
_CHANGES = (
    _row(
        Event.CHANGED, NEW, NEW, "its match rules, and whether a partner is made for it, are tried with what it is now"
    ),
    _row(Event.CHANGED, AGREED, AGREED, "carried across, and both baselines move"),
    _row(Event.CHANGED, FAILED, AGREED, "what was refused is tried again with what both sides hold now"),
    _row(Event.CHANGED, UNFINISHED, AGREED, "carried across once both sides have met"),
    *_stays(Event.CHANGED, (HELD,), "the other fields of a held record wait, too"),
    *_stays(Event.CHANGED, (PAUSED,), f"{_PAUSING}; it is carried across when the record is back"),
    *_stays(Event.CHANGED, (ENDED,), _OVER),
    *_stays(Event.CONFLICT, (NEW,), _ALONE),
    _row(Event.CONFLICT, _OPEN, HELD, "a person decides; what was asked before gives way to the new question"),
    *_stays(Event.CONFLICT, (PAUSED,), f"{_PAUSING}; it is held when the record is back"),
    *_stays(Event.CONFLICT, (ENDED,), _OVER),
    *_stays(Event.MOOT, (NEW,), _ALONE),
    _row(Event.MOOT, _OPEN, AGREED, "equal values agree, only the baselines move; a conflict or failure is closed"),
    *_stays(Event.MOOT, (PAUSED,), "seen when the record is back"),
    *_stays(Event.MOOT, (ENDED,), _OVER),
    *_stays(Event.DECIDED, (NEW,), "an ambiguous match is settled by telling the records apart, not by taking a side"),
    _row(Event.DECIDED, HELD, AGREED, "carried out, if what was shown still stands there; else it stays held"),
    *_stays(Event.DECIDED, (AGREED, FAILED, PAUSED), "nothing is asked of a person"),
    _row(Event.DECIDED, UNFINISHED, AGREED, _GOES_ON),
    *_stays(Event.DECIDED, (ENDED,), _OVER),
)
_DELETIONS = (
    _row(Event.DELETED, NEW, NEW, "forgotten: nothing was tied to it"),
    _row(
        Event.DELETED, _LIVE, ENDED, "the other record stays, goes, is cancelled, disabled or marked, as [delete] says"
    ),
    *_stays(Event.DELETED, (ENDED,), _OVER),
    _row(Event.BOTH_DELETED, NEW, NEW, "forgotten: nothing was tied to it"),
    _row(Event.BOTH_DELETED, _LIVE, ENDED, "there is nothing left to do"),
    *_stays(Event.BOTH_DELETED, (ENDED,), _OVER),
    *_stays(Event.DELETED_AND_EDITED, (NEW,), _ALONE),
    _row(
        Event.DELETED_AND_EDITED,
        _OPEN,
        HELD,
        "the edit is not thrown away: `wins` decides, or a person; what was never compared counts as edited",
    ),
    _row(Event.DELETED_AND_EDITED, PAUSED, HELD, "as of any other pair; a record out of the filters is left alone"),
    *_stays(Event.DELETED_AND_EDITED, (ENDED,), _OVER),
)
_PLACES = (
    _row(Event.LEFT, NEW, NEW, "forgotten until it is back"),
    _row(Event.LEFT, _LIVE, PAUSED, 'neither ended nor deleted; left_scope = "delete": its partner goes, and it ends'),
    *_stays(Event.LEFT, (ENDED,), _OVER),
    _row(Event.BACK, NEW, NEW, "a record like any other"),
    _row(Event.BACK, PAUSED, AGREED, "what both sides did meanwhile is merged over the old baselines"),
    *_stays(Event.BACK, (AGREED, HELD, FAILED), "it was not away"),
    _row(Event.BACK, UNFINISHED, AGREED, _GOES_ON),
    *_stays(Event.BACK, (ENDED,), _OVER),
    _row(Event.RENAMED, NEW, NEW, "a record under another name"),
    _row(Event.RENAMED, UNFINISHED, AGREED, "followed by the id it carries, and looked at as in every run"),
    *_stays(Event.RENAMED, _SETTLED, "followed by the id it carries; one without its id counts as deleted"),
    *_stays(Event.RENAMED, (ENDED,), "it names a partner that is gone: unmatched, and never created again"),
    _row(Event.AMENDED, NEW, NEW, "the amendment stands for it; the cancelled document gets no partner"),
    _row(Event.AMENDED, UNFINISHED, AGREED, "it goes on with the newest document, and is looked at as in every run"),
    *_stays(Event.AMENDED, _SETTLED, "it goes on with the newest document of the chain, and is decided on anew"),
    *_stays(Event.AMENDED, (ENDED,), "an amendment of what has ended is unmatched"),
    _row(Event.NAME_REUSED, NEW, NEW, "another record, told by its creation"),
    _row(
        Event.NAME_REUSED,
        _LIVE,
        ENDED,
        "its own document is gone, unless it is found renamed; the other is a new record",
    ),
    *_stays(Event.NAME_REUSED, (ENDED,), "the name is free for the new record"),
)
_WRITES = (
    _row(Event.REFUSED, NEW, NEW, "failed under its name; a refused batch is split until it stands alone"),
    _row(Event.REFUSED, (AGREED, FAILED, UNFINISHED), FAILED, "the other side's baseline keeps what is still owed"),
    _row(Event.REFUSED, HELD, FAILED, "the decision was refused; the question stays open, and may be decided anew"),
    _row(Event.HELD_BACK, NEW, HELD, "made as a draft that waits for a person, where its submission was refused"),
    _row(
        Event.HELD_BACK, _OPEN, HELD, "held with the site's words; tried again when the record moves or in a full pass"
    ),
    _row(Event.UNKNOWN, NEW, NEW, "its operation stays open: nothing is created a second time until it is known"),
    _row(
        Event.UNKNOWN,
        (AGREED, FAILED, UNFINISHED),
        FAILED,
        "its operation stays open: the next run looks what stands there, and decides anew",
    ),
    _row(Event.UNKNOWN, HELD, FAILED, "its operation stays open; the decision is tried again once it is known"),
    _row(Event.OVERTAKEN, NEW, NEW, "a creation meets nobody's edit"),
    _row(Event.OVERTAKEN, _OPEN, AGREED, "read afresh and decided again in the same run, a few times; else failed"),
    *(
        row
        for event in (Event.REFUSED, Event.HELD_BACK, Event.UNKNOWN, Event.OVERTAKEN)
        for row in (*_stays(event, (PAUSED,), _PAUSING), *_stays(event, (ENDED,), _OVER))
    ),
)
_PEOPLE = (
    *_stays(Event.REVIVED, (NEW, *_LIVE), "refused: it has not ended"),
    _row(Event.REVIVED, ENDED, UNFINISHED, "the same pair before its first agreement; without its name: forgotten"),
    _row(Event.REBUILT, NEW, NEW, "read as at a first contact; nothing is created"),
    _row(Event.REBUILT, AGREED, AGREED, "found by the ids; what agrees is settled, what differs is a first contact"),
    _row(Event.REBUILT, (HELD, FAILED), HELD, "found by the ids; where both sides differ `wins` or a person decides"),
    _row(Event.REBUILT, PAUSED, NEW, "a record out of the filters is not read; its partner waits until it is back"),
    _row(
        Event.REBUILT, ENDED, ENDED, "a record that names a partner which is gone; without such an id it is a new one"
    ),
    _row(
        Event.REBUILT, UNFINISHED, UNFINISHED, "found by the ids or the match rules; the next run writes what is owed"
    ),
)

LIFE: Final = (*_MEETING, *_CHANGES, *_DELETIONS, *_PLACES, *_WRITES, *_PEOPLE)


def next_state(state: PairState | None, event: Event) -> Row:
    """The row for a pair in `state` that meets `event`. Raises LookupError where there is none: there is none such."""
    for row in LIFE:
        if row.event is event and state in row.states:
            return row
    raise LookupError(f"no row for {event.name} of a pair that is {'new' if state is NEW else state.name.lower()}")
