"""Child tables through whole runs: rows are made, changed, moved and removed on either side, in all their forms."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from syncd.adapters.sources.memory import MemoryOptions
from syncd.core.journal import tell_entries
from syncd.core.mapping import ErpnextDeleted, SourceDeleted
from syncd.core.merge import Choice
from syncd.core.model import Direction, Side, Wins
from syncd.core.resolution import encode_resolution
from syncd.errors import ExitCode, UnknownOutcomeError
from tests.app.trade import mapping, orders, plain, rows

PLAIN = (plain("uom", "unit"), plain("qty", "quantity"), plain("rate", "price"))
KEYED, PLACED = {"key": ("line",)}, {"key": ()}
RELATED = {"source": None, "entity": "order_lines", "parent": ("order_id",), "key": ("line",)}
FORMS = {"nested, by key": KEYED, "nested, by position": PLACED, "related, by key": RELATED}
FORM = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def slot(form):
    return "order_lines" if form is RELATED else "lines"


def shop(make_trade, form=KEYED, *, table=None, more=(), **changes):
    """Orders with rows (unit, quantity, price), without links."""
    made = replace(rows(*PLAIN, **form), **(table or {}))
    return make_trade(mapping("order", plain("po_no", "number"), tables=(made, *more), **changes))


def line(unit, quantity, price, number=None):
    made = {"unit": unit, "quantity": quantity, "price": price}
    return made if number is None else {"line": number, **made}


def lines(form, *given):
    """Rows of the source: (unit, quantity, price); told by their numbers 1, 2, … where there is a key."""
    return [line(*each, None if form is PLACED else at) for at, each in enumerate(given, start=1)]


ABC = (("A", 1, 10), ("B", 2, 20), ("C", 3, 30))


def agreed(make_trade, form=KEYED, given=ABC, **more):
    """An order of three rows that both sides agree on: (world, row of the source, document)."""
    world = shop(make_trade, form, **more)
    row = world["order"].source.insert(number="PO-1", **{slot(form): lines(form, *given)})
    world.agree()
    return world, row, world.name_of("order", row)


def documents_rows(world, document, table="items"):
    return [
        (row["uom"], float(row["qty"]), float(row["rate"])) for row in world["order"].erpnext.items(document, table)
    ]


def source_rows(world, row, form=KEYED):
    found = world["order"].source.items(row, slot(form))
    return [(each["unit"], float(each["quantity"]), float(each["price"])) for each in found]


def notes_of(world, row, form):
    return {each["unit"]: each.get("note") for each in world["order"].source.items(row, slot(form))}


def agree_on(world, row, document, form, *expected):
    expected = [(unit, float(quantity), float(price)) for unit, quantity, price in expected]
    assert documents_rows(world, document) == expected
    held = source_rows(world, row, form)
    assert (sorted(held), held if form is not RELATED else expected) == (sorted(expected), expected)


def edit(world, row, form, change):
    """A person edits the rows of the source."""
    held = world["order"].source.items(row, slot(form))
    world["order"].source.edit(row, **{slot(form): change(held)})


def edit_document(world, document, change):
    held = world["order"].erpnext.items(document, "items")
    world["order"].erpnext.edit(document, items=change(held))


def changed(at, **values):
    return lambda held: [{**each, **values} if number == at else each for number, each in enumerate(held)]


def without(at):
    return lambda held: [each for number, each in enumerate(held) if number != at]


@FORM
def test_rows_are_made_in_both_directions(make_trade, form):
    world = shop(make_trade, form)
    row = world["order"].source.insert(number="PO-1", **{slot(form): lines(form, *ABC)})
    made = [{"uom": unit, "qty": float(quantity), "rate": float(price)} for unit, quantity, price in ABC]
    world["order"].erpnext.insert("SO-9", po_no="PO-9", items=made)
    world.agree()
    agree_on(world, row, world.name_of("order", row), form, *ABC)
    agree_on(world, str(world.id_of("order", "SO-9")), "SO-9", form, *ABC)
    if form is not PLACED:
        found = world["order"].source.items(str(world.id_of("order", "SO-9")), slot(form))
        assert [each["line"] for each in found] == [1, 2, 3]
    world.quiet(full=True)


@FORM
def test_edits_of_rows_on_both_sides_merge(make_trade, form):
    world, row, document = agreed(make_trade, form)
    names = [each["name"] for each in world["order"].erpnext.items(document, "items")]
    edit(world, row, form, changed(0, quantity=7))
    edit_document(world, document, changed(1, rate=25.0))
    edit_document(world, document, changed(0, rate=11.0))
    world.agree()
    agree_on(world, row, document, form, ("A", 7, 11), ("B", 2, 25), ("C", 3, 30))
    assert [each["name"] for each in world["order"].erpnext.items(document, "items")] == names, "no row was replaced"
    world.quiet(full=True)


@FORM
@pytest.mark.parametrize("side", Side)
def test_rows_are_added_and_removed(make_trade, form, side):
    world, row, document = agreed(make_trade, form)
    if side is Side.SOURCE:
        edit(world, row, form, without(1))
        edit(world, row, form, lambda held: [*held, line("D", 4, 40, None if form is PLACED else 9)])
    else:
        edit_document(world, document, without(1))
        edit_document(world, document, lambda held: [*held, {"uom": "D", "qty": 4.0, "rate": 40.0}])
    world.agree()
    agree_on(world, row, document, form, ("A", 1, 10), ("C", 3, 30), ("D", 4, 40))
    world.quiet(full=True)


@FORM
def test_all_rows_go_and_come_back(make_trade, form):
    world, row, document = agreed(make_trade, form)
    edit(world, row, form, lambda _held: [])
    world.agree()
    assert documents_rows(world, document) == []
    edit_document(world, document, lambda _held: [{"uom": "X", "qty": 1.0, "rate": 2.0}])
    world.agree()
    agree_on(world, row, document, form, ("X", 1, 2))


@pytest.mark.parametrize("form", [KEYED, PLACED], ids=["by key", "by position"])
@pytest.mark.parametrize("side", Side)
def test_rows_are_moved(make_trade, form, side):
    world, row, document = agreed(make_trade, form)
    names = [each["name"] for each in world["order"].erpnext.items(document, "items")]

    def turned(held):
        return [held[2], held[0], held[1]]

    if side is Side.SOURCE:
        edit(world, row, form, turned)
    else:
        edit_document(world, document, turned)
    edit_document(
        world, document, lambda held: [{**each, "rate": 11.0} if each["uom"] == "A" else each for each in held]
    )
    world.agree()
    agree_on(world, row, document, form, ("C", 3, 30), ("A", 1, 11), ("B", 2, 20))
    assert {each["name"] for each in world["order"].erpnext.items(document, "items")} == set(names)
    world.quiet(full=True)


def test_rows_of_a_related_table_have_no_order_of_their_own(make_trade):
    world, row, document = agreed(make_trade, RELATED)
    edit_document(world, document, lambda held: [held[2], held[0], held[1]])
    world.agree()
    assert [each[0] for each in documents_rows(world, document)] == ["C", "A", "B"]
    edit(world, row, RELATED, changed(0, quantity=9))
    world.agree()
    assert documents_rows(world, document) == [("C", 3.0, 30.0), ("A", 9.0, 10.0), ("B", 2.0, 20.0)]
    world.quiet(full=True)


def test_what_the_mapping_does_not_name_stays_in_the_rows(make_trade):
    world, row, document = agreed(make_trade)
    edit(world, row, KEYED, lambda held: [{**each, "note": f"note {each['unit']}"} for each in held])
    edit_document(world, document, lambda held: [{**each, "warehouse": "W"} for each in held])
    edit_document(world, document, changed(1, qty=5.0))
    edit(world, row, KEYED, changed(0, price=12))
    world.agree()
    assert [each["note"] for each in world["order"].source.items(row, "lines")] == ["note A", "note B", "note C"]
    assert [each["warehouse"] for each in world["order"].erpnext.items(document, "items")] == ["W", "W", "W"]


def conflict_of(world, kind="fields"):
    [conflict] = world.store.conflicts("order")
    assert conflict.kind == kind
    return conflict, orjson.loads(conflict.fields)


def decide(world, choice):
    conflict, _ = conflict_of(world)
    world.store.resolve([(conflict, encode_resolution(choice))])


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(take=Side.SOURCE), 7),
        (Choice(take=Side.ERPNEXT), 8),
        (Choice(values={"items[2].qty": "9"}), 9),
    ],
    ids=["take source", "take erpnext", "set"],
)
def test_a_conflict_in_a_row_is_named_and_decided(make_trade, choice, expected):
    world, row, document = agreed(make_trade)
    edit(world, row, KEYED, changed(1, quantity=7))
    edit(world, row, KEYED, changed(0, price=11))
    edit_document(world, document, changed(1, qty=8.0))
    world.run()
    conflict, [shown] = conflict_of(world)
    assert shown == {"field": "items[2].qty", "base": "2", "erpnext": "8", "source": "7", "reason": ""}
    assert "items[2].qty" in conflict.text
    assert documents_rows(world, document)[0] == ("A", 1.0, 10.0), "other rows wait as well"
    reports = len(world.reports)
    world.quiet()
    assert len(world.reports) == reports
    decide(world, choice)
    world.agree()
    agree_on(world, row, document, KEYED, ("A", 1, 11), ("B", expected, 20), ("C", 3, 30))


@pytest.mark.parametrize("take", Side)
def test_a_row_that_was_removed_here_and_edited_there_is_a_conflict(make_trade, take):
    world, row, document = agreed(make_trade)
    edit(world, row, KEYED, without(1))
    edit_document(world, document, changed(1, qty=8.0))
    world.run()
    _, [shown] = conflict_of(world)
    assert (shown["field"], shown["source"]) == ("items[2]", None)
    assert shown["erpnext"] == "uom=B, qty=8, rate=20"
    assert shown["reason"] == "removed in the source, edited on the other side"
    decide(world, Choice(take=take))
    world.agree()
    kept = [("A", 1, 10), ("B", 8, 20), ("C", 3, 30)] if take is Side.ERPNEXT else [("A", 1, 10), ("C", 3, 30)]
    assert sorted(documents_rows(world, document)) == sorted(kept)
    assert sorted(source_rows(world, row)) == sorted(kept)


def test_wins_decides_within_a_table(make_trade):
    world, row, document = agreed(make_trade)
    edit(world, row, KEYED, changed(1, quantity=7))
    edit_document(world, document, changed(1, qty=8.0))
    world.respec(
        "order",
        tables=(rows(*(replace(field, wins=Wins.SOURCE) for field in PLAIN)),),
    )
    world.agree()
    agree_on(world, row, document, KEYED, ("A", 1, 10), ("B", 7, 20), ("C", 3, 30))


def test_two_tables_merge_by_themselves(make_trade):
    taxes = rows(plain("tax_id", "vat"), plain("rate", "price"), erpnext="taxes", source="charges", key=())
    world = shop(make_trade, more=(taxes,))
    row = world["order"].source.insert(
        number="PO-1", lines=lines(KEYED, *ABC), charges=[{"vat": "19", "price": 1}, {"vat": "7", "price": 2}]
    )
    world.agree()
    document = world.name_of("order", row)
    assert [(each["tax_id"], float(each["rate"])) for each in world["order"].erpnext.items(document, "taxes")] == [
        ("19", 1.0),
        ("7", 2.0),
    ]
    edit_document(world, document, changed(0, qty=5.0))
    world["order"].source.edit(row, charges=[{"vat": "7", "price": 3}])
    world.agree()
    assert source_rows(world, row)[0] == ("A", 5.0, 10.0)
    assert [(each["tax_id"], float(each["rate"])) for each in world["order"].erpnext.items(document, "taxes")] == [
        ("7", 3.0)
    ]
    world.quiet(full=True)


def test_a_field_of_rows_may_flow_one_way(make_trade):
    fields = (
        plain("uom", "unit"),
        plain("qty", "quantity", direction=Direction.TO_ERPNEXT),
        plain("rate", "price", direction=Direction.TO_SOURCE),
    )
    world = make_trade(mapping("order", plain("po_no", "number"), tables=(rows(*fields),)))
    row = world["order"].source.insert(number="PO-1", lines=lines(KEYED, *ABC))
    world.agree()
    document = world.name_of("order", row)
    held = world["order"].erpnext.items(document, "items")
    assert (held[0]["uom"], held[0]["qty"], held[0].get("rate")) == ("A", 1, None)
    edit_document(world, document, changed(0, qty=99.0, rate=5.0))
    world.agree()
    assert source_rows(world, row)[0] == ("A", 1.0, 5.0), "quantity does not flow back"
    edit(world, row, KEYED, changed(0, quantity=4))
    world.agree()
    assert float(world["order"].erpnext.items(document, "items")[0]["qty"]) == 4.0
    world.quiet(full=True)


def test_a_table_may_flow_one_way(make_trade):
    fields = tuple(replace(field, direction=Direction.TO_ERPNEXT) for field in PLAIN)
    world, row, document = agreed(make_trade, table={"direction": Direction.TO_ERPNEXT, "fields": fields})
    edit_document(world, document, changed(0, qty=99.0))
    edit_document(world, document, lambda held: [*held, {"uom": "own", "qty": 1.0, "rate": 1.0}])
    world.agree()
    assert source_rows(world, row) == [("A", 1.0, 10.0), ("B", 2.0, 20.0), ("C", 3.0, 30.0)]
    edit(world, row, KEYED, changed(1, quantity=7))
    edit(world, row, KEYED, without(2))
    world.agree()
    assert documents_rows(world, document) == [("A", 99.0, 10.0), ("B", 7.0, 20.0), ("own", 1.0, 1.0)]
    world.quiet(full=True)


@FORM
def test_a_column_that_is_added_to_a_table_duplicates_no_row(make_trade, form):
    world = make_trade(mapping("order", plain("po_no", "number"), tables=(rows(*PLAIN[:2], **form),)))
    row = world["order"].source.insert(number="PO-1", **{slot(form): lines(form, *ABC)})
    world.agree()
    document = world.name_of("order", row)
    names = [each["name"] for each in world["order"].erpnext.items(document, "items")]
    edit_document(world, document, lambda held: [held[2], held[0], held[1]])
    world.agree()
    edit_document(world, document, changed(1, qty=8.0))
    world.respec("order", tables=(rows(*PLAIN, **form),))
    world.agree()
    assert sorted(documents_rows(world, document)) == [("A", 8.0, 10.0), ("B", 2.0, 20.0), ("C", 3.0, 30.0)]
    assert sorted(source_rows(world, row, form)) == [("A", 8.0, 10.0), ("B", 2.0, 20.0), ("C", 3.0, 30.0)]
    assert {each["name"] for each in world["order"].erpnext.items(document, "items")} == set(names)
    world.respec("order", tables=(rows(*PLAIN[1:], **form),))
    world.agree()
    world.quiet(full=True)


@FORM
def test_a_table_that_is_added_to_a_mapping_ties_the_rows_that_say_the_same(make_trade, form):
    world = make_trade(mapping("order", plain("po_no", "number")))
    row = world["order"].source.insert(number="PO-1")
    world.agree()
    document = world.name_of("order", row)
    world.respec("order", tables=(rows(*PLAIN, **form),))
    world["order"].source.edit(row, **{slot(form): lines(form, *ABC)})
    turned = [
        {"uom": unit, "qty": float(quantity), "rate": float(price)} for unit, quantity, price in (ABC[2], *ABC[:2])
    ]
    world["order"].erpnext.edit(document, items=turned)
    world.agree()
    assert len(documents_rows(world, document)) == len(source_rows(world, row, form)) == 3
    edit_document(world, document, changed(0, qty=5.0))
    world.agree()
    assert ("C", 5.0, 30.0) in source_rows(world, row, form)


def person_edits(world, document, change):
    """A hook: right after syncd's first write to the document a person edits it."""
    left = [change]

    def hook(method, _writes):
        if method == "apply" and left:
            edit_document(world, document, left.pop())

    return hook


@FORM
@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (changed(0, rate=99.0), [("A", 1, 99), ("B", 2, 20), ("C", 3, 30), ("D", 4, 40)]),
        (changed(3, rate=99.0), [("A", 1, 10), ("B", 2, 20), ("C", 3, 30), ("D", 4, 99)]),
        (without(0), [("B", 2, 20), ("C", 3, 30), ("D", 4, 40)]),
        (lambda held: [*held, {"uom": "E", "qty": 5.0, "rate": 50.0}], [*ABC, ("D", 4, 40), ("E", 5, 50)]),
    ],
    ids=["of an old row", "of the new row", "that removes a row", "that adds a row"],
)
def test_an_edit_between_write_and_read_back_flows(make_trade, form, what, expected):
    """The answer tells a person as the last editor: what was sent is the baseline, its new rows have no names yet."""
    world, row, document = agreed(make_trade, form)
    edit(world, row, form, lambda held: [{**each, "note": each["unit"]} for each in held])
    world.agree()
    edit(world, row, form, lambda held: [*held, {**line("D", 4, 40, None if form is PLACED else 4), "note": "D"}])
    world["order"].erpnext.after = person_edits(world, document, what)
    world.run()
    world.unwatch()
    world.agree()
    agree_on(world, row, document, form, *expected)
    notes = notes_of(world, row, form)
    assert all(notes[unit] == unit for unit, *_ in expected if unit in "ABCD"), "no row of the source was replaced"
    world.quiet(full=True)


@FORM
def test_an_edit_between_creation_and_read_back_flows(make_trade, form):
    world = shop(make_trade, form)
    row = world["order"].source.insert(number="PO-1", **{slot(form): lines(form, *ABC)})

    def hook(method, _writes):
        if method == "create":
            edit_document(world, "ORDE-00001", changed(1, qty=77.0))

    world["order"].erpnext.after = hook
    world.run()
    world.unwatch()
    world.agree()
    agree_on(world, row, "ORDE-00001", form, ("A", 1, 10), ("B", 77, 20), ("C", 3, 30))


@FORM
def test_rows_that_are_gone_when_they_are_written_are_looked_at_again(make_trade, form):
    world, row, document = agreed(make_trade, form)
    edit(world, row, form, changed(0, quantity=7))

    def hook(method, _writes):
        if method == "apply":
            world["order"].erpnext.before = lambda _method, _writes: None
            edit_document(world, document, without(1))

    world["order"].erpnext.before = hook
    world.agree()
    agree_on(world, row, document, form, ("A", 7, 10), ("C", 3, 30))


@FORM
def test_lost_answers_of_rows_are_found_out(make_trade, form):
    world, row, document = agreed(make_trade, form)
    edit(world, row, form, lambda held: [*held[1:], line("D", 4, 40, None if form is PLACED else 9)])

    def hook(method, _writes):
        if method == "apply":
            raise UnknownOutcomeError("no answer")

    world["order"].erpnext.after = hook
    world.run()
    world.unwatch()
    world.agree()
    agree_on(world, row, document, form, ("B", 2, 20), ("C", 3, 30), ("D", 4, 40))


def shouting(name, value):
    """A site that stores units in capitals."""
    return value.upper() if name == "items.uom" and isinstance(value, str) else value


@FORM
@pytest.mark.parametrize("when", ["before", "after"])
def test_lost_answers_of_rows_that_the_site_stores_otherwise_are_found_out(make_trade, form, when):
    world = make_trade(
        mapping("order", plain("po_no", "number"), tables=(rows(*PLAIN, **form),)),
        erpnext=lambda _name: MemoryOptions(store=shouting),
    )
    row = world["order"].source.insert(number="PO-1", **{slot(form): lines(form, ("a", 1, 10), ("b", 2, 20))})
    world.agree()
    document = world.name_of("order", row)
    edit(world, row, form, lambda held: [*held, line("d", 4, 40, None if form is PLACED else 9)])

    def hook(method, _writes):
        if method == "apply":
            raise UnknownOutcomeError("no answer")

    setattr(world["order"].erpnext, when, hook)
    world.run()
    world.unwatch()
    world.agree()
    assert [unit for unit, *_ in documents_rows(world, document)] == ["A", "B", "D"]
    assert [unit for unit, *_ in source_rows(world, row, form)] == ["a", "b", "d"]
    world.quiet(full=True)


@pytest.mark.parametrize("side", Side)
def test_a_deletion_of_an_order_with_edited_rows_is_held(make_trade, side):
    world, row, document = agreed(
        make_trade, source_deleted=SourceDeleted.DELETE, erpnext_deleted=ErpnextDeleted.DELETE
    )
    if side is Side.SOURCE:
        world["order"].source.delete(row)
        edit_document(world, document, changed(0, qty=8.0))
    else:
        world["order"].erpnext.delete(document)
        edit(world, row, KEYED, changed(0, quantity=8))
    world.run(full=True, force=True)
    _, shown = conflict_of(world, "deleted")
    old, new = ("uom=A, qty=1, rate=10", "uom=A, qty=8, rate=10")
    erpnext, source = (new, None) if side is Side.SOURCE else (None, new)
    assert shown == [{"field": "items[1]", "base": old, "erpnext": erpnext, "source": source, "reason": ""}]


def test_an_order_whose_rows_were_only_read_anew_is_deleted(make_trade):
    world, row, document = agreed(make_trade, source_deleted=SourceDeleted.DELETE)
    world["order"].source.delete(row)
    world["order"].erpnext.edit(document)
    world.sync(full=True, force=True)
    assert document not in world["order"].erpnext.records


def test_rows_that_cannot_be_told_apart_fail_their_order_alone(make_trade):
    world = shop(make_trade)
    world["order"].source.insert(number="PO-1", lines=[line("A", 1, 1, 5), line("B", 1, 1, 5)])
    fine = world["order"].source.insert(number="PO-2", lines=lines(KEYED, *ABC))
    assert world.run().exit_code is ExitCode.ATTENTION
    assert list(world.pairs("order")) == [fine]
    assert "2 rows have the key '5'" in world.failed("order")[0]


@pytest.mark.parametrize("form", [KEYED, RELATED], ids=["nested", "related"])
def test_rows_that_cannot_be_told_apart_any_more_remove_nothing(make_trade, form):
    world, row, document = agreed(make_trade, form)
    edit(world, row, form, lambda held: [{**each, "line": 1} for each in held])
    assert world.run().exit_code is ExitCode.ATTENTION
    assert "3 rows have the key '1'" in world.failed("order")[0]
    assert len(documents_rows(world, document)) == 3
    edit(world, row, form, lambda held: [{**each, "line": at} for at, each in enumerate(held, start=1)])
    world.agree()
    agree_on(world, row, document, form, *ABC)


def test_a_full_pass_with_nothing_changed_writes_nothing(make_trade):
    world, _, _ = agreed(make_trade)
    world["order"].erpnext.insert("SO-9", po_no="PO-9", items=[{"uom": "X", "qty": 0.0, "rate": 1.0}])
    world.agree()
    result = world.quiet(full=True)
    assert list(world.store.operations(result.run)) == []
    assert (result.exit_code, result.report) == (ExitCode.OK, "")


def test_rows_of_an_adopted_order_are_tied_by_what_they_say(make_trade):
    world = shop(make_trade, match=(("po_no",),))
    row = world["order"].source.insert(number="PO-1", lines=lines(KEYED, *ABC))
    turned = [{"uom": unit, "qty": float(quantity), "rate": float(price)} for unit, quantity, price in reversed(ABC)]
    world["order"].erpnext.insert("SO-1", po_no="PO-1", items=turned)
    world.agree()
    edit(world, row, KEYED, changed(0, quantity=7))
    world.agree()
    assert documents_rows(world, "SO-1") == [("C", 3.0, 30.0), ("B", 2.0, 20.0), ("A", 7.0, 10.0)]


def test_links_in_rows_follow_edits_on_both_sides(make_trade):
    from tests.app.trade import customers, items

    world = make_trade(customers(), items(), orders(tables=[rows()]))
    for title in ("Nail", "Screw", "Bolt"):
        world["item"].source.insert(title=title)
    row = world["order"].source.insert(number="PO-1", lines=[{"line": 1, "item_id": 1, "quantity": 1, "price": 1}])
    world.agree()
    document = world.name_of("order", row)
    edit(world, row, KEYED, changed(0, item_id=2))
    world.agree()
    assert world["order"].erpnext.items(document, "items")[0]["item_code"] == world.name_of("item", 2)
    edit_document(
        world, document, lambda held: [*held, {"item_code": world.name_of("item", 3), "qty": 1.0, "rate": 1.0}]
    )
    world.agree()
    assert [each["item_id"] for each in world["order"].source.items(row, "lines")] == [2, 3]
    edit_document(world, document, changed(0, item_code=world.name_of("item", 1)))
    edit(world, row, KEYED, changed(0, item_id=3))
    world.run()
    _, [shown] = conflict_of(world)
    assert (shown["field"], shown["erpnext"], shown["source"]) == ("items[1].item_code", world.name_of("item", 1), 3)
    decide(world, Choice(values={"items[1].item_code": world.name_of("item", 2)}))
    world.agree()
    assert [each["item_id"] for each in world["order"].source.items(row, "lines")] == [2, 3]


def test_a_report_tells_rows_one_by_one(make_trade):
    world = shop(make_trade)
    row = world["order"].source.insert(number="PO-1", lines=lines(KEYED, *ABC[:2]))
    made = world.run()
    edit(world, row, KEYED, changed(1, quantity=7))
    edit(world, row, KEYED, lambda held: [*held[1:], line("D", 4, 40, 3)])
    changed_run = world.run()
    told = [told_of(world, result.run) for result in (made, changed_run)]
    assert told == [
        [
            ("po_no", None, "PO-1"),
            ("items[1]", None, "uom=A, qty=1, rate=10"),
            ("items[2]", None, "uom=B, qty=2, rate=20"),
        ],
        [
            ("items[1]", "uom=A, qty=1, rate=10", None),
            ("items[2].qty", "2", "7"),
            ("items[3]", None, "uom=D, qty=4, rate=40"),
        ],
    ]


def told_of(world, run):
    [operation] = world.store.operations(run)
    [entry] = tell_entries(operation.records, operation.results)
    return sorted(
        ((each["field"], each["old"], each["new"]) for each in entry["changes"]), key=lambda each: each[0] != "po_no"
    )
