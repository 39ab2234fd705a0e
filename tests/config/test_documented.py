"""What docs/mappings.md shows as examples does what it says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from syncd.config import load
from syncd.core.compute import FUNCTIONS, Expression
from syncd.core.model import Raw
from tests.config.cases import ENVIRONMENT, ORDER, ORDERS, lay_out

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "mappings.md").read_text()
EXAMPLES = tomllib.loads(next(block for block in PAGE.split("```toml\n") if "contact_name" in block).split("```")[0])
ROW: dict[str, Raw] = {
    "first": "Ada",
    "last": "Lovelace",
    "nick": None,
    "list_price": 20,
    "price": 17.5,
    "number": 17,
    "quantity": 100,
    "state": "d",
    "tags": "a ,b",
    "ordered_on": "2026-01-31",
}
EXPECTED = {
    "title_x": "Ada Lovelace",
    "contact_name": "Ada",
    "discount_x": 2.5,
    "order_no": "WEB-17",
    "size_x": "large",
    "status_x": "Done",
    "tags_x": "a; b",
    "year_x": 2026,
}


@pytest.mark.parametrize("name", list(EXPECTED))
def test_the_pages_expressions_give_what_they_look_like(name: str) -> None:
    assert Expression(EXAMPLES["fields"][name]["compute"]).evaluate(ROW) == EXPECTED[name]


def test_every_expression_of_the_page_is_tried() -> None:
    assert set(EXAMPLES["fields"]) == set(EXPECTED)


def test_the_page_names_every_added_function_and_no_other() -> None:
    said = PAGE[PAGE.index("- **Functions.**") : PAGE.index("- There is no clock")]
    named = set(re.findall(r"`([A-Za-z_.]+)`", said))
    assert named <= FUNCTIONS
    like = {"uint", "type", "dyn", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getMinutes", "getSeconds"}
    assert FUNCTIONS - named == like | {"getMilliseconds"}, "`and their like`, and what tells types apart"


def test_the_pages_record_that_is_its_own_row_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = next(block for block in PAGE.split("```toml\n") if block.startswith("[tables.links]")).split("```")[0]
    head = ORDERS[: ORDERS.index("[tables.items]")].replace('"orders"', '"addresses"')
    lay_out(tmp_path, {ORDER: head + table})
    monkeypatch.chdir(tmp_path)
    (links,) = load(environment=ENVIRONMENT).mappings["order"].tables
    assert [(field.erpnext, field.source, field.constant, field.link) for field in links.fields] == [
        ("link_doctype", None, "Customer", None),
        ("link_name", "customer_id", None, "customer"),
    ]


def test_the_pages_tables_and_lifecycle_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [block.split("```")[0] for block in PAGE.split("```toml\n")[1:]]
    table = next(block for block in blocks if block.startswith("[tables.items]")).replace(
        'link = "item"', 'link = "customer"'
    )
    lifecycle = next(block for block in blocks if block.startswith("[lifecycle]"))
    head = ORDERS[: ORDERS.index("[tables.items]")]
    lay_out(tmp_path, {ORDER: f"{head}{table}\n{lifecycle}"})
    monkeypatch.chdir(tmp_path)
    spec = load(environment=ENVIRONMENT).mappings["order"]
    assert [field.erpnext for field in spec.tables[0].fields] == ["item_code", "qty", "rate"]
    assert spec.lifecycle is not None
    assert spec.lifecycle.submitted == ("paid", "shipped")
