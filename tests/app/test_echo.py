"""No echo: what a side makes of a value it was given is not an edit; a further run sends no write."""

from __future__ import annotations

from decimal import Decimal
from time import perf_counter

import pytest

from syncd.adapters.sources.memory import MemoryOptions
from syncd.core.mapping import FieldSpec
from syncd.errors import ExitCode
from tests.app.harness import FIELDS, spec


def cut(name, value):
    return value[:5] if isinstance(value, str) and name in {"customer_name", "name"} else value


def sanitise(name, value):
    return value.replace("<b>", "").replace("</b>", "").strip() if isinstance(value, str) else value


def emptied(_name, value):
    return value or None


CREDIT = FieldSpec(erpnext="credit", source="credit")


@pytest.mark.parametrize(
    ("store", "first", "second"),
    [
        pytest.param(cut, "A name too long", "Another long name", id="cut"),
        pytest.param(sanitise, "<b>Ada</b> ", " <b>Ada L.</b>", id="sanitised"),
        pytest.param(emptied, "", "Ada", id="an empty text kept as NULL"),
    ],
)
@pytest.mark.parametrize("side", ["erpnext", "source"])
def test_a_side_that_stores_something_else_than_it_was_given_does_not_echo(make_world, store, first, second, side):
    world = make_world(spec(match=()), **{side: MemoryOptions(store=store, naming=lambda _v, n: f"K{n}")})
    giving = world.source if side == "erpnext" else world.erpnext
    field = "name" if side == "erpnext" else "customer_name"
    key = giving.insert(**{field: first})
    assert world.counts().failed == 0
    for full in (False, True):
        assert world.quiet(full=full).exit_code is ExitCode.OK
    giving.edit(key, **{field: second})
    world.counts()
    for full in (False, True):
        assert world.quiet(full=full).exit_code is ExitCode.OK
    assert giving.values(key)[field] == second, "what a person wrote stays"


def rounded(name, value):
    return float(round(Decimal(str(value)), 2)) if name == "credit" and value is not None else value


def test_numbers_that_are_rounded_kept_as_text_or_as_zero_do_not_echo(make_world):
    world = make_world(
        spec(fields=(*FIELDS, CREDIT), match=()), erpnext=MemoryOptions(store=rounded, naming=lambda _v, n: f"C{n}")
    )
    for credit in ("1.005", 12, "7.50", None, 0, Decimal("3.14159"), 0.1 + 0.2):
        world.source.insert(name="Ada", credit=credit)
    world.erpnext.insert("E1", customer_name="Eve", credit=0.0)
    world.erpnext.insert("E2", customer_name="Ed", credit=12.5)
    assert world.counts().failed == 0
    assert world.quiet().exit_code is ExitCode.OK
    assert world.quiet(full=True).exit_code is ExitCode.OK
    for key in list(world.source.records):
        world.source.edit(key, name="Renamed")
    assert world.counts().updated["source"] == 0
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_defaults_that_the_site_fills_at_creation_do_not_flow_back(make_world):
    world = make_world(spec(match=()))
    plain = world.erpnext._insert

    def filled(values, key, partner):
        return plain({"website": "default.example", **values}, key, partner)

    world.erpnext._insert = filled
    row = world.source.insert(name="Ada")
    world.counts()
    assert world.customer(world.partner_of(row))[2] == "default.example"
    assert world.quiet(full=True).exit_code is ExitCode.OK
    assert world.shopper(row)[2] is None


def test_first_contact_with_a_site_that_sanitises_does_not_echo(make_world):
    world = make_world(erpnext=MemoryOptions(store=sanitise, naming=lambda _v, n: f"C{n}"))
    row = world.source.insert(name="<b>Ada</b>", vat="A1")
    world.erpnext.insert("C9", tax_id="A1", website="w")
    assert world.counts().adopted == 1
    assert world.customer("C9") == ("Ada", "A1", "w")
    assert world.shopper(row) == ("<b>Ada</b>", "A1", "w")
    assert world.quiet(full=True).exit_code is ExitCode.OK


def test_two_thousand_customers_are_merged_and_twenty_held(make_world):
    world = make_world()
    for number in range(2000):
        world.source.insert(name=f"Name {number}", vat=f"VAT{number}", url=f"u{number}")
    world.counts()
    assert len(world.pairs()) == 2000
    couples = [(name, row) for row, name in world.pairs().items()]
    shop, site, both, same = couples[:100], couples[100:200], couples[200:250], couples[250:270]
    for _name, row in shop + both:
        world.source.edit(row, url=f"shop-{row}")
    for name, row in site + both:
        world.erpnext.edit(name, customer_name=f"Site {row}")
    for name, row in same:
        world.source.edit(row, name="A")
        world.erpnext.edit(name, customer_name="B")
    started = perf_counter()
    counts = world.counts()
    took = perf_counter() - started
    assert counts.updated == {"erpnext": 150, "source": 150}
    assert (counts.conflicts, counts.held, counts.failed) == (20, 20, 0)
    for name, row in shop + both + site:
        assert world.customer(name) == world.shopper(row)
    for name, row in both:
        assert world.customer(name) == (f"Site {row}", f"VAT{int(row) - 1}", f"shop-{row}")
    assert world.quiet().exit_code is ExitCode.ATTENTION
    assert world.quiet(full=True).exit_code is ExitCode.ATTENTION
    print(f"\n2,000 customers, 270 edited: one run took {took * 1000:.0f} ms")
