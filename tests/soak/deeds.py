"""What people and other programs do to both sides while syncd is at it. Deeds are data, so that steps can be printed.

A deed picks its record by a number, makes up a value that nobody used before and notes in the `Book` what it did.
What the site refuses is not done and not noted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from syncd.adapters.sandbox.errors import SiteError
from syncd.core.model import Side
from tests.soak import customers, orders
from tests.soak.book import Book
from tests.soak.doing import Doing
from tests.system.crash_trade import Trade


def _clock_back(do: Doing) -> None:
    do.desk.site.clock.shift(-float(1 + do.pick % 120))
    do.book.clock_was_set_back = True
    do.book.log.append("the site's clock was set back")


BETWEEN_RUNS: Final = "customer made on both sides"
"""Done only while syncd does not run: made on both sides between its looks at the one and at the other, these are two
customers, and each is given a partner of its own."""

DEEDS: Final[dict[str, Callable[[Doing], None]]] = {
    "customer made in the shop": lambda do: customers.new_customer(do, [Side.SOURCE]),
    "customer made at the site": lambda do: customers.new_customer(do, [Side.ERPNEXT]),
    BETWEEN_RUNS: customers.new_twins,
    "customer's name edited in the shop": lambda do: customers.edit_customer(do, Side.SOURCE, "name"),
    "customer's url edited in the shop": lambda do: customers.edit_customer(do, Side.SOURCE, "url"),
    "customer edited in the shop without a stamp": lambda do: customers.edit_customer(
        do, Side.SOURCE, "url", hidden=True
    ),
    "customer's name edited at the site": lambda do: customers.edit_customer(do, Side.ERPNEXT, "name"),
    "customer's url edited at the site": lambda do: customers.edit_customer(do, Side.ERPNEXT, "url"),
    "customer edited at the site, committed late": lambda do: customers.edit_customer(
        do, Side.ERPNEXT, "url", hidden=True
    ),
    "customer deleted in the shop": lambda do: customers.delete_customer(do, Side.SOURCE),
    "customer deleted at the site": lambda do: customers.delete_customer(do, Side.ERPNEXT),
    "customer renamed": customers.rename_customer,
    "customer's url set to the same in the shop": lambda do: customers.same_url(do, Side.SOURCE),
    "customer's url set to the same at the site": lambda do: customers.same_url(do, Side.ERPNEXT),
    "customers edited in the shop at one stamp": customers.tie_customers,
    "customer made in the shop with an old stamp": customers.old_customer,
    "customer's name given to another": lambda do: customers.named_again(do, delete=False),
    "customer replaced by another of its name": lambda do: customers.named_again(do, delete=True),
    "customer merged": customers.merge_customer,
    "customer's name taken out in the shop": lambda do: customers.take_id_out(do, Side.SOURCE),
    "customer's id taken out at the site": lambda do: customers.take_id_out(do, Side.ERPNEXT),
    "item titled in the shop": lambda do: customers.title_item(do, Side.SOURCE),
    "item titled at the site": lambda do: customers.title_item(do, Side.ERPNEXT),
    "order placed": lambda do: orders.new_order(do, "placed"),
    "order issued at once": lambda do: orders.new_order(do, "issued"),
    "invoice drafted": orders.new_invoice,
    "order labelled": orders.label_order,
    "line counted anew": orders.count_line,
    "line added": orders.add_line,
    "line dropped": orders.drop_line,
    "order issued": lambda do: orders.set_state(do, ["placed"], "issued"),
    "order voided": lambda do: orders.set_state(do, ["placed", "issued"], "void"),
    "order reopened": lambda do: orders.set_state(do, ["issued", "void"], "placed"),
    "order issued again": lambda do: orders.set_state(do, ["void"], "issued"),
    "order for another customer": lambda do: orders.other_customer(do, Side.SOURCE),
    "invoice for another customer": lambda do: orders.other_customer(do, Side.ERPNEXT),
    "line of the same item added": orders.same_item_again,
    "line given to another item": orders.replace_line,
    "row dropped": orders.drop_row,
    "order deleted": orders.delete_order,
    "invoice titled": orders.title_invoice,
    "row counted anew": lambda do: orders.rows_of_invoice(do, add=False),
    "row added": lambda do: orders.rows_of_invoice(do, add=True),
    "invoice submitted": lambda do: orders.walk_invoice(do, "submit", 0),
    "invoice cancelled": lambda do: orders.walk_invoice(do, "cancel", 1),
    "invoice amended": lambda do: orders.walk_invoice(do, "amend", 2),
    "invoice amended and submitted": lambda do: orders.walk_invoice(do, "amend_and_submit", 2),
    "invoice deleted": lambda do: orders.walk_invoice(do, "delete", 0, 2),
    "invoice deleted and another drafted": orders.replace_invoice,
    "invoice paid": orders.pay_invoice,
    "payment cancelled": orders.cancel_payment,
    "site's clock set back": _clock_back,
}


def do_deed(trade: Trade, book: Book, deed: str, pick: int) -> None:
    """Do one thing, unless the site refuses it."""
    try:
        DEEDS[deed](Doing(trade, book, pick))
    except SiteError as refusal:
        book.log.append(f"{deed}: refused ({refusal.exc_type})")
