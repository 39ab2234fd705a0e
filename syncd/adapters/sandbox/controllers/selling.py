"""Sales orders and delivery notes."""

from __future__ import annotations

from syncd.adapters.sandbox import saving
from syncd.adapters.sandbox.conversions import cint, flt
from syncd.adapters.sandbox.errors import invalid
from syncd.adapters.sandbox.values import as_text

from . import Change
from .progress import DELIVERED_BY_NOTE, advance, delivery_status, order_status
from .settlement import unlink
from .transactions import TransactionController


class SalesOrderController(TransactionController):
    """A sales order."""

    date = "transaction_date"
    dated_now = False

    def validate(self, change: Change) -> None:
        """As every transaction; each row is due on a day."""
        session, document = change.session, change.document
        super().validate(change)
        document["amount_eligible_for_commission"] = document["base_net_total"]
        for row in document["items"]:
            row["delivery_date"] = row.get("delivery_date") or document.get("delivery_date")
            row["transaction_date"] = document.get("transaction_date")
        dates = [as_text(row["delivery_date"])[:10] for row in document["items"] if row["delivery_date"]]
        document["delivery_date"] = max(dates, default=None) or document.get("delivery_date")
        if not document["delivery_date"]:
            raise invalid("Please enter Delivery Date")
        if min(dates, default="9") < as_text(document.get("transaction_date"))[:10]:
            raise invalid("Expected Delivery Date should be after Sales Order Date", title="Invalid Delivery Date")
        self.schedule(session, document)
        if change.before is not None or cint(document["docstatus"]) == 0:
            document["status"] = order_status(document)
        else:
            document["status"] = "Draft"  # of a new document the site never says more, not even in the store

    def on_cancel(self, change: Change) -> None:
        """The state says so; payments in advance are let go."""
        session, meta, document = change.session, change.meta, change.document
        unlink(session, document)
        document["status"] = "Cancelled"
        saving.set_directly(session, meta, document["name"], {"status": "Cancelled"}, bump=False)


class DeliveryNoteController(TransactionController):
    """A delivery note. It books nothing: the sandbox keeps no stock."""

    def validate(self, change: Change) -> None:
        """As every transaction; nothing is delivered without a quantity."""
        super().validate(change)
        document = change.document
        document["amount_eligible_for_commission"] = document["base_net_total"]
        for row in document["items"]:
            if not flt(row.get("qty")):
                raise invalid(f"Row #{row.get('idx')}: Quantity for Item {row.get('item_code')} cannot be zero.")
        if change.before is not None or cint(document["docstatus"]) == 0:
            document["status"] = delivery_status(document)
        else:
            document["status"] = "Draft"

    def on_submit(self, change: Change) -> None:
        """Count the order as delivered."""
        advance(change.session, change.document, DELIVERED_BY_NOTE)

    def on_cancel(self, change: Change) -> None:
        """Count the order as not delivered."""
        session, meta, document = change.session, change.meta, change.document
        document["status"] = "Cancelled"
        saving.set_directly(session, meta, document["name"], {"status": "Cancelled"}, bump=False)
        advance(session, document, DELIVERED_BY_NOTE)
