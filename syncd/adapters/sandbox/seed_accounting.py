"""What a company needs to keep its books: fiscal years, settings, tax templates, cost centers, ways to pay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .controllers.trees import TreeController
from .storing import add

if TYPE_CHECKING:
    from .session import Session

_YEARS = range(2000, 2051)
_COST_CENTERS = ("Administration", "Operations", "Sales and Marketing")
_WAYS = (
    ("Check", "Bank"),
    ("Cash", "Cash"),
    ("Credit Card", "Bank"),
    ("Wire Transfer", "Bank"),
    ("Bank Draft", "Bank"),
)
_TAX_TITLE, _TAX_RATE, _TAX_ACCOUNT = "US ST 6%", 6.0, "Sales Tax"


def _once(session: Session, doctype: str, name: str, **values: Any) -> bool:
    """Store a document that is not there yet; whether it was missing."""
    if session.exists(doctype, name) is not None:
        return False
    add(session, doctype, name, **values)
    return True


def seed_accounting(session: Session) -> None:
    """Store what is missing; a store that an older version filled gets what came later."""
    _once(session, "Accounts Settings", "Accounts Settings")
    for year in _YEARS:
        dates = {"year_start_date": f"{year}-01-01", "year_end_date": f"{year}-12-31"}
        _once(session, "Fiscal Year", str(year), **dates)
    for row in session.connection.execute("SELECT name, abbr, default_cash_account FROM tabCompany").fetchall():
        _company(session, *row)


def _company(session: Session, company: str, abbreviation: str, cash: str | None) -> None:
    for way, kind in _WAYS:
        account = cash if kind == "Cash" else session.value("Company", company, "default_bank_account")
        rows = [{"company": company, "default_account": account}]
        _once(session, "Mode of Payment", way, type=kind, accounts=rows)
    root = session.one('SELECT name FROM "tabCost Center" WHERE company = ? AND is_group = 1 ORDER BY lft', company)
    added = [
        _once(
            session,
            "Cost Center",
            f"{name} - {abbreviation}",
            cost_center_name=name,
            company=company,
            parent_cost_center=root[0],
            old_parent=root[0],
        )
        for name in _COST_CENTERS
        if root is not None
    ]
    if any(added):
        TreeController().rebuild(session, session.meta("Cost Center"))
    head = session.exists("Account", f"{_TAX_ACCOUNT} - {abbreviation}")
    if head is None:
        return
    tax = {"charge_type": "On Net Total", "account_head": head, "description": _TAX_TITLE, "rate": _TAX_RATE}
    for kind in ("Sales", "Purchase"):
        values = {"title": _TAX_TITLE, "company": company, "taxes": [dict(tax)]}
        _once(session, f"{kind} Taxes and Charges Template", f"{_TAX_TITLE} - {abbreviation}", **values)
