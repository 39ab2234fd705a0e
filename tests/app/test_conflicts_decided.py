"""Held records from the first question to the last answer: the commands on one side, runs on the other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from syncd.adapters.sources.memory import MemoryOptions
from syncd.app.reviving import revive
from syncd.app.waiting import surroundings_of
from syncd.cli.main import call
from syncd.core.mapping import SourceDeleted
from syncd.core.model import Direction, PairState, Side, Wins
from syncd.core.resolution import unfit_values
from syncd.errors import ExitCode, LeaseHeldError, UsageError
from tests.app.harness import FIELDS, NAME, World, spec


class Desk:
    """The application as the commands use it, over a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def store(self) -> Any:
        return self.world.store

    def surroundings(self, conflict: Any) -> Any:
        return surroundings_of(self.world.store, self.world.spec, conflict)

    def unfit(self, mapping: str, chosen: Any) -> list[dict[str, str]]:
        return [unfit_values(self.world.bound(mapping).mapping, values) for values in chosen]

    def revive(self, mapping: str, key: str, **how: Any) -> Any:
        return revive(self.world.store, mapping, key, **how)

    def redact(self, text: str) -> str:
        return text

    def close(self) -> None:
        """The world closes its store."""


@pytest.fixture
def ask(capfdbinary):
    """Calls `syncd conflicts …` on a world; gives (exit code, what it printed)."""

    def ask(world: World, *arguments: str) -> tuple[int, str]:
        capfdbinary.readouterr()
        code = call(("conflicts", *arguments), opener=lambda *_, **__: Desk(world))
        out, err = capfdbinary.readouterr()
        return code, (out + err).decode()

    return ask


def held(world: World, number: int = 1, **fields: Any) -> list[tuple[str, str]]:
    """`number` records whose name both sides changed (and `fields` in ERPNext, which wait)."""
    pairs = world.agreed(number)
    for at, (document, row) in enumerate(pairs):
        world.erpnext.edit(document, customer_name=f"Erp {at}", **fields)
        world.source.edit(row, name=f"Shop {at}")
    assert world.counts().held == number
    return pairs


def names(world: World, pair: tuple[str, str]) -> tuple[Any, Any]:
    return world.customer(pair[0])[0], world.shopper(pair[1])[0]


def numbers(world: World) -> list[str]:
    return [str(conflict.id) for conflict in world.conflicts()]


# Showing


def test_show_tells_both_sides_who_edited_when_and_what_waits(world, ask):
    [(_, row)] = held(world, website="erp.example")
    world.source.edit(row, vat="NEW")
    world.counts()
    code, out = ask(world, "show", numbers(world)[0])
    assert code == 0
    for words in (
        '"Name 1"',
        '"Erp 0"',
        '"Shop 0"',
        "+00:00 by person@example.com",
        "later           the source's",
        'website: "u1" → "erp.example" in ERPNext, goes to the source',
        'tax_id: "VAT1" → "NEW" in the source, goes to ERPNext',
    ):
        assert words in out, words
    assert "customer_name:" not in out, "what is in conflict does not wait besides"


def test_what_waits_at_first_contact_is_what_one_side_lacks(world, ask):
    world.source.insert("1", name="Ada", vat="A1", url="u")
    world.erpnext.insert("CUST-X", customer_name="Other", tax_id="A1")
    assert world.counts().held == 1
    out = ask(world, "show", numbers(world)[0])[1]
    assert 'website: (empty) → "u" in the source, goes to ERPNext' in out
    assert "tax_id:" not in out, "equal on both sides"


def test_a_one_way_field_that_its_receiving_side_edited_does_not_wait(make_world, ask):
    fields = (FIELDS[0], FIELDS[1], replace(FIELDS[2], direction=Direction.TO_ERPNEXT))
    world = make_world(spec(fields=fields))
    held(world, website="by-hand.example")
    assert "website" not in ask(world, "show", numbers(world)[0])[1]


# Deciding


@pytest.mark.parametrize(
    ("what", "decision", "name"),
    [
        ("ERPNext's value", ("--take", "erpnext"), "Erp 0"),
        ("the source's value", ("--take", "source"), "Shop 0"),
        ("a value of one's own", ("--set", "customer_name=Both"), "Both"),
        ("nothing at all", ("--set", "customer_name="), None),
    ],
)
def test_a_decision_is_carried_out_by_the_next_run(world, ask, what, decision, name):
    [pair] = held(world, website="erp.example")
    assert ask(world, "resolve", numbers(world)[0], *decision)[0] == 0
    assert names(world, pair) == ("Erp 0", "Shop 0"), "decided is not yet done"
    assert world.counts().held == 0
    assert names(world, pair) == (name, name), what
    assert world.shopper(pair[1])[2] == "erp.example", "what waited went along"
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_many_are_decided_by_field_and_the_others_stay(world, ask):
    pairs = held(world, 4)
    world.erpnext.edit(pairs[0][0], tax_id="ERP")
    world.source.edit(pairs[0][1], vat="SHOP")
    world.counts()
    code, out = ask(world, "resolve", "--field", "customer_name", "--take", "source")
    assert code == 0
    assert "stays: tax_id is in conflict too" in out
    assert world.counts().held == 1
    assert [names(world, pair)[0] for pair in pairs] == ["Erp 0", "Shop 1", "Shop 2", "Shop 3"]


@pytest.mark.parametrize("stamped", [True, False], ids=["with stamps", "without stamps"])
def test_a_decision_is_not_carried_out_on_a_record_that_moved_and_that_is_told(make_world, ask, stamped):
    world = make_world(source=MemoryOptions(stamped=stamped))
    [pair] = held(world)
    [number] = numbers(world)
    ask(world, "resolve", number, "--take", "source")
    world.source.edit(pair[1], name="Moved on")
    reports = len(world.reports)
    assert world.counts().held == 1
    assert names(world, pair) == ("Erp 0", "Moved on")
    assert len(world.reports) == reports + 1, "the run that met it says so"
    [conflict] = world.conflicts()
    assert conflict.text.endswith(
        "the decision (take source) was not carried out, since the record moved after it was shown"
    )
    assert "take source; not carried out, since the record moved: decide again" in ask(world, "show", number)[1]
    assert "not carried out" in ask(world, "list")[1]
    assert world.quiet().exit_code is ExitCode.ATTENTION
    assert len(world.reports) == reports + 1, "and says it once"
    ask(world, "resolve", number, "--take", "source")
    assert world.counts().held == 0
    assert names(world, pair) == ("Moved on", "Moved on")


def test_a_record_that_moved_and_moved_back_is_asked_about_again(world, ask):
    [pair] = held(world)
    ask(world, "resolve", numbers(world)[0], "--take", "source")
    for name in ("Moved", "Shop 0"):
        world.source.edit(pair[1], name=name)
        assert world.counts().held == 1
    assert names(world, pair) == ("Erp 0", "Shop 0")


def test_what_moved_between_show_and_resolve_is_refused(world, ask):
    [pair] = held(world)
    [number] = numbers(world)
    mark = orjson.loads(ask(world, "show", number, "--json")[1])["shown"]
    world.erpnext.edit(pair[0], customer_name="Meanwhile")
    world.counts()
    code, out = ask(world, "resolve", number, "--take", "source", "--shown", mark)
    assert (code, "is not what was shown" in out) == (2, True)
    assert world.conflicts()[0].resolution is None


def test_a_decision_noted_while_a_run_meets_the_record_moved_is_not_taken_for_the_new_question(world):
    """Between what `resolve` read and what it notes a run may commit: the store compares once more."""
    [pair] = held(world)
    [shown] = world.conflicts()
    world.source.edit(pair[1], name="Meanwhile")
    world.counts()
    with pytest.raises(UsageError, match=f"conflict {shown.id}; nothing is noted"):
        world.store.resolve([(shown, b'{"take":"source"}')])


def test_a_value_that_does_not_fit_is_refused_before_it_is_noted(world, ask):
    held(world)
    code, out = ask(world, "resolve", numbers(world)[0], "--set", f"customer_name={'x' * 141}")
    assert (code, world.conflicts()[0].resolution) == (2, None)
    assert "has 141 characters; Data holds 140" in out


def test_another_decision_is_tried_where_the_first_was_refused_by_a_side(make_world, ask):
    """What was refused is parked until the record changes; another decision is a change too."""
    refuse = MemoryOptions(check=lambda values: "no such name" if values.get("name") == "Erp 0" else "")
    world = make_world(source=refuse)
    [pair] = held(world)
    [number] = numbers(world)
    ask(world, "resolve", number, "--take", "erpnext")
    assert world.counts().failed == 1
    assert names(world, pair) == ("Erp 0", "Shop 0")
    world.quiet()
    ask(world, "resolve", number, "--take", "source")
    counts = world.counts()
    assert (counts.held, counts.failed) == (0, 0)
    assert names(world, pair) == ("Shop 0", "Shop 0")
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_deletion_is_decided_for_the_edited_record_or_against_it(make_world, ask):
    for take, left in (("erpnext", True), ("source", False)):
        world = make_world(spec(source_deleted=SourceDeleted.DELETE))
        [(document, row), _] = world.agreed(2)
        world.source.delete(row)
        world.erpnext.edit(document, customer_name="Edited")
        world.counts(full=True)
        out = ask(world, "show", numbers(world)[0])[1]
        assert "keeps the edited record in ERPNext" in out
        assert "the record in ERPNext goes, edits and all" in out
        ask(world, "resolve", numbers(world)[0], "--take", take)
        world.counts()
        assert (document in world.erpnext.records) is left, take
        assert world.conflicts() == []


# Files


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "held.toml"


def answer(file: Path, number: str, line: str) -> None:
    head, found, rest = file.read_text(encoding="utf-8").partition(f"id = {number}\n")
    assert found
    file.write_text(head + found + rest.replace('take = ""', line, 1), encoding="utf-8")


def test_an_exported_file_is_edited_imported_and_carried_out(world, ask, file):
    pairs = held(world, 4)
    first, second, third, _ = numbers(world)
    assert ask(world, "export", str(file))[0] == 0
    answer(file, first, 'take = "erpnext"')
    answer(file, second, 'take = "source"')
    answer(file, third, 'set.customer_name = "Both"')
    code, out = ask(world, "import", str(file))
    assert (code, "1 record is left open in the file" in out) == (0, True)
    assert world.counts().held == 1
    assert [names(world, pair) for pair in pairs] == [
        ("Erp 0", "Erp 0"),
        ("Shop 1", "Shop 1"),
        ("Both", "Both"),
        ("Erp 3", "Shop 3"),
    ]


def test_an_import_decides_nothing_that_moved_since_the_export(world, ask, file):
    pairs = held(world, 3)
    ask(world, "export", str(file))
    for number in numbers(world):
        answer(file, number, 'take = "source"')
    world.erpnext.edit(pairs[0][0], customer_name="Meanwhile")
    world.source.edit(pairs[1][1], name="Erp 1")
    world.counts()
    code, out = ask(world, "import", str(file))
    assert code == 2
    assert "conflict[1].shown: ERPNext CUST-00001 = source 1: conflict 1" in out
    assert "no conflict 2 is open" in out, "both sides hold the same by now"
    assert [conflict.resolution for conflict in world.conflicts()] == [None, None]
    assert ask(world, "import", str(file), "--skip-moved")[0] == 0
    assert world.counts().held == 1
    assert names(world, pairs[0]) == ("Meanwhile", "Shop 0")
    assert names(world, pairs[2]) == ("Shop 2", "Shop 2")


# Settled without a person


@pytest.mark.parametrize("decided", [False, True], ids=["undecided", "decided"])
@pytest.mark.parametrize(
    "moot",
    [
        "edited to the same",
        "put back in ERPNext",
        "put back in the source",
        "not mapped any more",
        "gone on both sides",
    ],
)
def test_a_conflict_that_is_moot_closes_itself(make_world, ask, moot, decided):
    world = make_world()
    [pair, _] = world.agreed(2)
    document, row = pair
    world.erpnext.edit(document, customer_name="Erp")
    world.source.edit(row, name="Shop")
    world.counts()
    if decided:
        ask(world, "resolve", numbers(world)[0], "--take", "source")
    if moot == "edited to the same":
        world.erpnext.edit(document, customer_name="Agreed")
        world.source.edit(row, name="Agreed")
    elif moot == "put back in ERPNext":
        world.erpnext.edit(document, customer_name="Name 1")
    elif moot == "put back in the source":
        world.source.edit(row, name="Name 1")
    elif moot == "not mapped any more":
        world.remap(fields=FIELDS[1:])
    else:
        world.erpnext.delete(document)
        world.source.delete(row)
    counts = world.counts(full=True)
    assert (world.conflicts(), counts.held) == ([], 0)
    if moot not in {"not mapped any more", "gone on both sides"}:
        assert len(set(names(world, pair))) == 1
    if moot == "not mapped any more":
        assert (world.erpnext.values(document)["customer_name"], world.source.values(row)["name"]) == ("Erp", "Shop")
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_policy_written_into_the_mapping_settles_what_was_held(world):
    [pair] = held(world)
    fields = tuple(replace(entry, wins=Wins.SOURCE) for entry in FIELDS)
    world.remap(fields=fields, wins=Wins.SOURCE)
    assert world.counts().held == 0
    assert names(world, pair) == ("Shop 0", "Shop 0")
    assert world.conflicts() == []


# Reviving


def states(world: World) -> dict[str | None, PairState]:
    return {pair.external_id: pair.state for pair, _ in world.store.pairs(NAME, after=0, limit=100, live=False)}


def deleted_in_source(world: World) -> tuple[str, str, Any]:
    [(document, row), _] = world.agreed(2)
    kept = world.source.records[row]
    world.source.delete(row)
    world.counts(full=True)
    assert states(world)[row] is PairState.ENDED
    return document, row, kept


def test_a_revived_pair_is_compared_as_at_first_contact(world, ask):
    document, row, kept = deleted_in_source(world)
    world.source.records[row] = kept
    world.source.edit(row, name="Back again", url=None)
    assert world.counts(full=True).updated == {"erpnext": 0, "source": 0}, "ended stays ended"
    assert f"{document}" in ask(world, "list", "--ended", "--mapping", NAME)[1]
    assert ask(world, "revive", NAME, row)[0] == 0
    counts = world.counts()
    assert (counts.held, counts.created) == (1, {"erpnext": 0, "source": 0}), "both hold names of their own"
    ask(world, "resolve", numbers(world)[0], "--take", "source")
    world.counts()
    assert world.customer(document) == world.shopper(row) == ("Back again", "VAT1", "u1")
    assert states(world)[row] is PairState.AGREED
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_revived_pair_whose_record_is_still_gone_ends_again_and_nothing_is_written(world, ask):
    document, row, _ = deleted_in_source(world)
    assert ask(world, "revive", NAME, document)[0] == 0
    before = world.writes
    assert world.counts().ended == 1
    assert (states(world)[row], world.writes) == (PairState.ENDED, before)
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_reviving_never_deletes_the_record_that_is_left(make_world, ask):
    world = make_world(spec(source_deleted=SourceDeleted.DISABLE))
    document, _, _ = deleted_in_source(world)
    world.erpnext.edit(document, disabled=0)
    ask(world, "revive", NAME, document)
    counts = world.counts()
    assert (counts.held, counts.deleted) == (1, {"erpnext": 0, "source": 0}), "a person is asked"
    assert world.conflicts()[0].kind == "deleted"
    assert not world.erpnext.values(document).get("disabled")


def test_a_row_whose_document_was_deleted_gets_a_new_one(world, ask):
    [(document, row), _] = world.agreed(2)
    world.erpnext.delete(document)
    world.counts(full=True)
    assert "(deleted)" in ask(world, "list", "--ended", "--mapping", NAME)[1]
    out = ask(world, "revive", NAME, row)[1]
    assert f"source {row} is forgotten" in out
    assert world.counts(full=True).created == {"erpnext": 1, "source": 0}
    assert world.customer(world.partner_of(row)) == world.shopper(row)
    assert ask(world, "list", "--ended", "--mapping", NAME)[1].startswith("No pair")
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_a_document_whose_row_was_deleted_gets_a_new_one_once_it_names_the_old_one_no_more(world, ask):
    document, _, _ = deleted_in_source(world)
    ask(world, "revive", NAME, document, "--anew")
    assert world.counts(full=True).created == {"erpnext": 0, "source": 0}, "it still carries the id of the row"
    ask(world, "revive", NAME, document, "--anew")
    world.erpnext.change(document, partner=None)
    world.erpnext.edit(document)
    assert world.counts(full=True).created == {"erpnext": 0, "source": 1}
    assert len([name for name in world.pairs().values() if name == document]) == 1
    assert world.quiet(full=True).exit_code is ExitCode.OK


@pytest.mark.parametrize(
    ("what", "key", "side", "words"),
    [
        ("no such key", "nobody", None, "no ended pair of customer is called nobody"),
        ("a live pair", "2", None, "no ended pair of customer is called 2: its pair has not ended"),
        ("on the other side", "1", Side.ERPNEXT, "no ended pair of customer is called 1"),
    ],
)
def test_what_cannot_be_revived_is_refused(world, what, key, side, words):
    deleted_in_source(world)
    with pytest.raises(UsageError) as caught:
        revive(world.store, NAME, key, side=side, anew=False, wait=0.0)
    assert words in caught.value.message, what


def test_a_key_of_both_sides_asks_for_the_side(make_world):
    from syncd.adapters.sources.memory import MemoryOptions

    world = make_world(
        erpnext=MemoryOptions(naming=lambda values, _: {"VAT1": "2", "VAT2": "1"}[str(values["tax_id"])])
    )
    pairs = world.agreed(2)
    world.source.insert(name="Third", vat=None)
    for _, row in pairs:
        world.source.change(row, deleted=True)
        world.source.edit(row)
    world.erpnext.options.naming = lambda _values, number: f"C{number}"
    world.counts()
    with pytest.raises(UsageError, match="is the ERPNext name of one ended pair of customer and the external id"):
        revive(world.store, NAME, "1", side=None, anew=False, wait=0.0)
    assert revive(world.store, NAME, "1", side=Side.SOURCE, anew=False, wait=0.0).erpnext_name == "2"


def test_reviving_waits_for_a_run(world):
    _, row, _ = deleted_in_source(world)
    lease = world.store.acquire(NAME, wait=0)
    with pytest.raises(LeaseHeldError):
        revive(world.store, NAME, row, side=None, anew=False, wait=0.5)
    lease.release()
    assert revive(world.store, NAME, row, side=None, anew=False, wait=0.0).tied
