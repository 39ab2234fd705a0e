"""Killed anywhere: orders with rows, their customers and items, and a circle, with every answer lost.

As `test_crash` does it for one mapping: every point of a scripted run is a death, then the process is started anew.
"""

from __future__ import annotations

import pytest

from syncd.adapters.sources.memory import MemoryOptions
from syncd.core.model import Side
from syncd.errors import ExitCode
from tests.app.harness import Killed, KillSwitch
from tests.app.test_crash import lose
from tests.app.trade import ROW_FIELDS, contacts, customers, items, linked, orders, plain, rows


def capitals(name, value):
    """A site that stores names in its own way."""
    return value.upper() if name in {"po_no", "first_name", "items.uom"} and isinstance(value, str) else value


def scripted(make_trade, form, **changes):
    """Customers and contacts in a circle, items of items, orders with rows: of everything something to do."""
    world = make_trade(
        customers(linked("contact", "contact_id", "contact"), **changes),
        contacts(linked("customer", "customer_id", "customer"), **changes),
        items(linked("variant_of", "variant_id", "item"), **changes),
        orders(tables=[rows(*ROW_FIELDS, plain("uom", "unit"), **form)], **changes),
        erpnext=lambda _name: MemoryOptions(store=capitals),
    )
    slot = "lines" if form["source"] else "order_lines"
    shop = {name: part.source for name, part in world.parts.items()}
    shop["customer"].insert(name="Ada")
    shop["item"].insert(title="Nail")
    for number in (1, 2):
        shop["order"].insert(
            number=f"po-{number}", customer_id=1, **{slot: [_line(at, 1, quantity=at) for at in (1, 2, 3)]}
        )
    world.agree()
    world.slot = slot
    first, second = (world.name_of("order", number) for number in (1, 2))
    # New on both sides, in links and circles.
    shop["customer"].insert(name="Bob", contact_id=1)
    shop["contact"].insert(first="b.", customer_id=2)
    shop["item"].insert(title="Nail, red", variant_id=3)
    shop["item"].insert(title="Nails")
    shop["order"].insert(number="po-3", customer_id=2, **{slot: [_line(1, 2), _line(2, 3)]})
    world["item"].erpnext.insert("I-Own", item_name="Own", variant_of=world.name_of("item", 1))
    document = {"po_no": "SO", "customer": world.name_of("customer", 1)}
    world["order"].erpnext.insert(
        "SO-9", **document, items=[{"item_code": "I-Own", "qty": 1.0, "rate": 2.0, "uom": "S"}]
    )
    # Edits of rows on both sides.
    held = shop["order"].items("1", slot)
    shop["order"].edit("1", **{slot: [{**held[0], "item_id": 2}, held[2], _line(4, 1, quantity=9)]})
    there = world["order"].erpnext.items(first, "items")
    own = {"item_code": "I-Own", "qty": 4.0, "rate": 4.0, "uom": "OWN"}
    world["order"].erpnext.edit(first, items=[{**there[0], "rate": 8.0}, there[2], own, there[1]])
    there = world["order"].erpnext.items(second, "items")
    world["order"].erpnext.edit(second, items=[there[2], {**own, "qty": 7.0}, there[0]])
    shop["order"].edit("2", customer_id=2)
    return world


def _line(at, item, quantity=1):
    return {"line": at, "item_id": item, "quantity": quantity, "price": 10, "unit": f"u{at}"}


def told(world):
    """What both sides hold and who links to whom, whatever names were given on the way."""
    titles = {
        name: {key: _title(record.values) for key, record in part.erpnext.records.items()}
        for name, part in world.parts.items()
    }
    shop_titles = {
        name: {key: _title(record.values) for key, record in part.source.records.items()}
        for name, part in world.parts.items()
    }

    def document(name, key):
        held = world[name].erpnext.records[key].values
        links = {"customer": "customer", "contact": "contact", "variant_of": "item"}
        return [_title(held), *(titles[to].get(held.get(field)) for field, to in links.items())]

    def record(name, key):
        held = world[name].source.records[key].values
        links = {"customer_id": "customer", "contact_id": "contact", "variant_id": "item"}
        return [_title(held), *(shop_titles[to].get(str(held.get(field))) for field, to in links.items())]

    def site_rows(key):
        held = world["order"].erpnext.items(key, "items")
        return [(titles["item"][row["item_code"]], *map(float, (row["qty"], row["rate"])), row["uom"]) for row in held]

    def shop_rows(key):
        held = world["order"].source.items(key, world.slot)
        return [
            (shop_titles["item"][str(row["item_id"])], *map(float, (row["quantity"], row["price"])), row["unit"])
            for row in held
        ]

    return {
        "documents": sorted(repr(document(name, key)) for name in world.parts for key in world[name].erpnext.records),
        "records": sorted(repr(record(name, key)) for name in world.parts for key in world[name].source.records),
        "site rows": sorted(
            repr((_title(record.values), site_rows(key))) for key, record in _orders(world, Side.ERPNEXT)
        ),
        "shop rows": sorted(
            repr((_title(record.values), sorted(shop_rows(key)))) for key, record in _orders(world, Side.SOURCE)
        ),
        "held": [world.held(name) for name in world.parts],
        "failed": [world.failed(name) for name in world.parts],
        "open": len(world.open_operations()),
    }


def _orders(world, side):
    return list(world["order"].side(side).records.items())


def _title(values):
    """What a record is called on either side."""
    names = ("customer_name", "first_name", "item_name", "po_no", "name", "first", "title", "number")
    return next(str(values[name]).upper() for name in names if values.get(name))


def settled(world, expected, what):
    for _ in range(2):
        for counts in world.run(full=True, force=True).mappings.values():
            assert counts.error is None, (what, counts.error)
    assert told(world) == expected, what
    assert world.quiet(full=True).exit_code is ExitCode.OK, what


RELATED = {"source": None, "entity": "order_lines", "parent": ("order_id",), "key": ("line",)}
FORMS = pytest.mark.parametrize(
    "form",
    [
        pytest.param({"source": "lines", "key": ("line",)}, id="nested, by key"),
        pytest.param({"source": "lines", "key": ()}, id="nested, by position", marks=pytest.mark.slow),
        pytest.param(RELATED, id="related, by key", marks=pytest.mark.slow),
    ],
)


def reference_of(template, folder):
    reference = template.copy(folder)
    switch = KillSwitch()
    reference.watch(switch)
    reference.run(force=True)
    reference.restart()
    assert reference.run(full=True, force=True).exit_code is ExitCode.OK
    expected = told(reference)
    reference.close()
    assert expected["open"] == 0
    assert len(expected["documents"]) == len(expected["records"]) == 11
    return expected, switch


@FORMS
def test_a_run_over_linked_mappings_that_is_killed_anywhere_is_finished_by_the_next(make_trade, tmp_path, form):
    template = scripted(make_trade, form)
    expected, switch = reference_of(template, tmp_path / "reference")
    for point in range(1, len(switch.points) + 1):
        world = template.copy(tmp_path / f"point-{point}")
        killer = KillSwitch(at=point)
        world.watch(killer)
        with pytest.raises(Killed):
            world.run(force=True)
        world.restart()
        settled(world, expected, f"killed at point {point}: {killer.points[-1]}")
        world.close()
    print(f"\n{len(switch.points)} points of a run over four mappings, each killed and finished")


@FORMS
def test_a_run_over_linked_mappings_that_loses_any_answer_is_finished_by_the_next(make_trade, tmp_path, form):
    template = scripted(make_trade, form)
    expected, _ = reference_of(template, tmp_path / "reference")
    points = 0
    for name in template.parts:
        for side in Side:
            for when in ("before", "after"):
                number, met = 0, ["begin"]
                while met:
                    number += 1
                    world = template.copy(tmp_path / f"{name}-{side.value}-{when}-{number}")
                    met = lose(world[name].side(side), when, number)
                    world.run(force=True)
                    world.unwatch()
                    settled(world, expected, f"{name} {side.value}: answer {number} lost {when} it was done")
                    world.close()
                    points += bool(met)
    assert points >= 35, "the script no longer reaches its calls"
    print(f"\n{points} answers lost, each found out by the next run")
