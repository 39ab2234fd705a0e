"""What is done to customers and items."""

from __future__ import annotations

from collections.abc import Sequence

from syncd.adapters.sandbox import lifecycle
from syncd.adapters.sandbox.session import User
from syncd.core.model import Side
from tests.soak.book import CUSTOMER, ITEM, REGULARS, SHOP_ITEMS, SITE_ITEMS
from tests.soak.doing import Doing, late_save
from tests.system.crash_trade import PERSON

SAME_URLS = ("https://same.example", None)
"""Values that several people write: the same on both sides, one that stood there before, or nothing."""
LONG_AGO = "2020-01-01 00:00:00.000"


def new_customer(do: Doing, sides: Sequence[Side]) -> None:
    number = do.book.value()
    record = (CUSTOMER, f"T{number}")
    for side in sides:
        name, url = do.customer_name(), f"https://{do.book.value()}.example"
        if side is Side.SOURCE:
            key = str(do.shop.insert("customers", name=name, vat=record[1], url=url))
        else:
            made = do.desk.act("create", "Customer", customer_name=name, tax_id=record[1], website=url)
            key = str(made["name"])
        do.book.tokens[CUSTOMER, side, key] = record[1]
        do.book.wrote(record, side, name=name, url=url)


def new_twins(do: Doing) -> None:
    """A site whose clock was set back shows a new document to full passes only: its twin is met alone before."""
    if not do.book.clock_was_set_back:
        new_customer(do, [Side.SOURCE, Side.ERPNEXT])


def edit_customer(do: Doing, side: Side, name: str, *, hidden: bool = False) -> None:
    held = do.customer(side)
    if held is None:
        return
    value = do.customer_name() if name == "name" else f"https://{do.book.value()}.example"
    if side is Side.ERPNEXT:
        field_name = {"name": "customer_name", "url": "website"}[name]
        if hidden:
            late_save(do.desk, "Customer", held["key"], **{field_name: value})
        else:
            do.desk.act("save", "Customer", held["key"], **{field_name: value})
    elif hidden:
        with do.shop.open() as connection:
            connection.execute(f"UPDATE customers SET {name} = ? WHERE id = ?", (value, held["key"]))
    else:
        do.shop.change("customers", held["key"], **{name: value})
    do.book.wrote((CUSTOMER, held["token"]), side, **{name: value})


def edit_unseen(do: Doing, side: Side) -> None:
    """In the shop without a stamp, at the site with a commit that comes late."""
    edit_customer(do, side, "url", hidden=True)


def delete_customer(do: Doing, side: Side) -> None:
    held = do.customer(side)
    if held is None or held["token"] in REGULARS:
        return
    if side is Side.SOURCE:
        do.shop.delete("customers", held["key"])
    else:
        do.desk.act("delete", "Customer", held["key"])
    do.book.tokens[CUSTOMER, side, str(held["key"])] = held["token"]
    do.book.deleted((CUSTOMER, held["token"]), side)


def rename_customer(do: Doing) -> None:
    held = do.customer(Side.ERPNEXT)
    if held is not None:
        name, before = f"Renamed {do.book.value()}", _customer_name(do, held["key"])
        do.desk.rename("Customer", held["key"], name)
        do.book.tokens[CUSTOMER, Side.ERPNEXT, name] = held["token"]
        _note_name(do, held["token"], before, _customer_name(do, name))


def _customer_name(do: Doing, key: str) -> str:
    return str(do.desk.rows('SELECT customer_name FROM "tabCustomer" WHERE name = ?', key)[0]["customer_name"])


def _note_name(do: Doing, token: str, before: str, after: str) -> None:
    """ERPNext may have taken the name of a document for the name of its customer."""
    do.book.wrote((CUSTOMER, token), Side.ERPNEXT, **({} if after == before else {"name": after}))


def title_item(do: Doing, side: Side) -> None:
    skus = SHOP_ITEMS + SITE_ITEMS
    sku, title = skus[do.pick % len(skus)], f"Item {do.book.value()}"
    if side is Side.SOURCE:
        do.shop.change("items", do.item(sku), title=title)
    else:
        do.desk.act("save", "Item", sku, item_name=title)
    do.book.wrote((ITEM, sku), side, title=title)


def same_url(do: Doing, side: Side) -> None:
    held = do.customer(side)
    if held is None:
        return
    url = SAME_URLS[do.pick % 2]
    if side is Side.SOURCE:
        do.shop.change("customers", held["key"], url=url)
    else:
        do.desk.act("save", "Customer", held["key"], website=url)
    do.book.blurred((CUSTOMER, held["token"]), side, "url")


def tie_customers(do: Doing) -> None:
    """Two customers edited in one statement, at a stamp that another one carries already."""
    rows = do.shop.rows("SELECT id, vat FROM customers ORDER BY id")
    chosen = {row["id"]: row["vat"] for row in (rows[do.pick % len(rows)], rows[(do.pick + 1) % len(rows)])}
    for key, token in chosen.items():
        url = f"https://{do.book.value()}.example"
        with do.shop.open() as connection:
            tied = "UPDATE customers SET url = ?, updated_at = (SELECT max(updated_at) FROM customers) WHERE id = ?"
            connection.execute(tied, (url, key))
        do.book.wrote((CUSTOMER, token), Side.SOURCE, url=url)


def old_customer(do: Doing) -> None:
    """A customer whose stamp lies behind every cursor: only a full pass sees it."""
    token, name, url = f"T{do.book.value()}", do.customer_name(), f"https://{do.book.value()}.example"
    key = str(do.shop.insert("customers", name=name, vat=token, url=url, updated_at=LONG_AGO))
    do.book.tokens[CUSTOMER, Side.SOURCE, key] = token
    do.book.wrote((CUSTOMER, token), Side.SOURCE, name=name, url=url)


def named_again(do: Doing, *, delete: bool) -> None:
    """A customer is renamed or deleted, and a new one is given its name."""
    held = do.customer(Side.ERPNEXT)
    if held is None or (delete and held["token"] in REGULARS):
        return
    if delete:
        delete_customer(do, Side.ERPNEXT)
    else:
        rename_customer(do)
    do.book.names_given_again = True
    record, url = (CUSTOMER, f"T{do.book.value()}"), f"https://{do.book.value()}.example"
    made = do.desk.act("create", "Customer", customer_name=held["key"], tax_id=record[1], website=url)
    do.book.tokens[CUSTOMER, Side.ERPNEXT, str(made["name"])] = record[1]
    do.book.wrote(record, Side.ERPNEXT, name=held["key"], url=url)


def merge_customer(do: Doing) -> None:
    rows = do.desk.rows('SELECT name, tax_id FROM "tabCustomer" ORDER BY creation')
    gone = [row for row in rows if row["tax_id"] not in REGULARS]
    if not gone:
        return
    old = gone[do.pick % len(gone)]
    into = rows[0] if rows[do.pick % len(rows)] == old else rows[do.pick % len(rows)]
    before = _customer_name(do, into["name"])
    with do.desk.site.writing(User(PERSON, do.desk.site.administrator.roles)) as session:
        lifecycle.rename(session, session.meta("Customer"), old["name"], into["name"], merge=True)
    do.book.tokens[CUSTOMER, Side.ERPNEXT, old["name"]] = old["tax_id"]
    do.book.deleted((CUSTOMER, old["tax_id"]), Side.ERPNEXT)
    _note_name(do, into["tax_id"], before, _customer_name(do, into["name"]))


def take_id_out(do: Doing, side: Side) -> None:
    held = do.customer(side)
    if held is None:
        return
    if side is Side.SOURCE:
        do.shop.change("customers", held["key"], erp_name=None)
    else:
        do.desk.act("save", "Customer", held["key"], syncd_shop_id=None)
    do.book.wrote((CUSTOMER, held["token"]), side)
