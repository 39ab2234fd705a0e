"""A deployment that is in order, and small ways to break it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from syncd.config import load
from syncd.errors import ConfigError

SETTINGS = """\
[state]
url = "sqlite:///state/syncd.db"

[sites.main]
url = "https://erp.example.com"
key = "${env:ERPNEXT_KEY}"
secret = "${env:ERPNEXT_SECRET}"

[sources.shop]
type = "sql"
url = "sqlite:///shop.db"
"""

MAPPING = """\
[mapping]
doctype = "Customer"
source = "shop"
entity = "customers"

[erpnext]
external_id = "syncd_shop_id"

[source]
id = "id"
modified = "updated_at"

[match]
by = [["tax_id"]]

[fields]
customer_name = "name"
tax_id = "vat"
"""

ORDERS = """\
[mapping]
doctype = "Sales Order"
source = "shop"
entity = "orders"

[erpnext]
external_id = "syncd_shop_id"

[source]
id = "id"
modified = "updated_at"

[fields]
po_no = "number"
customer = { source = "customer_id", link = "customer" }
order_type = { constant = "Sales" }

[tables.items]
source = "lines"
key = "line_no"
[tables.items.fields]
item_code = "sku"
qty = "quantity"

[lifecycle]
field = "status"
draft = "pending"
submitted = ["paid", "shipped"]
cancelled = "void"
"""

ENVIRONMENT = {"ERPNEXT_KEY": "b9d3c0ffee00aa1", "ERPNEXT_SECRET": "5ecret/with+signs"}

TOP = "syncd.toml"
CUSTOMER = "mappings/customer.toml"
ORDER = "mappings/order.toml"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One broken deployment and the exact texts of its problems."""

    what: str
    files: dict[str, str | bytes]
    expect: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=lambda: dict(ENVIRONMENT))


def lay_out(directory: Path, files: dict[str, str | bytes]) -> Path:
    """Write the good deployment with `files` over it; gives syncd.toml."""
    for name, content in {TOP: SETTINGS, CUSTOMER: MAPPING, **files}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return directory / TOP


def expect_texts(case: Case, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deployment is refused with exactly the texts of the case."""
    lay_out(directory, case.files)
    monkeypatch.chdir(directory)
    with pytest.raises(ConfigError) as caught:
        load(environment=case.environment)
    assert tuple(str(problem) for problem in caught.value.problems) == case.expect


def top(what: str, old: str, new: str, *expect: str) -> Case:
    """syncd.toml with `old` replaced by `new`; each expected text stands without the file's name."""
    assert old in SETTINGS, what
    texts = tuple(f"{TOP}: {text}" for text in expect)
    return Case(what=what, files={TOP: SETTINGS.replace(old, new, 1)}, expect=texts)


def more(what: str, added: str, *expect: str) -> Case:
    """syncd.toml with `added` at its end."""
    texts = tuple(f"{TOP}: {text}" for text in expect)
    return Case(what=what, files={TOP: SETTINGS + added}, expect=texts)


def customer(what: str, old: str | tuple[str, ...], new: str | tuple[str, ...], *expect: str) -> Case:
    """mappings/customer.toml with `old` replaced by `new`; both may be several."""
    texts = tuple(f"{CUSTOMER}: {text}" for text in expect)
    return Case(what=what, files={CUSTOMER: changed(MAPPING, old, new, what)}, expect=texts)


def order(what: str, old: str | tuple[str, ...], new: str | tuple[str, ...], *expect: str) -> Case:
    """mappings/order.toml with `old` replaced by `new`, beside a customer.toml that is in order."""
    texts = tuple(f"{ORDER}: {text}" for text in expect)
    return Case(what=what, files={ORDER: changed(ORDERS, old, new, what)}, expect=texts)


def changed(content: str, old: str | tuple[str, ...], new: str | tuple[str, ...], what: str = "") -> str:
    """`content` with `old` replaced by `new`, once each."""
    pairs = [(old, new)] if isinstance(old, str) and isinstance(new, str) else zip(old, new, strict=True)
    for before, after in pairs:
        assert before in content, what
        content = content.replace(before, after, 1)
    return content


def line(what: str, added: str, *expect: str) -> Case:
    """mappings/customer.toml with one more line of [fields]."""
    return customer(what, 'tax_id = "vat"\n', f'tax_id = "vat"\n{added}\n', *expect)
