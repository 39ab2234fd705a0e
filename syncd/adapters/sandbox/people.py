"""What people do at the desk beside an integration: through the same checks as the API's own writes."""

from __future__ import annotations

from typing import Any

from . import lifecycle, operations
from .controllers.proposals import proposed_payment
from .documents import answer, get
from .session import Document, Session

_NEW = ("name", "owner", "creation", "modified", "modified_by", "docstatus", "parent")


def _amend(session: Session, doctype: str, name: str, values: dict[str, Any]) -> Document:
    """A draft out of a cancelled document, as the desk makes it: every field, those that no copy takes along too."""
    meta = session.meta(doctype)
    copy = {key: value for key, value in get(session, meta, name).items() if key not in _NEW}
    for item in meta.table_fields:
        copy[item.fieldname] = [
            {key: value for key, value in row.items() if key not in _NEW} for row in copy[item.fieldname]
        ]
    return operations.create(session, doctype, {**copy, "amended_from": name, **values})


def _pay(session: Session, doctype: str, name: str, values: dict[str, Any]) -> Document:
    """A submitted payment of what is owed; `values` lies over the site's proposal, `amount` is for a part of it."""
    proposal = proposed_payment(session, doctype, name, {})
    amount = values.pop("amount", None)
    if amount is not None:
        proposal |= {"paid_amount": amount, "received_amount": amount}
        proposal["references"][0]["allocated_amount"] = amount
    day = session.now().strftime("%Y-%m-%d")
    proposal |= {"reference_no": f"PAID-{name}", "reference_date": day, "docstatus": 1, **values}
    return operations.create(session, "Payment Entry", proposal)


def act(session: Session, action: str, doctype: str, name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Do one thing and return the document as it then is (after a deletion: nothing).

    `action`: create, save, submit, cancel, amend (a draft), amend_and_submit, pay, delete; `values` are the fields
    that change with it. Raises SiteError as the site refuses, ValueError for an action that there is not.
    """
    match action:
        case "create":
            done = operations.create(session, doctype, values)
        case "save":
            done = operations.update(session, doctype, name, values)
        case "submit":
            done = operations.update(session, doctype, name, {**values, "docstatus": 1})
        case "cancel":
            done = operations.cancel(session, doctype, name)
        case "amend":
            done = _amend(session, doctype, name, values)
        case "amend_and_submit":
            draft = _amend(session, doctype, name, values)
            done = operations.submit(session, doctype, draft["name"])
        case "pay":
            done = _pay(session, doctype, name, dict(values))
        case "delete":
            lifecycle.delete(session, session.meta(doctype), name)
            return {}
        case _:
            known = "create, save, submit, cancel, amend, amend_and_submit, pay or delete"
            raise ValueError(f"action must be {known}, not {action!r}")
    return answer(session, get(session, session.meta(done["doctype"]), done["name"]), nulls=False)
